"""One peer's process: it prepares workloads and times them when told to.

In: `python -m benchmarks.worker PEER`, then one JSON command per line on stdin: ["prepare", label, kind, shape]
builds a workload, ["turn", label, seconds] times it for about so long, ["drop", label] forgets it. Out: one JSON
answer per line on stdout: `Prepared`, the median seconds of a call, null.
"""

import importlib
import json
import math
import os
import statistics
import sys
import time
from typing import Any, TypedDict

import numpy as np

from benchmarks.workload import Builder, Builders, Call

MODULES = {
    "lazygraph": "benchmarks.workloads_lazygraph",
    "torch": "benchmarks.workloads_torch",
    "torch.compile": "benchmarks.workloads_torch",
    "jax": "benchmarks.workloads_jax",
    "numpy": "benchmarks.workloads_numpy",
    "machine": "benchmarks.peak",
}
SHORTEST_SAMPLE = 200e-6  # seconds; calls that are shorter are timed several at a time
COMPARED_CALLS = 3


class Prepared(TypedDict):
    first: float  # seconds from nothing to the first result: build, compile, run
    results: list[list[float]]  # mean, root mean square, least and greatest element of the first three results


def digest(result: Any) -> list[float]:
    """Of all elements of the result, or of a tuple's arrays together; complex ones by both parts."""
    found = [np.asarray(each).ravel() for each in (result if isinstance(result, tuple | list) else (result,))]
    parts = [part for each in found for part in ((each.real, each.imag) if each.dtype.kind == "c" else (each,))]
    array = np.concatenate(parts, dtype=np.float64)
    return [float(array.mean()), float(np.sqrt((array * array).mean())), float(array.min()), float(array.max())]


class Turns:
    """A prepared workload and how many of its calls make one sample."""

    def __init__(self, call: Call) -> None:
        self.call = call
        begin = time.perf_counter()
        call()
        self.calls = max(1, math.ceil(SHORTEST_SAMPLE / max(time.perf_counter() - begin, 1e-7)))

    def sample(self) -> float:
        begin = time.perf_counter()
        for _ in range(self.calls):
            self.call()
        return (time.perf_counter() - begin) / self.calls

    def turn(self, seconds: float) -> float:
        """The median over samples, after one that wakes threads and caches up."""
        self.sample()
        samples: list[float] = []
        end = time.perf_counter() + seconds
        while len(samples) < 3 or time.perf_counter() < end:
            samples.append(self.sample())
        return statistics.median(samples)


def prepare(build: Builder, shape: list[int]) -> tuple[Turns, Prepared]:
    begin = time.perf_counter()
    call = build(*shape)
    result = call()
    first = time.perf_counter() - begin
    results = [digest(result)] + [digest(call()) for _ in range(COMPARED_CALLS - 1)]
    return Turns(call), Prepared(first=first, results=results)


def main(peer: str) -> None:
    answers = os.fdopen(os.dup(1), "w")  # libraries may print; their output goes to stderr
    os.dup2(2, 1)
    builders: Builders = importlib.import_module(MODULES[peer]).PEERS[peer]
    turns: dict[str, Turns] = {}
    for line in sys.stdin:
        answer: object = None
        match json.loads(line):
            case ["prepare", label, kind, shape]:
                turns[label], answer = prepare(builders[kind], shape)
            case ["turn", label, seconds]:
                answer = turns[label].turn(seconds)
            case ["drop", label]:
                del turns[label]
            case command:
                raise ValueError(f"{peer}: expected prepare, turn or drop, found {command}")
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main(sys.argv[1])

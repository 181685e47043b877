"""Interleaved rounds: every entrant of a row, and the machine's limit, take turns; ratios are taken within a round.

In: a row. Out: `Measured`, the seconds of a call per round for each entrant, from which every figure is a median.
"""

import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Any, Self

import numpy as np

from benchmarks.rows import Entrant, Limit, Row

TURN_SECONDS = 0.04
PAUSE_SECONDS = 0.04  # between turns: the peers' idle threads spin for up to 30 ms before they sleep
LIMIT_WORK: dict[Limit, int] = {"fma": 10**10, "triad": 3 * 2**28}  # FLOP and bytes of one call of `benchmarks.peak`
RELATIVE_DIFFERENCE = 1e-3  # between two entrants' results: they round differently, and train for three steps


def threads() -> int:
    return len(os.sched_getaffinity(0))


class Worker:
    """A peer's process. Its caches of compiled code are empty folders of its own, so that `first` is a first time."""

    def __init__(self, peer: str) -> None:
        self.peer = peer
        self.folder = tempfile.TemporaryDirectory()
        caches = {name: self.folder.name for name in ("TORCHINDUCTOR_CACHE_DIR", "LAZYGRAPH_CACHE")}
        command = [sys.executable, "-m", "benchmarks.worker", peer]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env=os.environ | caches)

    def ask(self, *command: object) -> Any:
        """The answer to one command, or an error once the process has died; its own report is on stderr."""
        if self.process.stdin is None or self.process.stdout is None:
            raise RuntimeError(f"{self.peer} was started without pipes")
        print(json.dumps(command), file=self.process.stdin, flush=True)
        answer = self.process.stdout.readline()
        if not answer:
            raise RuntimeError(f"{self.peer} died on {command}")
        return json.loads(answer)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.communicate()  # the end of its input ends it
        self.folder.cleanup()


@dataclass(frozen=True)
class Measured:
    """A row's figures: `seconds` of a call by label, one per round; `limit`, what the row's work takes at the limit."""

    row: Row
    seconds: dict[str, list[float]]
    limit: list[float]

    @property
    def ours(self) -> str:
        return self.row.entrants[0].label

    def median(self, label: str) -> float:
        return statistics.median(self.seconds[label])

    def ratio(self, label: str) -> float:
        """How many times faster ours is."""
        return statistics.median([theirs / ours for theirs, ours in zip(self.seconds[label], self.seconds[self.ours])])

    def best_peer(self) -> str | None:
        """The label against which ours does worst."""
        return min((label for label in self.seconds if label != self.ours), key=self.ratio, default=None)

    def share_of_limit(self) -> float | None:
        """The part of the machine's limit that ours reaches."""
        if not self.limit:
            return None
        return statistics.median([limit / ours for limit, ours in zip(self.limit, self.seconds[self.ours])])


def measure(row: Row, workers: Mapping[str, Worker], rounds: int) -> Measured:
    """Prepare a row in every worker, see that the results agree, and let the entrants take turns."""
    row = present(row, workers)
    entrants = row.entrants
    results = {}
    for each in entrants:
        results[each.label] = workers[each.peer].ask("prepare", each.label, each.kind, row.shape)["results"]
    agree(row, results)
    seconds: dict[str, list[float]] = {each.label: [] for each in entrants}
    limit: list[float] = []
    for turn in range(rounds):
        for each in shuffled(entrants, turn):
            time.sleep(PAUSE_SECONDS)
            seconds[each.label].append(workers[each.peer].ask("turn", each.label, TURN_SECONDS))
        if row.limit:
            time.sleep(PAUSE_SECONDS)
            taken: float = workers["machine"].ask("turn", row.limit, TURN_SECONDS)
            limit.append(taken * row.work / LIMIT_WORK[row.limit])
    for each in entrants:
        workers[each.peer].ask("drop", each.label)
    return Measured(row, seconds, limit)


def present(row: Row, peers: Container[str]) -> Row:
    """The row without the entrants of peers that do not take part."""
    return replace(row, entrants=tuple(each for each in row.entrants if each.peer in peers))


def prepare_limits(machine: Worker) -> None:
    for limit, work in LIMIT_WORK.items():
        machine.ask("prepare", limit, limit, (work, threads()))


def agree(row: Row, results: Mapping[str, list[list[float]]]) -> None:
    """Raise unless every entrant computed what the first did."""
    reference, *others = results
    expected = np.asarray(results[reference])
    for label in others:
        found = np.asarray(results[label])
        scale = np.abs(expected).max()
        if not np.allclose(found, expected, rtol=RELATIVE_DIFFERENCE, atol=RELATIVE_DIFFERENCE * scale):
            raise ValueError(f"{row.title}: {label} computed\n{found}\nwhere {reference} computed\n{expected}")


def shuffled(entrants: Sequence[Entrant], turn: int) -> list[Entrant]:
    """Another order each round, the same in every run, so that nobody always follows the same neighbour."""
    return random.Random(turn).sample(entrants, len(entrants))

"""Looking on while passes run: verify, time, compare values, stop.

In: the name of a pass with the program before and after it, one call `on_pass(name, before, after)` per pass, for
programs of all three forms. Out: what the callback is for. A pipeline takes one callback; `together` joins several.
"""

from __future__ import annotations

import contextlib
import io
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from lazygraph.compiler.ir import dims
from lazygraph.compiler.ir.dims import Symbol
from lazygraph.compiler.ir.errors import CheckFailed
from lazygraph.compiler.ir.graph import Graph, TensorType, Value
from lazygraph.compiler.ir.interpret import interpret
from lazygraph.compiler.passes.base import OnPass
from lazygraph.runtime.dtypes import from_numpy


def together(*callbacks: OnPass) -> OnPass:
    """One callback that calls each in turn."""

    def on_pass(name: str, before: Any, after: Any) -> None:
        for each in callbacks:
            each(name, before, after)

    return on_pass


class PassFailed(RuntimeError):
    """A pass made a program that is not valid, or that computes something else."""


class Stopped(Exception):
    """The pipeline was asked to end after this pass; `program` is what it made."""

    def __init__(self, name: str, program: Any) -> None:
        super().__init__(f"stopped after {name}")
        self.program = program


@dataclass(frozen=True)
class StopAfter:
    """Ends the pipeline with `Stopped` after the pass of this name."""

    name: str

    def __call__(self, name: str, before: Any, after: Any) -> None:
        if name == self.name:
            raise Stopped(name, after)


@dataclass(frozen=True)
class Verify:
    """Checks every program with the verifier of its form: {Graph: verify_graph, ...}. PassFailed names the pass."""

    verifiers: Mapping[type, Callable[[Any], None]]

    def __call__(self, name: str, before: Any, after: Any) -> None:
        try:
            self.verifiers[type(after)](after)
        except Exception as error:  # each form has an error of its own
            raise PassFailed(f"pass {name} made a program that is not valid: {error}") from error


@dataclass
class Times:
    """Seconds per pass, in the order of their first run: the time since the call before."""

    seconds: dict[str, float] = field(default_factory=dict)
    since: float = field(default_factory=time.perf_counter)

    def __call__(self, name: str, before: Any, after: Any) -> None:
        self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - self.since
        self.since = time.perf_counter()


# --- values ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class CompareValues:
    """Interprets each graph before and after its pass; PassFailed names the first pass that changed a value.

    Floats may differ by `tolerance` units in the last place of the greatest magnitude of a result. Where the formula
    before gives inf or NaN a finite value is right too: that is what the stability rewrites are for.
    """

    inputs: Sequence[np.ndarray]
    variables: Sequence[np.ndarray] = ()
    extents: Mapping[str, int] = field(default_factory=dict)
    tolerance: float = 256

    def __call__(self, name: str, before: Any, after: Any) -> None:
        if not isinstance(before, Graph) or not isinstance(after, Graph):
            return
        expected = self._run(before)
        if expected is None:  # a check fails on these inputs: there are no values to compare
            return
        found = self._run(after)
        if found is None:
            raise PassFailed(f"pass {name} made a check fail that held before")
        for place, (old, new) in enumerate(zip(expected, found, strict=True)):
            if not values_agree(old, new, self.tolerance):
                worst = np.unravel_index(np.argmax(old != new), old.shape)
                where = f"result {place} at {tuple(map(int, worst))}"
                raise PassFailed(f"pass {name} changed {where}: expected {old[worst]}, found {new[worst]}")

    def _run(self, graph: Graph) -> tuple[np.ndarray, ...] | None:
        """The outputs, and what every variable holds afterwards; None where a check fails."""
        try:
            with contextlib.redirect_stdout(io.StringIO()):  # what is printed of these operands is nobody's
                found = interpret(graph, self.inputs, self.variables, self.extents)
        except CheckFailed:
            return None
        state = dict(zip(graph.variables, self.variables))
        state.update(zip([variable for variable, _ in graph.updates], found.updates))
        return found.outputs + tuple(state.values())


def values_agree(expected: np.ndarray, found: np.ndarray, tolerance: float) -> bool:
    """Equal but for rounding of `tolerance` units in the last place of the greatest magnitude; see `CompareValues`."""
    if expected.shape != found.shape or expected.dtype != found.dtype:
        return False
    dtype = from_numpy(expected.dtype)
    if dtype.is_complex:
        old, new = (np.stack([each.real, each.imag]) for each in (expected, found))  # normwise: by the greater part
        return values_agree(old, new, tolerance)
    if not dtype.is_float:
        return bool(np.array_equal(expected, found))
    if dtype.itemsize < 4:
        expected, found = expected.astype(np.float32), found.astype(np.float32)
    finite = np.isfinite(expected)
    if not finite.any():
        close = np.zeros(expected.shape, np.bool_)
    else:
        scale = np.abs(expected[finite]).max()
        bound = tolerance * float(dtype.limits.eps) * scale
        with np.errstate(all="ignore"):
            close = finite & (np.abs(found - expected) <= bound)
    same = (expected == found) | (np.isnan(expected) & np.isnan(found)) | (~finite & np.isfinite(found))
    return bool((close | same).all())


def sample_operands(graph: Graph, seed: int = 0) -> tuple[list[np.ndarray], list[np.ndarray], dict[str, int]]:
    """(inputs, variables, extents) to compare a graph's values on: small dims, moderate numbers, one set per seed."""
    rng = np.random.default_rng(seed)
    extents: dict[str, int] = {}
    for node in graph.nodes:
        for value in node.outputs:
            for extent in value.shape:
                for symbol in sorted(dims.symbols(extent), key=str):
                    extents.setdefault(symbol.name, _small_extent(symbol))

    def fill(value: Value) -> np.ndarray:
        return _sample(rng, value.type, tuple([dims.evaluate(extent, extents) for extent in value.shape]))

    return [fill(value) for value in graph.inputs], [fill(value) for value in graph.variables], extents


def _small_extent(symbol: Symbol) -> int:
    """The least extent from 3 up that the symbol may take, or the greatest below."""
    low = max(3, dims.bounds(symbol.lower)[0] or 0)
    extent = -(-low // symbol.multiple_of) * symbol.multiple_of
    high = None if symbol.upper is None else dims.bounds(symbol.upper)[1]
    return extent if high is None or extent <= high else high // symbol.multiple_of * symbol.multiple_of


def _sample(rng: np.random.Generator, type: TensorType, shape: tuple[int, ...]) -> np.ndarray:
    dtype = type.dtype.numpy
    if type.dtype.kind == "bool":
        return np.asarray(rng.integers(0, 2, shape)).astype(dtype)
    if type.dtype.is_integer:  # small, so that they may serve as indices
        return np.asarray(rng.integers(0, 3, shape)).astype(dtype)
    drawn = np.asarray(rng.normal(size=shape)).astype(dtype)
    return drawn + np.asarray(1j * rng.normal(size=shape)).astype(dtype) if type.dtype.is_complex else drawn

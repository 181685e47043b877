"""Random programs whose loops and branches depend on what they compute: they give what the steps taken give, unrolled.

In: seeds. Out: programs whose values, gradients, second derivatives or batches differ between the interpreter, machine
code on one and two threads, and the formulas that Python's own loops and branches choose, given the numbers.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

import lazygraph as lg
from lazygraph.tensor import Tensor
from tests.lazygraph.evaluation import evaluate
from tests.lazygraph.loops import Both

ONE: Sequence[Callable[[Any, Any], Any]] = (
    lambda np, a: np.sin(a),
    lambda np, a: np.tanh(a) + 0.3,
    lambda np, a: 0.7 * a - 0.1,
    lambda np, a: a / (1 + a * a),
)
TWO: Sequence[Callable[[Any, Any, Any], Any]] = (
    lambda np, a, b: 0.6 * (a + b),
    lambda np, a, b: np.cos(a) * b,
    lambda np, a, b: np.where(a < b, a, b * b),
)
Program = list[tuple[Any, ...]]


def program(rng: np.random.Generator, depth: int) -> Program:
    """A list of steps, each of which appends values to those that it finds."""
    found: Program = []
    for _ in range(int(rng.integers(1, 4))):
        kind = rng.choice(["one", "two", "while", "cond", "switch"][: 5 if depth else 2])
        if kind == "one":
            found.append((kind, int(rng.integers(len(ONE))), place(rng)))
        elif kind == "two":
            found.append((kind, int(rng.integers(len(TWO))), place(rng), place(rng)))
        elif kind == "while":
            carried = [place(rng) for _ in range(int(rng.integers(1, 3)))]
            limit, most = float(rng.normal()) + 1, int(rng.integers(1, 6))
            found.append((kind, carried, limit, most, program(rng, depth - 1)))
        else:
            count = 2 if kind == "cond" else 3
            found.append((kind, place(rng), [program(rng, depth - 1) for _ in range(count)]))
    return found


def place(rng: np.random.Generator) -> int:
    return int(rng.integers(8))


@dataclass
class Native:
    """Values are tensors, loops and branches are ours."""

    def apply(self, f: Callable[..., Any], *values: Any) -> Any:
        return f(lg, *values)

    def repeat(self, limit: float, most: int, body: Callable[[list[Any]], list[Any]], carried: list[Any]) -> list[Any]:
        state = lg.while_loop(
            lambda s: (s[0] < most) & (lg.sum(s[1][0]) < limit),
            lambda s: (s[0] + 1, tuple(body(list(s[1])))),
            (0, tuple(carried)),
            max_trips=most,
        )
        return list(state[1])

    def choose(self, value: Any, branches: Sequence[Callable[[], Any]]) -> Any:
        if len(branches) == 2:
            return lg.cond(lg.sum(value) > 0.4, *branches)
        return lg.switch(lg.floor(lg.sum(value) + 1.1).astype(lg.int64), branches)


@dataclass
class Unrolled:
    """Values are pairs of a tensor and its number, by which Python chooses."""

    def apply(self, f: Callable[..., Any], *values: Any) -> Any:
        return f(lg, *[tensor for tensor, _ in values]), f(np, *[number for _, number in values])

    def repeat(self, limit: float, most: int, body: Callable[[list[Any]], list[Any]], carried: list[Any]) -> list[Any]:
        for _ in range(most):
            if carried[0][1].sum() < limit:
                carried = body(carried)
        return carried

    def choose(self, value: Any, branches: Sequence[Callable[[], Any]]) -> Any:
        total = value[1].sum()
        if len(branches) == 2:
            return branches[0 if total > 0.4 else 1]()
        return branches[int(np.clip(np.floor(total + 1.1), 0, 2))]()


def run(machine: Any, steps: Program, values: Sequence[Any]) -> list[Any]:
    """The values after the steps; inner ones see all that is outside of them."""
    known = list(values)

    def at(number: int) -> Any:
        return known[number % len(known)]

    for kind, *rest in steps:
        if kind in ("one", "two"):
            f = (ONE if kind == "one" else TWO)[rest[0]]
            known.append(machine.apply(f, *map(at, rest[1:])))
        elif kind == "while":
            carried, limit, most, inner = rest
            outside = list(known)
            count = len(carried)

            def body(state: list[Any], inner: Program = inner, outside: list[Any] = outside) -> list[Any]:
                return run(machine, inner, [*outside, *state])[-len(state) :]

            known += machine.repeat(limit, most, body, [at(each) for each in carried])[:count]
        else:
            chooser, inners = rest
            outside = list(known)
            branches = [lambda inner=inner, outside=outside: run(machine, inner, outside)[-1] for inner in inners]
            known.append(machine.choose(at(chooser), branches))
    return known


def outputs(loss: Tensor, x: Tensor, w: Tensor) -> list[Tensor]:
    slopes = lg.grad(loss, [x, w])
    return [loss, *slopes, lg.jvp(slopes[0], x, [1.0, -0.5, 0.2])]


@pytest.mark.parametrize("seed", range(8))
def test_a_random_program_is_what_its_unrolled_steps_are(seed: int) -> None:
    rng = np.random.default_rng(seed)
    x, w = lg.placeholder((3,), lg.float64, "x"), lg.placeholder((3,), lg.float64, "w")
    steps = [*program(rng, 2), ("one", 0, 7)]
    native = outputs(lg.sum(run(Native(), steps, [x, w])[-1]), x, w)
    both = Both(native, [x, w])
    rows, weight = rng.normal(size=(3, 3)), rng.normal(size=3)
    single = [both({x: row, w: weight}) for row in rows]
    for row, found in zip(rows, single):
        (loss, _) = run(Unrolled(), steps, [(x, row), (w, weight)])[-1]
        expected = evaluate(outputs(lg.sum(loss), x, w), {x: row, w: weight})
        for one, other in zip(found, expected, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-11)
    batch = lg.placeholder((3, 3), lg.float64, "batch")
    mapped = lg.vmap(lambda row: outputs(lg.sum(run(Native(), steps, [row, w])[-1]), row, w))(batch)
    for place, each in enumerate(evaluate(mapped, {batch: rows, w: weight})):
        np.testing.assert_allclose(each, np.stack([found[place] for found in single]), rtol=1e-9, atol=1e-11)

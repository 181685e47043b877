"""Random programs with loops and branches: they give what the same programs give unrolled, derivatives included.

In: hypothesis' draws: a nested list of instructions. Out: values, gradients and gradients of gradients where loops in
the interpreter, loops in machine code on one and two threads, and Python's own loops differ.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import given, note, settings
from hypothesis import strategies as st

import lazygraph as lg
from lazygraph.branching import cond
from lazygraph.tensor import Tensor
from tests.lazygraph.evaluation import evaluate

WIDTH = 3
CHAOS = 1e5  # a loop of many trips whose gradient is as great as this makes another number of one rounding
UNARY: dict[str, Callable[[Tensor], Tensor]] = {
    "tanh": lg.tanh,
    "sin": lg.sin,
    "half": lambda a: 0.5 * a,
    "softly": lambda a: a / (1 + a * a),
    "norm": lambda a: a - lg.mean(a),
}
BINARY: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "add": lambda a, b: 0.5 * (a + b),
    "mul": lambda a, b: lg.sin(a) * b,
    "outer": lambda a, b: lg.tanh(lg.outer(a, b)) @ b,
    "less": lambda a, b: lg.where(a < b, a, lg.cos(b)),
}
Program = tuple[Any, ...]


def instructions(depth: int) -> st.SearchStrategy[Any]:
    place = st.integers(0, 7)
    simple = st.one_of(
        st.tuples(st.just("unary"), st.sampled_from(sorted(UNARY)), place),
        st.tuples(st.just("binary"), st.sampled_from(sorted(BINARY)), place, place),
    )
    if depth == 0:
        return simple
    inner = programs(depth - 1)
    carries = st.lists(place, min_size=1, max_size=3).map(tuple)
    return st.one_of(
        simple,
        st.tuples(st.just("scan"), carries, st.integers(0, 3), st.booleans(), st.booleans(), inner),
        st.tuples(st.just("fori"), carries, st.integers(0, 3), inner),
        st.tuples(st.just("cond"), place, inner, inner),
    )


def programs(depth: int) -> st.SearchStrategy[Program]:
    return st.lists(instructions(depth), min_size=1, max_size=3).map(tuple)


@dataclass
class Loops:
    """Control flow as ops of the graph."""

    def scan(self, f: Any, init: Any, xs: Any, **how: Any) -> Any:
        return lg.scan(f, init, xs, **how)

    def fori(self, count: int, f: Any, init: Any) -> Any:
        return lg.fori(0, count, f, init)

    def cond(self, which: Tensor, f: Any, g: Any) -> Any:
        return cond(which, f, g)


@dataclass
class Unrolled:
    """The same in Python; every branch is computed."""

    def scan(self, f: Any, init: Any, xs: Any, reverse: bool = False, remat: bool = False) -> Any:
        carry, ys = init, []
        order = range(xs.shape[0])
        for t in reversed(order) if reverse else order:
            carry, y = f(carry, xs[t])
            ys.append(y)
        ys = ys[::-1] if reverse else ys
        return carry, lg.stack(ys) if ys else lg.zeros((0, WIDTH))

    def fori(self, count: int, f: Any, init: Any) -> Any:
        for i in range(count):
            init = f(lg.constant(i), init)
        return init

    def cond(self, which: Tensor, f: Any, g: Any) -> Any:
        return [lg.where(which, a, b) for a, b in zip(f(), g())]


def follow(program: Program, values: Sequence[Tensor], sequences: Sequence[Tensor], flow: Any) -> list[Tensor]:
    """The values that a program leaves: those given, and one or more for each instruction."""
    pool, stacks = list(values), list(sequences)

    def at(place: int) -> Tensor:
        return pool[-1 - place % len(pool)]

    def block(inner: Program, extra: Sequence[Tensor], count: int) -> list[Tensor]:
        return follow(inner, [*pool, *extra], stacks, flow)[-count:]

    for kind, *parts in program:
        if kind == "unary":
            pool.append(UNARY[parts[0]](at(parts[1])))
        elif kind == "binary":
            pool.append(BINARY[parts[0]](at(parts[1]), at(parts[2])))
        elif kind == "scan":
            places, which, reverse, remat, inner = parts
            init = tuple(at(place) for place in places)

            def trip(carry: Any, x: Tensor, inner: Program = inner, many: int = len(places)) -> Any:
                found = block(inner, [x, *carry], many + 1)
                return tuple(found[:many]), found[-1]

            xs = stacks[which % len(stacks)]
            last, ys = flow.scan(trip, init, xs, reverse=reverse, remat=remat)
            pool.extend(last)
            stacks.append(ys)
            pool.append(lg.tanh(lg.sum(ys, axis=0)))
        elif kind == "fori":
            places, count, inner = parts

            def turn(i: Tensor, carry: Any, inner: Program = inner, many: int = len(places)) -> Any:
                return tuple(block(inner, [*carry, lg.cos(i + lg.zeros(WIDTH))], many))

            pool.extend(flow.fori(count, turn, tuple(at(place) for place in places)))
        else:
            place, one, other = parts
            pool.extend(
                flow.cond(at(place)[0] < at(place)[1], lambda p=one: block(p, [], 2), lambda p=other: block(p, [], 2))
            )
    return pool


def made(program: Program, length: Any, flow: Any) -> tuple[Tensor, list[Tensor]]:
    """A loss, and its inputs."""
    a, b = (lg.placeholder((WIDTH,), lg.float64, name) for name in "ab")
    x = lg.placeholder((length, WIDTH), lg.float64, "x")
    found = follow(program, [a, b], [x], flow)
    return lg.sum(lg.stack([lg.sum(each * lg.cos(each)) for each in found[-4:]])), [a, b, x]


def agree(found: Sequence[np.ndarray], expected: Sequence[np.ndarray]) -> None:
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-9)


def arrays(count: int) -> list[np.ndarray]:
    generator = np.random.default_rng(count)
    return [generator.standard_normal(shape) for shape in ((WIDTH,), (WIDTH,), (count, WIDTH))]


def with_derivatives(loss: Tensor, inputs: list[Tensor]) -> list[Tensor]:
    gradients = lg.grad(loss, inputs)
    return [loss, *gradients, *lg.grad(sum([lg.sum(lg.sin(each)) for each in gradients]), inputs)]


@settings(max_examples=max(settings.default.max_examples // 20, 1), deadline=None)
@given(programs(2), st.sampled_from([0, 1, 2, 5]), st.booleans())
def test_loops_give_what_they_give_unrolled(program: Program, count: int, symbolic: bool) -> None:
    loss, inputs = made(program, lg.dim("n") if symbolic else count, Loops())
    unrolled, also = made(program, count, Unrolled())
    given_arrays = arrays(count)
    found = evaluate(with_derivatives(loss, inputs), dict(zip(inputs, given_arrays)))
    agree(found, evaluate(with_derivatives(unrolled, also), dict(zip(also, given_arrays))))


@settings(max_examples=max(settings.default.max_examples // 50, 1), deadline=None)
@given(programs(2), st.sampled_from([0, 1, 2, 5]), st.booleans())
def test_loops_in_machine_code_give_the_interpreters_values(program: Program, count: int, symbolic: bool) -> None:
    loss, inputs = made(program, lg.dim("n") if symbolic else count, Loops())
    outputs = [loss, *lg.grad(loss, inputs)]
    one, two = (lg.function(inputs, outputs, threads=threads) for threads in (1, 2))
    note(one.ir("program"))
    for extent in (count, 3, 65) if symbolic else (count,):
        found, again = one(*arrays(extent)), two(*arrays(extent))
        assert [each.tobytes() for each in found] == [each.tobytes() for each in again]
        expected = evaluate(outputs, dict(zip(inputs, arrays(extent))))
        if max(np.max(np.abs(each), initial=0) for each in expected) < CHAOS:
            agree(found, expected)

"""Running totals: derivatives at ties and zeros, symbolic extents, wide columns on several threads.

In: graphs over the cumulative records. Out: what formulas written in NumPy give.
"""

import numpy as np
import pytest

import lazygraph.compiler.ops  # noqa: F401  (importing the families fills the table)
from lazygraph.compiler.ir import dims
from lazygraph.compiler.ir.graph import Graph, Value
from lazygraph.compiler.ir.interpret import interpret
from lazygraph.compiler.ops.compose import emit
from lazygraph.compiler.ops.leaf import new_parameter
from lazygraph.runtime.dtypes import float64
from tests.ops.harness import evaluate, pushed_forward, stand_in
from tests.ops.native import THREADS, compiled, run

N = dims.symbol("n")
NAMES = ("cumsum", "cumprod", "cummax", "cummin")


def tangent(name: str, array: np.ndarray, along: np.ndarray, reverse: bool = False) -> np.ndarray:
    x, v = stand_in(array, "x"), stand_in(along)
    (found,) = pushed_forward([emit(name, x, axis=0, reverse=reverse)], {x: v})
    assert found is not None
    return evaluate([found], (x, v), [array, along])[0]


@pytest.mark.parametrize("reverse, x, expected", [
    (False, [0, 1, 1, 0, 1], [1, 2, 3, 3, 5]),
    (True, [0, 2, 1, 0, 2], [2, 2, 5, 5, 5]),
])  # fmt: skip
def test_the_tangent_of_a_maximum_is_that_of_the_equal_met_last(
    reverse: bool, x: list[int], expected: list[int]
) -> None:
    found = tangent("cummax", np.array(x, np.float64), np.arange(1.0, 6), reverse)
    np.testing.assert_array_equal(found, expected)


def test_products_with_zeros_have_the_derivative_of_the_others() -> None:
    x = np.array([2.0, 0, 3, 0, 5])
    for place in range(5):
        expected = np.cumprod(np.where(np.arange(5) == place, 1, x)) * (np.arange(5) >= place)
        np.testing.assert_array_equal(tangent("cumprod", x, np.eye(5)[place]), expected)


def derivatives(x: Value) -> list[Value]:
    """All records over a symbolic extent, in both directions and along both axes, and their tangents along x."""
    made = [emit(name, x, axis=axis, reverse=reverse) for name in NAMES for axis in (0, 1) for reverse in (False, True)]
    made += [emit("linear_recurrence", x, x, axis=0, reverse=reverse) for reverse in (False, True)]
    first = [each for each in pushed_forward(made, {x: x}) if each is not None]
    second = [each for each in pushed_forward(first, {x: x}) if each is not None]
    cotangents = [y.node.op.transpose(y.node, (y,), (False, True))[1] for y in made[-2:]]
    return [*made, *first, *second, *[each for each in cotangents if each is not None]]


def test_one_compilation_serves_every_size() -> None:
    x = new_parameter("x", float64, (N, 6))
    graph = Graph("running", (x,), tuple(derivatives(x)))
    artifact = compiled(graph)
    for size in (0, 1, 2, 7, 67):
        array = np.random.default_rng(size).uniform(0.5, 1.2, (size, 6))
        for found, expected in zip(run(artifact, [array], THREADS), interpret(graph, [array]).outputs, strict=True):
            np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("shape, axis", [((5, 1000), 0), ((2, 3, 700), 1), ((300, 5), 1)])
def test_wide_columns_are_the_same_on_every_thread_count(shape: tuple[int, ...], axis: int) -> None:
    array = np.random.default_rng(0).standard_normal(shape)
    x = stand_in(array, "x")
    artifact = compiled(Graph("wide", (x,), (emit("cumsum", x, axis=axis, reverse=False),)))
    for threads in (1, THREADS):
        np.testing.assert_array_equal(run(artifact, [array], threads)[0], np.cumsum(array, axis))

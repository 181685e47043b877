"""What scatters do where indices repeat: the order of updates, and derivatives at ties, zeros and overflow.

In: graphs over the scatter records. Out: what a Python loop over the updates gives.
"""

import numpy as np
import pytest

import lazygraph.compiler.ops  # noqa: F401  (importing the families fills the table)
from lazygraph.compiler.ir import dims
from lazygraph.compiler.ir.graph import Graph, Value
from lazygraph.compiler.ir.interpret import interpret
from lazygraph.compiler.ops.compose import emit
from lazygraph.compiler.ops.leaf import new_parameter
from lazygraph.runtime.dtypes import float64, int64
from tests.ops.harness import evaluate, pushed_forward, stand_in
from tests.ops.native import THREADS, compiled, run

N = dims.symbol("n")
NAMES = ("scatter_add", "scatter_max", "scatter_min", "scatter_mul", "scatter_set")
ONE = {"axes": (0,), "mode": "check"}


def gradient(name: str, operand: np.ndarray, updates: np.ndarray, indices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The derivatives of each element of the result (columns) by each of the operand and of the updates (rows)."""
    x, u, i = (stand_in(each) for each in (operand, updates, indices))
    found = []
    for which, array in ((x, operand), (u, updates)):
        v = stand_in(array)
        (tangent,) = pushed_forward([emit(name, x, u, i, **ONE)], {which: v})
        assert tangent is not None
        arrays = [[operand, updates, indices, unit] for unit in np.eye(len(array))]
        found.append(np.array([evaluate([tangent], (x, u, i, v), each)[0] for each in arrays]))
    return found[0], found[1]


def test_the_last_of_repeated_updates_is_set_and_alone_has_a_derivative() -> None:
    indices = np.array([1, 0, 1, 1])
    found = gradient("scatter_set", np.arange(3.0), np.arange(4.0), indices)
    np.testing.assert_array_equal(found[0], np.diag([0, 0, 1]))
    np.testing.assert_array_equal(found[1], [[0, 0, 0], [1, 0, 0], [0, 0, 0], [0, 1, 0]])


def test_all_that_attain_an_extreme_share_its_derivative() -> None:
    indices = np.array([0, 0, 1, 1])
    found = gradient("scatter_max", np.array([2.0, 5, 1]), np.array([2.0, 2, 5, 1]), indices)
    np.testing.assert_allclose(found[0], np.diag([1 / 3, 0.5, 1]))
    np.testing.assert_allclose(found[1], [[1 / 3, 0, 0], [1 / 3, 0, 0], [0, 0.5, 0], [0, 0, 0]])


def test_the_derivative_of_a_product_is_that_of_the_others_at_zeros_too() -> None:
    operand, updates = np.array([2.0, 3, 0, 7]), np.array([0.0, 5, 2, 4, 0, 0, 6])
    indices = np.array([0, 1, 0, 2, 1, 1, 2])
    found = gradient("scatter_mul", operand, updates, indices)

    def product(x: np.ndarray, u: np.ndarray) -> np.ndarray:
        result = x.copy()
        np.multiply.at(result, indices, u)
        return result

    for place in range(4):  # the product is linear in each factor: its derivative is its value at 1 less that at 0
        ones, none = (np.where(np.arange(4) == place, number, operand) for number in (1, 0))
        np.testing.assert_array_equal(found[0][place], product(ones, updates) - product(none, updates))
    for place in range(7):
        ones, none = (np.where(np.arange(7) == place, number, updates) for number in (1, 0))
        np.testing.assert_array_equal(found[1][place], product(operand, ones) - product(operand, none))


def test_a_product_that_overflows_leaves_the_derivatives_of_other_places_alone() -> None:
    _, found = gradient("scatter_mul", np.ones(3), np.array([1e200, 1e200, 1e200, 2, 3]), np.array([0, 0, 0, 1, 1]))
    np.testing.assert_array_equal(found[3:, 1], [3, 2])


def test_one_compilation_serves_every_size_and_thread_count() -> None:
    """Values, tangents of both orders and transposes, over a symbolic number of places and of updates."""
    x, u = new_parameter("x", float64, (N, 3)), new_parameter("u", float64, (2 * N, 3))
    i = new_parameter("i", int64, (2 * N,))
    made: list[Value] = [emit(name, x, u, i, axes=(0,), mode="check") for name in NAMES]
    first = [each for each in pushed_forward(made, {x: x, u: u}) if each is not None]
    second = [each for each in pushed_forward(first, {x: x, u: u}) if each is not None]
    back = [each for y in (made[0], made[4]) for each in y.node.op.transpose(y.node, (y,), (True, True, False))[:2]]
    outputs = tuple(each for each in (*made, *first, *second, *back) if each is not None)
    graph = Graph("scattered", (x, u, i), outputs)
    artifact = compiled(graph)
    rng = np.random.default_rng(0)
    for size in (0, 1, 2, 7, 67):
        arrays = [
            rng.uniform(0.5, 1.5, (size, 3)),
            rng.uniform(0.5, 1.5, (2 * size, 3)),
            rng.integers(0, max(size, 1), 2 * size),
        ]
        for found, expected in zip(run(artifact, arrays, THREADS), interpret(graph, arrays).outputs, strict=True):
            np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", NAMES)
def test_wide_rows_are_written_in_order_by_any_number_of_threads(name: str) -> None:
    rng = np.random.default_rng(1)
    operand, updates = rng.standard_normal((50, 100)), rng.standard_normal((200, 100))
    arrays = [operand, updates, rng.integers(0, 50, 200)]
    parameters = tuple(stand_in(each) for each in arrays)
    graph = Graph("wide", parameters, (emit(name, *parameters, **ONE),))
    artifact = compiled(graph)
    for threads in (1, THREADS):
        np.testing.assert_array_equal(run(artifact, arrays, threads)[0], interpret(graph, arrays).outputs[0])

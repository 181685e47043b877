"""Windows over symbolic extents, and what they do at ties, NaN, zeros and where they hold padding alone.

In: graphs over the window records. Out: what plain loops over NumPy arrays give, at several sizes in one compilation.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import lazygraph.compiler.ops
from lazygraph.compiler.ir import dims
from lazygraph.compiler.ir.dims import Extent
from lazygraph.compiler.ir.errors import DTypeError, ShapeError
from lazygraph.compiler.ir.graph import Graph, Value
from lazygraph.compiler.ir.interpret import interpret
from lazygraph.compiler.ops.compose import emit
from lazygraph.compiler.ops.leaf import new_parameter
from lazygraph.compiler.ops.windows import Windows
from lazygraph.runtime.dtypes import float32, float64, int32, int64
from tests.autodiff.derive import grad
from tests.ops.harness import evaluate, pushed_forward, stand_in
from tests.ops.native import THREADS, compiled, run

N, M = dims.symbol("n"), dims.symbol("m")
NAMES = ("reduce_window_sum", "reduce_window_prod", "reduce_window_max", "reduce_window_min")


def windows(
    extents: tuple[Extent, ...],
    window: tuple[Extent, ...],
    strides: tuple[int, ...],
    low: tuple[Extent, ...],
    high: tuple[Extent, ...],
) -> dict[str, Any]:
    """A geometry without dilations, by its padding at both ends."""
    ones = (1,) * len(extents)
    shape = [
        dims.maximum(dims.floordiv(extent + before + after - taps, stride) + 1, 0)
        for extent, taps, stride, before, after in zip(extents, window, strides, low, high)
    ]
    return Windows(window, strides, low, tuple(shape), ones, ones).attributes


def strided(x: Value) -> dict[str, Any]:
    return windows(x.shape, (1, 3, 2), (1, 2, 2), (0, 1, 0), (0, 1, 0))


def overhanging(x: Value) -> dict[str, Any]:
    return windows(x.shape, (1, 2, 3), (1, 3, 4), (0, 3, -1), (0, 2, 5))


def of_symbolic_size(x: Value) -> dict[str, Any]:
    return windows(x.shape, (1, M, N), (1, 1, 1), (0, M - 1, 0), (0, 0, 1))


GEOMETRIES = [(strided, NAMES), (overhanging, NAMES[::3]), (of_symbolic_size, NAMES[::2])]


def test_one_compilation_serves_every_extent_and_window() -> None:
    """Values, gradients and gradients of gradients, on one and on several threads."""
    x = new_parameter("x", float64, (2, N, M))
    found: list[Value] = []
    for geometry, names in GEOMETRIES:
        attributes = geometry(x)
        for name in names:
            y = emit(name, x, **attributes)
            finite = emit("select", emit("lt", emit("abs", y), _number(1e9, y)), y, _number(0, y))
            total = emit("reduce_sum", finite * finite * finite, axes=(0, 1, 2))
            (slope,) = grad(total, x)
            found += [y, slope]
            if name != "reduce_window_prod":
                found += grad(emit("reduce_sum", slope * slope, axes=(0, 1, 2)), x)
    graph = Graph("windows", (x,), tuple(found))
    artifact = compiled(graph)
    for n, m in ((0, 3), (1, 1), (2, 0), (6, 7), (9, 34)):
        array = np.random.default_rng(n).standard_normal((2, n, m))
        expected = interpret(graph, [array]).outputs
        one, several = (run(artifact, [array], threads) for threads in (1, THREADS))
        for mine, other, reference in zip(one, several, expected, strict=True):
            assert mine.tobytes() == other.tobytes()
            np.testing.assert_allclose(mine, reference, rtol=1e-11, atol=1e-11)


def _number(number: float, like: Value) -> Value:
    array = np.array(number, np.float64)
    array.flags.writeable = False
    return emit("broadcast", emit("constant", value=array), shape=like.shape, axes=())


def test_rows_longer_than_a_task_agree_with_shifted_copies() -> None:
    """Sums of 3 of 5000 elements with gaps, forwards and back: blocks of windows, phases and tails in one."""
    x = new_parameter("x", float32, (N,))
    attributes = windows((N,), (3,), (2,), (1,), (1,))
    y = emit("reduce_window_sum", x, **attributes)
    (back,) = y.node.op.transpose(y.node, (y,), (True,))
    artifact = compiled(Graph("long", (x,), (y, back)))
    for size in (511, 1024, 1025, 5000, 5001):
        array = np.random.default_rng(size).integers(-9, 9, size).astype(np.float32)
        padded = np.concatenate([[0], array, [0, 0]])
        sums = (padded[:-2] + padded[1:-1] + padded[2:])[:size:2]
        spread = np.zeros(size + 4, np.float32)
        for k in range(3):
            spread[k : k + 2 * len(sums) : 2] += sums
        found = run(artifact, [array], THREADS)
        np.testing.assert_array_equal(found[0], sums)
        np.testing.assert_array_equal(found[1], spread[1 : 1 + size])


ONE = windows((6,), (2,), (1,), (0,), (0,))


def test_of_equals_the_first_has_the_derivative() -> None:
    x, v = stand_in(np.zeros(6)), stand_in(np.zeros(6))
    array = np.array([1.0, 1, 3, 3, 2, 2])
    for name, expected in [("reduce_window_max", [0, 2, 2, 3, 4]), ("reduce_window_min", [0, 1, 2, 4, 4])]:
        (tangent,) = pushed_forward([emit(name, x, **ONE)], {x: v})
        assert tangent is not None
        np.testing.assert_array_equal(evaluate([tangent], (x, v), [array, np.arange(6.0)])[0], expected)


def test_nan_wins_and_padding_never_does() -> None:
    attributes = windows((3,), (2,), (2,), (2,), (3,))
    array = np.array([-np.inf, np.nan, -np.inf])
    x = stand_in(array)
    names = ("reduce_window_max", "reduce_window_min", "window_argmax", "window_argmin")
    graph = Graph("extremes", (x,), tuple(emit(name, x, **attributes) for name in names))
    for found in (run(compiled(graph), [array], 1), interpret(graph, [array]).outputs):
        np.testing.assert_array_equal(found[0], [-np.inf, np.nan, -np.inf, -np.inf])
        np.testing.assert_array_equal(found[1], [np.inf, np.nan, -np.inf, np.inf])
        np.testing.assert_array_equal(found[2], [-1, 1, 0, -1])
        np.testing.assert_array_equal(found[3], [-1, 1, 0, -1])


def test_the_derivative_of_a_product_is_right_at_zeros_to_third_order() -> None:
    """f = x0 x1 x2 over one window, at (0, 0, 5): only mixed derivatives are left."""
    x, array = stand_in(np.zeros(3)), np.array([0.0, 0, 5])
    y = emit("reduce_window_prod", x, **windows((3,), (3,), (1,), (0,), (0,)))
    y = emit("reshape", y, shape=())
    units = [stand_in(np.zeros(3), f"e{each}") for each in range(3)]
    value: Value | None = y
    wanted = []
    for unit in units:
        assert value is not None
        (value,) = pushed_forward([value], {x: unit})
        wanted.append(value)
    found = evaluate([each for each in wanted if each is not None], (x, *units), [array, *np.eye(3)])
    np.testing.assert_array_equal(found, [0, 5, 1])


def test_a_place_that_is_no_tap_or_padding_is_read_as_zero() -> None:
    attributes = windows((3,), (2,), (1,), (1,), (0,))
    x, places = np.array([1.0, 2, 3]), np.array([0, 7, -5])
    graph_inputs = stand_in(x), stand_in(places)
    graph = Graph("places", graph_inputs, (emit("window_gather", *graph_inputs, **attributes),))
    for found in (run(compiled(graph), [x, places], 1), interpret(graph, [x, places]).outputs):
        np.testing.assert_array_equal(found[0], [0, 0, 0])


def some(*shape: Extent, dtype: Any = float64) -> Value:
    return new_parameter("x", dtype, shape)


MISTAKES = [
    (lambda: emit("reduce_window_sum", some(3, 3), **ONE), ShapeError, "window: expected a tuple of 2 extents, found"),
    (
        lambda: emit("reduce_window_sum", some(6), **(ONE | {"strides": (0,)})),
        ShapeError,
        "expected ints >= 1",
    ),
    (lambda: emit("reduce_window_sum", some(6), **(ONE | {"shape": (-1,)})), ShapeError, "expected extents >= 0"),
    (lambda: emit("reduce_window_max", some(6), **(ONE | {"window": (-2,)})), ShapeError, "window: expected extents"),
    (lambda: emit("window_gather", some(6), some(5, dtype=int32), **ONE), TypeError, "places: expected int64, found"),
    (lambda: emit("window_gather", some(6), some(6, dtype=int64), **ONE), ShapeError, "expected equal extents, found"),
    (lambda: emit("reduce_window_sum", some(6, dtype=lazygraph.runtime.dtypes.bool_), **ONE), DTypeError, "found bool"),
]


@pytest.mark.parametrize("make, error, sentence", MISTAKES)
def test_a_mistake_is_an_error_that_names_what_was_found(make: Any, error: type[Exception], sentence: str) -> None:
    with pytest.raises(error, match=sentence):
        make()

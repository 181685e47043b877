"""The interpreter: solves dims from extents, evaluates in order, reports what does not fit.

In: small graphs and arrays. Out: arrays, or the sentence that names the argument and what was expected of it.
"""

import time

import numpy as np
import pytest

import lazygraph.compiler.ops  # noqa: F401  (importing the families fills the table)
from lazygraph.compiler.ir import dims
from lazygraph.compiler.ir.errors import CheckFailed, DTypeError, ShapeError
from lazygraph.compiler.ir.graph import Frame, Graph, origin
from lazygraph.compiler.ir.interpret import interpret
from lazygraph.compiler.ops.leaf import new_parameter
from lazygraph.compiler.ops.record import OPS
from lazygraph.runtime.dtypes import bfloat16, float16, float32, float64, from_numpy, int64

N = dims.symbol("n", 1, 100)


def test_updates_are_computed_from_old_values() -> None:
    x = new_parameter("x", float64, ())
    a, b = (new_parameter(name, float64, (), "variable") for name in "ab")
    step = Graph("step", (x,), (a + b,), (a, b), ((a, b), (b, a + x)))
    found = interpret(step, [np.array(5.0)], [np.array(1.0), np.array(2.0)])
    assert (found.outputs, found.updates) == ((3.0,), (2.0, 6.0))


def test_dims_are_solved_from_any_extent_that_determines_them() -> None:
    m = dims.symbol("m")
    x, y = new_parameter("x", float32, (2 * N + m,)), new_parameter("y", float32, (3, m))
    size = OPS["extent"](value=N, dtype=int64)
    graph = Graph("sizes", (x, y), (size,))
    assert interpret(graph, [np.zeros(18, np.float32), np.zeros((3, 4), np.float32)]).outputs == (7,)
    with pytest.raises(ShapeError, match=r"x: axis 0: no n makes .* the extent found, 19"):
        interpret(graph, [np.zeros(19, np.float32), np.zeros((3, 4), np.float32)])
    with pytest.raises(ShapeError, match="dim n: expected a value in 1 .. 100, found 0"):
        interpret(graph, [np.zeros(4, np.float32), np.zeros((3, 4), np.float32)])


def test_a_dim_that_no_extent_determines_is_an_argument() -> None:
    m = dims.symbol("m")
    x = new_parameter("x", float32, (N * m,))
    graph = Graph("sizes", (x,), (OPS["extent"](value=N, dtype=int64),))
    with pytest.raises(ShapeError, match="does not determine its dims: give them as arguments"):
        interpret(graph, [np.zeros(6, np.float32)])
    assert interpret(graph, [np.zeros(6, np.float32)], extents={"m": 3}).outputs == (2,)


def test_arrays_that_do_not_fit_are_named() -> None:
    x, y = new_parameter("x", float32, (N, 3)), new_parameter("y", float32, (N,))
    graph = Graph("both", (x, y), (x, y))
    good = np.zeros((4, 3), np.float32)
    for bad, error, sentence in [
        (np.zeros(5, np.float32), ShapeError, "y: axis 0: expected an extent of n = 4, found 5"),
        (np.zeros(4, np.float64), DTypeError, "y: expected float32, found float64"),
        (np.zeros((4, 1), np.float32), ShapeError, r"y: expected 1 axes as in f32\[n\], found the shape \(4, 1\)"),
    ]:
        with pytest.raises(error, match=sentence):
            interpret(graph, [good, bad])
    with pytest.raises(ShapeError, match="both: expected 2 inputs and 0 variables, found 1 and 0"):
        interpret(graph, [good])


def test_a_failed_check_names_the_line_of_its_node() -> None:
    x, i = new_parameter("x", float32, (3,)), new_parameter("i", int64, (2,))
    with origin((Frame("train.py", 41),)):
        y = OPS["gather"](x, i, axes=(0,), mode="check")
    with pytest.raises(CheckFailed, match="index 3 is out of bounds for an axis of extent 3\n  train.py:41"):
        interpret(Graph("take", (x, i), (y,)), [np.zeros(3, np.float32), np.array([0, 3])])


def test_operands_of_several_dtypes_are_sorted_together_halves_too() -> None:
    key, carried = np.array([3, 1, 2], np.float32), np.array([10, 20, 30], float16.numpy)
    for arrays in ((key, carried), (carried[::-1], key), (key.astype(bfloat16.numpy), carried, key)):
        parameters = [new_parameter(f"x{place}", from_numpy(each.dtype), (3,)) for place, each in enumerate(arrays)]
        found = interpret(Graph("sorted", tuple(parameters), OPS["sort"](*parameters, axis=0)), arrays).outputs
        order = np.argsort(arrays[0].astype(np.float32), kind="stable")
        for ours, each in zip(found, arrays, strict=True):
            assert ours.dtype == each.dtype and ours.tolist() == each[order].tolist()


@pytest.mark.alone
def test_a_chain_of_a_hundred_thousand_nodes_is_no_recursion_and_takes_seconds() -> None:
    x = new_parameter("x", float64, ())
    y = x
    for _ in range(100_000):
        y = y + x
    start = time.perf_counter()
    assert interpret(Graph("chain", (x,), (y,)), [np.array(1.0)]).outputs == (100_001.0,)
    assert time.perf_counter() - start < 30

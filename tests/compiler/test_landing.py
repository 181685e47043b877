"""A product is stored where its reshapes and transposes lead: one kernel, with what follows as its epilogue.

In: graphs of a product, movements of it and elementwise work. Out: their kernels counted, and their values.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import lazygraph.compiler.ops  # noqa: F401  (importing the families fills the table)
from lazygraph.compiler.ir.graph import Graph, Value
from lazygraph.compiler.ir.interpret import interpret
from lazygraph.compiler.ops.compose import emit
from lazygraph.compiler.ops.leaf import new_parameter
from lazygraph.compiler.pipeline import compile_graph
from lazygraph.runtime.dtypes import float32
from tests.ops.native import THREADS, compiled, options, run

UNITS = {"input_dilation": (1, 1), "kernel_dilation": (1, 1), "accumulate": float32}


def product(x: Value, w: Value) -> Value:
    """[4, 5, 6, 7] x [5, 4, 7, 9] -> [4, 5, 6, 9], with the first two axes side by side."""
    return emit("dot", x, w, batch=((0, 1), (1, 0)), contract=((3,), (2,)), accumulate=float32)


def conv(x: Value, w: Value) -> Value:
    """2 groups, 3 images, 5 filters of 8 x 6 pixels."""
    return emit("conv_general", x, w, strides=(1, 1), low=(1, 0), high=(1, 0), **UNITS)


def moved(x: Value, *permutation: int) -> Value:
    return emit("transpose", x, permutation=permutation)


def reshaped(x: Value, *shape: int) -> Value:
    return emit("reshape", x, shape=shape)


SHAPES = {product: ((4, 5, 6, 7), (5, 4, 7, 9)), conv: ((2, 3, 4, 8, 6), (2, 5, 4, 3, 1))}
LANDINGS: dict[str, tuple[Callable[[Value, Value], Value], Callable[[Value], Value], int]] = {
    "heads to tokens": (product, lambda y: reshaped(moved(y, 0, 2, 1, 3), 4, 6, 45), 1),
    "rows and columns exchanged": (product, lambda y: moved(y, 0, 1, 3, 2), 1),
    "split": (product, lambda y: reshaped(y, 20, 2, 3, 9), 1),
    "groups joined": (conv, lambda y: reshaped(moved(y, 1, 0, 2, 3, 4), 3, 10, 8, 6), 1),
    "channels last": (conv, lambda y: reshaped(moved(y, 1, 3, 4, 0, 2), 3, 8, 6, 10), 1),
    "images and filters exchanged": (conv, lambda y: moved(y, 0, 2, 1, 3, 4), 1),
    "images last": (conv, lambda y: moved(y, 0, 2, 3, 4, 1), 2),  # no form has n along images: it is copied
    "batch last": (product, lambda y: moved(y, 2, 3, 0, 1), 2),
}


def biased(y: Value, bias: Value) -> Value:
    """max(y + bias, bias): an operand that is no movement keeps the movement before it."""
    wide = emit("broadcast", bias, shape=y.shape, axes=(y.type.rank - 1,))
    return emit("max", emit("add", y, wide), wide)


EPILOGUES: dict[str, Callable[[Value, Value], Value]] = {
    "biased": biased,
    "alone": lambda y, bias: emit("sin", y),  # canonical form puts reshapes after it
}


@pytest.mark.parametrize("epilogue", EPILOGUES)
@pytest.mark.parametrize("name", LANDINGS)
def test_a_moved_product_and_its_epilogue_are_one_kernel(name: str, epilogue: str) -> None:
    make, move, kernels = LANDINGS[name]
    shapes = SHAPES[make]
    x, w = new_parameter("x", float32, shapes[0]), new_parameter("w", float32, shapes[1])
    there = move(make(x, w))
    bias = new_parameter("bias", float32, there.shape[-1:])
    graph = Graph("moved", (x, w, bias), (EPILOGUES[epilogue](there, bias),))
    assert len(compile_graph(graph, options()).program.kernels) == kernels
    rng = np.random.default_rng(5)
    arrays = [rng.standard_normal(each.shape).astype(np.float32) for each in graph.inputs]  # type: ignore[arg-type]
    (expected,) = interpret(graph, arrays).outputs
    artifact = compiled(graph)
    for threads in (1, THREADS):
        (found,) = run(artifact, arrays, threads)
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


def test_a_product_that_two_read_stays_where_it_is() -> None:
    x, w = new_parameter("x", float32, (4, 5, 6, 7)), new_parameter("w", float32, (5, 4, 7, 9))
    y = product(x, w)
    graph = Graph("both", (x, w), (emit("exp", y), emit("exp", moved(y, 0, 2, 1, 3))))
    rng = np.random.default_rng(6)
    arrays = [rng.standard_normal(each.shape).astype(np.float32) for each in graph.inputs]  # type: ignore[arg-type]
    for found, expected in zip(run(compiled(graph), arrays, THREADS), interpret(graph, arrays).outputs, strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-4)

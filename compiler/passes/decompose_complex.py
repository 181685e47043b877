"""Ops of complex numbers that loops take in real parts: sums, products over axes, sums of products.

In: a node whose operands are complex. Out: the same value by ops on real and imaginary parts, or by running products.
What loops take as it is (elementwise ops, movement, running totals) has no entry here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lazygraph.compiler.ir import dims
from lazygraph.compiler.ir.graph import Node, TensorType, Value
from lazygraph.compiler.ops.compose import emit, permuted
from lazygraph.compiler.ops.lowering import Product, Reduction
from lazygraph.compiler.ops.record import full

Again = Callable[[Value], Value]  # the parts of a value that this made, decomposed in their turn


def decomposed(node: Node, inputs: tuple[Value, ...], again: Again) -> Value | None:
    """What stands for the node; None where loops take it as it is."""
    if not any([each.dtype.is_complex for each in inputs]):
        return None
    if isinstance(node.op.lower, Product):
        return _sum_of_products(node, inputs, again)
    if isinstance(node.op.lower, Reduction):
        return _REDUCTIONS[node.op.name](node, inputs[0], again)
    return None


def _sum_of_products(node: Node, inputs: tuple[Value, ...], again: Again) -> Value:
    """(a + ib).(c + id) = (a.c - b.d) + i(a.d + b.c)"""
    (a, b), (c, d) = ((emit("real", each), emit("imag", each)) for each in inputs)
    attributes: dict[str, Any] = {**node.attributes, "accumulate": node["accumulate"].part}

    def product(left: Value, right: Value) -> Value:
        return again(emit(node.op.name, left, right, **attributes))

    return emit("complex", product(a, c) - product(b, d), product(a, d) + product(b, c))


def _sum(node: Node, x: Value, again: Again) -> Value:
    """sum(a + ib) = sum(a) + i sum(b)"""
    return emit("complex", *[again(emit("reduce_sum", emit(part, x), axes=node["axes"])) for part in ("real", "imag")])


def _prod(node: Node, x: Value, again: Again) -> Value:
    """The last of the running products of 1 and the elements, one after the other."""
    axes = node["axes"]
    kept = tuple([axis for axis in range(x.type.rank) if axis not in axes])
    count = dims.product([x.shape[axis] for axis in axes])
    shape = (*[x.shape[axis] for axis in kept], count)
    rank = len(shape)
    rows = emit("reshape", permuted(x, (*kept, *axes)), shape=shape)
    one = full(TensorType(x.dtype, ()), 1)
    rows = emit("pad", rows, one, low=(*[0] * (rank - 1), 1), high=(0,) * rank, interior=(0,) * rank)
    totals = emit("cumprod", rows, axis=rank - 1, reverse=False)
    starts, stops = (*[0] * (rank - 1), count), (*shape[:-1], count + 1)
    return emit("reshape", emit("slice", totals, starts=starts, stops=stops, steps=(1,) * rank), shape=shape[:-1])


_REDUCTIONS: dict[str, Callable[[Node, Value, Again], Value]] = {"reduce_sum": _sum, "reduce_prod": _prod}

"""Algebra on dot and reductions: what their operands' shapes already say.

In: nodes of dot and the reductions, and transposes of a dot. Out: the same numbers, bit for bit: each element is still
the same sum over the same elements in the same order.
"""

from __future__ import annotations

from typing import Any

from lazygraph.compiler.ir.dims import prove_nonnegative
from lazygraph.compiler.ir.graph import Node, Value
from lazygraph.compiler.ops.compose import emit
from lazygraph.compiler.passes.match import made_by, without
from lazygraph.compiler.passes.rules import RuleTable

CONTRACTIONS = RuleTable()

IDEMPOTENT = ("reduce_max", "reduce_min", "reduce_and", "reduce_or")
REDUCTIONS = ("reduce_sum", "reduce_prod", *IDEMPOTENT)


@CONTRACTIONS.rule("reduce(x) -> x over no axes; a sum of floats -> x + 0.0", *REDUCTIONS)
def reduce_over_nothing(node: Node) -> Value | None:
    """A sum starts at 0.0, so it never is -0.0."""
    (x,) = node.inputs
    if node["axes"]:
        return None
    return x + 0.0 if node.op.name == "reduce_sum" and x.dtype.is_differentiable else x


@CONTRACTIONS.rule("reduce(x) -> reduce(reshape(x)) without extents of 1", *REDUCTIONS)
def reduce_over_units(node: Node) -> Value | None:
    (x,) = node.inputs
    units = [axis for axis in node["axes"] if x.shape[axis] == 1]
    if not units:
        return None
    kept = [axis for axis in range(x.type.rank) if axis not in units]
    axes = tuple([place for place, axis in enumerate(kept) if axis in node["axes"]])
    return emit(node.op.name, emit("reshape", x, shape=without(x.shape, units)), axes=axes)


@CONTRACTIONS.rule("max(max(x)) -> max(x) over the axes of both, likewise min, and, or", *IDEMPOTENT)
def reduce_of_reduce(node: Node) -> Value | None:
    (x,) = node.inputs
    if not made_by(x, node.op.name):
        return None
    source, inner = x.node.inputs[0], x.node["axes"]
    kept = [axis for axis in range(source.type.rank) if axis not in inner]
    return emit(node.op.name, source, axes=tuple(sorted((*inner, *[kept[axis] for axis in node["axes"]]))))


@CONTRACTIONS.rule("max(broadcast(x)) -> x over repeated elements, likewise min, and, or", *IDEMPOTENT)
def reduce_of_repeated(node: Node) -> Value | None:
    (x,) = node.inputs
    if not made_by(x, "broadcast"):
        return None
    landing, reduced = x.node["axes"], node["axes"]
    repeats = [axis for axis in reduced if axis not in landing]
    if not repeats or not all(prove_nonnegative(x.shape[axis] - 1) for axis in repeats):
        return None
    shape = without(x.shape, repeats)
    rank = [axis for axis in range(x.type.rank) if axis not in repeats]
    narrow = emit("broadcast", x.node.inputs[0], shape=shape, axes=tuple([rank.index(axis) for axis in landing]))
    return emit(node.op.name, narrow, axes=tuple([rank.index(axis) for axis in reduced if axis in landing]))


@CONTRACTIONS.rule("dot(transpose(a), b) -> dot(a, b) over the axes of a where its free axes keep their order", "dot")
def dot_of_transpose(node: Node) -> Value | None:
    for side in (0, 1):
        view = node.inputs[side].node
        if view.op.name != "transpose":
            continue
        permutation = view["permutation"]
        bound = (*node["batch"][side], *node["contract"][side])
        free = [permutation[axis] for axis in range(len(permutation)) if axis not in bound]
        if free != sorted(free):
            continue
        renamed = {
            name: _with_side(node[name], side, tuple([permutation[axis] for axis in node[name][side]]))
            for name in ("batch", "contract")
        }
        operands = _with_side(node.inputs, side, view.inputs[0])
        return emit("dot", *operands, accumulate=node["accumulate"], **renamed)
    return None


def _with_side(pair: tuple[Any, ...], side: int, item: Any) -> tuple[Any, ...]:
    return (item, pair[1]) if side == 0 else (pair[0], item)


@CONTRACTIONS.rule("transpose(dot(a, b)) -> dot(b, a) where it swaps their free axes", "transpose")
def transpose_of_dot(node: Node) -> Value | None:
    product = node.inputs[0].node
    if product.op.name != "dot":
        return None
    a, b = product.inputs
    batch = len(product["batch"][0])
    left = a.type.rank - batch - len(product["contract"][0])
    rank = node.output.type.rank
    swapped = (*range(batch), *range(batch + left, rank), *range(batch, batch + left))
    if node["permutation"] != swapped:
        return None
    pairs = {name: product[name][::-1] for name in ("batch", "contract")}
    return emit("dot", b, a, accumulate=product["accumulate"], **pairs)

"""Algebra on shapes: ops that move elements, joined, cancelled, or moved to where there are fewer elements.

In: nodes of reshape, transpose, broadcast, slice, pad, reverse and concat. Out: the same elements at the same places.
All rules are exact. An extent that is symbolic is never taken for 1.
"""

from __future__ import annotations

import numpy as np

from lazygraph.compiler.ir.dims import Extent, prove_nonnegative
from lazygraph.compiler.ir.graph import Node, Value
from lazygraph.compiler.ops.compose import emit, inverse_permutation
from lazygraph.compiler.passes.match import made_by, repeated, uniform, unit_reshape
from lazygraph.compiler.passes.rules import RuleTable

SHAPE_ALGEBRA = RuleTable()
MOST_PIECES = 32  # a slice looks for its piece among at most so many operands of a concat


def _below(node: Node, op: str) -> Node | None:
    """The node of the first operand, where that is an application of `op`."""
    below = node.inputs[0].node
    return below if below.op.name == op else None


# --- what changes nothing -------------------------------------------------------------------------------------------


@SHAPE_ALGEBRA.rule(
    "reshape(x), broadcast(x), assert_shape(x) -> x to its own shape", "reshape", "broadcast", "assert_shape"
)
def to_its_own_shape(node: Node) -> Value | None:
    (x,) = node.inputs
    return x if x.shape == node["shape"] else None


@SHAPE_ALGEBRA.rule("transpose(x) -> x by the identity", "transpose")
def transpose_by_identity(node: Node) -> Value | None:
    return node.inputs[0] if node["permutation"] == tuple(range(node.output.type.rank)) else None


@SHAPE_ALGEBRA.rule("slice(x) -> x over its whole extents", "slice")
def whole_slice(node: Node) -> Value | None:
    (x,) = node.inputs
    starts, steps = node["starts"], node["steps"]
    whole = node["stops"] == x.shape and all(start == 0 for start in starts) and all(step == 1 for step in steps)
    return x if whole else None


@SHAPE_ALGEBRA.rule("pad(x) -> x by nothing", "pad")
def empty_pad(node: Node) -> Value | None:
    amounts = (*node["low"], *node["high"], *node["interior"])
    return node.inputs[0] if all(isinstance(amount, int) and amount == 0 for amount in amounts) else None


@SHAPE_ALGEBRA.rule("concat(x) -> x, concat(x, empty) -> concat(x)", "concat")
def concat_of_one(node: Node) -> Value | None:
    axis = node["axis"]
    kept = [x for x in node.inputs if x.shape[axis] != 0]
    if len(kept) <= 1:
        return (kept or list(node.inputs))[0]
    return emit("concat", *kept, axis=axis) if len(kept) < len(node.inputs) else None


@SHAPE_ALGEBRA.rule("reverse(x) -> x over no axes and extents of 1", "reverse")
def reverse_of_nothing(node: Node) -> Value | None:
    (x,) = node.inputs
    axes = tuple([axis for axis in node["axes"] if x.shape[axis] != 1])
    if not axes:
        return x
    return emit("reverse", x, axes=axes) if axes != node["axes"] else None


# --- one after the other --------------------------------------------------------------------------------------------


@SHAPE_ALGEBRA.rule("reshape(reshape(x)) -> reshape(x)", "reshape")
def reshape_of_reshape(node: Node) -> Value | None:
    below = _below(node, "reshape")
    return None if below is None else emit("reshape", below.inputs[0], shape=node["shape"])


@SHAPE_ALGEBRA.rule("transpose(transpose(x)) -> transpose(x)", "transpose")
def transpose_of_transpose(node: Node) -> Value | None:
    below = _below(node, "transpose")
    if below is None:
        return None
    permutation = tuple([below["permutation"][axis] for axis in node["permutation"]])
    return emit("transpose", below.inputs[0], permutation=permutation)


@SHAPE_ALGEBRA.rule("broadcast(broadcast(x)) -> broadcast(x)", "broadcast")
def broadcast_of_broadcast(node: Node) -> Value | None:
    below = _below(node, "broadcast")
    if below is None:
        return None
    axes = tuple([node["axes"][axis] for axis in below["axes"]])
    return emit("broadcast", below.inputs[0], shape=node["shape"], axes=axes)


@SHAPE_ALGEBRA.rule("reverse(reverse(x)) -> reverse(x) over the axes that one of them has", "reverse")
def reverse_of_reverse(node: Node) -> Value | None:
    below = _below(node, "reverse")
    if below is None:
        return None
    axes = tuple(sorted(set(node["axes"]) ^ set(below["axes"])))
    return emit("reverse", below.inputs[0], axes=axes) if axes else below.inputs[0]


@SHAPE_ALGEBRA.rule("slice(slice(x)) -> slice(x)", "slice")
def slice_of_slice(node: Node) -> Value | None:
    """Element i is x[s + t * (s' + t' * i)]. A slice with steps ends right after its last element."""
    below = _below(node, "slice")
    if below is None:
        return None
    starts: list[Extent] = []
    stops: list[Extent] = []
    steps: list[int] = []
    for axis, extent in enumerate(node.output.shape):
        inner, outer = below["steps"][axis], node["steps"][axis]
        start = below["starts"][axis] + inner * node["starts"][axis]
        if inner == outer == 1:
            stop = below["starts"][axis] + node["stops"][axis]
        elif isinstance(extent, int):
            start = start if extent else 0
            stop = start + (extent - 1) * inner * outer + 1 if extent else 0
        else:
            return None
        starts.append(start)
        stops.append(stop)
        steps.append(inner * outer)
    return emit("slice", below.inputs[0], starts=tuple(starts), stops=tuple(stops), steps=tuple(steps))


@SHAPE_ALGEBRA.rule("slice(pad(x)) -> x where it cuts off what was padded", "slice")
def slice_of_pad(node: Node) -> Value | None:
    below = _below(node, "pad")
    if below is None or any(step != 1 for step in node["steps"]) or any(gap != 0 for gap in below["interior"]):
        return None
    x = below.inputs[0]
    stops = tuple([low + extent for low, extent in zip(below["low"], x.shape)])
    return x if node["starts"] == below["low"] and node["stops"] == stops else None


@SHAPE_ALGEBRA.rule("slice(concat(x, y)) -> slice(x) where it lies in one piece", "slice")
def slice_of_concat(node: Node) -> Value | None:
    below = _below(node, "concat")
    if below is None or len(below.inputs) > MOST_PIECES:
        return None
    axis, start, stop = below["axis"], node["starts"][below["axis"]], node["stops"][below["axis"]]
    offset: Extent = 0
    for piece in below.inputs:
        end = offset + piece.shape[axis]
        if prove_nonnegative(start - offset) and prove_nonnegative(end - stop):
            starts = (*node["starts"][:axis], start - offset, *node["starts"][axis + 1 :])
            stops = (*node["stops"][:axis], stop - offset, *node["stops"][axis + 1 :])
            return emit("slice", piece, starts=starts, stops=stops, steps=node["steps"])
        offset = end
    return None


# --- unit extents ---------------------------------------------------------------------------------------------------


@SHAPE_ALGEBRA.rule("transpose(x) -> reshape(x) where only extents of 1 move", "transpose")
def transpose_of_units(node: Node) -> Value | None:
    (x,) = node.inputs
    moved = [axis for axis in node["permutation"] if x.shape[axis] != 1]
    return emit("reshape", x, shape=node.output.shape) if moved == sorted(moved) else None


@SHAPE_ALGEBRA.rule("broadcast(x) -> reshape(x) where it adds only extents of 1", "broadcast")
def broadcast_of_units(node: Node) -> Value | None:
    """A repeated number stays one: a broadcast is how every rule knows it."""
    added = [extent for axis, extent in enumerate(node["shape"]) if axis not in node["axes"]]
    if any(extent != 1 for extent in added) or uniform(node.output) is not None:
        return None
    return emit("reshape", node.inputs[0], shape=node["shape"])


@SHAPE_ALGEBRA.rule("reshape(broadcast(x)) -> broadcast(x) where it adds or drops extents of 1", "reshape")
def reshape_of_broadcast(node: Node) -> Value | None:
    below = _below(node, "broadcast")
    if below is None:
        return None
    x = below.inputs[0]
    if not x.type.rank:
        return repeated(x, node["shape"])
    places = unit_reshape(below["shape"], node["shape"])
    if places is None:
        return None
    kept = [axis for axis, extent in enumerate(x.shape) if extent != 1]
    if len(kept) < x.type.rank:
        x = emit("reshape", x, shape=tuple([x.shape[axis] for axis in kept]))
    axes = tuple([places[below["axes"][axis]] for axis in kept])
    return emit("broadcast", x, shape=node["shape"], axes=axes)


@SHAPE_ALGEBRA.rule("broadcast(reshape(x)) -> broadcast(x) where the reshape adds extents of 1", "broadcast")
def broadcast_of_reshape(node: Node) -> Value | None:
    below = _below(node, "reshape")
    if below is None:
        return None
    x = below.inputs[0]
    places = unit_reshape(x.shape, below["shape"])
    if places is None or None in places or x.type.rank >= below.output.type.rank:
        return None
    axes = tuple([node["axes"][place] for place in places if place is not None])
    return emit("broadcast", x, shape=node["shape"], axes=axes)


# --- repeated elements are moved after they are chosen --------------------------------------------------------------


@SHAPE_ALGEBRA.rule("transpose(broadcast(x)) -> broadcast(transpose(x))", "transpose")
def transpose_of_broadcast(node: Node) -> Value | None:
    below = _below(node, "broadcast")
    if below is None:
        return None
    place = inverse_permutation(node["permutation"])
    landing = [place[axis] for axis in below["axes"]]
    order = tuple(sorted(range(len(landing)), key=landing.__getitem__))
    x = emit("transpose", below.inputs[0], permutation=order)
    return emit("broadcast", x, shape=node.output.shape, axes=tuple(sorted(landing)))


@SHAPE_ALGEBRA.rule("slice(broadcast(x)) -> broadcast(slice(x))", "slice")
def slice_of_broadcast(node: Node) -> Value | None:
    below = _below(node, "broadcast")
    if below is None:
        return None
    axes = below["axes"]
    bounds = {name: tuple([node[name][axis] for axis in axes]) for name in ("starts", "stops", "steps")}
    return emit("broadcast", emit("slice", below.inputs[0], **bounds), shape=node.output.shape, axes=axes)


@SHAPE_ALGEBRA.rule("reverse(broadcast(x)) -> broadcast(reverse(x))", "reverse")
def reverse_of_broadcast(node: Node) -> Value | None:
    below = _below(node, "broadcast")
    if below is None:
        return None
    axes = tuple([place for place, axis in enumerate(below["axes"]) if axis in node["axes"]])
    x = emit("reverse", below.inputs[0], axes=axes)
    return emit("broadcast", x, shape=node.output.shape, axes=below["axes"])


@SHAPE_ALGEBRA.rule("pad(c by c) -> c, concat(c, c) -> c for a repeated number c", "pad", "concat")
def joined_equal_numbers(node: Node) -> Value | None:
    numbers = [uniform(x) for x in node.inputs]
    first = numbers[0]
    if first is None or any(number is None or number.tobytes() != first.tobytes() for number in numbers):
        return None
    return repeated(_scalar(node.inputs[0]), node.output.shape)


def _scalar(value: Value) -> Value:
    """The one element of a uniform value."""
    return value.node.inputs[0] if made_by(value, "broadcast") else value


@SHAPE_ALGEBRA.rule("constant(c, .., c) -> broadcast(c)", "constant")
def constant_of_equal_numbers(node: Node) -> Value | None:
    value: np.ndarray = node["value"]
    if value.size <= 1:
        return None
    elements = np.ascontiguousarray(value).reshape(-1, 1).view(f"u{min(value.itemsize, 8)}")
    if (elements[0] != elements[-1]).any() or not (elements == elements[0]).all():
        return None
    scalar = np.array(value.reshape(-1)[0])
    scalar.flags.writeable = False
    return repeated(emit("constant", value=scalar), node.output.shape)

"""Ops that rearrange all elements of a tensor: reshape, transpose, broadcast, reverse.

In: tensors of any dtype. Out: tensors whose every element is one element of an operand, found by index arithmetic (the
`lower` field). All are linear in their operands; their transposes are each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from lazygraph.compiler.ir import dims
from lazygraph.compiler.ir.dims import Extent, Shape
from lazygraph.compiler.ir.errors import ShapeError, shape_text
from lazygraph.compiler.ir.graph import Attributes, Node, TensorType, Value
from lazygraph.compiler.loop.ir import Index, Operand
from lazygraph.compiler.ops.compose import emit, inverse_permutation, permuted, spread
from lazygraph.compiler.ops.lowering import ElementBuilder, Pointwise
from lazygraph.compiler.ops.record import Domain, Flags, Op, Tangents, register
from lazygraph.compiler.ops.samples import EVERY, unary_cases, unary_smooth
from lazygraph.compiler.ops.type_rules import (
    require_axes,
    require_equal,
    require_equal_shapes,
    require_operands,
    require_shape,
)

Types = tuple[TensorType, ...]
Shapes = Sequence[tuple[Sequence[int], dict[str, Any]]]


def same_op(node: Node, tangents: Tangents) -> Tangents:
    """The JVP of a linear op of one operand: itself, applied to the tangent."""
    (dx,) = tangents
    return (None if dx is None else node.op(dx, **node.attributes),)


def _unary_domain(shapes: Shapes) -> Domain:
    return Domain(EVERY, unary_cases(shapes), unary_smooth(shapes))


# --- reshape ----------------------------------------------------------------------------------------------------------


def _reshape_type(types: Types, attributes: Attributes) -> Types:
    require_operands("reshape", types, 1)
    shape = require_shape("reshape", attributes["shape"])
    (x,) = types
    what = f"elements of {shape_text(x.shape)} and {shape_text(shape)}"
    require_equal("reshape", what, dims.product(x.shape), dims.product(shape))
    return (TensorType(x.dtype, shape),)


def _reshape_transpose(node: Node, cotangents: Tangents, linear: tuple[bool, ...]) -> Tangents:
    (ct,) = cotangents
    return (None if ct is None else emit("reshape", ct, shape=node.inputs[0].shape),)


def _reshape_batch(node: Node, inputs: tuple[Value, ...], batched: tuple[bool, ...], size: Extent) -> tuple[Value, ...]:
    return (emit("reshape", inputs[0], shape=(size, *node["shape"])),)


def _reshape_element(b: ElementBuilder, node: Node, index: Index) -> Operand:
    return b.read(0, split_index(index, node["shape"], node.inputs[0].shape))


def split_index(index: Index, shape: Shape, other: Shape) -> Index:
    """The index into `other` of the element that `index` names in `shape`, both in row-major order.

    The shapes are cut wherever their leading products agree; within a group, i_k = (linear // stride_k) % extent_k.
    """
    mine = [axis for axis, extent in enumerate(shape) if extent != 1]
    theirs = [axis for axis, extent in enumerate(other) if extent != 1]
    result: list[Extent] = [0] * len(other)
    starts = {product: place for place, product in enumerate(_leading_products(shape, mine))}
    from_mine = from_theirs = 0
    for place, product in enumerate(_leading_products(other, theirs)):
        if place and (product in starts or place == len(theirs)):
            group = mine[from_mine : starts.get(product, len(mine))]
            linear = linear_index([index[axis] for axis in group], [shape[axis] for axis in group])
            first, *rest = theirs[from_theirs:place]
            for axis in reversed(rest):
                result[axis] = dims.mod(linear, other[axis])
                linear = dims.floordiv(linear, other[axis])
            result[first] = linear
            from_mine, from_theirs = starts.get(product, len(mine)), place
    return tuple(result)


def linear_index(index: Sequence[Extent], shape: Sequence[Extent]) -> Extent:
    """The row-major position of an element."""
    position: Extent = 0
    for each, extent in zip(index, shape):
        position = dims.add(dims.multiply(position, extent), each)
    return position


def _leading_products(shape: Shape, axes: Sequence[int]) -> list[Extent]:
    products: list[Extent] = [1]
    for axis in axes:
        products.append(dims.multiply(products[-1], shape[axis]))
    return products


_RESHAPES: Shapes = [
    ((6,), {"shape": (2, 3)}),
    ((2, 3, 5), {"shape": (6, 5)}),
    ((4, 6), {"shape": (8, 3)}),
    ((1,), {"shape": ()}),
    ((), {"shape": (1, 1)}),
    ((0, 3), {"shape": (7, 0)}),
    ((67, 2), {"shape": (2, 1, 67)}),
]

reshape = register(
    Op(
        name="reshape",
        doc="The same elements in row-major order under another shape of as many elements.",
        type_rule=_reshape_type,
        reference=lambda x, *, shape: x.reshape(shape),
        jvp=same_op,
        transpose=_reshape_transpose,
        batch=_reshape_batch,
        lower=Pointwise(_reshape_element, onto=lambda b, node, inputs, outputs: None),
        domain=_unary_domain(_RESHAPES),
        ulp=0,
        flags=Flags(linear=(0,), moves=True),
    )
)


# --- transpose --------------------------------------------------------------------------------------------------------


def _transpose_type(types: Types, attributes: Attributes) -> Types:
    require_operands("transpose", types, 1)
    (x,) = types
    permutation = require_axes("transpose", attributes["permutation"], x.rank, what="permutation", increasing=False)
    if len(permutation) != x.rank:
        expected = f"{x.rank} axes for {shape_text(x.shape)}"
        raise ShapeError(f"transpose: permutation: expected {expected}, found {permutation}")
    return (TensorType(x.dtype, tuple([x.shape[axis] for axis in permutation])),)


def _transpose_transpose(node: Node, cotangents: Tangents, linear: tuple[bool, ...]) -> Tangents:
    (ct,) = cotangents
    return (None if ct is None else permuted(ct, inverse_permutation(node["permutation"])),)


def _transpose_batch(
    node: Node, inputs: tuple[Value, ...], batched: tuple[bool, ...], size: Extent
) -> tuple[Value, ...]:
    return (emit("transpose", inputs[0], permutation=(0, *[axis + 1 for axis in node["permutation"]])),)


def _transpose_element(b: ElementBuilder, node: Node, index: Index) -> Operand:
    return b.read(0, tuple([index[place] for place in inverse_permutation(node["permutation"])]))


_TRANSPOSES: Shapes = [
    ((), {"permutation": ()}),
    ((5,), {"permutation": (0,)}),
    ((3, 67), {"permutation": (1, 0)}),
    ((2, 3, 5), {"permutation": (2, 0, 1)}),
    ((2, 0, 5), {"permutation": (1, 2, 0)}),
]

transpose = register(
    Op(
        name="transpose",
        doc="Axes reordered: result axis i is operand axis permutation[i].",
        type_rule=_transpose_type,
        reference=lambda x, *, permutation: x.transpose(permutation),
        jvp=same_op,
        transpose=_transpose_transpose,
        batch=_transpose_batch,
        lower=Pointwise(_transpose_element),
        domain=_unary_domain(_TRANSPOSES),
        ulp=0,
        flags=Flags(linear=(0,), moves=True),
    )
)


# --- broadcast --------------------------------------------------------------------------------------------------------


def _broadcast_type(types: Types, attributes: Attributes) -> Types:
    require_operands("broadcast", types, 1)
    (x,) = types
    shape = require_shape("broadcast", attributes["shape"])
    axes = require_axes("broadcast", attributes["axes"], len(shape))
    if len(axes) != x.rank:
        raise ShapeError(f"broadcast: axes: expected one per axis of {shape_text(x.shape)}, found {axes}")
    kept = tuple([shape[axis] for axis in axes])
    require_equal_shapes("broadcast", "the operand and its axes of the result", x.shape, kept)
    return (TensorType(x.dtype, shape),)


def _broadcast_reference(x: np.ndarray, *, shape: tuple[int, ...], axes: tuple[int, ...]) -> np.ndarray:
    aligned = [1] * len(shape)
    for axis, extent in zip(axes, x.shape):
        aligned[axis] = extent
    return np.broadcast_to(x.reshape(aligned), shape)


def _broadcast_transpose(node: Node, cotangents: Tangents, linear: tuple[bool, ...]) -> Tangents:
    (ct,) = cotangents
    added = tuple([axis for axis in range(len(node["shape"])) if axis not in node["axes"]])
    return (ct if ct is None or not added else emit("reduce_sum", ct, axes=added),)


def _broadcast_batch(
    node: Node, inputs: tuple[Value, ...], batched: tuple[bool, ...], size: Extent
) -> tuple[Value, ...]:
    return (spread(inputs[0], (size, *node["shape"]), (0, *[axis + 1 for axis in node["axes"]])),)


def _broadcast_element(b: ElementBuilder, node: Node, index: Index) -> Operand:
    return b.read(0, tuple([index[axis] for axis in node["axes"]]))


_BROADCASTS: Shapes = [
    ((), {"shape": (), "axes": ()}),
    ((), {"shape": (3, 5), "axes": ()}),
    ((5,), {"shape": (3, 5), "axes": (1,)}),
    ((3,), {"shape": (3, 67), "axes": (0,)}),
    ((67,), {"shape": (2, 67), "axes": (1,)}),
    ((2, 5), {"shape": (2, 3, 5), "axes": (0, 2)}),
    ((3,), {"shape": (0, 3), "axes": (1,)}),
    ((0,), {"shape": (0, 3), "axes": (0,)}),
]

broadcast = register(
    Op(
        name="broadcast",
        doc="Repeated along new axes: operand axis i is result axis axes[i], every other axis is new.",
        type_rule=_broadcast_type,
        reference=_broadcast_reference,
        jvp=same_op,
        transpose=_broadcast_transpose,
        batch=_broadcast_batch,
        lower=Pointwise(_broadcast_element),
        domain=_unary_domain(_BROADCASTS),
        ulp=0,
        flags=Flags(linear=(0,), moves=True),
    )
)


# --- reverse ----------------------------------------------------------------------------------------------------------


def _reverse_type(types: Types, attributes: Attributes) -> Types:
    require_operands("reverse", types, 1)
    require_axes("reverse", attributes["axes"], types[0].rank)
    return types


def _reverse_transpose(node: Node, cotangents: Tangents, linear: tuple[bool, ...]) -> Tangents:
    return same_op(node, cotangents)


def _reverse_batch(node: Node, inputs: tuple[Value, ...], batched: tuple[bool, ...], size: Extent) -> tuple[Value, ...]:
    return (emit("reverse", inputs[0], axes=tuple([axis + 1 for axis in node["axes"]])),)


def _reverse_element(b: ElementBuilder, node: Node, index: Index) -> Operand:
    shape = node.inputs[0].shape
    return b.read(0, tuple([shape[axis] - 1 - i if axis in node["axes"] else i for axis, i in enumerate(index)]))


_REVERSES: Shapes = [
    ((), {"axes": ()}),
    ((67,), {"axes": (0,)}),
    ((2, 3, 5), {"axes": (0, 2)}),
    ((0, 3), {"axes": (0, 1)}),
]

reverse = register(
    Op(
        name="reverse",
        doc="Elements in opposite order along the axes.",
        type_rule=_reverse_type,
        reference=lambda x, *, axes: np.flip(x, axes),
        jvp=same_op,
        transpose=_reverse_transpose,
        batch=_reverse_batch,
        lower=Pointwise(_reverse_element),
        domain=_unary_domain(_REVERSES),
        ulp=0,
        flags=Flags(linear=(0,), moves=True),
    )
)

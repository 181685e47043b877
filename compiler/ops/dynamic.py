"""Slices whose starts are computed: dynamic_slice and dynamic_update_slice.

In: a tensor and one integer scalar per axis, the start. Out: the block of the given shape there; or the tensor with an
update in place of that block. A start is clamped to 0 .. extent - size, as in XLA: the block always lies inside.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lazygraph.compiler.ir.dims import Extent, Shape
from lazygraph.compiler.ir.errors import ShapeError
from lazygraph.compiler.ir.graph import Attributes, Node, TensorType, Value
from lazygraph.compiler.loop.ir import Buffer, Index, Operand
from lazygraph.compiler.ops.compose import batched_input, emit, or_zeros, spread
from lazygraph.compiler.ops.lowering import BodyBuilder, ElementBuilder, Pointwise
from lazygraph.compiler.ops.nests import nest, serial_then_vector
from lazygraph.compiler.ops.record import Domain, Flags, Op, Tangents, full, register, zeros
from lazygraph.compiler.ops.samples import EVERY, Case, hostile, smooth
from lazygraph.compiler.ops.type_rules import (
    require_at_most,
    require_dtype,
    require_equal_shapes,
    require_same_dtype,
    require_shape,
)
from lazygraph.runtime.dtypes import DType, int64

# --- what the records share -------------------------------------------------------------------------------------------


def _require_block(op: str, x: TensorType, starts: Sequence[TensorType], shape: Shape) -> None:
    if len(starts) != x.rank or len(shape) != x.rank:
        raise ShapeError(f"{op}: expected {x.rank} starts and sizes, found {len(starts)} and {len(shape)}")
    for axis, (start, size, extent) in enumerate(zip(starts, shape, x.shape)):
        require_dtype(op, f"start of axis {axis}", start.dtype, ("int",))
        require_equal_shapes(op, f"the start of axis {axis} is a scalar", start.shape, ())
        require_at_most(op, f"size and extent of axis {axis}", size, extent)


def _place(x: np.ndarray, starts: Sequence[np.ndarray], shape: Sequence[int]) -> tuple[slice, ...]:
    first = [min(max(int(start), 0), extent - size) for start, extent, size in zip(starts, x.shape, shape)]
    return tuple([slice(at, at + size) for at, size in zip(first, shape)])


def _start(b: ElementBuilder, node: Node, place: int, extent: Extent, size: Extent) -> Extent:
    """min(max(start, 0), extent - size), from input number `place`."""
    given = b.let("cast", b.read(place, ()), dtype=int64)
    low = b.let("max", given, b.literal(0, int64))
    return b.as_index(b.let("min", low, b.index_value(extent - size, int64)), extent - size + 1)


def _block_indices(
    starts: Sequence[Value], batched: Sequence[bool], x: Shape, shape: Shape, size: Extent, counted: bool
) -> list[Value]:
    """Where each element of a batch of blocks is: an array per axis, after one for the batch axis if `counted`."""
    whole = (size, *shape)
    found = [emit("iota", dtype=int64, shape=whole, axis=0)] if counted else []
    for axis, (start, has, extent, length) in enumerate(zip(starts, batched, x, shape)):
        given = emit("cast", start, dtype=int64)
        highest = spread(emit("extent", value=extent - length, dtype=int64), given.shape, ())
        inside = emit("min", emit("max", given, full(given.type, 0)), highest)
        found.append(emit("iota", dtype=int64, shape=whole, axis=axis + 1) + spread(inside, whole, (0,) if has else ()))
    return found


def _zero(like: Sequence[Value]) -> Value:
    return full(TensorType(like[0].dtype if like else int64, ()), 0)


# --- dynamic_slice ----------------------------------------------------------------------------------------------------


def _slice_type(types: tuple[TensorType, ...], attributes: Attributes) -> Sequence[TensorType]:
    x, *starts = types
    shape = require_shape("dynamic_slice", attributes["shape"])
    _require_block("dynamic_slice", x, starts, shape)
    return (TensorType(x.dtype, shape),)


def _slice_reference(x: np.ndarray, *starts: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    return x[_place(x, starts, shape)]


def _slice_jvp(node: Node, tangents: Tangents) -> Tangents:
    dx = tangents[0]
    return (None if dx is None else node.op(dx, *node.inputs[1:], **node.attributes),)


def _slice_transpose(node: Node, cotangents: Tangents, linear: tuple[bool, ...]) -> Tangents:
    (ct,) = cotangents
    x, *starts = node.inputs
    none: Tangents = (None,) * len(starts)
    if ct is None or not linear[0]:
        return (None, *none)
    return (emit("dynamic_update_slice", zeros(x.type), ct, *starts), *none)


def _slice_batch(node: Node, inputs: tuple[Value, ...], batched: tuple[bool, ...], size: Extent) -> tuple[Value, ...]:
    x, *starts = inputs
    shape = node["shape"]
    if not any(batched[1:]):
        return (emit("dynamic_slice", x, _zero(starts), *starts, shape=(size, *shape)),)
    indices = _block_indices(starts, batched[1:], node.inputs[0].shape, shape, size, batched[0])
    return (emit("gather", x, *indices, axes=tuple(range(len(indices))), mode="clip"),)


def _slice_element(b: ElementBuilder, node: Node, index: Index) -> Operand:
    x = node.inputs[0]
    at = [
        _start(b, node, 1 + axis, extent, size) + i
        for axis, (i, extent, size) in enumerate(zip(index, x.shape, node["shape"]))
    ]
    return b.read(0, tuple(at))


# (operand shape, block shape)
_SHAPES: Sequence[tuple[Sequence[int], tuple[int, ...]]] = [
    ((), ()),
    ((7,), (3,)),
    ((7,), (7,)),
    ((7,), (0,)),
    ((0,), (0,)),
    ((3, 71), (2, 67)),
    ((5, 1, 4), (2, 1, 3)),
]


def _starts(rng: np.random.Generator, shape: Sequence[int]) -> list[np.ndarray]:
    """Beyond both ends at times; alternately int64 and int32."""
    kinds = (np.int64, np.int32)
    return [np.asarray(rng.integers(-2, extent + 2), kinds[axis % 2]) for axis, extent in enumerate(shape)]


def _slice_cases(rng: np.random.Generator, dtype: DType) -> list[Case]:
    return [((hostile(rng, dtype, shape), *_starts(rng, shape)), {"shape": block}) for shape, block in _SHAPES]


def _slice_smooth(rng: np.random.Generator) -> list[Case]:
    return [((*smooth(rng, shape), *_starts(rng, shape)), {"shape": block}) for shape, block in _SHAPES]


dynamic_slice = register(
    Op(
        name="dynamic_slice",
        doc="The block of a given shape from computed starts, which are clamped so that it lies inside.",
        type_rule=_slice_type,
        reference=_slice_reference,
        jvp=_slice_jvp,
        transpose=_slice_transpose,
        batch=_slice_batch,
        lower=Pointwise(_slice_element),
        domain=Domain(EVERY, _slice_cases, _slice_smooth),
        ulp=0,
        flags=Flags(linear=(0,), moves=True),
    )
)


# --- dynamic_update_slice ---------------------------------------------------------------------------------------------


def _update_type(types: tuple[TensorType, ...], attributes: Attributes) -> Sequence[TensorType]:
    x, update, *starts = types
    require_same_dtype("dynamic_update_slice", "operand and update", x.dtype, update.dtype)
    _require_block("dynamic_update_slice", x, starts, update.shape)
    return (x,)


def _update_reference(x: np.ndarray, update: np.ndarray, *starts: np.ndarray) -> np.ndarray:
    result = x.copy()
    result[_place(x, starts, update.shape)] = update
    return result


def _update_jvp(node: Node, tangents: Tangents) -> Tangents:
    if tangents[0] is None and tangents[1] is None:
        return (None,)
    x, update, *starts = node.inputs
    return (node.op(or_zeros(tangents[0], x), or_zeros(tangents[1], update), *starts),)


def _update_transpose(node: Node, cotangents: Tangents, linear: tuple[bool, ...]) -> Tangents:
    (ct,) = cotangents
    _, update, *starts = node.inputs
    none: Tangents = (None,) * len(starts)
    if ct is None:
        return (None, None, *none)
    for_x = node.op(ct, zeros(update.type), *starts) if linear[0] else None
    for_update = emit("dynamic_slice", ct, *starts, shape=update.shape) if linear[1] else None
    return (for_x, for_update, *none)


def _update_batch(node: Node, inputs: tuple[Value, ...], batched: tuple[bool, ...], size: Extent) -> tuple[Value, ...]:
    x, update, *starts = inputs
    x, update = batched_input(x, batched[0], size), batched_input(update, batched[1], size)
    if not any(batched[2:]):
        return (emit("dynamic_update_slice", x, update, _zero(starts), *starts),)
    operand, block = node.inputs[:2]
    indices = _block_indices(starts, batched[2:], operand.shape, block.shape, size, True)
    return (emit("scatter_set", x, update, *indices, axes=tuple(range(len(indices))), mode="clip"),)


def _update_element(b: ElementBuilder, node: Node, index: Index) -> Operand:
    x, update = node.inputs[:2]
    inside: Operand | None = None
    at: list[Extent] = []
    for axis, (i, extent, size) in enumerate(zip(index, x.shape, update.shape)):
        shifted = i - _start(b, node, 2 + axis, extent, size)
        at.append(shifted)
        test = b.in_range(shifted, 0, size)
        inside = test if inside is None else b.let("and", inside, test)
    return b.read(1, ()) if inside is None else b.read_where(inside, 1, tuple(at), b.read(0, index))


def _write_block(b: BodyBuilder, node: Node, inputs: tuple[Buffer, ...], outputs: tuple[Buffer, ...]) -> None:
    """Only the block, into a buffer that holds the operand."""
    (x, update, *starts), (target,) = inputs, outputs
    first: list[Extent] = []
    for start, extent, size in zip(starts, x.shape, update.shape):
        given = b.let("cast", b.load(start, ()), dtype=int64)
        inside = b.let("min", b.let("max", given, b.literal(0, int64)), b.index_value(extent - size, int64))
        first.append(b.as_index(inside, extent - size + 1))

    def one(at: Index) -> None:
        b.store(target, tuple([start + i for start, i in zip(first, at)]), b.load(update, at))

    nest(b, "i", serial_then_vector(update.shape), one)


def _update_cases(rng: np.random.Generator, dtype: DType) -> list[Case]:
    return [
        ((hostile(rng, dtype, shape), hostile(rng, dtype, block), *_starts(rng, shape)), {}) for shape, block in _SHAPES
    ]


def _update_smooth(rng: np.random.Generator) -> list[Case]:
    return [((*smooth(rng, shape, block), *_starts(rng, shape)), {}) for shape, block in _SHAPES]


dynamic_update_slice = register(
    Op(
        name="dynamic_update_slice",
        doc="The operand with an update in place of the block at computed starts, clamped so that it lies inside.",
        type_rule=_update_type,
        reference=_update_reference,
        jvp=_update_jvp,
        transpose=_update_transpose,
        batch=_update_batch,
        lower=Pointwise(_update_element, onto=_write_block),
        domain=Domain(EVERY, _update_cases, _update_smooth),
        ulp=0,
        flags=Flags(linear=(0, 1)),
    )
)

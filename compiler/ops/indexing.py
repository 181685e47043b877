"""Reads at computed indices: gather, and what it shares with the scatters.

In: a tensor, and one integer array per indexed axis, all of one shape S. Out: gather reads `operand[.., i_k, ..]` into
shape S + the remaining axes. Mode "check" fails the step on an index outside 0 .. extent-1, "clip" takes the nearest
one inside. No index out of range is ever read or written; on an axis without elements a clipped read gives 0.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lazygraph.compiler.ir import dims
from lazygraph.compiler.ir.dims import Extent, Shape
from lazygraph.compiler.ir.errors import CheckFailed, ShapeError
from lazygraph.compiler.ir.graph import Attributes, Node, TensorType, Value
from lazygraph.compiler.loop.ir import Index, Operand
from lazygraph.compiler.ops.checks import sentence
from lazygraph.compiler.ops.compose import axis_moved, batched_input, emit
from lazygraph.compiler.ops.lowering import BodyBuilder, ElementBuilder, Pointwise
from lazygraph.compiler.ops.record import Domain, Flags, Op, Tangents, register, zeros
from lazygraph.compiler.ops.samples import EVERY, Case, hostile, smooth
from lazygraph.compiler.ops.type_rules import (
    require_axes,
    require_dtype,
    require_equal_shapes,
)
from lazygraph.runtime.dtypes import DType, int64

MODES = ("check", "clip")
INDEX_TYPES = ("int32", "int64")


def remaining(rank: int, axes: Sequence[int]) -> tuple[int, ...]:
    return tuple([axis for axis in range(rank) if axis not in axes])


def picked_shape(op: str, operand: TensorType, indices: Sequence[TensorType], attributes: Attributes) -> Shape:
    """S + the remaining axes, after checking the axes, the mode and the index arrays."""
    axes = require_axes(op, attributes["axes"], operand.rank)
    if attributes["mode"] not in MODES:
        raise ValueError(f"{op}: mode: expected {' or '.join(MODES)}, found {attributes['mode']!r}")
    if not indices or len(indices) != len(axes):
        raise ShapeError(f"{op}: expected one index array for each of the axes {axes}, found {len(indices)}")
    for place, index in enumerate(indices):
        require_dtype(op, f"index {place}", index.dtype, ("int",))
        if index.dtype.name not in INDEX_TYPES:
            raise TypeError(f"{op}: index {place}: expected {' or '.join(INDEX_TYPES)}, found {index.dtype}")
        require_equal_shapes(op, f"index arrays 0 and {place}", indices[0].shape, index.shape)
    return (*indices[0].shape, *[operand.shape[axis] for axis in remaining(operand.rank, axes)])


def located(
    shape: Sequence[int], indices: Sequence[np.ndarray], axes: Sequence[int], mode: str
) -> tuple[list[np.ndarray], np.ndarray]:
    """Indices clipped into range as int64, and where all of them have an element; a strict index outside raises."""
    held = np.ones(indices[0].shape, np.bool_)
    clipped = []
    for axis, index in zip(axes, indices):
        extent = shape[axis]
        outside = (index < 0) | (index >= extent)
        if mode == "check" and outside.any():
            raise CheckFailed(sentence("index", (int(index[outside][0]), extent)))
        held &= extent > 0
        clipped.append(np.clip(index.astype(np.int64), 0, max(extent - 1, 0)))
    return clipped, held


def with_batch_index(
    indices: Sequence[Value], batched: Sequence[bool], size: Extent
) -> tuple[list[Value], tuple[int, ...]]:
    """Every index array with a leading batch axis, preceded by the array that counts along it."""
    spread_indices = [batched_input(index, has, size) for index, has in zip(indices, batched)]
    counter = emit("iota", dtype=spread_indices[0].dtype, shape=spread_indices[0].shape, axis=0)
    return [counter, *spread_indices], (0,)


def in_bounds(b: BodyBuilder, index: Operand, extent: Extent) -> Operand:
    above = b.let("le", b.literal(0, int64), index)
    return b.let("and", above, b.let("lt", index, b.index_value(extent, int64)))


def clamped_index(b: BodyBuilder, index: Operand, extent: Extent) -> Operand:
    """min(max(index, 0), extent - 1): in range unless the extent is 0."""
    return b.let("min", b.let("max", index, b.literal(0, int64)), b.index_value(extent - 1, int64))


def all_of(b: BodyBuilder, conditions: Sequence[Operand]) -> Operand | None:
    held: Operand | None = None
    for each in conditions:
        held = each if held is None else b.let("and", held, each)
    return held


# --- gather -----------------------------------------------------------------------------------------------------------


def _gather_type(types: tuple[TensorType, ...], attributes: Attributes) -> Sequence[TensorType]:
    operand, *indices = types
    return (TensorType(operand.dtype, picked_shape("gather", operand, indices, attributes)),)


def _gather_reference(operand: np.ndarray, *indices: np.ndarray, axes: tuple[int, ...], mode: str) -> np.ndarray:
    clipped, held = located(operand.shape, indices, axes, mode)
    rest = remaining(operand.ndim, axes)
    shape = indices[0].shape + tuple(operand.shape[axis] for axis in rest)
    if not held.all():
        return np.zeros(shape, operand.dtype)
    return np.asarray(operand.transpose((*axes, *rest))[tuple(clipped)]).reshape(shape)


def _gather_jvp(node: Node, tangents: Tangents) -> Tangents:
    dx = tangents[0]
    return (None if dx is None else node.op(dx, *node.inputs[1:], **node.attributes),)


def _gather_transpose(node: Node, cotangents: Tangents, linear: tuple[bool, ...]) -> Tangents:
    (ct,) = cotangents
    operand, *indices = node.inputs
    none: Tangents = (None,) * len(indices)
    if ct is None or not linear[0]:
        return (None, *none)
    return (emit("scatter_add", zeros(operand.type), ct, *indices, **node.attributes), *none)


def _gather_batch(node: Node, inputs: tuple[Value, ...], batched: tuple[bool, ...], size: Extent) -> tuple[Value, ...]:
    operand, *indices = inputs
    axes, mode = node["axes"], node["mode"]
    if not any(batched[1:]):  # one set of indices for all examples: the batch axis is one more remaining axis
        moved = tuple([axis + 1 for axis in axes])
        result = emit("gather", operand, *indices, axes=moved, mode=mode)
        return (axis_moved(result, indices[0].type.rank, 0),)
    if not batched[0]:
        spread_indices = [batched_input(index, has, size) for index, has in zip(indices, batched[1:])]
        return (emit("gather", operand, *spread_indices, axes=axes, mode=mode),)
    counted, lead = with_batch_index(indices, batched[1:], size)
    return (emit("gather", operand, *counted, axes=(*lead, *[axis + 1 for axis in axes]), mode=mode),)


def _gather_element(b: ElementBuilder, node: Node, index: Index) -> Operand:
    operand, *indices = node.inputs
    axes, depth = node["axes"], indices[0].type.rank
    at: dict[int, Extent] = dict(zip(remaining(operand.type.rank, axes), index[depth:]))
    filled = []
    for place, axis in enumerate(axes):
        extent = operand.shape[axis]
        position = b.let("cast", b.read(1 + place, index[:depth]), dtype=int64)
        if node["mode"] == "check":
            b.check(node, "index", in_bounds(b, position, extent), (position, b.index_value(extent, int64)))
        at[axis] = b.as_index(clamped_index(b, position, extent), extent)
        if not dims.prove_nonnegative(extent - 1):
            filled.append(b.in_range(0, 0, extent))
    found = tuple([at[axis] for axis in range(operand.type.rank)])
    held = all_of(b, filled)
    return b.read(0, found) if held is None else b.read_where(held, 0, found, b.literal(0, operand.dtype))


# (operand shape, index shape S, axes)
SHAPES: Sequence[tuple[Sequence[int], Sequence[int], tuple[int, ...]]] = [
    ((7,), (5,), (0,)),
    ((7,), (), (0,)),
    ((11, 67), (3, 2), (0,)),
    ((67, 5, 13), (29,), (0,)),
    ((5, 67), (3,), (1,)),
    ((3, 7, 2), (5,), (1,)),
    ((3, 7, 5), (4,), (0, 2)),
    ((3, 4), (131,), (0, 1)),
    ((7, 0), (2,), (0,)),
    ((7, 2), (0,), (0,)),
    ((0, 2), (0,), (0,)),
    ((1, 1), (3,), (1,)),
]


FEW = [
    ((7,), (5,), (0,)),
    ((7,), (), (0,)),
    ((3, 7, 2), (5,), (1,)),
    ((3, 4, 5), (4,), (0, 2)),
    ((3, 4), (11,), (0, 1)),
]


def some_indices(
    rng: np.random.Generator, shape: Sequence[int], picked: Sequence[int], axes: Sequence[int], mode: str
) -> list[np.ndarray]:
    """Alternately int32 and int64; beyond both ends of the axis where the mode allows it."""
    spare = 3 if mode == "clip" else 0
    kinds = (np.int64, np.int32)
    return [rng.integers(-spare, max(shape[axis], 1) + spare, picked).astype(kinds[axis % 2]) for axis in axes]


def _gather_cases(rng: np.random.Generator, dtype: DType) -> list[Case]:
    return [
        ((hostile(rng, dtype, shape), *some_indices(rng, shape, picked, axes, mode)), {"axes": axes, "mode": mode})
        for shape, picked, axes in SHAPES
        for mode in MODES
    ]


def _gather_smooth(rng: np.random.Generator) -> list[Case]:
    return [
        ((*smooth(rng, shape), *some_indices(rng, shape, picked, axes, mode)), {"axes": axes, "mode": mode})
        for shape, picked, axes in FEW
        for mode in MODES
    ]


gather = register(
    Op(
        name="gather",
        doc="Elements at computed indices along some axes: shape S of the index arrays, then the remaining axes.",
        type_rule=_gather_type,
        reference=_gather_reference,
        jvp=_gather_jvp,
        transpose=_gather_transpose,
        batch=_gather_batch,
        lower=Pointwise(_gather_element),
        domain=Domain(EVERY, _gather_cases, _gather_smooth),
        ulp=0,
        flags=Flags(linear=(0,), moves=True),
    )
)

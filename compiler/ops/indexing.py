"""Reads and sums at computed indices: gather and scatter_add.

In: a tensor, and one integer array per indexed axis, all of one shape S. Out: gather reads `operand[.., i_k, ..]` into
shape S + the remaining axes; scatter_add adds updates of that shape there, in order of their position in S, so that
the sum's bits do not depend on the schedule. Mode "check" fails the step on an index outside 0 .. extent-1, "clip"
takes the nearest one inside. No index out of range is ever read or written; on an axis without elements a clipped read
gives 0.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lazygraph.compiler.ir import dims
from lazygraph.compiler.ir.dims import Extent, Shape
from lazygraph.compiler.ir.errors import CheckFailed, ShapeError
from lazygraph.compiler.ir.graph import Attributes, Node, TensorType, Value
from lazygraph.compiler.loop.ir import Buffer, Index, Operand
from lazygraph.compiler.ops.checks import sentence
from lazygraph.compiler.ops.compose import axis_moved, batched_input, emit, or_zeros
from lazygraph.compiler.ops.lowering import BodyBuilder, ElementBuilder, Loops, Pointwise
from lazygraph.compiler.ops.nests import nest, serial_then_vector
from lazygraph.compiler.ops.record import Domain, Flags, Op, register, zeros
from lazygraph.compiler.ops.samples import ALL_TYPES, NUMBERS, Case, hostile, smooth
from lazygraph.compiler.ops.type_rules import (
    require_axes,
    require_dtype,
    require_equal_shapes,
    require_same_dtype,
)
from lazygraph.runtime.dtypes import DType, int64

Tangents = tuple[Value | None, ...]
MODES = ("check", "clip")
INDEX_TYPES = ("int32", "int64")
WIDE = 64  # elements that an update adds at least where several threads go through all indices
PARTS = 16  # into which the target is cut then
ROWS = 1024  # of each part where the extent is symbolic


def _remaining(rank: int, axes: Sequence[int]) -> tuple[int, ...]:
    return tuple([axis for axis in range(rank) if axis not in axes])


def _picked_shape(op: str, operand: TensorType, indices: Sequence[TensorType], attributes: Attributes) -> Shape:
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
    return (*indices[0].shape, *[operand.shape[axis] for axis in _remaining(operand.rank, axes)])


def _located(
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


def _with_batch_index(
    indices: Sequence[Value], batched: Sequence[bool], size: Extent
) -> tuple[list[Value], tuple[int, ...]]:
    """Every index array with a leading batch axis, preceded by the array that counts along it."""
    spread_indices = [batched_input(index, has, size) for index, has in zip(indices, batched)]
    counter = emit("iota", dtype=spread_indices[0].dtype, shape=spread_indices[0].shape, axis=0)
    return [counter, *spread_indices], (0,)


def _in_bounds(b: BodyBuilder, index: Operand, extent: Extent) -> Operand:
    above = b.let("le", b.literal(0, int64), index)
    return b.let("and", above, b.let("lt", index, b.index_value(extent, int64)))


def _clamped(b: BodyBuilder, index: Operand, extent: Extent) -> Operand:
    """min(max(index, 0), extent - 1): in range unless the extent is 0."""
    return b.let("min", b.let("max", index, b.literal(0, int64)), b.index_value(extent - 1, int64))


def _all(b: BodyBuilder, conditions: Sequence[Operand]) -> Operand | None:
    held: Operand | None = None
    for each in conditions:
        held = each if held is None else b.let("and", held, each)
    return held


# --- gather -----------------------------------------------------------------------------------------------------------


def _gather_type(types: tuple[TensorType, ...], attributes: Attributes) -> Sequence[TensorType]:
    operand, *indices = types
    return (TensorType(operand.dtype, _picked_shape("gather", operand, indices, attributes)),)


def _gather_reference(operand: np.ndarray, *indices: np.ndarray, axes: tuple[int, ...], mode: str) -> np.ndarray:
    clipped, held = _located(operand.shape, indices, axes, mode)
    rest = _remaining(operand.ndim, axes)
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
    counted, lead = _with_batch_index(indices, batched[1:], size)
    return (emit("gather", operand, *counted, axes=(*lead, *[axis + 1 for axis in axes]), mode=mode),)


def _gather_element(b: ElementBuilder, node: Node, index: Index) -> Operand:
    operand, *indices = node.inputs
    axes, depth = node["axes"], indices[0].type.rank
    at: dict[int, Extent] = dict(zip(_remaining(operand.type.rank, axes), index[depth:]))
    filled = []
    for place, axis in enumerate(axes):
        extent = operand.shape[axis]
        position = b.let("cast", b.read(1 + place, index[:depth]), dtype=int64)
        if node["mode"] == "check":
            b.check(node, "index", _in_bounds(b, position, extent), (position, b.index_value(extent, int64)))
        at[axis] = b.as_index(_clamped(b, position, extent), extent)
        if not dims.prove_nonnegative(extent - 1):
            filled.append(b.in_range(0, 0, extent))
    found = tuple([at[axis] for axis in range(operand.type.rank)])
    held = _all(b, filled)
    return b.read(0, found) if held is None else b.read_where(held, 0, found, b.literal(0, operand.dtype))


# (operand shape, index shape S, axes)
_SHAPES: Sequence[tuple[Sequence[int], Sequence[int], tuple[int, ...]]] = [
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


_FEW = [
    ((7,), (5,), (0,)),
    ((7,), (), (0,)),
    ((3, 7, 2), (5,), (1,)),
    ((3, 4, 5), (4,), (0, 2)),
    ((3, 4), (11,), (0, 1)),
]


def _some_indices(
    rng: np.random.Generator, shape: Sequence[int], picked: Sequence[int], axes: Sequence[int], mode: str
) -> list[np.ndarray]:
    """Alternately int32 and int64; beyond both ends of the axis where the mode allows it."""
    spare = 3 if mode == "clip" else 0
    kinds = (np.int64, np.int32)
    return [rng.integers(-spare, max(shape[axis], 1) + spare, picked).astype(kinds[axis % 2]) for axis in axes]


def _gather_cases(rng: np.random.Generator, dtype: DType) -> list[Case]:
    return [
        ((hostile(rng, dtype, shape), *_some_indices(rng, shape, picked, axes, mode)), {"axes": axes, "mode": mode})
        for shape, picked, axes in _SHAPES
        for mode in MODES
    ]


def _gather_smooth(rng: np.random.Generator) -> list[Case]:
    return [
        ((*smooth(rng, shape), *_some_indices(rng, shape, picked, axes, mode)), {"axes": axes, "mode": mode})
        for shape, picked, axes in _FEW
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
        domain=Domain(ALL_TYPES, _gather_cases, _gather_smooth),
        ulp=0,
        flags=Flags(linear=(0,), moves=True),
    )
)


# --- scatter_add ------------------------------------------------------------------------------------------------------


def _scatter_type(types: tuple[TensorType, ...], attributes: Attributes) -> Sequence[TensorType]:
    operand, updates, *indices = types
    require_dtype("scatter_add", "operand", operand.dtype, ("int", "uint", "float"))
    require_same_dtype("scatter_add", "operand and updates", operand.dtype, updates.dtype)
    picked = _picked_shape("scatter_add", operand, indices, attributes)
    require_equal_shapes("scatter_add", "updates, and index arrays with the remaining axes", updates.shape, picked)
    return (operand,)


def _scatter_reference(
    operand: np.ndarray, updates: np.ndarray, *indices: np.ndarray, axes: tuple[int, ...], mode: str
) -> np.ndarray:
    clipped, held = _located(operand.shape, indices, axes, mode)
    result = operand.copy()
    if held.all():
        view = result.transpose((*axes, *_remaining(operand.ndim, axes)))
        np.add.at(view, tuple(clipped), updates)
    return result


def _scatter_jvp(node: Node, tangents: Tangents) -> Tangents:
    d_operand, d_updates = tangents[:2]
    if d_updates is None:
        return (d_operand,)
    operand, _, *indices = node.inputs
    return (node.op(or_zeros(d_operand, operand), d_updates, *indices, **node.attributes),)


def _scatter_transpose(node: Node, cotangents: Tangents, linear: tuple[bool, ...]) -> Tangents:
    (ct,) = cotangents
    indices = node.inputs[2:]
    none: Tangents = (None,) * len(indices)
    if ct is None:
        return (None, None, *none)
    for_updates = emit("gather", ct, *indices, **node.attributes) if linear[1] else None
    return (ct if linear[0] else None, for_updates, *none)


def _scatter_batch(node: Node, inputs: tuple[Value, ...], batched: tuple[bool, ...], size: Extent) -> tuple[Value, ...]:
    operand, updates, *indices = inputs
    operand, updates = batched_input(operand, batched[0], size), batched_input(updates, batched[1], size)
    axes, mode = tuple([axis + 1 for axis in node["axes"]]), node["mode"]
    if not any(batched[2:]):
        updates = axis_moved(updates, 0, indices[0].type.rank)
        return (emit("scatter_add", operand, updates, *indices, axes=axes, mode=mode),)
    counted, lead = _with_batch_index(indices, batched[2:], size)
    return (emit("scatter_add", operand, updates, *counted, axes=(*lead, *axes), mode=mode),)


def _write_scatter(b: BodyBuilder, node: Node, inputs: tuple[Buffer, ...], outputs: tuple[Buffer, ...]) -> None:
    """Each parallel iteration owns a part of the target, copies the operand there and adds the updates that land in it.

    A part is one index of every remaining axis before the first indexed one; where there is none, and rows are wide
    enough to pay for reading all indices again, a block of the first indexed axis.
    """
    operand, target = inputs[0], outputs[0]
    first = node["axes"][0]
    rows = operand.shape[first]
    leading = operand.shape[:first]
    width = dims.product([operand.shape[axis] for axis in _remaining(len(operand.shape), node["axes"])])
    if leading or not dims.prove_nonnegative(width - WIDE):
        owned = [("parallel", extent) for extent in leading]
        nest(b, "p", owned, lambda at: _scatter_part(b, node, inputs, target, at, None))
        return
    block = dims.ceildiv(rows, PARTS) if isinstance(rows, int) else ROWS
    count = dims.ceildiv(rows, block)

    def part(number: Extent) -> None:
        start = dims.multiply(number, block)
        _scatter_part(b, node, inputs, target, (), (start, dims.minimum(block, rows - start)))

    b.loop("parallel", "p", count, part)


def _scatter_part(
    b: BodyBuilder,
    node: Node,
    inputs: tuple[Buffer, ...],
    target: Buffer,
    leading: Index,
    rows: tuple[Extent, Extent] | None,
) -> None:
    """One part: `leading` indexes the remaining axes before the first indexed one; `rows` is (first, count) of that."""
    operand, updates, *indices = inputs
    axes, rank = node["axes"], len(operand.shape)
    inner = [axis for axis in _remaining(rank, axes) if axis >= len(leading)]
    start, count = rows or (0, operand.shape[axes[0]])

    def copy(at: Index) -> None:
        place = (*leading, dims.add(start, at[0]), *at[1:])
        b.store(target, place, b.load(operand, place))

    def update(at: Index) -> None:
        positions, held = [], []
        for index, axis in zip(indices, axes):
            extent = operand.shape[axis]
            position = b.let("cast", b.load(index, at), dtype=int64)
            if node["mode"] == "check":
                inside = _in_bounds(b, position, extent)
                b.check(node, "index", inside, (position, b.index_value(extent, int64)))
                held.append(inside)
            elif not dims.prove_nonnegative(extent - 1):
                held.append(b.in_range(0, 0, extent))
            positions.append(_clamped(b, position, extent))
        if rows:
            begin, end = b.index_value(start, int64), b.index_value(dims.add(start, count), int64)
            held += [b.let("le", begin, positions[0]), b.let("lt", positions[0], end)]

        def add() -> Sequence[Operand]:
            found: dict[int, Extent] = {
                axis: b.as_index(each, operand.shape[axis]) for each, axis in zip(positions, axes)
            }

            def one(rest: Index) -> None:
                filled = found | dict(enumerate(leading)) | dict(zip(inner, rest))
                place = tuple([filled[axis] for axis in range(rank)])
                sum_ = b.let("add", b.load(target, place), b.load(updates, (*at, *leading, *rest)))
                b.store(target, place, sum_)

            kinds = serial_then_vector([operand.shape[axis] for axis in inner])
            nest(b, "k", kinds, one)
            return ()

        condition = _all(b, held)
        if condition is None:
            add()
        else:
            b.branch(condition, add)

    nest(b, "j", serial_then_vector([count, *operand.shape[len(leading) + 1 :]]), copy)
    nest(b, "s", [("serial", extent) for extent in indices[0].shape], update)


def _scatter_cases(rng: np.random.Generator, dtype: DType) -> list[Case]:
    return [_scatter_case(rng, dtype, *case, mode) for case in _SHAPES for mode in MODES]


def _scatter_case(
    rng: np.random.Generator,
    dtype: DType,
    shape: Sequence[int],
    picked: Sequence[int],
    axes: tuple[int, ...],
    mode: str,
) -> Case:
    updates = (*picked, *[shape[axis] for axis in _remaining(len(shape), axes)])
    operands = (hostile(rng, dtype, shape), hostile(rng, dtype, updates))
    return (*operands, *_some_indices(rng, shape, picked, axes, mode)), {"axes": axes, "mode": mode}


def _scatter_smooth(rng: np.random.Generator) -> list[Case]:
    cases = []
    for shape, picked, axes in _FEW:
        for mode in MODES:
            updates = (*picked, *[shape[axis] for axis in _remaining(len(shape), axes)])
            indices = _some_indices(rng, shape, picked, axes, mode)
            cases.append(((*smooth(rng, shape, updates), *indices), {"axes": axes, "mode": mode}))
    return cases


scatter_add = register(
    Op(
        name="scatter_add",
        doc="The operand with updates added at computed indices, one after the other in order of their position.",
        type_rule=_scatter_type,
        reference=_scatter_reference,
        jvp=_scatter_jvp,
        transpose=_scatter_transpose,
        batch=_scatter_batch,
        lower=Loops(_write_scatter, in_place=(0,)),
        domain=Domain(NUMBERS, _scatter_cases, _scatter_smooth),
        ulp=0,
        flags=Flags(linear=(0, 1)),
    )
)

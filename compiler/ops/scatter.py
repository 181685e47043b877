"""Writes at computed indices: scatter_add, scatter_set, scatter_mul, scatter_min, scatter_max.

In: a tensor, updates of shape S + the remaining axes, and one integer array of shape S per indexed axis, as gather
reads. Out: the tensor with each update combined into its place, one after the other in order of their position in S:
where indices repeat, the last update is the one that is set, and the bits of a sum or product depend on no schedule.
Mode "check" fails the step on an index outside 0 .. extent-1, "clip" takes the nearest one inside.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from lazygraph.compiler.ir import dims
from lazygraph.compiler.ir.dims import Extent
from lazygraph.compiler.ir.graph import Attributes, Node, TensorType, Value
from lazygraph.compiler.loop.ir import Buffer, Index, Operand
from lazygraph.compiler.ops.compose import axis_moved, batched_input, emit, or_zeros, spread
from lazygraph.compiler.ops.cumulative import shifted
from lazygraph.compiler.ops.halves import through_float32
from lazygraph.compiler.ops.indexing import (
    FEW,
    MODES,
    SHAPES,
    all_of,
    clamped_index,
    in_bounds,
    located,
    picked_shape,
    remaining,
    some_indices,
    with_batch_index,
)
from lazygraph.compiler.ops.lowering import BodyBuilder, Loops
from lazygraph.compiler.ops.nests import nest, serial_then_vector
from lazygraph.compiler.ops.record import (
    NOT_LINEAR,
    OPS,
    Domain,
    Flags,
    JvpRule,
    NotLinear,
    Op,
    Tangents,
    TransposeRule,
    full,
    register,
    zeros,
)
from lazygraph.compiler.ops.samples import ALL_TYPES, EVERY, NUMBERS, Case, distinct, hostile, smooth
from lazygraph.compiler.ops.type_rules import require_dtype, require_equal_shapes, require_same_dtype
from lazygraph.runtime.dtypes import COMPLEX, DType, int64

NUMERIC = ("int", "uint", "float")
WIDE = 64  # elements that an update writes at least where several threads go through all indices
PARTS = 16  # into which the target is cut then
ROWS = 1024  # of each part where the extent is symbolic


# --- what the records share -------------------------------------------------------------------------------------------


def _type_rule(op: str, kinds: Sequence[str]) -> Callable[..., Sequence[TensorType]]:
    def rule(types: tuple[TensorType, ...], attributes: Attributes) -> Sequence[TensorType]:
        operand, updates, *indices = types
        require_dtype(op, "operand", operand.dtype, kinds)
        require_same_dtype(op, "operand and updates", operand.dtype, updates.dtype)
        picked = picked_shape(op, operand, indices, attributes)
        require_equal_shapes(op, "updates, and index arrays with the remaining axes", updates.shape, picked)
        return (operand,)

    return rule


def _reference(write: Callable[..., None]) -> Callable[..., np.ndarray]:
    def reference(
        operand: np.ndarray, updates: np.ndarray, *indices: np.ndarray, axes: tuple[int, ...], mode: str
    ) -> np.ndarray:
        clipped, held = located(operand.shape, indices, axes, mode)
        result = operand.copy()
        if held.all():
            write(result.transpose((*axes, *remaining(operand.ndim, axes))), tuple(clipped), updates)
        return result

    return reference


def _batch(node: Node, inputs: tuple[Value, ...], batched: tuple[bool, ...], size: Extent) -> tuple[Value, ...]:
    operand, updates, *indices = inputs
    operand, updates = batched_input(operand, batched[0], size), batched_input(updates, batched[1], size)
    axes, mode = tuple([axis + 1 for axis in node["axes"]]), node["mode"]
    if not any(batched[2:]):
        updates = axis_moved(updates, 0, indices[0].type.rank)
        return (emit(node.op.name, operand, updates, *indices, axes=axes, mode=mode),)
    counted, lead = with_batch_index(indices, batched[2:], size)
    return (emit(node.op.name, operand, updates, *counted, axes=(*lead, *axes), mode=mode),)


# --- lowering ---------------------------------------------------------------------------------------------------------


def _write(combine: str, b: BodyBuilder, node: Node, inputs: tuple[Buffer, ...], outputs: tuple[Buffer, ...]) -> None:
    """Each parallel iteration owns a part of the target, copies the operand there (unless it is the target) and writes
    what lands in it.

    A part is one index of every remaining axis before the first indexed one; where there is none, and rows are wide
    enough to pay for reading all indices again, a block of the first indexed axis.
    """
    operand, target = inputs[0], outputs[0]
    first = node["axes"][0]
    rows = operand.shape[first]
    leading = operand.shape[:first]
    width = dims.product([operand.shape[axis] for axis in remaining(len(operand.shape), node["axes"])])
    if leading or not dims.prove_nonnegative(width - WIDE):
        owned = [("parallel", extent) for extent in leading]
        nest(b, "p", owned, lambda at: _write_part(combine, b, node, inputs, target, at, None))
        return
    block = dims.ceildiv(rows, PARTS) if isinstance(rows, int) else ROWS
    count = dims.ceildiv(rows, block)

    def part(number: Extent) -> None:
        start = dims.multiply(number, block)
        _write_part(combine, b, node, inputs, target, (), (start, dims.minimum(block, rows - start)))

    b.loop("parallel", "p", count, part)


def _write_part(
    combine: str,
    b: BodyBuilder,
    node: Node,
    inputs: tuple[Buffer, ...],
    target: Buffer,
    leading: Index,
    rows: tuple[Extent, Extent] | None,
) -> None:
    """One part: `leading` indexes the remaining axes before the first indexed one; `rows` is (first, count) of that.

    `combine` names the record of two numbers that puts an update into its place, or is "set".
    """
    operand, updates, *indices = inputs
    axes, rank = node["axes"], len(operand.shape)
    inner = [axis for axis in remaining(rank, axes) if axis >= len(leading)]
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
                inside = in_bounds(b, position, extent)
                b.check(node, "index", inside, (position, b.index_value(extent, int64)))
                held.append(inside)
            elif not dims.prove_nonnegative(extent - 1):
                held.append(b.in_range(0, 0, extent))
            positions.append(clamped_index(b, position, extent))
        if rows:
            begin, end = b.index_value(start, int64), b.index_value(dims.add(start, count), int64)
            held += [b.let("le", begin, positions[0]), b.let("lt", positions[0], end)]

        def write() -> Sequence[Operand]:
            found: dict[int, Extent] = {
                axis: b.as_index(each, operand.shape[axis]) for each, axis in zip(positions, axes)
            }

            def one(rest: Index) -> None:
                filled = found | dict(enumerate(leading)) | dict(zip(inner, rest))
                place = tuple([filled[axis] for axis in range(rank)])
                new = b.load(updates, (*at, *leading, *rest))
                b.store(target, place, new if combine == "set" else b.let(combine, b.load(target, place), new))

            kinds = serial_then_vector([operand.shape[axis] for axis in inner])
            nest(b, "k", kinds, one)
            return ()

        condition = all_of(b, held)
        if condition is None:
            write()
        else:
            b.branch(condition, write)

    if operand != target:
        nest(b, "j", serial_then_vector([count, *operand.shape[len(leading) + 1 :]]), copy)
    nest(b, "s", [("serial", extent) for extent in indices[0].shape], update)


# --- derivatives ------------------------------------------------------------------------------------------------------


def _linear_jvp(node: Node, tangents: Tangents) -> Tangents:
    """add and set: the same of the tangents."""
    d_operand, d_updates = tangents[:2]
    operand, updates, *indices = node.inputs
    if d_operand is None and d_updates is None:
        return (None,)
    return (node.op(or_zeros(d_operand, operand), or_zeros(d_updates, updates), *indices, **node.attributes),)


def _add_transpose(node: Node, cotangents: Tangents, linear: tuple[bool, ...]) -> Tangents:
    (ct,) = cotangents
    indices = node.inputs[2:]
    none: Tangents = (None,) * len(indices)
    if ct is None:
        return (None, None, *none)
    for_updates = emit("gather", ct, *indices, **node.attributes) if linear[1] else None
    return (ct if linear[0] else None, for_updates, *none)


def _set_transpose(node: Node, cotangents: Tangents, linear: tuple[bool, ...]) -> Tangents:
    """The operand has the places that no update sets, an update those where it is the last."""
    (ct,) = cotangents
    _, updates, *indices = node.inputs
    none: Tangents = (None,) * len(indices)
    if ct is None:
        return (None, None, *none)
    for_operand = node.op(ct, zeros(updates.type), *indices, **node.attributes) if linear[0] else None
    if not linear[1]:
        return (for_operand, None, *none)
    held = spread(_is_last(node), updates.shape, range(indices[0].type.rank))
    for_updates = emit("select", held, emit("gather", ct, *indices, **node.attributes), zeros(updates.type))
    return (for_operand, for_updates, *none)


def _is_last(node: Node) -> Value:
    """For each place of the index arrays, whether no later one holds the same indices."""
    operand, indices = node.inputs[0], node.inputs[2:]
    shape = indices[0].shape
    number = emit("reshape", emit("iota", dtype=int64, shape=(dims.product(shape),), axis=0), shape=shape)
    target = TensorType(int64, tuple([operand.shape[axis] for axis in node["axes"]]))
    attributes = {"axes": tuple(range(len(indices))), "mode": node["mode"]}
    last = emit("scatter_set", zeros(target), number, *indices, **attributes)
    return emit("eq", emit("gather", last, *indices, **attributes), number)


def _mul_jvp(node: Node, tangents: Tangents) -> Tangents:
    """dy[p] = dx[p] * prod u + sum_s du_s * x[p] * (the product of p's other updates): no division by a factor."""
    d_operand, d_updates = tangents[:2]
    operand, updates, *indices = node.inputs
    scaled = None if d_operand is None else node.op(d_operand, updates, *indices, **node.attributes)
    if d_updates is None:
        return (scaled,)
    started = emit("gather", operand, *indices, **node.attributes)
    terms = started * _product_of_others(node) * d_updates
    return (emit("scatter_add", or_zeros(scaled, operand), terms, *indices, **node.attributes),)


def _mul_transpose(node: Node, cotangents: Tangents, linear: tuple[bool, ...]) -> Tangents:
    """Linear in the operand alone, each element of which is multiplied by the updates of its place."""
    (ct,) = cotangents
    _, updates, *indices = node.inputs
    none: Tangents = (None,) * len(indices)
    if ct is None or not linear[0]:
        return (None, None, *none)
    return (node.op(ct, updates, *indices, **node.attributes), None, *none)


def _product_of_others(node: Node) -> Value:
    """For each update, the product of the others of its place: updates sorted by place, then products from both ends.

    A recurrence whose coefficient is 0 where another place's updates begin does not carry a product over.
    """
    updates, *indices = node.inputs[1:]
    count = dims.product(indices[0].shape)
    rest = updates.shape[indices[0].type.rank :]
    counter = emit("iota", dtype=int64, shape=(count,), axis=0)
    keys, order = OPS["sort"](emit("reshape", _flat_place(node), shape=(count,)), counter, axis=0)
    rows = emit("gather", emit("reshape", updates, shape=(count, *rest)), order, axes=(0,), mode="clip")
    one, zero = full(rows.type, 1), zeros(rows.type)
    others = one
    for reverse in (False, True):
        begins = spread(emit("not", emit("eq", keys, shifted(keys, 0, reverse, -1))), rows.shape, (0,))
        attributes = {"axis": 0, "reverse": reverse}
        coefficient, first = emit("select", begins, zero, rows), emit("select", begins, rows, zero)
        products = emit("linear_recurrence", coefficient, first, **attributes)
        others = others * emit("select", begins, one, shifted(products, 0, reverse, 1))
    inverse = OPS["sort"](order, counter, axis=0)[1]
    return emit("reshape", emit("gather", others, inverse, axes=(0,), mode="clip"), shape=updates.shape)


def _flat_place(node: Node) -> Value:
    """The place that each index names, as one number: its row-major position among the indexed axes."""
    operand, indices = node.inputs[0], node.inputs[2:]
    shape = indices[0].shape
    flat = zeros(TensorType(int64, shape))
    for axis, index in zip(node["axes"], indices):
        size = spread(emit("extent", value=operand.shape[axis], dtype=int64), shape, ())
        inside = emit("max", emit("min", emit("cast", index, dtype=int64), size - 1), zeros(flat.type))
        flat = flat * size + inside
    return flat


def _extreme_jvp(node: Node, tangents: Tangents) -> Tangents:
    """The mean of the tangents of all that attain the extreme, operand and updates alike."""
    operand, updates, *indices = node.inputs
    if tangents[0] is None and tangents[1] is None:
        return (None,)
    d_operand, d_updates = or_zeros(tangents[0], operand), or_zeros(tangents[1], updates)
    kept = emit("eq", operand, node.output)
    attained = emit("eq", updates, emit("gather", node.output, *indices, **node.attributes))
    flags = [emit("cast", each, dtype=operand.dtype) for each in (kept, attained)]
    parts = [
        emit("select", kept, d_operand, zeros(operand.type)),
        emit("select", attained, d_updates, zeros(updates.type)),
    ]
    count, total = (emit("scatter_add", *each, *indices, **node.attributes) for each in (flags, parts))
    return (emit("div", total, count),)


# --- records ----------------------------------------------------------------------------------------------------------


def _case(
    draw: Callable[[Sequence[int], Sequence[int]], Sequence[np.ndarray]],
    rng: np.random.Generator,
    shape: Sequence[int],
    picked: Sequence[int],
    axes: tuple[int, ...],
    mode: str,
) -> Case:
    updates = (*picked, *[shape[axis] for axis in remaining(len(shape), axes)])
    return (*draw(shape, updates), *some_indices(rng, shape, picked, axes, mode)), {"axes": axes, "mode": mode}


def _domain(dtypes: tuple[DType, ...], draw_smooth: Callable[..., Sequence[np.ndarray]]) -> Domain:
    def cases(rng: np.random.Generator, dtype: DType) -> list[Case]:
        def draw(*shapes: Sequence[int]) -> list[np.ndarray]:
            return [hostile(rng, dtype, shape) for shape in shapes]

        return [_case(draw, rng, *each, mode) for each in SHAPES for mode in MODES]

    def smooth_cases(rng: np.random.Generator) -> list[Case]:
        return [_case(lambda *shapes: draw_smooth(rng, *shapes), rng, *each, mode) for each in FEW for mode in MODES]

    return Domain(dtypes, cases, smooth_cases)


def _all_distinct(rng: np.random.Generator, *shapes: Sequence[int]) -> list[np.ndarray]:
    """Arrays in which no number occurs twice, nor one of another array."""
    sizes = [int(np.prod(shape)) for shape in shapes]
    parts = np.split(distinct(rng, (sum(sizes),)), np.cumsum(sizes)[:-1])
    return [part.reshape(shape) for part, shape in zip(parts, shapes)]


def _with_zeros(rng: np.random.Generator, *shapes: Sequence[int]) -> list[np.ndarray]:
    return [np.where(rng.random(each.shape) < 0.2, 0.0, each) for each in smooth(rng, *shapes)]


@dataclass(frozen=True)
class _Scatter:
    """What tells one scatter from another; `combine` names a record of two numbers, or is "set"."""

    combine: str
    doc: str
    kinds: Sequence[str]
    write: Callable[..., Any]
    jvp: JvpRule
    transpose: TransposeRule | NotLinear
    domain: Domain
    flags: Flags = Flags()

    def record(self) -> Op:
        name = f"scatter_{self.combine}"
        rules = (
            _type_rule(name, self.kinds),
            through_float32(_reference(self.write)),
            self.jvp,
            self.transpose,
            _batch,
        )
        write = partial(_write, self.combine)
        lower = Loops(write, in_place=(0,), accumulates=self.combine != "set", onto=write)
        return register(Op(name, self.doc, *rules, lower, self.domain, 0, self.flags))


_LINEAR = Flags(linear=(0, 1))
_ANY = ("bool", *NUMERIC)
_EXTREME = _domain(ALL_TYPES, _all_distinct)

scatter_add = _Scatter(
    "add", "The operand with updates added at computed indices, one after the other in order of their position.",
    (*NUMERIC, "complex"), np.add.at, _linear_jvp, _add_transpose, _domain((*NUMBERS, *COMPLEX), smooth), _LINEAR,
).record()  # fmt: skip
scatter_set = _Scatter(
    "set", "The operand with updates in place of its elements at computed indices; the last one where indices repeat.",
    (*_ANY, "complex"), operator.setitem, _linear_jvp, _set_transpose, _domain(EVERY, smooth), _LINEAR,
).record()  # fmt: skip
scatter_mul = _Scatter(
    "mul", "The operand multiplied by updates at computed indices, one after the other in order of their position.",
    (*NUMERIC, "complex"), np.multiply.at, _mul_jvp, _mul_transpose,
    _domain((*NUMBERS, *COMPLEX), _with_zeros), Flags(linear=(0,)),
).record()  # fmt: skip
scatter_min = _Scatter(
    "min", "The least of the operand and the updates at computed indices; NaN where one is NaN.",
    _ANY, np.minimum.at, _extreme_jvp, NOT_LINEAR, _EXTREME,
).record()  # fmt: skip
scatter_max = _Scatter(
    "max", "The greatest of the operand and the updates at computed indices; NaN where one is NaN.",
    _ANY, np.maximum.at, _extreme_jvp, NOT_LINEAR, _EXTREME,
).record()  # fmt: skip

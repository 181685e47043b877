"""Rows of a compressed sparse matrix as segments of a vector: segment_sum, segment_max, segment_min, segment_of.

In: `data` (e,) and `offsets` (m + 1,), which cut it into m segments one after another (`compressed.py`). Out: the sum
or extreme of each segment (m,), of one without elements 0 or the least (greatest) number there is; and segment_of, the
number of each element's segment. Sums have one order, a property of the segment's length.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from lazygraph.compiler.ir import dims
from lazygraph.compiler.ir.dims import Extent
from lazygraph.compiler.ir.graph import Attributes, Node, TensorType, Value
from lazygraph.compiler.loop.ir import Buffer
from lazygraph.compiler.ops.compose import batched_input, emit
from lazygraph.compiler.ops.compressed import (
    PATTERNS,
    batched_offsets,
    flat,
    pattern,
    require_entries,
    row_numbers,
    row_sums,
    rows_in_blocks,
    rows_of,
    total,
    unflat_to,
)
from lazygraph.compiler.ops.domains import SWEPT_FLOATS
from lazygraph.compiler.ops.halves import through_float32
from lazygraph.compiler.ops.lowering import BodyBuilder, Loops
from lazygraph.compiler.ops.record import (
    NOT_LINEAR,
    Domain,
    Flags,
    JvpRule,
    NotLinear,
    Op,
    Tangents,
    TransposeRule,
    no_tangent,
    register,
    zeros,
)
from lazygraph.compiler.ops.samples import Case, Draw, distinct, no_smooth, special
from lazygraph.compiler.ops.type_rules import require_dtype, require_operands, require_shape
from lazygraph.runtime.dtypes import DType, int32, int64

Types = tuple[TensorType, ...]


# --- what the reductions share ----------------------------------------------------------------------------------------


def _type_rule(op: str) -> Callable[[Types, Attributes], Sequence[TensorType]]:
    def rule(types: Types, attributes: Attributes) -> Sequence[TensorType]:
        require_operands(op, types, 2)
        data, offsets = types
        require_dtype(op, "data", data.dtype, ("float",))
        require_entries(op, data, data.shape[0] if data.rank else 0)
        return (TensorType(data.dtype, (rows_of(op, offsets),)),)

    return rule


def _batch(node: Node, inputs: tuple[Value, ...], batched: tuple[bool, ...], size: Extent) -> tuple[Value, ...]:
    data = batched_input(inputs[0], batched[0], size)
    offsets = batched_offsets(inputs[1], batched[1], size, data.shape[1])
    return (unflat_to(emit(node.op.name, flat(data), offsets), (size, node.output.shape[0])),)


def _spread(x: Value, node: Node) -> Value:
    """The value of its segment at each element."""
    data, offsets = node.inputs
    return emit("gather", x, emit("segment_of", offsets, shape=data.shape), axes=(0,), mode="clip")


# --- segment_sum ------------------------------------------------------------------------------------------------------


def _sum_jvp(node: Node, tangents: Tangents) -> Tangents:
    return (None if tangents[0] is None else emit("segment_sum", tangents[0], node.inputs[1]),)


def _sum_transpose(node: Node, cotangents: Tangents, linear: tuple[bool, ...]) -> Tangents:
    (ct,) = cotangents
    return (None if ct is None or not linear[0] else _spread(ct, node), None)


def _write_sum(b: BodyBuilder, node: Node, inputs: tuple[Buffer, ...], outputs: tuple[Buffer, ...]) -> None:
    data, offsets = inputs

    def row(number: Extent, start: Extent, count: Extent) -> None:
        b.store(outputs[0], (number,), total(b, start, count, lambda entry: b.load(data, (entry,))))

    rows_in_blocks(b, node, offsets, data.shape[0], row)


# --- segment_max, segment_min -----------------------------------------------------------------------------------------


def _extreme_reference(ufunc: np.ufunc, empty: float) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    def reference(data: np.ndarray, offsets: np.ndarray) -> np.ndarray:
        rows = row_numbers(offsets, len(data))
        found = np.full(len(offsets) - 1, empty, data.dtype)
        with np.errstate(all="ignore"):
            ufunc.at(found, rows, data)
        return found

    return reference


def _extreme_jvp(node: Node, tangents: Tangents) -> Tangents:
    """The mean of the tangents of all that attain the extreme; 0 where there is none."""
    (data, offsets), d_data = node.inputs, tangents[0]
    if d_data is None:
        return (None,)
    attained = emit("eq", data, _spread(node.output, node))
    count = emit("segment_sum", emit("cast", attained, dtype=data.dtype), offsets)
    summed = emit("segment_sum", emit("select", attained, d_data, zeros(data.type)), offsets)
    some = emit("lt", zeros(count.type), count)
    return (emit("select", some, emit("div", summed, count), zeros(count.type)),)


def _write_extreme(combine: str) -> Callable[..., None]:
    def write(b: BodyBuilder, node: Node, inputs: tuple[Buffer, ...], outputs: tuple[Buffer, ...]) -> None:
        data, offsets = inputs

        def row(number: Extent, start: Extent, count: Extent) -> None:
            (found,) = b.reduce(combine, "serial", "k", count, lambda k: (b.load(data, (dims.add(start, k),)),))
            b.store(outputs[0], (number,), found)

        rows_in_blocks(b, node, offsets, data.shape[0], row)

    return write


# --- segment_of -------------------------------------------------------------------------------------------------------


def _of_type(types: Types, attributes: Attributes) -> Sequence[TensorType]:
    require_operands("segment_of", types, 1)
    rows_of("segment_of", types[0])
    shape = require_shape("segment_of", attributes["shape"])
    if len(shape) != 1:
        raise ValueError(f"segment_of: shape: expected (elements,), found {shape}")
    return (TensorType(types[0].dtype, shape),)


def _of_reference(offsets: np.ndarray, *, shape: tuple[int]) -> np.ndarray:
    return row_numbers(offsets, shape[0]).astype(offsets.dtype)


def _of_batch(node: Node, inputs: tuple[Value, ...], batched: tuple[bool, ...], size: Extent) -> tuple[Value, ...]:
    """Segments of all examples are numbered on; the remainder by the number of segments is that in the example."""
    (offsets,), (entries,) = inputs, node["shape"]
    rows = node.inputs[0].shape[0] - 1
    long = batched_offsets(offsets, batched[0], size, entries)
    found = emit("segment_of", long, shape=(dims.multiply(size, entries),))
    number = emit("broadcast", emit("extent", value=rows, dtype=int64), shape=found.shape, axes=())
    within = emit("cast", emit("rem", found, number), dtype=offsets.dtype)
    return (unflat_to(within, (size, entries)),)


def _write_of(b: BodyBuilder, node: Node, inputs: tuple[Buffer, ...], outputs: tuple[Buffer, ...]) -> None:
    (offsets,), (target,) = inputs, outputs

    def row(number: Extent, start: Extent, count: Extent) -> None:
        value = b.let("cast", b.index_value(number, int64), dtype=target.dtype)
        b.loop("vector", "k", count, lambda k: b.store(target, (dims.add(start, k),), value))

    rows_in_blocks(b, node, offsets, target.shape[0], row)


# --- records ----------------------------------------------------------------------------------------------------------

_SHAPES = tuple({shape[:3]: None for shape in PATTERNS})


def _case(draw: Draw, rng: np.random.Generator, dtype: DType, shape: tuple[int, int, int]) -> Case:
    rows, columns, entries = shape
    return (draw(rng, dtype, (entries,)), pattern(rng, rows, columns, entries)[1]), {}


def _filled(rng: np.random.Generator, counts: Sequence[int]) -> Case:
    """Segments of so many distinct elements each: one without any is infinite, and has no differences."""
    return (distinct(rng, (sum(counts),)), np.concatenate([[0], np.cumsum(counts)])), {}


def _reduction(
    name: str,
    doc: str,
    reference: Callable[..., Any],
    jvp: JvpRule,
    transpose: TransposeRule | NotLinear,
    write: Callable[..., None],
    flags: Flags,
) -> Op:
    domain = Domain(
        SWEPT_FLOATS,
        lambda rng, dtype: [_case(special, rng, dtype, each) for each in _SHAPES],
        lambda rng: [_filled(rng, counts) for counts in ((3, 1, 5), (2,), (4, 7, 1, 2))],
    )
    rules = (_type_rule(name), through_float32(reference), jvp, transpose, _batch)
    return register(Op(name, doc, *rules, Loops(write, accumulates=True), domain, 0, flags))


segment_sum = _reduction(
    "segment_sum", "The sum of each segment of a vector, 0 of one without elements.",
    row_sums, _sum_jvp, _sum_transpose, _write_sum, Flags(linear=(0,)),
)  # fmt: skip
segment_max = _reduction(
    "segment_max", "The greatest element of each segment of a vector, NaN where there is one, -inf of none.",
    _extreme_reference(np.maximum, -np.inf), _extreme_jvp, NOT_LINEAR, _write_extreme("max"), Flags(),
)  # fmt: skip
segment_min = _reduction(
    "segment_min", "The least element of each segment of a vector, NaN where there is one, inf of none.",
    _extreme_reference(np.minimum, np.inf), _extreme_jvp, NOT_LINEAR, _write_extreme("min"), Flags(),
)  # fmt: skip
segment_of = register(
    Op(
        name="segment_of",
        doc="The number of the segment in which each element of a vector lies, in the dtype of the offsets.",
        type_rule=_of_type,
        reference=_of_reference,
        jvp=no_tangent,
        transpose=NOT_LINEAR,
        batch=_of_batch,
        lower=Loops(_write_of),
        domain=Domain(
            (int32, int64),
            lambda rng, dtype: [
                ((pattern(rng, *each)[1].astype(dtype.numpy),), {"shape": (each[2],)}) for each in _SHAPES
            ],
            no_smooth,
        ),
        ulp=0,
    )
)

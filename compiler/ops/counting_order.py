"""counting_order: what brings small integers into order, stably, and where each of them begins.

In: keys (e,) of 0 .. n - 1. Out: the positions of the keys in ascending order (e,), equal ones as they stood, and
offsets (n + 1,): key j is at the places from offsets[j] to offsets[j + 1]. The entries of a sparse matrix by rows come
so into order by columns (D. Knuth, The Art of Computer Programming 3, section 5.2, algorithm D). A key outside fails
the step.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lazygraph.compiler.ir import dims
from lazygraph.compiler.ir.dims import Extent
from lazygraph.compiler.ir.graph import Attributes, Node, TensorType, Value
from lazygraph.compiler.loop.ir import Buffer, Operand
from lazygraph.compiler.ops.compose import emit, spread
from lazygraph.compiler.ops.compressed import (
    PATTERNS,
    batched_indices,
    checked_columns,
    column,
    pattern,
    require_indices,
    unflat_to,
)
from lazygraph.compiler.ops.indexing import clamped_index
from lazygraph.compiler.ops.lowering import BodyBuilder, Loops
from lazygraph.compiler.ops.record import NOT_LINEAR, OPS, Domain, Op, no_tangent, register
from lazygraph.compiler.ops.samples import Case, no_smooth
from lazygraph.compiler.ops.type_rules import require_operands, require_shape
from lazygraph.runtime.dtypes import DType, int32, int64


def _type_rule(types: tuple[TensorType, ...], attributes: Attributes) -> Sequence[TensorType]:
    require_operands("counting_order", types, 1)
    (keys,) = types
    require_indices("counting_order", "keys", keys)
    shape = require_shape("counting_order", attributes["shape"])
    if len(shape) != 1:
        raise ValueError(f"counting_order: shape: expected (numbers,), found {shape}")
    return (keys, TensorType(keys.dtype, (dims.add(shape[0], 1),)))


def _reference(keys: np.ndarray, *, shape: tuple[int]) -> tuple[np.ndarray, np.ndarray]:
    places = checked_columns(keys, shape[0])
    order = np.argsort(places, kind="stable").astype(keys.dtype)
    ends = np.cumsum(np.bincount(places, minlength=shape[0]))
    return order, np.concatenate([[0], ends[: shape[0]]]).astype(keys.dtype)


def _batch(node: Node, inputs: tuple[Value, ...], batched: tuple[bool, ...], size: Extent) -> tuple[Value, ...]:
    """Keys of example b are those from b * n on: they come after all of the examples before it."""
    (keys,), (count,) = inputs, node["shape"]
    entries, dtype = node.inputs[0].shape[0], keys.dtype
    total = dims.multiply(size, count)
    order, offsets = OPS["counting_order"](batched_indices(keys, batched[0], size, count), shape=(total,))
    orders, starts = (size, entries), (size, dims.add(count, 1))
    example = emit("iota", dtype=int64, shape=starts, axis=0)
    place = example * _number(count, starts) + emit("iota", dtype=int64, shape=starts, axis=1)
    found = emit("gather", offsets, place, axes=(0,), mode="clip") - example * _number(entries, starts)
    own = unflat_to(order, orders) - emit("iota", dtype=int64, shape=orders, axis=0) * _number(entries, orders)
    return emit("cast", own, dtype=dtype), emit("cast", found, dtype=dtype)


def _number(extent: Extent, shape: tuple[Extent, ...]) -> Value:
    return spread(emit("extent", value=extent, dtype=int64), shape, ())


def _write(b: BodyBuilder, node: Node, inputs: tuple[Buffer, ...], outputs: tuple[Buffer, ...]) -> None:
    """offsets[j + 1] counts key j, then is where key j goes next: in the end that is where key j + 1 begins."""
    (keys,), (order, offsets) = inputs, outputs
    entries, count = keys.shape[0], dims.add(offsets.shape[0], -1)
    zero, one = b.literal(0, offsets.dtype), b.literal(1, offsets.dtype)
    some = dims.multiply(entries, dims.minimum(count, 1))

    def tally(k: Extent) -> None:
        key, _ = column(b, node, keys, k, count)
        place = (dims.add(key, 1),)
        b.store(offsets, place, b.let("add", b.load(offsets, place), one))

    def begin(j: Extent, carried: tuple[Operand, ...]) -> Sequence[Operand]:
        place = (dims.add(j, 1),)
        number = b.load(offsets, place)
        b.store(offsets, place, carried[0])
        return (b.let("add", carried[0], number),)

    def put(k: Extent) -> None:
        key, _ = column(b, node, keys, k, count)
        place = (dims.add(key, 1),)
        goal = b.load(offsets, place)
        at = clamped_index(b, b.let("cast", goal, dtype=int64), entries)  # more entries than the dtype counts wrap
        b.store(order, (b.as_index(at, entries),), _as_key(b, k, order.dtype))
        b.store(offsets, place, b.let("add", goal, one))

    if not dims.prove_nonnegative(dims.add(count, -1)):
        held = b.let("or", b.in_range(0, 0, count), b.in_range(entries, 0, 1))
        b.check(node, "index", held, (b.literal(0, int64), b.index_value(count, int64)))
    b.loop("vector", "z", offsets.shape[0], lambda at: b.store(offsets, (at,), zero))
    b.loop("serial", "c", some, tally)
    b.carry("j", count, (zero,), begin)
    b.loop("serial", "k", some, put)


def _as_key(b: BodyBuilder, index: Extent, dtype: DType) -> Operand:
    return b.let("cast", b.index_value(index, int64), dtype=dtype)


def _cases(rng: np.random.Generator, dtype: DType) -> list[Case]:
    shapes = tuple({shape[:3]: None for shape in PATTERNS})
    return [((pattern(rng, *each)[0].astype(dtype.numpy),), {"shape": (each[1],)}) for each in shapes]


counting_order = register(
    Op(
        name="counting_order",
        doc="What sorts keys of 0 .. n - 1, equal ones in the order in which they stand, and where each key begins.",
        type_rule=_type_rule,
        reference=_reference,
        jvp=no_tangent,
        transpose=NOT_LINEAR,
        batch=_batch,
        lower=Loops(_write),
        domain=Domain((int32, int64), _cases, no_smooth),
        ulp=0,
    )
)

"""Sorting: several tensors reordered along an axis by the first of them.

In: operands of one shape. Out: as many, each row ordered by the first operand's: ascending, stable, -0.0 equal to 0.0,
NaN last. Lowered to a merge sort in the loop form, rows in parallel.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from lazygraph.compiler.ir.dims import Extent
from lazygraph.compiler.ir.errors import ShapeError
from lazygraph.compiler.ir.graph import Attributes, Node, TensorType, Value
from lazygraph.compiler.loop.ir import Buffer, Index, Operand
from lazygraph.compiler.ops.compose import batched_input, emit
from lazygraph.compiler.ops.halves import through_float32
from lazygraph.compiler.ops.lowering import BodyBuilder, Loops
from lazygraph.compiler.ops.nests import nest
from lazygraph.compiler.ops.record import NOT_LINEAR, OPS, Domain, Flags, Op, Tangents, apply, register
from lazygraph.compiler.ops.samples import ALL_TYPES, Case, distinct, hostile, smooth
from lazygraph.compiler.ops.type_rules import require_axis, require_dtype, require_equal_shapes
from lazygraph.runtime.dtypes import DType, int64

Placed = Callable[[Extent], Index]  # the index in a buffer of a position along the sorted axis


def _sort_type(types: tuple[TensorType, ...], attributes: Attributes) -> Sequence[TensorType]:
    if not types:
        raise ShapeError("sort: expected one or more operands, found none")
    require_dtype("sort", "operand 0", types[0].dtype, ("bool", "int", "uint", "float"))
    require_axis("sort", attributes["axis"], types[0].rank)
    for place, each in enumerate(types):
        require_equal_shapes("sort", f"operands 0 and {place}", types[0].shape, each.shape)
    return types


def _sort_reference(*operands: np.ndarray, axis: int) -> tuple[np.ndarray, ...] | np.ndarray:
    order = through_float32(np.argsort)(operands[0], axis=axis, kind="stable")
    ordered = tuple(np.take_along_axis(each, order, axis) for each in operands)
    return ordered if len(ordered) > 1 else ordered[0]


def _sort_jvp(node: Node, tangents: Tangents) -> Tangents:
    """Tangents move with their elements: d out[.., k, ..] = dx[.., order[k], ..], in the first operand's order."""
    if all(each is None for each in tangents):
        return tangents
    key, axis = node.inputs[0], node["axis"]
    counters = [emit("iota", dtype=int64, shape=key.shape, axis=each) for each in range(key.type.rank)]
    counters[axis] = OPS["sort"](key, counters[axis], axis=axis)[1]
    axes = tuple(range(key.type.rank))
    return tuple([None if dx is None else emit("gather", dx, *counters, axes=axes, mode="clip") for dx in tangents])


def _sort_batch(node: Node, inputs: tuple[Value, ...], batched: tuple[bool, ...], size: Extent) -> tuple[Value, ...]:
    operands = [batched_input(x, has, size) for x, has in zip(inputs, batched)]
    return apply(node.op, operands, {"axis": node["axis"] + 1})


def _write_sort(b: BodyBuilder, node: Node, inputs: tuple[Buffer, ...], outputs: tuple[Buffer, ...]) -> None:
    """Bottom-up merge sort of each row (Knuth, TAOCP vol. 3, 5.2.4): runs of 1, 2, 4, ... merge until one is left.

    A step of the outer loop merges twice, from the result into scratch and back, so that it ends in the result; a merge
    of a run with nothing copies it.
    """
    axis = node["axis"]
    count = inputs[0].shape[axis]
    others = [extent for each, extent in enumerate(inputs[0].shape) if each != axis]

    def row(at: Index) -> None:
        def place(position: Extent) -> Index:
            return (*at[:axis], position, *at[axis:])

        def alone(position: Extent) -> Index:
            return (position,)

        scratch = tuple([b.local(f"scratch{i}", each.dtype, (count,)) for i, each in enumerate(outputs)])

        def copy(position: Extent) -> None:
            for source, target in zip(inputs, outputs):
                b.store(target, place(position), b.load(source, place(position)))

        def merge_twice(carried: tuple[Operand, ...]) -> tuple[Operand, ...]:
            (run,) = carried
            double = b.let("add", run, run)
            _merge(b, run, count, outputs, place, scratch, alone)
            _merge(b, double, count, scratch, alone, outputs, place)
            return (b.let("add", double, double),)

        b.loop("serial", "i", count, copy)
        total = b.index_value(count, int64)
        b.while_((b.literal(1, int64),), lambda carried: b.let("lt", carried[0], total), merge_twice)

    nest(b, "r", [("parallel", extent) for extent in others], row)


def _merge(
    b: BodyBuilder,
    run: Operand,
    count: Extent,
    sources: Sequence[Buffer],
    source_at: Placed,
    targets: Sequence[Buffer],
    target_at: Placed,
) -> None:
    """Merge neighbouring runs of length `run` from the sources into the targets, without a branch per element.

    At position k, `left` and `right` are the next elements of the two runs of k's pair, which begins at k rounded down
    to a multiple of 2*run (a power of two); the left one goes first unless the right one is less.
    """
    one = b.literal(1, int64)
    total = b.index_value(count, int64)
    last = b.let("sub", total, one)
    pair_mask = b.let("sub", b.let("add", run, run), one)

    def step(position: Extent, carried: tuple[Operand, ...]) -> tuple[Operand, ...]:
        k = b.index_value(position, int64)
        offset = b.let("and", k, pair_mask)
        start = b.let("sub", k, offset)
        middle = b.let("min", b.let("add", start, run), total)
        end = b.let("min", b.let("add", middle, run), total)
        first = b.let("eq", offset, b.literal(0, int64))
        left = b.let("select", first, start, carried[0])
        right = b.let("select", first, middle, carried[1])
        left_at = source_at(b.as_index(b.let("min", left, last), count))
        right_at = source_at(b.as_index(b.let("min", right, last), count))
        lefts = [b.load(each, left_at) for each in sources]
        rights = [b.load(each, right_at) for each in sources]
        right_is_less = b.let("and", b.let("lt", right, end), precedes(b, rights[0], lefts[0], sources[0].dtype))
        take_right = b.let("or", b.let("le", middle, left), right_is_less)
        for target, from_left, from_right in zip(targets, lefts, rights):
            b.store(target, target_at(position), b.let("select", take_right, from_right, from_left))
        moved_right = b.let("cast", take_right, dtype=int64)
        return b.let("add", left, b.let("sub", one, moved_right)), b.let("add", right, moved_right)

    b.carry("k", count, (b.literal(0, int64), b.literal(0, int64)), step)


def precedes(b: BodyBuilder, x: Operand, y: Operand, dtype: DType) -> Operand:
    """x < y in the order of the sort: false before true, NaN after every number."""
    if dtype.kind == "bool":
        return b.let("and", b.let("not", x), y)
    less = b.let("lt", x, y)
    if not dtype.is_float:
        return less
    only_y_is_nan = b.let("and", b.let("eq", x, x), b.let("not", b.let("eq", y, y)))
    return b.let("or", less, only_y_is_nan)


_SHAPES: Sequence[tuple[Sequence[int], int]] = [
    ((1,), 0),
    ((0,), 0),
    ((7,), 0),
    ((3, 131), 1),
    ((67, 3), 0),
    ((2, 5, 3), 1),
    ((0, 3), 1),
    ((3, 0), 1),
    ((64,), 0),
]


def _sort_cases(rng: np.random.Generator, dtype: DType) -> list[Case]:
    alone: list[Case] = [((hostile(rng, dtype, shape),), {"axis": axis}) for shape, axis in _SHAPES]
    carrying: list[Case] = [
        ((hostile(rng, dtype, shape), rng.integers(0, 99, shape), hostile(rng, dtype, shape)), {"axis": axis})
        for shape, axis in _SHAPES
    ]
    return alone + carrying


def _sort_smooth(rng: np.random.Generator) -> list[Case]:
    return [
        ((distinct(rng, shape), *smooth(rng, shape)), {"axis": axis})
        for shape, axis in [((7,), 0), ((3, 5), 1), ((5, 3), 0), ((1,), 0)]
    ]


sort = register(
    Op(
        name="sort",
        doc="All operands reordered along an axis by the first: ascending, stable, NaN last.",
        type_rule=_sort_type,
        reference=_sort_reference,
        jvp=_sort_jvp,
        transpose=NOT_LINEAR,
        batch=_sort_batch,
        lower=Loops(_write_sort),
        domain=Domain(ALL_TYPES, _sort_cases, _sort_smooth),
        ulp=0,
        flags=Flags(variadic=True),
    )
)

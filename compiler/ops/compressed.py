"""Rows of a compressed sparse matrix: what the ops over them share.

In: `data` (e,) with the values of e entries, `indices` (e,) with the column of each, `offsets` (m + 1,): the entries of
row i are those from offsets[i] to offsets[i + 1]. Out: checks of types, loops over rows and entries, references, and
the batch of matrices as one whose diagonal they are. Rows are in any order inside, and a column may occur twice.
Offsets that do not rise from 0 to e and columns outside the matrix fail the step, and are not followed into memory.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from lazygraph.compiler.ir import dims
from lazygraph.compiler.ir.dims import Extent, Shape
from lazygraph.compiler.ir.errors import CheckFailed, DTypeError, ShapeError
from lazygraph.compiler.ir.graph import Node, TensorType, Value
from lazygraph.compiler.loop.ir import Buffer, Operand
from lazygraph.compiler.ops.checks import sentence
from lazygraph.compiler.ops.compose import batched_input, emit, spread
from lazygraph.compiler.ops.lowering import BodyBuilder
from lazygraph.compiler.ops.record import full
from lazygraph.compiler.ops.refusals import reason
from lazygraph.compiler.ops.type_rules import require_at_most, require_equal
from lazygraph.runtime.dtypes import int64, uint64

INDEX_TYPES = ("int32", "int64")
BLOCKS = 64  # parts of the rows that threads take, at most
LANES = 4  # accumulators of a row's sum


# --- types ------------------------------------------------------------------------------------------------------------


def require_indices(op: str, what: str, type: TensorType) -> None:
    """A vector of int32 or int64."""
    if type.dtype.name not in INDEX_TYPES:
        why = reason(("int",), type.dtype.kind)
        raise DTypeError(f"{op}: {what}: expected {' or '.join(INDEX_TYPES)}, found {type.dtype}: {why}")
    if type.rank != 1:
        raise ShapeError(f"{op}: {what}: expected one axis, found {type}")


def rows_of(op: str, offsets: TensorType) -> Extent:
    """The number of rows that offsets describe."""
    require_indices(op, "offsets", offsets)
    require_at_most(op, "offsets of no row and their number", 1, offsets.shape[0])
    return offsets.shape[0] - 1


def require_pattern(op: str, indices: TensorType, offsets: TensorType) -> tuple[Extent, Extent]:
    """The numbers of rows and of entries."""
    require_indices(op, "indices", indices)
    return rows_of(op, offsets), indices.shape[0]


def require_entries(op: str, data: TensorType, entries: Extent) -> None:
    """A vector with one value for each entry."""
    if data.rank != 1:
        raise ShapeError(f"{op}: data: expected one axis, found {data}")
    require_equal(op, "data and indices", data.shape[0], entries)


def require_side(op: str, what: str, x: TensorType, extent: Extent) -> Shape:
    """A vector or matrix with this many rows; gives the extents after them."""
    if x.rank not in (1, 2):
        raise ShapeError(f"{op}: {what}: expected one or two axes, found {x}")
    require_equal(op, what, x.shape[0], extent)
    return x.shape[1:]


# --- loops ------------------------------------------------------------------------------------------------------------


def each_row(
    b: BodyBuilder,
    node: Node,
    offsets: Buffer,
    entries: Extent,
    rows: tuple[Extent, Extent],
    body: Callable[[Extent, Extent, Extent], None],
) -> None:
    """body(row, first entry, number of entries) for `rows` = (first, number), in order; offsets are checked."""
    begin, number = rows
    zero, limit = b.literal(0, int64), b.index_value(entries, int64)

    def one(at: Extent) -> None:
        row = dims.add(begin, at)
        low, high = (b.let("cast", b.load(offsets, (dims.add(row, each),)), dtype=int64) for each in (0, 1))
        ordered = b.let("and", b.let("and", b.let("le", zero, low), b.let("le", low, high)), b.let("le", high, limit))
        b.check(node, "offsets", ordered, (low, high))
        first, last = (b.as_index(b.let("select", ordered, each, zero), dims.add(entries, 1)) for each in (low, high))
        body(row, first, dims.add(last, dims.multiply(first, -1)))

    b.loop("serial", "i", number, one)


def check_ends(b: BodyBuilder, node: Node, offsets: Buffer, entries: Extent) -> None:
    """The first offset is 0, the last one the number of entries."""
    ends = [b.let("cast", b.load(offsets, (at,)), dtype=int64) for at in (0, offsets.shape[0] - 1)]
    expected = (b.literal(0, int64), b.index_value(entries, int64))
    held = [b.let("eq", have, wanted) for have, wanted in zip(ends, expected)]
    b.check(node, "offset_ends", b.let("and", *held), ends)


def rows_in_blocks(
    b: BodyBuilder, node: Node, offsets: Buffer, entries: Extent, body: Callable[[Extent, Extent, Extent], None]
) -> None:
    """`each_row` of all rows, blocks of them in parallel."""
    rows = offsets.shape[0] - 1
    block = dims.maximum(1, dims.ceildiv(rows, BLOCKS))

    def part(number: Extent) -> None:
        check_ends(b, node, offsets, entries)
        begin = dims.multiply(number, block)
        each_row(
            b, node, offsets, entries, (begin, dims.minimum(block, dims.add(rows, dims.multiply(begin, -1)))), body
        )

    b.loop("parallel", "p", dims.maximum(1, dims.ceildiv(rows, block)), part)


def column(b: BodyBuilder, node: Node, indices: Buffer, entry: Extent, extent: Extent) -> tuple[Extent, Operand | None]:
    """The column of an entry, 0 where it is outside, which is checked; and whether there is a column 0: None, it is."""
    found = b.let("cast", b.load(indices, (entry,)), dtype=int64)
    place = b.let("bitcast", found, attributes={"dtype": uint64})  # a negative one is beyond any extent
    inside = b.let("lt", place, b.index_value(extent, uint64))
    b.check(node, "index", inside, (found, b.index_value(extent, int64)))
    kept = b.as_index(b.let("select", inside, found, b.literal(0, int64)), extent)
    return kept, None if dims.prove_nonnegative(dims.add(extent, -1)) else b.in_range(0, 0, extent)


def total(b: BodyBuilder, start: Extent, count: Extent, term: Callable[[Extent], Operand]) -> Operand:
    """The sum of term(entry) over a row: entry k to accumulator k % LANES, what is left of whole rounds to the first.

    Then halves are folded, so that the order is a property of the row.
    """
    rounds = dims.floordiv(count, LANES)

    def several(number: Extent) -> tuple[Operand, ...]:
        first = dims.add(start, dims.multiply(number, LANES))
        return tuple([term(dims.add(first, lane)) for lane in range(LANES)])

    sums = list(b.reduce("add", "serial", "k", rounds, several))
    begin = dims.add(start, dims.multiply(rounds, LANES))
    rest = dims.mod(count, LANES)
    (tail,) = b.reduce("add", "serial", "r", rest, lambda number: (term(dims.add(begin, number)),))
    while len(sums) > 1:
        half = len(sums) // 2
        sums = [b.let("add", low, high) for low, high in zip(sums[:half], sums[half:])]
    return b.let("add", sums[0], tail)


# --- references -------------------------------------------------------------------------------------------------------


def row_numbers(offsets: np.ndarray, entries: int) -> np.ndarray:
    """The row of each entry, after checking the offsets."""
    wide = offsets.astype(np.int64)
    for low, high in zip(wide, wide[1:]):
        if not 0 <= low <= high <= entries:
            raise CheckFailed(sentence("offsets", (int(low), int(high))))
    if (wide[0], wide[-1]) != (0, entries):
        raise CheckFailed(sentence("offset_ends", (int(wide[0]), int(wide[-1]))))
    return np.repeat(np.arange(len(wide) - 1), np.diff(wide))


def checked_columns(indices: np.ndarray, extent: int) -> np.ndarray:
    outside = (indices < 0) | (indices >= extent)
    if outside.any():
        raise CheckFailed(sentence("index", (int(indices[outside][0]), extent)))
    return indices.astype(np.int64)


def row_sums(terms: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """The sum of each row's terms, in the order of `total`."""
    rows, wide = row_numbers(offsets, len(terms)), offsets.astype(np.int64)
    place, whole = np.arange(len(terms)) - wide[rows], np.diff(wide) // LANES * LANES
    lanes = np.zeros((LANES + 1, len(wide) - 1), terms.dtype)
    with np.errstate(all="ignore"):
        np.add.at(lanes, (np.where(place < whole[rows], place % LANES, LANES), rows), terms)
        sums = list(lanes)[:LANES]
        while len(sums) > 1:
            half = len(sums) // 2
            sums = [low + high for low, high in zip(sums[:half], sums[half:])]
        return np.asarray(sums[0] + lanes[LANES])


# --- batches ----------------------------------------------------------------------------------------------------------


def flat(x: Value) -> Value:
    """The first two axes as one."""
    return emit("reshape", x, shape=(dims.multiply(x.shape[0], x.shape[1]), *x.shape[2:]))


def unflat_to(x: Value, leading: Shape) -> Value:
    """The first axis as several."""
    return emit("reshape", x, shape=(*leading, *x.shape[1:]))


def shifted(indices: Value, shift: Value, extent: Extent) -> Value:
    """indices + shift as int64; -1, which no axis has, where an index is outside 0 .. extent - 1."""
    wide = emit("cast", indices, dtype=int64)
    end = spread(emit("extent", value=extent, dtype=int64), wide.shape, ())
    inside = emit("and", emit("le", full(wide.type, 0), wide), emit("lt", wide, end))
    return emit("select", inside, wide + shift, full(wide.type, -1))


def _counted(shape: Shape, stride: Extent) -> Value:
    """Example number times stride."""
    step = spread(emit("extent", value=stride, dtype=int64), shape, ())
    return emit("iota", dtype=int64, shape=shape, axis=0) * step


def batched_indices(indices: Value, batched: bool, size: Extent, extent: Extent) -> Value:
    """The columns of matrices along the diagonal of one: those of example b moved by b * extent."""
    wide = batched_input(indices, batched, size)
    return flat(shifted(wide, _counted(wide.shape, extent), extent))


def batched_offsets(offsets: Value, batched: bool, size: Extent, entries: Extent) -> Value:
    """The offsets of matrices along the diagonal of one. A first or last offset that is wrong stays wrong."""
    wide = emit("cast", batched_input(offsets, batched, size), dtype=int64)
    count = wide.shape[1]
    starts = emit("slice", wide, starts=(0, 0), stops=(size, count - 1), steps=(1, 1))
    ends = emit("slice", wide, starts=(0, count - 1), stops=(size, count), steps=(1, 1))
    first = emit("slice", wide, starts=(0, 0), stops=(size, 1), steps=(1, 1))
    number = spread(emit("extent", value=entries, dtype=int64), ends.shape, ())
    held = emit("and", emit("eq", ends, number), emit("eq", first, full(first.type, 0)))
    spread_held = spread(emit("reshape", held, shape=(size,)), starts.shape, (0,))
    kept = emit("select", spread_held, starts + _counted(starts.shape, entries), full(starts.type, -1))
    last = emit("reshape", emit("extent", value=dims.multiply(size, entries), dtype=int64), shape=(1,))
    return emit("concat", flat(kept), last, axis=0)


# --- cases ------------------------------------------------------------------------------------------------------------

# (rows, columns, entries, extents after them)
PATTERNS: Sequence[tuple[int, int, int, tuple[int, ...]]] = [
    (5, 7, 11, ()),
    (3, 4, 40, ()),
    (67, 3, 131, ()),
    (5, 7, 11, (3,)),
    (6, 5, 23, (67,)),
    (4, 1, 9, (1,)),
    (7, 2, 0, ()),
    (7, 2, 0, (2,)),
    (1, 3, 5, (0,)),
    (0, 3, 0, ()),
    (0, 3, 0, (2,)),
    (4, 0, 0, ()),
]
FEW = [(5, 7, 11, ()), (3, 4, 9, ()), (4, 3, 7, (2,)), (2, 3, 0, (2,))]


def pattern(rng: np.random.Generator, rows: int, columns: int, entries: int) -> tuple[np.ndarray, np.ndarray]:
    """(indices, offsets): columns in no order, some twice, and rows without entries; int32 or int64 by their number."""
    dtype = (np.int32, np.int64)[entries % 2]
    bounds = np.sort(rng.integers(0, entries + 1, max(rows - 1, 0)))
    ends = [0, *bounds, entries] if rows else [0]
    return rng.integers(0, max(columns, 1), entries).astype(dtype), np.array(ends, dtype)

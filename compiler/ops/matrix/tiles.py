"""Register tiles: the inner loops of every factorisation, eight rows against the lanes of a narrow panel.

In: extents and reads. Out: loops. A panel is a local array as wide as two vectors, whose rows lie side by side whatever
the extent of the matrix is, so that no stride falls on one set of the cache. A tile holds some rows of it in registers
while k runs: each element of the panel that is read serves all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lazygraph.compiler.ir import dims
from lazygraph.compiler.ir.dims import Extent
from lazygraph.compiler.loop.ir import Buffer, Index, Operand
from lazygraph.compiler.ops.lowering import BodyBuilder
from lazygraph.compiler.ops.matrix.scalars import less_product, unless_certain
from lazygraph.runtime.dtypes import DType

_ACCUMULATORS = 8  # rows of a tile: with two vectors of lanes, sixteen registers
Renumbered = Callable[[Extent], Extent]  # a row, counted from the other end perhaps
Place = Callable[[Extent, Extent], Index]  # where an element (row, column) lies in a buffer
Read = Callable[[Extent, Extent], Operand]  # an element at (row, k), or (row, lane)


def panel_width(dtype: DType, columns: Extent) -> int:
    """Columns of a panel: two of the widest vectors, or all there are where they are fewer."""
    width = 32 if dtype.part.itemsize == 4 and not dtype.is_complex else 16
    return min(width, max(columns, 1)) if isinstance(columns, int) else width


def _rows(dtype: DType) -> int:
    return _ACCUMULATORS // 2 if dtype.is_complex else _ACCUMULATORS


def in_tiles(b: BodyBuilder, count: Extent, rows: int, body: Callable[[Extent, int], None]) -> None:
    """body(first row, number of rows) over 0 .. count - 1: whole tiles, then rows one by one."""
    whole = dims.floordiv(count, rows)
    if whole != 0:
        b.loop("serial", "tile", whole, lambda tile: body(dims.multiply(tile, rows), rows))
    rest = count - dims.multiply(whole, rows)
    if rest != 0:
        b.loop("serial", "row", rest, lambda row: body(dims.multiply(whole, rows) + row, 1))


@dataclass(frozen=True)
class Tile:
    """Some rows of a panel: what they start from, and what is taken from them."""

    start: Read  # at (row of the tile, lane)
    left: Read  # at (row of the tile, k)
    right: Read  # at (k, lane)
    store: Callable[[Extent, Extent, Operand], None]  # at (row of the tile, lane)


def reduced(
    b: BodyBuilder,
    rows: int,
    width: Extent,
    depth: Extent,
    tile: Tile,
    finish: Callable[[Sequence[Operand]], Sequence[Operand]],
) -> None:
    """finish(start - left right) at the rows of a tile and all lanes, the product being a sum over k < depth."""

    def lanes(lane: Extent) -> None:
        def step(k: Extent, sums: tuple[Operand, ...]) -> Sequence[Operand]:
            x = tile.right(k, lane)
            return [less_product(b, each, tile.left(row, k), x) for row, each in enumerate(sums)]

        initial = [tile.start(row, lane) for row in range(rows)]
        for row, each in enumerate(finish(b.carry("k", depth, initial, step))):
            tile.store(row, lane, each)

    b.loop("vector", "lane", width, lanes)


def subtract(b: BodyBuilder, panel: Buffer, count: Extent, depth: Extent, tile_at: Callable[[Extent], Tile]) -> None:
    """`count` rows of a panel less a product of `depth` terms; `tile_at` gives the tile of a first row."""

    def some(top: Extent, rows: int) -> None:
        reduced(b, rows, panel.shape[1], depth, tile_at(top), lambda sums: sums)

    in_tiles(b, count, _rows(panel.dtype), some)


def solve(
    b: BodyBuilder,
    panel: Buffer,
    count: Extent,
    tile_at: Callable[[Extent], Tile],
    scaled: Callable[[Operand, Extent], Operand],
) -> None:
    """Forward substitution: row r is what `scaled` makes of it less the products with the rows above."""

    def some(top: Extent, rows: int) -> None:
        tile = tile_at(top)

        def finish(sums: Sequence[Operand]) -> Sequence[Operand]:
            return substituted(b, sums, lambda r, k: tile.left(r, top + k), lambda c, r: scaled(c, top + r))

        reduced(b, rows, panel.shape[1], top, tile, finish)

    in_tiles(b, count, _rows(panel.dtype), some)


def substituted(
    b: BodyBuilder, sums: Sequence[Operand], left: Read, scaled: Callable[[Operand, int], Operand]
) -> list[Operand]:
    """A tile's own rows of a triangular system, in registers: x_r = scaled(c_r, r), then c_s -= left(s, r) x_r."""
    rest, solved = list(sums), []
    for row in range(len(rest)):
        x = scaled(rest[row], row)
        solved.append(x)
        for below in range(row + 1, len(rest)):
            rest[below] = less_product(b, rest[below], left(below, row), x)
    return solved


def within(b: BodyBuilder, column: Extent, columns: Extent) -> Operand | None:
    """The guard of a column that may lie beyond the last; None where it cannot."""
    return unless_certain(b.in_range(column, 0, columns))


def load_panel(
    b: BodyBuilder, panel: Buffer, rows: Extent, first: Extent, columns: Extent, source: Callable[..., Operand]
) -> None:
    """panel[i, lane] = source(i, first + lane, guard, 0) for all rows, 0 in lanes beyond the last column."""
    zero = b.literal(0.0, panel.dtype)

    def row(i: Extent) -> None:
        def lane(j: Extent) -> None:
            guard = within(b, first + j, columns)
            b.store(panel, (i, j), source(i, first + j, guard, None if guard is None else zero))

        b.loop("vector", "lane", panel.shape[1], lane)

    b.loop("serial", "i", rows, row)


def store_panel(
    b: BodyBuilder, panel: Buffer, rows: Extent, first: Extent, columns: Extent, target: Buffer, place: Place
) -> None:
    """target[place(i, first + lane)] = panel[i, lane] for all rows and the lanes that are columns."""

    def row(i: Extent) -> None:
        def lane(j: Extent) -> None:
            guard = within(b, first + j, columns)
            b.store(target, place(i, first + j), b.load(panel, (i, j)), guard)

        b.loop("vector", "lane", panel.shape[1], lane)

    b.loop("serial", "i", rows, row)

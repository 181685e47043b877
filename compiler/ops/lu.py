"""LU decomposition with partial pivoting: a[permutation] = l u.

In: matrices (.., m, n) of any shape. Out: l and u packed into one matrix (l below the diagonal, its own diagonal being
1), the permutation of the rows (.., m) and how many exchanges made it. A singular matrix has factors too, with a 0 on
u's diagonal. Panels of columns are brought up to date by those before them and then eliminated (the left-looking form:
G. H. Golub, C. F. Van Loan, "Matrix Computations", 4th ed., 3.2 and 3.4). The derivative is that of fixed exchanges.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lazygraph.compiler.ir import dims
from lazygraph.compiler.ir.dims import Extent
from lazygraph.compiler.ir.graph import Attributes, Node, TensorType, Value
from lazygraph.compiler.loop.ir import Buffer, Index, Operand
from lazygraph.compiler.ops.compose import emit
from lazygraph.compiler.ops.lowering import BodyBuilder, Loops
from lazygraph.compiler.ops.matrix import tiles
from lazygraph.compiler.ops.matrix.graph import (
    batch_of_matrices,
    identity_like,
    lower_triangle,
    padded,
    part,
    product,
    require_matrix,
    rows_taken,
    transposed,
    upper_triangle,
)
from lazygraph.compiler.ops.matrix.packed import factored
from lazygraph.compiler.ops.matrix.samples import general, in_double
from lazygraph.compiler.ops.matrix.scalars import less_product, size, vanishes
from lazygraph.compiler.ops.nests import nest
from lazygraph.compiler.ops.record import NOT_LINEAR, Domain, Flags, Op, Tangents, register
from lazygraph.compiler.ops.samples import Case
from lazygraph.compiler.ops.type_rules import require_operands
from lazygraph.runtime.dtypes import COMPLEX, DType, complex128, float32, float64, int64

ELIMINATED = 4  # rows from which a pivot's row is taken at a time


def _type_rule(types: tuple[TensorType, ...], attributes: Attributes) -> Sequence[TensorType]:
    require_operands("lu", types, 1)
    lead, rows, _ = require_matrix("lu", "the matrix", types[0])
    return types[0], TensorType(int64, (*lead, rows)), TensorType(int64, lead)


def _jvp(node: Node, tangents: Tangents) -> Tangents:
    """With k = min(m, n), l1 and u1 the leading k x k factors, y = da[:, :k] u1**-1 and s = l1**-1 y[:k]:
    dl = y - l triu(s), du = l1**-1 da[:k] - tril(s, -1) u."""
    (da,) = tangents
    if da is None:
        return (None, None, None)
    packed, permutation, _ = node.outputs
    *_, rows, columns = packed.shape
    count = dims.minimum(rows, columns)
    moved = rows_taken(da, permutation)
    square = part(packed, (0, count), (0, count))

    def below(x: Value) -> Value:
        return emit("triangular_solve", square, x, lower=True, transposed=False, unit=True)

    left = part(moved, (0, rows), (0, count))
    y = transposed(emit("triangular_solve", square, transposed(left), lower=False, transposed=True, unit=False))
    s = below(part(y, (0, count), (0, count)))
    one = padded(identity_like(s), (0, rows - count), (0, 0))
    lower = emit("add", lower_triangle(part(packed, (0, rows), (0, count)), -1), one)
    upper = upper_triangle(part(packed, (0, count), (0, columns)))
    d_lower = emit("sub", y, product(lower, upper_triangle(s)))
    d_upper = emit("sub", below(part(moved, (0, count), (0, columns))), product(lower_triangle(s, -1), upper))
    d_lower = padded(lower_triangle(d_lower, -1), (0, 0), (0, columns - count))
    d_upper = padded(upper_triangle(d_upper), (0, rows - count), (0, 0))
    return (emit("add", d_lower, d_upper), None, None)


def _write(b: BodyBuilder, node: Node, inputs: tuple[Buffer, ...], outputs: tuple[Buffer, ...]) -> None:
    (a,) = inputs
    packed, permutation, exchanges = outputs
    *lead, rows, columns = a.shape
    width = tiles.panel_width(a.dtype, columns)

    def matrix(at: Index) -> None:
        panel = b.local("panel", a.dtype, (rows, width))
        pivot_row = b.local("pivot_row", a.dtype, (width,))
        b.loop("vector", "i", rows, lambda i: b.store(permutation, (*at, i), b.index_value(i, int64)))
        b.store(exchanges, at, b.literal(0, int64))

        def block(number: Extent) -> None:
            first = dims.multiply(number, width)
            done = dims.minimum(first, rows)  # rows of u in this panel that need no elimination

            def source(i: Extent, j: Extent, guard: Operand | None, other: Operand | None) -> Operand:
                row = b.as_index(b.load(permutation, (*at, i)), rows)
                return b.load(a, (*at, row, j), guard, other)

            tiles.load_panel(b, panel, rows, first, columns, source)
            _bring_up_to_date(b, packed, at, panel, done, rows)
            pivots = dims.minimum(width, dims.minimum(rows, columns) - first)
            b.loop("serial", "column", pivots, lambda column: eliminate(first, column))
            tiles.store_panel(b, panel, rows, first, columns, packed, lambda i, j: (*at, i, j))

        def eliminate(first: Extent, column: Extent) -> None:
            row = first + column
            found = _greatest(b, panel, row, column, rows)
            pivot = b.as_index(found, rows)

            def exchange(buffer: Buffer, one: Index, other: Index) -> None:
                mine, its = b.load(buffer, one), b.load(buffer, other)
                b.store(buffer, one, its)
                b.store(buffer, other, mine)

            exchange(permutation, (*at, row), (*at, pivot))
            moved = b.let("not", b.let("eq", found, b.index_value(row, int64)))
            b.store(exchanges, at, b.let("add", b.load(exchanges, at), b.let("cast", moved, dtype=int64)))
            b.loop("vector", "k", first, lambda k: exchange(packed, (*at, row, k), (*at, pivot, k)))
            b.loop("vector", "lane", panel.shape[1], lambda lane: exchange(panel, (row, lane), (pivot, lane)))
            _take_from_rows_below(b, panel, pivot_row, row, column, rows)

        b.loop("serial", "block", dims.ceildiv(columns, width), block)

    nest(b, "m", [("parallel", extent) for extent in lead], matrix)


def _bring_up_to_date(b: BodyBuilder, packed: Buffer, at: Index, panel: Buffer, done: Extent, rows: Extent) -> None:
    """panel[:done] = l1**-1 panel[:done], panel[done:] -= l2 panel[:done], l being the columns before the panel."""

    def tile(first: Extent) -> tiles.Tile:
        return tiles.Tile(
            lambda r, lane: b.load(panel, (first + r, lane)),
            lambda r, k: b.load(packed, (*at, first + r, k)),
            lambda k, lane: b.load(panel, (k, lane)),
            lambda r, lane, value: b.store(panel, (first + r, lane), value),
        )

    tiles.solve(b, panel, done, tile, lambda c, r: c)
    tiles.subtract(b, panel, rows - done, done, lambda top: tile(done + top))


def _greatest(b: BodyBuilder, panel: Buffer, row: Extent, column: Extent, rows: Extent) -> Operand:
    """The row of the greatest element of a column from `row` on; the first of equal ones."""

    def each(i: Extent) -> tuple[Operand, ...]:
        return size(b, b.load(panel, (row + i, column))), b.index_value(row + i, int64)

    return b.reduce("argmax", "lanes", "i", rows - row, each)[1]


def _take_from_rows_below(
    b: BodyBuilder, panel: Buffer, pivot_row: Buffer, row: Extent, column: Extent, rows: Extent
) -> None:
    """Each row below, less its multiple of the pivot's row; the multiple, at most 1, stands in the column."""
    zero = b.literal(0.0, panel.dtype)
    pivot = b.load(panel, (row, column))
    ordinary = b.let("not", vanishes(b, pivot))
    divisor = b.let("select", ordinary, pivot, b.literal(1.0, panel.dtype))
    width = panel.shape[1]

    def right_of_pivot(lane: Extent) -> None:
        behind = b.in_range(lane, column + 1, width)
        b.store(pivot_row, (lane,), b.let("select", behind, b.load(panel, (row, lane)), zero))

    b.loop("vector", "lane", width, right_of_pivot)

    def some(top: Extent, count: int) -> None:
        own = [row + 1 + top + each for each in range(count)]
        factors = [b.let("div", b.load(panel, (each, column)), divisor) for each in own]

        def lanes(lane: Extent) -> None:
            x = b.load(pivot_row, (lane,))
            for each, factor in zip(own, factors):
                b.store(panel, (each, lane), less_product(b, b.load(panel, (each, lane)), factor, x))

        b.loop("vector", "lane", width, lanes)
        for each, factor in zip(own, factors):
            b.store(panel, (each, column), factor)

    tiles.in_tiles(b, rows - row - 1, ELIMINATED, some)


_SHAPES = [(1, 1), (0, 0), (2, 3, 5, 4), (3, 0), (0, 3), (19, 35), (67, 18), (0, 2, 2)]


def _cases(rng: np.random.Generator, dtype: DType) -> list[Case]:
    """Rows in disorder, so that there are exchanges."""
    return [((np.ascontiguousarray(general(rng, dtype, shape)[..., ::-1, :]),), {}) for shape in _SHAPES]


def _smooth(rng: np.random.Generator) -> list[Case]:
    shapes = [(float64, (3, 3)), (float64, (2, 4, 3)), (float64, (2, 4)), (float64, (1, 1)), (complex128, (3, 3))]
    return [((np.ascontiguousarray(general(rng, dtype, shape)[..., ::-1, :]),), {}) for dtype, shape in shapes]


lu = register(
    Op(
        name="lu",
        doc="l and u of a[permutation] = l u, packed into one matrix; the permutation; how many exchanges made it.",
        type_rule=_type_rule,
        reference=in_double(factored),
        jvp=_jvp,
        transpose=NOT_LINEAR,
        batch=batch_of_matrices,
        lower=Loops(_write),
        domain=Domain((float32, float64, *COMPLEX), _cases, _smooth),
        ulp=16,
        flags=Flags(normwise=True),
    )
)

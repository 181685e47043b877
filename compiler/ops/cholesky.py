"""Cholesky's factor: a = l l^H with l lower triangular and its diagonal positive.

In: Hermitian matrices (.., n, n), of which the lower triangle is read. Out: l. Where a matrix is not positive definite
the step fails. Panels of columns are brought up to date by those before them, then factored (the left-looking form:
G. H. Golub, C. F. Van Loan, "Matrix Computations", 4th ed., 4.2). The derivative is that of the triangle that is read:
dl = l phi(l**-1 da l**-H), phi the lower triangle with half the diagonal (I. Murray, "Differentiation of the Cholesky
decomposition", 2016).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lazygraph.compiler.ir import dims
from lazygraph.compiler.ir.dims import Extent
from lazygraph.compiler.ir.errors import CheckFailed
from lazygraph.compiler.ir.graph import Attributes, Node, TensorType, Value
from lazygraph.compiler.loop.ir import Buffer, Index, Operand
from lazygraph.compiler.ops.checks import sentence
from lazygraph.compiler.ops.compose import emit
from lazygraph.compiler.ops.lowering import BodyBuilder, Loops
from lazygraph.compiler.ops.matrix import tiles
from lazygraph.compiler.ops.matrix.graph import (
    adjoint,
    batch_of_matrices,
    diagonal_scaled,
    lower_triangle,
    product,
    require_square,
)
from lazygraph.compiler.ops.matrix.samples import in_double, positive
from lazygraph.compiler.ops.matrix.scalars import as_complex, conjugate, less_product, real, unless_certain
from lazygraph.compiler.ops.nests import nest
from lazygraph.compiler.ops.record import NOT_LINEAR, Domain, Flags, Op, Tangents, register
from lazygraph.compiler.ops.samples import Case
from lazygraph.compiler.ops.type_rules import require_operands
from lazygraph.runtime.dtypes import COMPLEX, DType, complex128, float32, float64, int64


def _type_rule(types: tuple[TensorType, ...], attributes: Attributes) -> Sequence[TensorType]:
    require_operands("cholesky", types, 1)
    require_square("cholesky", "the matrix", types[0])
    return types


def _reference(a: np.ndarray) -> np.ndarray:
    factors = np.zeros_like(a)
    for place in np.ndindex(a.shape[:-2]):
        try:
            factors[place] = np.linalg.cholesky(a[place])
        except np.linalg.LinAlgError:
            raise CheckFailed(sentence("not_positive", (_failing(a[place]),))) from None
    return factors


def _failing(a: np.ndarray) -> int:
    """The order of the first leading minor that is not positive."""
    for order in range(1, len(a)):
        try:
            np.linalg.cholesky(a[:order, :order])
        except np.linalg.LinAlgError:
            return order
    return len(a)


def _jvp(node: Node, tangents: Tangents) -> Tangents:
    (da,) = tangents
    if da is None:
        return (None,)
    factor = node.outputs[0]
    half = diagonal_scaled(lower_triangle(da), 0.5)
    change = emit("add", half, adjoint(half))

    def solved(x: Value) -> Value:
        return emit("triangular_solve", factor, x, lower=True, transposed=False, unit=False)

    inner = solved(adjoint(solved(change)))
    return (product(factor, diagonal_scaled(lower_triangle(inner), 0.5)),)


def _write(b: BodyBuilder, node: Node, inputs: tuple[Buffer, ...], outputs: tuple[Buffer, ...]) -> None:
    """A panel holds columns first .. first + width - 1 of l^H: its rows above the diagonal block follow from those of
    earlier panels by substitution, as l's own rows are known there; the block is factored row by row."""
    (a,), (factor,) = inputs, outputs
    *lead, count, _ = a.shape
    width = tiles.panel_width(a.dtype, count)
    zero = b.literal(0.0, a.dtype)

    def matrix(at: Index) -> None:
        panel = b.local("panel", a.dtype, (count, width))

        def clear(i: Extent) -> None:
            b.loop("vector", "j", count - 1 - i, lambda j: b.store(factor, (*at, i, i + 1 + j), zero))

        def block(number: Extent) -> None:
            first = dims.multiply(number, width)
            inner = dims.minimum(width, count - first)  # columns of the panel that there are

            def above(top: Extent) -> tiles.Tile:
                """Rows of earlier panels: l's own rows are on the left."""
                return tiles.Tile(
                    lambda r, lane: b.load(panel, (top + r, lane)),
                    lambda r, k: b.load(factor, (*at, top + r, k)),
                    lambda k, lane: b.load(panel, (k, lane)),
                    lambda r, lane, value: b.store(panel, (top + r, lane), value),
                )

            def scaled(c: Operand, row: Extent) -> Operand:
                return b.let("div", c, b.load(factor, (*at, row, row)))

            def on_diagonal(top: Extent) -> tiles.Tile:
                """The block's rows: the panel's own columns are on the left."""
                return tiles.Tile(
                    lambda r, lane: b.load(panel, (first + top + r, lane)),
                    lambda r, k: conjugate(b, b.load(panel, (k, top + r))),
                    lambda k, lane: b.load(panel, (k, lane)),
                    lambda r, lane, value: b.store(panel, (first + top + r, lane), value),
                )

            def source(i: Extent, j: Extent, guard: Operand | None, other: Operand | None) -> Operand:
                on = unless_certain(b.in_range(i, 0, j + 1)) if guard is None else guard
                if guard is not None:
                    on = b.let("and", guard, b.in_range(i, 0, j + 1))
                return conjugate(b, b.load(a, (*at, j, i), on, None if on is None else zero))

            def pivot(place: Extent) -> None:
                row = first + place
                found = real(b, b.load(panel, (row, place)))
                positive = b.let("lt", b.literal(0.0, found.dtype), found)
                b.check(node, "not_positive", positive, (b.index_value(row + 1, int64),))
                root = as_complex(b, b.let("sqrt", found), a.dtype)

                def divide(lane: Extent) -> None:
                    b.store(panel, (row, lane), b.let("div", b.load(panel, (row, lane)), root))

                def below(step: Extent) -> None:
                    under = place + 1 + step
                    factor_of_row = conjugate(b, b.load(panel, (row, under)))

                    def lane(j: Extent) -> None:
                        old = b.load(panel, (first + under, j))
                        b.store(panel, (first + under, j), less_product(b, old, factor_of_row, b.load(panel, (row, j))))

                    b.loop("vector", "lane", width, lane)

                b.loop("vector", "lane", width, divide)
                b.store(panel, (row, place), root)
                b.loop("serial", "below", inner - 1 - place, below)

            def write(place: Extent) -> None:
                row = first + place
                b.loop(
                    "vector",
                    "k",
                    row + 1,
                    lambda k: b.store(factor, (*at, row, k), conjugate(b, b.load(panel, (k, place)))),
                )

            tiles.load_panel(b, panel, first + inner, first, count, source)
            tiles.solve(b, panel, first, above, scaled)
            tiles.subtract(b, panel, inner, first, on_diagonal)
            b.loop("serial", "pivot", inner, pivot)
            b.loop("serial", "place", inner, write)

        b.loop("serial", "i", count, clear)
        b.loop("serial", "block", dims.ceildiv(count, width), block)

    nest(b, "m", [("parallel", extent) for extent in lead], matrix)


_SHAPES = [(1, 1), (0, 0), (2, 3, 5, 5), (0, 3, 3), (2, 43, 43)]


def _cases(rng: np.random.Generator, dtype: DType) -> list[Case]:
    return [((positive(rng, dtype, shape),), {}) for shape in _SHAPES]


def _smooth(rng: np.random.Generator) -> list[Case]:
    shapes = [(float64, (3, 3)), (float64, (2, 4, 4)), (float64, (1, 1)), (complex128, (3, 3))]
    return [((positive(rng, dtype, shape),), {}) for dtype, shape in shapes]


cholesky = register(
    Op(
        name="cholesky",
        doc="l of a = l l^H, lower triangular; a's lower triangle is read, and fails if not positive definite.",
        type_rule=_type_rule,
        reference=in_double(_reference),
        jvp=_jvp,
        transpose=NOT_LINEAR,
        batch=batch_of_matrices,
        lower=Loops(_write),
        domain=Domain((float32, float64, *COMPLEX), _cases, _smooth),
        ulp=16,
        flags=Flags(normwise=True),
    )
)

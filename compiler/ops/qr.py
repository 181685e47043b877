"""QR decomposition by Householder's reflections: a = q r, q with orthonormal columns, r upper triangular.

In: matrices (.., m, n) of any shape. Out: q (.., m, k) and r (.., k, n) with k = min(m, n), or k = m where `complete`.
The diagonal of r is real, of either sign, as LAPACK leaves it. Every matrix has the factors; the derivative needs
the leading k columns to be independent. It is that of fixed signs: with c = q^H da r**-1 the change of q is q o for a
skew o of c's lower triangle, beside what leaves q's range (S. F. Walter, L. Lehmann, R. Lamour, "On evaluating
higher-order derivatives of the QR decomposition", 2012). The columns that complete q may be turned among themselves:
their derivative is the one that turns nothing, right in every function that does not ask how they are turned.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lazygraph.compiler.ir import dims
from lazygraph.compiler.ir.dims import Extent
from lazygraph.compiler.ir.graph import Attributes, Node, TensorType
from lazygraph.compiler.loop.ir import Buffer, Index, Operand
from lazygraph.compiler.ops.compose import emit
from lazygraph.compiler.ops.lowering import BodyBuilder, Loops
from lazygraph.compiler.ops.matrix import reflectors, tiles
from lazygraph.compiler.ops.matrix.graph import (
    adjoint,
    batch_of_matrices,
    imaginary_diagonal,
    lower_triangle,
    padded,
    part,
    product,
    require_matrix,
    transposed,
    upper_triangle,
)
from lazygraph.compiler.ops.matrix.samples import general, in_double
from lazygraph.compiler.ops.nests import nest
from lazygraph.compiler.ops.record import NOT_LINEAR, Domain, Flags, Op, Tangents, register
from lazygraph.compiler.ops.samples import Case
from lazygraph.compiler.ops.type_rules import require_operands
from lazygraph.runtime.dtypes import COMPLEX, DType, complex128, float32, float64


def _type_rule(types: tuple[TensorType, ...], attributes: Attributes) -> Sequence[TensorType]:
    require_operands("qr", types, 1)
    (a,) = types
    lead, rows, columns = require_matrix("qr", "the matrix", a)
    count = rows if attributes["complete"] else dims.minimum(rows, columns)
    return TensorType(a.dtype, (*lead, rows, count)), TensorType(a.dtype, (*lead, count, columns))


def _reference(a: np.ndarray, *, complete: bool) -> tuple[np.ndarray, np.ndarray]:
    rows, columns = a.shape[-2:]
    if min(a.shape, default=0) == 0:
        count = rows if complete else min(rows, columns)
        q = np.broadcast_to(np.eye(rows, count, dtype=a.dtype), (*a.shape[:-1], count))
        return q.copy(), np.zeros((*a.shape[:-2], count, columns), a.dtype)
    q, r = np.linalg.qr(a, "complete" if complete else "reduced")
    return q, r


def _jvp(node: Node, tangents: Tangents) -> Tangents:
    (da,) = tangents
    if da is None:
        return (None, None)
    q, r = node.outputs
    rows, columns = da.shape[-2:]
    count, most = dims.minimum(rows, columns), q.shape[-1]
    square = part(r, (0, count), (0, count))
    leading = transposed(part(da, (0, rows), (0, count)))
    y = transposed(emit("triangular_solve", square, leading, lower=False, transposed=True, unit=False))
    c = product(adjoint(q), y)
    below = lower_triangle(c, -1)  # the rows that complete q lie below too
    turned = padded(below, (0, 0), (0, most - count))
    turned = emit("sub", turned, adjoint(turned))
    if c.dtype.is_complex:
        own = imaginary_diagonal(part(c, (0, count), (0, count)))
        turned = emit("add", turned, padded(own, (0, most - count), (0, most - count)))
    dq = product(q, turned)
    if not node["complete"]:
        dq = emit("add", dq, emit("sub", y, product(q, c)))
    dr = emit("sub", product(adjoint(q), da), product(turned, r))
    return dq, upper_triangle(dr)


def _write(b: BodyBuilder, node: Node, inputs: tuple[Buffer, ...], outputs: tuple[Buffer, ...]) -> None:
    """Each panel of a: the blocks of reflectors found so far, then its own. Each panel of q: the blocks in reverse,
    from the last that reaches it."""
    (a,) = inputs
    q, r = outputs
    *lead, rows, columns = a.shape
    count = dims.minimum(rows, columns)
    width = tiles.panel_width(a.dtype, columns)
    zero, one = b.literal(0.0, a.dtype), b.literal(1.0, a.dtype)

    def matrix(at: Index) -> None:
        panel = b.local("panel", a.dtype, (rows, width))
        found = reflectors.blocks(b, a.dtype, rows, count, width)
        total = dims.ceildiv(count, width)

        def panel_of_r(number: Extent) -> None:
            first = dims.multiply(number, width)

            def source(i: Extent, j: Extent, guard: Operand | None, other: Operand | None) -> Operand:
                return b.load(a, (*at, i, j), guard, other)

            def keep(i: Extent) -> None:
                def lane(j: Extent) -> None:
                    above = b.let("select", b.in_range(i, 0, first + j + 1), b.load(panel, (i, j)), zero)
                    b.store(r, (*at, i, first + j), above, tiles.within(b, first + j, columns))

                b.loop("vector", "lane", width, lane)

            tiles.load_panel(b, panel, rows, first, columns, source)
            b.loop(
                "serial",
                "before",
                dims.minimum(number, total),
                lambda block: reflectors.apply_block(b, found, block, panel, reflectors.adjoint_t),
            )
            own = dims.minimum(width, count - first)

            def factor() -> Sequence[Operand]:
                reflectors.factor_panel(b, found, number, panel, own)
                return ()

            b.branch(b.in_range(0, 0, own), factor)  # no reflectors start in a panel beyond the last row
            b.loop("serial", "i", r.shape[-2], keep)

        def panel_of_q(number: Extent) -> None:
            first = dims.multiply(number, width)
            reaching = dims.minimum(number + 1, total)

            def source(i: Extent, j: Extent, guard: Operand | None, other: Operand | None) -> Operand:
                return b.let("select", b.in_range(j, i, i + 1), one, zero)

            tiles.load_panel(b, panel, rows, first, q.shape[-1], source)
            b.loop(
                "serial",
                "before",
                reaching,
                lambda step: reflectors.apply_block(b, found, reaching - 1 - step, panel, reflectors.plain_t),
            )
            tiles.store_panel(b, panel, rows, first, q.shape[-1], q, lambda i, j: (*at, i, j))

        b.loop("serial", "block", dims.ceildiv(columns, width), panel_of_r)
        b.loop("serial", "block", dims.ceildiv(q.shape[-1], width), panel_of_q)

    nest(b, "m", [("parallel", extent) for extent in lead], matrix)


_SHAPES = [
    ((1, 1), False), ((0, 0), False), ((2, 3, 5, 4), True), ((3, 0), False), ((3, 0), True), ((0, 3), True),
    ((37, 35), False), ((18, 50), False),
]  # fmt: skip


def _cases(rng: np.random.Generator, dtype: DType) -> list[Case]:
    return [((general(rng, dtype, shape),), {"complete": complete}) for shape, complete in _SHAPES]


def _smooth(rng: np.random.Generator) -> list[Case]:
    shapes = [(float64, (3, 3)), (float64, (2, 4, 3)), (float64, (2, 4)), (complex128, (3, 2))]
    return [((general(rng, dtype, shape),), {"complete": False}) for dtype, shape in shapes]


qr = register(
    Op(
        name="qr",
        doc="q and r of a = q r, q with orthonormal columns, as many as rows if `complete`, and r upper triangular.",
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

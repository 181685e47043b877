"""Linear systems from their LU factors: a x = b, or a^T x = b, with the derivative of the equation.

In: matrices a (.., n, n), what `lu` gives of them (packed, permutation), and right sides b (.., n, m). Out: x of b's
shape. The factors say nothing that a does not: x is computed from them and differentiated by a, a dx = db - da x, so
that every derivative costs substitutions with the same factors. Panels of columns of b are independent and run in
parallel. A 0 on u's diagonal fails the step.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lazygraph.compiler.ir import dims
from lazygraph.compiler.ir.dims import Extent
from lazygraph.compiler.ir.errors import CheckFailed, DTypeError
from lazygraph.compiler.ir.graph import Attributes, Node, TensorType
from lazygraph.compiler.loop.ir import Buffer, Index, Operand
from lazygraph.compiler.ops.checks import sentence
from lazygraph.compiler.ops.compose import emit, plus
from lazygraph.compiler.ops.lowering import BodyBuilder, Loops
from lazygraph.compiler.ops.matrix import tiles
from lazygraph.compiler.ops.matrix.graph import batch_of_matrices, product, require_matrix, transposed
from lazygraph.compiler.ops.matrix.packed import factored
from lazygraph.compiler.ops.matrix.samples import general, in_double
from lazygraph.compiler.ops.matrix.scalars import vanishes
from lazygraph.compiler.ops.nests import nest
from lazygraph.compiler.ops.record import Domain, Flags, Op, Tangents, register
from lazygraph.compiler.ops.samples import Case, plain
from lazygraph.compiler.ops.type_rules import require_equal, require_equal_shapes, require_operands, require_same_dtype
from lazygraph.runtime.dtypes import COMPLEX, DType, complex128, float32, float64, int64


def _type_rule(types: tuple[TensorType, ...], attributes: Attributes) -> Sequence[TensorType]:
    require_operands("lu_solve", types, 4)
    a, packed, permutation, b = types
    lead, rows, columns = require_matrix("lu_solve", "the matrix", a)
    others, height, _ = require_matrix("lu_solve", "the right side", b)
    for what, each in (("its factors", packed), ("the right side", b)):
        require_same_dtype("lu_solve", f"the matrix and {what}", a.dtype, each.dtype)
    if permutation.dtype != int64:
        raise DTypeError(f"lu_solve: the permutation: expected int64, found {permutation.dtype}")
    require_equal("lu_solve", "rows and columns of the matrix", rows, columns)
    require_equal_shapes("lu_solve", "the matrix and its factors", a.shape, packed.shape)
    require_equal_shapes("lu_solve", "the rows and their permutation", a.shape[:-1], permutation.shape)
    require_equal("lu_solve", "rows of the matrix and of the right side", rows, height)
    require_equal_shapes("lu_solve", "leading axes", lead, others)
    return (b,)


def _reference(
    a: np.ndarray, packed: np.ndarray, permutation: np.ndarray, b: np.ndarray, *, transposed: bool
) -> np.ndarray:
    try:
        return np.asarray(np.linalg.solve(np.swapaxes(a, -1, -2) if transposed else a, b)) if b.size else b.copy()
    except np.linalg.LinAlgError:
        places = np.argwhere(np.diagonal(packed, axis1=-2, axis2=-1) == 0)
        raise CheckFailed(sentence("singular", (int(places[0][-1]) + 1 if len(places) else a.shape[-1],))) from None


def _jvp(node: Node, tangents: Tangents) -> Tangents:
    """dx = op(a)**-1 (db - op(da) x)."""
    a, packed, permutation, _ = node.inputs
    da, _, _, db = tangents
    change = db
    if da is not None:
        moved = product(transposed(da) if node["transposed"] else da, node.outputs[0])
        change = plus(db, emit("neg", moved))
    return (None if change is None else node.op(a, packed, permutation, change, **node.attributes),)


def _transpose(node: Node, cotangents: Tangents, linear: tuple[bool, ...]) -> Tangents:
    (ct,) = cotangents
    if ct is None or not linear[3]:
        return (None, None, None, None)
    return (None, None, None, node.op(*node.inputs[:3], ct, transposed=not node["transposed"]))


def _write(b: BodyBuilder, node: Node, inputs: tuple[Buffer, ...], outputs: tuple[Buffer, ...]) -> None:
    """l u x = b[permutation], or u^T l^T x[permutation] = b: a substitution from the first row, one from the last."""
    _, packed, permutation, right = inputs
    (target,) = outputs
    *lead, count, columns = right.shape
    width = tiles.panel_width(right.dtype, columns)
    flipped = node["transposed"]

    def panel(at: Index) -> None:
        *outer, block = at
        first = dims.multiply(block, width)
        x = b.local("x", right.dtype, (count, width))

        def element(i: Extent, k: Extent) -> Operand:
            return b.load(packed, (*outer, k, i) if flipped else (*outer, i, k))

        def substitute(row: tiles.Renumbered, divides: bool) -> None:
            def tile(top: Extent) -> tiles.Tile:
                return tiles.Tile(
                    lambda r, lane: b.load(x, (row(top + r), lane)),
                    lambda r, k: element(row(top + r), row(k)),
                    lambda k, lane: b.load(x, (row(k), lane)),
                    lambda r, lane, value: b.store(x, (row(top + r), lane), value),
                )

            def scaled(c: Operand, i: Extent) -> Operand:
                return b.let("div", c, element(row(i), row(i))) if divides else c

            tiles.solve(b, x, count, tile, scaled)

        def moved(i: Extent) -> Extent:
            return b.as_index(b.load(permutation, (*outer, i)), count)

        def check(i: Extent) -> None:
            ordinary = b.let("not", vanishes(b, element(i, i)))
            b.check(node, "singular", ordinary, (b.index_value(i + 1, int64),))

        def source(i: Extent, j: Extent, guard: Operand | None, other: Operand | None) -> Operand:
            return b.load(right, (*outer, i if flipped else moved(i), j), guard, other)

        b.loop("serial", "i", count, check)
        tiles.load_panel(b, x, count, first, columns, source)
        substitute(lambda i: i, flipped)
        substitute(lambda i: count - 1 - i, not flipped)
        tiles.store_panel(b, x, count, first, columns, target, lambda i, j: (*outer, moved(i) if flipped else i, j))

    nest(b, "p", [("parallel", extent) for extent in (*lead, dims.ceildiv(columns, width))], panel)


_SIZES = [((), 1, 1), ((), 0, 3), ((), 3, 0), ((2, 3), 5, 1), ((0,), 2, 2), ((2,), 19, 35)]


def _systems(rng: np.random.Generator, dtype: DType, lead: Sequence[int], n: int, m: int) -> tuple[np.ndarray, ...]:
    """Rows in disorder, so that there are exchanges."""
    a = np.ascontiguousarray(general(rng, dtype, (*lead, n, n))[..., ::-1, :])
    packed, permutation, _ = in_double(factored)(a)
    return a, packed, permutation, plain(rng, dtype, (*lead, n, m))


def _cases(rng: np.random.Generator, dtype: DType) -> list[Case]:
    return [
        (_systems(rng, dtype, lead, n, m), {"transposed": flipped})
        for place, (lead, n, m) in enumerate(_SIZES)
        for flipped in ((False, True) if n > 8 else (place % 2 == 0,))
    ]


def _smooth(rng: np.random.Generator) -> list[Case]:
    chosen = [(float64, (), 3, 2), (float64, (2,), 4, 1), (complex128, (), 3, 2)]
    return [(_systems(rng, *each), {"transposed": flipped}) for each, flipped in zip(chosen, (False, True, True))]


lu_solve = register(
    Op(
        name="lu_solve",
        doc="x of a x = b, or of a^T x = b if `transposed`, from a, its packed LU factors, their permutation, and b.",
        type_rule=_type_rule,
        reference=in_double(_reference),
        jvp=_jvp,
        transpose=_transpose,
        batch=batch_of_matrices,
        lower=Loops(_write),
        domain=Domain((float32, float64, *COMPLEX), _cases, _smooth),
        ulp=32,
        flags=Flags(linear=(3,), normwise=True),
    )
)

"""Triangular systems: op(a) x = b for the lower or upper triangle of a, by substitution.

In: matrices a (.., n, n) and b (.., n, m). Out: x (.., n, m). Panels of columns of b are independent and run in
parallel. A 0 on the diagonal fails the step. Every x has a small backward error: (op(a) + e) x = b for some e of at
most n roundings of a, element by element (N. J. Higham, "Accuracy and Stability of Numerical Algorithms", 2002,
theorem 8.5).
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
from lazygraph.compiler.ops.compose import emit, plus
from lazygraph.compiler.ops.lowering import BodyBuilder, Loops
from lazygraph.compiler.ops.matrix import tiles
from lazygraph.compiler.ops.matrix.graph import (
    batch_of_matrices,
    lower_triangle,
    product,
    require_matrix,
    transposed,
    upper_triangle,
)
from lazygraph.compiler.ops.matrix.samples import general, in_double
from lazygraph.compiler.ops.matrix.scalars import vanishes
from lazygraph.compiler.ops.nests import nest
from lazygraph.compiler.ops.record import Domain, Flags, Op, Tangents, register
from lazygraph.compiler.ops.samples import Case, plain
from lazygraph.compiler.ops.type_rules import require_equal, require_equal_shapes, require_operands, require_same_dtype
from lazygraph.runtime.dtypes import COMPLEX, DType, complex128, float32, float64, int64


def _type_rule(types: tuple[TensorType, ...], attributes: Attributes) -> Sequence[TensorType]:
    require_operands("triangular_solve", types, 2)
    a, b = types
    lead, rows, columns = require_matrix("triangular_solve", "the matrix", a)
    others, height, _ = require_matrix("triangular_solve", "the right side", b)
    require_same_dtype("triangular_solve", "the matrix and the right side", a.dtype, b.dtype)
    require_equal("triangular_solve", "rows and columns of the matrix", rows, columns)
    require_equal("triangular_solve", "rows of the matrix and of the right side", rows, height)
    require_equal_shapes("triangular_solve", "leading axes", lead, others)
    return (b,)


def _reference(a: np.ndarray, b: np.ndarray, *, lower: bool, transposed: bool, unit: bool) -> np.ndarray:
    count = a.shape[-1]
    triangle = np.tril(a, -1 if unit else 0) if lower else np.triu(a, 1 if unit else 0)
    if unit:
        triangle = triangle + np.eye(count, dtype=a.dtype)
    if np.any(np.diagonal(triangle, axis1=-2, axis2=-1) == 0):
        place = int(np.argwhere(np.diagonal(triangle, axis1=-2, axis2=-1) == 0)[0][-1])
        raise CheckFailed(sentence("singular", (place + 1,)))
    system = np.swapaxes(triangle, -1, -2) if transposed else triangle
    return np.asarray(np.linalg.solve(system, b)) if b.size else np.array(b)


def _triangle(node: Node, x: Value) -> Value:
    """The elements that the node reads."""
    excluded = int(node["unit"])
    return lower_triangle(x, -excluded) if node["lower"] else upper_triangle(x, excluded)


def _jvp(node: Node, tangents: Tangents) -> Tangents:
    """dx = op(a)**-1 (db - op(da) x)."""
    a, x = node.inputs[0], node.outputs[0]
    da, db = tangents
    change = db
    if da is not None:
        moved = _triangle(node, da)
        change = plus(db, emit("neg", product(transposed(moved) if node["transposed"] else moved, x)))
    return (None if change is None else node.op(a, change, **node.attributes),)


def _transpose(node: Node, cotangents: Tangents, linear: tuple[bool, ...]) -> Tangents:
    (ct,) = cotangents
    if ct is None or not linear[1]:
        return (None, None)
    return (None, node.op(node.inputs[0], ct, **{**node.attributes, "transposed": not node["transposed"]}))


def _write(b: BodyBuilder, node: Node, inputs: tuple[Buffer, ...], outputs: tuple[Buffer, ...]) -> None:
    """Forward substitution with rows counted from the end where x is found from its last element on: a lower triangle
    and a transposed upper one begin at the first."""
    a, right = inputs
    (target,) = outputs
    *lead, count, columns = right.shape
    forward = node["lower"] != node["transposed"]
    width = tiles.panel_width(right.dtype, columns)

    def row(i: Extent) -> Extent:
        return i if forward else count - 1 - i

    def panel(at: Index) -> None:
        *outer, block = at
        first = dims.multiply(block, width)
        x = b.local("x", right.dtype, (count, width))

        def element(i: Extent, k: Extent) -> Operand:
            place = (row(k), row(i)) if node["transposed"] else (row(i), row(k))
            return b.load(a, (*outer, *place))

        def tile(top: Extent) -> tiles.Tile:
            return tiles.Tile(
                lambda r, lane: b.load(x, (top + r, lane)),
                lambda r, k: element(top + r, k),
                lambda k, lane: b.load(x, (k, lane)),
                lambda r, lane, value: b.store(x, (top + r, lane), value),
            )

        def scaled(c: Operand, i: Extent) -> Operand:
            return c if node["unit"] else b.let("div", c, element(i, i))

        def check(i: Extent) -> None:
            ordinary = b.let("not", vanishes(b, element(i, i)))
            b.check(node, "singular", ordinary, (b.index_value(row(i) + 1, int64),))

        if not node["unit"]:
            b.loop("serial", "i", count, check)
        tiles.load_panel(
            b, x, count, first, columns, lambda i, j, guard, other: b.load(right, (*outer, row(i), j), guard, other)
        )
        tiles.solve(b, x, count, tile, scaled)
        tiles.store_panel(b, x, count, first, columns, target, lambda i, j: (*outer, row(i), j))

    nest(b, "p", [("parallel", extent) for extent in (*lead, dims.ceildiv(columns, width))], panel)


_SIZES = [((), 1, 1), ((), 0, 3), ((), 3, 0), ((2, 3), 5, 1), ((0,), 2, 2), ((2,), 19, 35)]
_FORMS = [
    {"lower": lower, "transposed": flipped, "unit": unit}
    for lower, flipped, unit in [(True, False, False), (False, False, False), (True, True, False), (False, True, True)]
]


def _cases(rng: np.random.Generator, dtype: DType) -> list[Case]:
    def unit(matrix: np.ndarray) -> np.ndarray:
        return np.asarray((matrix / (2 * matrix.shape[-1])).astype(dtype.numpy))

    return [
        (((unit(a) if form["unit"] else a), plain(rng, dtype, (*lead, n, m))), form)
        for place, (lead, n, m) in enumerate(_SIZES)
        for form in (_FORMS if n > 8 else _FORMS[place % 4 :: 4])
        for a in [general(rng, dtype, (*lead, n, n))]
    ]


def _smooth(rng: np.random.Generator) -> list[Case]:
    sizes = [((), 3, 2), ((2,), 4, 1), ((), 2, 3), ((), 3, 3)]
    real = [
        ((general(rng, float64, (*lead, n, n)), plain(rng, float64, (*lead, n, m))), form)
        for (lead, n, m), form in zip(sizes, _FORMS)
    ]
    return [*real, ((general(rng, complex128, (3, 3)), plain(rng, complex128, (3, 2))), _FORMS[2])]


triangular_solve = register(
    Op(
        name="triangular_solve",
        doc="x of op(a) x = b, of a the lower or upper triangle, op(a) its transpose if so; its diagonal 1 if `unit`.",
        type_rule=_type_rule,
        reference=in_double(_reference),
        jvp=_jvp,
        transpose=_transpose,
        batch=batch_of_matrices,
        lower=Loops(_write),
        domain=Domain((float32, float64, *COMPLEX), _cases, _smooth),
        ulp=16,
        flags=Flags(linear=(1,), normwise=True),
    )
)

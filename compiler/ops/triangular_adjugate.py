"""The adjugate of an upper triangular matrix: det(u) u**-1 without a division, so of singular ones too.

In: matrices (.., n, n), of which the upper triangle is read. Out: upper triangular matrices. With u = [[p, r], [0, v]]
it is [[det v, -r adj(v)], [0, p adj(v)]], from the last row upwards. The derivative is that of det(u) u**-1 and needs a
regular u.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lazygraph.compiler.ir.dims import Extent
from lazygraph.compiler.ir.graph import Attributes, Node, TensorType
from lazygraph.compiler.loop.ir import Buffer, Index, Operand
from lazygraph.compiler.ops.compose import emit, spread
from lazygraph.compiler.ops.lowering import BodyBuilder, Loops
from lazygraph.compiler.ops.matrix.graph import (
    batch_of_matrices,
    identity_like,
    product,
    require_square,
    upper_triangle,
)
from lazygraph.compiler.ops.matrix.samples import general, in_double
from lazygraph.compiler.ops.matrix.scalars import less_product
from lazygraph.compiler.ops.nests import nest
from lazygraph.compiler.ops.record import NOT_LINEAR, Domain, Flags, Op, Tangents, register
from lazygraph.compiler.ops.samples import Case
from lazygraph.compiler.ops.type_rules import require_operands
from lazygraph.runtime.dtypes import COMPLEX, DType, complex128, float32, float64


def _type_rule(types: tuple[TensorType, ...], attributes: Attributes) -> Sequence[TensorType]:
    require_operands("triangular_adjugate", types, 1)
    require_square("triangular_adjugate", "the matrix", types[0])
    return types


def _reference(u: np.ndarray) -> np.ndarray:
    found = np.zeros_like(u)
    count = u.shape[-1]
    below = np.ones(u.shape[:-2], u.dtype)
    for row in reversed(range(count)):
        rest = found[..., row + 1 :, :].copy()
        found[..., row, :] = -np.einsum("...k,...kj->...j", u[..., row, row + 1 :], rest)
        found[..., row, row] += below
        found[..., row + 1 :, :] *= u[..., row, row, None, None]
        below = below * u[..., row, row]
    return found


def _jvp(node: Node, tangents: Tangents) -> Tangents:
    """d adj = tr(s) adj - s adj with s = u**-1 du."""
    (du,) = tangents
    if du is None:
        return (None,)
    u, adjugate = node.inputs[0], node.outputs[0]
    rank = u.type.rank
    s = emit("triangular_solve", u, upper_triangle(du), lower=False, transposed=False, unit=False)
    trace = emit("reduce_sum", emit("mul", s, identity_like(s)), axes=(rank - 2, rank - 1))
    scaled = emit("mul", spread(trace, u.shape, range(rank - 2)), adjugate)
    return (emit("sub", scaled, product(s, adjugate)),)


def _write(b: BodyBuilder, node: Node, inputs: tuple[Buffer, ...], outputs: tuple[Buffer, ...]) -> None:
    (u,), (target,) = inputs, outputs
    *lead, count, _ = u.shape
    zero, one = b.literal(0.0, u.dtype), b.literal(1.0, u.dtype)

    def matrix(at: Index) -> None:
        def add_row(step: Extent, known: tuple[Operand, ...]) -> Sequence[Operand]:
            """`known` is the determinant of the rows below."""
            row = count - 1 - step
            pivot = b.load(u, (*at, row, row))

            def lane(j: Extent) -> None:
                def product(k: Extent, sums: tuple[Operand, ...]) -> Sequence[Operand]:
                    below = row + 1 + k
                    return [less_product(b, sums[0], b.load(u, (*at, row, below)), b.load(target, (*at, below, j)))]

                start = b.let("select", b.in_range(j, row, row + 1), known[0], zero)
                (found,) = b.carry("k", step, [start], product)
                b.store(target, (*at, row, j), found)

            def scale(k: Extent) -> None:
                def each(j: Extent) -> None:
                    place = (*at, row + 1 + k, j)
                    b.store(target, place, b.let("mul", b.load(target, place), pivot))

                b.loop("vector", "j", count, each)

            b.loop("vector", "j", count, lane)
            b.loop("serial", "k", step, scale)
            return [b.let("mul", known[0], pivot)]

        b.carry("step", count, [one], add_row)

    nest(b, "m", [("parallel", extent) for extent in lead], matrix)


def _cases(rng: np.random.Generator, dtype: DType) -> list[Case]:
    """One of them singular, by a 0 in the middle of its diagonal."""
    found: list[Case] = [((general(rng, dtype, shape),), {}) for shape in [(1, 1), (0, 0), (2, 3, 5, 5)]]
    singular = (general(rng, dtype, (2, 18, 18)) / 8).astype(dtype.numpy)
    singular[0, 7, 7] = 0
    return [*found, ((singular,), {})]


def _smooth(rng: np.random.Generator) -> list[Case]:
    shapes = [(float64, (2, 3, 3)), (float64, (1, 1)), (complex128, (3, 3))]
    return [((general(rng, dtype, shape) / 4,), {}) for dtype, shape in shapes]


triangular_adjugate = register(
    Op(
        name="triangular_adjugate",
        doc="det(u) u**-1 of the upper triangle of a matrix, by products alone: also where it is singular.",
        type_rule=_type_rule,
        reference=in_double(_reference),
        jvp=_jvp,
        transpose=NOT_LINEAR,
        batch=batch_of_matrices,
        lower=Loops(_write),
        domain=Domain((float32, float64, *COMPLEX), _cases, _smooth),
        ulp=32,
        flags=Flags(normwise=True),
    )
)

"""Singular value decompositions.

In: matrices in the last two axes. Out: a = u diag(s) vh with the singular values s in descending order; of each left
vector (column of u), and each right one (row of vh) without a left one beside it, the element of greatest magnitude
(the first of equals) is positive. Lowered to bidiagonal form and implicit sweeps, the matrices of a batch in parallel.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from lazygraph.compiler.ir import dims
from lazygraph.compiler.ir.dims import Extent, prove_nonnegative
from lazygraph.compiler.ir.errors import CheckFailed
from lazygraph.compiler.ir.graph import Attributes, Node, TensorType, Value
from lazygraph.compiler.loop.ir import Buffer, Index, Operand
from lazygraph.compiler.ops.checks import sentence
from lazygraph.compiler.ops.compose import emit
from lazygraph.compiler.ops.eigh import FACTORED, require_one_matrix
from lazygraph.compiler.ops.lowering import BodyBuilder, Loops
from lazygraph.compiler.ops.matrix.graph import adjoint, batch_of_matrices, product
from lazygraph.compiler.ops.matrix.samples import in_double, normal
from lazygraph.compiler.ops.nests import nest
from lazygraph.compiler.ops.record import NOT_LINEAR, OPS, Domain, Flags, Op, Tangents, full, register, zeros
from lazygraph.compiler.ops.samples import Case
from lazygraph.compiler.ops.spectral.bidiagonal import Rotating, bidiagonalize, singular_values
from lazygraph.compiler.ops.spectral.complex_svd import ComplexDecomposition
from lazygraph.compiler.ops.spectral.derivatives import (
    along_rows,
    apart,
    column_products,
    inverse,
    of_dtype,
    sums_inverted,
)
from lazygraph.compiler.ops.spectral.numbers import Numbers, padded, tall_or_wide
from lazygraph.compiler.ops.spectral.order import brought_to_length_one, signs, sorted_places
from lazygraph.compiler.ops.spectral.phases import also_turning, phases_of, turn
from lazygraph.compiler.ops.spectral.reflectors import product_of_reflectors
from lazygraph.compiler.ops.spectral.rotations import Panels, in_panels, sweeps
from lazygraph.runtime.dtypes import DType, complex128, float64

Types = tuple[TensorType, ...]


def _type(types: Types, attributes: Attributes) -> Sequence[TensorType]:
    a = require_one_matrix("svd", types)
    *lead, m, n = a.shape
    k = dims.minimum(m, n)
    left, right = (m, n) if attributes["full_matrices"] else (k, k)
    shapes = ((*lead, m, left), (*lead, k), (*lead, right, n))
    return [TensorType(dtype, shape) for dtype, shape in zip((a.dtype, a.dtype.part, a.dtype), shapes)]


def _values_type(types: Types, attributes: Attributes) -> Sequence[TensorType]:
    a = require_one_matrix("svdvals", types)
    *lead, m, n = a.shape
    return (TensorType(a.dtype.part, (*lead, dims.minimum(m, n))),)


def _reference(a: np.ndarray, *, full_matrices: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    if not np.isfinite(a).all():
        raise CheckFailed(sentence("converge", (0, min(a.shape[-2:]))))
    u, s, vh = np.linalg.svd(a, full_matrices=full_matrices)
    left, right = phases_of(u), phases_of(vh.swapaxes(-1, -2))
    right[..., : s.shape[-1]] = np.conj(left[..., : s.shape[-1]])
    return u * left[..., None, :], s, vh * right[..., :, None]


def _columns(x: Value, low: Extent, high: Extent) -> Value:
    rank = x.type.rank
    starts, stops = (0,) * (rank - 1) + (low,), (*x.shape[:-1], high)
    return x if (low, high) == (0, x.shape[-1]) else emit("slice", x, starts=starts, stops=stops, steps=(1,) * rank)


def _scaled(x: Value, by: Value) -> Value:
    """Column j of each matrix times by_j."""
    return emit("mul", x, of_dtype(along_rows(by, x), x))


def _jvp(node: Node, tangents: Tangents) -> Tangents:
    """P = u^H da v of the first k vectors, X and Y its Hermitian and anti-Hermitian part: ds = Re diag(P);
    du = u (X_ij / (s_j - s_i) + Y_ij / (s_j + s_i)) + (1 - u u^H) da v / s;
    dv = v (X_ij / (s_j - s_i) - Y_ij / (s_j + s_i)) + (1 - v v^H) da^H u / s; the vectors beyond the first k turn
    against them, as little as can be. Complex ones turn so that the greatest element stays positive, too.

    A quotient is 0 where values are equal, or are 0: the basis among them is as good as any, and turns by nothing; that
    is right for whatever does not depend on it. Giles, Collected matrix derivative results (2008); Townsend,
    Differentiating the singular value decomposition (2016).
    """
    (da,) = tangents
    if da is None:
        return (None, None, None)
    u, s, vh = node.outputs
    if 0 in s.shape:
        return tuple([zeros(each.type) for each in node.outputs])
    k, v = s.shape[-1], adjoint(vh)
    left, right = _columns(u, 0, k), _columns(v, 0, k)
    moved, moved_back = product(da, right), product(adjoint(da), left)
    inner = product(adjoint(left), moved)
    half = emit("mul", inner, full(inner.type, 0.5))
    by_difference = emit("mul", of_dtype(apart(s), da), emit("add", half, adjoint(half)))
    by_sum = emit("mul", of_dtype(sums_inverted(s), da), emit("sub", half, adjoint(half)))
    du = _side(u, left, emit("add", by_difference, by_sum), _scaled(moved, inverse(s)))
    dv = _side(v, right, emit("sub", by_difference, by_sum), _scaled(moved_back, inverse(s)))
    if da.dtype.is_complex:
        du, dv = _keeping_phase(u, du, v, dv, k)
    return du, column_products(left, moved), adjoint(dv)


def _keeping_phase(u: Value, du: Value, v: Value, dv: Value, k: Extent) -> tuple[Value, Value]:
    """Both vectors of a pair turn as u's does, those beyond the first k alone."""
    rate = turn(u, du)
    shared = _columns(rate, 0, k)
    if v.shape[-1] != k:
        own = _columns(turn(v, dv), k, v.shape[-1])
        shared = emit("concat", shared, own, axis=own.type.rank - 1)
    return also_turning(u, du, rate), also_turning(v, dv, shared)


def _side(vectors: Value, first: Value, turn: Value, outward: Value) -> Value:
    """first @ turn, and what of `outward` is no combination of the first; the other vectors turn against it."""
    inside = product(first, turn)
    if prove_nonnegative(first.shape[-1] - first.shape[-2]):
        return inside
    beyond = emit("sub", outward, product(first, product(adjoint(first), outward)))
    moved = emit("add", inside, beyond)
    k, count = first.shape[-1], vectors.shape[-1]
    if count == k:
        return moved
    others = _columns(vectors, k, count)
    against = emit("neg", product(first, product(adjoint(outward), others)))
    return emit("concat", moved, against, axis=moved.type.rank - 1)


def _values_jvp(node: Node, tangents: Tangents) -> Tangents:
    (da,) = tangents
    if da is None:
        return (None,)
    if 0 in node.output.shape:
        return (zeros(node.output.type),)
    u, _, vh = OPS["svd"](node.inputs[0], full_matrices=False)
    return (column_products(u, product(da, adjoint(vh))),)


# --- the loops --------------------------------------------------------------------------------------------------------


def _write(b: BodyBuilder, node: Node, inputs: tuple[Buffer, ...], outputs: tuple[Buffer, ...]) -> None:
    (source,) = inputs
    loops = [("parallel", extent) for extent in source.shape[:-2]]
    decomposition = ComplexDecomposition if source.dtype.is_complex else _Decomposition
    nest(b, "matrix", loops, lambda at: decomposition(b, node, source, outputs, at).write())


class _Decomposition:
    """One matrix: scaled by a power of two to the size of 1, and transposed where it has more columns than rows."""

    def __init__(self, b: BodyBuilder, node: Node, source: Buffer, outputs: tuple[Buffer, ...], at: Index) -> None:
        self.b, self.node, self.source, self.outputs, self.at = b, node, source, outputs, at
        self.x = Numbers(b, source.dtype)
        self.m, self.n = source.shape[-2:]
        self.long, self.short = dims.maximum(self.m, self.n), dims.minimum(self.m, self.n)

    def write(self) -> None:
        b, x = self.b, self.x
        long, short = self.long, self.short
        greatest = x.greatest(self.m, self.n, lambda i, k: x.abs(b.load(self.source, (*self.at, i, k))))
        scale, inverse = x.scale_to_one(greatest)
        finite = x.less(greatest, x.const(float("inf")))
        a = b.local("a", x.dtype, (padded(long), padded(short)))
        tall_or_wide(x, self.m, self.n, lambda: self.copy(a, scale, False), lambda: self.copy(a, scale, True))
        form = bidiagonalize(x, a, short)
        rotating = None
        if len(self.outputs) == 3:
            columns = long if self.node["full_matrices"] else short
            left = b.local("long_vectors", x.dtype, (padded(long), padded(columns)))
            right = b.local("short_vectors", x.dtype, (padded(short), padded(short)))
            product_of_reflectors(x, form.left, form.left_taus, short, 0, left)
            product_of_reflectors(x, form.right, form.right_taus, short - 1, 1, right)
            rotating = Rotating(
                sweeps(x, "left", short),
                in_panels(x, "long_panels", left),
                sweeps(x, "right", short),
                in_panels(x, "short_panels", right),
            )
        found = singular_values(x, short, form, finite, rotating)
        b.check(self.node, "converge", x.equal(found, x.count(short)), (found, x.count(short)))
        sizes, turned = b.local("sizes", x.dtype, (short,)), b.local("turned", x.dtype, (short,))

        def size(k: Extent) -> None:
            value = b.load(form.diagonal, (k,))
            b.store(sizes, (k,), x.abs(value))
            b.store(turned, (k,), x.with_sign(x.const(1.0), value))

        b.loop("vector", "k", short, size)
        total = self.long if rotating is not None and self.node["full_matrices"] else short
        order = sorted_places(x, sizes, short, lambda mine, other: x.less(other, mine), total)
        values = self.outputs[-1] if rotating is None else self.outputs[1]

        def value(p: Extent) -> None:
            place = b.as_index(b.load(order, (p,)), short)
            b.store(values, (*self.at, p), x.mul(b.load(sizes, (place,)), inverse))

        b.loop("vector", "p", short, value)
        if rotating is not None:
            self.vectors(rotating, order, turned)

    def copy(self, a: Buffer, scale: Operand, wide: bool) -> None:
        b, x = self.b, self.x

        def row(i: Extent) -> None:
            def column(k: Extent) -> None:
                inside = x.both(b.in_range(i, 0, self.long), b.in_range(k, 0, self.short))
                place = (*self.at, k, i) if wide else (*self.at, i, k)
                b.store(a, (i, k), x.mul(b.load(self.source, place, inside, x.const(0.0)), scale))

            b.loop("vector", "k", a.shape[1], column)

        b.loop("serial", "i", a.shape[0], row)

    def vectors(self, rotating: Rotating, order: Buffer, turned: Buffer) -> None:
        """u and vh out of the panels; the vectors of one side of a pair take their sign from those of u."""
        b, x = self.b, self.x
        left, right = self.outputs[0], self.outputs[2]
        long, short = rotating.left_panels, rotating.right_panels
        count = order.shape[0]
        brought_to_length_one(x, long, count)
        brought_to_length_one(x, short, self.short)
        long_signs, short_signs = signs(x, long, count, "long_signs"), signs(x, short, self.short, "short_signs")

        def follow(mine: Buffer, other: Buffer) -> None:
            """The signs of mine with which pairs multiply to singular values >= 0."""

            def pair(k: Extent) -> None:
                b.store(other, (k,), x.mul(b.load(mine, (k,)), b.load(turned, (k,))))

            b.loop("vector", "k", self.short, pair)

        def columns(panels: Panels, sign: Buffer, bound: Extent) -> None:
            def row(r: Extent) -> None:
                def column(p: Extent) -> None:
                    place = b.as_index(b.load(order, (p,)), bound)
                    b.store(left, (*self.at, r, p), x.mul(b.load(sign, (place,)), panels.load(r, place)))

                b.loop("vector", "p", left.shape[-1], column)

            b.loop("serial", "r", left.shape[-2], row)

        def rows(panels: Panels, sign: Buffer, bound: Extent) -> None:
            def row(p: Extent) -> None:
                place = b.as_index(b.load(order, (p,)), bound)
                factor = b.load(sign, (place,))

                def column(r: Extent) -> None:
                    b.store(right, (*self.at, p, r), x.mul(factor, panels.load(r, place)))

                b.loop("vector", "r", right.shape[-1], column)

            b.loop("serial", "p", right.shape[-2], row)

        def tall() -> None:
            follow(long_signs, short_signs)
            columns(long, long_signs, count)
            rows(short, short_signs, self.short)

        def wide() -> None:
            follow(short_signs, long_signs)
            columns(short, short_signs, self.short)
            rows(long, long_signs, count)

        tall_or_wide(x, self.m, self.n, tall, wide)


# --- where it is tried ------------------------------------------------------------------------------------------------


def _apart(rng: np.random.Generator, dtype: DType, shape: Sequence[int]) -> np.ndarray:
    """Matrices whose singular values are about 1 apart and away from 0."""
    *lead, m, n = shape
    k = min(m, n)
    u, _ = np.linalg.qr(normal(rng, dtype, (*lead, m, k)))
    v, _ = np.linalg.qr(normal(rng, dtype, (*lead, n, k)))
    values = np.arange(k) + 1 + rng.uniform(-0.1, 0.1, (*lead, k))
    return np.asarray((u * values[..., None, :]) @ v.swapaxes(-1, -2))


def _arrays(rng: np.random.Generator, dtype: DType, shapes: Sequence[Sequence[int]]) -> list[np.ndarray]:
    """Matrices of these shapes, and a batch of two sizes far from 1."""
    sizes = np.array([1e300, 1e-300] if dtype.part.itemsize == 8 else [1e35, 1e-35])[:, None, None]
    arrays = [*[_apart(rng, dtype, shape) for shape in shapes], _apart(rng, dtype, (2, 3, 33)) * sizes]
    return [each.astype(dtype.numpy) for each in arrays]


def _cases(rng: np.random.Generator, dtype: DType) -> list[Case]:
    """Other vectors than one beyond the first k are not determined, so that full ones are tried where there is one."""
    thin = _arrays(rng, dtype, [(5, 3), (1, 1), (0, 3)])
    full = _arrays(rng, dtype, [(6, 5), (2, 3)])[:-1]
    return [((each,), {"full_matrices": False}) for each in thin] + [
        ((each,), {"full_matrices": True}) for each in full
    ]


def _value_cases(rng: np.random.Generator, dtype: DType) -> list[Case]:
    return [((each,), {}) for each in _arrays(rng, dtype, [(5, 3), (1, 1), (0, 3)])]


_SMOOTH: list[tuple[DType, tuple[int, ...], bool]] = [
    (float64, (3, 3), False), (float64, (2, 4, 2), False), (float64, (4, 3), True), (float64, (2, 3), True),
    (complex128, (3, 3), False), (complex128, (3, 2), True), (complex128, (2, 3), True),
]  # fmt: skip


def _smooth(rng: np.random.Generator) -> list[Case]:
    return [((_apart(rng, dtype, shape),), {"full_matrices": full}) for dtype, shape, full in _SMOOTH]


def _value_smooth(rng: np.random.Generator) -> list[Case]:
    shapes = [(float64, (3, 3)), (float64, (2, 4, 2)), (float64, (2, 3)), (complex128, (3, 2))]
    return [((_apart(rng, dtype, shape),), {}) for dtype, shape in shapes]


def _register(
    name: str,
    doc: str,
    type_rule: Callable[[Types, Attributes], Sequence[TensorType]],
    reference: Callable[..., Any],
    jvp: Callable[[Node, Tangents], Tangents],
    domain: Domain,
) -> Op:
    flags = Flags(normwise=True)
    rules = (in_double(reference), jvp, NOT_LINEAR, batch_of_matrices, Loops(_write))
    return register(Op(name, doc, type_rule, *rules, domain, 64, flags))


svd = _register(
    "svd",
    "u, s, vh of a = u diag(s) vh with s descending; u and vh square if `full_matrices`.",
    _type,
    _reference,
    _jvp,
    Domain(FACTORED, _cases, _smooth),
)
svdvals = _register(
    "svdvals",
    "The singular values of matrices, descending.",
    _values_type,
    lambda a: _reference(a, full_matrices=False)[1],
    _values_jvp,
    Domain(FACTORED, _value_cases, _value_smooth),
)

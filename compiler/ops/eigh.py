"""Eigenvalues and eigenvectors of symmetric and Hermitian matrices.

In: square matrices in the last two axes, of which the Hermitian part is taken. Out: real eigenvalues in ascending
order, and unit eigenvectors as columns, whose element of greatest magnitude (the first of equals) is positive. Lowered
to Householder's tridiagonal form and implicit QL sweeps, the matrices of a batch in parallel.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from lazygraph.compiler.ir.dims import Extent
from lazygraph.compiler.ir.errors import CheckFailed
from lazygraph.compiler.ir.graph import Attributes, Node, TensorType
from lazygraph.compiler.loop.ir import Buffer, Index, Operand
from lazygraph.compiler.ops.checks import sentence
from lazygraph.compiler.ops.compose import emit
from lazygraph.compiler.ops.lowering import BodyBuilder, Loops
from lazygraph.compiler.ops.matrix.graph import adjoint, batch_of_matrices, product, require_matrix
from lazygraph.compiler.ops.matrix.samples import in_double, normal
from lazygraph.compiler.ops.nests import nest
from lazygraph.compiler.ops.record import NOT_LINEAR, Domain, Flags, Op, Tangents, register, zeros
from lazygraph.compiler.ops.samples import Case
from lazygraph.compiler.ops.spectral import hermitian
from lazygraph.compiler.ops.spectral.derivatives import apart, column_products, of_dtype, symmetric_part
from lazygraph.compiler.ops.spectral.numbers import Numbers, padded
from lazygraph.compiler.ops.spectral.order import brought_to_length_one, signs, sorted_places
from lazygraph.compiler.ops.spectral.phases import also_turning, phases_of, turn
from lazygraph.compiler.ops.spectral.reflectors import product_of_reflectors
from lazygraph.compiler.ops.spectral.rotations import in_panels, sweeps
from lazygraph.compiler.ops.spectral.tridiagonal import eigenvalues, tridiagonalize
from lazygraph.compiler.ops.type_rules import require_equal, require_operands
from lazygraph.runtime.dtypes import COMPLEX, DType, complex128, float32, float64

FACTORED = (float32, float64, *COMPLEX)


def require_one_matrix(op: str, types: tuple[TensorType, ...]) -> TensorType:
    """The one operand: matrices of one of the dtypes that are factored."""
    require_operands(op, types, 1)
    (a,) = types
    require_matrix(op, "the matrix", a)
    return a


def _square(op: str, types: tuple[TensorType, ...]) -> TensorType:
    a = require_one_matrix(op, types)
    require_equal(op, "rows and columns of the matrix", a.shape[-2], a.shape[-1])
    return a


def _eigh_type(types: tuple[TensorType, ...], attributes: Attributes) -> Sequence[TensorType]:
    a = _square("eigh", types)
    return TensorType(a.dtype.part, a.shape[:-1]), a


def _eigvalsh_type(types: tuple[TensorType, ...], attributes: Attributes) -> Sequence[TensorType]:
    a = _square("eigvalsh", types)
    return (TensorType(a.dtype.part, a.shape[:-1]),)


def _eigh_reference(a: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    if not np.isfinite(a).all():
        raise CheckFailed(sentence("converge", (0, a.shape[-1])))
    values, vectors = np.linalg.eigh(a / 2 + a.conj().swapaxes(-1, -2) / 2)
    return values, vectors * phases_of(vectors)[..., None, :]


def _eigh_jvp(node: Node, tangents: Tangents) -> Tangents:
    """S = V^H dA V: dw = diag(S), dV = V (F o S) with F_ij = 1 / (w_j - w_i), 0 where i and j have one value.

    Among equal values any basis is as good; F = 0 turns it by nothing, which is right for whatever does not depend on
    the basis. Complex vectors turn so that their greatest element stays positive, too. Magnus, On differentiating
    eigenvalues and eigenvectors (1985).
    """
    (da,) = tangents
    if da is None:
        return (None, None)
    values, vectors = node.outputs
    if 0 in vectors.shape:
        return zeros(values.type), zeros(vectors.type)
    moved = product(symmetric_part(da), vectors)
    turned = product(vectors, emit("mul", of_dtype(apart(values), da), product(adjoint(vectors), moved)))
    if da.dtype.is_complex:
        turned = also_turning(vectors, turned, turn(vectors, turned))
    return column_products(vectors, moved), turned


def _eigvalsh_jvp(node: Node, tangents: Tangents) -> Tangents:
    (da,) = tangents
    if da is None:
        return (None,)
    if 0 in node.output.shape:
        return (zeros(node.output.type),)
    _, vectors = eigh(node.inputs[0])
    return (column_products(vectors, product(symmetric_part(da), vectors)),)


def _write_eigh(b: BodyBuilder, node: Node, inputs: tuple[Buffer, ...], outputs: tuple[Buffer, ...]) -> None:
    (source,) = inputs
    n = source.shape[-1]
    nest(
        b,
        "matrix",
        [("parallel", extent) for extent in source.shape[:-2]],
        lambda at: (
            hermitian.decompose(b, node, source, outputs, at)
            if source.dtype.is_complex
            else _decompose(b, node, source, outputs, n, at)
        ),
    )


def _decompose(b: BodyBuilder, node: Node, source: Buffer, outputs: tuple[Buffer, ...], n: Extent, at: Index) -> None:
    """One matrix, scaled by a power of two to the size of 1."""
    x = Numbers(b, source.dtype)
    half = x.const(0.5)

    def element(i: Extent, k: Extent) -> Operand:
        return x.add(x.mul(half, b.load(source, (*at, i, k))), x.mul(half, b.load(source, (*at, k, i))))

    length = padded(n)
    a = b.local("a", x.dtype, (length, length))
    greatest = x.greatest(n, n, lambda i, k: x.abs(b.load(source, (*at, i, k))))
    scale, inverse = x.scale_to_one(greatest)
    finite = x.less(greatest, x.const(float("inf")))

    def row(i: Extent) -> None:
        def column(k: Extent) -> None:
            inside = x.both(b.in_range(i, 0, n), b.in_range(k, 0, n))
            zero = x.const(0.0)
            one, other = b.load(source, (*at, i, k), inside, zero), b.load(source, (*at, k, i), inside, zero)
            b.store(a, (i, k), x.add(x.mul(half, x.mul(one, scale)), x.mul(half, x.mul(other, scale))))

        b.loop("vector", "k", length, column)

    b.loop("serial", "i", length, row)
    diagonal, beside, taus = (b.local(name, x.dtype, (n,)) for name in ("diagonal", "beside", "taus"))
    b.loop("vector", "k", n, lambda k: b.store(beside, (k,), x.const(0.0)))
    tridiagonalize(x, a, n, diagonal, beside, taus)
    with_vectors = len(outputs) == 2
    rotating = None
    if with_vectors:
        q = b.local("q", x.dtype, (length, length))
        product_of_reflectors(x, a, taus, n - 1, 1, q)
        rotating = sweeps(x, "sweep", n), in_panels(x, "panels", q)
    found = eigenvalues(x, n, diagonal, beside, finite, rotating)
    b.check(node, "converge", x.equal(found, x.count(n)), (found, x.count(n)))
    order = sorted_places(x, diagonal, n, x.less, n)

    def value(p: Extent) -> None:
        place = b.as_index(b.load(order, (p,)), n)
        b.store(outputs[0], (*at, p), x.mul(b.load(diagonal, (place,)), inverse))

    b.loop("vector", "p", n, value)
    if rotating is not None:
        panels = rotating[1]
        brought_to_length_one(x, panels, n)
        sign = signs(x, panels, n)

        def vector(r: Extent) -> None:
            def column(p: Extent) -> None:
                place = b.as_index(b.load(order, (p,)), n)
                b.store(outputs[1], (*at, r, p), x.mul(b.load(sign, (place,)), panels.load(r, place)))

            b.loop("vector", "p", n, column)

        b.loop("serial", "r", n, vector)


_SHAPES = [(5, 5), (1, 1), (0, 0), (33, 33)]


def _cases(rng: np.random.Generator, dtype: DType) -> list[Case]:
    """Eigenvalues that are apart by construction, and a batch of sizes far from 1."""
    sizes = np.array([1e300, 1e-300] if dtype.part.itemsize == 8 else [1e35, 1e-35])[:, None, None]
    arrays = [*[_apart(rng, dtype, shape) for shape in _SHAPES], _apart(rng, dtype, (2, 5, 5)) * sizes]
    return [((each.astype(dtype.numpy),), {}) for each in arrays]


def _apart(rng: np.random.Generator, dtype: DType, shape: Sequence[int]) -> np.ndarray:
    """Matrices whose Hermitian part has eigenvalues that are 1 apart, and some other part."""
    n = shape[-1]
    q, _ = np.linalg.qr(normal(rng, dtype, shape))
    values = np.arange(n) - n / 3 + rng.uniform(-0.1, 0.1, tuple(shape[:-1]))
    other = normal(rng, dtype, shape)
    return np.asarray((q * values[..., None, :]) @ q.conj().swapaxes(-1, -2) + other - other.conj().swapaxes(-1, -2))


def _smooth(rng: np.random.Generator) -> list[Case]:
    shapes = [(float64, (3, 3)), (float64, (2, 4, 4)), (complex128, (3, 3))]
    return [((_apart(rng, dtype, shape),), {}) for dtype, shape in shapes]


def _register(
    name: str,
    doc: str,
    type_rule: Callable[..., Sequence[TensorType]],
    reference: Callable[..., object],
    jvp: Callable[[Node, Tangents], Tangents],
    ulp: float,
) -> Op:
    lower, domain, flags = Loops(_write_eigh), Domain(FACTORED, _cases, _smooth), Flags(normwise=True)
    return register(
        Op(name, doc, type_rule, in_double(reference), jvp, NOT_LINEAR, batch_of_matrices, lower, domain, ulp, flags)
    )


eigh = _register(
    "eigh",
    "Eigenvalues, ascending, and unit eigenvectors, as columns, of the Hermitian part of matrices.",
    _eigh_type,
    _eigh_reference,
    _eigh_jvp,
    128,
)
eigvalsh = _register(
    "eigvalsh",
    "Eigenvalues, ascending, of the Hermitian part of matrices.",
    _eigvalsh_type,
    lambda a: _eigh_reference(a)[0],
    _eigvalsh_jvp,
    64,
)

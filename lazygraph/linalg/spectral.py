"""Eigenvalues and singular values, and what follows from them: pseudo-inverses, ranks, condition numbers, roots.

In: tensors, arrays, numbers. Out: tensors. Written in loops, so they need no library, batch over leading axes, take
symbolic extents and have derivatives of every order.

Derivatives of vectors divide by differences of values. Where two values are equal (to 16 units in the last place of the
greatest), any basis of their vectors is as good, and the quotient is taken to be 0: the basis does not turn. That is
right for whatever does not depend on the basis and treats equal values alike, to first order: eigenvalues, projections
onto whole eigenspaces, polar factors, norms. Of V @ diag(f(w)) @ V^H it leaves out f'(w) between equal values, of which
w and V alone tell nothing; `sqrtm`, `expm`, `pinv` have derivatives of their own that need no such quotient.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

import lazygraph as lg
from lazygraph.compiler.ir import dims
from lazygraph.compiler.ops.compose import emit
from lazygraph.compiler.ops.record import OPS
from lazygraph.compiler.ops.spectral.derivatives import sums_inverted
from lazygraph.derivative_rules import custom_derivative
from lazygraph.dims import extent_value
from lazygraph.frames import composite
from lazygraph.linalg.norms import matrix_norm
from lazygraph.linalg.operands import divisible, matrix, square
from lazygraph.tensor import Tensor, TensorLike


class EighResult(NamedTuple):
    """x @ eigenvectors = eigenvectors * eigenvalues."""

    eigenvalues: Tensor
    eigenvectors: Tensor


class SVDResult(NamedTuple):
    """x = U[..., :k] @ diag(S) @ Vh[..., :k, :]."""

    U: Tensor
    S: Tensor
    Vh: Tensor


def _adjoint(x: Tensor) -> Tensor:
    return lg.conj(lg.matrix_transpose(x))


@composite
def eigh(x: TensorLike, /) -> EighResult:
    """Eigenvalues, ascending and real, and orthonormal eigenvectors, as columns, of symmetric or Hermitian matrices.

    (..., n, n), float32, float64 and complex; of another matrix the Hermitian part is taken, and so the gradient is
    that of a Hermitian matrix. Each eigenvector's element of greatest magnitude (the first of equals) is positive, and
    so complex ones have a phase: derivatives are those of vectors that keep it, which losses that do not depend on the
    phase do not see. By Householder's tridiagonal form and implicit QL sweeps. Raises ShapeError where the matrices are
    not square, DTypeError for half types; the step fails with CheckFailed where an element is NaN or infinite.
    Derivatives at equal eigenvalues are those of a basis that does not turn.

    G. H. Golub, C. F. Van Loan, "Matrix Computations", 4th ed., 8.3.

    >>> import lazygraph as lg
    >>> w, v = lg.linalg.eigh([[2.0, 1.0], [1.0, 2.0]])
    >>> w.eval().round(6)
    array([1., 3.])
    >>> (v * w @ v.T).eval().round(6)
    array([[2., 1.],
           [1., 2.]])
    """
    values, vectors = OPS["eigh"](divisible(square(x)))
    return EighResult(Tensor(values), Tensor(vectors))


@composite
def eigvalsh(x: TensorLike, /) -> Tensor:
    """Eigenvalues, ascending, of symmetric or Hermitian matrices (..., n, n); real, in less time than `eigh`.

    float32, float64 and complex; of another matrix the Hermitian part is taken. Raises ShapeError where the matrices
    are not square, DTypeError for half types; the step fails with CheckFailed where an element is NaN or infinite.

    >>> import lazygraph as lg
    >>> lg.linalg.eigvalsh([[2.0, 1j], [-1j, 2.0]]).eval().round(6)
    array([1., 3.])
    """
    return Tensor(emit("eigvalsh", divisible(square(x))))


@composite
def svd(x: TensorLike, /, *, full_matrices: bool = True) -> SVDResult:
    """(U, S, Vh) with x = U[..., :k] @ diag(S) @ Vh[..., :k, :], S descending and not negative, k = min(m, n).

    x (..., m, n), float32, float64 or complex; U (..., m, m) and Vh (..., n, n) with orthonormal columns and rows, or
    (..., m, k) and (..., k, n) unless `full_matrices`; S real. The element of greatest magnitude (the first of equals)
    of each column of U is positive, and of each row of Vh beyond the first k: derivatives of complex vectors keep that
    phase, which losses that do not depend on it do not see. By bidiagonal form and implicit sweeps. The vectors beyond
    the first k turn as little as can be in derivatives. Raises ShapeError for fewer than two axes, DTypeError for half
    types; the step fails with CheckFailed where an element is NaN or infinite. Derivatives at equal singular values are
    those of a basis that does not turn.

    G. H. Golub, C. F. Van Loan, "Matrix Computations", 4th ed., 8.6.

    >>> import lazygraph as lg
    >>> U, S, Vh = lg.linalg.svd([[0.0, 2.0], [1.0, 0.0], [0.0, 0.0]], full_matrices=False)
    >>> S.eval(), (U * S @ Vh).eval().round(6)[1]
    (array([2., 1.]), array([1., 0.]))
    """
    u, s, vh = OPS["svd"](divisible(matrix(x)), full_matrices=bool(full_matrices))
    return SVDResult(Tensor(u), Tensor(s), Tensor(vh))


@composite
def svdvals(x: TensorLike, /) -> Tensor:
    """Singular values (..., min(m, n)), descending, of matrices (..., m, n); in less time than `svd`.

    float32, float64 and complex, giving real ones. Raises ShapeError for fewer than two axes, DTypeError for half
    types; the step fails with CheckFailed where an element is NaN or infinite.

    >>> import lazygraph as lg
    >>> lg.linalg.svdvals([[3.0, 0.0], [0.0, -4.0]]).eval()
    array([4., 3.])
    """
    return Tensor(emit("svdvals", divisible(matrix(x))))


def _tolerance(x: Tensor, rtol: TensorLike | None) -> Tensor:
    """rtol, or max(m, n) units in the last place of 1."""
    dtype = x.dtype.part
    if rtol is not None:
        return lg.stop_gradient(lg.astype(lg.asarray(rtol), dtype))
    longer = Tensor(extent_value(dims.maximum(*x.shape[-2:]), dtype))
    return longer * float(np.finfo(dtype.numpy).eps)


def _above(values: Tensor, rtol: Tensor) -> Tensor:
    """Which values of each matrix are greater than rtol times the greatest."""
    greatest = lg.max(values, axis=-1, initial=0)
    return lg.less(lg.expand_dims(greatest * rtol, -1), values)


@composite
def matrix_rank(x: TensorLike, /, *, rtol: TensorLike | None = None) -> Tensor:
    """How many singular values of each matrix are greater than rtol times the greatest; int64.

    rtol is max(m, n) units in the last place of 1 unless given. Raises ShapeError for fewer than two axes; the step
    fails with CheckFailed where an element is NaN or infinite.

    >>> import lazygraph as lg
    >>> lg.linalg.matrix_rank([[1.0, 2.0], [2.0, 4.0]]).eval()
    array(1)
    """
    value = Tensor(divisible(matrix(x)))
    return lg.sum(lg.astype(_above(svdvals(value), _tolerance(value, rtol)), lg.int64), axis=-1)


def _pinv_tangent(arguments: tuple[Tensor, ...], p: Tensor, tangents: tuple[Tensor | None, ...]) -> Tensor:
    """dp = -p da p + p p^H da^H (1 - a p) + (1 - p a) da^H p^H p, where the rank stays as it is.

    Golub and Pereyra, The differentiation of pseudo-inverses (1973).
    """
    (a, *_), (da, *_) = arguments, tangents
    if da is None:
        return lg.zeros_like(p)
    back, turned = _adjoint(da), _adjoint(p)
    left = p @ (turned @ back)
    right = (back @ turned) @ p
    return left - (left @ a) @ p + right - p @ (a @ right) - p @ da @ p


def _pinv(a: Tensor, rtol: Tensor) -> Tensor:
    u, s, vh = OPS["svd"](a.value, full_matrices=False)
    values = Tensor(s)
    kept = _above(values, rtol)
    scaled = lg.where(kept, 1 / lg.where(kept, values, 1), 0)
    return (_adjoint(Tensor(vh)) * lg.expand_dims(scaled, -2)) @ _adjoint(Tensor(u))


@composite
def pinv(x: TensorLike, /, *, rtol: TensorLike | None = None) -> Tensor:
    """The pseudo-inverse (..., n, m) of matrices (..., m, n): singular values up to rtol times the greatest are 0.

    float32, float64 and complex; rtol is max(m, n) units in the last place of 1 unless given. Derivatives are those at
    constant rank, also where singular values are equal. Raises ShapeError for fewer than two axes, DTypeError for half
    types; the step fails with CheckFailed where an element is NaN or infinite.

    >>> import lazygraph as lg
    >>> lg.linalg.pinv([[2.0, 0.0], [0.0, 0.0], [0.0, 0.0]]).eval()
    array([[0.5, 0. , 0. ],
           [0. , 0. , 0. ]])
    """
    value = Tensor(divisible(matrix(x)))
    found: Tensor = custom_derivative(_pinv, jvp=_pinv_tangent)(value, _tolerance(value, rtol))
    return found


@composite
def cond(x: TensorLike, /, p: float | str | None = None) -> Tensor:
    """How much each matrix magnifies relative errors: |x| |x^-1| in the matrix norm p, of singular values by default.

    p: 2 or None, the greatest singular value by the least; -2, the least by the greatest; "fro", "nuc", 1, -1, inf,
    -inf. A singular matrix has inf for 2 and None; for "fro" and those after it the step fails, since they need the
    inverse. A matrix of zeros has inf for -2 too. Raises ShapeError for fewer than two axes and, for those that need
    the inverse, where the matrices are not square.

    >>> import lazygraph as lg
    >>> lg.linalg.cond([[4.0, 0.0], [0.0, 2.0]]).eval()
    array(2.)
    """
    if p is None or p == 2 or p == -2:
        values = svdvals(x)
        greatest, least = values[..., 0], values[..., -1]
        above, below = (least, greatest) if p == -2 else (greatest, least)
        zeros = lg.equal(greatest, 0)
        return lg.where(zeros, np.inf, above / lg.where(zeros, 1, below))
    value = Tensor(divisible(square(x)))
    inverse: Tensor = lg.linalg.inv(value)
    return matrix_norm(value, ord=p) * matrix_norm(inverse, ord=p)


def _roots(a: Tensor) -> tuple[Tensor, Tensor]:
    """The roots of eigenvalues, and the eigenvectors."""
    w, v = OPS["eigh"](a.value)
    return lg.sqrt(lg.maximum(Tensor(w), 0)), Tensor(v)


def _root(a: Tensor) -> Tensor:
    roots, v = _roots(a)
    return (v * lg.expand_dims(roots, -2)) @ _adjoint(v)


def _root_tangent(arguments: tuple[Tensor, ...], s: Tensor, tangents: tuple[Tensor | None, ...]) -> Tensor:
    """s s = a: s ds + ds s = da, which is V^H ds V = (V^H da V)_ij / (s_i + s_j)."""
    (a,), (da,) = arguments, tangents
    if da is None:
        return lg.zeros_like(s)
    roots, v = _roots(a)
    turned = _adjoint(v) @ (0.5 * (da + _adjoint(da))) @ v
    return v @ (Tensor(sums_inverted(roots.value)) * turned) @ _adjoint(v)


@composite
def sqrtm(x: TensorLike, /) -> Tensor:
    """The positive semi-definite root s of symmetric or Hermitian positive semi-definite matrices: s @ s = x.

    (..., n, n), float32, float64 and complex; of another matrix the Hermitian part is taken, and eigenvalues below 0
    count as 0. The gradient is right where eigenvalues are equal, and takes nothing from between eigenvalues that are
    0. Raises ShapeError where the matrices are not square, DTypeError for half types; the step fails with CheckFailed
    where an element is NaN or infinite.

    N. J. Higham, "Functions of Matrices", 2008, 6.

    >>> import lazygraph as lg
    >>> lg.linalg.sqrtm([[2.5, 1.5], [1.5, 2.5]]).eval().round(6)
    array([[1.5, 0.5],
           [0.5, 1.5]])
    """
    found: Tensor = custom_derivative(_root, jvp=_root_tangent)(Tensor(divisible(square(x))))
    return found

"""Factorisations of matrices: Cholesky's, LU, QR.

In: tensors, arrays, numbers. Out: tensors. Written in loops, so they need no library, batch over leading axes, take
symbolic extents and have derivatives of every order.
"""

from __future__ import annotations

from typing import NamedTuple

import lazygraph as lg
from lazygraph.compiler.ir import dims
from lazygraph.compiler.ops.compose import emit
from lazygraph.compiler.ops.matrix.graph import adjoint, identity_like, lower_triangle, part, rows_taken, upper_triangle
from lazygraph.compiler.ops.record import OPS
from lazygraph.frames import composite
from lazygraph.linalg.operands import divisible, matrix, square
from lazygraph.tensor import Tensor, TensorLike


class QRResult(NamedTuple):
    """x = Q @ R."""

    Q: Tensor
    R: Tensor


class LUResult(NamedTuple):
    """x = P @ L @ U."""

    P: Tensor
    L: Tensor
    U: Tensor


@composite
def cholesky(x: TensorLike, /, *, upper: bool = False) -> Tensor:
    """The lower triangular l of Hermitian positive definite matrices x = l @ l^H, or u of x = u^H @ u if `upper`.

    Shape (..., n, n), float32, float64 or complex. One triangle is read, the lower one or the `upper`, and the gradient
    is with respect to it: it is 0 in the other one. Raises ShapeError where the matrices are not square, DTypeError for
    half types; the step fails with CheckFailed where a matrix is not positive definite, naming the leading minor.

    G. H. Golub, C. F. Van Loan, "Matrix Computations", 4th ed., 4.2; I. Murray, "Differentiation of the Cholesky
    decomposition", 2016.

    >>> import lazygraph as lg
    >>> lg.linalg.cholesky([[4.0, 2.0], [2.0, 5.0]]).eval()
    array([[2., 0.],
           [1., 2.]])
    >>> lg.linalg.cholesky([[1.0, 2.0], [2.0, 1.0]]).eval()  # doctest: +IGNORE_EXCEPTION_DETAIL
    Traceback (most recent call last):
    CheckFailed: the matrix is not positive definite: its leading minor of order 2 is not positive
    """
    value = divisible(square(x))
    if not upper:
        return Tensor(emit("cholesky", value))
    return Tensor(adjoint(emit("cholesky", adjoint(value))))


@composite
def qr(x: TensorLike, /, *, mode: str = "reduced") -> QRResult:
    """(Q, R) with x = Q @ R, orthonormal columns in Q, R upper triangular with a real diagonal of either sign.

    x (..., m, n); with k = min(m, n) Q is (..., m, k) and R (..., k, n) in mode "reduced", k = m in mode "complete". By
    Householder's reflections, stable for any matrix. The derivative needs independent leading columns and else fails
    the step; for the columns that complete Q it is the one that does not turn them among themselves. Raises ShapeError
    for fewer than two axes, DTypeError for half types, ValueError for another mode.

    >>> import lazygraph as lg
    >>> Q, R = lg.linalg.qr([[3.0, 1.0], [4.0, 2.0]])
    >>> (Q @ R).eval().round(6)
    array([[3., 1.],
           [4., 2.]])
    """
    if mode not in ("reduced", "complete"):
        raise ValueError(f'mode: expected "reduced" or "complete", found {mode!r}')
    q, r = OPS["qr"](divisible(matrix(x)), complete=mode == "complete")
    return QRResult(Tensor(q), Tensor(r))


@composite
def lu(x: TensorLike, /) -> LUResult:
    """(P, L, U) with x = P @ L @ U: P a permutation, L lower triangular with ones on its diagonal, U upper triangular.

    x (..., m, n); with k = min(m, n) L is (..., m, k) and U (..., k, n). By elimination with partial pivoting, for any
    matrix; the derivative, of fixed exchanges, needs a regular leading k x k block of U and else fails the step.
    Raises ShapeError for fewer than two axes, DTypeError for half types.

    >>> import lazygraph as lg
    >>> P, L, U = lg.linalg.lu([[1.0, 2.0], [4.0, 4.0]])
    >>> U.eval()
    array([[4., 4.],
           [0., 1.]])
    """
    value = divisible(matrix(x))
    packed, permutation, _ = OPS["lu"](value)
    *lead, rows, columns = value.shape
    count = dims.minimum(rows, columns)
    left = part(packed, (0, rows), (0, count))
    lower = emit("add", lower_triangle(left, -1), identity_like(left))
    eye = lg.broadcast_to(lg.eye(rows, dtype=value.dtype), (*lead, rows, rows))
    permuting = lg.matrix_transpose(Tensor(rows_taken(eye.value, permutation)))
    return LUResult(permuting, Tensor(lower), Tensor(upper_triangle(part(packed, (0, count), (0, columns)))))

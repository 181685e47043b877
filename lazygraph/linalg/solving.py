"""Linear systems: by LU, by a triangle, by Cholesky's factor, in the least squares sense; and the inverse.

In: tensors, arrays, numbers. Out: tensors. Derivatives are those of the equation, a dx = db - da x, so that each costs
one more solve with the factors that are there already.
"""

from __future__ import annotations

import lazygraph as lg
from lazygraph.compiler.ir.dims import prove_nonnegative
from lazygraph.compiler.ir.errors import ShapeError
from lazygraph.compiler.ops.compose import emit
from lazygraph.compiler.ops.record import OPS
from lazygraph.errors import shape_text
from lazygraph.frames import composite
from lazygraph.linalg.operands import divisible, matrices, square
from lazygraph.promotion import value_of
from lazygraph.tensor import Tensor, TensorLike


def _adjoint(x: Tensor) -> Tensor:
    return lg.conj(lg.matrix_transpose(x))


def _triangular(a: Tensor, b: Tensor, *, lower: bool, transposed: bool = False, unit: bool = False) -> Tensor:
    return Tensor(emit("triangular_solve", a.value, b.value, lower=lower, transposed=transposed, unit=unit))


def solved(a: Tensor, b: Tensor) -> Tensor:
    """x of a x = b for matrices b, by LU with partial pivoting."""
    packed, permutation, _ = OPS["lu"](emit("stop_gradient", a.value))
    return Tensor(emit("lu_solve", a.value, packed, permutation, b.value, transposed=False))


def _columns(a: TensorLike, b: TensorLike) -> tuple[Tensor, Tensor, bool]:
    """(a, b as matrices, whether b was a vector)."""
    is_vector = value_of(b).type.rank == 1
    right = lg.expand_dims(b, -1) if is_vector else b
    left, right = matrices(a, right)
    if not lg.dims.same(left.shape[-2], right.shape[-2]):
        raise ShapeError(
            f"expected as many rows on both sides, found {shape_text(left.shape)} and {shape_text(value_of(b).shape)}"
        )
    return left, right, is_vector


@composite
def solve(x1: TensorLike, x2: TensorLike, /) -> Tensor:
    """x of x1 @ x = x2, for a vector x2 (n,) or matrices x2 (..., n, m), and square matrices x1 (..., n, n).

    By LU with partial pivoting. Leading axes broadcast. Raises ShapeError where x1 is not square or rows differ,
    DTypeError for half types; the step fails with CheckFailed where x1 is singular.

    G. H. Golub, C. F. Van Loan, "Matrix Computations", 4th ed., 3.4.

    >>> import lazygraph as lg
    >>> lg.linalg.solve([[2.0, 0.0], [1.0, 4.0]], [2.0, 9.0]).eval()
    array([1., 2.])
    """
    square(x1)
    a, b, is_vector = _columns(x1, x2)
    x = solved(a, b)
    return x[..., 0] if is_vector else x


@composite
def inv(x: TensorLike, /) -> Tensor:
    """The inverse of square matrices (..., n, n). `solve` is faster and more accurate where a product with it is meant.

    Raises ShapeError where x is not square, DTypeError for half types; the step fails with CheckFailed where x is
    singular.

    >>> import lazygraph as lg
    >>> lg.linalg.inv([[2.0, 0.0], [0.0, 4.0]]).eval()
    array([[0.5 , 0.  ],
           [0.  , 0.25]])
    """
    a = Tensor(divisible(square(x)))
    return solved(a, lg.broadcast_to(lg.eye(a.shape[-1], dtype=a.dtype), a.shape))


TRANSPOSITIONS = {0: 0, 1: 1, 2: 2, "N": 0, "T": 1, "C": 2}


@composite
def solve_triangular(
    a: TensorLike, b: TensorLike, trans: int | str = 0, lower: bool = False, unit_diagonal: bool = False
) -> Tensor:
    """x of op(a) @ x = b for the upper (or `lower`) triangle of a (..., n, n); b a vector (n,) or matrices (..., n, m).

    op(a) is a for `trans` 0 or "N", its transpose for 1 or "T", its adjoint for 2 or "C". With `unit_diagonal` the
    diagonal is taken to be 1 and not read. Raises ShapeError where a is not square or rows differ, ValueError for
    another `trans`; the step fails with CheckFailed where the diagonal has a 0. (scipy.linalg.solve_triangular)

    >>> import lazygraph as lg
    >>> lg.linalg.solve_triangular([[2.0, 1.0], [0.0, 4.0]], [4.0, 8.0]).eval()
    array([1., 2.])
    """
    if trans not in TRANSPOSITIONS:
        raise ValueError(f'trans: expected 0, 1, 2, "N", "T" or "C", found {trans!r}')
    square(a)
    left, right, is_vector = _columns(a, b)
    kind = TRANSPOSITIONS[trans]
    left = lg.conj(left) if kind == 2 else left
    x = _triangular(left, right, lower=bool(lower), transposed=kind > 0, unit=bool(unit_diagonal))
    return x[..., 0] if is_vector else x


@composite
def cho_solve(c_and_lower: tuple[TensorLike, bool], b: TensorLike) -> Tensor:
    """x of a @ x = b from Cholesky's factor of a: (l, True) with a = l @ l^H, or (u, False) with a = u^H @ u.

    b is a vector (n,) or matrices (..., n, m). Raises ShapeError where the factor is not square or rows differ; the
    step fails with CheckFailed where its diagonal has a 0. (scipy.linalg.cho_solve)

    >>> import lazygraph as lg
    >>> l = lg.linalg.cholesky([[4.0, 2.0], [2.0, 5.0]])
    >>> lg.linalg.cho_solve((l, True), [8.0, 12.0]).eval()
    array([1., 2.])
    """
    factor, lower = c_and_lower
    square(factor)
    left, right, is_vector = _columns(factor, b)
    first = left if lower else _adjoint(left)
    x = _triangular(lg.conj(first), _triangular(first, right, lower=True), lower=True, transposed=True)
    return x[..., 0] if is_vector else x


@composite
def lstsq(a: TensorLike, b: TensorLike, rcond: float | None = None) -> Tensor:
    """The x of least |a @ x - b|, and among several (fewer rows than columns) the one of least |x|: a of full rank.

    a (..., m, n), b a vector (m,) or matrices (..., m, k), x (n,) or (..., n, k). By QR of a or of its adjoint: which
    of the two must be known when the graph is built, so where both extents are symbolic, declare a bound. Raises
    ShapeError where it is not known or rows differ; the step fails with CheckFailed where R has a 0 on its diagonal;
    roundings mostly hide that a is not of full rank, and the result then means nothing. With `rcond`, a may be of
    any rank and shape: by singular values, of which those up to rcond times the greatest are taken to be 0, at several
    times the cost. Only the solution is returned, as residuals and rank follow from it or ask for
    another factorisation.

    G. H. Golub, C. F. Van Loan, "Matrix Computations", 4th ed., 5.3 and 5.6.

    >>> import lazygraph as lg
    >>> lg.linalg.lstsq([[1.0, 0.0], [1.0, 1.0], [1.0, 2.0]], [1.0, 3.0, 5.0]).eval().round(6)
    array([1., 2.])
    """
    left, right, is_vector = _columns(a, b)
    rows, columns = left.shape[-2:]
    if rcond is not None:
        x = lg.linalg.pinv(left, rtol=rcond) @ right
    elif prove_nonnegative(rows - columns):
        q, r = lg.linalg.qr(left)
        x = _triangular(r, _adjoint(q) @ right, lower=False)
    elif prove_nonnegative(columns - rows):
        q, r = lg.linalg.qr(_adjoint(left))
        x = q @ _triangular(lg.conj(r), right, lower=False, transposed=True)
    else:
        raise ShapeError(
            f"whether {rows} >= {columns} is not known when the graph is built: declare bounds of the dims"
        )
    return x[..., 0] if is_vector else x

"""Determinants, as they are and by their logarithm.

In: tensors, arrays, numbers. Out: tensors. Both from LU: the product of u's diagonal, its sign turned by every exchange
of rows. Derivatives by Jacobi's formula, d det = tr(adj(a) da), the adjugate adj(a) being det(a) a**-1 where that is.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import lazygraph as lg
from lazygraph.compiler.ir.graph import Value
from lazygraph.compiler.ops.compose import emit
from lazygraph.compiler.ops.matrix.graph import rows_taken
from lazygraph.compiler.ops.record import OPS
from lazygraph.frames import composite
from lazygraph.linalg.operands import divisible, square
from lazygraph.linalg.solving import solved
from lazygraph.tensor import Tensor, TensorLike


class SlogdetResult(NamedTuple):
    """det x = sign * exp(logabsdet)."""

    sign: Tensor
    logabsdet: Tensor


def _sign(exchanges: Value, like: Tensor) -> Tensor:
    """1 for an even number of exchanges, -1 for an odd one."""
    return lg.astype(1 - 2 * lg.remainder(Tensor(exchanges), 2), like.dtype)


def _pivots(a: Tensor) -> tuple[Tensor, Tensor]:
    """(u's diagonal, 1 or -1 for an even or odd number of exchanges)."""
    packed, _, exchanges = OPS["lu"](a.value)
    return lg.linalg.diagonal(Tensor(packed)), _sign(exchanges, a)


def _of_determinant(arguments: Any, found: Tensor, tangents: Any) -> Tensor | None:
    """d det = tr(adj(a) da), with adj(a) = +-adj(u) l**-1 p of a singular a too."""
    (a,), (da,) = arguments, tangents
    if da is None:
        return None
    packed, permutation, exchanges = OPS["lu"](a.value)
    moved = rows_taken(da.value, permutation)
    solved_below = emit("triangular_solve", packed, moved, lower=True, transposed=False, unit=True)
    adjugate = lg.matrix_transpose(Tensor(emit("triangular_adjugate", packed)))
    return _sign(exchanges, a) * lg.sum(adjugate * Tensor(solved_below), axis=(-2, -1))


@lg.custom_derivative(jvp=_of_determinant)
def _determinant(a: Tensor) -> Tensor:
    pivots, sign = _pivots(a)
    return sign * lg.prod(pivots, axis=-1)


@composite
def det(x: TensorLike, /) -> Tensor:
    """The determinant of square matrices (..., n, n); 1 of matrices without elements.

    It is 0 for a singular matrix, and has a first derivative there; the second one fails the step with CheckFailed.
    Large matrices overflow: `slogdet` gives the logarithm. Raises ShapeError where x is not square, DTypeError for half
    types.

    >>> import lazygraph as lg
    >>> float(lg.linalg.det([[2.0, 1.0], [4.0, 4.0]]))
    4.0
    """
    found: Tensor = _determinant(Tensor(divisible(square(x))))
    return found


def _of_logarithm(arguments: Any, found: Any, tangents: Any) -> Any:
    """d log det = tr(a**-1 da): its real part changes the magnitude, the imaginary one turns the sign."""
    (a,), (da,) = arguments, tangents
    if da is None:
        return None, None
    change = lg.linalg.trace(solved(a, da))
    if not a.dtype.is_complex:
        return lg.zeros_like(found[0]), change
    real = lg.real(change)
    return found[0] * (change - real), real


@lg.custom_derivative(jvp=_of_logarithm)
def _logarithm(a: Tensor) -> tuple[Tensor, Tensor]:
    pivots, sign = _pivots(a)
    magnitudes = lg.abs(pivots)
    return sign * lg.prod(lg.sign(pivots), axis=-1), lg.sum(lg.log(magnitudes), axis=-1)


@composite
def slogdet(x: TensorLike, /) -> SlogdetResult:
    """(sign, logabsdet) of square matrices (..., n, n): det is sign * exp(logabsdet); (0, -inf) where it is 0.

    The sign is a complex number of magnitude 1 for complex matrices. The derivative at a singular matrix fails the step
    with CheckFailed. Raises ShapeError where x is not square, DTypeError for half types.

    >>> import lazygraph as lg
    >>> sign, logabsdet = lg.linalg.slogdet([[0.0, 1.0], [2.0, 0.0]])
    >>> float(sign), round(float(lg.exp(logabsdet)), 6)
    (-1.0, 2.0)
    """
    return SlogdetResult(*_logarithm(Tensor(divisible(square(x)))))

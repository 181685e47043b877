"""Polynomials as vectors of coefficients, the highest power first, with NumPy's names.

In: vectors of coefficients, of extents that are known when the graph is built. Out: vectors, or values at x.
"""

from __future__ import annotations

import operator

import lazygraph as lg
from lazygraph.compiler.ir.errors import ShapeError
from lazygraph.errors import shape_text
from lazygraph.frames import composite
from lazygraph.manipulation import concat
from lazygraph.promotion import value_of
from lazygraph.tensor import Tensor, TensorLike

__all__ = ["poly", "polyadd", "polyder", "polyint", "polymul", "polysub", "polyval"]


def _coefficients(p: TensorLike) -> tuple[Tensor, int]:
    """Coefficients and their number; ShapeError unless they are a vector of known extent."""
    vector = Tensor(value_of(p))
    if vector.ndim == 0:
        vector = lg.reshape(vector, (1,))
    if vector.ndim != 1 or not isinstance(vector.shape[0], int):
        raise ShapeError(f"expected coefficients, a vector of known extent, found {shape_text(vector.shape)}")
    return vector, vector.shape[0]


@composite
def polyval(p: TensorLike, x: TensorLike) -> Tensor:
    """p[0] x**(n - 1) + ... + p[n - 1], by Horner's rule.

    >>> import lazygraph as lg
    >>> lg.polyval([3, 0, 1], [2, 5]).eval()
    array([13, 76])
    """
    coefficients, count = _coefficients(p)
    at = Tensor(value_of(x))
    found = lg.zeros_like(at)
    for place in range(count):
        found = found * at + coefficients[place]
    return found


def _aligned(p: TensorLike, q: TensorLike) -> tuple[Tensor, Tensor]:
    (first, m), (second, n) = _coefficients(p), _coefficients(q)
    return lg.pad(first, (max(n - m, 0), 0)), lg.pad(second, (max(m - n, 0), 0))


@composite
def polyadd(p: TensorLike, q: TensorLike) -> Tensor:
    """The sum of two polynomials.

    >>> import lazygraph as lg
    >>> lg.polyadd([1, 2], [9, 5, 4]).eval()
    array([9, 6, 6])
    """
    return lg.add(*_aligned(p, q))


@composite
def polysub(p: TensorLike, q: TensorLike) -> Tensor:
    """The difference of two polynomials."""
    return lg.subtract(*_aligned(p, q))


@composite
def polymul(p: TensorLike, q: TensorLike) -> Tensor:
    """The product of two polynomials.

    >>> import lazygraph as lg
    >>> lg.polymul([1, 2], [1, -2]).eval()
    array([ 1,  0, -4])
    """
    return lg.convolve(_coefficients(p)[0], _coefficients(q)[0])


@composite
def polyder(p: TensorLike, m: int = 1) -> Tensor:
    """The m-th derivative of a polynomial.

    >>> import lazygraph as lg
    >>> lg.polyder([1, 1, 1]).eval()
    array([2, 1])
    """
    found, count = _coefficients(p)
    for _ in range(_times(m)):
        count = max(count - 1, 0)
        found = found[:count] * lg.arange(count, 0, -1)
    return found


@composite
def polyint(p: TensorLike, m: int = 1, k: TensorLike | None = None) -> Tensor:
    """The m-th antiderivative of a polynomial, with constants k, of which the first is added first; 0 for None.

    >>> import lazygraph as lg
    >>> lg.polyint([2.0, 1.0]).eval()
    array([1., 1., 0.])
    """
    found, count = _coefficients(p)
    times = _times(m)
    constants = lg.zeros((times,)) if k is None else lg.broadcast_to(lg.atleast_1d(k), (times,))
    for step in range(times):
        found = concat([lg.divide(found, lg.arange(count, 0, -1)), constants[step : step + 1]], 0)
        count += 1
    return found


def _times(m: int) -> int:
    if operator.index(m) < 0:
        raise ValueError(f"m: expected a number >= 0, found {m}")
    return operator.index(m)


@composite
def poly(seq_of_zeros: TensorLike) -> Tensor:
    """The polynomial with these zeros and the highest coefficient 1.

    >>> import lazygraph as lg
    >>> lg.poly([1.0, -1.0]).eval()
    array([ 1.,  0., -1.])
    """
    zeros, count = _coefficients(seq_of_zeros)
    found = lg.ones((1,), zeros.dtype)
    for place in range(count):
        found = concat([found, [0]], 0) - zeros[place] * concat([[0], found], 0)
    return lg.astype(found, zeros.dtype)

"""The exponential of a matrix, by scaling and squaring.

In: tensors, arrays, numbers. Out: tensors. exp(x) = r(x / 2**s)**(2**s), r the diagonal Pade approximant of exp and s
so that x / 2**s is within the radius where its backward error is below a rounding (N. J. Higham, "The scaling and
squaring method for the matrix exponential revisited", 2005). The derivative is that of these steps, and has as small a
backward error (A. H. Al-Mohy, N. J. Higham, "Computing the Frechet derivative of the matrix exponential", 2009).
"""

from __future__ import annotations

from collections.abc import Sequence

import lazygraph as lg
from lazygraph.compiler.ops.compose import emit
from lazygraph.frames import composite
from lazygraph.linalg.norms import matrix_norm
from lazygraph.linalg.operands import divisible, square
from lazygraph.linalg.solving import solved
from lazygraph.runtime.dtypes import DType
from lazygraph.tensor import Tensor, TensorLike

_MOST = 1024  # squarings: those of the greatest float; a norm that is infinite asks for no more


def _coefficients(degree: int) -> Sequence[float]:
    """Of the numerator's powers, over the last one: (2 q - k)! q! / ((2 q)! k! (q - k)!), scaled to integers."""
    found = [1.0]
    for k in range(degree, 0, -1):
        found.insert(0, found[0] * k * (2 * degree - k + 1) / (degree - k + 1))
    return found


def _approximant(dtype: DType) -> tuple[int, float]:
    """(degree, radius in the 1-norm) for which the backward error is below a rounding: Higham's table 2.3."""
    return (7, 3.925724783138660) if dtype.part.itemsize == 4 else (13, 5.371920351148152)


def _pade(x: Tensor, degree: int) -> Tensor:
    """q(x)**-1 p(x): even powers by x**2, x**4, x**6 and, from degree 8 on, those times x**6."""
    c = _coefficients(degree)
    eye = lg.broadcast_to(lg.eye(x.shape[-1], dtype=x.dtype), x.shape)
    second = x @ x
    fourth = second @ second
    sixth = fourth @ second
    powers = (eye, second, fourth, sixth)

    def combined(first: int) -> Tensor:
        """The terms of every second power from `first` on, over x**(first % 2)."""
        low = sum_of([(c[first + 2 * k], each) for k, each in enumerate(powers) if first + 2 * k <= degree])
        high = [(c[first + 6 + 2 * k], each) for k, each in enumerate(powers) if 0 < k and first + 6 + 2 * k <= degree]
        return low + sixth @ sum_of(high) if high else low

    odd, even = x @ combined(1), combined(0)
    return solved(even - odd, even + odd)


def sum_of(terms: Sequence[tuple[float, Tensor]]) -> Tensor:
    total = terms[0][0] * terms[0][1]
    for factor, each in terms[1:]:
        total = total + factor * each
    return total


@composite
def expm(A: TensorLike) -> Tensor:
    """The exponential of square matrices (..., n, n): the sum of x**k / k!.

    Scaling and squaring with a Pade approximant of degree 13 in float64, 7 in float32, as often as each matrix's 1-norm
    asks for; derivatives of every order. Raises ShapeError where the matrices are not square, DTypeError for half
    types. (scipy.linalg.expm)

    >>> import lazygraph as lg
    >>> lg.linalg.expm([[0.0, 1.0], [0.0, 0.0]]).eval()
    array([[1., 1.],
           [0., 1.]])
    """
    x = Tensor(divisible(square(A)))
    degree, radius = _approximant(x.dtype)
    size = matrix_norm(lg.stop_gradient(x), ord=1)
    exponent = lg.frexp(size / radius)[1]
    count = lg.where(lg.isfinite(size), lg.clip(exponent, 0, _MOST), 0)
    half = count // 2
    scaled = x
    for part in (half, count - half):
        scale = lg.ldexp(lg.ones_like(size), -part)
        scaled = scaled * lg.astype(lg.expand_dims(scale, (-2, -1)), x.dtype)
    found = _pade(scaled, degree)
    return Tensor(emit("squarings", found.value, lg.astype(count, lg.int64).value))

"""The error functions, and the distribution function of the standard normal distribution.

In: tensors, arrays, numbers. Out: tensors.
"""

from __future__ import annotations

import math

import lazygraph as lg
from lazygraph.compiler.ops.compose import emit
from lazygraph.elementary import erf, erfc, erfinv
from lazygraph.frames import composite, traced
from lazygraph.promotion import as_float, value_of
from lazygraph.special.operands import apply, in_double, series
from lazygraph.tensor import Tensor, TensorLike

__all__ = ["erf", "erfc", "erfcinv", "erfinv", "log_ndtr", "ndtr", "ndtri"]

ROOT_HALF = math.sqrt(0.5)


@traced
def erfcinv(x: TensorLike) -> Tensor:
    """The number whose complementary error function is x: inf at 0, -inf at 2, NaN beyond.

    >>> import lazygraph as lg
    >>> lg.special.erfcinv([1.0, 1e-300]).eval()
    array([ 0.        , 26.20946996])
    """
    return Tensor(emit("erfc_inv", as_float(value_of(x))))


@composite
def ndtr(x: TensorLike) -> Tensor:
    """The distribution function of the standard normal distribution, erfc(-x / sqrt 2) / 2.

    The lower tail is kept to its underflow, with a relative error in float64 of about x**2 / 2 units in the last place.

    >>> import lazygraph as lg
    >>> lg.special.ndtr([-30.0, 0.0, 1.0]).eval()
    array([4.90671393e-198, 5.00000000e-001, 8.41344746e-001])
    """
    return in_double(lambda x: apply("erfc", x * -ROOT_HALF) * 0.5, x)


# 1 - 1 / x**2 + 3 / x**4 - 3 * 5 / x**6 + ...: NIST Handbook of Mathematical Functions, 7.12.1
_MILLS = tuple([float((-1) ** k * math.prod(range(1, 2 * k, 2))) for k in range(1, 21)])
_ASYMPTOTIC_BELOW = -10.0


def _log_ndtr(x: Tensor) -> Tensor:
    far, middle = lg.less(x, _ASYMPTOTIC_BELOW), lg.less(x, -1)
    low = lg.where(far, x, _ASYMPTOTIC_BELOW)
    square = low * low
    z = 1 / square
    low = apply("log1p", z * series(z, _MILLS)) - square * 0.5 - lg.log(-low) - 0.5 * math.log(2 * math.pi)
    between = lg.where(middle & ~far, x, -1)
    between = lg.log(apply("erfc", between * -ROOT_HALF) * 0.5)
    high = lg.where(middle, 0, x)
    high = apply("log1p", apply("erfc", high * ROOT_HALF) * -0.5)
    return lg.where(far, low, lg.where(middle, between, high))


@composite
def log_ndtr(x: TensorLike) -> Tensor:
    """log(ndtr(x)), for x of any size: an asymptotic series below -10.

    >>> import lazygraph as lg
    >>> lg.special.log_ndtr([-1e10, 0.0, 10.0]).eval()
    array([-5.00000000e+19, -6.93147181e-01, -7.61985302e-24])
    """
    return in_double(_log_ndtr, x)


@composite
def ndtri(p: TensorLike) -> Tensor:
    """The x with ndtr(x) = p: the quantile of the standard normal distribution; -inf at 0, inf at 1, NaN beyond.

    >>> import lazygraph as lg
    >>> lg.special.ndtri([1e-300, 0.25, 1.0]).eval()
    array([-37.0470963 ,  -0.67448975,          inf])
    """
    return in_double(lambda p: apply("erfc_inv", p * 2.0) * -math.sqrt(2), p)

"""The gamma function's logarithm and its derivatives, and the beta function.

In: tensors, arrays, numbers. Out: tensors; the primitives' accuracy is in `compiler/ops/gamma.py`.
"""

from __future__ import annotations

import math

import lazygraph as lg
from lazygraph.compiler.ops.compose import emit
from lazygraph.compiler.ops.vector_math.polygamma import bernoulli
from lazygraph.frames import composite, traced
from lazygraph.promotion import as_float, value_of
from lazygraph.special.operands import apply, in_double, series
from lazygraph.tensor import Tensor, TensorLike


@traced
def gammaln(x: TensorLike) -> Tensor:
    """log|gamma(x)|; inf at 0, at negative integers and at both infinities. Its derivative is `digamma`.

    >>> import lazygraph as lg
    >>> lg.special.gammaln([0.5, 1.0, 11.0]).eval()
    array([ 0.57236494,  0.        , 15.10441257])
    """
    return Tensor(emit("lgamma", as_float(value_of(x))))


@traced
def digamma(x: TensorLike) -> Tensor:
    """The derivative of `gammaln`; -inf at 0.0, inf at -0.0, NaN at negative integers. Its own is polygamma(1, x).

    >>> import lazygraph as lg
    >>> lg.special.digamma([1.0, 10.0]).eval()
    array([-0.57721566,  2.25175259])
    """
    return Tensor(emit("digamma", as_float(value_of(x))))


psi = digamma


@traced
def polygamma(n: int, x: TensorLike) -> Tensor:
    """The n-th derivative of `digamma`, for an int n from 0 to 170; its derivative is polygamma(n + 1, x).

    At 0 and negative integers it is inf for odd n; for even n -inf at 0.0, inf at -0.0 and NaN at negative integers.
    Raises ValueError for another n.

    >>> import lazygraph as lg
    >>> lg.special.polygamma(1, [1.0, 10.0]).eval()
    array([1.64493407, 0.10516634])
    """
    return Tensor(emit("polygamma", as_float(value_of(x)), n=n))


def _gamma(x: Tensor) -> Tensor:
    half = lg.floor(x) * 0.5
    sign = lg.where(lg.less(x, 0), 1 - 4 * (half - lg.floor(half)), 1)
    value = lg.exp(gammaln(x)) * sign
    whole = lg.equal(x, lg.floor(x))
    factorial = whole & lg.less(0, x) & lg.less(x, _EXACT_BELOW)
    value = value + lg.stop_gradient(lg.where(factorial, lg.round(value) - value, 0))
    value = lg.where(whole & lg.less(x, 0), math.nan, value)
    return lg.where(lg.equal(x, 0), lg.copysign(math.inf, x), value)


_EXACT_BELOW = 18.0  # from 17! on the error may be half a unit


@composite
def gamma(x: TensorLike) -> Tensor:
    """The gamma function; inf at 0.0, -inf at -0.0, NaN at negative integers. gamma(n + 1) is exactly n! up to 16!.

    Elsewhere it is exp(gammaln(x)) with the sign: the relative error is that of the exponent, about |gammaln(x)| units
    in the last place of float64.

    >>> import lazygraph as lg
    >>> lg.special.gamma([0.5, 5.0, -1.5]).eval()
    array([ 1.77245385, 24.        ,  2.3632718 ])
    """
    return in_double(_gamma, x)


@composite
def multigammaln(x: TensorLike, d: int) -> Tensor:
    """The logarithm of the gamma function of d dimensions, d (d - 1) / 4 log(pi) + the sum of gammaln(x - j / 2) over
    j < d. Raises ValueError for a d that is no int from 1 on.

    >>> import lazygraph as lg
    >>> lg.special.multigammaln([3.0], 2).eval()
    array([1.55019499])
    """
    if type(d) is not int or d < 1:
        raise ValueError(f"multigammaln: expected a number of dimensions from 1 on, found {d!r}")

    def formula(x: Tensor) -> Tensor:
        total = gammaln(x)
        for j in range(1, d):
            total = total + gammaln(x - j / 2)
        return total + d * (d - 1) / 4 * math.log(math.pi)

    return in_double(formula, x)


@composite
def betaln(a: TensorLike, b: TensorLike) -> Tensor:
    """log|beta(a, b)| = gammaln(a) + gammaln(b) - gammaln(a + b), without the cancellation of large terms.

    For positive a and b the absolute error is a few units of the last place of the result, or of 1. Source: A. R.
    DiDonato, A. H. Morris, Algorithm 708, ACM Transactions on Mathematical Software 18, 1992.

    >>> import lazygraph as lg
    >>> lg.special.betaln([2.0, 1e10], [3.0, 0.5]).eval()
    array([ -2.48490665, -10.94056052])
    """
    return in_double(_betaln, a, b)


# gammaln(x) - ((x - 1/2) log(x) - x + log(2 pi) / 2) = (c[0] + c[1] / x**2 + ...) / x, to 2**-56 from 10 on
_STIRLING = tuple([float(number / (2 * k * (2 * k - 1))) for k, number in enumerate(bernoulli(9), start=1)])


def _betaln(a: Tensor, b: Tensor) -> Tensor:
    """With p <= q, h = p / q and r(x) the rest of Stirling's formula, for q >= 10:

    p >= 10: r(p) + r(q) - r(p + q) + log(2 pi / q) / 2 + (p - 1/2) log(p / (p + q)) - q log1p(h)
    p < 10: gammaln(p) + r(q) - r(p + q) + p - p log(p + q) - (q - 1/2) log1p(h)
    """
    ordered = lg.less(a, b)
    p, q = lg.where(ordered, a, b), lg.where(ordered, b, a)
    large, both = lg.less_equal(10, q) & lg.less(0, p), lg.less_equal(10, p)
    infinite = large & lg.isinf(q)
    safe = large & ~infinite
    u, v = lg.where(safe, p, 1), lg.where(safe, q, 10)
    h = u / v
    logarithm = apply("log1p", h)
    rest = _rest(v) - _rest(u + v)
    w = lg.where(both & safe, u, 10)
    two = _rest(w) + rest + (0.5 * math.log(2 * math.pi) - 0.5 * lg.log(v)) + (w - 0.5) * (lg.log(w / v) - logarithm)
    two = two - v * logarithm
    s = lg.where(both, 1, u)
    one = gammaln(s) + rest + (s - s * lg.log(u + v)) - (v - 0.5) * logarithm
    x, y = lg.where(large, 1, p), lg.where(large, 1, q)
    plain = gammaln(x) + gammaln(y) - gammaln(x + y)
    return lg.where(infinite, -math.inf, lg.where(large, lg.where(both, two, one), plain))


def _rest(x: Tensor) -> Tensor:
    inverse = 1 / x
    return inverse * series(inverse * inverse, _STIRLING)


@composite
def beta(a: TensorLike, b: TensorLike) -> Tensor:
    """gamma(a) gamma(b) / gamma(a + b) for positive a and b, as exp(betaln(a, b)).

    The relative error is that of the exponent, about |betaln(a, b)| units in the last place.

    >>> import lazygraph as lg
    >>> lg.special.beta([2.0, 0.5], [3.0, 0.5]).eval()
    array([0.08333333, 3.14159265])
    """
    return in_double(lambda a, b: lg.exp(_betaln(a, b)), a, b)

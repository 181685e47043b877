"""Entropies and odds: products with logarithms that are 0 where the factor is, and the logistic function's inverse.

In: tensors, arrays, numbers. Out: tensors. Where the derivative is infinite because a logarithm is (entr and rel_entr
at 0, xlog1py(0, -1)) it is 0 instead, so that a masked element leaves a gradient finite.
"""

from __future__ import annotations

import math

import lazygraph as lg
from lazygraph.frames import composite
from lazygraph.special.operands import apply, in_single, series
from lazygraph.tensor import Tensor, TensorLike


@composite
def xlog1py(x: TensorLike, y: TensorLike) -> Tensor:
    """x log(1 + y), and 0 where x is 0 unless y is NaN.

    >>> import lazygraph as lg
    >>> lg.special.xlog1py([0.0, 2.0], [-1.0, 1e-20]).eval()
    array([0.e+00, 2.e-20])
    """

    def formula(x: Tensor, y: Tensor) -> Tensor:
        ordinary = lg.less(-1, y) & lg.less(y, math.inf)
        given = lg.where(lg.equal(x, 0) & ~ordinary & ~lg.isnan(y), 0, y)
        return x * apply("log1p", given)

    return in_single(formula, x, y)


@composite
def entr(x: TensorLike) -> Tensor:
    """-x log(x), 0 at 0 and -inf below.

    >>> import lazygraph as lg
    >>> lg.special.entr([-1.0, 0.0, 0.5]).eval()
    array([      -inf, 0.        , 0.34657359])
    """

    def formula(x: Tensor) -> Tensor:
        return lg.where(lg.less(x, 0), -math.inf, lg.log(lg.where(lg.less(0, x), x, 1)) * x * -1.0 + 0.0)

    return in_single(formula, x)


def _log_ratio(x: Tensor, y: Tensor) -> Tensor:
    """log(x / y) for positive x and y: next to 1 from the difference, and from two logarithms where x / y or its
    derivative along y, x / y**2, comes near the ends of the dtype."""
    close = lg.less(x, y * 2) & lg.less(y, x * 2)
    ratio, most = x / y, 2.0 ** (0.3 * math.log2(float(x.dtype.limits.max)))
    ordinary = _is_within(ratio, most) & _is_within(y, most)
    near = apply("log1p", lg.where(close, (x - y) / y, 0))
    apart = lg.log(lg.where(ordinary, ratio, 1))
    return lg.where(close, near, lg.where(ordinary, apart, lg.log(x) - lg.log(y)))


def _is_within(x: Tensor, most: float) -> Tensor:
    return lg.less(1 / most, x) & lg.less(x, most)


def _where_defined(x: Tensor, y: Tensor, inside: Tensor, value: Tensor, at_zero: TensorLike) -> Tensor:
    """The value for positive x and y, `at_zero` where x is 0 and y is not negative, else inf; NaN of NaN."""
    unordered = lg.where(lg.isnan(x) | lg.isnan(y), math.nan, math.inf)
    return lg.where(inside, value, lg.where(lg.equal(x, 0) & lg.less_equal(0, y), at_zero, unordered))


@composite
def rel_entr(x: TensorLike, y: TensorLike) -> Tensor:
    """x log(x / y) for positive x and y, 0 where x is 0 and y is not negative, else inf.

    >>> import lazygraph as lg
    >>> lg.special.rel_entr([0.5, 0.0, 1.0], [0.25, 0.0, 0.0]).eval()
    array([0.34657359, 0.        ,        inf])
    """

    def formula(x: Tensor, y: Tensor) -> Tensor:
        inside = lg.less(0, x) & lg.less(0, y)
        u, v = lg.where(inside, x, 1), lg.where(inside, y, 1)
        return _where_defined(x, y, inside, u * _log_ratio(u, v), 0.0)

    return in_single(formula, x, y)


# (1 + t) log(1 + t) - t = t**2 (1/2 - t/6 + t**2/12 - ...), with what is left off below 2**-60 for |t| < 0.2
_EXCESS = tuple([(-1) ** k / (k * (k - 1)) for k in range(2, 26)])


@composite
def kl_div(x: TensorLike, y: TensorLike) -> Tensor:
    """x log(x / y) - x + y for positive x and y, y where x is 0 and y is not negative, else inf.

    Where x and y are close it comes from a series in (x - y) / y, as the formula cancels.

    >>> import lazygraph as lg
    >>> lg.special.kl_div([0.5, 0.0, 1 + 1e-9], [0.25, 2.0, 1.0]).eval()
    array([9.65735903e-02, 2.00000000e+00, 5.00000083e-19])
    """

    def formula(x: Tensor, y: Tensor) -> Tensor:
        inside = lg.less(0, x) & lg.less(0, y)
        u, v = lg.where(inside, x, 1), lg.where(inside, y, 1)
        t = (u - v) / v
        close = lg.less(lg.abs(t), 0.2)
        near = lg.where(close, t, 0)
        excess = v * (near * near * series(near, _EXCESS))
        return _where_defined(x, y, inside, lg.where(close, excess, u * _log_ratio(u, v) - u + v), y)

    return in_single(formula, x, y)


@composite
def logit(x: TensorLike) -> Tensor:
    """log(x / (1 - x)), the inverse of `expit`: -inf at 0, inf at 1, NaN beyond. 2 atanh(2 x - 1) around 1/2.

    >>> import lazygraph as lg
    >>> lg.special.logit([0.0, 0.5, 0.9]).eval()
    array([      -inf, 0.        , 2.19722458])
    """

    def formula(x: Tensor) -> Tensor:
        centred = x - 0.5
        central = lg.less(lg.abs(centred), 0.25)
        near = apply("atanh", lg.where(central, centred * 2, 0)) * 2
        u = lg.where(central, 0.5, x)
        return lg.where(central, near, lg.log(u) - apply("log1p", -u))

    return in_single(formula, x)


@composite
def expit(x: TensorLike) -> Tensor:
    """1 / (1 + exp(-x)), the logistic function; `lg.nn.sigmoid` under SciPy's name.

    >>> import lazygraph as lg
    >>> lg.special.expit([-1000.0, 0.0, 2.0]).eval()
    array([0.        , 0.5       , 0.88079708])
    """
    return in_single(lambda x: lg.nn.sigmoid(x), x)


@composite
def log_expit(x: TensorLike) -> Tensor:
    """log(expit(x)) = -log(1 + exp(-x)), without overflow; `lg.nn.log_sigmoid` under SciPy's name.

    >>> import lazygraph as lg
    >>> lg.special.log_expit([-1000.0, 0.0]).eval()
    array([-1.00000000e+03, -6.93147181e-01])
    """
    return in_single(lambda x: lg.nn.log_sigmoid(x), x)

"""exp and expm1.

In: x. Out: e**x, e**x - 1. Both write e**x = 2**n e**r with r = x - n ln 2 and a polynomial in r. Coefficients: Remez
exchange on the intervals below, minimising the relative error of e**r, each coefficient rounded in turn from the lowest
and the rest fitted again.
"""

from __future__ import annotations

from dataclasses import dataclass

from lazygraph.compiler.loop.scalar import S, ScalarBuilder
from lazygraph.compiler.ops.vector_math.order import clamp
from lazygraph.compiler.ops.vector_math.parts import format_of, polynomial, quick_two_sum
from lazygraph.runtime.dtypes import float32, float64


@dataclass(frozen=True)
class Exponential:
    """The constants of one format. ln2_high has so many zeros at its end that n * ln2_high is exact."""

    ln2_high: float
    ln2_low: float
    wide: tuple[float, ...]  # e**r = 1 + r + r**2 (c[0] + c[1] r + ...) for |r| <= ln 2
    narrow: tuple[float, ...]  # e**r = 1 + r (c[0] + c[1] r + ...) for |r| <= ln 2 / 2
    lowest: float  # e**x rounds to 0 below, e**x - 1 to -1 below `lowest_m1`
    lowest_m1: float
    highest: float  # e**x overflows above


# relative errors: float32 wide 2**-29.6 (of e**r - 1: 2**-27.7), narrow 2**-26.1; float64 wide 2**-60.7 (2**-57.8),
# narrow 2**-57.5
EXPONENTIAL = {
    float32: Exponential(
        ln2_high=0.693145751953125,  # 16 bits
        ln2_low=1.428606765330187e-06,
        wide=(
            0.5,
            0.16666679084300995,
            0.041666753590106964,
            0.008332195691764355,
            0.0013883118517696857,
            0.0002015731151914224,
            2.5769744752324186e-05,
        ),
        narrow=(
            1.0,
            0.4999987483024597,
            0.16666541993618011,
            0.04170001298189163,
            0.008366734720766544,
            0.0011942611308768392,
        ),
        lowest=-104.0,
        lowest_m1=-20.0,
        highest=89.0,
    ),
    float64: Exponential(
        ln2_high=0.6931471805598903,  # 42 bits
        ln2_low=5.497923018708371e-14,
        wide=(
            0.49999999999999994,
            0.1666666666666666,
            0.041666666666668774,
            0.00833333333333615,
            0.0013888888888622752,
            0.00019841269837284086,
            2.4801587456118383e-05,
            2.755732177175957e-06,
            2.755727405802873e-07,
            2.505129495588553e-08,
            2.0883128802440292e-09,
            1.6185687785420227e-10,
            1.1152498459876659e-11,
        ),
        narrow=(
            1.0,
            0.5000000000000017,
            0.16666666666666802,
            0.04166666666648241,
            0.008333333333217483,
            0.0013888888955366273,
            0.00019841270145269128,
            2.4801481844406174e-05,
            2.7556997262143237e-06,
            2.7633946006360217e-07,
            2.518890983828316e-08,
        ),
        lowest=-746.0,
        lowest_m1=-40.0,
        highest=710.0,
    ),
}

LOG2_E = 1.4426950408889634


def exp(b: ScalarBuilder[S], x: S) -> S:
    """e**x = e**r 2**m 2**m with x = 2m ln 2 + r, |r| <= ln 2.

    Stepping by 2 ln 2 costs one or two terms more than by ln 2 and pays with a scale that is one shift: 2**m is a
    normal number throughout, and the second product alone rounds to a denormal or overflows. Where e**x is 0 the scale
    is: a product that underflows takes x86 a hundred cycles, and masked scores are many.
    """
    form, table = format_of(b, x), EXPONENTIAL[b.dtype(x)]
    vanishes = b.less(x, b.const(table.lowest, form.dtype))
    x = clamp(b, x, table.lowest, table.highest)
    m, scale = _steps(b, x, LOG2_E / 2, form.bias)
    scale = b.select(vanishes, b.const(0.0, form.dtype), scale)
    r = b.fma(m, b.const(-2 * table.ln2_high, form.dtype), x)
    r = b.fma(m, b.const(-2 * table.ln2_low, form.dtype), r)
    value = b.add(b.const(1.0, form.dtype), b.fma(b.mul(r, r), polynomial(b, r, table.wide), r))
    return b.mul(b.mul(value, scale), scale)


def exp_pair(b: ScalarBuilder[S], high: S, low: S) -> S:
    """e**(high + low) for |low| <= ulp(high) / 2, where high is within the range of e**x or low is 0."""
    form, table = format_of(b, high), EXPONENTIAL[b.dtype(high)]
    high = clamp(b, high, table.lowest, table.highest)
    m, scale = _steps(b, high, LOG2_E / 2, form.bias)
    exact = b.fma(m, b.const(-2 * table.ln2_high, form.dtype), high)
    rest = b.fma(m, b.const(-2 * table.ln2_low, form.dtype), low)
    r = b.add(exact, rest)
    rest = b.sub(rest, b.sub(r, exact))
    value = b.fma(b.mul(r, r), polynomial(b, r, table.wide), rest)
    value = b.add(b.const(1.0, form.dtype), b.add(r, value))
    return b.mul(b.mul(value, scale), scale)


def half_exp_pair(b: ScalarBuilder[S], x: S) -> tuple[S, S]:
    """e**x / 2 as a pair, for 0 <= x up to just above where it overflows. A factor 2 of the scale goes to the value, so
    that the scale is a normal number."""
    form, table = format_of(b, x), EXPONENTIAL[b.dtype(x)]
    n, scale = _steps(b, x, LOG2_E, form.bias - 2)
    r = b.fma(n, b.const(-table.ln2_high, form.dtype), x)
    r = b.fma(n, b.const(-table.ln2_low, form.dtype), r)
    rest = b.fma(b.mul(r, r), polynomial(b, r, table.wide), r)
    high, low = quick_two_sum(b, b.const(2.0, form.dtype), b.add(rest, rest))
    return b.mul(high, scale), b.mul(low, scale)


def exp_bounded(b: ScalarBuilder[S], x: S) -> S:
    """e**x for x where neither e**x nor 2**round(x / ln 2) under- or overflows; NaN of NaN."""
    form, table = format_of(b, x), EXPONENTIAL[b.dtype(x)]
    n, scale = _steps(b, x, LOG2_E, form.bias)
    r = b.fma(n, b.const(-table.ln2_high, form.dtype), x)
    r = b.fma(n, b.const(-table.ln2_low, form.dtype), r)
    return b.mul(polynomial(b, r, (1.0, *table.narrow)), scale)


def expm1(b: ScalarBuilder[S], x: S) -> S:
    """e**x - 1 = 2 (h p + (h - 1/2)) with p = e**r - 1 and h = 2**(n - 1); n = 0 for |x| < ln 2, where x is r."""
    form, table = format_of(b, x), EXPONENTIAL[b.dtype(x)]
    dtype = form.dtype
    size = b.abs(x)
    bounded = clamp(b, x, table.lowest_m1, table.highest)
    near = b.less(size, b.const(0.693, dtype))
    shifter = b.const(form.shifter + form.bias - 1, dtype)
    shifted = b.select(near, shifter, b.fma(bounded, b.const(LOG2_E, dtype), shifter))
    n = b.sub(shifted, shifter)
    half = _scale(b, shifted)
    r = b.fma(n, b.const(-table.ln2_high, dtype), bounded)
    r = b.fma(n, b.const(-table.ln2_low, dtype), r)
    p = b.fma(b.mul(r, r), polynomial(b, r, table.wide), r)
    y = b.mul(b.const(2.0, dtype), b.fma(half, p, b.sub(half, b.const(0.5, dtype))))
    return b.select(b.less(size, b.const(2.0 ** -(form.mantissa + 2), dtype)), x, y)


def _steps(b: ScalarBuilder[S], x: S, per_step: float, bias: int) -> tuple[S, S]:
    """n = round(x * per_step) and 2**n: the shifter leaves n + bias in the low bits, from where it is shifted."""
    form = format_of(b, x)
    shifter = b.const(form.shifter + bias, form.dtype)
    shifted = b.fma(x, b.const(per_step, form.dtype), shifter)
    return b.sub(shifted, shifter), _scale(b, shifted)


def _scale(b: ScalarBuilder[S], shifted: S) -> S:
    form = format_of(b, shifted)
    integer = b.bitcast(shifted, form.unsigned)
    return b.bitcast(b.shift_left(integer, b.const(form.mantissa, form.unsigned)), form.dtype)

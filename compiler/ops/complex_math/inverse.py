"""Inverse circular and hyperbolic functions of complex numbers, by Kahan's formulas.

W. Kahan, "Branch cuts for complex elementary functions, or much ado about nothing's sign bit", 1987: asin and acos by
square roots of 1 - z and 1 + z whose products do not cancel; atanh by log1p. On a cut the sign of a zero tells the
side. Far out asin z is atan(x/|y|) + i log(2|z|) but for signs. Special values are those of C99, Annex G.
"""

from __future__ import annotations

import math

from lazygraph.compiler.ops.complex_math.arithmetic import larger_part, scale
from lazygraph.compiler.ops.complex_math.exponential import log, sqrt
from lazygraph.compiler.ops.complex_math.scalars import Pair, Real, choose, is_infinite


def _is_far(z: Pair) -> Real:
    """|z| so great that 1 +- z rounds to +-z."""
    return (larger_part(z) > z.re.by_dtype(2.0**26, 2.0**56)) | is_infinite(z.re) | is_infinite(z.im)


def _roots(z: Pair) -> tuple[Pair, Pair]:
    """sqrt(1 - z), sqrt(1 + z)"""
    return sqrt(Pair(1.0 - z.re, -z.im)), sqrt(Pair(z.re + 1.0, z.im))


def _log_twice(z: Pair) -> Real:
    """log(2|z|)"""
    return log(z).re + math.log(2)


def asin(z: Pair) -> Pair:
    minus, plus = _roots(z)
    far = _is_far(z)
    leg = minus.re * plus.re - minus.im * plus.im
    re = choose(far, abs(z.re).apply("atan2", abs(z.im)), abs(z.re).apply("atan2", leg))
    im = choose(far, _log_twice(z), abs((minus.re * plus.im - minus.im * plus.re).apply("asinh")))
    re = choose(z.re.equals(0.0), 0.0, re)
    return Pair(re.signed_as(z.re), im.signed_as(z.im))


def acos(z: Pair) -> Pair:
    minus, plus = _roots(z)
    far = _is_far(z)
    re = choose(far, abs(z.im).apply("atan2", z.re), minus.re.apply("atan2", plus.re) * 2.0)
    im = choose(far, _log_twice(z), abs((plus.re * minus.im - plus.im * minus.re).apply("asinh")))
    nan = ~z.im.equals(z.im)
    re = choose(z.re.equals(0.0) & nan, math.pi / 2, re)
    return Pair(re, -im.signed_as(z.im))


def asinh(z: Pair) -> Pair:
    return asin(z.turned()).turned_back()


def acosh(z: Pair) -> Pair:
    """i acos z or -i acos z, whichever has a real part from 0 up."""
    angle = acos(z)
    return Pair(abs(angle.im), angle.re.signed_as(z.im))


def atanh(z: Pair) -> Pair:
    """log1p(4x / ((1 - x)**2 + y**2)) / 4 + i atan2(2y, (1 - x)(1 + x) - y**2) / 2 for x >= 0; far out 1/z + i pi/2."""
    x, y = abs(z.re), abs(z.im)
    size = larger_part(z)
    far = _is_far(z)
    rest = 1.0 - x
    re = (x * 4.0 / (rest * rest + y * y)).apply("log1p") * 0.25
    at_pole = rest.equals(0.0) & (y < y.by_dtype(2.0**-12, 2.0**-27))  # y**2 may underflow
    re = choose(at_pole, (math.log(2) - y.apply("log")) * 0.5, re)
    factor = scale(size)
    u, v = x * factor, y * factor
    far_re = u / (u * u + v * v) * factor
    far_re = choose(is_infinite(z.re) | is_infinite(z.im), 0.0, far_re)
    re = choose(z.re.equals(0.0), 0.0, choose(far, far_re, re))
    im = (y * 2.0).apply("atan2", rest * (x + 1.0) - y * y) * 0.5
    nan = ~y.equals(y)
    im = choose(far & ~nan, math.pi / 2, im)
    return Pair(re.signed_as(z.re), im.signed_as(z.im))


def atan(z: Pair) -> Pair:
    return atanh(z.turned()).turned_back()

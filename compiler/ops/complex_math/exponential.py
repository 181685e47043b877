"""Exponentials, logarithms, square root and powers of complex numbers.

Branch cuts lie along the negative real axis, continuous with the side that the sign of a zero imaginary part names, and
special values are those of C99, Annex G (W. Kahan, "Branch cuts for complex elementary functions, or much ado about
nothing's sign bit", 1987).
"""

from __future__ import annotations

import math
from typing import NamedTuple

from lazygraph.compiler.ops.complex_math.arithmetic import larger_part, mul
from lazygraph.compiler.ops.complex_math.scalars import (
    Pair,
    Real,
    choose,
    choose_pair,
    is_finite,
    is_infinite,
)

INF = float("inf")


class Growth(NamedTuple):
    """e**x = number * first * second, for x beyond the range of exp too: the factors go on one after the other."""

    number: Real
    first: Real
    second: Real

    def times(self, x: Real) -> Real:
        return self.number * x * self.first * self.second


def growth(x: Real) -> Growth:
    """e**x in factors: exp(x) where it is finite, else exp(x - k) e**k, or exp(x - 2k) e**k e**k."""
    limit, step = x.by_dtype(88.0, 709.0), x.by_dtype(64.0, 512.0)
    factors = []
    for _ in range(2):
        beyond = x > limit
        factors.append(choose(beyond, math.exp(step), x.literal(1.0)))
        x = choose(beyond, x - step, x)
    return Growth(x.apply("exp"), *factors)


def exp(z: Pair) -> Pair:
    """e**x (cos y + i sin y)"""
    x, y = z
    grown, angled = growth(x), is_finite(y)
    vanishes = x.equals(-INF) & ~angled  # 0 times a direction that is not known
    re = grown.times(choose(vanishes, 1.0, y.apply("cos")))
    im = grown.times(choose(vanishes, 0.0, y.apply("sin")))
    re = choose(x.equals(INF) & ~angled, INF, re)
    return Pair(re, choose(y.equals(0.0), y, im))


def expm1(z: Pair) -> Pair:
    """e**z - 1, with the real part expm1(x) cos y - 2 sin(y/2)**2, which does not cancel near 0."""
    x, y = z
    power = exp(z)
    half = (y * 0.5).apply("sin")
    near = x.apply("expm1") * y.apply("cos") - half * half * 2.0
    far = abs(x) > x.by_dtype(20.0, 40.0)
    return Pair(choose(far, power.re - 1.0, near), power.im)


def log(z: Pair) -> Pair:
    """log|z| + i arg z. Near |z| = 1 the real part is log1p((m - 1)(m + 1) + n**2) / 2, m and n the parts by size."""
    x, y = abs(z.re), abs(z.im)
    m, n = larger_part(z), x.apply("min", y)
    near = (m > 0.5) & (m < 2.0)
    close = ((m - 1.0) * (m + 1.0) + n * n).apply("log1p") * 0.5
    large, small = m > m.by_dtype(2.0**60, 2.0**500), m < m.by_dtype(2.0**-60, 2.0**-500)
    up, down = m.by_dtype(2.0**100, 2.0**600), m.by_dtype(2.0**-70, 2.0**-540)
    one = m.literal(1.0)
    u, v = z.times(choose(large, down, choose(small, up, one)))
    shift = choose(large, -math.log(down), choose(small, -math.log(up), one * 0.0))
    far = (u * u + v * v).apply("sqrt").apply("log") + shift
    re = choose(is_infinite(z.re) | is_infinite(z.im), INF, choose(near, close, far))
    return Pair(re, z.im.apply("atan2", z.re))


def log1p(z: Pair) -> Pair:
    """log(1 + z), near 0 with the real part log1p(x (2 + x) + y**2) / 2."""
    x, y = z
    shifted = x + 1.0
    near = larger_part(z) < 0.5
    close = Pair((x * (x + 2.0) + y * y).apply("log1p") * 0.5, y.apply("atan2", shifted))
    return choose_pair(near, close, log(Pair(shifted, y)))


def sqrt(z: Pair) -> Pair:
    """t + i y/(2t) with t = sqrt((|x| + |z|)/2) where x >= 0, else |y|/(2t) + i t with the sign of y."""
    size = larger_part(z)
    large, small = size > size.by_dtype(2.0**60, 2.0**500), size < size.by_dtype(2.0**-40, 2.0**-400)
    one = size.literal(1.0)
    down, up = size.by_dtype(2.0**-70, 2.0**-540), size.by_dtype(2.0**100, 2.0**800)
    x, y = z.times(choose(large, down, choose(small, up, one)))
    back = choose(large, down**-0.5, choose(small, up**-0.5, one))
    t = ((abs(x) + (x * x + y * y).apply("sqrt")) * 0.5).apply("sqrt")
    u = choose(t.equals(0.0), 0.0, abs(y) / (t * 2.0))
    left = z.re < 0.0
    re, im = choose(left, u, t) * back, choose(left, t, u) * back
    # an infinity along one axis leaves the other part 0 (or NaN where that part was)
    nan = ~z.im.equals(z.im)
    far, flat = is_infinite(z.re), choose(nan, z.im, 0.0)
    re = choose(far, choose(left, flat, INF), re)
    im = choose(far, choose(left, INF, flat), im)
    upright = is_infinite(z.im)
    re, im = choose(upright, INF, re), choose(upright, INF, im)
    return Pair(re, im.signed_as(z.im))


def pow(z: Pair, w: Pair) -> Pair:
    """exp(w log z); z**0 is 1, and 0**w is 0 for a w of positive real part, else NaN."""
    result = exp(mul(w, log(z)))
    zero = z.re.literal(0.0)
    nothing = z.re.equals(0.0) & z.im.equals(0.0)
    undefined = choose(w.re > 0.0, 0.0, zero.literal(float("nan")))
    result = choose_pair(nothing, Pair(undefined, undefined), result)
    unit = w.re.equals(0.0) & w.im.equals(0.0)
    return choose_pair(unit, Pair(zero.literal(1.0), zero), result)

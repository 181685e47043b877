"""Arithmetic of complex numbers: the four operations, equality, the modulus.

A product is (a + ib)(c + id) = (ac - bd) + i(ad + bc), each operation rounded once, as NumPy's. A quotient is Smith's
formula over operands that are first scaled by powers of two, so that nothing over- or underflows on the way
(M. Baudin, R. L. Smith, "A robust complex division in Scilab", 2012); z/0 is z divided by 0.0 part by part, a finite
number over an infinite one is 0, and an infinite one over a finite one infinite, as in C99, Annex G.
"""

from __future__ import annotations

from lazygraph.compiler.ops.complex_math.scalars import (
    Pair,
    Real,
    choose,
    choose_pair,
    greater,
    is_finite,
    is_infinite,
)
from lazygraph.runtime.dtypes import DType


def complex_(re: Real, im: Real) -> Pair:
    return Pair(re, im)


def real(z: Pair) -> Real:
    return z.re


def imag(z: Pair) -> Real:
    return z.im


def neg(z: Pair) -> Pair:
    return Pair(-z.re, -z.im)


def add(z: Pair, w: Pair) -> Pair:
    return Pair(z.re + w.re, z.im + w.im)


def sub(z: Pair, w: Pair) -> Pair:
    return Pair(z.re - w.re, z.im - w.im)


def mul(z: Pair, w: Pair) -> Pair:
    return Pair(z.re * w.re - z.im * w.im, z.re * w.im + z.im * w.re)


def eq(z: Pair, w: Pair) -> Real:
    return z.re.equals(w.re) & z.im.equals(w.im)


def select(condition: Real, z: Pair, w: Pair) -> Pair:
    return choose_pair(condition, z, w)


def cast(x: Real | Pair, dtype: DType) -> Real | Pair:
    """A real number has the imaginary part 0; complex numbers become complex ones, or the bool z != 0."""
    if isinstance(x, Real):
        part = x.cast(dtype.part)
        return Pair(part, part.literal(0.0))
    if dtype.is_complex:
        return Pair(x.re.cast(dtype.part), x.im.cast(dtype.part))
    return ~(x.re.equals(0.0) & x.im.equals(0.0))


def larger_part(z: Pair) -> Real:
    """max(|re|, |im|)"""
    return greater(abs(z.re), abs(z.im))


def scale(size: Real) -> Real:
    """The power of two, of three, that brings a size where squares and quotients neither over- nor underflow."""
    limit, step = size.by_dtype(2.0**62, 2.0**510), size.by_dtype(2.0**64, 2.0**512)
    return choose(size > limit, 1 / step, choose(size < 1 / limit, step, size.literal(1.0)))


def div(z: Pair, w: Pair) -> Pair:
    upper, lower = scale(larger_part(z)), scale(larger_part(w))
    a, b = z.times(upper)
    c, d = w.times(lower)
    swap = abs(c) < abs(d)
    c, d = choose(swap, d, c), choose(swap, c, d)  # |c| >= |d|
    ratio = d / c
    below = c + d * ratio
    re = choose(swap, a * ratio + b, a + b * ratio) / below
    im = choose(swap, b * ratio - a, b - a * ratio) / below
    by_zero = c.equals(0.0) & d.equals(0.0)
    back = 1.0 / upper
    opposed = (lower * back).equals(1.0)
    quotient = Pair(re, im).times(choose(opposed, 1.0, lower)).times(choose(opposed, 1.0, back))
    zero = z.re.literal(0.0)
    quotient = choose_pair(by_zero, Pair(z.re / zero, z.im / zero), quotient)
    above, below_infinity = _is_infinite(z), is_finite(w.re) & is_finite(w.im) & ~by_zero
    quotient = choose_pair(above & below_infinity, mul(_direction(z), w.conjugate()).times(float("inf")), quotient)
    vanishes = _is_infinite(w) & is_finite(z.re) & is_finite(z.im)
    return choose_pair(vanishes, Pair(zero, zero), quotient)


def _is_infinite(z: Pair) -> Real:
    """Whether a part is, whatever the other."""
    return is_infinite(z.re) | is_infinite(z.im)


def _direction(z: Pair) -> Pair:
    """1, 0 or -1 for an infinite, a finite and a negative infinite part: where an infinity lies."""
    return Pair(*[choose(is_infinite(part), 1.0, part.literal(0.0)).signed_as(part) for part in z])

"""asinh, acosh and atanh.

In: x. Out: the numbers whose hyperbolic functions are x, as logarithms of 1 + u with u in two floats; float32 goes by
way of float64. With asinh(x) = log(1 + x + x**2 / (1 + sqrt(1 + x**2))), acosh(1 + t) = log(1 + t + sqrt(2 t + t**2))
and atanh(x) = log(1 + 2 x / (1 - x)) / 2 none cancels near its zero (after W. Kahan, Branch Cuts for Complex
Elementary Functions, 1987).
"""

from __future__ import annotations

from lazygraph.compiler.loop.scalar import S, ScalarBuilder
from lazygraph.compiler.ops.vector_math.logarithm import LN2, log1p_pair
from lazygraph.compiler.ops.vector_math.parts import (
    flip_sign,
    format_of,
    in_float64,
    quick_two_sum,
    sign_bits,
    two_product,
    two_sum,
)
from lazygraph.runtime.dtypes import float64

LARGE = 2.0**60  # x + sqrt(x**2 + 1) and x + sqrt(x**2 - 1) round to 2 x above, and log(1 + x) to log(x)


@in_float64
def asinh(b: ScalarBuilder[S], x: S) -> S:
    one = b.const(1.0, float64)
    size = b.abs(x)
    inner, large = _within(b, size)
    square = b.mul(inner, inner)
    root = b.sqrt(b.add(square, one))
    u, u_low = quick_two_sum(b, inner, b.div(square, b.add(root, one)))
    return flip_sign(b, _logarithm(b, size, u, u_low, large), sign_bits(b, x))


@in_float64
def acosh(b: ScalarBuilder[S], x: S) -> S:
    zero, one = b.const(0.0, float64), b.const(1.0, float64)
    inner, large = _within(b, x)
    t = b.sub(inner, one)
    product, error = two_product(b, t, t)
    square, square_low = two_sum(b, b.add(t, t), product)
    root = b.sqrt(square)
    again, again_low = two_product(b, root, root)
    rest = b.add(b.sub(b.sub(square, again), again_low), b.add(square_low, error))
    rest = b.select(b.less(zero, root), b.div(rest, b.add(root, root)), zero)
    u, u_low = quick_two_sum(b, root, t)
    y = _logarithm(b, x, u, b.add(u_low, rest), large)
    return b.select(b.less(x, one), b.bits(format_of(b, x).nan, float64), y)


@in_float64
def atanh(b: ScalarBuilder[S], x: S) -> S:
    zero, one = b.const(0.0, float64), b.const(1.0, float64)
    size = b.abs(x)
    inner = b.select(b.less(size, one), size, zero)
    d, d_low = quick_two_sum(b, one, b.neg(inner))
    n = b.add(inner, inner)
    u = b.div(n, d)
    product, error = two_product(b, u, d)
    rest = b.sub(b.sub(b.sub(n, product), error), b.mul(u, d_low))
    y = b.mul(b.const(0.5, float64), log1p_pair(b, u, b.div(rest, d)))
    ends = b.select(b.equal(size, one), b.const(float("inf"), float64), b.bits(format_of(b, x).nan, float64))
    return flip_sign(b, b.select(b.less(size, one), y, ends), sign_bits(b, x))


def _within(b: ScalarBuilder[S], x: S) -> tuple[S, S]:
    """(x or 1 where it is large, whether it is large)."""
    large = b.less(b.const(LARGE, float64), x)
    return b.select(large, b.const(1.0, float64), x), large


def _logarithm(b: ScalarBuilder[S], x: S, u: S, u_low: S, large: S) -> S:
    """log(1 + u + u_low), or log(x) + log(2) where x is large; inf at inf."""
    zero, infinity = b.const(0.0, float64), b.const(float("inf"), float64)
    bounded = b.select(b.less(x, infinity), x, b.const(LARGE, float64))
    y = log1p_pair(b, b.select(large, bounded, u), b.select(large, zero, u_low))
    y = b.select(large, b.add(y, b.const(LN2, float64)), y)
    return b.select(b.equal(x, infinity), infinity, y)

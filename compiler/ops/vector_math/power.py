"""pow, of floats and of integers.

In: x and y of one dtype. Out: x**y. Floats: e**(y log|x|) with the special cases of C's pow; float32 by way of
float64, float64 with a logarithm of about 64 correct bits, since an error of the exponent is one of the result.
Integers: square and multiply.
"""

from __future__ import annotations

from lazygraph.compiler.loop.scalar import S, ScalarBuilder
from lazygraph.compiler.ops.vector_math.exponential import exp, exp_pair
from lazygraph.compiler.ops.vector_math.logarithm import LN2_HIGH, LN2_LOW, log, split_positive
from lazygraph.compiler.ops.vector_math.order import clamp
from lazygraph.compiler.ops.vector_math.parts import (
    flip_sign,
    format_of,
    polynomial,
    quick_two_sum,
    sign_bits,
    two_product,
)
from lazygraph.runtime.dtypes import float32, float64

# atanh(s) = s + s**3 (1/3 + s**2 (c[0] + c[1] s**2 + ...)) for |s| <= 1/5, relative error 2**-69: fitted as for log
TAIL = (
    0.19999999999999862,
    0.1428571428578876,
    0.11111111095594728,
    0.0909091076639085,
    0.07692203126002099,
    0.06670578562839004,
    0.05796075930359023,
    0.06286395126907465,
)
THIRD_LOW = 1 / 3 / 2**54  # 1/3 less the double next to it, whose digits repeat


def pow_(b: ScalarBuilder[S], x: S, y: S) -> S:
    dtype = b.dtype(x)
    if dtype.is_integer:
        return _integer(b, x, y)
    size = b.abs(x)
    if dtype == float32:
        wide = exp(b, b.mul(b.convert(y, float64), log(b, b.convert(size, float64))))
        return _special(b, x, y, b.convert(wide, float32))
    return _special(b, x, y, _power_64(b, size, y))


def _power_64(b: ScalarBuilder[S], size: S, y: S) -> S:
    """size**y for size >= 0, or NaN where one is NaN."""
    log_high, log_low = log_pair(b, size)
    infinity, zero = b.const(float("inf"), float64), b.const(0.0, float64)
    bounded = clamp(b, y, -(2.0**64), 2.0**64)  # |log| >= 2**-53 unless size = 1: beyond, the result is 0 or inf
    high, error = two_product(b, bounded, log_high)
    low = b.fma(bounded, log_low, error)
    high = b.select(b.less(size, infinity), high, b.mul(y, size))
    high = b.select(b.equal(size, zero), b.neg(b.mul(y, infinity)), high)
    low = b.select(b.less(b.abs(high), b.const(1024.0, float64)), low, zero)
    return exp_pair(b, high, low)


def log_pair(b: ScalarBuilder[S], x: S) -> tuple[S, S]:
    """log(x) = k ln 2 + 2 s (1 + p), s = f / (2 + f), p = s**2 (1/3 + s**2 (1/5 + ...)), for positive finite x.

    s, s**2, p and s p are pairs; the tail behind 1/3 is at most 1/40 of it, so one double holds it.
    """
    k, f = split_positive(b, x)
    divisor, divisor_low = quick_two_sum(b, b.const(2.0, float64), f)
    inverse = b.div(b.const(1.0, float64), divisor)
    s = b.mul(f, inverse)
    product, error = two_product(b, s, divisor)
    rest = b.sub(b.sub(b.sub(f, product), error), b.mul(s, divisor_low))
    s_low = b.mul(rest, inverse)
    z, z_low = two_product(b, s, s)
    z_low = b.fma(b.add(s, s), s_low, z_low)
    third, third_low = quick_two_sum(b, b.const(1 / 3, float64), b.mul(z, polynomial(b, z, TAIL)))
    third_low = b.add(third_low, b.const(THIRD_LOW, float64))
    p, p_low = two_product(b, z, third)
    p_low = b.fma(z, third_low, b.fma(z_low, third, p_low))
    q, q_low = two_product(b, s, p)
    q_low = b.fma(s, p_low, b.fma(s_low, p, q_low))
    half, half_low = quick_two_sum(b, s, q)
    half_low = b.add(half_low, b.add(s_low, q_low))
    high, low = quick_two_sum(b, b.mul(k, b.const(LN2_HIGH, float64)), b.add(half, half))
    low = b.add(low, b.fma(k, b.const(LN2_LOW, float64), b.add(half_low, half_low)))
    return quick_two_sum(b, high, low)


def _special(b: ScalarBuilder[S], x: S, y: S, power: S) -> S:
    """From |x|**y: negative for odd y, NaN for x < 0 and fractional y, 1 where x = 1, y = 0 or |x| = 1, |y| = inf."""
    form = format_of(b, x)
    dtype = form.dtype
    zero, one, half = b.const(0.0, dtype), b.const(1.0, dtype), b.const(0.5, dtype)
    infinite = b.equal(b.abs(y), b.const(float("inf"), dtype))
    whole = b.or_(b.equal(b.floor(y), y), infinite)
    halved = b.mul(y, half)
    odd = b.and_(whole, b.not_(b.equal(b.floor(halved), halved)))
    result = flip_sign(b, power, b.select(odd, sign_bits(b, x), b.const(0, form.unsigned)))
    nan = b.and_(b.and_(b.less(x, zero), b.less(b.const(float("-inf"), dtype), x)), b.not_(whole))
    result = b.select(nan, b.bits(form.nan, dtype), result)
    unit = b.or_(b.equal(x, one), b.equal(y, zero))
    unit = b.or_(unit, b.and_(b.equal(b.abs(x), one), infinite))
    return b.select(unit, one, result)


def _integer(b: ScalarBuilder[S], x: S, y: S) -> S:
    """Binary powers, one step per bit of y; a negative y leaves only 1 and -1 with a result that is not 0."""
    dtype = b.dtype(x)
    zero, one = b.const(0, dtype), b.const(1, dtype)
    result, square = one, x
    steps = dtype.bits - (dtype.kind == "int")
    for step in range(steps):
        set_ = b.equal(b.and_(y, b.bits(1 << step, dtype)), zero)
        result = b.select(set_, result, b.mul(result, square))
        square = b.mul(square, square) if step + 1 < steps else square
    if dtype.kind == "uint":
        return result
    minus_one = b.neg(one)
    parity = b.select(b.equal(b.and_(y, one), zero), one, x)
    unit = b.or_(b.equal(x, one), b.equal(x, minus_one))
    return b.select(b.less(y, zero), b.select(unit, parity, zero), result)

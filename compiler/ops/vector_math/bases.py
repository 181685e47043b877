"""exp2, log2, log10 and cbrt: exact where the result is a number of the format and the base divides.

In: x. Out: 2**x as 2**n e**(r ln 2) with the exact r = x - n; log2(x) and log10(x) from a logarithm in two floats; the
cube root by one Newton step from e**(log(x) / 3) whose residual is exact. float32 logarithms and roots go by way of
float64.
"""

from __future__ import annotations

from lazygraph.compiler.loop.scalar import S, ScalarBuilder
from lazygraph.compiler.ops.vector_math.exponential import EXPONENTIAL, exp_bounded
from lazygraph.compiler.ops.vector_math.logarithm import at_ends, log
from lazygraph.compiler.ops.vector_math.order import clamp
from lazygraph.compiler.ops.vector_math.parts import (
    flip_sign,
    format_of,
    in_float64,
    polynomial,
    sign_bits,
    two_product,
)
from lazygraph.compiler.ops.vector_math.power import log_pair
from lazygraph.runtime.dtypes import float32, float64

LN2 = 0.6931471805599453
LOG2_E = (1.4426950408889634, 2.0355273740931033e-17)
LOG10_E = (0.4342944819032518, 1.098319650216765e-17)
# 2**x rounds to 0 below and overflows above
LIMITS = {float32: (-151.0, 128.0), float64: (-1076.0, 1024.0)}


def exp2(b: ScalarBuilder[S], x: S) -> S:
    """In two factors 2**m and 2**(n - m), each a normal number, of which the second alone rounds or overflows."""
    form = format_of(b, x)
    x = clamp(b, x, *LIMITS[form.dtype])
    n = b.round_even(x)
    m = b.floor(b.mul(n, b.const(0.5, form.dtype)))
    r = b.mul(b.sub(x, n), b.const(LN2, form.dtype))
    value = b.fma(b.mul(r, r), polynomial(b, r, EXPONENTIAL[form.dtype].wide), r)
    value = b.add(b.const(1.0, form.dtype), value)
    return b.mul(b.mul(value, _power(b, m)), _power(b, b.sub(n, m)))


def _power(b: ScalarBuilder[S], n: S) -> S:
    """2**n of an integral float within the exponents of normal numbers; some number for NaN."""
    form = format_of(b, n)
    shifted = b.add(n, b.const(form.shifter + form.bias, form.dtype))
    integer = b.bitcast(shifted, form.unsigned)
    return b.bitcast(b.shift_left(integer, b.const(form.mantissa, form.unsigned)), form.dtype)


@in_float64
def log2(b: ScalarBuilder[S], x: S) -> S:
    return _scaled_log(b, x, *LOG2_E)


@in_float64
def log10(b: ScalarBuilder[S], x: S) -> S:
    return _scaled_log(b, x, *LOG10_E)


def _scaled_log(b: ScalarBuilder[S], x: S, factor: float, factor_low: float) -> S:
    """log(x) * (factor + factor_low)."""
    high, low = log_pair(b, x)
    product, error = two_product(b, high, b.const(factor, float64))
    error = b.fma(high, b.const(factor_low, float64), b.fma(low, b.const(factor, float64), error))
    return at_ends(b, x, b.add(product, error), pole=0.0)


@in_float64
def cbrt(b: ScalarBuilder[S], x: S) -> S:
    """y - (y**3 - x) / (3 y**2), with x scaled by a cube of a power of two into the range where y**3 neither
    overflows nor has a denormal part; zeros, infinities and NaN are their own roots."""
    zero, one = b.const(0.0, float64), b.const(1.0, float64)
    size = b.abs(x)
    small, large = b.less(size, b.const(2.0**-600, float64)), b.less(b.const(2.0**600, float64), size)
    up = b.select(small, b.const(2.0**600, float64), b.select(large, b.const(2.0**-600, float64), one))
    down = b.select(small, b.const(2.0**-200, float64), b.select(large, b.const(2.0**200, float64), one))
    scaled = b.mul(size, up)
    ordinary = b.and_(b.less(zero, size), b.less(size, b.const(float("inf"), float64)))
    scaled = b.select(ordinary, scaled, one)
    y = exp_bounded(b, b.mul(log(b, scaled), b.const(1 / 3, float64)))
    square, square_low = two_product(b, y, y)
    cube, cube_low = two_product(b, square, y)
    rest = b.add(b.sub(cube, scaled), b.fma(square_low, y, cube_low))
    root = b.mul(b.sub(y, b.div(rest, b.mul(square, b.const(3.0, float64)))), down)
    return b.select(ordinary, flip_sign(b, root, sign_bits(b, x)), x)

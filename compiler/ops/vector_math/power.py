"""pow, of floats and of integers.

In: x and y of one dtype. Out: x**y. Floats: exp(y log|x|), with the special cases of C's pow. Integers: square and multiply.
"""

from __future__ import annotations

from lazygraph.compiler.loop.scalar import S, ScalarBuilder
from lazygraph.compiler.ops.vector_math.exponential import exp
from lazygraph.compiler.ops.vector_math.logarithm import log
from lazygraph.compiler.ops.vector_math.parts import flip_sign, format_of
from lazygraph.runtime.dtypes import float32, float64


def pow_(b: ScalarBuilder[S], x: S, y: S) -> S:
    dtype = b.dtype(x)
    if dtype.is_integer:
        return _integer(b, x, y)
    size = b.abs(x)
    if dtype == float32:  # in float64 the error of y * log|x| does not show
        wide = exp(b, b.mul(b.convert(y, float64), log(b, b.convert(size, float64))))
        power = b.convert(wide, float32)
    else:
        power = exp(b, b.mul(y, log(b, size)))
    return _special(b, x, y, power)


def _special(b: ScalarBuilder[S], x: S, y: S, power: S) -> S:
    """From |x|**y: the sign for odd y, NaN for a negative x without integer y, and 1 where x = 1, y = 0 or |x|**inf = 1."""
    form = format_of(b, x)
    dtype, unsigned = form.dtype, form.unsigned
    zero, one, half = b.const(0.0, dtype), b.const(1.0, dtype), b.const(0.5, dtype)
    infinite = b.equal(b.abs(y), b.const(float("inf"), dtype))
    whole = b.or_(b.equal(b.floor(y), y), infinite)
    halved = b.mul(y, half)
    odd = b.and_(whole, b.not_(b.equal(b.floor(halved), halved)))
    sign = b.and_(b.bitcast(x, unsigned), b.bits(form.sign_bit, unsigned))
    result = flip_sign(b, power, b.select(odd, sign, b.const(0, unsigned)))
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

"""sin, cos and tan, of arguments of any size.

In: x. Out: sin(x), cos(x), tan(x), from x = q pi/2 + r with |r| <= pi/4 and a polynomial in r. The reduction is that of
Payne and Hanek (SIGNUM Newsletter 18, 1983): x is an integer M times 2**E, so only a window of the bits of 2/pi decides
(2/pi) x mod 4, and a product of integers modulo 2**64 or 2**128 is that value. Coefficients: Remez exchange on
[0, pi/4] minimising the relative error, each coefficient rounded in turn from the lowest and the rest fitted again.
"""

from __future__ import annotations

from lazygraph.compiler.loop.scalar import S, ScalarBuilder
from lazygraph.compiler.ops.vector_math.parts import (
    flip_sign,
    format_of,
    polynomial,
    quick_two_sum,
    sign_bits,
    two_product,
)
from lazygraph.runtime.dtypes import DType, float32, float64, int64, uint32, uint64

# 2/pi = 0.a2f9836e... in hexadecimal, 1280 bits after the point
TWO_OVER_PI = (
    "a2f9836e4e441529fc2757d1f534ddc0db6295993c439041fe5163abdebbc561b7246e3a424dd2e006492eea09d1921c"
    "fe1deb1cb129a73ee88235f52ebb4484e99c7026b45f7e413991d639835339f49c845f8bbdf9283b1ff897ffde05980f"
    "ef2f118b5a0a6d1f6d367ecf27cb09b74f463f669e5fea2d7527bac7ebe5f17b3d0739f78a5292ea6bfb5fb11f8d5d08"
    "56033046fc7b6babf0cfbc209af4361d"
)
HALF_PI_HIGH, HALF_PI_LOW = 1.5707963267948966, 6.123233995736766e-17
QUARTER_PI = 0.7853981633974483

# sin(r) = r + r**3 (c[0] + c[1] r**2 + ...), relative errors 2**-27.8 and 2**-57.8
SINE = {
    float32: (-0.16666655242443085, 0.008332187309861183, -0.00019517897453624755),
    float64: (
        -0.1666666666666663,
        0.00833333333332184,
        -0.00019841269829358487,
        2.755731353848523e-06,
        -2.505073438253953e-08,
        1.5895432784165589e-10,
    ),
}
# cos(r) = 1 - r**2 / 2 + r**4 (c[0] + c[1] r**2 + ...), relative errors 2**-32.9 and 2**-63.9
COSINE = {
    float32: (0.04166664555668831, -0.0013887309469282627, 2.4432327336398885e-05),
    float64: (
        0.041666666666666595,
        -0.0013888888888873307,
        2.4801587288965233e-05,
        -2.75573142030806e-07,
        2.087570313965036e-09,
        -1.1358617003845858e-11,
    ),
}


def sin(b: ScalarBuilder[S], x: S) -> S:
    quadrant, high, low = reduce(b, x)
    return _finish(b, x, quadrant, high, low, sign_bits(b, x))


def cos(b: ScalarBuilder[S], x: S) -> S:
    """cos(x) = sin(|x| + pi/2): one quadrant further."""
    quadrant, high, low = reduce(b, x)
    unsigned = format_of(b, x).unsigned
    return _finish(b, x, b.add(quadrant, b.const(1, unsigned)), high, low, b.const(0, unsigned))


def tan(b: ScalarBuilder[S], x: S) -> S:
    """sin(r) / cos(r) in even quadrants, -cos(r) / sin(r) in odd ones."""
    form = format_of(b, x)
    q, ratio = _ratio_32(b, x) if form.dtype == float32 else _ratio_64(b, x)
    odd = b.shift_left(q, b.const(form.dtype.bits - 1, form.unsigned))
    y = flip_sign(b, ratio, b.xor(odd, sign_bits(b, x)))
    return b.select(b.less(b.abs(x), b.const(float("inf"), form.dtype)), y, b.bits(form.nan, form.dtype))


def _ratio_32(b: ScalarBuilder[S], x: S) -> tuple[S, S]:
    """(q, |tan|) in float64 with the short polynomials, rounded once."""
    size = b.abs(x)
    q, r = _reduce_32(b, size)
    small = b.less(size, b.const(QUARTER_PI, float32))
    q, r = b.select(small, b.const(0, uint32), q), b.select(small, b.convert(size, float64), r)
    square = b.mul(r, r)
    sine = b.fma(b.mul(square, r), polynomial(b, square, SINE[float32]), r)
    cosine = polynomial(b, square, (1.0, -0.5, *COSINE[float32]))
    odd = _is_odd(b, q)
    return q, b.convert(b.div(b.select(odd, cosine, sine), b.select(odd, sine, cosine)), float32)


def _ratio_64(b: ScalarBuilder[S], x: S) -> tuple[S, S]:
    """(q, |tan|): the quotient of two pairs, one step of division further than the rounded one."""
    q, high, low = reduce(b, x)
    square = b.mul(high, high)
    correction = b.fma(b.mul(square, b.const(-0.5, float64)), low, low)
    sine = quick_two_sum(b, high, b.fma(b.mul(square, high), polynomial(b, square, SINE[float64]), correction))
    cosine = quick_two_sum(b, *_cosine_64(b, high, low, square))
    odd = _is_odd(b, q)
    n, n_low = (b.select(odd, of_cosine, of_sine) for of_sine, of_cosine in zip(sine, cosine, strict=True))
    d, d_low = (b.select(odd, of_sine, of_cosine) for of_sine, of_cosine in zip(sine, cosine, strict=True))
    ratio = b.div(n, d)
    product, error = two_product(b, ratio, d)
    rest = b.add(b.sub(b.sub(n, product), error), b.fma(b.neg(ratio), d_low, n_low))
    return q, b.add(ratio, b.div(rest, d))


def _is_odd(b: ScalarBuilder[S], quadrant: S) -> S:
    one = b.const(1, b.dtype(quadrant))
    return b.equal(b.and_(quadrant, one), one)


def reduce(b: ScalarBuilder[S], x: S) -> tuple[S, S, S]:
    """(q, high, low): |x| = (q mod 4) pi/2 + high + low, q an unsigned integer of x's width; low is 0 in float32."""
    form = format_of(b, x)
    size = b.abs(x)
    if form.dtype == float32:
        q, r = _reduce_32(b, size)
        high, low = b.convert(r, float32), b.const(0.0, float32)
    else:
        q, high, low = _reduce_64(b, size)
    small = b.less(size, b.const(QUARTER_PI, form.dtype))
    zero = b.const(0.0, form.dtype)
    return b.select(small, b.const(0, form.unsigned), q), b.select(small, size, high), b.select(small, zero, low)


def _window(b: ScalarBuilder[S], offset: S, zeros: int, count: int, choices: int) -> list[S]:
    """`count` words of 64 bits of 2/pi, preceded by `zeros` zero bits, from bit `offset` < 64 * choices on."""
    bits = int(TWO_OVER_PI, 16) << (-zeros % 64)
    length = 4 * len(TWO_OVER_PI) + zeros + (-zeros % 64)
    words = [
        b.bits((bits >> (length - 64 * (position + 1))) & (2**64 - 1), uint64) for position in range(choices + count)
    ]
    number = b.shift_right(offset, b.const(6, uint64))
    step = 1 << (choices - 1).bit_length()
    while step > 1:  # a barrel shifter: each binary digit of the word's number selects words `step` further on or not
        step //= 2
        further = b.equal(b.and_(number, b.const(step, uint64)), b.const(step, uint64))
        needed = count + step  # words 0 .. count + step - 1 remain of interest to the smaller steps
        words = [
            b.select(further, words[place + step], words[place]) if place + step < len(words) else words[place]
            for place in range(min(needed, len(words)))
        ]
    shift = b.and_(offset, b.const(63, uint64))
    back = b.sub(b.const(64, uint64), shift)
    return [b.or_(b.shift_left(words[place], shift), b.shift_right(words[place + 1], back)) for place in range(count)]


def _reduce_32(b: ScalarBuilder[S], size: S) -> tuple[S, S]:
    """q and r in float64, from (2/pi) |x| mod 4 in units of 2**-62, for |x| >= pi/4 (the biased exponent e is then at
    least 126)."""
    bits = b.convert(b.bitcast(size, uint32), uint64)
    exponent = b.shift_right(bits, b.const(23, uint64))
    mantissa = b.or_(b.and_(bits, b.bits(0x7FFFFF, uint64)), b.bits(0x800000, uint64))
    # |x| = M 2**(e - 150): the first e - 152 bits of 2/pi give multiples of 4; 26 zeros keep the offset positive
    first, second = _window(b, b.sub(exponent, b.const(126, uint64)), 26, count=2, choices=3)
    low = b.shift_right(b.mul(mantissa, b.shift_right(second, b.const(32, uint64))), b.const(32, uint64))
    quadrant, fraction = _nearest_quadrant(b, b.add(b.mul(mantissa, first), low))
    r = b.mul(b.convert(fraction, float64), b.const(HALF_PI_HIGH * 2.0**-62, float64))
    return b.convert(quadrant, uint32), r


def _reduce_64(b: ScalarBuilder[S], size: S) -> tuple[S, S, S]:
    """The same with 128 bits, of which no double cancels more than 62; r in two floats."""
    bits = b.bitcast(size, uint64)
    exponent = b.shift_right(bits, b.const(52, uint64))
    mantissa = b.or_(b.and_(bits, b.bits((1 << 52) - 1, uint64)), b.bits(1 << 52, uint64))
    # |x| = M 2**(e - 1075), e >= 1022
    first, second, third = _window(b, b.sub(exponent, b.const(1022, uint64)), 55, count=3, choices=17)
    middle_high, middle_low = _multiply_wide(b, mantissa, second)
    last_high, _ = _multiply_wide(b, mantissa, third)
    low = b.add(middle_low, last_high)
    carry = b.convert(b.less(low, last_high), uint64)
    quadrant, fraction = _nearest_quadrant(b, b.add(b.add(b.mul(mantissa, first), middle_high), carry))
    # the 128-bit fraction in two doubles: 53 bits and the 63 below them
    top = b.convert(b.and_(fraction, b.bits(2**64 - 2048, int64)), float64)
    rest = b.or_(
        b.shift_left(b.and_(b.bitcast(fraction, uint64), b.bits(2047, uint64)), b.const(52, uint64)),
        b.shift_right(low, b.const(12, uint64)),
    )
    bottom = b.mul(b.convert(b.bitcast(rest, int64), float64), b.const(2.0**-52, float64))
    high, low = quick_two_sum(b, top, bottom)
    product, error = two_product(b, high, b.const(HALF_PI_HIGH * 2.0**-62, float64))
    error = b.fma(high, b.const(HALF_PI_LOW * 2.0**-62, float64), error)
    error = b.fma(low, b.const(HALF_PI_HIGH * 2.0**-62, float64), error)
    r_high, r_low = quick_two_sum(b, product, error)
    return quadrant, r_high, r_low


def _nearest_quadrant(b: ScalarBuilder[S], value: S) -> tuple[S, S]:
    """The top two bits, rounded to nearest, and the signed 62-bit rest."""
    two = b.const(62, uint64)
    quadrant = b.shift_right(b.add(value, b.bits(1 << 61, uint64)), two)
    return quadrant, b.bitcast(b.sub(value, b.shift_left(quadrant, two)), int64)


def _multiply_wide(b: ScalarBuilder[S], x: S, y: S) -> tuple[S, S]:
    """The high and low words of a 64-bit product, from four products of 32-bit halves."""
    half, mask = b.const(32, uint64), b.bits(2**32 - 1, uint64)
    x_high, x_low = b.shift_right(x, half), b.and_(x, mask)
    y_high, y_low = b.shift_right(y, half), b.and_(y, mask)
    low = b.mul(x_low, y_low)
    middle = b.add(b.mul(x_low, y_high), b.shift_right(low, half))
    other = b.add(b.mul(x_high, y_low), b.and_(middle, mask))
    high = b.add(b.add(b.mul(x_high, y_high), b.shift_right(middle, half)), b.shift_right(other, half))
    return high, b.or_(b.shift_left(other, half), b.and_(low, mask))


def _finish(b: ScalarBuilder[S], x: S, quadrant: S, high: S, low: S, sign: S) -> S:
    """sin(quadrant * pi/2 + high + low) with the sign flipped where `sign` is set; NaN where x is not finite."""
    form = format_of(b, x)
    dtype, unsigned = form.dtype, form.unsigned
    square = b.mul(high, high)
    sine, cosine = _sine(b, high, low, square, dtype), _cosine(b, high, low, square, dtype)
    odd = _is_odd(b, quadrant)
    turned = b.shift_left(b.shift_right(quadrant, b.const(1, unsigned)), b.const(dtype.bits - 1, unsigned))
    y = flip_sign(b, b.select(odd, cosine, sine), b.xor(turned, sign))
    return b.select(b.less(b.abs(x), b.const(float("inf"), dtype)), y, b.bits(form.nan, dtype))


def clockwise(b: ScalarBuilder[S], quadrant: S, high: S, low: S) -> tuple[S, S]:
    """Cosine and sine of -(quadrant pi/2 + high + low) in float64, for a uint64 quadrant and |high| <= pi/4."""
    square = b.mul(high, high)
    sine, cosine = _sine(b, high, low, square, float64), _cosine(b, high, low, square, float64)
    odd, one = _is_odd(b, quadrant), b.const(1, uint64)

    def signed(x: S, quarters: S) -> S:
        """x, or -x in the quadrants 2 and 3."""
        return flip_sign(b, x, b.shift_left(b.shift_right(quarters, one), b.const(63, uint64)))

    real = signed(b.select(odd, sine, cosine), b.add(quadrant, one))
    return real, signed(b.select(odd, cosine, sine), b.add(quadrant, b.const(2, uint64)))


def _sine(b: ScalarBuilder[S], high: S, low: S, square: S, dtype: DType) -> S:
    """high + low + high**3 S(high**2) - high**2 low / 2."""
    series = polynomial(b, square, SINE[dtype])
    if dtype == float32:
        return b.fma(b.mul(square, high), series, high)
    correction = b.fma(b.mul(square, b.const(-0.5, dtype)), low, low)
    return b.add(high, b.fma(b.mul(square, high), series, correction))


def _cosine(b: ScalarBuilder[S], high: S, low: S, square: S, dtype: DType) -> S:
    """1 - high**2 / 2 + high**4 C(high**2) - high low; in float64 the rounding error of 1 - high**2 / 2 is restored."""
    if dtype == float32:
        return polynomial(b, square, (1.0, -0.5, *COSINE[dtype]))
    return b.add(*_cosine_64(b, high, low, square))


def _cosine_64(b: ScalarBuilder[S], high: S, low: S, square: S) -> tuple[S, S]:
    """The cosine as an unrounded sum of 1 - high**2 / 2, rounded, and the rest."""
    one, half = b.const(1.0, float64), b.mul(square, b.const(0.5, float64))
    leading = b.sub(one, half)
    error = b.sub(b.sub(one, leading), half)
    series = polynomial(b, square, COSINE[float64])
    return leading, b.fma(b.mul(square, square), series, b.fma(b.neg(high), low, error))

"""rem: the exact remainder of truncated division, C's fmod.

In: x and y of one dtype. Out: x - y trunc(x / y). A float is an integer times a power of two, so with x = M 2**a and
y = N 2**c, a >= c, the remainder is ((M 2**(a - c)) mod N) 2**c: a power of two modulo N by repeated squaring, exact in
integers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic

from lazygraph.compiler.loop.scalar import S, ScalarBuilder
from lazygraph.compiler.ops.vector_math.parts import FORMATS, flip_sign, format_of, power_of_two, sign_bits
from lazygraph.runtime.dtypes import float32, float64, int64

SHIFTER = FORMATS[float64].shifter
SHIFTER_BITS = (1023 + 52 << 52) + (1 << 51)


def rem(b: ScalarBuilder[S], x: S, y: S) -> S:
    dtype = b.dtype(x)
    if dtype.is_integer:
        zero = b.const(0, dtype)
        return b.select(b.equal(y, zero), zero, b.sub(x, b.mul(b.int_div(x, y), y)))
    if dtype == float32:
        return b.convert(_fmod(b, b.convert(x, float64), b.convert(y, float64), squarings=4), float32)
    return _fmod(b, x, y, squarings=6)


def _fmod(b: ScalarBuilder[S], x: S, y: S, squarings: int) -> S:
    """fmod of float64. Exponents differ by less than 2**(squarings + 6), so the first power of two is at most 2**33."""
    form = format_of(b, x)
    size, divisor = b.abs(x), b.abs(y)
    m, a = _integer_and_exponent(b, size)
    n, c = _integer_and_exponent(b, divisor)
    zero = b.const(0, int64)
    distance = b.sub(a, c)
    distance = b.select(b.less(distance, zero), zero, distance)
    modulus = _Modulus(b, n, b.div(b.const(1.0, float64), b.convert(n, float64)))
    power = modulus.reduce(b.shift_left(b.const(1, int64), b.shift_right(distance, b.const(squarings, int64))))
    for place in reversed(range(squarings)):
        bit = b.and_(b.shift_right(distance, b.const(place, int64)), b.const(1, int64))
        power = modulus.multiply(b.shift_left(power, bit), power)
    left = modulus.least(modulus.multiply(modulus.reduce(m), power))
    # left * 2**c, exact: in two factors, each a normal power of two
    first = b.shift_right(c, b.const(1, int64))
    value = b.mul(b.convert(left, float64), power_of_two(b, first, form))
    value = b.mul(value, power_of_two(b, b.sub(c, first), form))
    value = b.select(b.less(size, divisor), size, value)
    infinity = b.const(float("inf"), float64)
    defined = b.and_(b.less(size, infinity), b.less(b.const(0.0, float64), divisor))  # NaN: not less
    return flip_sign(b, b.select(defined, value, b.bits(form.nan, float64)), sign_bits(b, x))


def _integer_and_exponent(b: ScalarBuilder[S], size: S) -> tuple[S, S]:
    """|x| = M 2**e with an integer M < 2**53 and -1074 <= e, both int64."""
    bits = b.bitcast(size, int64)
    biased = b.shift_right(bits, b.const(52, int64))
    fraction = b.and_(bits, b.bits((1 << 52) - 1, int64))
    normal = b.less(b.const(0, int64), biased)
    one = b.const(1, int64)
    m = b.select(normal, b.or_(fraction, b.bits(1 << 52, int64)), fraction)
    return m, b.sub(b.select(normal, biased, one), b.const(1075, int64))


@dataclass(frozen=True)
class _Modulus(Generic[S]):
    """Arithmetic modulo n < 2**53 on int64 residues r with |r| <= n (an n of 0 gives some number, and no trap)."""

    b: ScalarBuilder[S]
    n: S
    inverse: S  # 1 / n in float64

    def reduce(self, value: S) -> S:
        """The residue of |value| <= 2**53."""
        return self._subtract(value, self.b.mul(self.b.convert(value, float64), self.inverse))

    def multiply(self, x: S, y: S) -> S:
        """x y modulo n for |x| <= 2n, |y| <= n: the product wraps, and so does the multiple of n next to it."""
        b = self.b
        quotient = b.mul(b.mul(b.convert(x, float64), b.convert(y, float64)), self.inverse)
        return self._subtract(b.mul(x, y), quotient)

    def least(self, value: S) -> S:
        """The residue in 0 .. n - 1."""
        b = self.b
        value = b.select(b.less(value, b.const(0, int64)), b.add(value, self.n), value)
        return b.select(b.less(value, self.n), value, b.sub(value, self.n))

    def _subtract(self, value: S, quotient: S) -> S:
        """value - n round(quotient), and once more, as a quotient above 2**52 is off by a few."""
        b = self.b
        close = b.sub(value, b.mul(_rounded(b, quotient), self.n))
        rest = b.add(b.mul(b.convert(close, float64), self.inverse), b.const(SHIFTER, float64))
        return b.sub(close, b.mul(_low_bits(b, rest), self.n))


def _rounded(b: ScalarBuilder[S], number: S) -> S:
    """round(number) in int64 for |number| < 2**62; vectors have no instruction for it before AVX-512.

    Adding the shifter rounds to an integer that stands in the low bits; the number goes in halves of 32 bits.
    """
    shifter = b.const(SHIFTER, float64)
    raised = b.fma(number, b.const(2.0**-32, float64), shifter)
    rest = b.fma(b.sub(raised, shifter), b.const(-(2.0**32), float64), number)
    upper = b.shift_left(b.bitcast(raised, int64), b.const(32, int64))  # the shifter's own bits leave at the top
    return b.add(upper, _low_bits(b, b.add(rest, shifter)))


def _low_bits(b: ScalarBuilder[S], shifted: S) -> S:
    """The integer n of a float SHIFTER + n."""
    return b.sub(b.bitcast(shifted, int64), b.bits(SHIFTER_BITS, int64))

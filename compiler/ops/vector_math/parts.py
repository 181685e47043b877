"""What the functions share: formats, polynomials, signs, and sums and products with their rounding errors.

In: a `ScalarBuilder`. Out: expressions in its operations. A pair (high, low) stands for the unrounded sum high + low
with |low| <= ulp(high) / 2.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import wraps

from lazygraph.compiler.loop.scalar import S, ScalarBuilder
from lazygraph.runtime.dtypes import DType, float32, float64, int32, int64, uint32, uint64


@dataclass(frozen=True)
class Format:
    """The layout of a binary floating-point type."""

    dtype: DType
    signed: DType  # integers of the same width
    unsigned: DType
    mantissa: int  # stored bits
    bias: int
    tiny: float  # the least normal number
    splitter: float  # 2**ceil(precision / 2) + 1, Dekker's constant

    @property
    def sign_bit(self) -> int:
        return 1 << (self.dtype.bits - 1)

    @property
    def shifter(self) -> float:
        """1.5 * 2**mantissa: adding it rounds to an integer, which then stands in the low bits."""
        return 1.5 * 2.0**self.mantissa

    @property
    def nan(self) -> int:
        """The bits of the quiet NaN."""
        return ((2 * self.bias + 1) << self.mantissa) | (1 << (self.mantissa - 1))


FORMATS = {
    float32: Format(float32, int32, uint32, 23, 127, 2.0**-126, 2.0**12 + 1),
    float64: Format(float64, int64, uint64, 52, 1023, 2.0**-1022, 2.0**27 + 1),
}


def format_of(b: ScalarBuilder[S], x: S) -> Format:
    return FORMATS[b.dtype(x)]


def in_float64(function: Callable[..., S]) -> Callable[..., S]:
    """A function of float64 that takes float32 too: computed in float64 and rounded once."""

    @wraps(function)
    def either(b: ScalarBuilder[S], x: S) -> S:
        if b.dtype(x) == float64:
            return function(b, x)
        return b.convert(function(b, b.convert(x, float64)), float32)

    return either


def polynomial(b: ScalarBuilder[S], x: S, coefficients: Sequence[float]) -> S:
    """c[0] + c[1] x + c[2] x**2 + ... by Horner's rule."""
    dtype = b.dtype(x)
    total = b.const(coefficients[-1], dtype)
    for coefficient in reversed(coefficients[:-1]):
        total = b.fma(total, x, b.const(coefficient, dtype))
    return total


def sign_bits(b: ScalarBuilder[S], x: S) -> S:
    """The sign of a float as an unsigned integer: its highest bit, the others 0."""
    form = format_of(b, x)
    return b.and_(b.bitcast(x, form.unsigned), b.bits(form.sign_bit, form.unsigned))


def flip_sign(b: ScalarBuilder[S], x: S, sign: S) -> S:
    """x, negated where `sign` (from `sign_bits`) is set."""
    form = format_of(b, x)
    return b.bitcast(b.xor(b.bitcast(x, form.unsigned), sign), form.dtype)


def power_of_two(b: ScalarBuilder[S], exponent: S, form: Format) -> S:
    """2**exponent of a signed integer within the normal range of the format."""
    biased = b.add(exponent, b.const(form.bias, form.signed))
    return b.bitcast(b.shift_left(biased, b.const(form.mantissa, form.signed)), form.dtype)


def reciprocal(b: ScalarBuilder[S], x: S) -> S:
    """1/x within 1 ulp, for x in 1 .. 2**100: cheaper than a division, of which vector units finish one lane a cycle.

    r + r e (1 + e) with e = 1 - x r has the relative error e**3 (Householder's method of order 2). The first r comes
    from the bits of x: subtracting them from a constant negates the exponent and leaves an error below 0.13.
    """
    form, guess = format_of(b, x), _RECIPROCAL[b.dtype(x)]
    one = b.const(1.0, form.dtype)
    r = b.bitcast(b.sub(b.bits(guess.bits, form.unsigned), b.bitcast(x, form.unsigned)), form.dtype)
    for _ in range(guess.steps):
        error = b.fma(b.neg(x), r, one)
        r = b.fma(b.mul(r, error), b.add(error, one), r)
    return r


@dataclass(frozen=True)
class Guess:
    bits: int
    steps: int  # until the error is below half a unit: 0.13**(3**steps)


# The constants that minimise the greatest error of the first guess over one binade, by bisection.
_RECIPROCAL = {float32: Guess(0x7EF311C7, 2), float64: Guess(0x7FDE623822FC16E6, 3)}


def quick_two_sum(b: ScalarBuilder[S], x: S, y: S) -> tuple[S, S]:
    """x + y and its rounding error, for |x| >= |y| or x = 0 (Dekker 1971)."""
    total = b.add(x, y)
    return total, b.sub(y, b.sub(total, x))


def two_sum(b: ScalarBuilder[S], x: S, y: S) -> tuple[S, S]:
    """x + y and its rounding error (Knuth, The Art of Computer Programming, volume 2, 4.2.2)."""
    total = b.add(x, y)
    part = b.sub(total, x)
    return total, b.add(b.sub(x, b.sub(total, part)), b.sub(y, part))


def two_product(b: ScalarBuilder[S], x: S, y: S) -> tuple[S, S]:
    """x * y and its rounding error: one fused multiply-add, or Dekker's split of both factors into halves."""
    product = b.mul(x, y)
    if b.has_fma():
        return product, b.fma(x, y, b.neg(product))
    x_high, x_low = _split(b, x)
    y_high, y_low = _split(b, y)
    error = b.sub(b.mul(x_high, y_high), product)
    error = b.add(b.add(error, b.mul(x_high, y_low)), b.mul(x_low, y_high))
    return product, b.add(error, b.mul(x_low, y_low))


def _split(b: ScalarBuilder[S], x: S) -> tuple[S, S]:
    form = format_of(b, x)
    scaled = b.mul(x, b.const(form.splitter, form.dtype))
    high = b.sub(scaled, b.sub(scaled, x))
    return high, b.sub(x, high)

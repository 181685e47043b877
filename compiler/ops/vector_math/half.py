"""float16 and bfloat16 to and from float32 in integer arithmetic, for targets without the instruction.

In: a value of a half type or of float32. Out: the same number; rounded to nearest even where it is narrower, infinite
from half a unit past the greatest number on; subnormals are kept; NaN becomes quiet, with the sign and the upper bits
of its payload. These are the bits that x86's F16C and AArch64 give.
Source for float16: F. Giesen, "Float->half conversions" (2012, public domain).
"""

from __future__ import annotations

from lazygraph.compiler.loop.scalar import S, ScalarBuilder
from lazygraph.runtime.dtypes import DType, bfloat16, float32, float64, uint16, uint32

QUIET = 1 << 22  # of a float32 NaN
INFINITY = 0x7F800000
_REBIAS = (127 - 15) << 23


def widened(b: ScalarBuilder[S], x: S) -> S:
    """A half as float32: exact."""
    low = b.convert(b.bitcast(x, uint16), uint32)
    if b.dtype(x) == bfloat16:
        bits = b.shift_left(low, _word(b, 16))
        return b.bitcast(_quieted(b, bits), float32)
    sign = b.shift_left(b.and_(low, _word(b, 0x8000)), _word(b, 16))
    magnitude = b.shift_left(b.and_(low, _word(b, 0x7FFF)), _word(b, 13))
    normal = b.add(magnitude, _word(b, _REBIAS))
    special = b.add(normal, _word(b, _REBIAS))
    # 2**-14 * (1 + f) - 2**-14: a subnormal's fraction is that of a normal number with the least exponent
    least = _word(b, _REBIAS + (1 << 23))
    raised = b.bitcast(b.add(magnitude, least), float32)
    small = b.bitcast(b.sub(raised, b.bitcast(least, float32)), uint32)
    is_small = b.less(magnitude, _word(b, 1 << 23))
    is_special = b.less_equal(_word(b, 0x7C00 << 13), magnitude)
    bits = b.select(is_special, special, b.select(is_small, small, normal))
    return b.bitcast(_quieted(b, b.or_(bits, sign)), float32)


def narrowed(b: ScalarBuilder[S], x: S, half: DType) -> S:
    """A float32 as a half, rounded to nearest even."""
    bits = b.bitcast(x, uint32)
    found = _to_bfloat16(b, bits) if half == bfloat16 else _to_float16(b, bits)
    return b.bitcast(b.convert(found, uint16), half)


def _to_bfloat16(b: ScalarBuilder[S], bits: S) -> S:
    """The upper 16 bits; a carry into the exponent is what rounding up means there, up to infinity."""
    half_unit = b.add(_word(b, 0x7FFF), b.and_(b.shift_right(bits, _word(b, 16)), _word(b, 1)))
    nearest = b.add(bits, half_unit)
    return b.shift_right(b.select(_is_nan(b, bits), b.or_(bits, _word(b, QUIET)), nearest), _word(b, 16))


def _to_float16(b: ScalarBuilder[S], bits: S) -> S:
    magnitude = b.and_(bits, _word(b, 0x7FFFFFFF))
    sign = b.shift_right(b.xor(bits, magnitude), _word(b, 16))
    half_unit = b.add(_word(b, 0xFFF), b.and_(b.shift_right(magnitude, _word(b, 13)), _word(b, 1)))
    normal = b.shift_right(b.sub(b.add(magnitude, half_unit), _word(b, _REBIAS)), _word(b, 13))
    # Below 2**-14 adding 1/2, whose unit is 2**-24, rounds to the subnormals' unit; the sum's low bits are the result.
    half = _word(b, 126 << 23)
    raised = b.add(b.bitcast(magnitude, float32), b.bitcast(half, float32))
    small = b.sub(b.bitcast(raised, uint32), half)
    payload = b.and_(b.shift_right(magnitude, _word(b, 13)), _word(b, 0x3FF))
    nan = b.or_(payload, _word(b, 0x7E00))
    beyond = b.select(_is_nan(b, bits), nan, _word(b, 0x7C00))
    is_small = b.less(magnitude, _word(b, 113 << 23))
    is_beyond = b.less_equal(_word(b, 143 << 23), magnitude)  # from 2**16 on
    return b.or_(sign, b.select(is_beyond, beyond, b.select(is_small, small, normal)))


def rounded_to_odd(b: ScalarBuilder[S], x: S) -> S:
    """A float64 as float32, truncated, with the last bit set where that is inexact: a half rounds from it as from x."""
    single = b.convert(x, float32)
    back = b.convert(single, float64)
    one, zero = _word(b, 1), _word(b, 0)
    bits = b.bitcast(single, uint32)
    bits = b.sub(bits, b.select(b.less(b.abs(x), b.abs(back)), one, zero))
    return b.bitcast(b.or_(bits, b.select(b.equal(x, back), zero, one)), float32)


def _word(b: ScalarBuilder[S], pattern: int) -> S:
    return b.bits(pattern, uint32)


def _is_nan(b: ScalarBuilder[S], bits: S) -> S:
    return b.less(_word(b, INFINITY), b.and_(bits, _word(b, 0x7FFFFFFF)))


def _quieted(b: ScalarBuilder[S], bits: S) -> S:
    return b.select(_is_nan(b, bits), b.or_(bits, _word(b, QUIET)), bits)

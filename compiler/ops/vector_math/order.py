"""Sign, neighbour, maximum and minimum of floats, integers and bools.

In: one or two operands of equal dtype. Out: for floats NaN wherever an operand is NaN; of two zeros the second operand.
"""

from __future__ import annotations

from lazygraph.compiler.loop.scalar import S, ScalarBuilder
from lazygraph.compiler.ops.vector_math.parts import FORMATS, flip_sign, sign_bits
from lazygraph.runtime.dtypes import bfloat16, float16, float32, uint16, uint32, uint64

_UNSIGNED = {2: uint16, 4: uint32, 8: uint64}
_NAN = {float16: 0x7E00, bfloat16: 0x7FC0, **{dtype: form.nan for dtype, form in FORMATS.items()}}


def sign(b: ScalarBuilder[S], x: S) -> S:
    """1, -1 or x itself, which is a zero or NaN; -0.0 becomes 0.0 as in NumPy."""
    dtype = b.dtype(x)
    zero, one = b.const(0, dtype), b.const(1, dtype)
    if dtype.kind == "uint":
        return b.select(b.equal(x, zero), zero, one)
    rest = b.add(x, zero) if dtype.is_float else zero
    return b.select(b.less(zero, x), one, b.select(b.less(x, zero), b.neg(one), rest))


def copysign(b: ScalarBuilder[S], x: S, y: S) -> S:
    """|x| with the sign bit of y, be they zeros or NaN."""
    return flip_sign(b, b.abs(x), sign_bits(b, y))


def nextafter(b: ScalarBuilder[S], x: S, y: S) -> S:
    """The bits of floats of one sign are ordered as the floats: one more is one step away from 0. y where x = y; from a
    zero the least number with the sign of y. Halves step in their own 16 bits, and are compared as float32."""
    dtype = b.dtype(x)
    integer = _UNSIGNED[dtype.itemsize]
    bits, towards, one = b.bitcast(x, integer), b.bitcast(y, integer), b.const(1, integer)
    x, y = (b.convert(each, float32) if dtype.itemsize == 2 else each for each in (x, y))
    zero = b.const(0.0, b.dtype(x))
    outward = b.equal(b.less(x, y), b.less(zero, x))
    stepped = b.select(outward, b.add(bits, one), b.sub(bits, one))
    least = b.or_(b.and_(towards, b.bits(1 << dtype.bits - 1, integer)), one)
    stepped = b.select(b.equal(x, zero), least, stepped)
    stepped = b.select(b.equal(x, y), towards, stepped)
    ordered = b.and_(b.equal(x, x), b.equal(y, y))
    return b.bitcast(b.select(ordered, stepped, b.bits(_NAN[dtype], integer)), dtype)


def max_(b: ScalarBuilder[S], x: S, y: S) -> S:
    dtype = b.dtype(x)
    if dtype.kind == "bool":
        return b.or_(x, y)
    greater = b.select(b.less(y, x), x, y)  # y where it is NaN
    return b.select(b.equal(x, x), greater, x) if dtype.is_float else greater


def min_(b: ScalarBuilder[S], x: S, y: S) -> S:
    dtype = b.dtype(x)
    if dtype.kind == "bool":
        return b.and_(x, y)
    lesser = b.select(b.less(x, y), x, y)
    return b.select(b.equal(x, x), lesser, x) if dtype.is_float else lesser


def clamp(b: ScalarBuilder[S], x: S, low: float, high: float) -> S:
    """x within low .. high; NaN stays. One instruction per end on x86: each select is maxps or minps as it stands."""
    dtype = b.dtype(x)
    return clamp_above(b, b.select(b.less(x, b.const(low, dtype)), b.const(low, dtype), x), high)


def clamp_above(b: ScalarBuilder[S], x: S, high: float) -> S:
    dtype = b.dtype(x)
    return b.select(b.less(b.const(high, dtype), x), b.const(high, dtype), x)

"""Sign, neighbour, maximum and minimum of floats, integers and bools.

In: one or two operands of equal dtype. Out: for floats NaN wherever an operand is NaN; of two zeros the second operand.
"""

from __future__ import annotations

from lazygraph.compiler.loop.scalar import S, ScalarBuilder
from lazygraph.compiler.ops.vector_math.parts import flip_sign, format_of, sign_bits


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
    zero the least number with the sign of y."""
    form = format_of(b, x)
    zero, one = b.const(0.0, form.dtype), b.const(1, form.unsigned)
    bits = b.bitcast(x, form.unsigned)
    outward = b.equal(b.less(x, y), b.less(zero, x))
    stepped = b.bitcast(b.select(outward, b.add(bits, one), b.sub(bits, one)), form.dtype)
    stepped = b.select(b.equal(x, zero), flip_sign(b, b.bits(1, form.dtype), sign_bits(b, y)), stepped)
    stepped = b.select(b.equal(x, y), y, stepped)
    ordered = b.and_(b.equal(x, x), b.equal(y, y))
    return b.select(ordered, stepped, b.bits(form.nan, form.dtype))


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

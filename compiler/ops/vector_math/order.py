"""Sign, maximum and minimum of floats, integers and bools.

In: one or two operands of equal dtype. Out: for floats NaN wherever an operand is NaN; of two zeros the second operand.
"""

from __future__ import annotations

from lazygraph.compiler.loop.scalar import S, ScalarBuilder
from lazygraph.compiler.ops.vector_math.parts import flip_sign, sign_bits


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

"""atan, atan2, asin and acos.

In: x (for atan2 y and x). Out: angles in radians. Each is a polynomial on an interval around 0 and an identity that
leads there: atan(x) = pi/2 - atan(1/x), and asin(x) = pi/2 - 2 asin(sqrt((1 - x) / 2)). Coefficients: Remez exchange on
|x| <= 1 for atan and |x| <= 1/2 for asin minimising the relative error, each coefficient rounded in turn from the
lowest and the rest fitted again.
"""

from __future__ import annotations

from lazygraph.compiler.loop.scalar import S, ScalarBuilder
from lazygraph.compiler.ops.vector_math.circular import HALF_PI_HIGH, HALF_PI_LOW
from lazygraph.compiler.ops.vector_math.parts import flip_sign, format_of, polynomial, quick_two_sum, sign_bits
from lazygraph.runtime.dtypes import DType, float32, float64

# (pi/2 rounded to the format, pi/2 less that)
HALF_PI = {float32: (1.5707963705062866, -4.371138828673793e-08), float64: (HALF_PI_HIGH, HALF_PI_LOW)}

# atan(x) = x + x**3 (c[0] + c[1] x**2 + ...) for |x| <= 1, relative errors 2**-28.4 and 2**-57.1
ARC_TANGENT = {
    float32: (
        -0.33333298563957214,
        0.1999852955341339,
        -0.14264044165611267,
        0.10951199382543564,
        -0.08400721102952957,
        0.05791330337524414,
        -0.03113585151731968,
        0.010893052443861961,
        -0.0017889939481392503,
    ),
    float64: (
        -0.33333333333333287,
        0.19999999999990617,
        -0.1428571428504468,
        0.11111111086645828,
        -0.09090908550190076,
        0.07692299740239698,
        -0.06666583915997787,
        0.058817171243187645,
        -0.05259437693943555,
        0.04744940375625476,
        -0.04286442476693438,
        0.038211811308518105,
        -0.032790377233754275,
        0.026162567886598386,
        -0.01863231439305731,
        0.011339993964174764,
        -0.005632478026274329,
        0.002164371893001587,
        -0.0005983456192150028,
        0.00010527007748531965,
        -8.817176204563102e-06,
    ),
}
# asin(x) = x + x**3 (c[0] + c[1] x**2 + ...) for |x| <= 1/2, relative errors 2**-27.6 and 2**-55.8
ARC_SINE = {
    float32: (
        0.16666752099990845,
        0.074953094124794,
        0.04546915367245674,
        0.02418474294245243,
        0.04215838760137558,
    ),
    float64: (
        0.16666666666665408,
        0.07500000000337144,
        0.04464285682821345,
        0.030381959141960763,
        0.022371757925600803,
        0.017359706713052935,
        0.013885215604062182,
        0.012169345787288052,
        0.006527379361942687,
        0.019529938675588655,
        -0.01622694551471254,
        0.03191416103707696,
    ),
}


def atan(b: ScalarBuilder[S], x: S) -> S:
    dtype = b.dtype(x)
    size, one = b.abs(x), b.const(1.0, dtype)
    steep = b.less(one, size)
    t = b.select(steep, b.div(one, size), size)
    return flip_sign(b, _from_quarters(b, _arc_tangent(b, t), steep, steep), sign_bits(b, x))


def atan2(b: ScalarBuilder[S], y: S, x: S) -> S:
    """The angle of the point (x, y), in -pi .. pi: the octant of (|x|, |y|) unfolded. An infinity counts as a number
    beyond all others: two of them make the angle of a diagonal."""
    form = format_of(b, x)
    dtype = form.dtype
    width, height = b.abs(x), b.abs(y)
    steep = b.less(width, height)
    least, greatest = b.select(steep, width, height), b.select(steep, height, width)
    t = b.div(least, greatest)
    t = b.select(b.equal(least, b.const(float("inf"), dtype)), b.const(1.0, dtype), t)
    t = b.select(b.equal(greatest, b.const(0.0, dtype)), b.const(0.0, dtype), t)
    backward = b.equal(sign_bits(b, x), b.bits(form.sign_bit, form.unsigned))
    angle = _arc_tangent(b, t)
    ahead = _from_quarters(b, angle, steep, b.xor(steep, backward))
    straight = _turn(b, 2.0, b.neg(angle), dtype)
    result = flip_sign(b, b.select(b.and_(backward, b.not_(steep)), straight, ahead), sign_bits(b, y))
    ordered = b.and_(b.equal(x, x), b.equal(y, y))
    return b.select(ordered, result, b.bits(form.nan, dtype))


def asin(b: ScalarBuilder[S], x: S) -> S:
    """Beyond 1/2 pi/2 - 2 asin(sqrt((1 - |x|) / 2)), where the difference is exact."""
    dtype = b.dtype(x)
    s, rest, far = _half_angle(b, b.abs(x))
    high, low = HALF_PI[dtype]
    leading, error = quick_two_sum(b, b.const(high, dtype), b.mul(s, b.const(-2.0, dtype)))
    beyond = b.add(leading, b.fma(rest, b.const(-2.0, dtype), b.add(error, b.const(low, dtype))))
    return flip_sign(b, b.select(far, beyond, b.add(s, rest)), sign_bits(b, x))


def acos(b: ScalarBuilder[S], x: S) -> S:
    """pi/2 - asin(x) within 1/2, else 2 asin(sqrt((1 - |x|) / 2)) or pi less that."""
    dtype = b.dtype(x)
    s, rest, far = _half_angle(b, b.abs(x))
    angle = b.add(s, rest)
    twice = b.add(angle, angle)
    inner = _turn(b, 1.0, b.neg(flip_sign(b, angle, sign_bits(b, x))), dtype)
    negative = b.less(x, b.const(0.0, dtype))
    outer = b.select(negative, _turn(b, 2.0, b.neg(twice), dtype), twice)
    return b.select(far, outer, inner)


def _half_angle(b: ScalarBuilder[S], size: S) -> tuple[S, S, S]:
    """(s, asin(s) - s, |x| > 1/2): s is |x|, or sqrt((1 - |x|) / 2) beyond 1/2, NaN beyond 1."""
    dtype = b.dtype(size)
    half = b.const(0.5, dtype)
    far = b.less(half, size)
    square = b.select(far, b.fma(size, b.const(-0.5, dtype), half), b.mul(size, size))
    s = b.select(far, b.sqrt(square), size)
    return s, b.mul(b.mul(s, square), polynomial(b, square, ARC_SINE[dtype])), far


def _arc_tangent(b: ScalarBuilder[S], t: S) -> S:
    """atan(t) for 0 <= t <= 1."""
    square = b.mul(t, t)
    return b.fma(b.mul(t, square), polynomial(b, square, ARC_TANGENT[b.dtype(t)]), t)


def _from_quarters(b: ScalarBuilder[S], angle: S, steep: S, minus: S) -> S:
    """The angle, or pi/2 + angle where it is steep, or pi/2 - angle where besides `minus` holds."""
    signed = b.select(minus, b.neg(angle), angle)
    return b.select(steep, _turn(b, 1.0, signed, b.dtype(angle)), angle)


def _turn(b: ScalarBuilder[S], quarters: float, angle: S, dtype: DType) -> S:
    """quarters * pi/2 + angle."""
    high, low = HALF_PI[dtype]
    return b.add(b.const(quarters * high, dtype), b.add(angle, b.const(quarters * low, dtype)))

"""lgamma and digamma.

In: x. Out: log|gamma(x)| and its derivative. Both bring |x| to a base in 1 .. 3, or keep it where it is at least 8 and
Stirling's series serves: 3 .. 8 goes down to 2 .. 3 by gamma(x) = (x - 1) gamma(x - 1), where all terms have one sign,
and a number below 1 is taken as gamma(1 + x) / x. On the base the result is a polynomial times the factors of its
roots, so that its digits next to a root are right. Negative x are reflected: gamma(-a) gamma(1 + a) =
-pi / sin(pi a). float32 goes by way of float64. Coefficients: interpolation at Chebyshev nodes of the ratio to the
factors in front, rounded. Sources: NIST Handbook of Mathematical Functions, sections 5.5 and 5.11.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic

from lazygraph.compiler.loop.scalar import S, ScalarBuilder
from lazygraph.compiler.ops.vector_math.logarithm import log
from lazygraph.compiler.ops.vector_math.order import clamp, clamp_above
from lazygraph.compiler.ops.vector_math.parts import format_of, in_float64, polynomial
from lazygraph.runtime.dtypes import float64

MOST = float(float64.limits.max)
STIRLING_FROM = 8  # the series in 1 / x**2 serve from here on
HALF_LOG_TWO_PI = 0.9189385332046728
# lgamma(2 + t) = t (1 + t) (c[0] + c[1] t + ...) for |t| <= 1, relative error 2**-55.0
LOG_GAMMA = (
    0.42278433509846713,
    -0.1003173016743539,
    0.032965000621155816,
    -0.012384192193374183,
    0.004998641164698706,
    -0.0021081308338353785,
    0.0009153769221939477,
    -0.0004057073998333553,
    0.00018255264018626728,
    -8.309510094797398e-05,
    3.8168877217049974e-05,
    -1.7661849545809686e-05,
    8.22227252824938e-06,
    -3.8465374565754054e-06,
    1.8077244952477939e-06,
    -8.554195306752008e-07,
    4.0491176292722286e-07,
    -1.8624721164419038e-07,
    8.858800462314761e-08,
    -5.1889381335192836e-08,
    2.4876913129422816e-08,
    -9.172949166290702e-10,
    3.821541398410965e-10,
    -8.87711600370437e-09,
    4.305220610785349e-09,
    2.444386936885692e-09,
    -1.1901740908188623e-09,
    -8.152852870624974e-10,
    3.9592899392841773e-10,
)
# x (lgamma(x) - ((x - 1/2) log(x) - x + log(2 pi) / 2)) = c[0] + c[1] / x**2 + ... for 8 <= x, relative error 2**-53.9
STIRLING = (
    0.08333333333333333,
    -0.002777777777773988,
    0.0007936507897524059,
    -0.0005952365845057049,
    0.0008414700852503147,
    -0.001890382993887715,
    0.005065905360156132,
)
# The root of digamma, in two floats, and digamma(2 + t) = (2 + t - ROOT) (c[0] + c[1] t + ...) for |t| <= 1, relative
# error 2**-53.4
ROOT, ROOT_LOW = 1.4616321449683622, 9.549995429965697e-17
DIGAMMA = (
    0.7853075386041053,
    -0.2607389546830014,
    0.10899991701762841,
    -0.04955103291766767,
    0.023447309597562315,
    -0.011338432553553088,
    0.005552254176163854,
    -0.002739572878878444,
    0.001358142115660262,
    -0.0006753134172771423,
    0.00033643307392409804,
    -0.00016781485745549608,
    8.377541533754836e-05,
    -4.1847758637407615e-05,
    2.090944279433702e-05,
    -1.043615113408139e-05,
    5.216485445131201e-06,
    -2.6450069563210817e-06,
    1.322327646207658e-06,
    -5.878282013270488e-07,
    2.938946209899294e-07,
    -2.5162239592946485e-07,
    1.258090299216334e-07,
    4.46741085718643e-08,
    -2.2337287908168016e-08,
    -6.628736705562654e-08,
    3.314365249205256e-08,
    2.0501183895194647e-08,
    -1.0250592958849892e-08,
    -5.4669888399440215e-09,
    2.7334936115473567e-09,
)
# x**2 (log(x) - 1 / (2 x) - digamma(x)) = c[0] + c[1] / x**2 + ... for 8 <= x, relative error 2**-53.9
ASYMPTOTIC = (
    0.08333333333333333,
    -0.008333333333331664,
    0.003968253965999701,
    -0.004166665501516725,
    0.007575459920369176,
    -0.02105106090804774,
    0.08002337465397756,
    -0.299425370626735,
)
# sin(pi r) / pi = r (c[0] + c[1] r**2 + ...) for |r| <= 1/2, relative error 2**-56.2
SINE = (
    1.0,
    -1.6449340668482264,
    0.8117424252833536,
    -0.19075182412208255,
    0.026147847817611935,
    -0.002346081034815316,
    0.0001484287872033628,
    -6.975840829271595e-06,
    2.5300985563134005e-07,
    -7.0931258816238045e-09,
)
# pi r cot(pi r) = c[0] + c[1] r**2 + ... for |r| <= 1/2, absolute error 2**-53.9
COTANGENT = (
    1.0,
    -3.289868133696403,
    -2.1646464674371577,
    -2.034686122223896,
    -2.0081548192608167,
    -2.001985221658275,
    -2.0005860738980754,
    -1.9985909241396362,
    -2.01757120800584,
    -1.8569926328744886,
    -2.8304611339513164,
    1.3837144431658985,
    -11.319882625220572,
    14.009136332706397,
    -16.010441564381928,
)


@dataclass(frozen=True)
class _Base(Generic[S]):
    """|x| brought to 2 + t with |t| <= 1."""

    size: S  # |x|
    t: S
    below: S  # size < 1, and 2 + t is size + 1
    far: S  # STIRLING_FROM <= size, and t is of no use
    steps: S  # how many times 1 was taken away
    whole: S  # 1 + t, exact: size itself below 1


def _base(b: ScalarBuilder[S], x: S) -> _Base[S]:
    one, three = b.const(1.0, float64), b.const(3.0, float64)
    size = b.abs(x)
    below, far = b.less(size, one), b.less_equal(b.const(float(STIRLING_FROM), float64), size)
    bounded = clamp_above(b, size, float(STIRLING_FROM))
    steps = b.select(b.less(bounded, three), b.const(0.0, float64), b.sub(b.floor(bounded), b.const(2.0, float64)))
    t = b.select(below, b.sub(size, one), b.sub(b.sub(bounded, steps), b.const(2.0, float64)))
    whole = b.select(below, size, b.add(one, t))
    return _Base(size, t, below, far, steps, whole)


def _distance(b: ScalarBuilder[S], size: S) -> S:
    """|size - round(size)|, exact: at most 1/2, and 0 from 2**52 on."""
    return b.abs(b.sub(size, b.round_even(size)))


@in_float64
def lgamma(b: ScalarBuilder[S], x: S) -> S:
    """Of a negative x: log(pi / |x sin(pi x)|) - lgamma(|x|), below 1 log(pi / |sin(pi x)|) - lgamma(1 + |x|)."""
    one, infinity = b.const(1.0, float64), b.const(float("inf"), float64)
    base = _base(b, x)
    size, negative = base.size, b.less(x, b.const(0.0, float64))
    near = b.mul(b.mul(base.t, base.whole), polynomial(b, base.t, LOG_GAMMA))
    factors = one
    for step in range(STIRLING_FROM - 3):  # (2 + t) (3 + t) ...
        factor = b.mul(factors, b.add(base.t, b.const(2.0 + step, float64)))
        factors = b.select(b.less(b.const(float(step), float64), base.steps), factor, factors)
    # Two logarithms: that of |x| far out or of the factors, and that of what is divided by.
    logarithm = log(b, b.select(base.far, size, factors))
    inverse = b.div(one, clamp(b, size, float(STIRLING_FROM), MOST))
    series = b.fma(inverse, polynomial(b, b.mul(inverse, inverse), STIRLING), b.const(HALF_LOG_TWO_PI - 0.5, float64))
    far = b.fma(b.sub(size, b.const(0.5, float64)), b.sub(logarithm, one), series)
    positive = b.select(base.far, far, b.add(near, logarithm))
    distance = _distance(b, size)
    sine = b.mul(distance, polynomial(b, b.mul(distance, distance), SINE))
    divisor = b.select(negative, b.mul(sine, b.select(base.below, one, size)), b.select(base.below, size, one))
    y = b.sub(b.select(negative, b.neg(positive), positive), log(b, divisor))
    pole = b.or_(b.and_(negative, b.equal(distance, b.const(0.0, float64))), b.equal(base.size, infinity))
    y = b.select(pole, infinity, y)
    return b.select(b.equal(x, x), y, x)


@in_float64
def digamma(b: ScalarBuilder[S], x: S) -> S:
    """digamma(-a) = digamma(1 + a) + pi cot(pi a), where digamma(1 + a) = digamma(a) + 1 / a."""
    zero, one, infinity = (b.const(number, float64) for number in (0.0, 1.0, float("inf")))
    base = _base(b, x)
    negative = b.less(x, zero)
    from_root = b.add(b.add(base.t, b.const(2.0 - ROOT, float64)), b.const(-ROOT_LOW, float64))
    near = b.mul(from_root, polynomial(b, base.t, DIGAMMA))
    # 1 / (2 + t) + 1 / (3 + t) + ... as one fraction
    over, under = zero, one
    for step in range(STIRLING_FROM - 3):
        factor = b.add(base.t, b.const(2.0 + step, float64))
        taken = b.less(b.const(float(step), float64), base.steps)
        over = b.select(taken, b.fma(over, factor, under), over)
        under = b.select(taken, b.mul(under, factor), under)
    bounded = clamp(b, base.size, float(STIRLING_FROM), MOST)
    inverse = b.div(one, bounded)
    square = b.mul(inverse, inverse)
    series = b.fma(square, polynomial(b, square, ASYMPTOTIC), b.mul(inverse, b.const(0.5, float64)))
    far = b.sub(log(b, bounded), series)
    # What is added besides: the fraction, and 1 / |x| of a negative x that is not below 1
    lifted = b.and_(negative, b.not_(base.below))
    over, under = b.select(base.far, zero, over), b.select(base.far, one, under)
    over = b.select(lifted, b.fma(over, base.size, under), over)
    under = b.select(lifted, b.mul(under, base.size), under)
    positive = b.add(b.select(base.far, far, near), b.div(over, under))
    offset = b.sub(base.size, b.round_even(base.size))
    cotangent = b.div(polynomial(b, b.mul(offset, offset), COTANGENT), offset)
    pole = b.div(one, b.select(negative, one, base.size))
    y = b.add(positive, b.select(negative, cotangent, b.select(base.below, b.neg(pole), zero)))
    y = b.select(b.and_(negative, b.equal(offset, zero)), b.bits(format_of(b, x).nan, float64), y)
    y = b.select(b.equal(x, zero), b.neg(b.div(one, x)), y)
    return b.select(b.less(b.abs(x), infinity), y, b.select(negative, b.sub(x, x), x))

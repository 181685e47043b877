"""erfc and the inverses of erf and erfc.

In: x. Out: erfc(x) = 1 - erf(x), from 1 on as e**(-x**2) P(t) / (1 + 2 x) with t = (x - 4) / (x + 4) (M. Shepherd, J.
Laframboise, Chebyshev approximation of (1 + 2x) exp(x**2) erfc x, Mathematics of Computation 36, 1981), and the y with
erf(y) = x: a short polynomial in log(1 - x**2) (M. Giles, Approximating the erfinv function, GPU Computing Gems, 2011)
and one step of Halley's method, which triples its correct digits. float32 goes by way of float64. Coefficients: Remez
exchange minimising the relative error, rounded.
"""

from __future__ import annotations

import math

from lazygraph.compiler.loop.scalar import S, ScalarBuilder
from lazygraph.compiler.ops.vector_math.error_function import ERROR_FUNCTION
from lazygraph.compiler.ops.vector_math.exponential import exp, exp_pair
from lazygraph.compiler.ops.vector_math.logarithm import log
from lazygraph.compiler.ops.vector_math.order import clamp
from lazygraph.compiler.ops.vector_math.parts import (
    flip_sign,
    format_of,
    in_float64,
    polynomial,
    quick_two_sum,
    sign_bits,
    two_product,
)
from lazygraph.runtime.dtypes import float64

# P(t) for 0.45 <= x <= 28 with what the rounding of P(0) left off, relative error 2**-56.4
SCALED = (
    1.2329951186255526,
    -0.1396211168405625,
    0.015379652102618775,
    0.06809705425469158,
    -0.10103906603623823,
    0.09373283499840032,
    -0.06633036581397445,
    0.037167515536371744,
    -0.016197734033896245,
    0.00503196999178002,
    -0.000757773478288796,
    -0.00019925680036676416,
    0.0001506226164865682,
    -2.4398689218527393e-05,
    -1.1225038446482858e-05,
    5.708008503975224e-06,
    3.000227139130369e-07,
    -8.217169784713845e-07,
    6.663529698470922e-08,
    1.05049885883924e-07,
    -1.2085929680494673e-08,
    -1.027334600349553e-08,
)
# erf_inv(x) = x (c[0] + c[1] (w - CENTRE) + ...) for w = -log(1 - x**2) < FAR, else, up to the greatest x below 1,
# c[0] + c[1] (sqrt(w) - OUTER_CENTRE) + ...; relative errors 2**-21.8 and 2**-20.7
CENTRE, FAR, OUTER_CENTRE = 2.5, 5.0, 4.0
CENTRAL = (
    1.5014091795496671,
    0.24664142010471438,
    -0.00417625862761694,
    -0.0012546310419816356,
    0.00021733589401880037,
    -4.094277651035683e-06,
    -3.1858646469095865e-06,
    3.156378557657954e-07,
)
OUTER = (
    3.8397849113574405,
    1.0094884552632428,
    0.001241299248021612,
    -0.0008366051556101411,
    0.00031026233963650604,
    -9.844675548583519e-05,
    1.7312695177835496e-05,
    -3.4971783993407737e-07,
)
# erfc_inv(q) = s (c[0] + c[1] / s + ...) for s = sqrt(-log(q (2 - q))) from FARTHEST on, relative error 2**-23.3
FARTHEST = 6.0
EXTREME = (
    1.0001149875003368,
    -0.017061011290339444,
    -1.4488375144959733,
    7.396111782261343,
    -29.65280562102889,
    80.98334394185848,
    -100.27879515293347,
)
SCALED_LOW = -4.3198499997310585e-17
UNDERFLOW = 28.0  # erfc(x) is 0 above


@in_float64
def erfc(b: ScalarBuilder[S], x: S) -> S:
    one, two, half = (b.const(number, float64) for number in (1.0, 2.0, 0.5))
    size = b.abs(x)
    inner = clamp(b, x, -0.5, 0.5)
    erf, erf_low = quick_two_sum(b, inner, _erf_less(b, inner))
    near, near_low = quick_two_sum(b, one, b.neg(erf))
    near = b.add(near, b.sub(near_low, erf_low))
    _, far = _tail(b, clamp(b, size, 0.5, UNDERFLOW))
    far = b.select(b.less(x, b.const(0.0, float64)), b.sub(two, far), far)
    return b.select(b.less(size, half), near, far)


def _erf_less(b: ScalarBuilder[S], x: S) -> S:
    """erf(x) - x for |x| <= 1."""
    return b.mul(x, polynomial(b, b.mul(x, x), ERROR_FUNCTION[float64].near))


def _tail(b: ScalarBuilder[S], x: S) -> tuple[S, S]:
    """(e**(-x**2), erfc(x)) for 0.5 <= x <= UNDERFLOW: P(t) / (1 + 2 x) in two floats, the product rounded once."""
    one, four = b.const(1.0, float64), b.const(4.0, float64)
    square, square_low = two_product(b, x, x)
    power = exp_pair(b, b.neg(square), b.neg(square_low))
    t = b.div(b.sub(x, four), b.add(x, four))
    p, p_low = quick_two_sum(b, b.const(SCALED[0], float64), b.mul(t, polynomial(b, t, SCALED[1:])))
    p_low = b.add(p_low, b.const(SCALED_LOW, float64))
    d, d_low = quick_two_sum(b, b.add(x, x), one)
    ratio = b.div(p, d)
    product, error = two_product(b, ratio, d)
    rest = b.add(b.sub(b.sub(p, product), error), b.fma(b.neg(ratio), d_low, p_low))
    result, error = two_product(b, power, ratio)
    return power, b.add(result, b.fma(power, b.div(rest, d), error))


@in_float64
def erf_inv(b: ScalarBuilder[S], x: S) -> S:
    """With e = (erf(y) - x) / erf'(y) the step is y - e / (1 + y e); erf(y) - x is (y - x) + (erf(y) - y), whose first
    difference is exact, and next to 1 it is (1 - x) - erfc(y)."""
    one = b.const(1.0, float64)
    size = b.abs(x)
    inner = b.select(b.less(size, one), size, b.const(0.0, float64))
    y, _ = _guess(b, inner, b.sub(one, inner))
    near = b.less(inner, b.const(0.84, float64))  # erf(1) = 0.8427
    short = b.select(near, y, one)
    power, complement = _tail(b, clamp(b, y, 0.5, UNDERFLOW))
    power = b.select(near, exp(b, b.neg(b.mul(short, short))), power)
    rest = b.sub(b.sub(one, inner), complement)
    rest = b.select(near, b.add(b.sub(short, inner), _erf_less(b, short)), rest)
    y = _halley(b, y, rest, power)
    ends = b.select(b.equal(size, one), b.const(float("inf"), float64), b.bits(format_of(b, x).nan, float64))
    return flip_sign(b, b.select(b.less(size, one), y, ends), sign_bits(b, x))


def _guess(b: ScalarBuilder[S], inner: S, rest: S) -> tuple[S, S]:
    """erf_inv(inner) for inner = 1 - rest, to 20 bits where rest >= 2**-53, and s = sqrt(-log(1 - inner**2))."""
    w = b.neg(log(b, b.mul(rest, b.add(b.const(1.0, float64), inner))))
    root = b.sqrt(w)
    central = b.mul(inner, polynomial(b, b.sub(w, b.const(CENTRE, float64)), CENTRAL))
    outer = polynomial(b, b.sub(root, b.const(OUTER_CENTRE, float64)), OUTER)
    return b.select(b.less(w, b.const(FAR, float64)), central, outer), root


def _halley(b: ScalarBuilder[S], y: S, rest: S, power: S) -> S:
    """One step from y, where erf(y) is off by `rest` and e**(-y**2) is `power`."""
    error = b.div(rest, b.mul(power, b.const(2 / math.sqrt(math.pi), float64)))
    return b.sub(y, b.div(error, b.fma(y, error, b.const(1.0, float64))))


@in_float64
def erfc_inv(b: ScalarBuilder[S], p: S) -> S:
    """erfc_inv(2 - q) = -erfc_inv(q). For q >= 1/2 it is erf_inv(1 - q), whose operand is exact; below, the step is
    taken on log(erfc(y)) = log(e**(y**2) erfc(y)) - y**2, which does not underflow: with g = log(erfc(y)) - log(q) and
    its derivative -k it adds g / (k + g (k - 2 y) / 2)."""
    zero, one, two, half = (b.const(number, float64) for number in (0.0, 1.0, 2.0, 0.5))
    upper = b.less(one, p)
    q = b.select(upper, b.sub(two, p), p)
    inside = b.and_(b.less(zero, q), b.less_equal(q, one))
    q = b.select(inside, q, one)
    inner = b.sub(one, q)
    y, root = _guess(b, inner, q)
    central = b.select(b.less(q, half), zero, inner)
    short = b.select(b.less(q, half), zero, y)
    near = _halley(b, short, b.add(b.sub(short, central), _erf_less(b, short)), exp(b, b.neg(b.mul(short, short))))
    farthest = b.mul(root, polynomial(b, b.div(one, clamp(b, root, FARTHEST, 2 * UNDERFLOW)), EXTREME))
    y = b.select(b.less(root, b.const(FARTHEST, float64)), y, farthest)
    y = clamp(b, y, 0.45, UNDERFLOW)
    t = b.div(b.sub(y, b.const(4.0, float64)), b.add(y, b.const(4.0, float64)))
    scaled = b.div(polynomial(b, t, SCALED), b.add(b.add(y, y), one))
    g = b.sub(b.sub(log(b, scaled), log(b, q)), b.mul(y, y))
    k = b.div(b.const(2 / math.sqrt(math.pi), float64), scaled)
    step = b.div(g, b.fma(b.mul(g, half), b.sub(k, b.add(y, y)), k))
    y = b.select(b.less(q, half), b.add(y, step), near)
    ends = b.select(
        b.or_(b.equal(p, zero), b.equal(p, two)), b.const(float("inf"), float64), b.bits(format_of(b, p).nan, float64)
    )
    y = b.select(inside, y, ends)
    return b.select(upper, b.neg(y), y)

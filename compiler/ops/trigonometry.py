"""The tangent, the inverse circular functions, and the hyperbolic functions but for tanh, which networks need.

In: nothing. Out: `Op`s in the table. The mathematics of the lowerings is in `vector_math`; float32 and float64 results
are within 2 units in the last place over the full range.
"""

from __future__ import annotations

import numpy as np

from lazygraph.compiler.ir.graph import Value
from lazygraph.compiler.ops import domains, vector_math
from lazygraph.compiler.ops.complex_math import rule
from lazygraph.compiler.ops.elementwise import FLOATS, binary, through_float64, unary
from lazygraph.compiler.ops.record import OPS, Op, full


def _legs(x: Value) -> Value:
    """sqrt(1 - x**2), by factors: 1 - x**2 cancels next to 1."""
    result: Value = OPS["sqrt"]((1.0 - x) * (1.0 + x))
    return result


tan = unary(
    "tan",
    "The tangent, of an argument of any size; NaN of an infinity. Derivative 1 + tan**2.",
    reference=through_float64(np.tan),
    jvp=lambda x, out, d: d * (1.0 + out * out),
    lower=vector_math.tan,
    dtypes=FLOATS,
    domain=domains.ranges(domains.SWEPT_FLOATS, (-20, 20), smooth=((-1, 1),)),
    ulp=2,
    on_complex=rule.TAN,
)

asin = unary(
    "asin",
    "The angle in -pi/2 .. pi/2 whose sine is x; NaN beyond 1.",
    reference=through_float64(np.arcsin),
    jvp=lambda x, out, d: d / _legs(x),
    lower=vector_math.asin,
    dtypes=FLOATS,
    domain=domains.ranges(domains.SWEPT_FLOATS, (-1, 1), smooth=((-0.8, 0.8),)),
    ulp=2,
    on_complex=rule.ASIN,
)

acos = unary(
    "acos",
    "The angle in 0 .. pi whose cosine is x; NaN beyond 1.",
    reference=through_float64(np.arccos),
    jvp=lambda x, out, d: -d / _legs(x),
    lower=vector_math.acos,
    dtypes=FLOATS,
    domain=domains.ranges(domains.SWEPT_FLOATS, (-1, 1), smooth=((-0.8, 0.8),)),
    ulp=2,
    on_complex=rule.ACOS,
)

atan = unary(
    "atan",
    "The angle in -pi/2 .. pi/2 whose tangent is x.",
    reference=through_float64(np.arctan),
    jvp=lambda x, out, d: d / (1.0 + x * x),
    lower=vector_math.atan,
    dtypes=FLOATS,
    domain=domains.ranges(domains.SWEPT_FLOATS, (-9, 9), smooth=((-3, 3),)),
    ulp=2,
    on_complex=rule.ATAN,
)


def _turned(y: Value, x: Value, leg: Value, d: Value) -> Value:
    """leg * d / (x**2 + y**2), divided by the greater of |x| and |y| twice: the squares neither over- nor underflow.
    0 at the origin, where the angle has no slope."""
    size = OPS["max"](OPS["abs"](x), OPS["abs"](y))
    at_origin = OPS["eq"](size, full(size.type, 0.0))
    size = OPS["select"](at_origin, full(size.type, 1.0), size)
    u, v = x / size, y / size
    square = OPS["select"](at_origin, full(size.type, 1.0), u * u + v * v)
    result: Value = d * ((leg / size) / square / size)
    return result


atan2 = binary(
    "atan2",
    "The angle in -pi .. pi of the point (x, y), operands y and x, by C's special cases.",
    reference=through_float64(np.arctan2),
    jvp=(
        lambda y, x, out, d: _turned(y, x, x, d),
        lambda y, x, out, d: _turned(y, x, -y, d),
    ),
    lower=vector_math.atan2,
    dtypes=FLOATS,
    domain=domains.ranges(domains.SWEPT_FLOATS, (-9, 9), (-9, 9), smooth=((0.5, 3), (-3, 3))),
    ulp=2,
)


# --- hyperbolic functions ---------------------------------------------------------------------------------------------

sinh = unary(
    "sinh",
    "The hyperbolic sine, (e**x - e**-x) / 2.",
    reference=through_float64(np.sinh),
    jvp=lambda x, out, d: d * cosh(x),
    lower=vector_math.sinh,
    dtypes=FLOATS,
    domain=domains.ranges(domains.SWEPT_FLOATS, (-90, 90), smooth=((-2, 2),)),
    ulp=2,
    on_complex=rule.SINH,
)

cosh: Op = unary(
    "cosh",
    "The hyperbolic cosine, (e**x + e**-x) / 2.",
    reference=through_float64(np.cosh),
    jvp=lambda x, out, d: d * sinh(x),
    lower=vector_math.cosh,
    dtypes=FLOATS,
    domain=domains.ranges(domains.SWEPT_FLOATS, (-90, 90), smooth=((-2, 2),)),
    ulp=2,
    on_complex=rule.COSH,
)


def _diagonal(x: Value) -> Value:
    """sqrt(1 + x**2) where the square overflows too: m sqrt(1/m**2 + (x/m)**2) with m = max(1, |x|)."""
    if x.dtype.is_complex:
        squared: Value = OPS["sqrt"](1.0 + x * x)
        return squared
    m = OPS["max"](OPS["abs"](x), full(x.type, 1.0))
    u, v = 1.0 / m, x / m
    result: Value = m * OPS["sqrt"](u * u + v * v)
    return result


asinh = unary(
    "asinh",
    "The number whose hyperbolic sine is x.",
    reference=through_float64(np.arcsinh),
    jvp=lambda x, out, d: d / _diagonal(x),
    lower=vector_math.asinh,
    dtypes=FLOATS,
    domain=domains.ranges(domains.SWEPT_FLOATS, (-9, 9), smooth=((-3, 3),)),
    ulp=2,
    on_complex=rule.ASINH,
)

acosh = unary(
    "acosh",
    "The number from 0 up whose hyperbolic cosine is x; NaN below 1.",
    reference=through_float64(np.arccosh),
    jvp=lambda x, out, d: d / (OPS["sqrt"](x - 1.0) * OPS["sqrt"](x + 1.0)),
    lower=vector_math.acosh,
    dtypes=FLOATS,
    domain=domains.ranges(domains.SWEPT_FLOATS, (1, 9), smooth=((1.5, 4),)),
    ulp=2,
    on_complex=rule.ACOSH,
)

atanh = unary(
    "atanh",
    "The number whose hyperbolic tangent is x; infinite at 1 and -1, NaN beyond.",
    reference=through_float64(np.arctanh),
    jvp=lambda x, out, d: d / ((1.0 - x) * (1.0 + x)),
    lower=vector_math.atanh,
    dtypes=FLOATS,
    domain=domains.ranges(domains.SWEPT_FLOATS, (-1, 1), smooth=((-0.8, 0.8),)),
    ulp=2,
    on_complex=rule.ATANH,
)

"""Elementary functions: roots, exponentials, logarithms, circular and hyperbolic functions, the error function, powers.

In: nothing. Out: `Op`s in the table. The mathematics of the lowerings is in `vector_math`, which calls no library;
float32 and float64 results are within 2 units in the last place over the full range.
"""

from __future__ import annotations

import math

import numpy as np

from lazygraph.compiler.ir.graph import Value
from lazygraph.compiler.ops import domains, vector_math
from lazygraph.compiler.ops.complex_math import rule
from lazygraph.compiler.ops.elementwise import FLOATS, NUMBERS, binary, one_by_one, quiet, through_float64, unary
from lazygraph.compiler.ops.record import OPS, Domain, Op, full
from lazygraph.runtime.dtypes import DType

sqrt = unary(
    "sqrt",
    "The square root, correctly rounded; NaN below 0.",
    reference=quiet(np.sqrt),
    jvp=lambda x, out, d: d * (0.5 / out),
    lower=lambda b, x: b.sqrt(x),
    dtypes=FLOATS,
    domain=domains.ranges(domains.SWEPT_FLOATS, (0, 9), smooth=((0.5, 3),)),
    on_complex=rule.SQRT,
)

exp = unary(
    "exp",
    "e**x.",
    reference=through_float64(np.exp),
    jvp=lambda x, out, d: d * out,
    lower=vector_math.exp,
    dtypes=FLOATS,
    domain=domains.ranges(domains.SWEPT_FLOATS, (-90, 90), smooth=((-2, 2),)),
    ulp=2,
    on_complex=rule.EXP,
)

expm1 = unary(
    "expm1",
    "e**x - 1, accurate near 0. Its derivative is exp(x), not out + 1, which cancels for x << 0.",
    reference=through_float64(np.expm1),
    jvp=lambda x, out, d: d * exp(x),
    lower=vector_math.expm1,
    dtypes=FLOATS,
    domain=domains.ranges(domains.SWEPT_FLOATS, (-20, 20), smooth=((-2, 2),)),
    ulp=2,
    on_complex=rule.EXPM1,
)

log = unary(
    "log",
    "The natural logarithm: -inf at 0, NaN below.",
    reference=through_float64(np.log),
    jvp=lambda x, out, d: d / x,
    lower=vector_math.log,
    dtypes=FLOATS,
    domain=domains.ranges(domains.SWEPT_FLOATS, (0, 9), smooth=((0.5, 3),)),
    ulp=2,
    on_complex=rule.LOG,
)

log1p = unary(
    "log1p",
    "log(1 + x), accurate near 0.",
    reference=through_float64(np.log1p),
    jvp=lambda x, out, d: d / (1.0 + x),
    lower=vector_math.log1p,
    dtypes=FLOATS,
    domain=domains.ranges(domains.SWEPT_FLOATS, (-1, 9), smooth=((-0.5, 3),)),
    ulp=2,
    on_complex=rule.LOG1P,
)

sin = unary(
    "sin",
    "The sine, of an argument of any size; NaN of an infinity.",
    reference=through_float64(np.sin),
    jvp=lambda x, out, d: d * cos(x),
    lower=vector_math.sin,
    dtypes=FLOATS,
    domain=domains.ranges(domains.SWEPT_FLOATS, (-20, 20), smooth=((-3, 3),)),
    ulp=2,
    on_complex=rule.SIN,
)

cos: Op = unary(
    "cos",
    "The cosine, of an argument of any size; NaN of an infinity.",
    reference=through_float64(np.cos),
    jvp=lambda x, out, d: d * -sin(x),
    lower=vector_math.cos,
    dtypes=FLOATS,
    domain=domains.ranges(domains.SWEPT_FLOATS, (-20, 20), smooth=((-3, 3),)),
    ulp=2,
    on_complex=rule.COS,
)

tanh = unary(
    "tanh",
    "The hyperbolic tangent. Derivative (1 - tanh) * (1 + tanh).",
    reference=through_float64(np.tanh),
    jvp=lambda x, out, d: d * ((1.0 - out) * (1.0 + out)),
    lower=vector_math.tanh,
    dtypes=FLOATS,
    domain=domains.ranges(domains.SWEPT_FLOATS, (-9, 9), smooth=((-2, 2),)),
    ulp=2,
    on_complex=rule.TANH,
)


erf = unary(
    "erf",
    "The error function, 2 / sqrt(pi) times the integral of e**(-t**2) from 0 to x.",
    reference=one_by_one(math.erf),
    jvp=lambda x, out, d: d * (exp(-(x * x)) * (2 / math.sqrt(math.pi))),
    lower=vector_math.erf,
    dtypes=FLOATS,
    domain=domains.ranges(domains.SWEPT_FLOATS, (-6, 6), smooth=((-2, 2),)),
    ulp=2,
)

exp2 = unary(
    "exp2",
    "2**x, exact for integers.",
    reference=through_float64(np.exp2),
    jvp=lambda x, out, d: d * (out * math.log(2)),
    lower=vector_math.exp2,
    dtypes=FLOATS,
    domain=domains.ranges(domains.SWEPT_FLOATS, (-130, 130), smooth=((-2, 2),)),
    ulp=2,
)

log2 = unary(
    "log2",
    "The logarithm to base 2, exact for powers of 2: -inf at 0, NaN below.",
    reference=through_float64(np.log2),
    jvp=lambda x, out, d: d * ((1 / math.log(2)) / x),
    lower=vector_math.log2,
    dtypes=FLOATS,
    domain=domains.ranges(domains.SWEPT_FLOATS, (0, 9), smooth=((0.5, 3),)),
    ulp=2,
)

log10 = unary(
    "log10",
    "The logarithm to base 10, exact for powers of 10: -inf at 0, NaN below.",
    reference=through_float64(np.log10),
    jvp=lambda x, out, d: d * ((1 / math.log(10)) / x),
    lower=vector_math.log10,
    dtypes=FLOATS,
    domain=domains.ranges(domains.SWEPT_FLOATS, (0, 9), smooth=((0.5, 3),)),
    ulp=2,
)

cbrt = unary(
    "cbrt",
    "The cube root, negative for a negative x.",
    reference=through_float64(np.cbrt),
    jvp=lambda x, out, d: d / (3.0 * (out * out)),
    lower=vector_math.cbrt,
    dtypes=FLOATS,
    domain=domains.ranges(domains.SWEPT_FLOATS, (-9, 9), smooth=((0.5, 3),)),
    ulp=2,
)

# --- pow --------------------------------------------------------------------------------------------------------------


def _power(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Floats as NumPy does; integers wrap, and x**-n is 1 / x**n truncated (0 at x = 0)."""
    if x.dtype.kind == "f":
        return np.asarray(np.power(x.astype(np.float64), y.astype(np.float64)), x.dtype)
    zero, one = x.dtype.type(0), x.dtype.type(1)
    exponent = np.maximum(y, zero)
    result, square = np.full_like(x, one), x.copy()
    for _ in range(8 * x.dtype.itemsize):
        result = np.where(exponent & one, result * square, result)
        square, exponent = square * square, exponent >> one
    parity = np.where(y & one, x, one)  # (-1)**y for x = -1, 1 for x = 1
    return np.asarray(np.where(y < 0, np.where((x == one) | (x == zero - one), parity, zero), result))


def _pow_along_base(x: Value, y: Value, out: Value, d: Value) -> Value:
    """y * x**(y - 1) * d, and 0 where y = 0, also at x = 0."""
    zero = full(y.type, 0.0)
    slope: Value = OPS["select"](OPS["eq"](y, zero), zero, y * pow_(x, y - 1.0))
    return d * slope


def _pow_along_exponent(x: Value, y: Value, out: Value, d: Value) -> Value:
    """x**y * log(x) * d, and 0 at x = 0, its limit for y > 0."""
    zero = full(x.type, 0.0)
    base: Value = OPS["select"](OPS["eq"](x, zero), full(x.type, 1.0), x)
    slope: Value = out * log(base)
    return d * slope


def _pow_domain() -> Domain:
    """Powers of complex numbers amplify the rounding of w log z, so theirs are of moderate size."""
    real = domains.ranges(domains.SWEPT_NUMBERS, (0, 9), (-9, 9), smooth=((0.5, 3), (-2, 2)))
    extended = domains.with_complex(real)

    def cases(rng: np.random.Generator, dtype: DType) -> list[domains.Case]:
        if not dtype.is_complex:
            return list(real.cases(rng, dtype))
        drawn = [
            [domains.sample(rng, dtype, shape, -9, 9), domains.sample(rng, dtype, shape, -3, 3)]
            for shape in domains.SHAPES
        ]
        zeros = [np.array([0, 0, 0, 2, 0], dtype.numpy), np.array([0, 1 + 1j, -1, 0, 2j], dtype.numpy)]
        return [(tuple(each), {}) for each in (*drawn, zeros)]

    return Domain(extended.dtypes, cases, extended.smooth)


pow_ = binary(
    "pow",
    "x**y with C's special cases; integers wrap, x**-n is 1 / x**n truncated, and 0 where x = 0.",
    reference=quiet(_power),
    jvp=(_pow_along_base, _pow_along_exponent),
    lower=vector_math.pow_,
    dtypes=NUMBERS,
    domain=_pow_domain(),
    ulp=2,
    on_complex=rule.POW,
)

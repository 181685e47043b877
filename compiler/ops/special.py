"""Special functions: the complementary error function, and the inverses of both error functions.

In: nothing. Out: `Op`s in the table. The mathematics of the lowerings is in `vector_math`; float32 results come
from float64 and are off by hardly more than half a unit in the last place, float64 results by less than 2 (erfc_inv by
less than 2.5).
"""

from __future__ import annotations

import math
from statistics import NormalDist

from lazygraph.compiler.ops import domains, vector_math
from lazygraph.compiler.ops.elementwise import FLOATS, one_by_one, unary
from lazygraph.compiler.ops.transcendental import exp

SLOPE = 2 / math.sqrt(math.pi)  # of erf at 0


erfc = unary(
    "erfc",
    "The complementary error function, 1 - erf(x), accurate where erf(x) is close to 1.",
    reference=one_by_one(math.erfc),
    jvp=lambda x, out, d: d * (exp(-(x * x)) * -SLOPE),
    lower=vector_math.erfc,
    dtypes=FLOATS,
    domain=domains.ranges(domains.SWEPT_FLOATS, (-6, 12), smooth=((-2, 2),)),
    ulp=2,
)


def _erf_inv(x: float) -> float:
    """From the quantile of a normal distribution, by Newton's method on erf, or on erfc next to 1."""
    size = abs(x)
    if not size < 1:
        return math.copysign(math.inf, x) if size == 1 else math.nan
    y = -NormalDist().inv_cdf((1 - size) / 2) / math.sqrt(2)
    for _ in range(3):
        excess = math.erf(y) - size if size < 0.5 else (1 - size) - math.erfc(y)
        y -= excess / (SLOPE * math.exp(-y * y))
    return math.copysign(y, x)


erf_inv = unary(
    "erf_inv",
    "The number whose error function is x; infinite at 1 and -1, NaN beyond.",
    reference=one_by_one(_erf_inv),
    jvp=lambda x, out, d: d * (exp(out * out) * (1 / SLOPE)),
    lower=vector_math.erf_inv,
    dtypes=FLOATS,
    domain=domains.ranges(domains.SWEPT_FLOATS, (-1, 1), smooth=((-0.8, 0.8),)),
    ulp=2,
)


def _erfc_inv(q: float) -> float:
    """From the quantile of a normal distribution, by Newton's method; next to 0 by Newton's method on log(erfc), from
    its asymptotic series (NIST Handbook, 7.12.1)."""
    if not 0 < q < 2:
        return math.inf if q == 0 else -math.inf if q == 2 else math.nan
    if q > 1:
        return -_erfc_inv(2 - q)
    if q > 0.5:
        return _erf_inv(1 - q)
    y = -NormalDist().inv_cdf(max(q, 1e-280) / 2) / math.sqrt(2)
    for _ in range(8):
        if q > 1e-280:
            y += (math.erfc(y) - q) / (SLOPE * math.exp(-y * y))
        else:
            terms = 1.0
            for k in range(15, 0, -2):  # 1 - z + 3 z**2 - 3 5 z**3 + ... with z = 1 / (2 y**2)
                terms = 1 - k * terms / (2 * y * y)
            scaled = terms / (y * math.sqrt(math.pi))
            y += (math.log(scaled) - y * y - math.log(q)) * scaled / SLOPE
    return y


erfc_inv = unary(
    "erfc_inv",
    "The number whose complementary error function is x; inf at 0, -inf at 2, NaN beyond.",
    reference=one_by_one(_erfc_inv),
    jvp=lambda x, out, d: d * (exp(out * out) * (-1 / SLOPE)),
    lower=vector_math.erfc_inv,
    dtypes=FLOATS,
    domain=domains.ranges(domains.SWEPT_FLOATS, (0, 2), smooth=((0.3, 1.8),)),
    ulp=1,
)

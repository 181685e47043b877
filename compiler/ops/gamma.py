"""The logarithm of the gamma function, its derivative, and the derivatives of that.

In: nothing. Out: `Op`s in the table, closed under differentiation: lgamma' = digamma, digamma' = polygamma(1),
polygamma(n)' = polygamma(n + 1). The mathematics of the lowerings is in `vector_math`; float32 results come from
float64 and are off by hardly more than half a unit in the last place. float64 results for positive x: lgamma within 2
units, digamma within 3, polygamma(n) within 2 + 3n/2. For negative x the error is below 2**-50 (n + 1) times the
greatest of 1, the result and what the reflection adds (lgamma(|x|), digamma(1 - x), pi**(n + 1) n!): next to a root,
where these cancel, the absolute error is small, not the relative one. The references sum the functions in extended
precision, another way.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import cache
from typing import Any

import numpy as np

from lazygraph.compiler.ir.graph import Attributes, Node, TensorType
from lazygraph.compiler.loop.scalar import S, ScalarBuilder
from lazygraph.compiler.ops import domains, vector_math
from lazygraph.compiler.ops.elementwise import FLOATS, batch_elementwise, elementwise_type, unary
from lazygraph.compiler.ops.halves import in_float32, through_float32
from lazygraph.compiler.ops.lowering import Elementwise
from lazygraph.compiler.ops.record import NOT_LINEAR, Domain, Flags, Op, Reference, Tangents, register
from lazygraph.compiler.ops.vector_math.polygamma import HIGHEST, bernoulli, zeta_less_one
from lazygraph.runtime.dtypes import DType

# --- references -------------------------------------------------------------------------------------------------------

_Wide = np.longdouble
_PI = _Wide("3.14159265358979323846264338327950288")
_EULER = _Wide("0.577215664901532860606512090082402431")
_FAR = 24  # from here on the series of Stirling, and of Euler and Maclaurin, are summed


def _extended(function: Callable[..., np.ndarray]) -> Reference:
    """A reference that computes in extended precision and rounds once."""

    def reference(x: np.ndarray, **attributes: Any) -> np.ndarray:
        with np.errstate(all="ignore"):
            return np.asarray(function(x.astype(_Wide), **attributes)).astype(x.dtype)

    return reference


def _wide(number: Fraction) -> np.longdouble:
    high = float(number)
    return _Wide(high) + _Wide(float(number - Fraction(high)))


@cache
def _even_bernoulli() -> list[np.longdouble]:
    return [_wide(each) for each in bernoulli(10)]


@cache
def _zetas() -> list[np.longdouble]:
    """zeta(2) - 1, zeta(3) - 1, ..."""
    return [_wide(zeta_less_one(s)) for s in range(2, 50)]


def _lifted(x: np.ndarray) -> np.ndarray:
    """How many ones bring x > 0 to _FAR."""
    return np.where(x < _FAR, np.ceil(_FAR - x), 0)


def _distance(x: np.ndarray) -> np.ndarray:
    """x less the integer next to it."""
    return np.asarray(x - np.rint(x))


def _lgamma_positive(x: np.ndarray) -> np.ndarray:
    """Stirling's series behind a product; next to 1 and 2 the power series with the zeta function's values."""
    lifted, product = _lifted(x), np.ones_like(x)
    for step in range(_FAR):
        product = np.where(step < lifted, product * (x + step), product)
    y = x + lifted
    total = (y - _Wide(0.5)) * np.log(y) - y + np.log(2 * _PI) / 2
    for place, number in enumerate(_even_bernoulli(), start=1):
        total = total + number / (2 * place * (2 * place - 1)) / y ** (2 * place - 1)
    total = np.where(np.isinf(x), x, total - np.log(product))
    for root in (1, 2):
        z = x - root
        small = np.abs(z) < 0.3
        total = np.where(small, _lgamma_series(np.where(small, z, 0)) + (np.log1p(z) if root == 2 else 0), total)
    return total


def _lgamma_series(z: np.ndarray) -> np.ndarray:
    """lgamma(1 + z) = -log(1 + z) + (1 - euler) z + sum over k >= 2 of (-1)**k (zeta(k) - 1) z**k / k."""
    total = np.zeros_like(z)
    for k, zeta in reversed(list(enumerate(_zetas(), start=2))):
        total = total * z + zeta * (-1) ** k / k
    return np.asarray((1 - _EULER) * z - np.log1p(z) + total * z * z)


def _lgamma(x: np.ndarray) -> np.ndarray:
    size = np.abs(x)
    positive = np.where(size == 0, np.inf, _lgamma_positive(np.where(size == 0, 1, size)))
    sine = np.abs(np.sin(_PI * _distance(x)))
    reflected = np.log(_PI) - np.log(size) - np.log(sine) - positive
    reflected = np.where((sine == 0) | np.isinf(x), np.inf, reflected)
    return np.where(x < 0, reflected, positive)


def _digamma_positive(x: np.ndarray) -> np.ndarray:
    lifted, total = _lifted(x), np.zeros_like(x)
    for step in range(_FAR):
        total = total - np.where(step < lifted, 1 / (x + step), 0)
    y = x + lifted
    total = total + np.log(y) - 1 / (2 * y)
    for place, number in enumerate(_even_bernoulli(), start=1):
        total = total - number / (2 * place) / y ** (2 * place)
    return np.asarray(total)


def _digamma(x: np.ndarray) -> np.ndarray:
    angle = _PI * _distance(x)
    reflected = _digamma_positive(np.where(x < 0, 1 - x, 1)) - _PI / np.tan(angle)
    reflected = np.where(angle == 0, np.nan, reflected)
    found = np.where(x < 0, reflected, _digamma_positive(np.where(x <= 0, 1, x)))
    return np.where(x == 0, -1 / x, found)


def _zeta(q: np.ndarray, s: int) -> np.ndarray:
    """Hurwitz's function for q > 0."""
    far = _FAR + s
    total = sum(((q + step) ** _Wide(-s) for step in range(far)), np.zeros_like(q))
    y = np.where(q < far, q + far, q)
    rest = y ** _Wide(1 - s) / (s - 1) + y ** _Wide(-s) / 2
    for place, number in enumerate(_even_bernoulli(), start=1):
        rising = _Wide(math.perm(s + 2 * place - 2, 2 * place - 1)) / _Wide(math.factorial(2 * place))
        rest = rest + number * rising * y ** _Wide(-s - 2 * place + 1)
    return np.asarray(np.where(q < far, total, 0) + rest)


def _cotangent(angle: np.ndarray, n: int) -> np.ndarray:
    """The n-th derivative of cot, as a polynomial in c = cot: p' = -(1 + c**2) dp/dc."""
    polynomial = np.polynomial.Polynomial([0, 1])
    for _ in range(n):
        polynomial = polynomial.deriv() * np.polynomial.Polynomial([-1, 0, -1])
    c = np.cos(angle) / np.sin(angle)
    total: np.ndarray = np.zeros_like(c)
    for coefficient in reversed(polynomial.coef):
        total = total * c + _Wide(coefficient)
    return total


def _polygamma(x: np.ndarray, n: int) -> np.ndarray:
    if n == 0:
        return _digamma(x)
    sign, factorial, distance = (-1) ** (n + 1), _Wide(math.factorial(n)), _distance(x)
    above = factorial * _zeta(np.where(x < 0, 1 - x, np.where(x == 0, 1, x)), n + 1)
    reflected = (-1) ** n * sign * above - _PI ** (n + 1) * _cotangent(_PI * distance, n)
    found = np.where(x < 0, np.where(distance == 0, np.inf if n % 2 else np.nan, reflected), sign * above)
    return np.where(x == 0, sign * (1 / x) ** (n + 1), found)


# --- records ----------------------------------------------------------------------------------------------------------

_domain = domains.ranges(domains.SWEPT_FLOATS, (-5, 12), smooth=((0.5, 4),))

lgamma = unary(
    "lgamma",
    "log|gamma(x)|; inf at 0, at negative integers and at both infinities.",
    reference=_extended(_lgamma),
    jvp=lambda x, out, d: d * digamma(x),
    lower=vector_math.lgamma,
    dtypes=FLOATS,
    domain=_domain,
    ulp=1,
)

digamma: Op = unary(
    "digamma",
    "The derivative of lgamma; -inf at 0.0 and inf at -0.0, NaN at negative integers and -inf.",
    reference=_extended(_digamma),
    jvp=lambda x, out, d: d * polygamma(x, n=1),
    lower=vector_math.digamma,
    dtypes=FLOATS,
    domain=_domain,
    ulp=1,
)


def _polygamma_type(types: tuple[TensorType, ...], attributes: Attributes) -> Sequence[TensorType]:
    n = attributes["n"]
    if not isinstance(n, int) or isinstance(n, bool) or not 0 <= n <= HIGHEST:
        raise ValueError(f"polygamma: expected an order n from 0 to {HIGHEST}, found {n!r}")
    return elementwise_type("polygamma", 1, FLOATS)(types, attributes)


def _polygamma_jvp(node: Node, tangents: Tangents) -> Tangents:
    (tangent,) = tangents
    return (None if tangent is None else tangent * polygamma(node.inputs[0], n=node["n"] + 1),)


def _expand(b: ScalarBuilder[S], x: S, n: int) -> S:
    result: S = in_float32(lambda b, x: vector_math.polygamma(b, x, n))(b, x)
    return result


def _polygamma_domain() -> Domain:
    def cases(rng: np.random.Generator, dtype: DType) -> list[domains.Case]:
        every = [arrays for arrays, _ in _domain.cases(rng, dtype)]
        return [*[(arrays, {"n": 1}) for arrays in (*every[1:4], *every[5:])], *[(every[-1], {"n": n}) for n in (0, 4)]]

    def smooth(rng: np.random.Generator) -> list[domains.Case]:
        return [((rng.uniform(1, 4, (5,)),), {"n": n}) for n in (0, 1, 2)]

    return Domain(_domain.dtypes, cases, smooth)


polygamma: Op = register(
    Op(
        name="polygamma",
        doc="The n-th derivative of digamma, 0 <= n <= 170. inf at 0, -1, ... for odd n; for even n -inf at 0.0, "
        "inf at -0.0, NaN at negative integers. NaN at -inf.",
        type_rule=_polygamma_type,
        reference=through_float32(_extended(_polygamma)),
        jvp=_polygamma_jvp,
        transpose=NOT_LINEAR,
        batch=batch_elementwise,
        lower=Elementwise(_expand),
        domain=_polygamma_domain(),
        ulp=1,
        flags=Flags(elementwise=True),
    )
)

"""The polynomials of the elementary functions: their coefficients reach the errors that the comments beside them claim.

In: the tables of coefficients, evaluated in 200 bits. Out: the greatest error over the interval, in bits.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import mpmath
import pytest
from mpmath import mpf

from lazygraph.compiler.ops.vector_math import (
    circular,
    complementary_error,
    error_function,
    exponential,
    gamma,
    hyperbolic,
    inverse_circular,
    logarithm,
    power,
)
from lazygraph.runtime.dtypes import float32, float64

POINTS = 400
LN2 = float(mpmath.log(2))


@dataclass(frozen=True)
class Claim:
    """|approximation(p, x) / exact(x) - 1| < 2**-bits for low <= x <= high."""

    name: str
    coefficients: Sequence[float]
    approximation: Callable[[Callable[[mpf], mpf], mpf], mpf]  # from the polynomial and x
    exact: Callable[[mpf], mpf]
    low: float
    high: float
    bits: float


def claims() -> list[Claim]:
    exponentials = [
        Claim(
            f"exp {width} {dtype}",
            coefficients,
            (lambda p, x: 1 + x + x * x * p(x)) if width == "wide" else (lambda p, x: 1 + x * p(x)),
            mpmath.exp,
            -half * LN2,
            half * LN2,
            bits,
        )
        for dtype, width, half, bits in [
            (float32, "wide", 1, 29.6),
            (float32, "narrow", 0.5, 26.1),
            (float64, "wide", 1, 60.7),
            (float64, "narrow", 0.5, 57.5),
        ]
        for coefficients in [getattr(exponential.EXPONENTIAL[dtype], width)]
    ]
    expm1 = [
        Claim(f"expm1 {dtype}", exponential.EXPONENTIAL[dtype].wide, expm1_form, mpmath.expm1, -LN2, LN2, bits)
        for dtype, bits in [(float32, 27.7), (float64, 57.8)]
    ]
    odd = [
        Claim(f"{name} {dtype}", table, odd_form, exact, 0, high, bits)
        for name, dtype, table, exact, high, bits in [
            ("atanh", float64, logarithm.SERIES_64, mpmath.atanh, 0.2, 62.6),
            ("tanh", float32, hyperbolic.TANGENT[float32].series, mpmath.tanh, 0.63, 27.6),
            ("tanh", float64, hyperbolic.TANGENT[float64].series, mpmath.tanh, 0.63, 56.1),
            ("sinh", float32, hyperbolic.SINE[float32].series, mpmath.sinh, 1, 31.6),
            ("sinh", float64, hyperbolic.SINE[float64].series, mpmath.sinh, 1, 62.9),
            ("atan", float32, inverse_circular.ARC_TANGENT[float32], mpmath.atan, 1, 28.4),
            ("atan", float64, inverse_circular.ARC_TANGENT[float64], mpmath.atan, 1, 57.1),
            ("asin", float32, inverse_circular.ARC_SINE[float32], mpmath.asin, 0.5, 27.6),
            ("asin", float64, inverse_circular.ARC_SINE[float64], mpmath.asin, 0.5, 55.8),
            ("sin", float32, circular.SINE[float32], mpmath.sin, 0.7853982, 27.8),
            ("sin", float64, circular.SINE[float64], mpmath.sin, 0.7853982, 57.8),
        ]
    ]
    cosines = [
        Claim(f"cos {dtype}", circular.COSINE[dtype], cosine_form, mpmath.cos, 0, 0.7853982, bits)
        for dtype, bits in [(float32, 32.9), (float64, 63.9)]
    ]
    errors = [
        claim
        for dtype, near, far in [(float32, 29.3, 29.1), (float64, 56.0, 56.3)]
        for table in [error_function.ERROR_FUNCTION[dtype]]
        for claim in (
            Claim(f"erf near {dtype}", table.near, lambda p, x: x + x * p(x * x), mpmath.erf, 0, 1, near),
            Claim(f"erf far {dtype}", table.far, lambda p, x: 1 - mpmath.exp(p(x)), mpmath.erf, 1, table.one, far),
        )
    ]
    scale = Claim(
        "erfc scaled",
        complementary_error.SCALED,
        lambda p, x: mpmath.exp(-x * x) * (p((x - 4) / (x + 4)) + complementary_error.SCALED_LOW) / (1 + 2 * x),
        mpmath.erfc,
        0.45,
        complementary_error.UNDERFLOW,
        56.4,
    )
    extreme = Claim(
        "erfc_inv",
        complementary_error.EXTREME,
        lambda p, u: p(u),
        scaled_quantile,
        1 / 27.5,  # s of the least subnormal is 27.3
        1 / complementary_error.FARTHEST,
        23.3,
    )
    log32 = Claim("log", logarithm.SERIES_32, lambda p, x: x + x * x * p(x), mpmath.log1p, -1 / 3, 1 / 3, 27.2)
    tail = Claim("log pair", power.TAIL, tail_form, mpmath.atanh, 0, 0.2, 69)
    return [*exponentials, *expm1, *odd, *cosines, *errors, scale, extreme, log32, tail, *gammas()]


def scaled_quantile(u: mpf) -> mpf:
    """erfc_inv(q) / s for s = 1 / u = sqrt(-log(q (2 - q))), by Newton's method on log(erfc)."""
    s = 1 / u
    q = mpmath.exp(-s * s) / (1 + mpmath.sqrt(1 - mpmath.exp(-s * s)))
    y = s - mpmath.log(s) / (2 * s)
    for _ in range(7):
        found = mpmath.erfc(y)
        y += mpmath.log(found / q) * found * mpmath.exp(y * y) * mpmath.sqrt(mpmath.pi) / 2
    return y / s


def gammas() -> list[Claim]:
    """The series in 1 / x**2 for x from 8 on, as functions of that."""
    root = mpmath.findroot(mpmath.digamma, gamma.ROOT)

    def stirling(z: mpf) -> mpf:
        x = 1 / mpmath.sqrt(z)
        return x * (mpmath.loggamma(x) - ((x - mpf(1) / 2) * mpmath.log(x) - x + mpmath.log(2 * mpmath.pi) / 2))

    def asymptotic(z: mpf) -> mpf:
        x = 1 / mpmath.sqrt(z)
        return (mpmath.log(x) - 1 / (2 * x) - mpmath.digamma(x)) / z

    return [
        Claim(
            "lgamma",
            gamma.LOG_GAMMA,
            lambda p, t: t * (1 + t) * p(t),
            lambda t: mpmath.loggamma(2 + t),
            -0.999,
            1,
            55.0,
        ),
        Claim(
            "digamma", gamma.DIGAMMA, lambda p, t: (2 + t - root) * p(t), lambda t: mpmath.digamma(2 + t), -1, 1, 53.4
        ),
        Claim("Stirling", gamma.STIRLING, lambda p, z: p(z), stirling, 0, 1 / 64, 53.9),
        Claim("asymptotic digamma", gamma.ASYMPTOTIC, lambda p, z: p(z), asymptotic, 0, 1 / 64, 53.9),
        Claim(
            "sin(pi r) / pi", gamma.SINE, lambda p, r: r * p(r * r), lambda r: mpmath.sinpi(r) / mpmath.pi, 0, 0.5, 56.2
        ),
        Claim(
            "pi r cot(pi r)",
            gamma.COTANGENT,
            lambda p, r: 1 + p(r * r),
            lambda r: 1 + mpmath.pi * r * mpmath.cospi(r) / mpmath.sinpi(r),
            0,
            0.5,
            53.9,
        ),
    ]


def polynomial(coefficients: Sequence[float], x: mpf) -> mpf:
    return sum(mpf(coefficient) * x**power for power, coefficient in enumerate(coefficients))


def expm1_form(p: Callable[[mpf], mpf], x: mpf) -> mpf:
    return x + x * x * p(x)


def odd_form(p: Callable[[mpf], mpf], x: mpf) -> mpf:
    return x + x**3 * p(x * x)


def cosine_form(p: Callable[[mpf], mpf], x: mpf) -> mpf:
    return 1 - x * x / 2 + x**4 * p(x * x)


def tail_form(p: Callable[[mpf], mpf], x: mpf) -> mpf:
    return x + x**3 * (mpf(1) / 3 + x * x * p(x * x))


@pytest.mark.parametrize("claim", claims(), ids=lambda claim: claim.name)
def test_the_polynomial_is_as_close_as_claimed(claim: Claim) -> None:
    with mpmath.workprec(200):
        worst = mpf(0)
        for step in range(POINTS + 1):
            x = mpf(claim.low) + (mpf(claim.high) - mpf(claim.low)) * step / POINTS
            if x:
                found = claim.approximation(lambda z: polynomial(claim.coefficients, z), x)
                worst = max(worst, abs(found / claim.exact(x) - 1))
        assert mpmath.log(worst, 2) < -claim.bits


def test_constants_in_two_parts_sum_to_the_constant() -> None:
    with mpmath.workprec(200):
        for table, bits in ((exponential.EXPONENTIAL[float32], 40), (exponential.EXPONENTIAL[float64], 95)):
            assert abs(mpf(table.ln2_high) + mpf(table.ln2_low) - mpmath.log(2)) < mpf(2) ** -bits
        assert abs(mpf(logarithm.LN2_HIGH) + mpf(logarithm.LN2_LOW) - mpmath.log(2)) < mpf(2) ** -95
        assert abs(mpf(circular.HALF_PI_HIGH) + mpf(circular.HALF_PI_LOW) - mpmath.pi / 2) < mpf(2) ** -105
        root = mpf(gamma.ROOT) + mpf(gamma.ROOT_LOW)
        assert abs(root - mpmath.findroot(mpmath.digamma, root)) < mpf(2) ** -105
        for high, low in inverse_circular.HALF_PI.values():
            assert abs((mpf(high) + mpf(low)) / (mpmath.pi / 2) - 1) < mpf(2) ** -48
        assert abs(mpf(1 / 3) + mpf(power.THIRD_LOW) - mpf(1) / 3) < mpf(2) ** -105
    with mpmath.workprec(1400):
        assert int(circular.TWO_OVER_PI, 16) == int(mpmath.floor(2 / mpmath.pi * mpf(2) ** 1280))

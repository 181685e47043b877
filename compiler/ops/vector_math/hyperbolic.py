"""tanh, sinh and cosh.

In: x. Out: tanh(x): an odd polynomial near 0, else 1 - 2 / (e**2|x| + 1); sinh(x): an odd polynomial near 0, else
(e**|x| - e**-|x|) / 2 with the sign of x; cosh(x) = (e**|x| + e**-|x|) / 2. Coefficients: Remez exchange minimising the
relative error, each coefficient rounded in turn from the lowest and the rest fitted again.
"""

from __future__ import annotations

from dataclasses import dataclass

from lazygraph.compiler.loop.scalar import S, ScalarBuilder
from lazygraph.compiler.ops.vector_math.exponential import exp_bounded, half_exp_pair
from lazygraph.compiler.ops.vector_math.order import clamp_above
from lazygraph.compiler.ops.vector_math.parts import flip_sign, format_of, polynomial, reciprocal, sign_bits
from lazygraph.runtime.dtypes import float32, float64


@dataclass(frozen=True)
class Tangent:
    series: tuple[float, ...]  # tanh(x) = x + x**3 (c[0] + c[1] x**2 + ...) for |x| <= 0.63
    one: float  # tanh(x) rounds to 1 above


# relative errors: float32 2**-27.6, float64 2**-56.1
TANGENT = {
    float32: Tangent(
        series=(
            -0.33333277702331543,
            0.13331320881843567,
            -0.05372913181781769,
            0.02060323767364025,
            -0.005663615185767412,
        ),
        one=9.25,
    ),
    float64: Tangent(
        series=(
            -0.3333333333333277,
            0.13333333333250827,
            -0.05396825392610117,
            0.02186948745934309,
            -0.008863219493031033,
            0.0035919771456573587,
            -0.001454897816442551,
            0.0005861185834706935,
            -0.00022816756124545656,
            7.669693118323883e-05,
            -1.5855312223088702e-05,
        ),
        one=19.25,
    ),
}


@dataclass(frozen=True)
class Sine:
    series: tuple[float, ...]  # sinh(x) = x + x**3 (c[0] + c[1] x**2 + ...) for |x| <= 1
    highest: float  # sinh(x) and cosh(x) overflow above


# relative errors: float32 2**-31.6, float64 2**-62.9
SINE = {
    float32: Sine(
        series=(0.1666666716337204, 0.00833331048488617, 0.00019842895562760532, 2.7822131869470468e-06),
        highest=89.45,
    ),
    float64: Sine(
        series=(
            0.16666666666666666,
            0.008333333333333573,
            0.0001984126984106116,
            2.7557319310090904e-06,
            2.5052089412650388e-08,
            1.606133918322079e-10,
            7.503264718241206e-13,
            6.47532091293148e-15,
        ),
        highest=710.5,
    ),
}


def tanh(b: ScalarBuilder[S], x: S) -> S:
    form, table = format_of(b, x), TANGENT[b.dtype(x)]
    one, minus_two = b.const(1.0, form.dtype), b.const(-2.0, form.dtype)
    size = b.abs(x)
    bounded = clamp_above(b, size, table.one)
    square = b.mul(bounded, bounded)
    near = b.fma(b.mul(square, bounded), polynomial(b, square, table.series), bounded)
    power = exp_bounded(b, b.add(bounded, bounded))
    far = b.fma(minus_two, reciprocal(b, b.add(power, one)), one)
    y = b.select(b.less(size, b.const(0.63, form.dtype)), near, far)
    return flip_sign(b, y, sign_bits(b, x))


def sinh(b: ScalarBuilder[S], x: S) -> S:
    form, table = format_of(b, x), SINE[b.dtype(x)]
    one = b.const(1.0, form.dtype)
    size = b.abs(x)
    inner = b.select(b.less(size, one), size, one)
    square = b.mul(inner, inner)
    near = b.fma(b.mul(square, inner), polynomial(b, square, table.series), inner)
    high, low = half_exp_pair(b, clamp_above(b, size, table.highest))
    far = b.add(high, b.sub(low, b.div(b.const(0.25, form.dtype), high)))
    return flip_sign(b, b.select(b.less(size, one), near, far), sign_bits(b, x))


def cosh(b: ScalarBuilder[S], x: S) -> S:
    high, low = half_exp_pair(b, clamp_above(b, b.abs(x), SINE[b.dtype(x)].highest))
    return b.add(high, b.add(low, b.div(b.const(0.25, b.dtype(x)), high)))

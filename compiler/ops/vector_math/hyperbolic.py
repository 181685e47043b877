"""tanh.

In: x. Out: tanh(x): an odd polynomial near 0, else 1 - 2 / (e**2|x| + 1). Coefficients: Remez exchange on |x| <= 0.63
minimising the relative error, each coefficient rounded in turn from the lowest and the rest fitted again.
"""

from __future__ import annotations

from dataclasses import dataclass

from lazygraph.compiler.loop.scalar import S, ScalarBuilder
from lazygraph.compiler.ops.vector_math.exponential import exp_bounded
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

"""Circular and hyperbolic functions of complex numbers: sin z = -i sinh(iz), cos z = cosh(iz), tan z = -i tanh(iz).

Special values are those of C99, Annex G; where it leaves a sign open, that of the formula.
"""

from __future__ import annotations

from lazygraph.compiler.ops.complex_math.exponential import growth
from lazygraph.compiler.ops.complex_math.scalars import Pair, Real, choose, is_finite, is_infinite

INF = float("inf")


def _halves(x: Real, sine: Real, cosine: Real) -> tuple[Real, Real]:
    """(sinh(x) cosine, cosh(x) sine), for x beyond the range of sinh too: there both are e**|x| / 2 in size."""
    size = abs(x)
    large = size > x.by_dtype(20.0, 40.0)
    grown = growth(size)
    half = grown.number * 0.5
    sinh = choose(large, half.signed_as(x), x.apply("sinh"))
    cosh = choose(large, half, x.apply("cosh"))
    first, second = (choose(large, each, 1.0) for each in (grown.first, grown.second))
    return sinh * cosine * first * second, cosh * sine * first * second


def sinh(z: Pair) -> Pair:
    """sinh x cos y + i cosh x sin y"""
    x, y = z
    re, im = _halves(x, y.apply("sin"), y.apply("cos"))
    angled = is_finite(y)
    re = choose(~angled & (x.equals(0.0) | is_infinite(x)), x, re)
    return Pair(re, choose(y.equals(0.0), y, im))


def cosh(z: Pair) -> Pair:
    """cosh x cos y + i sinh x sin y"""
    x, y = z
    sine, cosine = y.apply("sin"), y.apply("cos")
    im, re = _halves(x, cosine, sine)
    re = choose(~is_finite(y) & is_infinite(x), INF, re)
    im = choose(x.equals(0.0), choose(sine < 0.0, -x, x), im)
    return Pair(re, choose(y.equals(0.0), x.literal(1.0).signed_as(x) * y, im))


def tanh(z: Pair) -> Pair:
    """(sinh x cosh x + i sin y cos y) / (sinh(x)**2 + cos(y)**2); far out 1 + 4i sin y cos y e**(-2|x|) but for
    signs."""
    x, y = z
    sine, cosine, sinh = y.apply("sin"), y.apply("cos"), x.apply("sinh")
    below = sinh * sinh + cosine * cosine
    far = abs(x) > x.by_dtype(20.0, 40.0)
    turn = sine * cosine
    decay = (abs(x) * -1.0).apply("exp")
    far_im = choose(is_infinite(x) & ~is_finite(y), 0.0, turn * 4.0 * decay * decay)
    re = choose(far, x.literal(1.0).signed_as(x), sinh * x.apply("cosh") / below)
    im = choose(far, far_im, turn / below)
    undirected = ~is_finite(y)
    re = choose(undirected & is_finite(x), float("nan"), re)
    re = choose(undirected & x.equals(0.0), x, re)
    im = choose(undirected & is_finite(x), float("nan"), im)
    return Pair(re, choose(y.equals(0.0), y, im))


def sin(z: Pair) -> Pair:
    return sinh(z.turned()).turned_back()


def cos(z: Pair) -> Pair:
    return cosh(z.turned())


def tan(z: Pair) -> Pair:
    return tanh(z.turned()).turned_back()

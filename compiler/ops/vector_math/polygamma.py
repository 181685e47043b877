"""polygamma: the derivatives of digamma.

In: x and the order n >= 1. Out: (-1)**(n + 1) n! zeta(n + 1, x), with Hurwitz's zeta(s, q) = q**-s + (q + 1)**-s + ...
For positive x terms up to T one by one, and the rest by the formula of Euler and Maclaurin. For negative x the sum over
the whole lattice x + k, of which the terms above are taken away: three of them as they stand, and a power series in the
distance r to the next integer. float32 goes by way of float64. Source: NIST Handbook of Mathematical Functions,
sections 5.15 and 25.11.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from functools import cache

from lazygraph.compiler.loop.scalar import S, ScalarBuilder
from lazygraph.compiler.ops.vector_math.gamma import digamma
from lazygraph.compiler.ops.vector_math.parts import format_of, in_float64, polynomial
from lazygraph.runtime.dtypes import float64

HIGHEST = 170  # the greatest n whose n! is a float64
_TERMS = 12  # of Euler and Maclaurin's formula
_BITS = 57


@dataclass(frozen=True)
class Order:
    """What depends on n alone."""

    n: int
    shift: int  # T
    tail: tuple[float, ...]  # n! zeta(n + 1, q) = (n - 1)! q**-n (1 + n / (2 q) + c[0] / q**2 + c[1] / q**4 + ...)
    lattice: tuple[float, ...]  # n! times the terms k = 2, 3, ... and -2, -3, ..., over r for even n, in r**2


@cache
def bernoulli(count: int) -> tuple[Fraction, ...]:
    """B(2), B(4), ... B(2 count), from sum over k < m of binomial(m + 1, k) B(k) = -(m + 1) B(m)."""
    found = [Fraction(1)]
    for m in range(1, 2 * count + 1):
        found.append(-sum((math.comb(m + 1, k) * found[k] for k in range(m)), Fraction(0)) / (m + 1))
    return tuple(found[2::2])


def zeta_less_one(s: int) -> Fraction:
    """2**-s + 3**-s + ... for s >= 2 to 70 bits: the formula of Euler and Maclaurin from 20 on."""
    start = 20
    total = sum((Fraction(1, k**s) for k in range(2, start)), Fraction(1, (s - 1) * start ** (s - 1)))
    total += Fraction(1, 2 * start**s)
    for place, number in enumerate(bernoulli(_TERMS), start=1):
        rising = Fraction(math.perm(s + 2 * place - 2, 2 * place - 1), math.factorial(2 * place))
        total += number * rising / start ** (s + 2 * place - 1)
    return total


@cache
def order(n: int) -> Order:
    # The first term that is left out, (n)(n + 1)...(n + 2 J + 1) 2 / (2 pi T)**(2 J + 2), is below 2**-_BITS.
    rising = math.perm(n + 2 * _TERMS + 1, 2 * _TERMS + 2)
    shift = math.ceil((2 * rising * 2**_BITS) ** (1 / (2 * _TERMS + 2)) / (2 * math.pi))
    tail = tuple(
        [
            float(number * math.perm(n + 2 * place - 1, 2 * place) / math.factorial(2 * place))
            for place, number in enumerate(bernoulli(_TERMS), start=1)
        ]
    )
    s, lattice, j = n + 1, [], (n + 1) % 2
    while True:
        coefficient = 2 * math.factorial(n) * math.comb(s + j - 1, j)
        lattice.append(float(coefficient * zeta_less_one(s + j) * (-1) ** s))
        if math.comb(s + j - 1, j) * 4.0 ** -(s + j) < 2.0**-_BITS:
            return Order(n, shift, tail, tuple(lattice))
        j += 2


def polygamma(b: ScalarBuilder[S], x: S, n: int) -> S:
    @in_float64
    def wide(b: ScalarBuilder[S], x: S) -> S:
        return _polygamma(b, x, order(n))

    result: S = wide(b, x) if n else digamma(b, x)
    return result


def _polygamma(b: ScalarBuilder[S], x: S, form: Order) -> S:
    """Below 0, (-1)**(n + 1) n! (L(x) + (-1)**n zeta(n + 1, 1 - x)) with the sum L over the whole lattice."""
    zero, one = b.const(0.0, float64), b.const(1.0, float64)
    negative, odd = b.less(x, zero), form.n % 2 == 1
    above = _zeta(b, b.select(negative, b.sub(one, x), x), form)
    r = b.sub(x, b.round_even(x))
    near = _power(b, b.div(one, r), form.n, form.n + 1)
    left = _power(b, b.div(one, b.sub(r, one)), form.n, form.n + 1)
    right = _power(b, b.div(one, b.add(r, one)), form.n, form.n + 1)
    rest = polynomial(b, b.mul(r, r), form.lattice)
    rest = rest if odd else b.mul(r, rest)
    lattice = b.add(near, b.add(b.add(left, right), rest))
    if odd:
        return b.select(negative, b.sub(lattice, above), above)
    lattice = b.select(b.equal(r, zero), b.bits(format_of(b, x).nan, float64), lattice)
    return b.neg(b.select(negative, b.add(lattice, above), above))


def _zeta(b: ScalarBuilder[S], q: S, form: Order) -> S:
    """n! zeta(n + 1, q) for q >= 0; of -0.0 as from the left."""
    zero, one, n = b.const(0.0, float64), b.const(1.0, float64), form.n
    total = zero
    for k in reversed(range(form.shift)):
        each = q if k == 0 else b.add(q, b.const(float(k), float64))
        total = b.add(total, _power(b, b.div(one, each), n, n + 1))
    small = b.less(q, b.const(float(form.shift), float64))
    inverse = b.div(one, b.select(small, b.add(q, b.const(float(form.shift), float64)), q))
    square = b.mul(inverse, inverse)
    series = b.fma(square, polynomial(b, square, form.tail), b.mul(inverse, b.const(n / 2, float64)))
    power = _power(b, inverse, n - 1, n)
    return b.add(b.select(small, total, zero), b.fma(power, series, power))


def _power(b: ScalarBuilder[S], base: S, n: int, exponent: int) -> S:
    """n! base**exponent: with base 2**k for the k that brings the factor next to 1, so that the power neither
    overflows nor underflows long before the product."""
    scale = round(math.log2(math.factorial(n)) / exponent)
    factor = float(Fraction(math.factorial(n)) / Fraction(2) ** (scale * exponent))
    square = base if scale == 0 else b.mul(base, b.const(2.0**scale, float64))
    result = None
    while exponent:
        if exponent & 1:
            result = square if result is None else b.mul(result, square)
        exponent >>= 1
        square = b.mul(square, square) if exponent else square
    assert result is not None
    return result if factor == 1 else b.mul(result, b.const(factor, float64))

"""Discrete Fourier transforms of a few points as straight code: what a stage of a long one does to each of its groups.

In: a `BodyBuilder` and points, each a real and an imaginary scalar. Out: y[l] = the sum of x[j] e**(-2 pi i j l / r).
Lengths 2, 4, 8 and 16 are split in radix 2 and 4 (Cooley and Tukey, 1965); odd ones fold x[j] and x[r - j] together, so
that cosines and sines multiply r // 2 sums and differences (Singleton, 1969).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from lazygraph.compiler.loop.ir import Operand
from lazygraph.compiler.ops.fourier import plan
from lazygraph.compiler.ops.lowering import BodyBuilder

Point = tuple[Operand, Operand]


class Points:
    """Arithmetic on points: each method appends what its name says."""

    def __init__(self, b: BodyBuilder) -> None:
        self.b = b

    def add(self, x: Point, y: Point) -> Point:
        return self.b.let("add", x[0], y[0]), self.b.let("add", x[1], y[1])

    def sub(self, x: Point, y: Point) -> Point:
        return self.b.let("sub", x[0], y[0]), self.b.let("sub", x[1], y[1])

    def fma(self, x: Operand, y: Operand, z: Operand) -> Operand:
        """x y + z with one rounding where the target has it."""
        return self.b.let("fma", x, y, z, dtype=x.dtype)

    def number(self, value: float, like: Operand) -> Operand:
        return self.b.literal(value, like.dtype)

    def add_scaled(self, x: Point, factor: float, y: Point) -> Point:
        """x + factor y."""
        scale = self.number(factor, x[0])
        return self.fma(y[0], scale, x[0]), self.fma(y[1], scale, x[1])

    def scaled(self, x: Point, factor: Operand) -> Point:
        return self.b.let("mul", x[0], factor), self.b.let("mul", x[1], factor)

    def add_minus_i(self, x: Point, y: Point) -> Point:
        """x - i y = (x.re + y.im) + i (x.im - y.re)."""
        return self.b.let("add", x[0], y[1]), self.b.let("sub", x[1], y[0])

    def add_i(self, x: Point, y: Point) -> Point:
        """x + i y = (x.re - y.im) + i (x.im + y.re)."""
        return self.b.let("sub", x[0], y[1]), self.b.let("add", x[1], y[0])

    def times(self, x: Point, w: Point) -> Point:
        """x w; each part rounds twice."""
        product, other = self.b.let("mul", x[1], w[1]), self.b.let("mul", x[1], w[0])
        return self.fma(x[0], w[0], self.b.let("neg", product)), self.fma(x[0], w[1], other)


def transform(b: BodyBuilder, x: Sequence[Point]) -> list[Point]:
    """The transform of as many points as there are."""
    p, count = Points(b), len(x)
    if count == 1:
        return list(x)
    if count == 2:
        return [p.add(x[0], x[1]), p.sub(x[0], x[1])]
    if count == 4:
        return _four(p, x)
    if count % 4 == 0:
        return _split(b, p, x)
    return _odd(p, x)


def _four(p: Points, x: Sequence[Point]) -> list[Point]:
    even, other = p.add(x[0], x[2]), p.sub(x[0], x[2])
    odd, turned = p.add(x[1], x[3]), p.sub(x[1], x[3])
    return [p.add(even, odd), p.add_minus_i(other, turned), p.sub(even, odd), p.add_i(other, turned)]


def _split(b: BodyBuilder, p: Points, x: Sequence[Point]) -> list[Point]:
    """r = 4 m: transforms of m points at j mod 4, turned by w**(j k), then of 4 across them."""
    count, part = len(x), len(x) // 4
    columns = [transform(b, x[j::4]) for j in range(4)]
    result: list[Point] = [x[0]] * count
    for k in range(part):
        for place, y in enumerate(_four(p, [_turned(p, columns[j][k], j * k, count) for j in range(4)])):
            result[k + part * place] = y
    return result


def _turned(p: Points, x: Point, power: int, count: int) -> Point:
    """x e**(-2 pi i power / count), without a product where that is a multiple of -i, two where it is of (1 - i)."""
    while 4 * power >= count:
        x, power = (x[1], p.b.let("neg", x[0])), power - count // 4
    if power == 0:
        return x
    if 8 * power == count:
        half = p.number(math.sqrt(0.5), x[0])
        return p.scaled((p.b.let("add", x[0], x[1]), p.b.let("sub", x[1], x[0])), half)
    root = _root(power, count)
    return p.times(x, (p.number(root.real, x[0]), p.number(root.imag, x[0])))


def _root(power: int, count: int) -> complex:
    """e**(-2 pi i power / count), rounded once."""
    return complex(plan.roots(count, np.array(power)))


def _odd(p: Points, x: Sequence[Point]) -> list[Point]:
    """y[l], y[r - l] = a - i b, a + i b for a = x[0] + sum of cos(2 pi j l / r) (x[j] + x[r - j]), b likewise of sines
    and differences."""
    count, half = len(x), len(x) // 2
    sums = [p.add(x[j], x[count - j]) for j in range(1, half + 1)]
    differences = [p.sub(x[j], x[count - j]) for j in range(1, half + 1)]
    total = x[0]
    for each in sums:
        total = p.add(total, each)
    result: list[Point] = [total] * count
    for place in range(1, half + 1):
        a = x[0]
        turns = [_root(j * place, count).conjugate() for j in range(1, half + 1)]
        for turn, each in zip(turns, sums):
            a = p.add_scaled(a, turn.real, each)
        b = p.scaled(differences[0], p.number(turns[0].imag, x[0][0]))
        for turn, each in zip(turns[1:], differences[1:]):
            b = p.add_scaled(b, turn.imag, each)
        result[place], result[count - place] = p.add_minus_i(a, b), p.add_i(a, b)
    return result

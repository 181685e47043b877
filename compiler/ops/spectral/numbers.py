"""Arithmetic of one dtype in the loop form, written as it is read; the padding of rows; the scale of a matrix.

In: a builder and a float dtype. Out: scalars. Matrices in scratch have their rows padded with zeros to whole vectors,
so that a loop over the end of a row starts at a whole vector and needs no mask.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from lazygraph.compiler.ir.dims import Extent, ceildiv, floordiv, prove_nonnegative
from lazygraph.compiler.loop.ir import Buffer, Operand
from lazygraph.compiler.ops.lowering import BodyBuilder
from lazygraph.runtime.dtypes import DType, int64

WHOLE = 16  # elements that every vector loop takes at once
ROWS = 4  # rows that a pass over a matrix takes at once


def padded(extent: Extent) -> Extent:
    """The extent, up to whole vectors."""
    return WHOLE * ceildiv(extent, WHOLE)


def vectors_before(position: Extent) -> Extent:
    """Where the whole vector begins that holds a position."""
    return WHOLE * floordiv(position, WHOLE)


@dataclass(frozen=True)
class Numbers:
    """The operations of one float dtype, and those of counters."""

    b: BodyBuilder
    dtype: DType

    @property
    def eps(self) -> float:
        return float(np.finfo(self.dtype.numpy).eps)

    @property
    def negligible(self) -> float:
        """What is 0 beside numbers of size 1 whatever else it is beside; its square is far from underflow."""
        return 2.0**-500 if self.dtype.itemsize == 8 else 2.0**-60

    def const(self, number: float) -> Operand:
        return self.b.literal(number, self.dtype)

    def count(self, extent: Extent) -> Operand:
        return self.b.index_value(extent, int64)

    def add(self, x: Operand, y: Operand) -> Operand:
        return self.b.let("add", x, y)

    def sub(self, x: Operand, y: Operand) -> Operand:
        return self.b.let("sub", x, y)

    def mul(self, x: Operand, y: Operand) -> Operand:
        return self.b.let("mul", x, y)

    def div(self, x: Operand, y: Operand) -> Operand:
        return self.b.let("div", x, y)

    def fma(self, x: Operand, y: Operand, z: Operand) -> Operand:
        """x * y + z, rounded once where the target can."""
        return self.b.let("fma", x, y, z, dtype=self.dtype)

    def less(self, x: Operand, y: Operand) -> Operand:
        return self.b.let("lt", x, y)

    def at_most(self, x: Operand, y: Operand) -> Operand:
        return self.b.let("le", x, y)

    def equal(self, x: Operand, y: Operand) -> Operand:
        return self.b.let("eq", x, y)

    def both(self, x: Operand, y: Operand) -> Operand:
        return self.b.let("and", x, y)

    def either(self, x: Operand, y: Operand) -> Operand:
        return self.b.let("or", x, y)

    def no(self, x: Operand) -> Operand:
        return self.b.let("not", x)

    def select(self, condition: Operand, x: Operand, y: Operand) -> Operand:
        return self.b.let("select", condition, x, y)

    def neg(self, x: Operand) -> Operand:
        return self.b.let("neg", x)

    def abs(self, x: Operand) -> Operand:
        return self.b.let("abs", x)

    def sqrt(self, x: Operand) -> Operand:
        return self.b.let("sqrt", x)

    def with_sign(self, x: Operand, y: Operand) -> Operand:
        """|x| with the sign of y, which is + at 0."""
        size = self.abs(x)
        return self.select(self.less(y, self.const(0.0)), self.neg(size), size)

    def norm(self, x: Operand, y: Operand) -> Operand:
        """sqrt(x^2 + y^2) of numbers whose squares are in range."""
        return self.sqrt(self.fma(x, x, self.mul(y, y)))

    def rotation(self, f: Operand, g: Operand) -> tuple[Operand, Operand, Operand]:
        """(c, s, r) with c f + s g = r and c g - s f = 0; c = 1 and s = 0 where both are negligible.

        Squares of less would be denormal, and c^2 + s^2 not 1. r is rounded up less often than down where it is close
        to 1, and thousands of rotations would make a vector longer: (c, s) is brought to length 1 once more.
        """
        r = self.norm(f, g)
        vanishes = self.at_most(r, self.const(self.negligible))
        usable = self.select(vanishes, self.const(1.0), r)
        c, s = self.div(f, usable), self.div(g, usable)
        excess = self.mul(self.const(-0.5), self.fma(s, s, self.fma(c, c, self.const(-1.0))))
        c, s = self.fma(c, excess, c), self.fma(s, excess, s)
        return (
            self.select(vanishes, self.const(1.0), c),
            self.select(vanishes, self.const(0.0), s),
            self.select(vanishes, f, r),
        )

    def fill(self, buffer: Buffer, extent: Extent, value: Callable[[Extent], Operand], start: Extent = 0) -> None:
        """buffer[start + k] = value(start + k) for k in 0 .. extent - 1."""
        self.b.loop("vector", "k", extent, lambda k: self.b.store(buffer, (start + k,), value(start + k)))

    def total(self, extent: Extent, term: Callable[[Extent], Operand]) -> Operand:
        return self.b.reduce("add", "lanes", "k", extent, lambda k: (term(k),))[0]

    def greatest(self, rows: Extent, columns: Extent, element: Callable[[Extent, Extent], Operand]) -> Operand:
        """The greatest of a matrix of numbers >= 0; NaN if one is."""
        initial = (self.const(0.0),)

        def row(i: Extent, carried: tuple[Operand, ...]) -> Sequence[Operand]:
            found = self.b.reduce("max", "lanes", "k", columns, lambda k: (element(i, k),))
            return (self.b.let("max", carried[0], found[0]),)

        return self.b.carry("i", rows, initial, row)[0]

    def scale_to_one(self, greatest: Operand) -> tuple[Operand, Operand]:
        """A power of two that brings numbers up to `greatest` to the size of 1, and its inverse.

        One for moderate sizes, so that they are not touched; it is not greater than a float can hold, so that numbers
        below its inverse (denormal ones) stay somewhat below 1.
        """
        most = 9 if self.dtype.itemsize == 8 else 6
        scale, inverse, size = self.const(1.0), self.const(1.0), greatest
        far = self.either(
            self.less(size, self.const(2.0 ** -(1 << most - 3))), self.less(self.const(2.0 ** (1 << most - 3)), size)
        )
        for exponent in [1 << k for k in range(most, -1, -1)]:
            up, down = self.const(2.0**exponent), self.const(2.0**-exponent)
            small = self.less(size, down)
            large = self.at_most(up, size)
            factor = self.select(small, up, self.select(large, down, self.const(1.0)))
            back = self.select(small, down, self.select(large, up, self.const(1.0)))
            size, scale, inverse = self.mul(size, factor), self.mul(scale, factor), self.mul(inverse, back)
        one = self.const(1.0)
        return self.select(far, scale, one), self.select(far, inverse, one)


def tall_or_wide(x: Numbers, rows: Extent, columns: Extent, tall: Callable[[], None], wide: Callable[[], None]) -> None:
    """What is done with a matrix of at least as many rows as columns, and with another."""
    if prove_nonnegative(rows - columns):
        tall()
    elif prove_nonnegative(columns - rows):
        wide()
    else:

        def then(body: Callable[[], None]) -> Callable[[], Sequence[Operand]]:
            def fill() -> Sequence[Operand]:
                body()
                return ()

            return fill

        x.b.branch(x.at_most(x.count(columns), x.count(rows)), then(tall), then(wide))

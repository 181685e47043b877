"""Complex numbers in loops as pairs of real ones, in scratch as two planes: their sums stay whole vectors of floats.

In: a float dtype's `Numbers`. Out: pairs of scalars. A matrix holds its imaginary plane below its real one, so that
rotations, which are real, take both for one taller matrix.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from lazygraph.compiler.ir.dims import Extent
from lazygraph.compiler.loop.ir import Buffer, Index, Operand
from lazygraph.compiler.ops.spectral.numbers import Numbers

Pair = tuple[Operand, Operand]


@dataclass(frozen=True)
class Planes:
    """Element (i, ..) has its real part at (i, ..) of the buffer and its imaginary part at (rows + i, ..)."""

    x: Numbers
    buffer: Buffer
    rows: Extent

    def load(self, *place: Extent) -> Pair:
        first, *rest = place
        b = self.x.b
        return b.load(self.buffer, (first, *rest)), b.load(self.buffer, (self.rows + first, *rest))

    def store(self, place: Index, value: Pair) -> None:
        first, *rest = place
        self.x.b.store(self.buffer, (first, *rest), value[0])
        self.x.b.store(self.buffer, (self.rows + first, *rest), value[1])

    def fill(self, extent: Extent, value: Callable[[Extent], Pair], start: Extent = 0) -> None:
        """Element start + k of a vector becomes value(start + k) for k in 0 .. extent - 1."""
        self.x.b.loop("vector", "k", extent, lambda k: self.store((start + k,), value(start + k)))


@dataclass(frozen=True)
class Pairs:
    """Arithmetic of pairs."""

    x: Numbers

    @property
    def zero(self) -> Pair:
        return self.x.const(0.0), self.x.const(0.0)

    @property
    def one(self) -> Pair:
        return self.x.const(1.0), self.x.const(0.0)

    def planes(self, name: str, *shape: Extent) -> Planes:
        rows, *rest = shape
        return Planes(self.x, self.x.b.local(name, self.x.dtype, (2 * rows, *rest)), rows)

    def parts(self, z: Operand) -> Pair:
        """Of a complex scalar."""
        return self.x.b.let("real", z), self.x.b.let("imag", z)

    def whole(self, z: Pair) -> Operand:
        return self.x.b.let("complex", *z)

    def conj(self, z: Pair) -> Pair:
        return z[0], self.x.neg(z[1])

    def neg(self, z: Pair) -> Pair:
        return self.x.neg(z[0]), self.x.neg(z[1])

    def add(self, z: Pair, w: Pair) -> Pair:
        return self.x.add(z[0], w[0]), self.x.add(z[1], w[1])

    def scaled(self, factor: Operand, z: Pair) -> Pair:
        """A real factor times z."""
        return self.x.mul(factor, z[0]), self.x.mul(factor, z[1])

    def mul(self, z: Pair, w: Pair) -> Pair:
        x = self.x
        return x.fma(z[0], w[0], x.neg(x.mul(z[1], w[1]))), x.fma(z[0], w[1], x.mul(z[1], w[0]))

    def fma(self, z: Pair, w: Pair, total: Pair) -> Pair:
        """z w + total."""
        x = self.x
        return (
            x.fma(z[0], w[0], x.fma(x.neg(z[1]), w[1], total[0])),
            x.fma(z[0], w[1], x.fma(z[1], w[0], total[1])),
        )

    def select(self, condition: Operand, z: Pair, w: Pair) -> Pair:
        return self.x.select(condition, z[0], w[0]), self.x.select(condition, z[1], w[1])

    def square(self, z: Pair) -> Operand:
        """|z|^2."""
        return self.x.fma(z[0], z[0], self.x.mul(z[1], z[1]))

    def greatest_part(self, z: Pair) -> Operand:
        return self.x.b.let("max", self.x.abs(z[0]), self.x.abs(z[1]))

    def polar(self, z: Pair) -> tuple[Operand, Pair]:
        """|z|, and z / |z|, which is 1 at 0; squares of numbers up to 1 alone are taken."""
        x = self.x
        size = self.greatest_part(z)
        nothing = x.equal(size, x.const(0.0))
        usable = x.select(nothing, x.const(1.0), size)
        near = x.div(z[0], usable), x.div(z[1], usable)
        length = x.select(nothing, x.const(1.0), x.sqrt(self.square(near)))
        unit = x.div(near[0], length), x.div(near[1], length)
        return x.mul(size, length), self.select(nothing, self.one, unit)

    def sum(self, extent: Extent, term: Callable[[Extent], Pair]) -> Pair:
        re, im = self.x.b.reduce("add", "lanes", "k", extent, term)
        return re, im

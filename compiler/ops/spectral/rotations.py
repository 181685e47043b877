"""Plane rotations of neighbouring columns, many sweeps at a time.

In: a square or tall matrix, sweeps of rotations (c, s) of columns i and i + 1 in chains. Out: the matrix with its
columns rotated. It is kept in panels of some rows, each panel column after column, so that a rotation is that of two
neighbouring vectors; a chain carries the vector that its next rotation needs again in registers; and sweeps are stored
until there are several, which then pass over a panel while it is in the nearest cache.
Van Zee, van de Geijn and Quintana-Orti, Restructuring the tridiagonal and bidiagonal QR algorithms (2014).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lazygraph.compiler.ir.dims import Extent, ceildiv, floordiv, mod
from lazygraph.compiler.loop.ir import Buffer, Index, Operand
from lazygraph.compiler.ops.spectral.numbers import Numbers
from lazygraph.runtime.dtypes import int64

SWEEPS = 16  # that are stored before they are applied


@dataclass(frozen=True)
class Panels:
    """A matrix of `rows` rows by panels: element (r, i) is at (r // width, i, r % width)."""

    x: Numbers
    buffer: Buffer
    rows: Extent

    @property
    def width(self) -> Extent:
        return self.buffer.shape[2]

    def place(self, row: Extent, column: Extent) -> Index:
        return (floordiv(row, self.width), column, mod(row, self.width))

    def load(self, row: Extent, column: Extent) -> Operand:
        return self.x.b.load(self.buffer, self.place(row, column))


def in_panels(x: Numbers, name: str, matrix: Buffer) -> Panels:
    """A matrix (its rows padded to whole vectors) cut into panels."""
    b = x.b
    rows, columns = matrix.shape
    width = 128 // x.dtype.itemsize
    panels = Panels(x, b.local(name, x.dtype, (ceildiv(rows, width), columns, width)), rows)

    def panel(p: Extent) -> None:
        def column(i: Extent) -> None:
            def lane(r: Extent) -> None:
                row = p * width + r
                inside = b.in_range(row, 0, rows)
                b.store(panels.buffer, (p, i, r), b.load(matrix, (row, i), inside, x.const(0.0)))

            b.loop("vector", "r", width, lane)

        b.loop("serial", "i", columns, column)

    b.loop("serial", "p", ceildiv(rows, width), panel)
    return panels


@dataclass(frozen=True)
class Sweeps:
    """Stored sweeps: sweep t rotates columns i and i + 1 by (c[t, i], s[t, i]) for i in low[t] .. high[t] - 1."""

    x: Numbers
    columns: Extent
    c: Buffer
    s: Buffer
    low: Buffer
    high: Buffer

    def keep(self, sweep: Operand, i: Extent, c: Operand, s: Operand) -> None:
        t = self.x.b.as_index(sweep, SWEEPS)
        self.x.b.store(self.c, (t, i), c)
        self.x.b.store(self.s, (t, i), s)

    def span(self, sweep: Operand, low: Operand, high: Operand) -> None:
        t = self.x.b.as_index(sweep, SWEEPS)
        self.x.b.store(self.low, (t,), low)
        self.x.b.store(self.high, (t,), high)

    def apply(self, panels: Panels, count: Operand, downward: bool) -> None:
        """All stored sweeps, each from its highest column down, or from its lowest up.

        With x the lower and y the higher column: (x, y) becomes (c x + s y, c y - s x).
        """
        b, x = self.x.b, self.x

        def sweep(p: Extent, t: Extent) -> None:
            low = b.as_index(b.load(self.low, (t,)), self.columns)
            length = b.as_index(x.sub(b.load(self.high, (t,)), b.load(self.low, (t,))), self.columns)

            def lane(r: Extent) -> None:
                def at(i: Extent) -> Index:
                    return (p, i, r)

                def up(step: Extent, carried: tuple[Operand, ...]) -> Sequence[Operand]:
                    i = low + step
                    c, s = b.load(self.c, (t, i)), b.load(self.s, (t, i))
                    (lower,), higher = carried, b.load(panels.buffer, at(i + 1))
                    b.store(panels.buffer, at(i), x.fma(c, lower, x.mul(s, higher)))
                    return (x.fma(x.neg(s), lower, x.mul(c, higher)),)

                def down(step: Extent, carried: tuple[Operand, ...]) -> Sequence[Operand]:
                    i = low + length - 1 - step
                    c, s = b.load(self.c, (t, i)), b.load(self.s, (t, i))
                    (higher,), lower = carried, b.load(panels.buffer, at(i))
                    b.store(panels.buffer, at(i + 1), x.fma(x.neg(s), lower, x.mul(c, higher)))
                    return (x.fma(s, higher, x.mul(c, lower)),)

                begin, end = (low + length, low) if downward else (low, low + length)
                (last,) = b.carry("i", length, (b.load(panels.buffer, at(begin)),), down if downward else up)
                b.store(panels.buffer, at(end), last)

            b.loop("vector", "r", panels.width, lane)

        def panel(p: Extent) -> None:
            b.loop("serial", "t", b.as_index(count, SWEEPS + 1), lambda t: sweep(p, t))

        b.loop("serial", "p", panels.buffer.shape[0], panel)


def sweeps(x: Numbers, name: str, columns: Extent) -> Sweeps:
    """Room for sweeps over a matrix of so many columns."""
    b = x.b
    c, s = (b.local(f"{name}_{part}", x.dtype, (SWEEPS, columns)) for part in ("cosine", "sine"))
    low, high = (b.local(f"{name}_{part}", int64, (SWEEPS,)) for part in ("low", "high"))
    return Sweeps(x, columns, c, s, low, high)

"""The phase of complex vectors: each vector's element of greatest magnitude (the first of equals) is positive.

In: panels of both planes of vectors as columns; in the graph, vectors and their tangents. Out: factors of magnitude 1
and the vectors times them; the tangents of vectors that keep that phase.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lazygraph.compiler.ir.dims import Extent
from lazygraph.compiler.ir.graph import Value
from lazygraph.compiler.loop.ir import Buffer, Operand
from lazygraph.compiler.ops.compose import emit, spread
from lazygraph.compiler.ops.record import zeros
from lazygraph.compiler.ops.spectral.planes import Pair, Pairs, Planes
from lazygraph.compiler.ops.spectral.rotations import Panels
from lazygraph.runtime.dtypes import int64


@dataclass(frozen=True)
class Turned:
    """Vectors as columns of panels, times a factor each; the element of column i at row `pivots[i]` is then real."""

    c: Pairs
    panels: Panels
    rows: Extent
    factors: Planes
    pivots: Buffer

    def raw(self, row: Extent, column: Extent) -> Pair:
        return self.panels.load(row, column), self.panels.load(self.rows + row, column)

    def load(self, row: Extent, column: Extent) -> Pair:
        x = self.c.x
        re, im = self.c.mul(self.raw(row, column), self.factors.load(column))
        at_pivot = x.equal(x.b.load(self.pivots, (column,)), x.count(row))
        return re, x.select(at_pivot, x.const(0.0), im)

    def follow(self, other: Turned, signs: Buffer, count: Extent) -> None:
        """The first columns take the other's factors, times signs, in place of their own."""
        b = self.c.x.b

        def column(k: Extent) -> None:
            self.factors.store((k,), self.c.scaled(b.load(signs, (k,)), other.factors.load(k)))
            b.store(self.pivots, (k,), b.literal(-1, int64))

        b.loop("vector", "k", count, column)


def turned(c: Pairs, panels: Panels, rows: Extent, columns: Extent, name: str) -> Turned:
    """The columns with the phase that does not depend on how they were found; the panels hold two planes of rows."""
    x, b = c.x, c.x.b
    pivots = b.local(f"{name}_pivots", int64, (columns,))
    found = Turned(c, panels, rows, c.planes(f"{name}_factors", columns), pivots)

    def column(i: Extent) -> None:
        def lane(r: Extent) -> tuple[Operand, ...]:
            return c.square(found.raw(r, i)), x.count(r)

        _, row = b.reduce("argmax", "lanes", "r", rows, lane)
        place = b.let("min", b.let("max", row, x.count(0)), x.count(rows - 1))
        b.store(pivots, (i,), place)
        largest = found.raw(b.as_index(place, rows), i)
        found.factors.store((i,), c.conj(c.polar(largest)[1]))

    b.loop("serial", "i", columns, column)
    return found


def phases_of(columns: np.ndarray) -> np.ndarray:
    """What each column of matrices is multiplied by to have its greatest element positive."""
    if columns.shape[-2] == 0:
        return np.ones((*columns.shape[:-2], columns.shape[-1]), columns.dtype)
    place = np.argmax(np.abs(columns), axis=-2, keepdims=True)
    greatest = np.take_along_axis(columns, place, axis=-2)[..., 0, :]
    if columns.dtype.kind != "c":
        return np.where(greatest < 0, -1, 1).astype(columns.dtype)
    size = np.abs(greatest)
    return np.where(size == 0, 1, np.conj(greatest) / np.where(size == 0, 1, size)).astype(columns.dtype)


def turn(vectors: Value, moved: Value) -> Value:
    """How fast columns that move so turn to keep the phase of their greatest element: -Im(dp / p)."""
    rank = vectors.type.rank
    re, im = emit("real", vectors), emit("imag", vectors)
    sizes = emit("add", emit("mul", re, re), emit("mul", im, im))
    place = emit("argmax", sizes, axis=rank - 2)
    rows = emit("iota", dtype=int64, shape=vectors.shape, axis=rank - 2)
    chosen = emit("eq", rows, _over_rows(place, vectors))
    pivots, moves = (
        emit("reduce_sum", emit("select", chosen, each, zeros(each.type)), axes=(rank - 2,))
        for each in (vectors, moved)
    )
    return emit("neg", emit("imag", emit("div", moves, pivots)))


def _over_rows(x: Value, like: Value) -> Value:
    rank = like.type.rank
    return spread(x, like.shape, (*range(rank - 2), rank - 1))


def also_turning(vectors: Value, moved: Value, rate: Value) -> Value:
    """The tangents `moved` of columns that turn at the rate too: moved + i rate vectors."""
    re, im = emit("real", vectors), emit("imag", vectors)
    spun = _over_rows(rate, vectors)
    return emit("add", moved, emit("complex", emit("neg", emit("mul", spun, im)), emit("mul", spun, re)))

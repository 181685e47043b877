"""Values in order, and vectors beside them of length 1, with a sign that does not depend on how they were found.

In: values and the panels whose columns are their vectors. Out: the place of each value, and for each vector the sign
that makes its element of greatest magnitude (the first of equals) positive.
"""

from __future__ import annotations

from collections.abc import Callable

from lazygraph.compiler.ir.dims import Extent
from lazygraph.compiler.loop.ir import Buffer, Index, Operand
from lazygraph.compiler.ops.spectral.numbers import Numbers
from lazygraph.compiler.ops.spectral.rotations import Panels
from lazygraph.runtime.dtypes import int64


def sorted_places(
    x: Numbers, values: Buffer, count: Extent, before: Callable[[Operand, Operand], Operand], total: Extent
) -> Buffer:
    """order[p] is which of the values stands at p: equal ones in their order; from `count` up to `total`, p itself."""
    b = x.b
    order = b.local("order", int64, (total,))
    b.loop("vector", "p", total, lambda p: b.store(order, (p,), x.count(p)))

    def place(i: Extent) -> None:
        mine = b.load(values, (i,))

        def precedes(k: Extent) -> tuple[Operand, ...]:
            other = b.load(values, (k,))
            earlier = x.both(x.equal(other, mine), x.less(x.count(k), x.count(i)))
            return (b.let("cast", x.either(before(other, mine), earlier), dtype=int64),)

        (rank,) = b.reduce("add", "lanes", "k", count, precedes)
        b.store(order, (b.as_index(rank, count),), x.count(i))

    b.loop("serial", "i", count, place)
    return order


def signs(x: Numbers, panels: Panels, columns: Extent, name: str = "signs") -> Buffer:
    """1 or -1 for each column, with which its element of greatest magnitude is positive."""
    b = x.b
    found = b.local(name, x.dtype, (columns,))

    def column(i: Extent) -> None:
        def lane(r: Extent) -> tuple[Operand, ...]:
            return x.abs(panels.load(r, i)), x.count(r)

        _, row = b.reduce("argmax", "lanes", "r", panels.rows, lane)
        place = b.let("min", b.let("max", row, x.count(0)), x.count(panels.rows - 1))
        largest = panels.load(b.as_index(place, panels.rows), i)
        b.store(found, (i,), x.with_sign(x.const(1.0), largest))

    b.loop("serial", "i", columns, column)
    return found


def brought_to_length_one(x: Numbers, panels: Panels, columns: Extent) -> None:
    """Each column divided by its length, which thousands of rotations have changed by some roundings."""
    b = x.b
    count, _, width = panels.buffer.shape

    def column(i: Extent) -> None:
        def square(r: Extent) -> Operand:
            value = panels.load(r, i)
            return x.mul(value, value)

        length = x.sqrt(x.total(panels.rows, square))
        factor = x.div(x.const(1.0), x.select(x.equal(length, x.const(0.0)), x.const(1.0), length))

        def panel(p: Extent) -> None:
            b.loop("vector", "r", width, lambda r: _scale(x, panels, (p, i, r), factor))

        b.loop("serial", "p", count, panel)

    b.loop("serial", "i", columns, column)


def _scale(x: Numbers, panels: Panels, place: Index, factor: Operand) -> None:
    x.b.store(panels.buffer, place, x.mul(x.b.load(panels.buffer, place), factor))

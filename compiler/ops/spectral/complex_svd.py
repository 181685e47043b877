"""The singular values and vectors of one complex matrix.

In: buffers of complex matrices. Out: loops that write the decomposition of one of them. Complex reflectors from both
sides leave a bidiagonal matrix whose phases are multiplied into their products, and which is then real; its sweeps are
those of real matrices, and rotate both planes of the vectors at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lazygraph.compiler.ir import dims
from lazygraph.compiler.ir.dims import Extent
from lazygraph.compiler.ir.graph import Node
from lazygraph.compiler.loop.ir import Buffer, Index, Operand
from lazygraph.compiler.ops.lowering import BodyBuilder
from lazygraph.compiler.ops.spectral.bidiagonal import Bidiagonal, Rotating, singular_values
from lazygraph.compiler.ops.spectral.complex_reflectors import less_two_products, product_of_reflectors, reflector
from lazygraph.compiler.ops.spectral.numbers import Numbers, padded, tall_or_wide, vectors_before
from lazygraph.compiler.ops.spectral.order import brought_to_length_one, sorted_places
from lazygraph.compiler.ops.spectral.phases import Turned, turned
from lazygraph.compiler.ops.spectral.planes import Pair, Pairs, Planes
from lazygraph.compiler.ops.spectral.rotations import in_panels, sweeps


@dataclass(frozen=True)
class _Form:
    """a = Q L B R^H P^H: B real and bidiagonal, L and R diagonal of phases, Q and P by the vectors of reflectors."""

    real: Bidiagonal  # its diagonal, what is above it, and the factors of the reflectors
    left: Planes
    left_phases: Planes
    right: Planes
    right_phases: Planes


def _bidiagonalize(c: Pairs, a: Planes, q: Extent, left_columns: Extent) -> _Form:
    """Both factors of `a`, of which `q` columns count and the rest are zeros: as `bidiagonalize`, with adjoints.

    A step makes a reflector v of column j and one of the conjugated row j, u. The pass over the rows below subtracts
    v z^H + y u^H of the step before and sums v^H a for the first; another one reads the rows again and sums a u.
    """
    x, b = c.x, c.x.b
    rows, columns = a.rows, a.buffer.shape[1]
    left, right = c.planes("left", q, rows), c.planes("right", q, columns)
    diagonal, above, left_taus, right_taus = (
        b.local(name, x.dtype, (q,)) for name in ("diagonal", "above", "left_taus", "right_taus")
    )
    found = _Form(
        Bidiagonal(diagonal, above, left.buffer, left_taus, right.buffer, right_taus),
        left,
        c.planes("left_phases", left_columns),
        right,
        c.planes("right_phases", columns),
    )
    for phases in (found.left_phases, found.right_phases):
        phases.fill(phases.rows, lambda k: c.one)
    v, y, column = (c.planes(name, rows) for name in ("v", "y", "column"))
    u, z, row, sums = (c.planes(name, columns) for name in ("u", "z", "row", "sums"))
    for each in (v, y, u, z):
        each.fill(each.rows, lambda k: c.zero)

    def step(j: Extent) -> None:
        by_v, by_y = c.neg(c.conj(z.load(j))), c.neg(c.conj(u.load(j)))

        def updated(i: Extent) -> Pair:
            return c.fma(by_v, v.load(i), c.fma(by_y, y.load(i), a.load(i, j)))

        def behind(k: Extent, value: Pair, limit: Extent) -> Pair:
            return c.select(x.less(x.count(limit), x.count(k)), value, c.zero)

        alpha = updated(j)
        column.fill(rows, lambda i: behind(i, updated(i), j))
        tau, beta = reflector(c, column, j, rows, alpha)
        size, unit = c.polar(beta)
        left_phase = c.polar(c.mul(unit, found.right_phases.load(j)))[1]
        found.left_phases.store((j,), left_phase)
        b.store(diagonal, (j,), size)
        b.store(left_taus, (j,), tau)
        start = vectors_before(j)
        sums.fill(columns - start, lambda k: c.zero, start)
        less_two_products(c, a, j, start, ((v, z), (y, u)), column, sums)
        z.fill(columns - start, lambda k: behind(k, c.scaled(tau, c.conj(sums.load(k))), j), start)

        def rest_of_row(k: Extent) -> Pair:
            return c.add(c.conj(a.load(j, k)), c.neg(z.load(k)))

        row.fill(columns, lambda k: behind(k, rest_of_row(k), j + 1))

        def reflect_row() -> Sequence[Operand]:
            right_tau, right_beta = reflector(c, row, j + 1, columns, rest_of_row(j + 1))
            size, unit = c.polar(right_beta)
            found.right_phases.store((j + 1,), c.polar(c.mul(unit, left_phase))[1])
            return right_tau, size

        zero = x.const(0.0)
        right_tau, size = b.branch(x.less(x.count(j + 1), x.count(q)), reflect_row, lambda: (zero, zero))
        b.store(above, (j,), size)
        b.store(right_taus, (j,), right_tau)
        behind_j = vectors_before(j + 1)
        width = columns - behind_j
        along = c.neg(c.sum(width, lambda k: c.mul(c.conj(z.load(behind_j + k)), row.load(behind_j + k))))
        y.store((j,), c.zero)

        def times_row(back: Extent) -> None:
            i = j + 1 + back
            total = c.sum(width, lambda k: c.mul(a.load(i, behind_j + k), row.load(behind_j + k)))
            y.store((i,), c.scaled(right_tau, c.fma(column.load(i), along, total)))

        b.loop("serial", "i", rows - j - 1, times_row)
        v.fill(rows, column.load)
        u.fill(columns, row.load)
        b.loop("vector", "i", rows, lambda i: left.store((j, i), column.load(i)))
        b.loop("vector", "k", columns, lambda k: right.store((j, k), row.load(k)))

    b.loop("serial", "j", q, step)
    return found


class ComplexDecomposition:
    """One matrix: scaled by a power of two to the size of 1, and its adjoint where it has more columns than rows."""

    def __init__(self, b: BodyBuilder, node: Node, source: Buffer, outputs: tuple[Buffer, ...], at: Index) -> None:
        self.b, self.node, self.source, self.outputs, self.at = b, node, source, outputs, at
        self.x = Numbers(b, source.dtype.part)
        self.c = Pairs(self.x)
        self.m, self.n = source.shape[-2:]
        self.long, self.short = dims.maximum(self.m, self.n), dims.minimum(self.m, self.n)

    def write(self) -> None:
        b, x, c = self.b, self.x, self.c
        long, short = self.long, self.short
        greatest = x.greatest(
            self.m, self.n, lambda i, k: c.greatest_part(c.parts(b.load(self.source, (*self.at, i, k))))
        )
        scale, inverse = x.scale_to_one(greatest)
        finite = x.less(greatest, x.const(float("inf")))
        a = c.planes("a", padded(long), padded(short))
        tall_or_wide(x, self.m, self.n, lambda: self.copy(a, scale, False), lambda: self.copy(a, scale, True))
        with_vectors = len(self.outputs) == 3
        total = long if with_vectors and self.node["full_matrices"] else short
        form = _bidiagonalize(c, a, short, padded(total))
        rotating = None
        if with_vectors:
            left = c.planes("long_vectors", padded(long), padded(total))
            right = c.planes("short_vectors", padded(short), padded(short))
            product_of_reflectors(c, form.left, form.real.left_taus, short, 0, left, form.left_phases)
            product_of_reflectors(c, form.right, form.real.right_taus, short - 1, 1, right, form.right_phases)
            rotating = Rotating(
                sweeps(x, "left", short),
                in_panels(x, "long_panels", left.buffer),
                sweeps(x, "right", short),
                in_panels(x, "short_panels", right.buffer),
            )
        found = singular_values(x, short, form.real, finite, rotating)
        b.check(self.node, "converge", x.equal(found, x.count(short)), (found, x.count(short)))
        sizes, signs = b.local("sizes", x.dtype, (short,)), b.local("turned", x.dtype, (short,))

        def size(k: Extent) -> None:
            value = b.load(form.real.diagonal, (k,))
            b.store(sizes, (k,), x.abs(value))
            b.store(signs, (k,), x.with_sign(x.const(1.0), value))

        b.loop("vector", "k", short, size)
        order = sorted_places(x, sizes, short, lambda mine, other: x.less(other, mine), total)
        values = self.outputs[1] if with_vectors else self.outputs[0]

        def value(p: Extent) -> None:
            place = b.as_index(b.load(order, (p,)), short)
            b.store(values, (*self.at, p), x.mul(b.load(sizes, (place,)), inverse))

        b.loop("vector", "p", short, value)
        if rotating is not None:
            self.vectors(rotating, order, signs)

    def copy(self, a: Planes, scale: Operand, wide: bool) -> None:
        b, x, c = self.b, self.x, self.c

        def row(i: Extent) -> None:
            def column(k: Extent) -> None:
                inside = x.both(b.in_range(i, 0, self.long), b.in_range(k, 0, self.short))
                place = (*self.at, k, i) if wide else (*self.at, i, k)
                value = c.parts(b.load(self.source, place, inside, b.literal(0.0, self.source.dtype)))
                a.store((i, k), c.scaled(scale, c.conj(value) if wide else value))

            b.loop("vector", "k", a.buffer.shape[1], column)

        b.loop("serial", "i", a.rows, row)

    def vectors(self, rotating: Rotating, order: Buffer, signs: Buffer) -> None:
        """u and vh out of the panels; the vectors of one side of a pair take their phase from those of u."""
        c, x = self.c, self.x
        long, short = rotating.left_panels, rotating.right_panels
        count = order.shape[0]
        brought_to_length_one(x, long, count)
        brought_to_length_one(x, short, self.short)
        of_long = turned(c, long, padded(self.long), count, "long")
        of_short = turned(c, short, padded(self.short), self.short, "short")

        def tall() -> None:
            of_short.follow(of_long, signs, self.short)
            self.columns(of_long, order, count)
            self.rows(of_short, order, self.short)

        def wide() -> None:
            of_long.follow(of_short, signs, self.short)
            self.columns(of_short, order, self.short)
            self.rows(of_long, order, count)

        tall_or_wide(x, self.m, self.n, tall, wide)

    def columns(self, vectors: Turned, order: Buffer, bound: Extent) -> None:
        b, target = self.b, self.outputs[0]

        def row(r: Extent) -> None:
            def column(p: Extent) -> None:
                place = b.as_index(b.load(order, (p,)), bound)
                b.store(target, (*self.at, r, p), self.c.whole(vectors.load(r, place)))

            b.loop("vector", "p", target.shape[-1], column)

        b.loop("serial", "r", target.shape[-2], row)

    def rows(self, vectors: Turned, order: Buffer, bound: Extent) -> None:
        b, c, target = self.b, self.c, self.outputs[2]

        def row(p: Extent) -> None:
            place = b.as_index(b.load(order, (p,)), bound)

            def column(r: Extent) -> None:
                b.store(target, (*self.at, p, r), c.whole(c.conj(vectors.load(r, place))))

            b.loop("vector", "r", target.shape[-1], column)

        b.loop("serial", "p", target.shape[-2], row)

"""A matrix to bidiagonal form by reflectors from both sides, and the singular values of that by implicit sweeps.

In: a matrix in scratch with at least as many rows as columns. Out: its diagonal and superdiagonal, then its singular
values; the reflectors; the rotations. Golub and Van Loan, Matrix Computations, 5.4 and 8.6; Demmel and Kahan, Accurate
singular values of bidiagonal matrices (1990), for sweeps without a shift.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lazygraph.compiler.ir.dims import Extent
from lazygraph.compiler.loop.ir import Buffer, Operand
from lazygraph.compiler.ops.spectral.numbers import Numbers, vectors_before
from lazygraph.compiler.ops.spectral.reflectors import less_two_products, reflector
from lazygraph.compiler.ops.spectral.rotations import SWEEPS, Panels, Sweeps

SWEEPS_PER_VALUE = 30  # a singular value takes about two; a matrix with NaN takes them all


@dataclass(frozen=True)
class Bidiagonal:
    """a = Q B P^T: B's diagonal and what is above it, and the vectors of the reflectors of Q and P, row by row."""

    diagonal: Buffer
    above: Buffer
    left: Buffer  # the 1 of row j is at j
    left_taus: Buffer
    right: Buffer  # the 1 of row j is at j + 1
    right_taus: Buffer


def bidiagonalize(x: Numbers, a: Buffer, q: Extent) -> Bidiagonal:
    """Both factors of `a`, of which `q` columns count and the rest are zeros.

    A step makes a reflector v of column j and one of row j, u. The pass over the rows below subtracts v z^T + y u^T of
    the step before and sums v^T a for the first; another one reads the rows again and sums a u for the second.
    """
    b = x.b
    rows, columns = a.shape
    zero = x.const(0.0)
    found = Bidiagonal(
        b.local("diagonal", x.dtype, (q,)),
        b.local("above", x.dtype, (q,)),
        b.local("left", x.dtype, (q, rows)),
        b.local("left_taus", x.dtype, (q,)),
        b.local("right", x.dtype, (q, columns)),
        b.local("right_taus", x.dtype, (q,)),
    )
    v, y, column = (b.local(name, x.dtype, (rows,)) for name in ("v", "y", "column"))
    u, z, row, sums = (b.local(name, x.dtype, (columns,)) for name in ("u", "z", "row", "sums"))
    for each, extent in ((v, rows), (y, rows), (u, columns), (z, columns)):
        x.fill(each, extent, lambda k: zero)

    def step(j: Extent) -> None:
        by_v, by_y = x.neg(b.load(z, (j,))), x.neg(b.load(u, (j,)))

        def updated(i: Extent) -> Operand:
            return x.fma(by_v, b.load(v, (i,)), x.fma(by_y, b.load(y, (i,)), b.load(a, (i, j))))

        def behind(k: Extent, value: Operand, limit: Extent) -> Operand:
            return x.select(x.less(x.count(limit), x.count(k)), value, zero)

        alpha = updated(j)
        x.fill(column, rows, lambda i: behind(i, updated(i), j))
        tau, beta = reflector(x, column, j, rows, alpha)
        b.store(found.diagonal, (j,), beta)
        b.store(found.left_taus, (j,), tau)
        start = vectors_before(j)
        x.fill(sums, columns - start, lambda k: zero, start)
        less_two_products(x, a, j, rows, start, columns, ((v, z), (y, u)), column, sums)
        x.fill(z, columns - start, lambda k: behind(k, x.mul(tau, b.load(sums, (k,))), j), start)
        x.fill(row, columns, lambda k: behind(k, x.sub(b.load(a, (j, k)), b.load(z, (k,))), j + 1))

        def reflect_row() -> Sequence[Operand]:
            first = x.sub(b.load(a, (j, j + 1)), b.load(z, (j + 1,)))
            return reflector(x, row, j + 1, columns, first)

        right_tau, right_beta = b.branch(x.less(x.count(j + 1), x.count(q)), reflect_row, lambda: (zero, zero))
        b.store(found.above, (j,), right_beta)
        b.store(found.right_taus, (j,), right_tau)
        behind_j = vectors_before(j + 1)
        along = x.total(columns - behind_j, lambda k: x.mul(b.load(z, (behind_j + k,)), b.load(row, (behind_j + k,))))
        b.store(y, (j,), zero)

        def times_row(back: Extent) -> None:
            i = j + 1 + back
            total = x.total(
                columns - behind_j, lambda k: x.mul(b.load(a, (i, behind_j + k)), b.load(row, (behind_j + k,)))
            )
            b.store(y, (i,), x.mul(right_tau, x.fma(x.neg(b.load(column, (i,))), along, total)))

        b.loop("serial", "i", rows - j - 1, times_row)
        x.fill(v, rows, lambda i: b.load(column, (i,)))
        x.fill(u, columns, lambda k: b.load(row, (k,)))
        b.loop("vector", "i", rows, lambda i: b.store(found.left, (j, i), b.load(column, (i,))))
        b.loop("vector", "k", columns, lambda k: b.store(found.right, (j, k), b.load(row, (k,))))

    b.loop("serial", "j", q, step)
    return found


@dataclass(frozen=True)
class Rotating:
    """The sweeps of both sides, and the panels whose columns they rotate."""

    left: Sweeps
    left_panels: Panels
    right: Sweeps
    right_panels: Panels

    def apply(self, count: Operand) -> None:
        self.left.apply(self.left_panels, count, downward=False)
        self.right.apply(self.right_panels, count, downward=False)


def singular_values(
    x: Numbers, q: Extent, bidiagonal: Bidiagonal, finite: Operand, rotating: Rotating | None
) -> Operand:
    """The singular values of B, of either sign and in no order, in place of its diagonal; gives how many were found.

    Blocks are taken from the bottom. There are no sweeps unless B is finite.
    """
    b = x.b
    d, e = bidiagonal.diagonal, bidiagonal.above
    one = x.count(1)

    def place(counter: Operand) -> Extent:
        return b.as_index(b.let("max", counter, x.count(0)), q)

    def negligible(counter: Operand) -> Operand:
        """|e_i| is nothing beside its neighbours on the diagonal."""
        sizes = x.add(x.abs(b.load(d, (place(counter),))), x.abs(b.load(d, (place(x.add(counter, one)),))))
        return x.at_most(x.abs(b.load(e, (place(counter),))), x.fma(x.const(x.eps), sizes, x.const(x.negligible)))

    def start_of_block(high: Operand) -> Operand:
        def goes_on(carried: tuple[Operand, ...]) -> Operand:
            (low,) = carried
            before = b.let("max", x.sub(low, one), x.count(0))
            return x.both(x.less(x.count(0), low), x.no(negligible(before)))

        return b.while_((high,), goes_on, lambda carried: (x.sub(carried[0], one),))[0]

    def step(carried: tuple[Operand, ...]) -> Sequence[Operand]:
        left, budget, stored = carried
        high = x.sub(left, one)
        low = start_of_block(high)

        def sweep() -> Sequence[Operand]:
            _sweep(x, q, d, e, low, high, None if rotating is None else (rotating, stored))
            if rotating is None:
                return left, x.sub(budget, one), stored
            for each in (rotating.left, rotating.right):
                each.span(stored, low, high)
            count = x.add(stored, one)

            def flush() -> Sequence[Operand]:
                rotating.apply(count)
                return (x.count(0),)

            (kept,) = b.branch(x.equal(count, x.count(SWEEPS)), flush, lambda: (count,))
            return left, x.sub(budget, one), kept

        return b.branch(x.equal(low, high), lambda: (high, budget, stored), sweep)

    def goes_on(carried: tuple[Operand, ...]) -> Operand:
        return x.both(x.less(x.count(0), carried[0]), x.less(x.count(0), carried[1]))

    budget = x.select(finite, x.count(SWEEPS_PER_VALUE * q), x.count(0))
    left, _, stored = b.while_((x.count(q), budget, x.count(0)), goes_on, step)
    if rotating is not None:
        rotating.apply(stored)
    return x.sub(x.count(q), left)


def _sweep(
    x: Numbers, q: Extent, d: Buffer, e: Buffer, low: Operand, high: Operand, kept: tuple[Rotating, Operand] | None
) -> None:
    """One sweep over rows low .. high of B, from the top to the bottom; low < high.

    Without a shift where the shift would be nothing, or where an element of the diagonal is nothing beside another: the
    smallest singular value is then 0 to all digits, and one such sweep brings it to the bottom.
    """
    b = x.b
    first, end = b.as_index(low, q), b.as_index(high, q)
    length = b.as_index(x.sub(high, low), q)
    least, most = (
        b.reduce(combine, "lanes", "k", length + 1, lambda k: (x.abs(b.load(d, (first + k,))),))[0]
        for combine in ("min", "max")
    )
    top = b.load(d, (first,))
    shift = _smallest_of_two(x, b.load(d, (end - 1,)), b.load(e, (end - 1,)), b.load(d, (end,)))
    eps = x.const(x.eps)
    unshifted = x.either(
        x.at_most(least, x.mul(eps, most)), x.at_most(x.mul(shift, shift), x.mul(eps, x.mul(top, top)))
    )

    def keep(i: Extent, right: tuple[Operand, Operand], left: tuple[Operand, Operand]) -> None:
        if kept is not None:
            rotating, sweep = kept
            rotating.right.keep(sweep, i, *right)
            rotating.left.keep(sweep, i, *left)

    def above(i: Extent, value: Operand, step: Extent) -> None:
        """e[i - 1] = value, but not above the block."""
        b.store(e, (b.as_index(b.let("max", x.count(i - 1), x.count(0)), q),), value, x.less(x.count(0), x.count(step)))

    def without() -> Sequence[Operand]:
        def rotate(step: Extent, carried: tuple[Operand, ...]) -> Sequence[Operand]:
            c, old_c, old_s, mine = carried
            i = first + step
            following = b.load(d, (i + 1,))
            c, s, r = x.rotation(x.mul(mine, c), b.load(e, (i,)))
            above(i, x.mul(old_s, r), step)
            old_c, old_s, turned = x.rotation(x.mul(old_c, r), x.mul(following, s))
            b.store(d, (i,), turned)
            keep(i, (c, s), (old_c, old_s))
            return c, old_c, old_s, following

        one, zero = x.const(1.0), x.const(0.0)
        c, old_c, old_s, last = b.carry("i", length, (one, one, zero, top), rotate)
        rest = x.mul(last, c)
        b.store(d, (end,), x.mul(rest, old_c))
        b.store(e, (end - 1,), x.mul(rest, old_s))
        return ()

    def shifted() -> Sequence[Operand]:
        """f and g are what the next rotation of columns is to bring to (r, 0)."""

        def rotate(step: Extent, carried: tuple[Operand, ...]) -> Sequence[Operand]:
            f, g, mine, off = carried
            i = first + step
            following = b.load(d, (i + 1,))
            c, s, r = x.rotation(f, g)
            above(i, r, step)
            f = x.fma(c, mine, x.mul(s, off))
            off = x.fma(c, off, x.neg(x.mul(s, mine)))
            g, following = x.mul(s, following), x.mul(c, following)
            left_c, left_s, turned = x.rotation(f, g)
            b.store(d, (i,), turned)
            f = x.fma(left_c, off, x.mul(left_s, following))
            following = x.fma(left_c, following, x.neg(x.mul(left_s, off)))
            beyond = b.load(e, (i + 1,))
            keep(i, (c, s), (left_c, left_s))
            return f, x.mul(left_s, beyond), following, x.mul(left_c, beyond)

        sign = x.with_sign(x.const(1.0), top)
        f = x.mul(x.sub(x.abs(top), shift), x.add(sign, x.div(shift, top)))
        off = b.load(e, (first,))
        f, _, last, _ = b.carry("i", length, (f, off, top, off), rotate)
        b.store(d, (end,), last)
        b.store(e, (end - 1,), f)
        return ()

    b.branch(unshifted, without, shifted)


def _smallest_of_two(x: Numbers, f: Operand, g: Operand, h: Operand) -> Operand:
    """The smaller singular value of [[f, g], [0, h]]: |f h| over the greater one, from ratios that are at most 1.

    The two are s, S with s S = |f h| and (S +- s)^2 = (f +- h)^2 + g^2 for |f|, |h|.
    """
    one, zero = x.const(1.0), x.const(0.0)
    f, g, h = x.abs(f), x.abs(g), x.abs(h)
    low, high = x.b.let("min", f, h), x.b.let("max", f, h)
    size = x.b.let("max", high, g)
    size = x.select(x.equal(size, zero), one, size)
    low_part, high_part, beside = x.div(low, size), x.div(high, size), x.div(g, size)
    total = x.norm(x.add(high_part, low_part), beside)
    difference = x.norm(x.sub(high_part, low_part), beside)
    greatest = x.mul(x.const(0.5), x.add(total, difference))
    usable = x.select(x.equal(greatest, zero), one, greatest)
    return x.mul(low, x.div(high_part, usable))

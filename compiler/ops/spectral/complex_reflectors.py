"""Householder reflectors H = 1 - tau v v^H of complex vectors, v[first] = 1 and tau real, so that H = H^H.

In: vectors in planes. Out: as in `reflectors`. What H leaves of a vector has a phase; phases are multiplied into the
columns of the product of all reflectors at last, and what is beside the diagonal becomes real.
Golub and Van Loan, Matrix Computations, 5.1.13.
"""

from __future__ import annotations

from lazygraph.compiler.ir.dims import Extent
from lazygraph.compiler.loop.ir import Buffer, Operand
from lazygraph.compiler.ops.spectral.numbers import vectors_before
from lazygraph.compiler.ops.spectral.planes import Pair, Pairs, Planes
from lazygraph.compiler.ops.spectral.reflectors import four_rows


def reflector(c: Pairs, row: Planes, first: Extent, length: Extent, alpha: Pair) -> tuple[Operand, Pair]:
    """The reflector that takes (alpha, row[first + 1], ...) to (beta, 0, ...): v replaces the row; gives (tau, beta).

    `row` is zero up to `first` and behind the length. tau is 0 and nothing is reflected where all but alpha is
    negligible.
    """
    x = c.x
    start = vectors_before(first)
    rest = x.total(length - start, lambda k: c.square(row.load(start + k)))
    vanishes = x.at_most(rest, x.const(x.negligible**2))
    size, unit = c.polar(alpha)
    whole = x.select(vanishes, x.const(1.0), x.sqrt(x.fma(size, size, rest)))
    reach = x.add(size, whole)
    zero = x.const(0.0)
    beta = c.select(vanishes, alpha, c.scaled(x.neg(whole), unit))
    tau = x.select(vanishes, zero, x.div(reach, whole))
    factor = c.scaled(x.select(vanishes, zero, x.div(x.const(1.0), reach)), c.conj(unit))
    row.fill(length - start, lambda k: c.mul(row.load(k), factor), start)
    row.store((first,), c.one)
    return tau, beta


def less_two_products(
    c: Pairs,
    a: Planes,
    first: Extent,
    start: Extent,
    products: tuple[tuple[Planes, Planes], tuple[Planes, Planes]],
    weights: Planes,
    sums: Planes,
) -> None:
    """a = a - p q^H - r s^H for ((p, q), (r, s)), and sums = sums + weights^H a: the rows from `first` on, which are
    taken by four, of the columns from `start`, where a vector begins. One pass reads and writes the matrix.
    """
    (p, q), (r, s) = products
    end = a.buffer.shape[1]

    def of_rows(group: list[Extent]) -> None:
        by_q = [c.neg(p.load(i)) for i in group]
        by_s = [c.neg(r.load(i)) for i in group]
        each_weight = [c.conj(weights.load(i)) for i in group]

        def column(k: Extent) -> None:
            at = start + k
            one, other, total = c.conj(q.load(at)), c.conj(s.load(at)), sums.load(at)
            for i, left, right, weight in zip(group, by_q, by_s, each_weight):
                value = c.fma(left, one, c.fma(right, other, a.load(i, at)))
                a.store((i, at), value)
                total = c.fma(weight, value, total)
            sums.store((at,), total)

        c.x.b.loop("vector", "k", end - start, column)

    four_rows(c.x, first, a.rows, of_rows)


def product_of_reflectors(
    c: Pairs, vectors: Planes, taus: Buffer, count: Extent, shift: int, target: Planes, phases: Planes
) -> None:
    """target = H_0 H_1 ... H_(count - 1) diag(phases); v of H_j is row j, with its 1 at j + shift.

    From the last to the first. One pass over the matrix subtracts what H_(j + 1) takes away, p z^T, and sums
    v^H target for H_j.
    """
    x, b = c.x, c.x.b
    rows, columns = target.rows, target.buffer.shape[1]
    p, z, sums = c.planes("p", rows), c.planes("z", columns), c.planes("sums", columns)

    def identity(i: Extent) -> None:
        def column(k: Extent) -> None:
            target.store((i, k), c.select(x.equal(x.count(i), x.count(k)), c.one, c.zero))

        b.loop("vector", "k", columns, column)

    b.loop("serial", "i", rows, identity)
    p.fill(rows, lambda k: c.zero)
    z.fill(columns, lambda k: c.zero)

    def step(back: Extent) -> None:
        j = count - 1 - back
        start = vectors_before(j + shift)
        sums.fill(columns - start, lambda k: c.zero, start)

        def update(group: list[Extent]) -> None:
            removed = [c.neg(p.load(i)) for i in group]
            weights = [c.conj(vectors.load(j, i)) for i in group]

            def column(k: Extent) -> None:
                taken, total = z.load(start + k), sums.load(start + k)
                for i, factor, weight in zip(group, removed, weights):
                    value = c.fma(factor, taken, target.load(i, start + k))
                    target.store((i, start + k), value)
                    total = c.fma(weight, value, total)
                sums.store((start + k,), total)

            b.loop("vector", "k", columns - start, column)

        four_rows(x, j + shift, rows, update)
        tau = b.load(taus, (j,))
        p.fill(rows, lambda k: c.scaled(tau, vectors.load(j, k)))
        z.fill(columns - start, sums.load, start)

    b.loop("serial", "j", count, step)

    def last(i: Extent) -> None:
        removed = c.neg(p.load(i))

        def column(k: Extent) -> None:
            target.store((i, k), c.mul(c.fma(removed, z.load(k), target.load(i, k)), phases.load(k)))

        b.loop("vector", "k", columns, column)

    b.loop("serial", "i", rows, last)

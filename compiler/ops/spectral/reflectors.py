"""Householder reflectors H = 1 - tau v v^T with v[first] = 1: made from a row, and multiplied into a matrix.

In: rows in scratch. Out: rows that hold v, zero before `first`; the product of all reflectors, row by row.
Golub and Van Loan, Matrix Computations, 5.1.
"""

from __future__ import annotations

from collections.abc import Callable

from lazygraph.compiler.ir.dims import Extent, ceildiv, floordiv
from lazygraph.compiler.loop.ir import Buffer, Operand
from lazygraph.compiler.ops.spectral.numbers import ROWS, Numbers, vectors_before


def reflector(x: Numbers, row: Buffer, first: Extent, length: Extent, alpha: Operand) -> tuple[Operand, Operand]:
    """The reflector that takes (alpha, row[first + 1], ...) to (beta, 0, ...): v replaces the row; gives (tau, beta).

    `row` is zero up to `first` and behind the length. tau is 0 and nothing is
    reflected where all but alpha is negligible: squares of less would be denormal.
    """
    b = x.b
    start = vectors_before(first)

    def square(k: Extent) -> Operand:
        value = b.load(row, (start + k,))
        return x.mul(value, value)

    rest = x.total(length - start, square)
    vanishes = x.at_most(rest, x.const(x.negligible**2))
    size = x.sqrt(x.fma(alpha, alpha, rest))
    beta = x.select(vanishes, alpha, x.neg(x.with_sign(size, alpha)))
    tau = x.select(vanishes, x.const(0.0), x.div(x.sub(beta, alpha), beta))
    factor = x.select(vanishes, x.const(0.0), x.div(x.const(1.0), x.sub(alpha, beta)))
    x.fill(row, length - start, lambda k: x.mul(b.load(row, (k,)), factor), start)
    b.store(row, (first,), x.const(1.0))
    return tau, beta


def four_rows(x: Numbers, first: Extent, rows: Extent, body: Callable[[list[Extent]], None]) -> None:
    """The rows from `first` on, four at a time; the first four may begin before it, `rows` is a multiple of four."""
    begin = floordiv(first, ROWS)
    x.b.loop(
        "serial", "rows", ceildiv(rows, ROWS) - begin,
        lambda group: body([ROWS * (begin + group) + each for each in range(ROWS)]),
    )  # fmt: skip


def less_two_products(
    x: Numbers,
    a: Buffer,
    first: Extent,
    rows: Extent,
    start: Extent,
    end: Extent,
    products: tuple[tuple[Buffer, Buffer], tuple[Buffer, Buffer]],
    weights: Buffer,
    sums: Buffer,
) -> None:
    """a = a - p q^T - r s^T for ((p, q), (r, s)), and sums = sums + weights^T a: the rows from `first` on, which are
    taken by four, of the columns from `start`, where a vector begins, to `end`. One pass reads and writes the matrix.
    """
    b = x.b
    (p, q), (r, s) = products

    def of_rows(group: list[Extent]) -> None:
        by_q = [x.neg(b.load(p, (i,))) for i in group]
        by_s = [x.neg(b.load(r, (i,))) for i in group]
        each_weight = [b.load(weights, (i,)) for i in group]

        def column(k: Extent) -> None:
            at = start + k
            one, other, total = b.load(q, (at,)), b.load(s, (at,)), b.load(sums, (at,))
            for i, left, right, weight in zip(group, by_q, by_s, each_weight):
                value = x.fma(left, one, x.fma(right, other, b.load(a, (i, at))))
                b.store(a, (i, at), value)
                total = x.fma(weight, value, total)
            b.store(sums, (at,), total)

        b.loop("vector", "k", end - start, column)

    four_rows(x, first, rows, of_rows)


def product_of_reflectors(x: Numbers, vectors: Buffer, taus: Buffer, count: Extent, shift: int, target: Buffer) -> None:
    """target = H_0 H_1 ... H_(count - 1), as many columns as it has; v of H_j is row j, with its 1 at j + shift.

    From the last to the first, so that H_j meets the identity up to row j + shift. One pass over the matrix subtracts
    what H_(j + 1) takes away, c z^T, and sums v^T target for H_j.
    """
    b = x.b
    rows, columns = target.shape
    zero, one = x.const(0.0), x.const(1.0)
    c, z, sums = (
        b.local(name, x.dtype, (extent,)) for name, extent in (("c", rows), ("z", columns), ("sums", columns))
    )

    def identity(i: Extent) -> None:
        b.loop(
            "vector",
            "k",
            columns,
            lambda k: b.store(target, (i, k), x.select(x.equal(x.count(i), x.count(k)), one, zero)),
        )

    b.loop("serial", "i", rows, identity)
    x.fill(c, rows, lambda k: zero)
    x.fill(z, columns, lambda k: zero)

    def step(back: Extent) -> None:
        j = count - 1 - back
        start = vectors_before(j + shift)
        x.fill(sums, columns - start, lambda k: zero, start)

        def update(group: list[Extent]) -> None:
            removed = [x.neg(b.load(c, (i,))) for i in group]
            weights = [b.load(vectors, (j, i)) for i in group]

            def column(k: Extent) -> None:
                taken, total = b.load(z, (start + k,)), b.load(sums, (start + k,))
                for i, factor, weight in zip(group, removed, weights):
                    value = x.fma(factor, taken, b.load(target, (i, start + k)))
                    b.store(target, (i, start + k), value)
                    total = x.fma(weight, value, total)
                b.store(sums, (start + k,), total)

            b.loop("vector", "k", columns - start, column)

        four_rows(x, j + shift, rows, update)
        tau = b.load(taus, (j,))
        x.fill(c, rows, lambda k: x.mul(tau, b.load(vectors, (j, k))))
        x.fill(z, columns - start, lambda k: b.load(sums, (k,)), start)

    b.loop("serial", "j", count, step)

    def last(i: Extent) -> None:
        removed = x.neg(b.load(c, (i,)))
        b.loop(
            "vector",
            "k",
            columns,
            lambda k: b.store(target, (i, k), x.fma(removed, b.load(z, (k,)), b.load(target, (i, k)))),
        )

    b.loop("serial", "i", rows, last)

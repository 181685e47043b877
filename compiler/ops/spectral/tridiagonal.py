"""A symmetric matrix to tridiagonal form by reflectors, and the eigenvalues of that by implicit QL sweeps.

In: a matrix in scratch. Out: its diagonal and off-diagonal, then its eigenvalues; the reflectors; the rotations.
Golub and Van Loan, Matrix Computations, 8.3; Parlett, The Symmetric Eigenvalue Problem, 8.
"""

from __future__ import annotations

from collections.abc import Sequence

from lazygraph.compiler.ir.dims import Extent
from lazygraph.compiler.loop.ir import Buffer, Operand
from lazygraph.compiler.ops.spectral.numbers import Numbers, padded, vectors_before
from lazygraph.compiler.ops.spectral.reflectors import less_two_products, reflector
from lazygraph.compiler.ops.spectral.rotations import SWEEPS, Panels, Sweeps

SWEEPS_PER_VALUE = 30  # an eigenvalue takes fewer than two; a matrix with NaN takes them all


def tridiagonalize(x: Numbers, a: Buffer, n: Extent, diagonal: Buffer, beside: Buffer, taus: Buffer) -> None:
    """a = Q T Q^T with T tridiagonal: its diagonal, its off-diagonal (beside[n - 1] is left alone), and in row j of `a`
    the vector of reflector j, whose 1 is at j + 1.

    A step makes a reflector of row j, u. The pass over the rows below subtracts v w^T + w v^T of the step before, and
    sums a u, so that the matrix is read and written once.
    """
    b = x.b
    length = padded(n)
    zero = x.const(0.0)
    v, w, u, y = (b.local(name, x.dtype, (length,)) for name in ("v", "w", "u", "y"))
    for each in (v, w, u):
        x.fill(each, length, lambda k: zero)

    def step(j: Extent) -> None:
        from_j = vectors_before(j)
        factor_w, factor_v = x.neg(b.load(v, (j,))), x.neg(b.load(w, (j,)))

        def updated(k: Extent) -> Operand:
            return x.fma(factor_w, b.load(w, (k,)), x.fma(factor_v, b.load(v, (k,)), b.load(a, (j, k))))

        def reflect() -> Sequence[Operand]:
            alpha = updated(j + 1)
            x.fill(u, length - from_j, lambda k: x.select(x.less(x.count(j + 1), x.count(k)), updated(k), zero), from_j)
            tau, beta = reflector(x, u, j + 1, length, alpha)
            b.store(beside, (j,), beta)
            b.store(taus, (j,), tau)
            start = vectors_before(j + 1)
            x.fill(y, length - start, lambda k: zero, start)
            less_two_products(x, a, j + 1, length, start, length, ((v, w), (w, v)), u, y)
            b.loop("vector", "k", length, lambda k: b.store(a, (j, k), b.load(u, (k,))))
            along = x.total(length - start, lambda k: x.mul(b.load(y, (start + k,)), b.load(u, (start + k,))))
            shared = x.mul(x.mul(x.mul(x.const(0.5), tau), tau), along)
            x.fill(w, length - start, lambda k: next_w(k, tau, shared), start)
            x.fill(v, length - start, lambda k: b.load(u, (k,)), start)
            return ()

        def next_w(k: Extent, tau: Operand, shared: Operand) -> Operand:
            value = x.fma(x.neg(shared), b.load(u, (k,)), x.mul(tau, b.load(y, (k,))))
            return x.select(x.less(x.count(j), x.count(k)), value, zero)

        b.store(diagonal, (j,), updated(j))
        b.branch(x.less(x.count(j + 1), x.count(n)), reflect)

    b.loop("serial", "j", n, step)


def eigenvalues(
    x: Numbers, n: Extent, diagonal: Buffer, beside: Buffer, finite: Operand, rotating: tuple[Sweeps, Panels] | None
) -> Operand:
    """The eigenvalues of T in place of its diagonal, by QL sweeps with Wilkinson's shift; gives how many were found.

    Each sweep is stored; stored sweeps rotate the columns of the panels. There are none unless T is finite.
    """
    b = x.b
    one, last = x.count(1), x.count(n - 1)
    eps = x.const(x.eps)

    def place(counter: Operand) -> Extent:
        return b.as_index(counter, n)

    def negligible(counter: Operand) -> Operand:
        """|e_i| is nothing beside its neighbours on the diagonal."""
        following = b.let("min", x.add(counter, one), last)
        sizes = x.add(x.abs(b.load(diagonal, (place(counter),))), x.abs(b.load(diagonal, (place(following),))))
        return x.at_most(x.abs(b.load(beside, (place(counter),))), x.fma(eps, sizes, x.const(x.negligible)))

    def end_of_block(low: Operand) -> Operand:
        def goes_on(carried: tuple[Operand, ...]) -> Operand:
            (high,) = carried
            return x.both(x.less(high, last), x.no(negligible(b.let("min", high, last))))

        return b.while_((low,), goes_on, lambda carried: (x.add(carried[0], one),))[0]

    def step(carried: tuple[Operand, ...]) -> Sequence[Operand]:
        low, budget, stored = carried
        high = end_of_block(low)

        def sweep() -> Sequence[Operand]:
            _sweep(x, n, diagonal, beside, low, high, None if rotating is None else (rotating[0], stored))
            if rotating is None:
                return low, x.sub(budget, one), stored
            kept, panels = rotating
            kept.span(stored, low, high)
            count = x.add(stored, one)
            full = x.equal(count, x.count(SWEEPS))

            def flush() -> Sequence[Operand]:
                kept.apply(panels, count, downward=True)
                return (x.count(0),)

            (left,) = b.branch(full, flush, lambda: (count,))
            return low, x.sub(budget, one), left

        found = x.equal(low, high)
        return b.branch(found, lambda: (x.add(low, one), budget, stored), sweep)

    def goes_on(carried: tuple[Operand, ...]) -> Operand:
        return x.both(x.less(carried[0], x.count(n)), x.less(x.count(0), carried[1]))

    budget = x.select(finite, x.count(SWEEPS_PER_VALUE * n), x.count(0))
    initial = (x.count(0), budget, x.count(0))
    found, _, stored = b.while_(initial, goes_on, step)
    if rotating is not None:
        rotating[0].apply(rotating[1], stored, downward=True)
    return found


def _sweep(
    x: Numbers,
    n: Extent,
    diagonal: Buffer,
    beside: Buffer,
    low: Operand,
    high: Operand,
    kept: tuple[Sweeps, Operand] | None,
) -> None:
    """One implicit QL sweep over rows low .. high of T, from the bottom to the top; low < high."""
    b = x.b
    first, end = b.as_index(low, n), b.as_index(high, n)
    one, zero = x.const(1.0), x.const(0.0)
    p, e = b.load(diagonal, (first,)), b.load(beside, (first,))
    half = x.div(x.sub(b.load(diagonal, (first + 1,)), p), x.add(e, e))
    shift = x.div(e, x.add(half, x.with_sign(x.norm(half, one), half)))
    start = x.add(x.sub(b.load(diagonal, (end,)), p), shift)
    length = b.as_index(x.sub(high, low), n)

    def rotate(step: Extent, carried: tuple[Operand, ...]) -> Sequence[Operand]:
        c, s, taken, g = carried
        i = first + length - 1 - step
        off = b.load(beside, (i,))
        f, remaining = x.mul(s, off), x.mul(c, off)
        c, s, r = x.rotation(g, f)
        b.store(beside, (i + 1,), r)
        g = x.sub(b.load(diagonal, (i + 1,)), taken)
        turned = x.fma(x.sub(b.load(diagonal, (i,)), g), s, x.mul(x.mul(x.const(2.0), c), remaining))
        taken = x.mul(s, turned)
        b.store(diagonal, (i + 1,), x.add(g, taken))
        if kept is not None:
            kept[0].keep(kept[1], i, c, x.neg(s))
        return c, s, taken, x.sub(x.mul(c, turned), remaining)

    _, _, taken, g = b.carry("i", length, (one, one, zero, start), rotate)
    b.store(diagonal, (first,), x.sub(p, taken))
    b.store(beside, (first,), g)
    b.store(beside, (end,), zero)

"""Eigenvalues and eigenvectors of one complex matrix's Hermitian part.

In: buffers of complex matrices. Out: loops that write the decomposition of one of them. Complex reflectors leave a
tridiagonal matrix whose phases are multiplied into their product, and which is then real; its sweeps are those of
symmetric matrices, and rotate both planes of the vectors at once.
"""

from __future__ import annotations

from collections.abc import Sequence

from lazygraph.compiler.ir.dims import Extent
from lazygraph.compiler.ir.graph import Node
from lazygraph.compiler.loop.ir import Buffer, Index, Operand
from lazygraph.compiler.ops.lowering import BodyBuilder
from lazygraph.compiler.ops.spectral.complex_reflectors import less_two_products, product_of_reflectors, reflector
from lazygraph.compiler.ops.spectral.numbers import Numbers, padded, vectors_before
from lazygraph.compiler.ops.spectral.order import brought_to_length_one, sorted_places
from lazygraph.compiler.ops.spectral.phases import Turned, turned
from lazygraph.compiler.ops.spectral.planes import Pair, Pairs, Planes
from lazygraph.compiler.ops.spectral.rotations import in_panels, sweeps
from lazygraph.compiler.ops.spectral.tridiagonal import eigenvalues


def tridiagonalize(
    c: Pairs, a: Planes, n: Extent, diagonal: Buffer, beside: Buffer, taus: Buffer, phases: Planes
) -> None:
    """a = Q D T D^H Q^H with T real: its diagonal, its off-diagonal (beside[n - 1] is left alone), and in row j of `a`
    the vector of reflector j, whose 1 is at j + 1. D is the diagonal matrix of the phases.

    A step makes a reflector of row j, u. The pass over the rows below subtracts v w^H + w v^H of the step before, and
    sums u^H a, the adjoint of a u, in y.
    """
    x, b = c.x, c.x.b
    length = a.rows
    v, w, u, y = (c.planes(name, length) for name in ("v", "w", "u", "y"))
    for each in (v, w, u):
        each.fill(length, lambda k: c.zero)
    phases.fill(phases.rows, lambda k: c.one)

    def step(j: Extent) -> None:
        from_j = vectors_before(j)
        factor_w, factor_v = c.neg(v.load(j)), c.neg(w.load(j))

        def updated(k: Extent) -> Pair:
            return c.fma(factor_w, c.conj(w.load(k)), c.fma(factor_v, c.conj(v.load(k)), a.load(j, k)))

        def behind(k: Extent, value: Pair, limit: Extent) -> Pair:
            return c.select(x.less(x.count(limit), x.count(k)), value, c.zero)

        def reflect() -> Sequence[Operand]:
            alpha = c.conj(updated(j + 1))
            u.fill(length - from_j, lambda k: behind(k, c.conj(updated(k)), j + 1), from_j)
            tau, beta = reflector(c, u, j + 1, length, alpha)
            size, unit = c.polar(beta)
            b.store(beside, (j,), size)
            phases.store((j + 1,), c.polar(c.mul(phases.load(j), unit))[1])
            b.store(taus, (j,), tau)
            start = vectors_before(j + 1)
            y.fill(length - start, lambda k: c.zero, start)
            less_two_products(c, a, j + 1, start, ((v, w), (w, v)), u, y)
            b.loop("vector", "k", length, lambda k: a.store((j, k), u.load(k)))
            along = x.total(length - start, lambda k: c.mul(y.load(start + k), u.load(start + k))[0])
            shared = x.neg(x.mul(x.mul(x.mul(x.const(0.5), tau), tau), along))

            def next_w(k: Extent) -> Pair:
                return behind(k, c.add(c.scaled(shared, u.load(k)), c.scaled(tau, c.conj(y.load(k)))), j)

            w.fill(length - start, next_w, start)
            v.fill(length - start, u.load, start)
            return ()

        b.store(diagonal, (j,), updated(j)[0])
        b.branch(x.less(x.count(j + 1), x.count(n)), reflect)

    b.loop("serial", "j", n, step)


def decompose(b: BodyBuilder, node: Node, source: Buffer, outputs: tuple[Buffer, ...], at: Index) -> None:
    """One matrix, scaled by a power of two to the size of 1."""
    x = Numbers(b, source.dtype.part)
    c = Pairs(x)
    n = source.shape[-1]
    half, length = x.const(0.5), padded(n)
    a = c.planes("a", length, length)
    greatest = x.greatest(n, n, lambda i, k: c.greatest_part(c.parts(b.load(source, (*at, i, k)))))
    scale, inverse = x.scale_to_one(greatest)
    finite = x.less(greatest, x.const(float("inf")))

    def row(i: Extent) -> None:
        def column(k: Extent) -> None:
            inside = x.both(b.in_range(i, 0, n), b.in_range(k, 0, n))
            zero = b.literal(0.0, source.dtype)
            one = c.parts(b.load(source, (*at, i, k), inside, zero))
            other = c.conj(c.parts(b.load(source, (*at, k, i), inside, zero)))
            a.store((i, k), c.add(*[c.scaled(half, c.scaled(scale, each)) for each in (one, other)]))

        b.loop("vector", "k", length, column)

    b.loop("serial", "i", length, row)
    diagonal, beside, taus = (b.local(name, x.dtype, (n,)) for name in ("diagonal", "beside", "taus"))
    phases = c.planes("phases", length)
    b.loop("vector", "k", n, lambda k: b.store(beside, (k,), x.const(0.0)))
    tridiagonalize(c, a, n, diagonal, beside, taus, phases)
    rotating = None
    if len(outputs) == 2:
        q = c.planes("q", length, length)
        product_of_reflectors(c, a, taus, n - 1, 1, q, phases)
        rotating = sweeps(x, "sweep", n), in_panels(x, "panels", q.buffer)
    found = eigenvalues(x, n, diagonal, beside, finite, rotating)
    b.check(node, "converge", x.equal(found, x.count(n)), (found, x.count(n)))
    order = sorted_places(x, diagonal, n, x.less, n)

    def value(p: Extent) -> None:
        place = b.as_index(b.load(order, (p,)), n)
        b.store(outputs[0], (*at, p), x.mul(b.load(diagonal, (place,)), inverse))

    b.loop("vector", "p", n, value)
    if rotating is not None:
        brought_to_length_one(x, rotating[1], n)
        _write_vectors(c, turned(c, rotating[1], length, n, "vectors"), order, outputs[1], at)


def _write_vectors(c: Pairs, vectors: Turned, order: Buffer, target: Buffer, at: Index) -> None:
    b = c.x.b
    n = target.shape[-1]

    def row(r: Extent) -> None:
        def column(p: Extent) -> None:
            place = b.as_index(b.load(order, (p,)), n)
            b.store(target, (*at, r, p), c.whole(vectors.load(r, place)))

        b.loop("vector", "p", n, column)

    b.loop("serial", "r", target.shape[-2], row)

"""Householder reflectors: found column by column in a panel, applied as blocks.

In: a body under construction and local arrays. Out: loops. A reflector is 1 - tau v v^H with v 1 in its first row;
those of a panel together are 1 - V T V^H, T upper triangular (R. Schreiber, C. F. Van Loan, "A storage-efficient WY
representation for products of Householder transformations", 1989). Norms are taken of numbers scaled by a power of
two, so that no column overflows or vanishes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lazygraph.compiler.ir import dims
from lazygraph.compiler.ir.dims import Extent
from lazygraph.compiler.loop.ir import Buffer, Operand
from lazygraph.compiler.ops.lowering import BodyBuilder
from lazygraph.compiler.ops.matrix import tiles
from lazygraph.compiler.ops.matrix.scalars import (
    as_complex,
    conjugate,
    less_product,
    parts,
    plus_product,
    size,
)
from lazygraph.runtime.dtypes import DType

_TOGETHER = 4  # rows whose products are summed apart, so that their latencies overlap


@dataclass(frozen=True)
class Blocks:
    """The reflectors of a matrix with so many rows, a panel to a block: `v[block, row, lane]`, T transposed in
    `t[block, lane, lane]`; `work` is two squares of scratch, `row` one row."""

    rows: Extent
    width: int
    v: Buffer
    t: Buffer
    work: tuple[Buffer, Buffer]
    row: Buffer


def blocks(b: BodyBuilder, dtype: DType, rows: Extent, count: Extent, width: int) -> Blocks:
    """Room for `count` reflectors."""
    number = dims.ceildiv(count, width)
    work = (b.local("work", dtype, (width, width)), b.local("work", dtype, (width, width)))
    v, t = b.local("v", dtype, (number, rows, width)), b.local("t", dtype, (number, width, width))
    return Blocks(rows, width, v, t, work, b.local("row", dtype, (width,)))


def apply_block(b: BodyBuilder, found: Blocks, block: Extent, panel: Buffer, t: Callable[..., Operand]) -> None:
    """panel -= V S V^H panel, of S the T or its adjoint that `t` reads."""
    first = dims.multiply(block, found.width)
    below = found.rows - first
    zero = b.literal(0.0, panel.dtype)
    inner, outer = found.work

    def inner_products(top: Extent) -> tiles.Tile:
        return tiles.Tile(
            lambda r, lane: zero,
            lambda r, i: conjugate(b, b.load(found.v, (block, first + i, top + r))),
            lambda i, lane: b.load(panel, (first + i, lane)),
            lambda r, lane, value: b.store(inner, (top + r, lane), value),
        )

    def between(top: Extent) -> tiles.Tile:
        return tiles.Tile(
            lambda r, lane: zero,
            lambda r, k: t(b, found, block, top + r, k),
            lambda k, lane: b.load(inner, (k, lane)),
            lambda r, lane, value: b.store(outer, (top + r, lane), value),
        )

    def combination(top: Extent) -> tiles.Tile:
        return tiles.Tile(
            lambda r, lane: b.load(panel, (first + top + r, lane)),
            lambda r, k: b.load(found.v, (block, first + top + r, k)),
            lambda k, lane: b.load(outer, (k, lane)),
            lambda r, lane, value: b.store(panel, (first + top + r, lane), value),
        )

    tiles.subtract(b, inner, found.width, below, inner_products)
    tiles.subtract(b, outer, found.width, found.width, between)
    tiles.subtract(b, panel, below, found.width, combination)


def plain_t(b: BodyBuilder, found: Blocks, block: Extent, row: Extent, column: Extent) -> Operand:
    return b.load(found.t, (block, column, row))


def adjoint_t(b: BodyBuilder, found: Blocks, block: Extent, row: Extent, column: Extent) -> Operand:
    return conjugate(b, b.load(found.t, (block, row, column)))


def factor_panel(b: BodyBuilder, found: Blocks, block: Extent, panel: Buffer, count: Extent) -> None:
    """`count` columns of the panel become those of R by as many reflectors, which make the block."""
    first = dims.multiply(block, found.width)
    zero = b.literal(0.0, panel.dtype)

    def clear(buffer: Buffer, height: Extent) -> None:
        def row(i: Extent) -> None:
            b.loop("vector", "lane", found.width, lambda lane: b.store(buffer, (block, i, lane), zero))

        b.loop("serial", "i", height, row)

    def column(place: Extent) -> None:
        row = first + place
        below = found.rows - row - 1
        scale, back = _scale(b, panel, row, place, below)
        alpha = b.let("mul", b.load(panel, (row, place)), as_complex(b, scale, panel.dtype))
        tau, inverse, beta = _reflector(b, alpha, _squares(b, panel, row, place, below, scale))

        def element(i: Extent) -> None:
            scaled = b.let("mul", b.load(panel, (row + 1 + i, place)), as_complex(b, scale, panel.dtype))
            b.store(found.v, (block, row + 1 + i, place), b.let("mul", scaled, inverse))

        b.loop("vector", "i", below, element)
        b.store(found.v, (block, row, place), b.literal(1.0, panel.dtype))
        b.store(found.t, (block, place, place), tau)
        _reflect(b, found, block, panel, row, place, conjugate(b, tau))
        b.store(panel, (row, place), b.let("mul", beta, as_complex(b, back, panel.dtype)))

    clear(found.v, found.rows)
    clear(found.t, found.width)
    b.loop("serial", "column", count, column)
    _finish_t(b, found, block, count)


def _scale(b: BodyBuilder, panel: Buffer, row: Extent, place: Extent, below: Extent) -> tuple[Operand, Operand]:
    """A power of two by which a column's squares neither overflow nor vanish, and its inverse."""

    def each(i: Extent) -> tuple[Operand, ...]:
        return (size(b, b.load(panel, (row + i, place))),)

    (greatest,) = b.reduce("max", "lanes", "i", below + 1, each)
    dtype = greatest.dtype
    ordinary, power = (50, 100) if dtype.itemsize == 4 else (450, 600)
    small = b.let("lt", greatest, b.literal(2.0**-ordinary, dtype))
    large = b.let("lt", b.literal(2.0**ordinary, dtype), greatest)
    down, one, up = (b.literal(2.0**each, dtype) for each in (-power, 0, power))
    scale = b.let("select", large, down, b.let("select", small, up, one))
    return scale, b.let("select", large, up, b.let("select", small, down, one))


def _squares(b: BodyBuilder, panel: Buffer, row: Extent, place: Extent, below: Extent, scale: Operand) -> Operand:
    """The sum of squares below the column's first element."""

    def each(i: Extent) -> tuple[Operand, ...]:
        x = b.load(panel, (row + 1 + i, place))
        squares = [b.let("mul", each, scale) for each in (parts(b, x) if x.dtype.is_complex else (x,))]
        squares = [b.let("mul", each, each) for each in squares]
        return (squares[0] if len(squares) == 1 else b.let("add", *squares),)

    return b.reduce("add", "lanes", "i", below, each)[0]


def _reflector(b: BodyBuilder, alpha: Operand, squares: Operand) -> tuple[Operand, Operand, Operand]:
    """(tau, 1 / (alpha - beta), beta) of the reflector that takes (alpha, x) to (beta, 0), from alpha and |x|**2; no
    reflection (tau = 0) where x is 0 and alpha real. beta has the sign that adds magnitudes in alpha - beta."""
    dtype = alpha.dtype
    own, imaginary = parts(b, alpha) if dtype.is_complex else (alpha, b.literal(0.0, dtype))
    zero, one = b.literal(0.0, own.dtype), b.literal(1.0, own.dtype)
    tail = b.let("add", b.let("mul", imaginary, imaginary), squares)
    none = b.let("eq", tail, zero)
    norm = b.let("sqrt", b.let("add", b.let("mul", own, own), tail))
    away = b.let("select", none, own, b.let("neg", b.let("copysign", norm, own)))
    beta = as_complex(b, away, dtype)
    by = as_complex(b, b.let("select", none, one, away), dtype)
    difference = b.let("sub", alpha, beta)
    nothing = b.literal(0.0, dtype)
    safe = b.let("select", none, b.literal(1.0, dtype), difference)
    tau = b.let("select", none, nothing, b.let("neg", b.let("div", difference, by)))
    inverse = b.let("select", none, nothing, b.let("div", b.literal(1.0, dtype), safe))
    return tau, inverse, beta


def _reflect(
    b: BodyBuilder, found: Blocks, block: Extent, panel: Buffer, row: Extent, place: Extent, factor: Operand
) -> None:
    """The panel's columns behind `place`, less v times factor v^H of them."""
    zero = b.literal(0.0, panel.dtype)
    height = found.rows - row

    def v(i: Extent) -> Operand:
        return b.load(found.v, (block, row + i, place))

    def products(lane: Extent) -> None:
        def added(sums: Sequence[Operand], at: Extent) -> list[Operand]:
            return [
                plus_product(b, each, conjugate(b, v(at + r)), b.load(panel, (row + at + r, lane)))
                for r, each in enumerate(sums)
            ]

        whole = dims.floordiv(height, _TOGETHER)
        sums = b.carry("some", whole, [zero] * _TOGETHER, lambda t, now: added(now, dims.multiply(t, _TOGETHER)))
        total = sums[0]
        for each in sums[1:]:
            total = b.let("add", total, each)
        rest = height - dims.multiply(whole, _TOGETHER)
        (total,) = b.carry("i", rest, [total], lambda i, now: added(now, dims.multiply(whole, _TOGETHER) + i))
        behind = b.in_range(lane, place + 1, found.width)
        b.store(found.row, (lane,), b.let("select", behind, b.let("mul", factor, total), zero))

    def some(top: Extent, rows: int) -> None:
        factors = [v(top + r) for r in range(rows)]

        def lanes(lane: Extent) -> None:
            x = b.load(found.row, (lane,))
            for r, each in enumerate(factors):
                at = (row + top + r, lane)
                b.store(panel, at, less_product(b, b.load(panel, at), each, x))

        b.loop("vector", "lane", found.width, lanes)

    b.loop("vector", "lane", found.width, products)
    tiles.in_tiles(b, height, _TOGETHER, some)


def _finish_t(b: BodyBuilder, found: Blocks, block: Extent, count: Extent) -> None:
    """T's columns: t_j = -tau_j T V^H v_j above tau_j, from the products of all v at once."""
    first = dims.multiply(block, found.width)
    zero = b.literal(0.0, found.v.dtype)
    products = found.work[0]

    def gram(top: Extent) -> tiles.Tile:
        return tiles.Tile(
            lambda r, lane: zero,
            lambda r, i: b.load(found.v, (block, first + i, top + r)),
            lambda i, lane: conjugate(b, b.load(found.v, (block, first + i, lane))),
            lambda r, lane, value: b.store(products, (top + r, lane), value),
        )

    def column(place: Extent) -> None:
        tau = b.load(found.t, (block, place, place))

        def lanes(lane: Extent) -> None:
            def step(k: Extent, now: tuple[Operand, ...]) -> Sequence[Operand]:
                return [plus_product(b, now[0], b.load(products, (place, k)), b.load(found.t, (block, k, lane)))]

            (total,) = b.carry("k", place, [zero], step)
            before = b.in_range(lane, 0, place)
            old = b.load(found.t, (block, place, lane))
            b.store(found.t, (block, place, lane), b.let("select", before, b.let("mul", tau, total), old))

        b.loop("vector", "lane", found.width, lanes)

    tiles.subtract(b, products, found.width, found.rows - first, gram)
    b.loop("serial", "column", count, column)

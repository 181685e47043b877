"""A transform whose length is known at run time only: its radices are found, and its roots computed, in the kernel.

In: a builder, how a line is read and written, and its length. Out: statements. A length without prime factors above 17
goes through stages of radix 4, 2, 3, 5, .. 17, as in `stages.py`. Any other length n is a convolution (Bluestein,
1970): with c[j] = e**(-pi i j**2 / n), y = c (c x * conj(c)), by transforms of a power of two. Those are three rounds
through the same stages: of conj(c), of c x, and of the product of both, conjugated.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lazygraph.compiler.ir import dims
from lazygraph.compiler.ir.dims import Extent
from lazygraph.compiler.loop.ir import Operand
from lazygraph.compiler.ops.fourier.any_radix import write_stage
from lazygraph.compiler.ops.fourier.butterflies import Point, Points
from lazygraph.compiler.ops.fourier.plan import PRIMES
from lazygraph.compiler.ops.fourier.scratch import Scratch
from lazygraph.compiler.ops.lowering import BodyBuilder
from lazygraph.runtime.dtypes import float64, int64

Load = Callable[[Extent, Operand], Point]  # the point at a place, 0 where the guard does not hold
Save = Callable[[Extent, Point], None]


@dataclass(frozen=True)
class Line:
    """Where a transform reads and writes, how many points there are, and the factor of its results."""

    load: Load
    save: Save
    count: Extent
    scale: Operand


@dataclass(frozen=True)
class _Round:
    """One pass through the stages. `half` of the scratch holds what comes in."""

    line: Line
    scratch: Scratch
    number: Operand
    half: Extent


def write_transform(b: BodyBuilder, line: Line) -> None:
    """The transform of a line, whatever its length."""
    places = dims.add(dims.multiply(4, line.count), 1)
    n = b.index_value(line.count, int64)
    smooth = b.let("le", _without_small_factors(b, n), b.literal(1, int64))
    length = b.let("select", smooth, n, _power_above(b, n))
    arrays = [b.local(name, float64, shape) for name, shape in _arrays(places)]
    scratch = Scratch(b, arrays[0], arrays[1], arrays[2], length, places)
    scratch.each(length, lambda place: _fill_root(scratch, place))
    rounds = b.let("select", smooth, b.literal(1, int64), b.literal(3, int64))

    def one(number: Extent, carried: tuple[Operand, ...]) -> Sequence[Operand]:
        begin = _Round(line, scratch, b.index_value(number, int64), b.as_index(carried[0], 2))
        b.branch(smooth, lambda: _fill(begin), lambda: _fill_convolution(begin))
        half = _stages(scratch, carried[0])
        end = _Round(line, scratch, b.index_value(number, int64), b.as_index(half, 2))
        b.branch(smooth, lambda: _save(end), lambda: _save_convolution(end))
        return (half,)

    b.carry("round", b.as_index(rounds, 4), (b.literal(0, int64),), one)


def _arrays(places: Extent) -> list[tuple[str, tuple[Extent, ...]]]:
    return [("data", (2, 2, places)), ("filter", (2, places)), ("root", (2, places))]


def _without_small_factors(b: BodyBuilder, n: Operand) -> Operand:
    """n without its prime factors up to the greatest radix."""
    one, last = b.literal(1, int64), b.literal(max(PRIMES), int64)

    def step(carried: tuple[Operand, ...]) -> Sequence[Operand]:
        rest, prime = carried
        divides = b.let("eq", b.let("rem", rest, prime), b.literal(0, int64))
        following = b.let("select", divides, prime, b.let("add", prime, one))
        return b.let("select", divides, b.let("div", rest, prime), rest), following

    def more(carried: tuple[Operand, ...]) -> Operand:
        return b.let("and", b.let("lt", one, carried[0]), b.let("le", carried[1], last))

    return b.while_((n, b.literal(2, int64)), more, step)[0]


def _power_above(b: BodyBuilder, n: Operand) -> Operand:
    """The least power of two that is at least 2 n - 1."""
    least = b.let("sub", b.let("add", n, n), b.literal(1, int64))
    below: Callable[[tuple[Operand, ...]], Operand] = lambda carried: b.let("lt", carried[0], least)  # noqa: E731
    (found,) = b.while_((b.literal(1, int64),), below, lambda carried: (b.let("add", carried[0], carried[0]),))
    return found


def _fill_root(scratch: Scratch, place: Extent) -> None:
    b, k = scratch.b, scratch.b.index_value(place, int64)
    for part, name in enumerate(("root_re", "root_im")):
        b.store(scratch.root, (part, place), b.let(name, k, scratch.length))


def _stages(scratch: Scratch, half: Operand) -> Operand:
    """All stages; the half in which the result is."""
    b = scratch.b

    def step(carried: tuple[Operand, ...]) -> Sequence[Operand]:
        before, source = carried
        radix = write_stage(scratch, before, source)
        return b.let("mul", before, radix), b.let("sub", b.literal(1, int64), source)

    return b.while_((b.literal(1, int64), half), lambda carried: b.let("lt", carried[0], scratch.length), step)[1]


# --- what a round begins and ends with --------------------------------------------------------------------------------


def _fill(now: _Round) -> Sequence[Operand]:
    b, scratch = now.scratch.b, now.scratch
    always = b.literal(1, int64)

    def plain(place: Extent) -> None:
        scratch.write(now.half, place, now.line.load(place, b.let("eq", always, always)))

    b.loop("vector", "t", now.line.count, plain)
    return ()


def _fill_convolution(now: _Round) -> Sequence[Operand]:
    b, p, scratch = now.scratch.b, Points(now.scratch.b), now.scratch
    n, zero = b.index_value(now.line.count, int64), b.literal(0.0, float64)

    def mirrored(place: Extent) -> None:
        """conj(c[j]) at j and at length - j, for j < n."""
        k = b.index_value(place, int64)
        j = b.let("min", k, b.let("sub", scratch.length, k))
        inside = b.let("lt", j, n)
        real, imaginary = _chirp(now, j)
        point = b.let("select", inside, real, zero), b.let("select", inside, b.let("neg", imaginary), zero)
        scratch.write(now.half, place, point)

    def turned(place: Extent) -> None:
        """c[j] x[j] at j < n."""
        j = b.index_value(place, int64)
        inside = b.let("lt", j, n)
        turn = _chirp(now, b.let("min", j, n))
        scratch.write(now.half, place, p.times(now.line.load(place, inside), turn))

    _when(now, 0, lambda: scratch.each(scratch.length, mirrored))
    _when(now, 1, lambda: scratch.each(scratch.length, turned))
    return ()


def _save(now: _Round) -> Sequence[Operand]:
    p, scratch = Points(now.scratch.b), now.scratch

    def plain(place: Extent) -> None:
        now.line.save(place, p.scaled(scratch.read(now.half, place), now.line.scale))

    scratch.b.loop("vector", "t", now.line.count, plain)
    return ()


def _save_convolution(now: _Round) -> Sequence[Operand]:
    b, p, scratch = now.scratch.b, Points(now.scratch.b), now.scratch
    whole = b.let("div", now.line.scale, b.let("cast", scratch.length, dtype=float64))

    def keep(place: Extent) -> None:
        real, imaginary = scratch.read(now.half, place)
        b.store(scratch.filter, (0, place), real)
        b.store(scratch.filter, (1, place), imaginary)

    def multiply(place: Extent) -> None:
        filter_ = b.load(scratch.filter, (0, place)), b.load(scratch.filter, (1, place))
        real, imaginary = p.times(scratch.read(now.half, place), filter_)
        scratch.write(now.half, place, (real, b.let("neg", imaginary)))

    def turned(place: Extent) -> None:
        real, imaginary = p.scaled(scratch.read(now.half, place), whole)
        turn = _chirp(now, b.index_value(place, int64))
        now.line.save(place, p.times((real, b.let("neg", imaginary)), turn))

    _when(now, 0, lambda: scratch.each(scratch.length, keep))
    _when(now, 1, lambda: scratch.each(scratch.length, multiply))
    _when(now, 2, lambda: b.loop("vector", "t", now.line.count, turned))
    return ()


def _chirp(now: _Round, j: Operand) -> Point:
    """c[j] = e**(-2 pi i j**2 / (2 n))."""
    b = now.scratch.b
    n = b.index_value(now.line.count, int64)
    order, power = b.let("add", n, n), b.let("mul", j, j)
    return b.let("root_re", power, order), b.let("root_im", power, order)


def _when(now: _Round, number: int, body: Callable[[], None]) -> None:
    """The body in the round of this number."""
    b = now.scratch.b

    def run() -> Sequence[Operand]:
        body()
        return ()

    b.branch(b.let("eq", now.number, b.literal(number, int64)), run)

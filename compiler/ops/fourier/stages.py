"""The stages of a transform of known length: Stockham's sorted form of the algorithm of Cooley and Tukey.

In: a builder, radices, and where the first stage reads and the last one writes. Out: statements. Behind stages of
product m, m points are known of each of the n / m interleaved transforms: A[k][q] at place k n/m + q. A stage of radix
r makes A'[k + m l][q] = sum over j of e**(-2 pi i j l / r) w**(j k) A[k][q + j n/(m r)] of them, with w the root of
order r m, and stores in rows of neighbours. (P. N. Swarztrauber, "FFT algorithms for vector computers", 1984.)
`columns` transforms lie side by side: the innermost index of each place.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import accumulate
from math import prod
from operator import mul

from lazygraph.compiler.ir import dims
from lazygraph.compiler.ir.dims import Extent
from lazygraph.compiler.loop.ir import Buffer, Operand
from lazygraph.compiler.ops.fourier.butterflies import Point, Points, transform
from lazygraph.compiler.ops.fourier.parts import load_bits
from lazygraph.compiler.ops.lowering import BodyBuilder
from lazygraph.runtime.dtypes import float64

LANES = 16  # a vector loop runs no fewer
_MANY = 4 * LANES  # neighbours among which an incomplete vector costs little

Turns = Callable[[int], Point]  # what point j of a group is multiplied by


@dataclass(frozen=True)
class Place:
    """Where points are kept: reads and writes one."""

    load: Callable[[Extent], Point]
    store: Callable[[Extent, Point], None]


@dataclass(frozen=True)
class Stage:
    radix: int
    before: int  # m: the product of the radices before it
    inner: int  # neighbours: n / (m r) places of each column


def planned(radices: Sequence[int], columns: int) -> list[Stage]:
    """The stages of these radices, first to last."""
    done = list(accumulate(radices, mul, initial=1))
    return [Stage(r, m, done[-1] // (m * r) * columns) for r, m in zip(radices, done)]


def write_stages(
    b: BodyBuilder,
    radices: Sequence[int],
    columns: int,
    table: Buffer,
    source: Place,
    target: Place,
    scale: Operand | None,
    between: Sequence[Place],
) -> None:
    """All stages; what is between two of them is kept in two scratch arrays in turn."""
    stages = planned(radices, columns)
    places = [source, *[between[number % 2] for number in range(len(stages) - 1)], target]
    for number, stage in enumerate(stages):
        last = number == len(stages) - 1
        _write(b, stage, table, places[number], places[number + 1], scale if last else None)


def scratches(b: BodyBuilder, radices: Sequence[int], columns: int) -> list[Place]:
    """The scratch arrays that these stages need."""
    return [scratch(b, prod(radices) * columns) for _ in range(min(2, len(radices) - 1))]


def scratch(b: BodyBuilder, count: Extent) -> Place:
    """Real and imaginary parts in two local arrays."""
    real, imaginary = b.local("real", float64, (count,)), b.local("imaginary", float64, (count,))

    def store(at: Extent, point: Point) -> None:
        b.store(real, (at,), point[0])
        b.store(imaginary, (at,), point[1])

    return Place(lambda at: (b.load(real, (at,)), b.load(imaginary, (at,))), store)


def _write(b: BodyBuilder, stage: Stage, table: Buffer, source: Place, target: Place, scale: Operand | None) -> None:
    """In vectors of neighbours where these fill some, else of neighbours of all groups."""
    radix, before, inner = stage.radix, stage.before, stage.inner
    p = Points(b)

    def root(k: Extent, j: int) -> Point:
        return load_bits(b, table, j * before + k)

    def group(first: Extent, place: Extent, turns: Turns | None) -> None:
        """The points at first + j inner become those at place + l m inner."""
        points = [source.load(first + j * inner) for j in range(radix)]
        if turns is not None:
            points = [points[0], *[p.times(points[j], turns(j)) for j in range(1, radix)]]
        for number, point in enumerate(transform(b, points)):
            target.store(place + number * before * inner, point if scale is None else p.scaled(point, scale))

    def neighbours(k: Extent) -> None:
        turns = [root(k, j) for j in range(1, radix)]
        first, place = dims.multiply(k, radix * inner), dims.multiply(k, inner)
        side_by_side(b, inner, lambda q: group(first + q, place + q, lambda j: turns[j - 1]))

    def across(place: Extent) -> None:
        k = dims.floordiv(place, inner)
        group(place + dims.multiply(k, (radix - 1) * inner), place, partial(root, k))

    if before == 1:
        side_by_side(b, inner, lambda q: group(q, q, None))
    elif inner % LANES == 0 or inner >= _MANY:
        b.loop("serial", "k", before, neighbours)
    else:
        side_by_side(b, before * inner, across)


def side_by_side(b: BodyBuilder, count: int, body: Callable[[Extent], None]) -> None:
    """The body for 0 .. count - 1 in whole vectors: the last one begins early, and does some of the work again."""
    if count % LANES == 0 or count < LANES:
        b.loop("vector", "i", count, body)
        return

    def block(number: Extent) -> None:
        start = dims.minimum(dims.multiply(number, LANES), count - LANES)
        b.loop("vector", "i", LANES, lambda lane: body(dims.add(start, lane)))

    b.loop("serial", "block", -(-count // LANES), block)

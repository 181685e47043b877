"""A stage whose radix and place among the stages are known at run time only.

In: the scratch arrays, the product m of the radices before the stage, and the half of the scratch with the points. Out:
the stage's statements, and its radix: the first of 4, 2, 3, 5, .. 17 that divides what is left of the length. With
s = length / (m r), point j of group k lies at (k r + j) s + q, and result l goes to (k + m l) s + q: a loop over
i = k s + q stores side by side. Where s holds whole vectors, as it mostly does in radix 4, it loads side by side too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lazygraph.compiler.ir import dims
from lazygraph.compiler.ir.dims import Extent
from lazygraph.compiler.loop.ir import Operand
from lazygraph.compiler.ops.fourier.butterflies import Point, Points, transform
from lazygraph.compiler.ops.fourier.plan import PRIMES
from lazygraph.compiler.ops.fourier.scratch import Scratch
from lazygraph.compiler.ops.fourier.stages import LANES
from lazygraph.runtime.dtypes import float64, int64

RADICES = (4, 2, *sorted(PRIMES))  # in the order in which they are taken out
_WRITTEN_OUT = (4, 2, 3)  # the others are sums in a loop

Group = Callable[[Extent, Extent], None]  # the points of group k at i


@dataclass(frozen=True)
class _Stage:
    scratch: Scratch
    half: Extent  # of the scratch that is read; the other one is written
    before: Extent  # m
    inner: Operand  # s
    groups: Operand  # m s

    @property
    def step(self) -> Extent:
        return self.scratch.index(self.inner)

    def read(self, k: Extent, i: Extent, j: Extent, radix: Extent) -> Point:
        """Point j of a group, at i + k (r - 1) s + j s."""
        further = dims.add(dims.multiply(k, radix - 1), j)
        return self.scratch.read(self.half, dims.add(i, dims.multiply(further, self.step)))

    def write(self, i: Extent, number: Extent, point: Point) -> None:
        """Result l of a group, to i + l m s."""
        self.scratch.write(1 - self.half, i + dims.multiply(number, self.scratch.index(self.groups)), point)


def write_stage(scratch: Scratch, before: Operand, source: Operand) -> Operand:
    b = scratch.b
    rest = b.let("div", scratch.length, before)
    radix = b.literal(RADICES[-1], int64)
    for each in reversed(RADICES[:-1]):
        divides = b.let("eq", b.let("rem", rest, b.literal(each, int64)), b.literal(0, int64))
        radix = b.let("select", divides, b.literal(each, int64), radix)
    inner = b.let("div", rest, radix)
    stage = _Stage(scratch, b.as_index(source, 2), scratch.index(before), inner, b.let("mul", before, inner))
    order = b.as_index(radix, RADICES[-1] + 1)

    def several(choices: Sequence[int]) -> Sequence[Operand]:
        if not choices:
            _anyhow(stage, lambda k, i: _sums(stage, order, k, i))
            return ()
        first, *others = choices
        chosen = b.let("eq", radix, b.literal(first, int64))
        b.branch(chosen, lambda: _written_out(stage, first), lambda: several(others))
        return ()

    several(_WRITTEN_OUT)
    return radix


def _written_out(stage: _Stage, radix: int) -> Sequence[Operand]:
    b, p = stage.scratch.b, Points(stage.scratch.b)

    def group(k: Extent, i: Extent) -> None:
        step = dims.multiply(k, stage.step)
        points = [stage.read(k, i, j, radix) for j in range(radix)]
        turned = [p.times(points[j], stage.scratch.turn(dims.multiply(j, step))) for j in range(1, radix)]
        for number, point in enumerate(transform(b, [points[0], *turned])):
            stage.write(i, number, point)

    def whole() -> Sequence[Operand]:
        _by_vectors(stage, group)
        return ()

    def anyhow() -> Sequence[Operand]:
        _anyhow(stage, group)
        return ()

    if radix == RADICES[0]:
        rest = b.let("and", stage.inner, b.literal(LANES - 1, int64))
        b.branch(b.let("eq", rest, b.literal(0, int64)), whole, anyhow)
    else:
        anyhow()
    return ()


def _by_vectors(stage: _Stage, group: Group) -> None:
    """Every i, a vector of one group at a time."""
    b, lanes = stage.scratch.b, stage.scratch.b.literal(LANES, int64)
    blocks = b.as_index(b.let("div", stage.groups, lanes), dims.floordiv(stage.scratch.places, LANES) + 1)
    in_group = b.let("div", stage.inner, lanes)

    def block(number: Extent) -> None:
        k = stage.scratch.index(b.let("div", b.index_value(number, int64), in_group))
        b.loop("vector", "q", LANES, lambda q: group(k, dims.add(dims.multiply(number, LANES), q)))

    b.loop("serial", "block", blocks, block)


def _anyhow(stage: _Stage, group: Group) -> None:
    """Every i; k = i // s is the quotient of i + 1/2 in floats, which no rounding takes across an integer."""
    b = stage.scratch.b
    reciprocal = b.let("div", b.literal(1.0, float64), b.let("cast", stage.inner, dtype=float64))

    def one(i: Extent) -> None:
        middle = b.let("add", b.let("cast", b.index_value(i, int64), dtype=float64), b.literal(0.5, float64))
        k = b.let("cast", b.let("mul", middle, reciprocal), dtype=int64)
        group(stage.scratch.index(k), i)

    stage.scratch.each(stage.groups, one)


def _sums(stage: _Stage, radix: Extent, k: Extent, i: Extent) -> None:
    """Result l is the sum over j of point j times e**(-2 pi i j (k + m l) / (r m))."""
    b, p = stage.scratch.b, Points(stage.scratch.b)
    length, zero = stage.scratch.length, b.literal(0.0, float64)

    def result(number: Extent) -> None:
        step = dims.multiply(dims.add(k, dims.multiply(stage.before, number)), stage.step)
        further = b.index_value(step, int64)

        def term(j: Extent, carried: tuple[Operand, ...]) -> Sequence[Operand]:
            real, imaginary, power = carried
            turn = stage.scratch.turn(stage.scratch.index(power))
            point = p.times(stage.read(k, i, j, radix), turn)
            following = b.let("add", power, further)
            wrapped = b.let("select", b.let("lt", following, length), following, b.let("sub", following, length))
            return b.let("add", real, point[0]), b.let("add", imaginary, point[1]), wrapped

        real, imaginary, _ = b.carry("j", radix, (zero, zero, b.literal(0, int64)), term)
        stage.write(i, number, (real, imaginary))

    b.loop("serial", "l", radix, result)

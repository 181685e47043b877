"""The loops of the window ops: all taps of each window, one after the other, into carried scalars.

In: a geometry and what a tap does to the carried scalars. Out: statements. Windows run side by side along the last
axis, rows of them in parallel. Along the other axes the loop over taps is bounded to those that are elements, so that
only the last axis asks tap by tap, and only where the geometry does not show the answer. Gaps between elements of the
last axis (transposes of strided windows) fall into phases: windows at o = gap*q + phase see the same taps as elements,
which are then next to each other again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lazygraph.compiler.ir import dims
from lazygraph.compiler.ir.dims import Extent
from lazygraph.compiler.loop.ir import Buffer, Index, Operand
from lazygraph.compiler.ops.lowering import BodyBuilder
from lazygraph.compiler.ops.nests import nest
from lazygraph.compiler.ops.windows import Windows
from lazygraph.runtime.dtypes import int64

BLOCK = 512  # windows of a row that one thread takes at least
UNROLLED = 32  # taps that are written out
PHASES = 4  # the widest gap that is split into phases

Carried = tuple[Operand, ...]


@dataclass(frozen=True)
class Tap:
    """One tap: the index of its element, its number in the window, and whether it is an element (None: it is)."""

    index: Index
    number: Extent
    inside: Operand | None


Step = Callable[[Carried, Tap], Carried]
Descend = Callable[[Extent, Extent, Operand | None, Carried], Carried]  # (k, element, whether it is one, carried)


def slide(
    b: BodyBuilder,
    windows: Windows,
    operand: Buffer,
    target: Buffer,
    initial: Carried,
    step: Step,
    result: Callable[[Carried], Operand],
) -> None:
    """target[o] = result(step(.. step(initial, first tap of o) .., last tap of o))."""
    if not target.shape:
        b.store(target, (), result(step(initial, Tap((), 0, None))))
        return
    walk = _Walk(b, windows, operand, step)
    last, gap = len(target.shape) - 1, walk.gap
    *outer, width = target.shape
    count = dims.ceildiv(width, gap)  # windows of the first phase, which has the most
    high = dims.bounds(count)[1]
    short = high is not None and high <= BLOCK

    def row(at: Index, start: Extent, limit: Extent) -> None:
        for phase in range(gap):
            windows_here = dims.ceildiv(dims.maximum(dims.add(width, -phase), 0), gap)

            def one(v: Extent, phase: int = phase) -> None:
                q = dims.add(start, v)
                place = (*at, dims.add(dims.multiply(q, gap), phase))
                b.store(target, place, result(walk.taps(place, q, phase, initial)))

            b.loop("vector", "w", dims.minimum(limit, dims.add(windows_here, dims.multiply(start, -1))), one)

    if short:
        nest(b, "r", [("parallel", extent) for extent in outer], lambda at: row(at, 0, count))
        return
    rows = [("parallel", extent) for extent in (*outer, dims.ceildiv(count, BLOCK))]
    nest(b, "r", rows, lambda at: row(at[:last], dims.multiply(at[last], BLOCK), BLOCK))


class _Walk:
    """The taps of one window, from the first axis to the last."""

    def __init__(self, b: BodyBuilder, windows: Windows, operand: Buffer, step: Step) -> None:
        self.b = b
        self.windows = windows
        self.operand = operand
        self.step = step
        self.unrolled = _unrolled(windows)
        dilation = windows.input_dilation[-1]
        known = isinstance(dims.mod(windows.low[-1], dilation), int)
        self.gap = dilation if dilation <= PHASES and known and self.unrolled[-1] else 1

    def taps(self, at: Index, q: Extent, phase: int, carried: Carried) -> Carried:
        """All taps of the window at `at`, whose last place is gap*q + phase."""
        return self._axis(0, at, (q, phase), (), 0, None, carried)

    def _axis(
        self,
        axis: int,
        at: Index,
        along: tuple[Extent, int],
        index: Index,
        number: Extent,
        inside: Operand | None,
        carried: Carried,
    ) -> Carried:
        w = self.windows
        if axis == len(w.window):
            return self.step(carried, Tap(index, number, inside))
        numbered = dims.multiply(number, w.window[axis])

        def tap(k: Extent, element: Extent, held: Operand | None, carried: Carried) -> Carried:
            both = held if inside is None else inside if held is None else self.b.let("and", inside, held)
            return self._axis(axis + 1, at, along, (*index, element), dims.add(numbered, k), both, carried)

        if axis == len(w.window) - 1:
            return self._last(axis, at[axis], along, tap, carried)
        return self._bounded(axis, at[axis], tap, carried)

    def _base(self, axis: int, place: Extent) -> Extent:
        """Where the first tap of a window stands."""
        w = self.windows
        return dims.add(dims.multiply(place, w.strides[axis]), dims.multiply(w.low[axis], -1))

    # --- every axis but the last: one window at a time

    def _bounded(self, axis: int, place: Extent, tap: Descend, carried: Carried) -> Carried:
        w = self.windows
        taps, step, gap = w.window[axis], w.window_dilation[axis], w.input_dilation[axis]
        extent, base = self.operand.shape[axis], self._base(axis, place)
        if gap == 1 and all(self._inside(axis)):
            if self.unrolled[axis]:
                assert isinstance(taps, int)
                for k in range(taps):
                    carried = tap(k, dims.add(base, k * step), None, carried)
                return carried
            return self._loop(
                axis, 0, taps, lambda k, each: tap(k, dims.add(base, dims.multiply(k, step)), None, each), carried
            )
        if gap == 1:  # 0 <= base + k*step < extent
            begin = dims.maximum(dims.ceildiv(dims.multiply(base, -1), step), 0)
            past = dims.add(dims.floordiv(dims.add(extent, dims.add(dims.multiply(base, -1), -1)), step), 1)
            end = dims.minimum(past, taps)
            return self._loop(
                axis, begin, end, lambda k, each: tap(k, dims.add(base, dims.multiply(k, step)), None, each), carried
            )
        if step == 1:  # k = gap*element - base with element from ceil(base / gap) on
            begin = dims.maximum(dims.ceildiv(base, gap), 0)
            end = dims.minimum(dims.ceildiv(dims.add(base, taps), gap), extent)

            def at_element(element: Extent, each: Carried) -> Carried:
                return tap(dims.add(dims.multiply(element, gap), dims.multiply(base, -1)), element, None, each)

            return self._loop(axis, begin, end, at_element, carried)

        def asked(k: Extent, each: Carried) -> Carried:
            position = dims.add(base, dims.multiply(k, step))
            element = dims.floordiv(position, gap)
            held = self.b.let(
                "and", self.b.in_range(dims.mod(position, gap), 0, 1), self.b.in_range(element, 0, extent)
            )
            return tap(k, element, held, each)

        return self._loop(axis, 0, taps, asked, carried)

    def _loop(
        self, axis: int, begin: Extent, end: Extent, body: Callable[[Extent, Carried], Carried], carried: Carried
    ) -> Carried:
        count = dims.maximum(dims.add(end, dims.multiply(begin, -1)), 0)
        return self.b.carry(f"k{axis}", count, carried, lambda number, each: body(dims.add(begin, number), each))

    def _inside(self, axis: int) -> tuple[bool, bool]:
        """Whether no window begins before the operand, and none ends behind it."""
        w = self.windows
        end = dims.add(self._base(axis, dims.add(w.shape[axis], -1)), (w.window[axis] - 1) * w.window_dilation[axis])
        return dims.prove_nonnegative(-1 * w.low[axis]), dims.prove_nonnegative(self.operand.shape[axis] - 1 - end)

    # --- the last axis: many windows side by side

    def _last(self, axis: int, place: Extent, along: tuple[Extent, int], tap: Descend, carried: Carried) -> Carried:
        w, (q, phase) = self.windows, along
        taps, step, gap = w.window[axis], w.window_dilation[axis], w.input_dilation[axis]
        if self.unrolled[axis] and gap == self.gap:
            assert isinstance(taps, int)
            first = self._base(axis, phase)
            for k in range(taps):
                position = dims.add(first, k * step)
                if dims.mod(position, gap) == 0:
                    offset = dims.floordiv(position, gap)
                    carried = tap(k, *self._held(axis, q, offset), carried)
            return carried

        def asked(k: Extent, each: Carried) -> Carried:
            position = dims.add(self._base(axis, place), dims.multiply(k, step))
            element = dims.floordiv(position, gap)
            held = self.b.in_range(element, 0, self.operand.shape[axis])
            if gap != 1:
                held = self.b.let("and", self.b.in_range(dims.mod(position, gap), 0, 1), held)
            return tap(k, element, held, each)

        return self._loop(axis, 0, taps, asked, carried)

    def _held(self, axis: int, q: Extent, offset: Extent) -> tuple[Extent, Operand | None]:
        """The element q*stride + offset, and the test that it is one where its range does not show it."""
        w, b = self.windows, self.b
        stride, extent = w.strides[axis], self.operand.shape[axis]
        element = dims.add(dims.multiply(q, stride), offset)
        last = dims.ceildiv(w.shape[axis], self.gap) - 1
        tests = []
        if not dims.prove_nonnegative(offset):
            tests.append(b.let("le", b.index_value(0, int64), b.index_value(element, int64)))
        if not dims.prove_nonnegative(extent - 1 - dims.add(dims.multiply(last, stride), offset)):
            tests.append(b.let("lt", b.index_value(element, int64), b.index_value(extent, int64)))
        held: Operand | None = None
        for test in tests:
            held = test if held is None else b.let("and", held, test)
        return element, held


def _unrolled(windows: Windows) -> Sequence[bool]:
    """Which axes' taps are written out: from the last on, as long as they are few."""
    total, found = 1, []
    for taps in reversed(windows.window):
        total = total * taps if isinstance(taps, int) else UNROLLED + 1
        found.append(total <= UNROLLED)
    return found[::-1]

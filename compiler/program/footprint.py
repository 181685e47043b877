"""What a call of a program takes up: the arena's layout, as expressions, and who lives in it when.

In: a program and the work of its kernels. Out: a `Layout`, which the entry's code computes and the memory report reads,
and the residents of the slots. Times are counted in steps, those of loops and branches included.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from lazygraph.compiler.ir import dims
from lazygraph.compiler.ir.dims import Extent
from lazygraph.compiler.ir.graph import Frames
from lazygraph.compiler.loop.work import Work
from lazygraph.compiler.program.ir import Copy, Launch, Parameter, Program, Step, inner_steps, places_of
from lazygraph.runtime.artifact import ALIGNMENT

THREADS = dims.symbol("threads.", 1)  # how many threads a call uses; no name of a user's holds a dot


@dataclass(frozen=True)
class Layout:
    """Behind the slots: the scratch of each thread, one stride after another, and what the phases of a kernel share,
    or an outside routine works in."""

    worker: Extent
    stride: Extent
    shared: Extent
    total: Extent


def layout(program: Program, works: Iterable[Work]) -> Layout:
    found = tuple(works)
    stride = _aligned(_greatest([each.worker_bytes for each in found]))
    shared = program.arena + stride * THREADS
    sizes = [*[each.shared_bytes for each in found], *[each.scratch for each in program.externals]]
    return Layout(program.arena, stride, shared, shared + _greatest(sizes))


def bytes_of(parameters: Iterable[Parameter]) -> Extent:
    """What arrays of these types hold."""
    total: Extent = 0
    for each in parameters:
        total += dims.product(each.type.shape) * each.type.dtype.itemsize
    return total


def call_bytes(program: Program, works: Iterable[Work], threads: int) -> Extent:
    """All that a call works on: inputs, variables, outputs, constants and the arena."""
    arena = dims.substitute(layout(program, works).total, {_threads(): threads})
    return arena + bytes_of((*program.inputs, *program.variables, *program.outputs, *program.constants))


def _threads() -> dims.Symbol:
    symbol = dims.as_symbol(THREADS)
    assert symbol is not None
    return symbol


def _greatest(sizes: Sequence[Extent]) -> Extent:
    found: Extent = 0
    for each in dict.fromkeys(sizes):
        found = dims.maximum(found, each)
    return found


def _aligned(size: Extent) -> Extent:
    return dims.ceildiv(size, ALIGNMENT) * ALIGNMENT


# --- who lives where --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Resident:
    """What lives in a slot, by the name of what writes it: from one step to another, and the lines that it serves."""

    name: str
    bytes: Extent
    offset: Extent
    first: int
    last: int
    frames: Frames


def residents(program: Program) -> tuple[tuple[Resident, ...], int]:
    """Who lives in each slot, and how many steps there are."""
    walk = _Walk(program)
    walk.through(program.steps)
    return tuple([walk.resident(number) for number in sorted(walk.lives)]), walk.time


class _Walk:
    def __init__(self, program: Program) -> None:
        self.program = program
        self.kernels = {kernel.name: kernel for kernel in program.kernels}
        self.time = 0
        self.lives: dict[int, list[int]] = {}  # slot -> (first step, last step)
        self.makers: dict[int, tuple[str, Frames]] = {}

    def through(self, steps: Sequence[Step]) -> None:
        for step in steps:
            self.touch(step)
            start = self.time
            self.time += 1
            inner = inner_steps(step)
            for each in inner:
                self.through(each)
            if inner:  # what is read in a loop is read again in its last trip
                for life in self.lives.values():
                    if life[0] <= start < life[1]:
                        life[1] = self.time
                self.time += 1

    def touch(self, step: Step) -> None:
        for position, place in enumerate(places_of(step)):
            if place.kind != "slot":
                continue
            life = self.lives.setdefault(place.number, [self.time, self.time])
            life[1] = self.time
            self.makers.setdefault(place.number, self.maker(step, position))

    def maker(self, step: Step, position: int) -> tuple[str, Frames]:
        match step:
            case Launch():
                return self.kernels[step.kernel].buffers[position].name, step.frames
            case Copy():
                return "copy", ()
        return "value", ()

    def resident(self, number: int) -> Resident:
        slot, (first, last), (name, frames) = self.program.slots[number], self.lives[number], self.makers[number]
        return Resident(name, slot.bytes, slot.offset, first, last, frames)


def at_peak(found: Sequence[Resident], extents: Mapping[str, int]) -> tuple[int, list[Resident]]:
    """The step beside which most bytes live, the first of several, and who lives then, the largest first."""
    sizes = {each: dims.evaluate(each.bytes, extents) for each in found}
    changes: dict[int, int] = {}
    for each in found:
        changes[each.first] = changes.get(each.first, 0) + sizes[each]
        changes[each.last + 1] = changes.get(each.last + 1, 0) - sizes[each]
    live, most, step = 0, -1, 0
    for time in sorted(changes):
        live += changes[time]
        if live > most:
            most, step = live, time
    alive = [each for each in found if each.first <= step <= each.last]
    return step, sorted(alive, key=lambda each: (-sizes[each], each.first))

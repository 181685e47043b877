"""The program form: the order of kernel launches over one planned arena.

In: fused kernels and a memory plan. Out: what the entry's code generator prints as one native function and the runtime
calls. Sizes and extents are expressions over the program's dims, solved at entry from the extents of the inputs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Union

from lazygraph.compiler.ir.dims import Extent, Symbol
from lazygraph.compiler.ir.graph import Frames, TensorType
from lazygraph.compiler.loop.ir import AnyKernel


@dataclass(frozen=True, slots=True)
class Place:
    """Where a buffer lives: "input", "variable", "output", "constant" or "slot", and its number there; or "position",
    the word that holds where loop `number` is. The buffer begins `offset` bytes on, and for each (loop, bytes) of
    `strides` so many bytes further at each position of the loop.
    """

    kind: str
    number: int
    strides: tuple[tuple[int, Extent], ...] = ()
    offset: Extent = 0

    def __str__(self) -> str:
        start = f" + {self.offset}" if self.offset != 0 else ""
        return f"{self.kind}{self.number}" + "".join([f"[{loop}]" for loop, _ in self.strides]) + start

    def whole(self) -> Place:
        """The buffer that an element of it lies in."""
        return Place(self.kind, self.number)


@dataclass(frozen=True, slots=True)
class Slot:
    """A part of the arena, where one temporary lives, or several that are written one over the other. Slots overlap
    where what lives in them does not live at the same time; the arena and every slot begin at a multiple of 64."""

    bytes: Extent
    offset: Extent


@dataclass(frozen=True, slots=True)
class Parameter:
    name: str
    type: TensorType


@dataclass(frozen=True, slots=True)
class Solve:
    """dim = (extent of `axis` of input - offset) / scale. Fails with (extent) if inexact or outside the declared
    range."""

    symbol: Symbol
    input: int
    axis: int
    scale: int
    offset: int
    message: int  # its number in the message table


@dataclass(frozen=True, slots=True)
class Require:
    """The extent of `axis` of an input must equal an expression of the dims. Fails with (found, expected)."""

    expected: Extent
    input: int
    axis: int
    message: int


@dataclass(frozen=True, slots=True)
class Equate:
    """Two expressions of the dims must be equal. Fails with (left, right)."""

    left: Extent
    right: Extent
    message: int


@dataclass(frozen=True, slots=True)
class Launch:
    """Run a kernel over buffers, in the kernel's order. Its check `id` is message `first_message + id`."""

    kernel: str
    places: tuple[Place, ...]
    first_message: int = 0
    frames: Frames = ()


@dataclass(frozen=True, slots=True)
class Copy:
    """Copy `bytes` from one place to another."""

    target: Place
    source: Place
    bytes: Extent


@dataclass(frozen=True, slots=True)
class Print:
    """Show the array at a place, with a text. It comes before the commit, so a call shows what it shows before it
    writes."""

    place: Place
    type: TensorType
    text: str


@dataclass(frozen=True, slots=True)
class Array:
    """An argument of an outside routine: the array at a place, `stride` bytes further for each example. The place
    "scratch" is what kernels share behind the slots."""

    place: Place
    stride: Extent = 0


@dataclass(frozen=True, slots=True)
class External:
    """Call an outside routine, which the runtime finds by its name, with the addresses of its arguments: characters,
    numbers of 32 bits, arrays; once for each of `times` examples. Arrays that it destroys are `copied` first:
    (from, to, bytes). No call is made where a number does not fit."""

    routine: str
    arguments: tuple[str | Extent | Array, ...]
    copied: tuple[tuple[Array, Place, Extent], ...]
    times: Extent
    scratch: Extent
    picoseconds: Extent

    @property
    def numbers(self) -> list[Extent]:
        return [each for each in self.arguments if not isinstance(each, str | Array)]

    @property
    def rooms(self) -> list[Place]:
        """Where it works in scratch."""
        given = [each.place for each in self.arguments if isinstance(each, Array)]
        return [each for each in (*given, *[to for _, to, _ in self.copied]) if each.kind == "scratch"]

    @property
    def arrays(self) -> list[Array]:
        """What it reads and writes, scratch left out."""
        found = [*[each for each in self.arguments if isinstance(each, Array)], *[each for each, _, _ in self.copied]]
        return [each for each in found if each.place.kind != "scratch"]


@dataclass(frozen=True, slots=True)
class Commit:
    """Every check that can fail has passed: from here on variables are written. Cancellation is not seen past it."""


@dataclass(frozen=True, slots=True)
class Repeat:
    """Run the body at each position 0 .. trips - 1 of loop `number`, the last one first where it is `reverse`."""

    number: int
    trips: Extent
    reverse: bool
    body: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class RepeatWhile:
    """Run the head, and the body where the bool at `condition` holds then; again, at most `most` times (0: any number).
    The position of loop `number` is how many times the body has run."""

    number: int
    most: int
    head: tuple[Step, ...]
    condition: Place
    body: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Choose:
    """Run the steps whose number, an int32, lies at a place: the first where it is negative, the last where it is too
    large."""

    which: Place
    branches: tuple[tuple[Step, ...], ...]


Step = Union[Launch, Copy, Print, External, Commit, Repeat, RepeatWhile, Choose]


def inner_steps(step: Step) -> tuple[tuple[Step, ...], ...]:
    """The steps that a step runs, in lists."""
    match step:
        case Repeat():
            return (step.body,)
        case RepeatWhile():
            return (step.head, step.body)
        case Choose():
            return step.branches
    return ()


def places_of(step: Step) -> tuple[Place, ...]:
    """The places that a step itself names."""
    match step:
        case Launch():
            return step.places
        case Copy():
            return (step.target, step.source)
        case Print():
            return (step.place,)
        case External():
            return tuple([each.place for each in step.arrays])
        case RepeatWhile():
            return (step.condition,)
        case Choose():
            return (step.which,)
    return ()


def every_step(steps: Iterable[Step]) -> Iterator[Step]:
    """The steps and those inside them, in order."""
    for step in steps:
        yield step
        for inner in inner_steps(step):
            yield from every_step(inner)


@dataclass(frozen=True, slots=True)
class Message:
    """What a failed check says: text with {0}, {1}, ... for its values, and the user's lines."""

    text: str
    frames: Frames


@dataclass(frozen=True)
class Program:
    name: str
    inputs: tuple[Parameter, ...]
    variables: tuple[Parameter, ...]
    outputs: tuple[Parameter, ...]
    constants: tuple[Parameter, ...]
    solves: tuple[Solve, ...]
    requires: tuple[Require | Equate, ...]
    slots: tuple[Slot, ...]
    arena: Extent  # bytes
    kernels: tuple[AnyKernel, ...]  # distinct; launches name them
    steps: tuple[Step, ...]  # exactly one Commit
    messages: tuple[Message, ...]

    @property
    def prints(self) -> tuple[Print, ...]:
        """Numbered for who shows them."""
        return tuple([step for step in every_step(self.steps) if isinstance(step, Print)])

    @property
    def externals(self) -> tuple[External, ...]:
        """Calls of outside routines."""
        return tuple([step for step in every_step(self.steps) if isinstance(step, External)])

    @property
    def routines(self) -> tuple[str, ...]:
        """Their names, each once: the table that object code takes their addresses from."""
        return tuple(dict.fromkeys([each.routine for each in self.externals]))

    @property
    def loops(self) -> int:
        """How many loops there are, each with a position."""
        return sum(isinstance(step, Repeat | RepeatWhile) for step in every_step(self.steps))

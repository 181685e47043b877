"""The steps of a program as code: launches, copies, loops and branches, in parts.

In: a program and a `Frame`, the words that the entry computes once per call. Out: functions of some launches each,
which `lg_entry` calls in turn, and loops for their bodies: LLVM's time grows faster than a function's length, and a
program may have thousands of launches.
    int32 lg.part(context*, control*, inputs*, outputs*, frame*)     1: stopped, by a failed check or the caller
The position of each loop is a word of the frame; that of the outermost one is told in the control block.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from lazygraph.compiler.codegen.llvm.module import INLINE
from lazygraph.compiler.codegen.llvm.target import Target
from lazygraph.compiler.codegen.llvm.text import Function
from lazygraph.compiler.ir.dims import Extent
from lazygraph.compiler.loop.cost import statements
from lazygraph.compiler.loop.ir import AnyKernel, Kernel
from lazygraph.compiler.loop.work import kernel_dims
from lazygraph.compiler.program.ir import (
    Array,
    Choose,
    Commit,
    Copy,
    External,
    Launch,
    Place,
    Print,
    Program,
    Repeat,
    RepeatWhile,
    Step,
)
from lazygraph.runtime import artifact as layout

PARAMETERS = [("ptr", each) for each in ("context", "control", "inputs", "outputs", "frame")]
_PER_PART = 32
_FEW = 8  # steps of a body that is no function of its own
_SMALL = 40  # statements of a kernel that is put into the loop which runs it
_TABLES = {"variable": layout.CONTEXT_VARIABLES, "constant": layout.CONTEXT_CONSTANTS}


@dataclass(frozen=True, slots=True)
class Word:
    """A value that the entry knows before the first step: a number, or a word of the frame."""

    type: str
    number: str | None
    index: int

    def read(self, f: Function) -> str:
        return self.number or f.load(self.type, f.offset("i64", "%frame", str(self.index)), 8, "word")


@dataclass(frozen=True, slots=True)
class Task:
    """A phase of a kernel, with its numbers of iterations."""

    suffix: str
    total: Word
    grain: Word

    @property
    def count(self) -> str:
        """ "one" task, "several", or "unknown" before the call."""
        if self.total.number is None or self.grain.number is None:
            return "unknown"
        return "one" if int(self.total.number) <= int(self.grain.number) else "several"


@dataclass
class Frame:
    """The words, as registers of the entry, and what they are."""

    registers: list[tuple[str, str]] = field(default_factory=list)
    scratch: dict[str, Word] = field(default_factory=dict)  # "arena", "worker", "stride", "shared"
    slots: list[Word] = field(default_factory=list)  # offsets in the arena
    dims: dict[str, Word] = field(default_factory=dict)
    tasks: dict[str, list[Task]] = field(default_factory=dict)  # of each kernel
    extents: dict[Extent, Word] = field(default_factory=dict)  # sizes, strides, trips, the extents of what is shown
    positions: list[int] = field(default_factory=list)  # which word of the frame each loop counts in

    fuel: int = -1  # the word of it that loops without a bound use up
    trips: dict[int, Word] = field(default_factory=dict)  # what a trip of such a loop uses, by its number

    def variable(self, first: str) -> int:
        """A word that parts write."""
        self.registers.append(("i64", first))
        return len(self.registers) - 1

    def word(self, type: str, register: str) -> Word:
        if not register.startswith("%"):
            return Word(type, register, -1)
        self.registers.append((type, register))
        return Word(type, None, len(self.registers) - 1)


def part_texts(
    program: Program, symbols: Mapping[str, str], frame: Frame, target: Target
) -> tuple[list[str], list[str]]:
    """The names of the functions to be called in order, and the texts of these and of those that they call."""
    parts = _Parts({kernel.name: kernel for kernel in program.kernels}, symbols, frame, target, program)
    names, _ = parts.write(program.steps, False, 0)
    return names, parts.texts


class _Parts:
    """All parts of a program."""

    def __init__(
        self,
        kernels: Mapping[str, AnyKernel],
        symbols: Mapping[str, str],
        frame: Frame,
        target: Target,
        program: Program,
    ) -> None:
        self.kernels = kernels
        self.symbols = symbols
        self.frame = frame
        self.target = target
        self.prints = {id(step): number for number, step in enumerate(program.prints)}  # two steps may be equal
        words = [len(each.buffers) + len(kernel_dims(each)) for each in kernels.values()]
        self.closure_words = layout.CLOSURE_BUFFERS + max(words, default=0)
        self.rank = max([each.type.rank for each in program.prints], default=0)
        self.routines = program.routines
        self.arguments = max([len(each.arguments) for each in program.externals], default=0)
        self.texts: list[str] = []
        self.count = 0

    def write(self, steps: Sequence[Step], committed: bool, depth: int) -> tuple[list[str], bool]:
        """The functions that run the steps inside that many loops, and whether the commit lies behind."""
        names = []
        for start in range(0, len(steps), _PER_PART):
            names.append(f"lg.part{self.count}")
            self.count += 1
            part = _Part(self, names[-1], depth)
            committed = part.write(steps[start : start + _PER_PART], committed)
            self.texts.append(part.text())
        return names, committed


class _Part:
    def __init__(self, parts: _Parts, symbol: str, depth: int) -> None:
        self.parts = parts
        self.frame = parts.frame
        self.depth = depth
        outermost = "noinline " if depth == 0 else ""
        self.f = Function(symbol, "i32", PARAMETERS, attributes=f"{outermost}{parts.target.attributes}")
        self.stopped = self.f.block("stopped")
        self.closure = self.f.value(f"alloca [{parts.closure_words} x i64], align 8", "closure")
        self.shape = self.f.value(f"alloca [{parts.rank} x i64], align 8", "shape")
        if parts.arguments:  # characters and numbers are handed to outside routines by their addresses
            self.handed = self.f.value(f"alloca [{parts.arguments} x i64], align 8", "handed")
        # In place of the control block for kernels behind the commit: they fail no checks, and nobody cancels them.
        self.deaf = self.f.value("alloca i64, align 8", "deaf")
        self.f.store("i64", "0", self.deaf, 8)

    def write(self, steps: Sequence[Step], committed: bool) -> bool:
        """Append the steps; gives whether the commit lies behind."""
        self._stop_if_asked(committed)
        for step in steps:
            match step:
                case Commit():
                    committed = True
                case Copy(target, source, size):
                    pointers = [("ptr", self._place(target)), ("ptr", self._place(source))]
                    arguments = [*pointers, ("i64", self.frame.extents[size].read(self.f)), ("i1", "false")]
                    self.f.intrinsic("void", "llvm.memcpy.p0.p0.i64", arguments)
                case Print():
                    self._print(step)
                    self._stop_if_asked(committed)
                case External():
                    self._external(step)
                    self._stop_if_asked(committed)
                case Launch():
                    self._launch(step, committed)
                case Repeat():
                    self._repeat(step, committed)
                case RepeatWhile():
                    self._repeat_while(step, committed)
                case Choose():
                    self._choose_branch(step, committed)
        return committed

    def text(self) -> str:
        self.f.return_("i32", "0")
        self.f.place(self.stopped)
        self.f.return_("i32", "1")
        return self.f.text()

    def _stop_if_asked(self, committed: bool) -> None:
        """Before the commit, leave where the caller cancels or a check has failed: two words that are read as one."""
        f = self.f
        if committed:
            return
        both = f.value(f"load atomic i64, ptr {self._at(layout.CONTROL_CANCEL)} monotonic, align 8", "both")
        go = f.block("go")
        f.branch_if(f.compare("eq", "i64", both, "0"), go, self.stopped)
        f.place(go)

    # --- loops and branches -------------------------------------------------------------------------------------------

    def _inside(self, steps: Sequence[Step], committed: bool, depth: int) -> None:
        """Run steps by functions of their own."""
        f = self.f
        names, _ = self.parts.write(steps, committed, depth)
        inline = INLINE if depth and len(steps) <= _FEW else ""
        arguments = [(type, f"%{each}") for type, each in PARAMETERS]
        for name in names:
            stopped = f.call("i32", f"@{name}", arguments, "stopped", inline)
            go = f.block("go")
            f.branch_if(f.compare("eq", "i32", stopped, "0"), go, self.stopped)
            f.place(go)

    def _position(self, loop: int) -> str:
        return self.f.offset("i64", "%frame", str(self.frame.positions[loop]), "position")

    def _tell(self, done: str, word: int) -> None:
        """Progress of the outermost loop, for whoever waits beside the call."""
        if self.depth == 0:
            self.f.do(f"store atomic i64 {done}, ptr {self._at(word)} monotonic, align 8")

    def _repeat(self, step: Repeat, committed: bool) -> None:
        f = self.f
        trips = self.frame.extents[step.trips].read(f)
        self._tell(trips, layout.CONTROL_TRIPS)
        with f.loop("trip", "0", trips) as trip:
            at = trip
            if step.reverse:
                at = f.binary("sub", "i64", f.binary("sub", "i64", trips, "1"), trip, "at")
            f.store("i64", at, self._position(step.number), 8)
            self._tell(trip, layout.CONTROL_TRIPS_DONE)
            self._inside(step.body, committed, self.depth + 1)
        self._tell(trips, layout.CONTROL_TRIPS_DONE)

    def _repeat_while(self, step: RepeatWhile, committed: bool) -> None:
        f = self.f
        ask, run, done = f.block("ask"), f.block("run"), f.block("done")
        self._tell(str(step.most), layout.CONTROL_TRIPS)
        f.store("i64", "0", self._position(step.number), 8)
        f.branch(ask)
        f.place(ask)
        trip = f.load("i64", self._position(step.number), 8, "trip")
        self._tell(trip, layout.CONTROL_TRIPS_DONE)
        if step.most:
            more = f.block("more")
            f.branch_if(f.compare("slt", "i64", trip, str(step.most)), more, done)
            f.place(more)
        self._inside(step.head, committed, self.depth + 1)
        holds = f.load("i8", self._place(step.condition), 1, "holds")
        f.branch_if(f.compare("ne", "i8", holds, "0"), run, done)
        f.place(run)
        if step.number in self.frame.trips:
            self._use_fuel(self.frame.trips[step.number])
        self._inside(step.body, committed, self.depth + 1)
        f.store("i64", f.binary("add", "i64", trip, "1"), self._position(step.number), 8)
        if not committed:
            self._stop_if_asked(committed)
        f.branch(ask)
        f.place(done)

    def _use_fuel(self, trip: Word) -> None:
        """Stop where none is left."""
        f = self.f
        at = f.offset("i64", "%frame", str(self.frame.fuel))
        left = f.binary("sub", "i64", f.load("i64", at, 8, "fuel"), trip.read(f), "left")
        f.store("i64", left, at, 8)
        go = f.block("go")
        f.branch_if(f.compare("sge", "i64", left, "0"), go, self.stopped)
        f.place(go)

    def _choose_branch(self, step: Choose, committed: bool) -> None:
        f = self.f
        which = f.load("i32", self._place(step.which), 4, "which")
        chosen = f.block("chosen")
        for number, branch in enumerate(step.branches):
            other = f.block("other")
            if number + 1 < len(step.branches):
                here = f.block("branch")
                f.branch_if(f.compare("sle", "i32", which, str(number)), here, other)
                f.place(here)
            self._inside(branch, committed, self.depth)
            f.branch(chosen)
            if number + 1 < len(step.branches):
                f.place(other)
        f.place(chosen)

    # --- launches -----------------------------------------------------------------------------------------------------

    def _launch(self, launch: Launch, committed: bool) -> None:
        f, kernel = self.f, self.parts.kernels[launch.kernel]
        f.comment(f"{launch.kernel}({', '.join(map(str, launch.places))})")
        self._closure(launch, kernel, committed)
        for task in self.frame.tasks[launch.kernel]:
            function = f"@{self.parts.symbols[kernel.name]}{task.suffix}"
            match task.count:
                case "one":
                    self._call(function, task, INLINE if self.depth and _is_small(kernel) else "")
                case "several":
                    self._call_parallel(function, task, committed)
                case _:
                    self._choose(function, task, committed)
            self._stop_if_asked(committed)

    def _print(self, step: Print) -> None:
        f = self.f
        f.comment(f"print {step.place}")
        for number, extent in enumerate(step.type.shape):
            f.store("i64", self.frame.extents[extent].read(f), f.offset("i64", self.shape, str(number)), 8)
        arguments = [
            ("ptr", "%context"),
            ("ptr", "%control"),
            ("i64", str(self.parts.prints[id(step)])),
            ("ptr", self._place(step.place)),
            ("ptr", self.shape),
        ]
        f.call("void", self._context(layout.CONTEXT_PRINT), arguments)

    def _external(self, step: External) -> None:
        """Where every number fits in 32 bits: once for each example."""
        f = self.f
        f.comment(f"call {step.routine}")
        fits = "true"
        words: list[tuple[str, str]] = []
        for each in step.arguments:
            if isinstance(each, str):
                words.append(("i8", str(ord(each))))
            elif isinstance(each, Array):
                words.append(("", ""))
            else:
                number = self.frame.extents[each].read(f)
                fits = f.binary("and", "i1", fits, f.compare("sle", "i64", number, str(2**31 - 1)), "fits")
                words.append(("i32", f.convert("trunc", "i64", number, "i32")))
        with f.when(fits), f.loop("example", "0", self.frame.extents[step.times].read(f)) as example:
            for source, to, size in step.copied:
                pointers = [("ptr", self._place(to)), ("ptr", self._example(source, example))]
                arguments = [*pointers, ("i64", self.frame.extents[size].read(f)), ("i1", "false")]
                f.intrinsic("void", "llvm.memcpy.p0.p0.i64", arguments)
            addresses = []
            for position, (each, (type, word)) in enumerate(zip(step.arguments, words, strict=True)):
                if isinstance(each, Array):
                    addresses.append(("ptr", self._example(each, example)))
                    continue
                addresses.append(("ptr", f.offset("i64", self.handed, str(position), "handed")))
                f.store(type, word, addresses[-1][1], 8)
            table = self._context(layout.CONTEXT_EXTERNALS)
            routine = f.load("ptr", f.offset("i64", table, str(self.parts.routines.index(step.routine))), 8, "routine")
            f.call("void", routine, addresses)

    def _example(self, array: Array, example: str) -> str:
        f, address = self.f, self._place(array.place)
        if array.stride == 0:
            return address
        distance = f.binary("mul", "i64", example, self.frame.extents[array.stride].read(f), "distance")
        return f.offset("i8", address, distance, "example")

    def _closure(self, launch: Launch, kernel: AnyKernel, committed: bool) -> None:
        f, scratch = self.f, self.frame.scratch
        words = [
            ("ptr", self.deaf if committed else "%control"),
            ("ptr", scratch["worker"].read(f)),
            ("i64", scratch["stride"].read(f)),
            ("ptr", scratch["shared"].read(f)),
            ("i64", str(launch.first_message)),
            *[("ptr", self._place(place)) for place in launch.places],
            *[("i64", self.frame.dims[symbol.name].read(f)) for symbol in kernel_dims(kernel)],
        ]
        for number, (type, value) in enumerate(words):
            f.store(type, value, f.offset("i64", self.closure, str(number)), 8)

    def _call(self, function: str, task: Task, inline: str = "") -> None:
        arguments = [("ptr", self.closure), ("i64", "0"), ("i64", task.total.read(self.f)), ("i64", "0")]
        self.f.call("void", function, arguments, attributes=inline)

    def _call_parallel(self, function: str, task: Task, committed: bool) -> None:
        arguments = [
            ("ptr", self._context(layout.CONTEXT_POOL)),
            ("ptr", function),
            ("ptr", self.closure),
            ("i64", task.total.read(self.f)),
            ("i64", task.grain.read(self.f)),
            ("ptr", "null" if committed else self._at(layout.CONTROL_CANCEL)),
        ]
        self.f.call("void", self._context(layout.CONTEXT_PARALLEL), arguments)

    def _choose(self, function: str, task: Task, committed: bool) -> None:
        f = self.f
        one, several, called = f.block("one"), f.block("several"), f.block("called")
        f.branch_if(f.compare("sle", "i64", task.total.read(f), task.grain.read(f)), one, several)
        f.place(one)
        self._call(function, task)
        f.branch(called)
        f.place(several)
        self._call_parallel(function, task, committed)
        f.branch(called)
        f.place(called)

    def _place(self, place: Place) -> str:
        """The address of a buffer, or of an element of it."""
        f, address = self.f, self._base(place)
        for loop, stride in place.strides:
            position = f.load("i64", self._position(loop), 8, "position")
            distance = f.binary("mul", "i64", position, self.frame.extents[stride].read(f), "distance")
            address = f.offset("i8", address, distance, "element")
        if place.offset != 0:
            address = f.offset("i8", address, self.frame.extents[place.offset].read(f), "part")
        return address

    def _base(self, place: Place) -> str:
        f = self.f
        if place.kind == "position":
            return self._position(place.number)
        if place.kind == "scratch":
            return self.frame.scratch["shared"].read(f)
        if place.kind == "slot":
            return f.offset("i8", self.frame.scratch["arena"].read(f), self.frame.slots[place.number].read(f), "slot")
        if place.kind == "input":
            return f.load("ptr", f.offset("i64", "%inputs", str(2 * place.number)), 8, "input")
        table = "%outputs" if place.kind == "output" else self._context(_TABLES[place.kind])
        return f.load("ptr", f.offset("i64", table, str(place.number)), 8, place.kind)

    def _context(self, word: int) -> str:
        return self.f.load("ptr", self.f.offset("i64", "%context", str(word)), 8, "context")

    def _at(self, offset: int) -> str:
        return self.f.offset("i8", "%control", str(offset))


def _is_small(kernel: AnyKernel) -> bool:
    return isinstance(kernel, Kernel) and sum(1 for _ in statements(kernel.body)) <= _SMALL

"""The steps of a program as code: launches and copies, in parts.

In: a program and a `Frame`, the words that the entry computes once per call. Out: functions of some launches each,
which `lg_entry` calls in turn: LLVM's time grows faster than a function's length, and a program may have thousands of
launches.
    int32 lg.part(context*, control*, inputs*, outputs*, frame*)     1: stopped, by a failed check or the caller
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from lazygraph.compiler.codegen.llvm.target import Target
from lazygraph.compiler.codegen.llvm.text import Function
from lazygraph.compiler.loop.ir import AnyKernel
from lazygraph.compiler.loop.work import kernel_dims
from lazygraph.compiler.program.ir import Commit, Copy, Launch, Place, Print, Program, Step
from lazygraph.runtime import artifact as layout

PARAMETERS = [("ptr", each) for each in ("context", "control", "inputs", "outputs", "frame")]
_PER_PART = 32
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
    sizes: dict[Copy, Word] = field(default_factory=dict)
    printed: dict[Print, list[Word]] = field(default_factory=dict)  # the extents of what is shown

    def word(self, type: str, register: str) -> Word:
        if not register.startswith("%"):
            return Word(type, register, -1)
        self.registers.append((type, register))
        return Word(type, None, len(self.registers) - 1)


def part_texts(program: Program, symbols: Mapping[str, str], frame: Frame, target: Target) -> list[str]:
    """The functions `part_symbol(0)`, `part_symbol(1)`, ..., to be called in order."""
    kernels = {kernel.name: kernel for kernel in program.kernels}
    committed, parts, texts = False, _parts(program.steps), []
    numbers = {id(step): number for number, step in enumerate(program.prints)}
    for number, steps in enumerate(parts):
        part = _Part(part_symbol(number), kernels, symbols, frame, target, numbers)
        committed = part.write(steps, committed)
        texts.append(part.text())
    return texts


def part_symbol(number: int) -> str:
    return f"lg.part{number}"


def _parts(steps: Sequence[Step]) -> list[Sequence[Step]]:
    return [steps[start : start + _PER_PART] for start in range(0, len(steps), _PER_PART)]


class _Part:
    def __init__(
        self,
        symbol: str,
        kernels: Mapping[str, AnyKernel],
        symbols: Mapping[str, str],
        frame: Frame,
        target: Target,
        prints: Mapping[int, int],
    ) -> None:
        self.kernels = kernels
        self.symbols = symbols
        self.frame = frame
        self.prints = prints  # the number of each, by the identity of its step: two may be equal
        self.f = Function(symbol, "i32", PARAMETERS, attributes=f"noinline {target.attributes}")
        self.stopped = self.f.block("stopped")
        words = [len(each.buffers) + len(kernel_dims(each)) for each in kernels.values()]
        self.closure = self.f.value(
            f"alloca [{layout.CLOSURE_BUFFERS + max(words, default=0)} x i64], align 8", "closure"
        )
        ranks = [len(words) for words in frame.printed.values()]
        self.shape = self.f.value(f"alloca [{max(ranks, default=0)} x i64], align 8", "shape")
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
                case Copy(target, source, _):
                    pointers = [("ptr", self._place(target)), ("ptr", self._place(source))]
                    arguments = [*pointers, ("i64", self.frame.sizes[step].read(self.f)), ("i1", "false")]
                    self.f.intrinsic("void", "llvm.memcpy.p0.p0.i64", arguments)
                case Print():
                    self._print(step)
                    self._stop_if_asked(committed)
                case Launch():
                    self._launch(step, committed)
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

    def _launch(self, launch: Launch, committed: bool) -> None:
        f, kernel = self.f, self.kernels[launch.kernel]
        f.comment(f"{launch.kernel}({', '.join(map(str, launch.places))})")
        self._closure(launch, kernel, committed)
        for task in self.frame.tasks[launch.kernel]:
            function = f"@{self.symbols[kernel.name]}{task.suffix}"
            match task.count:
                case "one":
                    self._call(function, task)
                case "several":
                    self._call_parallel(function, task, committed)
                case _:
                    self._choose(function, task, committed)
            self._stop_if_asked(committed)

    def _print(self, step: Print) -> None:
        f = self.f
        f.comment(f"print {step.place}")
        for number, word in enumerate(self.frame.printed[step]):
            f.store("i64", word.read(f), f.offset("i64", self.shape, str(number)), 8)
        arguments = [
            ("ptr", "%context"),
            ("ptr", "%control"),
            ("i64", str(self.prints[id(step)])),
            ("ptr", self._place(step.place)),
            ("ptr", self.shape),
        ]
        f.call("void", self._context(layout.CONTEXT_PRINT), arguments)

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

    def _call(self, function: str, task: Task) -> None:
        arguments = [("ptr", self.closure), ("i64", "0"), ("i64", task.total.read(self.f)), ("i64", "0")]
        self.f.call("void", function, arguments)

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
        """The address of a buffer."""
        f = self.f
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

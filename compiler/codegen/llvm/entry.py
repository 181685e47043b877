"""The native entry of a program: one call is a whole step, or many.

In: a program, the work of each of its kernels, a target. Out: the text of `lg_entry` and `lg_solve` (see
runtime.artifact). Both solve the dims from the inputs' extents, check them and size the arena in straight-line code;
`lg_entry` then repeats the program's steps. It stops where a check failed or the caller cancels only before the
commit, so a call that stops leaves the variables as they were after its last whole step. Kernels are the functions
that `kernel_symbols` names; a phase of one task is called directly, longer ones go through the context's `parallel`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from lazygraph.compiler.codegen.llvm.environment import restore_environment, set_environment
from lazygraph.compiler.codegen.llvm.extents import Extents
from lazygraph.compiler.codegen.llvm.target import Target
from lazygraph.compiler.codegen.llvm.text import Block, Function
from lazygraph.compiler.ir import dims
from lazygraph.compiler.loop.ir import AnyKernel
from lazygraph.compiler.loop.work import Work, kernel_dims
from lazygraph.compiler.program.ir import Commit, Copy, Launch, Place, Program
from lazygraph.runtime import artifact as layout

_TOO_LARGE = 2**63 - 1  # the arena size of a program whose sizes do not fit in 64 bits


def kernel_symbols(program: Program) -> dict[str, str]:
    """The function of each kernel, by its name: numbered, so that object code holds no name of the user's."""
    return {kernel.name: f"lg.kernel{number}" for number, kernel in enumerate(program.kernels)}


def emit_entry(program: Program, works: Mapping[str, Work], target: Target) -> str:
    """The texts of `lg_entry` and `lg_solve`; `works` holds the work of every kernel by its name."""
    return _Entry(program, works, target).text() + _Solver(program, works, target).text()


@dataclass(frozen=True)
class _Plan:
    """Offsets in the arena, as registers or numbers."""

    slots: list[str]
    worker: str
    stride: str
    shared: str
    bytes: str


@dataclass(frozen=True)
class _Task:
    """A phase of a kernel, with its numbers of iterations."""

    suffix: str
    total: str
    grain: str

    @property
    def _known(self) -> bool:
        return self.total.isdigit() and self.grain.isdigit()

    @property
    def is_one(self) -> bool:
        return self._known and int(self.total) <= int(self.grain)

    @property
    def is_several(self) -> bool:
        return self._known and int(self.total) > int(self.grain)


class _Prologue:
    """What both functions do first: dims, requirements, arena."""

    def __init__(
        self,
        f: Function,
        program: Program,
        works: Mapping[str, Work],
        fail: Block,
        status: str,
        control: str,
        inputs: str,
    ) -> None:
        self.f = f
        self.program = program
        self.works = works
        self.fail = fail  # where to go with `status` stored
        self.status = status
        self.control = control
        self.inputs = inputs
        self.extents = Extents(f)
        self._found: dict[tuple[int, int], str] = {}

    def solve(self) -> None:
        """Dims from extents, then the ranges they were declared with, then all other extents."""
        f, extents = self.f, self.extents
        for each in self.program.solves:
            extent = self.extent(each.input, each.axis)
            scaled = f.binary("sub", "i64", extent, str(each.offset)) if each.offset else extent
            value = scaled
            if each.scale != 1:
                value = f.binary("sdiv", "i64", scaled, str(each.scale))
                rest = f.binary("srem", "i64", scaled, str(each.scale))
                self.check(f.compare("eq", "i64", rest, "0"), each.message, (extent,))
            extents.known[each.symbol.name] = value
        for each in self.program.solves:
            extent, symbol = self.extent(each.input, each.axis), each.symbol
            value = extents.known[symbol.name]
            self.check(f.compare("sge", "i64", value, extents.write(symbol.lower)), each.message, (extent,))
            if symbol.upper is not None:
                self.check(f.compare("sle", "i64", value, extents.write(symbol.upper)), each.message, (extent,))
            if symbol.multiple_of != 1:
                rest = f.binary("srem", "i64", value, str(symbol.multiple_of))
                self.check(f.compare("eq", "i64", rest, "0"), each.message, (extent,))
        for require in self.program.requires:
            found, expected = self.extent(require.input, require.axis), extents.write(require.expected)
            self.check(f.compare("eq", "i64", found, expected), require.message, (found, expected))

    def extent(self, input: int, axis: int) -> str:
        f = self.f
        if (input, axis) not in self._found:
            extents = f.load("ptr", f.offset("i64", self.inputs, str(2 * input + 1)), 8, "extents")
            self._found[input, axis] = f.load("i64", f.offset("i64", extents, str(axis)), 8, "extent")
        return self._found[input, axis]

    def check(self, condition: str, message: int, values: tuple[str, ...]) -> None:
        f = self.f
        failed, passed = f.block("failed"), f.block("passed")
        f.branch_if(condition, passed, failed)
        f.place(failed)
        f.store("i32", str(message + 1), f.offset("i8", self.control, str(layout.CONTROL_ERROR)), 4)
        for number, value in enumerate(values):
            f.store("i64", value, f.offset("i8", self.control, str(layout.CONTROL_VALUES + 8 * number)), 8)
        f.store("i32", str(layout.CHECK_FAILED), self.status, 4)
        f.branch(self.fail)
        f.place(passed)

    def plan(self, threads: str) -> _Plan:
        """The arena: slots one after another, scratch of each worker, scratch that the phases of a kernel share."""
        extents = self.extents
        offset, offsets = "0", []
        for slot in self.program.slots:
            offsets.append(offset)
            offset = extents.sum(offset, extents.aligned(extents.largest(slot.members), layout.ALIGNMENT))
        works = self.works.values()
        stride = extents.aligned(extents.largest(tuple([each.worker_bytes for each in works])), layout.ALIGNMENT)
        shared = extents.sum(offset, extents.product(stride, threads))
        total = extents.sum(shared, extents.largest(tuple([each.shared_bytes for each in works])))
        if extents.overflow != "false":
            total = self.f.select(extents.overflow, "i64", str(_TOO_LARGE), total, "arena.bytes")
        return _Plan(offsets, offset, stride, shared, total)


class _Solver:
    def __init__(self, program: Program, works: Mapping[str, Work], target: Target) -> None:
        parameters = [("ptr", "control"), ("ptr", "inputs"), ("ptr", "result")]
        self.f = f = Function(layout.SOLVE, "i32", parameters, attributes=target.attributes, linkage="")
        self.leave = f.block("leave")
        self.status = f.value("alloca i32, align 4", "status")
        f.store("i32", str(layout.OK), self.status, 4)
        start = _Prologue(f, program, works, self.leave, self.status, "%control", "%inputs")
        start.solve()
        threads = f.load("i64", f.offset("i8", "%control", str(layout.CONTROL_THREADS)), 8, "threads")
        results = [start.extents.known[each.symbol.name] for each in program.solves]
        outputs = [start.extents.write(extent) for output in program.outputs for extent in output.type.shape]
        results += [start.plan(threads).bytes, *outputs]
        for number, value in enumerate(results):
            f.store("i64", value, f.offset("i64", "%result", str(number)), 8)
        f.branch(self.leave)
        f.place(self.leave)
        f.return_("i32", f.load("i32", self.status, 4))

    def text(self) -> str:
        return self.f.text()


class _Entry:
    def __init__(self, program: Program, works: Mapping[str, Work], target: Target) -> None:
        self.program = program
        self.works = works
        self.target = target
        self.symbols = kernel_symbols(program)
        self.kernels: dict[str, AnyKernel] = {kernel.name: kernel for kernel in program.kernels}
        parameters = [("ptr", each) for each in ("context", "control", "inputs", "outputs")]
        self.f = f = Function(
            layout.ENTRY,
            "i32",
            parameters,
            attributes=target.attributes,
            linkage="",
            comments=(f"program {program.name}",),
        )
        self.leave, self.stopped = f.block("leave"), f.block("stopped")
        self.status = f.value("alloca i32, align 4", "status")
        words = layout.CLOSURE_BUFFERS + max(
            [len(each.buffers) + len(kernel_dims(each)) for each in program.kernels], default=0
        )
        self.closure = f.value(f"alloca [{words} x i64], align 8", "closure")
        self.start = _Prologue(f, program, works, self.leave, self.status, "%control", "%inputs")

    def text(self) -> str:
        f = self.f
        saved = set_environment(f, self.target)
        self.start.solve()
        plan = self.start.plan(self._context(layout.CONTEXT_THREADS, "i64", "threads"))
        self._refuse_small_arena(plan.bytes)
        self._refuse_long_call()
        self.offsets, self.stride = plan.slots, plan.stride
        self.arena = self._context(layout.CONTEXT_ARENA, "ptr", "arena")
        self.worker = f.offset("i8", self.arena, plan.worker, "worker.scratch")
        self.shared = f.offset("i8", self.arena, plan.shared, "shared.scratch")
        self.tables = {
            "variable": self._context(layout.CONTEXT_VARIABLES, "ptr", "variables"),
            "constant": self._context(layout.CONTEXT_CONSTANTS, "ptr", "constants"),
        }
        write = self.start.extents.write
        tasks = {
            name: [_Task(each.suffix, write(each.total, "total"), write(each.grain, "grain")) for each in work.phases]
            for name, work in self.works.items()
        }
        sizes = {each: write(each.bytes, "bytes") for each in self.program.steps if isinstance(each, Copy)}
        f.store("i32", str(layout.OK), self.status, 4)
        steps = f.load("i64", self._at(layout.CONTROL_STEPS), 8, "steps")
        with f.loop("step", "0", steps) as step:
            self._steps(tasks, sizes)
            done = f.binary("add", "i64", step, "1", "done")
            f.do(f"store atomic i64 {done}, ptr {self._at(layout.CONTROL_PROGRESS)} release, align 8")
        f.branch(self.leave)
        self._write_stopped()
        f.place(self.leave)
        restore_environment(f, self.target, saved)
        f.return_("i32", f.load("i32", self.status, 4))
        return f.text()

    def _write_stopped(self) -> None:
        f = self.f
        f.place(self.stopped)
        flag = f.value(f"load atomic i32, ptr {self._at(layout.CONTROL_CANCEL)} monotonic, align 4", "cancel")
        cancelled = f.compare("ne", "i32", flag, "0", "cancelled")
        f.store("i32", f.select(cancelled, "i32", str(layout.CANCELLED), str(layout.CHECK_FAILED)), self.status, 4)
        f.branch(self.leave)

    # --- before the first step -------------------------------------------------------------------------------------

    def _context(self, word: int, type: str, hint: str) -> str:
        return self.f.load(type, self.f.offset("i64", "%context", str(word)), 8, hint)

    def _at(self, offset: int) -> str:
        return self.f.offset("i8", "%control", str(offset))

    def _leave_if(self, condition: str, status: int, before: Callable[[], Any] = lambda: None) -> None:
        f = self.f
        stop, go = f.block("stop"), f.block("go")
        f.branch_if(condition, stop, go)
        f.place(stop)
        before()
        f.store("i32", str(status), self.status, 4)
        f.branch(self.leave)
        f.place(go)

    def _refuse_small_arena(self, total: str) -> None:
        f = self.f
        have = self._context(layout.CONTEXT_ARENA_BYTES, "i64", "have")
        needed = self._at(layout.CONTROL_ARENA_NEEDED)
        self._leave_if(
            f.compare("slt", "i64", have, total), layout.ARENA_TOO_SMALL, lambda: f.store("i64", total, needed, 8)
        )

    def _refuse_long_call(self) -> None:
        """LONG where the caller asked for it and the estimate of all steps is above the limit."""
        f, extents = self.f, self.start.extents
        estimate = "0.0"
        launches: dict[str, int] = {}
        for step in self.program.steps:
            if isinstance(step, Launch):
                launches[step.kernel] = launches.get(step.kernel, 0) + 1
        for name, count in launches.items():
            for phase in self.works[name].phases:
                time = extents.time(dims.multiply(dims.multiply(phase.total, phase.picoseconds), count))
                estimate = f.binary("fadd", "double", estimate, time, "estimate")
        steps = f.convert("sitofp", "i64", f.load("i64", self._at(layout.CONTROL_STEPS), 8, "steps"), "double")
        all_steps = f.binary("fmul", "double", estimate, steps, "estimate")
        long = f.compare("ogt", "double", all_steps, f"{1000.0 * layout.LONG_NANOSECONDS:e}", "long")
        asked = f.compare("ne", "i64", f.load("i64", self._at(layout.CONTROL_INLINE), 8, "inline"), "0", "asked")
        self._leave_if(f.binary("and", "i1", long, asked), layout.LONG)

    # --- one step --------------------------------------------------------------------------------------------------

    def _steps(self, tasks: Mapping[str, list[_Task]], sizes: Mapping[Copy, str]) -> None:
        committed = False
        self._stop_if_asked()
        for step in self.program.steps:
            match step:
                case Commit():
                    committed = True
                case Copy(target, source, _):
                    pointers = [("ptr", self._place(target)), ("ptr", self._place(source))]
                    arguments = [*pointers, ("i64", sizes[step]), ("i1", "false")]
                    self.f.intrinsic("void", "llvm.memcpy.p0.p0.i64", arguments)
                case Launch():
                    self._launch(step, tasks[step.kernel], committed)

    def _stop_if_asked(self) -> None:
        """Leave where the caller cancels or a check has failed: two words that are read as one."""
        f = self.f
        both = f.value(f"load atomic i64, ptr {self._at(layout.CONTROL_CANCEL)} monotonic, align 8", "both")
        go = f.block("go")
        f.branch_if(f.compare("eq", "i64", both, "0"), go, self.stopped)
        f.place(go)

    def _launch(self, launch: Launch, tasks: list[_Task], committed: bool) -> None:
        f, kernel = self.f, self.kernels[launch.kernel]
        f.comment(f"{launch.kernel}({', '.join(map(str, launch.places))})")
        self._closure(launch, kernel)
        for task in tasks:
            function = f"@{self.symbols[kernel.name]}{task.suffix}"
            if task.is_one:
                self._call(function, task)
            elif task.is_several:
                self._call_parallel(function, task, committed)
            else:
                self._choose(function, task, committed)
            if not committed:
                self._stop_if_asked()

    def _closure(self, launch: Launch, kernel: AnyKernel) -> None:
        f = self.f
        words = [
            ("ptr", "%control"),
            ("ptr", self.worker),
            ("i64", self.stride),
            ("ptr", self.shared),
            ("i64", str(launch.first_message)),
            *[("ptr", self._place(place)) for place in launch.places],
            *[("i64", self.start.extents.known[symbol.name]) for symbol in kernel_dims(kernel)],
        ]
        for number, (type, value) in enumerate(words):
            f.store(type, value, f.offset("i64", self.closure, str(number)), 8)

    def _call(self, function: str, task: _Task) -> None:
        arguments = [("ptr", self.closure), ("i64", "0"), ("i64", task.total), ("i64", "0")]
        self.f.call("void", function, arguments)

    def _call_parallel(self, function: str, task: _Task, committed: bool) -> None:
        arguments = [
            ("ptr", self._context(layout.CONTEXT_POOL, "ptr", "team")),
            ("ptr", function),
            ("ptr", self.closure),
            ("i64", task.total),
            ("i64", task.grain),
            ("ptr", "null" if committed else self._at(layout.CONTROL_CANCEL)),
        ]
        self.f.call("void", self._context(layout.CONTEXT_PARALLEL, "ptr", "parallel"), arguments)

    def _choose(self, function: str, task: _Task, committed: bool) -> None:
        f = self.f
        one, several, called = f.block("one"), f.block("several"), f.block("called")
        f.branch_if(f.compare("sle", "i64", task.total, task.grain), one, several)
        f.place(one)
        self._call(function, task)
        f.branch(called)
        f.place(several)
        self._call_parallel(function, task, committed)
        f.branch(called)
        f.place(called)

    def _place(self, place: Place) -> str:
        """The address of a buffer, read where it is used: a program of thousands of launches holds none of them."""
        f = self.f
        if place.kind == "slot":
            return f.offset("i8", self.arena, self.offsets[place.number], "slot")
        if place.kind == "input":
            return f.load("ptr", f.offset("i64", "%inputs", str(2 * place.number)), 8, "input")
        table = "%outputs" if place.kind == "output" else self.tables[place.kind]
        return f.load("ptr", f.offset("i64", table, str(place.number)), 8, place.kind)

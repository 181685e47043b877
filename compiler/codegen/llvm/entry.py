"""The native entry of a program: one call is a whole step, or many.

In: a program, the work of each of its kernels, a target. Out: the text of `lg_entry` and `lg_solve` (see
runtime.artifact). Both solve the dims and size the arena (`prologue`); `lg_entry` then repeats the program's steps
(`steps`). It stops where a check failed or the caller cancels only before the commit, so a call that stops leaves the
variables as they were after its last whole step. Kernels are the functions that `kernel_symbols` names.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from lazygraph.compiler.codegen.llvm.environment import restore_environment, set_environment
from lazygraph.compiler.codegen.llvm.estimate import FUEL, Estimate, fuelled
from lazygraph.compiler.codegen.llvm.prologue import Plan, Prologue
from lazygraph.compiler.codegen.llvm.steps import PARAMETERS, Frame, Task, part_texts
from lazygraph.compiler.codegen.llvm.target import Target
from lazygraph.compiler.codegen.llvm.text import Function
from lazygraph.compiler.ir.dims import Extent
from lazygraph.compiler.loop.work import Work
from lazygraph.compiler.program.ir import Copy, External, Print, Program, Repeat, Step, every_step, places_of
from lazygraph.runtime import artifact as layout


def kernel_symbols(program: Program) -> dict[str, str]:
    """The function of each kernel, by its name: numbered, so that object code holds no name of the user's."""
    return {kernel.name: f"lg.kernel{number}" for number, kernel in enumerate(program.kernels)}


def emit_entry(program: Program, works: Mapping[str, Work], target: Target) -> str:
    """The texts of `lg_entry` and `lg_solve`; `works` holds the work of every kernel by its name."""
    return "".join([*_Entry(program, works, target).texts(), _solver(program, works, target)])


def _solver(program: Program, works: Mapping[str, Work], target: Target) -> str:
    parameters = [("ptr", "control"), ("ptr", "inputs"), ("ptr", "result")]
    f = Function(layout.SOLVE, "i32", parameters, attributes=target.attributes, linkage="")
    leave = f.block("leave")
    status = f.value("alloca i32, align 4", "status")
    f.store("i32", str(layout.OK), status, 4)
    start = Prologue(f, program, works, leave, status)
    start.solve()
    threads = f.load("i64", f.offset("i8", "%control", str(layout.CONTROL_THREADS)), 8, "threads")
    results = [start.extents.known[each.symbol.name] for each in program.solves]
    outputs = [start.extents.write(extent) for output in program.outputs for extent in output.type.shape]
    results += [start.plan(threads).bytes, *outputs]
    for number, value in enumerate(results):
        f.store("i64", value, f.offset("i64", "%result", str(number)), 8)
    f.branch(leave)
    f.place(leave)
    f.return_("i32", f.load("i32", status, 4))
    return f.text()


class _Entry:
    def __init__(self, program: Program, works: Mapping[str, Work], target: Target) -> None:
        self.program = program
        self.works = works
        self.target = target
        self.f = f = Function(layout.ENTRY, "i32", PARAMETERS[:-1], attributes=target.attributes, linkage="")
        self.first = f.current
        self.leave, self.stopped = f.block("leave"), f.block("stopped")
        self.status = f.value("alloca i32, align 4", "status")
        self.start = Prologue(f, program, works, self.leave, self.status)
        self.estimate = Estimate(f, self.start.extents, works)
        inline = f.load("i64", self._at(layout.CONTROL_INLINE), 8, "inline")
        self.asked = f.compare("ne", "i64", inline, "0", "asked")

    def texts(self) -> list[str]:
        f = self.f
        f.comment(f"program {self.program.name}")
        saved = set_environment(f, self.target)
        self.start.solve()
        plan = self.start.plan(self._context(layout.CONTEXT_THREADS, "i64", "threads"))
        self._refuse_small_arena(plan.bytes)
        self._refuse_long_call()
        frame = self._frame(plan)
        parts, texts = part_texts(self.program, kernel_symbols(self.program), frame, self.target)
        self._repeat(frame, parts)
        f.place(self.leave)
        restore_environment(f, self.target, saved)
        f.return_("i32", f.load("i32", self.status, 4))
        return [*texts, f.text()]

    # --- before the first step ----------------------------------------------------------------------------------------

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
        f = self.f
        number = f.load("i64", self._at(layout.CONTROL_STEPS), 8, "steps")
        # A step that comes back without a result is made again from its start: that takes a first step.
        fuelled = f.select(f.compare("eq", "i64", number, "1"), "double", "1.0", "1.0e18", "fuelled")
        steps = f.convert("sitofp", "i64", number, "double")
        estimate = self.estimate.time(self.program.steps, fuelled)
        all_steps = f.binary("fmul", "double", estimate, steps, "estimate")
        long = f.compare("ogt", "double", all_steps, f"{1000.0 * layout.LONG_NANOSECONDS:e}", "long")
        self._leave_if(f.binary("and", "i1", long, self.asked), layout.LONG)

    def _frame(self, plan: Plan) -> Frame:
        f, frame, write = self.f, Frame(), self.start.extents.write
        arena = self._context(layout.CONTEXT_ARENA, "ptr", "arena")
        frame.scratch["arena"] = frame.word("ptr", arena)
        frame.scratch["worker"] = frame.word("ptr", f.offset("i8", arena, plan.worker, "worker.scratch"))
        frame.scratch["stride"] = frame.word("i64", plan.stride)
        frame.scratch["shared"] = frame.word("ptr", f.offset("i8", arena, plan.shared, "shared.scratch"))
        frame.slots += [frame.word("i64", offset) for offset in plan.slots]
        for name, register in self.start.extents.known.items():
            frame.dims[name] = frame.word("i64", register)
        for name, work in self.works.items():
            for phase in work.phases:
                total, grain = write(phase.total, "total"), write(phase.grain, "grain")
                task = Task(phase.suffix, frame.word("i64", total), frame.word("i64", grain))
                frame.tasks.setdefault(name, []).append(task)
        for step in every_step(self.program.steps):
            for extent in _extents(step):
                if extent not in frame.extents:
                    frame.extents[extent] = frame.word("i64", write(extent, "n"))
        frame.positions += [frame.variable("0") for _ in range(self.program.loops)]
        loops = fuelled(self.program.steps)
        if loops:
            frame.fuel = frame.variable(str(FUEL))
        for loop in loops:
            trip = f.convert("fptosi", "double", self.estimate.trip(loop), "i64")
            frame.trips[loop.number] = frame.word("i64", f.select(self.asked, "i64", trip, "0", "trip"))
        return frame

    # --- the steps ----------------------------------------------------------------------------------------------------

    def _repeat(self, frame: Frame, parts: Sequence[str]) -> None:
        f = self.f
        with f.at(self.first):
            words = f.value(f"alloca [{max(1, len(frame.registers))} x i64], align 8", "frame")
        for number, (type, register) in enumerate(frame.registers):
            f.store(type, register, f.offset("i64", words, str(number)), 8)
        f.store("i32", str(layout.OK), self.status, 4)
        arguments = [*[(type, f"%{name}") for type, name in PARAMETERS[:-1]], ("ptr", words)]
        steps = f.load("i64", self._at(layout.CONTROL_STEPS), 8, "steps")
        with f.loop("step", "0", steps) as step:
            for part in parts:
                stopped = f.call("i32", f"@{part}", arguments, "stopped")
                go = f.block("go")
                f.branch_if(f.compare("eq", "i32", stopped, "0"), go, self.stopped)
                f.place(go)
            done = f.binary("add", "i64", step, "1", "done")
            f.do(f"store atomic i64 {done}, ptr {self._at(layout.CONTROL_PROGRESS)} release, align 8")
        f.branch(self.leave)
        f.place(self.stopped)
        flag = f.value(f"load atomic i32, ptr {self._at(layout.CONTROL_CANCEL)} monotonic, align 4", "cancel")
        cancelled = f.compare("ne", "i32", flag, "0", "cancelled")
        error = f.load("i32", self._at(layout.CONTROL_ERROR), 4, "error")
        failed = f.compare("ne", "i32", error, "0", "failed")
        other = f.select(failed, "i32", str(layout.CHECK_FAILED), str(layout.LONG))  # a loop is out of fuel
        f.store("i32", f.select(cancelled, "i32", str(layout.CANCELLED), other), self.status, 4)
        f.branch(self.leave)


def _extents(step: Step) -> list[Extent]:
    """What the steps need to know as numbers."""
    found = [stride for place in places_of(step) for _, stride in place.strides]
    found += [place.offset for place in places_of(step) if place.offset != 0]
    match step:
        case Copy():
            found.append(step.bytes)
        case Print():
            found += step.type.shape
        case External():
            found += [step.times, *step.numbers, *[each.stride for each in step.arrays if each.stride != 0]]
            found += [size for _, _, size in step.copied]
            found += [place.offset for place in step.rooms if place.offset != 0]
        case Repeat():
            found.append(step.trips)
    return found

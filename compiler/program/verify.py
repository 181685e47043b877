"""The laws of the program form.
In: a program. Out: nothing; a broken law raises `InvalidProgram`. The commit point is the law that matters most: no
variable is written before it, and nothing that can fail a check comes after it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lazygraph.compiler.loop.cost import statements
from lazygraph.compiler.loop.ir import AnyKernel, Check, Contraction
from lazygraph.compiler.loop.verify import verify_kernel
from lazygraph.compiler.program.ir import (
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


class InvalidProgram(ValueError):
    """The compiler made a program that breaks a law of the form: a mistake of ours, never of the user."""


def verify_program(program: Program) -> None:
    """Kernels exist and get the buffers they ask for; places exist; reads come after writes; the commit point holds."""
    kernels = {kernel.name: kernel for kernel in program.kernels}
    _expect(len(kernels) == len(program.kernels), program, "two kernels share a name")
    for kernel in program.kernels:
        verify_kernel(kernel)
        whole = [buffer.name for buffer in kernel.buffers if buffer.dtype.is_complex]
        _expect(
            not whole, program, f"kernel {kernel.name} holds complex numbers in {whole}: expected pairs of real ones"
        )
    _expect(sum(isinstance(step, Commit) for step in program.steps) == 1, program, "expected exactly one commit")
    counts = {
        "input": len(program.inputs),
        "variable": len(program.variables),
        "output": len(program.outputs),
        "constant": len(program.constants),
        "slot": len(program.slots),
        "position": program.loops,
    }
    written = {Place(kind, number) for kind in ("input", "variable", "constant") for number in range(counts[kind])}
    law = _Law(program, kernels, counts)
    law.steps(program.steps, written, False, frozenset())
    for number in range(counts["output"]):
        _expect(Place("output", number) in written, program, f"output {number} is never written")


@dataclass(frozen=True)
class _Law:
    program: Program
    kernels: Mapping[str, AnyKernel]
    counts: Mapping[str, int]

    def steps(self, steps: Sequence[Step], written: set[Place], committed: bool, loops: frozenset[int]) -> None:
        """Steps inside loops; `written` gains what they write."""
        for step in steps:
            match step:
                case Commit():
                    _expect(step in self.program.steps, self.program, "a commit inside a loop or a branch")
                    committed = True
                case Repeat(number, _, _, body):
                    self._new(number, loops)
                    self.steps(body, written, committed, loops | {number})
                    written.add(Place("position", number))
                case RepeatWhile(number, _, head, condition, body):
                    self._new(number, loops)
                    self.steps(head, written, committed, loops | {number})
                    self._read(step, condition, written, loops)
                    self.steps(body, written, committed, loops | {number})
                    written.add(Place("position", number))
                case Choose(which, branches):
                    self._read(step, which, written, loops)
                    found = [set(written) for _ in branches]
                    for branch, own in zip(branches, found, strict=True):
                        self.steps(branch, own, committed, loops)
                    written |= set.intersection(*found)
                case Launch() | Copy() | Print() | External():
                    self._step(step, written, committed, loops)

    def _new(self, number: int, loops: frozenset[int]) -> None:
        known = 0 <= number < self.program.loops and number not in loops
        _expect(known, self.program, f"loop {number} is inside itself, or beyond the {self.program.loops} loops")

    def _step(
        self, step: Launch | Copy | Print | External, written: set[Place], committed: bool, loops: frozenset[int]
    ) -> None:
        reads, writes = _accesses(self.program, step, self.kernels)
        for place in reads:
            self._read(step, place, written, loops)
        for place in writes:
            self._exists(place, loops)
            _expect(place.kind in ("variable", "output", "slot"), self.program, f"{step} writes {place}")
            _expect(committed or place.kind != "variable", self.program, f"{step} writes {place} before the commit")
        _expect(not committed or not isinstance(step, Print), self.program, f"{step} comes after the commit")
        if committed and isinstance(step, Launch):
            fails = has_checks(self.kernels[step.kernel])
            _expect(not fails, self.program, f"{step} can fail a check after the commit")
        written.update([place.whole() for place in writes])

    def _read(self, step: Step, place: Place, written: set[Place], loops: frozenset[int]) -> None:
        self._exists(place, loops)
        inside = place.kind == "position" and place.number in loops
        _expect(inside or place.whole() in written, self.program, f"{step} reads {place}, which nothing has written")

    def _exists(self, place: Place, loops: frozenset[int]) -> None:
        known = 0 <= place.number < self.counts.get(place.kind, 0)
        _expect(known and {loop for loop, _ in place.strides} <= loops, self.program, f"{place} does not exist")


def has_checks(kernel: AnyKernel) -> bool:
    bodies = (kernel.a.body, kernel.b.body, kernel.epilogue) if isinstance(kernel, Contraction) else (kernel.body,)
    return any(isinstance(each, Check) for body in bodies for each in statements(body))


def _accesses(
    program: Program, step: Launch | Copy | Print | External, kernels: Mapping[str, AnyKernel]
) -> tuple[list[Place], list[Place]]:
    if isinstance(step, Copy):
        return [step.source], [step.target]
    if isinstance(step, Print):
        return [step.place], []
    if isinstance(step, External):
        places = [each.place for each in step.arrays]
        return places, places
    _expect(step.kernel in kernels, program, f"kernel {step.kernel} is run and not declared")
    kernel = kernels[step.kernel]
    given, wanted = len(step.places), len(kernel.buffers)
    _expect(given == wanted, program, f"kernel {step.kernel} takes {wanted} buffers and gets {given}")
    writes = [place for place, buffer in zip(step.places, kernel.buffers, strict=True) if buffer.name in kernel.writes]
    reads = [
        place for place, buffer in zip(step.places, kernel.buffers, strict=True) if buffer.name not in kernel.writes
    ]
    return reads, writes


def _expect(holds: bool, program: Program, problem: str) -> None:
    if not holds:
        raise InvalidProgram(f"program {program.name}: {problem}")

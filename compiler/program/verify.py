"""The laws of the program form.
In: a program. Out: nothing; a broken law raises `InvalidProgram`. The commit point is the law that matters most: no
variable is written before it, and nothing that can fail a check comes after it.
"""

from __future__ import annotations

from lazygraph.compiler.loop.cost import statements
from lazygraph.compiler.loop.ir import AnyKernel, Check, Contraction
from lazygraph.compiler.loop.verify import verify_kernel
from lazygraph.compiler.program.ir import Commit, Copy, Launch, Place, Print, Program


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
    }
    written = {Place(kind, number) for kind in ("input", "variable", "constant") for number in range(counts[kind])}
    committed = False
    for step in program.steps:
        if isinstance(step, Commit):
            committed = True
            continue
        reads, writes = _accesses(program, step, kernels)
        for place in (*reads, *writes):
            _expect(0 <= place.number < counts.get(place.kind, 0), program, f"{place} does not exist")
        for place in reads:
            _expect(place in written, program, f"{step} reads {place}, which nothing has written")
        for place in writes:
            _expect(place.kind in ("variable", "output", "slot"), program, f"{step} writes {place}")
            _expect(committed or place.kind != "variable", program, f"{step} writes {place} before the commit")
        _expect(not committed or not isinstance(step, Print), program, f"{step} comes after the commit")
        if committed and isinstance(step, Launch):
            _expect(not has_checks(kernels[step.kernel]), program, f"{step} can fail a check after the commit")
        written.update(writes)
    for number in range(counts["output"]):
        _expect(Place("output", number) in written, program, f"output {number} is never written")


def has_checks(kernel: AnyKernel) -> bool:
    bodies = (kernel.a.body, kernel.b.body, kernel.epilogue) if isinstance(kernel, Contraction) else (kernel.body,)
    return any(isinstance(each, Check) for body in bodies for each in statements(body))


def _accesses(
    program: Program, step: Launch | Copy | Print, kernels: dict[str, AnyKernel]
) -> tuple[list[Place], list[Place]]:
    if isinstance(step, Copy):
        return [step.source], [step.target]
    if isinstance(step, Print):
        return [step.place], []
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

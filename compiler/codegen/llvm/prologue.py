"""What a program's native functions do first: dims from the inputs' extents, checks, the arena's layout.

In: a program, the work of its kernels, a function under construction. Out: straight-line code at its start, with the
registers of dims and sizes. A check that fails is noted in the control block, and the function leaves.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lazygraph.compiler.codegen.llvm.extents import Extents
from lazygraph.compiler.codegen.llvm.text import Block, Function
from lazygraph.compiler.loop.work import Work
from lazygraph.compiler.program.footprint import THREADS, layout
from lazygraph.compiler.program.ir import Equate, Program, Require
from lazygraph.runtime import artifact

_TOO_LARGE = 2**63 - 1  # the arena size of a program whose sizes do not fit in 64 bits


@dataclass(frozen=True)
class Plan:
    """Offsets in the arena, as registers or numbers."""

    slots: list[str]
    worker: str
    stride: str
    shared: str
    bytes: str


class Prologue:
    """Writes into a function with the parameters `control` and `inputs`."""

    def __init__(self, f: Function, program: Program, works: Mapping[str, Work], leave: Block, status: str) -> None:
        self.f = f
        self.program = program
        self.works = works
        self.leave = leave  # where to go with `status` stored
        self.status = status
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
            match require:
                case Require(wanted, input, axis, _):
                    found, expected = self.extent(input, axis), extents.write(wanted)
                case Equate(left, right, _):
                    found, expected = extents.write(left), extents.write(right)
            self.check(f.compare("eq", "i64", found, expected), require.message, (found, expected))

    def extent(self, input: int, axis: int) -> str:
        f = self.f
        if (input, axis) not in self._found:
            extents = f.load("ptr", f.offset("i64", "%inputs", str(2 * input + 1)), 8, "extents")
            self._found[input, axis] = f.load("i64", f.offset("i64", extents, str(axis)), 8, "extent")
        return self._found[input, axis]

    def check(self, condition: str, message: int, values: tuple[str, ...]) -> None:
        f = self.f
        failed, passed = f.block("failed"), f.block("passed")
        f.branch_if(condition, passed, failed)
        f.place(failed)
        f.store("i32", str(message + 1), f.offset("i8", "%control", str(artifact.CONTROL_ERROR)), 4)
        for number, value in enumerate(values):
            f.store("i64", value, f.offset("i8", "%control", str(artifact.CONTROL_VALUES + 8 * number)), 8)
        f.store("i32", str(artifact.CHECK_FAILED), self.status, 4)
        f.branch(self.leave)
        f.place(passed)

    def plan(self, threads: str) -> Plan:
        """The arena: its slots, scratch of each worker, scratch that the phases of a kernel share."""
        extents = self.extents
        extents.known[str(THREADS)] = threads
        found = layout(self.program, self.works.values())
        offsets = [extents.write(slot.offset) for slot in self.program.slots]
        worker, stride, shared, total = map(extents.write, (found.worker, found.stride, found.shared, found.total))
        if extents.overflow != "false":
            total = self.f.select(extents.overflow, "i64", str(_TOO_LARGE), total, "arena.bytes")
        return Plan(offsets, worker, stride, shared, total)

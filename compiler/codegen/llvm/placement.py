"""Where an instruction goes: as far out as its operands allow, and once.

In: pure instructions as text, with the level of their operands. Out: registers. Levels are the nested regions of a
function under construction: entry, loop bodies, branches. A pure instruction is written in the outermost region that
holds all its operands (never out of a branch, which may be the expensive one) and shared by later equal ones there; so
the text needs neither loop-invariant code motion nor common-subexpression elimination, and LLVM's time goes to
instruction selection.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from lazygraph.compiler.codegen.llvm import text
from lazygraph.compiler.codegen.llvm.text import Block, Function
from lazygraph.runtime.dtypes import DType

LLVM_TYPES = {
    "bool": "i1",
    **{f"{sign}{bits}": f"i{bits}" for sign in ("i", "u") for bits in (8, 16, 32, 64)},
    "f16": "i16",  # as bits: all arithmetic is float32's, and LLVM would call its run-time library
    "bf16": "i16",
    "f32": "float",
    "f64": "double",
}


def element_type(dtype: DType) -> str:
    """The LLVM type of a scalar in a register; in memory a bool is an i8."""
    if dtype.code not in LLVM_TYPES:
        raise TypeError(f"dtype {dtype} has no code generation: expected one of {', '.join(LLVM_TYPES)}")
    return LLVM_TYPES[dtype.code]


def memory_type(dtype: DType) -> str:
    return "i8" if dtype.kind == "bool" else element_type(dtype)


@dataclass(frozen=True, slots=True)
class Register:
    """A value: `lanes` of `dtype` side by side (0: one scalar for all lanes), written at region `level`.

    A constant's `name` is the constant of the element type, and its lanes are 0.
    """

    name: str
    dtype: DType
    lanes: int
    level: int
    constant: bool = False

    @property
    def type(self) -> str:
        element = element_type(self.dtype)
        return text.vector(self.lanes, element) if self.lanes else element


@dataclass(eq=False)
class Region:
    """A nesting level. `certain`: it runs whenever its parent does; `stored`: buffers written anywhere in it."""

    block: Block
    certain: bool = False
    branch: bool = False
    stored: frozenset[str] = frozenset()
    known: dict[str, str] = field(default_factory=dict)


class Placement:
    """A function's stack of regions; the last one is being written."""

    def __init__(self, function: Function, constant_buffers: frozenset[str]) -> None:
        self.function = function
        self.regions = [Region(function.current, certain=True)]
        self._constant_buffers = constant_buffers  # never written in this function: equal loads are one

    @property
    def level(self) -> int:
        return len(self.regions) - 1

    @contextmanager
    def inside(self, region: Region) -> Iterator[None]:
        """Write into a region that starts in a block just placed; the caller has ended the block before."""
        self.regions.append(region)
        yield
        self.regions.pop()

    def pure(self, instruction: str, level: int, hint: str) -> tuple[str, int]:
        """(name, level) of an instruction without effects and without undefined behaviour."""
        for outer in range(self.level, level, -1):
            if self.regions[outer].branch:
                level = outer
                break
        return self._write(instruction, level, hint), level

    def load(self, instruction: str, buffer: str, level: int, hint: str) -> tuple[str, int]:
        """(name, level) of a load: out of the loops that surely run and do not write the buffer."""
        place = self.level
        while place > level and self.regions[place].certain and buffer not in self.regions[place].stored:
            place -= 1
        if buffer in self._constant_buffers:
            return self._write(instruction, place, hint), place
        with self.function.at(self._block(place)):
            return self.function.value(instruction, hint), place

    def _write(self, instruction: str, level: int, hint: str) -> str:
        for region in self.regions[: level + 1]:
            name = region.known.get(instruction)
            if name is not None:
                return name
        with self.function.at(self._block(level)):
            name = self.function.value(instruction, hint)
        self.regions[level].known[instruction] = name
        return name

    def _block(self, level: int) -> Block:
        return self.function.current if level == self.level else self.regions[level].block

    # --- nesting ---------------------------------------------------------------------------------------------------

    def leave_block(self) -> None:
        """Note where outer instructions go while inner regions are written: before the branch into them."""
        self.regions[-1].block = self.function.current

    @contextmanager
    def loop(
        self,
        hint: str,
        begin: Register,
        end: Register,
        step: int,
        carried: Sequence[Register],
        stored: frozenset[str],
        certain: bool,
        going: Callable[[], str] | None = None,
    ) -> Iterator[Loop]:
        """for (index = begin; index < end; index += step) with carried values; `certain`: begin < end is known.

        `going` writes a condition without which no iteration but the first begins.
        The body sets `loop.next`; after it `loop.results` are the values of the last iteration, or the initial ones.
        Loads move out of the body into a block that runs only if the body does.
        """
        function = self.function
        before = function.current
        self.leave_block()
        body, done = function.block(f"{hint}.body"), function.block(f"{hint}.done")
        ahead = function.block(f"{hint}.ahead")
        if certain:
            function.branch(ahead)
        else:
            function.branch_if(function.compare("slt", "i64", begin.name, end.name, f"{hint}.any"), ahead, done)
        function.place(ahead)
        with self.inside(Region(ahead, certain=certain, stored=stored)):
            self.leave_block()
            function.branch(body)
            function.place(body)
            with self.inside(Region(body, certain=True, stored=stored)):
                index = function.phi("i64", hint)
                index.add(begin.name, ahead)
                phis = [function.phi(each.type, f"{hint}.carry") for each in carried]
                for phi, each in zip(phis, carried):
                    phi.add(each.name, ahead)
                here = [Register(phi.name, each.dtype, each.lanes, self.level) for phi, each in zip(phis, carried)]
                loop = Loop(Register(index.name, begin.dtype, 0, self.level), here, [], [])
                yield loop
                following = function.binary("add", "i64", index.name, str(step), f"{hint}.next")
                more = function.compare("slt", "i64", following, end.name, f"{hint}.more")
                if going is not None:
                    more = function.binary("and", "i1", more, going(), f"{hint}.on")
                latch = function.current
                index.add(following, latch)
                for phi, each in zip(phis, loop.next):
                    phi.add(each.name, latch)
                function.branch_if(more, body, done)
        function.place(done)
        for initial, last in zip(carried, loop.next):
            name = last.name
            if not certain:
                merged = function.phi(initial.type, f"{hint}.result")
                merged.add(initial.name, before)
                merged.add(last.name, latch)
                name = merged.name
            loop.results.append(Register(name, initial.dtype, initial.lanes, self.level))


@dataclass(eq=False)
class Loop:
    index: Register
    carried: list[Register]
    next: list[Register]
    results: list[Register]

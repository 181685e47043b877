"""What a call of a compiled function takes up, known before it runs.

In: a program and the work of its kernels. Out: a `MemoryPlan`: sizes as expressions of the dims, evaluated where they
are given, who lives in the arena when, and all of it as text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lazygraph.compiler.ir import dims
from lazygraph.compiler.ir.dims import Extent, Symbol
from lazygraph.compiler.ir.nominal import example, nominal
from lazygraph.compiler.loop.work import Work
from lazygraph.compiler.program.footprint import THREADS, Resident, at_peak, bytes_of, layout, residents
from lazygraph.compiler.program.ir import Parameter, Program

SHOWN = 12  # lines of one list


@dataclass(frozen=True)
class MemoryPlan:
    """What a call works on: arrays by kind and name, and the arena of intermediate results with all who live in it.

    A size is an int, or an expression of the dims that the function was compiled for. `str(plan)` is the whole as text.
    """

    name: str
    steps: int  # that residents count their lives by
    residents: tuple[Resident, ...]
    slots: Extent  # bytes of the arena that residents share
    scratch: Extent  # of the kernels, behind the slots
    inputs: tuple[tuple[str, Extent], ...]
    outputs: tuple[tuple[str, Extent], ...]
    variables: tuple[tuple[str, Extent], ...]
    constants: Extent

    def arena(self, **extents: int) -> Extent:
        """Bytes of intermediate results and scratch: exactly what a call allocates beside its outputs."""
        return _settled(self.slots + self.scratch, extents)

    def peak(self, **extents: int) -> Extent:
        """Bytes of all that a call works on: arena, inputs, outputs, variables and constants.

        An int where the dims are given (`plan.peak(n=32)`) or there are none, else an expression of those left open.
        """
        parts = [size for kind in (self.inputs, self.outputs, self.variables) for _, size in kind]
        return _settled(sum(parts, self.slots + self.scratch + self.constants), extents)

    def at_peak(self, **extents: int) -> list[Resident]:
        """Who lives in the arena beside the step where most bytes live, the largest first.

        A dim that is not given is taken at its greatest value, or 64.
        """
        return at_peak(self.residents, self._extents(extents))[1]

    def _extents(self, given: Mapping[str, int]) -> dict[str, int]:
        sizes = [self.peak(), *[each.bytes for each in self.residents]]
        found = {symbol for size in sizes for symbol in dims.symbols(size)}
        return {symbol.name: given.get(symbol.name, example(symbol)) for symbol in found}

    def __str__(self) -> str:
        return "\n".join([*self._totals(), *self._peak(), *self._lives()])

    def _totals(self) -> list[str]:
        lines = [
            f"memory plan of {self.name}: {size_text(self.peak())}",
            f"  arena: {size_text(self.slots)} for {len(self.residents)} buffers, {size_text(self.scratch)} of scratch",
        ]
        for kind in ("inputs", "outputs", "variables"):
            parts: tuple[tuple[str, Extent], ...] = getattr(self, kind)
            total = sum([size for _, size in parts], 0)
            names = _shortened([f"{name} {size_text(size)}" for name, size in parts], ", ")
            lines.append(f"  {kind}: {size_text(total)}" + (f": {names}" if parts else ""))
        return [*lines, f"  constants: {size_text(self.constants)}"]

    def _peak(self) -> list[str]:
        if not self.residents:
            return []
        extents = self._extents({})
        step, alive = at_peak(self.residents, extents)
        where = ", ".join(f"{name} = {extent}" for name, extent in sorted(extents.items()))
        live: Extent = sum([each.bytes for each in alive], 0)
        lines = [f"most live at step {step} of {self.steps}: {size_text(live)}" + (f", with {where}" if where else "")]
        return lines + resident_lines(alive)

    def _lives(self) -> list[str]:
        rows = [
            f"  {each.first:>5} .. {each.last:<5} at {each.offset} {size_text(each.bytes)} {each.name}"
            for each in sorted(self.residents, key=lambda each: (each.first, each.last))
        ]
        return ["buffers, from the step that writes to the last that reads:", *rows] if rows else []


def memory_plan(program: Program, works: Mapping[str, Work], threads: int) -> MemoryPlan:
    found, steps = residents(program)
    whole = layout(program, works.values())
    total = dims.substitute(whole.total, {symbol: threads for symbol in dims.symbols(THREADS)})
    return MemoryPlan(
        program.name,
        steps,
        found,
        program.arena,
        total - program.arena,
        _named(program.inputs),
        _named(program.outputs),
        _named(program.variables),
        bytes_of(program.constants),
    )


def resident_lines(alive: Sequence[Resident]) -> list[str]:
    """Who lives, a line for all that a line of the user's made by one name: how much, how many, what, and the line."""
    groups: dict[tuple[str, str], list[Resident]] = {}
    for each in alive:
        groups.setdefault((each.name, " | ".join(map(str, each.frames[:2]))), []).append(each)
    rows = [
        (sum([each.bytes for each in members], 0), f"{len(members)} x " * (len(members) > 1) + name, line)
        for (name, line), members in groups.items()
    ]
    rows.sort(key=lambda row: -nominal(row[0]))
    lines = [f"  {size_text(size):>12} {text}" + (f" ; {line}" if line else "") for size, text, line in rows[:SHOWN]]
    rest = [size for size, _, _ in rows[SHOWN:]]
    return lines + ([f"  {size_text(sum(rest, 0)):>12} of {len(rest)} others"] if rest else [])


def size_text(size: Extent) -> str:
    """Bytes as people read them; an expression as it is."""
    if not isinstance(size, int):
        return f"{size} bytes"
    for unit, scale in (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)):
        if size >= scale:
            return f"{size / scale:,.1f} {unit}"
    return f"{size:,} bytes"


def _shortened(texts: Sequence[str], joint: str) -> str:
    more = [f"{len(texts) - SHOWN} others"] if len(texts) > SHOWN else []
    return joint.join([*texts[:SHOWN], *more])


def _named(parameters: Sequence[Parameter]) -> tuple[tuple[str, Extent], ...]:
    return tuple([(each.name, bytes_of([each])) for each in parameters])


def _settled(size: Extent, extents: Mapping[str, int]) -> Extent:
    known: dict[Symbol, Extent] = {
        symbol: extents[symbol.name] for symbol in dims.symbols(size) if symbol.name in extents
    }
    return dims.substitute(size, known)

"""What a call of a compiled function allocates, known before it runs.

In: a program and the work of its kernels. Out: a `MemoryPlan`: sizes as expressions of the dims, evaluated where they
are given.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lazygraph.compiler.ir import dims
from lazygraph.compiler.ir.dims import Extent
from lazygraph.compiler.loop.work import Work
from lazygraph.compiler.program.ir import Parameter, Program
from lazygraph.runtime.artifact import ALIGNMENT


@dataclass(frozen=True)
class MemoryPlan:
    """Bytes of each slot of the arena (the greatest of its members), of scratch, outputs, variables and constants."""

    slots: tuple[tuple[Extent, ...], ...]
    worker_scratch: tuple[Extent, ...]  # of each thread: the greatest counts
    shared_scratch: tuple[Extent, ...]
    threads: int
    outputs: Mapping[str, Extent]
    variables: Mapping[str, Extent]
    constants: Extent

    def arena(self, **extents: int) -> int:
        """Bytes of intermediate results, for given dims."""
        slots = sum(_aligned(_greatest(members, extents)) for members in self.slots)
        workers = self.threads * _aligned(_greatest(self.worker_scratch, extents))
        return slots + workers + _greatest(self.shared_scratch, extents)

    def peak(self, **extents: int) -> int:
        """Bytes that a call needs beside its inputs: arena, outputs, variables, constants."""
        parts = (*self.outputs.values(), *self.variables.values(), self.constants)
        return self.arena(**extents) + sum(dims.evaluate(part, extents) for part in parts)

    def __str__(self) -> str:
        lines = [f"slot {number}: {_largest(members)}" for number, members in enumerate(self.slots)]
        lines.append(f"scratch: {self.threads} * {_largest(self.worker_scratch)} + {_largest(self.shared_scratch)}")
        lines += [f"output {name}: {size}" for name, size in self.outputs.items()]
        lines += [f"variable {name}: {size}" for name, size in self.variables.items()]
        return "\n".join([*lines, f"constants: {self.constants}"])


def memory_plan(program: Program, works: Mapping[str, Work], threads: int) -> MemoryPlan:
    return MemoryPlan(
        tuple([slot.members for slot in program.slots]),
        tuple(dict.fromkeys(work.worker_bytes for work in works.values())),
        tuple(dict.fromkeys(work.shared_bytes for work in works.values())),
        threads,
        {each.name: _bytes(each) for each in program.outputs},
        {each.name: _bytes(each) for each in program.variables},
        sum((_bytes(each) for each in program.constants), 0),
    )


def _bytes(parameter: Parameter) -> Extent:
    return dims.product(parameter.type.shape) * parameter.type.dtype.itemsize


def _greatest(members: tuple[Extent, ...], extents: Mapping[str, int]) -> int:
    return max((dims.evaluate(member, extents) for member in members), default=0)


def _largest(members: tuple[Extent, ...]) -> str:
    distinct = list(dict.fromkeys(map(str, members))) or ["0"]
    return distinct[0] if len(distinct) == 1 else f"max({', '.join(distinct)})"


def _aligned(size: int) -> int:
    return -(-size // ALIGNMENT) * ALIGNMENT

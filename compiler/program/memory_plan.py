"""Which slot of the arena each temporary lives in.
In: the temporaries with their sizes and the launches that write and read them. Out: a slot number for each, and the
slots. Two temporaries share a slot if one is dead before the other is born, or if a kernel may write the one over the
other. A slot's size is the maximum of its members', an expression where dims are symbolic. Greedy, in launch order,
nearest size first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from lazygraph.compiler.ir.dims import Extent, prove_nonnegative
from lazygraph.compiler.ir.graph import Value
from lazygraph.compiler.program.ir import Slot


@dataclass(frozen=True)
class Temporary:
    value: Value
    bytes: Extent
    born: int  # the launch that writes it
    dies: int  # the last launch that reads it
    over: Value | None  # a temporary that dies at `born` and may be written over


@dataclass(frozen=True)
class MemoryPlan:
    slot: Mapping[Value, int]
    slots: tuple[Slot, ...]


@dataclass
class _Open:
    """A slot in use: what has lived in it and when it falls free."""

    members: list[Extent] = field(default_factory=list)
    free_after: int = -1

    def holds(self, size: Extent) -> bool:
        return any(prove_nonnegative(each - size) for each in self.members)

    def largest(self) -> int | None:
        """The size, where it is a number."""
        numbers = [each for each in self.members if isinstance(each, int)]
        return max(numbers) if len(numbers) == len(self.members) else None


def plan_memory(temporaries: Sequence[Temporary]) -> MemoryPlan:
    slots: list[_Open] = []
    chosen: dict[Value, int] = {}
    for each in sorted(temporaries, key=lambda temporary: temporary.born):
        number = _choose(each, slots, chosen)
        if number == len(slots):
            slots.append(_Open())
        slot = slots[number]
        if not slot.holds(each.bytes):
            slot.members = [size for size in slot.members if not prove_nonnegative(each.bytes - size)] + [each.bytes]
        slot.free_after = each.dies
        chosen[each.value] = number
    return MemoryPlan(chosen, tuple([Slot(tuple(slot.members)) for slot in slots]))


def _choose(each: Temporary, slots: Sequence[_Open], chosen: Mapping[Value, int]) -> int:
    """The slot it is written over, else the free one that grows least, else a new one."""
    if each.over is not None and each.over in chosen and slots[chosen[each.over]].free_after == each.born:
        return chosen[each.over]
    free = [number for number, slot in enumerate(slots) if slot.free_after < each.born]
    fitting = [number for number in free if slots[number].holds(each.bytes)]
    if fitting:
        return min(fitting, key=lambda number: (slots[number].largest() or 0, number))
    if not isinstance(each.bytes, int):
        return len(slots)
    growing = [(size, number) for number in free if (size := slots[number].largest()) is not None]
    return max(growing)[1] if growing else len(slots)

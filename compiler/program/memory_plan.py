"""Where in the arena each temporary lives.

In: the temporaries with their sizes and the launches that write and read them. Out: a slot for each, with its offset,
and the bytes of the arena. Slots may overlap where one temporary is dead before the other is born; a temporary that a
kernel writes over another one shares its slot. Sizes and offsets are numbers or expressions of dims: temporaries whose
sizes are multiples of 64 bytes times the same dims are packed together, in a region of their own, by the multiples.
What is left shares places of the greatest size that stands in them. Regions lie one after another.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from lazygraph.compiler.ir.dims import Dim, Extent, ceildiv, maximum, prove_nonnegative
from lazygraph.compiler.ir.graph import Value
from lazygraph.compiler.program.ir import Slot
from lazygraph.runtime.artifact import ALIGNMENT

MANY = 2000  # blocks beyond which one order of entering them is tried: the others look at all pairs


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
    arena: Extent  # bytes


@dataclass(eq=False)
class _Block:
    """Temporaries that are written one over the other: they live in one place, one after another."""

    bytes: Extent
    born: int
    dies: int
    values: list[Value] = field(default_factory=list)
    offset: Extent = 0


def plan_memory(temporaries: Sequence[Temporary]) -> MemoryPlan:
    blocks = _blocks(temporaries)
    regions: dict[Extent, list[tuple[int, _Block]]] = {}  # by what the sizes are multiples of
    rest: list[_Block] = []
    for block in blocks:
        unit, count = _in_units(block.bytes)
        if count is None:
            rest.append(block)
        else:
            regions.setdefault(unit, []).append((count, block))
    arena: Extent = 0
    for unit, members in regions.items():
        offsets, top = _packed([_Rectangle(count, block.born, block.dies) for count, block in members])
        for (_, block), offset in zip(members, offsets, strict=True):
            block.offset = arena + unit * offset
        arena += unit * top
    arena = _share(rest, arena)
    numbers = {value: number for number, block in enumerate(blocks) for value in block.values}
    return MemoryPlan(numbers, tuple([Slot(block.bytes, block.offset) for block in blocks]), arena)


def _blocks(temporaries: Sequence[Temporary]) -> list[_Block]:
    found: dict[Value, _Block] = {}
    for each in sorted(temporaries, key=lambda temporary: temporary.born):
        block = None if each.over is None else found.get(each.over)
        if block is None or block.dies != each.born:
            block = _Block(each.bytes, each.born, each.dies)
        block.values.append(each.value)
        block.dies = each.dies
        found[each.value] = block
    return list(dict.fromkeys(found.values()))


def _in_units(size: Extent) -> tuple[Extent, int | None]:
    """(unit, count) with size = unit * count, or a little less: numbers are rounded up to whole lines of a cache, and
    of dims the unit is what a multiple of 64 stands before."""
    if isinstance(size, int):
        return ALIGNMENT, -(-size // ALIGNMENT)
    if len(size.terms) == 1 and size.terms[0][1] % ALIGNMENT == 0 and size.terms[0][1] > 0:
        ((atoms, coefficient),) = size.terms
        return Dim(((atoms, ALIGNMENT),)), coefficient // ALIGNMENT
    return size, None


# --- sizes that compare -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Rectangle:
    size: int
    born: int
    dies: int

    def meets(self, other: _Rectangle) -> bool:
        return self.born <= other.dies and other.born <= self.dies


_ORDERS: tuple[Callable[[_Rectangle], tuple[int, ...]], ...] = (
    lambda each: (-each.size * (each.dies - each.born + 1), each.born),
    lambda each: (-each.size, each.born),
    lambda each: (each.born - each.dies, -each.size),
)


def _packed(rectangles: Sequence[_Rectangle]) -> tuple[list[int], int]:
    """An offset for each, and where the highest one ends: the best of a few orders of entering them one by one."""
    least = _live(rectangles)
    orders = _ORDERS if len(rectangles) <= MANY else ()
    best, top = _entered(rectangles, sorted(range(len(rectangles)), key=lambda place: rectangles[place].born))
    for order in orders:
        if top == least:
            break
        offsets, end = _entered(rectangles, sorted(range(len(rectangles)), key=lambda place: order(rectangles[place])))
        if end < top:
            best, top = offsets, end
    return best, top


def _entered(rectangles: Sequence[_Rectangle], order: Sequence[int]) -> tuple[list[int], int]:
    """Each where it fits with the least space left over, else above all that it meets."""
    offsets = [0] * len(rectangles)
    entered: list[tuple[int, int, int]] = []  # (offset, end, number), sorted
    by_birth = all(rectangles[a].born <= rectangles[b].born for a, b in zip(order, order[1:]))
    top = 0
    for number in order:
        mine = rectangles[number]
        met = [each for each in entered if mine.meets(rectangles[each[2]])]
        if by_birth:
            entered = met  # whoever is dead meets nobody who is born later
        gaps: list[tuple[int, int]] = []
        end = 0
        for low, high, _ in met:
            if low - end >= mine.size:
                gaps.append((low - end, end))
            end = max(end, high)
        offset = min(gaps)[1] if gaps else end
        offsets[number] = offset
        top = max(top, offset + mine.size)
        insort(entered, (offset, offset + mine.size, number))
    return offsets, top


def _live(rectangles: Sequence[_Rectangle]) -> int:
    """The most that lives at a time: no packing needs less."""
    changes: dict[int, int] = {}
    for each in rectangles:
        changes[each.born] = changes.get(each.born, 0) + each.size
        changes[each.dies + 1] = changes.get(each.dies + 1, 0) - each.size
    live = most = 0
    for time in sorted(changes):
        live += changes[time]
        most = max(most, live)
    return most


# --- sizes that do not ------------------------------------------------------------------------------------------------


@dataclass
class _Shared:
    """A place in use: the sizes of what has lived in it, and when it falls free."""

    members: list[Extent] = field(default_factory=list)
    blocks: list[_Block] = field(default_factory=list)
    free_after: int = -1

    def holds(self, size: Extent) -> bool:
        return any(prove_nonnegative(each - size) for each in self.members)


def _share(blocks: Sequence[_Block], start: Extent) -> Extent:
    """Places from `start` on, one block at a time in each: a free one that is large enough, else a new one. Gives the
    end of the last one."""
    places: list[_Shared] = []
    for block in blocks:
        free = [place for place in places if place.free_after < block.born]
        place = next((each for each in free if each.holds(block.bytes)), None)
        place = place or next(
            (each for each in free if any(prove_nonnegative(block.bytes - m) for m in each.members)), None
        )
        if place is None:
            place = _Shared()
            places.append(place)
        if not place.holds(block.bytes):
            place.members = [each for each in place.members if not prove_nonnegative(block.bytes - each)]
            place.members.append(block.bytes)
        place.blocks.append(block)
        place.free_after = block.dies
    for place in places:
        for block in place.blocks:
            block.offset = start
        largest = place.members[0]
        for each in place.members[1:]:
            largest = maximum(largest, each)
        start += ceildiv(largest, ALIGNMENT) * ALIGNMENT
    return start

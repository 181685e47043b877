"""The order of launches, and which variables are written in place.

In: the kernels of a graph. Out: launches in order, those before the commit point and those after it. Laws: a kernel
runs after those it reads from and those that it waits for behind a barrier; a variable is written after every kernel that reads its old value; no variable is
written before every kernel that prints or can fail a check has run, nor by a dot so long that an interrupted call would
wait for it. A new value that cannot keep these laws in place goes to a temporary and is copied after the commit.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lazygraph.compiler.ir.dims import bounds, product
from lazygraph.compiler.ir.graph import Graph, Value
from lazygraph.compiler.loop.fuse import is_leaf
from lazygraph.compiler.loop.ir import AnyKernel, Contraction
from lazygraph.compiler.loop.lower import Lowered

LONG = 1 << 31  # multiply-adds of a dot: a tenth of a second on one small core


@dataclass(frozen=True, eq=False)
class Unit:
    """A kernel to launch: what fusion made, its level there, and its place in the graph's order.

    Units are themselves alone: compared by what they hold, every look into a table would hash a whole kernel.
    """

    lowered: Lowered
    level: int
    position: int
    after: tuple[Value, ...] = ()  # written by kernels that it waits for besides those that it reads from

    @property
    def rank(self) -> tuple[int, int]:
        """Every dependency goes from a lower to a higher rank."""
        return self.level, self.position


@dataclass(frozen=True)
class Order:
    before: tuple[Unit, ...]
    after: tuple[Unit, ...]  # of the commit point
    in_place: Mapping[Value, Value]  # new value -> the variable whose buffer it is written to


def order(graph: Graph, units: Sequence[Unit]) -> Order:
    maker = {value: unit for unit in units for value in unit.lowered.writes}
    sources = {
        unit: [maker[each] for each in (*unit.lowered.reads, *unit.after) if each in maker and not is_leaf(each)]
        for unit in units
    }
    early = [unit for unit in units if unit.lowered.messages or any(map(is_printed, unit.lowered.writes))]
    checking = _ancestors(early, sources)
    readers: dict[Value, list[Unit]] = {}
    for unit in units:
        for value in unit.lowered.reads:
            readers.setdefault(value, []).append(unit)
    in_place: dict[Value, Value] = {}
    waits: dict[Unit, list[Unit]] = {unit: list(found) for unit, found in sources.items()}
    for variable, new in graph.updates:
        unit = maker[new]
        if new in in_place or unit in checking or _is_long(unit.lowered.kernel):
            continue
        others = [each for each in readers.get(variable, ()) if each is not unit]
        reads_itself = variable in unit.lowered.reads and (variable, new) not in unit.lowered.in_place
        if reads_itself or any(each.rank >= unit.rank for each in others):
            continue
        in_place[new] = variable
        waits[unit].extend(others)
    writing = {maker[new] for new in in_place}
    late = _descendants(writing, waits, units)
    ordered = _sorted(units, waits, late)
    return Order(
        tuple([unit for unit in ordered if unit not in late]),
        tuple([unit for unit in ordered if unit in late]),
        in_place,
    )


def is_printed(value: Value) -> bool:
    """Whether a value is shown when it has been computed."""
    return value.node.op.flags.shown


def _is_long(kernel: AnyKernel) -> bool:
    """Whether a kernel works longer than an interrupted call may take: after the commit it must finish."""
    if not isinstance(kernel, Contraction):
        return False
    extents = [axis.extent for axis in (*kernel.batch, *kernel.m, *kernel.n, *kernel.k)]
    return (bounds(product(extents))[0] or 0) > LONG


def _ancestors(starts: Sequence[Unit], sources: Mapping[Unit, Sequence[Unit]]) -> set[Unit]:
    """The starts and everything they depend on."""
    found, pending = set(starts), list(starts)
    while pending:
        for source in sources[pending.pop()]:
            if source not in found:
                found.add(source)
                pending.append(source)
    return found


def _descendants(starts: set[Unit], waits: Mapping[Unit, Sequence[Unit]], units: Sequence[Unit]) -> set[Unit]:
    """The starts and everything that waits for them."""
    found = set(starts)
    for unit in sorted(units, key=lambda each: each.rank):
        if any(each in found for each in waits[unit]):
            found.add(unit)
    return found


def _sorted(units: Sequence[Unit], waits: Mapping[Unit, Sequence[Unit]], late: set[Unit]) -> list[Unit]:
    """A topological order that keeps to the graph's order: what is made last is used soon."""
    open_waits = {unit: len(set(found)) for unit, found in waits.items()}
    waiting: dict[Unit, list[Unit]] = {unit: [] for unit in units}
    for unit, found in waits.items():
        for source in set(found):
            waiting[source].append(unit)
    ready = [(unit in late, unit.position, number, unit) for number, unit in enumerate(units) if not open_waits[unit]]
    numbers = {unit: number for number, unit in enumerate(units)}
    heapq.heapify(ready)
    ordered: list[Unit] = []
    while ready:
        *_, unit = heapq.heappop(ready)
        ordered.append(unit)
        for follower in waiting[unit]:
            open_waits[follower] -= 1
            if not open_waits[follower]:
                heapq.heappush(ready, (follower in late, follower.position, numbers[follower], follower))
    return ordered

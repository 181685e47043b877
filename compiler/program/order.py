"""The order of launches, and which variables are written in place.

In: the units of a graph. Out: launches in order, those before the commit point and those after it. Laws: a kernel
runs after those it reads from and those that it waits for behind a barrier; a variable is written after every kernel
that reads its old value; no variable is written before every kernel that prints or can fail a check has run, nor by a
dot or a loop so long that an interrupted call would wait for it. A new value that cannot keep these laws in place goes
to a temporary and is copied after the commit. Carries of a loop are variables of its body, without a commit: such new
values are copied at the end of each trip.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass

from lazygraph.compiler.ir.graph import Value
from lazygraph.compiler.ir.nominal import nominal_bytes
from lazygraph.compiler.loop.fuse import is_leaf, is_scalar_constant
from lazygraph.compiler.program.schedule import least_live
from lazygraph.compiler.program.units import Level, Unit, is_early, is_long

Updates = Sequence[tuple[Value, Value]]  # (variable, new value)
Waits = dict[Unit, list[Unit]]

FEW = 300  # units of a body that are all looked at for each carry


@dataclass(frozen=True)
class Order:
    before: tuple[Unit, ...]
    after: tuple[Unit, ...]  # of the commit point
    in_place: Mapping[Value, Value]  # new value -> the variable whose buffer it is written to


def order(level: Level) -> Order:
    """The order of a program's launches."""
    units = level.units
    sources = _sources(units)
    checking = _ancestors([unit for unit in units if is_early(unit)], sources)
    in_place, waits = _in_place(
        level, level.graph.updates, sources, lambda unit: unit not in checking and not is_long(unit), _lower
    )
    late = _descendants({_maker(units)[new] for new in in_place}, waits, units)
    ordered = least_live(units, waits, late, _temporary_bytes({*in_place, *level.graph.outputs}))
    return Order(
        tuple([unit for unit in ordered if unit not in late]),
        tuple([unit for unit in ordered if unit in late]),
        in_place,
    )


def inner_order(level: Level, updates: Updates) -> Order:
    """The order of a sub-graph's launches: nothing is committed inside."""
    law = _independent if len(level.units) <= FEW else _lower
    in_place, waits = _in_place(level, updates, _sources(level.units), lambda unit: True, law)
    return Order(tuple(least_live(level.units, waits, set(), _temporary_bytes(set(in_place)))), (), in_place)


def _temporary_bytes(elsewhere: Set[Value]) -> Callable[[Value], int]:
    """Bytes of a temporary, where dims are unknown at an example; 0 for the others."""
    return lambda value: 0 if value in elsewhere else nominal_bytes(value)


def _maker(units: Sequence[Unit]) -> dict[Value, Unit]:
    return {value: unit for unit in units for value in unit.lowered.writes}


def _sources(units: Sequence[Unit]) -> Waits:
    """The units whose results each one reads."""
    maker = _maker(units)

    def made(value: Value) -> bool:
        """A parameter among the results is copied by a kernel, and read where the parameter is."""
        return value in maker and (not is_leaf(value) or is_scalar_constant(value))

    return {unit: [maker[each] for each in (*unit.reads, *unit.after) if made(each)] for unit in units}


def _lower(unit: Unit, other: Unit, waits: Waits) -> bool:
    """Whether the other one may wait for the unit: so it is where ranks only rise."""
    return unit.rank < other.rank


def _independent(unit: Unit, other: Unit, waits: Waits) -> bool:
    """Whether the other one may wait for the unit, which does not wait for it."""
    return other not in _ancestors([unit], waits)


def _in_place(
    level: Level,
    updates: Updates,
    sources: Waits,
    may: Callable[[Unit], bool],
    before: Callable[[Unit, Unit, Waits], bool],
) -> tuple[dict[Value, Value], Waits]:
    """New values that may be written over the old ones, and which units each unit then waits for."""
    units, results = level.units, set(level.graph.results)
    maker = _maker(units)
    readers: dict[Value, list[Unit]] = {}
    for unit in units:
        for value in unit.reads:
            readers.setdefault(value, []).append(unit)
    in_place: dict[Value, Value] = {}
    waits: Waits = {unit: list(found) for unit, found in sources.items()}

    def others(value: Value, unit: Unit) -> list[Unit]:
        return [each for each in readers.get(value, ()) if each is not unit]

    def over(old: Value, new: Value, writer: Unit) -> bool:
        """Whether everybody else has read the old value when it is written over."""
        unit = maker[new]
        itself = old in unit.reads and (old, new) not in unit.lowered.in_place
        return not itself and may(writer) and all(before(each, writer, waits) for each in others(old, unit))

    begins = {result: operand for unit in units for operand, result in unit.begins}
    for variable, new in updates:
        writer = maker[new]
        if new in in_place or not over(variable, new, writer):
            continue
        in_place[new] = variable
        waits[writer] += others(variable, writer)
        # A value that begins as another one is copied from there, unless that one lies in the variable's buffer too.
        while (old := begins.get(new)) in maker and old not in in_place and old not in results:
            earlier = maker[old] if maker[old].works else writer  # another shape of a value is no write
            if not over(old, new, writer) or earlier is not writer and not over(variable, old, earlier):
                break
            in_place[old] = variable
            waits[writer] += others(old, maker[new])
            if earlier is not writer:
                waits[earlier] += others(variable, earlier)
            new, writer = old, earlier
    return in_place, waits


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

"""Where every value of a program is read and written, sub-graphs included.

In: units in no order, the places of the outermost parameters. Out: `Places`: each level's order, a place for each
value, and the arena's slots. A parameter of a sub-graph lives where its operand lives, an element of a sequence inside
the whole of it, a carry where the loop's result will be: bodies read and write there, and nothing is copied but the
first value of a carry and a new one that could not be written over the old one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Union

from lazygraph.compiler.ir.dims import Extent, product
from lazygraph.compiler.ir.graph import Value
from lazygraph.compiler.loop.fuse import Part
from lazygraph.compiler.loop.ir import AnyKernel
from lazygraph.compiler.loop.lower import Lowered
from lazygraph.compiler.ops.lowering import Branching, Conditional, Repeated
from lazygraph.compiler.program.ir import Place, Slot
from lazygraph.compiler.program.memory_plan import Temporary, plan_memory
from lazygraph.compiler.program.order import Order, Updates, inner_order
from lazygraph.compiler.program.units import Level, Nest, Unit


@dataclass(frozen=True)
class Within:
    """Where another value is read, `offset` bytes on, and for each of `strides` (loop, bytes) so far on."""

    value: Value
    strides: tuple[tuple[int, Extent], ...] = ()
    offset: Extent = 0


Home = Union[Place, Within]
Target = tuple[Home, Value]  # a value, and where it has to be when its level has run


@dataclass(frozen=True)
class Inner:
    """A level inside a nest: its launches in order, and the copies of results at its end."""

    level: Level
    units: tuple[Unit, ...]
    copies: tuple[Target, ...]


@dataclass
class _Life:
    """Of a temporary. Launches are counted through all levels: a loop has a number before those of its body, and one
    behind them."""

    born: int
    dies: int
    over: tuple[Value, ...]  # what it may be written over, if nothing reads that any more


@dataclass
class Places:
    leaf: dict[Value, Home]  # where parameters and constants are read
    written: dict[Value, Home] = field(default_factory=dict)  # where values are written
    inner: dict[Unit, tuple[Inner, ...]] = field(default_factory=dict)
    loops: dict[Unit, int] = field(default_factory=dict)  # their numbers
    slots: tuple[Slot, ...] = ()
    arena: Extent = 0

    def read(self, value: Value) -> Place:
        return self.at(self.leaf[value] if value in self.leaf else self.written[value])

    def write(self, value: Value) -> Place:
        return self.at(self.written[value])

    def launched(self, units: Iterable[Unit]) -> list[tuple[Unit, AnyKernel]]:
        """Every unit that launches a kernel, those inside others included, in order."""
        found: list[tuple[Unit, AnyKernel]] = []
        for unit in units:
            if isinstance(unit.lowered, Nest):
                found += [each for inner in self.inner[unit] for each in self.launched(inner.units)]
            elif unit.works:
                found.append((unit, unit.lowered.kernel))
        return found

    def at(self, home: Home) -> Place:
        if isinstance(home, Place):
            return home
        around = self.read(home.value)
        strides = (*around.strides, *home.strides)
        return Place(around.kind, around.number, strides, around.offset + home.offset)


def bytes_of(value: Value) -> Extent:
    return product(value.shape) * value.dtype.itemsize


def places_of(level: Level, ordered: Order, constants: Mapping[Value, Place]) -> tuple[Places, tuple[Target, ...]]:
    """The places of a program's values, and the copies at its end."""
    graph = level.graph
    places = Places(
        {
            **{value: Place("input", number) for number, value in enumerate(graph.inputs)},
            **{value: Place("variable", number) for number, value in enumerate(graph.variables)},
            **constants,
        }
    )
    planner = _Planner(places)
    outputs: list[Target] = [(Place("output", number), value) for number, value in enumerate(graph.outputs)]
    copies = planner.run((*ordered.before, *ordered.after), outputs, graph.updates, ordered.in_place)
    planner.plan()
    return places, copies


class _Planner:
    def __init__(self, places: Places) -> None:
        self.places = places
        self.time = 0
        self.lives: dict[Value, _Life] = {}

    def run(
        self, units: Sequence[Unit], outputs: Sequence[Target], updates: Updates, in_place: Mapping[Value, Value]
    ) -> tuple[Target, ...]:
        """Go through a level; gives the copies at its end. What is written neither over a variable nor to an output's
        home is a temporary."""
        written, leaf = self.places.written, self.places.leaf
        written.update({new: leaf[variable] for new, variable in in_place.items()})
        for home, value in outputs:
            written.setdefault(value, home)
        self.begin_in(units, {value for home, value in outputs if written[value] == home}, outputs, updates)
        for unit in units:
            if isinstance(unit.lowered, Nest):
                self.nest(unit, unit.lowered, in_place)
            else:
                self.launch(unit, unit.lowered)
        renewed: list[Target] = [(leaf[variable], new) for variable, new in updates]
        for _, value in (*outputs, *renewed):
            self.touch(value)
        homes = {home for home, _ in renewed}
        wanted = [(home, value) for home, value in (*outputs, *renewed) if written.get(value) != home]
        wanted.sort(key=lambda each: each[0] in homes and written.get(each[1]) in homes)
        return tuple(wanted)

    def begin_in(self, units: Sequence[Unit], own: set[Value], outputs: Sequence[Target], updates: Updates) -> None:
        """What a result begins as is written where the result will be, if nobody else reads it: `own` lie where nothing
        else does."""
        written = self.places.written
        made = {value for unit in units for value in unit.lowered.writes}
        ends = {value for _, value in (*outputs, *updates)}
        read = Counter(value for unit in units for value in unit.reads)
        for unit in reversed(units):
            for first, result in unit.begins:
                alone = read[first] == 1 and first in made and first not in ends and first not in written
                if result in own and alone and (first, result) in unit.lowered.in_place:
                    written[first] = written[result]
                    own.add(first)

    # --- time ---------------------------------------------------------------------------------------------------------

    def launch(self, unit: Unit, lowered: Lowered) -> None:
        for value in unit.reads:
            self.touch(value)
        place = {value: number for number, value in enumerate(unit.reads)}
        sources = sorted(lowered.in_place, key=lambda pair: place[pair[0]])
        for value in lowered.writes:
            self.born(value, [source for source, target in sources if target is value])
        self.time += 1

    def nest(self, unit: Unit, nest: Nest, in_place: Mapping[Value, Value]) -> None:
        for value in nest.reads:
            self.touch(value)
        for value in nest.writes:
            carried = [first for first, result in nest.carried if result is value and (first, value) in nest.in_place]
            self.born(value, carried)
        self.time += 1
        self.places.inner[unit] = _INNER[type(nest.node.op.lower)](self, unit, nest, in_place)
        read = [base for base, _ in nest.operands]
        first_only = {first for first, _ in nest.carried if read.count(first) == 1}
        for value in (*nest.reads, *nest.writes):
            if value not in first_only:
                self.touch(value)
        self.time += 1

    def touch(self, value: Value) -> None:
        if value in self.lives:
            self.lives[value].dies = self.time

    def born(self, value: Value, over: Sequence[Value]) -> None:
        if value not in self.places.written:
            self.lives[value] = _Life(self.time, self.time, tuple(over))

    def plan(self) -> None:
        """A slot for each temporary."""
        taken: set[Value] = set()

        def over(value: Value, life: _Life) -> Value | None:
            for source in life.over:
                fits = source in self.lives and self.lives[source].dies == life.born
                fits = fits and bytes_of(source) == bytes_of(value) and source.dtype.itemsize == value.dtype.itemsize
                if fits and source not in taken:
                    taken.add(source)
                    return source
            return None

        temporaries = [
            Temporary(value, bytes_of(value), life.born, life.dies, over(value, life))
            for value, life in self.lives.items()
        ]
        plan = plan_memory(temporaries)
        self.places.written.update({value: Place("slot", slot) for value, slot in plan.slot.items()})
        self.places.slots, self.places.arena = plan.slots, plan.arena

    # --- inside loops and branches ------------------------------------------------------------------------------------

    def number(self, unit: Unit) -> int:
        return self.places.loops.setdefault(unit, len(self.places.loops))

    def body(self, level: Level, outputs: Sequence[Target], updates: Updates) -> Inner:
        ordered = inner_order(level, updates)
        return Inner(level, ordered.before, self.run(ordered.before, outputs, updates, ordered.in_place))

    def bind(self, level: Level, homes: Sequence[Home]) -> None:
        self.places.leaf.update(zip(level.parameters, homes, strict=True))


def _part(part: Part, strides: tuple[tuple[int, Extent], ...] = ()) -> Within:
    base, first = part
    return Within(base, strides, first * base.dtype.itemsize)


def _repeated(planner: _Planner, unit: Unit, nest: Nest, in_place: Mapping[Value, Value]) -> tuple[Inner, ...]:
    node, (level,), loop = nest.node, nest.levels, planner.number(unit)
    carries, sequences = node["carries"], node["sequences"]
    elements = level.parameters[1 + carries : 1 + carries + sequences]
    whole = nest.operands[carries : carries + sequences]
    planner.bind(
        level,
        [
            Place("position", loop),
            *[Within(result) for result in node.outputs[:carries]],
            *[_part(each, ((loop, bytes_of(element)),)) for each, element in zip(whole, elements)],
            *map(_part, nest.operands[carries + sequences :]),
        ],
    )
    stacked = zip(node.outputs[carries:], level.results[carries:], strict=True)
    outputs = [(Within(result, ((loop, bytes_of(value)),)), value) for result, value in stacked]
    return (planner.body(level, outputs, level.graph.updates),)


def _conditional(planner: _Planner, unit: Unit, nest: Nest, in_place: Mapping[Value, Value]) -> tuple[Inner, ...]:
    node, (condition, body) = nest.node, nest.levels
    planner.number(unit)
    carries = node["carries"]
    homes = [*map(Within, node.outputs[:carries]), *map(_part, nest.operands[carries:])]
    planner.bind(condition, homes)
    planner.bind(body, homes)
    asked = planner.body(condition, (), ())
    planner.touch(condition.results[0])
    planner.time += 1
    return asked, planner.body(body, (), body.graph.updates)


def _branching(planner: _Planner, unit: Unit, nest: Nest, in_place: Mapping[Value, Value]) -> tuple[Inner, ...]:
    """A result that takes the place of an operand is a variable of every branch."""
    node = nest.node
    operands = node.inputs[1:]
    over = {result: operands.index(in_place[result]) for result in node.outputs if in_place.get(result) in operands}
    found = []
    for level in nest.levels:
        planner.bind(level, list(map(_part, nest.operands[1:])))
        pairs = list(zip(node.outputs, level.results, strict=True))
        outputs = [(Within(result), value) for result, value in pairs if result not in over]
        updates = [(level.parameters[over[result]], value) for result, value in pairs if result in over]
        kept = {value for variable, value in updates if variable is value} - {value for _, value in outputs}
        updates = [(variable, value) for variable, value in updates if variable is not value]
        kept -= {value for _, value in updates}
        units = tuple([each for each in level.units if not kept.issuperset(each.lowered.writes)])
        found.append(planner.body(replace(level, units=units), outputs, updates))
    return tuple(found)


_INNER: Mapping[type, Callable[[_Planner, Unit, Nest, Mapping[Value, Value]], tuple[Inner, ...]]] = {
    Repeated: _repeated,
    Conditional: _conditional,
    Branching: _branching,
}

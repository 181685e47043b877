"""What a graph runs: a kernel for each fused group, and the sub-graphs of its loops and branches, likewise.

In: a graph after all graph passes. Out: a `Level`: units of the graph, in no order yet. A unit is a kernel (`Lowered`)
or a `Nest`, whose levels run inside it. The carries of a loop are variables of its body, with updates, so that what
holds for variables holds for them: old values are read until nobody needs them, then written over where that may be.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from functools import cached_property

from lazygraph.compiler.ir.dims import Extent, bounds, product
from lazygraph.compiler.ir.graph import Frames, Graph, Node, Value, with_inputs
from lazygraph.compiler.loop.fuse import Fusion, Group, Part, fuse
from lazygraph.compiler.loop.ir import Contraction
from lazygraph.compiler.loop.lower import Lowered, lower
from lazygraph.compiler.loop.spare import spared
from lazygraph.compiler.loop.work import work
from lazygraph.compiler.ops.lowering import Branching, Conditional, Loops, Pointwise, Repeated

LONG = 1 << 31  # multiply-adds of a dot: a tenth of a second on one small core
LONG_PICOSECONDS = 100_000_000_000  # of a loop: as much
_MULTIPLY_ADD = 50  # picoseconds

InPlace = frozenset[tuple[Value, Value]]


@dataclass(frozen=True, eq=False)
class Unit:
    """A kernel to launch, or steps that run sub-graphs; its level in the fusion, and its place in the graph's order.

    Units are themselves alone: compared by what they hold, every look into a table would hash a whole kernel.
    """

    lowered: Lowered | Nest
    level: int
    position: int
    after: tuple[Value, ...] = ()  # written by units that it waits for besides those that it reads from

    @property
    def rank(self) -> tuple[int, int]:
        """Every dependency goes from a lower to a higher rank."""
        return self.level, self.position

    @cached_property
    def reads(self) -> tuple[Value, ...]:
        begins = () if isinstance(self.lowered, Nest) else [operand for operand, _ in self.lowered.begins]
        return tuple(dict.fromkeys((*self.lowered.reads, *begins)))

    @property
    def works(self) -> bool:
        """Whether it does anything: another shape of a value, onto its buffer, is there already."""
        if isinstance(self.lowered, Nest) or isinstance(self.lowered.kernel, Contraction):
            return True
        return bool(self.lowered.kernel.body)

    @property
    def begins(self) -> Sequence[tuple[Value, Value]]:
        """(operand, result): the result's buffer holds the operand at first."""
        return self.lowered.carried if isinstance(self.lowered, Nest) else tuple(self.lowered.begins)


@dataclass(frozen=True, eq=False)
class Level:
    """A graph's units. Of a sub-graph, `parameters` and `results` are the original's, in their order."""

    graph: Graph
    units: tuple[Unit, ...]
    parameters: tuple[Value, ...]
    results: tuple[Value, ...]


@dataclass(frozen=True, eq=False)
class Nest:
    """A loop or a branch: its sub-graphs, and what it reads and writes around them."""

    node: Node
    levels: tuple[Level, ...]
    operands: tuple[Part, ...]
    frames: Frames = field(default=())

    @property
    def reads(self) -> tuple[Value, ...]:
        return tuple(dict.fromkeys([base for base, _ in self.operands]))

    @property
    def writes(self) -> tuple[Value, ...]:
        return self.node.outputs

    @cached_property
    def in_place(self) -> InPlace:
        """(operand, result) that may share a buffer, where nothing else reads the operand: carries, and for a branch
        every result that has the type of an operand."""
        read = [base for base, _ in self.operands]
        once = {base for base, start in self.operands if start == 0 and read.count(base) == 1}
        if isinstance(self.node.op.lower, Branching):
            operands = self.node.inputs[1:]
            pairs = [(value, result) for value in operands for result in self.node.outputs if value.type == result.type]
        else:
            pairs = self.carried
        return frozenset((value, result) for value, result in pairs if value in once)

    @property
    def carried(self) -> list[tuple[Value, Value]]:
        """(initial value, result) of each carry."""
        count = 0 if isinstance(self.node.op.lower, Branching) else self.node["carries"]
        return list(zip(self.node.inputs[:count], self.node.outputs[:count]))

    @cached_property
    def units(self) -> tuple[Unit, ...]:
        return tuple([unit for level in self.levels for unit in level.units])

    @cached_property
    def picoseconds(self) -> int | None:
        """About how long it runs at most; None where no bound is known."""
        node = self.node
        trips: int | None = 1
        if isinstance(node.op.lower, Repeated):
            trips = bounds(node["length"])[1]
        elif isinstance(node.op.lower, Conditional):
            trips = node["max_trips"] or None
        times = [_picoseconds(unit) for unit in self.units]
        known = [each for each in times if each is not None]
        return trips * sum(known) if trips is not None and len(known) == len(times) else None


def is_early(unit: Unit) -> bool:
    """Whether no variable is written before it: it can fail a check, prints, or is a loop that may have to be ended."""
    if isinstance(unit.lowered, Nest):
        return is_long(unit) or any(map(is_early, unit.lowered.units))
    return bool(unit.lowered.messages) or any(map(is_printed, unit.lowered.writes))


def is_printed(value: Value) -> bool:
    """Whether a value is shown when it has been computed."""
    return value.node.op.flags.shown


def is_long(unit: Unit) -> bool:
    """Whether it works longer than an interrupted call may take: after the commit it must finish."""
    if isinstance(unit.lowered, Nest):
        time = unit.lowered.picoseconds
        return time is None or time > LONG_PICOSECONDS
    kernel = unit.lowered.kernel
    return isinstance(kernel, Contraction) and (bounds(_multiply_adds(kernel))[0] or 0) > LONG


def _multiply_adds(kernel: Contraction) -> Extent:
    return product([axis.extent for axis in (*kernel.batch, *kernel.m, *kernel.n, *kernel.k)])


def _picoseconds(unit: Unit) -> int | None:
    if isinstance(unit.lowered, Nest):
        return unit.lowered.picoseconds
    kernel = unit.lowered.kernel
    if isinstance(kernel, Contraction):
        most = bounds(_multiply_adds(kernel))[1]
        return None if most is None else most * _MULTIPLY_ADD
    times = [bounds(phase.total * phase.picoseconds)[1] for phase in work(kernel).phases]
    known = [each for each in times if each is not None]
    return sum(known) if len(known) == len(times) else None


# --- from graphs to units ---------------------------------------------------------------------------------------------


class Units:
    """Makes the levels of one program. A sub-graph that shares nodes with another, or with the graph around it,
    is copied: a value has one place."""

    def __init__(self) -> None:
        self._seen: set[Node] = set()

    def of(self, graph: Graph) -> Level:
        """The level of a whole program."""
        self._seen.update(graph.nodes)
        return self._level(graph, graph, {variable for variable, _ in graph.updates})

    def _level(self, graph: Graph, original: Graph, variables: Set[Value]) -> Level:
        fusion = spared(fuse(graph, _onto(graph, variables)))
        position = {node: number for number, node in enumerate(graph.nodes)}
        all_lowered = [(group, self._lowered(fusion, group)) for group in fusion.groups]
        lowered = {group: made for group, made in all_lowered if made is not None}

        def unit(group: Group, made: Lowered | Nest) -> Unit:
            after = tuple([lowered[each].writes[0] for each in group.after if each in lowered])
            return Unit(made, group.level, max(position[value.node] for value in group.members), after)

        units = tuple([unit(group, made) for group, made in lowered.items()])
        return Level(graph, units, original.inputs, original.outputs)

    def _lowered(self, fusion: Fusion, group: Group) -> Lowered | Nest | None:
        node = group.members[0].node
        write = _LEVELS.get(type(node.op.lower))
        if write is None:
            return lower(fusion, group)
        levels = [self._level(*each) for each in write(node, [self._own(graph) for graph in node.graphs])]
        return Nest(node, tuple(levels), fusion.parts[node], node.frames)

    def _own(self, graph: Graph) -> Graph:
        """The graph, or a copy if any of it has been used before: a loop and its derivative share nodes."""
        if not self._seen.isdisjoint(graph.nodes):
            graph = _copy(graph)
        self._seen.update(graph.nodes)
        return graph


def _onto(graph: Graph, variables: Set[Value]) -> Set[Value]:
    """Values that are written onto what they renew a part of: those on the way from a variable to its new value."""
    found: set[Value] = set()
    for value in graph.results:
        chain: list[Value] = []
        while value not in variables and (renewed := _renewed(value)) is not None:
            chain.append(value)
            value = renewed
        if value in variables:
            found.update(each for each in chain if not isinstance(each.node.op.lower, Repeated | Conditional))
    return found


def _renewed(value: Value) -> Value | None:
    """What a value may be written onto: a part of it changes, or it is carried through a loop."""
    node = value.node
    if isinstance(node.op.lower, Repeated | Conditional):
        return node.inputs[value.index] if value.index < node["carries"] else None
    writes = isinstance(node.op.lower, Pointwise | Loops) and node.op.lower.onto is not None
    return node.inputs[0] if writes else None


def _copy(graph: Graph) -> Graph:
    new: dict[Value, Value] = {}
    for node in graph.nodes:
        made = with_inputs(node, [new[each] for each in node.inputs])
        new.update(zip(node.outputs, made.outputs, strict=True))
    return Graph(
        graph.name,
        tuple([new[each] for each in graph.inputs]),
        tuple([new[each] for each in graph.outputs]),
        effects=tuple([new[each] for each in graph.effects]),
    )


def _loop(body: Graph, first: int, carries: int) -> tuple[Graph, Graph, Set[Value]]:
    """A loop's body with its carries, parameters `first` and on, as variables: those that change are updated."""
    carried = body.inputs[first : first + carries]
    updates = [(old, new) for old, new in zip(carried, body.outputs) if old is not new]
    rest = (*body.inputs[:first], *body.inputs[first + carries :])
    runs = Graph(body.name, rest, body.outputs[carries:], carried, tuple(updates), _effects(body))
    return runs, body, set(carried)


def _closed(graph: Graph) -> Graph:
    return Graph(graph.name, graph.inputs, graph.outputs, effects=_effects(graph))


def _effects(graph: Graph) -> tuple[Value, ...]:
    return tuple([value for value in graph.effects if not value.node.op.flags.pure])


Levels = list[tuple[Graph, Graph, Set[Value]]]  # how each sub-graph runs, the sub-graph, and what may be variables


def _repeated(node: Node, graphs: Sequence[Graph]) -> Levels:
    (body,) = graphs
    return [_loop(body, 1, node["carries"])]


def _conditional(node: Node, graphs: Sequence[Graph]) -> Levels:
    condition, body = graphs
    return [(_closed(condition), condition, set()), _loop(body, 0, node["carries"])]


def _branching(node: Node, graphs: Sequence[Graph]) -> Levels:
    return [(_closed(each), each, set(each.inputs)) for each in graphs]


_LEVELS: Mapping[type, Callable[[Node, Sequence[Graph]], Levels]] = {
    Repeated: _repeated,
    Conditional: _conditional,
    Branching: _branching,
}

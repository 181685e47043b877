"""While loops in their least form: those that make the same trips become one, and what is in vain is taken out.

In: a graph whose derivatives have all been taken. Out: the graph in which
- loops that ask the same question of the same carries, none of which needs a result of another, are one: that of a
  user, and those that derivatives made of it, carry what they share once;
- carries that begin alike and are renewed alike are one (partition refinement, as J. Hopcroft's of automata, 1971);
- a carry that never changes is an operand that all trips share; one that neither a result that is read, nor the
  condition, nor an effect needs is left out; so are operands that nothing reads;
- a loop whose condition is known not to hold makes no trip.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence, Set
from dataclasses import dataclass
from functools import cached_property

from lazygraph.compiler.autodiff.substitute import moved
from lazygraph.compiler.ir.effects import is_effect
from lazygraph.compiler.ir.graph import MAX_FRAMES, Graph, Node, Value, interned, origin
from lazygraph.compiler.ops.bodies import symbols_like
from lazygraph.compiler.ops.record import full
from lazygraph.compiler.ops.while_transpose import looped
from lazygraph.compiler.passes.siblings import independent, inside, read, replaced

Values = tuple[Value, ...]


@dataclass(frozen=True)
class WhileLoops:
    """Merges and tidies the while loops of a graph and of its sub-graphs."""

    name: str = "while_loops"

    def __call__(self, graph: Graph) -> Graph:
        if not any([node.graphs for node in graph.nodes]):
            return graph
        graph = inside(graph, self)
        while (new := _next(graph)) is not None:
            graph = interned(replaced(graph, new))
        return graph


def _next(graph: Graph) -> Mapping[Value, Value] | None:
    """What stands for the results of some loops, of the first group that is not in its least form."""
    used = read(graph)
    for group in independent(graph, _bound, _make_the_same_trips):
        new = _never(group[0]) or _Loops(tuple(group)).least(used)
        if new is not None:
            return new
    return None


def _make_the_same_trips(group: Sequence[Node], node: Node) -> bool:
    return _Loops((*group, node)).ask_the_same


def _bound(node: Node) -> Hashable | None:
    return int(node["max_trips"]) if node.op.name == "while_loop" else None


def _never(node: Node) -> Mapping[Value, Value] | None:
    """The initial values, where the condition is known not to hold."""
    (asked,) = node.graphs[0].outputs
    if asked.node.op.name != "constant" or bool(asked.node["value"]):
        return None
    *carries, trips = node.outputs
    return {**dict(zip(carries, node.inputs)), trips: full(trips.type, 0)}


@dataclass(frozen=True)
class _Loops:
    """Loops to be one, of the same greatest number of trips."""

    nodes: tuple[Node, ...]

    @cached_property
    def carries(self) -> list[tuple[Node, int]]:
        """The carries of all loops that change."""
        return [(node, place) for node in self.nodes for place in range(node["carries"]) if not _stays(node, place)]

    @cached_property
    def shared(self) -> Mapping[Value, Value]:
        """What all trips share, by the operand: closed operands, and carries that never change."""
        found = [x for node in self.nodes for place, x in enumerate(node.inputs) if _stays(node, place)]
        operands = tuple(dict.fromkeys(found))
        return dict(zip(operands, symbols_like(operands, "closed")))

    @cached_property
    def classes(self) -> Sequence[int]:
        """The number of the class of each carry: those of a class are equal before every trip."""
        numbers = _numbered([node.inputs[place] for node, place in self.carries])
        while True:
            graph = self._over(numbers)[1]
            finer = _numbered(list(zip(numbers, graph.outputs)))
            if max(finer, default=-1) == max(numbers, default=-1):
                return numbers
            numbers = finer

    @cached_property
    def merged(self) -> tuple[Values, Graph]:
        """(a symbol for each class, and over symbols: the new value of each carry, then the question of each loop)."""
        return self._over(self.classes)

    @property
    def ask_the_same(self) -> bool:
        """Whether all loops make the same trips."""
        return len(set(self.merged[1].outputs[len(self.carries) :])) == 1

    def _over(self, numbers: Sequence[int]) -> tuple[Values, Graph]:
        first = {number: node.inputs[place] for number, (node, place) in zip(numbers, self.carries)}
        symbols = symbols_like([first[number] for number in sorted(first)], "carry")
        at = {carry: symbols[number] for carry, number in zip(self.carries, numbers)}
        steps: dict[tuple[Node, int], Value] = {}
        asked: list[Value] = []
        for node in self.nodes:
            own = [at.get((node, place)) or self.shared[x] for place, x in enumerate(node.inputs)]
            condition, body = node.graphs
            asked += moved(condition.outputs, dict(zip(condition.inputs, own, strict=True)))
            found = moved(body.outputs, dict(zip(body.inputs, own, strict=True)))
            steps |= {(node, place): value for place, value in enumerate(found)}
        outputs = (*[steps[carry] for carry in self.carries], *asked)
        return symbols, interned(Graph("both", (*symbols, *self.shared.values()), outputs))

    def least(self, used: Set[Value]) -> Mapping[Value, Value] | None:
        """Values for the results that are read; None where the loop is the only one, and no less than it was."""
        symbols, graph = self.merged
        asked = graph.outputs[len(self.carries)]
        step = dict(zip(self.classes, graph.outputs))
        needed = self._needed(used, step, asked)
        kept = [number for number in range(len(symbols)) if number in needed]
        outputs = tuple([step[number] for number in kept])
        reached = {asked, *outputs, *[x for node in _nodes(graph, (asked, *outputs)) for x in node.inputs]}
        operands = [x for x, symbol in self.shared.items() if symbol in reached]
        node = self.nodes[0]
        if len(self.nodes) == 1 and (len(kept), len(kept) + len(operands)) == (node["carries"], len(node.inputs)):
            return None
        first = {number: n.inputs[place] for number, (n, place) in zip(self.classes, self.carries)}
        init = tuple([first[number] for number in kept])
        inputs = (*[symbols[number] for number in kept], *[self.shared[x] for x in operands])
        among = symbols_like(inputs, "carry")
        condition = Graph(node.graphs[0].name, among, tuple(moved([asked], dict(zip(inputs, among)))))
        body = Graph(node.graphs[1].name, inputs, outputs)
        with origin(tuple(dict.fromkeys([frame for each in self.nodes for frame in each.frames]))[:MAX_FRAMES]):
            *last, trips = looped(init, tuple(operands), condition, body, node["max_trips"])
        found = dict(zip(kept, last))
        new = {each.outputs[-1]: trips for each in self.nodes}
        for number, (each, place) in zip(self.classes, self.carries):
            new[each.outputs[place]] = found.get(number, first[number])  # what is not kept is not read
        for each in self.nodes:
            new |= {each.outputs[place]: each.inputs[place] for place in range(each["carries"]) if _stays(each, place)}
        return new

    def _needed(self, used: Set[Value], step: Mapping[int, Value], asked: Value) -> Set[int]:
        """Classes that a result that is read, the condition or an effect needs, and those that these need."""
        symbols, graph = self.merged
        number_of = dict(zip(symbols, range(len(symbols))))
        shown = {value for node in graph.nodes if is_effect(node) for value in node.outputs}
        for node in graph.nodes:
            if any([each in shown for each in node.inputs]):
                shown.update(node.outputs)
        found = {c for c, (node, place) in zip(self.classes, self.carries) if node.outputs[place] in used}
        found |= {number for number, value in step.items() if value in shown}
        while True:
            roots = (asked, *[step[number] for number in found])
            reached = {*roots, *[x for node in _nodes(graph, roots) for x in node.inputs]}
            wider = found | {number for symbol, number in number_of.items() if symbol in reached}
            if wider == found:
                return found
            found = wider


def _nodes(graph: Graph, roots: Values) -> tuple[Node, ...]:
    return Graph(graph.name, graph.inputs, roots).nodes


def _stays(node: Node, place: int) -> bool:
    """Whether an operand is the same in all trips: closed over, or a carry that the body gives back as it is."""
    body = node.graphs[1]
    return place >= node["carries"] or body.outputs[place] is body.inputs[place]


def _numbered(keys: Sequence[Hashable]) -> list[int]:
    """For each key the number of the first one equal to it, counted among those that differ."""
    known: dict[Hashable, int] = {}
    return [known.setdefault(key, len(known)) for key in keys]

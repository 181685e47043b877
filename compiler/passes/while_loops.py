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

from collections.abc import Hashable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from functools import cached_property

from lazygraph.compiler.autodiff.substitute import moved
from lazygraph.compiler.ir.dependence import reached, shown
from lazygraph.compiler.ir.graph import MAX_FRAMES, Graph, Node, Value, origin
from lazygraph.compiler.ops.bodies import symbols_like
from lazygraph.compiler.ops.record import full
from lazygraph.compiler.ops.while_transpose import looped
from lazygraph.compiler.passes.siblings import independent, least, numbered

Values = tuple[Value, ...]


@dataclass(frozen=True)
class WhileLoops:
    """Merges and tidies the while loops of a graph and of its sub-graphs."""

    name: str = "while_loops"

    def __call__(self, graph: Graph) -> Graph:
        return least(graph, self, _tidied, _groups, _joined)


def _groups(graph: Graph) -> Iterator[list[Node]]:
    return independent(graph, _bound, _make_the_same_trips)


def _joined(group: Sequence[Node], used: Sequence[bool]) -> Sequence[Value]:
    return _Loops(tuple(group)).least(used)


def _tidied(node: Node, used: Sequence[bool]) -> Sequence[Value] | None:
    if node.op.name != "while_loop":
        return None
    return _never(node) or _joined([node], used)


def _make_the_same_trips(group: Sequence[Node], node: Node) -> bool:
    return _Loops((*group, node)).ask_the_same


def _bound(node: Node) -> Hashable | None:
    return int(node["max_trips"]) if node.op.name == "while_loop" else None


def _never(node: Node) -> Sequence[Value] | None:
    """The initial values, where the condition is known not to hold."""
    (asked,) = node.graphs[0].outputs
    if asked.node.op.name != "constant" or bool(asked.node["value"]):
        return None
    return (*node.inputs[: node["carries"]], full(node.outputs[-1].type, 0))


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
            finer = _numbered(list(zip(numbers, self._over(numbers)[1])))
            if max(finer, default=-1) == max(numbers, default=-1):
                return numbers
            numbers = finer

    @cached_property
    def merged(self) -> tuple[Values, Sequence[Value]]:
        """(a symbol for each class, and over symbols: the new value of each carry, then the question of each loop)."""
        return self._over(self.classes)

    @property
    def ask_the_same(self) -> bool:
        """Whether all loops make the same trips."""
        return len(set(self.merged[1][len(self.carries) :])) == 1

    def _over(self, numbers: Sequence[int]) -> tuple[Values, Sequence[Value]]:
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
        return symbols, numbered([*[steps[carry] for carry in self.carries], *asked])

    def least(self, used: Sequence[bool]) -> Sequence[Value]:
        """The results of all loops, one after another, from one that has what is needed and no more."""
        symbols, values = self.merged
        asked, step = values[len(self.carries)], dict(zip(self.classes, values))
        results = [(node, place) for node in self.nodes for place in range(len(node.outputs))]
        read_ones = {each for each, has in zip(results, used, strict=True) if has}
        kept = sorted(self._needed({c for c, carry in zip(self.classes, self.carries) if carry in read_ones}))
        outputs = tuple([step[number] for number in kept])
        below = reached((asked, *outputs))
        operands = [x for x, symbol in self.shared.items() if symbol in below]
        first = {number: node.inputs[place] for number, (node, place) in zip(self.classes, self.carries)}
        inputs = (*[symbols[number] for number in kept], *[self.shared[x] for x in operands])
        among = symbols_like(inputs, "carry")
        condition, body = self.nodes[0].graphs
        ask = Graph(condition.name, among, tuple(moved([asked], dict(zip(inputs, among)))))
        with origin(tuple(dict.fromkeys([frame for each in self.nodes for frame in each.frames]))[:MAX_FRAMES]):
            *last, trips = looped(
                tuple([first[number] for number in kept]),
                tuple(operands),
                ask,
                Graph(body.name, inputs, outputs),
                self.nodes[0]["max_trips"],
            )
        found = dict(zip(kept, last))
        of_carry = {carry: found.get(number) for carry, number in zip(self.carries, self.classes)}
        new: list[Value] = []
        for node, place in results:
            if place == node["carries"]:
                new.append(trips)
            else:
                new.append(of_carry.get((node, place)) or node.inputs[place])  # it stays, or is not read
        return new

    def _needed(self, found: Set[int]) -> Set[int]:
        """Classes that are read, or that the condition or an effect needs, and those that these need."""
        symbols, values = self.merged
        asked, step = values[len(self.carries)], dict(zip(self.classes, values))
        hanging = shown(tuple(step.values()))
        found = found | {number for number, value in step.items() if value in hanging}
        while True:
            below = reached((asked, *[step[number] for number in found]))
            wider = found | {number for number, symbol in enumerate(symbols) if symbol in below}
            if wider == found:
                return found
            found = wider


def _stays(node: Node, place: int) -> bool:
    """Whether an operand is the same in all trips: closed over, or a carry that the body gives back as it is."""
    body = node.graphs[1]
    return place >= node["carries"] or body.outputs[place] is body.inputs[place]


def _numbered(keys: Sequence[Hashable]) -> list[int]:
    """For each key the number of the first one equal to it, counted among those that differ."""
    known: dict[Hashable, int] = {}
    return [known.setdefault(key, len(known)) for key in keys]

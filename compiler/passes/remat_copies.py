"""Values computed again for those who read them late, in place of being kept.

In: a graph, a moment in the order of its launches, and the values to compute again behind it. Out: the graph in which
whoever comes behind the moment reads copies of them. A copy reads what is kept through barriers that wait for the
launch before the first one that reads a copy: so it is fused with nothing that came earlier, and is launched at its
turn. Nothing merges equal nodes behind this pass.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from lazygraph.compiler.ir.graph import Graph, Node, Value, topological, with_inputs
from lazygraph.compiler.loop.fuse import is_leaf, is_scalar_constant
from lazygraph.compiler.ops.effects import after
from lazygraph.compiler.ops.lowering import Elementwise, Pointwise
from lazygraph.compiler.passes.remat_timeline import Timeline


def with_copies(graph: Graph, timeline: Timeline, moment: int, again: Collection[Value]) -> Graph:
    """The graph in which what is launched behind the moment reads copies of the values."""
    return _Copies(graph, timeline, moment, again).graph()


def gradients_apart(graph: Graph) -> Graph:
    """The graph in which new values of variables are computed from stored gradients: the kernels that make these write
    no variable, so they run as soon as they can, before the commit, and what they read is free early."""
    new: dict[Value, Value] = {}
    formulas = _formulas(graph)
    stored: dict[Value, Value] = {}
    for node in graph.nodes:
        inputs = [new.get(each, each) for each in node.inputs]
        if node in formulas:
            for place, operand in enumerate(node.inputs):
                if operand.node not in formulas and not is_leaf(operand):
                    inputs[place] = stored.setdefault(operand, after(new.get(operand, operand)))
        _rebuild(node, inputs, new)
    return graph.with_results(new)


def _formulas(graph: Graph) -> set[Node]:
    """The elementwise nodes that new values of variables are computed by, and that nothing else reads."""
    updated = {new for _, new in graph.updates}
    found: set[Node] = set()
    for node in reversed(graph.nodes):
        users = [user for value in node.outputs for user in graph.users[value]]
        ends = bool(users) or not updated.isdisjoint(node.outputs)
        if ends and isinstance(node.op.lower, Elementwise) and found.issuperset(users):
            found.add(node)
    return found


def _rebuild(node: Node, inputs: Sequence[Value], new: dict[Value, Value]) -> None:
    if any([made is not old for made, old in zip(inputs, node.inputs)]):
        new.update(zip(node.outputs, with_inputs(node, inputs).outputs))


class _Copies:
    def __init__(self, graph: Graph, timeline: Timeline, moment: int, again: Collection[Value]) -> None:
        self.original = graph
        self.time = timeline
        self.moment = moment
        self.again = again
        self.depends: dict[Value, bool] = {}  # whether a copy of the value differs from it
        self.component: dict[Value, int] = {}  # of values that are copied, by what they are computed from
        self.copies: dict[Value, Value] = {}
        self.barriers: dict[tuple[Value, int], Value] = {}
        self.new: dict[Value, Value] = {}  # what came behind the moment
        self._find_components()
        self.waits: dict[int, Value | None] = {}

    def _find_components(self) -> None:
        parent: dict[int, int] = {}

        def root(number: int) -> int:
            while parent[number] != number:
                parent[number] = parent[parent[number]]
                number = parent[number]
            return number

        for node in self.original.nodes:
            if self.time.when[node] > self.moment:
                continue
            reads = [each for each in node.inputs if self.depends.get(each)]
            copied = any([value in self.again for value in node.outputs]) or bool(reads) and not self.is_kept(node)
            for value in node.outputs:
                self.depends[value] = copied
            if copied:
                number = len(parent)
                parent[number] = number
                for value in node.outputs:
                    self.component[value] = number
                for each in reads:
                    parent[root(self.component[each])] = number
        self.component = {value: root(number) for value, number in self.component.items()}

    def is_kept(self, node: Node) -> bool:
        return any([value in self.time.stored for value in node.outputs])

    def graph(self) -> Graph:
        late = [node for node in self.original.nodes if self.time.when[node] > self.moment]
        late.sort(key=lambda node: self.time.when[node])  # stable: operands stay first, and what is waited for
        for node in late:
            copied = [each for each in node.inputs if self.depends.get(each)]
            for each in copied:
                self.waits.setdefault(self.component[each], self.time.before(self.time.when[node]))
            inputs = [self.copy(each) if each in copied else self.new.get(each, each) for each in node.inputs]
            _rebuild(node, inputs, self.new)
        return self.original.with_results(self.new)

    def copy(self, wanted: Value) -> Value:
        """The value computed again from what is kept."""
        if wanted not in self.copies:
            nodes = [
                each for each in topological([wanted], first=self._known(wanted)) if self.depends.get(each.outputs[0])
            ]
            for node in nodes:
                if node.outputs[0] in self.copies:
                    continue
                number = self.component[node.outputs[0]]
                inputs = [
                    self.copies[each] if self.depends.get(each) else self.held(each, number) for each in node.inputs
                ]
                self.copies.update(zip(node.outputs, with_inputs(node, inputs).outputs))
        return self.copies[wanted]

    def _known(self, wanted: Value) -> list[Value]:
        """Where the way down to what is kept ends."""
        found: dict[Value, None] = {}
        seen: set[Value] = set()
        pending = [wanted]
        while pending:
            for operand in pending.pop().node.inputs:
                if not self.depends.get(operand) or operand in self.copies:
                    found[operand] = None
                elif operand not in seen:
                    seen.add(operand)
                    pending.append(operand)
        return list(found)

    def held(self, value: Value, number: int) -> Value:
        """A value that is kept, behind a barrier. What is computed where it is read, from constants, stands in none."""
        shown = is_scalar_constant(value) or not (
            is_leaf(value) or value in self.time.stored or self.reads_stored(value)
        )
        if shown:
            return value
        wait = self.waits.get(number)
        key = (value, number)
        if key not in self.barriers:
            self.barriers[key] = after(value) if wait is None else after(value, self.new.get(wait, wait))
        return self.barriers[key]

    def reads_stored(self, value: Value) -> bool:
        """Whether a view or formula that is not stored reads anything that is."""
        pending, seen = [value], {value}
        while pending:
            each = pending.pop()
            if each in self.time.stored or is_leaf(each) and not is_scalar_constant(each):
                return True
            if isinstance(each.node.op.lower, Elementwise | Pointwise):
                pending += [operand for operand in each.node.inputs if operand not in seen]
                seen.update(each.node.inputs)
        return False

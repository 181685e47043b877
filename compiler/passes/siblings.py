"""Nodes that can become one although they are not equal, and a graph in which they are.

In: a graph, which of its nodes are alike, what one node is made of several, and what is in vain in each. Out: groups of
nodes that do not depend on each other; and the graph in which there is nothing left to join or to leave out.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence

from lazygraph.compiler.autodiff.substitute import moved
from lazygraph.compiler.ir.graph import Graph, Interner, Node, Value, interned, topological, with_inputs


def independent(
    graph: Graph, alike: Callable[[Node], Hashable | None], fits: Callable[[list[Node], Node], bool]
) -> Iterator[list[Node]]:
    """Nodes with an equal key, None for those that do not count, in groups in which none depends on another.

    `fits(group, node)` says whether a node may join. Members of two groups may depend on each other both ways: when
    one group has become a node, ask again.
    """
    keys = {node: key for node in graph.nodes if (key := alike(node)) is not None}
    number = {node: 1 << place for place, node in enumerate(keys)}
    below: dict[Node, int] = {}  # the candidates that a node depends on, as bits; itself among them
    for node in graph.nodes:
        bits = number.get(node, 0)
        for operand in node.inputs:
            bits |= below[operand.node]
        below[node] = bits
    groups: dict[Hashable, list[list[Node]]] = {}
    for node, key in keys.items():
        known = groups.setdefault(key, [])
        for group in known:
            if not any([below[node] & number[member] for member in group]) and fits(group, node):
                group.append(node)
                break
        else:
            known.append([node])
    for found in groups.values():
        yield from found


Change = Callable[[Node, Sequence[bool]], Sequence[Value] | None]
Groups = Callable[[Graph], Iterator[list[Node]]]
Join = Callable[[Sequence[Node], Sequence[bool]], Sequence[Value]]  # nodes, which of their results are read -> results


def least(graph: Graph, inner: Callable[[Graph], Graph], change: Change, groups: Groups, join: Join) -> Graph:
    """The graph, by `inner` its sub-graphs too, swept by `change`, in which `join` has made one node of each group."""
    if not any([node.graphs for node in graph.nodes]):
        return graph
    graph = _inside(graph, inner)
    while True:
        graph = _swept(graph, change)  # what is in vain is taken out first: it may be all that differs
        group = next((each for each in groups(graph) if len(each) > 1), None)
        if group is None:
            return graph
        used = _read(graph)
        results = [value for node in group for value in node.outputs]
        found = join(group, [value in used for value in results])
        graph = _replaced(graph, dict(zip(results, found, strict=True)))


def _replaced(graph: Graph, new: Mapping[Value, Value]) -> Graph:
    """The graph in which these values stand for others, of the same types, that none of them depends on."""
    return graph.with_results(dict(zip(graph.results, moved(graph.results, new), strict=True)))


def _swept(graph: Graph, change: Change) -> Graph:
    """The graph with what `change(node over new operands, which of its results are read)` gives for each node that has
    sub-graphs; None keeps the node. What it gives for a result that is not read does not count.

    Sweeps go on while nodes become less: what one no longer reads another need not make.
    """
    while True:
        after = interned(_swept_once(graph, change))
        if _size(after) == _size(graph):
            return after
        graph = after


def _size(graph: Graph) -> int:
    return sum(len(node.inputs) + len(node.outputs) for node in graph.nodes if node.graphs)


def _swept_once(graph: Graph, change: Change) -> Graph:
    used = _read(graph)
    interner = Interner(lambda inner: inner)  # what becomes equal on the way is equal for the nodes behind it
    new: dict[Value, Value] = {}
    for node in graph.nodes:
        made = interner.node(node, tuple([new[each] for each in node.inputs]))
        found = change(made, [each in used for each in node.outputs]) if node.graphs else None
        new.update(zip(node.outputs, made.outputs if found is None else found, strict=True))
    return graph.with_results(new)


def numbered(values: Sequence[Value]) -> list[Value]:
    """The values with equal nodes merged; sub-graphs have been interned before."""
    interner = Interner(lambda inner: inner)
    new: dict[Value, Value] = {}
    for node in topological(values):
        kept = node if node.op.name == "parameter" else interner.node(node, tuple([new[each] for each in node.inputs]))
        new.update(zip(node.outputs, kept.outputs))
    return [new[value] for value in values]


def _inside(graph: Graph, change: Callable[[Graph], Graph]) -> Graph:
    """The graph with each of its sub-graphs changed."""
    new: dict[Value, Value] = {}
    for node in graph.nodes:
        graphs = tuple(map(change, node.graphs))
        inputs = [new.get(each, each) for each in node.inputs]
        same = all([after is before for after, before in zip((*graphs, *inputs), (*node.graphs, *node.inputs))])
        if not same:
            new.update(zip(node.outputs, with_inputs(node, inputs, graphs).outputs, strict=True))
    return graph.with_results(new) if new else graph


def _read(graph: Graph) -> set[Value]:
    """The values that something reads."""
    return {*graph.results, *[operand for node in graph.nodes for operand in node.inputs]}

"""Nodes that can become one although they are not equal, and graphs with values replaced.

In: a graph, and which of its nodes are alike. Out: groups of them that do not depend on each other; and the graph in
which other values stand for some. What one node is made of several is the business of the passes that ask.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping

from lazygraph.compiler.autodiff.substitute import moved
from lazygraph.compiler.ir.graph import Graph, Node, Value, with_inputs


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


def replaced(graph: Graph, new: Mapping[Value, Value]) -> Graph:
    """The graph in which these values stand for others, of the same types, that none of them depends on."""
    return _with_results(graph, dict(zip(graph.results, moved(graph.results, new), strict=True)))


def inside(graph: Graph, change: Callable[[Graph], Graph]) -> Graph:
    """The graph with each of its sub-graphs changed."""
    new: dict[Value, Value] = {}
    for node in graph.nodes:
        graphs = tuple(map(change, node.graphs))
        inputs = [new.get(each, each) for each in node.inputs]
        same = all([after is before for after, before in zip((*graphs, *inputs), (*node.graphs, *node.inputs))])
        if not same:
            new.update(zip(node.outputs, with_inputs(node, inputs, graphs).outputs, strict=True))
    return _with_results(graph, new) if new else graph


def _with_results(graph: Graph, new: Mapping[Value, Value]) -> Graph:
    """The graph with other results, as the map says."""

    def now(value: Value) -> Value:
        return new.get(value, value)

    return Graph(
        graph.name,
        graph.inputs,
        tuple(map(now, graph.outputs)),
        graph.variables,
        tuple([(variable, now(value)) for variable, value in graph.updates]),
        tuple(map(now, graph.effects)),
    )


def read(graph: Graph) -> set[Value]:
    """The values that something reads."""
    return {*graph.results, *[operand for node in graph.nodes for operand in node.inputs]}

"""The order of effects, made part of the data flow.

In: a graph. Out: the same graph in which every effect waits for the one before it, as a further operand. Effects come
in order of data flow, and those that do not depend on each other in the order in which they were asked for (`serial`).
Where nothing is printed no order shows, and the graph is left as it is.
"""

from __future__ import annotations

from collections.abc import Sequence

from lazygraph.compiler.ir.graph import Graph, Node, Value, topological, with_inputs


def in_order(graph: Graph) -> Graph:
    """The graph with its effects one after another; a print that was copied (same serial) is made once."""
    if not any([node.op.flags.shown for node in graph.nodes]):
        return graph
    ends = [node.outputs[0] for node in _ordered(graph.nodes)]
    made: set[tuple[str, int]] = set()
    new: dict[Value, Value] = {}
    last: tuple[Value, ...] = ()
    for node in topological([*ends, *graph.results], first=(*graph.inputs, *graph.variables)):
        inputs = tuple([new[each] for each in node.inputs])
        if is_effect(node):
            if (node.op.name, node.serial) in made:
                new[node.output] = inputs[0]
                continue
            made.add((node.op.name, node.serial))
            inputs = (*inputs, *last)
        copy = node if inputs == node.inputs else with_inputs(node, inputs)
        new.update(zip(node.outputs, copy.outputs))
        if is_effect(node):
            last = copy.outputs
    return Graph(
        graph.name,
        graph.inputs,
        tuple([new[each] for each in graph.outputs]),
        graph.variables,
        tuple([(variable, new[value]) for variable, value in graph.updates]),
        tuple([new[each] for each in graph.effects]),
    )


def is_effect(node: Node) -> bool:
    return not node.op.flags.pure and node.serial != 0


def _ordered(nodes: Sequence[Node]) -> list[Node]:
    """The effects by serial, none before one that it depends on: each counts as late as the latest below it."""
    latest: dict[Node, int] = {}
    for node in nodes:
        below = max([latest[each.node] for each in node.inputs], default=0)
        latest[node] = max(below, node.serial) if is_effect(node) else below
    effects = [(latest[node], place, node) for place, node in enumerate(nodes) if is_effect(node)]
    return [node for *_, node in sorted(effects, key=lambda each: each[:2])]

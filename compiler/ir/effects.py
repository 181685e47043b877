"""The order of effects, made part of the data flow.

In: a graph. Out: the same graph in which every effect waits for the one before it, as a further operand. A loop or
branch whose sub-graphs hold an effect is one itself. Effects come in order of data flow, and those that do not depend
on each other in the order in which they were asked for (`serial`). Where nothing is printed no order shows, and the
graph is left as it is.
"""

from __future__ import annotations

from collections.abc import Sequence

from lazygraph.compiler.ir.graph import Graph, Node, Value, topological, with_inputs


def in_order(graph: Graph) -> Graph:
    """The graph with its effects one after another, in sub-graphs too; one that was copied (same serial) is made once.

    An effect takes the one before it as a further operand. So does a loop or a branch that holds effects, whose
    sub-graphs get a further input each, which they do not read.
    """
    return _in_order(graph, set()) if _shows(graph) else graph


def _shows(graph: Graph) -> bool:
    return any([node.op.flags.shown or any(map(_shows, node.graphs)) for node in graph.nodes])


def _in_order(graph: Graph, made: set[tuple[str, int]]) -> Graph:
    ends = [node.outputs[0] for node in _ordered(graph.nodes)]
    new: dict[Value, Value] = {}
    last: tuple[Value, ...] = ()
    for node in topological([*ends, *graph.results], first=(*graph.inputs, *graph.variables)):
        inputs = tuple([new[each] for each in node.inputs])
        copy = node if inputs == node.inputs else with_inputs(node, inputs)
        if node.graphs and is_effect(node):
            before = frozenset(made)
            inner = []
            for each in node.graphs:  # what one branch shows, another shows too
                shown = set(before)
                inner.append(_waiting(_in_order(each, shown), last))
                made |= shown
            copy = with_inputs(node, (*inputs, *last), tuple(inner))
        elif is_effect(node):
            if (node.op.name, node.serial) in made:
                new[node.output] = inputs[0]
                continue
            made.add((node.op.name, node.serial))
            copy = with_inputs(node, (*inputs, *last))
        new.update(zip(node.outputs, copy.outputs))
        if is_effect(copy):
            last = copy.outputs[:1]
    return graph.with_results(new)


def _waiting(graph: Graph, before: tuple[Value, ...]) -> Graph:
    """The graph with inputs that it does not read."""
    from lazygraph.compiler.ops.leaf import new_parameter

    fresh = tuple([new_parameter("before", each.dtype, each.shape) for each in before])
    return Graph(graph.name, (*graph.inputs, *fresh), graph.outputs)


def is_effect(node: Node) -> bool:
    """A print or a check, or a loop or a branch that holds one."""
    return effect_serial(node) > 0


def holds_effect(graph: Graph) -> bool:
    return any(map(is_effect, graph.nodes))


def effect_serial(node: Node) -> int:
    """When an effect was asked for, the first of those in a sub-graph; 0 for what has none."""
    if node.graphs:
        return min(
            [found for graph in node.graphs for each in graph.nodes if (found := effect_serial(each))], default=0
        )
    return 0 if node.op.flags.pure else node.serial


def _ordered(nodes: Sequence[Node]) -> list[Node]:
    """The effects by serial, none before one that it depends on: each counts as late as the latest below it."""
    latest: dict[Node, int] = {}
    for node in nodes:
        below = max([latest[each.node] for each in node.inputs], default=0)
        latest[node] = max(below, effect_serial(node))
    effects = [(latest[node], place, node) for place, node in enumerate(nodes) if is_effect(node)]
    return [node for *_, node in sorted(effects, key=lambda each: each[:2])]

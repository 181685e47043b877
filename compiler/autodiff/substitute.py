"""A graph evaluated elsewhere: the same formulas over other values.

In: outputs, and new values for some of those they depend on. Out: the outputs over the new values; what depends on
none of the replaced values is shared. Line searches and variance-reduced gradients evaluate a loss so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from lazygraph.compiler.ir.effects import holds_effect, is_effect
from lazygraph.compiler.ir.errors import DTypeError, ShapeError
from lazygraph.compiler.ir.graph import Graph, Node, Value, serials, topological, with_inputs


def substitute(outputs: Sequence[Value], replacements: Mapping[Value, Value]) -> list[Value]:
    """The outputs with each key replaced by its value, of the same type. Replacements are not searched for keys."""
    for old, new in replacements.items():
        if old.type != new.type:
            error = DTypeError if old.dtype != new.dtype else ShapeError
            raise error(f"substitute: expected a replacement of the type {old.type}, found {new.type}")
    return _rebuilt(outputs, replacements, _copy)


def moved(outputs: Sequence[Value], replacements: Mapping[Value, Value]) -> list[Value]:
    """As `substitute`, where the outputs are used there and no longer here: effects are the same effects."""
    return _rebuilt(outputs, replacements, with_inputs)


def _rebuilt(
    outputs: Sequence[Value], replacements: Mapping[Value, Value], over: Callable[[Node, Sequence[Value]], Node]
) -> list[Value]:
    known: dict[Value, Value] = dict(replacements)
    for node in topological(outputs):
        if any([operand in known for operand in node.inputs]):
            rebuilt = over(node, [known.get(operand, operand) for operand in node.inputs])
            for old, new in zip(node.outputs, rebuilt.outputs):
                known.setdefault(old, new)
    return [known.get(output, output) for output in outputs]


def _copy(node: Node, inputs: Sequence[Value]) -> Node:
    """The node over other inputs; a copy of an effect is another effect, so in its sub-graphs."""
    graphs = tuple([_with_new_effects(graph) if holds_effect(graph) else graph for graph in node.graphs])
    copy = with_inputs(node, inputs, graphs)
    if node.serial:
        copy.serial = next(serials)
    return copy


def _with_new_effects(graph: Graph) -> Graph:
    """The graph, closed as it is, with effects of its own."""
    new: dict[Value, Value] = {}
    for node in graph.nodes:
        inputs = [new[operand] for operand in node.inputs]
        fresh = is_effect(node) or any([after is not before for after, before in zip(inputs, node.inputs)])
        new.update(zip(node.outputs, (_copy(node, inputs) if fresh else node).outputs))
    return Graph(graph.name, graph.inputs, tuple([new[each] for each in graph.outputs]))

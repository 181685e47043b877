"""The hash of a graph: what it computes, without names, frames or the order in which it was written.
In: a graph. Out: sha256 over its nodes in topological order, each by op, operands' numbers, attributes and types. Two
graphs that differ only in names hash alike, and so share object code.
"""

from __future__ import annotations

import hashlib
from typing import Any

from lazygraph.compiler.ir.dims import Extent, symbols
from lazygraph.compiler.ir.graph import Graph, Value, attribute_key


def graph_hash(graph: Graph) -> str:
    """Hexadecimal sha256 of the graph's structure."""
    digest = hashlib.sha256()
    numbers: dict[Value, int] = {}

    def feed(*parts: Any) -> None:
        digest.update(repr(parts).encode())

    for node in graph.nodes:
        kept = sorted(node.attributes.keys() - set(node.op.flags.labels))
        attributes = [(name, attribute_key(node.attributes[name])) for name in kept]
        feed(
            node.op.name, [numbers[each] for each in node.inputs], attributes, [str(each.type) for each in node.outputs]
        )
        feed(*[graph_hash(each) for each in node.graphs])
        for value in node.outputs:
            numbers[value] = len(numbers)
    feed("inputs", [numbers[each] for each in graph.inputs], "variables", [numbers[each] for each in graph.variables])
    feed("outputs", [numbers[each] for each in graph.outputs], "effects", [numbers[each] for each in graph.effects])
    feed("updates", [(numbers[variable], numbers[new]) for variable, new in graph.updates])
    for value in (*graph.inputs, *graph.variables):
        for extent in value.shape:
            feed(_range(extent))
    return digest.hexdigest()


def _range(extent: Extent) -> Any:
    """The declared ranges of a dim's symbols: they decide what is proven at compile time."""
    return sorted((each.name, str(each.lower), str(each.upper), each.multiple_of) for each in symbols(extent))

"""Loops in their least form: those that run side by side become one, and what is in vain is taken out.

In: a graph whose derivatives have all been taken. Out: the graph in which the loop that a user wrote, and those that
derivatives made of it, are as few as may be and carry, read and stack as little as may be; sums of products that leave
a loop are made behind it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lazygraph.compiler.ir.graph import Graph, Node, Value, interned, origin, with_inputs
from lazygraph.compiler.ops.loop_parts import loop_of
from lazygraph.compiler.passes.loop_products import with_products_outside
from lazygraph.compiler.passes.loop_siblings import with_siblings_merged
from lazygraph.compiler.passes.loop_tidying import tidied

ROUNDS = 4  # what one round leaves out lets another loop join; deeper chains are left


@dataclass(frozen=True)
class Loops:
    """Merges and tidies the loops of a graph and of its sub-graphs."""

    name: str = "loops"

    def __call__(self, graph: Graph) -> Graph:
        if not any([node.graphs for node in graph.nodes]):
            return graph
        least = _simplified(graph)
        after = _without_products(least)
        return least if after.key == least.key else _simplified(after)


def _simplified(graph: Graph) -> Graph:
    for _ in range(ROUNDS):
        after = _inner(interned(_tidy(with_siblings_merged(graph))))
        if after.key == graph.key:
            break
        graph = after
    return graph


def _inner(graph: Graph) -> Graph:
    """The same inside of sub-graphs."""
    return _rebuilt(graph, lambda node, inputs: _over(node, inputs, tuple(map(_simplified, node.graphs))))


def _over(node: Node, inputs: tuple[Value, ...], graphs: tuple[Graph, ...]) -> Sequence[Value]:
    return with_inputs(node, inputs, graphs).outputs


def _tidy(graph: Graph) -> Graph:
    used = {*graph.results, *[each for node in graph.nodes for each in node.inputs]}

    def tidy(node: Node, inputs: tuple[Value, ...]) -> Sequence[Value | None]:
        if node.op.name != "scan":
            return _over(node, inputs, node.graphs)
        return tidied(loop_of(with_inputs(node, inputs)), [each in used for each in node.outputs]).results()

    return _rebuilt(graph, tidy)


def _without_products(graph: Graph) -> Graph:
    def leave(node: Node, inputs: tuple[Value, ...]) -> Sequence[Value | None]:
        inner = with_inputs(node, inputs, tuple(map(_without_products, node.graphs)))
        found = with_products_outside(inner) if node.op.name == "scan" else None
        return inner.outputs if found is None else found

    return _rebuilt(graph, leave)


def _rebuilt(graph: Graph, make: Callable[[Node, tuple[Value, ...]], Sequence[Value | None]]) -> Graph:
    """The graph with what `make` gives for each node that has sub-graphs; None for a result that nobody uses."""
    new: dict[Value, Value] = {}
    for node in graph.nodes:
        inputs = tuple([new[each] for each in node.inputs])
        results: Sequence[Value | None] = node.outputs
        if node.graphs:
            with origin(node.frames):
                results = make(node, inputs)
        elif inputs != node.inputs:
            results = with_inputs(node, inputs).outputs
        new.update([(old, found) for old, found in zip(node.outputs, results, strict=True) if found is not None])
    return graph.with_results(new)

"""Sub-graphs that stand for their node are put in its place: nothing below this pass knows that they were apart.

In: a graph whose derivatives have all been taken. Out: the graph without `custom_derivative`, sub-graphs within
sub-graphs first, equal nodes merged.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lazygraph.compiler.autodiff.substitute import substitute
from lazygraph.compiler.ir.graph import Graph, Node, Value, rewrite
from lazygraph.compiler.ops.lowering import Inlined


@dataclass(frozen=True)
class Inline:
    """f(x) with a sub-graph for f becomes the nodes of f over x."""

    name: str = "inline"

    def __call__(self, graph: Graph) -> Graph:
        return rewrite(graph, _replace) if _has_inlined(graph) else graph


def _has_inlined(graph: Graph) -> bool:
    """Whether the graph or a sub-graph, a loop's body for one, holds a node that is put in place."""
    return any([isinstance(node.op.lower, Inlined) or any(map(_has_inlined, node.graphs)) for node in graph.nodes])


def _replace(node: Node, inputs: tuple[Value, ...]) -> Sequence[Value] | None:
    if not isinstance(node.op.lower, Inlined):
        return None
    body = rewrite(node.graphs[0], _replace)
    return substitute(body.outputs, dict(zip(body.inputs, inputs, strict=True)))

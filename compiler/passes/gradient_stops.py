"""`stop_gradient` means something to differentiation only, which is over once a function is compiled.

In: a graph that will not be differentiated again. Out: the graph without `stop_gradient`, every exact rule applied
again where that brings nodes together.
"""

from __future__ import annotations

from dataclasses import dataclass

from lazygraph.compiler.ir.graph import Graph, Node, Value
from lazygraph.compiler.passes.canonicalize import CANONICAL
from lazygraph.compiler.passes.rules import RuleTable, simplified

GRADIENT_STOPS = RuleTable()


@GRADIENT_STOPS.rule("stop_gradient(x) -> x", "stop_gradient")
def without_stop(node: Node) -> Value | None:
    return node.inputs[0]


@dataclass(frozen=True)
class DropGradientStops:
    """stop_gradient(x) becomes x."""

    name: str = "gradient_stops"

    def __call__(self, graph: Graph) -> Graph:
        return simplified(graph, WITHOUT_STOPS)


WITHOUT_STOPS = RuleTable(GRADIENT_STOPS, CANONICAL)

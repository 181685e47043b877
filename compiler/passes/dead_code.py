"""Dead code: what no output, update or effect reaches is no part of a graph; this drops results that say nothing.

In: a graph. Out: the graph without effects that have become plain values (a check whose condition is known to hold),
without an effect that is listed twice, and without updates of a variable to itself.
"""

from __future__ import annotations

from dataclasses import dataclass

from lazygraph.compiler.ir.effects import is_effect
from lazygraph.compiler.ir.graph import Graph


@dataclass(frozen=True)
class DropDead:
    """Effects and updates that change nothing are dropped, and with them what only they needed."""

    name: str = "dead_code"

    def __call__(self, graph: Graph) -> Graph:
        return Graph(
            graph.name,
            graph.inputs,
            graph.outputs,
            graph.variables,
            tuple([(variable, value) for variable, value in graph.updates if value is not variable]),
            tuple(dict.fromkeys([value for value in graph.effects if is_effect(value.node)])),
        )

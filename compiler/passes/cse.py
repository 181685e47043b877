"""Common subexpressions: equal nodes become one, which carries the frames of all the lines that it serves.

In: a graph. Out: the same graph, interned.
"""

from __future__ import annotations

from dataclasses import dataclass

from lazygraph.compiler.ir.graph import Graph, interned


@dataclass(frozen=True)
class MergeEqual:
    """Equal (op, inputs, attributes, serial) are one node."""

    name: str = "cse"

    def __call__(self, graph: Graph) -> Graph:
        return interned(graph)

"""Prints and checks one after another, in the order that a reader of the program expects.

In: a graph in its last form. Out: the graph in which each effect waits for the one before (`ir/effects.py`).
"""

from __future__ import annotations

from dataclasses import dataclass

from lazygraph.compiler.ir.effects import in_order
from lazygraph.compiler.ir.graph import Graph


@dataclass(frozen=True)
class OrderEffects:
    """check(x, ok), print(y) becomes a = check(x, ok), print(y, a) where something is printed."""

    name: str = "sequence"

    def __call__(self, graph: Graph) -> Graph:
        return in_order(graph)

"""Canonicalisation: algebra, shape algebra and contractions, applied until no rule fires; equal nodes become one.

In: a graph. Out: the same values, bit for bit, each formula in the one spelling that later passes look for.
"""

from __future__ import annotations

from dataclasses import dataclass

from lazygraph.compiler.ir.graph import Graph
from lazygraph.compiler.passes.algebra import ALGEBRA
from lazygraph.compiler.passes.contractions import CONTRACTIONS
from lazygraph.compiler.passes.rules import RuleTable, simplified
from lazygraph.compiler.passes.shape_algebra import SHAPE_ALGEBRA

CANONICAL = RuleTable(SHAPE_ALGEBRA, ALGEBRA, CONTRACTIONS)


@dataclass(frozen=True)
class Canonicalize:
    """Every exact rule."""

    name: str = "canonicalize"

    def __call__(self, graph: Graph) -> Graph:
        return simplified(graph, CANONICAL)

"""What it costs to compute a value again instead of reading it from a buffer, and from what.

In: a value, the values that are stored, and a budget of scalar operations. Out: a `Recipe`, or None beyond the budget.
"""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass

from lazygraph.compiler.ir.graph import Value
from lazygraph.compiler.loop.views import Views
from lazygraph.compiler.ops.lowering import Elementwise, Leaf

RECOMPUTE = 4  # operations that are repeated rather than stored
COSTLY = 16  # operations that a transcendental counts for


@dataclass(frozen=True, slots=True)
class Recipe:
    """The stored values that are read, and the values that are computed again, the wanted one among them."""

    sources: tuple[Value, ...]
    again: tuple[Value, ...]


def cost(value: Value) -> int:
    """Scalar operations of the value's own op, roughly."""
    return COSTLY if value.node.op.ulp >= 1 else 1


def recipe(wanted: Value, budget: int, views: Views, stored: Container[Value]) -> Recipe | None:
    """How to compute a value again from what else is stored."""
    budget -= cost(wanted)
    if budget < 0 or not isinstance(wanted.node.op.lower, Elementwise):
        return None
    again, sources = [wanted], []
    for operand in wanted.node.inputs:
        reads = views.reads(operand)
        if reads is None:
            return None
        for base in (read.base for read in reads):
            if isinstance(base.node.op.lower, Leaf):
                continue
            if base in stored:
                sources.append(base)
                continue
            inner = recipe(base, budget, views, stored)
            if inner is None:
                return None
            budget -= len(inner.again)
            sources.extend(inner.sources)
            again.extend(inner.again)
    return Recipe(tuple(sources), tuple(again))

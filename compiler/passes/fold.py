"""Constant folding: what depends on constants alone is computed by the records' references.

In: a graph. Out: small constants in place of their formulas. Only ops that are exact on their dtype are folded, so the
compiled function gives the same bits with and without; `exp` of a constant stays for the machine that will run it. What
would become large (an iota, a repeated number) stays a formula.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

import lazygraph.compiler.ops  # noqa: F401  (fills the table of records)
from lazygraph.compiler.ir.dims import Dim
from lazygraph.compiler.ir.errors import CheckFailed
from lazygraph.compiler.ir.graph import Graph, Node, Value
from lazygraph.compiler.ir.interpret import evaluate_node
from lazygraph.compiler.ops.compose import emit
from lazygraph.compiler.ops.lowering import Elementwise, Pointwise
from lazygraph.compiler.ops.record import OPS
from lazygraph.compiler.passes.canonicalize import CANONICAL
from lazygraph.compiler.passes.rules import RuleTable, simplified

FOLDING = RuleTable()
MOST_ELEMENTS = 1024  # of a folded constant, unless its operands hold as many

# A broadcast is how a large constant is kept small.
FOLDABLE = tuple([name for name, op in OPS.items() if op.flags.pure and name != "broadcast"])


@FOLDING.rule("f(constant) -> constant for exact f", *FOLDABLE)
def fold_constants(node: Node) -> Value | None:
    if (
        not node.inputs
        or node.serial
        or len(node.outputs) > 1
        or any([x.node.op.name != "constant" for x in node.inputs])
    ):
        return None
    arrays = [x.node["value"] for x in node.inputs]
    shape = [extent for extent in node.output.shape if isinstance(extent, int)]
    small = prod(shape) <= max(MOST_ELEMENTS, sum([array.size for array in arrays]))
    if len(shape) < node.output.type.rank or not small or not _is_exact(node) or _is_symbolic(node.attributes.values()):
        return None
    try:
        (value,) = evaluate_node(node, arrays, {})
    except CheckFailed:  # it fails when the step runs, in the user's words
        return None
    return _constant(np.array(value))


@FOLDING.rule("extent(5) -> 5", "extent")
def fold_extent(node: Node) -> Value | None:
    value = node["value"]
    return _constant(np.array(value, dtype=node["dtype"].numpy)) if isinstance(value, int) else None


def _constant(value: np.ndarray) -> Value:
    value.flags.writeable = False
    return emit("constant", value=value)


def _is_exact(node: Node) -> bool:
    """Every machine gives the reference's bits: one rounding per element, moved elements, or no floats at all."""
    if node.graphs:
        return False
    values = (*node.inputs, *node.outputs)
    if isinstance(node.op.lower, Elementwise):
        on_complex = node.op.lower.on_complex
        exact = on_complex is None or on_complex.ulp == 0 or not any([x.dtype.is_complex for x in values])
        return node.op.ulp == 0 and exact
    return isinstance(node.op.lower, Pointwise) or not any([x.dtype.is_differentiable for x in values])


def _is_symbolic(attributes: Any) -> bool:
    return any([isinstance(each, Dim) or isinstance(each, tuple) and _is_symbolic(each) for each in attributes])


@dataclass(frozen=True)
class Fold:
    """Constant folding, together with the exact rules that it feeds."""

    name: str = "fold"

    def __call__(self, graph: Graph) -> Graph:
        return simplified(graph, FOLDED)


FOLDED = RuleTable(FOLDING, CANONICAL)

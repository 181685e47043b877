"""The graph that is differentiated: simplified, with the inputs kept where they are.

In: outputs and the inputs to differentiate with respect to. Out: the same outputs in stable form, in which each input
is found again. Canonicalisation and the stability rewrites run first, so that derivatives are taken of formulas that
do not overflow. They must not see through an input: an interior one is marked by a node `cut(x)` = x that no rule
knows, and that is taken out again at the end.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lazygraph.compiler.ir.graph import Node, Value, origin, topological, with_inputs
from lazygraph.compiler.ops.lowering import Elementwise
from lazygraph.compiler.ops.record import Domain, Flags, Op
from lazygraph.compiler.passes.fold import FOLDING
from lazygraph.compiler.passes.rules import RuleTable, simplify
from lazygraph.compiler.passes.stability import STABLE

BEFORE_DIFFERENTIATION = RuleTable(FOLDING, STABLE)

# Not in the table of records: it never leaves this package.
CUT = Op(
    name="cut",
    doc="x, where differentiation takes hold of it.",
    type_rule=lambda types, attributes: types,
    reference=lambda x: x,
    jvp=lambda node, tangents: tangents,
    transpose=lambda node, cotangents, linear: cotangents,
    batch=lambda node, inputs, batched, size: inputs,
    lower=Elementwise(lambda b, x: x),
    domain=Domain((), lambda rng, dtype: [], lambda rng: []),
    ulp=0,
    flags=Flags(linear=(0,)),
)


@dataclass(frozen=True)
class Prepared:
    """Stable outputs, and where each input is in them."""

    outputs: tuple[Value, ...]
    inputs: tuple[Value, ...]
    has_cuts: bool

    def finish(self, results: Sequence[Value | None]) -> list[Value | None]:
        """What was computed from the prepared outputs, without the cuts."""
        if not self.has_cuts:
            return list(results)
        cleaned = iter(_without_cuts([result for result in results if result is not None]))
        return [None if result is None else next(cleaned) for result in results]


def prepare(outputs: Sequence[Value], inputs: Sequence[Value]) -> Prepared:
    """The outputs simplified, none of the inputs lost in it."""
    interior = {value: value for value in inputs if value.node.op.name != "parameter"}
    if not interior:
        return Prepared(tuple(simplify(outputs, BEFORE_DIFFERENTIATION)), tuple(inputs), False)
    marked = _with_cuts((*outputs, *inputs), interior)
    settled = simplify(marked, BEFORE_DIFFERENTIATION)
    return Prepared(tuple(settled[: len(outputs)]), tuple(settled[len(outputs) :]), True)


def _with_cuts(values: Sequence[Value], interior: Mapping[Value, Value]) -> list[Value]:
    """The values rebuilt so that whatever reads an interior input reads its cut."""
    new: dict[Value, Value] = {}
    for node in topological(values):
        for old, rebuilt in zip(node.outputs, _over(node, new)):
            if old in interior:
                with origin(node.frames):
                    rebuilt = CUT(rebuilt)
            new[old] = rebuilt
    return [new[value] for value in values]


def _without_cuts(values: Sequence[Value]) -> list[Value]:
    new: dict[Value, Value] = {}
    for node in topological(values):
        if node.op is CUT:
            new[node.output] = new[node.inputs[0]]
        else:
            new.update(zip(node.outputs, _over(node, new)))
    return [new[value] for value in values]


def _over(node: Node, new: Mapping[Value, Value]) -> Sequence[Value]:
    """The node's results over the new operands; the node itself where none has changed."""
    inputs = [new[operand] for operand in node.inputs]
    if all([new_one is old for new_one, old in zip(inputs, node.inputs)]):
        return node.outputs
    return with_inputs(node, inputs).outputs

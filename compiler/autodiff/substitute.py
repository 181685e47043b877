"""A graph evaluated elsewhere: the same formulas over other values.

In: outputs, and new values for some of those they depend on. Out: the outputs over the new values; what depends on
none of the replaced values is shared. Line searches and variance-reduced gradients evaluate a loss so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lazygraph.compiler.ir.errors import DTypeError, ShapeError
from lazygraph.compiler.ir.graph import Node, Value, serials, topological, with_inputs


def substitute(outputs: Sequence[Value], replacements: Mapping[Value, Value]) -> list[Value]:
    """The outputs with each key replaced by its value, of the same type. Replacements are not searched for keys."""
    for old, new in replacements.items():
        if old.type != new.type:
            error = DTypeError if old.dtype != new.dtype else ShapeError
            raise error(f"substitute: expected a replacement of the type {old.type}, found {new.type}")
    known: dict[Value, Value] = dict(replacements)
    for node in topological(outputs):
        if any([operand in known for operand in node.inputs]):
            copy = _over(node, [known.get(operand, operand) for operand in node.inputs])
            for old, new in zip(node.outputs, copy.outputs):
                known.setdefault(old, new)
    return [known.get(output, output) for output in outputs]


def _over(node: Node, inputs: Sequence[Value]) -> Node:
    """The node over other inputs; a copy of an effect is another effect."""
    copy = with_inputs(node, inputs)
    if node.serial:
        copy.serial = next(serials)
    return copy

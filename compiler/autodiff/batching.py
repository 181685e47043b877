"""vmap: a graph over one example, rewritten to work on many at once by one rule per op.

In: outputs, the inputs that get a batch axis, and the batched values that stand for them, each with a new leading axis.
Out: the outputs, and which of them have the axis. What depends on no batched value is shared, not repeated.
"""

from __future__ import annotations

from collections.abc import Sequence

from lazygraph.compiler.ir.dims import Extent
from lazygraph.compiler.ir.errors import ShapeError
from lazygraph.compiler.ir.graph import Value, origin, topological
from lazygraph.compiler.ops.compose import batched_input


def batch(
    outputs: Sequence[Value], inputs: Sequence[Value], batched_inputs: Sequence[Value], size: Extent
) -> tuple[list[Value], list[bool]]:
    """(outputs, batched): an output marked True has a leading axis of extent `size`."""
    known: dict[Value, Value] = {}
    for value, replacement in zip(inputs, batched_inputs, strict=True):
        if replacement.dtype != value.dtype or replacement.shape != (size, *value.shape):
            expected = f"{value.dtype.code}[{', '.join(map(str, (size, *value.shape)))}]"
            raise ShapeError(
                f"vmap: expected {expected} for {value.type} over {size} examples, found {replacement.type}"
            )
        known[value] = replacement
    for node in topological(outputs):
        batched = tuple([operand in known for operand in node.inputs])
        if not any(batched):
            continue
        operands = tuple([known.get(operand, operand) for operand in node.inputs])
        with origin(node.frames):
            results = node.op.batch(node, operands, batched, size)
        for old, new in zip(node.outputs, results, strict=True):
            if new.dtype != old.dtype or new.shape != (size, *old.shape):
                raise TypeError(
                    f"the batch rule of {node.op.name} gives {new.type}: expected {old.type} over {size} examples"
                )
            known.setdefault(old, new)
    return [known.get(output, output) for output in outputs], [output in known for output in outputs]


def batch_all(
    outputs: Sequence[Value], inputs: Sequence[Value], batched_inputs: Sequence[Value], size: Extent
) -> list[Value]:
    """As `batch`, with every output given the leading axis: what no input changes is repeated."""
    values, batched = batch(outputs, inputs, batched_inputs, size)
    return [batched_input(value, has_axis, size) for value, has_axis in zip(values, batched)]

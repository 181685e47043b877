"""Splits the transposed product of a sparse matrix by its rows, so that several threads make it.

In: a `csr_transposed_dot` of one part. Out: the sum of several parts, or None where they would not pay. How many is
decided by the extents alone: parts are written, and added, at a small share of what the entries cost.
"""

from __future__ import annotations

from lazygraph.compiler.ir import dims
from lazygraph.compiler.ir.graph import Node, Value
from lazygraph.compiler.ops.compose import emit

MOST = 16  # parts
ENTRIES = 8  # for each element of a part


def transposed_dot_in_parts(node: Node, inputs: tuple[Value, ...]) -> Value | None:
    """A' x -> the sum of A_p' x_p over blocks of rows p."""
    data, _, _, x = inputs
    one, columns = node["shape"]
    elements = dims.product((ENTRIES, columns, *x.shape[1:]))
    pays = dims.floordiv(data.shape[0], dims.maximum(1, elements))
    parts = dims.maximum(1, dims.minimum(dims.minimum(pays, x.shape[0]), MOST))
    if one != 1 or parts == 1:
        return None
    found = emit("csr_transposed_dot", *inputs, shape=(parts, columns))
    return emit("reshape", emit("reduce_sum", found, axes=(0,)), shape=node.output.shape)

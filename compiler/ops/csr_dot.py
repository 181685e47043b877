"""csr_dot: a compressed sparse matrix times a vector or matrix (`csr_products.py`).

In: data, indices and offsets of its rows, and x of shape (n,) or (n, k). Out: (m,) or (m, k). Blocks of rows in
parallel; a vector's sums run over several accumulators, the columns of a matrix side by side.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lazygraph.compiler.ir import dims
from lazygraph.compiler.ir.dims import Extent
from lazygraph.compiler.ir.graph import Attributes, Node, TensorType, Value
from lazygraph.compiler.loop.ir import Buffer, Index, Operand
from lazygraph.compiler.ops.compose import batched_input, emit
from lazygraph.compiler.ops.compressed import (
    batched_indices,
    checked_columns,
    column,
    flat,
    pattern,
    require_entries,
    require_pattern,
    require_side,
    row_numbers,
    row_sums,
    rows_in_blocks,
    total,
    unflat_to,
)
from lazygraph.compiler.ops.csr_products import (
    Pattern,
    Types,
    bilinear_jvp,
    diagonal_offsets,
    domain_of,
    examples_first,
    examples_last,
    one_part,
    require_columns,
    require_floats,
)
from lazygraph.compiler.ops.halves import through_float32
from lazygraph.compiler.ops.lowering import BodyBuilder, Loops
from lazygraph.compiler.ops.record import Flags, Op, Tangents, register
from lazygraph.compiler.ops.samples import Case, Draw
from lazygraph.compiler.ops.type_rules import require_operands
from lazygraph.runtime.dtypes import DType


def _dot_type(types: Types, attributes: Attributes) -> Sequence[TensorType]:
    require_operands("csr_dot", types, 4)
    data, indices, offsets, x = types
    require_floats("csr_dot", data, x)
    rows, entries = require_pattern("csr_dot", indices, offsets)
    require_entries("csr_dot", data, entries)
    rest = require_side("csr_dot", "right operand", x, x.shape[0] if x.rank else 0)
    return (TensorType(data.dtype, (rows, *rest)),)


def _dot_reference(data: np.ndarray, indices: np.ndarray, offsets: np.ndarray, x: np.ndarray) -> np.ndarray:
    rows, columns = row_numbers(offsets, len(data)), checked_columns(indices, len(x))
    with np.errstate(all="ignore"):
        if x.ndim == 1:
            return row_sums(data * x[columns], offsets)
        found = np.zeros((len(offsets) - 1, *x.shape[1:]), data.dtype)
        np.add.at(found, rows, data[:, np.newaxis] * x[columns])
    return found


def _dot_transpose(node: Node, cotangents: Tangents, linear: tuple[bool, ...]) -> Tangents:
    (ct,) = cotangents
    data, indices, offsets, x = node.inputs
    if ct is None:
        return (None,) * 4
    for_data = emit("csr_sampled_dot", indices, offsets, ct, x) if linear[0] else None
    whole = (1, x.shape[0])
    for_x = one_part(emit("csr_transposed_dot", data, indices, offsets, ct, shape=whole)) if linear[3] else None
    return (for_data, None, None, for_x)


def _dot_batch(node: Node, inputs: tuple[Value, ...], batched: tuple[bool, ...], size: Extent) -> tuple[Value, ...]:
    data, indices, offsets, x = inputs
    if not any(batched[:3]):
        wide, rest = examples_last(x)
        return (examples_first(emit("csr_dot", data, indices, offsets, wide), size, rest),)
    x = batched_input(x, batched[3], size)
    data, each = flat(batched_input(data, batched[0], size)), batched_indices(indices, batched[1], size, x.shape[1])
    found = emit("csr_dot", data, each, diagonal_offsets(inputs, batched, size), flat(x))
    return (unflat_to(found, (size, node.output.shape[0])),)


def _write_dot(b: BodyBuilder, node: Node, inputs: tuple[Buffer, ...], outputs: tuple[Buffer, ...]) -> None:
    data, indices, offsets, x = inputs
    (target,) = outputs
    columns, entries = x.shape[0], data.shape[0]
    some = dims.minimum(columns, 1)  # where there is no column, no entry is followed

    def row(number: Extent, start: Extent, count: Extent) -> None:
        require_columns(b, node, count, columns)
        count = dims.multiply(count, some)

        def term(entry: Extent, at: Index) -> Operand:
            place, _ = column(b, node, indices, entry, columns)
            return b.let("mul", b.load(data, (entry,)), b.load(x, (place, *at)))

        if len(x.shape) == 1:
            b.store(target, (number,), total(b, start, count, lambda entry: term(entry, ())))
            return

        def one(v: Extent) -> None:
            (found,) = b.reduce("add", "serial", "k", count, lambda k: (term(dims.add(start, k), (v,)),))
            b.store(target, (number, v), found)

        b.loop("vector", "v", x.shape[1], one)

    rows_in_blocks(b, node, offsets, entries, row)


def _dot_case(draw: Draw, rng: np.random.Generator, dtype: DType, shape: Pattern) -> Case:
    rows, columns, entries, rest = shape
    found = pattern(rng, rows, columns, entries)
    return (draw(rng, dtype, (entries,)), *found, draw(rng, dtype, (columns, *rest))), {}


csr_dot = register(
    Op(
        name="csr_dot",
        doc="A compressed sparse matrix (data, indices, offsets of its rows) times a vector or matrix.",
        type_rule=_dot_type,
        reference=through_float32(_dot_reference),
        jvp=bilinear_jvp(0, 3),
        transpose=_dot_transpose,
        batch=_dot_batch,
        lower=Loops(_write_dot, accumulates=True),
        domain=domain_of(_dot_case),
        ulp=0,
        flags=Flags(linear=(0, 3)),
    )
)

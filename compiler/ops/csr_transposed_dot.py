"""csr_transposed_dot: the transpose of a compressed sparse matrix times a vector or matrix (`csr_products.py`).

In: data, indices and offsets of its rows, x of shape (m,) or (m, k), and `shape` = (parts, n). Out: (parts, n) or
(parts, n, k). The product adds row by row into its result, so one thread makes all of it, or 64 columns of x; in parts,
each of a block of rows, several do, and what they make is added by whoever asked for parts.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lazygraph.compiler.ir import dims
from lazygraph.compiler.ir.dims import Extent, Shape
from lazygraph.compiler.ir.graph import Attributes, Node, TensorType, Value
from lazygraph.compiler.loop.ir import Buffer, Index
from lazygraph.compiler.ops.compose import batched_input, emit, spread
from lazygraph.compiler.ops.compressed import (
    batched_indices,
    check_ends,
    checked_columns,
    column,
    each_row,
    flat,
    pattern,
    require_entries,
    require_pattern,
    require_side,
    row_numbers,
    shifted,
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
from lazygraph.compiler.ops.nests import nest, serial_then_vector
from lazygraph.compiler.ops.record import Flags, Op, Tangents, register
from lazygraph.compiler.ops.samples import Case, Draw
from lazygraph.compiler.ops.type_rules import require_operands, require_shape
from lazygraph.runtime.dtypes import DType, int64

COLUMNS = 64  # columns of a matrix that one walk over the entries makes


def _transposed_type(types: Types, attributes: Attributes) -> Sequence[TensorType]:
    require_operands("csr_transposed_dot", types, 4)
    data, indices, offsets, x = types
    require_floats("csr_transposed_dot", data, x)
    rows, entries = require_pattern("csr_transposed_dot", indices, offsets)
    require_entries("csr_transposed_dot", data, entries)
    rest = require_side("csr_transposed_dot", "rows of the matrix and of the right operand", x, rows)
    shape = require_shape("csr_transposed_dot", attributes["shape"])
    if len(shape) != 2:
        raise ValueError(f"csr_transposed_dot: shape: expected (parts, columns), found {shape}")
    return (TensorType(data.dtype, (*shape, *rest)),)


def _transposed_reference(
    data: np.ndarray, indices: np.ndarray, offsets: np.ndarray, x: np.ndarray, *, shape: tuple[int, int]
) -> np.ndarray:
    rows, columns = row_numbers(offsets, len(data)), checked_columns(indices, shape[1])
    found = np.zeros((*shape, *x.shape[1:]), data.dtype)
    if not shape[0]:
        return found
    block = max(1, -(-len(x) // shape[0]))  # `_block`
    with np.errstate(all="ignore"):
        terms = data.reshape((-1, *[1] * (x.ndim - 1))) * x[rows]
        np.add.at(found, (rows // block, columns), terms)
    return found


def _whole(node: Node) -> tuple[Value, Extent]:
    """The indices and columns of the matrix whose transposed product has all parts, one after another."""
    _, indices, offsets, x = node.inputs
    parts, columns = node["shape"]
    if parts == 1:
        return indices, columns
    row = emit("cast", emit("segment_of", offsets, shape=indices.shape), dtype=int64)
    part = emit("div", row, _number(_block(x.shape[0], parts), indices.shape))
    return shifted(indices, part * _number(columns, indices.shape), columns), dims.multiply(parts, columns)


def _number(extent: Extent, shape: Shape) -> Value:
    return spread(emit("extent", value=extent, dtype=int64), shape, ())


def _transposed_transpose(node: Node, cotangents: Tangents, linear: tuple[bool, ...]) -> Tangents:
    (ct,) = cotangents
    if ct is None:
        return (None,) * 4
    data, _, offsets, x = node.inputs
    indices, _ = _whole(node)
    ct = one_part(ct) if node["shape"][0] == 1 else flat(ct)
    for_data = emit("csr_sampled_dot", indices, offsets, x, ct) if linear[0] else None
    for_x = emit("csr_dot", data, indices, offsets, ct) if linear[3] else None
    return (for_data, None, None, for_x)


def _transposed_batch(
    node: Node, inputs: tuple[Value, ...], batched: tuple[bool, ...], size: Extent
) -> tuple[Value, ...]:
    data, indices, offsets, x = inputs
    parts, columns = node["shape"]
    if not any(batched[:3]):
        wide, rest = examples_last(x)
        found = emit("csr_transposed_dot", data, indices, offsets, wide, shape=(parts, columns))
        return (examples_first(found, size, rest),)
    x = batched_input(x, batched[3], size)
    data, offsets = flat(batched_input(data, batched[0], size)), diagonal_offsets(inputs, batched, size)
    each = batched_indices(indices, batched[1], size, columns)
    if parts != 1:  # those of an example and its parts one after another
        rows = x.shape[1]
        row = emit("cast", emit("segment_of", offsets, shape=each.shape), dtype=int64)
        example, within = (emit(op, row, _number(rows, row.shape)) for op in ("div", "rem"))
        part = emit("div", within, _number(_block(rows, parts), row.shape))
        moved = (example * _number(parts, row.shape) + part) * _number(columns, row.shape)
        each = shifted(flat(batched_input(indices, batched[1], size)), moved, columns)
    shape = (1, dims.product((size, parts, columns)))
    found = emit("csr_transposed_dot", data, each, offsets, flat(x), shape=shape)
    return (unflat_to(one_part(found), (size, parts, columns)),)


def _block(rows: Extent, parts: Extent) -> Extent:
    """The rows of a part."""
    return dims.maximum(1, dims.ceildiv(rows, parts))


def _write_transposed(b: BodyBuilder, node: Node, inputs: tuple[Buffer, ...], outputs: tuple[Buffer, ...]) -> None:
    """A part of the rows and a block of the columns of x are made by one thread."""
    data, indices, offsets, x = inputs
    (target,) = outputs
    parts, columns, *rest = target.shape
    rows, entries = x.shape[0], data.shape[0]
    block = _block(rows, parts)
    some = dims.minimum(columns, 1)

    def made(part: Extent, begin: Extent, width: Sequence[Extent]) -> None:
        """`width`: none for vectors; else of how many columns, from `begin` on."""
        apart = not width and parts != 1  # sums of neighbouring parts would share lines of the cache
        sums = b.local("sums", target.dtype, (columns,)) if apart else target

        def place(at: Index) -> Index:
            return at if apart else (part, at[0], *[dims.add(begin, each) for each in at[1:]])

        def row(number: Extent, start: Extent, count: Extent) -> None:
            require_columns(b, node, count, columns)
            own = None if width else b.load(x, (number,))

            def entry(k: Extent) -> None:
                at = dims.add(start, k)
                goal, _ = column(b, node, indices, at, columns)
                value = b.load(data, (at,))

                def add(v: Index) -> None:
                    factor = own or b.load(x, (number, *[dims.add(begin, each) for each in v]))
                    where = place((goal, *v))
                    b.store(sums, where, b.let("add", b.load(sums, where), b.let("mul", value, factor)))

                nest(b, "v", [("vector", each) for each in width], add)

            b.loop("serial", "k", dims.multiply(count, some), entry)

        zero = b.literal(0, target.dtype)
        nest(b, "z", serial_then_vector((columns, *width)), lambda at: b.store(sums, place(at), zero))
        check_ends(b, node, offsets, entries)
        first = dims.minimum(dims.multiply(part, block), rows)
        each_row(b, node, offsets, entries, (first, dims.minimum(block, rows - first)), row)
        if apart:
            b.loop("vector", "c", columns, lambda at: b.store(target, (part, at), b.load(sums, (at,))))

    if not rest:
        b.loop("parallel", "p", parts, lambda part: made(part, 0, ()))
        return
    (wide,) = rest

    def columns_of(at: Index) -> None:
        part, number = at
        begin = dims.multiply(number, COLUMNS)
        made(part, begin, (dims.minimum(COLUMNS, wide - begin),))

    nest(b, "p", [("parallel", parts), ("parallel", dims.ceildiv(wide, COLUMNS))], columns_of)


def _transposed_case(draw: Draw, rng: np.random.Generator, dtype: DType, shape: Pattern) -> Case:
    rows, columns, entries, rest = shape
    parts = (1, 3)[entries % 2]
    found = pattern(rng, rows, columns, entries)
    return (draw(rng, dtype, (entries,)), *found, draw(rng, dtype, (rows, *rest))), {"shape": (parts, columns)}


csr_transposed_dot = register(
    Op(
        name="csr_transposed_dot",
        doc="The transpose of a compressed sparse matrix times a vector or matrix, the sum of each part of its rows.",
        type_rule=_transposed_type,
        reference=through_float32(_transposed_reference),
        jvp=bilinear_jvp(0, 3),
        transpose=_transposed_transpose,
        batch=_transposed_batch,
        lower=Loops(_write_transposed, accumulates=True),
        domain=domain_of(_transposed_case),
        ulp=0,
        flags=Flags(linear=(0, 3)),
    )
)

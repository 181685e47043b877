"""csr_sampled_dot: the product x y' at the entries of a sparse pattern alone (`csr_products.py`).

In: indices and offsets of the pattern's rows, x of shape (m,) or (m, k), y of shape (n,) or (n, k). Out: for each
entry (i, j) the dot product of row i of x and row j of y. Entries of a row run in parallel, or the columns of x and y.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lazygraph.compiler.ir import dims
from lazygraph.compiler.ir.dims import Extent
from lazygraph.compiler.ir.graph import Attributes, Node, TensorType, Value
from lazygraph.compiler.loop.ir import LANES as REDUCED
from lazygraph.compiler.loop.ir import Buffer, Index, Operand
from lazygraph.compiler.ops.compose import batched_input, emit
from lazygraph.compiler.ops.compressed import (
    batched_indices,
    batched_offsets,
    checked_columns,
    column,
    flat,
    pattern,
    require_pattern,
    require_side,
    row_numbers,
    rows_in_blocks,
    unflat_to,
)
from lazygraph.compiler.ops.csr_products import (
    Pattern,
    Types,
    bilinear_jvp,
    domain_of,
    one_part,
    require_floats,
)
from lazygraph.compiler.ops.halves import through_float32
from lazygraph.compiler.ops.lowering import BodyBuilder, Loops
from lazygraph.compiler.ops.record import Flags, Op, Tangents, register
from lazygraph.compiler.ops.samples import Case, Draw
from lazygraph.compiler.ops.type_rules import require_equal_shapes, require_operands
from lazygraph.runtime.dtypes import DType


def _sampled_type(types: Types, attributes: Attributes) -> Sequence[TensorType]:
    require_operands("csr_sampled_dot", types, 4)
    indices, offsets, x, y = types
    require_floats("csr_sampled_dot", x, y)
    rows, entries = require_pattern("csr_sampled_dot", indices, offsets)
    left = require_side("csr_sampled_dot", "rows of the pattern and of the left operand", x, rows)
    right = require_side("csr_sampled_dot", "right operand", y, y.shape[0] if y.rank else 0)
    require_equal_shapes("csr_sampled_dot", "columns of the operands", left, right)
    return (TensorType(x.dtype, (entries,)),)


def _sampled_reference(indices: np.ndarray, offsets: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    rows, columns = row_numbers(offsets, len(indices)), checked_columns(indices, len(y))
    with np.errstate(all="ignore"):
        terms = x[rows] * y[columns]
        return terms if terms.ndim == 1 else _lanes_sum(terms)


def _lanes_sum(terms: np.ndarray) -> np.ndarray:
    """Sums along the second axis in the order of a reduction over lanes."""
    rows, count = terms.shape
    sums = np.zeros((rows, REDUCED), terms.dtype)
    for start in range(0, count, REDUCED):
        part = terms[:, start : start + REDUCED]
        sums[:, : part.shape[1]] += part
    while sums.shape[1] > 1:
        half = sums.shape[1] // 2
        sums = sums[:, :half] + sums[:, half:]
    return np.ascontiguousarray(sums[:, 0])


def _sampled_transpose(node: Node, cotangents: Tangents, linear: tuple[bool, ...]) -> Tangents:
    (ct,) = cotangents
    indices, offsets, x, y = node.inputs
    if ct is None:
        return (None,) * 4
    for_x = emit("csr_dot", ct, indices, offsets, y) if linear[2] else None
    shape = (1, y.shape[0])
    for_y = one_part(emit("csr_transposed_dot", ct, indices, offsets, x, shape=shape)) if linear[3] else None
    return (None, None, for_x, for_y)


def _sampled_batch(node: Node, inputs: tuple[Value, ...], batched: tuple[bool, ...], size: Extent) -> tuple[Value, ...]:
    indices, offsets, x, y = inputs
    x, y = batched_input(x, batched[2], size), batched_input(y, batched[3], size)
    each, offsets = (
        batched_indices(indices, batched[0], size, y.shape[1]),
        batched_offsets(offsets, batched[1], size, node.output.shape[0]),
    )
    found = emit("csr_sampled_dot", each, offsets, flat(x), flat(y))
    return (unflat_to(found, (size, node.output.shape[0])),)


def _write_sampled(b: BodyBuilder, node: Node, inputs: tuple[Buffer, ...], outputs: tuple[Buffer, ...]) -> None:
    """Entries side by side where each is one product, else columns of the operands."""
    indices, offsets, x, y = inputs
    (target,) = outputs
    entries = target.shape[0]

    def row(number: Extent, start: Extent, count: Extent) -> None:
        def one(k: Extent) -> None:
            at = dims.add(start, k)
            place, exists = column(b, node, indices, at, y.shape[0])
            other = None if exists is None else b.literal(0, y.dtype)

            def term(inner: Index) -> Operand:
                return b.let("mul", b.load(x, (number, *inner)), b.load(y, (place, *inner), exists, other))

            if len(x.shape) == 1:
                b.store(target, (at,), term(()))
                return
            (found,) = b.reduce("add", "lanes", "j", x.shape[1], lambda j: (term((j,)),))
            b.store(target, (at,), found)

        b.loop("vector" if len(x.shape) == 1 else "serial", "k", count, one)

    rows_in_blocks(b, node, offsets, entries, row)


def _sampled_case(draw: Draw, rng: np.random.Generator, dtype: DType, shape: Pattern) -> Case:
    rows, columns, entries, rest = shape
    found = pattern(rng, rows, columns, entries)
    return (*found, draw(rng, dtype, (rows, *rest)), draw(rng, dtype, (columns, *rest))), {}


csr_sampled_dot = register(
    Op(
        name="csr_sampled_dot",
        doc="The dot product of row i of one matrix and row j of another for each entry (i, j) of a sparse pattern.",
        type_rule=_sampled_type,
        reference=through_float32(_sampled_reference),
        jvp=bilinear_jvp(2, 3),
        transpose=_sampled_transpose,
        batch=_sampled_batch,
        lower=Loops(_write_sampled, accumulates=True),
        domain=domain_of(_sampled_case),
        ulp=0,
        flags=Flags(linear=(2, 3)),
    )
)

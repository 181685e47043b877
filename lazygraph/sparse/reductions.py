"""Reductions of sparse matrices: sums, means, extremes and norms, of all entries or along an axis.

In: a sparse matrix, and an axis as in NumPy: 0 reduces the rows away, 1 the columns, None both. Out: tensors. Entries
that are not stored count as zeros.
"""

from __future__ import annotations

import builtins
from typing import TYPE_CHECKING, Any

import lazygraph as lg
from lazygraph.compiler.ir import dims
from lazygraph.compiler.ir.graph import TensorType, Value
from lazygraph.compiler.ops.compose import emit
from lazygraph.compiler.ops.record import full
from lazygraph.dims import extent_value
from lazygraph.frames import traced
from lazygraph.promotion import as_axis
from lazygraph.runtime.dtypes import int64
from lazygraph.sparse.conversion import other_order
from lazygraph.sparse.parts import Parts, parts
from lazygraph.tensor import Tensor

if TYPE_CHECKING:
    from lazygraph.sparse.matrix import Sparse


@traced
def sum(a: Sparse, axis: int | None = None) -> Tensor:
    """The sum of the entries."""
    own = parts(a)
    return Tensor(_sum(own, own.data, axis))


@traced
def mean(a: Sparse, axis: int | None = None) -> Tensor:
    """The sum divided by the number of elements, zeros counted."""
    own = parts(a)
    found = _sum(own, own.data, axis)
    rows, columns = own.shape
    count = dims.multiply(rows, columns) if axis is None else own.shape[as_axis(axis, 2)]
    return Tensor(found) / Tensor(extent_value(count, found.dtype))


@traced
def norm(a: Sparse, axis: int | None = None) -> Tensor:
    """The root of the sum of squares, whose derivative is 0 where it is 0, as that of dense norms."""
    own = parts(a)
    total = Tensor(_sum(own, own.data * own.data, axis))
    nothing = lg.equal(total, 0)
    return lg.where(nothing, 0, lg.sqrt(lg.where(nothing, 1, total)))


@traced
def max(a: Sparse, axis: int | None = None) -> Tensor:
    """The greatest element."""
    return _extreme(a, axis, "max")


@traced
def min(a: Sparse, axis: int | None = None) -> Tensor:
    """The least element."""
    return _extreme(a, axis, "min")


def _across(own: Parts, axis: Any) -> builtins.bool:
    """Whether the reduction goes along the entries of a row (of CSC: of a column), which stand side by side."""
    return as_axis(axis, 2) != own.major


def _sum(own: Parts, data: Value, axis: int | None) -> Value:
    if axis is None:
        return lg.sum(Tensor(data)).value
    if _across(own, axis):
        return emit("segment_sum", data, own.offsets)
    ones = full(TensorType(data.dtype, (own.outer,)), 1)
    found = emit("csr_transposed_dot", data, own.indices, own.offsets, ones, shape=(1, own.inner))
    return emit("reshape", found, shape=(own.inner,))


def _extreme(a: Sparse, axis: int | None, which: str) -> Tensor:
    """That of the entries; where they are fewer than the elements, of it and 0."""
    own = parts(a)
    data, offsets, count = own.data, own.offsets, own.inner
    if axis is None:
        ends = lg.stack([Tensor(full(TensorType(int64, ()), 0)), Tensor(extent_value(own.entries, int64))])
        offsets, count = ends.value, dims.multiply(own.inner, own.outer)
    elif not _across(own, axis):
        order, offsets = other_order(own)
        data, count = emit("gather", data, order, axes=(0,), mode="clip"), own.outer
    found = emit(f"segment_{which}", data, offsets)
    bounds = Tensor(emit("cast", offsets, dtype=int64))
    stored = bounds[1:] - bounds[:-1]
    with_zero = emit(which, found, full(found.type, 0))
    some_zero = stored < Tensor(extent_value(count, int64))
    result = lg.where(some_zero, Tensor(with_zero), Tensor(found))
    return result[0] if axis is None else result

"""Other forms of a sparse matrix: its transpose, by rows or by columns, dense, its diagonal.

In: a sparse matrix. Out: the same entries. The transpose shares all arrays; the other order is a counting sort.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lazygraph.compiler.ir import dims
from lazygraph.compiler.ir.graph import TensorType, Value
from lazygraph.compiler.ops.compose import emit
from lazygraph.compiler.ops.record import OPS, zeros
from lazygraph.frames import traced
from lazygraph.promotion import cast
from lazygraph.runtime.dtypes import bool_, int64
from lazygraph.sparse.parts import Parts, parts
from lazygraph.tensor import Tensor

if TYPE_CHECKING:
    from lazygraph.sparse.matrix import Sparse


def transposed(a: Sparse) -> Sparse:
    """The same arrays, compressed along the other axis."""
    from lazygraph.sparse.matrix import CSC, CSR

    return (CSR if a.major else CSC)(a.data, a.indices, a.indptr, a.extent)


@traced
def by_axis(a: Sparse, axis: int) -> Sparse:
    """Compressed along this axis."""
    from lazygraph.sparse.matrix import CSC, CSR

    if a.major == axis:
        return a
    own = parts(a)
    order, offsets = other_order(own)
    data = emit("gather", own.data, order, axes=(0,), mode="clip")
    indices = emit("gather", own.outer_of_entries, order, axes=(0,), mode="clip")
    found = map(Tensor, (data, indices, offsets, no_elements(own.outer)))
    return (CSC if axis else CSR)(*found)


def other_order(own: Parts) -> tuple[Value, Value]:
    """The entries in order of their places along the other axis, and where each place begins."""
    order, offsets = OPS["counting_order"](own.indices, shape=(own.inner,))
    return order, offsets


def no_elements(extent: dims.Extent) -> Value:
    """An array that has an extent, and no elements."""
    return zeros(TensorType(bool_, (extent, 0)))


@traced
def to_dense(a: Sparse) -> Tensor:
    """A tensor, the entries added into zeros."""
    own = parts(a)
    target = zeros(TensorType(own.data.dtype, own.shape))
    places = [cast(each, int64) for each in own.places()]
    return Tensor(emit("scatter_add", target, own.data, *places, axes=(0, 1), mode="check"))


@traced
def diagonal(a: Sparse) -> Tensor:
    """The sums of the entries (i, i)."""
    own = parts(a)
    rows, columns = (cast(each, int64) for each in own.places())
    kept = emit("select", emit("eq", rows, columns), own.data, zeros(own.data.type))
    found = emit("segment_sum", kept, own.offsets)
    count = dims.minimum(own.outer, own.inner)
    return Tensor(emit("slice", found, starts=(0,), stops=(count,), steps=(1,)))

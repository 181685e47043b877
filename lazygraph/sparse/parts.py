"""The arrays of a sparse matrix as values of the graph, and its extents along and across the compressed axis.

In: a handle over tensors or over arrays; arrays become constants, and are checked as such. Out: `Parts`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

from lazygraph.compiler.ir.dims import Extent, Shape
from lazygraph.compiler.ir.graph import Value
from lazygraph.compiler.ops.compose import emit
from lazygraph.dims import aligned
from lazygraph.promotion import value_of
from lazygraph.tensor import Tensor

if TYPE_CHECKING:
    from lazygraph.sparse.matrix import Sparse

S = TypeVar("S", bound="Sparse")


@dataclass(frozen=True)
class Parts:
    """`outer` rows (of CSC: columns) of entries with places 0 .. inner - 1."""

    data: Value
    indices: Value
    offsets: Value
    outer: Extent
    inner: Extent
    major: int

    @property
    def shape(self) -> Shape:
        return (self.inner, self.outer) if self.major else (self.outer, self.inner)

    @property
    def entries(self) -> Extent:
        return self.indices.shape[0]

    @property
    def outer_of_entries(self) -> Value:
        """The row (of CSC: the column) of each entry."""
        return emit("segment_of", self.offsets, shape=(self.entries,))

    def places(self) -> tuple[Value, Value]:
        """The row and the column of each entry."""
        return (self.indices, self.outer_of_entries) if self.major else (self.outer_of_entries, self.indices)

    def remade(self, like: S, data: Value) -> S:
        """The handle of other values at the same places."""
        return replace(like, data=Tensor(aligned(data, (self.entries,))))


def is_sparse(value: Any) -> bool:
    """Whether a value is a handle of this package."""
    return hasattr(value, "indptr") and hasattr(value, "extent")


def parts(a: Sparse) -> Parts:
    """The values behind a handle. Data and indices are of one length: a call compares what is not known before."""
    data, indices, offsets, extent = (value_of(each) for each in (a.data, a.indices, a.indptr, a.extent))
    return Parts(aligned(data, indices.shape), indices, offsets, offsets.shape[0] - 1, extent.shape[0], a.major)

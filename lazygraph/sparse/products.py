"""Products of sparse matrices with dense vectors and matrices, and dense products at sparse places.

In: a sparse matrix and what becomes a tensor; dtypes promote. Out: tensors, or the same pattern with other values. A
product reads each entry once for up to 64 columns of the dense operand.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from lazygraph.compiler.ir.dims import Extent
from lazygraph.compiler.ir.errors import ShapeError
from lazygraph.compiler.ir.graph import Value
from lazygraph.compiler.ops.compose import emit
from lazygraph.dims import aligned, could_be_same
from lazygraph.errors import shape_text
from lazygraph.frames import traced
from lazygraph.manipulation import permuted
from lazygraph.promotion import as_float, same_dtype
from lazygraph.sparse.parts import Parts, is_sparse, parts
from lazygraph.tensor import Tensor, TensorLike

if TYPE_CHECKING:
    from lazygraph.sparse.matrix import Sparse

S = TypeVar("S", bound="Sparse")


@traced
def matmul(a: Sparse, x: TensorLike) -> Tensor:
    """a @ x: (m, n) times (n,) or (n, k). ShapeError where the inner extents differ, or x is of another rank."""
    if is_sparse(x):
        expected = f"a dense vector or matrix beside a {type(a).__name__}"
        raise TypeError(f"matmul: expected {expected}, found {type(x).__name__}: todense() makes one")
    own = parts(a)
    data, right = _same(own, x)
    return Tensor(_times(own, data, _beside(own.shape[1], right, "right"), transposed=False))


@traced
def rmatmul(x: TensorLike, a: Sparse) -> Tensor:
    """x @ a: (m,) or (k, m) times (m, n)."""
    own = parts(a)
    data, left = _same(own, x)
    turned = permuted(left, (1, 0)) if left.type.rank == 2 else left
    found = _times(own, data, _beside(own.shape[0], turned, "left"), transposed=True)
    return Tensor(permuted(found, (1, 0)) if left.type.rank == 2 else found)


@traced
def sampled_dot(a: S, x: TensorLike, y: TensorLike) -> S:
    """x y' at the entries of a."""
    own = parts(a)
    left, right = (as_float(each) for each in same_dtype(x, y))
    if left.type.rank != right.type.rank:
        raise ShapeError(f"expected two vectors or two matrices, found {left.type.rank} and {right.type.rank} axes")
    sides = [_beside(extent, each, side) for extent, each, side in zip(own.shape, (left, right), ("left", "right"))]
    if left.type.rank == 2:
        if not could_be_same(left.shape[1], right.shape[1]):
            raise ShapeError("the operands have different numbers of columns")
        sides[1] = aligned(sides[1], (sides[1].shape[0], left.shape[1]))
    if own.major:
        sides.reverse()
    return own.remade(a, emit("csr_sampled_dot", own.indices, own.offsets, *sides))


def _same(own: Parts, x: TensorLike) -> tuple[Value, Value]:
    data, dense = same_dtype(Tensor(own.data), x)
    return as_float(data), as_float(dense)


def _beside(extent: Extent, x: Value, side: str) -> Value:
    """The dense operand, its first axis known to be that of the matrix beside it."""
    if x.type.rank not in (1, 2):
        raise ShapeError(f"the {side} operand: expected a vector or a matrix, found {shape_text(x.shape)}")
    if not could_be_same(x.shape[0], extent):
        raise ShapeError("inner extents differ")
    return aligned(x, (extent, *x.shape[1:]))


def _times(own: Parts, data: Value, x: Value, *, transposed: bool) -> Value:
    """The matrix, or its transpose, times x."""
    if bool(own.major) == transposed:
        return emit("csr_dot", data, own.indices, own.offsets, x)
    shape = (1, own.inner)
    found = emit("csr_transposed_dot", data, own.indices, own.offsets, x, shape=shape)
    return emit("reshape", found, shape=found.shape[1:])

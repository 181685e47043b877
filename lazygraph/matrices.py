"""Diagonals, triangles, and the tensors that rows of numbers make, with NumPy's names.

In: tensors, extents, numbers. Out: tensors; of index functions, int64 tensors. Extents may be symbolic but where the
number of chosen places is a shape (triangles).
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

import lazygraph as lg
from lazygraph.compiler.ir import dims
from lazygraph.compiler.ir.dims import Dim, Extent
from lazygraph.compiler.ir.errors import ShapeError
from lazygraph.compiler.ir.graph import TensorType, Value
from lazygraph.compiler.ops.compose import emit
from lazygraph.compiler.ops.record import full as full_value
from lazygraph.creation import eye, index_along
from lazygraph.dims import ShapeLike, as_extent, as_shape, extent_value
from lazygraph.errors import shape_text
from lazygraph.frames import composite, traced
from lazygraph.manipulation import moveaxis, ravel, reshape
from lazygraph.promotion import as_axis, as_dtype, cast, value_of
from lazygraph.reductions import sum
from lazygraph.runtime import dtypes
from lazygraph.runtime.dtypes import DType
from lazygraph.tensor import Tensor, TensorLike

__all__ = [
    "diag",
    "diag_indices",
    "diag_indices_from",
    "diagflat",
    "diagonal",
    "fromfunction",
    "identity",
    "indices",
    "ix_",
    "mask_indices",
    "ravel_multi_index",
    "trace",
    "tri",
    "tril_indices",
    "tril_indices_from",
    "triu_indices",
    "triu_indices_from",
    "unravel_index",
    "vander",
]


# --- diagonals -------------------------------------------------------------------------------------------------------


@composite
def diagonal(x: TensorLike, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Tensor:
    """The elements of two axes whose indices differ by `offset`, along a new last axis: x[i, i + offset].

    >>> import lazygraph as lg
    >>> lg.diagonal([[1, 2, 3], [4, 5, 6]], 1).eval()
    array([2, 6])
    """
    value, shift = value_of(x), operator.index(offset)
    rank = value.type.rank
    if rank < 2:
        raise ShapeError(f"expected at least 2 axes, found {shape_text(value.shape)}")
    first, second = as_axis(axis1, rank), as_axis(axis2, rank)
    if first == second:
        raise ShapeError(f"expected two different axes, found {axis1} and {axis2}")
    value = moveaxis(Tensor(value), (first, second), (-2, -1)).value
    below, above = max(-shift, 0), max(shift, 0)
    count = dims.minimum(value.shape[-2] - below, value.shape[-1] - above)
    if not dims.prove_nonnegative(count):
        count = dims.maximum(count, 0)
    along = index_along((count,), 0)
    picked = emit("gather", value, along + below, along + above, axes=(rank - 2, rank - 1), mode="clip")
    return moveaxis(Tensor(picked), 0, -1)


@composite
def diag(x: TensorLike, k: int = 0) -> Tensor:
    """A matrix with a vector on its k-th diagonal, zero elsewhere; or the k-th diagonal of a matrix.

    >>> import lazygraph as lg
    >>> lg.diag([1, 2]).eval()
    array([[1, 0],
           [0, 2]])
    """
    value, shift = value_of(x), operator.index(k)
    if value.type.rank == 2:
        return diagonal(Tensor(value), shift)
    if value.type.rank != 1:
        raise ShapeError(f"expected a vector or a matrix, found {shape_text(value.shape)}")
    size = value.shape[0] + abs(shift)
    zero = full_value(TensorType(value.dtype, ()), 0)
    padded = emit("pad", value, zero, low=(0,), high=(abs(shift),), interior=(0,))
    spread = emit("broadcast", padded, shape=(size, size), axes=(0 if shift >= 0 else 1,))
    on = emit("eq", index_along((size, size), 0) + shift, index_along((size, size), 1))
    return Tensor(emit("select", on, spread, full_value(spread.type, 0)))


@composite
def diagflat(x: TensorLike, k: int = 0) -> Tensor:
    """A matrix with the flattened elements on its k-th diagonal, zero elsewhere."""
    return diag(ravel(x), k)


@composite
def trace(
    x: TensorLike, offset: int = 0, axis1: int = 0, axis2: int = 1, dtype: DTypeLike | DType | None = None
) -> Tensor:
    """The sum of a diagonal. Integers and bools add as 64-bit integers unless told otherwise.

    >>> import lazygraph as lg
    >>> lg.trace([[1, 2], [3, 4]]).eval()
    array(5)
    """
    return sum(diagonal(x, offset, axis1, axis2), -1, dtype=dtype)


@traced
def identity(n: int | Dim, dtype: DTypeLike | DType | None = None) -> Tensor:
    """The square matrix of ones on the diagonal, zero elsewhere; float64 unless told otherwise."""
    return eye(n, dtype=dtype)


@traced
def tri(N: int | Dim, M: int | Dim | None = None, k: int = 0, dtype: DTypeLike | DType | None = None) -> Tensor:
    """Ones on and below the k-th diagonal, zeros above it; float64 unless told otherwise.

    >>> import lazygraph as lg
    >>> lg.tri(2, 3, dtype=lg.int32).eval()
    array([[1, 0, 0],
           [1, 1, 0]], dtype=int32)
    """
    shape = as_shape((N, N if M is None else M))
    on = emit("le", index_along(shape, 1), index_along(shape, 0) + operator.index(k))
    return Tensor(cast(on, dtypes.float64 if dtype is None else as_dtype(dtype)))


@composite
def vander(x: TensorLike, N: int | None = None, increasing: bool = False) -> Tensor:
    """The powers of a vector's elements side by side: x**(N - 1), ..., x, 1, or 1, x, ... if `increasing`.

    >>> import lazygraph as lg
    >>> lg.vander([2, 3], 3).eval()
    array([[4, 2, 1],
           [9, 3, 1]])
    """
    value = value_of(x)
    if value.type.rank != 1:
        raise ShapeError(f"expected a vector, found {shape_text(value.shape)}")
    count: Extent = value.shape[0] if N is None else as_extent(N)
    if count == 0:
        return lg.zeros((value.shape[0], 0), lg.promote_types(value.dtype, lg.int64))
    column = reshape(Tensor(cast(value, lg.promote_types(value.dtype, lg.int64))), (value.shape[0], 1))
    shape = (value.shape[0], count - 1)
    powers = lg.cumprod(lg.concat([lg.ones_like(column), lg.broadcast_to(column, shape)], 1), 1, dtype=column.dtype)
    return powers if increasing else lg.flip(powers, 1)


# --- indices ---------------------------------------------------------------------------------------------------------


def _places(found: tuple[Any, ...]) -> tuple[Tensor, ...]:
    return tuple([lg.constant(each, lg.int64) for each in found])


@traced
def tril_indices(n: int, k: int = 0, m: int | None = None) -> tuple[Tensor, Tensor]:
    """The rows and columns of the places on and below the k-th diagonal of an n x m matrix (square by default)."""
    rows, columns = _places(np.tril_indices(n, k, m))
    return rows, columns


@traced
def triu_indices(n: int, k: int = 0, m: int | None = None) -> tuple[Tensor, Tensor]:
    """The rows and columns of the places on and above the k-th diagonal of an n x m matrix (square by default).

    >>> import lazygraph as lg
    >>> lg.constant([[1, 2], [3, 4]])[lg.triu_indices(2)].eval()
    array([1, 2, 4])
    """
    rows, columns = _places(np.triu_indices(n, k, m))
    return rows, columns


def _extents_of_matrix(x: TensorLike) -> tuple[int, int]:
    shape = value_of(x).shape
    if len(shape) != 2 or not all(isinstance(extent, int) for extent in shape):
        raise ShapeError(f"expected a matrix of known extents, since places are counted; found {shape_text(shape)}")
    return shape[0], shape[1]  # type: ignore[return-value]


@traced
def tril_indices_from(x: TensorLike, k: int = 0) -> tuple[Tensor, Tensor]:
    """`tril_indices` of a matrix's extents."""
    rows, columns = _extents_of_matrix(x)
    return tril_indices(rows, k, columns)


@traced
def triu_indices_from(x: TensorLike, k: int = 0) -> tuple[Tensor, Tensor]:
    """`triu_indices` of a matrix's extents."""
    rows, columns = _extents_of_matrix(x)
    return triu_indices(rows, k, columns)


@traced
def diag_indices(n: int | Dim, ndim: int = 2) -> tuple[Tensor, ...]:
    """The indices of the main diagonal of a tensor with `ndim` axes of extent n."""
    return (Tensor(index_along((as_extent(n),), 0)),) * ndim


@traced
def diag_indices_from(x: TensorLike) -> tuple[Tensor, ...]:
    """`diag_indices` of a tensor whose axes, two or more, all have one extent."""
    shape = value_of(x).shape
    if len(shape) < 2 or any(extent != shape[0] for extent in shape):
        raise ShapeError(f"expected two or more axes of one extent, found {shape_text(shape)}")
    return diag_indices(shape[0], len(shape))


@traced
def mask_indices(n: int, mask_func: Callable[..., Any], k: Any = 0) -> tuple[Tensor, ...]:
    """Where `mask_func(ones, k)`, such as `lg.triu`, leaves an n x n matrix of ones other than zero."""
    return lg.nonzero(mask_func(lg.ones((n, n), lg.int64), k))


@traced
def indices(dimensions: ShapeLike, dtype: DTypeLike | DType = dtypes.int64, sparse: bool = False) -> Any:
    """The index along each axis of a grid: one tensor per axis, stacked, or each with extents of 1 if `sparse`.

    >>> import lazygraph as lg
    >>> lg.indices((2, 2)).eval()
    array([[[0, 0],
            [1, 1]],
    <BLANKLINE>
           [[0, 1],
            [0, 1]]])
    """
    shape, of = as_shape(dimensions), as_dtype(dtype)
    if sparse:
        own = [tuple([extent if at == axis else 1 for at, extent in enumerate(shape)]) for axis in range(len(shape))]
        return tuple([Tensor(cast(index_along(each, axis), of)) for axis, each in enumerate(own)])
    if not shape:
        return lg.zeros((0,), of)
    return lg.stack([Tensor(cast(index_along(shape, axis), of)) for axis in range(len(shape))])


@traced
def fromfunction(
    function: Callable[..., Any], shape: ShapeLike, *, dtype: DTypeLike | DType = dtypes.float64, **kwargs: Any
) -> Any:
    """What a function makes of the indices along each axis of a grid, called once with all of them.

    >>> import lazygraph as lg
    >>> lg.fromfunction(lambda i, j: 10 * i + j, (2, 2), dtype=int).eval()
    array([[ 0,  1],
           [10, 11]])
    """
    grid = as_shape(shape)
    return function(*[Tensor(cast(index_along(grid, axis), as_dtype(dtype))) for axis in range(len(grid))], **kwargs)


@traced
def ix_(*args: TensorLike) -> tuple[Tensor, ...]:
    """Index vectors, each along an axis of its own, so that x[lg.ix_(rows, columns)] picks their grid.

    >>> import lazygraph as lg
    >>> lg.constant([[1, 2, 3], [4, 5, 6]])[lg.ix_([1, 0], [0, 2])].eval()
    array([[4, 6],
           [1, 3]])
    """
    found = []
    for place, each in enumerate(args):
        vector = Tensor(value_of(each))
        if vector.ndim != 1:
            raise ShapeError(f"expected vectors, found {shape_text(vector.shape)}")
        if vector.dtype.kind == "bool":
            (vector,) = lg.nonzero(vector)
        found.append(reshape(vector, tuple([-1 if at == place else 1 for at in range(len(args))])))
    return tuple(found)


@traced
def unravel_index(indices: TensorLike, shape: ShapeLike) -> tuple[Tensor, ...]:
    """The index along each axis of the elements that flat indices name, in row-major order.

    An index that no element has gives indices outside the shape, which the step that uses them reports.

    >>> import lazygraph as lg
    >>> [each.eval().tolist() for each in lg.unravel_index([5, 3], (2, 3))]
    [[1, 1], [2, 0]]
    """
    rest = Tensor(cast(value_of(indices), dtypes.int64))
    found = []
    extents = as_shape(shape)
    for extent in reversed(extents[1:]):
        size = Tensor(extent_value(extent, dtypes.int64))
        found.append(rest % size)
        rest = rest // size
    return tuple([rest, *reversed(found)]) if extents else ()


@traced
def ravel_multi_index(multi_index: Sequence[TensorLike], dims: ShapeLike, mode: str = "raise") -> Tensor:
    """The flat row-major indices of the elements that indices along each axis name: the inverse of `unravel_index`.

    With mode "raise" an index outside its axis fails the step with this line; "wrap" and "clip" bring it inside.

    >>> import lazygraph as lg
    >>> lg.ravel_multi_index(([1, 0], [2, 1]), (2, 3)).eval()
    array([5, 1])
    """
    extents = as_shape(dims)
    if len(multi_index) != len(extents):
        raise ShapeError(f"expected indices for {len(extents)} axes, found {len(multi_index)}")
    total = Tensor(full_value(TensorType(dtypes.int64, ()), 0))
    for each, extent in zip(multi_index, extents):
        index = inside(cast(value_of(each), dtypes.int64), extent, mode)
        total = total * Tensor(extent_value(extent, dtypes.int64)) + Tensor(index)
    return total


def inside(index: Value, extent: Extent, mode: str) -> Value:
    """An index brought into 0 .. extent - 1 as `mode` says: "raise" checks it, "wrap" counts on, "clip" cuts off."""
    if mode not in ("raise", "wrap", "clip"):
        raise ValueError(f'mode: expected "raise", "wrap" or "clip", found {mode!r}')
    size = extent_value(extent, index.dtype, index.shape)
    if mode == "wrap":
        return lg.remainder(Tensor(index), Tensor(size)).value
    zero = full_value(index.type, 0)
    if mode == "clip":
        return emit("max", emit("min", index, size - 1), zero)
    fits = emit("and", emit("le", zero, index), emit("lt", index, size))
    return lg.check(Tensor(index), Tensor(fits), f"an index is outside 0 .. {extent - 1}").value

"""Products of vectors and matrices beyond the matrix product, with NumPy's names.

In: tensors, promoted to one dtype. Out: tensors of that dtype.
"""

from __future__ import annotations

import lazygraph as lg
from lazygraph.compiler.ir import dims
from lazygraph.compiler.ir.errors import ShapeError
from lazygraph.errors import shape_text
from lazygraph.frames import composite, traced
from lazygraph.manipulation import expand_dims, moveaxis, ravel, reshape, squeeze
from lazygraph.promotion import as_axis, same_dtype, value_of
from lazygraph.tensor import Tensor, TensorLike

__all__ = ["cross", "kron", "matvec", "vdot", "vecmat"]


@composite
def kron(x: TensorLike, y: TensorLike) -> Tensor:
    """Every element of x times all of y, as blocks where the element stood; the smaller rank is filled up by axes of 1.

    >>> import lazygraph as lg
    >>> lg.kron([1, 10], [5, 6, 7]).eval()
    array([ 5,  6,  7, 50, 60, 70])
    """
    left, right = (Tensor(each) for each in same_dtype(x, y))
    rank = max(left.ndim, right.ndim)
    shapes = [(*[1] * (rank - each.ndim), *each.shape) for each in (left, right)]
    outer = reshape(left, tuple([part for extent in shapes[0] for part in (extent, 1)]))
    inner = reshape(right, tuple([part for extent in shapes[1] for part in (1, extent)]))
    return reshape(outer * inner, tuple([dims.multiply(mine, other) for mine, other in zip(*shapes)]))


@composite
def cross(x: TensorLike, y: TensorLike, axis: int = -1) -> Tensor:
    """The vectors of three elements along an axis that are at right angles to both; the other axes broadcast.

    ShapeError where an axis has not three elements.

    >>> import lazygraph as lg
    >>> lg.cross([1, 0, 0], [0, 1, 0]).eval()
    array([0, 0, 1])
    """
    left, right = (Tensor(each) for each in same_dtype(x, y))
    places = [as_axis(axis, each.ndim) for each in (left, right)]
    for each, place in zip((left, right), places):
        if each.shape[place] != 3:
            raise ShapeError(f"expected vectors of 3 elements along axis {axis}, found {shape_text(each.shape)}")
    a, b = (moveaxis(each, place, -1) for each, place in zip((left, right), places))
    parts = [a[..., i] * b[..., j] - a[..., j] * b[..., i] for i, j in ((1, 2), (2, 0), (0, 1))]
    found = lg.stack(parts, -1)
    return moveaxis(found, -1, axis)


@traced
def vdot(x: TensorLike, y: TensorLike) -> Tensor:
    """The dot product of the flattened elements, those of x conjugated; a scalar.

    >>> import lazygraph as lg
    >>> lg.vdot([[1, 2]], [[3], [4]]).eval()
    array(11)
    """
    return lg.vecdot(ravel(x), ravel(y))


@traced
def matvec(x1: TensorLike, x2: TensorLike) -> Tensor:
    """Matrices times vectors: (..., m, n) and (..., n) -> (..., m), the axes before them broadcast.

    >>> import lazygraph as lg
    >>> lg.matvec([[1, 2], [3, 4]], [[1, 0], [0, 1]]).eval()
    array([[1, 3],
           [2, 4]])
    """
    _require_ranks(x1, x2)
    return squeeze(lg.matmul(x1, expand_dims(x2, -1)), -1)


@traced
def vecmat(x1: TensorLike, x2: TensorLike) -> Tensor:
    """Vectors, conjugated, times matrices: (..., m) and (..., m, n) -> (..., n), the axes before them broadcast.

    >>> import lazygraph as lg
    >>> lg.vecmat([1, 1], [[1, 2], [3, 4]]).eval()
    array([4, 6])
    """
    _require_ranks(x2, x1)
    vector = Tensor(value_of(x1))
    if vector.dtype.kind == "complex":
        vector = lg.conj(vector)
    return squeeze(lg.matmul(expand_dims(vector, -2), x2), -2)


def _require_ranks(matrix: TensorLike, vector: TensorLike) -> None:
    shapes = value_of(matrix).shape, value_of(vector).shape
    if len(shapes[0]) < 2 or len(shapes[1]) < 1:
        raise ShapeError(f"expected matrices and vectors, found {shape_text(shapes[0])} and {shape_text(shapes[1])}")

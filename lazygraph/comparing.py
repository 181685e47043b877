"""Whether tensors agree, exactly or nearly, with NumPy's names.

In: tensors. Out: bools, as tensors: of a tensor that depends on no placeholder Python takes the truth.
"""

from __future__ import annotations

import lazygraph as lg
from lazygraph.compiler.ir.errors import ShapeError
from lazygraph.dims import could_be_same
from lazygraph.frames import composite
from lazygraph.logic import where
from lazygraph.promotion import as_float, broadcast_shapes, promoted, value_of
from lazygraph.tensor import Tensor, TensorLike

__all__ = ["allclose", "array_equal", "array_equiv", "isclose"]


@composite
def isclose(
    x: TensorLike, y: TensorLike, rtol: TensorLike = 1e-05, atol: TensorLike = 1e-08, equal_nan: bool = False
) -> Tensor:
    """Whether |x - y| <= atol + rtol |y|, element by element; infinities are close to themselves alone.

    NaN is close to nothing, or to NaN if `equal_nan`.

    >>> import lazygraph as lg
    >>> lg.isclose([1.0, 2.0], [1.0 + 1e-9, 2.1]).eval()
    array([ True, False])
    """
    first, second = (Tensor(as_float(each)) for each in promoted(x, y))
    near = lg.abs(first - second) <= atol + rtol * lg.abs(second)
    found = lg.logical_or(lg.logical_and(near, lg.isfinite(second)), first == second)
    if not equal_nan:
        return found
    return lg.logical_or(found, lg.logical_and(lg.isnan(first), lg.isnan(second)))


@composite
def allclose(
    x: TensorLike, y: TensorLike, rtol: TensorLike = 1e-05, atol: TensorLike = 1e-08, equal_nan: bool = False
) -> Tensor:
    """Whether every element is close: `all` of `isclose`."""
    return lg.all(isclose(x, y, rtol, atol, equal_nan))


@composite
def array_equal(x: TensorLike, y: TensorLike, equal_nan: bool = False) -> Tensor:
    """Whether two tensors have one shape and equal elements; NaN equals nothing, or NaN if `equal_nan`.

    >>> import lazygraph as lg
    >>> bool(lg.array_equal([1, 2], [1, 2])), bool(lg.array_equal([1, 2], [[1, 2]]))
    (True, False)
    """
    first, second = Tensor(value_of(x)), Tensor(value_of(y))
    shapes = list(zip(first.shape, second.shape))
    if first.ndim != second.ndim or not all(could_be_same(a, b) for a, b in shapes):
        return lg.constant(False)
    found = first == second
    if equal_nan:
        found = where(lg.logical_and(lg.isnan(first), lg.isnan(second)), True, found)
    return lg.all(found)


@composite
def array_equiv(x: TensorLike, y: TensorLike) -> Tensor:
    """Whether two tensors broadcast to one shape and have equal elements there."""
    first, second = Tensor(value_of(x)), Tensor(value_of(y))
    try:
        broadcast_shapes(first.shape, second.shape)
    except ShapeError:
        return lg.constant(False)
    return lg.all(first == second)

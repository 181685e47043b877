"""Every window of a tensor as an axis of its own.

In: a tensor, and how long windows are along some of its axes. Out: a tensor in which compiled code reads the original:
no window is copied where its reader can take it from there.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence

from lazygraph.compiler.ir import dims
from lazygraph.compiler.ir.dims import Extent
from lazygraph.compiler.ir.errors import ShapeError
from lazygraph.compiler.ir.graph import TensorType, Value
from lazygraph.compiler.ops.compose import axis_moved, emit, spread
from lazygraph.compiler.ops.record import zeros
from lazygraph.dims import ShapeLike, as_shape
from lazygraph.frames import composite
from lazygraph.manipulation import reshaped, sliced
from lazygraph.promotion import as_axis, value_of
from lazygraph.tensor import Tensor, TensorLike

__all__ = ["sliding_window_view"]


@composite
def sliding_window_view(x: TensorLike, window_shape: ShapeLike, axis: int | Sequence[int] | None = None) -> Tensor:
    """All windows of a tensor, one element apart, of any dtype: x's axes, shortened, then one axis for each window.

    `axis` says along which axes windows slide, all unless given; an axis may be named twice. An axis of n elements has
    max(n - window + 1, 0) windows; ShapeError where a window is known to be longer than its axis, as in NumPy. Extents
    may be symbolic. Derivatives add up what the windows share.

    >>> import lazygraph as lg
    >>> lg.sliding_window_view([1, 2, 3, 4], 2).eval()
    array([[1, 2],
           [2, 3],
           [3, 4]])
    >>> n = lg.dim("n", min=5)
    >>> lg.sliding_window_view(lg.placeholder((n, 3), name="x"), 5, axis=0).shape
    (Dim(n - 4), 3, 5)
    """
    value = value_of(x)
    lengths = as_shape(window_shape)
    rank = value.type.rank
    named = tuple(range(rank)) if axis is None else axis if isinstance(axis, Sequence) else (operator.index(axis),)
    axes = [as_axis(each, rank) for each in named]
    if len(axes) != len(lengths):
        raise ShapeError(f"expected a window for each of the axes {tuple(axes)}, found {len(lengths)} extents")
    for place, length in zip(axes, lengths):
        extent = value.shape[place]
        if isinstance(length, int) and isinstance(extent, int) and length > extent:
            raise ShapeError(f"axis {place}: a window of {length} is longer than the extent {extent}")
        value = _windows(value, place, length)
    return Tensor(value)


def _windows(value: Value, axis: int, length: Extent) -> Value:
    """Windows along one axis, of shape (.., n - length + 1, .., length).

    A row of n elements, repeated `length` times and cut into rows of n + 1 instead, is shifted by one from row to row:
    element o of row k stands at k (n + 1) + o = k n + (k + o), which is x[k + o]. So there is no computed index.
    """
    extent = value.shape[axis]
    count = dims.maximum(dims.add(extent, dims.multiply(length, -1) + 1), 0)
    nothing = zeros(TensorType(value.dtype, ()))
    row = axis_moved(value, axis, value.type.rank - 1)
    *outer, _ = row.shape
    depth = len(outer)
    none = (0,) * depth
    least = dims.maximum(extent, length - 1)
    if least != extent:  # no window fits then; where n >= length - 1 is known, so is that k + o stays within its row
        row = emit("pad", row, nothing, low=(*none, 0), high=(*none, least - extent), interior=(*none, 0))
        extent = least
    repeated = spread(row, (*outer, length, extent), (*range(depth), depth + 1))
    flat = reshaped(repeated, (*outer, dims.multiply(length, extent)))
    longer = emit("pad", flat, nothing, low=(*none, 0), high=(*none, length), interior=(*none, 0))
    shifted = reshaped(longer, (*outer, length, dims.add(extent, 1)))
    rows = axis_moved(sliced(shifted, depth + 1, 0, count), depth, depth + 1)
    return axis_moved(rows, depth, axis)

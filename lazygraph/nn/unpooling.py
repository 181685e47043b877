"""Where the greatest elements of a pooling stand, and putting elements back there, named and shaped as in torch.

In: tensors (N, C, *spatial), or without N. Out: for pooling, the greatest elements and their places, int64: row-major
positions among the spatial axes. For unpooling, tensors that are 0 but for elements put at given places.
"""

from __future__ import annotations

from collections.abc import Sequence

from lazygraph.compiler.ir import dims
from lazygraph.compiler.ir.dims import Extent
from lazygraph.compiler.ir.errors import ShapeError
from lazygraph.compiler.ir.graph import TensorType, Value
from lazygraph.compiler.ops.compose import emit
from lazygraph.compiler.ops.record import zeros
from lazygraph.creation import index_along
from lazygraph.dims import extent_value
from lazygraph.errors import shape_text
from lazygraph.frames import composite
from lazygraph.manipulation import permuted, reshaped
from lazygraph.nn.pooling_windows import pooling_of
from lazygraph.nn.spatial import Padding, Sizes, Steps, margins, places_in, sizes, steps
from lazygraph.promotion import cast, scalar_like, value_of
from lazygraph.runtime.dtypes import int64
from lazygraph.tensor import Tensor, TensorLike

__all__ = [
    "max_pool1d_with_indices",
    "max_pool2d_with_indices",
    "max_pool3d_with_indices",
    "max_unpool1d",
    "max_unpool2d",
    "max_unpool3d",
]


@composite
def max_pool1d_with_indices(
    x: TensorLike,
    kernel_size: Sizes,
    stride: Steps | None = None,
    padding: Padding = 0,
    dilation: Steps = 1,
    ceil_mode: bool = False,
    *,
    layout: str = "NCL",
) -> tuple[Tensor, Tensor]:
    """`max_pool1d`, and where each greatest element stands in its row, int64. See `max_pool2d_with_indices`.

    >>> import lazygraph as lg
    >>> lg.nn.max_pool1d_with_indices([[1, 5, 2, 0, 7]], 2)[1].eval()
    array([[1, 2]])
    """
    return _with_places(value_of(x), kernel_size, stride, padding, dilation, ceil_mode, layout, 1)


@composite
def max_pool2d_with_indices(
    x: TensorLike,
    kernel_size: Sizes,
    stride: Steps | None = None,
    padding: Padding = 0,
    dilation: Steps = 1,
    ceil_mode: bool = False,
    *,
    layout: str = "NCHW",
) -> tuple[Tensor, Tensor]:
    """`max_pool2d`, and where each greatest element stands: its position in the image (H, W) as one int64.

    Of equals the first; of NaN the first NaN; -1 for a window of padding alone.

    >>> import lazygraph as lg
    >>> values, places = lg.nn.max_pool2d_with_indices([[[1, 5, 2, 0], [3, 4, 8, 1]]], 2)
    >>> values.eval(), places.eval()
    (array([[[5, 8]]]), array([[[1, 6]]]))
    """
    return _with_places(value_of(x), kernel_size, stride, padding, dilation, ceil_mode, layout, 2)


@composite
def max_pool3d_with_indices(
    x: TensorLike,
    kernel_size: Sizes,
    stride: Steps | None = None,
    padding: Padding = 0,
    dilation: Steps = 1,
    ceil_mode: bool = False,
    *,
    layout: str = "NCDHW",
) -> tuple[Tensor, Tensor]:
    """`max_pool3d`, and where each greatest element stands in its volume, int64. See `max_pool2d_with_indices`.

    >>> import lazygraph as lg
    >>> lg.nn.max_pool3d_with_indices(lg.ones((1, 2, 2, 4)), 2)[1].eval()
    array([[[[0, 2]]]])
    """
    return _with_places(value_of(x), kernel_size, stride, padding, dilation, ceil_mode, layout, 3)


@composite
def max_unpool1d(
    x: TensorLike,
    indices: TensorLike,
    kernel_size: Steps,
    stride: Steps | None = None,
    padding: Padding = 0,
    output_size: Sizes | None = None,
    *,
    layout: str = "NCL",
) -> Tensor:
    """Zeros with each element of x at its place: (N, C, L) -> (N, C, L'). All that `max_unpool2d` says holds here.

    >>> import lazygraph as lg
    >>> lg.nn.max_unpool1d([[5, 2]], [[1, 2]], 2, output_size=5).eval()
    array([[0, 5, 2, 0, 0]])
    """
    return _unpooled(value_of(x), value_of(indices), kernel_size, stride, padding, output_size, layout, 1)


@composite
def max_unpool2d(
    x: TensorLike,
    indices: TensorLike,
    kernel_size: Steps,
    stride: Steps | None = None,
    padding: Padding = 0,
    output_size: Sizes | None = None,
    *,
    layout: str = "NCHW",
) -> Tensor:
    """Zeros with each element of x at its place: x and indices (N, C, H, W) -> (N, C, H', W'), x's dtype.

    `indices` are those of `max_pool2d_with_indices`, with the same kernel, stride and padding; then the result has the
    extents (H - 1) stride + kernel - 2 padding of the smallest tensor that was pooled, or `output_size`. Where indices
    repeat, the last element in row-major order is put. An index outside fails the step with this line. ShapeError where
    x and indices differ in shape.

    >>> import lazygraph as lg
    >>> lg.nn.max_unpool2d([[[5, 8]]], [[[1, 6]]], 2).eval()
    array([[[0, 5, 0, 0],
            [0, 0, 8, 0]]])
    """
    return _unpooled(value_of(x), value_of(indices), kernel_size, stride, padding, output_size, layout, 2)


@composite
def max_unpool3d(
    x: TensorLike,
    indices: TensorLike,
    kernel_size: Steps,
    stride: Steps | None = None,
    padding: Padding = 0,
    output_size: Sizes | None = None,
    *,
    layout: str = "NCDHW",
) -> Tensor:
    """Zeros with each element of x at its place: (N, C, D, H, W) -> (N, C, D', H', W'). All that `max_unpool2d` says
    holds here.

    >>> import lazygraph as lg
    >>> lg.nn.max_unpool3d([[[[7, 9]]]], [[[[0, 2]]]], 2).shape
    (1, 2, 2, 4)
    """
    return _unpooled(value_of(x), value_of(indices), kernel_size, stride, padding, output_size, layout, 3)


# --- both -------------------------------------------------------------------------------------------------------------


def _with_places(
    value: Value,
    kernel_size: Sizes,
    stride: Steps | None,
    padding: Padding,
    dilation: Steps,
    ceil_mode: bool,
    layout: str,
    rank: int,
) -> tuple[Tensor, Tensor]:
    """The number of a tap is split into one for each axis, from the last on; each gives a position along its axis."""
    pooling = pooling_of(value, kernel_size, stride, padding, dilation, ceil_mode, layout, rank)
    windows = pooling.windows
    greatest = emit("reduce_window_max", value, **windows.attributes)
    number = emit("window_argmax", value, **windows.attributes)
    shape = number.shape
    nothing = emit("lt", number, scalar_like(0, number))
    spatial, _ = places_in(value, layout, rank)
    positions: dict[int, Value] = {}
    for axis in reversed(sorted(spatial)):
        taps = extent_value(windows.window[axis], int64, shape)
        first = index_along(shape, axis) * windows.strides[axis] - extent_value(windows.low[axis], int64, shape)
        positions[axis] = first + emit("rem", number, taps) * windows.window_dilation[axis]
        number = emit("div", number, taps)
    flat = scalar_like(0, number)
    for axis in spatial:
        flat = flat * extent_value(value.shape[axis], int64, shape) + positions[axis]
    return Tensor(greatest), Tensor(emit("select", nothing, scalar_like(-1, flat), flat))


def _unpooled(
    value: Value,
    indices: Value,
    kernel_size: Steps,
    stride: Steps | None,
    padding: Padding,
    output_size: Sizes | None,
    layout: str,
    rank: int,
) -> Tensor:
    spatial, _ = places_in(value, layout, rank)
    if value.shape != indices.shape:
        raise ShapeError(f"expected indices of x's shape {shape_text(value.shape)}, found {shape_text(indices.shape)}")
    extents = _extents(value, spatial, kernel_size, stride, padding, output_size)
    others = [axis for axis in range(value.type.rank) if axis not in spatial]
    target = [value.shape[axis] for axis in others]
    flat = TensorType(value.dtype, (*target, dims.product(extents)))
    places = [index_along(value.shape, axis) for axis in others]
    axes = tuple(range(len(flat.shape)))
    put = emit("scatter_set", zeros(flat), value, *places, cast(indices, int64), axes=axes, mode="check")
    apart = reshaped(put, (*target, *extents))
    order = [*others, *spatial]
    return Tensor(permuted(apart, [order.index(axis) for axis in range(len(order))]))


def _extents(
    value: Value,
    spatial: Sequence[int],
    kernel_size: Steps,
    stride: Steps | None,
    padding: Padding,
    output_size: Sizes | None,
) -> tuple[Extent, ...]:
    rank = len(spatial)
    if output_size is not None:
        return sizes("output_size", output_size, rank)
    kernel = steps("kernel_size", kernel_size, rank)
    moves = kernel if stride is None else steps("stride", stride, rank)
    return tuple(
        [
            dims.maximum((value.shape[axis] - 1) * move + taps - low - high, 0)
            for axis, taps, move, (low, high) in zip(spatial, kernel, moves, margins(padding, rank))
        ]
    )

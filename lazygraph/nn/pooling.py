"""Pooling over one, two and three spatial axes, named and shaped as in torch: max, average, and power average.

In: tensors (N, C, *spatial), or without N for a single one; extents may be symbolic. Out: tensors of the same layout
with out = (in + padding - dilation * (kernel - 1) - 1) // stride + 1 along each spatial axis. `stride` is the kernel
unless given; `padding` is a number, one per axis, or pairs (before, after), and belongs to no window's value.
`ceil_mode` rounds the quotient up, so that windows reach past the end, except for one that would begin there. `layout`
says in which order the axes are, "NHWC" say.
"""

from __future__ import annotations

from lazygraph.compiler.ir import dims
from lazygraph.compiler.ir.dims import Extent
from lazygraph.compiler.ir.graph import Value
from lazygraph.compiler.ops.compose import emit, spread
from lazygraph.compiler.ops.windows import Windows
from lazygraph.creation import index_along
from lazygraph.dims import extent_value
from lazygraph.frames import composite
from lazygraph.nn.pooling_windows import Pooling, pooling_of
from lazygraph.nn.spatial import Padding, Sizes, Steps, steps
from lazygraph.promotion import as_axis, as_float, cast, value_of
from lazygraph.runtime.dtypes import int64
from lazygraph.tensor import Tensor, TensorLike

__all__ = [
    "avg_pool1d",
    "avg_pool2d",
    "avg_pool3d",
    "local_response_norm",
    "lp_pool1d",
    "lp_pool2d",
    "lp_pool3d",
    "max_pool1d",
    "max_pool2d",
    "max_pool3d",
]


@composite
def max_pool1d(
    x: TensorLike,
    kernel_size: Sizes,
    stride: Steps | None = None,
    padding: Padding = 0,
    dilation: Steps = 1,
    ceil_mode: bool = False,
    *,
    layout: str = "NCL",
) -> Tensor:
    """The greatest element of each window: x (N, C, L) -> (N, C, L'). All that `max_pool2d` says holds here.

    >>> import lazygraph as lg
    >>> lg.nn.max_pool1d([[1, 5, 2, 0, 7]], 2, ceil_mode=True).eval()
    array([[5, 2, 7]])
    """
    pooling = pooling_of(value_of(x), kernel_size, stride, padding, dilation, ceil_mode, layout, 1)
    return Tensor(emit("reduce_window_max", pooling.value, **pooling.windows.attributes))


@composite
def max_pool2d(
    x: TensorLike,
    kernel_size: Sizes,
    stride: Steps | None = None,
    padding: Padding = 0,
    dilation: Steps = 1,
    ceil_mode: bool = False,
    *,
    layout: str = "NCHW",
) -> Tensor:
    """The greatest element of each window: x (N, C, H, W) -> (N, C, H', W'), of any dtype; NaN where one is NaN.

    y[n, c, p, q] = max over i, j of x[n, c, p stride + i dilation - padding, ...]. At ties the derivative goes to the
    first of the greatest, in row-major order. A window that holds padding alone has the lowest number of the dtype.
    Raises ShapeError where ranks do not fit, or where no window fits into a known extent.

    >>> import lazygraph as lg
    >>> lg.nn.max_pool2d([[[1, 5, 2, 0], [3, 4, 8, 1]]], 2).eval()
    array([[[5, 8]]])
    >>> x = lg.placeholder((lg.dim("n"), 64, 112, 112), name="x")
    >>> lg.nn.max_pool2d(x, 3, stride=2, padding=1).shape
    (Dim(n), 64, 56, 56)
    """
    pooling = pooling_of(value_of(x), kernel_size, stride, padding, dilation, ceil_mode, layout, 2)
    return Tensor(emit("reduce_window_max", pooling.value, **pooling.windows.attributes))


@composite
def max_pool3d(
    x: TensorLike,
    kernel_size: Sizes,
    stride: Steps | None = None,
    padding: Padding = 0,
    dilation: Steps = 1,
    ceil_mode: bool = False,
    *,
    layout: str = "NCDHW",
) -> Tensor:
    """The greatest element of each window: x (N, C, D, H, W) -> (N, C, D', H', W'). All that `max_pool2d` says holds
    here.

    >>> import lazygraph as lg
    >>> lg.nn.max_pool3d(lg.ones((2, 4, 8, 8, 8)), 3, stride=(1, 2, 2), padding=1).shape
    (2, 4, 8, 4, 4)
    """
    pooling = pooling_of(value_of(x), kernel_size, stride, padding, dilation, ceil_mode, layout, 3)
    return Tensor(emit("reduce_window_max", pooling.value, **pooling.windows.attributes))


@composite
def avg_pool1d(
    x: TensorLike,
    kernel_size: Sizes,
    stride: Steps | None = None,
    padding: Padding = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: float | None = None,
    *,
    layout: str = "NCL",
) -> Tensor:
    """The mean of each window: x (N, C, L) -> (N, C, L'). All that `avg_pool2d` says holds here.

    >>> import lazygraph as lg
    >>> lg.nn.avg_pool1d([[2.0, 4.0, 6.0]], 2, stride=1, padding=1, count_include_pad=False).eval()
    array([[2., 3., 5., 6.]])
    """
    pooling = pooling_of(as_float(value_of(x)), kernel_size, stride, padding, 1, ceil_mode, layout, 1)
    return _averaged(pooling, count_include_pad, divisor_override)


@composite
def avg_pool2d(
    x: TensorLike,
    kernel_size: Sizes,
    stride: Steps | None = None,
    padding: Padding = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: float | None = None,
    *,
    layout: str = "NCHW",
) -> Tensor:
    """The mean of each window: x (N, C, H, W) -> (N, C, H', W'), a float; integers count as float64.

    The sum of a window's elements is divided by how many places it has in x and its padding; in x alone where
    `count_include_pad` is false; by `divisor_override` where that is given. What `ceil_mode` adds is never counted. A
    window of no place is 0. Raises ShapeError where ranks do not fit, or where no window fits into a known extent.

    >>> import lazygraph as lg
    >>> lg.nn.avg_pool2d([[[1.0, 5.0, 2.0, 0.0], [3.0, 3.0, 8.0, 2.0]]], 2).eval()
    array([[[3., 3.]]])
    >>> lg.nn.avg_pool2d(lg.ones((1, 3, 3)), 2, padding=1).eval()
    array([[[0.25, 0.5 ],
            [0.5 , 1.  ]]])
    """
    pooling = pooling_of(as_float(value_of(x)), kernel_size, stride, padding, 1, ceil_mode, layout, 2)
    return _averaged(pooling, count_include_pad, divisor_override)


@composite
def avg_pool3d(
    x: TensorLike,
    kernel_size: Sizes,
    stride: Steps | None = None,
    padding: Padding = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: float | None = None,
    *,
    layout: str = "NCDHW",
) -> Tensor:
    """The mean of each window: x (N, C, D, H, W) -> (N, C, D', H', W'). All that `avg_pool2d` says holds here.

    >>> import lazygraph as lg
    >>> lg.nn.avg_pool3d(lg.ones((2, 4, 8, 8, 8)), (2, 4, 4)).shape
    (2, 4, 4, 2, 2)
    """
    pooling = pooling_of(as_float(value_of(x)), kernel_size, stride, padding, 1, ceil_mode, layout, 3)
    return _averaged(pooling, count_include_pad, divisor_override)


@composite
def lp_pool1d(
    x: TensorLike,
    norm_type: float,
    kernel_size: Sizes,
    stride: Steps | None = None,
    ceil_mode: bool = False,
    *,
    layout: str = "NCL",
) -> Tensor:
    """(sum x**p) ** (1/p) over each window, p = `norm_type`: x (N, C, L) -> (N, C, L'). See `lp_pool2d`.

    >>> import lazygraph as lg
    >>> lg.nn.lp_pool1d([[3.0, 4.0, 6.0, 8.0]], 2, 2).eval()
    array([[ 5., 10.]])
    """
    return _power_average(x, norm_type, kernel_size, stride, ceil_mode, layout, 1)


@composite
def lp_pool2d(
    x: TensorLike,
    norm_type: float,
    kernel_size: Sizes,
    stride: Steps | None = None,
    ceil_mode: bool = False,
    *,
    layout: str = "NCHW",
) -> Tensor:
    """(sum x**p) ** (1/p) over each window, p = `norm_type`: x (N, C, H, W) -> (N, C, H', W'), a float.

    As in torch, x is not made positive first: an odd p of a negative sum gives NaN.

    >>> import lazygraph as lg
    >>> lg.nn.lp_pool2d([[[3.0, 0.0], [0.0, 4.0]]], 2, 2).eval()
    array([[[5.]]])
    """
    return _power_average(x, norm_type, kernel_size, stride, ceil_mode, layout, 2)


@composite
def lp_pool3d(
    x: TensorLike,
    norm_type: float,
    kernel_size: Sizes,
    stride: Steps | None = None,
    ceil_mode: bool = False,
    *,
    layout: str = "NCDHW",
) -> Tensor:
    """(sum x**p) ** (1/p) over each window, p = `norm_type`: x (N, C, D, H, W) -> (N, C, D', H', W'). See `lp_pool2d`.

    >>> import lazygraph as lg
    >>> lg.nn.lp_pool3d(lg.ones((1, 8, 8, 8)), 3, 2).shape
    (1, 4, 4, 4)
    """
    return _power_average(x, norm_type, kernel_size, stride, ceil_mode, layout, 3)


@composite
def local_response_norm(
    x: TensorLike, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0, *, axis: int = 1
) -> Tensor:
    """x / (k + alpha * mean of x**2 over the `size` channels around) ** beta, channels along `axis`; a float.

    The channels around c are c - size // 2 to c + (size - 1) // 2; those that x does not have count as 0. Source:
    Krizhevsky, Sutskever and Hinton, "ImageNet classification with deep convolutional neural networks", 2012.

    >>> import lazygraph as lg
    >>> lg.nn.local_response_norm([[3.0, 4.0]], 2, alpha=2.0, beta=0.5, k=0.0).eval()
    array([[1. , 0.8]])
    """
    (taps,) = steps("size", size, 1)
    value = as_float(value_of(x))
    place = as_axis(axis, value.type.rank)
    windows = Windows.along(value.shape, {place: (taps, 1, 1, taps // 2, value.shape[place])})
    mean = emit("reduce_window_sum", value * value, **windows.attributes) / taps
    return Tensor(value) / (Tensor(mean) * alpha + k) ** beta


# --- means ------------------------------------------------------------------------------------------------------------


def _averaged(pooling: Pooling, count_include_pad: bool, divisor_override: float | None) -> Tensor:
    """Sum and count of halves are made in float32: either may be too large for them where the mean is not."""
    half = pooling.value.dtype
    wide = cast(pooling.value, half.computed_in)
    total = emit("reduce_window_sum", wide, **pooling.windows.attributes)
    if divisor_override is not None:
        return Tensor(cast(total / float(divisor_override), half))
    count: Value | None = None
    for axis, (low, high) in pooling.margins.items():
        extent = pooling.value.shape[axis]
        begin, end = (-1 * low, extent + high) if count_include_pad else (0, extent)
        own = _count(total, pooling.windows, axis, begin, end)
        count = own if count is None else count * own
    assert count is not None
    return Tensor(cast(total / count, half))


def _count(like: Value, windows: Windows, axis: int, begin: Extent, end: Extent) -> Value:
    """How many places begin .. end-1 each window has along an axis, at least 1, in the dtype and shape of `like`."""
    taps, step, low = windows.window[axis], windows.strides[axis], windows.low[axis]
    last = (windows.shape[axis] - 1) * step - low + taps
    if dims.prove_nonnegative(-1 * low - begin) and dims.prove_nonnegative(end - last):
        return extent_value(taps, like.dtype, like.shape)
    shape = (windows.shape[axis],)
    start = index_along(shape, 0) * step - extent_value(low, int64, shape)
    stop = emit("min", start + extent_value(taps, int64, shape), extent_value(end, int64, shape))
    found = emit("max", stop - emit("max", start, extent_value(begin, int64, shape)), extent_value(1, int64, shape))
    return spread(cast(found, like.dtype), like.shape, (axis,))


def _power_average(
    x: TensorLike, norm_type: float, kernel_size: Sizes, stride: Steps | None, ceil_mode: bool, layout: str, rank: int
) -> Tensor:
    powers = (Tensor(as_float(value_of(x))) ** norm_type).value
    pooling = pooling_of(powers, kernel_size, stride, 0, 1, ceil_mode, layout, rank)
    return Tensor(emit("reduce_window_sum", powers, **pooling.windows.attributes)) ** (1 / norm_type)

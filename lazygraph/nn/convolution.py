"""Convolutions and transposed convolutions over one, two and three spatial axes, named and shaped as in torch.

In: images (N, C, *spatial), or without N for a single one, and a weight; extents may be symbolic. Out: images. A
convolution is the cross-correlation of Dumoulin and Visin, "A guide to convolution arithmetic for deep learning", 2016:
the kernel is not flipped, and out = (in + padding - dilation * (kernel - 1) - 1) // stride + 1 along each axis. Sums of
float16 and bfloat16 are made in float32. `layout` says in which order the axes of images are, "NHWC" say; weights are
always (out, in / groups, *kernel), those of transposed convolutions (in, out / groups, *kernel).
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Union

from lazygraph.compiler.ir import dims
from lazygraph.compiler.ir.dims import Dim, Extent, Shape
from lazygraph.compiler.ir.errors import DTypeError, ShapeError
from lazygraph.compiler.ir.graph import Value
from lazygraph.compiler.ops.compose import emit, inverse_permutation, spread
from lazygraph.contraction import accumulator
from lazygraph.dims import aligned, could_be_same
from lazygraph.errors import shape_text
from lazygraph.frames import composite
from lazygraph.manipulation import permuted, reshaped
from lazygraph.nn.spatial import Padding as Margins
from lazygraph.nn.spatial import Steps, margins, places_in, steps
from lazygraph.promotion import same_dtype
from lazygraph.tensor import Tensor, TensorLike

__all__ = ["conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d"]

Padding = Union[str, Margins]


@dataclass(frozen=True)
class _Window:
    """How a kernel moves, per spatial axis."""

    stride: tuple[int, ...]
    low: Shape
    high: Shape
    dilation: tuple[int, ...]
    spread: tuple[int, ...]  # of the images: 1 is next to each other


@composite
def conv1d(
    x: TensorLike,
    weight: TensorLike,
    bias: TensorLike | None = None,
    *,
    stride: Steps = 1,
    padding: Padding = 0,
    dilation: Steps = 1,
    groups: int = 1,
    layout: str = "NCL",
) -> Tensor:
    """Convolution along one axis: x (N, C, L), weight (out, C / groups, kernel), bias (out,) -> (N, out, L').

    All that `conv2d` says holds here.

    >>> import lazygraph as lg
    >>> lg.nn.conv1d([[[1.0, 2.0, 4.0, 8.0]]], [[[-1.0, 1.0]]]).eval()
    array([[[1., 2., 4.]]])
    """
    return _convolution(x, weight, bias, stride, padding, dilation, groups, layout, 1)


@composite
def conv2d(
    x: TensorLike,
    weight: TensorLike,
    bias: TensorLike | None = None,
    *,
    stride: Steps = 1,
    padding: Padding = 0,
    dilation: Steps = 1,
    groups: int = 1,
    layout: str = "NCHW",
) -> Tensor:
    """Convolution of images: x (N, C, H, W), weight (out, C / groups, kh, kw), bias (out,) -> (N, out, H', W').

    y[n, o, p, q] = bias[o] + sum over c, i, j of x[n, c, p stride + i dilation - pad, ...] weight[o, c, i, j], zeros
    outside. `padding` is a number, one per axis, pairs (before, after), "valid" (none), or "same": what keeps the
    extent at stride 1, the odd one after; negative padding crops. Output channel o reads the input channels of its
    group alone. x may be a single image without N, or of another `layout`, a permutation of "NCHW". Raises ShapeError
    where channels, groups or ranks do not fit, DTypeError for bools.

    >>> import lazygraph as lg
    >>> x = lg.placeholder((lg.dim("n"), 3, 32, 32), name="x")
    >>> lg.nn.conv2d(x, lg.zeros((8, 3, 5, 5)), lg.zeros(8), stride=2, padding=2).shape
    (Dim(n), 8, 16, 16)
    >>> lg.nn.conv2d([[[1.0, 2.0], [3.0, 4.0]]], [[[[1.0, 1.0], [1.0, 1.0]]]], padding="same").eval()
    array([[[10.,  6.],
            [ 7.,  4.]]])
    """
    return _convolution(x, weight, bias, stride, padding, dilation, groups, layout, 2)


@composite
def conv3d(
    x: TensorLike,
    weight: TensorLike,
    bias: TensorLike | None = None,
    *,
    stride: Steps = 1,
    padding: Padding = 0,
    dilation: Steps = 1,
    groups: int = 1,
    layout: str = "NCDHW",
) -> Tensor:
    """Convolution of volumes: x (N, C, D, H, W), weight (out, C / groups, kd, kh, kw) -> (N, out, D', H', W').

    All that `conv2d` says holds here.

    >>> import lazygraph as lg
    >>> lg.nn.conv3d(lg.ones((1, 4, 8, 8, 8)), lg.ones((6, 2, 3, 3, 3)), padding=1, stride=(1, 2, 2), groups=2).shape
    (1, 6, 8, 4, 4)
    """
    return _convolution(x, weight, bias, stride, padding, dilation, groups, layout, 3)


@composite
def conv_transpose1d(
    x: TensorLike,
    weight: TensorLike,
    bias: TensorLike | None = None,
    *,
    stride: Steps = 1,
    padding: Padding = 0,
    output_padding: Steps = 0,
    groups: int = 1,
    dilation: Steps = 1,
    layout: str = "NCL",
) -> Tensor:
    """Transposed convolution along one axis: x (N, C, L), weight (C, out / groups, kernel) -> (N, out, L').

    All that `conv_transpose2d` says holds here.

    >>> import lazygraph as lg
    >>> lg.nn.conv_transpose1d([[[1.0, 2.0]]], [[[1.0, 10.0, 100.0]]], stride=2).eval()
    array([[[  1.,  10., 102.,  20., 200.]]])
    """
    return _transposed(x, weight, bias, stride, padding, output_padding, dilation, groups, layout, 1)


@composite
def conv_transpose2d(
    x: TensorLike,
    weight: TensorLike,
    bias: TensorLike | None = None,
    *,
    stride: Steps = 1,
    padding: Padding = 0,
    output_padding: Steps = 0,
    groups: int = 1,
    dilation: Steps = 1,
    layout: str = "NCHW",
) -> Tensor:
    """Transposed convolution of images: x (N, C, H, W), weight (C, out / groups, kh, kw) -> (N, out, H', W').

    The gradient of `conv2d` for its images, with its parameters: H' = (H - 1) stride - 2 padding + dilation (kh - 1) +
    output_padding + 1. `padding` is a number, one per axis, or pairs (before, after). Raises ShapeError where channels,
    groups or ranks do not fit, or where output_padding is not below stride or dilation; DTypeError for bools.

    >>> import lazygraph as lg
    >>> x, weight = lg.ones((1, 6, 4, 4)), lg.ones((6, 2, 3, 3))
    >>> lg.nn.conv_transpose2d(x, weight, stride=2, padding=1, output_padding=1).shape
    (1, 2, 8, 8)
    """
    return _transposed(x, weight, bias, stride, padding, output_padding, dilation, groups, layout, 2)


@composite
def conv_transpose3d(
    x: TensorLike,
    weight: TensorLike,
    bias: TensorLike | None = None,
    *,
    stride: Steps = 1,
    padding: Padding = 0,
    output_padding: Steps = 0,
    groups: int = 1,
    dilation: Steps = 1,
    layout: str = "NCDHW",
) -> Tensor:
    """Transposed convolution of volumes: x (N, C, D, H, W), weight (C, out / groups, kd, kh, kw) -> (N, out, ...).

    All that `conv_transpose2d` says holds here.

    >>> import lazygraph as lg
    >>> lg.nn.conv_transpose3d(lg.ones((1, 6, 2, 4, 4)), lg.ones((6, 2, 2, 3, 3)), stride=(1, 2, 2)).shape
    (1, 2, 3, 9, 9)
    """
    return _transposed(x, weight, bias, stride, padding, output_padding, dilation, groups, layout, 3)


# --- both -------------------------------------------------------------------------------------------------------------


def _convolution(
    x: TensorLike,
    weight: TensorLike,
    bias: TensorLike | None,
    stride: Steps,
    padding: Padding,
    dilation: Steps,
    groups: int,
    layout: str,
    rank: int,
) -> Tensor:
    moves, gaps = steps("stride", stride, rank), steps("dilation", dilation, rank)

    def parts(kernel: Value) -> tuple[Value, _Window]:
        low, high = _padding(padding, kernel.shape[2:], moves, gaps)
        out = _per_group("output", kernel.shape[0], groups)
        return reshaped(kernel, (groups, out, *kernel.shape[1:])), _Window(moves, low, high, gaps, (1,) * rank)

    return _grouped(x, weight, bias, parts, groups, layout, rank)


def _transposed(
    x: TensorLike,
    weight: TensorLike,
    bias: TensorLike | None,
    stride: Steps,
    padding: Padding,
    output_padding: Steps,
    dilation: Steps,
    groups: int,
    layout: str,
    rank: int,
) -> Tensor:
    moves, gaps = steps("stride", stride, rank), steps("dilation", dilation, rank)
    more = steps("output_padding", output_padding, rank, least=0)
    for axis, (extra, step, gap) in enumerate(zip(more, moves, gaps)):
        if extra >= max(step, gap):
            wanted = f"expected less than stride {step} or dilation {gap}"
            raise ShapeError(f"output_padding of spatial axis {axis}: {wanted}, found {extra}")

    def parts(kernel: Value) -> tuple[Value, _Window]:
        """y[p] gets x[i] w[k] where i stride + k dilation - pad = p: the reversed kernel over spread images."""
        reach = [dims.multiply(dims.add(taps, -1), gap) for taps, gap in zip(kernel.shape[2:], gaps)]
        if isinstance(padding, str) and padding != "valid":
            raise ShapeError(f"padding: expected numbers or pairs of numbers, found {padding!r}")
        before, after = _padding(padding, kernel.shape[2:], moves, gaps)
        low = tuple([room - pad for room, pad in zip(reach, before)])
        high = tuple([room - pad + extra for room, pad, extra in zip(reach, after, more)])
        inputs = _per_group("input", kernel.shape[0], groups)
        split = reshaped(kernel, (groups, inputs, *kernel.shape[1:]))
        spatial = tuple(range(3, 3 + rank))
        turned = emit("reverse", permuted(split, (0, 2, 1, *spatial)), axes=spatial)
        return turned, _Window((1,) * rank, low, high, gaps, moves)

    return _grouped(x, weight, bias, parts, groups, layout, rank)


def _grouped(
    x: TensorLike,
    weight: TensorLike,
    bias: TensorLike | None,
    parts: Callable[[Value], tuple[Value, _Window]],
    groups: int,
    layout: str,
    rank: int,
) -> Tensor:
    """The op over images (group, image, channel, ...) and kernels (group, filter, channel, ...), in the user's axes."""
    operands = same_dtype(x, weight) if bias is None else same_dtype(x, weight, bias)
    images, weights = operands[:2]
    if images.dtype.kind == "bool":
        raise DTypeError("a convolution of bools is not a sum: use .astype(lg.int32)")
    if operator.index(groups) < 1:
        raise ShapeError(f"groups: expected an int >= 1, found {groups!r}")
    places, channel = places_in(images, layout, rank)
    if weights.type.rank != rank + 2:
        raise ShapeError(f"expected a weight of {rank + 2} axes, found {shape_text(weights.shape)}")
    single = images.type.rank == rank + 1
    order = [*[axis for axis in range(images.type.rank) if axis not in (channel, *places)], channel, *places]
    images = permuted(images, order)
    if single:
        images = reshaped(images, (1, *images.shape))
    kernels, window = parts(weights)
    count, channels, *spatial = images.shape
    own = _per_group("input", channels, groups)
    split = permuted(reshaped(images, (count, groups, own, *spatial)), (1, 0, 2, *range(3, 3 + rank)))
    if not could_be_same(own, kernels.shape[2]):
        raise ShapeError(
            f"channels differ: expected {own} in the weight, {channels} of the images in {groups} groups, found "
            f"{kernels.shape[2]}"
        )
    found = emit(
        "conv_general",
        split,
        aligned(kernels, (*kernels.shape[:2], own, *kernels.shape[3:])),
        strides=window.stride,
        low=window.low,
        high=window.high,
        input_dilation=window.spread,
        kernel_dilation=window.dilation,
        accumulate=accumulator(images.dtype),
    )
    joined = permuted(found, (1, 0, *range(2, 3 + rank)))
    filters = dims.multiply(groups, found.shape[2])
    if single:
        result = reshaped(joined, (filters, *found.shape[3:]))
    else:
        result = reshaped(joined, (count, filters, *found.shape[3:]))
    result = permuted(result, inverse_permutation(order))
    return Tensor(result if bias is None else result + _along(operands[2], result.shape, channel, filters))


def _along(bias: Value, shape: Shape, axis: int, filters: Extent) -> Value:
    if bias.type.rank != 1 or not could_be_same(bias.shape[0], filters):
        raise ShapeError(f"bias: expected the shape ({filters},), found {shape_text(bias.shape)}")
    return spread(aligned(bias, (filters,)), shape, (axis,))


# --- parameters -------------------------------------------------------------------------------------------------------


def _padding(padding: Padding, taps: Shape, moves: tuple[int, ...], gaps: tuple[int, ...]) -> tuple[Shape, Shape]:
    """Before and after each spatial axis."""
    rank = len(taps)
    if padding == "same":
        if any(step != 1 for step in moves):
            raise ShapeError(f'padding="same": expected a stride of 1, found {moves}')
        total = [dims.multiply(dims.add(count, -1), gap) for count, gap in zip(taps, gaps)]
        low = tuple([dims.floordiv(each, 2) for each in total])
        return low, tuple([each - below for each, below in zip(total, low)])
    if padding == "valid":
        return (0,) * rank, (0,) * rank
    if isinstance(padding, str):
        raise ShapeError(f'padding: expected "same", "valid", numbers or pairs of numbers, found {padding!r}')
    pairs = margins(padding, rank)
    return tuple([pair[0] for pair in pairs]), tuple([pair[1] for pair in pairs])


def _per_group(what: str, channels: Extent, groups: int) -> Extent:
    if not dims.divides(groups, channels):
        hint = "; declare it with lg.dim(..., multiple_of=...)" if isinstance(channels, Dim) else ""
        raise ShapeError(f"{channels} {what} channels do not divide into {groups} groups{hint}")
    return dims.floordiv(channels, groups)

"""Images at other resolutions: by moving channels into pixels, or by interpolation.

In: tensors (..., height, width). Out: tensors of other heights and widths.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

import lazygraph as lg
from lazygraph.compiler.ir import dims
from lazygraph.compiler.ir.dims import Extent
from lazygraph.compiler.ir.errors import ShapeError
from lazygraph.errors import shape_text
from lazygraph.frames import composite
from lazygraph.nn.piecewise import floating
from lazygraph.tensor import Tensor, TensorLike

__all__ = ["interpolate", "pixel_shuffle", "pixel_unshuffle"]

MODES = ("nearest", "nearest-exact", "linear", "bilinear", "trilinear")


@composite
def pixel_shuffle(x: TensorLike, upscale_factor: int) -> Tensor:
    """(..., c r**2, h, w) -> (..., c, h r, w r): the r**2 channels of a group become the pixels of r by r blocks.

    Raises ShapeError where the channels do not divide. Source: Shi et al., "Real-time single image and video
    super-resolution using an efficient sub-pixel convolutional neural network", 2016.

    >>> import lazygraph as lg
    >>> lg.nn.pixel_shuffle([[[1.0]], [[2.0]], [[3.0]], [[4.0]]], 2).eval()
    array([[[1., 2.],
            [3., 4.]]])
    """
    given, r = floating(x), upscale_factor
    channels = given.shape[-3] if given.ndim > 2 else None
    if not isinstance(channels, int) or r < 1 or channels % (r * r):
        raise ShapeError(
            f"expected (..., channels, height, width) of {r * r} channels or a multiple, found "
            f"{shape_text(given.shape)}"
        )
    lead, (height, width) = given.shape[:-3], given.shape[-2:]
    blocks = given.reshape(*lead, channels // (r * r), r, r, height, width)
    n = len(lead)
    turned = lg.permute_dims(blocks, (*range(n + 1), n + 3, n + 1, n + 4, n + 2))
    return turned.reshape(*lead, channels // (r * r), height * r, width * r)


@composite
def pixel_unshuffle(x: TensorLike, downscale_factor: int) -> Tensor:
    """(..., c, h r, w r) -> (..., c r**2, h, w): the inverse of `pixel_shuffle`.

    >>> import lazygraph as lg
    >>> lg.nn.pixel_unshuffle([[[1.0, 2.0], [3.0, 4.0]]], 2).shape
    (4, 1, 1)
    """
    given, r = floating(x), downscale_factor
    if given.ndim < 3 or r < 1:
        raise ShapeError(f"expected (..., channels, height, width) and a factor, found {shape_text(given.shape)}, {r}")
    lead, (channels, height, width) = given.shape[:-3], given.shape[-3:]
    if (isinstance(height, int) and height % r) or (isinstance(width, int) and width % r):
        raise ShapeError(f"expected a height and width that divide by {r}, found {shape_text(given.shape)}")
    blocks = given.reshape(*lead, channels, height // r, r, width // r, r)
    n = len(lead)
    turned = lg.permute_dims(blocks, (*range(n + 1), n + 2, n + 4, n + 1, n + 3))
    return turned.reshape(*lead, channels * r * r, height // r, width // r)


@composite
def interpolate(
    x: TensorLike,
    size: Extent | Sequence[Extent] | None = None,
    scale_factor: float | Sequence[float] | None = None,
    mode: str = "nearest",
    align_corners: bool = False,
) -> Tensor:
    """x (n, channels, ...) at another size of its last axes: give `size`, or `scale_factor`.

    `mode` is "nearest", which reads the pixel floor(i * scale); "nearest-exact", which reads floor((i + 1/2) scale); or
    "linear", "bilinear" or "trilinear", which weigh the two nearest along each axis: at (i + 1/2) scale - 1/2, not
    before the first, or, with `align_corners`, at i (in - 1)/(out - 1). The scale is in / out for a size, and
    1 / scale_factor where that is given, as in torch. Symbolic extents take a size, or factors that are whole numbers:
    ShapeError for others. ValueError for another mode or unless exactly one of `size` and `scale_factor` is given.

    >>> import lazygraph as lg
    >>> lg.nn.interpolate([[[1.0, 3.0]]], scale_factor=2).eval()
    array([[[1., 1., 3., 3.]]])
    >>> lg.nn.interpolate([[[1.0, 3.0]]], scale_factor=2, mode="linear").eval()
    array([[[1. , 1.5, 2.5, 3. ]]])
    >>> image = lg.placeholder((1, 8, lg.dim("h"), lg.dim("w")), lg.float32, "image")
    >>> lg.nn.interpolate(image, scale_factor=2, mode="bilinear").shape
    (1, 8, Dim(2 * h), Dim(2 * w))
    """
    given = floating(x)
    if given.ndim < 3:
        raise ShapeError(f"expected (n, channels, ...) with axes beyond the channels, found {shape_text(given.shape)}")
    if mode not in MODES:
        raise ValueError(f"interpolate: mode is one of {', '.join(MODES)}, found {mode!r}")
    if (size is None) == (scale_factor is None):
        raise ValueError("interpolate: expected one of size and scale_factor")
    for at, extent in enumerate(given.shape[2:]):
        scale: float | Tensor
        if scale_factor is not None:
            factor = scale_factor[at] if isinstance(scale_factor, Sequence) else scale_factor
            out, scale = _scaled(extent, factor), 1 / factor
        elif size is not None:
            out = size[at] if isinstance(size, Sequence) else size
            scale = _number(extent) / _number(out)
        i: Any = np.arange(out) if isinstance(out, int) else lg.arange(out).astype(lg.float64)
        if mode == "nearest":
            centres = i * scale
        elif mode == "nearest-exact":
            centres = (i + 0.5) * scale
        elif align_corners:
            centres = i * (_number(extent - 1) / _number(dims.maximum(out - 1, 1)))
        else:
            centres = (i + 0.5) * scale - 0.5
        given = (_nearest if mode.startswith("nearest") else _linear)(given, at + 2, centres, extent)
    return given


def _scaled(extent: Extent, factor: float) -> Extent:
    if isinstance(extent, int):
        return int(extent * factor)
    if factor != int(factor):
        raise ShapeError(f"expected a whole scale_factor for the symbolic extent {extent}, found {factor}: give `size`")
    return extent * int(factor)


def _number(extent: Extent) -> float | Tensor:
    """An extent in floating-point arithmetic."""
    return extent if isinstance(extent, int) else lg.constant(extent).astype(lg.float64)


Places = NDArray[Any] | Tensor  # along an axis: known numbers, or computed ones where an extent is symbolic


def _nearest(x: Tensor, axis: int, centres: Places, extent: Extent) -> Tensor:
    return lg.take(x, _pixel(centres, extent), axis=axis)


def _linear(x: Tensor, axis: int, centres: Places, extent: Extent) -> Tensor:
    at = np.maximum(centres, 0.0) if isinstance(centres, np.ndarray) else lg.maximum(centres, 0.0)
    low = _pixel(at, extent)
    above = lg.constant(at - low).astype(x.dtype).reshape(-1, *[1] * (x.ndim - axis - 1))
    next_one = lg.take(x, _at_most(low + 1, extent - 1), axis=axis)
    return lg.take(x, low, axis=axis) * (1 - above) + next_one * above


def _pixel(centres: Places, extent: Extent) -> Places:
    whole = np.floor(centres) if isinstance(centres, np.ndarray) else lg.floor(centres)
    return _at_most(whole.astype(np.int64), extent - 1)


def _at_most(places: Places, last: Extent) -> Places:
    if isinstance(places, np.ndarray) and isinstance(last, int):
        return np.minimum(places, last)
    return lg.minimum(places, lg.constant(last))

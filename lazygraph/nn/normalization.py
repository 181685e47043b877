"""Normalisations: values brought to mean 0 and variance 1 over some axes, then scaled and shifted.

In: tensors; float16 and bfloat16 are computed in float32. Out: tensors of the same shape and dtype. Variances are taken
in two passes (the mean first), which do not cancel. Channels are axis 1: x is (n, channels, ...).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

import lazygraph as lg
from lazygraph.compiler.ir import dims
from lazygraph.compiler.ir.dims import Dim, Extent
from lazygraph.compiler.ir.errors import ShapeError
from lazygraph.dims import as_shape, could_be_same
from lazygraph.errors import shape_text
from lazygraph.frames import composite
from lazygraph.nn.piecewise import floating
from lazygraph.tensor import Tensor, TensorLike

__all__ = ["batch_norm", "batch_norm_train", "group_norm", "instance_norm", "layer_norm", "rms_norm"]

NormalizedShape = int | Dim | Sequence[int | Dim]


def _wide(x: TensorLike) -> Tensor:
    """Floats of at least 32 bits, in which moments are taken."""
    given = floating(x)
    return given.astype(given.dtype.computed_in)


def _standardised(wide: Tensor, axes: tuple[int, ...], eps: float) -> Tensor:
    apart = wide - lg.mean(wide, axis=axes, keepdims=True)
    return apart / lg.sqrt(lg.mean(apart * apart, axis=axes, keepdims=True) + eps)


def _affine(x: Tensor, weight: TensorLike | None, bias: TensorLike | None) -> Tensor:
    scaled = x if weight is None else x * weight
    return scaled if bias is None else scaled + bias


def _like(result: Tensor, x: TensorLike) -> Tensor:
    return result.astype(floating(x).dtype)


def _last_axes(x: Tensor, shape: NormalizedShape) -> tuple[int, ...]:
    """The axes of `shape`, the last ones; ShapeError where x does not end with it."""
    wanted = as_shape(shape)
    found = x.shape[x.ndim - len(wanted) :]
    if not wanted or len(wanted) > x.ndim or not all(map(could_be_same, found, wanted)):
        raise ShapeError(f"expected an input whose last extents are {shape_text(wanted)}, found {shape_text(x.shape)}")
    return tuple(range(x.ndim - len(wanted), x.ndim))


@composite
def layer_norm(
    x: TensorLike,
    normalized_shape: NormalizedShape,
    weight: TensorLike | None = None,
    bias: TensorLike | None = None,
    eps: float = 1e-5,
) -> Tensor:
    """(x - mean) / sqrt(variance + eps) * weight + bias over the last axes, whose extents are `normalized_shape`.

    weight and bias have that shape. ShapeError where x does not end with it. Source: Ba, Kiros, Hinton, "Layer
    normalization", 2016.

    >>> import lazygraph as lg
    >>> lg.nn.layer_norm([[1.0, 3.0], [10.0, 30.0]], 2, eps=0.0).eval()
    array([[-1.,  1.],
           [-1.,  1.]])
    """
    wide = _wide(x)
    return _like(_affine(_standardised(wide, _last_axes(wide, normalized_shape), eps), weight, bias), x)


@composite
def rms_norm(
    x: TensorLike, normalized_shape: NormalizedShape, weight: TensorLike | None = None, eps: float | None = None
) -> Tensor:
    """x / sqrt(mean(x**2) + eps) * weight over the last axes, whose extents are `normalized_shape`.

    `eps` is the distance from 1 to the next number of x's dtype unless given. ShapeError where x does not end with the
    shape. Source: Zhang and Sennrich, "Root mean square layer normalization", 2019.

    >>> import lazygraph as lg
    >>> lg.nn.rms_norm([3.0, -3.0], 2, eps=0.0).eval()
    array([ 1., -1.])
    """
    wide = _wide(x)
    axes = _last_axes(wide, normalized_shape)
    small = float(np.finfo(wide.dtype.numpy).eps) if eps is None else eps
    return _like(_affine(wide / lg.sqrt(lg.mean(wide * wide, axis=axes, keepdims=True) + small), weight, None), x)


# --- by channel ------------------------------------------------------------------------------------------------------


def _channels(x: Tensor) -> Extent:
    if x.ndim < 2:
        raise ShapeError(f"expected an input (n, channels, ...), found {shape_text(x.shape)}")
    return x.shape[1]


def _along_channels(vector: TensorLike, x: Tensor) -> Tensor:
    """A vector of one number per channel, shaped to broadcast with x."""
    given = floating(vector)
    if given.ndim != 1 or not could_be_same(given.shape[0], _channels(x)):
        raise ShapeError(f"expected one number for each of {_channels(x)} channels, found {shape_text(given.shape)}")
    return given.reshape(given.shape[0], *[1] * (x.ndim - 2))


def _affine_channels(x: Tensor, weight: TensorLike | None, bias: TensorLike | None) -> Tensor:
    return _affine(
        x,
        None if weight is None else _along_channels(weight, x),
        None if bias is None else _along_channels(bias, x),
    )


@composite
def batch_norm(
    x: TensorLike,
    running_mean: TensorLike,
    running_var: TensorLike,
    weight: TensorLike | None = None,
    bias: TensorLike | None = None,
    eps: float = 1e-5,
) -> Tensor:
    """(x - running_mean) / sqrt(running_var + eps) * weight + bias by channel: inference.

    x is (n, channels, ...), the others (channels,). ShapeError where they are not. Training is `batch_norm_train`.
    Source: Ioffe and Szegedy, "Batch normalization", 2015.

    >>> import lazygraph as lg
    >>> lg.nn.batch_norm([[1.0], [3.0]], [2.0], [4.0], eps=0.0).eval()
    array([[-0.5],
           [ 0.5]])
    """
    wide = _wide(x)
    mean, var = _along_channels(running_mean, wide), _along_channels(running_var, wide)
    return _like(_affine_channels((wide - mean) / lg.sqrt(var + eps), weight, bias), x)


@composite
def batch_norm_train(
    x: TensorLike,
    running_mean: TensorLike,
    running_var: TensorLike,
    weight: TensorLike | None = None,
    bias: TensorLike | None = None,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> tuple[Tensor, Tensor, Tensor]:
    """(y, running_mean', running_var'): y is normalised by the batch's own mean and variance, by channel.

        running' = (1 - momentum) running + momentum of_the_batch

    with the variance of the batch that divides by count - 1, as in torch (y takes the one that divides by the count).
    The new statistics are constants to differentiation; an empty batch leaves them as they were.
    Shapes, errors and source: as `batch_norm`.

    >>> import lazygraph as lg
    >>> y, mean, var = lg.nn.batch_norm_train([[1.0], [3.0]], [0.0], [1.0], eps=0.0)
    >>> y.eval().tolist(), mean.eval(), var.eval()
    ([[-1.0], [1.0]], array([0.2]), array([1.1]))
    """
    wide = _wide(x)
    axes = (0, *range(2, wide.ndim))
    mean, var = floating(running_mean), floating(running_var)
    for each in (mean, var):
        _along_channels(each, wide)
    centre = lg.mean(wide, axis=axes, keepdims=True)
    apart = wide - centre
    spread = lg.mean(apart * apart, axis=axes, keepdims=True)
    y = _like(_affine_channels(apart / lg.sqrt(spread + eps), weight, bias), x)
    size = dims.product([wide.shape[axis] for axis in axes])
    count = lg.constant(size).astype(wide.dtype)
    unbiased = spread.reshape(-1) * (count / lg.maximum(count - 1, 1))
    return y, _moved(mean, centre.reshape(-1), momentum, size), _moved(var, unbiased, momentum, size)


def _moved(running: Tensor, found: Tensor, momentum: float, size: Extent) -> Tensor:
    """The running statistic after a batch of `size` numbers, whose mean is NaN where there are none."""
    moved = (running * (1 - momentum) + lg.stop_gradient(found) * momentum).astype(running.dtype)
    return moved if dims.prove_nonnegative(size - 1) else lg.where(lg.constant(size) > 0, moved, running)


@composite
def group_norm(
    x: TensorLike,
    num_groups: int,
    weight: TensorLike | None = None,
    bias: TensorLike | None = None,
    eps: float = 1e-5,
) -> Tensor:
    """Each example normalised over groups of channels and all positions; weight and bias are by channel.

    x is (n, channels, ...). ShapeError where the channels do not divide.
    Source: Wu and He, "Group normalization", 2018.

    >>> import lazygraph as lg
    >>> lg.nn.group_norm([[1.0, 3.0, 10.0, 30.0]], 2, eps=0.0).eval()
    array([[-1.,  1., -1.,  1.]])
    """
    wide = _wide(x)
    channels = _channels(wide)
    if not isinstance(channels, int) or num_groups < 1 or channels % num_groups:
        raise ShapeError(f"expected channels in {num_groups} equal groups, found {channels}")
    grouped = wide.reshape(wide.shape[0], num_groups, channels // num_groups, *wide.shape[2:])
    made = _standardised(grouped, tuple(range(2, grouped.ndim)), eps).reshape(wide.shape)
    return _like(_affine_channels(made, weight, bias), x)


@composite
def instance_norm(
    x: TensorLike, weight: TensorLike | None = None, bias: TensorLike | None = None, eps: float = 1e-5
) -> Tensor:
    """Each channel of each example normalised over its positions; weight and bias are by channel.

    x is (n, channels, ...). Source: Ulyanov, Vedaldi, Lempitsky, "Instance normalization", 2016.

    >>> import lazygraph as lg
    >>> lg.nn.instance_norm([[[1.0, 3.0], [10.0, 30.0]]], eps=0.0).eval()
    array([[[-1.,  1.],
            [-1.,  1.]]])
    """
    wide = _wide(x)
    if wide.ndim < 3:
        raise ShapeError(f"expected an input (n, channels, positions ...), found {shape_text(wide.shape)}")
    made = _standardised(wide, tuple(range(2, wide.ndim)), eps)
    return _like(_affine_channels(made, weight, bias), x)

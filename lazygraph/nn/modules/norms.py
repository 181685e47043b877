"""Normalisations with weights, named and laid out as in torch.nn; weights start as ones, biases as zeros.

In: sizes. Out: modules.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from numpy.typing import DTypeLike

from lazygraph.nn import normalization as functions
from lazygraph.nn.modules.module import Module, Training
from lazygraph.runtime import dtypes
from lazygraph.runtime.dtypes import DType
from lazygraph.state import Variable, variable
from lazygraph.tensor import Tensor, TensorLike

__all__ = ["BatchNorm", "GroupNorm", "LayerNorm", "RMSNorm"]


def _ones(shape: int | Sequence[int], dtype: DTypeLike | DType, name: str = "weight") -> Variable:
    return variable(np.ones(shape), name, dtype)


def _zeros(shape: int | Sequence[int], dtype: DTypeLike | DType, name: str = "bias") -> Variable:
    return variable(np.zeros(shape), name, dtype)


class LayerNorm(Module):
    """`lg.nn.layer_norm` over the last axes, whose extents are `shape`.

    >>> import lazygraph as lg
    >>> lg.nn.LayerNorm(2)([[1.0, 3.0]]).eval().round(3)
    array([[-1.,  1.]])
    """

    def __init__(
        self, shape: int | Sequence[int], eps: float = 1e-5, *, dtype: DTypeLike | DType = dtypes.float32
    ) -> None:
        self.weight, self.bias = _ones(shape, dtype), _zeros(shape, dtype)
        self.eps = eps

    def __call__(self, x: TensorLike, train: Training | None = None) -> Tensor:
        return functions.layer_norm(x, self.weight.shape, self.weight, self.bias, self.eps)


class RMSNorm(Module):
    """`lg.nn.rms_norm` over the last axes, whose extents are `shape`.

    >>> import lazygraph as lg
    >>> lg.nn.RMSNorm(2)([[3.0, -3.0]]).eval().round(3)
    array([[ 1., -1.]])
    """

    def __init__(
        self, shape: int | Sequence[int], eps: float | None = None, *, dtype: DTypeLike | DType = dtypes.float32
    ) -> None:
        self.weight = _ones(shape, dtype)
        self.eps = eps

    def __call__(self, x: TensorLike, train: Training | None = None) -> Tensor:
        return functions.rms_norm(x, self.weight.shape, self.weight, self.eps)


class GroupNorm(Module):
    """`lg.nn.group_norm` of x (n, channels, ...) in groups of channels.

    >>> import lazygraph as lg
    >>> lg.nn.GroupNorm(2, 4)([[1.0, 3.0, 10.0, 30.0]]).eval().round(3)
    array([[-1.,  1., -1.,  1.]])
    """

    def __init__(
        self, num_groups: int, channels: int, eps: float = 1e-5, *, dtype: DTypeLike | DType = dtypes.float32
    ) -> None:
        self.weight, self.bias = _ones(channels, dtype), _zeros(channels, dtype)
        self.num_groups, self.eps = num_groups, eps

    def __call__(self, x: TensorLike, train: Training | None = None) -> Tensor:
        return functions.group_norm(x, self.num_groups, self.weight, self.bias, self.eps)


class BatchNorm(Module):
    """`lg.nn.batch_norm` of x (n, channels, ...), by the batch in training and by running statistics in inference.

    A training pass leaves the new running statistics in `train.updates`.

    >>> import lazygraph as lg
    >>> lg.nn.BatchNorm(1)([[1.0], [3.0]], lg.nn.Training()).eval().round(3)
    array([[-1.],
           [ 1.]])
    """

    buffers: ClassVar[tuple[str, ...]] = ("running_mean", "running_var")

    def __init__(
        self,
        channels: int,
        eps: float = 1e-5,
        momentum: float = 0.1,
        *,
        dtype: DTypeLike | DType = dtypes.float32,
    ) -> None:
        self.weight, self.bias = _ones(channels, dtype), _zeros(channels, dtype)
        self.running_mean, self.running_var = (
            _zeros(channels, dtype, "running_mean"),
            _ones(channels, dtype, "running_var"),
        )
        self.eps, self.momentum = eps, momentum

    def __call__(self, x: TensorLike, train: Training | None = None) -> Tensor:
        if train is None:
            return functions.batch_norm(x, self.running_mean, self.running_var, self.weight, self.bias, self.eps)
        mean, var = train.latest(self.running_mean), train.latest(self.running_var)
        y, mean, var = functions.batch_norm_train(x, mean, var, self.weight, self.bias, self.momentum, self.eps)
        train.renew(self.running_mean, mean)
        train.renew(self.running_var, var)
        return y

"""Convolutions with weights, named and laid out as in torch.nn; channels are axis 1.

In: sizes, and `rng`: a NumPy generator or a seed for one, from which initial weights are drawn (torch's defaults). Out:
modules.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import ClassVar

import numpy as np
from numpy.typing import DTypeLike

from lazygraph.nn import convolution as functions
from lazygraph.nn.convolution import Padding
from lazygraph.nn.initializers import fan_in_uniform
from lazygraph.nn.modules.layers import Rng, drawn_bias
from lazygraph.nn.modules.module import Module, Training
from lazygraph.nn.spatial import Steps, steps
from lazygraph.runtime import dtypes
from lazygraph.runtime.dtypes import DType
from lazygraph.state import variable
from lazygraph.tensor import Tensor, TensorLike

__all__ = ["Conv1d", "Conv2d", "Conv3d"]


class _Convolution(Module):
    """What the three ranks share: weight (outputs, inputs / groups, *kernel) and bias (outputs,) or None.

    Both start uniform in +-1 / sqrt(inputs / groups * kernel's size).
    """

    rank: ClassVar[int]
    function: ClassVar[Callable[..., Tensor]]

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: Steps,
        stride: Steps = 1,
        padding: Padding = 0,
        dilation: Steps = 1,
        groups: int = 1,
        bias: bool = True,
        *,
        rng: Rng,
        dtype: DTypeLike | DType = dtypes.float32,
    ) -> None:
        generator = np.random.default_rng(rng)
        if groups < 1 or inputs % groups or outputs % groups:
            raise ValueError(f"{type(self).__name__}: {inputs} and {outputs} channels do not divide by {groups} groups")
        shape = (outputs, inputs // groups, *steps("kernel", kernel, self.rank))
        fan_in = math.prod(shape[1:])
        self.weight = variable(fan_in_uniform(shape, fan_in, generator, dtype), "weight")
        self.bias = drawn_bias(outputs, fan_in, generator, dtype) if bias else None
        self.stride, self.padding, self.dilation, self.groups = stride, padding, dilation, groups

    def __call__(self, x: TensorLike, train: Training | None = None) -> Tensor:
        return type(self).function(
            x,
            self.weight,
            self.bias,
            stride=self.stride,
            padding=self.padding,
            dilation=self.dilation,
            groups=self.groups,
        )


class Conv1d(_Convolution):
    """`lg.nn.conv1d`: (n, inputs, length) -> (n, outputs, length'). Weight (outputs, inputs / groups, kernel), bias
    (outputs,) or None; both start uniform in +-1 / sqrt(inputs / groups * kernel's size).

    >>> import lazygraph as lg
    >>> lg.nn.Conv1d(3, 8, 5, padding=2, rng=0)(lg.placeholder((lg.dim("n"), 3, 32), lg.float32, "x")).shape
    (Dim(n), 8, 32)
    """

    rank, function = 1, staticmethod(functions.conv1d)


class Conv2d(_Convolution):
    """`lg.nn.conv2d`: (n, inputs, h, w) -> (n, outputs, h', w'). Weights as those of `Conv1d`, with two window extents.

    >>> import lazygraph as lg
    >>> lg.nn.Conv2d(3, 8, 3, stride=2, padding=1, rng=0)(lg.placeholder((lg.dim("n"), 3, 32, 32), name="x")).shape
    (Dim(n), 8, 16, 16)
    """

    rank, function = 2, staticmethod(functions.conv2d)


class Conv3d(_Convolution):
    """`lg.nn.conv3d`: (n, inputs, d, h, w) -> (n, outputs, d', h', w'). Weights as those of `Conv1d`, with three.

    >>> import lazygraph as lg
    >>> lg.nn.Conv3d(1, 2, 3, rng=0)(lg.placeholder((lg.dim("n"), 1, 4, 5, 6), name="x")).shape
    (Dim(n), 2, 2, 3, 4)
    """

    rank, function = 3, staticmethod(functions.conv3d)

"""Pooling as layers of a `Sequential`: they have no weights.

In: the parameters of the functions of lg.nn. Out: modules.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from lazygraph.nn import adaptive_pooling, pooling
from lazygraph.nn.adaptive_pooling import OutputSize
from lazygraph.nn.modules.module import Module, Training
from lazygraph.nn.spatial import Padding, Sizes, Steps
from lazygraph.tensor import Tensor, TensorLike

__all__ = ["AdaptiveAvgPool2d", "AvgPool1d", "AvgPool2d", "AvgPool3d", "MaxPool1d", "MaxPool2d", "MaxPool3d"]


class _Pool(Module):
    """The windows of a pooling function."""

    function: ClassVar[Callable[..., Tensor]]

    def __init__(self, kernel_size: Sizes, stride: Steps | None = None, padding: Padding = 0) -> None:
        self.kernel_size, self.stride, self.padding = kernel_size, stride, padding

    def __call__(self, x: TensorLike, train: Training | None = None) -> Tensor:
        return type(self).function(x, self.kernel_size, self.stride, self.padding)


class MaxPool1d(_Pool):
    """`lg.nn.max_pool1d`.

    >>> import lazygraph as lg
    >>> lg.nn.MaxPool1d(2)([[[1.0, 3.0, 2.0, 0.0]]]).eval()
    array([[[3., 2.]]])
    """

    function = staticmethod(pooling.max_pool1d)


class MaxPool2d(_Pool):
    """`lg.nn.max_pool2d`.

    >>> import lazygraph as lg
    >>> lg.nn.MaxPool2d(2)(lg.placeholder((lg.dim("n"), 3, 8, 8), name="x")).shape
    (Dim(n), 3, 4, 4)
    """

    function = staticmethod(pooling.max_pool2d)


class MaxPool3d(_Pool):
    """`lg.nn.max_pool3d`.

    >>> import lazygraph as lg
    >>> lg.nn.MaxPool3d(2)(lg.placeholder((lg.dim("n"), 3, 4, 8, 8), name="x")).shape
    (Dim(n), 3, 2, 4, 4)
    """

    function = staticmethod(pooling.max_pool3d)


class AvgPool1d(_Pool):
    """`lg.nn.avg_pool1d`.

    >>> import lazygraph as lg
    >>> lg.nn.AvgPool1d(2)([[[1.0, 3.0, 2.0, 0.0]]]).eval()
    array([[[2., 1.]]])
    """

    function = staticmethod(pooling.avg_pool1d)


class AvgPool2d(_Pool):
    """`lg.nn.avg_pool2d`.

    >>> import lazygraph as lg
    >>> lg.nn.AvgPool2d(2)(lg.placeholder((lg.dim("n"), 3, 8, 8), name="x")).shape
    (Dim(n), 3, 4, 4)
    """

    function = staticmethod(pooling.avg_pool2d)


class AvgPool3d(_Pool):
    """`lg.nn.avg_pool3d`.

    >>> import lazygraph as lg
    >>> lg.nn.AvgPool3d(2)(lg.placeholder((lg.dim("n"), 3, 4, 8, 8), name="x")).shape
    (Dim(n), 3, 2, 4, 4)
    """

    function = staticmethod(pooling.avg_pool3d)


class AdaptiveAvgPool2d(Module):
    """`lg.nn.adaptive_avg_pool2d`: means over windows that make the wanted size of any image.

    >>> import lazygraph as lg
    >>> lg.nn.AdaptiveAvgPool2d(1)(lg.placeholder((lg.dim("n"), 3, 7, 5), name="x")).shape
    (Dim(n), 3, 1, 1)
    """

    def __init__(self, output_size: OutputSize) -> None:
        self.output_size = output_size

    def __call__(self, x: TensorLike, train: Training | None = None) -> Tensor:
        return adaptive_pooling.adaptive_avg_pool2d(x, self.output_size)

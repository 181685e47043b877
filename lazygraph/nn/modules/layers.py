"""Layers with weights, and containers of layers. Weights are named and laid out as in torch.nn.

In: sizes, and `rng`: a NumPy generator or a seed for one, from which initial weights are drawn (torch's defaults). Out:
modules.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any, Union

import numpy as np
from numpy.typing import DTypeLike

import lazygraph as lg
from lazygraph.nn import layers as functions
from lazygraph.nn.initializers import fan_in_uniform
from lazygraph.nn.modules.module import Module, Training
from lazygraph.nn.noise import dropout
from lazygraph.runtime import dtypes
from lazygraph.runtime.dtypes import DType
from lazygraph.state import Variable, variable
from lazygraph.tensor import Tensor, TensorLike

__all__ = ["Dropout", "Embedding", "Flatten", "Linear", "Sequential"]

Rng = Union[int, np.random.Generator]
Layer = Union[Module, Callable[[Tensor], Tensor]]


def drawn_bias(outputs: int, fan_in: int, rng: np.random.Generator, dtype: DTypeLike | DType) -> Variable:
    """A bias as torch draws it: from the distribution of its weights."""
    return variable(fan_in_uniform((outputs,), fan_in, rng, dtype), "bias")


class Linear(Module):
    """x @ weight^T + bias: (..., inputs) -> (..., outputs). weight is (outputs, inputs), bias (outputs,) or None.

    Weights and bias start uniform in +-1 / sqrt(inputs).

    >>> import lazygraph as lg
    >>> layer = lg.nn.Linear(784, 10, rng=0)
    >>> layer(lg.placeholder((lg.dim("n"), 784), lg.float32, "x")).shape
    (Dim(n), 10)
    """

    def __init__(
        self, inputs: int, outputs: int, bias: bool = True, *, rng: Rng, dtype: DTypeLike | DType = dtypes.float32
    ) -> None:
        generator = np.random.default_rng(rng)
        self.weight = variable(fan_in_uniform((outputs, inputs), inputs, generator, dtype), "weight")
        self.bias = drawn_bias(outputs, inputs, generator, dtype) if bias else None

    def __call__(self, x: TensorLike, train: Training | None = None) -> Tensor:
        return functions.linear(x, self.weight, self.bias)


class Embedding(Module):
    """The rows of `weight` (count, width) at integer indices: (...) -> (..., width). Rows start standard normal.

    The row `padding_idx` starts as zeros and gets no derivative.

    >>> import lazygraph as lg
    >>> lg.nn.Embedding(65, 8, rng=0)([[3, 1]]).shape
    (1, 2, 8)
    """

    def __init__(
        self,
        count: int,
        width: int,
        padding_idx: int | None = None,
        *,
        rng: Rng,
        dtype: DTypeLike | DType = dtypes.float32,
    ) -> None:
        rows = np.random.default_rng(rng).standard_normal((count, width))
        if padding_idx is not None:
            rows[padding_idx] = 0
        self.weight = variable(rows, "weight", dtype)
        self.padding_idx = padding_idx

    def __call__(self, x: TensorLike, train: Training | None = None) -> Tensor:
        return functions.embedding(x, self.weight, self.padding_idx)


class Dropout(Module):
    """`lg.nn.dropout` in training, nothing in inference.

    >>> import lazygraph as lg
    >>> layer, x = lg.nn.Dropout(0.5), lg.constant([1.0, 2.0])
    >>> layer(x) is x, layer(x, lg.nn.Training(random=0)) is x
    (True, False)
    """

    def __init__(self, p: float = 0.5) -> None:
        self.p = p

    def __call__(self, x: TensorLike, train: Training | None = None) -> Tensor:
        if train is None or self.p == 0:
            return x if isinstance(x, Tensor) else lg.constant(x)
        return dropout(x, self.p, train.key())


class Flatten(Module):
    """(n, ...) -> (n, everything else).

    >>> import lazygraph as lg
    >>> lg.nn.Flatten()(lg.placeholder((lg.dim("n"), 3, 4), lg.float32, "x")).shape
    (Dim(n), 12)
    """

    def __call__(self, x: TensorLike, train: Training | None = None) -> Tensor:
        given = lg.constant(x)
        return given.reshape(given.shape[0], math.prod(given.shape[1:]))


class Sequential(Module):
    """Layers one after the other: modules, which are given `train`, and functions of one tensor, which are not.

    Its parameters go by the layers' positions: "0.weight", "2.bias".

    >>> import lazygraph as lg
    >>> model = lg.nn.Sequential(lg.nn.Linear(4, 8, rng=0), lg.nn.relu, lg.nn.Linear(8, 2, rng=1))
    >>> model([[1.0, 2.0, 3.0, 4.0]]).shape
    (1, 2)
    """

    def __init__(self, *layers: Layer) -> None:
        self.layers = list(layers)

    def parts(self) -> Iterator[tuple[str, Any]]:
        return iter([(str(at), layer) for at, layer in enumerate(self.layers)])

    def __call__(self, x: TensorLike, train: Training | None = None) -> Tensor:
        value = lg.constant(x)
        for layer in self.layers:
            value = layer(value, train) if isinstance(layer, Module) else layer(value)
        return value

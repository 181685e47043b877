"""Initial weights whose variance keeps signals and gradients of the same size from layer to layer.

In: a shape and a seed, a NumPy generator, or a random key. Out: an array for a seed or a generator, a tensor for a key.
A weight (inputs, outputs) has as many fans in and out; axes before the last two multiply both (a convolution's window).
"""

from __future__ import annotations

import math
from typing import Any, Union

import numpy as np
from numpy.typing import DTypeLike, NDArray

import lazygraph as lg
from lazygraph.compiler.ir.errors import ShapeError
from lazygraph.frames import composite
from lazygraph.promotion import as_dtype
from lazygraph.runtime import dtypes
from lazygraph.runtime.dtypes import DType
from lazygraph.tensor import Tensor

Source = Union[int, np.random.Generator, Tensor]
Shape = tuple[int, ...]


def fans(shape: Shape) -> tuple[int, int]:
    """How many inputs an output sums, and how many outputs an input reaches. ShapeError for fewer than two axes."""
    if len(shape) < 2:
        raise ShapeError(f"a weight has at least two axes (inputs, outputs), found the shape {shape}")
    window = math.prod(shape[:-2])
    return window * shape[-2], window * shape[-1]


def _uniform(shape: Shape, limit: float, source: Source, dtype: DTypeLike | DType) -> NDArray[Any] | Tensor:
    if isinstance(source, Tensor):
        return lg.random.uniform(source, shape, dtype, -limit, limit)
    return np.random.default_rng(source).uniform(-limit, limit, shape).astype(as_dtype(dtype).numpy)


def _normal(shape: Shape, deviation: float, source: Source, dtype: DTypeLike | DType) -> NDArray[Any] | Tensor:
    if isinstance(source, Tensor):
        return lg.random.normal(source, shape, dtype) * deviation
    return np.random.default_rng(source).normal(0.0, deviation, shape).astype(as_dtype(dtype).numpy)


@composite
def glorot_uniform(shape: Shape, seed: Source = 0, dtype: DTypeLike | DType = dtypes.float32) -> NDArray[Any] | Tensor:
    """Uniform in +-sqrt(6 / (fan_in + fan_out)), for tanh and linear layers.

    Source: Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural networks", 2010.

    >>> import lazygraph as lg
    >>> w = lg.variable(lg.nn.glorot_uniform((784, 10), seed=0), "w")
    >>> w
    <Tensor w: float32 (784, 10)>
    """
    return _uniform(shape, math.sqrt(6 / sum(fans(shape))), seed, dtype)


@composite
def glorot_normal(shape: Shape, seed: Source = 0, dtype: DTypeLike | DType = dtypes.float32) -> NDArray[Any] | Tensor:
    """Normal of variance 2 / (fan_in + fan_out), for tanh and linear layers. Source: as `glorot_uniform`."""
    return _normal(shape, math.sqrt(2 / sum(fans(shape))), seed, dtype)


@composite
def he_uniform(shape: Shape, seed: Source = 0, dtype: DTypeLike | DType = dtypes.float32) -> NDArray[Any] | Tensor:
    """Uniform in +-sqrt(6 / fan_in), for relu layers.

    Source: He, Zhang, Ren, Sun, "Delving deep into rectifiers", 2015.
    """
    return _uniform(shape, math.sqrt(6 / fans(shape)[0]), seed, dtype)


@composite
def he_normal(shape: Shape, seed: Source = 0, dtype: DTypeLike | DType = dtypes.float32) -> NDArray[Any] | Tensor:
    """Normal of variance 2 / fan_in, for relu layers. Source: as `he_uniform`."""
    return _normal(shape, math.sqrt(2 / fans(shape)[0]), seed, dtype)

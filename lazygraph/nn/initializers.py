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

__all__ = [
    "fan_in_uniform",
    "glorot_normal",
    "glorot_uniform",
    "he_normal",
    "he_uniform",
    "orthogonal",
    "truncated_normal",
]

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


@composite
def fan_in_uniform(
    shape: Shape, fan_in: int, seed: Source = 0, dtype: DTypeLike | DType = dtypes.float32
) -> NDArray[Any] | Tensor:
    """Uniform in +-1 / sqrt(fan_in): what torch's linear layers and convolutions start with, weights and biases alike.

    `fan_in` is how many inputs an output sums; of no inputs the draws are 0.

    >>> import lazygraph as lg
    >>> bool((abs(lg.nn.fan_in_uniform((10, 784), 784)) <= 784**-0.5).all())
    True
    """
    return _uniform(shape, 1 / math.sqrt(fan_in) if fan_in else 0.0, seed, dtype)


@composite
def truncated_normal(
    shape: Shape, deviation: float = 1.0, seed: Source = 0, dtype: DTypeLike | DType = dtypes.float32
) -> NDArray[Any] | Tensor:
    """Normal of mean 0 and this deviation, on condition that it lies within two deviations of 0.

    The distribution function of a uniform draw between its values at the bounds: sqrt(2) erfinv((2u - 1) erf(sqrt 2)).

    >>> import lazygraph as lg
    >>> float(abs(lg.nn.truncated_normal((1000,), 0.5)).max()) <= 1.0
    True
    """
    inside = math.erf(math.sqrt(2))
    if isinstance(seed, Tensor):
        made = lg.erfinv(lg.random.uniform(seed, shape, dtype, -inside, inside)) * (deviation * math.sqrt(2))
        return lg.clip(made, -2 * deviation, 2 * deviation)
    rng = np.random.default_rng(seed)
    draws = rng.standard_normal(shape)
    while (outside := abs(draws) > 2).any():
        draws[outside] = rng.standard_normal(int(outside.sum()))
    return np.asarray(draws * deviation).astype(as_dtype(dtype).numpy)


def orthogonal(
    shape: Shape, gain: float = 1.0, seed: int | np.random.Generator = 0, dtype: DTypeLike | DType = dtypes.float32
) -> NDArray[Any]:
    """A random matrix with orthonormal rows or columns (whichever are fewer), times the gain; axis 0 against the rest.

    Raises ShapeError for fewer than two axes. Source: Saxe, McClelland, Ganguli, "Exact solutions to the nonlinear
    dynamics of learning in deep linear neural networks", 2014.

    >>> import lazygraph as lg
    >>> w = lg.nn.orthogonal((2, 5), dtype=lg.float64)
    >>> (w @ w.T).round(6)
    array([[ 1., -0.],
           [-0.,  1.]])
    """
    if len(shape) < 2:
        raise ShapeError(f"an orthogonal matrix has at least two axes, found the shape {shape}")
    rows, columns = shape[0], math.prod(shape[1:])
    draws = np.random.default_rng(seed).standard_normal((max(rows, columns), min(rows, columns)))
    q, r = np.linalg.qr(draws)
    q = q * np.where(np.diagonal(r) < 0, -1.0, 1.0)  # else the signs of r's diagonal choose the matrix
    return np.asarray((q if rows >= columns else q.T).reshape(shape) * gain).astype(as_dtype(dtype).numpy)

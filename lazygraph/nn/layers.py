"""Layers: functions of an input and its weights. Weights are variables that the caller makes.

In: tensors. Out: a tensor.
"""

from __future__ import annotations

import lazygraph as lg
from lazygraph.compiler.ir.errors import ShapeError
from lazygraph.contraction import matmul, tensordot
from lazygraph.elementwise import add
from lazygraph.errors import shape_text
from lazygraph.frames import composite
from lazygraph.nn.piecewise import floating
from lazygraph.promotion import as_axis, value_of
from lazygraph.tensor import Tensor, TensorLike

__all__ = ["bilinear", "dense", "embedding", "linear"]


def _plus(x: Tensor, bias: TensorLike | None) -> Tensor:
    return x if bias is None else add(x, bias)


@composite
def dense(x: TensorLike, weight: TensorLike, bias: TensorLike | None = None) -> Tensor:
    """x @ weight + bias: x (..., inputs), weight (inputs, outputs), bias (outputs,) -> (..., outputs).

    >>> import lazygraph as lg
    >>> lg.nn.dense([[1.0, 2.0]], [[1.0], [1.0]], [0.5]).eval()
    array([[3.5]])
    """
    return _plus(matmul(x, weight), bias)


@composite
def linear(x: TensorLike, weight: TensorLike, bias: TensorLike | None = None) -> Tensor:
    """x @ weight^T + bias: x (..., inputs), weight (outputs, inputs), bias (outputs,) -> (..., outputs).

    `dense` with the weight as torch keeps it.

    >>> import lazygraph as lg
    >>> lg.nn.linear([[1.0, 2.0]], [[1.0, 1.0]], [0.5]).eval()
    array([[3.5]])
    """
    return _plus(matmul(x, Tensor(value_of(weight)).T), bias)


@composite
def bilinear(x1: TensorLike, x2: TensorLike, weight: TensorLike, bias: TensorLike | None = None) -> Tensor:
    """sum_ij x1_i weight_kij x2_j + bias_k: x1 (..., i), x2 (..., j), weight (k, i, j), bias (k,) -> (..., k).

    >>> import lazygraph as lg
    >>> lg.nn.bilinear([1.0, 2.0], [3.0, 4.0], [[[1.0, 0.0], [0.0, 1.0]]]).eval()
    array([11.])
    """
    first = tensordot(x1, weight, ((-1,), (1,)))  # (..., k, j)
    second = Tensor(value_of(x2))
    return _plus(lg.sum(first * second.reshape(*second.shape[:-1], 1, second.shape[-1]), axis=-1), bias)


@composite
def embedding(indices: TensorLike, weight: TensorLike, padding_idx: int | None = None) -> Tensor:
    """The rows of `weight` (count, width) at integer indices (...) -> (..., width).

    An index out of bounds fails the step with this line; a negative one counts from the end. The row `padding_idx` gets
    no derivative. Raises DTypeError for indices that are no integers, ShapeError for a weight that is no matrix.

    >>> import lazygraph as lg
    >>> lg.nn.embedding([2, 0], [[1.0], [2.0], [3.0]]).eval()
    array([[3.],
           [1.]])
    """
    table, places = floating(weight), Tensor(value_of(indices))
    if table.ndim != 2:
        raise ShapeError(f"expected a weight (count, width), found {shape_text(table.shape)}")
    rows = lg.take(table, places, axis=0)
    if padding_idx is None:
        return rows
    place = as_axis(padding_idx, table.shape[0]) if isinstance(table.shape[0], int) else padding_idx
    return lg.where((places == place)[..., None], lg.stop_gradient(rows), rows)

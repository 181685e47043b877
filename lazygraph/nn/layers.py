"""Layers: functions of an input and its weights. Weights are variables that the caller makes.

In: tensors. Out: a tensor.
"""

from __future__ import annotations

from lazygraph.contraction import matmul
from lazygraph.elementwise import add
from lazygraph.frames import composite
from lazygraph.tensor import Tensor, TensorLike


@composite
def dense(x: TensorLike, weight: TensorLike, bias: TensorLike | None = None) -> Tensor:
    """x @ weight + bias: x (..., inputs), weight (inputs, outputs), bias (outputs,) -> (..., outputs).

    >>> import lazygraph as lg
    >>> lg.nn.dense([[1.0, 2.0]], [[1.0], [1.0]], [0.5]).eval()
    array([[3.5]])
    """
    product = matmul(x, weight)
    return product if bias is None else add(product, bias)

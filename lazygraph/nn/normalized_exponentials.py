"""Normalised exponentials: each row is shifted by its maximum, so that nothing overflows.

In: tensors; integers count as float64. Out: tensors of the same shape, or reduced over an axis.
"""

from __future__ import annotations

from lazygraph.compiler.ir.graph import Value
from lazygraph.compiler.ops.compose import emit
from lazygraph.compiler.passes.shift import finite_maximum, spread_back
from lazygraph.frames import composite
from lazygraph.promotion import as_axes, as_float, value_of
from lazygraph.reductions import restored
from lazygraph.tensor import Axes, Tensor, TensorLike

__all__ = ["log_softmax", "logsumexp", "softmax", "softmin"]


def shifted(value: Value, axes: tuple[int, ...]) -> tuple[Value, Value]:
    """(m, x - m) with m = max(x) over the axes, which is not differentiated: it cancels from what follows."""
    top = finite_maximum(value, axes)
    return top, value - spread_back(top, value, axes)


def log_total(below: Value, axes: tuple[int, ...]) -> Value:
    """log(sum(exp(x - m)))."""
    return emit("log", emit("reduce_sum", emit("exp", below), axes=axes))


@composite
def softmax(x: TensorLike, axis: Axes = -1) -> Tensor:
    """exp(x) / sum(exp(x)) over the axis.

    >>> import lazygraph as lg
    >>> lg.nn.softmax([1000.0, 1000.0]).eval()
    array([0.5, 0.5])
    """
    value = as_float(value_of(x))
    axes = as_axes(axis, value.type.rank)
    power = emit("exp", shifted(value, axes)[1])
    return Tensor(power / spread_back(emit("reduce_sum", power, axes=axes), value, axes))


@composite
def log_softmax(x: TensorLike, axis: Axes = -1) -> Tensor:
    """x - log(sum(exp(x))) over the axis."""
    value = as_float(value_of(x))
    axes = as_axes(axis, value.type.rank)
    below = shifted(value, axes)[1]
    return Tensor(below - spread_back(log_total(below, axes), value, axes))


@composite
def logsumexp(x: TensorLike, axis: Axes = None, *, keepdims: bool = False) -> Tensor:
    """log(sum(exp(x))) over the axis, all by default.

    >>> import lazygraph as lg
    >>> float(lg.nn.logsumexp([1000.0, 0.0]))
    1000.0
    """
    value = as_float(value_of(x))
    axes = as_axes(axis, value.type.rank)
    top, below = shifted(value, axes)
    result = top + log_total(below, axes)
    return Tensor(restored(result, value, axes) if keepdims else result)


@composite
def softmin(x: TensorLike, axis: Axes = -1) -> Tensor:
    """softmax(-x): exp(-x) / sum(exp(-x)) over the axis.

    >>> import lazygraph as lg
    >>> lg.nn.softmin([1000.0, 1000.0]).eval()
    array([0.5, 0.5])
    """
    return softmax(Tensor(-as_float(value_of(x))), axis)

"""Activations and normalised exponentials, each in the form that neither overflows nor cancels.

In: tensors; integers count as float64. Out: tensors of the same shape, or reduced over an axis.
"""

from __future__ import annotations

import math

from lazygraph.compiler.ir.graph import Value
from lazygraph.compiler.ops.compose import emit
from lazygraph.compiler.passes.shift import finite_maximum, folded_below_zero, spread_back
from lazygraph.frames import composite
from lazygraph.promotion import as_axes, as_float, scalar_like, value_of
from lazygraph.reductions import restored
from lazygraph.tensor import Axes, Tensor, TensorLike


@composite
def relu(x: TensorLike) -> Tensor:
    """max(x, 0); its derivative at 0 is 0.

    >>> import lazygraph as lg
    >>> lg.nn.relu([-1.0, 2.0]).eval()
    array([0., 2.])
    """
    value = value_of(x)
    zero = scalar_like(0, value)
    return Tensor(emit("select", emit("le", value, zero), zero, value))


@composite
def tanh(x: TensorLike) -> Tensor:
    """The hyperbolic tangent."""
    return Tensor(emit("tanh", as_float(value_of(x))))


@composite
def sigmoid(x: TensorLike) -> Tensor:
    """1 / (1 + exp(-x)), from exp(-|x|), which does not overflow.

    >>> import lazygraph as lg
    >>> lg.nn.sigmoid([-1000.0, 0.0, 1000.0]).eval()
    array([0. , 0.5, 1. ])
    """
    value = as_float(value_of(x))
    positive, below = folded_below_zero(value)
    power = emit("exp", below)
    return Tensor(emit("select", positive, scalar_like(1, power), power) / (power + 1))


@composite
def softplus(x: TensorLike) -> Tensor:
    """log(1 + exp(x)) = max(x, 0) + log1p(exp(-|x|))."""
    value = as_float(value_of(x))
    positive, below = folded_below_zero(value)
    return Tensor(emit("select", positive, value, scalar_like(0, value)) + emit("log1p", emit("exp", below)))


@composite
def gelu(x: TensorLike, approximate: str = "tanh") -> Tensor:
    """x times the normal distribution function of x: x/2 (1 + erf(x / sqrt 2)).

    `approximate` is "tanh", for x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x**3))), or "none".
    Source: Hendrycks and Gimpel, "Gaussian error linear units", 2016.
    """
    value = as_float(value_of(x))
    if approximate == "none":
        return Tensor(value * 0.5 * (emit("erf", value * math.sqrt(0.5)) + 1))
    if approximate != "tanh":
        raise ValueError(f'gelu: approximate is "tanh" or "none", found {approximate!r}')
    inner = (value + value * value * value * 0.044715) * math.sqrt(2 / math.pi)
    return Tensor(value * 0.5 * (emit("tanh", inner) + 1))


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

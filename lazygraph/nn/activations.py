"""Smooth activations, each in the form that neither overflows nor cancels.

In: tensors; integers count as float64. Out: tensors of the same shape.
"""

from __future__ import annotations

import math

import lazygraph as lg
from lazygraph.compiler.ir.errors import ShapeError
from lazygraph.compiler.ops.compose import emit
from lazygraph.compiler.passes.shift import folded_below_zero
from lazygraph.frames import composite
from lazygraph.nn.piecewise import floating
from lazygraph.promotion import as_axis, as_float, scalar_like, value_of
from lazygraph.tensor import Tensor, TensorLike

__all__ = [
    "gelu",
    "glu",
    "log_sigmoid",
    "mish",
    "sigmoid",
    "silu",
    "softplus",
    "softsign",
    "swish",
    "tanh",
    "tanhshrink",
]


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
def softplus(x: TensorLike, beta: float = 1.0) -> Tensor:
    """log(1 + exp(beta x)) / beta, from max(y, 0) + log1p(exp(-|y|)) with y = beta x.

    torch's `threshold`, above which it returns x, is not needed: the formula is accurate there.

    >>> import lazygraph as lg
    >>> lg.nn.softplus([-1000.0, 0.0, 1000.0]).eval()
    array([0.00000000e+00, 6.93147181e-01, 1.00000000e+03])
    """
    value = as_float(value_of(x))
    value = value if beta == 1 else value * beta
    positive, below = folded_below_zero(value)
    result = emit("select", positive, value, scalar_like(0, value)) + emit("log1p", emit("exp", below))
    return Tensor(result if beta == 1 else result / beta)


@composite
def log_sigmoid(x: TensorLike) -> Tensor:
    """log(1 / (1 + exp(-x))) = -softplus(-x).

    >>> import lazygraph as lg
    >>> lg.nn.log_sigmoid([-1000.0, 0.0]).eval()
    array([-1.00000000e+03, -6.93147181e-01])
    """
    return -softplus(-floating(x))


@composite
def gelu(x: TensorLike, approximate: str = "tanh") -> Tensor:
    """x times the normal distribution function of x: x/2 (1 + erf(x / sqrt 2)).

    `approximate` is "tanh", for x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x**3))), or "none". float16 and bfloat16 are
    computed in float32: the cube of 41 and the square of 256 overflow in float16.
    Source: Hendrycks and Gimpel, "Gaussian error linear units", 2016.
    """
    given = floating(x)
    value = given.astype(given.dtype.computed_in).value
    if approximate == "none":
        return Tensor(value * 0.5 * (emit("erf", value * math.sqrt(0.5)) + 1)).astype(given.dtype)
    if approximate != "tanh":
        raise ValueError(f'gelu: approximate is "tanh" or "none", found {approximate!r}')
    inner = (value + value * value * value * 0.044715) * math.sqrt(2 / math.pi)
    return Tensor(value * 0.5 * (emit("tanh", inner) + 1)).astype(given.dtype)


@composite
def silu(x: TensorLike) -> Tensor:
    """x sigmoid(x), also called swish. Source: Ramachandran, Zoph, Le, "Searching for activation functions", 2017.

    >>> import lazygraph as lg
    >>> lg.nn.silu([-1000.0, 0.0, 1000.0]).eval()
    array([  -0.,    0., 1000.])
    """
    given = floating(x)
    return given * sigmoid(given)


swish = silu


@composite
def mish(x: TensorLike) -> Tensor:
    """x tanh(softplus(x)). Source: Misra, "Mish: a self regularized non-monotonic activation function", 2019.

    >>> import lazygraph as lg
    >>> lg.nn.mish([-1000.0, 0.0, 1000.0]).eval()
    array([  -0.,    0., 1000.])
    """
    given = floating(x)
    return given * tanh(softplus(given))


@composite
def softsign(x: TensorLike) -> Tensor:
    """x / (1 + |x|).

    >>> import lazygraph as lg
    >>> lg.nn.softsign([-3.0, 0.0, 1.0]).eval()
    array([-0.75,  0.  ,  0.5 ])
    """
    given = floating(x)
    return given / (lg.abs(given) + 1)


@composite
def tanhshrink(x: TensorLike) -> Tensor:
    """x - tanh(x). Below about 1e-3 the difference cancels: it is right to one unit in the last place of x.

    >>> import lazygraph as lg
    >>> lg.nn.tanhshrink([0.0, 1000.0]).eval()
    array([  0., 999.])
    """
    given = floating(x)
    return given - tanh(given)


@composite
def glu(x: TensorLike, axis: int = -1) -> Tensor:
    """The first half of an axis times the sigmoid of its second half. ShapeError where the extent is known to be odd.

    Source: Dauphin, Fan, Auli, Grangier, "Language modeling with gated convolutional networks", 2017.

    >>> import lazygraph as lg
    >>> lg.nn.glu([3.0, 5.0, 0.0, 1000.0]).eval()
    array([1.5, 5. ])
    """
    given = floating(x)
    extent = given.shape[as_axis(axis, given.ndim)]
    if isinstance(extent, int) and extent % 2:
        raise ShapeError(f"expected an axis of even extent, found {extent}")
    left, right = lg.split(given, 2, axis=axis)
    return left * sigmoid(right)

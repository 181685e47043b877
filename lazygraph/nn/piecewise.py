"""Activations made of pieces: straight lines, and the elu family that bends below 0.

In: tensors; integers count as float64. Out: tensors of the same shape. Each keeps NaN. At a corner the derivative is
that of the flatter piece unless a function says otherwise, as torch.nn.functional has it. A branch that is not taken is
given an argument at which it is finite, so that derivatives of every order are.
"""

from __future__ import annotations

import lazygraph as lg
from lazygraph.compiler.ir.errors import ShapeError
from lazygraph.errors import shape_text
from lazygraph.frames import composite
from lazygraph.promotion import as_float, value_of
from lazygraph.tensor import Tensor, TensorLike

__all__ = [
    "celu",
    "elu",
    "hardshrink",
    "hardsigmoid",
    "hardswish",
    "hardtanh",
    "leaky_relu",
    "prelu",
    "relu",
    "relu6",
    "selu",
    "softshrink",
    "threshold",
]

# Of the map y = SCALE * elu(x, ALPHA), whose outputs keep mean 0 and variance 1 through the layers (see `selu`).
ALPHA, SCALE = 1.6732632423543772848, 1.0507009873554804934


def floating(x: TensorLike) -> Tensor:
    """The operand as a tensor of floats."""
    return Tensor(as_float(value_of(x)))


@composite
def relu(x: TensorLike) -> Tensor:
    """max(x, 0); its derivative at 0 is 0.

    >>> import lazygraph as lg
    >>> lg.nn.relu([-1.0, 2.0]).eval()
    array([0., 2.])
    """
    given = Tensor(value_of(x))
    return lg.where(given <= 0, 0, given)


@composite
def relu6(x: TensorLike) -> Tensor:
    """min(max(x, 0), 6).

    >>> import lazygraph as lg
    >>> lg.nn.relu6([-1.0, 2.0, 8.0]).eval()
    array([0., 2., 6.])
    """
    return hardtanh(x, 0.0, 6.0)


@composite
def leaky_relu(x: TensorLike, negative_slope: float = 0.01) -> Tensor:
    """x above 0, negative_slope * x elsewhere. Source: Maas, Hannun, Ng, "Rectifier nonlinearities", 2013.

    >>> import lazygraph as lg
    >>> lg.nn.leaky_relu([-1.0, 2.0], 0.5).eval()
    array([-0.5,  2. ])
    """
    given = floating(x)
    return lg.where(given > 0, given, given * negative_slope)


@composite
def prelu(x: TensorLike, weight: TensorLike) -> Tensor:
    """`leaky_relu` with a learnt slope: a scalar, or one per channel, which is axis 1 of x (axis 0 of a vector).

    Raises ShapeError for a weight of another shape. Source: He, Zhang, Ren, Sun, "Delving deep into rectifiers", 2015.

    >>> import lazygraph as lg
    >>> lg.nn.prelu([[-1.0, -1.0]], [0.5, 0.25]).eval()
    array([[-0.5 , -0.25]])
    """
    given, slope = floating(x), floating(weight)
    if slope.ndim > 1:
        raise ShapeError(f"expected one slope or a vector of one per channel, found {shape_text(slope.shape)}")
    if slope.ndim and given.ndim > 1 and slope.shape != (1,):
        slope = slope.reshape(*slope.shape, *[1] * (given.ndim - 2))
    return lg.where(given > 0, given, slope * given)


@composite
def elu(x: TensorLike, alpha: float = 1.0) -> Tensor:
    """x above 0, alpha (exp(x) - 1) elsewhere.

    Source: Clevert, Unterthiner, Hochreiter, "Fast and accurate deep network learning by exponential linear units",
    2016.

    >>> import lazygraph as lg
    >>> lg.nn.elu([-1000.0, 0.0, 1000.0]).eval()
    array([  -1.,    0., 1000.])
    """
    given = floating(x)
    above = given > 0
    return lg.where(above, given, lg.expm1(lg.where(above, 0, given)) * alpha)


@composite
def celu(x: TensorLike, alpha: float = 1.0) -> Tensor:
    """x above 0, alpha (exp(x / alpha) - 1) elsewhere: an elu whose slope at 0 is 1 on both sides.

    Source: Barron, "Continuously differentiable exponential linear units", 2017.

    >>> import lazygraph as lg
    >>> lg.nn.celu([-1000.0, 3.0], 2.0).eval()
    array([-2.,  3.])
    """
    given = floating(x)
    above = given > 0
    return lg.where(above, given, lg.expm1(lg.where(above, 0, given) / alpha) * alpha)


@composite
def selu(x: TensorLike) -> Tensor:
    """1.0507 elu(x, 1.6733), under which mean 0 and variance 1 are a fixed point from layer to layer.

    Source: Klambauer, Unterthiner, Mayr, Hochreiter, "Self-normalizing neural networks", 2017.

    >>> import lazygraph as lg
    >>> lg.nn.selu([-1000.0, 1.0]).eval()
    array([-1.75809934,  1.05070099])
    """
    return elu(x, ALPHA) * SCALE


@composite
def hardtanh(x: TensorLike, min_val: float = -1.0, max_val: float = 1.0) -> Tensor:
    """x within the bounds, the nearer bound elsewhere; the derivative at a bound is 0.

    >>> import lazygraph as lg
    >>> lg.nn.hardtanh([-2.0, 0.5, 2.0]).eval()
    array([-1. ,  0.5,  1. ])
    """
    given = floating(x)
    return lg.where(given <= min_val, min_val, lg.where(given >= max_val, max_val, given))


@composite
def hardsigmoid(x: TensorLike) -> Tensor:
    """(x + 3) / 6 between -3 and 3, 0 below and 1 above. Source: Howard et al., "Searching for MobileNetV3", 2019.

    >>> import lazygraph as lg
    >>> lg.nn.hardsigmoid([-4.0, 0.0, 4.0]).eval()
    array([0. , 0.5, 1. ])
    """
    given = floating(x)
    return lg.where(given <= -3, 0, lg.where(given >= 3, 1, (given + 3) / 6))


@composite
def hardswish(x: TensorLike) -> Tensor:
    """x hardsigmoid(x). Source: as `hardsigmoid`.

    >>> import lazygraph as lg
    >>> lg.nn.hardswish([-4.0, 3.0, 4.0]).eval()
    array([-0.,  3.,  4.])
    """
    given = floating(x)
    return lg.where(given <= -3, given * 0, lg.where(given >= 3, given, given * (given + 3) / 6))


@composite
def softshrink(x: TensorLike, lambd: float = 0.5) -> Tensor:
    """x moved toward 0 by lambd, and 0 within lambd of it: the minimiser over y of (x - y)**2 / 2 + lambd |y|.

    >>> import lazygraph as lg
    >>> lg.nn.softshrink([-2.0, 0.25, 2.0]).eval()
    array([-1.5,  0. ,  1.5])
    """
    given = floating(x)
    moved = lg.where(given > 0, given - lambd, given + lambd)
    return lg.where(lg.abs(given) <= lambd, 0, moved)


@composite
def hardshrink(x: TensorLike, lambd: float = 0.5) -> Tensor:
    """x, and 0 within lambd of 0.

    >>> import lazygraph as lg
    >>> lg.nn.hardshrink([-2.0, 0.25, 2.0]).eval()
    array([-2.,  0.,  2.])
    """
    given = floating(x)
    return lg.where(lg.abs(given) <= lambd, 0, given)


@composite
def threshold(x: TensorLike, threshold: float, value: float) -> Tensor:
    """x above the threshold, `value` elsewhere.

    >>> import lazygraph as lg
    >>> lg.nn.threshold([0.5, 2.0], 1.0, -7.0).eval()
    array([-7.,  2.])
    """
    given = floating(x)
    return lg.where(given <= threshold, value, given)

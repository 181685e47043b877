"""Losses of predicted numbers and of predicted distributions, element by element: take their mean to train.

In: predictions and targets, which broadcast. Out: a tensor of their common shape, as torch's with reduction="none".
"""

from __future__ import annotations

import math

import lazygraph as lg
from lazygraph.frames import composite
from lazygraph.nn.piecewise import floating
from lazygraph.tensor import Tensor, TensorLike

__all__ = ["gaussian_nll_loss", "huber_loss", "kl_div", "l1_loss", "mse_loss", "poisson_nll_loss", "smooth_l1_loss"]


@composite
def mse_loss(x: TensorLike, target: TensorLike) -> Tensor:
    """(x - target)**2.

    >>> import lazygraph as lg
    >>> lg.nn.mse_loss([1.0, 5.0], [2.0, 3.0]).eval()
    array([1., 4.])
    """
    apart = floating(x) - floating(target)
    return apart * apart


@composite
def l1_loss(x: TensorLike, target: TensorLike) -> Tensor:
    """|x - target|; its derivative is 0 where they are equal.

    >>> import lazygraph as lg
    >>> lg.nn.l1_loss([1.0, 5.0], [2.0, 3.0]).eval()
    array([1., 2.])
    """
    return lg.abs(floating(x) - floating(target))


@composite
def huber_loss(x: TensorLike, target: TensorLike, delta: float = 1.0) -> Tensor:
    """(x - target)**2 / 2 within delta, delta (|x - target| - delta / 2) beyond. ValueError unless delta > 0.

    Source: Huber, "Robust estimation of a location parameter", 1964.

    >>> import lazygraph as lg
    >>> lg.nn.huber_loss([1.0, 5.0], [2.0, 3.0]).eval()
    array([0.5, 1.5])
    """
    if not delta > 0:
        raise ValueError(f"huber_loss: expected delta > 0, found {delta}")
    apart = floating(x) - floating(target)
    size = lg.abs(apart)
    within = size < delta
    near = lg.where(within, apart, 0)
    return lg.where(within, near * near * 0.5, (size - delta / 2) * delta)


@composite
def smooth_l1_loss(x: TensorLike, target: TensorLike, beta: float = 1.0) -> Tensor:
    """huber_loss(x, target, beta) / beta; |x - target| for beta = 0. ValueError for a beta below 0.

    >>> import lazygraph as lg
    >>> lg.nn.smooth_l1_loss([1.0, 5.0], [2.0, 3.0], beta=2.0).eval()
    array([0.25, 1.  ])
    """
    if beta < 0:
        raise ValueError(f"smooth_l1_loss: expected beta >= 0, found {beta}")
    return l1_loss(x, target) if beta == 0 else huber_loss(x, target, beta) / beta


@composite
def kl_div(x: TensorLike, target: TensorLike, log_target: bool = False) -> Tensor:
    """t (log t - x) for log-probabilities x of the prediction and probabilities t, or their logarithms if `log_target`.

    0 log 0 counts as 0. Summed over the classes it is the Kullback-Leibler divergence of the prediction from the
    target.

    >>> import lazygraph as lg
    >>> lg.nn.kl_div([-1.0, -2.0], [1.0, 0.0]).eval()
    array([1., 0.])
    """
    given, t = floating(x), floating(target)
    if log_target:
        return lg.exp(t) * (t - given)
    positive = t > 0
    entropy = t * lg.log(lg.where(positive, t, 1))
    return lg.where(positive, entropy, lg.where(t < 0, math.nan, t)) - t * given


@composite
def poisson_nll_loss(
    x: TensorLike, target: TensorLike, log_input: bool = True, full: bool = False, eps: float = 1e-8
) -> Tensor:
    """exp(x) - t x, minus the log likelihood of counts t under the rate exp(x), but for log t!.

    Without `log_input` x is the rate: x - t log(x + eps). `full` adds Stirling's t log t - t + log(2 pi t) / 2 for
    t > 1 in place of log t!.

    >>> import lazygraph as lg
    >>> lg.nn.poisson_nll_loss([0.0], [3.0]).eval()
    array([1.])
    """
    given, t = floating(x), floating(target)
    loss = lg.exp(given) - t * given if log_input else given - t * lg.log(given + eps)
    if not full:
        return loss
    many = t > 1
    count = lg.where(many, t, 1)
    return loss + lg.where(many, count * lg.log(count) - count + lg.log(count * (2 * math.pi)) * 0.5, 0)


@composite
def gaussian_nll_loss(
    x: TensorLike, target: TensorLike, var: TensorLike, full: bool = False, eps: float = 1e-6
) -> Tensor:
    """(log v + (x - t)**2 / v) / 2, minus the log likelihood of t under mean x and variance v, plus a constant.

    v is max(var, eps), with the derivative of var throughout, as in torch. `full` adds log(2 pi) / 2.

    >>> import lazygraph as lg
    >>> lg.nn.gaussian_nll_loss([1.0], [3.0], [1.0]).eval()
    array([2.])
    """
    apart, given = floating(x) - floating(target), floating(var)
    v = given + lg.stop_gradient(lg.where(given < eps, eps - given, 0))
    loss = (lg.log(v) + apart * apart / v) * 0.5
    return loss + 0.5 * math.log(2 * math.pi) if full else loss

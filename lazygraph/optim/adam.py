"""Adam: steps scaled by running moments of the gradient.

In: gradients. Out: updates of the variables, of their moments, and of one count of steps.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

import lazygraph as lg
from lazygraph.optim.optimizer import Optimizer, Updates, zeros_beside
from lazygraph.state import Variable, variable
from lazygraph.tensor import Tensor, TensorLike


@dataclass(frozen=True, eq=False)
class Adam(Optimizer):
    """Steps scaled by bias-corrected running means of the gradient and of its square:

        m' = b1 m + (1 - b1) g,    v' = b2 v + (1 - b2) g**2
        w' = w - lr (m' / (1 - b1**t)) / (sqrt(v' / (1 - b2**t)) + eps)

    t counts the steps from 1; the means m and v start at 0. `lr` is a number or a scalar tensor. The corrections
    1 - b**t are computed in float64, as torch.optim.Adam does. Source: Kingma and Ba, "Adam: a method for stochastic
    optimization", 2015. Raises ValueError for a b outside 0 <= b < 1.

    >>> import lazygraph as lg
    >>> w = lg.variable([1.0], "w")
    >>> step = lg.function([], [], updates=lg.optim.Adam(0.5).updates({w: w * 2}))
    >>> _ = step()
    >>> w.numpy().round(6)
    array([0.5])
    """

    lr: TensorLike = 1e-3
    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = 1e-8

    def __post_init__(self) -> None:
        if not all(0 <= beta < 1 for beta in self.betas):
            raise ValueError(f"Adam: expected 0 <= beta < 1, found {self.betas}")

    def updates(self, gradients: Mapping[Variable, Tensor]) -> Updates:
        count = variable(np.zeros((), np.int64), "adam_steps")
        t = count + 1
        found: Updates = {count: t}
        first, second = (_correction(beta, t) for beta in self.betas)
        b1, b2 = self.betas
        for w, g in gradients.items():
            m, v = zeros_beside(w, "mean"), zeros_beside(w, "square")
            found[m] = b1 * m + (1 - b1) * g
            found[v] = b2 * v + (1 - b2) * (g * g)
            size = (lg.astype(self.lr, lg.float64) / first).astype(w.dtype)
            scale = lg.sqrt(found[v]) / lg.sqrt(second).astype(w.dtype) + self.eps
            found[w] = w - size * (found[m] / scale)
        return found


def _correction(beta: float, t: Tensor) -> Tensor:
    """1 - beta**t = -expm1(t log beta), exact near 0."""
    return -lg.expm1(t.astype(lg.float64) * (math.log(beta) if beta else -math.inf))

"""Stochastic gradient descent, with momentum and Nesterov's momentum.

In: gradients. Out: updates of the variables and of their velocities.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import lazygraph as lg
from lazygraph.optim.optimizer import Optimizer, Updates, zeros_beside
from lazygraph.state import Variable
from lazygraph.tensor import Tensor, TensorLike


@dataclass(frozen=True, eq=False)
class SGD(Optimizer):
    """w' = w - lr * g; with momentum mu, v' = mu * v + g and w' = w - lr * v'; Nesterov's: w' = w - lr * (g + mu * v').

    The velocity v starts at 0. `lr` and `momentum` are numbers or scalar tensors. As torch.optim.SGD; source:
    Sutskever, Martens, Dahl, Hinton, "On the importance of initialization and momentum in deep learning", 2013. Raises
    ValueError for Nesterov's without momentum.

    >>> import lazygraph as lg
    >>> w = lg.variable([1.0], "w")
    >>> step = lg.function([], [], updates=lg.optim.SGD(0.5, momentum=0.9).updates({w: w * 2}))
    >>> _ = step()
    >>> w.numpy()
    array([0.])
    """

    lr: TensorLike
    momentum: TensorLike = 0.0
    nesterov: bool = False

    def __post_init__(self) -> None:
        if self.nesterov and not self._has_momentum:
            raise ValueError("SGD: nesterov needs a momentum that is not 0")

    @property
    def _has_momentum(self) -> bool:
        return isinstance(self.momentum, Tensor) or self.momentum != 0

    def updates(self, gradients: Mapping[Variable, Tensor]) -> Updates:
        found: Updates = {}
        for w, g in gradients.items():
            step = g
            if self._has_momentum:
                mu = lg.astype(self.momentum, w.dtype)
                v = zeros_beside(w, "velocity")
                found[v] = mu * v + g
                step = g + mu * found[v] if self.nesterov else found[v]
            found[w] = w - lg.astype(self.lr, w.dtype) * step
        return found

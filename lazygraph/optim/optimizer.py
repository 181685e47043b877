"""What optimizers share: from a loss to the updates of a function.

In: a loss and the variables it depends on, or gradients. Out: a dict from variables to their new values, which
`lg.function` takes as `updates`; an optimizer's own state (momenta, step counts) is variables among them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence

import numpy as np

import lazygraph as lg
from lazygraph.compiler.ir.errors import DTypeError, ShapeError
from lazygraph.frames import composite
from lazygraph.state import Variable, variable
from lazygraph.tensor import Tensor

Updates = dict[Variable, Tensor]


class Optimizer(ABC):
    """A rule from gradients to updates. Subclasses are frozen dataclasses of their hyperparameters."""

    @abstractmethod
    def updates(self, gradients: Mapping[Variable, Tensor]) -> Updates:
        """The new value of each variable, and of the state that the rule keeps; new state at each call."""

    def minimize(self, loss: Tensor, variables: Sequence[Variable]) -> Updates:
        """The updates of one step down the gradient of a scalar loss.

        Raises ShapeError where the loss is no scalar, DTypeError for a variable that is no float, ValueError for none.

        >>> import lazygraph as lg
        >>> w = lg.variable([1.0], "w")
        >>> loss = lg.sum(w * w)
        >>> step = lg.function([], loss, updates=lg.optim.SGD(0.25).minimize(loss, [w]))
        >>> float(step()), w.numpy()
        (1.0, array([0.5]))
        """
        return minimize(self, loss, variables)


@composite
def minimize(optimizer: Optimizer, loss: Tensor, variables: Sequence[Variable]) -> Updates:
    """`Optimizer.minimize`."""
    if isinstance(variables, Tensor):
        raise TypeError(f"minimize: expected a sequence of variables, found {variables!r}: put it into a list")
    distinct = list(dict.fromkeys(variables))
    if not distinct:
        raise ValueError("minimize: expected at least one variable, found none")
    if loss.shape != ():
        raise ShapeError("a loss is a scalar: take lg.mean or lg.sum of it")
    for each in distinct:
        if not isinstance(each, Variable):
            raise TypeError(f"minimize: expected variables (lg.variable), found {each!r}")
        if not each.dtype.is_float:
            raise DTypeError(f"the variable {each.name} is {each.dtype}: expected a float to differentiate")
    return optimizer.updates(dict(zip(distinct, lg.grad(loss, distinct))))


def zeros_beside(like: Variable, suffix: str) -> Variable:
    """A variable of zeros of another's type, named after it."""
    return variable(np.zeros(like.state.shape, like.state.dtype), f"{like.name}_{suffix}")

"""Optimizers as graph builders, spelled as in torch.optim.
In: a loss and its variables. Out: the updates of a function, one new value for each variable."""

from lazygraph.optim.adam import Adam
from lazygraph.optim.optimizer import Optimizer
from lazygraph.optim.sgd import SGD

__all__ = ["SGD", "Adam", "Optimizer"]

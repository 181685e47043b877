"""Dropout: noise that keeps the mean.

In: a tensor and a source of randomness. Out: a tensor of the same shape and dtype.
"""

from __future__ import annotations

from typing import Union

import lazygraph as lg
from lazygraph.frames import composite
from lazygraph.nn.piecewise import floating
from lazygraph.random import Stream
from lazygraph.tensor import Tensor, TensorLike

__all__ = ["dropout"]


@composite
def dropout(x: TensorLike, p: float, random: Union[TensorLike, Stream]) -> Tensor:
    """x / (1 - p) with probability 1 - p, else 0: for training. In inference x is used as it is.

    `random` is a key, which is used up, or a `lg.random.Stream`, which gives a new one at every call of the function.
    Raises ValueError for a p outside 0 <= p <= 1. Source: Srivastava et al., "Dropout", 2014.

    >>> import lazygraph as lg
    >>> lg.nn.dropout([1.0, 1.0, 1.0, 1.0], 0.5, lg.random.key(1)).eval()
    array([0., 2., 2., 0.])
    """
    if not 0 <= p <= 1:
        raise ValueError(f"dropout: expected 0 <= p <= 1, found {p}")
    given = floating(x)
    if p == 0:
        return given
    key = random.key() if isinstance(random, Stream) else random
    if p == 1:
        return given * 0
    kept = lg.random.bernoulli(key, 1 - p, given.shape)
    return lg.where(kept, given / (1 - p), 0)

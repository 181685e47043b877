"""Norms and distances between vectors, with derivatives that are 0 where the norm is 0.

In: tensors whose vectors lie along an axis. Out: tensors without that axis, or with it at length 1.
"""

from __future__ import annotations

import math

import lazygraph as lg
from lazygraph.compiler.ops.compose import emit
from lazygraph.compiler.passes.shift import or_zero, spread_back
from lazygraph.frames import composite
from lazygraph.nn.piecewise import floating
from lazygraph.promotion import as_axis
from lazygraph.tensor import Tensor, TensorLike

__all__ = ["cosine_similarity", "normalize", "pairwise_distance"]


def norm(x: Tensor, p: float, axis: int) -> Tensor:
    """(sum |x|**p)**(1/p) over an axis, which keeps an extent of 1.

    The elements are divided by the greatest, m, so that no power overflows or vanishes: |x| = m |x / m|. m cancels from
    the derivatives and has none. At 0 the norm has no derivative; 0 is one of its sub-gradients.
    """
    if not p > 0:
        raise ValueError(f"expected an order p > 0 of the norm, found {p}")
    value, place = x.value, as_axis(axis, x.ndim)
    size = emit("abs", value)
    if p == 1:
        return lg.sum(Tensor(size), axis=axis, keepdims=True)
    if p == math.inf:
        return lg.max(Tensor(size), axis=axis, keepdims=True)
    largest = Tensor(or_zero(emit("reduce_max", size, axes=(place,))))
    unit = lg.where(largest == 0, 1, largest)
    scaled = Tensor(value / spread_back(unit.value, value, (place,)))
    powers = scaled * scaled if p == 2 else _power(lg.abs(scaled), p)
    total = lg.sum(powers, axis=axis)
    nothing = total == 0
    above = lg.where(nothing, 1, total)
    root = lg.sqrt(above) if p == 2 else above ** (1 / p)
    return lg.expand_dims(lg.where(nothing, 0, root * unit), place)


def _power(size: Tensor, p: float) -> Tensor:
    """|x|**p, whose derivative at 0 is taken as 0 (for p < 1 there is none)."""
    return lg.where(size == 0, 0, lg.where(size == 0, 1, size) ** p)


@composite
def normalize(x: TensorLike, p: float = 2.0, axis: int = 1, eps: float = 1e-12) -> Tensor:
    """x / max(|x|_p, eps) along an axis: vectors of length 1; zeros stay zeros.

    >>> import lazygraph as lg
    >>> lg.nn.normalize([[3.0, 4.0], [0.0, 0.0]]).eval()
    array([[0.6, 0.8],
           [0. , 0. ]])
    """
    given = floating(x)
    length = norm(given, p, axis)
    return given / lg.where(length < eps, eps, length)


@composite
def cosine_similarity(x1: TensorLike, x2: TensorLike, axis: int = 1, eps: float = 1e-8) -> Tensor:
    """x1 . x2 / (max(|x1|, eps) max(|x2|, eps)) along an axis: the cosine of the angle between the vectors.

    >>> import lazygraph as lg
    >>> lg.nn.cosine_similarity([[3.0, 4.0]], [[4.0, 3.0]]).eval()
    array([0.96])
    """
    left, right = lg.broadcast_arrays(floating(x1), floating(x2))
    return lg.sum(normalize(left, 2.0, axis, eps) * normalize(right, 2.0, axis, eps), axis=axis)


@composite
def pairwise_distance(
    x1: TensorLike, x2: TensorLike, p: float = 2.0, eps: float = 1e-6, *, keepdims: bool = False
) -> Tensor:
    """|x1 - x2 + eps|_p along the last axis. As in torch, eps is added to each difference.

    >>> import lazygraph as lg
    >>> lg.nn.pairwise_distance([[3.0, 4.0]], [[0.0, 0.0]], eps=0.0).eval()
    array([5.])
    """
    apart = floating(x1) - floating(x2) + eps
    length = norm(apart, p, -1)
    return length if keepdims else lg.squeeze(length, -1)

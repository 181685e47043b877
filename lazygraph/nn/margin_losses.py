"""Losses that ask for a margin: nothing is lost where the right answer is ahead by enough.

In: scores or embeddings, and targets. Out: one number per example, or per element where both are numbers, as torch's
with reduction="none". At the margin itself the derivative is 0.
"""

from __future__ import annotations

import lazygraph as lg
from lazygraph.frames import composite
from lazygraph.nn.activations import softplus
from lazygraph.nn.distances import cosine_similarity, pairwise_distance
from lazygraph.nn.losses import own_class
from lazygraph.nn.piecewise import floating, relu
from lazygraph.tensor import Tensor, TensorLike

__all__ = [
    "cosine_embedding_loss",
    "hinge_embedding_loss",
    "hinge_loss",
    "margin_ranking_loss",
    "multi_margin_loss",
    "soft_margin_loss",
    "triplet_margin_loss",
]


@composite
def hinge_loss(x: TensorLike, target: TensorLike) -> Tensor:
    """max(0, 1 - t x) for scores x and targets t of -1 or 1, by element.

    Source: Cortes and Vapnik, "Support-vector networks", 1995.

    >>> import lazygraph as lg
    >>> lg.nn.hinge_loss([0.5, 0.5], [1, -1]).eval()
    array([0.5, 1.5])
    """
    return relu(1 - floating(target) * floating(x))


@composite
def soft_margin_loss(x: TensorLike, target: TensorLike) -> Tensor:
    """log(1 + exp(-t x)) for scores x and targets t of -1 or 1, by element.

    >>> import lazygraph as lg
    >>> lg.nn.soft_margin_loss([0.0, 1000.0], [1, -1]).eval()
    array([6.93147181e-01, 1.00000000e+03])
    """
    return softplus(-floating(target) * floating(x))


@composite
def hinge_embedding_loss(x: TensorLike, target: TensorLike, margin: float = 1.0) -> Tensor:
    """The distance x where the target is 1 (alike), max(0, margin - x) where it is -1, by element.

    >>> import lazygraph as lg
    >>> lg.nn.hinge_embedding_loss([0.25, 0.25], [1, -1]).eval()
    array([0.25, 0.75])
    """
    given = floating(x)
    return lg.where(lg.equal(target, 1), given, relu(margin - given))


@composite
def margin_ranking_loss(x1: TensorLike, x2: TensorLike, target: TensorLike, margin: float = 0.0) -> Tensor:
    """max(0, margin - t (x1 - x2)): x1 is to be ranked above x2 where t is 1, below where it is -1.

    >>> import lazygraph as lg
    >>> lg.nn.margin_ranking_loss([3.0, 3.0], [2.0, 2.0], [1, -1]).eval()
    array([0., 1.])
    """
    return relu(margin - floating(target) * (floating(x1) - floating(x2)))


@composite
def multi_margin_loss(x: TensorLike, labels: TensorLike, p: int = 1, margin: float = 1.0) -> Tensor:
    """sum over the classes c other than y of max(0, margin - x_y + x_c)**p / classes, for p = 1 or 2.

    x is (..., classes), labels (...) are integers; one outside 0 .. classes-1 fails the step with this line. Raises
    ShapeError where the shapes do not fit, ValueError for another p.
    Source: Crammer and Singer, "On the algorithmic implementation of multiclass kernel-based vector machines", 2001.

    >>> import lazygraph as lg
    >>> lg.nn.multi_margin_loss([[0.5, 0.0, 2.0]], [0]).eval()
    array([1.])
    """
    if p not in (1, 2):
        raise ValueError(f"multi_margin_loss: expected p of 1 or 2, found {p}")
    given = floating(x)
    own = own_class(given, labels)
    score = lg.sum(lg.where(own, given, 0), axis=-1, keepdims=True)
    missed = relu(margin - score + given)
    return lg.mean(lg.where(own, 0, missed if p == 1 else missed * missed), axis=-1)


@composite
def triplet_margin_loss(
    anchor: TensorLike,
    positive: TensorLike,
    negative: TensorLike,
    margin: float = 1.0,
    p: float = 2.0,
    eps: float = 1e-6,
    swap: bool = False,
) -> Tensor:
    """max(0, margin + d(anchor, positive) - d(anchor, negative)) with d = `pairwise_distance` along the last axis.

    With `swap` the nearer of anchor and positive counts as the anchor of the negative. Source: Balntas et al.,
    "Learning local feature descriptors with triplets", 2016.

    >>> import lazygraph as lg
    >>> lg.nn.triplet_margin_loss([[0.0]], [[1.0]], [[3.0]], margin=2.5).eval().round(4)
    array([0.5])
    """
    near, far = pairwise_distance(anchor, positive, p, eps), pairwise_distance(anchor, negative, p, eps)
    if swap:
        far = lg.minimum(far, pairwise_distance(positive, negative, p, eps))
    return relu(near - far + margin)


@composite
def cosine_embedding_loss(x1: TensorLike, x2: TensorLike, target: TensorLike, margin: float = 0.0) -> Tensor:
    """1 - cos(x1, x2) where the target is 1 (alike), max(0, cos(x1, x2) - margin) where it is -1; last axis.

    >>> import lazygraph as lg
    >>> lg.nn.cosine_embedding_loss([[3.0, 4.0]], [[4.0, 3.0]], [-1]).eval()
    array([0.96])
    """
    cosine = cosine_similarity(x1, x2, axis=-1)
    return lg.where(lg.equal(target, 1), 1 - cosine, relu(cosine - margin))

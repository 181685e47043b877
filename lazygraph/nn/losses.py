"""Losses of classification, one number per example: take their mean to train.

In: predictions and targets, classes on the last axis. Out: a tensor without that axis, as torch's with
reduction="none". Losses of single numbers keep the shape that predictions and targets broadcast to.
"""

from __future__ import annotations

from numpy.typing import DTypeLike

import lazygraph as lg
from lazygraph.compiler.ir.dims import Dim, Extent, Shape
from lazygraph.compiler.ir.errors import DTypeError, ShapeError
from lazygraph.compiler.ir.graph import Value
from lazygraph.compiler.ops.compose import emit
from lazygraph.compiler.ops.effects import checked
from lazygraph.compiler.passes.shift import spread_back
from lazygraph.creation import index_along
from lazygraph.dims import aligned, as_extent, could_be_same, extent_value
from lazygraph.errors import shape_text
from lazygraph.frames import composite
from lazygraph.nn.activations import softplus
from lazygraph.nn.normalized_exponentials import log_total, shifted
from lazygraph.nn.piecewise import floating
from lazygraph.promotion import as_dtype, as_float, cast, scalar_like, value_of
from lazygraph.runtime import dtypes
from lazygraph.runtime.dtypes import DType
from lazygraph.tensor import Tensor, TensorLike

__all__ = ["binary_cross_entropy", "binary_cross_entropy_with_logits", "cross_entropy", "nll_loss", "one_hot"]


def _classes(value: Value) -> Value:
    if not value.dtype.is_integer:
        raise DTypeError(f"class labels have an integer dtype, found {value.dtype}")
    return value if value.dtype in (dtypes.int32, dtypes.int64) else cast(value, dtypes.int64)


@composite
def cross_entropy(
    logits: TensorLike,
    labels: TensorLike,
    weight: TensorLike | None = None,
    ignore_index: int | None = None,
    label_smoothing: float = 0.0,
) -> Tensor:
    """-log(softmax(logits)) of each example's class: logits (..., classes) and integer labels (...) -> (...).

    Floating-point labels of the logits' shape are probabilities: -sum(labels * log_softmax(logits)). `weight`, one
    number per class, scales the terms. `label_smoothing` e makes the target (1 - e) of the label plus e / classes of
    all classes. An example whose label is `ignore_index` has the loss 0; for torch's mean, divide the sum by the sum of
    the other examples' weights. Any other label outside 0 .. classes-1 fails the step with this line. Raises ShapeError
    where the shapes do not fit, ValueError for a smoothing outside 0 .. 1.

    >>> import lazygraph as lg
    >>> lg.nn.cross_entropy([[0.0, 0.0], [1000.0, 0.0]], [1, 0]).eval()
    array([0.69314718, 0.        ])
    """
    if not 0 <= label_smoothing <= 1:
        raise ValueError(f"cross_entropy: expected 0 <= label_smoothing <= 1, found {label_smoothing}")
    value, wanted = as_float(value_of(logits)), value_of(labels)
    expected = _label_shape(value, wanted, value.shape if wanted.dtype.is_float else value.shape[:-1])
    axis = value.type.rank - 1
    below = shifted(value, (axis,))[1]
    total = log_total(below, (axis,))
    if weight is None and ignore_index is None and not label_smoothing and not wanted.dtype.is_float:
        classes = _checked(aligned(_classes(wanted), expected), value.shape[-1])
        chosen = emit("select", _is_class(classes, value.shape), below, scalar_like(0, below))
        return Tensor(total - emit("reduce_sum", chosen, axes=(axis,)))
    losses = Tensor(spread_back(total, value, (axis,)) - below)
    if weight is not None:
        losses = losses * _class_weights(weight, value).astype(losses.dtype)
    smooth = lg.mean(losses, axis=-1) * label_smoothing if label_smoothing else 0
    if wanted.dtype.is_float:
        own = lg.sum(losses * Tensor(cast(aligned(wanted, expected), value.dtype)), axis=-1)
        return own * (1 - label_smoothing) + smooth if label_smoothing else own
    own = _of_class(losses, aligned(_classes(wanted), expected), ignore_index)
    if not label_smoothing:
        return own
    mixed = own * (1 - label_smoothing) + smooth
    return mixed if ignore_index is None else lg.where(Tensor(aligned(wanted, expected)) == ignore_index, 0, mixed)


@composite
def nll_loss(
    log_probabilities: TensorLike,
    labels: TensorLike,
    weight: TensorLike | None = None,
    ignore_index: int | None = None,
) -> Tensor:
    """-log_probabilities of each example's class: (..., classes) and integer labels (...) -> (...).

    `cross_entropy` after `log_softmax`; weight, ignore_index and errors are as there.

    >>> import lazygraph as lg
    >>> lg.nn.nll_loss([[-1.0, -2.0], [-3.0, -4.0]], [1, 0]).eval()
    array([2., 3.])
    """
    losses, wanted = -floating(log_probabilities), value_of(labels)
    expected = _label_shape(losses.value, wanted, losses.shape[:-1])
    if weight is not None:
        losses = losses * _class_weights(weight, losses.value).astype(losses.dtype)
    return _of_class(losses, aligned(_classes(wanted), expected), ignore_index)


def _label_shape(value: Value, labels: Value, expected: Shape) -> Shape:
    """The shape that labels are to have; ShapeError where they cannot."""
    if not value.shape:
        raise ShapeError("logits have an axis of classes, found a scalar")
    if len(labels.shape) != len(expected) or not all(map(could_be_same, labels.shape, expected)):
        raise ShapeError("labels have one class per example, or one probability per logit")
    return expected


def _class_weights(weight: TensorLike, value: Value) -> Tensor:
    weights = floating(weight)
    if weights.ndim != 1 or not could_be_same(weights.shape[0], value.shape[-1]):
        raise ShapeError(f"expected a weight for each of {value.shape[-1]} classes, found {shape_text(weights.shape)}")
    return weights


def _of_class(losses: Tensor, labels: Value, ignore_index: int | None) -> Tensor:
    """Each example's loss of its own class; 0 where its label is to be ignored."""
    ignored = None if ignore_index is None else Tensor(labels) == ignore_index
    known = labels if ignored is None else lg.where(ignored, 0, Tensor(labels)).value
    chosen = Tensor(_is_class(_checked(known, losses.shape[-1]), losses.shape))
    own = lg.sum(lg.where(chosen, losses, 0), axis=-1)
    return own if ignored is None else lg.where(ignored, 0, own)


def own_class(scores: Tensor, labels: TensorLike) -> Tensor:
    """Where a score (..., classes) is that of the example's label (...); the step fails unless labels are classes."""
    wanted = value_of(labels)
    shape = _label_shape(scores.value, wanted, scores.shape[:-1])
    return Tensor(_is_class(_checked(aligned(_classes(wanted), shape), scores.shape[-1]), scores.shape))


def _checked(classes: Value, count: Extent) -> Value:
    """Labels, in a step that fails unless all of them are classes."""
    known = extent_value(count, classes.dtype, classes.shape)
    inside = emit("and", emit("le", scalar_like(0, classes), classes), emit("lt", classes, known))
    return checked(classes, inside, f"a label is outside 0 .. {count - 1}")


def _is_class(classes: Value, shape: Shape) -> Value:
    """Where the index along the last axis is the label: a row is read for its sum anyway, so no gather is needed."""
    spread = emit("broadcast", classes, shape=shape, axes=tuple(range(len(shape) - 1)))
    return emit("eq", spread, index_along(shape, len(shape) - 1, classes.dtype))


@composite
def one_hot(labels: TensorLike, num_classes: int | Dim, dtype: DTypeLike | DType = dtypes.float32) -> Tensor:
    """1 at each label's class and 0 elsewhere: integer labels (...) -> (..., num_classes). A label outside is all 0.

    >>> import lazygraph as lg
    >>> lg.nn.one_hot([1, 0], 3).eval()
    array([[0., 1., 0.],
           [1., 0., 0.]], dtype=float32)
    """
    classes = _classes(value_of(labels))
    shape = (*classes.shape, as_extent(num_classes))
    return Tensor(cast(_is_class(classes, shape), as_dtype(dtype)))


# --- two classes -----------------------------------------------------------------------------------------------------


@composite
def binary_cross_entropy(x: TensorLike, target: TensorLike, weight: TensorLike | None = None) -> Tensor:
    """-(t log x + (1 - t) log(1 - x)) of probabilities x and targets t in 0 .. 1, by element.

    As in torch a logarithm counts as -100 at least, so that a certain miss costs 100; its derivative there is 0. For
    logits, `binary_cross_entropy_with_logits` is exact everywhere.

    >>> import lazygraph as lg
    >>> lg.nn.binary_cross_entropy([0.5, 1.0, 0.0], [1.0, 1.0, 1.0]).eval()
    array([  0.69314718,  -0.        , 100.        ])
    """
    given, t = floating(x), floating(target)
    result = -(t * _log_from_100(given) + (1 - t) * _log_from_100(1 - given))
    return result if weight is None else result * weight


def _log_from_100(x: Tensor) -> Tensor:
    """max(log x, -100), whose derivative is finite at 0."""
    known = x > 0
    found = lg.log(lg.where(known, x, 1))
    return lg.where(known, lg.where(found < -100, -100, found), lg.where(lg.isnan(x), x, -100))


@composite
def binary_cross_entropy_with_logits(
    x: TensorLike, target: TensorLike, weight: TensorLike | None = None, pos_weight: TensorLike | None = None
) -> Tensor:
    """-(t p log(sigmoid(x)) + (1 - t) log(1 - sigmoid(x))) of logits x and targets t, by element; p is pos_weight or 1.

    From (1 - t) x + (1 + (p - 1) t) softplus(-x), which neither overflows nor cancels.

    >>> import lazygraph as lg
    >>> lg.nn.binary_cross_entropy_with_logits([0.0, -1000.0], [1.0, 1.0]).eval()
    array([6.93147181e-01, 1.00000000e+03])
    """
    given, t = floating(x), floating(target)
    missed = softplus(-given)
    if pos_weight is not None:
        missed = missed * ((floating(pos_weight) - 1) * t + 1)
    result = (1 - t) * given + missed
    return result if weight is None else result * weight

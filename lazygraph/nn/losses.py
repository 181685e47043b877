"""Losses, one number per example: take their mean to train.

In: predictions and targets. Out: a tensor without the axis of classes.
"""

from __future__ import annotations

from numpy.typing import DTypeLike

from lazygraph.compiler.ir.dims import Dim, Extent, Shape
from lazygraph.compiler.ir.errors import DTypeError, ShapeError
from lazygraph.compiler.ir.graph import Value
from lazygraph.compiler.ops.compose import emit
from lazygraph.compiler.ops.effects import checked
from lazygraph.compiler.passes.shift import spread_back
from lazygraph.creation import index_along
from lazygraph.dims import aligned, as_extent, could_be_same, extent_value
from lazygraph.frames import composite
from lazygraph.nn.normalized_exponentials import log_total, shifted
from lazygraph.promotion import as_dtype, as_float, broadcast_value, cast, scalar_like, value_of
from lazygraph.runtime import dtypes
from lazygraph.runtime.dtypes import DType
from lazygraph.tensor import Tensor, TensorLike


def _classes(value: Value) -> Value:
    if not value.dtype.is_integer:
        raise DTypeError(f"class labels have an integer dtype, found {value.dtype}")
    return value if value.dtype in (dtypes.int32, dtypes.int64) else cast(value, dtypes.int64)


@composite
def cross_entropy(logits: TensorLike, labels: TensorLike) -> Tensor:
    """-log(softmax(logits)) of each example's class: logits (..., classes) and integer labels (...) -> (...).

    Floating-point labels of the logits' shape are probabilities: -sum(labels * log_softmax(logits)). A label outside
    0 .. classes-1 fails the step with this line. Raises ShapeError where the shapes do not fit.

    >>> import lazygraph as lg
    >>> lg.nn.cross_entropy([[0.0, 0.0], [1000.0, 0.0]], [1, 0]).eval()
    array([0.69314718, 0.        ])
    """
    value, wanted = as_float(value_of(logits)), value_of(labels)
    if not value.shape:
        raise ShapeError("logits have an axis of classes, found a scalar")
    axis = value.type.rank - 1
    expected = value.shape if wanted.dtype.is_float else value.shape[:-1]
    if len(wanted.shape) != len(expected) or not all(map(could_be_same, wanted.shape, expected)):
        raise ShapeError("labels have one class per example, or one probability per logit")
    below = shifted(value, (axis,))[1]
    total = log_total(below, (axis,))
    if wanted.dtype.is_float:
        logarithms = below - spread_back(total, value, (axis,))
        weights = cast(aligned(wanted, expected), value.dtype)
        return Tensor(-emit("reduce_sum", logarithms * weights, axes=(axis,)))
    classes = _checked(aligned(_classes(wanted), expected), value.shape[-1])
    chosen = emit("select", _is_class(classes, value.shape), below, scalar_like(0, below))
    return Tensor(total - emit("reduce_sum", chosen, axes=(axis,)))


def _checked(classes: Value, count: Extent) -> Value:
    """Labels, in a step that fails unless all of them are classes."""
    known = broadcast_value(extent_value(count, classes.dtype), classes.shape)
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

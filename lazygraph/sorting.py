"""Sorting along an axis, stable, NaN last.

In: a tensor. Out: its elements in order, or the places that they came from.
"""

from __future__ import annotations

from lazygraph.compiler.ir import dims
from lazygraph.compiler.ir.graph import Value
from lazygraph.compiler.ops.compose import emit
from lazygraph.compiler.ops.record import OPS
from lazygraph.creation import index_along
from lazygraph.frames import traced
from lazygraph.manipulation import reshaped
from lazygraph.promotion import as_axis, value_of
from lazygraph.tensor import Tensor, TensorLike

__all__ = ["argsort", "sort"]


def _flat(value: Value, axis: int | None) -> tuple[Value, int]:
    if axis is None:
        return reshaped(value, (dims.product(value.shape),)), 0
    return value, as_axis(axis, value.type.rank)


def _turned(value: Value) -> Value:
    """A value whose ascending order is the descending order of the operand: -x, or the bits inverted for integers."""
    return emit("neg" if value.dtype.is_float else "not", value)


@traced
def sort(x: TensorLike, axis: int | None = -1, *, descending: bool = False) -> Tensor:
    """The elements along an axis in ascending order, stable; NaN last, in descending order too; flattened for None.

    >>> import lazygraph as lg
    >>> lg.sort([3, 1, 2]).eval()
    array([1, 2, 3])
    """
    value, place = _flat(value_of(x), axis)
    if not descending:
        return Tensor(emit("sort", value, axis=place))
    return Tensor(_turned(emit("sort", _turned(value), axis=place)))


@traced
def argsort(x: TensorLike, axis: int | None = -1, *, descending: bool = False) -> Tensor:
    """The places, int64, from which `sort` takes its elements: equal elements keep their order.

    >>> import lazygraph as lg
    >>> lg.argsort([3, 1, 2]).eval()
    array([1, 2, 0])
    """
    value, place = _flat(value_of(x), axis)
    key = _turned(value) if descending else value
    return Tensor(OPS["sort"](key, index_along(value.shape, place), axis=place)[1])

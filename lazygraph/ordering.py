"""Orders beyond `sort`: by several keys, and partial ones, with NumPy's names.

In: tensors. Out: tensors, or places (int64).
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import lazygraph as lg
from lazygraph.compiler.ir.errors import BoundsError, ShapeError
from lazygraph.dims import same
from lazygraph.errors import shape_text
from lazygraph.frames import composite, traced
from lazygraph.indexing import take_along_axis
from lazygraph.promotion import as_axis, value_of
from lazygraph.sorting import argsort, sort
from lazygraph.tensor import Tensor, TensorLike

__all__ = ["argpartition", "lexsort", "partition"]


@composite
def lexsort(keys: Sequence[TensorLike] | TensorLike, axis: int = -1) -> Tensor:
    """The places, int64, that put an axis in order by several keys of one shape, the last of them first.

    >>> import lazygraph as lg
    >>> lg.lexsort([[3, 1, 2], [0, 1, 0]]).eval()
    array([2, 0, 1])
    """
    given = [Tensor(value_of(each)) for each in (lg.unstack(keys) if isinstance(keys, Tensor) else keys)]  # type: ignore[union-attr]
    if not given or any(each.ndim != given[0].ndim for each in given):
        raise ShapeError(f"expected keys of one shape, found {', '.join(shape_text(each.shape) for each in given)}")
    place = as_axis(axis, given[0].ndim)
    order = argsort(given[0], place)
    for key in given[1:]:
        order = take_along_axis(order, argsort(take_along_axis(key, order, place), place), place)
    return order


def _require_places(x: TensorLike, kth: Any, axis: int | None) -> None:
    tensor = Tensor(value_of(x))
    extent = tensor.size if axis is None else tensor.shape[as_axis(axis, tensor.ndim)]
    for each in kth if isinstance(kth, list | tuple) else [kth]:
        number = operator.index(each)
        if isinstance(extent, int) and not -extent <= number < extent and not same(extent, 0):
            raise BoundsError(f"kth: {number} is out of bounds for an axis of extent {extent}")


@traced
def partition(x: TensorLike, kth: int | Sequence[int], axis: int | None = -1) -> Tensor:
    """An order in which no element before place kth is greater and none behind it less: the ascending one.

    >>> import lazygraph as lg
    >>> lg.partition([3, 1, 2], 1).eval()
    array([1, 2, 3])
    """
    _require_places(x, kth, axis)
    return sort(x, axis)


@traced
def argpartition(x: TensorLike, kth: int | Sequence[int], axis: int | None = -1) -> Tensor:
    """The places, int64, from which `partition` takes its elements."""
    _require_places(x, kth, axis)
    return argsort(x, axis)

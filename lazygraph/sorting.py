"""Sorting along an axis, stable, NaN last; the first few in order; places in what is sorted.

In: a tensor of any dtype that has an order, its extents symbolic or not. Out: its elements in order, or the places that
they came from or belong to. The order is one for all: false before true, -0.0 equal to 0.0, and NaN, whatever its sign,
behind every number in both directions; equal elements keep theirs.
"""

from __future__ import annotations

import operator

from lazygraph.compiler.ir import dims
from lazygraph.compiler.ir.errors import ShapeError
from lazygraph.compiler.ir.graph import Value
from lazygraph.compiler.ops.compose import emit
from lazygraph.compiler.ops.record import OPS
from lazygraph.compiler.ops.type_rules import bound_to_declare
from lazygraph.creation import index_along
from lazygraph.errors import shape_text
from lazygraph.frames import traced
from lazygraph.indexing import take
from lazygraph.manipulation import reshaped, sliced
from lazygraph.promotion import as_axis, same_dtype, value_of
from lazygraph.tensor import Tensor, TensorLike

__all__ = ["argsort", "searchsorted", "sort", "top_k"]


def _flat(value: Value, axis: int | None) -> tuple[Value, int]:
    if axis is None:
        return reshaped(value, (dims.product(value.shape),)), 0
    return value, as_axis(axis, value.type.rank)


def _turned(value: Value) -> Value:
    """A value whose ascending order is the descending order of the operand: -x, or the bits inverted for integers."""
    return emit("neg" if value.dtype.is_float else "not", value)


@traced
def sort(x: TensorLike, axis: int | None = -1, *, descending: bool = False, stable: bool = True) -> Tensor:
    """The elements along an axis in ascending order, stable; NaN last, in descending order too; flattened for None.

    `stable`, of the Array API, makes no difference: the order of equals is always kept, that of -0.0 and 0.0 too.
    Derivatives go where the elements came from.

    >>> import lazygraph as lg
    >>> lg.sort([3, 1, 2]).eval()
    array([1, 2, 3])
    """
    value, place = _flat(value_of(x), axis)
    if not descending:
        return Tensor(emit("sort", value, axis=place))
    return Tensor(_turned(emit("sort", _turned(value), axis=place)))


@traced
def argsort(x: TensorLike, axis: int | None = -1, *, descending: bool = False, stable: bool = True) -> Tensor:
    """The places, int64, from which `sort` takes its elements: equal elements keep their order, whatever `stable`.

    >>> import lazygraph as lg
    >>> lg.argsort([3, 1, 2]).eval()
    array([1, 2, 0])
    """
    value, place = _flat(value_of(x), axis)
    key = _turned(value) if descending else value
    return Tensor(OPS["sort"](key, index_along(value.shape, place), axis=place)[1])


@traced
def top_k(x: TensorLike, k: int, axis: int = -1) -> tuple[Tensor, Tensor]:
    """The k greatest elements along an axis in descending order, and their places, int64; the first of equals first.

    NaN counts as less than every number. ShapeError where the axis is not known to hold k elements. Derivatives flow to
    the chosen elements.

    >>> import lazygraph as lg
    >>> values, places = lg.top_k([3, 1, 4, 1, 5], 2)
    >>> values.eval(), places.eval()
    (array([5, 4]), array([4, 2]))
    """
    value, count = value_of(x), operator.index(k)
    place = as_axis(axis, value.type.rank)
    if count < 0 or not dims.prove_nonnegative(value.shape[place] - count):
        advice = bound_to_declare(value.shape[place] - count)
        raise ShapeError(
            f"expected 0 <= k <= the extent {value.shape[place]} of axis {place}, found k = {count}{advice}"
        )
    keys, order = OPS["sort"](_turned(value), index_along(value.shape, place), axis=place)
    return Tensor(_turned(sliced(keys, place, 0, count))), Tensor(sliced(order, place, 0, count))


@traced
def searchsorted(x1: TensorLike, x2: TensorLike, side: str = "left", sorter: TensorLike | None = None) -> Tensor:
    """The places, int64, at which each element of x2 would be inserted into x1, of rank 1, to keep x1 in order.

    x1 is ascending, NaN last, or is by `sorter` (as `argsort` gives); it is not checked. Side "left" gives the first
    fitting place, which is before elements that are equal, "right" the last.

    >>> import lazygraph as lg
    >>> lg.searchsorted([1, 3, 3, 5], [3, 0, 9], side="right").eval()
    array([3, 0, 4])
    """
    row, values = same_dtype(x1, x2)
    if row.type.rank != 1:
        raise ShapeError(f"expected a sorted tensor of rank 1, found {shape_text(row.shape)}")
    if side not in ("left", "right"):
        raise ValueError(f'side: expected "left" or "right", found {side!r}')
    if sorter is not None:
        row = take(Tensor(row), sorter).value
    return Tensor(emit("searchsorted", row, values, side=side))

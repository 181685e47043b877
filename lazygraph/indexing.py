"""`x[...]`, `x[...] = y` and their relatives, with NumPy's rules.

In: a tensor and ints, slices, `...`, None, integer arrays or tensors, and boolean masks that are known when the graph
is built. Out: a tensor. Index arrays may be negative and are checked at run time: an index outside its axis fails the
step with the user's line. Slices of symbolic extents must be known to lie inside them; a dim may stand as an end of a
slice.
"""

from __future__ import annotations

import builtins
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Union

import numpy as np

from lazygraph.compiler.ir import dims
from lazygraph.compiler.ir.dims import Dim, Extent, Shape
from lazygraph.compiler.ir.errors import BoundsError, DTypeError, ShapeError
from lazygraph.compiler.ir.graph import Value
from lazygraph.compiler.ops.compose import emit
from lazygraph.compiler.ops.slices import spaced
from lazygraph.compiler.ops.type_rules import bound_to_declare
from lazygraph.creation import index_along
from lazygraph.dims import ShapeLike, as_extent, as_shape, extent_value, same
from lazygraph.errors import shape_text
from lazygraph.frames import traced
from lazygraph.manipulation import permuted, reshaped
from lazygraph.promotion import (
    as_axis,
    as_value,
    broadcast,
    broadcast_shapes,
    broadcast_value,
    cast,
    scalar,
    scalar_like,
    value_of,
)
from lazygraph.runtime import dtypes
from lazygraph.tensor import Tensor, TensorLike

__all__ = ["dynamic_slice", "dynamic_update_slice", "getitem", "setitem", "take", "take_along_axis"]

INDEX_DTYPES = (dtypes.int32, dtypes.int64)


@dataclass(frozen=True)
class Span:
    """Elements start, start + step, ... below stop of an axis, which is reversed before that if `backward`."""

    start: Extent
    stop: Extent
    step: int
    backward: bool


@dataclass(frozen=True)
class Point:
    """One element of an axis, which disappears; counted from the front."""

    at: Extent


class NewAxis:
    """An axis of extent 1 that the result gets: None in the index."""


Part = Union[Span, Point, NewAxis, Value]  # a Value is an index array


@traced
def getitem(x: TensorLike, index: Any) -> Tensor:
    """x[index]: ints, slices with any step, `...`, None, integer arrays and tensors; NumPy's rules decide the shape.

    Raises IndexError for a known index that is out of bounds, ShapeError where index arrays do not broadcast or too
    many axes are indexed. An index tensor is checked when the function runs.

    >>> import lazygraph as lg
    >>> x = lg.reshape(lg.arange(6), (2, 3))
    >>> x[:, ::-1].eval()
    array([[2, 1, 0],
           [5, 4, 3]])
    >>> x[[0, 1, 1], lg.constant([2, 0, -1])].eval()
    array([2, 3, 5])
    """
    value, index = _with_axes_of_bools(value_of(x), index)
    parts = _parts(value, index)
    if builtins.any(isinstance(part, Value) for part in parts):
        return Tensor(_advanced(value, parts))
    return Tensor(_basic(value, parts))


@traced
def setitem(x: TensorLike, index: Any, value: TensorLike) -> Tensor:
    """x with a value, cast to its dtype and broadcast, in place of x[index]: what `x[index] = value` binds x to.

    Takes every index that `getitem` takes, and for a scalar value a mask tensor of x's shape. Where index arrays name
    an element several times, the last value is the one that stays, and the one that has a derivative.

    >>> import lazygraph as lg
    >>> x = lg.arange(5)
    >>> x[1:3] = 9
    >>> x[[0, -1]] += 10
    >>> x.eval()
    array([10,  9,  9,  3, 14])
    """
    old = value_of(x)
    new = as_value(value, old.dtype)
    if is_mask_of(index, old) and new.shape == ():
        mask = broadcast_value(index.value, old.shape)
        return Tensor(emit("select", mask, broadcast_value(new, old.shape), old))
    spread, index = _with_axes_of_bools(old, index)
    parts = _parts(spread, index)
    if not builtins.any(isinstance(part, Value) for part in parts):
        return Tensor(_basic_set(spread, parts, new))
    return Tensor(reshaped(_scattered("scatter_set", spread, parts, new), old.shape))


def is_mask_of(index: Any, value: Value) -> builtins.bool:
    """Whether an index is a tensor of truth values, one for each element, which need not be known."""
    return isinstance(index, Tensor) and index.dtype.kind == "bool" and index.ndim == value.type.rank


def scattered(op: str, old: Value, index: Any, new: Value) -> Value | None:
    """The value with new elements combined, in their order, into those that index arrays name; None without arrays."""
    parts = _parts(old, index)
    return _scattered(op, old, parts, new) if builtins.any(isinstance(part, Value) for part in parts) else None


def _scattered(op: str, old: Value, parts: Sequence[Part], new: Value) -> Value:
    count = dims.product(old.shape)
    flat = reshaped(index_along((count,), 0), old.shape)
    places = _advanced(flat, parts)
    size = (dims.product(places.shape),)
    updates = reshaped(_fitted(new, places.shape), size)
    result = emit(op, reshaped(old, (count,)), updates, reshaped(places, size), axes=(0,), mode="clip")
    return reshaped(result, old.shape)


def _fitted(new: Value, shape: Shape) -> Value:
    """New elements broadcast to the shape of what they replace; like NumPy without leading axes of extent 1."""
    more = new.type.rank - len(shape)
    if more > 0 and builtins.all(extent == 1 for extent in new.shape[:more]):
        new = reshaped(new, new.shape[more:])
    return broadcast_value(new, shape)


def _with_axes_of_bools(value: Value, index: Any) -> tuple[Value, Any]:
    """The value with an axis of extent 1 for each single bool of an index, and the index: True takes it, False nothing.

    So NumPy reads x[True]: as x[None][[0]].
    """
    items = index if isinstance(index, tuple) else (index,)
    bools = [_is_bool(item) for item in items]
    if not builtins.any(bools):
        return value, index
    taken = builtins.sum(0 if single else _axes_taken(_read(item)) for single, item in zip(bools, items))
    shape, axis = list(value.shape), 0
    read: list[Any] = []
    for single, item in zip(bools, items):
        if single:
            shape.insert(axis, 1)
            item, step = np.zeros(int(builtins.bool(item)), np.int64), 1
        else:
            step = value.type.rank - taken if item is Ellipsis else _axes_taken(_read(item))
        axis += step
        read.append(item)
    return reshaped(value, tuple(shape)), tuple(read)


def _is_bool(item: Any) -> builtins.bool:
    """Whether an item is one truth value: a mask without axes, known when the graph is built."""
    if isinstance(item, Tensor | np.ndarray):
        return item.ndim == 0 and item.dtype == np.dtype(bool)
    return isinstance(item, builtins.bool | np.bool_)


# --- reading the index -----------------------------------------------------------------------------------------------


def _parts(value: Value, index: Any) -> list[Part]:
    """One part per axis of the tensor, and the new axes between them."""
    items = [_read(item) for item in (index if isinstance(index, tuple) else [index])]
    taken = builtins.sum(_axes_taken(item) for item in items)
    rank = value.type.rank
    if taken > rank:
        raise ShapeError(f"too many indices: {taken} for {rank} axes")
    ellipses = [place for place, item in enumerate(items) if item is Ellipsis]
    if len(ellipses) > 1:
        raise ShapeError("an index holds one '...' at most")
    place = ellipses[0] if ellipses else len(items)
    items[place : place + 1] = [builtins.slice(None)] * (rank - taken)
    parts: list[Part] = []
    axis = 0
    for item in items:
        pieces = _chosen(item, value.shape[axis : axis + item.ndim], axis) if _is_mask(item) else [item]
        for piece in pieces:
            parts.append(_part(piece, value.shape[axis] if piece is not None else 1, axis))
            axis += piece is not None
    return parts


def _read(item: Any) -> Any:
    """An item of an index: a mask as an array of known truth values, a list as an array unless it holds tensors."""
    if isinstance(item, list) and not builtins.any(isinstance(each, Tensor) for each in item):
        item = np.asarray(item)
        return item if item.size else item.astype(np.int64)
    if isinstance(item, Tensor) and item.dtype.kind == "bool":
        instead = "Use lg.where(mask, x, fill), or multiply by the mask: the number of chosen elements would vary."
        return item._evaluated("the mask", instead)
    return item


def _is_mask(item: Any) -> builtins.bool:
    return isinstance(item, np.ndarray) and item.dtype == np.dtype(bool)


def _axes_taken(item: Any) -> int:
    return item.ndim if _is_mask(item) else int(item is not None and item is not Ellipsis)


def _chosen(mask: np.ndarray[Any, Any], extents: Sequence[Extent], axis: int) -> Sequence[Any]:
    """The indices of the true elements, an array for each axis of the mask; IndexError where it does not fit those."""
    if mask.ndim == 0:
        raise TypeError("a mask has at least one axis; found a single bool")
    for place, (found, extent) in enumerate(zip(mask.shape, extents), axis):
        if isinstance(extent, int) and found != extent:
            raise BoundsError(f"axis {place} has {extent} elements, the mask {found}")
    return np.nonzero(mask)


def _part(item: Any, extent: Extent, axis: int) -> Part:
    if item is None:
        return NewAxis()
    if isinstance(item, builtins.slice):
        return _span(item, extent, axis)
    if isinstance(item, Dim):
        return Point(item)
    if isinstance(item, Tensor | np.ndarray | list):
        return _from_front(_as_index(value_of(item)), extent)
    if isinstance(item, builtins.bool | np.bool_) or not hasattr(item, "__index__"):
        raise TypeError(f"an index is an int, a slice, '...', None or an integer array; found {item!r}")
    return _point(item.__index__(), extent, axis)


def _point(at: int, extent: Extent, axis: int) -> Point:
    if isinstance(extent, int) and not -extent <= at < extent:
        raise BoundsError(f"index {at} is out of bounds for axis {axis} of extent {extent}")
    found: Extent = at if at >= 0 else extent + at
    if not (dims.prove_nonnegative(found) and dims.prove_nonnegative(extent - found - 1)):
        advice = bound_to_declare(extent - found - 1) or bound_to_declare(found)
        raise ShapeError(f"whether index {at} lies in axis {axis} of extent {extent} is not known{advice}")
    return Point(found)


def _span(item: builtins.slice, extent: Extent, axis: int) -> Span:
    step = 1 if item.step is None else item.step.__index__()
    if step == 0:
        raise ValueError(f"the slice of axis {axis} has step 0")
    if isinstance(extent, int) and not isinstance(item.start, Dim) and not isinstance(item.stop, Dim):
        chosen = range(*item.indices(extent))
        if not chosen:
            return Span(0, 0, 1, False)
        first, last = (chosen[0], chosen[-1]) if step > 0 else (extent - 1 - chosen[0], extent - 1 - chosen[-1])
        return Span(first, last + 1, builtins.abs(step), step < 0)
    if step > 0:
        return Span(_end(item.start, 0, extent), _end(item.stop, extent, extent), step, False)
    low = 0 if item.stop is None else _end(item.stop, 0, extent) + 1
    high = extent if item.start is None else _end(item.start, extent, extent) + 1
    return Span(extent - high, extent - low, -step, True)


def _end(end: Any, otherwise: Extent, extent: Extent) -> Extent:
    """An end of a slice of a symbolic extent: counted from the end where it is a negative number."""
    if end is None:
        return otherwise
    found = as_extent(end)
    return extent + found if isinstance(found, int) and found < 0 else found


def _as_index(index: Value) -> Value:
    if not index.dtype.is_integer:
        raise DTypeError(f"an index array has an integer dtype, found {index.dtype}")
    return index if index.dtype in INDEX_DTYPES else cast(index, dtypes.int64)


def _from_front(index: Value, extent: Extent) -> Value:
    """Negative indices counted from the end: i + extent where i < 0. One that is outside stays, for the message."""
    if index.node.op.name == "iota" or _is_known_nonnegative(index):
        return index
    size = broadcast_value(extent_value(extent, index.dtype), index.shape)
    counts = emit("and", emit("lt", index, scalar_like(0, index)), emit("le", -size, index))
    return emit("select", counts, index + size, index)


def _is_known_nonnegative(index: Value) -> bool:
    return index.node.op.name == "constant" and builtins.bool((index.node["value"] >= 0).all())


# --- basic indexing --------------------------------------------------------------------------------------------------


def _basic(value: Value, parts: Sequence[Part]) -> Value:
    """One reverse, one slice for all axes, one reshape that drops points and adds new axes."""
    spans = [_as_span(part) for part in parts if isinstance(part, Span | Point)]
    value = _reversed(value, spans)
    whole = [span.step == 1 and span.start == 0 and same(span.stop, extent) for span, extent in zip(spans, value.shape)]
    if not builtins.all(whole):
        starts, stops = tuple([span.start for span in spans]), tuple([span.stop for span in spans])
        value = emit("slice", value, starts=starts, stops=stops, steps=tuple([span.step for span in spans]))
    extents = iter(value.shape)
    shape: list[Extent] = []
    for part in parts:
        extent = 1 if isinstance(part, NewAxis) else next(extents)
        if not isinstance(part, Point):
            shape.append(extent)
    return reshaped(value, tuple(shape))


def _basic_set(old: Value, parts: Sequence[Part], new: Value) -> Value:
    """The new elements spread to where they belong, and chosen there; the rest is the old tensor's."""
    spans = [_as_span(part) for part in parts if isinstance(part, Span | Point)]
    new = reshaped(_fitted(new, _basic(old, parts).shape), tuple([_length(span) for span in spans]))
    old = _reversed(old, spans)
    low, interior = tuple([span.start for span in spans]), tuple([span.step - 1 for span in spans])
    ends = [span.start + spaced(_length(span), span.step - 1) for span in spans]
    high = tuple([extent - end for extent, end in zip(old.shape, ends)])
    chosen = broadcast_value(scalar(True, dtypes.bool_), new.shape)
    mask, placed = (
        emit("pad", each, scalar(0, each.dtype), low=low, high=high, interior=interior) for each in (chosen, new)
    )
    return _reversed(emit("select", mask, placed, old), spans)


def _reversed(value: Value, spans: Sequence[Span]) -> Value:
    """The value with the axes reversed that spans walk backward; twice is once too often and gives the value again."""
    axes = tuple([axis for axis, span in enumerate(spans) if span.backward])
    return emit("reverse", value, axes=axes) if axes else value


def _length(span: Span) -> Extent:
    return dims.ceildiv(span.stop - span.start, span.step)


def _as_span(part: Span | Point) -> Span:
    return part if isinstance(part, Span) else Span(part.at, part.at + 1, 1, False)


# --- index arrays ----------------------------------------------------------------------------------------------------


def _advanced(value: Value, parts: Sequence[Part]) -> Value:
    """Slices first, then one gather. Points count as index arrays of rank 0.

    The axes of the index arrays' common shape stand where the arrays stood if those were side by side, else in front.
    """
    arrays = {place: part for place, part in enumerate(parts) if isinstance(part, Value | Point)}
    axis_of = {
        place: axis for axis, place in enumerate(p for p, part in enumerate(parts) if not isinstance(part, NewAxis))
    }
    value = _basic(value, [_everything(value.shape[axis_of[place]]) if place in arrays else part for place, part in
                           enumerate(parts) if not isinstance(part, NewAxis)])  # fmt: skip
    indices = broadcast(*[_index_value(part) for part in arrays.values()])
    picked = emit("gather", value, *indices, axes=tuple([axis_of[place] for place in arrays]), mode="check")
    depth = indices[0].type.rank
    lead, places = picked.shape[:depth], list(arrays)
    rest = iter(picked.shape[depth:])
    kept = [place for place in range(len(parts)) if place not in arrays]
    tail = [1 if isinstance(parts[place], NewAxis) else next(rest) for place in kept]
    picked = reshaped(picked, (*lead, *tail))
    side_by_side = places == list(range(places[0], places[-1] + 1))
    before = builtins.sum(place < places[0] for place in kept) if side_by_side else 0
    order = [*range(depth, depth + before), *range(depth), *range(depth + before, depth + len(tail))]
    return permuted(picked, order)


def _everything(extent: Extent) -> Span:
    return Span(0, extent, 1, False)


def _index_value(part: Part) -> Value:
    return extent_value(part.at, dtypes.int64) if isinstance(part, Point) else part  # type: ignore[return-value]


@traced
def take(x: TensorLike, indices: TensorLike, axis: int | None = None) -> Tensor:
    """The elements of an axis at these indices, whose shape takes the axis's place; of the flattened tensor for None.

    Negative indices count from the end; one out of bounds fails the step with this line.

    >>> import lazygraph as lg
    >>> lg.take([[1, 2, 3], [4, 5, 6]], [2, 0], axis=1).eval()
    array([[3, 1],
           [6, 4]])
    """
    value = value_of(x)
    if axis is None:
        value, axis = reshaped(value, (dims.product(value.shape),)), 0
    place = as_axis(axis, value.type.rank)
    index = Tensor(_as_index(value_of(indices)))
    return getitem(Tensor(value), (*[builtins.slice(None)] * place, index))


@traced
def take_along_axis(x: TensorLike, indices: TensorLike, axis: int = -1) -> Tensor:
    """The elements of an axis at indices that are given for each of the others: out[i, j] = x[i, indices[i, j]].

    `indices` has x's rank; its other extents broadcast with x's. Negative indices count from the end; one out of bounds
    fails the step with this line.

    >>> import lazygraph as lg
    >>> lg.take_along_axis([[1, 2, 3], [4, 5, 6]], [[2], [0]]).eval()
    array([[3],
           [4]])
    """
    value = value_of(x)
    places = along_axis(value, value_of(indices), axis)
    return Tensor(emit("gather", value, *places, axes=tuple(range(value.type.rank)), mode="check"))


def along_axis(value: Value, indices: Value, axis: int) -> list[Value]:
    """An index array per axis for indices along one of them, which have the rank of the value; not yet checked."""
    index = _as_index(indices)
    rank = value.type.rank
    if index.type.rank != rank:
        raise ShapeError(f"expected index arrays of rank {rank}, found {shape_text(index.shape)}")
    place = as_axis(axis, rank)
    others = [*index.shape[:place], 1, *index.shape[place + 1 :]], [*value.shape[:place], 1, *value.shape[place + 1 :]]
    spread = list(broadcast_shapes(tuple(others[0]), tuple(others[1])))
    spread[place] = index.shape[place]
    shape = tuple(spread)
    along = broadcast_value(_from_front(index, value.shape[place]), shape)
    return [along if each == place else _own_index(value, shape, each, index) for each in range(rank)]


def _own_index(value: Value, shape: tuple[Extent, ...], axis: int, index: Value) -> Value:
    if value.shape[axis] == 1 and shape[axis] != 1:  # an extent of 1 broadcasts: its only element is read
        return broadcast_value(scalar(0, index.dtype), shape)
    return index_along(shape, axis, index.dtype)


def _starts(starts: Sequence[TensorLike]) -> list[Value]:
    return [_as_index(value_of(each)) for each in starts]


@traced
def dynamic_slice(x: TensorLike, starts: Sequence[TensorLike], sizes: ShapeLike) -> Tensor:
    """The block of these sizes that begins at computed starts, one integer scalar per axis.

    A start is clamped to 0 .. extent - size, so that the block lies inside; it is not counted from the end.

    >>> import lazygraph as lg
    >>> lg.dynamic_slice(lg.arange(6), [lg.constant(2)], (3,)).eval()
    array([2, 3, 4])
    """
    return Tensor(emit("dynamic_slice", value_of(x), *_starts(starts), shape=as_shape(sizes)))


@traced
def dynamic_update_slice(x: TensorLike, update: TensorLike, starts: Sequence[TensorLike]) -> Tensor:
    """x with an update, cast to its dtype, in place of the block of its shape that begins at computed starts.

    A start is clamped to 0 .. extent - size, so that the block lies inside; it is not counted from the end.

    >>> import lazygraph as lg
    >>> lg.dynamic_update_slice(lg.arange(5), [7, 7], [lg.constant(2)]).eval()
    array([0, 1, 7, 7, 4])
    """
    old = value_of(x)
    return Tensor(emit("dynamic_update_slice", old, as_value(update, old.dtype), *_starts(starts)))

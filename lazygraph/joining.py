"""Putting tensors together, taking them apart, and turning them round, with NumPy's names.

In: tensors. Out: tensors, or lists of them.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

import lazygraph as lg
from lazygraph.compiler.ir import dims
from lazygraph.compiler.ir.dims import Extent
from lazygraph.compiler.ir.errors import BoundsError, ShapeError
from lazygraph.dims import ShapeLike, as_shape
from lazygraph.errors import shape_text
from lazygraph.frames import traced
from lazygraph.manipulation import concat, flip, moveaxis, ravel, reshape, sliced, split, swapaxes, tile
from lazygraph.promotion import as_axis, as_value, broadcast_value, value_of
from lazygraph.tensor import Tensor, TensorLike

__all__ = [
    "append",
    "array_split",
    "atleast_1d",
    "atleast_2d",
    "atleast_3d",
    "block",
    "column_stack",
    "delete",
    "dsplit",
    "dstack",
    "fliplr",
    "flipud",
    "hsplit",
    "hstack",
    "insert",
    "resize",
    "rollaxis",
    "rot90",
    "vsplit",
    "vstack",
]


# --- at least so many axes -------------------------------------------------------------------------------------------


def _all_of(arrays: tuple[TensorLike, ...], change: Any) -> Any:
    changed = tuple([change(Tensor(value_of(each))) for each in arrays])
    return changed[0] if len(changed) == 1 else changed


@traced
def atleast_1d(*arrays: TensorLike) -> Any:
    """Tensors with one axis at least: a scalar becomes a vector of one. One tensor, or a tuple of several."""
    return _all_of(arrays, lambda x: x if x.ndim else reshape(x, (1,)))


@traced
def atleast_2d(*arrays: TensorLike) -> Any:
    """Tensors with two axes at least: a vector becomes a row. One tensor, or a tuple of several.

    >>> import lazygraph as lg
    >>> lg.atleast_2d([1, 2, 3]).shape
    (1, 3)
    """
    return _all_of(arrays, lambda x: x if x.ndim >= 2 else reshape(x, (*[1] * (2 - x.ndim), *x.shape)))


@traced
def atleast_3d(*arrays: TensorLike) -> Any:
    """Tensors with three axes at least: a matrix (m, n) becomes (m, n, 1), a vector (1, n, 1)."""
    around: dict[int, tuple[tuple[int, ...], tuple[int, ...]]] = {0: ((1, 1, 1), ()), 1: ((1,), (1,)), 2: ((), (1,))}

    def extended(x: Tensor) -> Tensor:
        before, after = around[x.ndim]
        return reshape(x, (*before, *x.shape, *after))

    return _all_of(arrays, lambda x: extended(x) if x.ndim < 3 else x)


# --- side by side ----------------------------------------------------------------------------------------------------


@traced
def hstack(arrays: Sequence[TensorLike]) -> Tensor:
    """Tensors one after another along axis 1, vectors along axis 0.

    >>> import lazygraph as lg
    >>> lg.hstack([[1, 2], [3]]).eval()
    array([1, 2, 3])
    """
    parts = [atleast_1d(each) for each in arrays]
    return concat(parts, 0 if parts and parts[0].ndim == 1 else 1)


@traced
def vstack(arrays: Sequence[TensorLike]) -> Tensor:
    """Tensors one below another along axis 0, vectors as rows.

    >>> import lazygraph as lg
    >>> lg.vstack([[1, 2], [3, 4]]).eval()
    array([[1, 2],
           [3, 4]])
    """
    return concat([atleast_2d(each) for each in arrays], 0)


@traced
def dstack(arrays: Sequence[TensorLike]) -> Tensor:
    """Tensors one behind another along axis 2, to which matrices and vectors are extended."""
    return concat([atleast_3d(each) for each in arrays], 2)


@traced
def column_stack(arrays: Sequence[TensorLike]) -> Tensor:
    """Vectors as the columns of a matrix, beside the columns of matrices."""
    parts = [Tensor(value_of(each)) for each in arrays]
    return concat([each if each.ndim >= 2 else reshape(each, (-1, 1)) for each in parts], 1)


@traced
def block(arrays: Any) -> Tensor:
    """Tensors in nested lists as one: innermost lists along the last axis, the lists around them along the one before.

    >>> import lazygraph as lg
    >>> lg.block([[lg.ones((1, 1)), lg.zeros((1, 2))], [lg.zeros((1, 3))]]).eval()
    array([[1., 0., 0.],
           [0., 0., 0.]])
    """
    depth = _depth(arrays)
    rank = max(depth, *[Tensor(value_of(each)).ndim for each in _leaves(arrays)])
    return _joined(arrays, depth, rank)


def _depth(nested: Any) -> int:
    """How deeply the lists are nested; ShapeError where not all of them are nested alike, or one is empty."""
    if not isinstance(nested, list):
        return 0
    depths = {_depth(each) for each in nested}
    if len(depths) != 1:
        found = "an empty list" if not depths else f"depths {sorted(depths)} in one list"
        raise ShapeError(f"expected lists that are nested alike, found {found}")
    return 1 + depths.pop()


def _leaves(nested: Any) -> list[Any]:
    return [leaf for each in nested for leaf in _leaves(each)] if isinstance(nested, list) else [nested]


def _joined(nested: Any, depth: int, rank: int) -> Tensor:
    if depth == 0:
        x = Tensor(value_of(nested))
        return reshape(x, (*[1] * (rank - x.ndim), *x.shape))
    return concat([_joined(each, depth - 1, rank) for each in nested], -depth)


# --- pieces ----------------------------------------------------------------------------------------------------------


@traced
def array_split(x: TensorLike, indices_or_sections: int | Sequence[int], axis: int = 0) -> list[Tensor]:
    """As `split`, where a number of pieces need not divide the extent: the first ones are longer by one.

    >>> import lazygraph as lg
    >>> [piece.eval().tolist() for piece in lg.array_split(lg.arange(5), 3)]
    [[0, 1], [2, 3], [4]]
    """
    value = value_of(x)
    place = as_axis(axis, value.type.rank)
    if not hasattr(indices_or_sections, "__index__"):
        return split(Tensor(value), indices_or_sections, place)
    count, extent = operator.index(indices_or_sections), value.shape[place]
    if count < 1:
        raise ValueError(f"expected a number of pieces >= 1, found {count}")
    if not isinstance(extent, int):
        return split(Tensor(value), count, place)
    width, longer = divmod(extent, count)
    cuts = [piece * width + min(piece, longer) for piece in range(count + 1)]
    return [Tensor(sliced(value, place, start, stop)) for start, stop in zip(cuts, cuts[1:])]


def _split_along(x: TensorLike, indices_or_sections: int | Sequence[int], axis: int, least: int) -> list[Tensor]:
    tensor = Tensor(value_of(x))
    if tensor.ndim < least:
        raise ShapeError(f"expected at least {least} axes, found {shape_text(tensor.shape)}")
    return split(tensor, indices_or_sections, axis)


@traced
def hsplit(x: TensorLike, indices_or_sections: int | Sequence[int]) -> list[Tensor]:
    """`split` along axis 1, of a vector along axis 0."""
    return _split_along(x, indices_or_sections, 1 if value_of(x).type.rank > 1 else 0, 1)


@traced
def vsplit(x: TensorLike, indices_or_sections: int | Sequence[int]) -> list[Tensor]:
    """`split` along axis 0 of a tensor with two axes or more."""
    return _split_along(x, indices_or_sections, 0, 2)


@traced
def dsplit(x: TensorLike, indices_or_sections: int | Sequence[int]) -> list[Tensor]:
    """`split` along axis 2."""
    return _split_along(x, indices_or_sections, 2, 3)


# --- in between ------------------------------------------------------------------------------------------------------


@traced
def append(x: TensorLike, values: TensorLike, axis: int | None = None) -> Tensor:
    """x with values behind it along an axis; both flattened for None.

    >>> import lazygraph as lg
    >>> lg.append([1, 2], [[3], [4]]).eval()
    array([1, 2, 3, 4])
    """
    return concat([x, values], axis)


def _is_single(obj: Any) -> bool:
    """Whether an int names one place; what has axes names several."""
    return isinstance(obj, int | np.integer) and not isinstance(obj, bool)


def _known_places(obj: Any, extent: Extent, name: str) -> np.ndarray:
    """The elements of an axis that an int, a slice, a sequence of ints or a mask names, counted from the front."""
    if not isinstance(extent, int):
        raise ShapeError(f"{name}: expected an int where the extent {extent} is symbolic, found {obj!r}")
    if isinstance(obj, slice):
        return np.arange(*obj.indices(extent))
    found = np.asarray(obj)
    if found.dtype == bool:
        return np.flatnonzero(found)
    return found.astype(np.int64) if found.size == 0 else found


def _place(at: int, extent: Extent, most: Extent) -> Extent:
    """An index counted from the front, in 0 .. most; BoundsError where it is known to lie outside."""
    found: Extent = at + extent if at < 0 else at
    if not (dims.prove_nonnegative(found) and dims.prove_nonnegative(most - found)):
        raise BoundsError(f"index {at} is out of bounds for an axis of extent {extent}")
    return found


@traced
def delete(x: TensorLike, obj: Any, axis: int | None = None) -> Tensor:
    """x without the elements of an axis that an int, a slice, ints or a mask names; of the flattened x for None.

    What is named is known when the graph is built. BoundsError for an index outside the axis.

    >>> import lazygraph as lg
    >>> lg.delete([1, 2, 3, 4], [0, 2]).eval()
    array([2, 4])
    """
    x, place = (ravel(x), 0) if axis is None else (Tensor(value_of(x)), as_axis(axis, value_of(x).type.rank))
    extent = x.shape[place]
    if _is_single(obj):
        at = _place(operator.index(obj), extent, extent - 1)
        return concat([Tensor(sliced(x.value, place, 0, at)), Tensor(sliced(x.value, place, at + 1, extent))], place)
    gone = [_place(int(at), extent, extent - 1) for at in np.ravel(_known_places(obj, extent, "delete"))]
    kept = np.setdiff1d(np.arange(extent), gone)  # type: ignore[arg-type]
    return lg.take(x, kept, axis=place)


@traced
def insert(x: TensorLike, obj: Any, values: TensorLike, axis: int | None = None) -> Tensor:
    """x with values, cast to its dtype, before the elements of an axis that an int, a slice or ints name.

    Of the flattened x for None. Values broadcast to one slice of x per place, and for an int to one slice of any
    extent. Places refer to x as it was, and are known when the graph is built.

    >>> import lazygraph as lg
    >>> lg.insert([1, 2, 3], 1, [8, 9]).eval()
    array([1, 8, 9, 2, 3])
    >>> lg.insert([[1, 2], [3, 4]], [0, 2], 7, axis=1).eval()
    array([[7, 1, 2, 7],
           [7, 3, 4, 7]])
    """
    x, place = (ravel(x), 0) if axis is None else (Tensor(value_of(x)), as_axis(axis, value_of(x).type.rank))
    extent, rank = x.shape[place], x.ndim
    new = Tensor(as_value(values, x.dtype))
    lead = reshape(new, (*[1] * (rank - new.ndim), *new.shape))
    rest = (*x.shape[:place], *x.shape[place + 1 :])
    single = _is_single(obj)
    found = np.zeros(1, np.int64) if single else np.ravel(_known_places(obj, extent, "insert"))
    if single or len(found) == 1:
        lead = moveaxis(lead, 0, place) if single and rank else lead
        between = Tensor(broadcast_value(lead.value, (*rest[:place], lead.shape[place], *rest[place:])))
        at = _place(operator.index(obj) if single else int(found[0]), extent, extent)
        ends = Tensor(sliced(x.value, place, 0, at)), Tensor(sliced(x.value, place, at, extent))
        return concat([ends[0], between, ends[1]], place)
    places = np.asarray([_place(int(at), extent, extent) for at in found], np.int64)
    order = np.argsort(places, kind="stable")
    total = int(extent) + len(places)  # type: ignore[arg-type]
    source = np.full(total, -1)
    source[places[order] + np.arange(len(places))] = int(extent) + order  # type: ignore[arg-type]
    source[source < 0] = np.arange(int(extent))  # type: ignore[arg-type]
    slices = Tensor(broadcast_value(new.value, (*rest[:place], len(places), *rest[place:])))
    return lg.take(concat([x, slices], place), source, axis=place)


@traced
def resize(x: TensorLike, new_shape: ShapeLike) -> Tensor:
    """The flattened elements, again from the first where they run out, under another shape; zeros out of nothing.

    >>> import lazygraph as lg
    >>> lg.resize([1, 2, 3], (2, 2)).eval()
    array([[1, 2],
           [3, 1]])
    """
    flat, shape = ravel(x), as_shape(new_shape)
    have, wanted = flat.shape[0], dims.product(shape)
    if have == 0 or wanted == 0:
        return lg.zeros(shape, flat.dtype)
    if not isinstance(have, int) or not isinstance(wanted, int):
        if not dims.prove_nonnegative(have - wanted):
            raise ShapeError(f"whether {have} elements suffice for {shape_text(shape)} is not known")
        return reshape(Tensor(sliced(flat.value, 0, 0, wanted)), shape)
    return reshape(Tensor(sliced(tile(flat, -(-wanted // have)).value, 0, 0, wanted)), shape)


# --- round -----------------------------------------------------------------------------------------------------------


@traced
def fliplr(x: TensorLike) -> Tensor:
    """The elements in opposite order along axis 1."""
    return _flipped(x, 1)


@traced
def flipud(x: TensorLike) -> Tensor:
    """The elements in opposite order along axis 0."""
    return _flipped(x, 0)


def _flipped(x: TensorLike, axis: int) -> Tensor:
    tensor = Tensor(value_of(x))
    if tensor.ndim <= axis:
        raise ShapeError(f"expected at least {axis + 1} axes, found {shape_text(tensor.shape)}")
    return flip(tensor, axis)


@traced
def rot90(x: TensorLike, k: int = 1, axes: Sequence[int] = (0, 1)) -> Tensor:
    """x turned k times by a quarter, from the first of the axes towards the second.

    >>> import lazygraph as lg
    >>> lg.rot90([[1, 2], [3, 4]]).eval()
    array([[2, 4],
           [1, 3]])
    """
    tensor = Tensor(value_of(x))
    first, second = [as_axis(axis, tensor.ndim) for axis in axes]
    if first == second:
        raise ShapeError(f"expected two different axes, found {tuple(axes)}")
    turns = operator.index(k) % 4
    if turns == 2:
        return flip(tensor, (first, second))
    if turns == 1:
        return swapaxes(flip(tensor, second), first, second)
    return flip(swapaxes(tensor, first, second), second) if turns == 3 else tensor


@traced
def rollaxis(x: TensorLike, axis: int, start: int = 0) -> Tensor:
    """An axis moved to before the one at `start`; `moveaxis` says it more clearly."""
    tensor = Tensor(value_of(x))
    place = as_axis(axis, tensor.ndim)
    before = tensor.ndim if start == tensor.ndim else as_axis(start, tensor.ndim)
    return moveaxis(tensor, place, before - 1 if place < before else before)

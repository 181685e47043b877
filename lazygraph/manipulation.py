"""Shapes, axes and pieces: the same elements under another arrangement, with NumPy's and the Array API's names.

In: tensors. Out: tensors. Every result is a view in the sense of the graph: compiled code reads the original where it
can.
"""

from __future__ import annotations

import builtins
import operator
from collections.abc import Sequence

import numpy as np

from lazygraph.compiler.ir import dims
from lazygraph.compiler.ir.dims import Dim, Extent
from lazygraph.compiler.ir.errors import ShapeError
from lazygraph.compiler.ir.graph import Value
from lazygraph.compiler.ops.compose import emit
from lazygraph.dims import ShapeLike, aligned, as_extent, as_shape, could_be_same, fill_in, same
from lazygraph.errors import shape_text
from lazygraph.frames import traced
from lazygraph.promotion import (
    as_axes,
    as_axis,
    broadcast,
    broadcast_value,
    constant_value,
    same_dtype,
    value_of,
)
from lazygraph.tensor import Axes, Tensor, TensorLike

__all__ = [
    "broadcast_arrays",
    "broadcast_to",
    "concat",
    "concatenate",
    "expand_dims",
    "flip",
    "matrix_transpose",
    "moveaxis",
    "permute_dims",
    "ravel",
    "repeat",
    "reshape",
    "roll",
    "split",
    "squeeze",
    "stack",
    "swapaxes",
    "tile",
    "transpose",
    "unstack",
]


# --- shape -----------------------------------------------------------------------------------------------------------


@traced
def reshape(x: TensorLike, shape: ShapeLike, *, copy: bool | None = None) -> Tensor:
    """The same elements in row-major order under another shape; one extent may be -1 and is worked out.

    Tensors are values, so that `copy`, of the Array API, makes no difference.

    Raises ShapeError where the number of elements differs; where only a call can tell, it is compared before that runs.

    >>> import lazygraph as lg
    >>> lg.reshape(lg.arange(6), (2, -1)).eval()
    array([[0, 1, 2],
           [3, 4, 5]])
    """
    value = value_of(x)
    single = isinstance(shape, Dim) or hasattr(shape, "__index__")
    asked = [as_extent(each) for each in ([shape] if single else shape)]  # type: ignore[union-attr]
    count = dims.product(value.shape)
    wanted = as_shape(fill_in(asked, count))
    holds = dims.product(wanted)
    if -1 in asked or same(holds, count):
        return Tensor(reshaped(value, wanted))
    if not could_be_same(holds, count):
        raise ShapeError(f"{shape_text(wanted)} holds {holds} elements, expected {count}")
    return Tensor(reshaped(aligned(reshaped(value, (count,)), (holds,)), wanted))


def reshaped(value: Value, shape: tuple[Extent, ...]) -> Value:
    return value if value.shape == shape else emit("reshape", value, shape=shape)


@traced
def ravel(x: TensorLike, order: str = "C") -> Tensor:
    """The elements as a vector, in row-major order, or the last axis first for the order "F".

    >>> import lazygraph as lg
    >>> lg.ravel([[1, 2], [3, 4]], order="F").eval()
    array([1, 3, 2, 4])
    """
    value = value_of(x)
    if order not in ("C", "F"):
        raise ValueError(f'order: expected "C" or "F", found {order!r}')
    if order == "F":
        value = permuted(value, tuple(reversed(range(value.type.rank))))
    return Tensor(reshaped(value, (dims.product(value.shape),)))


@traced
def squeeze(x: TensorLike, axis: Axes = None) -> Tensor:
    """Without the axes of extent 1: all of them, or those given. ShapeError where one has another extent."""
    value = value_of(x)
    if axis is None:
        dropped = {place for place, extent in enumerate(value.shape) if extent == 1}
    else:
        dropped = set(as_axes(axis, value.type.rank))
    for place in dropped:
        if value.shape[place] != 1:
            raise ShapeError(f"axis {place} has extent {value.shape[place]}, expected 1")
    return Tensor(reshaped(value, tuple([extent for place, extent in enumerate(value.shape) if place not in dropped])))


@traced
def expand_dims(x: TensorLike, axis: Axes = 0) -> Tensor:
    """With new axes of extent 1 at these places of the result.

    >>> import lazygraph as lg
    >>> lg.expand_dims(lg.zeros((2, 3)), 1).shape
    (2, 1, 3)
    """
    value = value_of(x)
    added = [axis] if not isinstance(axis, list | tuple) else axis
    places = as_axes(tuple(added), value.type.rank + len(added))
    shape = list(value.shape)
    for place in places:
        shape.insert(place, 1)
    return Tensor(reshaped(value, tuple(shape)))


@traced
def broadcast_to(x: TensorLike, shape: ShapeLike) -> Tensor:
    """x repeated along its axes of extent 1 and along new leading ones; ShapeError where it does not fit."""
    return Tensor(broadcast_value(value_of(x), as_shape(shape)))


@traced
def broadcast_arrays(*arrays: TensorLike) -> list[Tensor]:
    """The tensors in their common shape, each in its own dtype."""
    return [Tensor(each) for each in broadcast(*[value_of(array) for array in arrays])]


# --- axes ------------------------------------------------------------------------------------------------------------


def permuted(value: Value, order: Sequence[int]) -> Value:
    order = tuple(order)
    return value if order == tuple(range(len(order))) else emit("transpose", value, permutation=order)


@traced
def permute_dims(x: TensorLike, axes: Sequence[int]) -> Tensor:
    """The axes in this order.

    >>> import lazygraph as lg
    >>> lg.permute_dims(lg.zeros((2, 3, 4)), (2, 0, 1)).shape
    (4, 2, 3)
    """
    value = value_of(x)
    order = [as_axis(axis, value.type.rank) for axis in axes]
    if sorted(order) != list(range(value.type.rank)):
        raise ShapeError(f"axes {tuple(axes)} are not an order of the {value.type.rank} axes")
    return Tensor(permuted(value, order))


@traced
def transpose(x: TensorLike, axes: Sequence[int] | None = None) -> Tensor:
    """The axes in this order, reversed where none is given."""
    value = value_of(x)
    return permute_dims(Tensor(value), tuple(reversed(range(value.type.rank))) if axes is None else axes)


@traced
def matrix_transpose(x: TensorLike) -> Tensor:
    """The last two axes swapped."""
    value = value_of(x)
    if value.type.rank < 2:
        raise ShapeError(f"expected at least 2 axes, found {value.type.rank}")
    return swapaxes(Tensor(value), -1, -2)


@traced
def swapaxes(x: TensorLike, axis1: int, axis2: int) -> Tensor:
    """Two axes swapped."""
    value = value_of(x)
    order = list(range(value.type.rank))
    first, second = as_axis(axis1, len(order)), as_axis(axis2, len(order))
    order[first], order[second] = second, first
    return Tensor(permuted(value, order))


@traced
def moveaxis(x: TensorLike, source: int | Sequence[int], destination: int | Sequence[int]) -> Tensor:
    """Axes moved to other places, the rest in their order.

    >>> import lazygraph as lg
    >>> lg.moveaxis(lg.zeros((2, 3, 4)), 0, -1).shape
    (3, 4, 2)
    """
    value = value_of(x)
    rank = value.type.rank
    sources = [as_axis(axis, rank) for axis in ([source] if isinstance(source, int) else source)]
    targets = [as_axis(axis, rank) for axis in ([destination] if isinstance(destination, int) else destination)]
    if len(sources) != len(targets) or len({*sources}) != len(sources) or len({*targets}) != len(targets):
        raise ShapeError(f"expected as many distinct places as distinct axes, found {source} and {destination}")
    order = [axis for axis in range(rank) if axis not in sources]
    for target, axis in sorted(zip(targets, sources)):
        order.insert(target, axis)
    return Tensor(permuted(value, order))


@traced
def flip(x: TensorLike, axis: Axes = None) -> Tensor:
    """The elements in opposite order along the axes, all by default.

    >>> import lazygraph as lg
    >>> lg.flip([1, 2, 3]).eval()
    array([3, 2, 1])
    """
    value = value_of(x)
    return Tensor(emit("reverse", value, axes=as_axes(axis, value.type.rank)))


@traced
def roll(x: TensorLike, shift: int | Sequence[int], axis: Axes = None) -> Tensor:
    """The elements moved on along the axes, those that leave at the end coming in at the start.

    One shift serves all axes, several add up along one. Without an axis the flattened elements move. A symbolic
    extent must be known to be at least the shift.

    >>> import lazygraph as lg
    >>> lg.roll(lg.arange(5), 2).eval()
    array([3, 4, 0, 1, 2])
    """
    value = value_of(x)
    if axis is None:
        flat = reshaped(value, (dims.product(value.shape),))
        shifts = shift if isinstance(shift, list | tuple) else [shift]
        return Tensor(reshaped(_rolled(flat, sum(map(operator.index, shifts)), 0), value.shape))
    try:
        pairs = list(np.broadcast(shift, axis))
    except ValueError:
        raise ShapeError(f"expected one shift per axis, found {shift} and {axis}") from None
    amounts: dict[int, int] = {}
    for amount, each in pairs:
        place = as_axis(each, value.type.rank)
        amounts[place] = amounts.get(place, 0) + operator.index(amount)
    for place, amount in amounts.items():
        value = _rolled(value, amount, place)
    return Tensor(value)


def _rolled(value: Value, shift: int, axis: int) -> Value:
    extent = value.shape[axis]
    if extent == 0 or shift == 0:
        return value
    cut = (-shift) % extent if isinstance(extent, int) else (-shift if shift < 0 else extent - shift)
    if cut == 0:
        return value
    return emit("concat", sliced(value, axis, cut, extent), sliced(value, axis, 0, cut), axis=axis)


def sliced(value: Value, axis: int, start: Extent, stop: Extent, step: int = 1) -> Value:
    """The elements start, start + step, ... below stop along one axis."""
    starts: list[Extent] = [0] * value.type.rank
    stops, steps = list(value.shape), [1] * value.type.rank
    starts[axis], stops[axis], steps[axis] = start, stop, step
    return emit("slice", value, starts=tuple(starts), stops=tuple(stops), steps=tuple(steps))


# --- pieces ----------------------------------------------------------------------------------------------------------


@traced
def concat(arrays: Sequence[TensorLike], axis: int | None = 0) -> Tensor:
    """The tensors one after another along an axis, which all have, in their common dtype; flattened for None.

    >>> import lazygraph as lg
    >>> lg.concat([lg.zeros((2, 3)), lg.ones((1, 3))]).shape
    (3, 3)
    """
    if not arrays:
        raise ShapeError("expected at least one tensor, found none")
    values = same_dtype(*arrays)
    if axis is None:
        values, axis = tuple([reshaped(each, (dims.product(each.shape),)) for each in values]), 0
    place = as_axis(axis, values[0].type.rank)
    for each in values[1:]:
        if each.type.rank != values[0].type.rank:
            raise ShapeError("expected equal ranks")
        rest = [(a, b) for at, (a, b) in enumerate(zip(values[0].shape, each.shape)) if at != place]
        if not builtins.all(could_be_same(a, b) for a, b in rest):
            raise ShapeError(f"extents differ on an axis other than axis {place}")
    first = values[0].shape
    values = tuple([aligned(each, (*first[:place], each.shape[place], *first[place + 1 :])) for each in values])
    return Tensor(values[0] if len(values) == 1 else emit("concat", *values, axis=place))


concatenate = concat


@traced
def stack(arrays: Sequence[TensorLike], axis: int = 0) -> Tensor:
    """The tensors of one shape side by side along a new axis.

    >>> import lazygraph as lg
    >>> lg.stack([[1, 2], [3, 4]], axis=1).eval()
    array([[1, 3],
           [2, 4]])
    """
    if not arrays:
        raise ShapeError("expected at least one tensor, found none")
    values = same_dtype(*arrays)
    if builtins.any(len(each.shape) != len(values[0].shape) for each in values) or not builtins.all(
        could_be_same(a, b) for each in values for a, b in zip(values[0].shape, each.shape)
    ):
        raise ShapeError("expected equal shapes")
    return concat([expand_dims(Tensor(each), axis) for each in values], axis)


@traced
def unstack(x: TensorLike, axis: int = 0) -> tuple[Tensor, ...]:
    """The pieces along an axis of known extent, without that axis.

    >>> import lazygraph as lg
    >>> [row.shape for row in lg.unstack(lg.zeros((2, 3)))]
    [(3,), (3,)]
    """
    value = value_of(x)
    place = as_axis(axis, value.type.rank)
    extent = value.shape[place]
    if not isinstance(extent, int):
        raise ShapeError(f"the extent {extent} of axis {place} is symbolic: the number of results would not be known")
    rest = (*value.shape[:place], *value.shape[place + 1 :])
    return tuple([Tensor(reshaped(sliced(value, place, at, at + 1), rest)) for at in range(extent)])


@traced
def split(x: TensorLike, indices_or_sections: int | Sequence[int], axis: int = 0) -> list[Tensor]:
    """Equal pieces along an axis (their number given), or pieces that end before each index, as in NumPy.

    >>> import lazygraph as lg
    >>> [piece.shape for piece in lg.split(lg.zeros((7, 2)), [2, 3])]
    [(2, 2), (1, 2), (4, 2)]
    """
    value = value_of(x)
    place = as_axis(axis, value.type.rank)
    extent = value.shape[place]
    if isinstance(indices_or_sections, int):
        width = dims.floordiv(extent, indices_or_sections)
        if not same(dims.multiply(width, indices_or_sections), extent):
            raise ShapeError(f"extent {extent} of axis {place} does not divide by {indices_or_sections}")
        cuts: list[Extent] = [dims.multiply(width, piece) for piece in range(indices_or_sections + 1)]
    else:
        inner = [_clamped(operator.index(each), extent) for each in indices_or_sections]
        cuts = [0, *inner, extent]
    ends = [
        start if isinstance(start, int) and isinstance(stop, int) and stop < start else stop
        for start, stop in zip(cuts, cuts[1:])
    ]
    return [Tensor(sliced(value, place, start, stop)) for start, stop in zip(cuts, ends)]


def _clamped(index: int, extent: Extent) -> Extent:
    """An end of a slice as Python reads it: counted from the end where negative, and kept inside."""
    if not isinstance(extent, int):
        return index if index >= 0 else extent + index
    return builtins.min(index, extent) if index >= 0 else builtins.max(index + extent, 0)


@traced
def repeat(x: TensorLike, repeats: TensorLike, axis: int | None = None) -> Tensor:
    """Each element `repeats` times in a row along an axis; of the flattened elements for None.

    Numbers that differ from element to element depend on no placeholder, and the extent is known: they add up to an
    extent of the result.

    >>> import lazygraph as lg
    >>> lg.repeat([1, 2], 2).eval()
    array([1, 1, 2, 2])
    """
    value = value_of(x)
    if axis is None:
        value, axis = reshaped(value, (dims.product(value.shape),)), 0
    place = as_axis(axis, value.type.rank)
    if np.ndim(repeats):
        return _repeated(value, repeats, place)
    count = operator.index(repeats)  # type: ignore[arg-type]
    apart = (*value.shape[: place + 1], count, *value.shape[place + 1 :])
    kept = tuple([at for at in range(len(apart)) if at != place + 1])
    spread = emit("broadcast", value, shape=apart, axes=kept)
    together = (*value.shape[:place], dims.multiply(value.shape[place], count), *value.shape[place + 1 :])
    return Tensor(reshaped(spread, together))


def _repeated(value: Value, repeats: TensorLike, axis: int) -> Tensor:
    """Each element of an axis as often as its number says."""
    if isinstance(repeats, Tensor):
        repeats = repeats._evaluated("the sum of the repetitions", "Repeat by one number, or take by indices.")
    counts, extent = np.asarray(repeats), value.shape[axis]
    if counts.shape == (1,) and not isinstance(extent, int):
        return repeat(Tensor(value), counts.item(), axis)
    if not isinstance(extent, int) or counts.shape not in ((1,), (extent,)):
        raise ShapeError(
            f"expected a number of repetitions for each of {extent} elements, found {shape_text(counts.shape)}"
        )
    chosen = np.repeat(np.arange(extent), counts)
    return moveaxis(Tensor(emit("gather", value, constant_value(chosen), axes=(axis,), mode="clip")), 0, axis)


@traced
def tile(x: TensorLike, repetitions: int | Sequence[int]) -> Tensor:
    """The whole tensor repeated along its axes, new leading ones included.

    >>> import lazygraph as lg
    >>> lg.tile([1, 2], 2).eval()
    array([1, 2, 1, 2])
    """
    value = value_of(x)
    counts = [repetitions] if isinstance(repetitions, int) else list(repetitions)
    rank = builtins.max(len(counts), value.type.rank)
    counts = [1] * (rank - len(counts)) + counts
    shape = (*[1] * (rank - value.type.rank), *value.shape)
    value = reshaped(value, shape)
    apart = tuple([extent for pair in zip(counts, shape) for extent in pair])
    spread = emit("broadcast", value, shape=apart, axes=tuple(range(1, 2 * rank, 2)))
    return Tensor(reshaped(spread, tuple([dims.multiply(extent, count) for count, extent in zip(counts, shape)])))

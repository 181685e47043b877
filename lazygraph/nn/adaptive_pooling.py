"""Pooling to a wanted size, named and shaped as in torch: the mean or the greatest of as many windows as asked for.

In: tensors (N, C, *spatial), or without N; extents may be symbolic. Out: tensors whose spatial extents are
`output_size`, one for all axes or one for each, None where an axis keeps its extent. Along an axis of n elements window
i of m is floor(i n / m) .. ceil((i + 1) n / m) - 1: equal parts where m divides n, else windows that overlap by one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Union

from lazygraph.compiler.ir import dims
from lazygraph.compiler.ir.dims import Dim, Extent
from lazygraph.compiler.ir.errors import ShapeError
from lazygraph.compiler.ir.graph import Value
from lazygraph.compiler.ops.compose import axis_moved, emit, spread
from lazygraph.compiler.ops.reductions import nonempty
from lazygraph.compiler.ops.windows import Windows
from lazygraph.creation import index_along
from lazygraph.dims import extent_value
from lazygraph.frames import composite
from lazygraph.manipulation import permuted, reshaped
from lazygraph.nn.spatial import places_in, sizes
from lazygraph.promotion import as_float, cast, scalar_like, value_of
from lazygraph.runtime.dtypes import int64
from lazygraph.tensor import Tensor, TensorLike

__all__ = [
    "adaptive_avg_pool1d",
    "adaptive_avg_pool2d",
    "adaptive_avg_pool3d",
    "adaptive_max_pool1d",
    "adaptive_max_pool2d",
    "adaptive_max_pool3d",
]

OutputSize = Union[int, Dim, None, Sequence[Union[int, Dim, None]]]


@composite
def adaptive_avg_pool1d(x: TensorLike, output_size: OutputSize, *, layout: str = "NCL") -> Tensor:
    """The mean of each window: x (N, C, L) -> (N, C, output_size). All that `adaptive_avg_pool2d` says holds here.

    >>> import lazygraph as lg
    >>> lg.nn.adaptive_avg_pool1d([[1.0, 2.0, 3.0, 4.0]], 2).eval()
    array([[1.5, 3.5]])
    """
    return _avg(x, output_size, layout, 1)


@composite
def adaptive_avg_pool2d(x: TensorLike, output_size: OutputSize, *, layout: str = "NCHW") -> Tensor:
    """The mean of each window: x (N, C, H, W) -> (N, C, *output_size), a float; integers count as float64.

    Raises ShapeError where ranks do not fit, and where x has no elements to average along an axis; CheckFailed at run
    time where the extent is symbolic.

    >>> import lazygraph as lg
    >>> lg.nn.adaptive_avg_pool2d([[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]], (1, 2)).eval()
    array([[[3., 4.]]])
    >>> x = lg.placeholder((8, 512, lg.dim("h"), lg.dim("w")), name="x")
    >>> lg.nn.adaptive_avg_pool2d(x, 1).shape
    (8, 512, 1, 1)
    """
    return _avg(x, output_size, layout, 2)


@composite
def adaptive_avg_pool3d(x: TensorLike, output_size: OutputSize, *, layout: str = "NCDHW") -> Tensor:
    """The mean of each window: x (N, C, D, H, W) -> (N, C, *output_size). All that `adaptive_avg_pool2d` says holds
    here.

    >>> import lazygraph as lg
    >>> lg.nn.adaptive_avg_pool3d(lg.ones((1, 2, 4, 6, 8)), (None, 3, 2)).shape
    (1, 2, 4, 3, 2)
    """
    return _avg(x, output_size, layout, 3)


@composite
def adaptive_max_pool1d(x: TensorLike, output_size: OutputSize, *, layout: str = "NCL") -> Tensor:
    """The greatest of each window: x (N, C, L) -> (N, C, output_size). All that `adaptive_max_pool2d` says holds here.

    >>> import lazygraph as lg
    >>> lg.nn.adaptive_max_pool1d([[1, 2, 3, 4]], 2).eval()
    array([[2, 4]])
    """
    return _max(x, output_size, layout, 1)


@composite
def adaptive_max_pool2d(x: TensorLike, output_size: OutputSize, *, layout: str = "NCHW") -> Tensor:
    """The greatest of each window: x (N, C, H, W) -> (N, C, *output_size), of any dtype; NaN where one is NaN.

    At ties the derivative goes to one of the greatest. Raises ShapeError where ranks do not fit, and where x has no
    elements along an axis; CheckFailed at run time where the extent is symbolic.

    >>> import lazygraph as lg
    >>> lg.nn.adaptive_max_pool2d([[[1, 2, 3], [4, 5, 6]]], (1, 2)).eval()
    array([[[5, 6]]])
    """
    return _max(x, output_size, layout, 2)


@composite
def adaptive_max_pool3d(x: TensorLike, output_size: OutputSize, *, layout: str = "NCDHW") -> Tensor:
    """The greatest of each window: x (N, C, D, H, W) -> (N, C, *output_size). All that `adaptive_max_pool2d` says holds
    here.

    >>> import lazygraph as lg
    >>> lg.nn.adaptive_max_pool3d(lg.ones((1, 2, 4, 6, 8)), 2).shape
    (1, 2, 2, 2, 2)
    """
    return _max(x, output_size, layout, 3)


# --- both -------------------------------------------------------------------------------------------------------------


def _avg(x: TensorLike, output_size: OutputSize, layout: str, rank: int) -> Tensor:
    """Sums over the windows, of halves in float32, then one division by the counts."""
    value = as_float(value_of(x))
    wanted = _wanted(value, output_size, layout, rank)
    half, extents = value.dtype, value.shape
    total = cast(nonempty(value, tuple(wanted), "adaptive_avg_pool"), half.computed_in)
    whole = tuple([axis for axis in wanted if axis not in _several(wanted)])
    if whole:
        kept = tuple([1 if axis in whole else extent for axis, extent in enumerate(extents)])
        total = reshaped(emit("reduce_sum", total, axes=whole), kept)
    total = _in_windows(total, _several(wanted), "reduce_window_sum", 0)
    count = None
    for axis, size in wanted.items():
        own = spread(_lengths(extents[axis], size, total), total.shape, (axis,))
        count = own if count is None else count * own
    return Tensor(cast(total if count is None else total / count, half))


def _max(x: TensorLike, output_size: OutputSize, layout: str, rank: int) -> Tensor:
    value = value_of(x)
    wanted = _wanted(value, output_size, layout, rank)
    value = nonempty(value, tuple(wanted), "adaptive_max_pool")
    whole = [axis for axis in wanted if axis not in _several(wanted)]
    if whole:
        value = _greatest_of_all(value, whole)
    return Tensor(_in_windows(value, _several(wanted), "reduce_window_max", value.dtype.lowest))


def _several(wanted: dict[int, Extent]) -> dict[int, Extent]:
    """The axes that are cut into more than one window."""
    return {axis: size for axis, size in wanted.items() if size != 1}


def _greatest_of_all(value: Value, axes: Sequence[int]) -> Value:
    """The first greatest element over some axes, which stay with extent 1: its place in rows, then the element."""
    others = [axis for axis in range(value.type.rank) if axis not in axes]
    kept = tuple([value.shape[axis] for axis in others])
    count = dims.product([value.shape[axis] for axis in axes])
    rows = reshaped(permuted(value, (*others, *axes)), (*kept, count))
    place = emit("argmax", rows, axis=len(kept))
    at = [*[index_along(kept, axis) for axis in range(len(kept))], place]
    found = emit("gather", rows, *at, axes=tuple(range(len(at))), mode="clip")
    return reshaped(found, tuple([1 if axis in axes else extent for axis, extent in enumerate(value.shape)]))


def _wanted(value: Value, output_size: OutputSize, layout: str, rank: int) -> dict[int, Extent]:
    """The extent of the result along each spatial axis that does not keep its own."""
    places, _ = places_in(value, layout, rank)
    asked = [output_size] * rank if output_size is None or isinstance(output_size, int | Dim) else list(output_size)
    if len(asked) != rank:
        raise ShapeError(f"output_size: expected an extent, None, or {rank} of them, found {output_size!r}")
    given = {place: size for place, size in zip(places, asked) if size is not None}
    return dict(zip(given, sizes("output_size", tuple(given.values()), len(given))))


def _in_windows(value: Value, wanted: dict[int, Extent], op: str, identity: float) -> Value:
    """The combination of each window: of all equal parts at once, then axis by axis."""
    equal: dict[int, tuple[Extent, int, int, Extent, Extent]] = {}
    for axis, size in wanted.items():
        extent = value.shape[axis]
        if isinstance(extent, int) and isinstance(size, int) and extent % size == 0:
            equal[axis] = (extent // size, extent // size, 1, 0, size)
    if equal:
        value = emit(op, value, **Windows.along(value.shape, equal).attributes)
    for axis in sorted(set(wanted) - set(equal)):
        value = _uneven(value, axis, wanted[axis], op, identity)
    return value


def _uneven(value: Value, axis: int, size: Extent, op: str, identity: float) -> Value:
    """Windows laid out along an axis of their own, as long as the longest and filled up with the identity."""
    extent = value.shape[axis]
    longest = dims.add(dims.floordiv(dims.add(extent, -2), size), 2)
    start, stop = _bounds(extent, size, (size, longest))
    place = start + index_along((size, longest), 1)
    rows = emit("gather", value, place, axes=(axis,), mode="clip")
    held = spread(emit("lt", place, stop), rows.shape, (0, 1))
    filled = emit("select", held, rows, scalar_like(identity, rows))
    found = emit(op, filled, **Windows.along(rows.shape, {1: (longest, 1, 1, 0, 1)}).attributes)
    return axis_moved(reshaped(found, (size, *rows.shape[2:])), 0, axis)


def _lengths(extent: Extent, size: Extent, like: Value) -> Value:
    """How many elements each window has along an axis, in the dtype of `like`."""
    start, stop = _bounds(extent, size, (size,))
    return cast(stop - start, like.dtype)


def _bounds(extent: Extent, size: Extent, shape: tuple[Extent, ...]) -> tuple[Value, Value]:
    """Where each window begins and where it ends: floor(i n / m) and ceil((i + 1) n / m), i along axis 0."""
    many, parts = (extent_value(each, int64, shape) for each in (extent, size))
    first = index_along(shape, 0) * many
    return emit("div", first, parts), emit("div", first + many + (parts - 1), parts)

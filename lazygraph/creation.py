"""Tensors out of nothing: placeholders, constants, and the arrays that a rule fills.

In: shapes, dtypes, numbers. Out: tensors. Dtypes default to NumPy's: int64 for integers, float64 for the rest.
"""

from __future__ import annotations

import builtins
import math
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

import lazygraph as lg
from lazygraph.compiler.ir.dims import Dim, Extent
from lazygraph.compiler.ir.graph import TensorType, Value, serials
from lazygraph.compiler.ops.compose import emit
from lazygraph.compiler.ops.leaf import new_parameter
from lazygraph.compiler.ops.record import full as full_value
from lazygraph.devices import require_device
from lazygraph.dims import ShapeLike, as_extent, as_shape, dim, extent_value
from lazygraph.errors import require_name
from lazygraph.frames import traced
from lazygraph.parts import by_parts
from lazygraph.promotion import (
    as_dtype,
    as_value,
    broadcast,
    broadcast_value,
    cast,
    common_dtype,
    constant_value,
    value_of,
)
from lazygraph.runtime import dtypes
from lazygraph.runtime.dtypes import DType
from lazygraph.tensor import Tensor, TensorLike

__all__ = [
    "arange",
    "array",
    "asarray",
    "constant",
    "dim",
    "empty",
    "empty_like",
    "eye",
    "from_dlpack",
    "full",
    "full_like",
    "linspace",
    "meshgrid",
    "ones",
    "ones_like",
    "placeholder",
    "tril",
    "triu",
    "zeros",
    "zeros_like",
]


@traced
def placeholder(shape: ShapeLike, dtype: DTypeLike | DType = dtypes.float32, name: str | None = None) -> Tensor:
    """An input of a function: an array that the caller hands over. Extents are ints or dims (`lg.dim`).

    >>> import lazygraph as lg
    >>> lg.placeholder((lg.dim("n"), 784), lg.float32, "x")
    <Tensor x: float32 (n, 784)>
    """
    if name is not None:
        require_name("a placeholder", name)
    return Tensor(new_parameter(name or f"input{next(serials)}", as_dtype(dtype), as_shape(shape)))


@traced
def constant(value: TensorLike | Dim, dtype: DTypeLike | DType | None = None) -> Tensor:
    """A tensor with this value, which is copied: an array, nested lists, a number, or a dim (its extent as int64).

    A tensor stays as it is. Raises DTypeError for values of a dtype that we do not have.

    >>> import lazygraph as lg
    >>> lg.constant([[1, 2], [3, 4]], lg.float32).dtype
    float32
    """
    wanted = None if dtype is None else as_dtype(dtype)
    if isinstance(value, Tensor) and (wanted is None or value.dtype == wanted):
        return value
    if isinstance(value, Tensor | Dim):
        read = value_of(value)
        return Tensor(read if wanted is None else cast(read, wanted))
    return Tensor(constant_value(value, wanted))


@traced
def asarray(
    obj: Any,
    /,
    dtype: DTypeLike | DType | None = None,
    *,
    device: str | None = None,
    copy: builtins.bool | None = None,
) -> Tensor:
    """A tensor of what becomes one, as `constant`; nested sequences that hold tensors are stacked.

    A tensor stays as it is unless `copy` is True. What is not a tensor yet is always copied, so that `copy=False`
    raises ValueError for it. ValueError for another device than "cpu".

    >>> import lazygraph as lg
    >>> x = lg.placeholder((), lg.float32, "x")
    >>> lg.asarray([x, x + 1]).eval({x: 2})
    array([2., 3.], dtype=float32)
    """
    require_device(device)
    if _holds_tensors(obj):
        found = lg.stack([asarray(each) for each in obj])
    elif copy is False and not isinstance(obj, Tensor):
        raise ValueError("asarray: copy=False, and a constant of a graph is always a copy")
    else:
        found = constant(obj, dtype)
    if dtype is not None and found.dtype != as_dtype(dtype):
        found = Tensor(cast(found.value, as_dtype(dtype)))
    if copy is False and found is not obj:
        raise ValueError(f"asarray: copy=False, and a copy is needed to become {found.dtype}")
    return found.copy() if copy and found is obj else found


def _holds_tensors(obj: Any) -> builtins.bool:
    """Whether a nested sequence has a tensor among its leaves."""
    if not isinstance(obj, list | tuple):
        return False
    return builtins.any(isinstance(each, Tensor) or _holds_tensors(each) for each in obj)


@traced
def array(
    object: Any, dtype: DTypeLike | DType | None = None, *, copy: builtins.bool | None = True, ndmin: int = 0
) -> Tensor:
    """NumPy's name of `asarray`, which copies unless told otherwise, with leading axes up to rank `ndmin`.

    >>> import lazygraph as lg
    >>> lg.array([1, 2], ndmin=2).shape
    (1, 2)
    """
    found = asarray(object, dtype, copy=copy)
    return lg.reshape(found, (*[1] * (ndmin - found.ndim), *found.shape)) if found.ndim < ndmin else found


@traced
def from_dlpack(x: Any, /, *, device: str | None = None, copy: builtins.bool | None = None) -> Tensor:
    """A constant with the elements of another library's array, which are copied: `copy=False` is a ValueError.

    >>> import lazygraph as lg, numpy as np
    >>> lg.from_dlpack(np.arange(3)).eval()
    array([0, 1, 2])
    """
    require_device(device)
    if copy is False:
        raise ValueError("from_dlpack: copy=False, and a constant of a graph is always a copy")
    return Tensor(constant_value(np.from_dlpack(x)))


def _filled(
    shape: ShapeLike, number: float, dtype: DTypeLike | DType | None, otherwise: DType, device: str | None
) -> Tensor:
    require_device(device)
    return Tensor(full_value(TensorType(otherwise if dtype is None else as_dtype(dtype), as_shape(shape)), number))


@traced
def zeros(shape: ShapeLike, dtype: DTypeLike | DType | None = None, *, device: str | None = None) -> Tensor:
    """A tensor of zeros, float64 unless told otherwise.

    >>> import lazygraph as lg
    >>> lg.zeros((2,), lg.int32).eval()
    array([0, 0], dtype=int32)
    """
    return _filled(shape, 0, dtype, dtypes.float64, device)


@traced
def ones(shape: ShapeLike, dtype: DTypeLike | DType | None = None, *, device: str | None = None) -> Tensor:
    """A tensor of ones, float64 unless told otherwise."""
    return _filled(shape, 1, dtype, dtypes.float64, device)


empty = zeros


@traced
def zeros_like(x: TensorLike, dtype: DTypeLike | DType | None = None, *, device: str | None = None) -> Tensor:
    """Zeros of x's shape, and its dtype unless told otherwise."""
    like = value_of(x)
    return _filled(like.shape, 0, dtype, like.dtype, device)


@traced
def ones_like(x: TensorLike, dtype: DTypeLike | DType | None = None, *, device: str | None = None) -> Tensor:
    """Ones of x's shape, and its dtype unless told otherwise."""
    like = value_of(x)
    return _filled(like.shape, 1, dtype, like.dtype, device)


empty_like = zeros_like


@traced
def full(
    shape: ShapeLike, fill_value: TensorLike, dtype: DTypeLike | DType | None = None, *, device: str | None = None
) -> Tensor:
    """A tensor of one repeated value, in the value's dtype unless told otherwise; the value may be a tensor."""
    require_device(device)
    value = value_of(fill_value) if dtype is None else as_value(fill_value, as_dtype(dtype))
    return Tensor(broadcast_value(value, as_shape(shape)))


@traced
def full_like(
    x: TensorLike, fill_value: TensorLike, dtype: DTypeLike | DType | None = None, *, device: str | None = None
) -> Tensor:
    """One repeated value in x's shape, and its dtype unless told otherwise."""
    require_device(device)
    like = value_of(x)
    return Tensor(broadcast_value(as_value(fill_value, like.dtype if dtype is None else as_dtype(dtype)), like.shape))


def index_along(shape: tuple[Extent, ...], axis: int, dtype: DType = dtypes.int64) -> Value:
    """0, 1, 2, ... along one axis of a shape."""
    return emit("iota", dtype=dtype, shape=shape, axis=axis)


@traced
def arange(
    start: float | Dim,
    stop: float | Dim | None = None,
    step: float = 1,
    dtype: DTypeLike | DType | None = None,
    *,
    device: str | None = None,
) -> Tensor:
    """start, start + step, ... below stop; one argument is the stop. With dims, start is 0 and step 1.

    int64 for integers and dims, float64 otherwise, unless told. As in NumPy, element i of a float range is
    start + i * step.

    >>> import lazygraph as lg
    >>> lg.arange(2, 8, 3).eval()
    array([2, 5])
    """
    require_device(device)
    if stop is None:
        start, stop = 0, start
    if isinstance(start, Dim) or isinstance(stop, Dim):
        if step != 1 or isinstance(step, builtins.bool):
            raise ValueError(f"arange over a dim has step 1; found {step}")
        first, count = as_extent(start), as_extent(stop) - as_extent(start)
        counted = index_along((count,), 0)
        offset = broadcast_value(value_of(first), counted.shape)
        made = counted if first == 0 else emit("add", counted, offset)
        return Tensor(cast(made, dtypes.int64 if dtype is None else as_dtype(dtype)))
    if step == 0:
        raise ValueError("arange: the step is 0")
    whole = all(isinstance(each, int | np.integer) for each in (start, stop, step))
    length = max(0, -((start - stop) // step) if whole else math.ceil((stop - start) / step))
    working = dtypes.int64 if whole else dtypes.float64
    made = index_along((int(length),), 0, working)
    if step != 1:
        made = made * step
    if start != 0:
        made = made + start
    return Tensor(made if dtype is None else cast(made, as_dtype(dtype)))


@traced
def linspace(
    start: TensorLike,
    stop: TensorLike,
    num: int | Dim = 50,
    endpoint: builtins.bool = True,
    dtype: DTypeLike | DType | None = None,
    axis: int = 0,
    *,
    device: str | None = None,
) -> Tensor:
    """`num` evenly spaced numbers from start to stop, which is the last of them unless `endpoint` is False.

    Tensors as ends broadcast, and the numbers between them lie along a new axis, which stands at `axis`. Floats as the
    ends are, float64 for integers; to an integer dtype they are rounded down.

    >>> import lazygraph as lg
    >>> lg.linspace(0, 1, 5).eval()
    array([0.  , 0.25, 0.5 , 0.75, 1.  ])
    >>> lg.linspace([0, 10], 20, 3).eval()
    array([[ 0., 10.],
           [10., 15.],
           [20., 20.]])
    """
    require_device(device)
    count = as_extent(num)
    if isinstance(count, int) and count < 0:
        raise ValueError(f"linspace: num: expected a number >= 0, found {count}")
    wanted = None if dtype is None else as_dtype(dtype)
    ends = [value_of(start), value_of(stop)]
    working = common_dtype([*ends, 1.0])
    first, last = broadcast(*[cast(each, working) for each in ends])
    shape = (count, *first.shape)
    gaps = count - 1 if endpoint else count
    row, rows = emit("iota", dtype=dtypes.int64, shape=shape, axis=0), tuple(range(1, len(shape)))
    low, high = (emit("broadcast", each, shape=shape, axes=rows) for each in (first, last))
    divisor = emit("max", extent_value(gaps, working.part), full_value(TensorType(working.part, ()), 1))
    wide, counted = broadcast_value(divisor, shape), cast(row, working.part)
    step = by_parts(lambda part: part / wide, high - low)
    found = by_parts(lambda part: counted * part, step) + low
    if endpoint:
        at_end = emit("eq", row, extent_value(gaps, dtypes.int64, shape))
        one = emit("eq", row, full_value(row.type, 0))  # a single number is the start
        found = emit("select", emit("and", at_end, emit("not", one)), high, found)
    if wanted is not None:
        found = cast(emit("floor", found) if wanted.is_integer else found, wanted)
    return lg.moveaxis(Tensor(found), 0, axis)


@traced
def eye(
    n_rows: int | Dim,
    n_cols: int | Dim | None = None,
    k: int = 0,
    dtype: DTypeLike | DType | None = None,
    *,
    device: str | None = None,
) -> Tensor:
    """Ones on the k-th diagonal, zeros elsewhere; square unless `n_cols` is given; float64 unless told otherwise."""
    require_device(device)
    shape = as_shape((n_rows, n_rows if n_cols is None else n_cols))
    on = emit("eq", index_along(shape, 0) + k, index_along(shape, 1))
    return Tensor(cast(on, dtypes.float64 if dtype is None else as_dtype(dtype)))


def _triangle(x: TensorLike, k: int, lower: builtins.bool) -> Tensor:
    value = value_of(x)
    rank = value.type.rank
    if rank < 2:
        raise lg.ShapeError(f"expected at least 2 axes, found {rank}")
    row, column = index_along(value.shape, rank - 2) + k, index_along(value.shape, rank - 1)
    kept = emit("le", column, row) if lower else emit("le", row, column)
    return Tensor(emit("select", kept, value, full_value(value.type, 0)))


@traced
def tril(x: TensorLike, k: int = 0) -> Tensor:
    """The lower triangle of each matrix, zero above the k-th diagonal.

    >>> import lazygraph as lg
    >>> lg.tril([[1, 2], [3, 4]]).eval()
    array([[1, 0],
           [3, 4]])
    """
    return _triangle(x, k, lower=True)


@traced
def triu(x: TensorLike, k: int = 0) -> Tensor:
    """The upper triangle of each matrix, zero below the k-th diagonal.

    >>> import lazygraph as lg
    >>> lg.triu([[1, 2], [3, 4]]).eval()
    array([[1, 2],
           [0, 4]])
    """
    return _triangle(x, k, lower=False)


@traced
def meshgrid(*arrays: TensorLike, indexing: str = "xy", sparse: builtins.bool = False) -> list[Tensor]:
    """Coordinate matrices from coordinate vectors: one per vector, in the shape that all of them span.

    `indexing` is "ij", or "xy", which swaps the first two axes of the results. If `sparse`, each keeps extents of 1
    along the axes of the others.

    >>> import lazygraph as lg
    >>> columns, rows = lg.meshgrid([1, 2, 3], [4, 5])
    >>> rows.eval()
    array([[4, 4, 4],
           [5, 5, 5]])
    """
    if indexing not in ("xy", "ij"):
        raise ValueError(f'indexing is "xy" or "ij"; found {indexing!r}')
    vectors: list[Any] = [lg.reshape(each, (-1,)) for each in arrays]
    swap = indexing == "xy" and len(vectors) > 1
    places = [1, 0, *range(2, len(vectors))] if swap else list(range(len(vectors)))
    shape = [vectors[place].shape[0] for place in places]
    results = []
    for vector, place in zip(vectors, places):
        own = tuple([-1 if axis == place else 1 for axis in range(len(vectors))])
        column = lg.reshape(vector, own)
        results.append(column if sparse else lg.broadcast_to(column, tuple(shape)))
    return results

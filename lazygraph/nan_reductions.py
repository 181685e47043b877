"""Reductions that leave NaN out, with NumPy's names.

In: tensors. Out: tensors. Where every element is NaN, a sum is 0, a product 1, and what needs an element is NaN. A
derivative with respect to an element that is NaN is 0.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from numpy.typing import DTypeLike

import lazygraph as lg
from lazygraph import reductions
from lazygraph.compiler.ir.graph import Value
from lazygraph.compiler.ops.compose import emit
from lazygraph.compiler.ops.record import full
from lazygraph.frames import composite
from lazygraph.parts import by_parts, squared_modulus
from lazygraph.promotion import as_axes, broadcast_value, cast, value_of
from lazygraph.reductions import moments_of, reduced, restored
from lazygraph.runtime import dtypes
from lazygraph.runtime.dtypes import DType
from lazygraph.tensor import Axes, Tensor, TensorLike

__all__ = [
    "nanargmax",
    "nanargmin",
    "nancumprod",
    "nancumsum",
    "nanmax",
    "nanmean",
    "nanmin",
    "nanprod",
    "nanstd",
    "nansum",
    "nanvar",
]


def _filled(value: Value, number: float) -> Value:
    """The value with this number where it is NaN."""
    if not value.dtype.is_differentiable:
        return value
    return emit("select", emit("eq", value, value), value, full(value.type, number))


@composite
def nansum(
    x: TensorLike, axis: Axes = None, *, dtype: DTypeLike | DType | None = None, keepdims: bool = False
) -> Tensor:
    """The sum of the elements over the axes that are not NaN.

    >>> import lazygraph as lg
    >>> lg.nansum([1, lg.nan, 2]).eval()
    array(3.)
    """
    return lg.sum(Tensor(_filled(value_of(x), 0)), axis, dtype=dtype, keepdims=keepdims)


@composite
def nanprod(
    x: TensorLike, axis: Axes = None, *, dtype: DTypeLike | DType | None = None, keepdims: bool = False
) -> Tensor:
    """The product of the elements over the axes that are not NaN."""
    return lg.prod(Tensor(_filled(value_of(x), 1)), axis, dtype=dtype, keepdims=keepdims)


@composite
def nancumsum(x: TensorLike, axis: int | None = None, dtype: DTypeLike | DType | None = None) -> Tensor:
    """`cumsum`, NaN counting as 0.

    >>> import lazygraph as lg
    >>> lg.nancumsum([1, lg.nan, 2]).eval()
    array([1., 1., 3.])
    """
    return lg.cumsum(Tensor(_filled(value_of(x), 0)), axis, dtype)


@composite
def nancumprod(x: TensorLike, axis: int | None = None, dtype: DTypeLike | DType | None = None) -> Tensor:
    """`cumprod`, NaN counting as 1."""
    return lg.cumprod(Tensor(_filled(value_of(x), 1)), axis, dtype)


# --- extremes --------------------------------------------------------------------------------------------------------


def _none_left(value: Value, axes: tuple[int, ...], keepdims: bool) -> Value:
    """Where every element over the axes is NaN."""
    return reduced("reduce_and", emit("not", emit("eq", value, value)), axes, keepdims)


def _extreme(reduce: Callable[..., Tensor], worst: float, x: TensorLike, axis: Axes, keepdims: bool) -> Tensor:
    value = value_of(x)
    if not value.dtype.is_float:
        return reduce(Tensor(value), axis, keepdims=keepdims)
    found = reduce(Tensor(_filled(value, worst)), axis, keepdims=keepdims).value
    none = _none_left(value, as_axes(axis, value.type.rank), keepdims)
    return Tensor(emit("select", none, full(found.type, math.nan), found))


@composite
def nanmax(x: TensorLike, axis: Axes = None, *, keepdims: bool = False) -> Tensor:
    """The greatest element over the axes that is not NaN; NaN where all are.

    >>> import lazygraph as lg
    >>> lg.nanmax([1, lg.nan, 2]).eval()
    array(2.)
    """
    return _extreme(reductions.max, -math.inf, x, axis, keepdims)


@composite
def nanmin(x: TensorLike, axis: Axes = None, *, keepdims: bool = False) -> Tensor:
    """The least element over the axes that is not NaN; NaN where all are."""
    return _extreme(reductions.min, math.inf, x, axis, keepdims)


def _place(find: Callable[..., Tensor], worst: float, x: TensorLike, axis: int | None, keepdims: bool) -> Tensor:
    value = value_of(x)
    if not value.dtype.is_float:
        return find(Tensor(value), axis, keepdims=keepdims)
    found = find(Tensor(_filled(value, worst)), axis, keepdims=keepdims)
    none = _none_left(value, as_axes(axis, value.type.rank), keepdims)
    # an infinity beside NaN is as good as what stands for NaN: the first that is not NaN wins
    first = find(Tensor(cast(_best(value, worst), dtypes.int32)), axis, keepdims=keepdims)
    chosen = lg.where(Tensor(_only_worst(value, worst, axis, keepdims)), first, found)
    return lg.check(chosen, Tensor(emit("not", none)), "every element is NaN: there is no place of an extreme")


def _best(value: Value, worst: float) -> Value:
    """Numbers before NaN, for a search of the greatest (worst < 0) or of the least."""
    number = emit("eq", value, value)
    return number if worst < 0 else emit("not", number)


def _only_worst(value: Value, worst: float, axis: int | None, keepdims: bool) -> Value:
    """Where every element is NaN or the worst number there is."""
    bad = emit("eq", _filled(value, worst), full(value.type, worst))
    return reduced("reduce_and", bad, as_axes(axis, value.type.rank), keepdims)


@composite
def nanargmax(x: TensorLike, axis: int | None = None, *, keepdims: bool = False) -> Tensor:
    """The index of the greatest element that is not NaN, int64, the first of equals.

    Where every element is NaN, the step fails with this line.

    >>> import lazygraph as lg
    >>> lg.nanargmax([1, lg.nan, 2]).eval()
    array(2)
    """
    return _place(reductions.argmax, -math.inf, x, axis, keepdims)


@composite
def nanargmin(x: TensorLike, axis: int | None = None, *, keepdims: bool = False) -> Tensor:
    """The index of the least element that is not NaN, int64, the first of equals; the step fails where all are."""
    return _place(reductions.argmin, math.inf, x, axis, keepdims)


# --- moments ---------------------------------------------------------------------------------------------------------


@composite
def nanmean(x: TensorLike, axis: Axes = None, *, keepdims: bool = False) -> Tensor:
    """The mean of the elements over the axes that are not NaN; NaN where all are.

    >>> import lazygraph as lg
    >>> lg.nanmean([1, lg.nan, 2]).eval()
    array(1.5)
    """
    tensor = Tensor(value_of(x))
    return lg.mean(tensor, axis, keepdims=keepdims, where=tensor == tensor)


def _variance(x: TensorLike, axis: Axes, correction: float, keepdims: bool) -> tuple[Value, DType]:
    """sum |x - mean|**2 / (n - correction) over the n elements that are not NaN; NaN where that is not positive."""
    value, wanted = moments_of(x, None)
    axes = as_axes(axis, value.type.rank)
    count = emit("reduce_sum", cast(emit("eq", value, value), value.dtype.part), axes=axes)
    some = emit("max", count, full(count.type, 1))
    mean = by_parts(lambda part: part / some, emit("reduce_sum", _filled(value, 0), axes=axes))
    centre = broadcast_value(restored(mean, value, axes), value.shape)
    apart = emit("select", emit("eq", value, value), _filled(value, 0) - centre, full(value.type, 0))
    freedom = count - correction
    positive = emit("lt", full(freedom.type, 0), freedom)
    one = full(freedom.type, 1)
    result = emit("reduce_sum", squared_modulus(apart), axes=axes) / emit("select", positive, freedom, one)
    result = emit("select", positive, result, full(result.type, math.nan))
    return restored(result, value, axes) if keepdims else result, wanted.part


@composite
def nanvar(
    x: TensorLike, axis: Axes = None, *, correction: float = 0.0, ddof: float = 0.0, keepdims: bool = False
) -> Tensor:
    """The variance of the n elements over the axes that are not NaN, over n - correction; NaN unless that is > 0.

    `ddof` is NumPy's other name of `correction`.

    >>> import lazygraph as lg
    >>> lg.nanvar([1, lg.nan, 3]).eval()
    array(1.)
    """
    result, wanted = _variance(x, axis, correction or ddof, keepdims)
    return Tensor(cast(result, wanted))


@composite
def nanstd(
    x: TensorLike, axis: Axes = None, *, correction: float = 0.0, ddof: float = 0.0, keepdims: bool = False
) -> Tensor:
    """The square root of `nanvar`, whose derivative is NaN where that is 0, as for `std`."""
    result, wanted = _variance(x, axis, correction or ddof, keepdims)
    return Tensor(cast(emit("sqrt", result), wanted))

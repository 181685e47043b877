"""Quantiles of what is sorted, by each of NumPy's methods; and of the elements that are not NaN.

In: tensors, and fractions that are known when the graph is built. Out: floats. Derivatives flow to the elements between
which a quantile lies; of equal elements to those that a stable sort puts there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lazygraph.compiler.ir import dims
from lazygraph.compiler.ir.graph import TensorType, Value
from lazygraph.compiler.ops.compose import emit
from lazygraph.compiler.ops.record import full
from lazygraph.compiler.ops.reductions import nonempty
from lazygraph.dims import extent_value
from lazygraph.frames import composite
from lazygraph.manipulation import permuted, reshaped
from lazygraph.promotion import as_axes, as_float, cast, constant_value, value_of
from lazygraph.runtime import dtypes
from lazygraph.tensor import Axes, Tensor, TensorLike

__all__ = ["median", "nanmedian", "nanpercentile", "nanquantile", "percentile", "quantile"]


# --- where a quantile lies -------------------------------------------------------------------------------------------
# The place h among n sorted elements, from 0, of the fraction q: Hyndman and Fan, "Sample quantiles in statistical
# packages", 1996, in NumPy's names. Between two elements the fraction of h above the lower one is interpolated.


def _continuous(alpha: float, beta: float) -> Callable[[Value, Value], Value]:
    """h = n q + alpha + q (1 - alpha - beta) - 1."""
    return lambda n, q: n * q + (q * (1 - alpha - beta) + alpha) - 1


def _where(condition: Value, chosen: Value, other: Value) -> Value:
    return emit("select", condition, chosen, other)


def _stepped(n: Value, q: Value) -> Value:
    """The lowest element of which a fraction q or more is not greater: ceil(n q) - 1."""
    return emit("ceil", n * q) - 1


def _averaged(n: Value, q: Value) -> Value:
    """As the stepped one, but half way to the next element where n q is a whole number."""
    h = n * q - 1
    low = emit("floor", h)
    return _where(emit("eq", h, low), low + 0.5, low + 1)


def _closest(n: Value, q: Value) -> Value:
    """The element nearest to n q, of two equally near the one at an even place (counted from 1)."""
    h = n * q - 1.5
    low = emit("floor", h)
    odd = emit("eq", emit("floor", low / 2) * 2, low - 1)  # low is odd
    return _where(emit("and", emit("eq", h, low), odd), low, low + 1)


def _linear(n: Value, q: Value) -> Value:
    return (n - 1) * q


def _rounded(op: str) -> Callable[[Value, Value], Value]:
    return lambda n, q: emit(op, _linear(n, q))


def _midpoint(n: Value, q: Value) -> Value:
    h = _linear(n, q)
    return (emit("floor", h) + emit("ceil", h)) / 2


METHODS: dict[str, Callable[[Value, Value], Value]] = {
    "linear": _linear,
    "lower": _rounded("floor"),
    "higher": _rounded("ceil"),
    "nearest": _rounded("round_even"),
    "midpoint": _midpoint,
    "inverted_cdf": _stepped,
    "averaged_inverted_cdf": _averaged,
    "closest_observation": _closest,
    "interpolated_inverted_cdf": _continuous(0, 1),
    "hazen": _continuous(0.5, 0.5),
    "weibull": _continuous(0, 0),
    "median_unbiased": _continuous(1 / 3, 1 / 3),
    "normal_unbiased": _continuous(3 / 8, 3 / 8),
}
CHOOSING = ("lower", "higher", "nearest", "inverted_cdf", "closest_observation")  # an element: integers stay such


def _quantile(
    op: str, x: TensorLike, q: NDArray[Any], axis: Axes, keepdims: bool, method: str, skip_nan: bool = False
) -> Tensor:
    """The interpolated elements around the place of q among the sorted elements over the axes, NaN sorted last."""
    if method not in METHODS:
        raise ValueError(f"{op}: method: expected one of {', '.join(METHODS)}; found {method!r}")
    value = value_of(x)
    if method not in CHOOSING:
        value = as_float(value)
    axes = as_axes(axis, value.type.rank)
    kept = [each for each in range(value.type.rank) if each not in axes]
    rest = tuple([value.shape[each] for each in kept])
    total = dims.product([value.shape[each] for each in axes])
    rows = reshaped(permuted(nonempty(value, axes, op), (*kept, *axes)), (*rest, total))
    ordered = emit("sort", rows, axis=len(rest))
    shape = (*q.shape, *rest)
    if skip_nan:
        numbers = cast(emit("eq", rows, rows), dtypes.float64)
        counted = emit("reduce_sum", numbers, axes=(len(rest),))
        count = emit("broadcast", counted, shape=shape, axes=tuple(range(q.ndim, len(shape))))
    else:
        count = extent_value(total, dtypes.float64, shape)
    fraction = emit("broadcast", constant_value(q), shape=shape, axes=tuple(range(q.ndim)))
    result = _interpolated(ordered, METHODS[method](count, fraction), count, q.ndim)
    if not keepdims:
        return Tensor(result)
    single = [1 if each in axes else extent for each, extent in enumerate(value.shape)]
    return Tensor(reshaped(result, (*q.shape, *single)))


def _interpolated(ordered: Value, place: Value, count: Value, lead: int) -> Value:
    """Row by row, the elements at a place between two; NaN where the last counted one is, or none is counted."""
    last = ordered.type.rank - 1
    zero, highest = full(place.type, 0), count - 1
    inside = emit("min", emit("max", place, zero), emit("max", highest, zero))
    below = emit("floor", inside)
    shape = place.shape
    own = [emit("iota", dtype=dtypes.int64, shape=shape, axis=lead + axis) for axis in range(last)]

    def at(position: Value) -> Value:
        return emit("gather", ordered, *own, cast(position, dtypes.int64), axes=tuple(range(last + 1)), mode="clip")

    if not ordered.dtype.is_float:
        return at(below)
    low, high, greatest = at(below), at(emit("min", below + 1, highest)), at(highest)
    apart = high - low
    fraction = cast(inside - below, low.dtype)
    finite = emit("lt", emit("abs", apart), full(apart.type, float("inf")))
    beside_infinity = low * (1 - fraction) + high * fraction
    found = emit("select", finite, low + apart * fraction, beside_infinity)
    found = emit("select", emit("eq", inside, below), low, found)
    found = emit("select", emit("eq", greatest, greatest), found, greatest)
    some = emit("lt", zero, count)
    return emit("select", some, found, full(TensorType(found.dtype, shape), float("nan")))


# --- the public names ------------------------------------------------------------------------------------------------


def _fractions(op: str, q: Any, scale: float) -> NDArray[Any]:
    found = np.asarray(q, np.float64) / scale
    if not np.all((found >= 0) & (found <= 1)):
        raise ValueError(f"{op}: q: expected numbers in 0 .. {scale:g}, found {np.asarray(q).tolist()}")
    return found


@composite
def quantile(
    x: TensorLike,
    q: float | Sequence[float],
    axis: Axes = None,
    *,
    method: str = "linear",
    keepdims: bool = False,
) -> Tensor:
    """The numbers below which fractions q of the elements over the axes lie; NaN where one is NaN.

    Between two elements the result is interpolated linearly, or by one of NumPy's other methods. Several q, known when
    the graph is built, give a leading axis (or q's shape). A float, integers and bools counting as float64, but for
    methods that choose an element. ShapeError over nothing.

    >>> import lazygraph as lg
    >>> lg.quantile([1, 2, 3, 5], [0.25, 0.5]).eval()
    array([1.75, 2.5 ])
    """
    return _quantile("quantile", x, _fractions("quantile", q, 1), axis, keepdims, method)


@composite
def percentile(
    x: TensorLike,
    q: float | Sequence[float],
    axis: Axes = None,
    *,
    method: str = "linear",
    keepdims: bool = False,
) -> Tensor:
    """`quantile` with q in per cent.

    >>> import lazygraph as lg
    >>> lg.percentile([1, 2, 3, 5], 75).eval()
    array(3.5)
    """
    return _quantile("percentile", x, _fractions("percentile", q, 100), axis, keepdims, method)


@composite
def median(x: TensorLike, axis: Axes = None, *, keepdims: bool = False) -> Tensor:
    """The middle one of the sorted elements over the axes, or the mean of the two in the middle; NaN where one is NaN.

    >>> import lazygraph as lg
    >>> lg.median([[3, 1, 2], [9, 7, 8]], axis=1).eval()
    array([2., 8.])
    """
    return _quantile("median", x, np.asarray(0.5), axis, keepdims, "linear")


@composite
def nanquantile(
    x: TensorLike,
    q: float | Sequence[float],
    axis: Axes = None,
    *,
    method: str = "linear",
    keepdims: bool = False,
) -> Tensor:
    """`quantile` of the elements that are not NaN; NaN where all are.

    >>> import lazygraph as lg
    >>> lg.nanquantile([1, lg.nan, 2, 4], 0.5).eval()
    array(2.)
    """
    return _quantile("nanquantile", x, _fractions("nanquantile", q, 1), axis, keepdims, method, skip_nan=True)


@composite
def nanpercentile(
    x: TensorLike,
    q: float | Sequence[float],
    axis: Axes = None,
    *,
    method: str = "linear",
    keepdims: bool = False,
) -> Tensor:
    """`percentile` of the elements that are not NaN; NaN where all are."""
    return _quantile("nanpercentile", x, _fractions("nanpercentile", q, 100), axis, keepdims, method, skip_nan=True)


@composite
def nanmedian(x: TensorLike, axis: Axes = None, *, keepdims: bool = False) -> Tensor:
    """`median` of the elements that are not NaN; NaN where all are."""
    return _quantile("nanmedian", x, np.asarray(0.5), axis, keepdims, "linear", skip_nan=True)

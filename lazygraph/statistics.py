"""Order statistics, counts and histograms, under NumPy's names.

In: tensors. Out: tensors, whose shapes are known when the graph is built: a count's length and a histogram's edges do
not depend on the elements.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from lazygraph.compiler.ir import dims
from lazygraph.compiler.ir.dims import Extent
from lazygraph.compiler.ir.errors import DTypeError, ShapeError
from lazygraph.compiler.ir.graph import TensorType, Value
from lazygraph.compiler.ops.compose import emit
from lazygraph.compiler.ops.record import full, zeros
from lazygraph.compiler.ops.reductions import nonempty
from lazygraph.dims import as_extent, extent_value
from lazygraph.errors import shape_text
from lazygraph.frames import composite
from lazygraph.manipulation import permuted, reshaped, sliced
from lazygraph.promotion import (
    as_axes,
    as_float,
    broadcast_value,
    cast,
    constant_value,
    same_dtype,
    scalar_like,
    value_of,
)
from lazygraph.runtime import dtypes
from lazygraph.tensor import Axes, Tensor, TensorLike

__all__ = ["bincount", "histogram", "median", "percentile", "quantile"]


# --- quantiles -------------------------------------------------------------------------------------------------------


def _quantile(op: str, x: TensorLike, q: np.ndarray, axis: Axes, keepdims: bool) -> Value:
    """Linear interpolation between the sorted elements around h = q (n - 1): method 7 of Hyndman and Fan, 1996."""
    value = as_float(value_of(x))
    axes = as_axes(axis, value.type.rank)
    kept = [each for each in range(value.type.rank) if each not in axes]
    rest = [value.shape[each] for each in kept]
    count = dims.product([value.shape[each] for each in axes])
    rows = reshaped(permuted(nonempty(value, axes, op), (*kept, *axes)), (*rest, count))
    ordered = emit("sort", rows, axis=len(rest))
    highest = broadcast_value(extent_value(count - 1, dtypes.float64), q.shape)
    place = constant_value(q) * highest
    below = emit("floor", place)
    above = emit("min", below + 1, highest)
    shape = (*q.shape, *rest)

    def at(position: Value) -> Value:
        return emit("gather", ordered, cast(position, dtypes.int64), axes=(len(rest),), mode="clip")

    low, high, greatest = at(below), at(above), at(highest)
    apart = high - low
    fraction = cast(place - below, value.dtype)
    fraction = emit("broadcast", fraction, shape=shape, axes=tuple(range(q.ndim)))
    between = low + apart * fraction
    alike = emit("and", emit("eq", low, high), emit("not", emit("eq", apart, apart)))  # infinity and infinity
    found = emit("select", alike, low, between)
    result = emit("select", emit("eq", greatest, greatest), found, greatest)  # sorted last: NaN where there is one
    if not keepdims:
        return result
    single = [1 if each in axes else extent for each, extent in enumerate(value.shape)]
    return reshaped(result, (*q.shape, *single))


def _fractions(op: str, q: Any, scale: float) -> np.ndarray:
    found = np.asarray(q, np.float64) / scale
    if not np.all((found >= 0) & (found <= 1)):
        raise ValueError(f"{op}: q: expected numbers in 0 .. {scale:g}, found {np.asarray(q).tolist()}")
    return found


@composite
def quantile(x: TensorLike, q: float | Sequence[float], axis: Axes = None, *, keepdims: bool = False) -> Tensor:
    """The numbers below which fractions q of the elements over the axes lie; NaN where one is NaN.

    Between two elements the result is interpolated linearly. Several q, known when the graph is built, give a leading
    axis (or q's shape). A float; integers and bools count as float64. ShapeError over nothing.

    >>> import lazygraph as lg
    >>> lg.quantile([1, 2, 3, 5], [0.25, 0.5]).eval()
    array([1.75, 2.5 ])
    """
    return Tensor(_quantile("quantile", x, _fractions("quantile", q, 1), axis, keepdims))


@composite
def percentile(x: TensorLike, q: float | Sequence[float], axis: Axes = None, *, keepdims: bool = False) -> Tensor:
    """`quantile` with q in per cent.

    >>> import lazygraph as lg
    >>> lg.percentile([1, 2, 3, 5], 75).eval()
    array(3.5)
    """
    return Tensor(_quantile("percentile", x, _fractions("percentile", q, 100), axis, keepdims))


@composite
def median(x: TensorLike, axis: Axes = None, *, keepdims: bool = False) -> Tensor:
    """The middle one of the sorted elements over the axes, or the mean of the two in the middle; NaN where one is NaN.

    >>> import lazygraph as lg
    >>> lg.median([[3, 1, 2], [9, 7, 8]], axis=1).eval()
    array([2., 8.])
    """
    return Tensor(_quantile("median", x, np.asarray(0.5), axis, keepdims))


# --- counts ----------------------------------------------------------------------------------------------------------


def _counts(places: Value, weights: TensorLike | None, length: Extent) -> Value:
    """How many places are i, or the sum of their weights, for i in 0 .. length - 1."""
    if weights is None:
        amounts = full(TensorType(dtypes.int64, places.shape), 1)
    else:
        amounts = broadcast_value(as_float(value_of(weights)), places.shape)
    target = zeros(TensorType(amounts.dtype, (length,)))
    return emit("scatter_add", target, amounts, places, axes=(0,), mode="check")


@composite
def bincount(x: TensorLike, weights: TensorLike | None = None, minlength: Any = 0) -> Tensor:
    """How often each of 0, 1, 2, ... occurs among the elements, int64; with weights, a float, the sums of theirs.

    The length is `minlength`, or more where x is known when the graph is built and holds greater numbers. An element
    that the length does not reach, or a negative one, fails the step with this line.

    >>> import lazygraph as lg
    >>> lg.bincount([0, 2, 2, 5]).eval()
    array([1, 0, 2, 0, 0, 1])
    """
    value = value_of(x)
    if not value.dtype.is_integer or value.type.rank != 1:
        raise DTypeError(f"bincount: expected integers of rank 1, found {value.type}")
    length = as_extent(minlength)
    if not isinstance(x, Tensor) or not x._placeholders():
        known = np.asarray(x)
        length = dims.maximum(length, int(known.max(initial=-1)) + 1)
    elif length == 0:
        raise TypeError("bincount: the elements are not known when the graph is built: give the length as minlength=")
    return Tensor(_counts(cast(value, dtypes.int64), weights, length))


@composite
def histogram(
    x: TensorLike,
    bins: Any = 10,
    range: tuple[float, float] | None = None,
    weights: TensorLike | None = None,
) -> tuple[Tensor, Tensor]:
    """How many elements lie between neighbouring edges, int64, and the edges; with weights, the sums of theirs.

    `bins` is the ascending edges, or their number less one beside `range`, the first and the last. A bin holds its
    lower edge, the last one both; elements outside, and NaN, are not counted.

    >>> import lazygraph as lg
    >>> counts, edges = lg.histogram([1, 2, 2, 3, 9], [1, 2, 3])
    >>> counts.eval()
    array([1, 3])
    """
    if isinstance(bins, int | np.integer):
        if range is None:
            raise TypeError(f"histogram: {bins} bins need range=(first, last): edges do not depend on the elements")
        bins = np.linspace(*range, int(bins) + 1)
    edges, value = value_of(bins), value_of(x)
    if edges.type.rank != 1 or not dims.prove_nonnegative(edges.shape[0] - 2):
        raise ShapeError(f"histogram: expected two or more edges, found {shape_text(edges.shape)}")
    row, elements = same_dtype(Tensor(edges), Tensor(reshaped(value, (dims.product(value.shape),))))
    count = row.shape[0] - 1
    upto = emit("searchsorted", row, elements, side="right")
    last = broadcast_value(reshaped(sliced(row, 0, count, row.shape[0]), ()), elements.shape)
    on_last = cast(emit("eq", elements, last), dtypes.int64)
    highest = broadcast_value(extent_value(count + 1, dtypes.int64), elements.shape)
    within = emit("select", emit("eq", on_last, scalar_like(1, on_last)), highest - 1, upto)  # 1 .. count
    if weights is not None:
        weights = Tensor(reshaped(value_of(weights), elements.shape))
    counted = _counts(within, weights, count + 2)
    return Tensor(sliced(counted, 0, 1, count + 1)), Tensor(edges)

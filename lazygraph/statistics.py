"""Averages, covariances, counts and histograms, under NumPy's names.

In: tensors. Out: tensors, whose shapes are known when the graph is built: a count's length and a histogram's edges do
not depend on the elements.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

import lazygraph as lg
from lazygraph.compiler.ir import dims
from lazygraph.compiler.ir.dims import Extent
from lazygraph.compiler.ir.errors import DTypeError, ShapeError
from lazygraph.compiler.ir.graph import TensorType, Value
from lazygraph.compiler.ops.compose import emit
from lazygraph.compiler.ops.record import full, zeros
from lazygraph.dims import as_extent, extent_value
from lazygraph.errors import shape_text
from lazygraph.frames import composite
from lazygraph.manipulation import matrix_transpose, ravel, reshape, reshaped, sliced
from lazygraph.parts import by_parts
from lazygraph.promotion import (
    as_axes,
    as_dtype,
    as_float,
    broadcast_value,
    cast,
    same_dtype,
    scalar_like,
    value_of,
)
from lazygraph.runtime import dtypes
from lazygraph.runtime.dtypes import DType
from lazygraph.tensor import Axes, Tensor, TensorLike

__all__ = [
    "average",
    "bincount",
    "corrcoef",
    "cov",
    "digitize",
    "histogram",
    "histogram2d",
    "histogram_bin_edges",
    "histogramdd",
    "ptp",
]


# --- averages --------------------------------------------------------------------------------------------------------


@composite
def ptp(x: TensorLike, axis: Axes = None, *, keepdims: bool = False) -> Tensor:
    """The greatest element over the axes less the least.

    >>> import lazygraph as lg
    >>> lg.ptp([3, 9, 1]).eval()
    array(8)
    """
    return lg.subtract(lg.max(x, axis, keepdims=keepdims), lg.min(x, axis, keepdims=keepdims))


@composite
def average(
    x: TensorLike,
    axis: Axes = None,
    weights: TensorLike | None = None,
    returned: bool = False,
    *,
    keepdims: bool = False,
) -> Any:
    """The mean over the axes, weighted: sum(w x) / sum(w); beside the sum of weights if `returned`. A float.

    Weights have x's shape, or that of the axes. Where they sum to 0, the result is what the division gives.

    >>> import lazygraph as lg
    >>> lg.average([1, 2, 6], weights=[1, 1, 2]).eval()
    array(3.75)
    """
    tensor = Tensor(value_of(x))
    axes = as_axes(axis, tensor.ndim)
    if weights is None:
        mean = lg.mean(tensor, axes, keepdims=keepdims)
        count = cast(extent_value(dims.product([tensor.shape[each] for each in axes]), dtypes.int64), mean.dtype)
        return (mean, Tensor(broadcast_value(count, mean.shape))) if returned else mean
    given = Tensor(value_of(weights))
    if given.ndim != tensor.ndim:
        if given.ndim != len(axes):
            expected = f"{shape_text(tensor.shape)} or an extent for each of the axes {axes}"
            raise ShapeError(f"expected weights of the shape {expected}, found {shape_text(given.shape)}")
        own = [given.shape[axes.index(each)] if each in axes else 1 for each in range(tensor.ndim)]
        given = reshape(given, tuple(own))
    value, weight = (as_float(each) for each in same_dtype(tensor, given))
    product = Tensor(value) * Tensor(weight)
    spread = Tensor(broadcast_value(weight, product.shape))
    total = lg.sum(spread, axes, keepdims=keepdims)
    mean = lg.sum(product, axes, keepdims=keepdims) / total
    return (mean, total) if returned else mean


@composite
def cov(
    m: TensorLike,
    y: TensorLike | None = None,
    rowvar: bool = True,
    bias: bool = False,
    ddof: int | None = None,
    fweights: TensorLike | None = None,
    aweights: TensorLike | None = None,
    *,
    dtype: DTypeLike | DType | None = None,
) -> Tensor:
    """The covariances of variables, a row each (a column each unless `rowvar`), the variables of y after those of m.

    Their divisor is n - 1, n if `bias`, or n - `ddof`; `fweights` count observations several times, `aweights` weigh
    them. A float; a scalar for a single variable.

    >>> import lazygraph as lg
    >>> lg.cov([[1, 2, 3], [3, 2, 1]]).eval()
    array([[ 1., -1.],
           [-1.,  1.]])
    """
    rows = _variables(m, rowvar)
    if y is not None:
        rows = lg.concat([rows, _variables(y, rowvar)], 0)
    rows = Tensor(as_float(rows.value) if dtype is None else cast(rows.value, as_dtype(dtype)))
    freedom = ddof if ddof is not None else int(not bias)
    count = Tensor(extent_value(rows.shape[1], rows.dtype.part))
    weight = None
    for each in (fweights, aweights):
        if each is not None:
            given = Tensor(cast(value_of(each), rows.dtype.part))
            weight = given if weight is None else weight * given
    if weight is None:
        centred = rows - lg.mean(rows, 1, keepdims=True)
        weighted, divisor = centred, count - freedom
    else:
        total = lg.sum(weight)
        centred = rows - lg.sum(rows * weight, 1, keepdims=True) / total
        weighted, divisor = centred * weight, total - freedom
        if aweights is not None and freedom:
            divisor = total - freedom * lg.sum(weight * Tensor(cast(value_of(aweights), rows.dtype.part))) / total
    return lg.squeeze(lg.matmul(weighted, centred.mH) / lg.maximum(divisor, 0))


def _variables(x: TensorLike, rowvar: bool) -> Tensor:
    tensor = Tensor(value_of(x))
    if tensor.ndim > 2:
        raise ShapeError(f"expected a matrix of variables and observations, found {shape_text(tensor.shape)}")
    if tensor.ndim < 2:
        return lg.atleast_2d(tensor)  # type: ignore[no-any-return]
    return tensor if rowvar or tensor.shape[0] == 1 else matrix_transpose(tensor)


@composite
def corrcoef(
    x: TensorLike, y: TensorLike | None = None, rowvar: bool = True, *, dtype: DTypeLike | DType | None = None
) -> Tensor:
    """The correlations of variables, covariances over the product of deviations, clipped to -1 .. 1; see `cov`.

    NaN for a variable that does not vary.

    >>> import lazygraph as lg
    >>> lg.corrcoef([1, 2, 3], [6, 4, 2]).eval()
    array([[ 1., -1.],
           [-1.,  1.]])
    """
    found = cov(x, y, rowvar, dtype=dtype)
    if found.ndim == 0:
        return found / found
    deviation = lg.sqrt(lg.real(lg.diagonal(found)))
    scaled = (found / lg.expand_dims(deviation, 1) / deviation).value
    return Tensor(by_parts(lambda part: lg.clip(Tensor(part), -1, 1).value, scaled))


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


def _edges(name: str, bins: Any, limits: Any) -> Value:
    """The edges of bins: as given, or so many less one evenly between two limits, which are given."""
    if isinstance(bins, int | np.integer):
        if limits is None:
            raise TypeError(f"{name}: {bins} bins need range=(first, last): edges do not depend on the elements")
        first, last = limits
        bins = np.linspace(first, last, int(bins) + 1)
    elif isinstance(bins, str):
        raise TypeError(f"{name}: expected edges or their number, found {bins!r}: edges do not depend on the elements")
    edges = value_of(bins)
    if edges.type.rank != 1 or not dims.prove_nonnegative(edges.shape[0] - 2):
        raise ShapeError(f"{name}: expected two or more edges, found {shape_text(edges.shape)}")
    return edges


def _bin_numbers(elements: Value, edges: Value) -> Value:
    """The bin of each element, from 1; 0 and one more than there are bins for what is outside, and for NaN."""
    row, elements = same_dtype(Tensor(edges), Tensor(elements))
    count = row.shape[0] - 1
    upto = emit("searchsorted", row, elements, side="right")
    last = broadcast_value(reshaped(sliced(row, 0, count, row.shape[0]), ()), elements.shape)
    on_last = cast(emit("eq", elements, last), dtypes.int64)
    highest = extent_value(count + 1, dtypes.int64, elements.shape)
    return emit("select", emit("eq", on_last, scalar_like(1, on_last)), highest - 1, upto)


def _density(counts: Tensor, all_edges: Sequence[Tensor]) -> Tensor:
    """Counts over their sum and the size of their bin: the integral over all bins is 1."""
    found = counts / lg.sum(counts)
    for axis, edges in enumerate(all_edges):
        own = [-1 if each == axis else 1 for each in range(counts.ndim)]
        found = found / reshape(lg.diff(edges), tuple(own))
    return found


@composite
def histogram(
    x: TensorLike,
    bins: Any = 10,
    range: tuple[float, float] | None = None,
    density: bool = False,
    weights: TensorLike | None = None,
) -> tuple[Tensor, Tensor]:
    """How many elements lie between neighbouring edges, int64, and the edges; with weights, the sums of theirs.

    `bins` is the ascending edges, or their number less one beside `range`, the first and the last. A bin holds its
    lower edge, the last one both; elements outside, and NaN, are not counted. As a `density`, the counts times the
    widths of the bins sum to 1.

    >>> import lazygraph as lg
    >>> counts, edges = lg.histogram([1, 2, 2, 3, 9], [1, 2, 3])
    >>> counts.eval()
    array([1, 3])
    """
    edges, elements = _edges("histogram", bins, range), ravel(x)
    count = edges.shape[0] - 1
    flat = None if weights is None else reshape(weights, elements.shape)
    counted = _counts(_bin_numbers(elements.value, edges), flat, count + 2)
    found = Tensor(sliced(counted, 0, 1, count + 1))
    return (_density(found, [Tensor(edges)]) if density else found), Tensor(edges)


@composite
def histogram_bin_edges(
    x: TensorLike, bins: Any = 10, range: tuple[float, float] | None = None, weights: TensorLike | None = None
) -> Tensor:
    """The edges that `histogram` would use: they depend on `bins` and `range` alone."""
    return Tensor(_edges("histogram_bin_edges", bins, range))


@composite
def histogramdd(
    sample: Any,
    bins: Any = 10,
    range: Sequence[tuple[float, float]] | None = None,
    density: bool = False,
    weights: TensorLike | None = None,
) -> tuple[Tensor, tuple[Tensor, ...]]:
    """How many points lie in each box of a grid, float64, and the edges along each axis; see `histogram`.

    `sample` has a point per row, or is a sequence of coordinates; `bins` is a number for all axes, or a number or edges
    for each.

    >>> import lazygraph as lg
    >>> counts, _ = lg.histogramdd([[0, 0], [1, 1], [1, 1]], bins=2, range=[(0, 1), (0, 1)])
    >>> counts.eval()
    array([[1., 0.],
           [0., 2.]])
    """
    if isinstance(sample, list | tuple) and sample and np.ndim(sample[0]) == 0:
        sample = [sample]
    points = lg.stack([ravel(each) for each in sample], 1) if isinstance(sample, tuple) else Tensor(value_of(sample))
    if points.ndim != 2 or not isinstance(points.shape[1], int):
        raise ShapeError(f"histogramdd: expected a matrix with a point per row, found {shape_text(points.shape)}")
    rank = points.shape[1]
    per_axis = [bins] * rank if isinstance(bins, int | np.integer) else list(bins)
    limits: Sequence[Any] = [None] * rank if range is None else range
    if len(per_axis) != rank or len(limits) != rank:
        raise ShapeError(
            f"histogramdd: expected bins and ranges for {rank} axes, found {len(per_axis)} and {len(limits)}"
        )
    edges = [_edges("histogramdd", each, limit) for each, limit in zip(per_axis, limits)]
    place: Value | None = None
    shape = tuple([each.shape[0] + 1 for each in edges])
    for axis, row in enumerate(edges):
        number = _bin_numbers(points[:, axis].value, row)
        size = extent_value(shape[axis], dtypes.int64, number.shape)
        place = number if place is None else place * size + number
    if place is None:
        raise ShapeError("histogramdd: expected points with one coordinate or more, found none")
    counted = reshaped(_counts(place, weights, dims.product(shape)), shape)
    for axis, extent in enumerate(shape):
        counted = sliced(counted, axis, 1, extent - 1)
    found = Tensor(cast(counted, dtypes.float64))
    all_edges = tuple([Tensor(each) for each in edges])
    return (_density(found, all_edges) if density else found), all_edges


@composite
def histogram2d(
    x: TensorLike,
    y: TensorLike,
    bins: Any = 10,
    range: Sequence[tuple[float, float]] | None = None,
    density: bool = False,
    weights: TensorLike | None = None,
) -> tuple[Tensor, Tensor, Tensor]:
    """How many points (x, y) lie in each box of a grid, float64, and the edges of x and of y; see `histogramdd`.

    `bins` is a number, edges for both, or a pair of these.
    """
    one = isinstance(bins, int | np.integer) or not (isinstance(bins, list | tuple) and len(bins) == 2)
    counts, (first, second) = histogramdd((x, y), [bins, bins] if one else bins, range, density, weights)
    return counts, first, second


@composite
def digitize(x: TensorLike, bins: TensorLike, right: bool = False) -> Tensor:
    """The number of the bin, int64, in which each element lies: i where bins[i - 1] <= x < bins[i].

    If `right`, where bins[i - 1] < x <= bins[i]. Edges descend where they are known when the graph is built and do so;
    else they ascend.

    >>> import lazygraph as lg
    >>> lg.digitize([0.5, 2, 7], [1, 2, 3]).eval()
    array([0, 2, 3])
    """
    edges = Tensor(value_of(bins))
    if edges.ndim != 1:
        raise ShapeError(f"digitize: expected edges of rank 1, found {shape_text(edges.shape)}")
    known = np.asarray(edges) if not edges._placeholders() else None
    if known is not None and known.size > 1 and known[0] > known[-1]:
        return lg.dim_size(edges, 0) - lg.searchsorted(lg.flip(edges), x, side="left" if right else "right")
    return lg.searchsorted(edges, x, side="left" if right else "right")

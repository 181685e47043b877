"""Differences, integrals, interpolation and convolution of sampled functions, with NumPy's names.

In: samples. Out: tensors; floats but for differences and convolutions of integers.
"""

from __future__ import annotations

import math
from typing import Any

import lazygraph as lg
from lazygraph.compiler.ir import dims
from lazygraph.compiler.ir.errors import DTypeError, ShapeError
from lazygraph.compiler.ir.graph import Value
from lazygraph.compiler.ops.compose import emit
from lazygraph.contraction import accumulator
from lazygraph.cumulative import diff
from lazygraph.dims import extent_value
from lazygraph.errors import shape_text
from lazygraph.frames import composite
from lazygraph.logic import where
from lazygraph.manipulation import concat, flip, moveaxis, ravel, reshape, reshaped
from lazygraph.parts import conjugate
from lazygraph.promotion import as_axis, as_float, broadcast_value, common_dtype, same_dtype, value_of
from lazygraph.runtime import dtypes
from lazygraph.tensor import Axes, Tensor, TensorLike

__all__ = ["convolve", "correlate", "ediff1d", "gradient", "interp", "trapezoid", "unwrap"]


# --- differences and integrals ---------------------------------------------------------------------------------------


@composite
def ediff1d(x: TensorLike, to_end: TensorLike | None = None, to_begin: TensorLike | None = None) -> Tensor:
    """Differences of neighbours among the flattened elements, between what is given for the begin and the end.

    >>> import lazygraph as lg
    >>> lg.ediff1d([1, 2, 4], to_begin=0).eval()
    array([0, 1, 2])
    """
    inner = diff(ravel(x))
    before, after = (None if each is None else lg.astype(ravel(each), inner.dtype) for each in (to_begin, to_end))
    return concat([each for each in (before, inner, after) if each is not None], 0)


def _steps(x: TensorLike, rank: int, place: int) -> Tensor:
    """Distances of neighbours among coordinates, which are a vector or have the samples' shape."""
    points = Tensor(value_of(x))
    if points.ndim != 1:
        return diff(points, axis=place)
    return reshape(diff(points), tuple([-1 if axis == place else 1 for axis in range(rank)]))


@composite
def trapezoid(y: TensorLike, x: TensorLike | None = None, dx: TensorLike = 1.0, axis: int = -1) -> Tensor:
    """The integral along an axis of the straight lines between samples y at coordinates x, or `dx` apart.

    >>> import lazygraph as lg
    >>> lg.trapezoid([0, 1, 4], x=[0, 1, 3]).eval()
    array(5.5)
    """
    samples = Tensor(value_of(y))
    place = as_axis(axis, samples.ndim)
    width = dx if x is None else _steps(x, samples.ndim, place)
    index = [slice(None)] * samples.ndim
    index[place] = slice(1, None)
    after = samples[tuple(index)]
    index[place] = slice(None, -1)
    return lg.sum(width * (after + samples[tuple(index)]) / 2.0, place)


@composite
def gradient(f: TensorLike, *varargs: TensorLike, axis: Axes = None, edge_order: int = 1) -> Any:
    """The derivative of samples along each axis: second-order central differences, one-sided ones at the ends.

    `varargs` is nothing (neighbours are 1 apart), one distance for all axes, or a distance or a vector of coordinates
    for each. A list of tensors, one per axis; one tensor for a single axis. ShapeError where an axis has not
    `edge_order` + 1 elements.

    >>> import lazygraph as lg
    >>> lg.gradient([1, 2, 4, 7]).eval()
    array([1. , 1.5, 2.5, 3. ])
    """
    samples = Tensor(as_float(value_of(f)))
    if axis is None:
        axes = tuple(range(samples.ndim))
    else:
        axes = tuple([as_axis(each, samples.ndim) for each in (axis if isinstance(axis, list | tuple) else [axis])])
    if edge_order not in (1, 2):
        raise ValueError(f"edge_order: expected 1 or 2, found {edge_order}")
    if len(varargs) not in (0, 1, len(axes)):
        raise TypeError(f"expected no distance, one, or one for each of {len(axes)} axes, found {len(varargs)}")
    spacings = list(varargs) * len(axes) if len(varargs) == 1 else list(varargs) or [1.0] * len(axes)
    if len(varargs) == 1 and len(axes) > 1 and value_of(varargs[0]).type.rank:
        raise ShapeError("one distance for all axes is a number; give coordinates for each axis")
    found = [_derivative(samples, each, spacing, edge_order) for each, spacing in zip(axes, spacings)]
    return found[0] if len(found) == 1 else found


def _derivative(samples: Tensor, axis: int, spacing: TensorLike, edge_order: int) -> Tensor:
    y = moveaxis(samples, axis, 0)
    if not dims.prove_nonnegative(y.shape[0] - edge_order - 1):
        raise ShapeError(f"expected at least {edge_order + 1} elements along axis {axis}, found {y.shape[0]}")
    distance = Tensor(value_of(spacing))
    if distance.ndim == 0:
        h = lg.astype(distance, samples.dtype)
        inner, first, last = (y[2:] - y[:-2]) / (2 * h), h, h
        ends = [h, h], [h, h]
    elif distance.ndim == 1:
        steps = lg.astype(diff(distance), samples.dtype)
        column = reshape(steps, (-1, *[1] * (y.ndim - 1)))
        before, after = column[:-1], column[1:]
        weights = -after / (before * (before + after)), (after - before) / (before * after)
        inner = weights[0] * y[:-2] + weights[1] * y[1:-1] + before / (after * (before + after)) * y[2:]
        first, last = steps[0], steps[-1]
        ends = [steps[0], steps[1 if edge_order == 2 else 0]], [steps[-1], steps[-2 if edge_order == 2 else -1]]
    else:
        raise ShapeError(f"a distance is a number or a vector of coordinates, found {shape_text(distance.shape)}")
    if edge_order == 1:
        low, high = (y[1] - y[0]) / first, (y[-1] - y[-2]) / last
    else:
        low = _one_sided(y[0], y[1], y[2], *ends[0])
        high = -_one_sided(y[-1], y[-2], y[-3], *ends[1])
    return moveaxis(concat([low[None], inner, high[None]], 0), 0, axis)


def _one_sided(y0: Tensor, y1: Tensor, y2: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """The derivative at the first of three points of the parabola through them; a and b are their distances."""
    return -(2 * a + b) / (a * (a + b)) * y0 + (a + b) / (a * b) * y1 - a / (b * (a + b)) * y2


@composite
def unwrap(p: TensorLike, discont: float | None = None, axis: int = -1, *, period: float = 2 * math.pi) -> Tensor:
    """Angles along an axis without jumps: periods are added so that neighbours differ by at most half of one.

    Only differences above `discont` (half a period by default) count as jumps.

    >>> import lazygraph as lg
    >>> lg.unwrap([0, 1, 3, 0, 1], period=4).eval()
    array([0, 1, 3, 4, 5])
    """
    angles = Tensor(value_of(p))
    dtype = common_dtype([angles.value, period])
    place = as_axis(axis, angles.ndim)
    apart = lg.astype(diff(angles, axis=place), dtype)
    whole = dtype.is_integer
    half = period // 2 if whole else period / 2
    near = lg.mod(apart + half, period) - half
    if not whole or period % 2 == 0:  # half a period up and half a period down are one: the sign decides
        near = where(lg.logical_and(near == -half, apart > 0), half, near)
    jump = near - apart
    jump = where(lg.abs(apart) < (period / 2 if discont is None else discont), 0, jump)
    first = [slice(None)] * angles.ndim
    first[place] = slice(0, 1)
    moved = lg.cumsum(lg.stop_gradient(jump), place, dtype)
    rest = [slice(None)] * angles.ndim
    rest[place] = slice(1, None)
    angles = lg.astype(angles, dtype)
    return concat([angles[tuple(first)], angles[tuple(rest)] + moved], place)


# --- between samples -------------------------------------------------------------------------------------------------


@composite
def interp(
    x: TensorLike,
    xp: TensorLike,
    fp: TensorLike,
    left: TensorLike | None = None,
    right: TensorLike | None = None,
    period: float | None = None,
) -> Tensor:
    """The straight lines through the points (xp, fp), at x; below and above them `left` and `right`, or the end values.

    xp ascends, which is not checked; with a `period` it need not, and the ends have no part. A float. The derivative by
    x is the slope of the line, on a point that of the line after it.

    >>> import lazygraph as lg
    >>> lg.interp([0.5, 2.5, 9], [1, 2, 3], [3, 2, 0]).eval()
    array([3., 1., 0.])
    """
    at, points = (as_float(each) for each in same_dtype(x, xp))
    values = as_float(value_of(fp))
    if points.type.rank != 1 or points.shape != values.shape:
        shapes = f"{shape_text(points.shape)} and {shape_text(values.shape)}"
        raise ShapeError(f"expected vectors of one extent, found {shapes}")
    if points.shape[0] == 0:
        raise ShapeError("expected at least one point to interpolate between, found none")
    if period is not None:
        if period == 0:
            raise ValueError("period: expected a number other than 0")
        left = right = None
        width = abs(period)
        turned = lg.mod(Tensor(points), width)
        order = lg.argsort(turned)
        inside, heights = turned[order], Tensor(values)[order]
        at = lg.mod(Tensor(at), width).value
        points = concat([inside[-1:] - width, inside, inside[:1] + width], 0).value
        values = concat([heights[-1:], heights, heights[:1]], 0).value
    found = _between(at, points, values)
    low, high = (Tensor(broadcast_value(_end(values, end), at.shape)) for end in (0, -1))
    ends = Tensor(points)[0], Tensor(points)[-1]
    position = Tensor(at)
    found = where(position < ends[0], low if left is None else left, found)
    return where(position > ends[1], high if right is None else right, found)


def _end(values: Value, place: int) -> Value:
    return Tensor(values)[place].value


def _between(at: Value, points: Value, values: Value) -> Tensor:
    """The line through the two points around each position; the end value outside them and on the last."""
    highest = extent_value(points.shape[0] - 1, dtypes.int64, at.shape)
    after = emit("searchsorted", points, at, side="right")
    below = emit("max", after - 1, after * 0)
    above = emit("min", below + 1, highest)

    def pick(vector: Value, place: Value) -> Tensor:
        return Tensor(emit("gather", vector, place, axes=(0,), mode="clip"))

    x0, x1, y0, y1 = pick(points, below), pick(points, above), pick(values, below), pick(values, above)
    same = x1 == x0
    slope = (y1 - y0) / where(same, 1, x1 - x0)
    position = Tensor(at)
    line = slope * (position - x0) + y0
    outside = lg.logical_or(same, position < x0)
    return where(lg.isnan(position), position, where(outside, y0, line))


# --- sums of shifted products ----------------------------------------------------------------------------------------


def _full(x: TensorLike, kernel: TensorLike, mode: str) -> Tensor:
    """sum over k of x[p + k - low] kernel[k], where both overlap at all, wholly, or for x's places ("same")."""
    if mode not in ("full", "same", "valid"):
        raise ValueError(f'mode: expected "full", "same" or "valid", found {mode!r}')
    image, taps = same_dtype(x, kernel)
    if image.type.rank != 1 or taps.type.rank != 1:
        raise ShapeError(f"expected two vectors, found {shape_text(image.shape)} and {shape_text(taps.shape)}")
    if image.dtype.kind == "bool":
        raise DTypeError("a product of bools is not a sum: use .astype(lg.int32)")
    length, width = image.shape[0], taps.shape[0]
    if length == 0 or width == 0:
        raise ShapeError("expected vectors of at least one element, found none")
    low = {"full": width - 1, "valid": 0, "same": dims.floordiv(width, 2)}[mode]
    high = {"full": width - 1, "valid": 0, "same": width - 1 - low}[mode]
    found = emit(
        "conv_general",
        reshaped(image, (1, 1, 1, length)),
        reshaped(taps, (1, 1, 1, width)),
        strides=(1,),
        low=(low,),
        high=(high,),
        input_dilation=(1,),
        kernel_dilation=(1,),
        accumulate=accumulator(image.dtype),
    )
    return Tensor(reshaped(found, (found.shape[-1],)))


def _is_shorter(x: Tensor, y: Tensor) -> bool:
    """Whether y has more elements than x; ShapeError where that is not known."""
    if dims.prove_nonnegative(x.shape[0] - y.shape[0]):
        return False
    if dims.prove_nonnegative(y.shape[0] - x.shape[0]):
        return True
    raise ShapeError(f"which of the extents {x.shape[0]} and {y.shape[0]} is greater is not known: declare their range")


@composite
def convolve(x: TensorLike, v: TensorLike, mode: str = "full") -> Tensor:
    """sum over k of x[i - k] v[k] for two vectors.

    At all places where they overlap ("full"), at as many as the longer one has ("same"), or where the shorter one lies
    within the other ("valid"). Zeros stand around x: where v is infinite, ends are NaN. DTypeError for bools.

    >>> import lazygraph as lg
    >>> lg.convolve([1, 2, 3], [0, 1, 10]).eval()
    array([ 0,  1, 12, 23, 30])
    """
    first, second = Tensor(value_of(x)), Tensor(value_of(v))
    if first.ndim == 1 and second.ndim == 1 and mode != "full" and _is_shorter(first, second):
        first, second = second, first
    return _full(first, flip(second), mode)


@composite
def correlate(x: TensorLike, v: TensorLike, mode: str = "valid") -> Tensor:
    """sum over n of x[n + k] v[n] for two vectors, complex numbers of v conjugated; for modes see `convolve`.

    >>> import lazygraph as lg
    >>> lg.correlate([1, 2, 3], [0, 1, 10]).eval()
    array([32])
    """
    first, second = Tensor(value_of(x)), Tensor(conjugate(value_of(v)))
    if first.ndim == 1 and second.ndim == 1 and mode != "full" and _is_shorter(first, second):
        return flip(_full(second, first, mode))
    return _full(first, second, mode)

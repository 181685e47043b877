"""Numbers in a row by a rule: geometric sequences, and the windows by which signals are tapered, with NumPy's names.

In: ends, numbers of elements. Out: vectors. A number of elements may be a dim.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from numpy.typing import DTypeLike

import lazygraph as lg
from lazygraph.compiler.ir.dims import Dim
from lazygraph.compiler.ops.compose import emit
from lazygraph.creation import index_along, linspace
from lazygraph.dims import as_extent, extent_value
from lazygraph.frames import composite
from lazygraph.logic import where
from lazygraph.manipulation import moveaxis
from lazygraph.promotion import as_dtype, as_float, cast, common_dtype, promoted, value_of
from lazygraph.runtime import dtypes
from lazygraph.runtime.dtypes import DType
from lazygraph.tensor import Tensor, TensorLike

__all__ = ["bartlett", "blackman", "geomspace", "hamming", "hanning", "logspace"]


@composite
def logspace(
    start: TensorLike,
    stop: TensorLike,
    num: int | Dim = 50,
    endpoint: bool = True,
    base: TensorLike = 10.0,
    dtype: DTypeLike | DType | None = None,
    axis: int = 0,
) -> Tensor:
    """base**start, ..., base**stop: the powers of numbers that are evenly spaced, as `linspace` spaces them.

    >>> import lazygraph as lg
    >>> lg.logspace(0, 2, 3).eval()
    array([  1.,  10., 100.])
    """
    exponents = linspace(start, stop, num, endpoint)
    found = lg.pow(Tensor(cast(value_of(base), exponents.dtype)), exponents)
    return moveaxis(found if dtype is None else lg.astype(found, dtype), 0, axis)


@composite
def geomspace(
    start: TensorLike,
    stop: TensorLike,
    num: int | Dim = 50,
    endpoint: bool = True,
    dtype: DTypeLike | DType | None = None,
    axis: int = 0,
) -> Tensor:
    """Numbers from start to stop of which each is a fixed multiple of the one before; both have one sign, and not 0.

    The ends are exact. NaN between numbers of which one is 0, or of different signs.

    >>> import lazygraph as lg
    >>> lg.geomspace(1, 8, 4).eval()
    array([1., 2., 4., 8.])
    """
    first, last = (as_float(each) for each in promoted(start, stop))
    low, high = Tensor(first), Tensor(last)
    sign = where(lg.logical_and(low < 0, high < 0), -1.0, 1.0)
    between = sign * lg.exp2(linspace(lg.log2(sign * low), lg.log2(sign * high), num, endpoint))
    row = index_along(between.shape, 0)
    at_start = Tensor(emit("eq", row, row * 0))
    found = where(at_start, low, between)
    if endpoint:
        count = extent_value(between.shape[0] - 1, dtypes.int64, row.shape)
        at_stop = lg.logical_and(Tensor(emit("eq", row, count)), lg.logical_not(at_start))
        found = where(at_stop, high, found)
    found = lg.astype(found, common_dtype([first, last]) if dtype is None else as_dtype(dtype))
    return moveaxis(found, 0, axis)


# --- windows ---------------------------------------------------------------------------------------------------------


def _window(M: int | Dim, shape: Callable[[Tensor], Tensor]) -> Tensor:
    """A window over M points, a function of their places -1 .. 1; one point is 1."""
    count = as_extent(M)
    if isinstance(count, int) and count < 1:
        return lg.zeros((0,))
    if count == 1:
        return lg.ones((1,))
    place = linspace(-1.0, 1.0, count)
    return where(Tensor(extent_value(count, dtypes.int64, (count,))) == 1, 1.0, shape(place))


@composite
def bartlett(M: int | Dim) -> Tensor:
    """A triangle over M points, 0 at both ends.

    >>> import lazygraph as lg
    >>> lg.bartlett(5).eval()
    array([0. , 0.5, 1. , 0.5, 0. ])
    """
    return _window(M, lambda place: 1 - lg.abs(place))


@composite
def hanning(M: int | Dim) -> Tensor:
    """A raised cosine over M points, 0 at both ends: 1/2 + 1/2 cos(pi t) at t in -1 .. 1."""
    return _window(M, lambda place: 0.5 + 0.5 * lg.cos(math.pi * place))


@composite
def hamming(M: int | Dim) -> Tensor:
    """A raised cosine over M points, 0.08 at both ends: 0.54 + 0.46 cos(pi t) at t in -1 .. 1."""
    return _window(M, lambda place: 0.54 + 0.46 * lg.cos(math.pi * place))


@composite
def blackman(M: int | Dim) -> Tensor:
    """Two cosines over M points: 0.42 + 0.5 cos(pi t) + 0.08 cos(2 pi t) at t in -1 .. 1."""
    return _window(M, lambda t: 0.42 + 0.5 * lg.cos(math.pi * t) + 0.08 * lg.cos(2 * math.pi * t))

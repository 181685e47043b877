"""Where the elements of a transform lie: frequencies, and the order in which 0 is in the middle."""

from __future__ import annotations

from numpy.typing import DTypeLike

from lazygraph.compiler.ir.dims import Dim, Extent
from lazygraph.compiler.ir.errors import DTypeError
from lazygraph.compiler.ir.graph import Value
from lazygraph.compiler.ops.compose import emit
from lazygraph.creation import index_along
from lazygraph.devices import require_device
from lazygraph.dims import extent_value
from lazygraph.fft.operands import as_length
from lazygraph.frames import composite
from lazygraph.manipulation import sliced
from lazygraph.promotion import as_axis, as_dtype, cast, value_of
from lazygraph.runtime.dtypes import DType, float64, int64
from lazygraph.tensor import Tensor, TensorLike


def _frequencies(counted: Value, length: Extent, d: float, dtype: DTypeLike | DType | None) -> Tensor:
    """k / (n d), as k times 1 / (n d), in float64, rounded."""
    result = float64 if dtype is None else as_dtype(dtype)
    if not result.is_float:
        raise DTypeError(f"dtype: expected a real floating-point dtype, found {result}")
    steps = cast(counted, float64)
    unit = 1.0 / (extent_value(length, float64, counted.shape) * d)
    return Tensor(cast(steps * unit, result))


@composite
def fftfreq(
    n: int | Dim, d: float = 1.0, *, dtype: DTypeLike | DType | None = None, device: str | None = None
) -> Tensor:
    """The frequency of each element of a transform of n points, d apart: [0, 1, .., -2, -1] / (n d).

    The last n // 2 are negative. float64 unless told. Raises ValueError for a length below 1, DTypeError for a dtype
    that is no real float.

    >>> import lazygraph as lg
    >>> lg.fft.fftfreq(5, 0.5).eval()
    array([ 0. ,  0.4,  0.8, -0.8, -0.4])
    """
    require_device(device)
    length = as_length(n, 0)
    counted = index_along((length,), 0, int64)
    half = extent_value((length + 1) // 2, int64, (length,))
    beyond = counted - extent_value(length, int64, (length,))
    return _frequencies(emit("select", emit("lt", counted, half), counted, beyond), length, d, dtype)


@composite
def rfftfreq(
    n: int | Dim, d: float = 1.0, *, dtype: DTypeLike | DType | None = None, device: str | None = None
) -> Tensor:
    """The frequency of each element of `rfft` of n points, d apart: [0, 1, .., n // 2] / (n d).

    Raises as `fftfreq`.

    >>> import lazygraph as lg
    >>> lg.fft.rfftfreq(5, 0.5).eval()
    array([0. , 0.4, 0.8])
    """
    require_device(device)
    length = as_length(n, 0)
    return _frequencies(index_along((length // 2 + 1,), 0, int64), length, d, dtype)


def _cut_at(x: TensorLike, axes: int | tuple[int, ...] | list[int] | None, from_middle: bool) -> Tensor:
    """The part from the middle on, then the part before it, along each axis."""
    value = value_of(x)
    chosen = range(value.type.rank) if axes is None else axes if isinstance(axes, tuple | list) else [axes]
    for axis in [as_axis(each, value.type.rank) for each in chosen]:
        extent = value.shape[axis]
        cut = extent // 2 if from_middle else extent - extent // 2
        if extent != 0:
            value = emit("concat", sliced(value, axis, cut, extent), sliced(value, axis, 0, cut), axis=axis)
    return Tensor(value)


@composite
def fftshift(x: TensorLike, axes: int | tuple[int, ...] | list[int] | None = None) -> Tensor:
    """The elements of a transform with frequency 0 in the middle, at n // 2, along the axes, all by default.

    Raises ShapeError for an axis that is not there.

    >>> import lazygraph as lg
    >>> lg.fft.fftshift(lg.fft.fftfreq(4)).eval()
    array([-0.5 , -0.25,  0.  ,  0.25])
    """
    return _cut_at(x, axes, False)


@composite
def ifftshift(x: TensorLike, axes: int | tuple[int, ...] | list[int] | None = None) -> Tensor:
    """The inverse of `fftshift`.

    Raises as `fftshift`.

    >>> import lazygraph as lg
    >>> lg.fft.ifftshift([3, 4, 0, 1, 2]).eval()
    array([0, 1, 2, 3, 4])
    """
    return _cut_at(x, axes, True)

"""Operands of Fourier transforms: their dtypes, lengths and axes.

In: what a user gives. Out: values and extents, or a sentence that says what was expected.
"""

from __future__ import annotations

from collections.abc import Sequence

from lazygraph.compiler.ir import dims
from lazygraph.compiler.ir.dims import Dim, Extent
from lazygraph.compiler.ir.errors import DTypeError
from lazygraph.compiler.ir.graph import TensorType, Value
from lazygraph.compiler.ops.compose import emit
from lazygraph.compiler.ops.fft import NORMS
from lazygraph.compiler.ops.record import zeros
from lazygraph.dims import as_extent
from lazygraph.manipulation import sliced
from lazygraph.promotion import as_axis, as_float, cast, value_of
from lazygraph.runtime.dtypes import COMPLEX
from lazygraph.tensor import TensorLike

Length = int | Dim | None
Lengths = Sequence[int | Dim] | None
Axes = Sequence[int] | None

_WHOLE = {each.part: each for each in COMPLEX}


def as_real(x: TensorLike) -> Value:
    """float32 or float64; DTypeError for complex numbers, whose imaginary parts would be lost."""
    value = as_float(value_of(x))
    if value.dtype.is_complex:
        raise DTypeError(
            f"expected real numbers, found {value.type}: take the transform of complex numbers, or lg.real"
        )
    return cast(value, value.dtype.computed_in)


def as_complex(x: TensorLike) -> Value:
    """complex64 or complex128: real numbers get an imaginary part of 0."""
    value = as_float(value_of(x))
    return value if value.dtype.is_complex else with_zero(cast(value, value.dtype.computed_in))


def with_zero(value: Value) -> Value:
    """Real numbers as complex ones."""
    return emit("complex", value, zeros(value.type))


def as_norm(norm: str | None) -> str:
    """One of the three; None is "backward", as in NumPy."""
    if norm is None:
        return NORMS[0]
    if norm not in NORMS:
        raise ValueError(f"norm: expected one of {', '.join(NORMS)}, found {norm!r}")
    return norm


def swapped(norm: str | None) -> str:
    """The norm that divides on the other side."""
    return {"backward": "forward", "forward": "backward"}.get(as_norm(norm), "ortho")


def as_length(length: Length, default: Extent) -> Extent:
    """The number of points: as given, or the default. ValueError where it is known to be below 1."""
    found = default if length is None else as_extent(length)
    if isinstance(found, int) and found < 1:
        raise ValueError(f"a transform has at least 1 point, found {found}")
    return found


def resized(value: Value, axis: int, length: Extent) -> Value:
    """As many elements along the axis: the first ones, or zeros behind them."""
    extent = value.shape[axis]
    if extent == length:
        return value
    kept = dims.minimum(extent, length)
    value = sliced(value, axis, 0, kept)
    high: list[Extent] = [0] * value.type.rank
    high[axis] = length - kept
    none = (0,) * value.type.rank
    return emit("pad", value, zeros(TensorType(value.dtype, ())), low=none, high=tuple(high), interior=none)


def as_lengths(value: Value, s: Lengths, axes: Axes, halved: bool = False) -> list[tuple[int, Extent]]:
    """(axis, points) of each transform; all axes unless told, or the last ones where there are lengths alone.

    -1 for a length is that of the axis: of the last one, where it is `halved`, 2 (m - 1) for m elements.
    """
    rank = value.type.rank
    if axes is None:
        if s is not None and len(s) > rank:
            raise ValueError(f"s: expected at most {rank} lengths, found {len(s)}")
        axes = range(rank) if s is None else range(rank - len(s), rank)
    places = [as_axis(each, rank) for each in axes]
    if s is not None and len(s) != len(places):
        raise ValueError(f"s: expected {len(places)} lengths, one for each axis, found {len(s)}")
    given: list[Length] = [None] * len(places) if s is None else [None if each == -1 else each for each in s]
    defaults = [value.shape[axis] for axis in places]
    if halved:
        defaults[-1:] = [2 * (each - 1) for each in defaults[-1:]]
    return [(axis, as_length(each, default)) for axis, each, default in zip(places, given, defaults)]

"""Transforms of real numbers, whose results are conjugated when read backwards: half of them are kept.

In: real numbers of n points along an axis, or n // 2 + 1 complex ones. Out: the other. A known even length costs a
transform of half the length: even and odd elements are the parts of n/2 complex numbers z, and of their transform
(Z + conj(Z reversed)) / 2 belongs to the even ones, (Z - conj(Z reversed)) / 2 i to the odd ones.
"""

from __future__ import annotations

from math import sqrt

import numpy as np

from lazygraph.compiler.ir.dims import Extent
from lazygraph.compiler.ir.graph import Value
from lazygraph.compiler.ops.compose import emit, spread
from lazygraph.compiler.ops.fft import divides
from lazygraph.compiler.ops.fourier import plan
from lazygraph.compiler.ops.record import zeros
from lazygraph.compiler.ops.type_rules import require_at_most
from lazygraph.fft.complex_transforms import over
from lazygraph.fft.operands import (
    Axes,
    Length,
    Lengths,
    as_complex,
    as_length,
    as_lengths,
    as_norm,
    as_real,
    resized,
    swapped,
    with_zero,
)
from lazygraph.frames import composite
from lazygraph.manipulation import reshaped, sliced
from lazygraph.parts import conjugate
from lazygraph.promotion import as_axis, cast
from lazygraph.runtime.dtypes import complex128, float64
from lazygraph.tensor import Tensor, TensorLike

# --- forward ----------------------------------------------------------------------------------------------------------


def _forward(value: Value, axis: int, norm: str) -> Value:
    """The first n // 2 + 1 of the transform of n real numbers."""
    length = value.shape[axis]
    if isinstance(length, int) and length % 2 == 0:
        dtype = with_zero(value).dtype
        return cast(_by_half(cast(value, float64), axis, length, _factor(norm, length, False)), dtype)
    require_at_most("rfft", "points", 1, length)
    whole = emit("fft", with_zero(value), axis=axis, inverse=False, norm=norm)
    return sliced(whole, axis, 0, length // 2 + 1)


def _by_half(value: Value, axis: int, length: int, factor: float) -> Value:
    """y[k] = f (Z[k] + conj(Z[h-k])) / 2 - i f w**k (Z[k] - conj(Z[h-k])) / 2, h = n / 2, w = e**(-2 pi i / n)."""
    pairs = emit("complex", sliced(value, axis, 0, length, 2), sliced(value, axis, 1, length, 2))
    found = emit("fft", pairs, axis=axis, inverse=False, norm="backward")
    found = emit("concat", found, sliced(found, axis, 0, 1), axis=axis)
    mirrored = conjugate(emit("reverse", found, axes=(axis,)))
    turns = -0.5j * factor * plan.roots(length, np.arange(length // 2 + 1))
    return (found + mirrored) * (0.5 * factor) + (found - mirrored) * _along(turns, found, axis)


def _inverse(value: Value, axis: int, length: Extent, norm: str) -> Value:
    """The n real numbers that have these n // 2 + 1 numbers as the first of their transform."""
    if isinstance(length, int) and length % 2 == 0:
        found = _doubled(cast(value, complex128), axis, length, _factor(norm, length, True))
        return cast(found, value.dtype.part)
    require_at_most("irfft", "points", 1, length)
    rest = sliced(value, axis, 1, length - length // 2)
    whole = emit("concat", value, conjugate(emit("reverse", rest, axes=(axis,))), axis=axis)
    return emit("real", emit("fft", whole, axis=axis, inverse=True, norm=norm))


def _doubled(value: Value, axis: int, length: int, factor: float) -> Value:
    """Z[k] = f (Y[k] + conj(Y[h-k])) + i f w**-k (Y[k] - conj(Y[h-k])), whose inverse has the results as its parts.

    The first and the last Y count as real.
    """
    half = length // 2
    real, imaginary = emit("real", value), emit("imag", value)
    ends = _along(np.arange(half + 1) % half == 0, value, axis)
    value = emit("complex", real, emit("select", ends, zeros(imaginary.type), imaginary))
    mirrored = conjugate(emit("reverse", value, axes=(axis,)))
    turns = 1j * factor * plan.roots(length, np.arange(half + 1)).conj()
    both = (value + mirrored) * factor + (value - mirrored) * _along(turns, value, axis)
    found = emit("fft", sliced(both, axis, 0, half), axis=axis, inverse=True, norm="forward")
    shape = found.shape
    parts = [reshaped(emit(part, found), (*shape[: axis + 1], 1, *shape[axis + 1 :])) for part in ("real", "imag")]
    return reshaped(emit("concat", *parts, axis=axis + 1), (*shape[:axis], length, *shape[axis + 1 :]))


def _along(row: np.ndarray, like: Value, axis: int) -> Value:
    """A constant row, repeated to the shape of another value."""
    row.flags.writeable = False
    return spread(emit("constant", value=row), like.shape, (axis,))


def _factor(norm: str, length: int, inverse: bool) -> float:
    divisor = divides(norm, inverse)
    return 1.0 if divisor is None else 1 / (length if divisor == "n" else sqrt(length))


@composite
def rfft(x: TensorLike, n: Length = None, axis: int = -1, norm: str | None = "backward") -> Tensor:
    """The first n // 2 + 1 elements of `fft` of real numbers; the others are their conjugates, backwards.

    Raises DTypeError for complex numbers, ValueError for a length below 1 or an unknown `norm`, ShapeError for an axis
    that is not there, or where a symbolic length may be 0 (`lg.dim("n", min=1)` may not).

    >>> import lazygraph as lg
    >>> lg.fft.rfft([1.0, 2.0, 3.0, 4.0]).eval()
    array([10.+0.j, -2.+2.j, -2.+0.j])
    """
    value = as_real(x)
    place = as_axis(axis, value.type.rank)
    return Tensor(_forward(resized(value, place, as_length(n, value.shape[place])), place, as_norm(norm)))


@composite
def rfftn(x: TensorLike, s: Lengths = None, axes: Axes = None, norm: str | None = "backward") -> Tensor:
    """`rfft` along the last of the axes, `fft` along the others.

    Raises as `rfft`, and ValueError for more lengths than axes or no axis.

    >>> import lazygraph as lg
    >>> lg.fft.rfftn(lg.ones((2, 3, 4))).shape
    (2, 3, 3)
    """
    return Tensor(_forward_over(as_real(x), s, axes, norm))


def _forward_over(value: Value, s: Lengths, axes: Axes, norm: str | None) -> Value:
    *others, (axis, length) = _some(as_lengths(value, s, axes))
    found = _forward(resized(value, axis, length), axis, as_norm(norm))
    return over(found, [each for _, each in others], [each for each, _ in others], norm, False)


def _some(found: list[tuple[int, Extent]]) -> list[tuple[int, Extent]]:
    if not found:
        raise ValueError("axes: expected at least one axis, found none")
    return found


@composite
def rfft2(x: TensorLike, s: Lengths = None, axes: Axes = (-2, -1), norm: str | None = "backward") -> Tensor:
    """`rfftn` along two axes, the last ones by default.

    Raises as `rfftn`.

    >>> import lazygraph as lg
    >>> lg.fft.rfft2([[1.0, 2.0], [3.0, 4.0]]).eval()
    array([[10.+0.j, -2.+0.j],
           [-4.+0.j,  0.+0.j]])
    """
    return Tensor(_forward_over(as_real(x), s, axes, norm))


# --- inverse ----------------------------------------------------------------------------------------------------------


@composite
def irfft(x: TensorLike, n: Length = None, axis: int = -1, norm: str | None = "backward") -> Tensor:
    """The inverse of `rfft`: n real numbers, 2 (m - 1) for m elements unless told.

    Only n // 2 + 1 elements are read; the imaginary parts of the first one, and of the last one for an even n, are not.

    Raises ValueError for a length below 1 or an unknown `norm`, ShapeError for an axis that is not there, or where a
    symbolic length may be 0.

    >>> import lazygraph as lg
    >>> lg.fft.irfft(lg.fft.rfft([1.0, 2.0, 3.0]), 3).eval()
    array([1., 2., 3.])
    """
    value = as_complex(x)
    place = as_axis(axis, value.type.rank)
    return Tensor(_inverse_of(value, place, as_length(n, 2 * (value.shape[place] - 1)), as_norm(norm)))


def _inverse_of(value: Value, axis: int, length: Extent, norm: str) -> Value:
    return _inverse(resized(value, axis, length // 2 + 1), axis, length, norm)


def _inverse_over(value: Value, s: Lengths, axes: Axes, norm: str | None) -> Value:
    *others, (axis, length) = _some(as_lengths(value, s, axes, halved=True))
    value = over(value, [each for _, each in others], [each for each, _ in others], norm, True)
    return _inverse_of(value, axis, length, as_norm(norm))


@composite
def irfftn(x: TensorLike, s: Lengths = None, axes: Axes = None, norm: str | None = "backward") -> Tensor:
    """The inverse of `rfftn`: `ifft` along all axes but the last, `irfft` along that.

    A length of -1 for the last axis is 2 (m - 1) for its m elements, all of which are read; NumPy gives m points.

    Raises as `irfft`, and ValueError for more lengths than axes or no axis.

    >>> import lazygraph as lg
    >>> lg.fft.irfftn(lg.fft.rfftn([[1.0, 2.0], [3.0, 4.0]])).eval()
    array([[1., 2.],
           [3., 4.]])
    """
    return Tensor(_inverse_over(as_complex(x), s, axes, norm))


@composite
def irfft2(x: TensorLike, s: Lengths = None, axes: Axes = (-2, -1), norm: str | None = "backward") -> Tensor:
    """`irfftn` along two axes, the last ones by default.

    Raises as `irfftn`.

    >>> import lazygraph as lg
    >>> lg.fft.irfft2(lg.fft.rfft2([[1.0, 2.0], [3.0, 4.0]])).eval()
    array([[1., 2.],
           [3., 4.]])
    """
    return Tensor(_inverse_over(as_complex(x), s, axes, norm))


# --- real spectra -----------------------------------------------------------------------------------------------------


@composite
def hfft(x: TensorLike, n: Length = None, axis: int = -1, norm: str | None = "backward") -> Tensor:
    """The transform of numbers that are conjugated when read backwards, by their first n // 2 + 1: n real numbers.

    Raises as `irfft`.

    >>> import lazygraph as lg
    >>> lg.fft.hfft([1.0, 2.0, 3.0]).eval()
    array([ 8., -2.,  0., -2.])
    """
    return irfft(Tensor(conjugate(as_complex(x))), n, axis, swapped(norm))


@composite
def ihfft(x: TensorLike, n: Length = None, axis: int = -1, norm: str | None = "backward") -> Tensor:
    """The inverse of `hfft`: n // 2 + 1 complex numbers for n real ones.

    Raises as `rfft`.

    >>> import lazygraph as lg
    >>> lg.fft.ihfft([8.0, -2.0, 0.0, -2.0]).eval()
    array([1.-0.j, 2.-0.j, 3.-0.j])
    """
    return Tensor(conjugate(rfft(x, n, axis, swapped(norm)).value))

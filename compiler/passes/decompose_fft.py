"""Fourier transforms of known length: which kernels make them.

In: an `fft` node. Out: the same value by `fft_lines`, whose stages need factors up to 13, along the last axis or in
blocks of columns; a length with a greater prime factor is a convolution by longer ones (L. Bluestein, 1970).
"""

from __future__ import annotations

from functools import lru_cache
from math import sqrt

import numpy as np

from lazygraph.compiler.ir import dims
from lazygraph.compiler.ir.dims import Extent, Shape
from lazygraph.compiler.ir.graph import Node, TensorType, Value
from lazygraph.compiler.ops.compose import axis_moved, emit, spread
from lazygraph.compiler.ops.fft import divides
from lazygraph.compiler.ops.fft_lines import lines
from lazygraph.compiler.ops.fourier import plan
from lazygraph.compiler.ops.fourier.stages import LANES
from lazygraph.compiler.ops.record import zeros
from lazygraph.runtime.dtypes import complex64, complex128

_TOGETHER = 1 << 14  # points of lines that are made side by side, whatever their number
_SHORT = 32  # lines of so many points do not fill vectors: rows of them do
_FEW, _BLOCK, _MOST = 16, 16, 64  # columns: fewer are not split; those of a block


def fft_in_parts(node: Node, inputs: tuple[Value, ...]) -> Value | None:
    """What stands for the node; None where its length is symbolic."""
    (x,) = inputs
    axis, inverse = node["axis"], node["inverse"]
    length = x.shape[axis]
    if not isinstance(length, int):
        return None
    if length == 0:
        return x
    divisor = divides(node["norm"], inverse)
    scale = 1.0 if divisor is None else 1 / (length if divisor == "n" else sqrt(length))
    if length == 1:
        return x
    behind = dims.product(x.shape[axis + 1 :])
    radices = plan.radices(length)
    columns = None if radices is None else _columns(length, behind)
    if radices is not None and columns is not None:
        short = axis == x.type.rank - 1 and axis > 0 and length <= _SHORT and _are_many(x.shape[axis - 1])
        rows = LANES if short else 1
        return lines(x, axis=axis, radices=radices, columns=columns, rows=rows, inverse=inverse, scale=scale)
    last = x.type.rank - 1
    if axis == last:
        return _convolution(x, length, inverse, scale)
    moved = axis_moved(x, axis, last)  # lines lie one behind the other along the last axis
    found = emit("fft", moved, axis=last, inverse=inverse, norm=node["norm"])
    again = fft_in_parts(found.node, (moved,))
    assert again is not None
    return axis_moved(again, last, axis)


def _columns(length: int, behind: Extent) -> int | None:
    """How many lines are made side by side, of so many that lie so; None where no number of them suits."""
    if not isinstance(behind, int) or behind == 0:
        return None
    if behind == 1 or behind < _FEW or length * behind <= _TOGETHER and behind <= _MOST:
        return behind
    fitting = [each for each in range(_BLOCK, _MOST + 1) if behind % each == 0]
    return min(fitting, key=lambda each: (each % 16, each % 8, each), default=None)


def _are_many(rows: Extent) -> bool:
    """Whether they fill vectors; where that is not known, it is assumed."""
    return not isinstance(rows, int) or rows >= LANES


def _convolution(x: Value, length: int, inverse: bool, scale: float) -> Value:
    """y = c (c x * conj(c)) along the last axis, for c[j] = e**(-pi i j**2 / n); all conjugated for the inverse."""
    if x.dtype == complex64:
        wide = _convolution(emit("cast", x, dtype=complex128), length, inverse, scale)
        return emit("cast", wide, dtype=complex64)
    whole, axis = plan.smooth_above(2 * length - 1), x.type.rank - 1
    chirp, kernel = _filter(length, whole, inverse, scale)
    none = (0,) * axis
    padding = zeros(TensorType(x.dtype, ()))
    signal = x * _repeated(chirp, x.shape)
    signal = emit("pad", signal, padding, low=(*none, 0), high=(*none, whole - length), interior=(*none, 0))
    radices = plan.radices(whole)
    assert radices is not None
    spectrum = lines(signal, axis=axis, radices=radices, columns=1, rows=1, inverse=False, scale=1.0)
    product = spectrum * _repeated(kernel, signal.shape)
    found = lines(product, axis=axis, radices=radices, columns=1, rows=1, inverse=True, scale=1.0)
    cut = emit("slice", found, starts=(0,) * (axis + 1), stops=x.shape, steps=(1,) * (axis + 1))
    return cut * _repeated(chirp, x.shape)


def _repeated(row: np.ndarray, shape: Shape) -> Value:
    """A row along the last axis of a shape."""
    return spread(emit("constant", value=row), shape, (len(shape) - 1,))


@lru_cache(maxsize=64)
def _filter(length: int, whole: int, inverse: bool, scale: float) -> tuple[np.ndarray, np.ndarray]:
    """c, and the transform of conj(c), wrapped around, times scale / whole."""
    powers = np.arange(length)
    chirp = plan.roots(2 * length, powers * powers % (2 * length))
    if inverse:
        chirp = chirp.conj()
    wrapped = np.zeros(whole, np.clongdouble)
    wrapped[:length] = chirp.conj()
    wrapped[whole - length + 1 :] = chirp[:0:-1].conj()
    kernel = (np.fft.fft(wrapped) * (np.longdouble(scale) / whole)).astype(np.complex128)
    for each in (chirp, kernel):
        each.flags.writeable = False
    return chirp, kernel

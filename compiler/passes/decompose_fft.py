"""Fourier transforms of known length: which kernels make them.

In: an `fft` node. Out: the same value by `fft_lines`, whose stages need factors up to 17, along the last axis or in
blocks of columns; for a length with a greater prime factor, by `fft_convolved` along the last axis.
"""

from __future__ import annotations

from math import sqrt

from lazygraph.compiler.ir import dims
from lazygraph.compiler.ir.dims import Extent
from lazygraph.compiler.ir.graph import Node, Value
from lazygraph.compiler.ops.compose import axis_moved, emit
from lazygraph.compiler.ops.fft import divides
from lazygraph.compiler.ops.fft_convolved import convolved
from lazygraph.compiler.ops.fft_lines import lines
from lazygraph.compiler.ops.fourier import plan
from lazygraph.compiler.ops.fourier.stages import LANES

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
        return convolved(x, inverse=inverse, scale=scale)
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

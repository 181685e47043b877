"""The windows of a pooling: torch's parameters as a geometry over all axes of a tensor.

In: a tensor, a kernel, strides, padding, dilation, whether to round up, a layout. Out: a `Pooling`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lazygraph.compiler.ir import dims
from lazygraph.compiler.ir.dims import Dim, Extent
from lazygraph.compiler.ir.errors import ShapeError
from lazygraph.compiler.ir.graph import Value
from lazygraph.compiler.ops.windows import Windows
from lazygraph.nn.spatial import Padding, Sizes, Steps, margins, places_in, sizes, steps


@dataclass(frozen=True)
class Pooling:
    """What is pooled, its windows, and along each spatial axis how far its padding goes."""

    value: Value
    windows: Windows
    margins: dict[int, tuple[Extent, Extent]]


def pooling_of(
    value: Value,
    kernel_size: Sizes,
    stride: Steps | None,
    padding: Padding,
    dilation: Steps,
    ceil_mode: bool,
    layout: str,
    rank: int,
) -> Pooling:
    """The windows that torch's parameters name; ShapeError where none fits into a known extent."""
    places, _ = places_in(value, layout, rank)
    taps, gaps, around = (
        sizes("kernel_size", kernel_size, rank),
        steps("dilation", dilation, rank),
        margins(padding, rank),
    )
    reaches = [dims.add(dims.multiply(dims.add(count, -1), gap), 1) for count, gap in zip(taps, gaps)]
    spans = [value.shape[place] + sum(pair) - reach for place, pair, reach in zip(places, around, reaches)]
    moves = _moves(taps, spans) if stride is None else steps("stride", stride, rank)
    along = {}
    for place, count, step, gap, pair, span in zip(places, taps, moves, gaps, around, spans):
        shape = dims.floordiv(span, step) + 1
        if ceil_mode:  # a window begins before the end of x, or of the padding before it
            shape = dims.minimum(dims.ceildiv(span, step) + 1, dims.ceildiv(value.shape[place] + pair[0], step))
        if isinstance(shape, int) and shape < 1 and value.shape[place] != 0:
            room = f"{value.shape[place]} elements with {pair[0]} and {pair[1]} of padding"
            raise ShapeError(f"axis {place}: a kernel of {count} with dilation {gap} does not fit into {room}")
        along[place] = (count, step, gap, pair[0], dims.maximum(shape, 0))
    return Pooling(value, Windows.along(value.shape, along), dict(zip(places, around)))


def _moves(taps: Sequence[Extent], spans: Sequence[Extent]) -> tuple[int, ...]:
    """The kernel as the stride; where it is symbolic, the one window over everything moves by any."""
    found = []
    for count, span in zip(taps, spans):
        if isinstance(count, Dim) and span != 0:
            raise ShapeError(f"stride: expected a number, as the kernel's {count} is symbolic, found None")
        found.append(count if isinstance(count, int) else 1)
    return tuple(found)

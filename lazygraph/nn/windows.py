"""Reductions over windows with everything a window can have: what the poolings are cases of.

In: a tensor and a geometry, one amount for each of its axes. Out: a tensor of one element for each window.
"""

from __future__ import annotations

from lazygraph.compiler.ir import dims
from lazygraph.compiler.ops.compose import emit
from lazygraph.compiler.ops.slices import spaced
from lazygraph.compiler.ops.windows import Windows
from lazygraph.frames import composite
from lazygraph.nn.spatial import Padding, Sizes, Steps, margins, sizes, steps
from lazygraph.promotion import value_of
from lazygraph.tensor import Tensor, TensorLike

__all__ = ["reduce_window"]

COMBINERS = ("sum", "prod", "max", "min")


@composite
def reduce_window(
    x: TensorLike,
    combiner: str,
    window: Sizes,
    strides: Steps = 1,
    padding: Padding = 0,
    input_dilation: Steps = 1,
    window_dilation: Steps = 1,
) -> Tensor:
    """The "sum", "prod", "max" or "min" of each window, of x's dtype: y[o] over k of x[o stride + k dilation - before].

    `window` has an extent for each axis of x, and so have the others, or are one number for all. `padding` is (before,
    after) along each axis, or one number for both; negative padding crops. x has `input_dilation` - 1 gaps between
    neighbours. Padding and gaps change no window's value: a window of nothing has 0, 1, the lowest or the highest
    number. Along each axis there are (dilated x + before + after - dilated window) // stride + 1 windows, none where
    that is negative. Extents, windows and padding may be symbolic. Elements are combined in row-major order of the
    window, one step for each of them, so that the bits depend on no schedule. At ties the derivative of max and min
    goes to the first.

    >>> import lazygraph as lg
    >>> lg.nn.reduce_window([1, 2, 3, 4], "sum", 3, padding=[(2, 0)]).eval()
    array([1, 3, 6, 9])
    >>> lg.nn.reduce_window([[1, 5, 2], [4, 0, 6]], "max", (1, 2)).eval()
    array([[5, 5],
           [4, 6]])
    """
    if combiner not in COMBINERS:
        raise ValueError(f"combiner: expected one of {', '.join(COMBINERS)}, found {combiner!r}")
    value = value_of(x)
    rank = value.type.rank
    taps, moves = sizes("window", window, rank), steps("strides", strides, rank)
    gaps, apart = steps("input_dilation", input_dilation, rank), steps("window_dilation", window_dilation, rank)
    around = margins(padding, rank)
    shape = []
    for extent, count, move, gap, step, (low, high) in zip(value.shape, taps, moves, gaps, apart, around):
        span = spaced(extent, gap - 1) + low + high - (count - 1) * step - 1
        shape.append(dims.maximum(dims.floordiv(span, move) + 1, 0))
    lows = tuple([low for low, _ in around])
    windows = Windows(taps, moves, lows, tuple(shape), gaps, apart)
    return Tensor(emit(f"reduce_window_{combiner}", value, **windows.attributes))

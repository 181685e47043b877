"""The pieces of which stable formulas are made: a maximum to subtract, and an argument folded to where exp is small.

In: values. Out: values; they differentiate as the formula that they serve, not as their own kinks.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from lazygraph.compiler.ir.graph import Value
from lazygraph.compiler.ops.compose import emit, spread
from lazygraph.compiler.ops.record import full, zeros


def finite_maximum(x: Value, axes: Sequence[int]) -> Value:
    """max(x) over the axes where that is finite, else 0: what x is shifted by. Its derivative cancels, so it has none.

    All -inf (or no elements) gives sum(exp(x - 0)) = 0 and +inf gives inf, where x - max(x) would be NaN.
    """
    return or_zero(emit("reduce_max", x, axes=tuple(axes)))


def or_zero(m: Value) -> Value:
    """m where it is finite, else 0, taken as a constant by differentiation."""
    finite = emit("lt", emit("abs", m), full(m.type, math.inf))
    return emit("stop_gradient", emit("select", finite, m, zeros(m.type)))


def spread_back(reduced: Value, x: Value, axes: Sequence[int]) -> Value:
    """The result of a reduction of x over the axes, repeated along them."""
    return spread(reduced, x.shape, [axis for axis in range(x.type.rank) if axis not in axes])


def folded_below_zero(x: Value) -> tuple[Value, Value]:
    """(0 < x, -|x|): exp of the second never overflows. -|x| is a select, so that it is smooth within each branch."""
    positive = emit("lt", zeros(x.type), x)
    return positive, emit("select", positive, -x, x)

"""Running extremes and running log-sums along an axis.

In: tensors. Out: tensors of the same shape whose element i says something of the elements up to i; from i on, if
`reverse`. `axis=None` takes the flattened tensor.
"""

from __future__ import annotations

import numpy as np

from lazygraph.compiler.ir import dims
from lazygraph.compiler.ir.graph import Value
from lazygraph.compiler.ops.compose import emit
from lazygraph.compiler.ops.cumulative import shifted
from lazygraph.frames import composite, traced
from lazygraph.manipulation import reshaped
from lazygraph.promotion import as_axis, as_float, scalar_like, value_of
from lazygraph.tensor import Tensor, TensorLike

__all__ = ["cummax", "cummin", "logcumsumexp"]


def _along(value: Value, axis: int | None) -> tuple[Value, int]:
    if axis is None:
        value, axis = reshaped(value, (dims.product(value.shape),)), 0
    return value, as_axis(axis, value.type.rank)


@traced
def cummax(x: TensorLike, axis: int | None = None, *, reverse: bool = False) -> Tensor:
    """The greatest element up to each place, of any dtype that has an order: NumPy's `maximum.accumulate`.

    NaN from the first NaN on. Where several are greatest, the derivative goes to the one met last.

    >>> import lazygraph as lg
    >>> lg.cummax([3, 1, 4, 1, 5]).eval()
    array([3, 3, 4, 4, 5])
    """
    value, place = _along(value_of(x), axis)
    return Tensor(emit("cummax", value, axis=place, reverse=bool(reverse)))


@traced
def cummin(x: TensorLike, axis: int | None = None, *, reverse: bool = False) -> Tensor:
    """The least element up to each place, of any dtype that has an order: NumPy's `minimum.accumulate`.

    NaN from the first NaN on. Where several are least, the derivative goes to the one met last.

    >>> import lazygraph as lg
    >>> lg.cummin([3, 1, 4, 1, 5], reverse=True).eval()
    array([1, 1, 1, 1, 5])
    """
    value, place = _along(value_of(x), axis)
    return Tensor(emit("cummin", value, axis=place, reverse=bool(reverse)))


@composite
def logcumsumexp(x: TensorLike, axis: int | None = None, *, reverse: bool = False) -> Tensor:
    """log(exp(x_0) + .. + exp(x_i)) up to each place i, a float, without overflow and without losing small terms.

    With m the greatest so far, s_i = exp(m_{i-1} - m_i) s_{i-1} + exp(x_i - m_i) stays between 1 and i + 1, and the
    result is m_i + log(s_i): the running softmax of Milakov and Gimelshein, "Online normalizer calculation for
    softmax", 2018. m only scales, so it takes no part in derivatives, which are finite at every order; where all terms
    are exp(-inf) they are 0.

    >>> import lazygraph as lg
    >>> lg.logcumsumexp([1000.0, 1000.0, 0.0]).eval()
    array([1000.        , 1000.69314718, 1000.69314718])
    >>> x = lg.placeholder((2,), lg.float64, "x")
    >>> lg.grad(lg.sum(lg.logcumsumexp(x)), x).eval({x: [-2000.0, 0.0]})
    array([1., 1.])
    """
    value, place = _along(as_float(value_of(x)), axis)
    attributes = {"axis": place, "reverse": bool(reverse)}
    top = emit("cummax", emit("stop_gradient", value), **attributes)
    zero, one = scalar_like(0, value), scalar_like(1, value)
    finite = emit("lt", emit("abs", top), scalar_like(np.inf, value))
    top = emit("select", finite, top, zero)
    fall = shifted(top, place, bool(reverse), 0) - top
    kept = emit("exp", emit("min", fall, zero))  # what m was before, where it is not finite, does not matter
    total = emit("linear_recurrence", kept, emit("exp", value - top), **attributes)
    nothing = emit("eq", total, zero)
    result = top + emit("log", emit("select", nothing, one, total))
    return Tensor(emit("select", nothing, scalar_like(-np.inf, value), result))

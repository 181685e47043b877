"""Rounding to integers, element by element, with NumPy's names.

In: tensors, arrays, numbers. Out: tensors of the same dtype: integers and bools stay as they are, infinities and NaN
too, and a zero keeps its sign.
"""

from __future__ import annotations

import builtins
import math

import numpy as np

from lazygraph.compiler.ir.graph import Value
from lazygraph.compiler.ops.compose import emit
from lazygraph.elementwise import is_finite, is_negative, is_not_zero
from lazygraph.frames import composite, traced
from lazygraph.parts import by_parts
from lazygraph.promotion import as_float, scalar_like, value_of
from lazygraph.tensor import Tensor, TensorLike

__all__ = ["around", "ceil", "fix", "floor", "modf", "rint", "round", "trunc"]


def _rounded(op: str, x: TensorLike) -> Tensor:
    value = value_of(x)
    return Tensor(emit(op, value) if value.dtype.is_differentiable else value)


@traced
def floor(x: TensorLike) -> Tensor:
    """The greatest integer that is not above x; integers stay as they are."""
    return _rounded("floor", x)


@traced
def ceil(x: TensorLike) -> Tensor:
    """The least integer that is not below x; integers stay as they are."""
    return _rounded("ceil", x)


@traced
def round(x: TensorLike, decimals: int = 0) -> Tensor:
    """x to so many digits after the point, of two equally near numbers the even one; integers stay as they are.

    Floats are scaled by 10**decimals, rounded and scaled back, as in NumPy, where x times 10**decimals is finite; else
    they stay as they are. With negative decimals the digits are before the point, and integers are rounded too; what
    overflows wraps.

    >>> import lazygraph as lg
    >>> lg.round([2.5, -1.234]).eval(), lg.round([-1.234], 2).eval(), lg.round([15, 25], -1).eval()
    (array([ 2., -1.]), array([-1.23]), array([20, 20]))
    """
    if not isinstance(decimals, int):
        raise TypeError(f"round: expected decimals as an int, found {decimals!r}")
    value = value_of(x)
    if value.dtype.is_complex:
        return Tensor(by_parts(lambda part: round(Tensor(part), decimals).value, value))
    if decimals == 0 or not value.dtype.is_float and decimals > 0:
        return _rounded("round_even", Tensor(value))
    if not value.dtype.is_float:
        return Tensor(_to_tens(value, 10**-decimals))
    most = math.floor(math.log10(float(value.dtype.limits.max)))
    if decimals > most:  # finer than any number of the dtype that has a fraction at all
        return Tensor(value)
    if -decimals > most:
        return Tensor(emit("select", is_finite(value), emit("copysign", scalar_like(0, value), value), value))
    scale = scalar_like(10.0 ** builtins.abs(decimals), value)
    scaled = value * scale if decimals > 0 else value / scale
    whole = emit("round_even", scaled)
    back = whole / scale if decimals > 0 else whole * scale
    return Tensor(emit("select", is_finite(scaled), back, value))


around = round


def _to_tens(value: Value, unit: int) -> Value:
    """An integer to the nearest multiple of a power of ten, of two the even one."""
    if value.dtype.kind == "bool" or unit // 2 > np.iinfo(value.dtype.numpy).max:
        return scalar_like(0, value)
    if unit > np.iinfo(value.dtype.numpy).max:
        raise OverflowError(f"round: the unit {unit} does not fit {value.dtype}: convert with .astype(lg.int64)")
    divisor = scalar_like(unit, value)
    rest = emit("rem", value, divisor)
    size = rest if value.dtype.kind == "uint" else emit("abs", rest)
    quotient = emit("div", value, divisor)
    odd = is_not_zero(emit("rem", quotient, scalar_like(2, value)))
    missing = divisor - size
    up = emit("or", emit("lt", missing, size), emit("and", emit("eq", missing, size), odd))
    step = divisor if value.dtype.kind == "uint" else emit("select", is_negative(value), -divisor, divisor)
    return value - rest + emit("select", up, step, scalar_like(0, value))


@traced
def rint(x: TensorLike) -> Tensor:
    """The nearest integer as a float, of two the even one; integers and bools give float64.

    >>> import lazygraph as lg
    >>> lg.rint([0.5, 1.5, -0.2]).eval()
    array([ 0.,  2., -0.])
    """
    return Tensor(by_parts(lambda part: emit("round_even", part), as_float(value_of(x))))


@traced
def trunc(x: TensorLike) -> Tensor:
    """x without its fraction; integers stay as they are.

    >>> import lazygraph as lg
    >>> lg.trunc([2.7, -2.7]).eval()
    array([ 2., -2.])
    """
    value = value_of(x)
    return Tensor(_truncated(value) if value.dtype.is_differentiable else value)


fix = trunc


def _truncated(value: Value) -> Value:
    return emit("select", is_negative(value), emit("ceil", value), emit("floor", value))


@composite
def modf(x: TensorLike) -> tuple[Tensor, Tensor]:
    """(fraction, whole part) of x, both with the sign of x; the fraction of an infinity is a zero.

    >>> import lazygraph as lg
    >>> fraction, whole = lg.modf([1.5, -2.25])
    >>> fraction.eval(), whole.eval()
    (array([ 0.5 , -0.25]), array([ 1., -2.]))
    """
    value = as_float(value_of(x))
    whole = _truncated(value)
    # x less its whole part is 0.0 where nothing is left: of negative numbers the difference is taken without the sign
    below = is_negative(emit("copysign", scalar_like(1, value), value))
    finite = is_finite(value)
    some = emit("select", finite, value, scalar_like(0, value))
    rest = emit("select", finite, whole, scalar_like(0, value))
    fraction = emit("select", below, -((-some) - (-rest)), some - rest)
    nothing = emit("select", emit("eq", value, value), scalar_like(0, value), value)
    return Tensor(emit("select", finite, fraction, emit("copysign", nothing, value))), Tensor(whole)

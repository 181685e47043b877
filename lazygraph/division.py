"""Division with a remainder, element by element, with NumPy's names, promotion and broadcasting.

In: tensors, arrays, numbers. Out: tensors. Nothing is undefined: an integer divided by 0 is 0, and so is its remainder;
the least integer divided by -1 is itself. Floats follow IEEE 754: x / 0 is infinite or NaN, a remainder by 0 is NaN,
and remainders are exact.
"""

from __future__ import annotations

from lazygraph.compiler.ir.graph import Value
from lazygraph.compiler.ops.compose import emit
from lazygraph.elementwise import no_bools
from lazygraph.frames import traced
from lazygraph.promotion import cast, promoted, scalar_like
from lazygraph.tensor import Tensor, TensorLike

__all__ = [
    "floor_divide",
    "mod",
    "remainder",
]


def _not_zero(value: Value) -> Value:
    return emit("not", emit("eq", value, scalar_like(0, value)))


def _is_negative(value: Value) -> Value:
    return emit("lt", value, scalar_like(0, value))


def _signs_differ(rest: Value, divisor: Value) -> Value:
    """Where a truncated quotient with this remainder is not the floored one."""
    return emit("and", _not_zero(rest), emit("xor", _is_negative(rest), _is_negative(divisor)))


@traced
def floor_divide(x: TensorLike, y: TensorLike) -> Tensor:
    """The greatest integer that is not above x / y, as Python's `//`; an integer x // 0 is 0.

    >>> import lazygraph as lg
    >>> lg.floor_divide([7, -7, 7], [2, 2, 0]).eval()
    array([ 3, -4,  0])
    """
    left, right = promoted(x, y)
    no_bools(left, "logical_and")
    return Tensor(_floored_float(left, right) if left.dtype.is_float else _floored_integer(left, right))


def _floored_integer(left: Value, right: Value) -> Value:
    quotient = emit("div", left, right)
    if left.dtype.kind == "uint":
        return quotient
    return quotient - cast(_signs_differ(emit("rem", left, right), right), left.dtype)


def _floored_float(left: Value, right: Value) -> Value:
    """floor((x - r) / y) for the exact remainder r, rounded to the nearest integer where the division has rounded."""
    rest = emit("rem", left, right)
    quotient = (left - rest) / right
    quotient = emit("select", _signs_differ(rest, right), quotient - 1, quotient)
    down = emit("floor", quotient)
    whole = emit("select", emit("lt", scalar_like(0.5, down), quotient - down), down + 1, down)
    plain = left / right
    signed = emit("select", _not_zero(quotient), whole, plain * 0)  # a zero takes the sign of x / y
    return emit("select", _not_zero(right), signed, plain)


@traced
def remainder(x: TensorLike, y: TensorLike) -> Tensor:
    """x - y * (x // y), with the sign of y, as Python's `%`; an integer x % 0 is 0.

    >>> import lazygraph as lg
    >>> lg.remainder([7, -7, 7], [3, 3, -3]).eval()
    array([ 1,  2, -2])
    """
    left, right = promoted(x, y)
    rest = emit("rem", no_bools(left, "logical_and"), right)
    if left.dtype.kind == "uint":
        return Tensor(rest)
    moved = emit("select", _signs_differ(rest, right), rest + right, rest)
    if left.dtype.is_integer:
        return Tensor(moved)
    # A zero takes the sign of y, from the remainder itself, so that its slopes are those beside it.
    below = _is_negative(right)
    turned = emit("select", below, -rest, rest) + 0.0
    zero = emit("select", below, -turned, turned)
    return Tensor(emit("select", _not_zero(rest), moved, zero))


mod = remainder

"""Division with a remainder, element by element, with NumPy's names, promotion and broadcasting.

In: tensors, arrays, numbers. Out: tensors. Nothing is undefined: an integer divided by 0 is 0, and so is its remainder;
the least integer divided by -1 is itself. Floats follow IEEE 754: x / 0 is infinite or NaN, a remainder by 0 is NaN,
and remainders are exact.
"""

from __future__ import annotations

from lazygraph.compiler.ir.errors import DTypeError
from lazygraph.compiler.ir.graph import Value
from lazygraph.compiler.ops.compose import emit
from lazygraph.compiler.ops.halves import HALVES
from lazygraph.elementwise import is_negative, is_not_zero, no_bools
from lazygraph.frames import composite, traced
from lazygraph.promotion import cast, promoted, scalar_like
from lazygraph.runtime import dtypes
from lazygraph.tensor import Tensor, TensorLike

__all__ = ["divmod", "floor_divide", "fmod", "gcd", "lcm", "mod", "remainder"]


def _signs_differ(rest: Value, divisor: Value) -> Value:
    """Where a truncated quotient with this remainder is not the floored one."""
    return emit("and", is_not_zero(rest), emit("xor", is_negative(rest), is_negative(divisor)))


@traced
def floor_divide(x: TensorLike, y: TensorLike) -> Tensor:
    """The greatest integer that is not above x / y, as Python's `//`; an integer x // 0 is 0.

    >>> import lazygraph as lg
    >>> lg.floor_divide([7, -7, 7], [2, 2, 0]).eval()
    array([ 3, -4,  0])
    """
    left, right = promoted(x, y)
    no_bools(left, "logical_and")
    if left.dtype in HALVES:  # whose own quotients are rounded too early
        wide = [cast(each, dtypes.float32) for each in (left, right)]
        return Tensor(cast(_floored_float(*wide), left.dtype))
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
    signed = emit("select", is_not_zero(quotient), whole, plain * 0)  # a zero takes the sign of x / y
    return emit("select", is_not_zero(right), signed, plain)


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
    below = is_negative(right)
    turned = emit("select", below, -rest, rest) + 0.0
    zero = emit("select", below, -turned, turned)
    return Tensor(emit("select", is_not_zero(rest), moved, zero))


mod = remainder


@traced
def fmod(x: TensorLike, y: TensorLike) -> Tensor:
    """x - y * trunc(x / y), exact, with the sign of x, as C's fmod; an integer x fmod 0 is 0, a float's NaN.

    >>> import lazygraph as lg
    >>> lg.fmod([7, -7, 7], [3, 3, -3]).eval()
    array([ 1, -1,  1])
    """
    left, right = promoted(x, y)
    return Tensor(emit("rem", no_bools(left, "logical_and"), right))


@traced
def divmod(x: TensorLike, y: TensorLike) -> tuple[Tensor, Tensor]:
    """(x // y, x % y), as `floor_divide` and `remainder`.

    >>> import lazygraph as lg
    >>> quotient, rest = lg.divmod([7, -7], 3)
    >>> quotient.eval(), rest.eval()
    (array([ 2, -3]), array([1, 2]))
    """
    return floor_divide(x, y), remainder(x, y)


def _integers(x: TensorLike, y: TensorLike) -> tuple[Value, Value]:
    left, right = promoted(x, y)
    if not left.dtype.is_integer:
        raise DTypeError(f"expected integers, found {left.dtype} after promotion")
    return left, right


@traced
def gcd(x: TensorLike, y: TensorLike) -> Tensor:
    """The greatest common divisor of integers, without a sign; gcd(0, 0) is 0.

    Source: Euclid, Elements, book VII, proposition 2. Raises DTypeError for bools and floats.

    >>> import lazygraph as lg
    >>> lg.gcd([12, -12, 0], [18, 8, 5]).eval()
    array([6, 4, 5])
    """
    return Tensor(emit("gcd", *_integers(x, y)))


@composite
def lcm(x: TensorLike, y: TensorLike) -> Tensor:
    """The least common multiple of integers, without a sign; 0 where one of them is 0. What overflows wraps.

    Raises DTypeError for bools and floats.

    >>> import lazygraph as lg
    >>> lg.lcm([4, -3, 0], [6, 5, 7]).eval()
    array([12, 15,  0])
    """
    left, right = _integers(x, y)
    divisor = emit("gcd", left, right)
    if left.dtype.kind == "int":
        left, right = emit("abs", left), emit("abs", right)
    return Tensor(emit("div", left, divisor) * right)

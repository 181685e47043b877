"""Arithmetic and elementary functions, element by element, with NumPy's names, promotion and broadcasting.

In: tensors, arrays, numbers. Out: tensors. Functions of real analysis give float64 for integers and bools. Integers
wrap; nothing is undefined: an integer divided by 0 is 0, and so is its remainder.
"""

from __future__ import annotations

import math

from numpy.typing import DTypeLike

from lazygraph.compiler.ir.errors import DTypeError
from lazygraph.compiler.ir.graph import Value
from lazygraph.compiler.ops.compose import emit
from lazygraph.compiler.passes.shift import folded_below_zero
from lazygraph.devices import require_device
from lazygraph.frames import composite, traced
from lazygraph.promotion import as_dtype, as_float, cast, promoted, same_dtype, scalar_like, value_of
from lazygraph.runtime.dtypes import DType
from lazygraph.tensor import Tensor, TensorLike

__all__ = [
    "abs",
    "acos",
    "acosh",
    "add",
    "arccos",
    "arccosh",
    "arcsin",
    "arcsinh",
    "arctan",
    "arctan2",
    "arctanh",
    "asin",
    "asinh",
    "astype",
    "atan",
    "atan2",
    "atanh",
    "ceil",
    "clip",
    "cos",
    "cosh",
    "divide",
    "erf",
    "erfc",
    "erfinv",
    "exp",
    "expm1",
    "floor",
    "floor_divide",
    "log",
    "log10",
    "log1p",
    "log2",
    "logaddexp",
    "maximum",
    "minimum",
    "mod",
    "multiply",
    "negative",
    "positive",
    "pow",
    "power",
    "reciprocal",
    "remainder",
    "round",
    "sign",
    "sin",
    "sinh",
    "sqrt",
    "square",
    "subtract",
    "tan",
    "tanh",
    "true_divide",
    "trunc",
]


@traced
def astype(x: TensorLike, dtype: DTypeLike | DType, /, *, copy: bool = True, device: str | None = None) -> Tensor:
    """x as another dtype: floats round to nearest even; float to integer truncates and saturates, NaN gives 0.

    The result is another handle than x, unless `copy` is False and x is a tensor of that dtype.

    >>> import lazygraph as lg
    >>> lg.astype([1.7, -1e30], lg.int32).eval()
    array([          1, -2147483648], dtype=int32)
    """
    require_device(device)
    if not copy and isinstance(x, Tensor) and x.dtype == as_dtype(dtype):
        return x
    return Tensor(cast(value_of(x), as_dtype(dtype)))


# --- arithmetic ------------------------------------------------------------------------------------------------------


def _no_bools(value: Value, instead: str) -> Value:
    if value.dtype.kind == "bool":
        raise DTypeError(f"bools are not numbers here: use {instead}, or .astype(lg.int32)")
    return value


@traced
def add(x: TensorLike, y: TensorLike) -> Tensor:
    """x + y; of bools, x or y.

    >>> import lazygraph as lg
    >>> lg.add([1, 2], 0.5).eval()
    array([1.5, 2.5])
    """
    left, right = promoted(x, y)
    return Tensor(emit("or" if left.dtype.kind == "bool" else "add", left, right))


@traced
def subtract(x: TensorLike, y: TensorLike) -> Tensor:
    """x - y; bools are an error, as in NumPy."""
    left, right = promoted(x, y)
    return Tensor(emit("sub", _no_bools(left, "logical_xor"), right))


@traced
def multiply(x: TensorLike, y: TensorLike) -> Tensor:
    """x * y; of bools, x and y."""
    left, right = promoted(x, y)
    return Tensor(emit("and" if left.dtype.kind == "bool" else "mul", left, right))


@traced
def divide(x: TensorLike, y: TensorLike) -> Tensor:
    """x / y, a float: integers divide as float64.

    >>> import lazygraph as lg
    >>> lg.divide([1, -1, 0], 0).eval()
    array([ inf, -inf,  nan])
    """
    left, right = promoted(x, y)
    return Tensor(emit("div", as_float(left), as_float(right)))


true_divide = divide


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
    _no_bools(left, "logical_and")
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
    rest = emit("rem", _no_bools(left, "logical_and"), right)
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


@traced
def negative(x: TensorLike) -> Tensor:
    """-x; bools are an error, as in NumPy."""
    return Tensor(emit("neg", _no_bools(value_of(x), "logical_not")))


@traced
def positive(x: TensorLike) -> Tensor:
    """x."""
    return Tensor(_no_bools(value_of(x), "x"))


@traced
def abs(x: TensorLike) -> Tensor:
    """|x|. Its derivative is sign(x): 0 at 0."""
    value = value_of(x)
    return Tensor(value if value.dtype.kind in ("uint", "bool") else emit("abs", value))


@traced
def sign(x: TensorLike) -> Tensor:
    """-1, 0 or 1 by the sign of x; NaN of NaN."""
    return Tensor(emit("sign", _no_bools(value_of(x), "x")))


@traced
def square(x: TensorLike) -> Tensor:
    """x * x."""
    value = _no_bools(value_of(x), "x")
    return Tensor(value * value)


@traced
def reciprocal(x: TensorLike) -> Tensor:
    """1 / x, a float."""
    value = as_float(value_of(x))
    return Tensor(scalar_like(1, value) / value)


@traced
def pow(x: TensorLike, y: TensorLike) -> Tensor:
    """x**y. Integers wrap; a negative integer exponent gives 1 / x**-y truncated. The Python number 2 squares.

    >>> import lazygraph as lg
    >>> lg.pow(lg.constant([1.0, 2.0, 3.0], lg.float32), 2).eval()
    array([1., 4., 9.], dtype=float32)
    """
    if isinstance(y, int | float) and y == 2:
        base, _ = same_dtype(x, y)
        return Tensor(base * base)
    left, right = promoted(x, y)
    return Tensor(emit("pow", _no_bools(left, "logical_or"), right))


power = pow


@traced
def maximum(x: TensorLike, y: TensorLike) -> Tensor:
    """The greater of x and y; NaN where one is NaN. Where they are equal, each has half the derivative."""
    return Tensor(emit("max", *promoted(x, y)))


@traced
def minimum(x: TensorLike, y: TensorLike) -> Tensor:
    """The lesser of x and y; NaN where one is NaN. Where they are equal, each has half the derivative."""
    return Tensor(emit("min", *promoted(x, y)))


@traced
def clip(x: TensorLike, min: TensorLike | None = None, max: TensorLike | None = None) -> Tensor:
    """min(max(x, lower), upper), without the bound that is None.

    >>> import lazygraph as lg
    >>> lg.clip([-1.0, 0.5, 2.0], 0, 1).eval()
    array([0. , 0.5, 1. ])
    """
    result = Tensor(value_of(x))
    if min is not None:
        result = maximum(result, min)
    return result if max is None else minimum(result, max)


# --- rounding --------------------------------------------------------------------------------------------------------


def _rounded(op: str, x: TensorLike) -> Tensor:
    value = value_of(x)
    return Tensor(emit(op, value) if value.dtype.is_float else value)


@traced
def floor(x: TensorLike) -> Tensor:
    """The greatest integer that is not above x; integers stay as they are."""
    return _rounded("floor", x)


@traced
def ceil(x: TensorLike) -> Tensor:
    """The least integer that is not below x; integers stay as they are."""
    return _rounded("ceil", x)


@traced
def round(x: TensorLike) -> Tensor:
    """The nearest integer, of two the even one; integers stay as they are."""
    return _rounded("round_even", x)


@traced
def trunc(x: TensorLike) -> Tensor:
    """x without its fraction; integers stay as they are."""
    value = value_of(x)
    if not value.dtype.is_float:
        return Tensor(value)
    return Tensor(emit("select", _is_negative(value), emit("ceil", value), emit("floor", value)))


# --- elementary functions --------------------------------------------------------------------------------------------


def _real(op: str, x: TensorLike) -> Tensor:
    return Tensor(emit(op, as_float(value_of(x))))


@traced
def sqrt(x: TensorLike) -> Tensor:
    """The square root; NaN below 0."""
    return _real("sqrt", x)


@traced
def exp(x: TensorLike) -> Tensor:
    """e**x.

    >>> import lazygraph as lg
    >>> lg.exp([0, 1]).eval()
    array([1.        , 2.71828183])
    """
    return _real("exp", x)


@traced
def expm1(x: TensorLike) -> Tensor:
    """e**x - 1, accurate near 0."""
    return _real("expm1", x)


@traced
def log(x: TensorLike) -> Tensor:
    """The natural logarithm: -inf at 0, NaN below."""
    return _real("log", x)


@traced
def log1p(x: TensorLike) -> Tensor:
    """log(1 + x), accurate near 0."""
    return _real("log1p", x)


@traced
def log2(x: TensorLike) -> Tensor:
    """The logarithm to base 2, exact for powers of 2; -inf at 0, NaN below."""
    return _real("log2", x)


@traced
def log10(x: TensorLike) -> Tensor:
    """The logarithm to base 10, exact for powers of 10; -inf at 0, NaN below."""
    return _real("log10", x)


@composite
def logaddexp(x: TensorLike, y: TensorLike) -> Tensor:
    """log(exp(x) + exp(y)) without overflow: m + log(1 + exp(-|x - y|)) with m = max(x, y)."""
    left, right = promoted(x, y)
    left, right = as_float(left), as_float(right)
    infinite = emit("eq", emit("abs", left), scalar_like(math.inf, left))
    same = emit("and", infinite, emit("eq", left, right))  # inf - inf is NaN
    above, below = folded_below_zero(emit("select", same, scalar_like(0, left), left - right))
    return Tensor(emit("select", above, left, right) + emit("log1p", emit("exp", below)))


@traced
def sin(x: TensorLike) -> Tensor:
    """The sine of an angle in radians, of any size; NaN of an infinity."""
    return _real("sin", x)


@traced
def cos(x: TensorLike) -> Tensor:
    """The cosine of an angle in radians, of any size; NaN of an infinity."""
    return _real("cos", x)


@traced
def tan(x: TensorLike) -> Tensor:
    """The tangent of an angle in radians, of any size; NaN of an infinity."""
    return _real("tan", x)


@traced
def asin(x: TensorLike) -> Tensor:
    """The angle in -pi/2 .. pi/2 whose sine is x; NaN beyond 1.

    >>> import lazygraph as lg
    >>> lg.asin([0.5, 1.0, 2.0]).eval()
    array([0.52359878, 1.57079633,        nan])
    """
    return _real("asin", x)


@traced
def acos(x: TensorLike) -> Tensor:
    """The angle in 0 .. pi whose cosine is x; NaN beyond 1.

    >>> import lazygraph as lg
    >>> lg.acos([0.5, -1.0]).eval()
    array([1.04719755, 3.14159265])
    """
    return _real("acos", x)


@traced
def atan(x: TensorLike) -> Tensor:
    """The angle in -pi/2 .. pi/2 whose tangent is x.

    >>> import lazygraph as lg
    >>> lg.atan([1.0, -lg.inf]).eval()
    array([ 0.78539816, -1.57079633])
    """
    return _real("atan", x)


@traced
def atan2(y: TensorLike, x: TensorLike) -> Tensor:
    """The angle in -pi .. pi between the axis of x and the point (x, y); the signs of zeros tell its side.

    >>> import lazygraph as lg
    >>> lg.atan2([1.0, -1.0, 0.0], [1.0, -1.0, -1.0]).eval()
    array([ 0.78539816, -2.35619449,  3.14159265])
    """
    height, width = promoted(y, x)
    return Tensor(emit("atan2", as_float(height), as_float(width)))


arcsin, arccos, arctan, arctan2 = asin, acos, atan, atan2


@traced
def sinh(x: TensorLike) -> Tensor:
    """The hyperbolic sine, (e**x - e**-x) / 2."""
    return _real("sinh", x)


@traced
def cosh(x: TensorLike) -> Tensor:
    """The hyperbolic cosine, (e**x + e**-x) / 2."""
    return _real("cosh", x)


@traced
def tanh(x: TensorLike) -> Tensor:
    """The hyperbolic tangent."""
    return _real("tanh", x)


@traced
def asinh(x: TensorLike) -> Tensor:
    """The number whose hyperbolic sine is x.

    >>> import lazygraph as lg
    >>> lg.asinh([0.0, 1.0]).eval()
    array([0.        , 0.88137359])
    """
    return _real("asinh", x)


@traced
def acosh(x: TensorLike) -> Tensor:
    """The number from 0 up whose hyperbolic cosine is x; NaN below 1.

    >>> import lazygraph as lg
    >>> lg.acosh([1.0, 2.0]).eval()
    array([0.        , 1.3169579])
    """
    return _real("acosh", x)


@traced
def atanh(x: TensorLike) -> Tensor:
    """The number whose hyperbolic tangent is x; infinite at 1 and -1, NaN beyond.

    >>> import lazygraph as lg
    >>> lg.atanh([0.5, -1.0]).eval()
    array([0.54930614,       -inf])
    """
    return _real("atanh", x)


arcsinh, arccosh, arctanh = asinh, acosh, atanh


@traced
def erf(x: TensorLike) -> Tensor:
    """The error function, 2 / sqrt(pi) times the integral of e**(-t**2) from 0 to x.

    >>> import lazygraph as lg
    >>> lg.erf([0.0, 1.0]).eval()
    array([0.        , 0.84270079])
    """
    return _real("erf", x)


@traced
def erfc(x: TensorLike) -> Tensor:
    """The complementary error function, 1 - erf(x), accurate where erf(x) is close to 1.

    >>> import lazygraph as lg
    >>> lg.erfc([0.0, 10.0]).eval()
    array([1.00000000e+00, 2.08848758e-45])
    """
    return _real("erfc", x)


@traced
def erfinv(x: TensorLike) -> Tensor:
    """The number whose error function is x; infinite at 1 and -1, NaN beyond.

    >>> import lazygraph as lg
    >>> lg.erfinv([0.5, 1.0]).eval()
    array([0.47693628,        inf])
    """
    return _real("erf_inv", x)

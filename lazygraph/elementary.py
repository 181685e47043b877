"""Elementary functions, element by element: roots, exponentials, logarithms, angles, hyperbolic functions, erf.

In: tensors, arrays, numbers. Out: tensors, with NumPy's names, promotion and broadcasting; integers and bools give
float64.
"""

from __future__ import annotations

import math

from lazygraph.compiler.ops.compose import emit
from lazygraph.compiler.passes.shift import folded_below_zero
from lazygraph.frames import composite, traced
from lazygraph.parts import by_parts
from lazygraph.promotion import as_float, promoted, scalar_like, value_of
from lazygraph.tensor import Tensor, TensorLike

__all__ = [
    "acos",
    "acosh",
    "arccos",
    "arccosh",
    "arcsin",
    "arcsinh",
    "arctan",
    "arctan2",
    "arctanh",
    "asin",
    "asinh",
    "atan",
    "atan2",
    "atanh",
    "cos",
    "cosh",
    "erf",
    "erfc",
    "erfinv",
    "exp",
    "expm1",
    "log",
    "log10",
    "log1p",
    "log2",
    "logaddexp",
    "sin",
    "sinh",
    "sqrt",
    "tan",
    "tanh",
]


def _real(op: str, x: TensorLike) -> Tensor:
    return Tensor(emit(op, as_float(value_of(x))))


def _logarithm(op: str, base: float, x: TensorLike) -> Tensor:
    """The logarithm to a base; of complex numbers by the natural one."""
    value = as_float(value_of(x))
    if value.dtype.is_complex:
        return Tensor(by_parts(lambda part: part * (1 / math.log(base)), emit("log", value)))
    return Tensor(emit(op, value))


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
    return _logarithm("log2", 2, x)


@traced
def log10(x: TensorLike) -> Tensor:
    """The logarithm to base 10, exact for powers of 10; -inf at 0, NaN below."""
    return _logarithm("log10", 10, x)


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

"""Functions of floating-point numbers: powers of 2, roots, lengths, signs and what is not finite, element by element.

In: tensors, arrays, numbers. Out: tensors, with NumPy's names, promotion and broadcasting.
"""

from __future__ import annotations

import math

from lazygraph.autodiff import stop_gradient
from lazygraph.compiler.ops.compose import emit
from lazygraph.compiler.passes.shift import folded_below_zero
from lazygraph.elementwise import abs, maximum, real_number
from lazygraph.frames import composite, traced
from lazygraph.logic import equal, isinf, isnan, less, logical_or, where
from lazygraph.parts import by_parts
from lazygraph.promotion import as_float, promoted, scalar_like, value_of
from lazygraph.tensor import Tensor, TensorLike

__all__ = [
    "cbrt",
    "copysign",
    "deg2rad",
    "degrees",
    "exp2",
    "fmax",
    "fmin",
    "heaviside",
    "hypot",
    "isneginf",
    "isposinf",
    "logaddexp2",
    "nan_to_num",
    "nextafter",
    "rad2deg",
    "radians",
    "signbit",
    "sinc",
    "spacing",
]


@traced
def exp2(x: TensorLike) -> Tensor:
    """2**x, exact where x is an integer.

    >>> import lazygraph as lg
    >>> lg.exp2([-1, 0.5, 10]).eval()
    array([5.00000000e-01, 1.41421356e+00, 1.02400000e+03])
    """
    value = as_float(value_of(x))
    if value.dtype.is_complex:
        return Tensor(emit("exp", by_parts(lambda part: part * math.log(2), value)))
    return Tensor(emit("exp2", value))


@traced
def cbrt(x: TensorLike) -> Tensor:
    """The cube root, negative for a negative x.

    >>> import lazygraph as lg
    >>> lg.cbrt([27, -8]).eval()
    array([ 3., -2.])
    """
    return Tensor(emit("cbrt", as_float(value_of(x))))


@composite
def hypot(x: TensorLike, y: TensorLike) -> Tensor:
    """sqrt(x**2 + y**2) without overflow of the squares; its derivative at the origin is 0.

    >>> import lazygraph as lg
    >>> lg.hypot(3.0, [4.0, -lg.inf]).eval()
    array([ 5., inf])
    """
    left, right = (Tensor(as_float(real_number(value))) for value in promoted(x, y))
    infinite = logical_or(isinf(left), isinf(right))
    size = stop_gradient(maximum(abs(left), abs(right)))
    ordinary = less(0, size) & ~infinite
    size = where(ordinary, size, 1)
    u, v = left / size, right / size
    root = Tensor(emit("sqrt", value_of(where(ordinary, u * u + v * v, 1)))) * size
    return where(infinite, math.inf, where(ordinary, root, maximum(abs(left), abs(right)) * 0))


@traced
def copysign(x: TensorLike, y: TensorLike) -> Tensor:
    """|x| with the sign of y, which a zero or NaN has too.

    >>> import lazygraph as lg
    >>> lg.copysign([1.0, -2.0], [-0.0, 3.0]).eval()
    array([-1.,  2.])
    """
    left, right = promoted(x, y)
    return Tensor(emit("copysign", as_float(left), as_float(right)))


@traced
def nextafter(x: TensorLike, y: TensorLike) -> Tensor:
    """The number of the dtype that comes next after x on the way to y; y where they are equal.

    >>> import lazygraph as lg
    >>> lg.nextafter(1.0, [2.0, 0.0]).eval() - 1
    array([ 2.22044605e-16, -1.11022302e-16])
    """
    left, right = promoted(x, y)
    return Tensor(emit("nextafter", as_float(left), as_float(right)))


@traced
def signbit(x: TensorLike) -> Tensor:
    """Whether x is negative, -0.0 and NaN with a sign included.

    >>> import lazygraph as lg
    >>> lg.signbit([-1.0, -0.0, 0.0]).eval()
    array([ True,  True, False])
    """
    value = value_of(x)
    if not value.dtype.is_float:
        return less(Tensor(value), 0)
    one = emit("copysign", scalar_like(1, value), value)
    return Tensor(emit("lt", one, scalar_like(0, value)))


@composite
def nan_to_num(
    x: TensorLike, nan: TensorLike = 0.0, posinf: TensorLike | None = None, neginf: TensorLike | None = None
) -> Tensor:
    """x with other numbers for NaN, inf and -inf: the greatest and the least of the dtype where none are given.

    >>> import lazygraph as lg
    >>> lg.nan_to_num([1.0, lg.nan, -lg.inf], neginf=-9).eval()
    array([ 1.,  0., -9.])
    """
    value = value_of(x)
    if value.dtype.is_complex:
        return Tensor(by_parts(lambda part: nan_to_num(Tensor(part), nan, posinf, neginf).value, value))
    if not value.dtype.is_float:
        return Tensor(value)
    most = float(value.dtype.limits.max)
    number = Tensor(value)
    result = where(isnan(number), nan, number)
    result = where(number == math.inf, most if posinf is None else posinf, result)
    return where(number == -math.inf, -most if neginf is None else neginf, result)


@traced
def deg2rad(x: TensorLike) -> Tensor:
    """An angle in degrees as radians, x * pi / 180.

    >>> import lazygraph as lg
    >>> lg.deg2rad(180).eval()
    array(3.14159265)
    """
    value = as_float(value_of(x))
    return Tensor(value * (math.pi / 180))


@traced
def rad2deg(x: TensorLike) -> Tensor:
    """An angle in radians as degrees, x * 180 / pi.

    >>> import lazygraph as lg
    >>> lg.rad2deg(lg.pi).eval()
    array(180.)
    """
    value = as_float(value_of(x))
    return Tensor(value * (180 / math.pi))


radians, degrees = deg2rad, rad2deg


# --- choices that look at NaN, zero and infinity ---------------------------------------------------------------------


def _but_nan(op: str, x: TensorLike, y: TensorLike) -> Tensor:
    left, right = promoted(x, y)
    chosen = emit(op, left, right)
    if not left.dtype.is_float:
        return Tensor(chosen)
    chosen = emit("select", emit("eq", right, right), chosen, left)
    return Tensor(emit("select", emit("eq", left, left), chosen, right))


@traced
def fmax(x: TensorLike, y: TensorLike) -> Tensor:
    """The greater of x and y, and of a number and NaN the number. Where they are equal, each has half the derivative.

    >>> import lazygraph as lg
    >>> lg.fmax([1.0, lg.nan], [lg.nan, 2.0]).eval()
    array([1., 2.])
    """
    return _but_nan("max", x, y)


@traced
def fmin(x: TensorLike, y: TensorLike) -> Tensor:
    """The lesser of x and y, and of a number and NaN the number. Where they are equal, each has half the derivative.

    >>> import lazygraph as lg
    >>> lg.fmin([1.0, lg.nan], [0.5, 2.0]).eval()
    array([0.5, 2. ])
    """
    return _but_nan("min", x, y)


@traced
def heaviside(x: TensorLike, y: TensorLike) -> Tensor:
    """0 where x < 0, y where x is 0, 1 where 0 < x, NaN of NaN; floats. It does not vary with x.

    >>> import lazygraph as lg
    >>> lg.heaviside([-2.0, 0.0, 3.0], 0.5).eval()
    array([0. , 0.5, 1. ])
    """
    left, right = (as_float(value) for value in promoted(x, y))
    zero, one = scalar_like(0, left), scalar_like(1, left)
    step = emit("select", emit("lt", zero, left), one, emit("select", emit("lt", left, zero), zero, right))
    return Tensor(emit("select", emit("eq", left, left), step, emit("sign", left)))


def _is_infinite(x: TensorLike, number: float) -> Tensor:
    value = value_of(x)
    if not value.dtype.is_float:
        return Tensor(emit("lt", value, value)) if value.dtype.kind != "bool" else Tensor(value) & False
    return Tensor(emit("eq", value, scalar_like(number, value)))


@traced
def isposinf(x: TensorLike) -> Tensor:
    """Whether x is inf.

    >>> import lazygraph as lg
    >>> lg.isposinf([lg.inf, -lg.inf, lg.nan]).eval()
    array([ True, False, False])
    """
    return _is_infinite(x, math.inf)


@traced
def isneginf(x: TensorLike) -> Tensor:
    """Whether x is -inf.

    >>> import lazygraph as lg
    >>> lg.isneginf([lg.inf, -lg.inf, lg.nan]).eval()
    array([False,  True, False])
    """
    return _is_infinite(x, -math.inf)


@composite
def spacing(x: TensorLike) -> Tensor:
    """The distance from x to the number of the dtype next to it and further from 0, with the sign of x.

    NaN of infinities and NaN, infinite at the greatest number.

    >>> import lazygraph as lg
    >>> lg.spacing([1.0, -2.0]).eval()
    array([ 2.22044605e-16, -4.44089210e-16])
    """
    value = stop_gradient(Tensor(as_float(value_of(x)))).value
    size = emit("abs", value)
    distance = emit("nextafter", size, scalar_like(math.inf, value)) - size
    return Tensor(emit("select", emit("lt", value, scalar_like(0, value)), -distance, distance))


# --- sums and quotients that keep their digits -----------------------------------------------------------------------


@composite
def logaddexp2(x: TensorLike, y: TensorLike) -> Tensor:
    """log2(2**x + 2**y) without overflow: m + log2(1 + 2**(-|x - y|)) with m = max(x, y).

    >>> import lazygraph as lg
    >>> lg.logaddexp2([1.0, 2000.0], [1.0, 0.0]).eval()
    array([   2., 2000.])
    """
    left, right = (as_float(value) for value in promoted(x, y))
    infinite = emit("eq", emit("abs", left), scalar_like(math.inf, left))
    same = emit("and", infinite, emit("eq", left, right))  # inf - inf is NaN
    above, below = folded_below_zero(emit("select", same, scalar_like(0, left), left - right))
    return Tensor(emit("select", above, left, right) + emit("log1p", emit("exp2", below)) * (1 / math.log(2)))


# sin(pi r) / (pi r) = 1 - (pi r)**2 / 3! + (pi r)**4 / 5! - ...: for |r| <= 1/2 the terms left off are below 2**-100
_SINC = tuple([(-1) ** k * math.pi ** (2 * k) / math.factorial(2 * k + 1) for k in range(16)])


@composite
def sinc(x: TensorLike) -> Tensor:
    """sin(pi x) / (pi x), 1 at 0, exactly 0 at other integers and at infinities: x is reduced before times pi.

    For |x| <= 1/2 it is its Taylor series, so that derivatives of every order are accurate there too.

    >>> import lazygraph as lg
    >>> lg.sinc([0.0, 0.5, 1.0]).eval()
    array([1.        , 0.63661977, 0.        ])
    """
    given = Tensor(as_float(value_of(x)))
    wide = given.astype(given.dtype.computed_in)
    central = less(abs(wide), 0.5) | equal(abs(wide), 0.5)
    near = where(central, wide, 0)
    square, series = near * near, Tensor(scalar_like(_SINC[-1], wide.value))
    for coefficient in reversed(_SINC[:-1]):
        series = series * square + coefficient
    far = where(central | isinf(wide), 1, wide)
    whole = Tensor(emit("round_even", far.value))
    half = whole * 0.5
    odd = half - Tensor(emit("floor", half.value))
    sine = Tensor(emit("sin", ((far - whole) * math.pi).value)) * (1 - 4 * odd)
    outer = where(isinf(wide), 0, sine / (far * math.pi) + 0.0)
    return where(central, series, outer).astype(given.dtype)

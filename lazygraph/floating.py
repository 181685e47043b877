"""Functions of floating-point numbers: powers of 2, roots, lengths, signs and what is not finite, element by element.

In: tensors, arrays, numbers. Out: tensors, with NumPy's names, promotion and broadcasting.
"""

from __future__ import annotations

import math

import numpy as np

from lazygraph.autodiff import stop_gradient
from lazygraph.compiler.ops.compose import emit
from lazygraph.elementwise import abs, maximum
from lazygraph.frames import composite, traced
from lazygraph.logic import isinf, isnan, less, logical_or, where
from lazygraph.promotion import as_float, promoted, scalar_like, value_of
from lazygraph.tensor import Tensor, TensorLike

__all__ = [
    "cbrt",
    "copysign",
    "deg2rad",
    "degrees",
    "exp2",
    "hypot",
    "nan_to_num",
    "nextafter",
    "rad2deg",
    "radians",
    "signbit",
]


@traced
def exp2(x: TensorLike) -> Tensor:
    """2**x, exact where x is an integer.

    >>> import lazygraph as lg
    >>> lg.exp2([-1, 0.5, 10]).eval()
    array([5.00000000e-01, 1.41421356e+00, 1.02400000e+03])
    """
    return Tensor(emit("exp2", as_float(value_of(x))))


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
    left, right = (Tensor(as_float(value)) for value in promoted(x, y))
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
    if not value.dtype.is_float:
        return Tensor(value)
    most = float(np.finfo(value.dtype.numpy).max)
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

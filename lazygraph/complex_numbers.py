"""Complex numbers: their parts, conjugates and angles, element by element, with NumPy's names.

In: tensors, arrays, numbers. Out: tensors; parts and angles are real. Derivatives are JAX's: the gradient of a real
loss L with respect to z = x + i y is dL/dx - i dL/dy, so a step downhill is z - rate * conj(gradient).
"""

from __future__ import annotations

import math

from lazygraph.compiler.ops.compose import emit
from lazygraph.compiler.ops.record import full
from lazygraph.frames import composite, traced
from lazygraph.parts import conjugate as conjugated
from lazygraph.parts import real_part
from lazygraph.promotion import as_float, promoted, value_of
from lazygraph.tensor import Tensor, TensorLike

__all__ = ["angle", "conj", "conjugate", "imag", "iscomplex", "isreal", "real", "to_complex"]


@traced
def real(x: TensorLike) -> Tensor:
    """The real part; real numbers are their own.

    >>> import lazygraph as lg
    >>> lg.real([1 + 2j, 3]).eval()
    array([1., 3.])
    """
    return Tensor(real_part(value_of(x)))


@traced
def imag(x: TensorLike) -> Tensor:
    """The imaginary part; 0 of real numbers, in their dtype.

    >>> import lazygraph as lg
    >>> lg.imag([1 + 2j, 3]).eval()
    array([2., 0.])
    """
    value = value_of(x)
    return Tensor(emit("imag", value) if value.dtype.is_complex else full(value.type, 0))


@traced
def conj(x: TensorLike) -> Tensor:
    """The complex conjugate, re - i im; real numbers are their own.

    >>> import lazygraph as lg
    >>> lg.conj([1 + 2j, 3]).eval()
    array([1.-2.j, 3.-0.j])
    """
    return Tensor(conjugated(value_of(x)))


conjugate = conj


@composite
def angle(z: TensorLike, deg: bool = False) -> Tensor:
    """The angle of z in -pi .. pi, in degrees with `deg`; of real numbers 0, or pi below 0, as float64 for integers.

    It does not vary at 0, where it has no slope.

    >>> import lazygraph as lg
    >>> lg.angle([1.0, 1.0j, -1.0], deg=True).eval()
    array([  0.,  90., 180.])
    """
    value = as_float(value_of(z))
    if value.dtype.is_complex:
        found = emit("atan2", emit("imag", value), emit("real", value))
    else:
        found = emit("atan2", full(value.type, 0.0), value)
    return Tensor(found * (180 / math.pi) if deg else found)


@traced
def isreal(x: TensorLike) -> Tensor:
    """Whether the imaginary part is 0.

    >>> import lazygraph as lg
    >>> lg.isreal([1 + 2j, 3]).eval()
    array([False,  True])
    """
    part = imag(x).value
    return Tensor(emit("eq", part, full(part.type, 0)))


@traced
def iscomplex(x: TensorLike) -> Tensor:
    """Whether the imaginary part is not 0."""
    return Tensor(emit("not", isreal(x).value))


@traced
def to_complex(re: TensorLike, im: TensorLike) -> Tensor:
    """re + i im of real numbers, part by part: complex64 of float32, complex128 of float64 and of integers.

    Other than re + 1j * im, no infinity or NaN of one part reaches the other. DTypeError for complex operands.

    >>> import lazygraph as lg
    >>> lg.to_complex(1.0, [2.0, lg.inf]).eval()
    array([1. +2.j, 1.+infj])
    """
    return Tensor(emit("complex", *[as_float(value) for value in promoted(re, im)]))

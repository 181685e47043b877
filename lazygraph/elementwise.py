"""Arithmetic, element by element, with NumPy's names, promotion and broadcasting.

In: tensors, arrays, numbers. Out: tensors. Integers wrap. Division with a remainder is in `division.py`, rounding in
`rounding.py`, functions of analysis in `elementary.py` and `special.py`, what depends on the bits in `floating.py` and
`bits.py`.
"""

from __future__ import annotations

import math

from numpy.typing import DTypeLike

from lazygraph.compiler.ir.errors import DTypeError
from lazygraph.compiler.ir.graph import Value
from lazygraph.compiler.ops.compose import emit
from lazygraph.devices import require_device
from lazygraph.frames import traced
from lazygraph.parts import modulus, unit
from lazygraph.promotion import (
    as_dtype,
    as_float,
    cast,
    is_weak,
    promoted,
    same_dtype,
    scalar_like,
    side_of,
    value_of,
)
from lazygraph.runtime import dtypes
from lazygraph.runtime.dtypes import DType
from lazygraph.tensor import Tensor, TensorLike

__all__ = [
    "abs",
    "absolute",
    "add",
    "astype",
    "clip",
    "divide",
    "fabs",
    "float_power",
    "maximum",
    "minimum",
    "multiply",
    "negative",
    "positive",
    "pow",
    "power",
    "reciprocal",
    "sign",
    "square",
    "subtract",
    "true_divide",
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


def no_bools(value: Value, instead: str) -> Value:
    if value.dtype.kind == "bool":
        raise DTypeError(f"bools are not numbers here: use {instead}, or .astype(lg.int32)")
    return value


def real_number(value: Value) -> Value:
    """The value, which is no complex number."""
    if value.dtype.is_complex:
        raise DTypeError(f"expected real numbers, found {value.dtype}: take real, imag or abs first")
    return value


def is_not_zero(value: Value) -> Value:
    return emit("not", emit("eq", value, scalar_like(0, value)))


def is_negative(value: Value) -> Value:
    """Whether a number is below 0: not of -0.0."""
    return emit("lt", value, scalar_like(0, value))


def is_finite(value: Value) -> Value:
    return emit("lt", emit("abs", value), scalar_like(math.inf, value))


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
    return Tensor(emit("sub", no_bools(left, "logical_xor"), right))


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


@traced
def negative(x: TensorLike) -> Tensor:
    """-x; bools are an error, as in NumPy."""
    return Tensor(emit("neg", no_bools(value_of(x), "logical_not")))


@traced
def positive(x: TensorLike) -> Tensor:
    """x."""
    return Tensor(no_bools(value_of(x), "x"))


@traced
def abs(x: TensorLike) -> Tensor:
    """|x|, a real number also for a complex one. Its derivative is sign(x): 0 at 0."""
    value = value_of(x)
    if value.dtype.is_complex:
        return Tensor(modulus(value))
    return Tensor(value if value.dtype.kind in ("uint", "bool") else emit("abs", value))


absolute = abs


@traced
def fabs(x: TensorLike) -> Tensor:
    """|x| as a float; integers and bools give float64.

    >>> import lazygraph as lg
    >>> lg.fabs([-1, 2]).eval()
    array([1., 2.])
    """
    return Tensor(emit("abs", as_float(value_of(x))))


@traced
def sign(x: TensorLike) -> Tensor:
    """-1, 0 or 1 by the sign of x; NaN of NaN. Of a complex number z / |z|: 0 of 0, and i of i inf."""
    value = no_bools(value_of(x), "x")
    return Tensor(unit(value) if value.dtype.is_complex else emit("sign", value))


@traced
def square(x: TensorLike) -> Tensor:
    """x * x."""
    value = no_bools(value_of(x), "x")
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
    if is_weak(y) and y == 2:
        base, _ = same_dtype(x, y)
        return Tensor(base * base)
    left, right = promoted(x, y)
    return Tensor(emit("pow", no_bools(left, "logical_or"), right))


power = pow


@traced
def float_power(x: TensorLike, y: TensorLike) -> Tensor:
    """x**y in float64, whatever the dtypes are; complex128 where one is complex.

    >>> import lazygraph as lg
    >>> lg.float_power([2, 3], -2).eval()
    array([0.25      , 0.11111111])
    """
    left, right = promoted(x, y)
    wide = dtypes.complex128 if left.dtype.is_complex else dtypes.float64
    return Tensor(emit("pow", cast(left, wide), cast(right, wide)))


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
    """min(max(x, lower), upper), without the bound that is None, or a Python integer that x's dtype does not reach.

    >>> import lazygraph as lg
    >>> lg.clip([-1.0, 0.5, 2.0], 0, 1).eval()
    array([0. , 0.5, 1. ])
    """
    result = Tensor(value_of(x))
    if min is not None and side_of(min, result.dtype) >= 0:
        result = maximum(result, min)
    return result if max is None or side_of(max, result.dtype) > 0 else minimum(result, max)

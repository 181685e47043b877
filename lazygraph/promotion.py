"""Operands as NumPy would read them: conversion, dtype promotion, broadcasting.

In: tensors, arrays, nested lists and Python numbers. Out: values of one dtype and one shape. A Python number is weak:
it takes the dtype of the tensors beside it, as in NEP 50 (https://numpy.org/neps/nep-0050-scalar-promotion.html).
Extents broadcast when one of them is the number 1 or both are equal; a symbolic extent is never treated as 1, and two
that are not known to be equal are checked when the function runs.
"""

from __future__ import annotations

import builtins
import functools
from collections.abc import Sequence
from typing import Any, Union

import numpy as np
from numpy.typing import DTypeLike

from lazygraph.compiler.ir.dims import Dim, Extent, Shape
from lazygraph.compiler.ir.errors import DTypeError, ShapeError
from lazygraph.compiler.ir.graph import Value
from lazygraph.compiler.ops.compose import emit
from lazygraph.compiler.ops.record import full
from lazygraph.dims import aligned, could_be_same, extent_value
from lazygraph.errors import shape_text
from lazygraph.runtime import dtypes
from lazygraph.runtime.dtypes import DType
from lazygraph.tensor import Tensor, TensorLike

__all__ = ["broadcast_shapes", "promote_types", "result_type"]

Number = Union[builtins.bool, int, float, complex]


def as_dtype(dtype: DTypeLike | DType) -> DType:
    """One of our dtypes from anything that names one: lg.float32, np.float32, "float32"; else DTypeError."""
    if isinstance(dtype, str) and dtype in dtypes.BY_NAME:
        return dtypes.BY_NAME[dtype]
    try:
        return dtypes.from_numpy(dtype)
    except TypeError as error:
        raise DTypeError(str(error)) from None


# --- constants -------------------------------------------------------------------------------------------------------


def constant_value(array: Any, dtype: DType | None = None) -> Value:
    """A copy of an array as a constant. DTypeError names a dtype that we do not have."""
    found = np.asarray(array).dtype
    if dtype is None:
        dtype = as_dtype(found)
    if found.kind == "c" and not dtype.is_complex and dtype.kind != "bool":
        raise DTypeError(f"{found} numbers would lose their imaginary parts as {dtype}: take their real parts first")
    copied = np.array(array, dtype=dtype.numpy, order="C")
    copied.flags.writeable = False
    return emit("constant", value=copied)


def scalar(number: Number, dtype: DType) -> Value:
    """A Python number as a scalar of this dtype; OverflowError where an integer does not fit."""
    if isinstance(number, complex):
        if not dtype.is_complex:
            raise DTypeError(f"the Python number {number} is complex: expected one of dtype {dtype}")
    elif side_of(number, dtype):
        limits = np.iinfo(dtype.numpy)
        raise OverflowError(f"the Python integer {number} does not fit {dtype}: expected {limits.min} .. {limits.max}")
    array = np.asarray(number, dtype.numpy)
    array.flags.writeable = False
    return emit("constant", value=array)


def side_of(operand: object, dtype: DType) -> int:
    """Where a Python integer lies that an integer dtype does not hold: 1 above it, -1 below; 0 of all else."""
    if not dtype.is_integer or not isinstance(operand, int) or isinstance(operand, builtins.bool):
        return 0
    limits = np.iinfo(dtype.numpy)
    return int(operand > limits.max) - int(operand < limits.min)


def is_weak(operand: object) -> builtins.bool:
    """Whether an operand is a Python number, whose dtype adapts (np.float64 is a float too, and is not weak)."""
    return isinstance(operand, int | float | complex) and not isinstance(operand, np.generic)


def value_of(operand: TensorLike | Dim) -> Value:
    """The operand by itself: a Python number gets NumPy's default dtype, a dim becomes its int64 value."""
    if isinstance(operand, Tensor):
        return operand.value
    if isinstance(operand, Value):
        raise TypeError("a Value is the compiler's; wrap it: Tensor(value)")
    if isinstance(operand, Dim):
        return extent_value(operand, dtypes.int64)
    return constant_value(operand)


def as_value(operand: TensorLike, dtype: DType) -> Value:
    """The operand in this dtype; a Python integer that does not fit it is an OverflowError."""
    return scalar(operand, dtype) if is_weak(operand) else cast(value_of(operand), dtype)  # type: ignore[arg-type]


# --- dtypes ----------------------------------------------------------------------------------------------------------


@functools.cache
def promote(left: DType, right: DType) -> DType:
    """NumPy's common dtype of two; DTypeError where there is none (bfloat16 with float16)."""
    if left is right:
        return left
    try:
        return dtypes.from_numpy(np.promote_types(left.numpy, right.numpy))
    except TypeError:
        raise DTypeError(f"{left} and {right} have no common dtype: convert one with .astype") from None


def _weak(dtype: DType | None, number: Number) -> DType:
    """The common dtype of a strong one (None: none so far) and a Python number."""
    if isinstance(number, builtins.bool):
        return dtype or dtypes.bool_
    if isinstance(number, int):
        return dtypes.int64 if dtype is None or dtype.kind == "bool" else dtype
    inexact = dtype is not None and dtype.is_differentiable
    if isinstance(number, complex):
        return promote(dtype, dtypes.complex64) if dtype is not None and inexact else dtypes.complex128
    return dtype if dtype is not None and inexact else dtypes.float64


def common_dtype(operands: Sequence[Any]) -> DType:
    """The dtype that values, dtypes and Python numbers promote to."""
    strong = [each.dtype if isinstance(each, Value) else each for each in operands if not is_weak(each)]
    dtype: DType | None = functools.reduce(promote, strong) if strong else None
    for number in operands:
        if is_weak(number):
            dtype = _weak(dtype, number)
    if dtype is None:
        raise TypeError("promotion needs at least one operand")
    return dtype


def promote_types(type1: DTypeLike | DType, type2: DTypeLike | DType) -> DType:
    """The dtype that two dtypes promote to, as NumPy's.

    >>> import lazygraph as lg
    >>> lg.promote_types(lg.int64, lg.float32)
    float64
    """
    return promote(as_dtype(type1), as_dtype(type2))


def result_type(*operands: Any) -> DType:
    """The dtype that tensors, arrays, dtypes and Python numbers promote to; Python numbers adapt to the others.

    >>> import lazygraph as lg
    >>> lg.result_type(lg.float32, 2.0), lg.result_type(lg.int32, 2.0)
    (float32, float64)
    """
    settled = []
    for each in operands:
        if is_weak(each) or isinstance(each, DType):
            settled.append(each)
        elif isinstance(each, str | np.dtype | type):
            settled.append(as_dtype(each))
        else:
            settled.append(each.dtype if isinstance(each, Tensor) else as_dtype(np.asarray(each).dtype))
    return common_dtype(settled)


def cast(value: Value, dtype: DType) -> Value:
    return value if value.dtype == dtype else emit("cast", value, dtype=dtype)


def same_dtype(*operands: TensorLike | Dim) -> tuple[Value, ...]:
    """The operands as values of their common dtype, in their own shapes."""
    read = [each if is_weak(each) else value_of(each) for each in operands]
    dtype = common_dtype(read)
    return tuple([cast(each, dtype) if isinstance(each, Value) else scalar(each, dtype) for each in read])  # type: ignore[arg-type]


def as_float(value: Value) -> Value:
    """Floats and complex numbers as they are; integers and bools as float64."""
    return value if value.dtype.is_differentiable else cast(value, dtypes.float64)


# --- shapes ----------------------------------------------------------------------------------------------------------


def broadcast_shapes(*shapes: Shape) -> Shape:
    """The shape that several broadcast to, aligned at their last axes; ShapeError names the extents that do not fit.

    Symbolic extents that are not known to differ count as equal: tensors of such shapes are checked where they meet.

    >>> import lazygraph as lg
    >>> lg.broadcast_shapes((lg.dim("n"), 1), (5,))
    (Dim(n), 5)
    """
    rank = max((len(shape) for shape in shapes), default=0)
    result: list[Extent] = [1] * rank
    for shape in shapes:
        for axis, extent in enumerate(shape, rank - len(shape)):
            if extent == 1 or (extent == result[axis]):
                continue
            if result[axis] != 1 and not could_be_same(result[axis], extent):
                raise ShapeError(f"extents {result[axis]} and {extent} of axis {axis - rank} do not broadcast")
            if result[axis] == 1 or isinstance(extent, int):
                result[axis] = extent
    return tuple(result)


def broadcast_value(value: Value, shape: Shape) -> Value:
    """The value repeated along its axes of extent 1 and along new leading ones; ShapeError where it does not fit."""
    if value.shape == shape:
        return value
    lead = len(shape) - value.type.rank
    if lead < 0 or any(
        extent != 1 and not could_be_same(extent, wanted) for extent, wanted in zip(value.shape, shape[max(lead, 0) :])
    ):
        raise ShapeError(f"{shape_text(value.shape)} does not broadcast to {shape_text(shape)}")
    kept = [axis for axis, extent in enumerate(value.shape) if extent != 1 or shape[lead + axis] == 1]
    if len(kept) < value.type.rank:
        value = emit("reshape", value, shape=tuple([value.shape[axis] for axis in kept]))
    value = aligned(value, tuple([shape[lead + axis] for axis in kept]))
    return (
        value
        if len(kept) == len(shape)
        else emit("broadcast", value, shape=shape, axes=tuple([lead + axis for axis in kept]))
    )


def broadcast(*values: Value) -> tuple[Value, ...]:
    """The values in their common shape."""
    shape = broadcast_shapes(*[each.shape for each in values])
    return tuple([broadcast_value(each, shape) for each in values])


def promoted(*operands: TensorLike | Dim) -> tuple[Value, ...]:
    """The operands as values of one dtype and one shape: what an elementwise op takes."""
    return broadcast(*same_dtype(*operands))


def scalar_like(number: Number, value: Value) -> Value:
    """A number in the type of a value."""
    return full(value.type, number)


# --- axes ------------------------------------------------------------------------------------------------------------


def as_axis(axis: Any, rank: int) -> int:
    """An axis counted from the front; ShapeError where there is no such axis."""
    if isinstance(axis, builtins.bool) or not hasattr(axis, "__index__"):
        raise TypeError(f"an axis is an int; found {axis!r}")
    number = axis.__index__()
    if not -rank <= number < rank:
        raise ShapeError(f"axis {number} is out of bounds for rank {rank}")
    return int(number) % rank


def as_axes(axis: Any, rank: int) -> tuple[int, ...]:
    """Axes counted from the front, increasing: all for None; ShapeError for one out of bounds or given twice."""
    if axis is None:
        return tuple(range(rank))
    found = sorted(as_axis(each, rank) for each in (axis if isinstance(axis, list | tuple) else [axis]))
    if len(set(found)) < len(found):
        raise ShapeError(f"axis {axis} names an axis twice")
    return tuple(found)

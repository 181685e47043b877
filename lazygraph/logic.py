"""Comparisons, choices, and operations on bits and truth values, element by element.

In: tensors, arrays, numbers. Out: bool tensors, or integers for the bit operations.
"""

from __future__ import annotations

import math
from typing import overload

import lazygraph as lg
from lazygraph.compiler.ir.errors import DTypeError
from lazygraph.compiler.ir.graph import TensorType, Value
from lazygraph.compiler.ops.compose import emit
from lazygraph.compiler.ops.record import full
from lazygraph.frames import traced
from lazygraph.parts import holds_of_parts
from lazygraph.promotion import (
    broadcast,
    broadcast_value,
    cast,
    common_dtype,
    is_weak,
    promoted,
    same_dtype,
    scalar,
    scalar_like,
    side_of,
    value_of,
)
from lazygraph.runtime import dtypes
from lazygraph.tensor import Tensor, TensorLike

__all__ = [
    "bitwise_and",
    "bitwise_invert",
    "bitwise_left_shift",
    "bitwise_not",
    "bitwise_or",
    "bitwise_right_shift",
    "bitwise_xor",
    "equal",
    "greater",
    "greater_equal",
    "invert",
    "isfinite",
    "isinf",
    "isnan",
    "left_shift",
    "less",
    "less_equal",
    "logical_and",
    "logical_not",
    "logical_or",
    "logical_xor",
    "not_equal",
    "right_shift",
    "where",
]


@overload
def where(condition: TensorLike, x: TensorLike, y: TensorLike) -> Tensor: ...


@overload
def where(condition: TensorLike) -> tuple[Tensor, ...]: ...


@traced
def where(
    condition: TensorLike, x: TensorLike | None = None, y: TensorLike | None = None
) -> Tensor | tuple[Tensor, ...]:
    """x where the condition holds, else y; all three broadcast. A number as condition holds where it is not 0.

    The derivative goes to the chosen side alone. Of the condition alone `nonzero`, the places where it holds.

    >>> import lazygraph as lg
    >>> lg.where([True, False], 1, [5, 6]).eval()
    array([1, 6])
    """
    if x is None and y is None:
        return lg.nonzero(condition)
    if x is None or y is None:
        raise ValueError("expected both x and y, or neither")
    return Tensor(emit("select", *broadcast(as_bool(value_of(condition)), *same_dtype(x, y))))


# --- comparisons -----------------------------------------------------------------------------------------------------


def as_bool(value: Value) -> Value:
    """Truth values as they are, numbers as != 0."""
    return value if value.dtype.kind == "bool" else emit("not", emit("eq", value, scalar_like(0, value)))


def _comparable(x: TensorLike, y: TensorLike) -> tuple[Value, ...]:
    """The operands in one type; a Python integer beyond a tensor's dtype is beyond all of its elements."""
    if is_weak(x) == is_weak(y):
        return promoted(x, y)
    tensor = value_of(y if is_weak(x) else x)
    sides = [side_of(each, common_dtype([tensor, each])) for each in (x, y) if is_weak(each)]
    if sides == [0]:
        return promoted(x, y)
    element, number = (full(TensorType(dtypes.int32, tensor.shape), each) for each in (0, *sides))
    return (number, element) if is_weak(x) else (element, number)


def _ordered(op: str, x: TensorLike, y: TensorLike) -> Tensor:
    left, right = _comparable(x, y)
    if left.dtype.kind == "bool":
        left, right = cast(left, dtypes.int32), cast(right, dtypes.int32)
    return Tensor(emit(op, left, right))


@traced
def equal(x: TensorLike, y: TensorLike) -> Tensor:
    """x == y; false where one is NaN, and of a Python integer that the other's dtype does not hold."""
    return Tensor(emit("eq", *_comparable(x, y)))


@traced
def not_equal(x: TensorLike, y: TensorLike) -> Tensor:
    """x != y; true where one is NaN."""
    return Tensor(emit("not", emit("eq", *_comparable(x, y))))


@traced
def less(x: TensorLike, y: TensorLike) -> Tensor:
    """x < y; false where one is NaN.

    >>> import lazygraph as lg
    >>> lg.less([1, 2, 3], 2).eval()
    array([ True, False, False])
    """
    return _ordered("lt", x, y)


@traced
def less_equal(x: TensorLike, y: TensorLike) -> Tensor:
    """x <= y; false where one is NaN."""
    return _ordered("le", x, y)


@traced
def greater(x: TensorLike, y: TensorLike) -> Tensor:
    """x > y; false where one is NaN."""
    return _ordered("lt", y, x)


@traced
def greater_equal(x: TensorLike, y: TensorLike) -> Tensor:
    """x >= y; false where one is NaN."""
    return _ordered("le", y, x)


def _of_float(x: TensorLike, test: str, otherwise: bool) -> Tensor:
    """How |x| compares with infinity, for a float, and for both or one of a complex number's parts; a constant for the
    rest."""
    value = value_of(x)
    if not value.dtype.is_differentiable:
        return Tensor(broadcast_value(scalar(otherwise, dtypes.bool_), value.shape))
    join = "and" if otherwise else "or"
    return Tensor(holds_of_parts(lambda part: emit(test, emit("abs", part), scalar_like(math.inf, part)), value, join))


@traced
def isfinite(x: TensorLike) -> Tensor:
    """Whether x is neither infinite nor NaN; of a complex number, whether neither part is."""
    return _of_float(x, "lt", True)


@traced
def isinf(x: TensorLike) -> Tensor:
    """Whether x is inf or -inf; of a complex number, whether a part is."""
    return _of_float(x, "eq", False)


@traced
def isnan(x: TensorLike) -> Tensor:
    """Whether x is NaN; of a complex number, whether a part is."""
    value = value_of(x)
    return Tensor(emit("not", emit("eq", value, value)))


# --- truth values and bits -------------------------------------------------------------------------------------------


def _logical(op: str, x: TensorLike, y: TensorLike) -> Tensor:
    return Tensor(emit(op, *broadcast(as_bool(value_of(x)), as_bool(value_of(y)))))


@traced
def logical_and(x: TensorLike, y: TensorLike) -> Tensor:
    """Whether both hold; numbers hold where they are not 0."""
    return _logical("and", x, y)


@traced
def logical_or(x: TensorLike, y: TensorLike) -> Tensor:
    """Whether one of them holds; numbers hold where they are not 0."""
    return _logical("or", x, y)


@traced
def logical_xor(x: TensorLike, y: TensorLike) -> Tensor:
    """Whether exactly one of them holds; numbers hold where they are not 0."""
    return _logical("xor", x, y)


@traced
def logical_not(x: TensorLike) -> Tensor:
    """Whether x does not hold; numbers hold where they are not 0."""
    return Tensor(emit("not", as_bool(value_of(x))))


def _bits(op: str, x: TensorLike, y: TensorLike, kinds: tuple[str, ...] = ("bool", "int", "uint")) -> Tensor:
    left, right = promoted(x, y)
    if left.dtype.kind not in kinds:
        raise DTypeError(f"expected {' or '.join(kinds)} operands, found {left.dtype} after promotion")
    return Tensor(emit(op, left, right))


@traced
def bitwise_and(x: TensorLike, y: TensorLike) -> Tensor:
    """Bits set in both; of bools, whether both hold."""
    return _bits("and", x, y)


@traced
def bitwise_or(x: TensorLike, y: TensorLike) -> Tensor:
    """Bits set in one of them; of bools, whether one holds."""
    return _bits("or", x, y)


@traced
def bitwise_xor(x: TensorLike, y: TensorLike) -> Tensor:
    """Bits set in exactly one of them; of bools, whether exactly one holds."""
    return _bits("xor", x, y)


@traced
def bitwise_invert(x: TensorLike) -> Tensor:
    """Every bit inverted; of bools, the negation."""
    value = value_of(x)
    if value.dtype.is_differentiable:
        raise DTypeError("expected bool, int or uint operands")
    return Tensor(emit("not", value))


bitwise_not = invert = bitwise_invert


@traced
def bitwise_left_shift(x: TensorLike, y: TensorLike) -> Tensor:
    """x * 2**y by moving bits up; 0 where y is negative or at least the number of bits.

    >>> import lazygraph as lg
    >>> lg.bitwise_left_shift([1, 1], [4, 64]).eval()
    array([16,  0])
    """
    return _bits("shl", x, y, ("int", "uint"))


@traced
def bitwise_right_shift(x: TensorLike, y: TensorLike) -> Tensor:
    """floor(x / 2**y) by moving bits down; only the sign is left where y is negative or at least the number of bits."""
    return _bits("shr", x, y, ("int", "uint"))


left_shift, right_shift = bitwise_left_shift, bitwise_right_shift

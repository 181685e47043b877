"""Rounding to integers, element by element, with NumPy's names.

In: tensors, arrays, numbers. Out: tensors of the same dtype: integers and bools stay as they are, infinities and NaN
too, and a zero keeps its sign.
"""

from __future__ import annotations

from lazygraph.compiler.ops.compose import emit
from lazygraph.frames import traced
from lazygraph.promotion import scalar_like, value_of
from lazygraph.tensor import Tensor, TensorLike

__all__ = [
    "ceil",
    "floor",
    "round",
    "trunc",
]


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
    return Tensor(emit("select", emit("lt", value, scalar_like(0, value)), emit("ceil", value), emit("floor", value)))

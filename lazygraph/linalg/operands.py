"""Operands of linear algebra: matrices in the last two axes, of a dtype that can be divided.

In: tensors, arrays, numbers. Out: values; integers and bools become float64, half types are refused. Errors name the
shape that was found.
"""

from __future__ import annotations

from lazygraph.compiler.ir.dims import compare_equal
from lazygraph.compiler.ir.errors import DTypeError, ShapeError
from lazygraph.compiler.ir.graph import Value
from lazygraph.compiler.ops.halves import HALVES
from lazygraph.errors import shape_text
from lazygraph.promotion import as_float, broadcast_shapes, broadcast_value, same_dtype, value_of
from lazygraph.tensor import Tensor, TensorLike


def matrix(x: TensorLike) -> Value:
    """A tensor of two or more axes."""
    value = value_of(x)
    if value.type.rank < 2:
        raise ShapeError(f"expected matrices in the last two axes, found {shape_text(value.shape)}")
    return value


def square(x: TensorLike) -> Value:
    """Matrices with as many rows as columns, known when the graph is built."""
    value = matrix(x)
    if not compare_equal(value.shape[-2], value.shape[-1]):
        raise ShapeError(f"expected square matrices, found {shape_text(value.shape)}")
    return value


def divisible(value: Value) -> Value:
    """float32, float64, complex64 or complex128; integers and bools as float64."""
    found = as_float(value)
    if found.dtype in HALVES:
        raise DTypeError(f"expected float32, float64 or complex numbers, found {found.dtype}: cast it")
    return found


def matrices(*operands: TensorLike) -> tuple[Tensor, ...]:
    """Operands of one dtype that can be divided, their axes before the last two broadcast."""
    values = [divisible(each) for each in same_dtype(*operands)]
    for each in values:
        matrix(Tensor(each))
    lead = broadcast_shapes(*[each.shape[:-2] for each in values])
    return tuple([Tensor(broadcast_value(each, (*lead, *each.shape[-2:]))) for each in values])

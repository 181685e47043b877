"""Operands of special functions: floats of one dtype, half types as float32.

In: tensors, arrays, numbers, and a formula over tensors of float32 or float64. Out: the formula's result in the dtype
that the operands promote to.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from lazygraph.compiler.ops.compose import emit
from lazygraph.promotion import as_float, cast, promoted
from lazygraph.runtime.dtypes import float64
from lazygraph.tensor import Tensor, TensorLike


def in_single(formula: Callable[..., Tensor], *operands: TensorLike) -> Tensor:
    """The formula of the operands, broadcast; integers and bools give float64."""
    values = [as_float(each) for each in promoted(*operands)]
    dtype = values[0].dtype
    return Tensor(cast(formula(*[Tensor(cast(each, dtype.computed_in)) for each in values]).value, dtype))


def in_double(formula: Callable[..., Tensor], *operands: TensorLike) -> Tensor:
    """The formula of the operands as float64, rounded: for formulas that narrow dtypes have too few digits for."""
    values = [as_float(each) for each in promoted(*operands)]
    return Tensor(cast(formula(*[Tensor(cast(each, float64)) for each in values]).value, values[0].dtype))


def apply(op: str, *operands: Tensor) -> Tensor:
    """One primitive of tensors."""
    return Tensor(emit(op, *[each.value for each in operands]))


def series(x: Tensor, coefficients: Sequence[float]) -> Tensor:
    """c[0] + c[1] x + c[2] x**2 + ... by Horner's rule."""
    total = x * 0.0 + coefficients[-1]
    for coefficient in reversed(coefficients[:-1]):
        total = total * x + coefficient
    return total

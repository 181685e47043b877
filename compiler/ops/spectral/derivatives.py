"""What the derivatives of decompositions share: the differences of values inverted, and where they stand.

In: values. Out: values of new nodes, linear in the tangents among them.
"""

from __future__ import annotations

import numpy as np

from lazygraph.compiler.ir.graph import TensorType, Value
from lazygraph.compiler.ops.compose import emit, spread
from lazygraph.compiler.ops.matrix.graph import adjoint
from lazygraph.compiler.ops.record import full, zeros

TIE = 16.0  # values are one value where they are no more than so many units of the greatest apart


def symmetric_part(x: Value) -> Value:
    """Of complex matrices the Hermitian part."""
    return emit("mul", full(x.type, 0.5), emit("add", x, adjoint(x)))


def of_dtype(x: Value, like: Value) -> Value:
    """Real numbers beside complex ones in complex, else as they are."""
    return emit("complex", x, zeros(x.type)) if like.dtype.is_complex else x


def column_products(x: Value, y: Value) -> Value:
    """The real part of x_j^H y_j for each column j."""
    pairs = [(x, y)]
    if x.dtype.is_complex:
        pairs = [(emit(part, x), emit(part, y)) for part in ("real", "imag")]
    products = [emit("mul", *pair) for pair in pairs]
    total = products[0] if len(products) == 1 else emit("add", *products)
    return emit("reduce_sum", total, axes=(x.type.rank - 2,))


def along_rows(x: Value, like: Value) -> Value:
    """x_j at (i, j) of a matrix like this."""
    rank = like.type.rank
    return spread(x, like.shape, (*range(rank - 2), rank - 1))


def unit_of(values: Value) -> Value:
    """How far values may lie apart that are one value, of each matrix: TIE units of the greatest; of values' shape."""
    rank = values.type.rank
    none, more = (0,) * rank, (*[0] * (rank - 1), 1)  # a 0 behind them: there may be no value
    zero = full(TensorType(values.dtype, ()), 0.0)
    greatest = emit(
        "reduce_max", emit("pad", emit("abs", values), zero, low=none, high=more, interior=none), axes=(rank - 1,)
    )
    unit = emit("mul", greatest, full(greatest.type, TIE * float(np.finfo(values.dtype.numpy).eps)))
    return spread(unit, values.shape, tuple(range(rank - 1)))


def inverted(differences: Value, unit: Value) -> Value:
    """1 / x, and 0 where |x| is at most the unit."""
    tie = emit("le", emit("abs", differences), unit)
    zero, one = full(differences.type, 0.0), full(differences.type, 1.0)
    return emit("select", tie, zero, emit("div", one, emit("select", tie, one, differences)))


def apart(values: Value) -> Value:
    """1 / (w_j - w_i) at (i, j), 0 where they are one value."""
    mine, other = _pairs(values)
    return inverted(emit("sub", other, mine), _unit_of_pairs(values))


def _pairs(values: Value) -> tuple[Value, Value]:
    """w_i and w_j at (i, j)."""
    square = (*values.shape, values.shape[-1])
    rank = len(square)
    return spread(values, square, tuple(range(rank - 1))), spread(values, square, (*range(rank - 2), rank - 1))


def _unit_of_pairs(values: Value) -> Value:
    square = (*values.shape, values.shape[-1])
    return spread(unit_of(values), square, tuple(range(len(square) - 1)))


def inverse(values: Value) -> Value:
    """1 / s, 0 where a value is 0 beside the greatest."""
    return inverted(values, unit_of(values))


def sums_inverted(values: Value) -> Value:
    """1 / (s_i + s_j) at (i, j), 0 where both are 0 beside the greatest."""
    mine, other = _pairs(values)
    return inverted(emit("add", mine, other), _unit_of_pairs(values))

"""Formulas over matrices as nodes, for derivative rules: products, adjoints, triangles, parts.

In: values whose last two axes are matrices, any axes before them equal. Out: values.
"""

from __future__ import annotations

from lazygraph.compiler.ir.dims import Extent, Shape
from lazygraph.compiler.ir.errors import DTypeError, ShapeError
from lazygraph.compiler.ir.graph import Node, TensorType, Value
from lazygraph.compiler.ops.compose import batched_input, emit, permuted
from lazygraph.compiler.ops.halves import HALVES
from lazygraph.compiler.ops.record import apply, full, zeros
from lazygraph.compiler.ops.refusals import reason
from lazygraph.compiler.ops.type_rules import require_dtype, require_equal
from lazygraph.runtime.dtypes import int64


def require_matrix(op: str, what: str, found: TensorType) -> tuple[Shape, Extent, Extent]:
    """(leading extents, rows, columns) of an operand of two or more axes and float or complex dtype."""
    kinds = ("float", "complex")
    require_dtype(op, what, found.dtype, kinds)
    if found.dtype in HALVES:
        why = reason(kinds, "float")
        raise DTypeError(f"{op}: {what}: expected float32, float64 or complex numbers, found {found.dtype}: {why}")
    if found.rank < 2:
        raise ShapeError(f"{op}: {what}: expected matrices in the last two axes, found {found}")
    return found.shape[:-2], found.shape[-2], found.shape[-1]


def require_square(op: str, what: str, found: TensorType) -> tuple[Shape, Extent]:
    """(leading extents, rows) of an operand as `require_matrix` takes it with as many columns as rows."""
    lead, rows, columns = require_matrix(op, what, found)
    require_equal(op, "rows and columns", rows, columns)
    return lead, rows


def batch_of_matrices(
    node: Node, inputs: tuple[Value, ...], batched: tuple[bool, ...], size: Extent
) -> tuple[Value, ...]:
    """The batching rule of ops over the last axes: one more axis before them."""
    return apply(node.op, [batched_input(x, has, size) for x, has in zip(inputs, batched)], node.attributes)


def product(x: Value, y: Value) -> Value:
    """x @ y."""
    rank = x.type.rank
    lead = tuple(range(rank - 2))
    return emit("dot", x, y, batch=(lead, lead), contract=((rank - 1,), (rank - 2,)), accumulate=x.dtype)


def transposed(x: Value) -> Value:
    rank = x.type.rank
    return permuted(x, (*range(rank - 2), rank - 1, rank - 2))


def conjugated(x: Value) -> Value:
    return emit("complex", emit("real", x), emit("neg", emit("imag", x))) if x.dtype.is_complex else x


def adjoint(x: Value) -> Value:
    return conjugated(transposed(x))


def _difference(shape: Shape) -> Value:
    """Column less row at each place."""
    rank = len(shape)
    row, column = (emit("iota", dtype=int64, shape=shape, axis=axis) for axis in (rank - 2, rank - 1))
    return emit("sub", column, row)


def lower_triangle(x: Value, offset: int = 0) -> Value:
    """x where column - row <= offset, else 0."""
    kept = _difference(x.shape)
    return emit("select", emit("le", kept, full(kept.type, offset)), x, zeros(x.type))


def upper_triangle(x: Value, offset: int = 0) -> Value:
    """x where column - row >= offset, else 0."""
    kept = _difference(x.shape)
    return emit("select", emit("le", full(kept.type, offset), kept), x, zeros(x.type))


def diagonal_scaled(x: Value, factor: float) -> Value:
    """x with its diagonal multiplied by a number."""
    kept = _difference(x.shape)
    on = emit("eq", kept, zeros(kept.type))
    return emit("select", on, emit("mul", x, full(x.type, factor)), x)


def imaginary_diagonal(x: Value) -> Value:
    """i times the imaginary part of x's diagonal as a diagonal matrix; x is complex."""
    imaginary = emit("imag", x)
    kept = _difference(x.shape)
    on = emit("eq", kept, zeros(kept.type))
    nothing = zeros(imaginary.type)
    return emit("complex", nothing, emit("select", on, imaginary, nothing))


def part(x: Value, rows: tuple[Extent, Extent], columns: tuple[Extent, Extent]) -> Value:
    """x[..., first:stop, first:stop]."""
    lead = x.shape[:-2]
    starts = (*[0] * len(lead), rows[0], columns[0])
    stops = (*lead, rows[1], columns[1])
    if all(start == 0 for start in starts) and stops == x.shape:
        return x
    return emit("slice", x, starts=starts, stops=stops, steps=(1,) * len(stops))


def padded(x: Value, rows: tuple[Extent, Extent], columns: tuple[Extent, Extent]) -> Value:
    """x with so many rows and columns of zeros before and after it."""
    if (*rows, *columns) == (0, 0, 0, 0):
        return x
    none = (0,) * (x.type.rank - 2)
    zero = full(TensorType(x.dtype, ()), 0)
    low, high = (*none, rows[0], columns[0]), (*none, rows[1], columns[1])
    return emit("pad", x, zero, low=low, high=high, interior=(0,) * x.type.rank)


def rows_taken(x: Value, permutation: Value) -> Value:
    """x[..., permutation, :], a permutation for each matrix."""
    lead = len(x.shape) - 2
    counters = [emit("iota", dtype=int64, shape=permutation.shape, axis=axis) for axis in range(lead)]
    return emit("gather", x, *counters, permutation, axes=tuple(range(lead + 1)), mode="clip")


def identity_like(x: Value) -> Value:
    """The identity of x's type."""
    kept = _difference(x.shape)
    return emit("select", emit("eq", kept, zeros(kept.type)), full(x.type, 1), zeros(x.type))

"""Shared pieces of type rules: comparing symbolic extents, checking axes, arity and dtypes.

In: operand types and attributes as a record's type rule gets them. Out: nothing where they fit, else a ShapeError or
DTypeError that names the op, what it expects and what it found. An equality of extents that cannot be decided when the
graph is built is an error too: the front inserts the run-time check before it makes the node.
"""

from __future__ import annotations

from collections.abc import Sequence

from lazygraph.compiler.ir.dims import Dim, Extent, Shape, Symbol, compare_equal, prove_nonnegative
from lazygraph.compiler.ir.errors import DTypeError, ShapeError, shape_text
from lazygraph.compiler.ir.graph import TensorType
from lazygraph.compiler.ops.refusals import reason
from lazygraph.runtime.dtypes import DType


def require_operands(op: str, types: Sequence[TensorType], count: int) -> None:
    if len(types) != count:
        raise ShapeError(f"{op}: expected {count} operand{'s' * (count != 1)}, found {len(types)}")


def require_equal(op: str, what: str, left: Extent, right: Extent) -> None:
    """left == right for all values of the dims, else an error that names both."""
    equal = compare_equal(left, right)
    if equal is None:
        raise ShapeError(f"{op}: {what}: whether {left} equals {right} is not known when the graph is built")
    if not equal:
        raise ShapeError(f"{op}: {what}: expected equal extents, found {left} and {right}")


def require_equal_shapes(op: str, what: str, left: Shape, right: Shape) -> None:
    if len(left) != len(right):
        raise ShapeError(f"{op}: {what}: expected equal ranks, found {shape_text(left)} and {shape_text(right)}")
    for axis, (mine, other) in enumerate(zip(left, right)):
        require_equal(op, f"{what}, axis {axis}", mine, other)


def require_at_most(op: str, what: str, low: Extent, high: Extent) -> None:
    """low <= high for all values of the dims."""
    if not prove_nonnegative(high - low):
        decided = isinstance(high - low, int)
        found = f"found {low} > {high}" if decided else f"whether {low} <= {high} is not known when the graph is built"
        raise ShapeError(f"{op}: {what}: {found}{bound_to_declare(high - low)}")


def bound_to_declare(margin: Extent) -> str:
    """The end of a message: the least bound of a dim that makes this extent >= 0; nothing where no single one does."""
    found = dict(margin.terms) if isinstance(margin, Dim) else {}
    below = -found.pop((), 0)
    if len(found) != 1:
        return ""
    (((*atoms,), factor),) = found.items()
    if factor < 0 or below <= 0 or len(atoms) != 1 or not isinstance(atoms[0], Symbol):
        return ""
    return f': declare lg.dim("{atoms[0]}", min={-(-below // factor)})'


def require_axes(op: str, axes: object, rank: int, *, what: str = "axes", increasing: bool = True) -> tuple[int, ...]:
    """A tuple of distinct axes of a tensor of this rank, in increasing order where that is asked."""
    valid = isinstance(axes, tuple) and all(
        isinstance(axis, int) and not isinstance(axis, bool) and 0 <= axis < rank for axis in axes
    )
    if not valid:
        raise ShapeError(f"{op}: {what}: expected a tuple of axes in 0 .. {rank - 1}, found {axes!r}")
    assert isinstance(axes, tuple)
    if len(set(axes)) != len(axes):
        raise ShapeError(f"{op}: {what}: expected distinct axes, found {axes}")
    if increasing and list(axes) != sorted(axes):
        raise ShapeError(f"{op}: {what}: expected axes in increasing order, found {axes}")
    return axes


def require_axis(op: str, axis: object, rank: int) -> int:
    if not isinstance(axis, int) or isinstance(axis, bool) or not 0 <= axis < rank:
        raise ShapeError(f"{op}: axis: expected one of 0 .. {rank - 1}, found {axis!r}")
    return axis


def require_shape(op: str, shape: object, *, what: str = "shape") -> Shape:
    """A tuple of extents none of which is known to be negative."""
    if not isinstance(shape, tuple) or not all(isinstance(each, int | Dim) for each in shape):
        raise ShapeError(f"{op}: {what}: expected a tuple of extents, found {shape!r}")
    for extent in shape:
        if isinstance(extent, int) and extent < 0:
            raise ShapeError(f"{op}: {what}: expected extents >= 0, found {shape_text(shape)}")
    return shape


def require_dtype(op: str, what: str, found: DType, kinds: Sequence[str]) -> None:
    """The dtype is of one of these kinds ("bool", "int", "uint", "float")."""
    if found.kind not in kinds:
        why = reason(kinds, found.kind)
        raise DTypeError(f"{op}: {what}: expected a dtype of kind {' or '.join(kinds)}, found {found}: {why}")


def require_same_dtype(op: str, what: str, left: DType, right: DType) -> None:
    if left != right:
        raise DTypeError(f"{op}: {what}: expected equal dtypes, found {left} and {right}")

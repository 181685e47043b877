"""Products of tensors that sum over shared axes: all of them are one op, the general dot.

In: tensors, promoted to one dtype. Out: tensors of that dtype, in which sums accumulate; those of fewer than 32 bits
accumulate in 32 (wrapping at the end is wrapping throughout). Products of bools are ands, and sums of them ors.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Union

from lazygraph.compiler.ir.errors import ShapeError
from lazygraph.compiler.ir.graph import Value
from lazygraph.compiler.ops.compose import emit
from lazygraph.dims import aligned, could_be_same
from lazygraph.frames import traced
from lazygraph.logic import as_bool
from lazygraph.manipulation import permuted, reshaped
from lazygraph.parts import conjugate
from lazygraph.promotion import as_axis, broadcast_shapes, broadcast_value, cast, same_dtype
from lazygraph.runtime import dtypes
from lazygraph.runtime.dtypes import DType
from lazygraph.tensor import Tensor, TensorLike

__all__ = ["dot", "inner", "matmul", "outer", "tensordot", "vecdot"]

_ACCUMULATORS = {"int": dtypes.int32, "uint": dtypes.uint32, "float": dtypes.float32}
ContractedAxes = Union[int, tuple[Union[int, Sequence[int]], Union[int, Sequence[int]]]]


def accumulator(dtype: DType) -> DType:
    """The dtype in which products of tensors of this one are summed."""
    return _ACCUMULATORS[dtype.kind] if dtype.itemsize < 4 else dtype


def contract(
    left: Value, right: Value, contracted: tuple[tuple[int, ...], tuple[int, ...]], batch: tuple[int, ...] = ()
) -> Value:
    """The general dot over these axes, the axes `batch` of both side by side; ShapeError where extents differ.

    Of bools whether some pair holds: their products are counted as float32, which may round but never return to 0.
    """
    if left.dtype.kind == "bool":
        left, right = cast(left, dtypes.float32), cast(right, dtypes.float32)
        return as_bool(contract(left, right, contracted, batch))
    wanted = list(right.shape)
    for i, j in zip(*contracted):
        if not could_be_same(left.shape[i], right.shape[j]):
            raise ShapeError("inner extents differ")
        wanted[j] = left.shape[i]
    right = aligned(right, tuple(wanted))
    return emit("dot", left, right, batch=(batch, batch), contract=contracted, accumulate=accumulator(left.dtype))


@traced
def matmul(x: TensorLike, y: TensorLike) -> Tensor:
    """The matrix product x @ y: of the last two axes, the ones before them broadcast; a vector is a row or a column.

    (..., m, k) @ (..., k, n) -> (..., m, n); of bools, whether some k holds in both. Raises ShapeError where k differs
    or an operand is a scalar.

    >>> import lazygraph as lg
    >>> lg.matmul([[1, 2], [3, 4]], [1, 1]).eval()
    array([3, 7])
    """
    left, right = same_dtype(x, y)
    if not left.shape or not right.shape:
        raise ShapeError("expected at least one axis; multiply scalars with *")
    if left.type.rank == 1 or right.type.rank <= 2:
        place = max(right.type.rank - 2, 0)
        product = contract(left, right, ((left.type.rank - 1,), (place,)))
        return Tensor(product)  # a vector times a batch leaves the batch's own axes in order
    if right.type.rank == 1:
        return Tensor(contract(left, right, ((left.type.rank - 1,), (0,))))
    lead = broadcast_shapes(left.shape[:-2], right.shape[:-2])
    left = broadcast_value(left, (*lead, *left.shape[-2:]))
    right = broadcast_value(right, (*lead, *right.shape[-2:]))
    batch = tuple(range(len(lead)))
    return Tensor(contract(left, right, ((left.type.rank - 1,), (right.type.rank - 2,)), batch))


@traced
def dot(x: TensorLike, y: TensorLike) -> Tensor:
    """NumPy's dot: the last axis of x with the last but one of y (the only one of a vector); scalars multiply."""
    left, right = same_dtype(x, y)
    if not left.shape or not right.shape:
        return Tensor(left) * Tensor(right)
    return Tensor(contract(left, right, ((left.type.rank - 1,), (max(right.type.rank - 2, 0),))))


@traced
def vecdot(x: TensorLike, y: TensorLike, axis: int = -1) -> Tensor:
    """Dot products of vectors along an axis that both have, complex numbers of x conjugated; the other axes broadcast.

    >>> import lazygraph as lg
    >>> lg.vecdot([[1, 2], [3, 4]], [1, 10]).eval()
    array([21, 43])
    """
    left, right = same_dtype(x, y)
    if axis >= 0:
        raise ShapeError(f"the axis is counted from the end, expected a negative number, found {axis}")
    sides = []
    for each in (conjugate(left), right):
        place = as_axis(axis, each.type.rank)
        sides.append(permuted(each, [*[at for at in range(each.type.rank) if at != place], place]))
    lead = broadcast_shapes(sides[0].shape[:-1], sides[1].shape[:-1])
    left, right = (broadcast_value(each, (*lead, each.shape[-1])) for each in sides)
    last, batch = len(lead), tuple(range(len(lead)))
    return Tensor(contract(left, right, ((last,), (last,)), batch))


@traced
def inner(x: TensorLike, y: TensorLike) -> Tensor:
    """Sums over the last axes of both; scalars multiply."""
    left, right = same_dtype(x, y)
    if not left.shape or not right.shape:
        return Tensor(left) * Tensor(right)
    return Tensor(contract(left, right, ((left.type.rank - 1,), (right.type.rank - 1,))))


@traced
def outer(x: TensorLike, y: TensorLike) -> Tensor:
    """Every product of an element of x with one of y, both flattened: out[i, j] = x[i] * y[j]."""
    left, right = (Tensor(each).ravel() for each in same_dtype(x, y))
    column, row = reshaped(left.value, (*left.shape, 1)), reshaped(right.value, (1, *right.shape))
    return Tensor(column) * Tensor(row)


@traced
def tensordot(x: TensorLike, y: TensorLike, axes: ContractedAxes = 2) -> Tensor:
    """Sums over pairs of axes: the last `axes` of x with the first of y, or those of a pair of sequences.

    >>> import lazygraph as lg
    >>> lg.tensordot(lg.zeros((2, 3, 4)), lg.zeros((4, 3, 5)), axes=((1, 2), (1, 0))).shape
    (2, 5)
    """
    left, right = same_dtype(x, y)
    if isinstance(axes, int):
        if axes > min(left.type.rank, right.type.rank) or axes < 0:
            raise ShapeError(f"{axes} axes are summed over, more than an operand has")
        pair: list[Sequence[int]] = [range(left.type.rank - axes, left.type.rank), range(axes)]
    else:
        pair = [(each,) if isinstance(each, int) else each for each in axes]
    mine = tuple([as_axis(axis, left.type.rank) for axis in pair[0]])
    other = tuple([as_axis(axis, right.type.rank) for axis in pair[1]])
    if len(mine) != len(other) or len({*mine}) != len(mine) or len({*other}) != len(other):
        raise ShapeError(f"expected pairs of distinct axes, found {axes}")
    return Tensor(contract(left, right, (mine, other)))

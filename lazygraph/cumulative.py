"""Running sums and products along an axis, and differences of neighbours, under NumPy's and the Array API's names.

In: tensors. Out: tensors. Elements are combined one after the other, as in NumPy. `axis=None` takes the flattened
tensor.
"""

from __future__ import annotations

import operator

from numpy.typing import DTypeLike

from lazygraph.compiler.ir import dims
from lazygraph.compiler.ir.errors import ShapeError
from lazygraph.compiler.ir.graph import TensorType, Value
from lazygraph.compiler.ops.compose import emit
from lazygraph.compiler.ops.record import full
from lazygraph.frames import composite, traced
from lazygraph.manipulation import reshaped, sliced
from lazygraph.promotion import as_axis, broadcast_value, same_dtype, value_of
from lazygraph.reductions import accumulated
from lazygraph.runtime.dtypes import DType
from lazygraph.tensor import Tensor, TensorLike

__all__ = ["cumprod", "cumsum", "cumulative_prod", "cumulative_sum", "diff"]


def _running(op: str, x: TensorLike, axis: int | None, dtype: DTypeLike | DType | None) -> tuple[Value, int]:
    value = accumulated(value_of(x), dtype)
    if axis is None:
        value, axis = reshaped(value, (dims.product(value.shape),)), 0
    place = as_axis(axis, value.type.rank)
    return emit(op, value, axis=place, reverse=False), place


def _array_api(
    op: str, x: TensorLike, axis: int | None, dtype: DTypeLike | DType | None, initial: int | None
) -> Tensor:
    """The Array API's form: an axis must be named for rank 2 and more, and the identity may come first."""
    rank = value_of(x).type.rank
    if axis is None and rank != 1:
        raise ShapeError(f"expected an axis for a tensor of rank {rank}: only rank 1 has a single one")
    value, place = _running(op, x, 0 if axis is None else axis, dtype)
    if initial is None:
        return Tensor(value)
    first = (*value.shape[:place], 1, *value.shape[place + 1 :])
    return Tensor(emit("concat", full(TensorType(value.dtype, first), initial), value, axis=place))


@traced
def cumsum(x: TensorLike, axis: int | None = None, dtype: DTypeLike | DType | None = None) -> Tensor:
    """The sums of the elements up to each place of an axis; of the flattened elements for None.

    Integers and bools add as 64-bit integers unless told otherwise.

    >>> import lazygraph as lg
    >>> lg.cumsum([[1, 2], [3, 4]], axis=0).eval()
    array([[1, 2],
           [4, 6]])
    """
    return Tensor(_running("cumsum", x, axis, dtype)[0])


@traced
def cumprod(x: TensorLike, axis: int | None = None, dtype: DTypeLike | DType | None = None) -> Tensor:
    """The products of the elements up to each place of an axis; of the flattened elements for None.

    Integers and bools multiply as 64-bit integers unless told otherwise. Derivatives are right where factors are 0.

    >>> import lazygraph as lg
    >>> lg.cumprod([1, 2, 3, 4]).eval()
    array([ 1,  2,  6, 24])
    """
    return Tensor(_running("cumprod", x, axis, dtype)[0])


@traced
def cumulative_sum(
    x: TensorLike,
    *,
    axis: int | None = None,
    dtype: DTypeLike | DType | None = None,
    include_initial: bool = False,
) -> Tensor:
    """The sums of the elements up to each place of an axis, which may be left out at rank 1 only.

    `include_initial` puts the empty sum, 0, in front. Integers and bools add as 64-bit integers unless told otherwise.

    >>> import lazygraph as lg
    >>> lg.cumulative_sum([1, 2, 3], include_initial=True).eval()
    array([0, 1, 3, 6])
    """
    return _array_api("cumsum", x, axis, dtype, 0 if include_initial else None)


@traced
def cumulative_prod(
    x: TensorLike,
    *,
    axis: int | None = None,
    dtype: DTypeLike | DType | None = None,
    include_initial: bool = False,
) -> Tensor:
    """The products of the elements up to each place of an axis, which may be left out at rank 1 only.

    `include_initial` puts the empty product, 1, in front. Integers multiply as 64-bit ones unless told otherwise.

    >>> import lazygraph as lg
    >>> lg.cumulative_prod([2, 3, 4]).eval()
    array([ 2,  6, 24])
    """
    return _array_api("cumprod", x, axis, dtype, 1 if include_initial else None)


@composite
def diff(
    x: TensorLike,
    n: int = 1,
    axis: int = -1,
    prepend: TensorLike | None = None,
    append: TensorLike | None = None,
) -> Tensor:
    """x[i + 1] - x[i] along an axis, n times over; of bools, whether neighbours differ.

    `prepend` and `append` (scalars, or tensors with x's other extents) join x first. A symbolic extent must be known to
    be at least n.

    >>> import lazygraph as lg
    >>> lg.diff([1, 2, 4, 7]).eval()
    array([1, 2, 3])
    """
    times = operator.index(n)
    if times < 0:
        raise ValueError(f"n: expected a number >= 0, found {n}")
    if times == 0:
        return Tensor(value_of(x))
    given = [each for each in (prepend, x, append) if each is not None]
    values = list(same_dtype(*given))
    here = 0 if prepend is None else 1
    shape = values[here].shape
    place = as_axis(axis, len(shape))
    for at, each in enumerate(values):
        if at != here and each.shape == ():
            values[at] = broadcast_value(each, (*shape[:place], 1, *shape[place + 1 :]))
    value = values[0] if len(values) == 1 else emit("concat", *values, axis=place)
    for _ in range(times):
        value = _neighbours(value, place)
    return Tensor(value)


def _neighbours(value: Value, axis: int) -> Value:
    extent = value.shape[axis]
    if extent == 0:
        return value
    after, before = sliced(value, axis, 1, extent), sliced(value, axis, 0, extent - 1)
    if value.dtype.kind == "bool":
        return emit("xor", after, before)
    return emit("sub", after, before)

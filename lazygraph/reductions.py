"""Sums and other reductions over axes, with NumPy's names: all axes unless told, removed unless kept.

In: tensors. Out: tensors. A maximum over nothing is an error: when the graph is built where the extent is known, at run
time otherwise.
"""

from __future__ import annotations

from numpy.typing import DTypeLike

from lazygraph.compiler.ir import dims
from lazygraph.compiler.ir.graph import Value
from lazygraph.compiler.ops.compose import emit
from lazygraph.compiler.ops.record import full
from lazygraph.compiler.ops.reductions import nonempty
from lazygraph.dims import extent_value
from lazygraph.frames import composite, traced
from lazygraph.logic import as_bool
from lazygraph.manipulation import reshaped
from lazygraph.parts import by_parts, squared_modulus
from lazygraph.promotion import as_axes, as_axis, as_dtype, as_float, as_value, broadcast_value, cast, value_of
from lazygraph.runtime import dtypes
from lazygraph.runtime.dtypes import DType
from lazygraph.tensor import Axes, Tensor, TensorLike

__all__ = ["all", "amax", "amin", "any", "argmax", "argmin", "max", "mean", "min", "prod", "std", "sum", "var"]


def reduced(op: str, value: Value, axes: tuple[int, ...], keepdims: bool) -> Value:
    result = emit(op, value, axes=axes)
    return restored(result, value, axes) if keepdims else result


def restored(result: Value, value: Value, axes: tuple[int, ...]) -> Value:
    """A reduction of `value` with the reduced axes put back as extents of 1."""
    return reshaped(result, tuple([1 if axis in axes else extent for axis, extent in enumerate(value.shape)]))


def accumulated(value: Value, dtype: DTypeLike | DType | None) -> Value:
    """The operand in the dtype of its sum: NumPy adds bools and small integers as 64-bit ones."""
    if dtype is not None:
        return cast(value, as_dtype(dtype))
    widened = {"bool": dtypes.int64, "int": dtypes.int64, "uint": dtypes.uint64}
    return cast(value, widened.get(value.dtype.kind, value.dtype))


def _masked(value: Value, where: TensorLike | None, number: float) -> Value:
    """The value, with a number that changes nothing in place of the elements that are left out."""
    if where is None:
        return value
    mask = broadcast_value(as_bool(value_of(where)), value.shape)
    return emit("select", mask, value, full(value.type, number))


def _begun(result: Value, combine: str, initial: TensorLike | None) -> Tensor:
    """A reduction combined with what it begins with."""
    if initial is None:
        return Tensor(result)
    return Tensor(emit(combine, result, broadcast_value(as_value(initial, result.dtype), result.shape)))


@traced
def sum(
    x: TensorLike,
    axis: Axes = None,
    dtype: DTypeLike | DType | None = None,
    *,
    keepdims: bool = False,
    initial: TensorLike | None = None,
    where: TensorLike | None = None,
) -> Tensor:
    """The sum over the axes; 0 over nothing. Integers and bools add as 64-bit integers unless told otherwise.

    With `initial` added, and of the elements alone for which `where` holds.

    >>> import lazygraph as lg
    >>> lg.sum([[1, 2], [3, 4]], axis=0).eval()
    array([4, 6])
    """
    value = _masked(accumulated(value_of(x), dtype), where, 0)
    return _begun(reduced("reduce_sum", value, as_axes(axis, value.type.rank), keepdims), "add", initial)


@traced
def prod(
    x: TensorLike,
    axis: Axes = None,
    dtype: DTypeLike | DType | None = None,
    *,
    keepdims: bool = False,
    initial: TensorLike | None = None,
    where: TensorLike | None = None,
) -> Tensor:
    """The product over the axes; 1 over nothing. Integers and bools multiply as 64-bit integers unless told.

    Times `initial`, and of the elements alone for which `where` holds.
    """
    value = _masked(accumulated(value_of(x), dtype), where, 1)
    return _begun(reduced("reduce_prod", value, as_axes(axis, value.type.rank), keepdims), "mul", initial)


def _extreme(
    op: str,
    of_bools: str,
    x: TensorLike,
    axis: Axes,
    keepdims: bool,
    initial: TensorLike | None,
    where: TensorLike | None,
) -> Tensor:
    value = value_of(x)
    axes = as_axes(axis, value.type.rank)
    if initial is None:
        if where is not None:
            raise ValueError(f"where: {op.removeprefix('reduce_')} of no element needs initial=")
        value = nonempty(value, axes, op.removeprefix("reduce_"))
    else:
        value = _with_one_more(value, axes, as_value(initial, value.dtype), where)
    op = of_bools if value.dtype.kind == "bool" else op
    if initial is not None and not axes:
        return _begun(value, op.removeprefix("reduce_"), initial)
    return Tensor(reduced(op, value, axes, keepdims))


def _with_one_more(value: Value, axes: tuple[int, ...], initial: Value, where: TensorLike | None) -> Value:
    """The value with `initial` in place of what is left out, and behind the elements that are reduced, if it is."""
    if where is not None:
        mask = broadcast_value(as_bool(value_of(where)), value.shape)
        value = emit("select", mask, value, broadcast_value(initial, value.shape))
    none = (0,) * value.type.rank
    more = tuple([int(axis in axes) for axis in range(value.type.rank)])
    return emit("pad", value, initial, low=none, high=more, interior=none)


@traced
def max(
    x: TensorLike,
    axis: Axes = None,
    *,
    keepdims: bool = False,
    initial: TensorLike | None = None,
    where: TensorLike | None = None,
) -> Tensor:
    """The greatest element over the axes; NaN where one is NaN. ShapeError where there is none, and no `initial`.

    `initial` takes part; with it, elements for which `where` does not hold take none. Where several are greatest, they
    share the derivative.
    """
    return _extreme("reduce_max", "reduce_or", x, axis, keepdims, initial, where)


@traced
def min(
    x: TensorLike,
    axis: Axes = None,
    *,
    keepdims: bool = False,
    initial: TensorLike | None = None,
    where: TensorLike | None = None,
) -> Tensor:
    """The least element over the axes; NaN where one is NaN. ShapeError where there is none, and no `initial`.

    `initial` takes part; with it, elements for which `where` does not hold take none. Where several are least, they
    share the derivative.
    """
    return _extreme("reduce_min", "reduce_and", x, axis, keepdims, initial, where)


amax, amin = max, min


@traced
def any(x: TensorLike, axis: Axes = None, *, keepdims: bool = False, where: TensorLike | None = None) -> Tensor:
    """Whether one element over the axes holds (is not 0), of those for which `where` does; false over nothing."""
    value = _masked(as_bool(value_of(x)), where, False)
    return Tensor(reduced("reduce_or", value, as_axes(axis, value.type.rank), keepdims))


@traced
def all(x: TensorLike, axis: Axes = None, *, keepdims: bool = False, where: TensorLike | None = None) -> Tensor:
    """Whether every element over the axes holds (is not 0), of those for which `where` does; true over nothing."""
    value = _masked(as_bool(value_of(x)), where, True)
    return Tensor(reduced("reduce_and", value, as_axes(axis, value.type.rank), keepdims))


# --- moments ---------------------------------------------------------------------------------------------------------


def moments_of(x: TensorLike, dtype: DTypeLike | DType | None) -> tuple[Value, DType]:
    """The operand in the dtype that its moments are computed in, and the dtype of the result.

    Sums of halves, and the numbers of their elements, may be greater than any half.
    """
    value = value_of(x)
    wanted = as_float(value).dtype if dtype is None else as_dtype(dtype)
    return cast(value, wanted.computed_in), wanted


def _count(value: Value, axes: tuple[int, ...], where: TensorLike | None) -> Value:
    """How many elements are reduced to one, in the real dtype of the value."""
    if where is None:
        return extent_value(dims.product([value.shape[axis] for axis in axes]), value.dtype.part)
    mask = broadcast_value(as_bool(value_of(where)), value.shape)
    return emit("reduce_sum", cast(mask, value.dtype.part), axes=axes)


def _over(total: Value, count: Value) -> Value:
    return by_parts(lambda part: part / broadcast_value(count, total.shape), total)


def _mean(value: Value, axes: tuple[int, ...], where: TensorLike | None) -> Value:
    return _over(emit("reduce_sum", _masked(value, where, 0), axes=axes), _count(value, axes, where))


@composite
def mean(
    x: TensorLike,
    axis: Axes = None,
    dtype: DTypeLike | DType | None = None,
    *,
    keepdims: bool = False,
    where: TensorLike | None = None,
) -> Tensor:
    """The arithmetic mean over the axes, of the elements for which `where` holds; NaN over nothing.

    A float; integers and bools count as float64 unless told otherwise. Halves add as float32.

    >>> import lazygraph as lg
    >>> lg.mean([[1, 2], [3, 6]], axis=1).eval()
    array([1.5, 4.5])
    """
    value, wanted = moments_of(x, dtype)
    axes = as_axes(axis, value.type.rank)
    result = cast(_mean(value, axes, where), wanted)
    return Tensor(restored(result, value, axes) if keepdims else result)


def _variance(
    x: TensorLike,
    axis: Axes,
    correction: float,
    keepdims: bool,
    dtype: DTypeLike | DType | None,
    where: TensorLike | None,
) -> tuple[Value, DType]:
    """sum |x - mean|**2 / max(n - correction, 0), in two passes, which do not cancel; not yet in the result's dtype."""
    value, wanted = moments_of(x, dtype)
    axes = as_axes(axis, value.type.rank)
    centre = broadcast_value(restored(_mean(value, axes, where), value, axes), value.shape)
    apart = _masked(value - centre, where, 0)
    count = _count(value, axes, where)
    freedom = count - correction if correction else count
    freedom = emit("max", freedom, freedom * 0) if correction else freedom
    result = _over(emit("reduce_sum", squared_modulus(apart), axes=axes), freedom)
    return restored(result, value, axes) if keepdims else result, wanted.part


@composite
def var(
    x: TensorLike,
    axis: Axes = None,
    dtype: DTypeLike | DType | None = None,
    *,
    correction: float = 0.0,
    keepdims: bool = False,
    ddof: float = 0.0,
    where: TensorLike | None = None,
) -> Tensor:
    """The variance over the axes, of the elements for which `where` holds: sum (x - mean)**2 / (n - correction).

    A float; for dtypes see `mean`. `ddof` is NumPy's other name of `correction`.

    >>> import lazygraph as lg
    >>> lg.var([1, 2, 3, 4], correction=1).eval()
    array(1.66666667)
    """
    result, wanted = _variance(x, axis, correction or ddof, keepdims, dtype, where)
    return Tensor(cast(result, wanted))


@composite
def std(
    x: TensorLike,
    axis: Axes = None,
    dtype: DTypeLike | DType | None = None,
    *,
    correction: float = 0.0,
    keepdims: bool = False,
    ddof: float = 0.0,
    where: TensorLike | None = None,
) -> Tensor:
    """The standard deviation over the axes: the square root of `var`.

    Its derivative is NaN where all elements are equal: it has a kink there, as |x| has at 0, and no tangent.

    >>> import lazygraph as lg
    >>> lg.std([1, 3, 1, 3]).eval()
    array(1.)
    """
    result, wanted = _variance(x, axis, correction or ddof, keepdims, dtype, where)
    return Tensor(cast(emit("sqrt", result), wanted))


# --- places ----------------------------------------------------------------------------------------------------------


def _place(op: str, x: TensorLike, axis: int | None, keepdims: bool) -> Tensor:
    value = value_of(x)
    if value.dtype.kind == "bool":
        value = cast(value, dtypes.int32)
    flat = reshaped(value, (dims.product(value.shape),)) if axis is None else value
    along = 0 if axis is None else as_axis(axis, value.type.rank)
    result = emit(op, nonempty(flat, (along,), op), axis=along)
    if not keepdims:
        return Tensor(result)
    axes = tuple(range(value.type.rank)) if axis is None else (along,)
    return Tensor(restored(result, value, axes))


@traced
def argmax(x: TensorLike, axis: int | None = None, *, keepdims: bool = False) -> Tensor:
    """The index of the greatest element, int64: the first of equals, and of the first NaN where there is one.

    Along an axis, or of the flattened tensor for None. ShapeError where there is none.

    >>> import lazygraph as lg
    >>> lg.argmax([[1, 3, 2], [9, 0, 9]], axis=1).eval()
    array([1, 0])
    """
    return _place("argmax", x, axis, keepdims)


@traced
def argmin(x: TensorLike, axis: int | None = None, *, keepdims: bool = False) -> Tensor:
    """The index of the least element, int64: the first of equals, and of the first NaN where there is one."""
    return _place("argmin", x, axis, keepdims)

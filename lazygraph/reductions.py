"""Sums and other reductions over axes, with NumPy's names: all axes unless told, removed unless kept.

In: tensors. Out: tensors. A maximum over nothing is an error: when the graph is built where the extent is known, at run
time otherwise.
"""

from __future__ import annotations

from numpy.typing import DTypeLike

from lazygraph.compiler.ir import dims
from lazygraph.compiler.ir.graph import Value
from lazygraph.compiler.ops.compose import emit
from lazygraph.compiler.ops.reductions import nonempty
from lazygraph.dims import extent_value
from lazygraph.frames import composite, traced
from lazygraph.logic import as_bool
from lazygraph.manipulation import reshaped
from lazygraph.parts import by_parts, squared_modulus
from lazygraph.promotion import as_axes, as_axis, as_dtype, as_float, broadcast_value, cast, value_of
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


@traced
def sum(x: TensorLike, axis: Axes = None, *, dtype: DTypeLike | DType | None = None, keepdims: bool = False) -> Tensor:
    """The sum over the axes; 0 over nothing. Integers and bools add as 64-bit integers unless told otherwise.

    >>> import lazygraph as lg
    >>> lg.sum([[1, 2], [3, 4]], axis=0).eval()
    array([4, 6])
    """
    value = accumulated(value_of(x), dtype)
    return Tensor(reduced("reduce_sum", value, as_axes(axis, value.type.rank), keepdims))


@traced
def prod(x: TensorLike, axis: Axes = None, *, dtype: DTypeLike | DType | None = None, keepdims: bool = False) -> Tensor:
    """The product over the axes; 1 over nothing. Integers and bools multiply as 64-bit integers unless told."""
    value = accumulated(value_of(x), dtype)
    return Tensor(reduced("reduce_prod", value, as_axes(axis, value.type.rank), keepdims))


def _extreme(op: str, of_bools: str, x: TensorLike, axis: Axes, keepdims: bool) -> Tensor:
    value = value_of(x)
    axes = as_axes(axis, value.type.rank)
    value = nonempty(value, axes, op.removeprefix("reduce_"))
    return Tensor(reduced(of_bools if value.dtype.kind == "bool" else op, value, axes, keepdims))


@traced
def max(x: TensorLike, axis: Axes = None, *, keepdims: bool = False) -> Tensor:
    """The greatest element over the axes; NaN where one is NaN. ShapeError where there is none.

    Where several are greatest, they share the derivative.
    """
    return _extreme("reduce_max", "reduce_or", x, axis, keepdims)


@traced
def min(x: TensorLike, axis: Axes = None, *, keepdims: bool = False) -> Tensor:
    """The least element over the axes; NaN where one is NaN. ShapeError where there is none.

    Where several are least, they share the derivative.
    """
    return _extreme("reduce_min", "reduce_and", x, axis, keepdims)


amax, amin = max, min


@traced
def any(x: TensorLike, axis: Axes = None, *, keepdims: bool = False) -> Tensor:
    """Whether one element over the axes holds (is not 0); false over nothing."""
    value = as_bool(value_of(x))
    return Tensor(reduced("reduce_or", value, as_axes(axis, value.type.rank), keepdims))


@traced
def all(x: TensorLike, axis: Axes = None, *, keepdims: bool = False) -> Tensor:
    """Whether every element over the axes holds (is not 0); true over nothing."""
    value = as_bool(value_of(x))
    return Tensor(reduced("reduce_and", value, as_axes(axis, value.type.rank), keepdims))


# --- moments ---------------------------------------------------------------------------------------------------------


def _count(value: Value, axes: tuple[int, ...]) -> Value:
    """How many elements are reduced to one, in the dtype of the value."""
    return extent_value(dims.product([value.shape[axis] for axis in axes]), value.dtype.part)


def _over(total: Value, count: Value) -> Value:
    return by_parts(lambda part: part / broadcast_value(count, total.shape), total)


def _mean(value: Value, axes: tuple[int, ...]) -> Value:
    return _over(emit("reduce_sum", value, axes=axes), _count(value, axes))


@composite
def mean(x: TensorLike, axis: Axes = None, *, keepdims: bool = False) -> Tensor:
    """The arithmetic mean over the axes, a float; NaN over nothing. Integers and bools count as float64.

    >>> import lazygraph as lg
    >>> lg.mean([[1, 2], [3, 6]], axis=1).eval()
    array([1.5, 4.5])
    """
    value = as_float(value_of(x))
    axes = as_axes(axis, value.type.rank)
    result = _mean(value, axes)
    return Tensor(restored(result, value, axes) if keepdims else result)


def _variance(x: TensorLike, axis: Axes, correction: float, keepdims: bool) -> Value:
    """sum |x - mean|**2 / max(n - correction, 0), in two passes, which do not cancel."""
    value = as_float(value_of(x))
    axes = as_axes(axis, value.type.rank)
    centre = broadcast_value(restored(_mean(value, axes), value, axes), value.shape)
    apart = value - centre
    count = _count(value, axes)
    freedom = count - correction if correction else count
    freedom = emit("max", freedom, freedom * 0) if correction else freedom
    result = _over(emit("reduce_sum", squared_modulus(apart), axes=axes), freedom)
    return restored(result, value, axes) if keepdims else result


@composite
def var(
    x: TensorLike, axis: Axes = None, *, correction: float = 0.0, keepdims: bool = False, ddof: float = 0.0
) -> Tensor:
    """The variance over the axes: sum (x - mean)**2 / (n - correction), a float.

    `ddof` is NumPy's other name of `correction`.

    >>> import lazygraph as lg
    >>> lg.var([1, 2, 3, 4], correction=1).eval()
    array(1.66666667)
    """
    return Tensor(_variance(x, axis, correction or ddof, keepdims))


@composite
def std(
    x: TensorLike, axis: Axes = None, *, correction: float = 0.0, keepdims: bool = False, ddof: float = 0.0
) -> Tensor:
    """The standard deviation over the axes: the square root of `var`.

    Its derivative is NaN where all elements are equal: it has a kink there, as |x| has at 0, and no tangent.

    >>> import lazygraph as lg
    >>> lg.std([1, 3, 1, 3]).eval()
    array(1.)
    """
    return Tensor(emit("sqrt", _variance(x, axis, correction or ddof, keepdims)))


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

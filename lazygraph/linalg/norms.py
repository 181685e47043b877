"""Norms of vectors and matrices, with NumPy's orders.

In: tensors, arrays, numbers. Out: tensors of real floats. Sums of squares and powers are taken of elements divided by
the greatest magnitude, so that no norm overflows or vanishes that is itself a float. The derivative of a norm of a
vector, or of "fro", 1 and inf of a matrix, is 0 where all elements are, as torch has it; orders below 1 do not move
with an element that is 0.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import lazygraph as lg
from lazygraph.compiler.ir.errors import ShapeError
from lazygraph.errors import shape_text
from lazygraph.frames import composite
from lazygraph.linalg.operands import matrix
from lazygraph.parts import squared_modulus
from lazygraph.promotion import as_axes, as_axis, as_float, value_of
from lazygraph.tensor import Axes, Tensor, TensorLike


def _greatest(x: Tensor, axes: tuple[int, ...], keepdims: bool = False) -> Tensor:
    """The maximum of magnitudes, 0 of none."""
    return lg.max(x, axis=axes, keepdims=keepdims, initial=0)


def _root_of_sum(x: Tensor, p: float, axes: tuple[int, ...], keepdims: bool) -> Tensor:
    """(sum |x|**p)**(1/p) of elements divided by the greatest magnitude; squares need no |x|, which has a kink."""
    greatest = lg.stop_gradient(_greatest(lg.abs(x), axes, keepdims=True))
    usable = lg.less(0, greatest) & lg.isfinite(greatest)
    scale = lg.where(usable, greatest, 1)
    scaled = x / scale
    powers = Tensor(squared_modulus(scaled.value)) if p == 2 else _powers(scaled, p, 0)
    total = lg.sum(powers, axis=axes, keepdims=True)
    nothing = lg.equal(total, 0)
    ordinary = lg.where(nothing, 1, total)
    root = lg.sqrt(ordinary) if p == 2 else ordinary ** (1 / p)
    found = lg.where(nothing, 0, root) * scale
    return found if keepdims else lg.squeeze(found, axis=axes)


def _powers(x: Tensor, p: float, of_zero: float) -> Tensor:
    """|x|**p, of 0 as told: for p < 1 its derivative is infinite there."""
    if p >= 1:
        return lg.abs(x) ** p
    zero = lg.equal(x, 0)
    return lg.where(zero, of_zero, lg.abs(lg.where(zero, 1, x)) ** p)


def _of_negative(x: Tensor, p: float, axes: tuple[int, ...], keepdims: bool) -> Tensor:
    """(sum |x|**p)**(1/p): 0 where an element is."""
    total = lg.sum(_powers(x, p, 1), axis=axes, keepdims=keepdims)
    vanishes = lg.any(lg.equal(x, 0), axis=axes, keepdims=keepdims) & ~lg.isnan(total)
    return lg.where(vanishes, 0, total ** (1 / p))


def _smallest(x: Tensor, axes: tuple[int, ...], keepdims: bool) -> Tensor:
    return lg.min(x, axis=axes, keepdims=keepdims)


def _count(x: Tensor, axes: tuple[int, ...], keepdims: bool) -> Tensor:
    return lg.sum(lg.astype(lg.not_equal(x, 0), x.dtype), axis=axes, keepdims=keepdims)


def _sum(x: Tensor, axes: tuple[int, ...], keepdims: bool) -> Tensor:
    return lg.sum(x, axis=axes, keepdims=keepdims)


_SIMPLE: Mapping[float, Callable[..., Tensor]] = {math.inf: _greatest, -math.inf: _smallest, 0: _count, 1: _sum}


def _of_vectors(x: Tensor, ord: float, axes: tuple[int, ...], keepdims: bool) -> Tensor:
    if 0 < ord < math.inf and ord != 1:
        return _root_of_sum(x, float(ord), axes, keepdims)
    if ord in _SIMPLE:
        return _SIMPLE[ord](lg.abs(x), axes, keepdims)
    return _of_negative(x, ord, axes, keepdims)


@composite
def vector_norm(x: TensorLike, /, *, axis: Axes = None, keepdims: bool = False, ord: float = 2) -> Tensor:
    """(sum |x|**ord)**(1 / ord) over axes, all of them by default.

    inf and -inf give the extreme magnitudes, 0 how many are not 0.
    Of any number dtype; integers give float64, complex numbers the float of their parts. Raises TypeError for an order
    that is no number.

    >>> import lazygraph as lg
    >>> lg.linalg.vector_norm([3e-300, 4e-300]).eval()
    array(5.e-300)
    >>> lg.linalg.vector_norm([[1.0, -2.0], [3.0, 4.0]], axis=1, ord=1).eval()
    array([3., 7.])
    """
    if isinstance(ord, str):
        raise TypeError(f"expected a number as the order of a vector's norm, found {ord!r}")
    value = as_float(value_of(x))
    return _of_vectors(Tensor(value), ord, as_axes(axis, value.type.rank), keepdims)


def _frobenius(x: Tensor) -> Tensor:
    return _root_of_sum(x, 2.0, (x.ndim - 2, x.ndim - 1), False)


def _sums(extreme: Callable[..., Tensor], summed: int) -> Callable[[Tensor], Tensor]:
    """The extreme of sums of magnitudes over rows (-2) or columns (-1)."""
    return lambda x: extreme(lg.sum(lg.abs(x), axis=summed), (x.ndim - 2,), False)


def _singular(reduced: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    return lambda x: reduced(lg.linalg.svdvals(x))


MATRIX_NORMS: Mapping[float | str, Callable[[Tensor], Tensor]] = {
    "fro": _frobenius,
    "nuc": _singular(lambda values: lg.sum(values, axis=-1)),
    2: _singular(lambda values: lg.max(values, axis=-1, initial=0)),
    -2: _singular(lambda values: lg.min(values, axis=-1)),
    1: _sums(_greatest, -2),
    -1: _sums(_smallest, -2),
    math.inf: _sums(_greatest, -1),
    -math.inf: _sums(_smallest, -1),
}


@composite
def matrix_norm(x: TensorLike, /, *, keepdims: bool = False, ord: float | str | None = "fro") -> Tensor:
    """A norm of each matrix in the last two axes.

    "fro": the root of the sum of squares; 1 and -1: the greatest and least sum of magnitudes down a column; inf and
    -inf: along a row; 2 and -2: the greatest and least singular value; "nuc": the sum of singular values.
    Raises ShapeError where x has fewer than two axes, ValueError for another order.

    >>> import lazygraph as lg
    >>> lg.linalg.matrix_norm([[1.0, -2.0], [3.0, 4.0]], ord=1).eval()
    array(6.)
    """
    value = as_float(matrix(x))
    ord = "fro" if ord is None else ord
    if ord not in MATRIX_NORMS:
        known = ", ".join(map(repr, MATRIX_NORMS))
        raise ValueError(f"the order of a matrix norm: expected one of {known}, found {ord!r}")
    found = MATRIX_NORMS[ord](Tensor(value))
    return lg.expand_dims(found, (-2, -1)) if keepdims else found


@composite
def norm(
    x: TensorLike, ord: float | str | None = None, axis: int | tuple[int, ...] | None = None, keepdims: bool = False
) -> Tensor:
    """NumPy's norm: of a vector along one axis, of matrices in two; without order and axis, of all elements.

    Raises ValueError or TypeError for an order that the norm does not have, ShapeError for three axes or more.

    >>> import lazygraph as lg
    >>> lg.linalg.norm([[3.0, 0.0], [0.0, 4.0]]).eval()
    array(5.)
    """
    value = value_of(x)
    if axis is None and ord is None:
        return vector_norm(x, keepdims=keepdims)
    axes = as_axes(axis, value.type.rank)
    if len(axes) == 1:
        return vector_norm(x, axis=axes[0], keepdims=keepdims, ord=2 if ord is None else ord)  # type: ignore[arg-type]
    if len(axes) != 2:
        raise ShapeError(f"expected one or two axes, found {len(axes)} of {shape_text(value.shape)}")
    given = (axis,) if isinstance(axis, int) or axis is None else axis
    first, second = axes if len(given) != 2 else [as_axis(each, value.type.rank) for each in given]
    found = matrix_norm(lg.moveaxis(Tensor(value), (first, second), (-2, -1)), ord=ord)
    return lg.expand_dims(found, axes) if keepdims else found

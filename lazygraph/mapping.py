"""Functions applied along axes, with NumPy's names: each is one batched call, as of `lg.vmap`.

In: a function of tensors, and a tensor. Out: the results side by side.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import lazygraph as lg
from lazygraph.batching import vmap
from lazygraph.compiler.ir.errors import ShapeError
from lazygraph.errors import shape_text
from lazygraph.frames import traced, user_code
from lazygraph.manipulation import expand_dims, moveaxis
from lazygraph.promotion import as_axis, value_of
from lazygraph.tensor import Tensor, TensorLike

__all__ = ["apply_along_axis", "apply_over_axes", "vectorize"]


@traced
def apply_along_axis(func1d: Callable[..., Any], axis: int, x: TensorLike, *args: Any, **kwargs: Any) -> Tensor:
    """A function of a vector applied to each vector along an axis, whose place the axes of its result take.

    The function sees one vector and is traced once.

    >>> import lazygraph as lg
    >>> lg.apply_along_axis(lambda v: v[0] + v[-1], 0, [[1, 2], [3, 4], [5, 6]]).eval()
    array([6, 8])
    """
    tensor = Tensor(value_of(x))
    place = as_axis(axis, tensor.ndim)

    def one(vector: Tensor) -> Tensor:
        return Tensor(value_of(user_code(func1d)(vector, *args, **kwargs)))

    mapped: Callable[..., Any] = one
    for _ in range(tensor.ndim - 1):
        mapped = vmap(mapped)
    found: Tensor = mapped(moveaxis(tensor, place, -1))
    added = found.ndim - (tensor.ndim - 1)
    behind = range(tensor.ndim - 1, found.ndim)
    return moveaxis(found, tuple(behind), tuple(range(place, place + added)))


@traced
def apply_over_axes(func: Callable[[Tensor, int], Any], x: TensorLike, axes: int | Sequence[int]) -> Tensor:
    """func(x, axis) for one axis after the other; an axis that it removes stays with extent 1.

    >>> import lazygraph as lg
    >>> lg.apply_over_axes(lg.sum, [[1, 2], [3, 4]], [0, 1]).eval()
    array([[10]])
    """
    found = Tensor(value_of(x))
    rank = found.ndim
    for axis in [axes] if isinstance(axes, int) else axes:
        place = as_axis(axis, rank)
        result = Tensor(value_of(user_code(func)(found, place)))
        if result.ndim == rank - 1:
            result = expand_dims(result, place)
        if result.ndim != rank:
            expected = f"expected a result of rank {rank} or {rank - 1}"
            raise ShapeError(f"{expected} from the function, found {shape_text(result.shape)}")
        found = result
    return found


def vectorize(pyfunc: Callable[..., Any]) -> Callable[..., Any]:
    """A function of scalars as one of tensors, which broadcast: it is traced once, with scalars.

    >>> import lazygraph as lg
    >>> lg.vectorize(lambda a, b: lg.where(a > b, a - b, a + b))([[1], [5]], [2, 3]).eval()
    array([[3, 4],
           [3, 2]])
    """

    @traced
    def broadcasted(*arrays: TensorLike) -> Any:
        spread = lg.broadcast_arrays(*arrays)
        mapped: Callable[..., Any] = user_code(pyfunc)
        for _ in range(spread[0].ndim if spread else 0):
            mapped = vmap(mapped)
        return mapped(*spread)

    return broadcasted

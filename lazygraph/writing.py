"""Writes under NumPy's names, which change their first argument: its handle is bound to the tensor that results.

In: a tensor that is no input, places, values. Out: nothing; other handles of the same tensor stay what they are, as for
`x[index] = value`.
"""

from __future__ import annotations

import math

import lazygraph as lg
from lazygraph.compiler.ir import dims
from lazygraph.compiler.ir.errors import ShapeError
from lazygraph.errors import shape_text
from lazygraph.frames import traced
from lazygraph.indexing import along_axis
from lazygraph.logic import as_bool, where
from lazygraph.manipulation import ravel, reshape
from lazygraph.matrices import inside
from lazygraph.promotion import as_value, broadcast_value, cast, value_of
from lazygraph.runtime import dtypes
from lazygraph.tensor import Tensor, TensorLike

__all__ = ["copy", "copyto", "fill_diagonal", "place", "put", "put_along_axis", "putmask"]


@traced
def copy(x: TensorLike) -> Tensor:
    """A tensor of the same elements: assigning to its elements leaves x as it is."""
    return Tensor(value_of(x)).copy()


@traced
def put_along_axis(x: Tensor, indices: TensorLike, values: TensorLike, axis: int | None) -> None:
    """x[i, indices[i, j]] = values[i, j] along an axis; of the flattened x for None. The inverse of `take_along_axis`.

    Values broadcast to the indices' shape. The last one stays where an element is named several times. An index out of
    bounds fails the step with this line.

    >>> import lazygraph as lg
    >>> x = lg.zeros((2, 3), lg.int32)
    >>> lg.put_along_axis(x, [[1], [2]], 7, axis=1)
    >>> x.eval()
    array([[0, 7, 0],
           [0, 0, 7]], dtype=int32)
    """
    if axis is None:
        flat = ravel(x)
        flat[value_as_tensor(indices)] = values
        x.rebind(reshape(flat, x.shape))
        return
    places = along_axis(x.value, value_of(indices), axis)
    changed = x.copy()
    changed[tuple([Tensor(each) for each in places])] = values
    x.rebind(changed)


def value_as_tensor(x: TensorLike) -> Tensor:
    return Tensor(value_of(x))


@traced
def put(x: Tensor, ind: TensorLike, v: TensorLike, mode: str = "raise") -> None:
    """Values at places of the flattened x: x.ravel()[ind] = v, the values again from the first where they run out.

    With mode "raise" an index out of bounds fails the step, and a negative one counts from the end; "wrap" and "clip"
    bring it inside.

    >>> import lazygraph as lg
    >>> x = lg.arange(5)
    >>> lg.put(x, [0, 2, -1], [10, 20])
    >>> x.eval()
    array([10,  1, 20,  3, 10])
    """
    flat, places = ravel(x), ravel(ind)
    if mode != "raise":
        places = Tensor(inside(cast(places.value, dtypes.int64), flat.shape[0], mode))
    values = ravel(v)
    if values.shape[0] == 0:
        return
    flat[places] = lg.resize(values, places.shape)
    x.rebind(reshape(flat, x.shape))


@traced
def putmask(x: Tensor, mask: TensorLike, values: TensorLike) -> None:
    """x[i] = values[i] where a mask of x's shape holds; the flattened values again from the first where they run out.

    >>> import lazygraph as lg
    >>> x = lg.arange(5)
    >>> lg.putmask(x, x > 2, [10, 20])
    >>> x.eval()
    array([ 0,  1,  2, 20, 10])
    """
    new = Tensor(as_value(values, x.dtype))
    chosen = Tensor(as_bool(value_of(mask)))
    if dims.compare_equal(dims.product(chosen.shape), dims.product(x.shape)) is not True:
        raise ShapeError(
            f"expected a mask of as many elements as {shape_text(x.shape)}, found {shape_text(chosen.shape)}"
        )
    if new.shape != x.shape:
        new = lg.resize(new, x.shape) if new.ndim else Tensor(broadcast_value(new.value, x.shape))
    x.rebind(where(reshape(chosen, x.shape), new, x))


@traced
def place(x: Tensor, mask: TensorLike, vals: TensorLike) -> None:
    """Values in turn at the elements of x for which a mask holds, which is known when the graph is built.

    The values are taken again from the first where they run out.

    >>> import lazygraph as lg
    >>> x = lg.arange(5)
    >>> lg.place(x, [False, True, True, False, True], [10, 20])
    >>> x.eval()
    array([ 0, 10, 20,  3, 10])
    """
    places = lg.flatnonzero(mask)
    flat = ravel(x)
    flat[places] = lg.resize(vals, places.shape)
    x.rebind(reshape(flat, x.shape))


@traced
def copyto(dst: Tensor, src: TensorLike, where: TensorLike = True) -> None:
    """dst becomes src, cast to its dtype and broadcast to its shape, where a condition holds.

    >>> import lazygraph as lg
    >>> x = lg.arange(3)
    >>> lg.copyto(x, 9, where=[True, False, True])
    >>> x.eval()
    array([9, 1, 9])
    """
    new = Tensor(broadcast_value(as_value(src, dst.dtype), dst.shape))
    dst.rebind(lg.where(where, new, dst) if where is not True else new.copy())


@traced
def fill_diagonal(x: Tensor, val: TensorLike, wrap: bool = False) -> None:
    """x[i, i, ...] = val, or val[i], on the main diagonal; beyond a square matrix's end again if `wrap`.

    >>> import lazygraph as lg
    >>> x = lg.zeros((2, 2), lg.int32)
    >>> lg.fill_diagonal(x, 5)
    >>> x.eval()
    array([[5, 0],
           [0, 5]], dtype=int32)
    """
    shape = x.shape
    if len(shape) < 2 or (len(shape) > 2 and any(extent != shape[0] for extent in shape)):
        raise ShapeError(f"expected a matrix, or more axes of one extent, found {shape_text(shape)}")
    extents = [extent for extent in shape if isinstance(extent, int)]
    if len(extents) < len(shape):
        if len(shape) == 2 and not Tensor(value_of(val)).ndim and not wrap:
            rows, columns = lg.indices(shape, sparse=True)
            x.rebind(where(rows == columns, Tensor(as_value(val, x.dtype)), x))
            return
        raise ShapeError(f"expected a matrix and one value where extents are symbolic, found {shape_text(shape)}")
    step = 1 + sum([math.prod(extents[axis + 1 :]) for axis in range(len(extents) - 1)])
    end = extents[1] ** 2 if len(extents) == 2 and not wrap else math.prod(extents)
    places = range(0, min(end, math.prod(extents)), step)
    flat, values = ravel(x), ravel(val)
    flat[lg.constant(list(places), lg.int64)] = lg.resize(values, (len(places),))
    x.rebind(reshape(flat, shape))

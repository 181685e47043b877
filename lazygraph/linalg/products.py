"""Products, diagonals and powers of matrices, with the Array API's meaning: matrices are the last two axes.

In: tensors, arrays, numbers. Out: tensors; every axis before the last two is a batch.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence

from numpy.typing import DTypeLike

import lazygraph as lg
from lazygraph.compiler.ir.errors import ShapeError
from lazygraph.errors import shape_text
from lazygraph.frames import composite, traced
from lazygraph.linalg.operands import square
from lazygraph.promotion import same_dtype, value_of
from lazygraph.runtime.dtypes import DType
from lazygraph.tensor import Tensor, TensorLike

UNKNOWN = 64  # what an extent counts as that only a call knows


@composite
def cross(x1: TensorLike, x2: TensorLike, /, *, axis: int = -1) -> Tensor:
    """The vectors of three elements along an axis that are at right angles to both; see `lg.cross`.

    >>> import lazygraph as lg
    >>> lg.linalg.cross([1, 0, 0], [0, 1, 0]).eval()
    array([0, 0, 1])
    """
    return lg.cross(x1, x2, axis=axis)


@composite
def diagonal(x: TensorLike, /, *, offset: int = 0) -> Tensor:
    """The elements x[..., i, i + offset] of matrices, along the last axis.

    Raises ShapeError where x has fewer than two axes.

    >>> import lazygraph as lg
    >>> lg.linalg.diagonal([[1, 2], [3, 4]]).eval()
    array([1, 4])
    """
    return lg.diagonal(x, offset, axis1=-2, axis2=-1)


@composite
def trace(x: TensorLike, /, *, offset: int = 0, dtype: DTypeLike | DType | None = None) -> Tensor:
    """The sum of a diagonal of matrices; integers add as 64-bit integers unless told otherwise.

    >>> import lazygraph as lg
    >>> lg.linalg.trace([[1.0, 2.0], [3.0, 4.0]]).eval()
    array(5.)
    """
    return lg.trace(x, offset, axis1=-2, axis2=-1, dtype=dtype)


@composite
def outer(x1: TensorLike, x2: TensorLike, /) -> Tensor:
    """Every product of an element of the vector x1 with one of the vector x2: out[i, j] = x1[i] * x2[j].

    Raises ShapeError where an operand is no vector.

    >>> import lazygraph as lg
    >>> lg.linalg.outer([1, 2], [3, 4]).eval()
    array([[3, 4],
           [6, 8]])
    """
    for each in (x1, x2):
        shape = value_of(each).shape
        if len(shape) != 1:
            raise ShapeError(f"expected vectors, found {shape_text(shape)}")
    return lg.outer(x1, x2)


@traced
def matrix_power(x: TensorLike, n: int, /) -> Tensor:
    """The product of n equal square matrices by repeated squaring; the identity for 0, powers of the inverse below.

    Shape (..., n, n), any number dtype; floats only for negative n. Raises ShapeError where the matrices are not
    square, TypeError for an n that is no integer; the step fails where a negative power of a singular matrix is asked.

    >>> import lazygraph as lg
    >>> lg.linalg.matrix_power([[1, 1], [0, 1]], 5).eval()
    array([[1, 5],
           [0, 1]])
    """
    value, exponent = square(x), operator.index(n)
    base = Tensor(value) if exponent >= 0 else lg.linalg.inv(Tensor(value))
    found, exponent = None, abs(exponent)
    while exponent:
        if exponent & 1:
            found = base if found is None else found @ base
        exponent >>= 1
        if exponent:
            base = base @ base
    if found is not None:
        return found
    return lg.broadcast_to(lg.eye(value.shape[-1], dtype=value.dtype), value.shape)


@composite
def multi_dot(arrays: Sequence[TensorLike], /) -> Tensor:
    """The product of two or more matrices in the order of fewest multiplications; the ends may be vectors.

    Any number of operands; extents that are not known count as 64. Raises ValueError for fewer than two operands,
    ShapeError where one in the middle is no matrix or inner extents differ.

    >>> import lazygraph as lg
    >>> lg.linalg.multi_dot([[[1, 2]], [[3], [4]], [2]]).eval()
    array([22])
    """
    given = list(arrays)
    if len(given) < 2:
        raise ValueError(f"expected two or more matrices, found {len(given)}")
    values = [Tensor(each) for each in same_dtype(*given)]
    ranks = [each.ndim for each in values]
    if any(rank != 2 for rank in ranks[1:-1]) or not {ranks[0], ranks[-1]} <= {1, 2}:
        raise ShapeError(f"expected matrices, or vectors at the ends; found operands of {ranks} axes")
    extents = [1 if ranks[0] == 1 else values[0].shape[0], *[each.shape[-1] for each in values[:-1]]]
    extents.append(1 if ranks[-1] == 1 else values[-1].shape[1])
    cuts = _cuts([each if isinstance(each, int) else UNKNOWN for each in extents])

    def product(first: int, last: int) -> Tensor:
        if first == last:
            return values[first]
        cut = cuts[first, last]
        return lg.matmul(product(first, cut), product(cut + 1, last))

    return product(0, len(values) - 1)


def _cuts(extents: Sequence[int]) -> dict[tuple[int, int], int]:
    """Behind which matrix the cheapest product of those from first to last is cut, matrix k being (e[k], e[k + 1]).

    T. H. Cormen et al., "Introduction to Algorithms", 3rd ed., 15.2.
    """
    count = len(extents) - 1
    cost = {(place, place): 0 for place in range(count)}
    cuts = {}
    for first, last in [(first, first + width) for width in range(1, count) for first in range(count - width)]:
        ends = extents[first] * extents[last + 1]
        cost[first, last], cuts[first, last] = min(
            (cost[first, cut] + cost[cut + 1, last] + ends * extents[cut + 1], cut) for cut in range(first, last)
        )
    return cuts

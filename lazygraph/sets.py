"""Distinct elements and operations on sets of them, of tensors that depend on no placeholder: their number is a shape.

In: constants and variables. Out: constants. For other tensors a TypeError says what to use instead.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lazygraph.choosing import known
from lazygraph.frames import traced
from lazygraph.promotion import constant_value
from lazygraph.tensor import Tensor, TensorLike

__all__ = [
    "intersect1d",
    "setdiff1d",
    "setxor1d",
    "union1d",
    "unique",
    "unique_all",
    "unique_counts",
    "unique_inverse",
    "unique_values",
]

_unique: Callable[..., Any] = np.unique
_intersect: Callable[..., Any] = np.intersect1d


class UniqueAll(NamedTuple):
    values: Tensor
    indices: Tensor
    inverse_indices: Tensor
    counts: Tensor


class UniqueCounts(NamedTuple):
    values: Tensor
    counts: Tensor


class UniqueInverse(NamedTuple):
    values: Tensor
    inverse_indices: Tensor


def _known(x: TensorLike) -> NDArray[Any]:
    instead = "Use lg.sort(x), and lg.diff of it to see where elements differ, or lg.isin: their number would vary."
    return known(x, "the set of distinct elements", instead)


def _constant(array: Any) -> Tensor:
    return Tensor(constant_value(array))


@traced
def unique(
    x: TensorLike,
    return_index: bool = False,
    return_inverse: bool = False,
    return_counts: bool = False,
    axis: int | None = None,
    *,
    equal_nan: bool = True,
) -> Any:
    """The distinct elements in ascending order, or slices of an axis, of a tensor that depends on no placeholder.

    On request with the places where each occurs first, the places among them from which x is made again, and how often
    each occurs. Raises TypeError for a tensor that depends on a placeholder, saying what to use instead.

    >>> import lazygraph as lg
    >>> lg.unique([3, 1, 3, 2]).eval()
    array([1, 2, 3])
    """
    asked = return_index, return_inverse, return_counts
    found = _unique(_known(x), *asked, axis=axis, equal_nan=equal_nan)
    return tuple([_constant(each) for each in found]) if any(asked) else _constant(found)


@traced
def unique_all(x: TensorLike, /) -> UniqueAll:
    """The distinct elements, NaNs being distinct; where each occurs first; for each element of x its place; counts.

    >>> import lazygraph as lg
    >>> lg.unique_all([3, 1, 3]).counts.eval()
    array([1, 2])
    """
    return UniqueAll(*[_constant(each) for each in np.unique_all(_known(x))])


@traced
def unique_counts(x: TensorLike, /) -> UniqueCounts:
    """The distinct elements, NaNs being distinct, and how often each occurs."""
    return UniqueCounts(*[_constant(each) for each in np.unique_counts(_known(x))])


@traced
def unique_inverse(x: TensorLike, /) -> UniqueInverse:
    """The distinct elements, NaNs being distinct, and the places among them from which x is made again."""
    return UniqueInverse(*[_constant(each) for each in np.unique_inverse(_known(x))])


@traced
def unique_values(x: TensorLike, /) -> Tensor:
    """The distinct elements, NaNs being distinct."""
    return _constant(np.unique(_known(x), equal_nan=False))


@traced
def union1d(x: TensorLike, y: TensorLike) -> Tensor:
    """The distinct elements of both, in ascending order.

    >>> import lazygraph as lg
    >>> lg.union1d([3, 1], [2, 3]).eval()
    array([1, 2, 3])
    """
    return _constant(np.union1d(_known(x), _known(y)))


@traced
def intersect1d(x: TensorLike, y: TensorLike, assume_unique: bool = False, return_indices: bool = False) -> Any:
    """The distinct elements that both have, in ascending order; on request with their places in each.

    `assume_unique` promises that neither holds an element twice.

    >>> import lazygraph as lg
    >>> lg.intersect1d([3, 1, 2], [2, 3]).eval()
    array([2, 3])
    """
    found = _intersect(_known(x), _known(y), assume_unique, return_indices)
    return tuple([_constant(each) for each in found]) if return_indices else _constant(found)


@traced
def setdiff1d(x: TensorLike, y: TensorLike, assume_unique: bool = False) -> Tensor:
    """The distinct elements of x that y lacks, in ascending order; in x's order if `assume_unique`.

    >>> import lazygraph as lg
    >>> lg.setdiff1d([3, 1, 2], [2]).eval()
    array([1, 3])
    """
    return _constant(np.setdiff1d(_known(x), _known(y), assume_unique))


@traced
def setxor1d(x: TensorLike, y: TensorLike, assume_unique: bool = False) -> Tensor:
    """The distinct elements that one of both has and the other lacks, in ascending order.

    >>> import lazygraph as lg
    >>> lg.setxor1d([3, 1], [2, 3]).eval()
    array([1, 2])
    """
    return _constant(np.setxor1d(_known(x), _known(y), assume_unique))

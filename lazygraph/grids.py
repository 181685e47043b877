"""NumPy's objects that are indexed and not called: grids from slices, joins from slices, and slices by themselves.

In: slices in brackets; a step that is an imaginary number, such as 5j, is a number of points between both ends. Out:
tensors, or the index.
"""

from __future__ import annotations

from typing import Any

import lazygraph as lg
from lazygraph.creation import arange, linspace
from lazygraph.errors import shape_text
from lazygraph.frames import traced
from lazygraph.manipulation import concat, reshape, stack
from lazygraph.promotion import value_of
from lazygraph.tensor import Tensor

__all__ = ["c_", "index_exp", "mgrid", "ogrid", "r_", "s_"]


def _points(piece: slice) -> Tensor:
    """The numbers of a slice: from start by step below stop, or so many between both ends."""
    start = 0 if piece.start is None else piece.start
    if piece.stop is None:
        raise ValueError(f"expected a slice with an end, found {piece}")
    if isinstance(piece.step, complex):
        return linspace(start, piece.stop, int(abs(piece.step)))
    return arange(start, piece.stop, 1 if piece.step is None else piece.step)


class OpenGrid:
    """`lg.ogrid[0:2, 0:3]`: the points of each slice, along an axis of its own."""

    @traced
    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, slice):
            return _points(key)
        own = range(len(key))
        return tuple([reshape(_points(each), tuple([-1 if at == place else 1 for at in own])) for place, each in
                      enumerate(key)])  # fmt: skip


class DenseGrid:
    """`lg.mgrid[0:2, 0:3]`: the points of each slice, spread over all of them and stacked.

    >>> import lazygraph as lg
    >>> lg.mgrid[0:2, 0:1:3j].eval()
    array([[[0. , 0. , 0. ],
            [1. , 1. , 1. ]],
    <BLANKLINE>
           [[0. , 0.5, 1. ],
            [0. , 0.5, 1. ]]])
    """

    @traced
    def __getitem__(self, key: Any) -> Tensor:
        if isinstance(key, slice):
            return _points(key)
        return stack(lg.broadcast_arrays(*ogrid[key]))


class RowJoin:
    """`lg.r_[1:4, 0, x]`: slices, numbers and vectors one after another, matrices along axis 0.

    >>> import lazygraph as lg
    >>> lg.r_[1:4, 0, [9, 8]].eval()
    array([1, 2, 3, 0, 9, 8])
    """

    @traced
    def __getitem__(self, key: Any) -> Tensor:
        return concat(_pieces(key, "r_"), 0)


class ColumnJoin:
    """`lg.c_[x, y]`: slices and vectors as columns side by side, tensors along the last axis.

    >>> import lazygraph as lg
    >>> lg.c_[[1, 2], [3, 4]].eval()
    array([[1, 3],
           [2, 4]])
    """

    @traced
    def __getitem__(self, key: Any) -> Tensor:
        return concat([reshape(each, (-1, 1)) if each.ndim < 2 else each for each in _pieces(key, "c_")], -1)


def _pieces(key: Any, name: str) -> list[Tensor]:
    pieces = []
    for each in key if isinstance(key, tuple) else (key,):
        if isinstance(each, str):
            raise TypeError(
                f"{name}: expected slices, numbers and tensors, found the directive {each!r}: use lg.concat"
            )
        piece = _points(each) if isinstance(each, slice) else Tensor(value_of(each))
        pieces.append(reshape(piece, (1,)) if piece.ndim == 0 else piece)
    ranks = {each.ndim for each in pieces}
    if len(ranks) != 1:
        raise lg.ShapeError(f"expected equal ranks, found {', '.join(shape_text(each.shape) for each in pieces)}")
    return pieces


class IndexExpression:
    """`lg.s_[1:3, ...]`: an index by itself, to be used as x[index]."""

    def __init__(self, as_tuple: bool) -> None:
        self._as_tuple = as_tuple

    def __getitem__(self, key: Any) -> Any:
        return (key,) if self._as_tuple and not isinstance(key, tuple) else key


ogrid, mgrid, r_, c_ = OpenGrid(), DenseGrid(), RowJoin(), ColumnJoin()
s_, index_exp = IndexExpression(as_tuple=False), IndexExpression(as_tuple=True)

"""Changes at an index: `x.at[index].add(values)` and its relatives, each a new tensor.

In: a tensor, an index as of `x[index]`, and values that broadcast to x[index]. Out: x with the values combined into the
elements there. Where index arrays name an element several times, all values count, in their order: what `x[index] += y`
does not do.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import lazygraph as lg
from lazygraph.frames import traced
from lazygraph.indexing import getitem, is_mask_of, scattered, setitem
from lazygraph.logic import where
from lazygraph.promotion import as_value
from lazygraph.tensor import Tensor, TensorLike

__all__ = ["At"]


@dataclass(frozen=True)
class At:
    """What `x.at` is: it waits for an index.

    >>> import lazygraph as lg
    >>> lg.zeros(3).at[[0, 2, 2]].add([1, 2, 3]).eval()
    array([1., 0., 5.])
    >>> lg.arange(5).at[1:3].set(9).eval()
    array([0, 9, 9, 3, 4])
    """

    tensor: Tensor

    def __getitem__(self, index: Any) -> Place:
        return Place(self.tensor, index)


@dataclass(frozen=True)
class Place:
    """A tensor and an index: each method combines values, cast to the tensor's dtype, into the elements there.

    Takes every index that `x[index]` takes, and mask tensors of x's shape beside values that broadcast to x.
    """

    tensor: Tensor
    index: Any

    def _combined(self, op: str, combine: Callable[[Tensor, Tensor], Tensor], values: TensorLike) -> Tensor:
        x = self.tensor
        new = as_value(values, x.dtype)
        if is_mask_of(self.index, x.value):
            return where(self.index, combine(x, Tensor(new)), x)
        found = scattered(op, x.value, self.index, new)
        if found is not None:
            return Tensor(found)
        return setitem(x, self.index, combine(getitem(x, self.index), Tensor(new)))

    @traced
    def get(self) -> Tensor:
        """x[index]."""
        return getitem(self.tensor, self.index)

    @traced
    def set(self, values: TensorLike) -> Tensor:
        """The values in place of the elements; the last one of those for one element."""
        if is_mask_of(self.index, self.tensor.value):
            return where(self.index, Tensor(as_value(values, self.tensor.dtype)), self.tensor)
        return setitem(self.tensor, self.index, values)

    @traced
    def add(self, values: TensorLike) -> Tensor:
        """The values added to the elements."""
        return self._combined("scatter_add", lg.add, values)

    @traced
    def multiply(self, values: TensorLike) -> Tensor:
        """The values multiplied to the elements."""
        return self._combined("scatter_mul", lg.multiply, values)

    @traced
    def min(self, values: TensorLike) -> Tensor:
        """The least of the elements and the values; NaN where one is NaN."""
        return self._combined("scatter_min", lg.minimum, values)

    @traced
    def max(self, values: TensorLike) -> Tensor:
        """The greatest of the elements and the values; NaN where one is NaN."""
        return self._combined("scatter_max", lg.maximum, values)

"""Symbolic extents as a user meets them.

In: names, numbers, shapes. Out: `Dim`s, checked shapes, and extents as values that arithmetic can use.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any, SupportsIndex, Union

import lazygraph.compiler.ops  # noqa: F401  (fills the table of records)
from lazygraph.compiler.ir import dims
from lazygraph.compiler.ir.dims import Dim, Extent, Shape
from lazygraph.compiler.ir.errors import ShapeError
from lazygraph.compiler.ir.graph import TensorType, Value
from lazygraph.compiler.ops.assertions import aligned as aligned
from lazygraph.compiler.ops.compose import emit, spread
from lazygraph.compiler.ops.record import full
from lazygraph.errors import require_plain_name, shape_text
from lazygraph.runtime.dtypes import DType

ShapeLike = Union[SupportsIndex, Dim, Sequence[Union[SupportsIndex, Dim]]]


def dim(name: str, min: int = 0, max: int | None = None, multiple_of: int = 1) -> Dim:
    """A symbolic extent: one compiled function serves every size that it takes.

    The name is its identity within a function: two dims of one name are one. `min`, `max` and `multiple_of` are
    promises that calls are held to, and that decide comparisons when the graph is built. It is never treated as 1.
    Raises ValueError for a name that is not an identifier or for an empty range.

    >>> import lazygraph as lg
    >>> n = lg.dim("n", min=1)
    >>> lg.placeholder((n, 4), lg.float32, "x").reshape(-1, 2).shape
    (Dim(2 * n), 2)
    """
    require_plain_name("a dim", name)
    for each in (min, multiple_of, 0 if max is None else max):
        if isinstance(each, bool) or not hasattr(each, "__index__"):
            raise TypeError(f"dim {name}: min, max and multiple_of are ints; found {each!r}")
    low, step = operator.index(min), operator.index(multiple_of)
    high = None if max is None else operator.index(max)
    if low < 0 or step < 1 or (high is not None and high < -(-low // step) * step):
        expected = "expected 0 <= min <= max with a multiple of multiple_of >= 1 between them"
        raise ValueError(f"dim {name}: {expected}, found {low}, {high}, {step}")
    return dims.symbol(name, low, high, step)


def as_extent(extent: Any) -> Extent:
    """An int or Dim from anything that counts as one; TypeError names what does not."""
    if isinstance(extent, Dim):
        return extent
    if isinstance(extent, bool) or not hasattr(extent, "__index__"):
        raise TypeError(f"an extent is an int or a dim (lg.dim); found {extent!r}")
    return operator.index(extent)


def as_shape(shape: ShapeLike) -> Shape:
    """A shape from an extent or a sequence of them. ShapeError names a negative extent."""
    extents = (shape,) if isinstance(shape, Dim) or hasattr(shape, "__index__") else tuple(shape)
    found = tuple([as_extent(extent) for extent in extents])
    if any(isinstance(extent, int) and extent < 0 for extent in found):
        raise ShapeError(f"extents are >= 0; found {shape_text(found)}")
    if any(isinstance(extent, int) and extent >= 2**63 for extent in found):
        raise ShapeError(f"extents are < 2**63; found {shape_text(found)}")
    return found


def same(left: Extent, right: Extent) -> bool:
    """Whether two extents are equal whatever the dims are."""
    return left == right or dims.compare_equal(left, right) is True


def fill_in(shape: Sequence[Extent], total: Extent) -> Shape:
    """The shape with its one -1 replaced so that it holds `total` elements; ShapeError where that does not come out."""
    unknown = [position for position, extent in enumerate(shape) if extent == -1]
    if not unknown:
        return tuple(shape)
    if len(unknown) > 1:
        raise ShapeError(f"one extent at most may be -1; found {shape_text(shape)}")
    known = dims.product([extent for extent in shape if extent != -1])
    if known == 0:
        raise ShapeError(f"-1 beside an extent of 0 could be anything; found {shape_text(shape)}")
    quotient = dims.floordiv(total, known)
    divides = same(dims.multiply(quotient, known), total) or (isinstance(known, int) and dims.divides(known, total))
    if not divides:
        reason = f"{total} elements do not divide by {known}"
        hint = "; declare it with lg.dim(..., multiple_of=...)" if isinstance(total, Dim) else ""
        raise ShapeError(f"{reason} in {shape_text(shape)}{hint}")
    return tuple([quotient if extent == -1 else extent for extent in shape])


def could_be_same(left: Extent, right: Extent) -> bool:
    """Whether two extents may be equal: not known to differ."""
    return dims.compare_equal(left, right) is not False


def fitted(value: Value, shape: Shape) -> Value:
    """`aligned` where the shapes may be equal; the value as it is where they are known to differ."""
    fits = len(value.shape) == len(shape) and all(map(could_be_same, value.shape, shape))
    return aligned(value, shape) if fits else value


def extent_value(extent: Extent, dtype: DType, shape: Shape = ()) -> Value:
    """An extent as a tensor of a shape, a scalar unless told: the n of a mean over n elements."""
    if isinstance(extent, int):
        return full(TensorType(dtype, shape), extent)
    return spread(emit("extent", value=extent, dtype=dtype), shape, ())

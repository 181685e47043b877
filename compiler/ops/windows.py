"""Windows that slide over a tensor: where each of their elements lies, in type rules, references and loops.

In: the attributes of a window op, one amount per axis. Along an axis, tap k (0 .. window-1) of the window at o (0 ..
shape-1) stands at p = o*stride - low + k*window_dilation, counted in the operand with input_dilation - 1 gaps between
neighbours: it is element p / input_dilation if that is an integer in 0 .. extent-1, else padding. So there is no
`high`: how far the padding goes at the end is said by `shape`, the extents of the result. That keeps transposes exact
for symbolic extents: the element and the window change parts, and nothing has to be divided back.

Taps are numbered in row-major order of the window and taken one after the other in that order, so the bits of a result
depend on no schedule. Out: what the records of the window families share.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from lazygraph.compiler.ir import dims
from lazygraph.compiler.ir.dims import Dim, Extent, Shape
from lazygraph.compiler.ir.errors import ShapeError
from lazygraph.compiler.ir.graph import Attributes, Node, TensorType, Value
from lazygraph.compiler.ops.compose import batched_input, emit, spread
from lazygraph.compiler.ops.type_rules import require_shape
from lazygraph.runtime.dtypes import int64


@dataclass(frozen=True)
class Windows:
    """The attributes of a window op. Strides and dilations are ints >= 1; the others may be symbolic."""

    window: Shape
    strides: tuple[int, ...]
    low: Shape
    shape: Shape
    input_dilation: tuple[int, ...]
    window_dilation: tuple[int, ...]

    @staticmethod
    def of(attributes: Mapping[str, Any]) -> Windows:
        return Windows(**{name: attributes[name] for name in Windows.__dataclass_fields__})

    @staticmethod
    def along(extents: Shape, axes: Mapping[int, tuple[Extent, int, int, Extent, Extent]]) -> Windows:
        """Windows along some axes of a tensor: (window, stride, window dilation, low, extent of the result) of each."""
        rows = [axes.get(axis, (1, 1, 1, 0, extent)) for axis, extent in enumerate(extents)]
        window, strides, dilations, low, shape = ([row[place] for row in rows] for place in range(5))
        return Windows(tuple(window), tuple(strides), tuple(low), tuple(shape), (1,) * len(rows), tuple(dilations))  # type: ignore[arg-type]

    @property
    def attributes(self) -> dict[str, Any]:
        return dict(self.__dict__)

    @property
    def taps(self) -> Extent:
        """How many elements a window has, padding among them."""
        return dims.product(self.window)

    def transposed(self, extents: Shape) -> Windows:
        """From windows back to the elements, of these extents: tap k of window o is element i of the operand if and
        only if tap window-1-k of the transposed window i is element o."""
        low = [
            dims.add(dims.multiply(dims.add(taps, -1), step), dims.multiply(before, -1))
            for taps, step, before in zip(self.window, self.window_dilation, self.low)
        ]
        return Windows(self.window, self.input_dilation, tuple(low), extents, self.strides, self.window_dilation)

    def batched(self, size: Extent) -> Windows:
        """With a new leading axis that no window spans."""
        return Windows(
            (1, *self.window),
            (1, *self.strides),
            (0, *self.low),
            (size, *self.shape),
            (1, *self.input_dilation),
            (1, *self.window_dilation),
        )


# --- types ------------------------------------------------------------------------------------------------------------


def require_windows(op: str, x: TensorType, attributes: Attributes) -> Windows:
    """The attributes, after checking that there is an amount of the right kind for each axis."""
    require_shape(op, attributes["shape"])
    for name in Windows.__dataclass_fields__:
        amounts = attributes[name]
        extents = isinstance(amounts, tuple) and all(isinstance(each, int | Dim) for each in amounts)
        if not extents or len(amounts) != x.rank:
            raise ShapeError(f"{op}: {name}: expected a tuple of {x.rank} extents, found {amounts!r}")
    require_shape(op, attributes["window"], what="window")
    for name in ("strides", "input_dilation", "window_dilation"):
        if not all(isinstance(each, int) and each >= 1 for each in attributes[name]):
            raise ShapeError(f"{op}: {name}: expected ints >= 1, found {attributes[name]!r}")
    return Windows.of(attributes)


def batch_windows(node: Node, inputs: tuple[Value, ...], batched: tuple[bool, ...], size: Extent) -> tuple[Value, ...]:
    """The batching rule of all window ops: a leading axis with windows of one element."""
    operands = [batched_input(x, has, size) for x, has in zip(inputs, batched)]
    return (emit(node.op.name, *operands, **Windows.of(node.attributes).batched(size).attributes),)


# --- references -------------------------------------------------------------------------------------------------------


def taps_of(x: np.ndarray, fill: Any, attributes: Mapping[str, Any]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """For each tap in order: its element in every window, or the fill, and where it is an element."""
    amounts = [attributes[name] for name in ("shape", "strides", "low", "window_dilation", "input_dilation")]
    for ks in np.ndindex(*attributes["window"]):
        inside = np.ones(attributes["shape"], np.bool_)
        places = []
        for axis, (k, count, stride, low, step, gap) in enumerate(zip(ks, *amounts)):
            element, rest = np.divmod(np.arange(count) * stride - low + k * step, gap)
            held = (rest == 0) & (element >= 0) & (element < x.shape[axis])
            inside &= held.reshape([-1 if each == axis else 1 for each in range(x.ndim)])
            places.append(np.where(held, element, 0))
        if not inside.any():
            yield np.full(inside.shape, fill, x.dtype), inside
        else:
            yield np.where(inside, x[np.ix_(*places)] if x.ndim else x, fill).astype(x.dtype), inside


# --- values -----------------------------------------------------------------------------------------------------------


def patches(x: Value, windows: Windows, fill: Value) -> Value:
    """All taps of every window, of shape `shape` + `window`: elements of x, and `fill`, a scalar, for padding."""
    rank = x.type.rank
    if rank == 0:
        return x
    shape = (*windows.shape, *windows.window)
    places = []
    inside: Value | None = None
    for axis in range(rank):
        o, k = (emit("iota", dtype=int64, shape=shape, axis=each) for each in (axis, rank + axis))
        p = o * _number(windows.strides[axis], shape) + k * _number(windows.window_dilation[axis], shape)
        p = p - _number(windows.low[axis], shape)
        extent, gap = _number(x.shape[axis], shape), _number(windows.input_dilation[axis], shape)
        zero = _number(0, shape)
        tests = [emit("le", zero, p), emit("lt", p, extent * gap), emit("eq", emit("rem", p, gap), zero)]
        for test in tests if windows.input_dilation[axis] > 1 else tests[:2]:
            inside = test if inside is None else emit("and", inside, test)
        places.append(emit("div", p, gap) if windows.input_dilation[axis] > 1 else p)
    assert inside is not None
    found = emit("gather", x, *places, axes=tuple(range(rank)), mode="clip")
    return emit("select", inside, found, spread(fill, shape, ()))


def _number(extent: Extent, shape: Shape) -> Value:
    return spread(emit("extent", value=extent, dtype=int64), shape, ())

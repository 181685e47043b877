"""Ops that cut tensors apart and put them together: slice, pad, concat.

In: tensors of any dtype. Out: tensors whose every element is an element of an operand or a fill, found by index
arithmetic (the `lower` field). All are linear in their operands; their transposes are each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from lazygraph.compiler.ir import dims
from lazygraph.compiler.ir.dims import Extent, Shape
from lazygraph.compiler.ir.errors import ShapeError
from lazygraph.compiler.ir.graph import Attributes, Node, TensorType, Value
from lazygraph.compiler.loop.ir import Index, Operand
from lazygraph.compiler.ops.compose import batched_input, emit, or_zeros, spread
from lazygraph.compiler.ops.lowering import ElementBuilder, Pointwise
from lazygraph.compiler.ops.record import Domain, Flags, Op, Tangents, register, zeros
from lazygraph.compiler.ops.samples import EVERY, Case, hostile, smooth, unary_cases, unary_smooth
from lazygraph.compiler.ops.structural import same_op
from lazygraph.compiler.ops.type_rules import (
    require_at_most,
    require_axis,
    require_equal_shapes,
    require_operands,
    require_same_dtype,
)
from lazygraph.runtime.dtypes import DType

Types = tuple[TensorType, ...]
Shapes = Sequence[tuple[Sequence[int], dict[str, Any]]]


# --- slice ------------------------------------------------------------------------------------------------------------


def _slice_type(types: Types, attributes: Attributes) -> Types:
    require_operands("slice", types, 1)
    (x,) = types
    starts, stops, steps = (_per_axis("slice", name, attributes[name], x.rank) for name in ("starts", "stops", "steps"))
    shape = []
    for axis, (start, stop, step, extent) in enumerate(zip(starts, stops, steps, x.shape)):
        require_at_most("slice", f"start of axis {axis}", 0, start)
        require_at_most("slice", f"start and stop of axis {axis}", start, stop)
        require_at_most("slice", f"stop and extent of axis {axis}", stop, extent)
        if not isinstance(step, int) or step < 1:
            raise ShapeError(f"slice: step of axis {axis}: expected an int >= 1, found {step}")
        shape.append(dims.ceildiv(stop - start, step))
    return (TensorType(x.dtype, tuple(shape)),)


def _per_axis(op: str, what: str, amounts: object, rank: int) -> Shape:
    extents = isinstance(amounts, tuple) and all(isinstance(each, int | dims.Dim) for each in amounts)
    if not isinstance(amounts, tuple) or not extents or len(amounts) != rank:
        raise ShapeError(f"{op}: {what}: expected a tuple of {rank} extents, found {amounts!r}")
    return amounts


def _slice_reference(
    x: np.ndarray, *, starts: tuple[int, ...], stops: tuple[int, ...], steps: tuple[int, ...]
) -> np.ndarray:
    return x[tuple([slice(start, stop, step) for start, stop, step in zip(starts, stops, steps)])]


def _slice_transpose(node: Node, cotangents: Tangents, linear: tuple[bool, ...]) -> Tangents:
    (ct,) = cotangents
    if ct is None:
        return (None,)
    (x,) = node.inputs
    interior = tuple([step - 1 for step in node["steps"]])
    low = node["starts"]
    spans = [spaced(count, gap) for count, gap in zip(ct.shape, interior)]
    high = tuple([extent - below - span for extent, below, span in zip(x.shape, low, spans)])
    return (emit("pad", ct, zeros(TensorType(x.dtype, ())), low=low, high=high, interior=interior),)


def _slice_batch(node: Node, inputs: tuple[Value, ...], batched: tuple[bool, ...], size: Extent) -> tuple[Value, ...]:
    starts, stops, steps = (0, *node["starts"]), (size, *node["stops"]), (1, *node["steps"])
    return (emit("slice", inputs[0], starts=starts, stops=stops, steps=steps),)


def _slice_element(b: ElementBuilder, node: Node, index: Index) -> Operand:
    at = [dims.add(start, dims.multiply(i, step)) for i, start, step in zip(index, node["starts"], node["steps"])]
    return b.read(0, tuple(at))


_SLICES: Shapes = [
    ((), {"starts": (), "stops": (), "steps": ()}),
    ((7,), {"starts": (2,), "stops": (6,), "steps": (1,)}),
    ((7,), {"starts": (1,), "stops": (7,), "steps": (3,)}),
    ((3, 71), {"starts": (0, 2), "stops": (2, 70), "steps": (1, 2)}),
    ((5,), {"starts": (3,), "stops": (3,), "steps": (2,)}),
    ((0, 3), {"starts": (0, 1), "stops": (0, 3), "steps": (1, 1)}),
]

slice_ = register(
    Op(
        name="slice",
        doc="Elements start, start + step, ... below stop along each axis.",
        type_rule=_slice_type,
        reference=_slice_reference,
        jvp=same_op,
        transpose=_slice_transpose,
        batch=_slice_batch,
        lower=Pointwise(_slice_element),
        domain=Domain(EVERY, unary_cases(_SLICES), unary_smooth(_SLICES)),
        ulp=0,
        flags=Flags(linear=(0,), moves=True),
    )
)


# --- pad --------------------------------------------------------------------------------------------------------------


def spaced(extent: Extent, gap: Extent) -> Extent:
    """The extent of `extent` elements with `gap` others between neighbours: max(n*(gap + 1) - gap, 0)."""
    if gap == 0:
        return extent
    return dims.maximum(dims.add(dims.multiply(extent, dims.add(gap, 1)), dims.multiply(gap, -1)), 0)


def _pad_type(types: Types, attributes: Attributes) -> Types:
    require_operands("pad", types, 2)
    x, fill = types
    require_equal_shapes("pad", "the fill is a scalar", fill.shape, ())
    require_same_dtype("pad", "operand and fill", x.dtype, fill.dtype)
    low, high, interior = (_per_axis("pad", name, attributes[name], x.rank) for name in ("low", "high", "interior"))
    for name, amounts in (("low", low), ("high", high), ("interior", interior)):
        for axis, amount in enumerate(amounts):
            require_at_most("pad", f"{name} of axis {axis}", 0, amount)
    shape = [below + spaced(extent, gap) + above for below, extent, gap, above in zip(low, x.shape, interior, high)]
    return (TensorType(x.dtype, tuple(shape)),)


def _pad_reference(
    x: np.ndarray, fill: np.ndarray, *, low: tuple[int, ...], high: tuple[int, ...], interior: tuple[int, ...]
) -> np.ndarray:
    spans = [max(extent * (gap + 1) - gap, 0) for extent, gap in zip(x.shape, interior)]
    result = np.full([below + span + above for below, span, above in zip(low, spans, high)], fill, x.dtype)
    places = [slice(below, below + span, gap + 1) for below, span, gap in zip(low, spans, interior)]
    result[tuple(places)] = x
    return result


def _pad_jvp(node: Node, tangents: Tangents) -> Tangents:
    if tangents == (None, None):
        return (None,)
    x, fill = node.inputs
    return (emit("pad", or_zeros(tangents[0], x), or_zeros(tangents[1], fill), **node.attributes),)


def _pad_transpose(node: Node, cotangents: Tangents, linear: tuple[bool, ...]) -> Tangents:
    """x gets its own places back; the fill gets the sum of the others: everything, less x's part."""
    (ct,) = cotangents
    if ct is None:
        return (None, None)
    x, fill = node.inputs
    stops = [low + spaced(extent, gap) for low, extent, gap in zip(node["low"], x.shape, node["interior"])]
    steps = tuple([gap + 1 for gap in node["interior"]])
    for_x = emit("slice", ct, starts=node["low"], stops=tuple(stops), steps=steps) if linear[0] else None
    if not linear[1]:
        return (for_x, None)
    inside = emit("constant", value=_read_only(np.ones((), np.bool_)))
    outside = emit("constant", value=_read_only(np.zeros((), np.bool_)))
    mask = emit("pad", spread(inside, x.shape, ()), outside, **node.attributes)
    kept = emit("select", mask, zeros(ct.type), ct)
    return (for_x, emit("reduce_sum", kept, axes=tuple(range(ct.type.rank))) if ct.type.rank else kept)


def _read_only(array: np.ndarray) -> np.ndarray:
    array.flags.writeable = False
    return array


def _pad_batch(node: Node, inputs: tuple[Value, ...], batched: tuple[bool, ...], size: Extent) -> tuple[Value, ...]:
    """A fill per example cannot be one scalar: pad with anything, then select it where no element of x lands."""
    amounts = {name: (0, *node[name]) for name in ("low", "high", "interior")}
    x = batched_input(inputs[0], batched[0], size)
    if not batched[1]:
        return (emit("pad", x, inputs[1], **amounts),)
    padded = emit("pad", x, zeros(TensorType(x.dtype, ())), **amounts)
    inside = emit("constant", value=_read_only(np.ones((), np.bool_)))
    outside = emit("constant", value=_read_only(np.zeros((), np.bool_)))
    mask = emit("pad", spread(inside, x.shape, ()), outside, **amounts)
    return (emit("select", mask, padded, spread(inputs[1], padded.shape, (0,))),)


def _pad_element(b: ElementBuilder, node: Node, index: Index) -> Operand:
    shape = node.inputs[0].shape
    inside: Operand | None = None
    at: list[Extent] = []
    for i, low, high, gap, extent in zip(index, node["low"], node["high"], node["interior"], shape):
        shifted, step = i - low, gap + 1
        at.append(dims.floordiv(shifted, step))
        tests = []
        if low != 0 or high != 0:
            tests.append(b.in_range(shifted, 0, spaced(extent, gap)))
        if gap != 0:
            tests.append(b.in_range(dims.mod(shifted, step), 0, 1))
        for test in tests:
            inside = test if inside is None else b.let("and", inside, test)
    return b.read(0, tuple(at)) if inside is None else b.read_where(inside, 0, tuple(at), b.read(1, ()))


_PADS: Shapes = [
    ((), {"low": (), "high": (), "interior": ()}),
    ((5,), {"low": (2,), "high": (1,), "interior": (0,)}),
    ((5,), {"low": (0,), "high": (3,), "interior": (2,)}),
    ((1, 67), {"low": (1, 0), "high": (0, 2), "interior": (3, 1)}),
    ((0, 3), {"low": (2, 0), "high": (1, 0), "interior": (4, 0)}),
]


def _pad_cases(rng: np.random.Generator, dtype: DType) -> list[Case]:
    return [((hostile(rng, dtype, shape), hostile(rng, dtype, ())), dict(each)) for shape, each in _PADS]


def _pad_smooth(rng: np.random.Generator) -> list[Case]:
    return [(smooth(rng, shape, ()), dict(each)) for shape, each in _PADS]


pad = register(
    Op(
        name="pad",
        doc="Surrounded by a fill along each axis: `low` before, `high` after, `interior` between neighbours.",
        type_rule=_pad_type,
        reference=_pad_reference,
        jvp=_pad_jvp,
        transpose=_pad_transpose,
        batch=_pad_batch,
        lower=Pointwise(_pad_element),
        domain=Domain(EVERY, _pad_cases, _pad_smooth),
        ulp=0,
        flags=Flags(linear=(0, 1)),
    )
)


# --- concat -----------------------------------------------------------------------------------------------------------


def _concat_type(types: Types, attributes: Attributes) -> Types:
    if not types:
        raise ShapeError("concat: expected one or more operands, found none")
    axis = require_axis("concat", attributes["axis"], types[0].rank)
    total: Extent = 0
    for place, each in enumerate(types):
        what = f"operands 0 and {place}"
        require_same_dtype("concat", what, types[0].dtype, each.dtype)
        like = (*types[0].shape[:axis], *each.shape[axis : axis + 1], *types[0].shape[axis + 1 :])
        require_equal_shapes("concat", what, like, each.shape)
        total = dims.add(total, each.shape[axis])
    shape = (*types[0].shape[:axis], total, *types[0].shape[axis + 1 :])
    return (TensorType(types[0].dtype, shape),)


def _concat_jvp(node: Node, tangents: Tangents) -> Tangents:
    if all(each is None for each in tangents):
        return (None,)
    filled = [or_zeros(tangent, x) for tangent, x in zip(tangents, node.inputs)]
    return (emit("concat", *filled, axis=node["axis"]),)


def _concat_transpose(node: Node, cotangents: Tangents, linear: tuple[bool, ...]) -> Tangents:
    (ct,) = cotangents
    if ct is None:
        return (None,) * len(node.inputs)
    axis = node["axis"]
    start: Extent = 0
    pieces: list[Value | None] = []
    for x, wanted in zip(node.inputs, linear):
        stop = dims.add(start, x.shape[axis])
        starts = tuple([start if each == axis else 0 for each in range(x.type.rank)])
        stops = tuple([stop if each == axis else extent for each, extent in enumerate(ct.shape)])
        steps = (1,) * x.type.rank
        pieces.append(emit("slice", ct, starts=starts, stops=stops, steps=steps) if wanted else None)
        start = stop
    return tuple(pieces)


def _concat_batch(node: Node, inputs: tuple[Value, ...], batched: tuple[bool, ...], size: Extent) -> tuple[Value, ...]:
    spread_inputs = [batched_input(x, has, size) for x, has in zip(inputs, batched)]
    return (emit("concat", *spread_inputs, axis=node["axis"] + 1),)


def _concat_element(b: ElementBuilder, node: Node, index: Index) -> Operand:
    axis = node["axis"]
    i = index[axis]
    start: Extent = 0
    result: Operand = b.literal(0, node.output.dtype)
    for place, x in enumerate(node.inputs):
        extent = x.shape[axis]
        at = (*index[:axis], i - start, *index[axis + 1 :])
        if len(node.inputs) == 1:
            return b.read(place, at)
        result = b.read_where(b.in_range(i - start, 0, extent), place, at, result)
        start = dims.add(start, extent)
    return result


_CONCATS: Sequence[tuple[Sequence[Sequence[int]], int]] = [
    ([(5,)], 0),
    ([(5,), (0,), (2,)], 0),
    ([(2, 3), (2, 67)], 1),
    ([(1, 3), (4, 3), (2, 3)], 0),
    ([(0, 3), (0, 2)], 1),
]


def _concat_cases(rng: np.random.Generator, dtype: DType) -> list[Case]:
    return [(tuple([hostile(rng, dtype, shape) for shape in shapes]), {"axis": axis}) for shapes, axis in _CONCATS]


concat = register(
    Op(
        name="concat",
        doc="Tensors one after the other along an axis.",
        type_rule=_concat_type,
        reference=lambda *xs, axis: np.concatenate(xs, axis),
        jvp=_concat_jvp,
        transpose=_concat_transpose,
        batch=_concat_batch,
        lower=Pointwise(_concat_element),
        domain=Domain(
            EVERY, _concat_cases, lambda rng: [(smooth(rng, *shapes), {"axis": axis}) for shapes, axis in _CONCATS]
        ),
        ulp=0,
        flags=Flags(linear=(0,), variadic=True),
    )
)

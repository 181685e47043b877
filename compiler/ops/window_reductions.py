"""Reductions over windows: sum, product, greatest and least, with strides, padding and dilations on every axis.

In: a tensor and a geometry (`windows.py`). Out: for each window the combination of its elements, one after the other in
row-major order of the window; padding leaves it as it is. A window without an element has the identity: 0, 1, the
lowest or the highest number. NaN wins a maximum. At ties the derivative goes to the first of equals.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Union

import numpy as np

from lazygraph.compiler.ir.graph import Attributes, Node, TensorType
from lazygraph.compiler.loop.ir import Buffer
from lazygraph.compiler.ops.complex_math.references import times
from lazygraph.compiler.ops.compose import emit
from lazygraph.compiler.ops.halves import through_float32
from lazygraph.compiler.ops.lowering import BodyBuilder, Loops
from lazygraph.compiler.ops.record import (
    NOT_LINEAR,
    Domain,
    Flags,
    JvpRule,
    NotLinear,
    Op,
    Tangents,
    TransposeRule,
    TypeRule,
    full,
    register,
    zeros,
)
from lazygraph.compiler.ops.samples import (
    ALL_TYPES,
    NUMBERS,
    Case,
    Draw,
    Shapes,
    distinct,
    plain,
    smooth,
    special,
)
from lazygraph.compiler.ops.structural import same_op
from lazygraph.compiler.ops.type_rules import require_dtype, require_operands
from lazygraph.compiler.ops.window_loops import Carried, Tap, slide
from lazygraph.compiler.ops.windows import Windows, batch_windows, patches, require_windows, taps_of
from lazygraph.runtime.dtypes import ALL, COMPLEX, DType, float32, from_numpy

NUMERIC = ("int", "uint", "float")
Identity = Callable[[DType], Any]
Amounts = Union[Sequence[int], None]  # one per axis; None: 1
Padding = Union[Sequence[tuple[int, int]], None]


def _type_rule(op: str, kinds: Sequence[str]) -> TypeRule:
    def rule(types: tuple[TensorType, ...], attributes: Attributes) -> Sequence[TensorType]:
        require_operands(op, types, 1)
        require_dtype(op, "operand", types[0].dtype, kinds)
        return (TensorType(types[0].dtype, require_windows(op, types[0], attributes).shape),)

    return rule


def _reference(combine: Callable[..., np.ndarray], identity: Identity) -> Callable[..., np.ndarray]:
    def reference(x: np.ndarray, **attributes: Any) -> np.ndarray:
        neutral = identity(from_numpy(x.dtype))
        found = np.full(attributes["shape"], neutral, x.dtype)
        with np.errstate(all="ignore"):
            for tap, inside in taps_of(x, neutral, attributes):
                found = np.where(inside, combine(found, tap), found).astype(x.dtype)
        return found

    return reference


def _lowering(combine: str, identity: Identity) -> Loops:
    def write(b: BodyBuilder, node: Node, inputs: tuple[Buffer, ...], outputs: tuple[Buffer, ...]) -> None:
        (x,), (target,) = inputs, outputs
        neutral = b.literal(identity(x.dtype), x.dtype)

        def step(carried: Carried, tap: Tap) -> Carried:
            element = b.load(x, tap.index, tap.inside, None if tap.inside is None else neutral)
            return (b.let(combine, carried[0], element),)

        slide(b, Windows.of(node.attributes), x, target, (neutral,), step, lambda carried: carried[0])

    return Loops(write, accumulates=True)


# --- derivatives ------------------------------------------------------------------------------------------------------


def _sum_transpose(node: Node, cotangents: Tangents, linear: tuple[bool, ...]) -> Tangents:
    """Each element gets the sum of the cotangents of the windows that hold it: the sum over transposed windows."""
    (ct,) = cotangents
    back = Windows.of(node.attributes).transposed(node.inputs[0].shape)
    return (None if ct is None else node.op(ct, **back.attributes),)


def _prod_jvp(node: Node, tangents: Tangents) -> Tangents:
    """The JVP of the plain product, over all windows laid out: no division by a factor, so zeros are right."""
    (dx,), (x,) = tangents, node.inputs
    if dx is None:
        return (None,)
    windows = Windows.of(node.attributes)
    scalar = TensorType(x.dtype, ())
    factors, rates = patches(x, windows, full(scalar, 1)), patches(dx, windows, zeros(scalar))
    rank = x.type.rank
    product = emit("reduce_prod", factors, axes=tuple(range(rank, 2 * rank))) if rank else None
    return (dx,) if product is None else product.node.op.jvp(product.node, (rates,))


def _extreme_jvp(choose: str) -> JvpRule:
    """dy = dx at the first element of the window that attains the extreme."""

    def rule(node: Node, tangents: Tangents) -> Tangents:
        (dx,) = tangents
        if dx is None:
            return (None,)
        return (emit("window_gather", dx, emit(choose, node.inputs[0], **node.attributes), **node.attributes),)

    return rule


# --- where they are tried ---------------------------------------------------------------------------------------------


def geometry(
    extents: Sequence[int],
    window: Sequence[int],
    strides: Amounts,
    padding: Padding,
    input_dilation: Amounts,
    window_dilation: Amounts,
) -> dict[str, Any]:
    """The attributes of windows over a tensor of these extents, padded by (low, high) along each axis."""
    ones = (1,) * len(extents)
    strides, gaps, steps = (tuple(each or ones) for each in (strides, input_dilation, window_dilation))
    padding = padding or ((0, 0),) * len(extents)
    shape = []
    for extent, taps, stride, (low, high), gap, step in zip(extents, window, strides, padding, gaps, steps):
        span = max((extent - 1) * gap + 1, 0) + low + high
        shape.append(max((span - (taps - 1) * step - 1) // stride + 1, 0))
    lows = tuple([each for each, _ in padding])
    return Windows(tuple(window), strides, lows, tuple(shape), gaps, steps).attributes


# extents, window, strides, (low, high) padding, dilation of the operand and of the window: plain, strided with padding,
# overhanging and cropped, dilated both ways, channels last, large windows, windows of padding alone, empty operands,
# rows longer than a block
_GEOMETRIES: Sequence[tuple[Sequence[int], Sequence[int], Amounts, Padding, Amounts, Amounts]] = [
    ((), (), None, None, None, None),
    ((7,), (3,), None, None, None, None),
    ((3, 5, 67), (1, 2, 2), (1, 2, 2), None, None, None),
    ((2, 7, 9), (2, 3, 3), (1, 2, 2), ((0, 0), (1, 1), (1, 1)), None, None),
    ((5, 8), (2, 3), (3, 4), ((4, 3), (-1, 5)), None, (2, 2)),
    ((6, 5), (3, 2), (1, 1), ((2, 2), (1, 1)), (2, 2), None),
    ((4, 5), (2, 3), (2, 3), ((1, 2), (-2, 4)), (3, 2), (2, 3)),
    ((4, 6, 3), (3, 3, 1), (2, 2, 1), ((1, 0), (0, 1), (0, 0)), None, None),
    ((11, 13), (7, 6), (1, 2), ((3, 3), (3, 2)), None, None),
    ((3, 0), (2, 2), (1, 1), ((0, 0), (1, 2)), None, None),
    ((0, 4), (1, 2), None, None, None, None),
    ((1100,), (4,), (1,), ((2, 1),), None, None),
]
SHAPES: Shapes = [
    (extents, geometry(extents, window, strides, padding, gaps, steps))
    for extents, window, strides, padding, gaps, steps in _GEOMETRIES
]
FEW = [SHAPES[place] for place in (0, 1, 3, 4, 5, 7)]
FILLED = [SHAPES[place] for place in (0, 1, 3, 5, 7)]  # every window has an element: an infinity has no differences


def shapes_for(dtype: DType) -> Shapes:
    """All geometries in float32, a third in each other dtype, by turns, and the edges: loops do not look at dtypes."""
    edges = [each for each in SHAPES if not each[0] or 0 in each[0]]
    inner = [each for each in SHAPES if each not in edges]
    return SHAPES if dtype == float32 else [*edges, *inner[ALL.index(dtype) % 3 :: 3]]


def _cases(draw: Draw) -> Callable[[np.random.Generator, DType], list[Case]]:
    return lambda rng, dtype: [((draw(rng, dtype, shape),), dict(each)) for shape, each in shapes_for(dtype)]


def _domain(dtypes: tuple[DType, ...], draw: Draw, draw_smooth: Callable[..., np.ndarray], few: Shapes = FEW) -> Domain:
    return Domain(dtypes, _cases(draw), lambda rng: [((draw_smooth(rng, shape),), dict(each)) for shape, each in few])


def _with_zeros(rng: np.random.Generator, shape: Sequence[int]) -> np.ndarray:
    return np.asarray(np.where(rng.random(shape) < 0.2, 0.0, rng.standard_normal(shape)))


# --- records ----------------------------------------------------------------------------------------------------------


def _record(
    name: str,
    doc: str,
    kinds: Sequence[str],
    combine: str,
    reference: Callable[..., np.ndarray],
    identity: Identity,
    jvp: JvpRule,
    transpose: TransposeRule | NotLinear,
    domain: Domain,
    flags: Flags,
) -> Op:
    rules = (_type_rule(name, kinds), through_float32(_reference(reference, identity)), jvp, transpose, batch_windows)
    return register(Op(name, doc, *rules, _lowering(combine, identity), domain, 0, flags))


_EXTREME = _domain(ALL_TYPES, special, distinct, FILLED)

reduce_window_sum = _record(
    "reduce_window_sum", "The sum of the elements of each window; 0 where it has none.",
    (*NUMERIC, "complex"), "add", np.add, lambda dtype: 0, same_op, _sum_transpose,
    _domain((*NUMBERS, *COMPLEX), special, lambda rng, shape: smooth(rng, shape)[0]), Flags(linear=(0,)),
)  # fmt: skip
reduce_window_prod = _record(
    "reduce_window_prod", "The product of the elements of each window; 1 where it has none.",
    (*NUMERIC, "complex"), "mul", times, lambda dtype: 1, _prod_jvp, NOT_LINEAR,
    _domain((*NUMBERS, *COMPLEX), plain, _with_zeros), Flags(),
)  # fmt: skip
reduce_window_max = _record(
    "reduce_window_max", "The greatest element of each window, NaN if one is NaN; the lowest number where it has none.",
    ("bool", *NUMERIC), "max", np.maximum, lambda dtype: dtype.lowest,
    _extreme_jvp("window_argmax"), NOT_LINEAR, _EXTREME, Flags(),
)  # fmt: skip
reduce_window_min = _record(
    "reduce_window_min", "The least element of each window, NaN if one is NaN; the highest number where it has none.",
    ("bool", *NUMERIC), "min", np.minimum, lambda dtype: dtype.highest,
    _extreme_jvp("window_argmin"), NOT_LINEAR, _EXTREME, Flags(),
)  # fmt: skip

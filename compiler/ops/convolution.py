"""Convolution in one canonical order of axes, closed under its own derivatives and batching.

In: images x (group, image, channel, *spatial) and kernels w (group, filter, channel, *taps) of one dtype. Out: y
(group, image, filter, *spatial),

    y[g, n, o, p] = sum over c, k of  x'[g, n, c, p * stride + k * kernel_dilation - low] * w[g, o, c, k]

where x' is x with input_dilation - 1 zeros between neighbours and zeros around it. The zeros around take part in the
sums (0 * inf is NaN), those between may be left out. The kernel is not flipped. Padding may be negative, which crops.
Both gradients are this op again (Dumoulin and Visin, "A guide to convolution arithmetic for deep learning", 2016): that
of x spreads the cotangent by the stride and runs the reversed kernel over it, that of w runs the cotangent over x with
stride and kernel dilation exchanged, images as channels and channels as images.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Any

import numpy as np

from lazygraph.compiler.ir import dims
from lazygraph.compiler.ir.dims import Extent
from lazygraph.compiler.ir.errors import ShapeError
from lazygraph.compiler.ir.graph import Attributes, Node, TensorType, Value
from lazygraph.compiler.ops.compose import axis_moved, emit, permuted
from lazygraph.compiler.ops.convolution_form import LEADING, convolution_form
from lazygraph.compiler.ops.dot import accumulators, bilinear_jvp, require_accumulator
from lazygraph.compiler.ops.halves import rounded
from lazygraph.compiler.ops.lowering import Product
from lazygraph.compiler.ops.record import Domain, Flags, Op, Tangents, register
from lazygraph.compiler.ops.samples import NUMBERS, Case, plain, smooth
from lazygraph.compiler.ops.slices import spaced
from lazygraph.compiler.ops.type_rules import require_dtype, require_equal, require_operands, require_same_dtype
from lazygraph.runtime.dtypes import COMPLEX, DType, float64, from_numpy

Ints = tuple[int, ...]

STEPS = ("strides", "input_dilation", "kernel_dilation")


def result_extent(
    extent: Extent, taps: Extent, stride: int, low: Extent, high: Extent, input_dilation: int, kernel_dilation: int
) -> Extent:
    """How often the dilated kernel fits into the dilated and padded axis: 0 where it is longer."""
    room = spaced(extent, input_dilation - 1) + low + high - spaced(taps, kernel_dilation - 1)
    return dims.maximum(dims.floordiv(room, stride) + 1, 0)


def _type(types: tuple[TensorType, ...], attributes: Attributes) -> Sequence[TensorType]:
    require_operands("conv_general", types, 2)
    x, w = types
    require_same_dtype("conv_general", "images and kernels", x.dtype, w.dtype)
    require_dtype("conv_general", "operands", x.dtype, ("int", "uint", "float", "complex"))
    require_accumulator("conv_general", x.dtype, attributes["accumulate"])
    if x.rank != w.rank or x.rank <= LEADING:
        axes = "(group, image, channel, *spatial) and (group, filter, channel, *taps)"
        raise ShapeError(f"conv_general: expected axes {axes}, found {x.rank} and {w.rank} axes")
    require_equal("conv_general", "axis 0, groups of images and kernels", x.shape[0], w.shape[0])
    require_equal("conv_general", "axis 2, channels of images and kernels", x.shape[2], w.shape[2])
    for name in (*STEPS, "low", "high"):
        _require_amounts(name, attributes[name], x.rank - LEADING)
    out = [
        result_extent(extent, taps, *amounts)
        for extent, taps, *amounts in zip(
            x.shape[LEADING:],
            w.shape[LEADING:],
            *(attributes[name] for name in ("strides", "low", "high", "input_dilation", "kernel_dilation")),
        )
    ]
    return (TensorType(x.dtype, (*x.shape[:2], w.shape[1], *out)),)


def _require_amounts(name: str, amounts: object, count: int) -> None:
    """One per spatial axis: of steps an int >= 1, of padding any extent."""
    kinds = (int,) if name in STEPS else (int, dims.Dim)
    if not isinstance(amounts, tuple) or len(amounts) != count or not all(isinstance(each, kinds) for each in amounts):
        wanted = "ints >= 1" if name in STEPS else "extents"
        raise ShapeError(f"conv_general: {name}: expected a tuple of {count} {wanted}, found {amounts!r}")
    for axis, amount in enumerate(amounts):
        if name in STEPS and amount < 1:
            raise ShapeError(f"conv_general: {name} of spatial axis {axis}: expected an int >= 1, found {amount}")


# --- reference --------------------------------------------------------------------------------------------------------


def _reference(
    x: np.ndarray,
    w: np.ndarray,
    *,
    strides: Ints,
    low: Ints,
    high: Ints,
    input_dilation: Ints,
    kernel_dilation: Ints,
    accumulate: DType,
) -> np.ndarray:
    """Tap by tap: the elements of padded x that a tap meets, times the tap; floats in float64, rounded once."""
    wide = np.result_type(accumulate.numpy, np.float64) if accumulate.is_differentiable else accumulate.numpy
    amounts = (strides, low, high, input_dilation, kernel_dilation)
    counts = [dims.evaluate(result_extent(*each), {}) for each in zip(x.shape[LEADING:], w.shape[LEADING:], *amounts)]
    padded = x.astype(wide)
    for axis, (below, above, gap) in enumerate(zip(low, high, input_dilation), LEADING):
        padded = _padded(padded, axis, below, above, gap)
    result = np.zeros((*x.shape[:2], w.shape[1], *counts), wide)
    if result.size:
        for taps in product(*map(range, w.shape[LEADING:])):
            begins = [tap * gap for tap, gap in zip(taps, kernel_dilation)]
            met = [slice(at, at + (n - 1) * step + 1, step) for at, n, step in zip(begins, counts, strides)]
            pixels: Any = (..., *met)
            tap: Any = (..., *taps)
            with np.errstate(all="ignore"):
                result += np.einsum("gnc...,goc->gno...", padded[pixels], w[tap].astype(wide))
    return rounded(result, from_numpy(x.dtype))


def _padded(x: np.ndarray, axis: int, low: int, high: int, gap: int) -> np.ndarray:
    """x with zeros between and around along an axis; negative amounts crop."""
    moved = np.moveaxis(x, axis, 0)
    spread = np.zeros((max(len(moved) * gap - gap + 1, 0), *moved.shape[1:]), x.dtype)
    spread[::gap] = moved
    result = np.zeros((max(len(spread) + low + high, 0), *moved.shape[1:]), x.dtype)
    begin, end = max(low, 0), min(low + len(spread), len(result))
    if begin < end:
        result[begin:end] = spread[begin - low : end - low]
    return np.moveaxis(result, 0, axis)


# --- derivatives ------------------------------------------------------------------------------------------------------


def _transpose(node: Node, cotangents: Tangents, linear: tuple[bool, ...]) -> Tangents:
    (ct,) = cotangents
    if ct is None:
        return (None, None)
    return (_for_images(node, ct) if linear[0] else None, _for_kernels(node, ct) if linear[1] else None)


def _for_images(node: Node, ct: Value) -> Value:
    """dx[i] = sum over p, k with p*stride + k*dilation - low = i*input_dilation of ct[p] w[k].

    With k' = K-1-k it is a convolution of ct, spread by the stride, of stride input_dilation, over the reversed kernel;
    low' = (K-1)*dilation - low, and high' is what makes the extent that of x.
    """
    x, w = node.inputs
    axes = tuple(range(LEADING, w.type.rank))
    kernel = permuted(emit("reverse", w, axes=axes), (0, 2, 1, *axes))
    low, high = [], []
    for extent, taps, count, stride, below, spread, gap in zip(
        x.shape[LEADING:],
        w.shape[LEADING:],
        ct.shape[LEADING:],
        *(node[name] for name in ("strides", "low", "input_dilation", "kernel_dilation")),
    ):
        before = dims.add(dims.multiply(dims.add(taps, -1), gap), dims.multiply(below, -1))
        room = dims.multiply(dims.add(extent, -1), spread)
        low.append(before)
        high.append(room + spaced(taps, gap - 1) - spaced(count, stride - 1) - before)
    return emit(
        "conv_general",
        ct,
        kernel,
        strides=node["input_dilation"],
        low=tuple(low),
        high=tuple(high),
        input_dilation=node["strides"],
        kernel_dilation=node["kernel_dilation"],
        accumulate=node["accumulate"],
    )


def _for_kernels(node: Node, ct: Value) -> Value:
    """dw[o, c, k] = sum over n, p of x'[n, c, p*stride + k*dilation - low] ct[n, o, p]: n and c trade places."""
    x, w = node.inputs
    others = range(LEADING, x.type.rank)
    high = []
    for extent, taps, count, stride, below, spread, gap in zip(
        x.shape[LEADING:],
        w.shape[LEADING:],
        ct.shape[LEADING:],
        *(node[name] for name in ("strides", "low", "input_dilation", "kernel_dilation")),
    ):
        room = dims.multiply(dims.add(taps, -1), gap)
        high.append(room + spaced(count, stride - 1) - spaced(extent, spread - 1) - below)
    found = emit(
        "conv_general",
        permuted(x, (0, 2, 1, *others)),
        permuted(ct, (0, 2, 1, *others)),
        strides=node["kernel_dilation"],
        low=node["low"],
        high=tuple(high),
        input_dilation=node["input_dilation"],
        kernel_dilation=node["strides"],
        accumulate=node["accumulate"],
    )
    return permuted(found, (0, 2, 1, *others))


# --- batching ---------------------------------------------------------------------------------------------------------


def _batch(node: Node, inputs: tuple[Value, ...], batched: tuple[bool, ...], size: Extent) -> tuple[Value, ...]:
    """Examples of both operands are more groups, of images alone more images, of kernels alone more filters."""
    x, w = inputs
    if all(batched):
        return (_split(_again(node, _merged(x, 0), _merged(w, 0)), 0, size, node),)
    if batched[0]:
        return (axis_moved(_split(_again(node, _merged(axis_moved(x, 0, 1), 1), w), 1, size, node), 1, 0),)
    return (axis_moved(_split(_again(node, x, _merged(axis_moved(w, 0, 1), 1)), 2, size, node), 2, 0),)


def _again(node: Node, x: Value, w: Value) -> Value:
    return emit("conv_general", x, w, **node.attributes)


def _merged(x: Value, axis: int) -> Value:
    """Two neighbouring axes as one."""
    shape = (*x.shape[:axis], dims.multiply(x.shape[axis], x.shape[axis + 1]), *x.shape[axis + 2 :])
    return emit("reshape", x, shape=shape)


def _split(x: Value, axis: int, size: Extent, node: Node) -> Value:
    """One axis as `size` parts of the node's own extent, undoing `_merged`."""
    shape = (*x.shape[:axis], size, node.output.shape[axis], *x.shape[axis + 1 :])
    return emit("reshape", x, shape=shape)


# --- record -----------------------------------------------------------------------------------------------------------

# x, w, strides, low, high, input dilation, kernel dilation
_CASES: Sequence[tuple[Sequence[int], Sequence[int], Ints, Ints, Ints, Ints, Ints]] = [
    ((1, 2, 3, 7, 6), (1, 4, 3, 3, 2), (1, 1), (1, 0), (1, 1), (1, 1), (1, 1)),
    ((2, 1, 2, 9, 8), (2, 3, 2, 3, 3), (2, 3), (1, 2), (0, 1), (1, 1), (2, 1)),
    ((2, 3, 1, 5), (2, 1, 1, 3), (1,), (2,), (3,), (2,), (2,)),
    ((1, 1, 2, 8, 7), (1, 2, 2, 2, 3), (3, 1), (-1, 2), (2, -2), (2, 3), (1, 2)),
    ((1, 1, 2, 3, 4, 5), (1, 2, 2, 2, 1, 3), (1, 2, 1), (0, 0, 1), (1, 0, 1), (1, 1, 2), (2, 1, 1)),
    ((1, 2, 3, 4), (1, 2, 3, 6), (2,), (0,), (1,), (1,), (1,)),
    ((1, 2, 3, 0), (1, 2, 3, 2), (1,), (2,), (1,), (2,), (1,)),
    ((1, 2, 3, 4), (1, 2, 3, 0), (1,), (0,), (0,), (1,), (2,)),
    ((1, 2, 0, 4), (1, 2, 0, 2), (1,), (1,), (0,), (1,), (1,)),
    ((0, 2, 3, 4), (0, 2, 3, 1), (1,), (0,), (0,), (1,), (1,)),
    ((1, 2, 5, 9, 11), (1, 17, 5, 3, 3), (1, 1), (1, 1), (1, 1), (1, 1), (1, 1)),
]


def _attributes(case: tuple[Ints, ...], dtype: DType) -> dict[str, Any]:
    names = ("strides", "low", "high", "input_dilation", "kernel_dilation")
    return {**dict(zip(names, case, strict=True)), "accumulate": dtype}


def _cases(rng: np.random.Generator, dtype: DType) -> list[Case]:
    """All in the first accumulator, two in a wider one; of complex numbers, four of their parts each, every third."""
    first, *wider = accumulators(dtype)
    tried = [(first, case) for case in _CASES[:: 3 if dtype.is_complex else 1]]
    tried += [(each, case) for each in wider for case in _CASES[:2]]
    return [
        ((plain(rng, dtype, x), plain(rng, dtype, w)), _attributes(tuple(rest), accumulate))
        for accumulate, (x, w, *rest) in tried
    ]


def _smooth(rng: np.random.Generator) -> list[Case]:
    return [(smooth(rng, x, w), _attributes(tuple(rest), float64)) for x, w, *rest in _CASES[:-1]]


conv_general = register(
    Op(
        name="conv_general",
        doc="Sums of images' neighbourhoods times kernels: strided, padded, dilated, in groups; see the family's file.",
        type_rule=_type,
        reference=_reference,
        jvp=bilinear_jvp,
        transpose=_transpose,
        batch=_batch,
        lower=Product(convolution_form),
        domain=Domain((*NUMBERS, *COMPLEX), _cases, _smooth),
        ulp=2,
        flags=Flags(linear=(0, 1)),
    )
)

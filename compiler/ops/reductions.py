"""Reductions over axes: sum, prod, max, min, and, or, and the index of the greatest or least element.

In: a tensor. Out: the tensor without the reduced axes. Over no elements a sum is 0, a product 1; a maximum has no value
there, which is an error when the graph is built if the extent is known, and where it is symbolic the caller guards the
operand with `nonempty` (an unguarded maximum over nothing is the combiner's identity: the lowest number).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from lazygraph.compiler.ir import dims
from lazygraph.compiler.ir.dims import Extent
from lazygraph.compiler.ir.errors import ShapeError, shape_text
from lazygraph.compiler.ir.graph import Attributes, Node, TensorType, Value
from lazygraph.compiler.ops.compose import emit, permuted, spread
from lazygraph.compiler.ops.effects import checked
from lazygraph.compiler.ops.halves import through_float32
from lazygraph.compiler.ops.lowering import Reduction
from lazygraph.compiler.ops.record import (
    NOT_LINEAR,
    Domain,
    Flags,
    JvpRule,
    NotLinear,
    Op,
    Tangents,
    TransposeRule,
    full,
    no_tangent,
    register,
    zeros,
)
from lazygraph.compiler.ops.samples import (
    ALL_TYPES,
    NUMBERS,
    Case,
    distinct,
    no_smooth,
    plain,
    special,
    unary_cases,
    unary_smooth,
)
from lazygraph.compiler.ops.type_rules import require_axes, require_axis, require_dtype, require_operands
from lazygraph.runtime.dtypes import COMPLEX, DType, bool_, from_numpy, int64

NUMERIC = ("int", "uint", "float")


def nonempty(x: Value, axes: Sequence[int], op: str) -> Value:
    """x, checked at run time to have elements along the axes where their extents do not show it; ShapeError for 0."""
    _require_some(op, x.type, axes)
    for axis in axes:
        if not dims.prove_nonnegative(x.shape[axis] - 1):
            size = emit("extent", value=x.shape[axis], dtype=int64)
            message = f"{op} over axis {axis} of extent {x.shape[axis]} = 0 has no value"
            x = checked(x, emit("lt", full(size.type, 0), size), message)
    return x


# --- what the records share -------------------------------------------------------------------------------------------


def _require_some(op: str, x: TensorType, axes: Sequence[int]) -> None:
    for axis in axes:
        if x.shape[axis] == 0:
            raise ShapeError(f"{op}: axis {axis} of {shape_text(x.shape)} is empty: no element to choose")


def _without(x: TensorType, axes: Sequence[int], dtype: DType) -> TensorType:
    return TensorType(dtype, tuple([extent for axis, extent in enumerate(x.shape) if axis not in axes]))


def _reduced_type(op: str, kinds: Sequence[str], empty: bool) -> Callable[..., Sequence[TensorType]]:
    def rule(types: tuple[TensorType, ...], attributes: Attributes) -> Sequence[TensorType]:
        require_operands(op, types, 1)
        (x,) = types
        require_dtype(op, "operand", x.dtype, kinds)
        axes = require_axes(op, attributes["axes"], x.rank)
        if not empty:
            _require_some(op, x, axes)
        return (_without(x, axes, x.dtype),)

    return rule


def _batch_axes(node: Node, inputs: tuple[Value, ...], batched: tuple[bool, ...], size: Extent) -> tuple[Value, ...]:
    return (emit(node.op.name, inputs[0], axes=tuple([axis + 1 for axis in node["axes"]])),)


def _kept(node: Node) -> tuple[int, ...]:
    return tuple([axis for axis in range(node.inputs[0].type.rank) if axis not in node["axes"]])


def _spread_back(node: Node, result: Value) -> Value:
    """A value of the result's shape, repeated along the reduced axes."""
    return spread(result, node.inputs[0].shape, _kept(node))


def _accumulated(reduce: Callable[..., Any]) -> Callable[..., np.ndarray]:
    """float32 accumulates in float64 and rounds once; integers wrap in their own type."""

    def reference(x: np.ndarray, *, axes: tuple[int, ...]) -> np.ndarray:
        wide = {"f": np.dtype(np.float64), "c": np.dtype(np.complex128)}.get(x.dtype.kind, x.dtype)
        return np.asarray(reduce(x, axis=axes, dtype=wide)).astype(x.dtype)

    return reference


def _from_identity(reduce: Callable[..., Any], initial: Callable[[DType], Any]) -> Callable[..., np.ndarray]:
    def reference(x: np.ndarray, *, axes: tuple[int, ...]) -> np.ndarray:
        return np.asarray(reduce(x, axis=axes, initial=initial(from_numpy(x.dtype)))).astype(x.dtype)

    return reference


def _logical(reduce: Callable[..., Any]) -> Callable[..., np.ndarray]:
    return lambda x, *, axes: np.asarray(reduce(x, axis=axes))


_SHAPES: Sequence[tuple[Sequence[int], dict[str, Any]]] = [
    ((), {"axes": ()}),
    ((7,), {"axes": (0,)}),
    ((3, 131), {"axes": (1,)}),
    ((67, 3), {"axes": (0,)}),
    ((2, 3, 5), {"axes": (0, 2)}),
    ((2, 3, 5), {"axes": ()}),
    ((1, 1), {"axes": (0, 1)}),
    ((0, 3), {"axes": (1,)}),
]
_EMPTY: Sequence[tuple[Sequence[int], dict[str, Any]]] = [((0,), {"axes": (0,)}), ((3, 0), {"axes": (1,)})]
_FEW: Sequence[tuple[Sequence[int], dict[str, Any]]] = [
    ((7,), {"axes": (0,)}),
    ((2, 3, 5), {"axes": (0, 2)}),
    ((3, 1), {"axes": (1,)}),
]


def _factors(rng: np.random.Generator, dtype: DType, shape: Sequence[int]) -> np.ndarray:
    """Plain numbers; complex ones of modulus about 1, whose product stays in range: an infinite one has NaN parts."""
    return plain(rng, dtype, shape) / dtype.numpy.type(4) if dtype.is_complex else plain(rng, dtype, shape)


def _distinct_cases(rng: np.random.Generator) -> list[Case]:
    return [((distinct(rng, shape),), dict(each)) for shape, each in _FEW]


# --- sum --------------------------------------------------------------------------------------------------------------


def _sum_jvp(node: Node, tangents: Tangents) -> Tangents:
    (dx,) = tangents
    return (None if dx is None else emit("reduce_sum", dx, axes=node["axes"]),)


def _sum_transpose(node: Node, cotangents: Tangents, linear: tuple[bool, ...]) -> Tangents:
    (ct,) = cotangents
    return (None if ct is None else _spread_back(node, ct),)


# --- prod -------------------------------------------------------------------------------------------------------------


def _prod_jvp(node: Node, tangents: Tangents) -> Tangents:
    """Right with zeros among the factors, and differentiable again: no division by a factor.

    Known extents: a tree of products of halves, d(a*b) = da*b + a*db at each level, log2(n) levels.
    Symbolic: dy = sum_i dx_i * prod_{j != i} x_j, the factor i masked to 1; it costs n^2 products.
    """
    (dx,) = tangents
    if dx is None:
        return (None,)
    (x,) = node.inputs
    axes, kept = node["axes"], _kept(node)
    extents = [x.shape[axis] for axis in kept]
    count = dims.product([x.shape[axis] for axis in axes])
    rows, row_tangents = (emit("reshape", permuted(each, (*kept, *axes)), shape=(*extents, count)) for each in (x, dx))
    if isinstance(count, int):
        return (_prod_tree_tangent(rows, row_tangents, count),)
    square = (*extents, count, count)
    last = len(square) - 1
    i, j = (emit("iota", dtype=int64, shape=square, axis=axis) for axis in (last - 1, last))
    factors = spread(rows, square, (*range(last - 1), last))
    others = emit("select", emit("eq", i, j), full(factors.type, 1), factors)
    partial = emit("reduce_prod", others, axes=(last,))
    return (emit("reduce_sum", emit("mul", partial, row_tangents), axes=(last - 1,)),)


def _prod_tree_tangent(x: Value, dx: Value, count: int) -> Value:
    """The tangent of the product over the last axis, of extent `count`."""
    if count == 0:
        return zeros(TensorType(x.dtype, x.shape[:-1]))
    while count > 1:
        half = count // 2
        a, da, b, db = _part(x, 0, half), _part(dx, 0, half), _part(x, half, 2 * half), _part(dx, half, 2 * half)
        product, tangent = a * b, da * b + a * db
        if count % 2:
            axis = x.type.rank - 1
            product = emit("concat", product, _part(x, count - 1, count), axis=axis)
            tangent = emit("concat", tangent, _part(dx, count - 1, count), axis=axis)
        x, dx, count = product, tangent, count - half
    return emit("reshape", dx, shape=dx.shape[:-1])


def _part(x: Value, start: int, stop: int) -> Value:
    starts = (*[0] * (x.type.rank - 1), start)
    return emit("slice", x, starts=starts, stops=(*x.shape[:-1], stop), steps=(1,) * x.type.rank)


# --- max, min ---------------------------------------------------------------------------------------------------------


def _extreme_jvp(node: Node, tangents: Tangents) -> Tangents:
    """The mean of the tangents of all elements that attain the extreme: dy = sum(dx where x = y) / count(x = y)."""
    (dx,) = tangents
    if dx is None:
        return (None,)
    (x,) = node.inputs
    attained = emit("eq", x, _spread_back(node, node.output))
    count = emit("reduce_sum", emit("cast", attained, dtype=x.dtype), axes=node["axes"])
    total = emit("reduce_sum", emit("select", attained, dx, zeros(dx.type)), axes=node["axes"])
    return (emit("div", total, count),)


# --- argmax, argmin ---------------------------------------------------------------------------------------------------


def _arg_type(op: str) -> Callable[..., Sequence[TensorType]]:
    def rule(types: tuple[TensorType, ...], attributes: Attributes) -> Sequence[TensorType]:
        require_operands(op, types, 1)
        (x,) = types
        require_dtype(op, "operand", x.dtype, ("bool", *NUMERIC))
        axis = require_axis(op, attributes["axis"], x.rank)
        _require_some(op, x, (axis,))
        return (_without(x, (axis,), int64),)

    return rule


def _arg_reference(choose: Callable[..., Any]) -> Callable[..., np.ndarray]:
    """The first of equals; NaN wins. Over nothing: 0."""

    def reference(x: np.ndarray, *, axis: int) -> np.ndarray:
        if x.shape[axis] == 0:
            return np.zeros(x.shape[:axis] + x.shape[axis + 1 :], np.int64)
        return np.asarray(choose(x, axis=axis), np.int64)

    return reference


def _arg_batch(node: Node, inputs: tuple[Value, ...], batched: tuple[bool, ...], size: Extent) -> tuple[Value, ...]:
    return (emit(node.op.name, inputs[0], axis=node["axis"] + 1),)


_ARG_SHAPES: Sequence[tuple[Sequence[int], dict[str, Any]]] = [
    ((7,), {"axis": 0}),
    ((3, 131), {"axis": 1}),
    ((67, 3), {"axis": 0}),
    ((2, 3, 5), {"axis": 1}),
    ((1, 1), {"axis": 1}),
    ((0, 3), {"axis": 1}),
]


# --- records ----------------------------------------------------------------------------------------------------------


def _reduction(
    name: str,
    doc: str,
    kinds: Sequence[str],
    empty: bool,
    reference: Callable[..., np.ndarray],
    jvp: JvpRule,
    transpose: TransposeRule | NotLinear,
    combine: str,
    domain: Domain,
    ulp: float,
    flags: Flags,
) -> Op:
    type_rule = _reduced_type(name, kinds, empty)
    lower, reference = Reduction(combine), through_float32(reference)
    return register(Op(name, doc, type_rule, reference, jvp, transpose, _batch_axes, lower, domain, ulp, flags))


def _arg(name: str, doc: str, choose: Callable[..., Any], combine: str) -> Op:
    domain = Domain(ALL_TYPES, unary_cases(_ARG_SHAPES), no_smooth)
    lower = Reduction(combine)
    rules = (_arg_type(name), through_float32(_arg_reference(choose)), no_tangent, NOT_LINEAR, _arg_batch)
    return register(Op(name, doc, *rules, lower, domain, 0))


_LOGIC = Domain((bool_,), unary_cases([*_SHAPES, *_EMPTY]), no_smooth)
_EXTREME = Domain(ALL_TYPES, unary_cases(_SHAPES), _distinct_cases)
_SUM = Domain((*NUMBERS, *COMPLEX), unary_cases([*_SHAPES, *_EMPTY], special), unary_smooth([*_SHAPES, *_EMPTY]))
_PROD = Domain((*NUMBERS, *COMPLEX), unary_cases([*_SHAPES, *_EMPTY], _factors), unary_smooth([*_FEW, *_EMPTY]))
_ANY = ("bool", *NUMERIC)
_NO = Flags()

reduce_sum = _reduction(
    "reduce_sum", "The sum over axes; 0 over nothing.",
    (*NUMERIC, "complex"), True, _accumulated(np.sum), _sum_jvp, _sum_transpose, "add", _SUM, 2, Flags(linear=(0,)),
)  # fmt: skip
reduce_prod = _reduction(
    "reduce_prod", "The product over axes; 1 over nothing.",
    (*NUMERIC, "complex"), True, _accumulated(np.prod), _prod_jvp, NOT_LINEAR, "mul", _PROD, 2, _NO,
)  # fmt: skip
reduce_max = _reduction(
    "reduce_max", "The greatest element over axes; NaN where one is NaN.",
    _ANY, False, _from_identity(np.max, lambda dtype: dtype.lowest), _extreme_jvp, NOT_LINEAR, "max", _EXTREME, 0, _NO,
)  # fmt: skip
reduce_min = _reduction(
    "reduce_min", "The least element over axes; NaN where one is NaN.",
    _ANY, False, _from_identity(np.min, lambda dtype: dtype.highest), _extreme_jvp, NOT_LINEAR, "min", _EXTREME, 0, _NO,
)  # fmt: skip
reduce_and = _reduction(
    "reduce_and", "Whether all elements over axes are true; true over nothing.",
    ("bool",), True, _logical(np.all), no_tangent, NOT_LINEAR, "and", _LOGIC, 0, _NO,
)  # fmt: skip
reduce_or = _reduction(
    "reduce_or", "Whether any element over axes is true; false over nothing.",
    ("bool",), True, _logical(np.any), no_tangent, NOT_LINEAR, "or", _LOGIC, 0, _NO,
)  # fmt: skip
argmax = _arg(
    "argmax", "The index of the first greatest element along an axis, as int64; NaN wins.", np.argmax, "argmax"
)
argmin = _arg("argmin", "The index of the first least element along an axis, as int64; NaN wins.", np.argmin, "argmin")

"""Running totals along an axis: cumsum, cumprod, cummax, cummin, and the first-order linear recurrence.

In: tensors of one shape, an axis, and whether to start at its end. Out: a tensor of that shape whose element i combines
the elements up to i (from i on, if reversed), one after the other in this order as in NumPy, so the bits depend on no
schedule. NaN stays once it has been met.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from lazygraph.compiler.ir import dims
from lazygraph.compiler.ir.dims import Extent
from lazygraph.compiler.ir.graph import Attributes, Node, TensorType, Value
from lazygraph.compiler.loop.ir import Buffer, Index, Operand
from lazygraph.compiler.ops.complex_math.references import times
from lazygraph.compiler.ops.compose import batched_input, emit, plus
from lazygraph.compiler.ops.domains import SWEPT_FLOATS
from lazygraph.compiler.ops.halves import through_float32
from lazygraph.compiler.ops.lowering import BodyBuilder, Loops
from lazygraph.compiler.ops.nests import nest
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
    register,
)
from lazygraph.compiler.ops.samples import ALL_TYPES, NUMBERS, Case, distinct, plain, smooth, special
from lazygraph.compiler.ops.structural import same_op
from lazygraph.compiler.ops.type_rules import (
    require_axis,
    require_dtype,
    require_equal_shapes,
    require_operands,
    require_same_dtype,
)
from lazygraph.runtime.dtypes import COMPLEX, DType, int64

Combine = Callable[[BodyBuilder, Operand, Sequence[Operand]], Operand]  # (builder, carried, elements) -> carried
NUMERIC = ("int", "uint", "float")
BLOCK = 256  # columns that one thread takes at least


# --- what the records share -------------------------------------------------------------------------------------------


def _type_rule(op: str, count: int, kinds: Sequence[str]) -> Callable[..., Sequence[TensorType]]:
    def rule(types: tuple[TensorType, ...], attributes: Attributes) -> Sequence[TensorType]:
        require_operands(op, types, count)
        for each in types:
            require_dtype(op, "operand", each.dtype, kinds)
            require_same_dtype(op, "operands", types[0].dtype, each.dtype)
            require_equal_shapes(op, "operands", types[0].shape, each.shape)
        require_axis(op, attributes["axis"], types[0].rank)
        if not isinstance(attributes["reverse"], bool):
            raise TypeError(f"{op}: reverse: expected a bool, found {attributes['reverse']!r}")
        return types[:1]

    return rule


def _batch(node: Node, inputs: tuple[Value, ...], batched: tuple[bool, ...], size: Extent) -> tuple[Value, ...]:
    operands = [batched_input(x, has, size) for x, has in zip(inputs, batched)]
    return (emit(node.op.name, *operands, axis=node["axis"] + 1, reverse=node["reverse"]),)


def _from_end(x: np.ndarray, axis: int, reverse: bool) -> np.ndarray:
    return np.flip(x, axis) if reverse else x


def _accumulated(ufunc: np.ufunc) -> Callable[..., np.ndarray]:
    def reference(x: np.ndarray, *, axis: int, reverse: bool) -> np.ndarray:
        found = ufunc.accumulate(_from_end(x, axis, reverse), axis=axis, dtype=x.dtype)
        return np.ascontiguousarray(_from_end(found, axis, reverse))

    return reference


def _products(x: np.ndarray, *, axis: int, reverse: bool) -> np.ndarray:
    factors = np.moveaxis(_from_end(x, axis, reverse), axis, 0)
    result = factors.copy()
    for place in range(1, len(factors)):
        result[place] = times(result[place - 1], factors[place])
    return np.ascontiguousarray(_from_end(np.moveaxis(result, 0, axis), axis, reverse))


def shifted(x: Value, axis: int, reverse: bool, fill: float) -> Value:
    """Element i - 1 at place i (i + 1, if reversed), and a fill at the place that has none before it."""
    rank, extent = x.type.rank, x.shape[axis]
    one = dims.minimum(extent, 1)
    starts: list[Extent] = [0] * rank
    stops = list(x.shape)
    low: list[Extent] = [0] * rank
    high: list[Extent] = [0] * rank
    if reverse:
        starts[axis], high[axis] = one, one
    else:
        stops[axis], low[axis] = extent - one, one
    kept = emit("slice", x, starts=tuple(starts), stops=tuple(stops), steps=(1,) * rank)
    number = full(TensorType(x.dtype, ()), fill)
    return emit("pad", kept, number, low=tuple(low), high=tuple(high), interior=(0,) * rank)


def _lowering(initial: Callable[[DType], Any], combine: Combine, operands: int = 1) -> Loops:
    """A serial walk along the axis for each index of the others: rows in parallel, columns of the last axis abreast."""

    def write(b: BodyBuilder, node: Node, inputs: tuple[Buffer, ...], outputs: tuple[Buffer, ...]) -> None:
        axis, target = node["axis"], outputs[0]
        shape, last = target.shape, len(target.shape) - 1
        count = shape[axis]

        def walk(others: Index) -> None:
            def step(number: Extent, carried: tuple[Operand, ...]) -> Sequence[Operand]:
                position = count - 1 - number if node["reverse"] else number
                place = (*others[:axis], position, *others[axis:])
                value = combine(b, carried[0], [b.load(each, place) for each in inputs])
                b.store(target, place, value)
                return (value,)

            b.carry("i", count, (b.literal(initial(target.dtype), target.dtype),), step)

        if axis == last:
            nest(b, "r", [("parallel", extent) for extent in shape[:last]], walk)
            return

        def columns(at: Index) -> None:
            *rows, block = at
            start = dims.multiply(block, BLOCK)
            width = dims.minimum(BLOCK, shape[last] - start)
            b.loop("vector", "c", width, lambda column: walk((*rows, dims.add(start, column))))

        outer = [extent for each, extent in enumerate(shape[:last]) if each != axis]
        blocks = dims.ceildiv(shape[last], BLOCK)
        nest(b, "r", [("parallel", extent) for extent in (*outer, blocks)], columns)

    return Loops(write, in_place=tuple(range(operands)), accumulates=True)


_SHAPES: Sequence[tuple[Sequence[int], int]] = [
    ((7,), 0),
    ((1,), 0),
    ((0,), 0),
    ((3, 131), 1),
    ((67, 3), 0),
    ((3, 261), 0),
    ((2, 5, 3), 1),
    ((5, 2, 3), 0),
    ((0, 3), 1),
    ((3, 0), 1),
    ((2, 0, 3), 1),
]
_FEW: Sequence[tuple[Sequence[int], int]] = [((7,), 0), ((1,), 0), ((0,), 0), ((2, 5, 3), 1), ((3, 4), 1)]

Draw = Callable[[np.random.Generator, DType, Sequence[int]], np.ndarray]


def _domain(dtypes: tuple[DType, ...], draw: Draw, draw_smooth: Callable[..., Any], operands: int = 1) -> Domain:
    """Every shape in both directions."""

    def cases(rng: np.random.Generator, dtype: DType) -> list[Case]:
        return [
            (tuple([draw(rng, dtype, shape) for _ in range(operands)]), {"axis": axis, "reverse": reverse})
            for shape, axis in _SHAPES
            for reverse in (False, True)
        ]

    def smooth_cases(rng: np.random.Generator) -> list[Case]:
        return [
            (tuple([draw_smooth(rng, shape) for _ in range(operands)]), {"axis": axis, "reverse": reverse})
            for shape, axis in _FEW
            for reverse in (False, True)
        ]

    return Domain(dtypes, cases, smooth_cases)


def _about_one(rng: np.random.Generator, shape: Sequence[int]) -> np.ndarray:
    return smooth(rng, shape)[0]


def _with_zeros(rng: np.random.Generator, shape: Sequence[int]) -> np.ndarray:
    """Factors among which some are 0: derivatives of a product do not divide by them."""
    return np.where(rng.random(shape) < 0.3, 0.0, rng.standard_normal(shape))


# --- derivatives ------------------------------------------------------------------------------------------------------


def _sum_transpose(node: Node, cotangents: Tangents, linear: tuple[bool, ...]) -> Tangents:
    """The element x_i is part of y_j for all j >= i: its cotangent is the sum from there on."""
    (ct,) = cotangents
    return (None if ct is None else node.op(ct, axis=node["axis"], reverse=not node["reverse"]),)


def _prod_jvp(node: Node, tangents: Tangents) -> Tangents:
    """dy_i = x_i * dy_{i-1} + y_{i-1} * dx_i with y_{-1} = 1: no division, so factors of 0 are right at every order."""
    (dx,) = tangents
    if dx is None:
        return (None,)
    before = shifted(node.output, node["axis"], node["reverse"], 1)
    return (emit("linear_recurrence", node.inputs[0], before * dx, **node.attributes),)


def _extreme_jvp(node: Node, tangents: Tangents) -> Tangents:
    """dy_i = dx_p where p is the place that holds the extremum so far; among equals the one met last."""
    (dx,) = tangents
    if dx is None:
        return (None,)
    (x,), axis, reverse = node.inputs, node["axis"], node["reverse"]
    places = [emit("iota", dtype=int64, shape=x.shape, axis=each) for each in range(x.type.rank)]
    never = full(places[axis].type, np.iinfo(np.int64).max if reverse else 0)
    attained = emit("select", emit("eq", x, node.output), places[axis], never)
    places[axis] = emit("cummin" if reverse else "cummax", attained, axis=axis, reverse=reverse)
    return (emit("gather", dx, *places, axes=tuple(range(x.type.rank)), mode="clip"),)


def _recurrence_jvp(node: Node, tangents: Tangents) -> Tangents:
    """dh_i = a_i * dh_{i-1} + (da_i * h_{i-1} + db_i): the same recurrence, driven by the bracket."""
    da, db = tangents
    if da is not None:
        db = plus(da * shifted(node.output, node["axis"], node["reverse"], 0), db)
    return (None if db is None else node.op(node.inputs[0], db, **node.attributes),)


def _recurrence_transpose(node: Node, cotangents: Tangents, linear: tuple[bool, ...]) -> Tangents:
    """g_i = a_{i+1} * g_{i+1} + ct_i: the recurrence from the other end, with the next place's coefficient."""
    (ct,) = cotangents
    if ct is None or not linear[1]:
        return (None, None)
    axis, reverse = node["axis"], not node["reverse"]
    return (None, node.op(shifted(node.inputs[0], axis, reverse, 0), ct, axis=axis, reverse=reverse))


# --- records ----------------------------------------------------------------------------------------------------------


def _record(
    name: str,
    doc: str,
    kinds: Sequence[str],
    reference: Callable[..., np.ndarray],
    combine: str,
    initial: Callable[[DType], Any],
    jvp: JvpRule,
    transpose: TransposeRule | NotLinear,
    domain: Domain,
    flags: Flags,
) -> Op:
    lower = _lowering(initial, lambda b, carried, elements: b.let(combine, carried, elements[0]))
    rules = (_type_rule(name, 1, kinds), through_float32(reference), jvp, transpose, _batch)
    return register(Op(name, doc, *rules, lower, domain, 0, flags))


def _negative_zero(dtype: DType) -> Any:
    """What changes no number that is added to it, and no zero."""
    return complex(-0.0, -0.0) if dtype.is_complex else -0.0 if dtype.is_float else 0


_EXTREME = _domain(ALL_TYPES, special, distinct)

cumsum = _record(
    "cumsum", "The sum of the elements along an axis up to each place.",
    (*NUMERIC, "complex"), _accumulated(np.add), "add", _negative_zero,
    same_op, _sum_transpose, _domain((*NUMBERS, *COMPLEX), special, _about_one), Flags(linear=(0,)),
)  # fmt: skip
cumprod = _record(
    "cumprod", "The product of the elements along an axis up to each place.",
    (*NUMERIC, "complex"), _products, "mul", lambda dtype: 1,
    _prod_jvp, NOT_LINEAR, _domain((*NUMBERS, *COMPLEX), plain, _with_zeros), Flags(),
)  # fmt: skip
cummax = _record(
    "cummax", "The greatest element along an axis up to each place; NaN from the first NaN on.",
    ("bool", *NUMERIC), _accumulated(np.maximum), "max", lambda dtype: dtype.lowest,
    _extreme_jvp, NOT_LINEAR, _EXTREME, Flags(),
)  # fmt: skip
cummin = _record(
    "cummin", "The least element along an axis up to each place; NaN from the first NaN on.",
    ("bool", *NUMERIC), _accumulated(np.minimum), "min", lambda dtype: dtype.highest,
    _extreme_jvp, NOT_LINEAR, _EXTREME, Flags(),
)  # fmt: skip


def _recurrence_reference(a: np.ndarray, b: np.ndarray, *, axis: int, reverse: bool) -> np.ndarray:
    coefficients, terms = (np.moveaxis(_from_end(each, axis, reverse), axis, 0) for each in (a, b))
    result = np.zeros_like(terms)
    carried = np.zeros(terms.shape[1:], terms.dtype)
    for place in range(len(terms)):
        a_times_h = np.where(coefficients[place] == 0, 0, times(coefficients[place], carried)).astype(terms.dtype)
        carried = a_times_h + terms[place]
        result[place] = carried
    return np.ascontiguousarray(_from_end(np.moveaxis(result, 0, axis), axis, reverse))


def _recur(b: BodyBuilder, carried: Operand, elements: Sequence[Operand]) -> Operand:
    a, term = elements
    zero = b.literal(0, a.dtype)
    a_times_h = b.let("select", b.let("eq", a, zero), zero, b.let("mul", a, carried))
    return b.let("add", a_times_h, term)


linear_recurrence = register(
    Op(
        name="linear_recurrence",
        doc="h of h[i] = a[i] * h[i-1] + b[i] along an axis, from 0; where a[i] = 0, infinities and NaN are forgotten.",
        type_rule=_type_rule("linear_recurrence", 2, ("float", "complex")),
        reference=through_float32(_recurrence_reference),
        jvp=_recurrence_jvp,
        transpose=_recurrence_transpose,
        batch=_batch,
        lower=_lowering(lambda dtype: 0, _recur, 2),
        domain=_domain((*SWEPT_FLOATS, *COMPLEX), special, _about_one, 2),
        ulp=0,
        flags=Flags(linear=(1,)),
    )
)

"""The general dot: products of two tensors summed over contracted axes, with batch axes side by side.

In: two tensors of one dtype. Out: one with axes (batch, free axes of the left, free axes of the right), free axes in
increasing order. Matrix products, batched products, einsum of two operands and the gradients of all of them are this
op.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from lazygraph.compiler.ir.dims import Extent
from lazygraph.compiler.ir.errors import DTypeError, ShapeError
from lazygraph.compiler.ir.graph import Attributes, Node, TensorType, Value
from lazygraph.compiler.loop.ir import Index, Operand
from lazygraph.compiler.ops.compose import axis_moved, emit, inverse_permutation, permuted, plus
from lazygraph.compiler.ops.halves import HALVES, rounded
from lazygraph.compiler.ops.lowering import ElementBuilder, Form, Product
from lazygraph.compiler.ops.record import Domain, Flags, Op, Tangents, register
from lazygraph.compiler.ops.samples import NUMBERS, Case, plain, smooth
from lazygraph.compiler.ops.type_rules import (
    require_axes,
    require_dtype,
    require_equal,
    require_operands,
    require_same_dtype,
)
from lazygraph.runtime.dtypes import COMPLEX, DType, complex128, float64, from_numpy

Axes = tuple[int, ...]


def free_axes(rank: int, batch: Sequence[int], contract: Sequence[int]) -> Axes:
    """The axes of one operand that are neither batch nor contracted, in increasing order."""
    return tuple([axis for axis in range(rank) if axis not in batch and axis not in contract])


def require_accumulator(op: str, dtype: DType, accumulate: object) -> None:
    """A sum of products is made in the operands' dtype or a wider one of its kind; that of halves in a wider one."""
    if dtype in HALVES and accumulate in HALVES:
        raise DTypeError(f"{op}: accumulate: expected float32 or float64 for {dtype}, found {accumulate}")
    if not isinstance(accumulate, DType) or accumulate.kind != dtype.kind or accumulate.itemsize < dtype.itemsize:
        raise DTypeError(f"{op}: accumulate: expected {dtype} or a wider {dtype.kind}, found {accumulate}")


def _dot_type(types: tuple[TensorType, ...], attributes: Attributes) -> Sequence[TensorType]:
    require_operands("dot", types, 2)
    a, b = types
    require_same_dtype("dot", "operands", a.dtype, b.dtype)
    require_dtype("dot", "operands", a.dtype, ("int", "uint", "float", "complex"))
    require_accumulator("dot", a.dtype, attributes["accumulate"])
    for name in ("batch", "contract"):
        pair = attributes[name]
        if not isinstance(pair, tuple) or len(pair) != 2:
            raise ShapeError(f"dot: {name}: expected a pair of tuples of axes, found {pair!r}")
        left = require_axes("dot", pair[0], a.rank, what=f"{name} axes of the left", increasing=False)
        right = require_axes("dot", pair[1], b.rank, what=f"{name} axes of the right", increasing=False)
        if len(left) != len(right):
            raise ShapeError(f"dot: {name}: expected as many axes left as right, found {left} and {right}")
        for i, j in zip(left, right):
            require_equal("dot", f"{name} axis {i} of the left and {j} of the right", a.shape[i], b.shape[j])
    (a_batch, b_batch), (a_contract, b_contract) = attributes["batch"], attributes["contract"]
    for side, batch, contract in (("left", a_batch, a_contract), ("right", b_batch, b_contract)):
        if set(batch) & set(contract):
            raise ShapeError(f"dot: the {side} batches over {batch} and contracts {contract}: expected no axis in both")
    shape = [a.shape[axis] for axis in (*a_batch, *free_axes(a.rank, a_batch, a_contract))]
    shape += [b.shape[axis] for axis in free_axes(b.rank, b_batch, b_contract)]
    return (TensorType(a.dtype, tuple(shape)),)


def _dot_reference(
    a: np.ndarray, b: np.ndarray, *, batch: tuple[Axes, Axes], contract: tuple[Axes, Axes], accumulate: DType
) -> np.ndarray:
    """Transposed to [batch, free, contracted] matrices; floats multiply in float64 and round once."""
    wide = np.result_type(accumulate.numpy, np.float64) if accumulate.is_differentiable else accumulate.numpy
    a_free, b_free = (free_axes(x.ndim, batch[side], contract[side]) for side, x in enumerate((a, b)))
    shape = [a.shape[axis] for axis in (*batch[0], *a_free)] + [b.shape[axis] for axis in b_free]
    left = a.transpose((*batch[0], *a_free, *contract[0])).astype(wide)
    right = b.transpose((*batch[1], *contract[1], *b_free)).astype(wide)
    many, inner = _count(a, batch[0]), _count(a, contract[0])
    matrices = left.reshape(many, _count(a, a_free), inner), right.reshape(many, inner, _count(b, b_free))
    with np.errstate(all="ignore"):
        return rounded(np.asarray(np.matmul(*matrices)).reshape(shape), from_numpy(a.dtype))


def _count(x: np.ndarray, axes: Sequence[int]) -> int:
    return int(np.prod([x.shape[axis] for axis in axes], dtype=np.int64))


def bilinear_jvp(node: Node, tangents: Tangents) -> Tangents:
    """d(a.b) = da.b + a.db."""
    (a, b), (da, db) = node.inputs, tangents
    left = None if da is None else node.op(da, b, **node.attributes)
    right = None if db is None else node.op(a, db, **node.attributes)
    return (plus(left, right),)


def _dot_transpose(node: Node, cotangents: Tangents, linear: tuple[bool, ...]) -> Tangents:
    """The cotangent [batch, a free, b free] contracted with the other operand's free axes.

    For a the result has axes (batch, a free, contracted), for b (batch, contracted, b free); both are permuted home.
    """
    (ct,) = cotangents
    if ct is None:
        return (None, None)
    a, b = node.inputs
    (a_batch, b_batch), (a_contract, b_contract) = node["batch"], node["contract"]
    a_free = free_axes(a.type.rank, a_batch, a_contract)
    b_free = free_axes(b.type.rank, b_batch, b_contract)
    ct_batch = tuple(range(len(a_batch)))
    ct_a = tuple(range(len(a_batch), len(a_batch) + len(a_free)))
    ct_b = tuple(range(len(a_batch) + len(a_free), ct.type.rank))
    for_a = for_b = None
    if linear[0]:
        batch, contract = (ct_batch, b_batch), (ct_b, b_free)
        product = emit("dot", ct, b, batch=batch, contract=contract, accumulate=node["accumulate"])
        contracted = [pair[0] for pair in sorted(zip(a_contract, b_contract), key=lambda pair: pair[1])]
        for_a = permuted(product, inverse_permutation((*a_batch, *a_free, *contracted)))
    if linear[1]:
        batch, contract = (a_batch, ct_batch), (a_free, ct_a)
        product = emit("dot", a, ct, batch=batch, contract=contract, accumulate=node["accumulate"])
        contracted = [pair[1] for pair in sorted(zip(a_contract, b_contract))]
        for_b = permuted(product, inverse_permutation((*b_batch, *contracted, *b_free)))
    return (for_a, for_b)


def _dot_batch(node: Node, inputs: tuple[Value, ...], batched: tuple[bool, ...], size: Extent) -> tuple[Value, ...]:
    """Two batched operands gain a batch axis; the axis of a single one is a free axis, moved to the front."""
    shift_a, shift_b = (int(each) for each in batched)
    batch = _shifted(node["batch"], shift_a, shift_b)
    contract = _shifted(node["contract"], shift_a, shift_b)
    both = all(batched)
    if both:
        batch = ((0, *batch[0]), (0, *batch[1]))
    result = emit("dot", *inputs, batch=batch, contract=contract, accumulate=node["accumulate"])
    if both:
        return (result,)
    a = inputs[0]
    place = len(batch[0]) + (0 if batched[0] else len(free_axes(a.type.rank, batch[0], contract[0])))
    return (axis_moved(result, place, 0),)


def _shifted(pair: tuple[Axes, Axes], left: int, right: int) -> tuple[Axes, Axes]:
    return tuple([axis + left for axis in pair[0]]), tuple([axis + right for axis in pair[1]])


def _dot_form(node: Node, axis: int) -> Form:
    """m: the free axes of the left, n: those of the right, which trade places where the left's are contiguous."""
    sides = (0, 1)
    batch = len(node["batch"][0])
    if batch <= axis < batch + len(_roles(node, 0)[1]) and axis != node.output.type.rank - 1:
        sides = (1, 0)
    shape = node.inputs[0].shape
    m, n = (tuple([node.inputs[side].shape[axis] for axis in _roles(node, side)[1]]) for side in sides)

    def element(side: int) -> Callable[[ElementBuilder, Index, Index, Index], Operand]:
        axes = [axis for role in _roles(node, side) for axis in role]

        def read(b: ElementBuilder, batch: Index, free: Index, k: Index) -> Operand:
            places = dict(zip(axes, (*batch, *free, *k), strict=True))
            return b.read(side, tuple([places[axis] for axis in range(len(axes))]))

        return read

    return Form(
        tuple([shape[axis] for axis in node["batch"][0]]),
        m,
        n,
        tuple([shape[axis] for axis in node["contract"][0]]),
        element(sides[0]),
        element(sides[1]),
        lambda batch, m, n: (*batch, *m, *n) if sides == (0, 1) else (*batch, *n, *m),
    )


def _roles(node: Node, side: int) -> tuple[Axes, Axes, Axes]:
    """The batch, free and contracted axes of one operand."""
    batch, contract = node["batch"][side], node["contract"][side]
    return batch, free_axes(node.inputs[side].type.rank, batch, contract), contract


_CASES: Sequence[tuple[Sequence[int], Sequence[int], tuple[Axes, Axes], tuple[Axes, Axes]]] = [
    ((3, 5), (5, 7), ((), ()), ((1,), (0,))),
    ((5,), (5,), ((), ()), ((0,), (0,))),
    ((2, 3, 5), (2, 5, 4), ((0,), (0,)), ((2,), (1,))),
    ((5, 3, 2), (4, 2, 5), ((2,), (1,)), ((0,), (2,))),
    ((2, 3, 5, 4), (4, 3, 7), ((), ()), ((3, 1), (0, 1))),
    ((3,), (4,), ((), ()), ((), ())),
    ((), (4,), ((), ()), ((), ())),
    ((3, 0), (0, 2), ((), ()), ((1,), (0,))),
    ((0, 3), (3, 2), ((), ()), ((1,), (0,))),
    ((67, 131), (131, 3), ((), ()), ((1,), (0,))),
]


def _attributes(batch: tuple[Axes, Axes], contract: tuple[Axes, Axes], dtype: DType) -> dict[str, Any]:
    return {"batch": batch, "contract": contract, "accumulate": dtype}


def accumulators(dtype: DType) -> tuple[DType, ...]:
    """What the sweep sums in: the operands' dtype, and the one of twice its bits if there is one; halves that alone.

    Complex numbers are summed by their parts, whose accumulators are swept as those of floats.
    """
    wider = [each for each in NUMBERS if each.kind == dtype.kind and each.bits == 2 * dtype.bits]
    return (*(() if dtype in HALVES else (dtype,)), *wider)


def _dot_cases(rng: np.random.Generator, dtype: DType) -> list[Case]:
    return [
        ((plain(rng, dtype, a), plain(rng, dtype, b)), _attributes(batch, contract, accumulate))
        for accumulate in accumulators(dtype)
        for a, b, batch, contract in _CASES
    ]


def _dot_smooth(rng: np.random.Generator) -> list[Case]:
    cases: list[Case] = [
        (smooth(rng, a, b), _attributes(batch, contract, float64)) for a, b, batch, contract in _CASES[:-1]
    ]
    a, b, batch, contract = _CASES[2]
    operands = (plain(rng, complex128, a), plain(rng, complex128, b))
    return [*cases, (operands, _attributes(batch, contract, complex128))]


dot = register(
    Op(
        name="dot",
        doc="Products of two tensors, summed over the contracted axes: axes (batch, left free, right free).",
        type_rule=_dot_type,
        reference=_dot_reference,
        jvp=bilinear_jvp,
        transpose=_dot_transpose,
        batch=_dot_batch,
        lower=Product(_dot_form),
        domain=Domain((*NUMBERS, *COMPLEX), _dot_cases, _dot_smooth),
        ulp=2,
        flags=Flags(linear=(0, 1)),
    )
)

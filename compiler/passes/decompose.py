"""Splits ops that the loop form takes in parts: reductions by stages, dots that are not matrix products.

In and out: a graph. What is split is decided by the op and its shape alone, never by the machine, so it is part of the
op's meaning in bits. Runs once, after the rewrites and before fusion.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from lazygraph.compiler.ir.dims import Shape, product
from lazygraph.compiler.ir.graph import Graph, Node, Value, rewrite
from lazygraph.compiler.ops.halves import HALVES
from lazygraph.compiler.ops.lowering import Loops, Reduction
from lazygraph.compiler.ops.record import OPS
from lazygraph.compiler.passes.decompose_complex import decomposed
from lazygraph.compiler.passes.decompose_fft import fft_in_parts
from lazygraph.compiler.passes.decompose_sparse import transposed_dot_in_parts
from lazygraph.runtime.dtypes import float32

PART = 4096  # elements of one part of a long reduction
FEW = 32  # parallel rows that keep a machine busy
LONG_COLUMN = 1024  # rows above which a column sum is made in parts
COLUMN_PART = 128


@dataclass(frozen=True)
class Decompose:
    name: str = "decompose"

    def __call__(self, graph: Graph) -> Graph:
        return rewrite(graph, _replace)


def _again(value: Value) -> Value:
    found = _replace(value.node, value.node.inputs)
    return value if found is None else found[0]


def _replace(node: Node, inputs: tuple[Value, ...]) -> Sequence[Value] | None:
    in_parts = decomposed(node, inputs, _again)
    if in_parts is not None:
        return (in_parts,)
    if isinstance(node.op.lower, Reduction | Loops) and any(each.dtype in HALVES for each in inputs):
        found = _accumulated_in_float32(node, inputs)
        if found is not None:
            return found
    rule = _RULES.get(node.op.name)
    if rule is None and isinstance(node.op.lower, Reduction) and "axes" in node.attributes:
        rule = _reduction
    result = None if rule is None else rule(node, inputs)
    return None if result is None else (result,)


def _accumulated_in_float32(node: Node, inputs: tuple[Value, ...]) -> Sequence[Value] | None:
    """reduce(x) -> cast(reduce(cast(x, f32)), half): many elements become one with one rounding, at the end."""
    if isinstance(node.op.lower, Loops) and not node.op.lower.accumulates:
        return None
    wide = [OPS["cast"](each, dtype=float32) if each.dtype in HALVES else each for each in inputs]
    found = node.op(*wide, **node.attributes)
    again = _replace(found.node, found.node.inputs)
    (result,) = (found,) if again is None else again
    (wanted,) = node.outputs
    return (OPS["cast"](result, dtype=wanted.dtype) if wanted.dtype in HALVES else result,)


def _reduction(node: Node, inputs: tuple[Value, ...]) -> Value | None:
    (operand,) = inputs
    result = _staged(partial(_reduce, node.op.name), operand, tuple(sorted(node["axes"])))
    return None if result.node.op is node.op and result.node.inputs == inputs else result


def _reduce(op: str, operand: Value, axes: tuple[int, ...]) -> Value:
    result: Value = OPS[op](operand, axes=axes)
    return result


Reduce = Callable[[Value, tuple[int, ...]], Value]


def _staged(reduce: Reduce, operand: Value, axes: tuple[int, ...]) -> Value:
    """Trailing axes first, then the others; a long flat reduction in parts of PART, a long column in parts too."""
    rank = len(operand.shape)
    trailing = tuple([axis for axis in axes if set(range(axis, rank)) <= set(axes)])
    leading = tuple([axis for axis in axes if axis not in trailing])
    if trailing and leading:  # reduce(x, (0, 2)) -> reduce(reduce(x, 2), 0)
        return _staged(reduce, _staged(reduce, operand, trailing), leading)
    rows = product([extent for axis, extent in enumerate(operand.shape) if axis not in axes])
    if len(trailing) > 1 and isinstance(rows, int) and rows < FEW:  # reduce(x, (1, 2)) -> reduce(reduce(x, 2), 1)
        return _staged(reduce, _staged(reduce, operand, trailing[-1:]), trailing[:-1])
    if not axes:
        return operand
    length = operand.shape[axes[0]]
    if len(axes) != 1 or not isinstance(length, int):
        return reduce(operand, axes)
    part = _part(length, PART if trailing else COLUMN_PART)
    if part and (trailing and isinstance(rows, int) and rows < FEW or leading and length > LONG_COLUMN):
        (axis,) = axes  # reduce(x[n], 0) -> reduce(reduce(reshape(x, (n / part, part)), 1), 0)
        shape: Shape = (*operand.shape[:axis], length // part, part, *operand.shape[axis + 1 :])
        return _staged(reduce, reduce(OPS["reshape"](operand, shape=shape), (axis + 1,)), (axis,))
    return reduce(operand, axes)


def _part(length: int, wanted: int) -> int | None:
    """The divisor of `length` nearest below `wanted`, if there is one of at least a quarter of it; None: do not
    split."""
    if length < 4 * wanted:
        return None
    return next((part for part in range(wanted, wanted // 4, -1) if length % part == 0), None)


def _dot(node: Node, inputs: tuple[Value, ...]) -> Value | None:
    """A dot without free axes on one side, or without contraction: broadcast, multiply, sum over the contracted axes.

    A matrix times a vector reads the matrix once: memory bounds it, and the order of its sum is that of a reduction.
    """
    left, right = inputs
    (batch_left, batch_right), (contract_left, contract_right) = node["batch"], node["contract"]
    free_left = [axis for axis in range(len(left.shape)) if axis not in (*batch_left, *contract_left)]
    free_right = [axis for axis in range(len(right.shape)) if axis not in (*batch_right, *contract_right)]
    if free_left and free_right and contract_left:
        return None
    if not left.dtype.is_differentiable or node["accumulate"] != left.dtype:
        wide = node["accumulate"]
        left, right = (OPS["cast"](each, dtype=wide) if each.dtype != wide else each for each in (left, right))
    # the space is (batch, a's axes in a's order, b's free axes) or mirrored, so that a's reads are contiguous
    main, other = (left, right) if free_left or not free_right else (right, left)
    swap = main is right
    main_batch, other_batch = (batch_right, batch_left) if swap else (batch_left, batch_right)
    main_contract, other_contract = (contract_right, contract_left) if swap else (contract_left, contract_right)
    other_free = [axis for axis in range(len(other.shape)) if axis not in (*other_batch, *other_contract)]
    space: Shape = (*main.shape, *[other.shape[axis] for axis in other_free])
    where = {
        **dict(zip(other_batch, main_batch, strict=True)),
        **dict(zip(other_contract, main_contract, strict=True)),
        **{axis: len(main.shape) + number for number, axis in enumerate(other_free)},
    }
    order = sorted(range(len(other.shape)), key=lambda axis: where[axis])
    turned = OPS["transpose"](other, permutation=tuple(order)) if order != sorted(order) else other
    wide_main = OPS["broadcast"](main, shape=space, axes=tuple(range(len(main.shape))))
    wide_other = OPS["broadcast"](turned, shape=space, axes=tuple([where[axis] for axis in order]))
    product_ = OPS["mul"](wide_other, wide_main) if swap else OPS["mul"](wide_main, wide_other)
    axes = tuple(sorted(main_contract))
    total = _staged(partial(_reduce, "reduce_sum"), product_, axes) if axes else product_
    # axes left: main's batch and free in main's order, then other's free; wanted: batch, a's free, b's free
    left_over = [axis for axis in range(len(space)) if axis not in axes]
    main_free = [axis for axis in range(len(main.shape)) if axis not in (*main_batch, *main_contract)]
    other_places = list(range(len(main.shape), len(space)))
    wanted = [*main_batch, *(other_places if swap else main_free), *(main_free if swap else other_places)]
    permutation = tuple([left_over.index(axis) for axis in wanted])
    if permutation != tuple(range(len(permutation))):
        total = OPS["transpose"](total, permutation=permutation)
    narrow: Value = total if total.dtype == node.output.dtype else OPS["cast"](total, dtype=node.output.dtype)
    return narrow


_RULES: Mapping[str, Callable[[Node, tuple[Value, ...]], Value | None]] = {
    "dot": _dot,
    "fft": fft_in_parts,
    "csr_transposed_dot": transposed_dot_in_parts,
}

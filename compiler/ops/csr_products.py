"""What the three products with a compressed sparse matrix share: types, derivatives, batches and cases.

In: the entries of a matrix by rows (`compressed.py`), and vectors or matrices. The products are csr_dot (A x),
csr_transposed_dot (A' x) and csr_sampled_dot (x y' where A has entries). They are each other's transposes, so
derivatives of every order stay among them:

    y = A x      dA = the entries of (dy x')     dx = A' dy
    y = A' x     dA = the entries of (x dy')     dx = A dy
    s = x y'     dx = S y                        dy = S' x      with S the matrix of the cotangents

Out: what their records are made of. All sums have one order, a property of the pattern.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from lazygraph.compiler.ir import dims
from lazygraph.compiler.ir.dims import Extent, Shape
from lazygraph.compiler.ir.graph import Node, TensorType, Value
from lazygraph.compiler.ops.compose import axis_moved, emit, plus
from lazygraph.compiler.ops.compressed import (
    FEW,
    PATTERNS,
    batched_offsets,
)
from lazygraph.compiler.ops.domains import SWEPT_FLOATS
from lazygraph.compiler.ops.lowering import BodyBuilder
from lazygraph.compiler.ops.record import Domain, Tangents
from lazygraph.compiler.ops.samples import Case, Draw, smooth, special
from lazygraph.compiler.ops.type_rules import require_dtype, require_same_dtype
from lazygraph.runtime.dtypes import DType, float64, int64

Types = tuple[TensorType, ...]
Pattern = tuple[int, int, int, tuple[int, ...]]  # rows, columns, entries, extents of the operands after them


def require_floats(op: str, left: TensorType, right: TensorType) -> None:
    require_dtype(op, "operand", left.dtype, ("float",))
    require_same_dtype(op, "operands", left.dtype, right.dtype)


def bilinear_jvp(first: int, second: int) -> Callable[[Node, Tangents], Tangents]:
    def rule(node: Node, tangents: Tangents) -> Tangents:
        found: Value | None = None
        for place in (first, second):
            tangent = tangents[place]
            if tangent is not None:
                inputs = [tangent if at == place else each for at, each in enumerate(node.inputs)]
                found = plus(found, node.op(*inputs, **node.attributes))
        return (found,)

    return rule


def one_part(x: Value) -> Value:
    return emit("reshape", x, shape=x.shape[1:])


def diagonal_offsets(inputs: tuple[Value, ...], batched: tuple[bool, ...], size: Extent) -> Value:
    """The offsets of the matrix whose diagonal the examples are."""
    return batched_offsets(inputs[2], batched[2], size, inputs[0].shape[-1])


def examples_last(x: Value) -> tuple[Value, Shape]:
    """A batch of vectors or matrices side by side, and the extents of each after the first."""
    moved = axis_moved(x, 0, 1)
    return emit("reshape", moved, shape=(moved.shape[0], dims.product(moved.shape[1:]))), moved.shape[2:]


def examples_first(y: Value, size: Extent, rest: Shape) -> Value:
    """Back from side by side, where y has one leading axis."""
    return axis_moved(emit("reshape", y, shape=(*y.shape[:-1], size, *rest)), y.type.rank - 1, 0)


def require_columns(b: BodyBuilder, node: Node, count: Extent, columns: Extent) -> None:
    """A row with entries needs a column."""
    if not dims.prove_nonnegative(dims.add(columns, -1)):
        have = b.index_value(columns, int64)
        held = b.let("or", b.in_range(0, 0, columns), b.in_range(0, count, 1))
        b.check(node, "index", held, (b.literal(0, int64), have))


def domain_of(case: Callable[[Draw, np.random.Generator, DType, Pattern], Case]) -> Domain:
    return Domain(
        SWEPT_FLOATS,
        lambda rng, dtype: [case(special, rng, dtype, each) for each in PATTERNS],
        lambda rng: [case(_smooth, rng, float64, each) for each in FEW],
    )


def _smooth(rng: np.random.Generator, dtype: DType, shape: Sequence[int]) -> np.ndarray:
    return smooth(rng, shape)[0]

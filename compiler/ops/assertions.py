"""assert_shape: two extents that only a call can compare are equal.

In: a tensor, and the shape that it shall have. Out: the tensor, of exactly that shape. Every dim is solved from the
extents of the inputs before the first step, so the equality is required there (`program.build`), by the names of the
dims; the op itself is a view that changes nothing, and no access leaves its buffer.
"""

from __future__ import annotations

import numpy as np

from lazygraph.compiler.ir.dims import Extent, Shape, compare_equal
from lazygraph.compiler.ir.errors import CheckFailed, ShapeError, shape_text
from lazygraph.compiler.ir.graph import Attributes, Node, TensorType, Value
from lazygraph.compiler.ops.compose import emit
from lazygraph.compiler.ops.lowering import Pointwise
from lazygraph.compiler.ops.record import Domain, Flags, Op, Tangents, register
from lazygraph.compiler.ops.samples import EVERY, Shapes, unary_cases, unary_smooth
from lazygraph.compiler.ops.structural import Types, same_op
from lazygraph.compiler.ops.type_rules import require_operands, require_shape


def aligned(x: Value, shape: Shape) -> Value:
    """x as a tensor of this shape: its extents are known to be these, or a call compares them before it runs."""
    return x if x.shape == shape else emit("assert_shape", x, shape=shape, equations=equations(x.shape, shape))


def equations(found: Shape, expected: Shape) -> tuple[str, ...]:
    """What is said of each axis: `m = n`."""
    return tuple([f"{have} = {wanted}" for have, wanted in zip(found, expected)])


def required(node: Node) -> list[tuple[Extent, Extent, str]]:
    """What a call has to compare: the extent that the operand has, the one that it shall have, and the sentence where
    they differ, in which {0} and {1} stand for their values."""
    axes = zip(node.inputs[0].shape, node["shape"], node["equations"], strict=True)
    return [
        (have, wanted, _sentence(equation))
        for have, wanted, equation in axes
        if compare_equal(have, wanted) is not True
    ]


def _sentence(equation: str) -> str:
    return f"expected equal extents: {equation}, found {{0}} and {{1}}"


def _type(types: Types, attributes: Attributes) -> Types:
    require_operands("assert_shape", types, 1)
    shape = require_shape("assert_shape", attributes["shape"])
    (x,) = types
    if len(shape) != x.rank or any([compare_equal(have, wanted) is False for have, wanted in zip(x.shape, shape)]):
        raise ShapeError(f"assert_shape: expected the shape {shape_text(shape)}, found {shape_text(x.shape)}")
    if len(attributes["equations"]) != x.rank:
        raise ShapeError(f"assert_shape: equations: expected {x.rank}, found {attributes['equations']}")
    return (TensorType(x.dtype, shape),)


def _reference(x: np.ndarray, *, shape: tuple[int, ...], equations: tuple[str, ...]) -> np.ndarray:
    for have, wanted, equation in zip(x.shape, shape, equations, strict=True):
        if have != wanted:
            raise CheckFailed(_sentence(equation).format(have, wanted))
    return x


def _transpose(node: Node, cotangents: Tangents, linear: tuple[bool, ...]) -> Tangents:
    (ct,) = cotangents
    return (None if ct is None else aligned(ct, node.inputs[0].shape),)


def _batch(node: Node, inputs: tuple[Value, ...], batched: tuple[bool, ...], size: Extent) -> tuple[Value, ...]:
    equations = (f"{size} = {size}", *node["equations"])
    return (node.op(*inputs, shape=(size, *node["shape"]), equations=equations),)


_SHAPES: Shapes = [
    (shape, {"shape": shape, "equations": equations(shape, shape)})
    for shape in [(), (0,), (1,), (67,), (2, 0, 3), (3, 67)]
]

assert_shape = register(
    Op(
        name="assert_shape",
        doc="x, of exactly this shape: extents that only a call can compare are required to be equal before it runs.",
        type_rule=_type,
        reference=_reference,
        jvp=same_op,
        transpose=_transpose,
        batch=_batch,
        lower=Pointwise(lambda b, node, index: b.read(0, index)),
        domain=Domain(EVERY, unary_cases(_SHAPES), unary_smooth(_SHAPES)),
        ulp=0,
        flags=Flags(linear=(0,), moves=True, labels=("equations",)),
    )
)

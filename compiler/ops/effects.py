"""Ops that mean something beyond their value: run-time checks, barriers, and the end of differentiation.

In: tensors, and for `check` a condition. Out: the tensors. A check is an effect: it is kept though nothing depends on
its condition, and it hands its operand on so that what must come after it reads its result. Its further operands are
effects that come before it (`ir/effects.py`).
"""

from __future__ import annotations

import numpy as np

from lazygraph.compiler.ir.dims import Extent, Shape
from lazygraph.compiler.ir.errors import CheckFailed, ShapeError
from lazygraph.compiler.ir.graph import Attributes, Node, TensorType, Value, serials
from lazygraph.compiler.loop.ir import Buffer
from lazygraph.compiler.ops.checks import sentence
from lazygraph.compiler.ops.complex_math.rule import ComplexRule
from lazygraph.compiler.ops.compose import batched_input
from lazygraph.compiler.ops.lowering import BodyBuilder, Elementwise, Loops, Pointwise
from lazygraph.compiler.ops.nests import nest, serial_then_vector
from lazygraph.compiler.ops.record import NOT_LINEAR, OPS, Domain, Flags, Op, Tangents, apply, no_tangent, register
from lazygraph.compiler.ops.samples import EVERY, Case, hostile, no_smooth, smooth, unary_cases
from lazygraph.compiler.ops.type_rules import require_dtype, require_operands
from lazygraph.runtime.dtypes import DType


def checked(x: Value, condition: Value, message: str) -> Value:
    """x, in a step that fails with this message unless every element of the condition holds."""
    return apply(OPS["check"], (x, condition), {"message": message}, serial=next(serials))[0]


def _check_type(types: tuple[TensorType, ...], attributes: Attributes) -> tuple[TensorType, ...]:
    require_operands("check", types[:2], 2)
    require_dtype("check", "condition", types[1].dtype, ("bool",))
    if not isinstance(attributes["message"], str):
        raise TypeError(f"check: message: expected a text, found {attributes['message']!r}")
    return types[:1]


def _check_reference(x: np.ndarray, condition: np.ndarray, *before: np.ndarray, message: str) -> np.ndarray:
    if not condition.all():
        raise CheckFailed(sentence("check", (), message=message))
    return x


def effect_transpose(node: Node, cotangents: Tangents, linear: tuple[bool, ...]) -> Tangents:
    """An effect hands its first operand on: cotangents pass by."""
    return (cotangents[0] if linear[0] else None, *[None] * (len(linear) - 1))


def effect_batch(node: Node, inputs: tuple[Value, ...], batched: tuple[bool, ...], size: Extent) -> tuple[Value, ...]:
    """One effect for all examples."""
    x = batched_input(inputs[0], batched[0], size)
    return apply(node.op, (x, *inputs[1:]), node.attributes, serial=next(serials))


def _write_check(b: BodyBuilder, node: Node, inputs: tuple[Buffer, ...], outputs: tuple[Buffer, ...]) -> None:
    x, condition, *_ = inputs
    serial = [("serial", extent) for extent in condition.shape]
    nest(b, "c", serial, lambda at: b.check(node, "check", b.load(condition, at), ()))
    write_copy(b, x, outputs[0])


def write_copy(b: BodyBuilder, source: Buffer, target: Buffer) -> None:
    """Every element of one buffer into another, which may be the same."""
    if source.name != target.name:
        nest(b, "i", serial_then_vector(source.shape), lambda at: b.store(target, at, b.load(source, at)))


def _check_cases(rng: np.random.Generator, dtype: DType) -> list[Case]:
    shapes: list[tuple[Shape, Shape]] = [((), ()), ((5,), ()), ((2, 67), (3,)), ((0,), (0, 2)), ((3, 1), (3, 1))]
    return [
        ((hostile(rng, dtype, _static(shape)), np.ones(_static(held), np.bool_)), {"message": "it must hold"})
        for shape, held in shapes
    ]


def _static(shape: Shape) -> tuple[int, ...]:
    return tuple([each for each in shape if isinstance(each, int)])


check = register(
    Op(
        name="check",
        doc="x, where the step fails with the message unless every element of the condition holds.",
        type_rule=_check_type,
        reference=_check_reference,
        jvp=lambda node, tangents: (tangents[0],),
        transpose=effect_transpose,
        batch=effect_batch,
        lower=Loops(_write_check, in_place=(0,)),
        domain=Domain(
            EVERY, _check_cases, lambda rng: [((*smooth(rng, (3,)), np.ones((), np.bool_)), {"message": "holds"})]
        ),
        ulp=0,
        flags=Flags(pure=False, linear=(0,), labels=("message",)),
    )
)


def _stop_type(types: tuple[TensorType, ...], attributes: Attributes) -> tuple[TensorType, ...]:
    require_operands("stop_gradient", types, 1)
    return types


stop_gradient = register(
    Op(
        name="stop_gradient",
        doc="x, taken as a constant by differentiation.",
        type_rule=_stop_type,
        reference=lambda x: x,
        jvp=no_tangent,
        transpose=NOT_LINEAR,
        batch=lambda node, inputs, batched, size: (node.op(inputs[0]),),
        lower=Elementwise(lambda b, x: x, ComplexRule(lambda z: z, lambda z: z)),
        domain=Domain(EVERY, unary_cases([((), {}), ((0,), {}), ((3, 67), {})]), no_smooth),
        ulp=0,
        flags=Flags(elementwise=True),
    )
)


# --- barrier ----------------------------------------------------------------------------------------------------------


def held(*values: Value) -> tuple[Value, ...]:
    """The same values, each behind all of them: the first waits for the others, the others for the first."""
    if not values:
        return ()
    first = after(*values)
    return (first, *[after(value, first) for value in values[1:]])


def after(x: Value, *others: Value) -> Value:
    """x behind a barrier of its own: what reads it is computed after x and the others."""
    return apply(OPS["barrier"], (x, *others), {}, serial=next(serials))[0]


def _barrier_type(types: tuple[TensorType, ...], attributes: Attributes) -> tuple[TensorType, ...]:
    if not types:
        raise ShapeError("barrier: expected at least 1 operand, found 0")
    return types[:1]


def _barrier_jvp(node: Node, tangents: Tangents) -> Tangents:
    return (None if tangents[0] is None else after(tangents[0]),)


def _barrier_transpose(node: Node, cotangents: Tangents, linear: tuple[bool, ...]) -> Tangents:
    (ct,) = cotangents
    return (None if ct is None or not linear[0] else after(ct), *[None] * (len(linear) - 1))


def _barrier_batch(node: Node, inputs: tuple[Value, ...], batched: tuple[bool, ...], size: Extent) -> tuple[Value, ...]:
    return (after(batched_input(inputs[0], batched[0], size), *inputs[1:]),)


def _barrier_cases(rng: np.random.Generator, dtype: DType) -> list[Case]:
    several: list[tuple[tuple[int, ...], ...]] = [((),), ((0,),), ((2, 67), (5,)), ((3, 1), (), (3, 1))]
    return [(tuple([hostile(rng, dtype, shape) for shape in shapes]), {}) for shapes in several]


barrier = register(
    Op(
        name="barrier",
        doc="The first operand, to be read once all operands have been computed: nothing is moved, merged or fused "
        "across.",
        type_rule=_barrier_type,
        reference=lambda x, *others: x,
        jvp=_barrier_jvp,
        transpose=_barrier_transpose,
        batch=_barrier_batch,
        lower=Pointwise(lambda b, node, index: b.read(0, index)),  # what it waits for, `loop/fuse.py` sees to
        domain=Domain(EVERY, _barrier_cases, lambda rng: [(smooth(rng, (3,)), {})]),
        ulp=0,
        flags=Flags(linear=(0,)),
    )
)

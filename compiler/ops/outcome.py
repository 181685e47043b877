"""outcome: a result that counts only if what was found while it was made is what was wanted.

In: a tensor and two tensors of int64 of one shape. Out: the tensor, in a step that fails where the two differ, with the
sentence of `kind` over them. Unlike a `check` it is no effect: it is not made where nobody reads the tensor.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lazygraph.compiler.ir.dims import Extent
from lazygraph.compiler.ir.errors import CheckFailed
from lazygraph.compiler.ir.graph import Attributes, Node, TensorType, Value
from lazygraph.compiler.loop.ir import Buffer, Index
from lazygraph.compiler.ops.checks import MESSAGES, sentence
from lazygraph.compiler.ops.compose import batched_input
from lazygraph.compiler.ops.effects import effect_transpose, write_copy
from lazygraph.compiler.ops.lowering import BodyBuilder, Loops
from lazygraph.compiler.ops.nests import nest
from lazygraph.compiler.ops.record import Domain, Flags, Op, apply, register
from lazygraph.compiler.ops.samples import EVERY, Case, hostile, smooth
from lazygraph.compiler.ops.type_rules import require_dtype, require_equal_shapes, require_operands
from lazygraph.runtime.dtypes import DType


def _type_rule(types: tuple[TensorType, ...], attributes: Attributes) -> Sequence[TensorType]:
    require_operands("outcome", types, 3)
    for what, each in zip(("what was found", "what was wanted"), types[1:]):
        require_dtype("outcome", what, each.dtype, ("int",))
    require_equal_shapes("outcome", "found and wanted", types[1].shape, types[2].shape)
    if attributes["kind"] not in MESSAGES:
        raise ValueError(f"outcome: expected a kind out of {', '.join(MESSAGES)}, found {attributes['kind']!r}")
    return types[:1]


def _reference(x: np.ndarray, found: np.ndarray, wanted: np.ndarray, *, kind: str) -> np.ndarray:
    differ = np.argwhere(found != wanted)
    if len(differ):
        place = tuple(differ[0])
        raise CheckFailed(sentence(kind, (int(found[place]), int(wanted[place]))))
    return x


def _batch(node: Node, inputs: tuple[Value, ...], batched: tuple[bool, ...], size: Extent) -> tuple[Value, ...]:
    return apply(node.op, [batched_input(x, has, size) for x, has in zip(inputs, batched)], node.attributes)


def _write(b: BodyBuilder, node: Node, inputs: tuple[Buffer, ...], outputs: tuple[Buffer, ...]) -> None:
    x, found, wanted = inputs

    def compared(at: Index) -> None:
        pair = b.load(found, at), b.load(wanted, at)
        b.check(node, node["kind"], b.let("eq", *pair), pair)

    nest(b, "c", [("serial", extent) for extent in found.shape], compared)
    write_copy(b, x, outputs[0])


def _cases(rng: np.random.Generator, dtype: DType) -> list[Case]:
    shapes: list[tuple[tuple[int, ...], tuple[int, ...]]] = [((), ()), ((2, 67), (2,)), ((0,), (0,)), ((3, 1), (3, 2))]
    counts = [np.arange(int(np.prod(shape)), dtype=np.int64).reshape(shape) for _, shape in shapes]
    return [
        ((hostile(rng, dtype, shape), count, count.copy()), {"kind": "converge"})
        for (shape, _), count in zip(shapes, counts)
    ]


_seven = np.full((), 7, np.int64)

outcome = register(
    Op(
        name="outcome",
        doc="x, where the step fails unless what was found while it was made is what was wanted.",
        type_rule=_type_rule,
        reference=_reference,
        jvp=lambda node, tangents: (tangents[0],),
        transpose=effect_transpose,
        batch=_batch,
        lower=Loops(_write, in_place=(0,)),
        domain=Domain(EVERY, _cases, lambda rng: [((*smooth(rng, (3,)), _seven, _seven), {"kind": "converge"})]),
        ulp=0,
        flags=Flags(linear=(0,)),
    )
)

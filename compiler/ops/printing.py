"""print: a tensor that is shown whenever it is computed.

In: a tensor, and effects that come before it. Out: the tensor. The kernel hands it on as a buffer of its own, and the
program shows that buffer right after the launch (`program.ir.Print`), so that prints and checks happen in their order.
"""

from __future__ import annotations

import numpy as np

from lazygraph.compiler.ir.graph import Attributes, Node, TensorType, Value, serials
from lazygraph.compiler.loop.ir import Buffer
from lazygraph.compiler.ops.effects import effect_batch, effect_transpose, write_copy
from lazygraph.compiler.ops.lowering import BodyBuilder, Loops
from lazygraph.compiler.ops.record import OPS, Domain, Flags, Op, apply, register
from lazygraph.compiler.ops.samples import EVERY, smooth, unary_cases
from lazygraph.compiler.ops.type_rules import require_operands
from lazygraph.runtime.artifact import text_of


def printed(x: Value, text: str) -> Value:
    """x, shown with this text each time it is computed."""
    return apply(OPS["print"], (x,), {"text": text}, serial=next(serials))[0]


def _type(types: tuple[TensorType, ...], attributes: Attributes) -> tuple[TensorType, ...]:
    require_operands("print", types[:1], 1)
    if not isinstance(attributes["text"], str):
        raise TypeError(f"print: text: expected a text, found {attributes['text']!r}")
    return types[:1]


def _reference(x: np.ndarray, *before: np.ndarray, text: str) -> np.ndarray:
    print(text_of(text, x))
    return x


def _write(b: BodyBuilder, node: Node, inputs: tuple[Buffer, ...], outputs: tuple[Buffer, ...]) -> None:
    write_copy(b, inputs[0], outputs[0])


_TEXTS = [((), {"text": "loss {}"}), ((0,), {"text": ""}), ((5,), {"text": "x"}), ((2, 67), {"text": "rows"})]

print_ = register(
    Op(
        name="print",
        doc="x, shown whenever it is computed: in order of data flow, then in the order in which it was asked for.",
        type_rule=_type,
        reference=_reference,
        jvp=lambda node, tangents: (tangents[0],),
        transpose=effect_transpose,
        batch=effect_batch,
        lower=Loops(_write, in_place=(0,)),
        domain=Domain(EVERY, unary_cases(_TEXTS), lambda rng: [(smooth(rng, (3,)), {"text": "x"})]),
        ulp=0,
        flags=Flags(pure=False, shown=True, linear=(0,), labels=("text",)),
    )
)

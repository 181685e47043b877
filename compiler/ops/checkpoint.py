"""checkpoint: a function whose reverse pass computes again what it needs, instead of storing it.

In: the operands of a body, a sub-graph. Out: what the body gives. The body is put in place of the node once every
derivative has been taken (`passes/inline.py`). Its derivatives are nodes of the same kind:
- forward, (operands, tangents) -> tangents of the results: its body computes the formulas of the primal again, and as
  nobody delays them they are merged with the primal;
- transposed, (operands, cotangents) -> cotangents: its operands stand behind a barrier that waits for the cotangents,
  so its body is computed when they have arrived, from the operands alone, and is merged with nothing.
All that lives from the forward to the reverse pass is the operands. Derivatives of derivatives are the same two steps.
A. Griewank, A. Walther: Algorithm 799: revolve, 2000; T. Chen et al., Training deep nets with sublinear memory cost,
2016.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from lazygraph.compiler.ir.dims import Extent
from lazygraph.compiler.ir.errors import DTypeError, ShapeError
from lazygraph.compiler.ir.graph import Attributes, Graph, Node, TensorType, Value, with_inputs
from lazygraph.compiler.ir.graph import topological as in_order
from lazygraph.compiler.ops.compose import batched_input
from lazygraph.compiler.ops.effects import after
from lazygraph.compiler.ops.leaf import new_parameter
from lazygraph.compiler.ops.lowering import Inlined
from lazygraph.compiler.ops.record import Domain, Flags, Op, Tangents, apply, register
from lazygraph.compiler.ops.samples import EVERY, Case, plain, smooth
from lazygraph.runtime.dtypes import DType, float64

Types = tuple[TensorType, ...]
Values = tuple[Value, ...]


def recomputed(body: Graph, operands: Sequence[Value]) -> Values:
    """The results of a body over these operands, as one node."""
    return apply(checkpoint, operands, {}, graphs=(body,))


def _type(types: Types, attributes: Attributes) -> Types:
    (body,) = attributes["graphs"]
    wanted = tuple([each.type for each in body.inputs])
    if types != wanted:
        texts = [", ".join(map(str, each)) or "nothing" for each in (wanted, types)]
        error = DTypeError if [each.shape for each in wanted] == [each.shape for each in types] else ShapeError
        raise error(f"checkpoint: operands: expected {texts[0]}, found {texts[1]}")
    return tuple([each.type for each in body.outputs])


def _jvp(node: Node, tangents: Tangents) -> Tangents:
    """(x, dx) -> dy, of the outputs that move."""
    from lazygraph.compiler.autodiff.jvp import jvp

    (body,) = node.graphs
    outputs = _silent(body.outputs)
    symbols = [None if t is None else new_parameter("d", t.dtype, t.shape) for t in tangents]
    places = [place for place, each in enumerate(outputs) if each.dtype.is_differentiable]
    found = dict(zip(places, jvp([outputs[each] for each in places], body.inputs, symbols)))
    moving = {place: value for place, value in found.items() if value is not None}
    if not moving:
        return (None,) * len(node.outputs)
    given = [each for each in symbols if each is not None]
    inner = Graph("tangents", (*body.inputs, *given), tuple(moving.values()))
    made = dict(zip(moving, recomputed(inner, (*node.inputs, *[t for t in tangents if t is not None]))))
    return tuple([made.get(place) for place in range(len(node.outputs))])


def _silent(values: Sequence[Value]) -> list[Value]:
    """The values without the prints on their way: what is computed again is not shown again."""
    new: dict[Value, Value] = {}
    for node in in_order(values):
        inputs = [new[each] for each in node.inputs]
        if node.op.flags.shown:
            new[node.outputs[0]] = inputs[0]
        else:
            same = all([fresh is old for fresh, old in zip(inputs, node.inputs)])
            new.update(zip(node.outputs, node.outputs if same else with_inputs(node, inputs).outputs))
    return [new[each] for each in values]


def _transpose(node: Node, cotangents: Tangents, linear: tuple[bool, ...]) -> Tangents:
    """(x, ct of y) -> ct of dx, where y = body(x, dx) is linear in dx; x is read once the cotangents are known."""
    from lazygraph.compiler.autodiff.transpose import transpose

    (body,) = node.graphs
    arrived = [ct for ct in cotangents if ct is not None]
    if not arrived:
        return (None,) * len(linear)
    symbols = [None if ct is None else new_parameter("ct", ct.dtype, ct.shape) for ct in cotangents]
    moving = [value for value, moves in zip(body.inputs, linear) if moves]
    found = dict(zip(moving, transpose(body.outputs, moving, symbols)))
    wanted = {value: ct for value, ct in found.items() if ct is not None}
    if not wanted:
        return (None,) * len(linear)
    fixed = [(inner, outer) for inner, outer, moves in zip(body.inputs, node.inputs, linear) if not moves]
    inner = Graph(
        "cotangents",
        (*[value for value, _ in fixed], *[each for each in symbols if each is not None]),
        tuple(wanted.values()),
    )
    late = [after(value, *arrived) for _, value in fixed]
    made = dict(zip(wanted, recomputed(inner, (*late, *arrived))))
    return tuple([made.get(value) for value in body.inputs])


def _batch(node: Node, inputs: Values, batched: tuple[bool, ...], size: Extent) -> Values:
    from lazygraph.compiler.autodiff.batching import batch

    (body,) = node.graphs
    operands = [
        new_parameter(old.node["name"], old.dtype, (size, *old.shape)) if has_axis else old
        for old, has_axis in zip(body.inputs, batched, strict=True)
    ]
    moved = [place for place, has_axis in enumerate(batched) if has_axis]
    examples, replaced = [body.inputs[place] for place in moved], [operands[place] for place in moved]
    found, have = batch(body.outputs, examples, replaced, size)
    outputs = tuple([batched_input(value, has_axis, size) for value, has_axis in zip(found, have)])
    return recomputed(Graph(body.name, tuple(operands), outputs), inputs)


def _sample(shape: tuple[int, ...], dtype: DType) -> dict[str, Any]:
    """(x, y) -> (y, x)."""
    x, y = [new_parameter(name, dtype, shape) for name in "xy"]
    return {"graphs": (Graph("body", (x, y), (y, x)),)}


def _cases(rng: np.random.Generator, dtype: DType) -> list[Case]:
    return [
        ((plain(rng, dtype, shape), plain(rng, dtype, shape)), _sample(shape, dtype))
        for shape in [(), (0,), (1,), (2, 67)]
    ]


def _smooth(rng: np.random.Generator) -> list[Case]:
    x, y = [new_parameter(name, float64, (4,)) for name in "xy"]
    return [((*smooth(rng, (4,)), *smooth(rng, (4,))), {"graphs": (Graph("body", (x, y), (x * x * y, x + x)),)})]


checkpoint = register(
    Op(
        name="checkpoint",
        doc="What its sub-graph gives; what a derivative in reverse needs of it is computed again, not stored.",
        type_rule=_type,
        reference=lambda *operands, graphs: graphs[0](*operands),
        jvp=_jvp,
        transpose=_transpose,
        batch=_batch,
        lower=Inlined(),
        domain=Domain(EVERY, _cases, _smooth),
        ulp=0,
        flags=Flags(),
    )
)

"""custom_derivative: a function whose derivative is a rule that comes with it.

In: the operands of a body, a sub-graph, and beside it the sub-graph of its rule. Out: what the body gives. The body is
put in place of the node once every derivative has been taken (`passes/inline.py`); differentiation never looks into it:
- kind "jvp": rule(operands, results, tangents of the arguments) = tangents of the results, linear in the tangents;
- kind "vjp": rule(operands, results, cotangents of the results) = cotangents of the arguments.
The leading `arguments` operands are what the rule speaks of; the others are tensors that body and rule close over.
Tangents and cotangents are those of operands and results that have a derivative, in order. A rule is put in place where
it is asked for, so its own graph is differentiated for the second order.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from lazygraph.compiler.autodiff.substitute import substitute
from lazygraph.compiler.ir.dims import Extent
from lazygraph.compiler.ir.errors import DTypeError, ShapeError
from lazygraph.compiler.ir.graph import Attributes, Graph, Node, TensorType, Value
from lazygraph.compiler.ops.compose import batched_input, emit, or_zeros
from lazygraph.compiler.ops.leaf import new_parameter
from lazygraph.compiler.ops.lowering import Inlined
from lazygraph.compiler.ops.record import NOT_LINEAR, Domain, Flags, Op, Tangents, apply, register
from lazygraph.compiler.ops.samples import EVERY, Case, plain, smooth
from lazygraph.runtime.dtypes import DType, float64, int32

Types = tuple[TensorType, ...]
Values = tuple[Value, ...]
KINDS = ("jvp", "vjp")


def inlined(graph: Graph, operands: Sequence[Value]) -> list[Value]:
    """The results of a sub-graph over these operands."""
    return substitute(graph.outputs, dict(zip(graph.inputs, operands, strict=True)))


def rule_types(kind: str, operands: Types, arguments: int, results: Types) -> tuple[Types, Types]:
    """What a rule takes and what it gives."""
    moving = tuple([each for each in operands[:arguments] if each.dtype.is_differentiable])
    moved = tuple([each for each in results if each.dtype.is_differentiable])
    given, wanted = (moving, moved) if kind == "jvp" else (moved, moving)
    return (*operands, *results, *given), wanted


def _type(types: Types, attributes: Attributes) -> Types:
    body, rule = attributes["graphs"]
    kind, arguments = attributes["kind"], attributes["arguments"]
    if kind not in KINDS or not 0 <= arguments <= len(types):
        raise ValueError(f"custom_derivative: expected {' or '.join(KINDS)} of arguments, found {kind} of {arguments}")
    results = _types(body.outputs)
    takes, gives = rule_types(kind, types, arguments, results)
    _require("operands", types, _types(body.inputs))
    _require(f"operands of the {kind} rule", takes, _types(rule.inputs))
    _require(f"results of the {kind} rule", gives, _types(rule.outputs))
    return results


def _types(values: Sequence[Value]) -> Types:
    return tuple([each.type for each in values])


def _require(what: str, expected: Types, found: Types) -> None:
    if expected != found:
        texts = [", ".join(map(str, each)) or "nothing" for each in (expected, found)]
        error = DTypeError if [each.shape for each in expected] == [each.shape for each in found] else ShapeError
        raise error(f"custom_derivative: {what}: expected {texts[0]}, found {texts[1]}")


def _jvp(node: Node, tangents: Tangents) -> Tangents:
    arguments = node["arguments"]
    for operand, tangent in zip(node.inputs[arguments:], tangents[arguments:]):
        if tangent is not None:
            raise TypeError(
                f"the derivative of {_named(node)} with respect to {_described(operand)}, which it closes over: "
                "its rule speaks of its arguments only, make it one of them"
            )
    moving = [
        or_zeros(tangent, operand)
        for operand, tangent in zip(node.inputs[:arguments], tangents)
        if operand.dtype.is_differentiable
    ]
    operands = (*node.inputs, *node.outputs, *moving)
    if node["kind"] == "jvp":
        found: Sequence[Value] = inlined(node.graphs[1], operands)
    else:
        found = apply(REVERSE_ONLY, operands, {"called": _named(node), "moving": len(moving)}, graphs=node.graphs[1:])
    return _at_differentiable(node.outputs, found)


def _at_differentiable(places: Sequence[Value], found: Sequence[Value]) -> Tangents:
    """A value found for each place that has a derivative, None for the others."""
    left = iter(found)
    return tuple([next(left) if place.dtype.is_differentiable else None for place in places])


def _named(node: Node) -> str:
    return f"{node['called']!r}{f' at {node.frames[0]}' if node.frames else ''}"


def _described(value: Value) -> str:
    if value.node.op.name == "parameter":
        return f"{value.node['kind']} {value.node['name']!r}"
    return f"the result of {value.node.op.name}{f' at {value.node.frames[0]}' if value.node.frames else ''}"


# --- batching ---------------------------------------------------------------------------------------------------------


def _batch(node: Node, inputs: Values, batched: tuple[bool, ...], size: Extent) -> Values:
    body, rule = node.graphs
    arguments, all_results = node["arguments"], (True,) * len(node.outputs)
    moving = tuple([has for x, has in zip(node.inputs[:arguments], batched) if x.dtype.is_differentiable])
    moved = tuple([True for each in node.outputs if each.dtype.is_differentiable])
    given, wanted = (moving, moved) if node["kind"] == "jvp" else (moved, moving)
    graphs = (
        _batched_graph(body, batched, all_results, size),
        _batched_graph(rule, (*batched, *all_results, *given), wanted, size),
    )
    return apply(node.op, inputs, node.attributes, graphs=graphs)


def _batched_graph(graph: Graph, batched: tuple[bool, ...], wanted: tuple[bool, ...], size: Extent) -> Graph:
    """The graph over operands some of which are batched. A result that is wanted unbatched is the sum of its examples':
    the cotangent of an argument that all examples share."""
    from lazygraph.compiler.autodiff.batching import batch

    inputs = [
        new_parameter(old.node["name"], old.dtype, (size, *old.shape)) if has_axis else old
        for old, has_axis in zip(graph.inputs, batched, strict=True)
    ]
    examples = [old for old, has_axis in zip(graph.inputs, batched) if has_axis]
    replaced = [new for new, has_axis in zip(inputs, batched) if has_axis]
    found, have = batch(graph.outputs, examples, replaced, size)
    outputs = [batched_input(value, has_axis, size) for value, has_axis in zip(found, have)]
    outputs = [
        value if wants else emit("reduce_sum", value, axes=(0,)) for value, wants in zip(outputs, wanted, strict=True)
    ]
    return Graph(graph.name, tuple(inputs), tuple(outputs))


# --- reverse mode through a rule for it ------------------------------------------------------------------------------


def _no_forward(node: Node) -> TypeError:
    return TypeError(
        f"forward mode through {node['called']}, whose rule is for reverse mode only (vjp): "
        "expected lg.grad or lg.vjp of it, or a function with a jvp rule"
    )


def _raise_no_forward(node: Node, *rest: Any) -> Any:
    raise _no_forward(node)


def _reverse_type(types: Types, attributes: Attributes) -> Types:
    (rule,) = attributes["graphs"]
    return _types(rule.inputs[len(types) - attributes["moving"] :])


def _reverse_transpose(node: Node, cotangents: Tangents, linear: tuple[bool, ...]) -> Tangents:
    (rule,) = node.graphs
    residuals = node.inputs[: len(node.inputs) - node["moving"]]
    arrived = [or_zeros(ct, output) for ct, output in zip(cotangents, node.outputs)]
    found = inlined(rule, (*residuals, *arrived))
    everything = (*[None] * len(residuals), *found)
    return tuple([ct if wanted else None for ct, wanted in zip(everything, linear, strict=True)])


# The tangents of results, of which only the transpose is known. Not in the table of records: it lives from a forward
# pass to the transposition that follows it.
REVERSE_ONLY = Op(
    name="reverse_only",
    doc="Tangents of a function with a vjp rule: (operands, results, tangents) -> tangents of the results.",
    type_rule=_reverse_type,
    reference=_raise_no_forward,
    jvp=_raise_no_forward,
    transpose=_reverse_transpose,
    batch=_raise_no_forward,
    lower=Inlined(),
    domain=Domain((), lambda rng, dtype: [], lambda rng: []),
    ulp=0,
)


def require_forward(nodes: Sequence[Node]) -> None:
    """TypeError where a tangent has come through a function that has a rule for reverse mode only."""
    for node in nodes:
        if node.op is REVERSE_ONLY:
            raise _no_forward(node)
        for graph in node.graphs:
            require_forward(graph.nodes)


def has_forward(nodes: Sequence[Node]) -> bool:
    """Whether every one of these nodes takes tangents."""
    for node in nodes:
        if node.op is custom_derivative:
            if node["kind"] == "vjp":
                return False
        elif not all([has_forward(graph.nodes) for graph in node.graphs]):
            return False
    return True


# --- the record -------------------------------------------------------------------------------------------------------


def _sample(shape: tuple[int, ...], dtype: DType, kind: str) -> dict[str, Any]:
    """(x, count, w) -> (2 x + w, count) with the derivative that it has, or (x, count); w is closed over."""
    x, w, y, moved = [new_parameter(name, dtype, shape) for name in ("x", "w", "y", "moved")]
    count, counted = [new_parameter(name, int32, ()) for name in ("count", "counted")]
    if dtype.is_differentiable:
        body = Graph("body", (x, count, w), (x + x + w, count))
        rule = Graph("rule", (x, count, w, y, counted, moved), (moved + moved,))
    else:
        body = Graph("body", (x, count, w), (x, count))
        rule = Graph("rule", (x, count, w, y, counted), ())
    return {"kind": kind, "called": "twice", "arguments": 2, "graphs": (body, rule)}


def _cases(rng: np.random.Generator, dtype: DType) -> list[Case]:
    count = np.asarray(3, np.int32)
    return [
        ((plain(rng, dtype, shape), count, plain(rng, dtype, shape)), _sample(shape, dtype, kind))
        for shape in [(), (0,), (1,), (2, 67)]
        for kind in KINDS
    ]


def _smooth(rng: np.random.Generator) -> list[Case]:
    """Of x alone: what a function closes over has no derivative."""
    x, y, t = [new_parameter(name, float64, (4,)) for name in "xyt"]
    body, rule = Graph("cube", (x,), (x * x * x,)), Graph("jvp", (x, y, t), (3 * (x * x) * t,))
    return [(smooth(rng, (4,)), {"kind": "jvp", "called": "cube", "arguments": 1, "graphs": (body, rule)})]


custom_derivative = register(
    Op(
        name="custom_derivative",
        doc="What its first sub-graph gives, with the derivative that its second one says.",
        type_rule=_type,
        reference=lambda *operands, graphs, kind, called, arguments: graphs[0](*operands),
        jvp=_jvp,
        transpose=NOT_LINEAR,
        batch=_batch,
        lower=Inlined(),
        domain=Domain(EVERY, _cases, _smooth),
        ulp=0,
        flags=Flags(labels=("called",)),
    )
)

"""Reverse mode: the transpose of the linear part of a JVP.

In: outputs, inputs, and a cotangent or None (a symbolic zero) for each output. Out: the cotangents of the inputs.
Forward mode is run on tangents that are symbols; what depends on a symbol is linear in it, and is transposed node by
node in reverse order. Residuals are the primal nodes themselves. The symbols are dropped.
"""

from __future__ import annotations

from collections.abc import Sequence

from lazygraph.compiler.autodiff.cut import prepare
from lazygraph.compiler.autodiff.jvp import push_forward, require_differentiable, require_type
from lazygraph.compiler.ir.graph import Node, Value, origin, topological
from lazygraph.compiler.ops.leaf import new_parameter
from lazygraph.compiler.ops.record import NotLinear


def vjp(outputs: Sequence[Value], inputs: Sequence[Value], cotangents: Sequence[Value | None]) -> list[Value | None]:
    """The cotangents of `inputs`: the sum of (d output / d input)^T cotangent, None where no output depends.

    An input that is computed from another one is no cut: the cotangent of the other includes what flows through it.
    """
    if len(cotangents) != len(outputs):
        raise ValueError(f"vjp: expected one cotangent per output, found {len(cotangents)} for {len(outputs)} outputs")
    for value in inputs:
        require_differentiable(value)
    for value, cotangent in zip(outputs, cotangents):
        if cotangent is not None:
            require_differentiable(value)
            require_type("cotangent", value, cotangent)
    pulled = [(output, cotangent) for output, cotangent in zip(outputs, cotangents) if cotangent is not None]
    prepared = prepare([output for output, _ in pulled], inputs)
    symbols = [new_parameter("tangent", value.dtype, value.shape) for value in prepared.inputs]
    tangents = push_forward(prepared, symbols)
    return prepared.finish(transpose(tangents, symbols, [cotangent for _, cotangent in pulled]))


def transpose(
    outputs: Sequence[Value | None], symbols: Sequence[Value], cotangents: Sequence[Value | None]
) -> list[Value | None]:
    """The cotangents of the symbols, for outputs that are linear in them.

    Contributions to one value are summed in the reverse order of the graph, which depends on the graph alone.
    """
    linear = set(symbols)
    steps: list[Node] = []
    for node in topological([output for output in outputs if output is not None]):
        if any([operand in linear for operand in node.inputs]):
            linear.update(node.outputs)
            steps.append(node)
    arrived: dict[Value, Value] = {}
    for output, cotangent in zip(outputs, cotangents):
        if output is not None and cotangent is not None and output in linear:
            _accumulate(arrived, output, cotangent)
    for node in reversed(steps):
        outgoing = tuple([arrived.pop(output, None) for output in node.outputs])
        if any([cotangent is not None for cotangent in outgoing]):
            _pull_through(node, outgoing, tuple([operand in linear for operand in node.inputs]), arrived)
    return [arrived.get(symbol) for symbol in symbols]


def _pull_through(
    node: Node, outgoing: tuple[Value | None, ...], linear: tuple[bool, ...], arrived: dict[Value, Value]
) -> None:
    rule = node.op.transpose
    if isinstance(rule, NotLinear):
        raise TypeError(f"a jvp rule applies {node.op.name} to a tangent: expected ops that are linear in it")
    with origin(node.frames):
        for operand, is_linear, cotangent in zip(node.inputs, linear, rule(node, outgoing, linear), strict=True):
            if cotangent is None or not is_linear:
                continue
            if cotangent.type != operand.type:
                raise TypeError(f"the transpose rule of {node.op.name} gives {cotangent.type}: expected {operand.type}")
            _accumulate(arrived, operand, cotangent)


def _accumulate(arrived: dict[Value, Value], value: Value, cotangent: Value) -> None:
    known = arrived.get(value)
    arrived[value] = cotangent if known is None else known + cotangent

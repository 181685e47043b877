"""Small tools of the op tests: apply a record to arrays, push tangents forward node by node, evaluate what comes out.

In: a record, arrays and attributes. Out: values over fresh parameters, and the arrays that the interpreter gives for
them. The forward pass here is a plain loop over the records' rules, independent of the compiler's own differentiation.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lazygraph.compiler.ir.graph import Graph, Node, Value, topological
from lazygraph.compiler.ir.interpret import SubGraph, interpret
from lazygraph.compiler.ops.leaf import new_parameter
from lazygraph.compiler.ops.record import Op, apply
from lazygraph.runtime.dtypes import from_numpy


@dataclass(frozen=True)
class Applied:
    """An op on fresh parameters, with the arrays they stand for."""

    parameters: tuple[Value, ...]
    arrays: tuple[np.ndarray, ...]
    node: Node


def applied(op: Op, arrays: Sequence[np.ndarray], attributes: Mapping[str, Any]) -> Applied:
    parameters = tuple(stand_in(array, f"x{place}") for place, array in enumerate(arrays))
    rest = dict(attributes)
    graphs = rest.pop("graphs", ())
    return Applied(parameters, tuple(arrays), apply(op, parameters, rest, graphs=graphs)[0].node)


def reference(op: Op, arrays: Sequence[np.ndarray], attributes: Mapping[str, Any]) -> tuple[np.ndarray, ...]:
    """What the record's reference gives; sub-graphs come to it as functions of arrays."""
    rest = dict(attributes)
    if "graphs" in rest:
        rest["graphs"] = [SubGraph(graph, {}) for graph in rest["graphs"]]
    return as_array(op.reference(*arrays, **rest))


def stand_in(array: np.ndarray, name: str = "v") -> Value:
    """A parameter of the array's type."""
    return new_parameter(name, from_numpy(array.dtype), array.shape)


def evaluate(
    values: Sequence[Value], parameters: Sequence[Value], arrays: Sequence[np.ndarray]
) -> tuple[np.ndarray, ...]:
    return interpret(Graph("test", tuple(parameters), tuple(values)), arrays).outputs


def pushed_forward(outputs: Sequence[Value], tangents: Mapping[Value, Value | None]) -> list[Value | None]:
    """The tangents of the outputs for given tangents of parameters, by each node's JVP rule; None is zero."""
    known = dict(tangents)
    for node in topological(outputs):
        incoming = tuple(known.get(each) for each in node.inputs)
        if any(each is not None for each in incoming):
            known.update(zip(node.outputs, node.op.jvp(node, incoming), strict=True))
    return [known.get(each) for each in outputs]


def as_array(found: Any) -> tuple[np.ndarray, ...]:
    """The results of a reference, always as a tuple of arrays."""
    return tuple(np.asarray(each) for each in (found if isinstance(found, tuple) else (found,)))


def inexact(array: np.ndarray) -> bool:
    return from_numpy(array.dtype).is_differentiable


def together(name: str, cases: list[Applied]) -> Graph:
    """One graph whose inputs and outputs are those of all cases."""
    inputs = tuple(each for case in cases for each in case.parameters)
    return Graph(name, inputs, tuple(each for case in cases for each in case.node.outputs))

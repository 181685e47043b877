"""The laws of the graph form.
In: a graph. Out: nothing; a broken law raises `InvalidGraph` with the node, what was expected and what was found.
Passes are held to it in tests and under `LAZYGRAPH_VERIFY=1`.
"""

from __future__ import annotations

from lazygraph.compiler.ir.graph import Graph, Node, Value
from lazygraph.compiler.ops.record import OPS


class InvalidGraph(ValueError):
    """A pass made a graph that breaks a law of the form: a mistake of ours, never of the user."""


def verify_graph(graph: Graph) -> None:
    """Every node is a registered op whose types follow from its operands; every parameter is declared, once."""
    declared = (*graph.inputs, *graph.variables)
    _expect(len(set(declared)) == len(declared), graph, "a parameter is listed twice")
    for value in declared:
        _expect(value.node.op.name == "parameter", graph, f"{value} is listed as an input: expected a parameter")
    known = set(declared)
    seen: set[Value] = set()
    for node in graph.nodes:
        _verify_node(graph, node, seen)
        if node.op.name == "parameter":
            _expect(
                node.output in known, graph, f"parameter {node['name']!r} is used but not among inputs and variables"
            )
            _expect(node.serial != 0, graph, f"parameter {node['name']!r} has no serial")
        seen.update(node.outputs)
        for inner in node.graphs:
            verify_graph(inner)
    variables = set(graph.variables)
    for variable, new in graph.updates:
        _expect(variable in variables, graph, f"an update of {variable}, which is not a variable of the graph")
        _expect(variable.type == new.type, graph, f"an update of {variable.type} with {new.type}")
    updated = [variable for variable, _ in graph.updates]
    _expect(len(set(updated)) == len(updated), graph, "a variable is updated twice")


def _verify_node(graph: Graph, node: Node, seen: set[Value]) -> None:
    _expect(OPS.get(node.op.name) is node.op, graph, f"{node!r} is no registered op")
    for operand in node.inputs:
        _expect(operand in seen, graph, f"{node!r} comes before its operand {operand}")
        _expect(operand.node.outputs[operand.index] is operand, graph, f"{operand} is not a result of its node")
    types = node.op.result_types([each.type for each in node.inputs], node.attributes, node.graphs)
    found = tuple([each.type for each in node.outputs])
    _expect(types == found, graph, f"{node!r}: the record infers {', '.join(map(str, types))}")
    _expect(node.op.flags.pure or node.serial != 0, graph, f"{node!r} is an effect without a serial")


def _expect(holds: bool, graph: Graph, problem: str) -> None:
    if not holds:
        raise InvalidGraph(f"graph {graph.name}: {problem}")

"""The graph form as text.
In: a graph. Out: one line per node, `%number = op operands attributes : types ; frames`, the same bytes for the same
graph on every run and machine. `compiler.ir.parse` reads it back.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lazygraph.compiler.ir.dims import Dim, Symbol, symbols
from lazygraph.compiler.ir.graph import Graph, Node, Value
from lazygraph.compiler.ir.text import print_attribute, print_frames, print_symbol

_IN_TYPE = frozenset({"name", "kind", "dtype", "shape"})  # of a parameter: printed in the graph's head


def print_graph(graph: Graph, indent: str = "") -> str:
    """The text of a graph, with a newline at the end."""
    names = value_names(graph)
    lines = [f"{indent}graph {graph.name}({', '.join(_parameter(each, names) for each in graph.inputs)}"]
    lines[0] += "".join(f"; var {_parameter(each, names)}" for each in graph.variables) + ")"
    declared = sorted(graph_symbols(graph), key=lambda symbol: symbol.name)
    if declared:
        lines[0] += f" where {', '.join(map(print_symbol, declared))}"
    lines[0] += " {"
    for value in (*graph.inputs, *graph.variables):
        if value.node.frames:
            lines.append(f"{indent}  at {names[value]}{print_frames(value.node.frames)}")
    for node in graph.nodes:
        if node.op.name != "parameter":
            lines.extend(_node(node, names, indent + "  "))
    lines.append(f"{indent}  return {', '.join(names[each] for each in graph.outputs)}")
    lines.extend(f"{indent}  update {names[variable]} = {names[new]}" for variable, new in graph.updates)
    lines.extend(f"{indent}  effect {names[each]}" for each in graph.effects)
    return "\n".join([*lines, f"{indent}}}", ""])


def value_names(graph: Graph) -> Mapping[Value, str]:
    """The names that the text gives to values: parameters their own, others numbers; `%3.1` is the second result.

    A parameter whose name is no identifier, or is another's too, is called by its place.
    """
    names: dict[Value, str] = {}
    taken: set[str] = set()
    for node in graph.nodes:
        if node.op.name == "parameter":
            name = node["name"]
            names[node.output] = f"@{name}" if _is_plain(name) and name not in taken else f"@{len(names)}"
            taken.add(name)
    number = 0
    for node in graph.nodes:
        if node.op.name == "parameter":
            continue
        for value in node.outputs:
            names[value] = f"%{number}" if len(node.outputs) == 1 else f"%{number}.{value.index}"
        number += 1
    return names


def _is_plain(name: str) -> bool:
    return name.isidentifier() and name.isascii()


def graph_symbols(graph: Graph) -> frozenset[Symbol]:
    """Every dim that occurs in a type or an attribute of the graph, its sub-graphs included."""
    found: set[Symbol] = set()
    for node in graph.nodes:
        found |= _symbols((*[value.shape for value in node.outputs], *node.attributes.values()))
        for inner in node.graphs:
            found |= graph_symbols(inner)
    return frozenset(found)


def _symbols(attribute: Any) -> frozenset[Symbol]:
    if isinstance(attribute, tuple):
        return frozenset().union(*map(_symbols, attribute))
    return symbols(attribute) if isinstance(attribute, Dim) else frozenset()


def _parameter(value: Value, names: Mapping[Value, str]) -> str:
    shown = names[value]
    own = f"@{value.node['name']}"
    return f"{shown}{'' if shown == own else ' ' + print_attribute(value.node['name'])}: {value.type}"


def _node(node: Node, names: Mapping[Value, str], indent: str) -> list[str]:
    results = names[node.outputs[0]].split(".")[0]
    operands = ", ".join(names[each] for each in node.inputs)
    attributes = " ".join(f"{name}={print_attribute(node.attributes[name])}" for name in sorted(node.attributes))
    parts = [f"{results} = {node.op.name}", operands, attributes]
    if node.serial:
        parts.append(f"#{node.serial}")
    types = ", ".join(str(each.type) for each in node.outputs)
    head = f"{indent}{' '.join(part for part in parts if part)} : {types}"
    if not node.graphs:
        return [head + print_frames(node.frames)]
    inner = [line for graph in node.graphs for line in print_graph(graph, indent + "  ").rstrip("\n").split("\n")]
    return [head + " with" + print_frames(node.frames), *inner]

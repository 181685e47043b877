"""From tensors that a user names to a closed graph.

In: placeholders, expressions and updates. Out: a `Captured`: the graph with equal nodes merged, and the variables
behind its variable parameters. What does not fit is an error here, with the user's lines.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lazygraph.compiler.ir.dims import Symbol
from lazygraph.compiler.ir.errors import DTypeError, ShapeError
from lazygraph.compiler.ir.graph import Graph, Value, interned, topological
from lazygraph.compiler.ir.print import graph_symbols
from lazygraph.dims import fitted
from lazygraph.errors import shape_text
from lazygraph.promotion import value_of
from lazygraph.state import StateValue, Variable
from lazygraph.tensor import Tensor


@dataclass(frozen=True)
class Captured:
    graph: Graph
    variables: tuple[Variable, ...]


def capture(name: str, inputs: Sequence[Any], outputs: Sequence[Any], updates: Mapping[Any, Any]) -> Captured:
    """The graph of the outputs and of the new values of variables. TypeError, ValueError, ShapeError, DTypeError."""
    parameters = _inputs(inputs)
    results = [value_of(output) for output in outputs]
    renewed = _with_automatic(_updates(updates), results)
    reached = topological([*results, *renewed.values()])
    leaves = [node.output for node in reached if node.op.name == "parameter"]
    _require_listed(leaves, parameters)
    variables = dict.fromkeys(value for value in leaves if value.node["kind"] == "variable")
    variables |= dict.fromkeys(variable.value for variable in renewed)
    graph = Graph(
        name,
        tuple(parameters),
        tuple(results),
        tuple(variables),
        tuple([(variable.value, new) for variable, new in renewed.items()]),
    )
    _require_one_meaning(graph)
    return Captured(interned(graph), tuple([each.variable for each in variables if isinstance(each, StateValue)]))


def _inputs(inputs: Sequence[Any]) -> list[Value]:
    """The values of placeholders, each with a name of its own."""
    found: dict[str, Value] = {}
    for position, each in enumerate(inputs):
        if not isinstance(each, Tensor):
            raise TypeError(f"input {position}: expected a placeholder, found {type(each).__name__}")
        node = each.value.node
        if node.op.name != "parameter" or node["kind"] != "input":
            raise TypeError(f"input {position}: expected a placeholder, found {each!r}{_made(each.value)}")
        other = found.get(node["name"])
        if other is each.value:
            raise ValueError(f"input {node['name']!r} is listed twice")
        if other is not None:
            raise ValueError(f"two inputs are named {node['name']!r}{_made(other)}{_made(each.value)}")
        found[node["name"]] = each.value
    return list(found.values())


def _updates(updates: Mapping[Any, Any]) -> dict[Variable, Value]:
    """The new value of each variable, of the variable's dtype and shape."""
    if not isinstance(updates, Mapping):
        raise TypeError(f"updates: expected a dict {{variable: expression}}, found {type(updates).__name__}")
    found: dict[Variable, Value] = {}
    for variable, expression in updates.items():
        if not isinstance(variable, Variable):
            raise TypeError(f"updates: expected variables as keys, found {variable!r}")
        new = fitted(value_of(expression), variable.shape)
        if new.dtype != variable.dtype:
            raise DTypeError(
                f"update of variable {variable.name!r}: expected {variable.dtype}, found {new.dtype}{_made(new)}"
            )
        if new.shape != variable.shape:
            expected = shape_text(variable.shape)
            found_shape = shape_text(new.shape)
            raise ShapeError(
                f"update of variable {variable.name!r}: expected shape {expected}, found {found_shape}{_made(new)}"
            )
        found[variable] = new
    return found


def _with_automatic(updates: dict[Variable, Value], results: Sequence[Value]) -> dict[Variable, Value]:
    """The updates and those of every variable that is reached and renews itself, until no new one is reached."""
    found = dict(updates)
    pending = [*results, *found.values()]
    while pending:
        reached = [node.outputs[0] for node in topological(pending)]
        pending = []
        for value in reached:
            variable = value.variable if isinstance(value, StateValue) else None
            if variable is not None and variable.automatic_update is not None and variable not in found:
                found[variable] = variable.automatic_update.value
                pending.append(found[variable])
    return found


def _require_listed(reached: Sequence[Value], inputs: Sequence[Value]) -> None:
    listed = set(inputs)
    missing = [value for value in reached if value.node["kind"] == "input" and value not in listed]
    if missing:
        names = ", ".join(repr(value.node["name"]) for value in missing)
        lines = "".join(_made(value) for value in missing)
        raise ValueError(
            f"the graph depends on {names}, which {'is' if len(missing) == 1 else 'are'} not among the inputs{lines}"
        )


def _require_one_meaning(graph: Graph) -> None:
    """A dim's name is its identity: one range for each name."""
    known: dict[str, Symbol] = {}
    for symbol in sorted(graph_symbols(graph), key=repr):
        other = known.setdefault(symbol.name, symbol)
        if other != symbol:
            raise ValueError(f"dim {symbol.name!r} is declared twice: {_declaration(other)} and {_declaration(symbol)}")


def _declaration(symbol: Symbol) -> str:
    return f"min={symbol.lower}, max={symbol.upper}, multiple_of={symbol.multiple_of}"


def _made(value: Value) -> str:
    """The user's line that made a value, on a line of its own."""
    frames = value.node.frames
    return f"\n  {value.node.op.name} at {frames[0]}" if frames else ""

"""Text back to the graph form.
In: what `compiler.ir.print` printed (or a person wrote in that form). Out: an equal graph, its types inferred again by
the records and held against the text. `ParseError` says what was expected, what was found, and on which line.
"""

from __future__ import annotations

from collections.abc import Mapping

from lazygraph.compiler.ir.dims import Extent, of_symbol
from lazygraph.compiler.ir.graph import Frames, Graph, Value, serials
from lazygraph.compiler.ir.text import Cursor, parse_all
from lazygraph.compiler.ops.record import OPS, apply

_ENDS = ("=", ":")


def parse_graph(text: str) -> Graph:
    """The graph that the text describes."""
    return parse_all(text, _graph)


def _graph(cursor: Cursor) -> Graph:
    cursor.expect("graph")
    name = cursor.name()
    start = cursor.position
    cursor.expect("(")
    cursor.until(")")  # the symbols are declared after the parameters that use them
    cursor.expect(")")
    symbols = _symbols(cursor)
    body = cursor.position
    cursor.position = start
    cursor.expect("(")
    values: dict[str, Value] = {}
    inputs, variables = _parameters(cursor, symbols, values)
    cursor.position = body
    cursor.expect("{")
    return _body(cursor, name, inputs, variables, symbols, values)


def _symbols(cursor: Cursor) -> Mapping[str, Extent]:
    found: dict[str, Extent] = {}
    if cursor.take("where"):
        while cursor.peek() != "{":
            symbol = cursor.symbol(found)
            found[symbol.name] = of_symbol(symbol)
            cursor.take(",")
    return found


def _parameters(
    cursor: Cursor, symbols: Mapping[str, Extent], values: dict[str, Value]
) -> tuple[list[Value], list[Value]]:
    inputs: list[Value] = []
    variables: list[Value] = []
    while not cursor.take(")"):
        if cursor.take(",") or cursor.take(";"):
            continue
        is_variable = cursor.take("var")
        shown = cursor.name()
        name = cursor.string() if cursor.peek().startswith('"') else shown.removeprefix("@")
        cursor.expect(":")
        type = cursor.tensor_type(symbols)
        attributes = {
            "name": name,
            "kind": "variable" if is_variable else "input",
            "dtype": type.dtype,
            "shape": type.shape,
        }
        (value,) = apply(OPS["parameter"], (), attributes, frames=(), serial=next(serials))
        (variables if is_variable else inputs).append(value)
        values[shown] = value
    return inputs, variables


def _body(
    cursor: Cursor,
    name: str,
    inputs: list[Value],
    variables: list[Value],
    symbols: Mapping[str, Extent],
    values: dict[str, Value],
) -> Graph:
    outputs: list[Value] = []
    updates: list[tuple[Value, Value]] = []
    effects: list[Value] = []
    while not cursor.take("}"):
        if cursor.take("at"):
            node = _value(cursor, values).node
            node.frames = cursor.frames()
        elif cursor.take("return"):
            while cursor.peek().startswith(("%", "@")):
                outputs.append(_value(cursor, values))
                cursor.take(",")
        elif cursor.take("update"):
            variable = _value(cursor, values)
            cursor.expect("=")
            updates.append((variable, _value(cursor, values)))
        elif cursor.take("effect"):
            effects.append(_value(cursor, values))
        else:
            _statement(cursor, symbols, values)
    return Graph(name, tuple(inputs), tuple(outputs), tuple(variables), tuple(updates), tuple(effects))


def _value(cursor: Cursor, values: Mapping[str, Value]) -> Value:
    before = cursor.position
    name = cursor.name()
    if name not in values:
        cursor.position = before
        raise cursor.error("the name of a value made above")
    return values[name]


def _statement(cursor: Cursor, symbols: Mapping[str, Extent], values: dict[str, Value]) -> None:
    result = cursor.name()
    cursor.expect("=")
    before = cursor.position
    op_name = cursor.name()
    if op_name not in OPS:
        cursor.position = before
        raise cursor.error("the name of an op")
    inputs: list[Value] = []
    while cursor.peek().startswith(("%", "@")):
        inputs.append(_value(cursor, values))
        cursor.take(",")
    attributes = {}
    serial = 0
    while cursor.peek() != ":":
        if cursor.take("#"):
            serial = cursor.integer()
            continue
        key = cursor.name()
        cursor.expect("=")
        attributes[key] = cursor.attribute(symbols)
    cursor.expect(":")
    types = [cursor.tensor_type(symbols)]
    while cursor.take(","):
        types.append(cursor.tensor_type(symbols))
    has_graphs = cursor.take("with")
    frames: Frames = cursor.frames()
    graphs = []
    while has_graphs and cursor.peek() == "graph":
        graphs.append(_graph(cursor))
    try:
        outputs = apply(OPS[op_name], inputs, attributes, frames=frames, graphs=tuple(graphs), serial=serial)
    except KeyError as problem:
        cursor.position = before
        raise cursor.error(f"the attribute {problem} of {op_name}") from None
    if [each.type for each in outputs] != types:
        inferred = ", ".join(str(each.type) for each in outputs)
        raise cursor.error(f"the type {inferred} of {op_name} instead of {', '.join(map(str, types))}; then")
    for value in outputs:
        values[result if len(outputs) == 1 else f"{result}.{value.index}"] = value

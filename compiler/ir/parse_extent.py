"""The text of an extent, as `str` prints it, back to the extent.

In: text, and the extents that names stand for. Out: an extent in canonical form.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Mapping

from lazygraph.compiler.ir import dims
from lazygraph.compiler.ir.dims import Extent


def parse_extent(text: str, names: Mapping[str, Extent]) -> Extent:
    """The expression that `str` printed; `names` gives each symbol. ValueError names what was not expected."""
    if re.search(r"\b\d+[A-Za-z_]", text):  # Python warns of 3and4
        raise ValueError(f"extent {text!r}: a number ends in a letter")
    return _from_ast(ast.parse(text.strip(), mode="eval").body, names, text)


_BINARY: Mapping[type[ast.operator], Callable[[Extent, Extent], Extent]] = {
    ast.Add: dims.add,
    ast.Sub: lambda left, right: left - right,
    ast.Mult: dims.multiply,
    ast.FloorDiv: dims.floordiv,
    ast.Mod: dims.mod,
}


def _from_ast(tree: ast.expr, names: Mapping[str, Extent], text: str) -> Extent:
    match tree:
        case ast.Constant(value=int(value)):
            return value
        case ast.Name(id=name) if name in names:
            return names[name]
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return dims.multiply(_from_ast(operand, names, text), -1)
        case ast.BinOp(left=left, op=operator, right=right) if type(operator) in _BINARY:
            return _BINARY[type(operator)](_from_ast(left, names, text), _from_ast(right, names, text))
        case ast.Call(func=ast.Name(id="min" | "max" as kind), args=[left, right]):
            return dims.COMPOUND[kind](_from_ast(left, names, text), _from_ast(right, names, text))
    raise ValueError(f"extent {text!r}: {ast.unparse(tree)!r} is not a known name, number or operation")

"""Text back to the loop form.
In: what `compiler.loop.print` printed. Out: an equal kernel. `ParseError` says what was expected, what was found, and
on which line.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from lazygraph.compiler.ir.dims import Extent, Symbol, of_symbol
from lazygraph.compiler.ir.text import Cursor, parse_all
from lazygraph.compiler.loop.build import from_array
from lazygraph.compiler.loop.ir import (
    AnyKernel,
    Axis,
    Body,
    Buffer,
    Carry,
    Check,
    Contraction,
    Element,
    If,
    Index,
    IndexValue,
    Kernel,
    Let,
    Load,
    Local,
    Loop,
    Operand,
    Reduce,
    Statement,
    Store,
    Var,
    While,
)
from lazygraph.runtime.dtypes import BY_CODE


def parse_kernel(text: str) -> AnyKernel:
    """The kernel that the text describes."""
    return parse_all(text, read_kernel)


def read_kernel(cursor: Cursor) -> AnyKernel:
    """The kernel at the cursor."""
    word = cursor.name()
    if word not in ("kernel", "contract"):
        raise cursor.error("kernel or contract")
    name = cursor.name()
    start = cursor.position
    cursor.expect("(")
    cursor.until(")")
    cursor.expect(")", "->", "(")
    writes = _names(cursor)
    dims: dict[str, Extent] = {}
    if cursor.take("where"):
        while cursor.peek() != "{":
            symbol = cursor.symbol(dims)
            dims[symbol.name] = of_symbol(symbol)
            cursor.take(",")
    body = cursor.position
    cursor.position = start
    cursor.expect("(")
    buffers: list[Buffer] = []
    while not cursor.take(")"):
        buffers.append(_buffer(cursor, dims))
        cursor.take(",")
    cursor.position = body
    cursor.expect("{")
    frames = cursor.frames()
    reader = _Reader(cursor, dims)
    if word == "kernel":
        return Kernel(name, tuple(buffers), writes, reader.body("}"), frames)
    return reader.contraction(Contraction(name, tuple(buffers), writes, (), (), (), (), _NONE, _NONE, _ACC, (), frames))


_ACC = Var("acc", BY_CODE["f32"])
_NONE = Element((), _ACC)


def _names(cursor: Cursor) -> tuple[str, ...]:
    found: list[str] = []
    while not cursor.take(")"):
        found.append(cursor.name())
        cursor.take(",")
    return tuple(found)


def _buffer(cursor: Cursor, names: Mapping[str, Extent]) -> Buffer:
    name = cursor.name()
    cursor.expect(":")
    type = cursor.tensor_type(names)
    return Buffer(name, type.dtype, type.shape)


@dataclass
class _Reader:
    cursor: Cursor
    names: dict[str, Extent]  # dims and loop symbols in scope
    scalars: dict[str, Var] = field(default_factory=dict)

    def body(self, end: str) -> Body:
        """Statements up to the closing token, which is read."""
        found: list[Statement] = []
        while not self.cursor.take(end):
            found.append(self.statement())
        return tuple(found)

    def block(self) -> tuple[Body, tuple[Operand, ...]]:
        """`{ statements yield operands }`."""
        self.cursor.expect("{")
        found: list[Statement] = []
        while not self.cursor.take("yield"):
            found.append(self.statement())
        values: list[Operand] = []
        while not self.cursor.take("}"):
            values.append(self.operand())
            self.cursor.take(",")
        return tuple(found), tuple(values)

    def statement(self) -> Statement:
        word = self.cursor.peek()
        if word in _STATEMENTS:
            self.cursor.next()
            return _STATEMENTS[word](self)
        if word in ("while", "if", "carry"):
            return self.assignment(())
        found = [self.var()]
        while self.cursor.take(","):
            found.append(self.var())
        self.cursor.expect("=")
        return self.assignment(tuple(found))

    def assignment(self, found: tuple[Var, ...]) -> Statement:
        word = self.cursor.name()
        if word in _ASSIGNMENTS:
            return _ASSIGNMENTS[word](self, found)
        attributes = self.attributes() if self.cursor.take("{") else ()
        args: list[Operand] = []
        while self.is_operand():
            args.append(self.operand())
            if not self.cursor.take(","):
                break
        return Let(found[0], word, tuple(args), attributes)

    def attributes(self) -> tuple[tuple[str, Any], ...]:
        """`name=value name=value }`"""
        found: list[tuple[str, Any]] = []
        while not self.cursor.take("}"):
            name = self.cursor.name()
            self.cursor.expect("=")
            found.append((name, self.cursor.attribute({})))
        return tuple(found)

    def var(self) -> Var:
        name = self.cursor.name()
        self.cursor.expect(":")
        self.scalars[name] = Var(name, self.cursor.dtype())
        return self.scalars[name]

    def is_operand(self) -> bool:
        token = self.cursor.peek()
        return token in self.scalars or token in BY_CODE

    def operand(self) -> Operand:
        token = self.cursor.peek()
        if token in self.scalars:
            return self.scalars[self.cursor.name()]
        if token not in BY_CODE:
            raise self.cursor.error("a scalar or a literal")
        dtype = self.cursor.dtype()
        return from_array(self.cursor.number(dtype), dtype)

    def index(self) -> Index:
        """`[extents] where scalars`: the bounds come after, so they are read first."""
        cursor = self.cursor
        cursor.expect("[")
        start = cursor.position
        cursor.until("]")
        cursor.expect("]")
        scalars = self.bounds()
        end = cursor.position
        cursor.position = start
        index = cursor.extents({**self.names, **scalars}, "]")
        cursor.position = end
        return index

    def bounds(self) -> dict[str, Extent]:
        """`where (%3 >= 0 <= 9)`: what is known of the scalars in an index."""
        found: dict[str, Extent] = {}
        if self.cursor.take("where"):
            self.cursor.expect("(")
            while not self.cursor.take(")"):
                symbol = self.cursor.symbol(self.names)
                found[symbol.name] = of_symbol(symbol)
                self.cursor.take(",")
        return found

    def guard(self) -> Operand | None:
        return self.operand() if self.cursor.take("if") else None

    def ranged(self) -> tuple[Symbol, Extent]:
        """`name < extent where scalars`, up to the opening brace; the bounds of scalars are read first."""
        cursor = self.cursor
        name = cursor.name()
        cursor.expect("<")
        start = cursor.position
        cursor.until("where", "{", ";")
        scalars = self.bounds()
        end = cursor.position
        cursor.position = start
        extent = cursor.extent({**self.names, **scalars}, "where", "{", ";")
        cursor.position = end
        symbol = Symbol(name, 0, extent - 1)
        self.names[name] = of_symbol(symbol)
        return symbol, extent

    def initial(self) -> tuple[tuple[Var, ...], tuple[Operand, ...]]:
        params: list[Var] = []
        starts: list[Operand] = []
        self.cursor.expect("(")
        while not self.cursor.take(")"):
            params.append(self.var())
            self.cursor.expect("=")
            starts.append(self.operand())
            self.cursor.take(",")
        return tuple(params), tuple(starts)

    def contraction(self, empty: Contraction) -> Contraction:
        axes: dict[str, list[Axis]] = {"batch": [], "m": [], "n": [], "k": []}
        while self.cursor.peek() in axes:
            role = self.cursor.name()
            symbol, extent = self.ranged()
            axes[role].append(Axis(symbol, extent))
            self.cursor.expect(";")
        elements = []
        for name in ("a", "b"):
            self.cursor.expect(name)
            body, values = self.block()
            if len(values) != 1:
                raise self.cursor.error(f"one scalar of {name}, not {len(values)}; then")
            elements.append(Element(body, values[0]))
        self.cursor.expect("epilogue")
        acc = self.var()
        self.cursor.expect("{")
        epilogue = self.body("}")
        self.cursor.expect("}")
        batch, m, n, k = (tuple(found) for found in axes.values())
        a, b = elements
        return Contraction(empty.name, empty.buffers, empty.writes, batch, m, n, k, a, b, acc, epilogue, empty.frames)


def _loop(kind: str) -> Callable[[_Reader], Statement]:
    def read(reader: _Reader) -> Statement:
        symbol, extent = reader.ranged()
        reader.cursor.expect("{")
        return Loop(kind, symbol, extent, reader.body("}"))

    return read


def _store(reader: _Reader) -> Statement:
    buffer = reader.cursor.name()
    index = reader.index()
    reader.cursor.expect("=")
    value = reader.operand()
    return Store(buffer, index, value, reader.guard())


def _check(reader: _Reader) -> Statement:
    number = reader.cursor.integer()
    condition = reader.operand()
    reader.cursor.expect("(")
    values: list[Operand] = []
    while not reader.cursor.take(")"):
        values.append(reader.operand())
        reader.cursor.take(",")
    return Check(number, condition, tuple(values))


def _local(reader: _Reader) -> Statement:
    return Local(_buffer(reader.cursor, reader.names))


def _index_value(reader: _Reader, found: tuple[Var, ...]) -> Statement:
    cursor = reader.cursor
    cursor.expect("<")
    start = cursor.position
    cursor.until(">")
    cursor.expect(">")
    scalars = reader.bounds()
    end = cursor.position
    cursor.position = start
    expression = cursor.extent({**reader.names, **scalars}, ">")
    cursor.position = end
    return IndexValue(found[0], expression)


def _load(reader: _Reader, found: tuple[Var, ...]) -> Statement:
    buffer = reader.cursor.name()
    index = reader.index()
    guard = reader.guard()
    other = reader.operand() if reader.cursor.take("else") else None
    return Load(found[0], buffer, index, guard, other)


def _reduce(reader: _Reader, found: tuple[Var, ...]) -> Statement:
    combine, order = reader.cursor.name(), reader.cursor.name()
    symbol, extent = reader.ranged()
    body, values = reader.block()
    return Reduce(found, combine, order, symbol, extent, body, values)


def _carry(reader: _Reader, found: tuple[Var, ...]) -> Statement:
    params, starts = reader.initial()
    symbol, extent = reader.ranged()
    body, values = reader.block()
    return Carry(found, params, starts, symbol, extent, body, values)


def _while(reader: _Reader, found: tuple[Var, ...]) -> Statement:
    params, starts = reader.initial()
    head, (condition,) = reader.block()
    reader.cursor.expect("do")
    body, values = reader.block()
    return While(found, params, starts, head, condition, body, values)


def _if(reader: _Reader, found: tuple[Var, ...]) -> Statement:
    condition = reader.operand()
    then, then_values = reader.block()
    reader.cursor.expect("else")
    otherwise, other_values = reader.block()
    return If(found, condition, then, then_values, otherwise, other_values)


_STATEMENTS: Mapping[str, Callable[[_Reader], Statement]] = {
    "parallel": _loop("parallel"),
    "vector": _loop("vector"),
    "serial": _loop("serial"),
    "store": _store,
    "check": _check,
    "local": _local,
}
_ASSIGNMENTS: Mapping[str, Callable[[_Reader, tuple[Var, ...]], Statement]] = {
    "index": _index_value,
    "load": _load,
    "reduce": _reduce,
    "carry": _carry,
    "while": _while,
    "if": _if,
}

"""Text back to the program form.
In: what `compiler.program.print` printed. Out: an equal program. `ParseError` says what was expected, what was found,
and on which line.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from lazygraph.compiler.ir.dims import Extent, as_symbol, of_symbol
from lazygraph.compiler.ir.text import Cursor, parse_all
from lazygraph.compiler.loop.ir import AnyKernel
from lazygraph.compiler.loop.parse import read_kernel
from lazygraph.compiler.program.ir import (
    Array,
    Choose,
    Commit,
    Copy,
    Equate,
    External,
    Launch,
    Message,
    Parameter,
    Place,
    Print,
    Program,
    Repeat,
    RepeatWhile,
    Require,
    Slot,
    Solve,
    Step,
)


def parse_program(text: str) -> Program:
    """The program that the text describes."""
    return parse_all(text, _program)


def _program(cursor: Cursor) -> Program:
    cursor.expect("program")
    name = cursor.name()
    reader = _Reader(cursor)
    if cursor.take("where"):
        while cursor.peek() != "{":
            symbol = cursor.symbol(reader.dims)
            reader.dims[symbol.name] = of_symbol(symbol)
            cursor.take(",")
    cursor.expect("{")
    reader.lines(_LINES)
    kernels: list[AnyKernel] = []
    while cursor.peek():
        kernels.append(read_kernel(cursor))
    found = reader.parameters
    return Program(
        name,
        tuple(found["input"]),
        tuple(found["variable"]),
        tuple(found["output"]),
        tuple(found["constant"]),
        tuple(reader.solves),
        tuple(reader.requires),
        tuple(reader.slots),
        reader.arena,
        tuple(kernels),
        tuple(reader.steps),
        tuple(reader.messages),
    )


def _no_parameters() -> dict[str, list[Parameter]]:
    return {"input": [], "variable": [], "output": [], "constant": []}


@dataclass
class _Reader:
    cursor: Cursor
    dims: dict[str, Extent] = field(default_factory=dict)
    parameters: dict[str, list[Parameter]] = field(default_factory=_no_parameters)
    solves: list[Solve] = field(default_factory=list)
    requires: list[Require | Equate] = field(default_factory=list)
    slots: list[Slot] = field(default_factory=list)
    arena: Extent = 0
    steps: list[Step] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)

    def numbers(self, *words: str) -> list[int]:
        """`word number` for each word."""
        found: list[int] = []
        for word in words:
            self.cursor.expect(word)
            found.append(self.cursor.integer())
        return found

    def bracketed(self) -> Extent:
        self.cursor.expect("<")
        extent = self.cursor.extent(self.dims, ">")
        self.cursor.expect(">")
        return extent

    def place(self) -> Place:
        kind, number = self.cursor.name(), self.cursor.integer()
        strides: list[tuple[int, Extent]] = []
        while self.cursor.take("at"):
            strides.append((self.cursor.integer(), self.bracketed()))
        return Place(kind, number, tuple(strides), self.bracketed() if self.cursor.take("plus") else 0)

    def array(self) -> Array:
        place = self.place()
        return Array(place, self.bracketed() if self.cursor.take("every") else 0)

    def argument(self) -> str | Extent | Array:
        """Of an outside routine."""
        if self.cursor.peek() == "<":
            return self.bracketed()
        return self.cursor.string() if self.cursor.peek().startswith('"') else self.array()

    def after(self, *words: str) -> list[Extent]:
        """`word <extent>` for each word."""
        found: list[Extent] = []
        for word in words:
            self.cursor.expect(word)
            found.append(self.bracketed())
        return found

    def lines(self, known: Mapping[str, Callable[[_Reader], None]]) -> None:
        """Up to the bracket that closes them."""
        while not self.cursor.take("}"):
            word = self.cursor.name()
            if word not in known:
                raise self.cursor.error(f"one of {', '.join(known)} instead of {word!r}")
            known[word](self)

    def block(self) -> tuple[Step, ...]:
        """The steps in brackets."""
        outside, self.steps = self.steps, []
        self.cursor.expect("{")
        self.lines(_STEPS)
        inside, self.steps = self.steps, outside
        return tuple(inside)


def _parameter(kind: str) -> Callable[[_Reader], None]:
    def read(reader: _Reader) -> None:
        name = reader.cursor.string()
        reader.cursor.expect(":")
        reader.parameters[kind].append(Parameter(name, reader.cursor.tensor_type(reader.dims)))

    return read


def _solve(reader: _Reader) -> None:
    symbol = as_symbol(reader.dims.get(reader.cursor.peek(), 0))
    if symbol is None:
        raise reader.cursor.error("a dim declared above")
    reader.cursor.next()
    reader.cursor.expect("from")
    input, axis, scale, offset, message = reader.numbers("input", "axis", "scale", "offset", "else")
    reader.solves.append(Solve(symbol, input, axis, scale, offset, message))


def _require(reader: _Reader) -> None:
    input, axis = reader.numbers("input", "axis")
    expected = reader.bracketed()
    (message,) = reader.numbers("else")
    reader.requires.append(Require(expected, input, axis, message))


def _equate(reader: _Reader) -> None:
    left, right = reader.bracketed(), reader.bracketed()
    (message,) = reader.numbers("else")
    reader.requires.append(Equate(left, right, message))


def _slot(reader: _Reader) -> None:
    size = reader.bracketed()
    reader.cursor.expect("at")
    reader.slots.append(Slot(size, reader.bracketed()))


def _arena(reader: _Reader) -> None:
    reader.arena = reader.bracketed()


def _run(reader: _Reader) -> None:
    cursor = reader.cursor
    kernel = cursor.name()
    cursor.expect("(")
    places: list[Place] = []
    while not cursor.take(")"):
        places.append(reader.place())
        cursor.take(",")
    first = cursor.integer() if cursor.take("messages") else 0
    reader.steps.append(Launch(kernel, tuple(places), first, cursor.frames()))


def _copy(reader: _Reader) -> None:
    target = reader.place()
    reader.cursor.expect("=")
    source = reader.place()
    reader.cursor.expect("bytes")
    reader.steps.append(Copy(target, source, reader.bracketed()))


def _print(reader: _Reader) -> None:
    place = reader.place()
    reader.cursor.expect(":")
    reader.steps.append(Print(place, reader.cursor.tensor_type(reader.dims), reader.cursor.string()))


def _call(reader: _Reader) -> None:
    cursor = reader.cursor
    routine = cursor.name()
    cursor.expect("(")
    arguments: list[str | Extent | Array] = []
    while not cursor.take(")"):
        arguments.append(reader.argument())
        cursor.take(",")
    copied: list[tuple[Array, Place, Extent]] = []
    while cursor.take("copied"):
        source = reader.array()
        cursor.expect("to")
        place = reader.place()
        (size,) = reader.after("bytes")
        copied.append((source, place, size))
    times, scratch, time = reader.after("times", "scratch", "takes")
    reader.steps.append(External(routine, tuple(arguments), tuple(copied), times, scratch, time))


def _repeat(reader: _Reader) -> None:
    number = reader.cursor.integer()
    reader.cursor.expect("times")
    trips = reader.bracketed()
    backwards = reader.cursor.take("backwards")
    reader.steps.append(Repeat(number, trips, bool(backwards), reader.block()))


def _repeat_while(reader: _Reader) -> None:
    number, condition = reader.cursor.integer(), reader.place()
    (most,) = reader.numbers("most")
    head = reader.block()
    reader.cursor.expect("do")
    reader.steps.append(RepeatWhile(number, most, head, condition, reader.block()))


def _choose(reader: _Reader) -> None:
    which = reader.place()
    branches = []
    while reader.cursor.peek() == "{":
        branches.append(reader.block())
    reader.steps.append(Choose(which, tuple(branches)))


def _message(reader: _Reader) -> None:
    reader.messages.append(Message(reader.cursor.string(), reader.cursor.frames()))


_STEPS: Mapping[str, Callable[[_Reader], None]] = {
    "run": _run,
    "copy": _copy,
    "print": _print,
    "call": _call,
    "commit": lambda reader: reader.steps.append(Commit()),
    "repeat": _repeat,
    "while": _repeat_while,
    "choose": _choose,
}
_LINES: Mapping[str, Callable[[_Reader], None]] = {
    **{kind: _parameter(kind) for kind in _no_parameters()},
    "solve": _solve,
    "require": _require,
    "equate": _equate,
    "slot": _slot,
    "arena": _arena,
    **_STEPS,
    "message": _message,
}

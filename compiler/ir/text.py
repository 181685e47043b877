"""Tokens that the three forms share: attributes, literals, frames, and a cursor over the text being parsed.

In: Python values, or text. Out: text that is the same on every run and machine, or the values back. Floats print as the
shortest decimal that gives the same bits, a NaN with its payload as its bits.
"""

from __future__ import annotations

import base64
import math
import re
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from lazygraph.compiler.ir.dims import Dim, Extent, Symbol
from lazygraph.compiler.ir.graph import Frame, Frames, TensorType
from lazygraph.compiler.ir.parse_extent import parse_extent
from lazygraph.runtime.dtypes import BY_CODE, DType, from_numpy

SMALL = 16  # elements of an array constant that print as numbers; more print as base64 of their bytes
_TOKEN = re.compile(
    r"\s*(?:(?P<string>\"(?:[^\"\\]|\\.)*\")"
    r"|(?P<number>-?(?:0x[0-9a-f]+|(?:\d+\.?\d*(?:e[+-]?\d+)?|inf|nan)(?![A-Za-z_0-9])))"
    r"|(?P<name>[%@$]?[A-Za-z_0-9][A-Za-z_0-9.$]*)"
    r"|(?P<punctuation>->|//|[-+*%(){}\[\]<>=:,;|#]))"
)
_SCALAR = re.compile(r"%(\d+)")  # a scalar in an index; a remainder prints with a space after its sign
Form = TypeVar("Form")
_CLOSING = {"(": ")", "[": "]", "{": "}", "<": ">"}


class ParseError(ValueError):
    """The text is not of the form: what was expected, what was found, and on which line."""


def parse_all(text: str, read: Callable[[Cursor], Form]) -> Form:
    """What `read` makes of all of the text. ParseError, whatever the text is."""
    cursor = Cursor(text)
    try:
        found = read(cursor)
    except RecursionError:
        raise cursor.error("less deep nesting") from None
    if cursor.peek():
        raise cursor.error("the end of the text")
    return found


# --- printing


def quoted(text: str) -> str:
    """A string between quotes, with control characters escaped."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\r", "\\r")
    return f'"{escaped}"'


def _unquoted(token: str) -> str:
    return re.sub(r"\\(.)", lambda match: {"n": "\n", "r": "\r"}.get(match[1], match[1]), token[1:-1])


def print_number(value: Any, dtype: DType) -> str:
    """One element: decimal where that gives the bits back, else the bits in hexadecimal; of a complex both parts."""
    array = np.asarray(value, dtype.numpy)
    if dtype.is_complex:
        return f"{print_number(array.real, dtype.part)} {print_number(array.imag, dtype.part)}"
    if dtype.kind == "bool":
        return "true" if array else "false"
    if dtype.is_integer:
        return str(int(array))
    if math.isnan(float(array)):
        return f"bits 0x{int.from_bytes(array.tobytes(), 'little'):x}"
    if array.dtype.kind == "V":  # bfloat16, of which every number is a float32
        array = np.asarray(array).astype(np.float32)
    return str(array[()])  # NumPy prints the shortest decimal of the dtype


def print_attribute(value: Any) -> str:
    """An attribute, in a form that `Cursor.attribute` reads back."""
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return quoted(value)
        case int():
            return str(value)
        case float():
            return (
                f"float 0x{int.from_bytes(struct.pack('<d', value), 'little'):016x}"
                if value != value
                else f"float {value!r}"
            )
        case DType():
            return value.code
        case Dim():
            return f"<{value}>"
        case tuple():
            return f"({', '.join(map(print_attribute, value))}{',' if len(value) == 1 else ''})"
        case np.ndarray():
            return print_array(value)
    raise TypeError(
        f"an attribute is a {type(value).__name__}: expected bool, int, float, str, dtype, extent, array or tuple"
    )


def print_array(array: np.ndarray) -> str:
    """`f32[2] {1.0, 2.0}`, or `f32[1000] base64 "..."` for many elements."""
    dtype = from_numpy(array.dtype)
    head = f"{dtype.code}[{', '.join(map(str, array.shape))}]"
    if array.size > SMALL:
        return f"{head} base64 {quoted(base64.b64encode(np.ascontiguousarray(array).tobytes()).decode())}"
    return f"{head} {{{', '.join(print_number(each, dtype) for each in array.ravel())}}}"


def print_symbol(symbol: Symbol) -> str:
    """A symbol's declaration: its name and what is known of it."""
    parts = [symbol.name, f">= {symbol.lower}"]
    if symbol.upper is not None:
        parts.append(f"<= {symbol.upper}")
    if symbol.multiple_of != 1:
        parts.append(f"by {symbol.multiple_of}")
    return " ".join(parts)


def print_frames(frames: Frames) -> str:
    """The comment that names the user's lines; the full path is kept so that it parses back."""
    return (
        ""
        if not frames
        else " ; " + " | ".join(f"{each.file}:{each.line}{' ' if each.note else ''}{each.note}" for each in frames)
    )


# --- parsing


@dataclass
class Cursor:
    """A position in a text; each method reads one thing or raises `ParseError`."""

    text: str
    position: int = 0

    def peek(self) -> str:
        """The next token, or "" at the end."""
        match = _TOKEN.match(self.text, self.position)
        return "" if match is None else match[0].strip()

    def next(self) -> str:
        match = _TOKEN.match(self.text, self.position)
        if match is None:
            raise self.error("a token")
        self.position = match.end()
        return match[0].strip()

    def error(self, expected: str) -> ParseError:
        line = self.text.count("\n", 0, self.position) + 1
        rest = self.text[self.position :].strip().split("\n")[0][:60]
        return ParseError(f"line {line}: expected {expected}, found {rest!r}")

    def take(self, token: str) -> bool:
        """Whether the next token is this one; it is then read."""
        if self.peek() != token:
            return False
        self.next()
        return True

    def expect(self, *tokens: str) -> None:
        for token in tokens:
            if not self.take(token):
                raise self.error(repr(token))

    def name(self) -> str:
        match = _TOKEN.match(self.text, self.position)
        if match is None or match["name"] is None:
            raise self.error("a name")
        return self.next()

    def string(self) -> str:
        if not self.peek().startswith('"'):
            raise self.error("a string")
        return _unquoted(self.next())

    def integer(self) -> int:
        token = self.peek()
        if not re.fullmatch(r"-?\d+|0x[0-9a-f]+", token):
            raise self.error("an integer")
        return int(self.next(), 0)

    def until(self, *ends: str) -> str:
        """The text up to one of the tokens outside brackets; the token is not read."""
        start = self.position
        depth: list[str] = []
        while True:
            token = self.peek()
            if not token or not depth and token in ends:
                return self.text[start : self.position].strip()
            if token in "([{" and token:
                depth.append(_CLOSING[token])
            elif depth and token == depth[-1]:
                depth.pop()
            self.next()

    def extent(self, names: Mapping[str, Extent], *ends: str) -> Extent:
        """An extent expression up to (not including) one of the ends."""
        text = self.until(*ends)
        try:
            return parse_extent(
                _SCALAR.sub(r"scalar\1_", text), {_SCALAR.sub(r"scalar\1_", name): names[name] for name in names}
            )
        except (ValueError, SyntaxError, MemoryError) as problem:  # MemoryError: brackets nest too deeply for Python
            raise self.error(f"an extent ({problem})") from None

    def extents(self, names: Mapping[str, Extent], close: str) -> tuple[Extent, ...]:
        """Extents between commas up to the closing token, which is read."""
        found: list[Extent] = []
        while not self.take(close):
            found.append(self.extent(names, ",", close))
            self.take(",")
        return tuple(found)

    def dtype(self) -> DType:
        code = self.name()
        if code not in BY_CODE:
            raise self.error(f"a dtype instead of {code!r}")
        return BY_CODE[code]

    def tensor_type(self, names: Mapping[str, Extent]) -> TensorType:
        dtype = self.dtype()
        self.expect("[")
        return TensorType(dtype, self.extents(names, "]"))

    def number(self, dtype: DType) -> np.ndarray:
        """One element of the dtype, as a zero-dimensional array."""
        if dtype.is_complex:
            return np.array([self.number(dtype.part), self.number(dtype.part)]).view(dtype.numpy).reshape(())
        if self.take("bits"):
            return np.frombuffer(self.integer().to_bytes(dtype.itemsize, "little"), dtype.numpy).reshape(())
        token = self.next()
        if dtype.kind == "bool":
            if token not in ("true", "false"):
                raise self.error("true or false")
            return np.asarray(token == "true")
        try:
            return np.asarray(int(token) if dtype.is_integer else float(token)).astype(dtype.numpy)
        except ValueError:
            raise self.error(f"a number of dtype {dtype}") from None

    def symbol(self, names: Mapping[str, Extent]) -> Symbol:
        """What `print_symbol` printed."""
        name = self.name()
        self.expect(">", "=")
        lower = self.extent(names, "<", "by", ",", ")", "{")
        upper: Extent | None = None
        if self.take("<"):
            self.expect("=")
            upper = self.extent(names, "by", ",", ")", "{")
        return Symbol(name, lower, upper, self.integer() if self.take("by") else 1)

    def attribute(self, names: Mapping[str, Extent]) -> Any:
        """What `print_attribute` printed."""
        token = self.peek()
        if token in ("true", "false"):
            return self.next() == "true"
        if token.startswith('"'):
            return self.string()
        if self.take("float"):
            value = self.next()
            return (
                struct.unpack("<d", int(value, 16).to_bytes(8, "little"))[0] if value.startswith("0x") else float(value)
            )
        if self.take("<"):
            extent = self.extent(names, ">")
            self.expect(">")
            return extent
        if self.take("("):
            found: list[Any] = []
            while not self.take(")"):
                found.append(self.attribute(names))
                self.take(",")
            return tuple(found)
        if token in BY_CODE:
            dtype = self.dtype()
            return self.array(dtype) if self.peek() == "[" else dtype
        return self.integer()

    def array(self, dtype: DType) -> np.ndarray:
        """The rest of what `print_array` printed, after the dtype."""
        self.expect("[")
        shape = tuple([int(each) for each in self.extents({}, "]") if isinstance(each, int)])
        if self.take("base64"):
            array = np.frombuffer(base64.b64decode(self.string()), dtype.numpy).reshape(shape)
        else:
            self.expect("{")
            elements: list[np.ndarray] = []
            while not self.take("}"):
                elements.append(self.number(dtype))
                self.take(",")
            array = np.array(elements, dtype.numpy).reshape(shape)
        array.flags.writeable = False
        return array

    def frames(self) -> Frames:
        """The comment at the end of a line, if there is one."""
        end = self.text.find("\n", self.position)
        end = len(self.text) if end < 0 else end
        rest = self.text[self.position : end].strip()
        if not rest:
            return ()
        if not rest.startswith(";"):
            raise self.error("the end of the line")
        self.position = end
        return tuple([_frame(each.strip()) for each in rest[1:].split(" | ")])


def _frame(text: str) -> Frame:
    match = re.fullmatch(r"(.*?):(\d+)(?: (.*))?", text)
    if match is None:
        raise ParseError(f"expected FILE:LINE, found {text!r}")
    return Frame(match[1], int(match[2]), match[3] or "")

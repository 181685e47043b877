"""Errors that stand where the mistake is: what went wrong, each operand by its name, and the user's line.

In: an error from a type rule or from the front, the operands, and the user's stack frame. Out: the error to raise:

    ShapeError: matmul: inner extents differ: x is (n, 784), w is (785, 10)
      train.py:11: loss = lg.mean(lg.nn.cross_entropy(x @ w + b, y))
"""

from __future__ import annotations

import ast
import itertools
import keyword
import linecache
from collections.abc import Callable, Sequence
from types import FrameType
from typing import Any

from lazygraph.compiler.ir.errors import BoundsError, DTypeError, ShapeError
from lazygraph.compiler.ir.errors import shape_text as shape_text

LOCATED = (ShapeError, DTypeError, BoundsError)
LONGEST_NAME = 40  # characters of an expression that stands for an operand's name


class UnknownValueError(TypeError, ValueError):
    """A value is asked for where there is none yet: of an expression that depends on a placeholder.

    A TypeError, since an expression is no number; and a ValueError, which the Array API has lazy arrays raise.
    """


def require_name(what: str, name: Any) -> None:
    """TypeError or ValueError unless the name is an identifier, as the text of a graph needs it."""
    if not isinstance(name, str):
        raise TypeError(f"{what}'s name is a string; found {name!r}")
    if not name.isidentifier():
        raise ValueError(f"{what}'s name is an identifier; found {name!r}")


def require_plain_name(what: str, name: Any) -> None:
    """`require_name`, for names that stand bare in text: extents are written in Python's grammar."""
    require_name(what, name)
    if not name.isascii() or keyword.iskeyword(name):
        raise ValueError(f"{what}'s name is an identifier of ASCII letters and no keyword of Python; found {name!r}")


# what the operand's description shows for each kind of error
_SHOWN: dict[type[Exception], Callable[[Any], str]] = {
    ShapeError: lambda operand: shape_text(operand.shape),
    DTypeError: lambda operand: str(operand.dtype),
    BoundsError: lambda operand: shape_text(operand.shape),
}


def located(error: Exception, function: str, arguments: Sequence[Any], frame: FrameType | None) -> Exception:
    """The same kind of error, its message with the function's name, the operands and the line."""
    show = _SHOWN[type(error)]
    texts = _operand_texts(frame, len(arguments)) if frame else [None] * len(arguments)
    described: list[str] = []
    for argument, text in zip(arguments, texts):
        operands = argument if isinstance(argument, list | tuple) else [argument]
        for position, operand in enumerate(operands):
            if hasattr(operand, "shape") and hasattr(operand, "dtype"):
                part = text if operand is argument else text and f"{text}[{position}]"
                name = getattr(operand, "name", None) or part or f"operand {len(described) + 1}"
                described.append(f"{name} is {show(operand)}")
    if "\n" in str(error):  # it names what it is about, with a line
        described = []
    sentence = str(error).removeprefix(f"{function}: ")  # an op of the same name says it too
    message = f"{function}: {sentence}{': ' if described else ''}{', '.join(dict.fromkeys(described))}"
    return type(error)(message + (f"\n  {line_text(frame)}" if frame else ""))


def line_text(frame: FrameType) -> str:
    """train.py:11: the source of that line."""
    file, line = frame.f_code.co_filename, frame.f_lineno
    source = linecache.getline(file, line, frame.f_globals).strip()
    return f"{file.rsplit('/', 1)[-1]}:{line}" + (f": {source}" if source else "")


def _operand_texts(frame: FrameType, count: int) -> Sequence[str | None]:
    """The source text of each operand of the expression that the frame is evaluating, where it can be told."""
    expression = _current_expression(frame)
    parts = list(_operands(expression)) if expression else []
    if len(parts) < count and isinstance(expression, ast.Call) and isinstance(expression.func, ast.Attribute):
        parts = [expression.func.value, *parts]  # a method: its object is the first operand
    texts = [ast.unparse(part) for part in parts[:count]]
    return [text if len(text) <= LONGEST_NAME else None for text in texts] + [None] * (count - len(texts))


def _operands(expression: ast.expr) -> Sequence[ast.expr]:
    match expression:
        case ast.BinOp(left=left, right=right) | ast.Compare(left=left, comparators=[right]):
            return [left, right]
        case ast.UnaryOp(operand=operand):
            return [operand]
        case ast.Subscript(value=value, slice=index):
            return [value, index]
        case ast.Call(args=arguments):
            return arguments
    return []


def _current_expression(frame: FrameType) -> ast.expr | None:
    positions = next(itertools.islice(frame.f_code.co_positions(), frame.f_lasti // 2, None), None)
    if positions is None or None in positions:
        return None
    first, last, start, end = (each or 0 for each in positions)
    lines = [linecache.getline(frame.f_code.co_filename, n, frame.f_globals).encode() for n in range(first, last + 1)]
    if not all(lines):
        return None
    lines[-1] = lines[-1][:end]
    lines[0] = lines[0][start:]
    try:
        return ast.parse(f"({b''.join(lines).decode()})", mode="eval").body
    except (SyntaxError, UnicodeDecodeError):  # the file has changed on disk, or the position is a statement's
        return None

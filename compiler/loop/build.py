"""Builds bodies of the loop form: the `BodyBuilder` that op lowerings and fusion write with.

In: calls that name scalars, loops and buffers. Out: a tuple of statements with unique scalar and loop names. Equal pure
scalars of one scope become one statement, so a value read twice at one index is computed once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from lazygraph.compiler.ir.dims import Extent, Shape, Symbol, as_symbol, bounds, of_symbol, prove_nonnegative
from lazygraph.compiler.ir.graph import Frames, Node, TensorType
from lazygraph.compiler.loop import ir
from lazygraph.compiler.loop.ir import Body, Buffer, Index, Literal, Operand, Statement, Var
from lazygraph.compiler.ops.checks import MESSAGES
from lazygraph.compiler.ops.record import OPS
from lazygraph.runtime.dtypes import DType, bool_, int64


def literal(number: float, dtype: DType) -> Literal:
    """The scalar constant nearest to `number`."""
    with np.errstate(all="ignore"):
        return from_array(np.asarray(number).astype(dtype.numpy), dtype)


def from_array(array: np.ndarray, dtype: DType) -> Literal:
    """The one element of an array, as a literal."""
    return Literal(int.from_bytes(array.tobytes(), "little"), dtype)


NO_ATTRIBUTES: Mapping[str, Any] = {}
TRUE = Literal(1, bool_)
FALSE = Literal(0, bool_)


def _integer(scalar: Literal) -> int:
    return int(np.frombuffer(scalar.bits.to_bytes(scalar.dtype.itemsize, "little"), scalar.dtype.numpy)[0])


def _greater(left: Extent, right: Extent) -> int | None:
    """Which of the two is the greater for all values: 0, 1, or unknown."""
    if prove_nonnegative(left - right):
        return 0
    return 1 if prove_nonnegative(right - left) else None


# What is known of comparisons of index expressions: true (0), the number of the operand that is the result, or nothing.
_DECIDED: Mapping[str, Callable[..., int | None]] = {
    "le": lambda left, right: 0 if prove_nonnegative(right - left) else None,
    "lt": lambda left, right: 0 if prove_nonnegative(right - left - 1) else None,
    "max": _greater,
    "min": lambda left, right: _greater(right, left),
}


@lru_cache(maxsize=4096)
def result_dtype(op: str, *dtypes: DType, attributes: tuple[tuple[str, Any], ...] = ()) -> DType:
    """The dtype of an elementwise record's result, from its type rule."""
    types = OPS[op].type_rule(tuple(TensorType(dtype, ()) for dtype in dtypes), dict(attributes))
    return types[0].dtype


@dataclass(frozen=True, slots=True)
class CheckMessage:
    """What a kernel's check says, by its id in the kernel."""

    text: str
    frames: Frames


class Builder:
    """A body under construction: nested scopes of statements, and the names and check messages of one kernel."""

    def __init__(self, reserved: Iterable[str] = ()) -> None:
        """`reserved`: names of dims, which loops and buffers then do not take."""
        self.messages: list[CheckMessage] = []
        self._scopes: list[list[Statement]] = [[]]
        self._known: list[dict[object, Operand]] = [{}]
        self._scalars = 0
        self._names: dict[str, int] = dict.fromkeys(reserved, 1)
        self._index_of: dict[Operand, Extent] = {}  # integer scalars that are index expressions

    # --- scopes

    def body(self) -> Body:
        """The statements of the outermost scope."""
        return tuple(self._scopes[0])

    def append(self, statement: Statement) -> None:
        self._scopes[-1].append(statement)

    def scope(self, fill: Callable[[], None]) -> Body:
        """The statements that `fill` appends, as a body of their own."""
        self._scopes.append([])
        self._known.append({})
        fill()
        self._known.pop()
        return tuple(self._scopes.pop())

    def name(self, wish: str) -> str:
        """A name not used in this kernel yet: the wish, or the wish with a number."""
        count = self._names.get(wish, 0)
        self._names[wish] = count + 1
        return wish if count == 0 else self.name(f"{wish}{count}")

    def symbol(self, wish: str, extent: Extent) -> Symbol:
        """A fresh loop symbol that runs over 0 .. extent-1."""
        return Symbol(self.name(wish), 0, extent - 1)

    def _fresh(self, dtype: DType) -> Var:
        self._scalars += 1
        return Var(f"%{self._scalars - 1}", dtype)

    def once(self, key: object, make: Callable[[Var], Statement], dtype: DType) -> Operand:
        """The scalar of an equal pure statement in reach, or a new one."""
        for known in reversed(self._known):
            if key in known:
                return known[key]
        var = self._fresh(dtype)
        self.append(make(var))
        self._known[-1][key] = var
        return var

    # --- scalars

    def let(
        self, op: str, *args: Operand, dtype: DType | None = None, attributes: Mapping[str, Any] = NO_ATTRIBUTES
    ) -> Operand:
        own = tuple(sorted(attributes.items()))
        found = dtype or result_dtype(op, *[each.dtype for each in args], attributes=own)
        if op in _DECIDED:
            indices = [self._as_expression(each) for each in args]
            known = None if None in indices else _DECIDED[op](*indices)
            if known is not None:
                return args[known] if op in ("max", "min") else TRUE
        if op == "cast" and found.is_integer and args[0] in self._index_of:
            return self.index_value(self._index_of[args[0]], found)
        if op == "and" and TRUE in args:
            return args[1] if args[0] == TRUE else args[0]
        return self.once(("let", op, args, found, own), lambda var: ir.Let(var, op, args, own), found)

    def literal(self, number: float, dtype: DType) -> Operand:
        return literal(number, dtype)

    def index_value(self, expression: Extent, dtype: DType) -> Operand:
        if isinstance(expression, int):
            return literal(expression, dtype)
        result = self.once(("index", expression, dtype), lambda var: ir.IndexValue(var, expression), dtype)
        self._index_of[result] = expression
        return result

    def _as_expression(self, scalar: Operand) -> Extent | None:
        """The index expression that an integer scalar is known to be."""
        if isinstance(scalar, Literal) and scalar.dtype.is_integer:
            return _integer(scalar)
        return self._index_of.get(scalar)

    def as_index(self, scalar: Operand, extent: Extent) -> Extent:
        known = self._as_expression(scalar)
        if known is not None:
            return known
        assert isinstance(scalar, Var)
        return of_symbol(Symbol(scalar.name, 0, extent - 1))

    def in_range(self, expression: Extent, low: Extent, high: Extent) -> Operand:
        value = self.index_value(expression, int64)
        above = self.let("le", self.index_value(low, int64), value)
        return self.let("and", above, self.let("lt", value, self.index_value(high, int64)))

    def load(self, buffer: Buffer, index: Index, guard: Operand | None = None, other: Operand | None = None) -> Operand:
        """A read of memory that statements of this kernel may write: never merged with another."""
        var = self._fresh(buffer.dtype)
        self.append(ir.Load(var, buffer.name, index, guard, other))
        return var

    def store(self, buffer: Buffer, index: Index, value: Operand, guard: Operand | None = None) -> None:
        self.append(ir.Store(buffer.name, index, value, guard))

    def local(self, name: str, dtype: DType, shape: Shape) -> Buffer:
        buffer = Buffer(self.name(name), dtype, shape)
        self.append(ir.Local(buffer))
        return buffer

    # --- control

    def loop(self, kind: str, name: str, extent: Extent, body: Callable[[Extent], None]) -> None:
        symbol = self.symbol(name, extent)
        inner = self.scope(lambda: body(of_symbol(symbol)))
        self.append(ir.Loop(kind, symbol, extent, inner))

    def reduce(
        self, combine: str, order: str, name: str, extent: Extent, body: Callable[[Extent], tuple[Operand, ...]]
    ) -> tuple[Operand, ...]:
        symbol = self.symbol(name, extent)
        values: list[Operand] = []
        inner = self.scope(lambda: values.extend(body(of_symbol(symbol))))
        results = tuple([self._fresh(each.dtype) for each in values])
        self.append(ir.Reduce(results, combine, order, symbol, extent, inner, tuple(values)))
        return results

    def carry(
        self,
        name: str,
        extent: Extent,
        initial: Sequence[Operand],
        body: Callable[[Extent, tuple[Operand, ...]], Sequence[Operand]],
    ) -> tuple[Operand, ...]:
        symbol = self.symbol(name, extent)
        params = tuple([self._fresh(each.dtype) for each in initial])
        values: list[Operand] = []
        inner = self.scope(lambda: values.extend(body(of_symbol(symbol), params)))
        results = tuple([self._fresh(each.dtype) for each in initial])
        self.append(ir.Carry(results, params, tuple(initial), symbol, extent, inner, tuple(values)))
        return results

    def while_(
        self,
        initial: Sequence[Operand],
        condition: Callable[[tuple[Operand, ...]], Operand],
        body: Callable[[tuple[Operand, ...]], Sequence[Operand]],
    ) -> tuple[Operand, ...]:
        params = tuple([self._fresh(each.dtype) for each in initial])
        conditions: list[Operand] = []
        head = self.scope(lambda: conditions.append(condition(params)))
        values: list[Operand] = []
        inner = self.scope(lambda: values.extend(body(params)))
        results = tuple([self._fresh(each.dtype) for each in initial])
        self.append(ir.While(results, params, tuple(initial), head, conditions[0], inner, tuple(values)))
        return results

    def branch(
        self,
        condition: Operand,
        then: Callable[[], Sequence[Operand]],
        otherwise: Callable[[], Sequence[Operand]] = lambda: (),
    ) -> tuple[Operand, ...]:
        then_values: list[Operand] = []
        other_values: list[Operand] = []
        then_body = self.scope(lambda: then_values.extend(then()))
        other_body = self.scope(lambda: other_values.extend(otherwise()))
        results = tuple([self._fresh(each.dtype) for each in then_values])
        self.append(ir.If(results, condition, then_body, tuple(then_values), other_body, tuple(other_values)))
        return results

    def check(self, node: Node, kind: str, condition: Operand, values: Sequence[Operand]) -> None:
        if condition == TRUE:
            return
        message = str(node.attributes.get("message", "")).replace("{", "{{").replace("}", "}}")
        text = MESSAGES[kind].replace("{message}", message)
        self.messages.append(CheckMessage(text, node.frames))
        self.append(ir.Check(len(self.messages) - 1, condition, tuple(values)))


def is_short(extent: Extent, limit: int) -> bool:
    """Whether the extent is known to be at most `limit`."""
    high = bounds(extent)[1]
    return high is not None and high <= limit


__all__ = ["Builder", "CheckMessage", "FALSE", "TRUE", "as_symbol", "from_array", "is_short", "literal", "result_dtype"]

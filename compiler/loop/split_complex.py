"""Complex scalars become pairs of real ones: backends never see a complex number.

In: a kernel. Out: the same kernel without complex numbers. A complex buffer of shape S is read and written as a real
one of shape (*S, 2), the same bytes; a scalar %5 becomes %5.re and %5.im, a load two loads, and an op what its record
says on complex operands. A kernel without complex numbers comes back as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from lazygraph.compiler.loop.build import literal, result_dtype
from lazygraph.compiler.loop.ir import (
    AnyKernel,
    Body,
    Buffer,
    Carry,
    Check,
    Contraction,
    Element,
    If,
    IndexValue,
    Kernel,
    Let,
    Literal,
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
from lazygraph.compiler.loop.prune import prune
from lazygraph.compiler.ops.complex_math.scalars import Pair, Real
from lazygraph.compiler.ops.lowering import Elementwise
from lazygraph.compiler.ops.record import OPS
from lazygraph.runtime.dtypes import DType

PARTS = (0, 1)  # the places of the real and the imaginary part


def split_complex(kernel: AnyKernel) -> AnyKernel:
    """The kernel over real scalars and buffers."""
    split = _Splitter()
    made = _kernel(kernel, split) if isinstance(kernel, Kernel) else _contraction(kernel, split)
    found = split.found or any(buffer.dtype.is_complex for buffer in kernel.buffers)
    return made if found else kernel


def _kernel(kernel: Kernel, split: _Splitter) -> Kernel:
    return replace(kernel, buffers=tuple(map(real_buffer, kernel.buffers)), body=prune(split.scope(kernel.body)))


def _contraction(kernel: Contraction, split: _Splitter) -> Contraction:
    def element(each: Element) -> Element:
        body = split.scope(each.body)
        (value,) = split.parts(each.value)
        return Element(prune(body, value), value)

    return replace(
        kernel,
        buffers=tuple(map(real_buffer, kernel.buffers)),
        a=element(kernel.a),
        b=element(kernel.b),
        epilogue=prune(split.scope(kernel.epilogue)),
    )


def real_buffer(buffer: Buffer) -> Buffer:
    """The buffer as kernels address it: pairs of real numbers in place of complex ones."""
    return replace(buffer, dtype=buffer.dtype.part, shape=(*buffer.shape, 2)) if buffer.dtype.is_complex else buffer


def part_of(number: Literal, place: int) -> Literal:
    """The real (0) or imaginary (1) part of a complex literal: its lower or upper half of bits."""
    part = number.dtype.part
    return Literal(number.bits >> place * part.bits & (1 << part.bits) - 1, part)


class _Splitter:
    """Rewrites a body statement by statement; equal scalars that rules make in one scope are one statement."""

    def __init__(self) -> None:
        self.found = False  # whether anything complex was met
        self.stands_for: dict[str, tuple[Operand, ...]] = {}  # scalars that a rule computed -> its real results
        self._statements: list[Statement] = []
        self._known: list[dict[object, Var]] = []
        self._made = 0

    def scope(self, body: Body) -> Body:
        """A body of its own, rewritten."""
        outer, self._statements = self._statements, []
        self._known.append({})
        for statement in body:
            _SPLIT[type(statement)](self, statement)
        self._known.pop()
        inner, self._statements = self._statements, outer
        return tuple(inner)

    def append(self, statement: Statement) -> None:
        self._statements.append(statement)

    # --- what rules write with

    def let(self, op: str, *args: Operand, dtype: DType | None = None) -> Operand:
        found = dtype or result_dtype(op, *[each.dtype for each in args])
        key = (op, args, found)
        for known in reversed(self._known):
            if key in known:
                return known[key]
        var = Var(f"%c{self._made}", found)
        self._made += 1
        self.append(Let(var, op, args))
        self._known[-1][key] = var
        return var

    def literal(self, number: float, dtype: DType) -> Operand:
        return literal(number, dtype)

    # --- scalars

    def parts(self, operand: Operand) -> tuple[Operand, ...]:
        """A real scalar alone, or the two parts of a complex one."""
        if isinstance(operand, Var) and operand.name in self.stands_for:
            return self.stands_for[operand.name]
        if not operand.dtype.is_complex:
            return (operand,)
        self.found = True
        if isinstance(operand, Literal):
            return tuple([part_of(operand, place) for place in PARTS])
        return tuple([Var(f"{operand.name}.{name}", operand.dtype.part) for name in ("re", "im")])

    def all_parts(self, operands: Iterable[Operand]) -> tuple[Operand, ...]:
        return tuple([part for each in operands for part in self.parts(each)])

    def one(self, operand: Operand | None) -> Operand | None:
        """A real scalar, or none."""
        return None if operand is None else self.parts(operand)[0]

    def variables(self, found: Iterable[Var]) -> tuple[Var, ...]:
        """The scalars that a statement assigns."""
        return tuple([part for part in self.all_parts(found) if isinstance(part, Var)])

    def scalar(self, operand: Operand) -> Real | Pair:
        """An operand as rules take it."""
        reals = [Real(self, part, part.dtype) for part in self.parts(operand)]
        return Pair(*reals) if operand.dtype.is_complex else reals[0]


def _let(split: _Splitter, each: Let) -> None:
    if not any(operand.dtype.is_complex for operand in (each.var, *each.args)):
        split.append(replace(each, args=split.all_parts(each.args)))
        return
    split.found = True
    lower = OPS[each.op].lower
    assert isinstance(lower, Elementwise) and lower.on_complex is not None, f"{each.op} has no rule for complex numbers"
    attributes = {"dtype": each.var.dtype} if each.op == "cast" else {}
    result = lower.on_complex.expand(*map(split.scalar, each.args), **attributes)
    parts = result if isinstance(result, Pair) else (result,)
    split.stands_for[each.var.name] = tuple([part.operand for part in parts])


def _load(split: _Splitter, each: Load) -> None:
    guard = split.one(each.guard)
    if not each.var.dtype.is_complex:
        split.append(replace(each, guard=guard, other=split.one(each.other)))
        return
    others: Sequence[Operand | None] = [None, None] if each.other is None else split.parts(each.other)
    for place, (var, other) in enumerate(zip(split.variables([each.var]), others, strict=True)):
        split.append(Load(var, each.buffer, (*each.index, place), guard, other))


def _store(split: _Splitter, each: Store) -> None:
    values, guard = split.parts(each.value), split.one(each.guard)
    if not each.value.dtype.is_complex:
        split.append(replace(each, value=values[0], guard=guard))
        return
    for place, value in enumerate(values):
        split.append(Store(each.buffer, (*each.index, place), value, guard))


def _loop(split: _Splitter, each: Loop) -> None:
    split.append(replace(each, body=split.scope(each.body)))


def _reduce(split: _Splitter, each: Reduce) -> None:
    body = split.scope(each.body)
    split.append(replace(each, body=body, values=split.all_parts(each.values)))


def _carry(split: _Splitter, each: Carry) -> None:
    split.append(
        replace(
            each,
            vars=split.variables(each.vars),
            params=split.variables(each.params),
            initial=split.all_parts(each.initial),
            body=split.scope(each.body),
            values=split.all_parts(each.values),
        )
    )


def _while(split: _Splitter, each: While) -> None:
    initial, head = split.all_parts(each.initial), split.scope(each.head)
    (condition,) = split.parts(each.condition)
    split.append(
        While(
            split.variables(each.vars),
            split.variables(each.params),
            initial,
            head,
            condition,
            split.scope(each.body),
            split.all_parts(each.values),
        )
    )


def _if(split: _Splitter, each: If) -> None:
    (condition,) = split.parts(each.condition)
    then, otherwise = split.scope(each.then), split.scope(each.otherwise)
    values = (split.all_parts(each.then_values), split.all_parts(each.otherwise_values))
    split.append(If(split.variables(each.vars), condition, then, values[0], otherwise, values[1]))


def _local(split: _Splitter, each: Local) -> None:
    split.found |= each.buffer.dtype.is_complex
    split.append(Local(real_buffer(each.buffer)))


def _check(split: _Splitter, each: Check) -> None:
    (condition,) = split.parts(each.condition)
    split.append(Check(each.id, condition, split.all_parts(each.values)))


def _index_value(split: _Splitter, each: IndexValue) -> None:
    split.append(each)


_SPLIT: Mapping[type[Statement], Callable[[_Splitter, Any], None]] = {
    Let: _let,
    IndexValue: _index_value,
    Load: _load,
    Store: _store,
    Loop: _loop,
    Reduce: _reduce,
    Carry: _carry,
    While: _while,
    If: _if,
    Check: _check,
    Local: _local,
}

"""Drops scalars that nothing uses.
In and out: a body. Lowerings write what they may need (a clamp, a bound that turned out to be proven); what no store,
check or loop reads is taken out again, backwards in one sweep.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from lazygraph.compiler.ir.dims import Extent, symbols
from lazygraph.compiler.loop.ir import (
    Body,
    Carry,
    Check,
    If,
    IndexValue,
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


def prune(body: Body, *results: Operand) -> Body:
    """The body without pure statements that neither `results` nor effects need."""
    return _prune(body, {each.name for each in results if isinstance(each, Var)})


def _prune(body: Body, used: set[str]) -> Body:
    """Backwards over the body; `used` holds the names needed after it and gains those it needs itself."""
    kept: list[Statement] = []
    for statement in reversed(body):
        match statement:
            case Let(var=var) | IndexValue(var=var) | Load(var=var) if var.name not in used:
                continue
            case Let(args=args):
                _use(used, args)
            case IndexValue(expression=expression):
                _use_index(used, (expression,))
            case Load(index=index, guard=guard, other=other):
                _use_index(used, index)
                _use(used, (guard, other))
            case Store(index=index, value=value, guard=guard):
                _use_index(used, index)
                _use(used, (value, guard))
            case Check(condition=condition, values=values):
                _use(used, (condition, *values))
            case Local():
                pass
            case Loop() | Reduce() | Carry():
                statement = _loop(statement, used)
            case While():
                _use(used, (*statement.initial, *statement.values, statement.condition))
                inner = _prune(statement.body, used)
                statement = replace(statement, body=inner, head=_prune(statement.head, used))
            case If():
                _use(used, (statement.condition, *statement.then_values, *statement.otherwise_values))
                then, otherwise = _prune(statement.then, used), _prune(statement.otherwise, used)
                statement = replace(statement, then=then, otherwise=otherwise)
        kept.append(statement)
    return tuple(reversed(kept))


def _loop(statement: Loop | Reduce | Carry, used: set[str]) -> Statement:
    _use_index(used, (statement.extent,))
    if isinstance(statement, Reduce | Carry):
        _use(used, statement.values)
    if isinstance(statement, Carry):
        _use(used, statement.initial)
    return replace(statement, body=_prune(statement.body, used))


def _use(used: set[str], operands: Iterable[Operand | None]) -> None:
    used.update(each.name for each in operands if isinstance(each, Var))


def _use_index(used: set[str], index: Iterable[Extent]) -> None:
    used.update(symbol.name for extent in index for symbol in symbols(extent))

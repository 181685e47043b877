"""What a loop body costs: machine operations per iteration, counted and not guessed per op.

In: statements. Out: a number of scalar operations. An elementwise op is expanded on a scalar machine that only counts,
so a new op needs no entry here. Schedules use it to choose tile and task sizes; it never changes a result.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from lazygraph.compiler.ir import dims
from lazygraph.compiler.ir.dims import Extent
from lazygraph.compiler.loop.ir import Body, Carry, If, Let, Load, Local, Loop, Reduce, Statement, Store, While
from lazygraph.compiler.ops.lowering import Elementwise
from lazygraph.compiler.ops.record import OPS
from lazygraph.runtime.dtypes import DType, bool_

_UNKNOWN_EXTENT = 1000  # iterations assumed of a loop whose extent nothing bounds
_WHILE_TRIPS = 16


class _Counter:
    """A scalar machine whose scalars are dtypes and whose operations are counted."""

    def __init__(self) -> None:
        self.operations = 0

    def dtype(self, x: DType) -> DType:
        return x

    def const(self, number: float, dtype: DType) -> DType:
        return dtype

    def bits(self, pattern: int, dtype: DType) -> DType:
        return dtype

    def has_fma(self) -> bool:
        return True

    def _same(self, x: DType, *others: DType) -> DType:
        self.operations += 1
        return x

    def _slow(self, x: DType, *others: DType) -> DType:
        self.operations += 4
        return x

    def _compare(self, x: DType, y: DType) -> DType:
        self.operations += 1
        return bool_

    def select(self, condition: DType, x: DType, y: DType) -> DType:
        self.operations += 1
        return x

    def convert(self, x: DType, dtype: DType) -> DType:
        self.operations += x != dtype
        return dtype

    def bitcast(self, x: DType, dtype: DType) -> DType:
        return dtype

    add = sub = mul = fma = neg = abs = floor = round_even = and_ = or_ = xor = not_ = _same
    shift_left = shift_right = _same
    div = int_div = sqrt = mul_high = _slow
    less = less_equal = equal = _compare


@lru_cache(maxsize=4096)
def op_cost(op: str, result: DType, dtypes: tuple[DType, ...], attributes: tuple[tuple[str, Any], ...] = ()) -> int:
    """Scalar operations of one `Let`."""
    if op in ("cast", "fma"):
        return 1
    lower = OPS[op].lower
    if not isinstance(lower, Elementwise):
        raise ValueError(f"op {op!r} in a loop body is not elementwise")
    counter = _Counter()
    lower.expand(counter, *dtypes, **dict(attributes))
    return counter.operations


def body_cost(body: Body) -> int:
    """Scalar operations of one pass over a body; inner loops count with their known or assumed extents."""
    return sum(_cost(statement) for statement in body)


def own_cost(statement: Statement) -> int:
    """Scalar operations of a statement without those of its inner bodies."""
    if isinstance(statement, Let):
        dtypes = tuple([each.dtype for each in statement.args])
        return op_cost(statement.op, statement.var.dtype, dtypes, statement.attributes)
    return 0 if isinstance(statement, Local) else 1


def _cost(statement: Statement) -> int:
    if isinstance(statement, If):
        return 2 + max(body_cost(statement.then), body_cost(statement.otherwise))
    if isinstance(statement, While):
        return _WHILE_TRIPS * (2 + body_cost(statement.head) + body_cost(statement.body))
    if isinstance(statement, Loop | Reduce | Carry):
        return _trips(statement.extent) * (1 + body_cost(statement.body))
    return own_cost(statement)


def _trips(extent: Extent) -> int:
    if isinstance(extent, int):
        return extent
    high = dims.bounds(extent)[1]
    return _UNKNOWN_EXTENT if high is None else high


def inner_bodies(statement: Statement) -> tuple[Body, ...]:
    """The bodies nested directly in a statement."""
    names = ("head", "body", "then", "otherwise")
    return tuple([getattr(statement, name) for name in names if hasattr(statement, name)])


def statements(body: Body) -> Iterator[Statement]:
    """Every statement of a body and of the bodies in it, outer ones first."""
    for statement in body:
        yield statement
        for inner in inner_bodies(statement):
            yield from statements(inner)


def bytes_moved(body: Body, sizes: Mapping[str, int]) -> int:
    """Bytes that one pass loads and stores, cached or not, loops as in `body_cost`."""
    total = 0
    for statement in body:
        if isinstance(statement, Load | Store):
            total += sizes[statement.buffer]
        trips = _trips(statement.extent) if isinstance(statement, Loop | Reduce | Carry) else 1
        total += trips * sum(bytes_moved(inner, sizes) for inner in inner_bodies(statement))
    return total

"""The laws of the loop form.
In: a kernel. Out: nothing; a broken law raises `InvalidKernel` with the statement, what was expected and what was
found.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from lazygraph.compiler.ir.dims import Extent, symbols
from lazygraph.compiler.loop.build import result_dtype
from lazygraph.compiler.loop.ir import (
    COMBINERS,
    AnyKernel,
    Body,
    Buffer,
    Carry,
    Check,
    Contraction,
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
from lazygraph.compiler.loop.work import kernel_dims
from lazygraph.compiler.ops.record import OPS
from lazygraph.runtime.dtypes import bool_

KINDS = ("parallel", "vector", "serial")


class InvalidKernel(ValueError):
    """A lowering or a pass made a kernel that breaks a law of the form: a mistake of ours, never of the user."""


def verify_kernel(kernel: AnyKernel) -> None:
    """Names are bound before use and once; dtypes agree; parallel loops are outermost and vector loops do not nest."""
    names = [buffer.name for buffer in kernel.buffers]
    _Scope(kernel.name).expect(len(set(names)) == len(names), f"buffers share a name: {names}")
    known = {symbol.name for symbol in kernel_dims(kernel)}
    scope = _Scope(
        kernel.name, {each.name: each for each in kernel.buffers}, symbols=known, writable=set(kernel.writes)
    )
    scope.expect(scope.writable <= set(names), f"it writes {kernel.writes}, which are not all among {names}")
    for buffer in kernel.buffers:  # a loop named like a dim would stand for it
        for extent in buffer.shape:
            scope.extent(extent, f"shape of {buffer.name}")
    if isinstance(kernel, Kernel):
        scope.body(kernel.body, "parallel")
    else:
        _contraction(kernel, scope)


def _contraction(kernel: Contraction, scope: _Scope) -> None:
    parts = (("a", kernel.a, kernel.m), ("b", kernel.b, kernel.n))
    for name, element, free in parts:
        inner = scope.inside(each.symbol.name for each in (*kernel.batch, *free, *kernel.k))
        inner.writable = set()
        inner.body(element.body, "vector")
        dtype = inner.operand(element.value)
        scope.expect(dtype == kernel.acc.dtype, f"{name} is {dtype}: expected the accumulator's {kernel.acc.dtype}")
    inner = scope.inside(each.symbol.name for each in (*kernel.batch, *kernel.m, *kernel.n))
    inner.scalars[kernel.acc.name] = kernel.acc
    inner.body(kernel.epilogue, "vector")


@dataclass
class _Scope:
    kernel: str
    buffers: dict[str, Buffer] = field(default_factory=dict)
    symbols: set[str] = field(default_factory=set)
    scalars: dict[str, Var] = field(default_factory=dict)
    writable: set[str] = field(default_factory=set)
    around: str = "parallel"  # the kind of the innermost loop: "parallel" also where there is none

    def expect(self, holds: bool, problem: str) -> None:
        if not holds:
            raise InvalidKernel(f"kernel {self.kernel}: {problem}")

    def inside(self, names: Iterable[str] = ()) -> _Scope:
        """A scope that sees this one's names, and more."""
        return _Scope(
            self.kernel,
            dict(self.buffers),
            self.symbols | set(names),
            dict(self.scalars),
            set(self.writable),
            self.around,
        )

    def body(self, body: Body, around: str) -> None:
        self.around = around
        for statement in body:
            _LAWS[type(statement)](self, statement)

    def bind(self, var: Var) -> None:
        self.expect(var.name not in self.scalars, f"scalar {var.name} is assigned twice")
        self.scalars[var.name] = var

    def operand(self, operand: Operand) -> Any:
        if isinstance(operand, Literal):
            self.expect(operand.bits < 1 << operand.dtype.bits, f"literal {operand} is wider than its dtype")
            return operand.dtype
        self.expect(
            self.scalars.get(operand.name) == operand, f"scalar {operand.name}: {operand.dtype} is not in scope"
        )
        return operand.dtype

    def operands(self, operands: Iterable[Operand], targets: Iterable[Var], what: str) -> None:
        """Each operand has the dtype of the scalar that takes its value."""
        for operand, target in zip(operands, targets, strict=True):
            self.expect(
                self.operand(operand) == target.dtype, f"{what}: {target.name} is {target.dtype}, its value {operand}"
            )

    def condition(self, operand: Operand | None, what: str) -> None:
        if operand is not None:
            self.expect(self.operand(operand) == bool_, f"{what}: the condition {operand} is not a bool")

    def extent(self, extent: Extent, what: str) -> None:
        for symbol in symbols(extent):
            if symbol.name.startswith("%"):
                found = self.scalars.get(symbol.name)
                self.expect(
                    found is not None and found.dtype.is_integer, f"{what}: index scalar {symbol.name} is not in scope"
                )
            else:
                self.expect(symbol.name in self.symbols, f"{what}: symbol {symbol.name} is not in scope")

    def access(self, name: str, index: tuple[Extent, ...]) -> Buffer:
        self.expect(name in self.buffers, f"buffer {name} is not declared")
        buffer = self.buffers[name]
        self.expect(
            len(index) == len(buffer.shape), f"{name} has {len(buffer.shape)} axes and is indexed by {len(index)}"
        )
        for extent in index:
            self.extent(extent, f"index of {name}")
        return buffer


def _let(scope: _Scope, let: Let) -> None:
    dtypes = [scope.operand(each) for each in let.args]
    if let.op == "fma":
        scope.expect(len(dtypes) == 3 and set(dtypes) == {let.var.dtype}, f"fma of {dtypes} gives {let.var.dtype}")
    elif let.op != "cast":
        scope.expect(let.op in OPS and OPS[let.op].flags.elementwise, f"{let.op} is no elementwise op")
        inferred = result_dtype(let.op, *dtypes, attributes=let.attributes)
        scope.expect(inferred == let.var.dtype, f"{let.op} gives {inferred}, {let.var.name} is {let.var.dtype}")
    scope.bind(let.var)


def _index_value(scope: _Scope, statement: IndexValue) -> None:
    scope.extent(statement.expression, f"scalar {statement.var.name}")
    scope.expect(statement.var.dtype.is_integer, f"index scalar {statement.var.name} is {statement.var.dtype}")
    scope.bind(statement.var)


def _load(scope: _Scope, load: Load) -> None:
    buffer = scope.access(load.buffer, load.index)
    scope.expect(
        buffer.dtype == load.var.dtype, f"{load.var.name} is {load.var.dtype}, {load.buffer} holds {buffer.dtype}"
    )
    scope.condition(load.guard, f"load of {load.buffer}")
    scope.expect((load.guard is None) == (load.other is None), f"load of {load.buffer}: a guard goes with an `else`")
    if load.other is not None:
        scope.operands((load.other,), (load.var,), f"load of {load.buffer}")
    scope.bind(load.var)


def _store(scope: _Scope, store: Store) -> None:
    buffer = scope.access(store.buffer, store.index)
    scope.expect(store.buffer in scope.writable, f"{store.buffer} is written and not listed among the writes")
    dtype = scope.operand(store.value)
    scope.expect(buffer.dtype == dtype, f"store of {dtype} to {store.buffer}, which holds {buffer.dtype}")
    scope.condition(store.guard, f"store to {store.buffer}")


def _loop(scope: _Scope, loop: Loop) -> None:
    scope.expect(loop.kind in KINDS, f"loop {loop.symbol.name} is {loop.kind!r}: expected one of {', '.join(KINDS)}")
    scope.extent(loop.extent, f"loop {loop.symbol.name}")
    if loop.kind == "parallel":
        scope.expect(
            scope.around == "parallel", f"parallel loop {loop.symbol.name} stands inside a {scope.around} loop"
        )
    if loop.kind == "vector":
        scope.expect(scope.around != "vector", f"vector loop {loop.symbol.name} stands inside a vector loop")
    around = "vector" if scope.around == "vector" else loop.kind
    scope.inside((loop.symbol.name,)).body(loop.body, around)


def _reduce(scope: _Scope, reduce: Reduce) -> None:
    what = f"reduce over {reduce.symbol.name}"
    scope.expect(reduce.combine in COMBINERS, f"{what}: unknown combiner {reduce.combine!r}")
    scope.expect(reduce.order in ("lanes", "serial"), f"{what}: order {reduce.order!r}")
    scope.expect(
        reduce.order == "serial" or scope.around != "vector", f"{what}: lanes are reduced inside a vector loop"
    )
    scope.extent(reduce.extent, what)
    inner = scope.inside((reduce.symbol.name,))
    inner.body(reduce.body, "vector" if reduce.order == "lanes" or scope.around == "vector" else "serial")
    inner.operands(reduce.values, reduce.vars, what)
    for var in reduce.vars:
        scope.bind(var)


def _carried(scope: _Scope, statement: Carry | While, what: str) -> _Scope:
    scope.operands(statement.initial, statement.params, what)
    inner = scope.inside()
    for var in statement.params:
        inner.bind(var)
    return inner


def _carry(scope: _Scope, carry: Carry) -> None:
    what = f"carry over {carry.symbol.name}"
    scope.extent(carry.extent, what)
    inner = _carried(scope, carry, what)
    inner.symbols.add(carry.symbol.name)
    inner.body(carry.body, "vector" if scope.around == "vector" else "serial")
    inner.operands(carry.values, carry.vars, what)
    for var in carry.vars:
        scope.bind(var)


def _while(scope: _Scope, loop: While) -> None:
    scope.expect(scope.around != "vector", "a while stands inside a vector loop")
    inner = _carried(scope, loop, "while")
    inner.body(loop.head, "serial")
    inner.condition(loop.condition, "while")
    inner.body(loop.body, "serial")
    inner.operands(loop.values, loop.vars, "while")
    for var in loop.vars:
        scope.bind(var)


def _if(scope: _Scope, branch: If) -> None:
    scope.expect(scope.around != "vector", "an if stands inside a vector loop")
    scope.condition(branch.condition, "if")
    for body, values in ((branch.then, branch.then_values), (branch.otherwise, branch.otherwise_values)):
        inner = scope.inside()
        inner.body(body, "serial")
        inner.operands(values, branch.vars, "if")
    for var in branch.vars:
        scope.bind(var)


def _check(scope: _Scope, check: Check) -> None:
    scope.condition(check.condition, f"check {check.id}")
    for value in check.values:
        scope.operand(value)


def _local(scope: _Scope, local: Local) -> None:
    scope.expect(local.buffer.name not in scope.buffers, f"local {local.buffer.name} hides another buffer")
    for extent in local.buffer.shape:
        scope.extent(extent, f"local {local.buffer.name}")
    scope.buffers[local.buffer.name] = local.buffer
    scope.writable.add(local.buffer.name)


_LAWS: Mapping[type[Statement], Callable[[_Scope, Any], None]] = {
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

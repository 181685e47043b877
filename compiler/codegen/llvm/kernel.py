"""A loop-form kernel as one LLVM function.

In: a `Kernel` and a target. Out: the text of `void symbol(ptr closure, i64 begin, i64 end, i64 worker)`, which runs
iterations begin .. end-1 of the kernel's outermost parallel loops (flattened, row-major). Vector loops run with 16 to
64 logical lanes and a masked tail, whatever the machine's width, and a "lanes" reduction keeps its 64 accumulators:
results have the same bits on every target.
"""

from __future__ import annotations

from lazygraph.compiler.codegen.llvm.check import write_check
from lazygraph.compiler.codegen.llvm.combine import apply_record
from lazygraph.compiler.codegen.llvm.control import write_carry, write_if, write_serial, write_while
from lazygraph.compiler.codegen.llvm.placement import Register
from lazygraph.compiler.codegen.llvm.target import Target
from lazygraph.compiler.codegen.llvm.vector import write_lanes_reduction, write_serial_reduction, write_vector
from lazygraph.compiler.codegen.llvm.writer import KernelWriter, StatementWriters, stored_in
from lazygraph.compiler.loop.ir import (
    Body,
    Carry,
    Check,
    If,
    IndexValue,
    Kernel,
    Let,
    Load,
    Local,
    Loop,
    Reduce,
    Store,
    While,
)
from lazygraph.compiler.loop.work import parallel_nest
from lazygraph.runtime.dtypes import int64


def emit_kernel(kernel: Kernel, symbol: str, target: Target, more: StatementWriters | None = None) -> str:
    """The text of the kernel's function and the declarations it needs; `more` writes statements that only it has."""
    writer = KernelWriter(kernel, symbol, target, {**_STATEMENTS, **(more or {})})
    nest, body = parallel_nest(kernel)
    if nest:
        _write_parallel(writer, nest, body)
    else:
        writer.body(body)
    writer.function.return_()
    return writer.function.text()


def _write_parallel(writer: KernelWriter, nest: tuple[Loop, ...], body: Body) -> None:
    """Iterations begin .. end-1 of the flattened nest: its counters are divided out of `begin` once, then count on."""
    b = writer.scalars
    begin, end = Register("%begin", int64, 0, 0), Register("%end", int64, 0, 0)
    zero, one = writer.indices.constant(0), writer.indices.constant(1)
    extents = [writer.indices.write(loop.extent) for loop in nest]
    counters: list[Register] = []
    rest = begin
    for extent in reversed(extents[1:]):
        quotient = b.write("udiv {t} {0}, {1}", int64, rest, b.select(b.equal(extent, zero), one, extent))
        counters.insert(0, b.sub(rest, b.mul(quotient, extent)))
        rest = quotient
    if len(nest) > 1:
        counters.insert(0, rest)
    name = nest[0].symbol.name if len(nest) == 1 else "iteration"
    with writer.placement.loop(name, begin, end, 1, counters, stored_in(body), False) as loop:
        for each, register in zip(nest, loop.carried or [loop.index]):
            writer.known[each.symbol.name] = register
        writer.body(body)
        carry = one
        for counter, extent in zip(reversed(loop.carried), reversed(extents)):
            raised = b.add(counter, carry)
            wraps = b.equal(raised, extent)
            loop.next.insert(0, b.select(wraps, zero, raised))
            carry = b.select(wraps, one, zero)


# --- statements that are one instruction or few -----------------------------------------------------------------------


def _write_let(writer: KernelWriter, let: Let) -> None:
    b = writer.scalars
    b.hint = let.var.name
    args = writer.operands(let.args)
    if let.op == "cast":
        value = b.convert(args[0], let.var.dtype)
    elif let.op == "fma":
        value = b.fma(*args)
    else:
        value = apply_record(b, let.op, *args, **dict(let.attributes))
    writer.known[let.var.name] = value


def _write_index_value(writer: KernelWriter, statement: IndexValue) -> None:
    value = writer.indices.write(statement.expression)
    writer.known[statement.var.name] = writer.scalars.convert(value, statement.var.dtype)


def _write_load(writer: KernelWriter, load: Load) -> None:
    guard = None if load.guard is None else writer.operand(load.guard)
    other = None if load.other is None else writer.operand(load.other)
    writer.known[load.var.name] = writer.memory.load(load.buffer, load.index, guard, other, load.var.name)


def _write_store(writer: KernelWriter, store: Store) -> None:
    guard = None if store.guard is None else writer.operand(store.guard)
    writer.memory.store(store.buffer, store.index, writer.operand(store.value), guard)


def _write_local(writer: KernelWriter, local: Local) -> None:
    writer.only_scalar(f"local {local.buffer.name}")  # its place in the scratch is known from the entry on


def _write_loop(writer: KernelWriter, loop: Loop) -> None:
    if loop.kind == "vector" and writer.indices.lanes is None:
        write_vector(writer, loop)
    else:
        write_serial(writer, loop)


def _write_reduce(writer: KernelWriter, reduce: Reduce) -> None:
    if reduce.order == "serial":
        write_serial_reduction(writer, reduce)
    else:
        write_lanes_reduction(writer, reduce)


_STATEMENTS: StatementWriters = {
    Let: _write_let,
    IndexValue: _write_index_value,
    Load: _write_load,
    Store: _write_store,
    Local: _write_local,
    Loop: _write_loop,
    Reduce: _write_reduce,
    Carry: write_carry,
    While: write_while,
    If: write_if,
    Check: write_check,
}

"""The loop form as text.
In: a kernel or a contraction. Out: one line per statement, loops indented, the same bytes for the same kernel. Scalars
are `%3`, literals carry their dtype (`f32 1.0`), and an indirect index says its bound. `compiler.loop.parse` reads it
back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from lazygraph.compiler.ir.dims import Extent, symbols
from lazygraph.compiler.ir.text import print_attribute, print_frames, print_number, print_symbol
from lazygraph.compiler.loop.ir import (
    AnyKernel,
    Body,
    Carry,
    Check,
    Contraction,
    Element,
    If,
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
from lazygraph.compiler.loop.work import kernel_dims


def print_kernel(kernel: AnyKernel) -> str:
    """The text of a kernel, with a newline at the end."""
    word = "kernel" if isinstance(kernel, Kernel) else "contract"
    head = f"{word} {kernel.name}({', '.join(map(str, kernel.buffers))}) -> ({', '.join(kernel.writes)})"
    dims = kernel_dims(kernel)
    if dims:
        head += f" where {', '.join(map(print_symbol, dims))}"
    head += " {" + print_frames(kernel.frames)
    lines = _body(kernel.body, "  ") if isinstance(kernel, Kernel) else _contraction(kernel)
    return "\n".join([head, *lines, "}", ""])


def _contraction(kernel: Contraction) -> list[str]:
    axes = [
        f"{role} {axis.symbol.name} < {axis.extent};"
        for role in ("batch", "m", "n", "k")
        for axis in getattr(kernel, role)
    ]

    def element(name: str, operand: Element) -> list[str]:
        return [f"  {name} {{", *_body(operand.body, "    "), f"    yield {_operand(operand.value)}", "  }"]

    lines = ["  " + " ".join(axes)] if axes else []
    lines += element("a", kernel.a) + element("b", kernel.b)
    return [*lines, f"  epilogue {_var(kernel.acc)} {{", *_body(kernel.epilogue, "    "), "  }"]


def _var(var: Var) -> str:
    return f"{var.name}: {var.dtype.code}"


def _operand(operand: Operand) -> str:
    if isinstance(operand, Var):
        return operand.name
    data = operand.bits.to_bytes(operand.dtype.itemsize, "little")
    return f"{operand.dtype.code} {print_number(np.frombuffer(data, operand.dtype.numpy)[0], operand.dtype)}"


def _operands(operands: Iterable[Operand]) -> str:
    return ", ".join(map(_operand, operands))


def _vars(found: Sequence[Var]) -> str:
    return ", ".join(map(_var, found)) + (" = " if found else "")


def _index(index: Sequence[Extent]) -> str:
    return f"[{', '.join(map(str, index))}]"


def _bounds(index: Sequence[Extent]) -> str:
    """What is known of the scalars in an index."""
    scalars = sorted(
        {each for extent in index for each in symbols(extent) if each.name.startswith("%")}, key=lambda each: each.name
    )
    return f" where ({', '.join(map(print_symbol, scalars))})" if scalars else ""


def _ranged(each: Loop | Reduce | Carry) -> str:
    """A loop's symbol and extent, which may be a scalar of the body."""
    return f"{each.symbol.name} < {each.extent}{_bounds((each.extent,))}"


def _guard(guard: Operand | None, other: Operand | None = None) -> str:
    if guard is None:
        return ""
    return f" if {_operand(guard)}" + ("" if other is None else f" else {_operand(other)}")


def _initial(params: Sequence[Var], initial: Sequence[Operand]) -> str:
    return ", ".join(f"{_var(param)} = {_operand(start)}" for param, start in zip(params, initial, strict=True))


def _block(body: Body, values: Sequence[Operand] | None, indent: str) -> list[str]:
    inner = indent + "  "
    end = [] if values is None else [f"{inner}yield {_operands(values)}".rstrip()]
    return [*_body(body, inner), *end]


def _body(body: Body, indent: str) -> list[str]:
    return [line for statement in body for line in _PRINT[type(statement)](statement, indent)]


def _let(each: Let, indent: str) -> list[str]:
    own = " ".join([f"{name}={print_attribute(value)}" for name, value in each.attributes])
    op = f"{each.op} {{{own}}}" if own else each.op
    return [f"{indent}{_var(each.var)} = {op} {_operands(each.args)}"]


def _index_value(each: IndexValue, indent: str) -> list[str]:
    return [f"{indent}{_var(each.var)} = index <{each.expression}>{_bounds((each.expression,))}"]


def _load(each: Load, indent: str) -> list[str]:
    source = f"{each.buffer}{_index(each.index)}{_bounds(each.index)}"
    return [f"{indent}{_var(each.var)} = load {source}{_guard(each.guard, each.other)}"]


def _store(each: Store, indent: str) -> list[str]:
    target = f"{each.buffer}{_index(each.index)}{_bounds(each.index)}"
    return [f"{indent}store {target} = {_operand(each.value)}{_guard(each.guard)}"]


def _loop(each: Loop, indent: str) -> list[str]:
    return [
        f"{indent}{each.kind} {_ranged(each)} {{",
        *_block(each.body, None, indent),
        f"{indent}}}",
    ]


def _reduce(each: Reduce, indent: str) -> list[str]:
    head = f"{indent}{_vars(each.vars)}reduce {each.combine} {each.order} {_ranged(each)} {{"
    return [head, *_block(each.body, each.values, indent), f"{indent}}}"]


def _carry(each: Carry, indent: str) -> list[str]:
    head = f"{indent}{_vars(each.vars)}carry ({_initial(each.params, each.initial)}) {_ranged(each)} {{"
    return [head, *_block(each.body, each.values, indent), f"{indent}}}"]


def _while(each: While, indent: str) -> list[str]:
    head = f"{indent}{_vars(each.vars)}while ({_initial(each.params, each.initial)}) {{"
    middle = [*_block(each.head, (each.condition,), indent), f"{indent}}} do {{"]
    return [head, *middle, *_block(each.body, each.values, indent), f"{indent}}}"]


def _if(each: If, indent: str) -> list[str]:
    head = f"{indent}{_vars(each.vars)}if {_operand(each.condition)} {{"
    middle = [*_block(each.then, each.then_values, indent), f"{indent}}} else {{"]
    return [head, *middle, *_block(each.otherwise, each.otherwise_values, indent), f"{indent}}}"]


def _check(each: Check, indent: str) -> list[str]:
    return [f"{indent}check {each.id} {_operand(each.condition)} ({_operands(each.values)})"]


def _local(each: Local, indent: str) -> list[str]:
    return [f"{indent}local {each.buffer}"]


_PRINT: Mapping[type[Statement], Callable[[Any, str], list[str]]] = {
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

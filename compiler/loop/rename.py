"""Kernels up to names: the same kernel over other buffers is the same kernel.
In: a kernel. Out: an equal one whose name, buffers and loop symbols are numbered by position and whose frames are
gone; two kernels are the same code exactly if their canonical forms are equal.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any

from lazygraph.compiler.ir.dims import Dim, Symbol, of_symbol, substitute, symbols
from lazygraph.compiler.loop.ir import AnyKernel, Buffer, Carry, Load, Loop, Reduce, Store
from lazygraph.runtime.dtypes import DType

_NAMELESS = frozenset({str, int, float, bool, type(None), DType, Symbol})  # most of what a kernel is made of


def canonical(kernel: AnyKernel) -> AnyKernel:
    """The kernel with positional names."""
    names: dict[str, str] = {}
    buffers = _renamed(kernel.buffers, names, {})
    writes = tuple([names[each] for each in kernel.writes])
    renamed: AnyKernel = _renamed(replace(kernel, buffers=(), writes=()), names, {})
    return replace(renamed, name="", buffers=buffers, writes=writes, frames=())


def _renamed(part: Any, names: dict[str, str], loops: Mapping[Symbol, Symbol]) -> Any:
    """`part` with buffers and bound symbols renamed; a buffer gets its name where it is declared."""
    if type(part) in _NAMELESS:
        return part
    match part:
        case Dim():
            bound = {each: of_symbol(loops[each]) for each in symbols(part) if each in loops}
            return substitute(part, bound) if bound else part
        case tuple():
            return tuple([_renamed(each, names, loops) for each in part])
        case Buffer():
            names[part.name] = f"buffer{len(names)}"
            return replace(part, name=names[part.name])
        case Load() | Store():
            part = replace(part, buffer=names[part.buffer])
        case Loop() | Reduce() | Carry():
            extent = _renamed(part.extent, names, loops)
            bound_symbol = Symbol(f"${len(loops)}", 0, extent - 1)
            body = _renamed(part.body, names, {**loops, part.symbol: bound_symbol})
            return replace(part, symbol=bound_symbol, extent=extent, body=body)
    if not is_dataclass(part) or isinstance(part, type):
        return part
    changed = {
        each.name: _renamed(getattr(part, each.name), names, loops) for each in fields(part) if each.name != "frames"
    }
    return replace(part, **changed)

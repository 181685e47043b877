"""From object code to addresses.

In: the bytes of a relocatable object and the names it defines. Out: a `Loaded` that gives their addresses and keeps the
code in memory. What the object leaves undefined is held to an allow-list before anything of it is mapped.
"""

from __future__ import annotations

import ctypes
import itertools
import platform
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Any

import llvmlite.binding as llvm

from lazygraph.runtime.artifact import MEMORY_SYMBOLS, POOL_SYMBOLS, undefined_symbols

ALLOWED = MEMORY_SYMBOLS | POOL_SYMBOLS

_MACHINES = {"x86_64": 62, "aarch64": 183}  # e_machine of ELF objects
_numbers = itertools.count()


class LoadError(RuntimeError):
    """Object code that is not ours to load."""


@dataclass(frozen=True, eq=False)
class Loaded:
    """Code in memory: it stays as long as this object does."""

    addresses: Mapping[str, int]
    keep: tuple[Any, ...]

    def __getitem__(self, name: str) -> int:
        return self.addresses[name]


@cache
def _jit() -> Any:
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    machine = llvm.Target.from_default_triple().create_target_machine(reloc="pic", codemodel="small")
    return llvm.create_lljit_compiler(machine, suppress_errors=True)


def _address_in_process(name: str) -> int:
    return ctypes.cast(getattr(ctypes.CDLL(None), name), ctypes.c_void_p).value or 0


def load(object_code: bytes, names: tuple[str, ...]) -> Loaded:
    """Map the object and give the addresses of `names`. LoadError names a symbol that is undefined and not allowed."""
    try:
        needed = undefined_symbols(object_code)
    except ValueError as error:
        raise LoadError(str(error)) from None
    (machine,) = struct.unpack_from("<H", object_code, 0x12)
    if machine != _MACHINES.get(platform.machine()):
        raise LoadError(f"object code is for ELF machine {machine}: expected that of {platform.machine()}")
    foreign = sorted(set(needed) - ALLOWED)
    if foreign:
        raise LoadError(f"object code calls {', '.join(foreign)}: expected nothing but {', '.join(sorted(ALLOWED))}")
    builder = llvm.JITLibraryBuilder()
    builder.add_object_img(object_code)
    for name in sorted(set(needed)):
        builder.import_symbol(name, _address_in_process(name))
    for name in names:
        builder.export_symbol(name)
    jit = _jit()
    try:
        tracker = builder.link(jit, f"lazygraph{next(_numbers)}")
    except RuntimeError as error:
        raise LoadError(f"object code does not load: {error}") from None
    return Loaded(MappingProxyType({name: tracker[name] for name in names}), (tracker, jit))

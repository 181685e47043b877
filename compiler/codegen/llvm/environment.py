"""The floating-point environment of compiled code: round to nearest even, subnormals kept, exceptions masked.

In: a target. Out: lines of LLVM IR that read and write its control register, so that the entry and every worker thread
compute under one environment whatever the caller's was, and hand the caller's back.
"""

from __future__ import annotations

from dataclasses import dataclass

from lazygraph.compiler.codegen.llvm.target import Target
from lazygraph.compiler.codegen.llvm.text import Function


@dataclass(frozen=True, slots=True)
class Register:
    """How one architecture reads and writes the register; `pause` tells the core that a thread spins."""

    type: str
    clean: int  # the value under which we compute
    pause: tuple[str, str]  # intrinsic and its arguments
    spins: int  # pauses that take 20 to 50 microseconds


# x86: MXCSR with all six exceptions masked (bits 7 to 12), rounding 0, FTZ and DAZ off (Intel SDM 1, 10.2.3).
# AArch64: FPCR of zeros is the same (Arm ARM, FPCR).
REGISTERS = {
    "x86_64": Register("i32", 0x1F80, ("llvm.x86.sse2.pause", ""), 700),
    "aarch64": Register("i64", 0, ("llvm.aarch64.isb", "i32 15"), 2000),
}


def register(target: Target) -> Register:
    if target.architecture not in REGISTERS:
        raise ValueError(f"architecture {target.architecture}: expected one of {', '.join(REGISTERS)}")
    return REGISTERS[target.architecture]


def set_environment(f: Function, target: Target) -> str:
    """Set the clean environment; gives what `restore_environment` puts back."""
    clean = register(target).clean
    if target.architecture == "aarch64":
        saved = f.intrinsic("i64", "llvm.aarch64.get.fpcr", (), "environment")
        f.intrinsic("void", "llvm.aarch64.set.fpcr", (("i64", str(clean)),))
        return saved
    saved = f.value("alloca i32, align 4", "environment")
    ours = f.value("alloca i32, align 4", "clean")
    f.intrinsic("void", "llvm.x86.sse.stmxcsr", (("ptr", saved),))
    f.store("i32", str(clean), ours, 4)
    f.intrinsic("void", "llvm.x86.sse.ldmxcsr", (("ptr", ours),))
    return saved


def restore_environment(f: Function, target: Target, saved: str) -> None:
    if target.architecture == "aarch64":
        f.intrinsic("void", "llvm.aarch64.set.fpcr", (("i64", saved),))
    else:
        f.intrinsic("void", "llvm.x86.sse.ldmxcsr", (("ptr", saved),))

"""What machine code is made for: triple, features and vector width, for this host or by name.

In: nothing but the host's feature flags (the CPU's name is not trusted: new parts come under old names). Out: a frozen
`Target`. `NAMED` holds the fixed targets that tests and exports use; `runnable` tells which this host runs.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache

import llvmlite.binding as llvm

# Features that change the code we emit or that LLVM selects; others would only change the cache key.
_X86_V2 = ("cx16", "popcnt", "sse3", "sse4.1", "sse4.2", "ssse3")
_X86_V3 = (*_X86_V2, "avx", "avx2", "bmi", "bmi2", "f16c", "fma", "lzcnt", "movbe")
_X86_V4 = (*_X86_V3, "avx512bw", "avx512cd", "avx512dq", "avx512f", "avx512vl")
_X86_MORE = ("avx512bitalg", "avx512ifma", "avx512vbmi", "avx512vbmi2", "avx512vnni", "avx512vpopcntdq")
# (CPU name that LLVM schedules for, the features it stands for, vector bytes), widest first
_X86_LEVELS = (
    ("x86-64-v4", _X86_V4, 64),
    ("x86-64-v3", _X86_V3, 32),
    ("x86-64-v2", _X86_V2, 16),
    ("x86-64", (), 16),
)


@dataclass(frozen=True, slots=True)
class Target:
    """One machine. `portable_math` forbids fused multiply-adds: results are then bit-equal on all targets."""

    triple: str
    cpu: str
    features: str  # "+avx2,+fma": what LLVM's target machine takes
    fma: bool  # whether one instruction multiplies and adds with one rounding
    vector_bytes: int
    portable_math: bool = False

    @property
    def fused(self) -> bool:
        """Whether `fma` rounds once."""
        return self.fma and not self.portable_math

    @property
    def architecture(self) -> str:
        return self.triple.split("-")[0]

    def has(self, feature: str) -> bool:
        return f"+{feature}" in self.features.split(",")

    @property
    def rounds(self) -> bool:
        """Whether rounding to an integral value is an instruction (else LLVM would call libm)."""
        return self.architecture != "x86_64" or self.has("sse4.1")

    @property
    def converts_float16(self) -> bool:
        """Whether float16 to and from float32 is an instruction (else LLVM would call its run-time library)."""
        return self.architecture == "aarch64" or self.has("f16c")

    @property
    def masks_are_vectors(self) -> bool:
        """Whether masked loads are instructions whose masks are vectors of signs, not registers of their own."""
        return self.has("avx2") and not self.has("avx512f")

    @property
    def attributes(self) -> str:
        """Attributes of every function: no unwinding, and vectors as wide as the machine's."""
        width = 8 * self.vector_bytes
        return f'nounwind "prefer-vector-width"="{width}" "min-legal-vector-width"="{width}"'


def _x86(triple: str, has: frozenset[str]) -> Target:
    cpu, required, vector_bytes = next(level for level in _X86_LEVELS if has.issuperset(level[1]))
    kept = sorted({*required, *(has & {*_X86_V3, *(_X86_MORE if vector_bytes == 64 else ())})})
    features = ",".join(f"+{each}" for each in kept)
    return Target(triple, cpu, features, "fma" in has and vector_bytes >= 32, vector_bytes)


def _aarch64(triple: str) -> Target:
    return Target(triple, "generic", "+neon", True, 16)


_LINUX_X86 = "x86_64-unknown-linux-gnu"
NAMED: dict[str, Target] = {
    "sse2": _x86(_LINUX_X86, frozenset()),
    "avx2": _x86(_LINUX_X86, frozenset(_X86_V3)),
    "avx512": _x86(_LINUX_X86, frozenset(_X86_V4)),
    "neon": _aarch64("aarch64-unknown-linux-gnu"),
}


@cache
def host(portable_math: bool = False) -> Target:
    """The machine that this process runs on, by its feature flags."""
    triple = llvm.get_process_triple()
    architecture = triple.split("-")[0]
    if architecture == "x86_64":
        flags = llvm.get_host_cpu_features()
        found = _x86(triple, frozenset(name for name, present in flags.items() if present))
    elif architecture == "aarch64":
        found = _aarch64(triple)
    else:
        raise RuntimeError(f"this host is {triple}: expected x86_64 or aarch64")
    return replace(found, portable_math=portable_math)


def named(name: str, portable_math: bool = False) -> Target:
    """A target by its name in `NAMED`, or "host"."""
    if name == "host":
        return host(portable_math)
    if name not in NAMED:
        raise ValueError(f"unknown target {name!r}: expected host or one of {', '.join(NAMED)}")
    return replace(NAMED[name], portable_math=portable_math)


def runnable() -> tuple[str, ...]:
    """The names of the targets whose code this host can run."""
    here = host()
    wanted = {name: frozenset(filter(None, each.features.split(","))) for name, each in NAMED.items()}
    mine = frozenset(here.features.split(","))
    return tuple(name for name in NAMED if NAMED[name].architecture == here.architecture and wanted[name] <= mine)

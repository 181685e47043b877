"""The machine numbers that schedules are chosen by: cache sizes.

In: nothing but what Linux says of the host's caches. Out: a frozen `Machine`, part of the cache key of object code.
Where a number cannot be read, or for a target that is not this host, the stated default stands: a small recent part.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

_CACHES = Path("/sys/devices/system/cpu/cpu0/cache")
_UNITS = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}


@dataclass(frozen=True, slots=True)
class Machine:
    """Data caches of one core, in bytes."""

    l1_bytes: int = 32 << 10
    l2_bytes: int = 512 << 10


@cache
def host_machine() -> Machine:
    """The caches of this host's first core."""
    found = _cache_sizes()
    default = Machine()
    return Machine(found.get(1, default.l1_bytes), found.get(2, default.l2_bytes))


def _cache_sizes() -> dict[int, int]:
    """Level -> bytes of data (or unified) caches; empty where the system does not say."""
    sizes: dict[int, int] = {}
    for folder in sorted(_CACHES.glob("index*")):
        try:
            kind, level, size = ((folder / name).read_text().strip() for name in ("type", "level", "size"))
        except OSError:  # a system that hides this cache
            continue
        if kind != "Instruction" and size[:-1].isdigit() and size[-1] in _UNITS:
            sizes[int(level)] = int(size[:-1]) * _UNITS[size[-1]]
    return sizes

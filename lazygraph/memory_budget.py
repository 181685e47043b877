"""What a user may say of the memory that a function may take, and what is said where it cannot be kept to.

In: `max_memory` and `remat` of `lg.function`. Out: a `Budget` for the compiler, or the error that says why not.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from lazygraph.compiler.ir.dims import Symbol
from lazygraph.memory_report import MemoryPlan, size_text

if TYPE_CHECKING:
    from lazygraph.compiler.pipeline import Budget

_UNITS = {"B": 0, "KB": 1, "MB": 2, "GB": 3, "TB": 4}
_TEXT = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([KMGT]?)(i?)B\s*")


def budget(max_memory: Any, remat: Any, threads: int, dims: Sequence[Symbol]) -> Budget | None:
    """What the compiler is to keep to; None where nothing is said. TypeError, ValueError."""
    from lazygraph.compiler.pipeline import Budget

    if remat not in (None, "auto"):
        raise ValueError(f"remat: expected 'auto' or None, found {remat!r}")
    if max_memory is None:
        return None if remat is None else Budget(None, threads)
    limit = _limit(max_memory)
    open_dims = [symbol.name for symbol in dims if symbol.upper is None]
    if isinstance(limit, int) and open_dims:
        raise ValueError(
            f"max_memory: the dim {open_dims[0]!r} has no greatest value, so no number of bytes is enough: "
            f"expected lg.dim({open_dims[0]!r}, max=...), or a fraction of what is needed otherwise"
        )
    return Budget(limit, threads)


def _limit(given: Any) -> int | float:
    """Bytes as an int, or a fraction of what is needed otherwise as a float."""
    if isinstance(given, str):
        found = _TEXT.fullmatch(given)
        if found is None:
            raise ValueError(f"max_memory: expected bytes as an int, a text like '512MiB' or '2GB', found {given!r}")
        number, unit, binary = found.groups()
        return int(float(number) * (1024 if binary else 1000) ** _UNITS[f"{unit}B"])
    if isinstance(given, bool) or not isinstance(given, int | float):
        raise TypeError(f"max_memory: expected an int, a text like '512MiB' or a fraction, found {given!r}")
    if isinstance(given, float) and not 0 < given <= 1:
        raise ValueError(f"max_memory: expected a fraction between 0 and 1 or an int, found {given!r}")
    if given < 0:
        raise ValueError(f"max_memory: expected at least 0 bytes, found {given}")
    return given


def refusal(plan: MemoryPlan, needed: int, limit: int) -> MemoryError:
    """The error that says by how much the smallest plan is too large, and who is in its peak."""
    over = f"max_memory is {size_text(limit)}, and {plan.name} needs {size_text(needed)} by the smallest plan found"
    lines = [f"{over}: {size_text(needed - limit)} more", *str(plan).split("\nbuffers, ")[0].split("\n")[1:]]
    return MemoryError("\n".join(lines))

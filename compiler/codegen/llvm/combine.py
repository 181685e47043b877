"""Combiners of reductions on registers: their identities, one step, and the halving tree over lanes.

In: the name of an entry of COMBINERS and accumulators, one register per reduced value ("argmax" and "argmin" carry the
pair value, index). Out: registers. The tree is part of a reduction's meaning: accumulator i with i + half, halves
halved.
"""

from __future__ import annotations

from typing import Any

from lazygraph.compiler.codegen.llvm import text
from lazygraph.compiler.codegen.llvm.placement import Placement, Register
from lazygraph.compiler.codegen.llvm.scalar import LlvmScalars, literal, nearest
from lazygraph.compiler.loop.ir import COMBINERS
from lazygraph.compiler.ops.lowering import Elementwise
from lazygraph.compiler.ops.record import OPS
from lazygraph.runtime.dtypes import DType


def apply_record(scalars: LlvmScalars, op: str, *operands: Register, **attributes: Any) -> Register:
    """An elementwise record's result."""
    lower = OPS[op].lower
    if not isinstance(lower, Elementwise):
        raise ValueError(f"op {op!r} in a loop body is not elementwise")
    result: Register = lower.expand(scalars, *operands, **attributes)
    return result


def _extreme(dtype: DType, highest: bool) -> Register:
    if dtype.is_float:
        return nearest(float("inf") if highest else float("-inf"), dtype)
    if dtype.kind == "int":
        return literal((1 << dtype.bits - 1) - highest, dtype)
    return literal((1 << dtype.bits) - 1 if highest else 0, dtype)


def identities(combine: str, dtypes: list[DType]) -> list[Register]:
    """What each accumulator starts from. The identity's index is the highest, so that any element's comes before it."""
    _, identity = COMBINERS[combine]
    if isinstance(identity, str):
        return [_extreme(dtype, position > 0 or identity == "highest") for position, dtype in enumerate(dtypes)]
    return [nearest(identity, dtype) for dtype in dtypes]


def step(scalars: LlvmScalars, combine: str, old: list[Register], new: list[Register]) -> list[Register]:
    """old combined with new, where old's elements come first."""
    record, _ = COMBINERS[combine]
    if combine in ("argmax", "argmin"):
        return _first_extreme(scalars, record, old, new)
    return [apply_record(scalars, record, each, other) for each, other in zip(old, new, strict=True)]


def _first_extreme(b: LlvmScalars, record: str, old: list[Register], new: list[Register]) -> list[Register]:
    """Of two (value, index): the greater (or lesser) value, NaN above all; of equals the lower index."""
    (kept, kept_at), (value, at) = old, new
    better = b.less(kept, value) if record == "max" else b.less(value, kept)
    tie = b.equal(value, kept)
    if value.dtype.is_float:
        nan, kept_nan = b.not_(b.equal(value, value)), b.not_(b.equal(kept, kept))
        better = b.or_(better, b.and_(nan, b.not_(kept_nan)))
        tie = b.or_(tie, b.and_(nan, kept_nan))
    take = b.or_(better, b.and_(tie, b.less(at, kept_at)))
    return [b.select(take, value, kept), b.select(take, at, kept_at)]


def fold(placement: Placement, scalars: LlvmScalars, combine: str, accumulators: list[Register]) -> list[Register]:
    """One scalar per accumulator: halves combined until one lane is left. The lanes are a power of two."""
    while (count := accumulators[0].lanes) > 1:
        half = count // 2
        low = [_lanes(placement, each, 0, half) for each in accumulators]
        high = [_lanes(placement, each, half, half) for each in accumulators]
        accumulators = step(scalars, combine, low, high)
        if half == 1:
            return accumulators
    return accumulators


def _lanes(placement: Placement, x: Register, start: int, count: int) -> Register:
    """Lanes start .. start+count-1; a single one as a scalar."""
    if count == 1:
        instruction = f"extractelement {x.type} {x.name}, i64 {start}"
        name, level = placement.pure(instruction, x.level, "lane")
        return Register(name, x.dtype, 0, level)
    mask = text.lanes_of("i32", range(start, start + count))
    form = f"shufflevector {x.type} {x.name}, {x.type} poison, {text.vector(count, 'i32')} {mask}"
    name, level = placement.pure(form, x.level, "half")
    return Register(name, x.dtype, count, level)

"""Nested loops over a shape, for ops that write their own statements.

In: a builder, the kind of each loop ("parallel", "serial", "vector") and its extent. Out: the statements of a nest
around what `body` appends for one index.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from lazygraph.compiler.ir.dims import Extent
from lazygraph.compiler.loop.ir import Index
from lazygraph.compiler.ops.lowering import BodyBuilder


def nest(
    b: BodyBuilder, name: str, loops: Sequence[tuple[str, Extent]], body: Callable[[Index], None], outer: Index = ()
) -> None:
    """Loops named name0, name1, ..., the first outermost; `body` gets their indices."""
    if not loops:
        body(outer)
        return
    (kind, extent), *inner = loops
    b.loop(kind, f"{name}{len(outer)}", extent, lambda at: nest(b, name, inner, body, (*outer, at)))


def serial_then_vector(shape: Sequence[Extent]) -> list[tuple[str, Extent]]:
    """Serial loops with the last axis, contiguous in memory, side by side."""
    last = len(shape) - 1
    return [("vector" if axis == last else "serial", extent) for axis, extent in enumerate(shape)]

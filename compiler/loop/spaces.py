"""Index spaces: axes that merge into one, and the loops that run over them in tasks and vectors.

In: extents, and a function that fills the innermost body at an index. Out: loops of the loop form.
"""

from __future__ import annotations

from collections.abc import Callable

from lazygraph.compiler.ir.dims import Extent, floordiv, linear_in, minimum, mod, of_symbol, product
from lazygraph.compiler.loop import ir
from lazygraph.compiler.loop.build import Builder, is_short
from lazygraph.compiler.loop.fuse import Fusion, Group
from lazygraph.compiler.loop.group_body import GroupBody
from lazygraph.compiler.loop.ir import Index


def unflatten(flat: Extent, extents: tuple[Extent, ...]) -> Index:
    """The index of element number `flat` of a row-major space."""
    index: list[Extent] = []
    for axis in range(len(extents)):
        inner = product(extents[axis + 1 :])
        quotient = floordiv(flat, inner)
        index.append(quotient if axis == 0 else mod(quotient, extents[axis]))
    return tuple(index)


def merged_runs(fusion: Fusion, group: Group) -> list[tuple[int, ...]]:
    """The axes of an elementwise group in runs that every access treats as one contiguous axis."""
    rank = len(group.shape)
    if rank <= 1:
        return [(axis,) for axis in range(rank)]
    trial = GroupBody(fusion, group)
    symbols = [trial.symbol(f"o{axis}", extent) for axis, extent in enumerate(group.shape)]
    trial.store_all(list(trial.writes), tuple([of_symbol(each) for each in symbols]))
    shapes = {each.name: each.shape for each in (*trial.reads.values(), *trial.writes.values())}
    offsets = [offset(each.index, shapes[each.buffer]) for each in trial.body() if isinstance(each, ir.Load | ir.Store)]
    values = [each.expression for each in trial.body() if isinstance(each, ir.IndexValue)]

    def contiguous(axis: int) -> bool:
        outer, inner = symbols[axis], symbols[axis + 1]
        if any(linear_in(each, outer)[0] != 0 or linear_in(each, inner)[0] != 0 for each in values):
            return False
        steps = [(linear_in(each, outer)[0], linear_in(each, inner)[0]) for each in offsets]
        return all(a is not None and b is not None and a == b * group.shape[axis + 1] for a, b in steps)

    runs: list[list[int]] = [[0]]
    for axis in range(rank - 1):
        if contiguous(axis):
            runs[-1].append(axis + 1)
        else:
            runs.append([axis + 1])
    return [tuple(run) for run in runs]


def offset(index: Index, shape: tuple[Extent, ...]) -> Extent:
    """The row-major position of an index."""
    total: Extent = 0
    for axis, each in enumerate(index):
        total = total + each * product(shape[axis + 1 :])
    return total


def parallel(body: Builder, names: str, extents: tuple[Extent, ...], inner: Callable[[Index], None]) -> None:
    """Nested parallel loops over the extents."""

    def nest(depth: int, index: Index) -> None:
        if depth == len(extents):
            inner(index)
        else:
            body.loop(
                "parallel", names[depth % len(names)], extents[depth], lambda symbol: nest(depth + 1, (*index, symbol))
            )

    nest(0, ())


def blocked(body: Builder, name: str, extent: Extent, block: int, inner: Callable[[Extent], None]) -> None:
    """A vector loop over 0 .. extent-1, in parallel blocks."""
    if is_short(extent, block):
        body.loop("vector", name, extent, inner)
        return
    exact = isinstance(extent, int) and extent % block == 0

    def one(number: Extent) -> None:
        size = block if exact else minimum(block, extent - number * block)
        body.loop("vector", name, size, lambda symbol: inner(number * block + symbol))

    body.loop("parallel", f"{name}_block", floordiv(extent + block - 1, block), one)

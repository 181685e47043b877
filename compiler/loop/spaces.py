"""Index spaces: flat positions and indices, and the loops that run over extents in tasks and vectors.

In: extents, and a function that fills the innermost body at an index. Out: loops of the loop form.
"""

from __future__ import annotations

from collections.abc import Callable

from lazygraph.compiler.ir.dims import Extent, ceildiv, floordiv, minimum, mod, product
from lazygraph.compiler.loop.build import Builder, is_short
from lazygraph.compiler.loop.ir import Index


def unflatten(flat: Extent, extents: tuple[Extent, ...]) -> Index:
    """The index of element number `flat` of a row-major space."""
    index: list[Extent] = []
    for axis in range(len(extents)):
        inner = product(extents[axis + 1 :])
        quotient = floordiv(flat, inner)
        index.append(quotient if axis == 0 else mod(quotient, extents[axis]))
    return tuple(index)


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

    def one(number: Extent) -> None:
        size = block_size(extent, block, number)
        body.loop("vector", name, size, lambda symbol: inner(number * block + symbol))

    body.loop("parallel", f"{name}_block", ceildiv(extent, block), one)


def block_size(extent: Extent, block: int, number: Extent) -> Extent:
    """The elements in block `number` of an axis that is cut into blocks: fewer in the last one."""
    exact = isinstance(extent, int) and extent % block == 0
    return block if exact else minimum(block, extent - number * block)

"""The axes of images, volumes and sequences, and amounts for each of them.

In: a layout such as "NCHW", in any order and with or without the axis N in the tensor; a number for all spatial axes,
or one for each. Out: which axes are spatial, and tuples.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Union

from lazygraph.compiler.ir.dims import Dim, Extent
from lazygraph.compiler.ir.errors import ShapeError
from lazygraph.compiler.ir.graph import Value
from lazygraph.errors import shape_text

Steps = Union[int, Sequence[int]]  # one for all spatial axes, or one for each
Sizes = Union[int, Dim, Sequence[Union[int, Dim]]]
Padding = Union[int, Dim, Sequence[Union[int, Dim, tuple[Union[int, Dim], Union[int, Dim]]]]]

SPATIAL = {1: "L", 2: "HW", 3: "DHW"}


def places_in(value: Value, layout: str, rank: int) -> tuple[tuple[int, ...], int]:
    """The spatial axes in the order of their names, and the axis of channels."""
    names = f"NC{SPATIAL[rank]}"
    if sorted(layout) != sorted(names):
        raise ShapeError(f"layout: expected a permutation of {names}, found {layout!r}")
    present = layout if value.type.rank == rank + 2 else layout.replace("N", "")
    if len(present) != value.type.rank:
        shapes = f"({', '.join(layout)}) or ({', '.join(layout.replace('N', ''))})"
        raise ShapeError(f"expected a tensor {shapes}, found {shape_text(value.shape)}")
    return tuple([present.index(name) for name in SPATIAL[rank]]), present.index("C")


def sizes(what: str, amount: Sizes, rank: int) -> tuple[Extent, ...]:
    """Extents >= 1, one for each spatial axis."""
    amounts = (amount,) * rank if isinstance(amount, int | Dim) else tuple(amount)
    known = all(isinstance(each, Dim) or operator.index(each) >= 1 for each in amounts)
    if len(amounts) != rank or not known:
        raise ShapeError(f"{what}: expected an extent >= 1, or {rank} of them, found {amount!r}")
    return amounts


def steps(what: str, amount: Steps, rank: int, least: int = 1) -> tuple[int, ...]:
    """Ints >= `least`, one for each spatial axis."""
    amounts = tuple([operator.index(each) for each in (amount if isinstance(amount, Sequence) else [amount] * rank)])
    if len(amounts) != rank or min(amounts) < least:
        raise ShapeError(f"{what}: expected an int >= {least}, or {rank} of them, found {amount!r}")
    return amounts


def margins(padding: Padding, rank: int) -> list[tuple[Extent, Extent]]:
    """(before, after) for each spatial axis."""
    amounts = [padding] * rank if isinstance(padding, int | Dim) else list(padding)
    pairs = [(each, each) if isinstance(each, int | Dim) else tuple(each) for each in amounts]
    if len(pairs) != rank or any(len(pair) != 2 for pair in pairs):
        raise ShapeError(f"padding: expected a number, {rank} numbers or {rank} pairs of numbers, found {padding!r}")
    return [(pair[0], pair[1]) for pair in pairs]

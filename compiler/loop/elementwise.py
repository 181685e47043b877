"""Elementwise groups: every element on its own, in as few and as long loops as its accesses allow.
In: the body of such a group. Out: its loops. Axes that every access treats as one contiguous axis are merged; the
innermost is the vector's. Where a read runs along another axis than the writes (a transposition), these two are cut
into small blocks, so that the cache lines of both stay in use.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from lazygraph.compiler.ir.dims import Extent, ceildiv, linear_in, of_symbol, product
from lazygraph.compiler.loop import ir
from lazygraph.compiler.loop.build import is_short
from lazygraph.compiler.loop.group_body import GroupBody, InPlace
from lazygraph.compiler.loop.ir import Index
from lazygraph.compiler.loop.spaces import block_size, blocked, offset, parallel, unflatten

BLOCK = 4096  # elements of one task of a flat loop
MANY_TASKS = 32  # with this many outer iterations the inner loop need not be split for threads
TILE = 32  # rows and columns of a block that is read across and written along


@dataclass(frozen=True)
class Space:
    """The axes of a group in runs that merge, and the run that some read steps along where writes step along the
    last."""

    runs: tuple[tuple[int, ...], ...]
    across: int | None


def write_elementwise(body: GroupBody) -> InPlace:
    shape = body.group.shape
    space = _space(body)
    extents = tuple([product([shape[axis] for axis in run]) for run in space.runs])
    found: list[Index] = []

    def at(index: Index) -> None:
        parts = [
            unflatten(flat, tuple([shape[axis] for axis in run])) for run, flat in zip(space.runs, index, strict=True)
        ]
        found.append(tuple([each for part in parts for each in part]))
        body.store_all(list(body.writes), found[-1])

    if not extents:
        at(())
    elif space.across is None:
        _along(body, extents, at)
    else:
        _across(body, extents, space.across, at)
    return body.in_place(found[0], "full")


def _along(body: GroupBody, extents: tuple[Extent, ...], at: Callable[[Index], None]) -> None:
    """Parallel loops around one vector loop, which is cut into tasks where the outer loops are too few."""
    *outer, last = extents
    enough = not is_short(product(outer), MANY_TASKS - 1)

    def row(index: Index) -> None:
        if enough or outer and is_short(last, BLOCK):
            body.loop("vector", "j", last, lambda inner: at((*index, inner)))
        else:
            blocked(body, "j", last, BLOCK, lambda inner: at((*index, inner)))

    parallel(body, "iklm", tuple(outer), row)


def _across(body: GroupBody, extents: tuple[Extent, ...], across: int, at: Callable[[Index], None]) -> None:
    """Parallel blocks of TILE x TILE: rows in order, columns as a vector."""
    rows, columns = extents[across], extents[-1]
    others = tuple([extent for run, extent in enumerate(extents[:-1]) if run != across])

    def block(index: Index) -> None:
        *rest, row_block, column_block = index

        def line(row: Extent) -> None:
            i = row_block * TILE + row
            outer = (*rest[:across], i, *rest[across:])
            width = block_size(columns, TILE, column_block)
            body.loop("vector", "j", width, lambda column: at((*outer, column_block * TILE + column)))

        body.loop("serial", "i", block_size(rows, TILE, row_block), line)

    parallel(body, "klmn", (*others, ceildiv(rows, TILE), ceildiv(columns, TILE)), block)


def _space(body: GroupBody) -> Space:
    """Found by writing the body once, unmerged, and looking at its accesses."""
    shape = body.group.shape
    if len(shape) <= 1:
        return Space(tuple([(axis,) for axis in range(len(shape))]), None)
    trial = GroupBody(body.fusion, body.group)
    symbols = [trial.symbol(f"o{axis}", extent) for axis, extent in enumerate(shape)]
    trial.store_all(list(trial.writes), tuple([of_symbol(each) for each in symbols]))
    shapes = {each.name: each.shape for each in trial.buffers()}
    accesses = [each for each in trial.body() if isinstance(each, ir.Load | ir.Store)]
    steps = [[linear_in(offset(each.index, shapes[each.buffer]), symbol)[0] for symbol in symbols] for each in accesses]
    values = [each.expression for each in trial.body() if isinstance(each, ir.IndexValue)]
    fixed = [all(linear_in(each, symbol)[0] == 0 for each in values) for symbol in symbols]

    def contiguous(axis: int) -> bool:
        outer_inner = [(each[axis], each[axis + 1]) for each in steps]
        known = all(a is not None and b is not None and a == b * shape[axis + 1] for a, b in outer_inner)
        return known and fixed[axis] and fixed[axis + 1]

    runs: list[list[int]] = [[0]]
    for axis in range(len(shape) - 1):
        if contiguous(axis):
            runs[-1].append(axis + 1)
        else:
            runs.append([axis + 1])
    return Space(tuple(map(tuple, runs)), _across_run(runs, steps))


def _across_run(runs: list[list[int]], steps: list[list[Extent | None]]) -> int | None:
    """The run along which some access is contiguous that strides along the last one."""
    for each in steps:
        if each[-1] not in (0, 1):
            contiguous = [number for number, run in enumerate(runs[:-1]) if each[run[-1]] == 1]
            if contiguous:
                return contiguous[-1]
    return None

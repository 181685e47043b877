"""How a contraction is cut: register tile, task, block of k, and which operands are packed first.

In: a contraction, the machine's numbers and its vector registers. Out: a frozen `ContractionSchedule`, the one of least
estimated cycles among hundreds. Every output element sums its k in order whatever the schedule, so a schedule never
changes a bit. The cut is that of Goto and van de Geijn, with b's block in the second-level cache and both operands
packed by the worker that uses them:

    task = row_block x column_block of one batch item
      for each block of depth_block k:                     accumulators are carried from block to block
        pack b's block into panels of one tile's columns   (or read it in place)
        for each tile's rows: pack a's strip               (or read it in place)
          for each panel: the register tile; after the last k its epilogue
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from math import lcm

from lazygraph.compiler.ir import dims
from lazygraph.compiler.ir.dims import Extent
from lazygraph.compiler.loop.cost import body_cost
from lazygraph.compiler.loop.ir import Contraction, Element
from lazygraph.compiler.loop.lanes import NARROW, stride_across
from lazygraph.compiler.loop.schedule.flat import Strided, axis, flatten, run, strided, unit_stride
from lazygraph.compiler.loop.schedule.machine import Machine

VECTOR_BYTES = 64  # of a logical vector, whatever the target's
TYPICAL_EXTENT = 256  # what an extent that is not known is taken to be
TASK_CYCLES = 60_000  # about 20 microseconds: smaller tasks are not worth a thread's waking
MOST_TASKS = 96  # in one batch item
THREAD_COUNTS = (2, 16)  # a cut is judged by how evenly it divides among this many
UNKNOWN_DEPTH_BLOCK = 512
PACK_FROM_ROWS = 192  # where the number of rows is not known

# Cycles per element of a packed operand, by how its body's loads move along the axis that is packed side by side.
COPY_CYCLES, TRANSPOSE_CYCLES, GATHER_CYCLES = 0.3, 0.45, 1.2
TILE_CYCLES = 60  # calling a register tile and storing its accumulators
LOADS = 1.8  # per cycle, as measured in tiles of one column
LATENCY_CYCLES = 4  # of a multiply-add: a step of k takes no less
STREAM_BYTES = 32  # that the second-level cache gives per cycle
PACKED_OPERATIONS = 16  # of a packed operand's body per cycle
# Time of a register tile that reads an operand in place, to one that reads it packed: b at all, a with k strided, and a
# with k strided over more pages than the first level of address translation holds.
IN_PLACE_FACTOR, STRIDED_FACTOR, FAR_FACTOR = 1.03, 1.08, 1.35
STRIDED_CYCLES, FAR_CYCLES = 1.5, 10.0  # likewise of a step of k when a strip is packed
TRANSLATED_BYTES = 512 << 10


@dataclass(frozen=True, slots=True)
class ContractionSchedule:
    """Rows and columns are m and n; all in elements but `columns`, which counts 64-byte vectors."""

    rows: int  # of a register tile
    columns: int  # of a register tile
    tails: tuple[int, ...]  # rows of smaller register tiles, decreasing, that together cover what is left of a strip
    row_block: int  # of a task: a multiple of rows
    column_block: int  # of a task: a multiple of the tile's columns
    depth_block: int
    pack_a: bool
    pack_b_from: int | None  # rows of a task from which b is packed first; 0: always, None: never


@dataclass(frozen=True, slots=True)
class Problem:
    """What the choice depends on: a flat contraction's extents (typical where unknown) and its operands' layouts."""

    flat: Contraction
    items: int
    m: int
    n: int
    k: int
    a: Strided | None  # None: cannot be read in place
    b: Strided | None
    a_factor: float  # of a register tile that reads a in place, to one that reads packed strips
    a_step_cycles: float  # to get to the next k of a strip that is packed
    a_cycles: float  # per element packed
    b_cycles: float
    lanes: int


def problem(contraction: Contraction) -> Problem:
    flat = flatten(contraction)
    items, m, n, k = [_typical(axis(flat, role).extent) for role in ("batch", "m", "n", "k")]
    a, b = strided(flat, "m"), strided(flat, "n")
    walk = 0 if a is None or a.depth == 1 else k * _typical(a.depth) * flat.acc.dtype.itemsize
    far = walk > TRANSLATED_BYTES
    return Problem(
        flat,
        items,
        m,
        n,
        k,
        a,
        b if b is not None and b.row == 1 else None,
        *((FAR_FACTOR, FAR_CYCLES) if far else (STRIDED_FACTOR, STRIDED_CYCLES) if walk else (1.0, 0.0)),
        _packing_cycles(flat, flat.a, "m", COPY_CYCLES),
        _packing_cycles(flat, flat.b, "n", TRANSPOSE_CYCLES),
        VECTOR_BYTES // flat.acc.dtype.itemsize,
    )


def _packing_cycles(flat: Contraction, element: Element, role: str, along_depth_cycles: float) -> float:
    """Per element: the operations of its body side by side, and how its loads move."""
    computing = body_cost(element.body) / PACKED_OPERATIONS
    if along_depth(flat, role):
        return computing + along_depth_cycles
    symbol = axis(flat, role).symbol
    if role == "m":  # strips begin anywhere, panels and blocks of k at multiples of a vector
        whole = unit_stride(element.body, lambda position: dims.linear_in(position, symbol)[0])
    else:
        whole = unit_stride(element.body, lambda position: stride_across(position, symbol, NARROW))
    return computing + (COPY_CYCLES if whole else GATHER_CYCLES)


def along_depth(flat: Contraction, role: str) -> bool:
    """Whether the operand of m or n is packed with vectors along k: its loads are contiguous there, if in runs."""
    element = flat.a if role == "m" else flat.b
    symbol = axis(flat, "k").symbol
    return run(flat, role) > 1 or unit_stride(element.body, lambda at: stride_across(at, symbol, NARROW))


def _typical(extent: Extent) -> int:
    """What an extent is taken to be; 1 for 0, whose loops do not run."""
    if isinstance(extent, int):
        return max(1, extent)
    low, high = dims.bounds(extent)
    typical = max(TYPICAL_EXTENT, low or 0)
    return typical if high is None else min(typical, high)


# --- choice -----------------------------------------------------------------------------------------------------------


def choose(contraction: Contraction, machine: Machine, vector_bytes: int, registers: int) -> ContractionSchedule:
    """The schedule of least estimated cycles for `registers` vector registers of `vector_bytes`."""
    task = problem(contraction)
    split = VECTOR_BYTES // vector_bytes
    return min(_candidates(task, machine, split, registers), key=lambda each: _cycles(task, each, split))


def _candidates(task: Problem, machine: Machine, split: int, registers: int) -> Iterator[ContractionSchedule]:
    m_known, k_known = (isinstance(axis(task.flat, role).extent, int) for role in ("m", "k"))
    size = VECTOR_BYTES // task.lanes
    worthwhile = task.m * task.n * task.k * split // (2 * task.lanes * TASK_CYCLES)
    most_tasks = min(MOST_TASKS, max(1, worthwhile))
    packs_a = (True, False) if task.a is not None else (True,)
    # Read in place, a panel's rows are a stride apart: the walk over all k has to stay in the second-level cache.
    walk = task.k * size * _typical(task.b.depth) if task.b is not None else 0
    packs_b: tuple[int | None, ...] = (0,)
    runs = lcm(run(task.flat, "m"), run(task.flat, "n"))
    if task.b is not None and walk <= machine.l2_bytes:
        packs_b = (0, None) if m_known else (PACK_FROM_ROWS,)
    for rows, columns in sorted(_tiles(task, split, registers, m_known)):
        depth = runs * _ceil(UNKNOWN_DEPTH_BLOCK, runs)
        if k_known:
            depth = _depth_block(task.k, machine.l1_bytes // (size * rows), runs)
        width = columns * task.lanes
        tails = _exact_tails(task.m, rows) if m_known else _halves(rows)
        most_columns = max(1, machine.l2_bytes // 2 // (size * depth * width))
        for pack_a, pack_b_from in product(packs_a, packs_b):
            panels, strips = _ceil(task.n, width), _ceil(task.m, rows)
            column_cuts = _cuts(panels, most_columns)
            for column_panels, row_strips in product(column_cuts, _cuts(strips, strips)):
                block = (row_strips * rows, column_panels * width)
                cuts = _ceil(strips, row_strips) * _ceil(panels, column_panels)
                if cuts > most_tasks and (row_strips < strips or column_panels < column_cuts[-1]):
                    continue
                if depth >= task.k and k_known or block[0] * block[1] * size <= machine.l2_bytes // 4:
                    yield ContractionSchedule(rows, columns, tails, *block, depth, pack_a, pack_b_from)


def _tiles(task: Problem, split: int, registers: int, m_known: bool) -> set[tuple[int, int]]:
    """(rows, columns) whose accumulators, columns of b and one value of a fit the registers."""
    found = set()
    for columns in (1, 2, 3, 4, 6, 8, 12):
        vectors = columns * split
        spare = 2 if vectors <= 2 else 3  # with fewer LLVM spills: 9 x 3 runs at 0.8 of 8 x 3's speed
        most = (registers - spare - vectors) // vectors
        if most < 1 or columns > _ceil(task.n, task.lanes):
            continue
        even = _ceil(task.m, _ceil(task.m, most)) if m_known else most
        found |= {(most, columns), (even, columns)} if not m_known or most <= task.m else {(even, columns)}
    return found or {(1, 1)}


def _depth_block(depth: int, most: int, runs: int) -> int:
    """Even blocks of at most about `most`, of whole runs and, if they then are not too long, a multiple of 16."""
    blocks = _ceil(depth, max(64, most))
    step = lcm(16, runs) if lcm(16, runs) <= max(64, most) else runs
    return depth if blocks <= 1 else step * _ceil(depth, step * blocks)


def _exact_tails(m: int, rows: int) -> tuple[int, ...]:
    return (m % rows,) if m % rows else ()


def _halves(rows: int) -> tuple[int, ...]:
    """14 -> (7, 4, 2, 1): every count below `rows` is a sum of some of these, the largest that fits taken each time."""
    tails, rest = [], rows - 1
    while rest:
        tails.append(rest // 2 + 1)
        rest //= 2
    return tuple(tails)


def _cuts(parts: int, most: int) -> list[int]:
    """Sizes of at most `most` that cut `parts` into 1, 2, 3, 4, 6, 8, ... nearly even pieces."""
    pieces = (1, 2, 3, 4, 5, 6, 8, 10, 12, 16, 24, 32, 48, 64)
    sizes = {_ceil(parts, max(count, _ceil(parts, most))) for count in pieces}
    return sorted(sizes)


def _ceil(count: int, size: int) -> int:
    return -(-count // size)


# --- cost -------------------------------------------------------------------------------------------------------------


def _cycles(task: Problem, schedule: ContractionSchedule, split: int) -> float:
    """Estimated cycles per thread, over the thread counts of THREAD_COUNTS."""
    width = schedule.columns * task.lanes
    row_blocks, column_blocks = _ceil(task.m, schedule.row_block), _ceil(task.n, schedule.column_block)
    panels, depth_blocks = _ceil(task.n, width), _ceil(task.k, schedule.depth_block)
    whole, part = task.m // schedule.rows, _cover(task.m % schedule.rows, schedule.tails)
    step = whole * _step_cycles(schedule.rows, schedule.columns, split)
    step += sum(_step_cycles(rows, schedule.columns, split) for rows in part)
    compute = step * panels * task.k
    compute *= (IN_PLACE_FACTOR if schedule.pack_b_from is None else 1.0) * (1.0 if schedule.pack_a else task.a_factor)
    compute += TILE_CYCLES * (whole + len(part)) * panels * depth_blocks
    packing = 0.0
    if schedule.pack_b_from is not None:
        packing += task.b_cycles * row_blocks * panels * width * task.k
    elif task.n % width:
        packing += task.b_cycles * row_blocks * width * task.k
    if schedule.pack_a:
        packing += column_blocks * task.k * (task.a_cycles * task.m + task.a_step_cycles * (whole + len(part)))
    total = task.items * (compute + packing + task.m * panels * schedule.columns * 4)
    tasks = task.items * row_blocks * column_blocks
    shares = [total * _ceil(tasks, threads) / tasks for threads in THREAD_COUNTS]
    return sum(max(share, min(total, TASK_CYCLES)) for share in shares) + 0.02 * total + 200.0 * tasks


def _step_cycles(rows: int, columns: int, split: int) -> float:
    """One step of k of a register tile: two multiply-adds and LOADS loads a cycle, b from the second-level cache."""
    vectors = columns * split
    return max(rows * vectors / 2, (rows + vectors) / LOADS, LATENCY_CYCLES, columns * VECTOR_BYTES / STREAM_BYTES)


def _cover(rows: int, tails: tuple[int, ...]) -> list[int]:
    found = []
    for tail in tails:
        while rows >= tail:
            found.append(tail)
            rows -= tail
    return found

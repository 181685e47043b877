"""A scheduled contraction as a loop-form kernel: packing and epilogue are ordinary loops around a register tile.

In: a contraction and its schedule. Out: a `Kernel` whose body holds two statements that only code generation knows:
`Tile` (the multiply-adds of one register tile) and `Transpose` (a copy into a packed panel). The structure is the one
that compiler/loop/schedule/contraction.py describes. Rows past the end of a strip and columns past the end of a panel
are never stored; packed panels hold zeros or repeated values there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from lazygraph.compiler.ir import dims
from lazygraph.compiler.ir.dims import Extent, Symbol, of_symbol
from lazygraph.compiler.loop.cost import statements
from lazygraph.compiler.loop.ir import (
    Body,
    Buffer,
    Contraction,
    Element,
    If,
    Index,
    IndexValue,
    Kernel,
    Let,
    Literal,
    Load,
    Local,
    Loop,
    Store,
    Var,
)
from lazygraph.compiler.loop.schedule.contraction import VECTOR_BYTES, ContractionSchedule, along_depth
from lazygraph.compiler.loop.schedule.flat import axis, flatten, run, strided, substitute_body
from lazygraph.compiler.loop.work import Work, local_offsets, parallel_nest, phase
from lazygraph.runtime.dtypes import DType, bool_, int64

MULTIPLY_ADD_PICOSECONDS = 3  # per byte of an element: two 32-byte vectors a cycle at 2.5 GHz
ELEMENT_PICOSECONDS = 200  # of one element's epilogue


@dataclass(frozen=True, slots=True)
class Place:
    """Where an operand of a tile starts, and its strides in elements."""

    buffer: str
    index: Index
    row: Extent
    depth: Extent


@dataclass(frozen=True, slots=True)
class Tile:
    """acc[r, c] += a[r, k] * b[k, c] over k = 0 .. depth-1; acc starts at zero where `first` is 0."""

    a: Place
    b: Place  # `row` is 1: columns are contiguous
    buffer: str  # acc
    index: Index
    rows: Extent
    depth: Extent
    first: Extent


@dataclass(frozen=True, slots=True)
class Transpose:
    """panel[k, c] = source[c * row + k] for k = 0 .. depth-1 and c below `count`; past it the last c repeats."""

    source: Place
    buffer: str  # panel
    index: Index
    count: Extent
    depth: Extent


@dataclass(frozen=True)
class Tiled:
    """The kernel, and what its tiles have in common."""

    kernel: Kernel
    dtype: DType
    width: int  # columns of a panel
    strides: tuple[Extent, Extent, Extent | None]  # of a's rows and k, and b's k; None: not the same at every tile
    carried: bool
    prefetch_a: bool  # read in place, a step of k apart from the next by more than a row of the tile
    prefetch_b: bool
    transposes: bool


@lru_cache(maxsize=256)
def tiled(contraction: Contraction, schedule: ContractionSchedule) -> Tiled:
    """The loops of a contraction under a schedule."""
    return _Tiling(contraction, schedule).result()


def contraction_work(contraction: Contraction, schedule: ContractionSchedule) -> Work:
    """One phase over the schedule's tasks; packed operands and accumulators are scratch of a worker."""
    kernel = tiled(contraction, schedule).kernel
    total = dims.product([loop.extent for loop in parallel_nest(kernel)[0]])
    m, n, k = (axis(flatten(contraction), role).extent for role in ("m", "n", "k"))
    block = dims.minimum(schedule.row_block, m) * dims.minimum(schedule.column_block, n)
    time = block * (k * MULTIPLY_ADD_PICOSECONDS * contraction.acc.dtype.itemsize + ELEMENT_PICOSECONDS)
    return Work((phase("", total, time),), local_offsets(kernel)[1], 0)


class _Tiling:
    """Names and extents shared by the pieces. An extent that is not constant is computed where its level begins."""

    def __init__(self, contraction: Contraction, schedule: ContractionSchedule) -> None:
        self.flat = flat = flatten(contraction)
        self.schedule = schedule
        self.dtype = flat.acc.dtype
        self.lanes = VECTOR_BYTES // self.dtype.itemsize
        self.width = schedule.columns * self.lanes
        self.locals: dict[str, Buffer] = {}
        self.task: list[Any] = []  # what is computed where a task, a block of k, a strip and a panel begin
        self.in_block: list[Any] = []
        self.in_strip: list[Any] = []
        self.in_panel: list[Any] = []
        self.m, self.n, self.k = (axis(flat, role).extent for role in ("m", "n", "k"))
        self.row_tasks, self.row_task = _counter(".row_task", dims.ceildiv(self.m, schedule.row_block))
        self.column_tasks, self.column_task = _counter(".column_task", dims.ceildiv(self.n, schedule.column_block))
        row_before = of_symbol(self.row_task) * schedule.row_block
        column_before = of_symbol(self.column_task) * schedule.column_block
        rows = self.least(self.task, ".rows", schedule.row_block, self.m - row_before)
        self.columns = self.least(self.task, ".columns", schedule.column_block, self.n - column_before)
        self.strips, self.strip = self.count(".strip", rows, schedule.rows, schedule.row_block)
        self.panels, self.panel = self.count(".panel", self.columns, self.width, schedule.column_block)
        self.row = row_before + of_symbol(self.strip) * schedule.rows
        self.column = column_before + of_symbol(self.panel) * self.width
        self.strip_rows: Extent = schedule.rows
        if not dims.divides(schedule.rows, self.m):
            self.strip_rows = self.least(self.in_strip, ".strip_rows", schedule.rows, self.m - self.row)
        self.panel_columns: Extent = self.width
        if not dims.divides(self.width, self.n):
            self.panel_columns = self.least(self.in_panel, ".panel_columns", self.width, self.n - self.column)
        single = isinstance(self.k, int) and self.k <= schedule.depth_block
        self.blocks = 1 if single else dims.maximum(1, dims.ceildiv(self.k, schedule.depth_block))
        self.blocks, self.block = _counter(".block", self.named(self.task, ".blocks", self.blocks, 1, None))
        self.carried = self.blocks != 1
        self.depth_before: Extent = of_symbol(self.block) * schedule.depth_block if self.carried else 0
        self.depth = self.k
        if self.carried:
            depth = dims.minimum(schedule.depth_block, self.k - self.depth_before)
            self.depth = self.named(self.in_block, ".depth", depth, 0, schedule.depth_block)
        self.packs: Extent = 1 if schedule.pack_b_from == 0 else 0  # whether b is packed
        if schedule.pack_b_from:
            packs = dims.minimum(1, dims.floordiv(rows, schedule.pack_b_from))
            self.packs = self.named(self.task, ".packs", packs, 0, 1)
        # With several blocks of k each tile of the task keeps its accumulators, else all use the first place.
        apart = self.named(self.task, ".apart", dims.minimum(1, self.blocks - 1), 0, 1)
        self.acc: Index = (of_symbol(self.strip) * apart, of_symbol(self.panel) * apart, 0, 0)
        self.a = None if schedule.pack_a else strided(flat, "m")
        self.b = None if schedule.pack_b_from == 0 else strided(flat, "n")
        in_place = self.b is not None and self.b.row == 1
        if self.a is None and not schedule.pack_a or not in_place and schedule.pack_b_from != 0:
            raise ValueError(
                f"contraction {contraction.name}: {schedule} reads in place an operand that must be packed"
            )

    def named(self, level: list[Any], name: str, value: Extent, lower: int, upper: int | None) -> Extent:
        """The value of an index expression as a scalar, so that no later expression holds its divisions and minima."""
        if isinstance(value, int) or dims.as_symbol(value):
            return value
        level.append(IndexValue(Var(name, int64), value))
        return of_symbol(Symbol(name, lower, upper))

    def least(self, level: list[Any], name: str, most: int, rest: Extent) -> Extent:
        """min(most, rest), where 1 <= rest."""
        return self.named(level, name, dims.minimum(most, rest), 1, most)

    def count(self, name: str, extent: Extent, size: int, most: int) -> tuple[Extent, Symbol]:
        return _counter(name, self.named(self.task, f"{name}s", dims.ceildiv(extent, size), 1, most // size))

    def local(self, name: str, *shape: int) -> str:
        self.locals[name] = Buffer(name, self.dtype, shape)
        return name

    # --- pieces ------------------------------------------------------------------------------------------------------

    def result(self) -> Tiled:
        flat, schedule = self.flat, self.schedule
        depth_block = schedule.depth_block
        panels, strips = schedule.column_block // self.width, schedule.row_block // schedule.rows
        self.local(".acc", *((strips, panels) if self.carried else (1, 1)), schedule.rows, self.width)
        before: list[Any] = []
        if self.packs != 0:
            self.local(".b", panels, depth_block, self.width)
            packing = [*self.in_panel, *self.pack_b((of_symbol(self.panel), 0, 0), depth_block)]
            before.append(self.loop("serial", self.panel, self.panels * self.packs, packing))
        elif self.panel_columns != self.width:
            self.local(".b", 1, depth_block, self.width)
        if self.packs != 1 and self.panel_columns != self.width:
            before += self.pack_last_panel(depth_block)
        packing, a = self.pack_a(depth_block)
        panel = self.loop("serial", self.panel, self.panels, [*self.in_panel, *self.multiply(a)])
        strip = self.loop("serial", self.strip, self.strips, [*self.in_strip, *packing, panel])
        body: list[Any] = [*self.in_block, *before, strip]
        if self.carried:
            body = [self.loop("serial", self.block, self.blocks, body)]
        body = [*[Local(each) for each in self.locals.values()], *self.task, *body]
        body = [self.loop("parallel", self.column_task, self.column_tasks, body)]
        body = [self.loop("parallel", self.row_task, self.row_tasks, body)]
        item = axis(flat, "batch")
        body = [self.loop("parallel", item.symbol, item.extent, body)]
        b_depth: Extent | None = self.width
        if self.b is not None:
            b_depth = self.b.depth if self.panel_columns == self.width and self.packs == 0 else None
        return Tiled(
            Kernel(flat.name, flat.buffers, flat.writes, tuple(body), flat.frames),
            self.dtype,
            self.width,
            (a.row, a.depth, b_depth),
            self.carried,
            self.a is not None and self.a.depth != 1,
            self.b is not None,
            any(isinstance(each, Transpose) for each in statements(tuple(body))),
        )

    def loop(self, kind: str, symbol: Symbol, extent: Extent, body: Sequence[Any]) -> Loop:
        return Loop(kind, symbol, extent, tuple(body))

    def evaluate(self, element: Element, role: str, index: Extent, depth: Extent, buffer: str, at: Index) -> Body:
        """buffer[at] = the operand at (batch, index, depth)."""
        values = {axis(self.flat, role).symbol: index, axis(self.flat, "k").symbol: depth}
        return (*substitute_body(element.body, values), Store(buffer, at, element.value))

    def pack_a(self, depth_block: int) -> tuple[list[Any], Place]:
        """a's strip for the tiles of one strip: rows side by side, or k side by side, as its loads are contiguous."""
        if self.a is not None:
            place = self.a.place(self.row, self.depth_before)
            return [], Place(self.a.buffer, place, self.a.row, self.a.depth)
        rows, flat = self.schedule.rows, self.flat
        r, k = Symbol(".r", 0, self.strip_rows - 1), Symbol(".k", 0, self.depth - 1)
        row = self.row + of_symbol(r)
        if along_depth(flat, "m"):
            stride = -(-depth_block // self.lanes) * self.lanes + self.lanes  # rows do not fall on one cache set
            self.local(".a", rows, stride)

            def packed(at: Extent) -> Body:
                return self.evaluate(flat.a, "m", row, self.depth_before + at, ".a", (of_symbol(r), at))

            inner = self.along_depth("m", packed)
            return [self.loop("serial", r, self.strip_rows, [inner])], Place(".a", (0, 0), stride, 1)
        stride = -(-rows // self.lanes) * self.lanes
        self.local(".a", depth_block, stride)
        body = self.evaluate(flat.a, "m", row, self.depth_before + of_symbol(k), ".a", (of_symbol(k), of_symbol(r)))
        inner = self.loop("vector", r, self.strip_rows, body)
        return [self.loop("serial", k, self.depth, [inner])], Place(".a", (0, 0), 1, stride)

    def along_depth(self, role: str, make: Callable[[Extent], Body]) -> Loop:
        """Vectors over a block of k, run by run where that is what lies side by side."""
        size = run(self.flat, role)
        if size == 1 or self.carried and self.schedule.depth_block % size:
            k = Symbol(".k", 0, self.depth - 1)
            return self.loop("vector", k, self.depth, make(of_symbol(k)))
        count = dims.floordiv(self.depth, size)
        number, k = Symbol(".run", 0, count - 1), Symbol(".k", 0, size - 1)
        inner = self.loop("vector", k, size, make(of_symbol(number) * size + of_symbol(k)))
        return self.loop("serial", number, count, [inner])

    def pack_b(self, at: Index, depth_block: int) -> list[Any]:
        """One panel of b: [k][width], from index `at` of .b."""
        flat = self.flat
        c, k = Symbol(".c", 0, self.width - 1), Symbol(".k", 0, self.depth - 1)
        if along_depth(flat, "n"):
            plain = strided(flat, "n")
            if plain is not None and plain.depth == 1:
                source = Place(plain.buffer, plain.place(self.column, self.depth_before), plain.row, 1)
                return [Transpose(source, ".b", at, self.panel_columns, self.depth)]
            stride = -(-depth_block // self.lanes) * self.lanes + self.lanes
            self.local(".stage", self.width, stride)

            def staged(at: Extent) -> Body:
                column = self.column + of_symbol(c)
                return self.evaluate(flat.b, "n", column, self.depth_before + at, ".stage", (of_symbol(c), at))

            return [
                self.loop("serial", c, self.panel_columns, [self.along_depth("n", staged)]),
                Transpose(Place(".stage", (0, 0), stride, 1), ".b", at, self.panel_columns, self.depth),
            ]

        def rows(columns: Extent) -> list[Any]:
            place = (*at[:-2], at[-2] + of_symbol(k), at[-1] + of_symbol(c))
            values = (self.column + of_symbol(c), self.depth_before + of_symbol(k))
            body = self.evaluate(flat.b, "n", *values, ".b", place)
            fill: list[Any] = []
            if columns != self.width:
                beyond = (*place[:-1], at[-1] + columns + of_symbol(c))
                zero = Literal(0, self.dtype)
                fill = [self.loop("vector", c, self.width - columns, [Store(".b", beyond, zero)])]
            return [self.loop("serial", k, self.depth, [self.loop("vector", c, columns, body), *fill])]

        return self.whole_or_part(rows)

    def pack_last_panel(self, depth_block: int) -> list[Any]:
        """The task's last panel, where it is not whole and the others are read in place."""
        packing = [*self.in_panel, *self.pack_b((0, 0, 0), depth_block)]
        count = dims.minimum(1, dims.mod(self.columns, self.width)) * (1 - self.packs)
        here: list[Any] = []
        once = self.loop("serial", Symbol(".once", 0, 0), self.named(here, ".partial", count, 0, 1), packing)
        return [*here, *substitute_body((once,), {self.panel: self.panels - 1})]

    def multiply(self, a: Place) -> list[Any]:
        """The tile of one strip and panel, and after the last k its epilogue."""

        def tile(b: Place) -> list[Any]:
            first = of_symbol(self.block) if self.carried else 0
            return [Tile(a, b, ".acc", self.acc, self.strip_rows, self.depth, first)]

        def in_place(columns: Extent) -> list[Any]:
            assert self.b is not None
            if columns != self.width:
                return tile(Place(".b", (0, 0, 0), 1, self.width))
            return tile(Place(self.b.buffer, self.b.place(self.column, self.depth_before), 1, self.b.depth))

        packed = tile(Place(".b", (of_symbol(self.panel), 0, 0), 1, self.width))

        def epilogue(columns: Extent) -> list[Any]:
            r, c = Symbol(".r", 0, self.strip_rows - 1), Symbol(".c", 0, columns - 1)
            values = {
                axis(self.flat, "m").symbol: self.row + of_symbol(r),
                axis(self.flat, "n").symbol: self.column + of_symbol(c),
            }
            load = Load(self.flat.acc, ".acc", (*self.acc[:-2], of_symbol(r), of_symbol(c)))
            body = (load, *substitute_body(self.flat.epilogue, values))
            return [self.loop("serial", r, self.strip_rows, [self.loop("vector", c, columns, body)])]

        last = self.whole_or_part(epilogue)
        if self.carried:
            last = self.where("last", of_symbol(self.block) + 1, self.blocks, last, [])
        if self.packs == 1:
            return [*packed, *last]
        read = self.whole_or_part(in_place)
        return [*(read if self.packs == 0 else self.where("packed", self.packs, 1, packed, read)), *last]

    def whole_or_part(self, make: Any) -> list[Any]:
        """Statements for a panel of all its columns, where the extent is constant, and for the last one."""
        if self.panel_columns == self.width:
            return list(make(self.width))
        if isinstance(self.n, int) and self.n < self.width:
            return list(make(self.n))
        return self.where("whole", self.width, self.panel_columns, make(self.width), make(self.panel_columns))

    def where(self, name: str, left: Extent, right: Extent, then: Sequence[Any], otherwise: Sequence[Any]) -> list[Any]:
        """if (left == right) then, else otherwise."""
        x, y, equal = Var(f".{name}.left", int64), Var(f".{name}.right", int64), Var(f".{name}", bool_)
        return [
            IndexValue(x, left),
            IndexValue(y, right),
            Let(equal, "eq", (x, y)),
            If((), equal, tuple(then), (), tuple(otherwise), ()),
        ]


def _counter(name: str, extent: Extent) -> tuple[Extent, Symbol]:
    return extent, Symbol(name, 0, extent - 1)

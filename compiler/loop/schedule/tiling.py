"""A scheduled contraction as a loop-form kernel: packing and epilogue are ordinary loops around a register tile.

In: a contraction and its schedule. Out: a `Kernel` whose body holds two statements that only code generation knows: `Tile`
(the multiply-adds of one register tile) and `Transpose` (a copy into a packed panel). The structure is the one that
compiler/loop/schedule/contraction.py describes. Rows past the end of a strip and columns past the end of a panel are
never stored; packed panels hold zeros or repeated values there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from lazygraph.compiler.ir import dims
from lazygraph.compiler.ir.dims import Extent, Symbol, of_symbol
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
from lazygraph.compiler.loop.schedule.flat import axis, flatten, strided, substitute_body
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
    """acc[r, c] += a[r, k] * b[k, c] over k = 0 .. depth-1; acc starts at zero where `first` is 0 (or is not carried)."""

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
    a_row: Extent  # strides of a and b, the same at every tile
    a_depth: Extent
    b_depth: Extent | None  # None: packed panels and in-place reads differ
    carried: bool
    in_place: bool
    transposes: bool


def tiled(contraction: Contraction, schedule: ContractionSchedule) -> Tiled:
    """The loops of a contraction under a schedule."""
    return _Tiling(contraction, schedule).result()


def contraction_work(contraction: Contraction, schedule: ContractionSchedule) -> Work:
    """One phase over the schedule's tasks; packed operands and accumulators are scratch of a worker."""
    nest = _Tiling(contraction, schedule)
    kernel = nest.result().kernel
    total = dims.product([loop.extent for loop in parallel_nest(kernel)[0]])
    block = dims.minimum(schedule.row_block, nest.m) * dims.minimum(schedule.column_block, nest.n)
    time = block * (nest.k * MULTIPLY_ADD_PICOSECONDS * nest.dtype.itemsize + ELEMENT_PICOSECONDS)
    return Work((phase("", total, time),), local_offsets(kernel)[1], 0)


class _Tiling:
    """Names and extents shared by the pieces."""

    def __init__(self, contraction: Contraction, schedule: ContractionSchedule) -> None:
        self.flat = flat = flatten(contraction)
        self.schedule = schedule
        self.dtype = flat.acc.dtype
        self.lanes = VECTOR_BYTES // self.dtype.itemsize
        self.width = schedule.columns * self.lanes
        self.m, self.n, self.k = (axis(flat, role).extent for role in ("m", "n", "k"))
        self.row_task = Symbol(".row_task", 0, dims.ceildiv(self.m, schedule.row_block) - 1)
        self.column_task = Symbol(".column_task", 0, dims.ceildiv(self.n, schedule.column_block) - 1)
        self.blocks = dims.maximum(1, dims.ceildiv(self.k, schedule.depth_block)) if schedule.depth_block else 1
        self.block = Symbol(".block", 0, self.blocks - 1)
        self.carried = self.blocks != 1
        self.depth_before: Extent = of_symbol(self.block) * schedule.depth_block if self.carried else 0
        self.depth = dims.minimum(schedule.depth_block, self.k - self.depth_before) if self.carried else self.k
        self.row_before = of_symbol(self.row_task) * schedule.row_block
        self.column_before = of_symbol(self.column_task) * schedule.column_block
        self.rows = dims.minimum(schedule.row_block, self.m - self.row_before)
        self.columns = dims.minimum(schedule.column_block, self.n - self.column_before)
        self.strips, self.panels = dims.ceildiv(self.rows, schedule.rows), dims.ceildiv(self.columns, self.width)
        self.strip = Symbol(".strip", 0, self.strips - 1)
        self.panel = Symbol(".panel", 0, self.panels - 1)
        self.row = self.row_before + of_symbol(self.strip) * schedule.rows
        self.column = self.column_before + of_symbol(self.panel) * self.width
        self.strip_rows = dims.minimum(schedule.rows, self.m - self.row)
        self.panel_columns = dims.minimum(self.width, self.n - self.column)
        self.a = None if schedule.pack_a else strided(flat, "m")
        self.b = None if schedule.pack_b else strided(flat, "n")
        if self.a is None and not schedule.pack_a or (self.b is None or self.b.row != 1) and not schedule.pack_b:
            raise ValueError(f"contraction {contraction.name}: {schedule} reads in place an operand that must be packed")
        self.locals: dict[str, Buffer] = {}

    def local(self, name: str, *shape: int) -> str:
        self.locals[name] = Buffer(name, self.dtype, shape)
        return name

    # --- pieces ------------------------------------------------------------------------------------------------------

    def result(self) -> Tiled:
        flat, schedule = self.flat, self.schedule
        depth_block = max(1, schedule.depth_block if self.carried else int(self.k) if isinstance(self.k, int) else 1)
        panels, strips = schedule.column_block // self.width, schedule.row_block // schedule.rows
        self.local(".acc", *((strips, panels) if self.carried else ()), schedule.rows, self.width)
        before: list[Any] = []
        if schedule.pack_b:
            self.local(".b", panels, depth_block, self.width)
            before.append(self.loop("serial", self.panel, self.panels, self.pack_b(".b", (of_symbol(self.panel), 0, 0), depth_block)))
        elif self.panel_columns != self.width:
            before.append(self.pack_last_panel(depth_block))
        packing, a = self.pack_a(depth_block)
        strip = [*packing, self.loop("serial", self.panel, self.panels, self.multiply(a))]
        body: Body = (*before, self.loop("serial", self.strip, self.strips, strip))
        if self.carried:
            body = (self.loop("serial", self.block, self.blocks, body),)
        body = (*[Local(each) for each in self.locals.values()], *body)
        body = (self.loop("parallel", self.column_task, self.column_task.upper + 1, body),)  # type: ignore[operator]
        body = (self.loop("parallel", self.row_task, self.row_task.upper + 1, body),)  # type: ignore[operator]
        item = axis(flat, "batch")
        body = (self.loop("parallel", item.symbol, item.extent, body),)
        b_depth: Extent | None = self.width
        if not schedule.pack_b:
            assert self.b is not None
            b_depth = self.b.depth if self.panel_columns == self.width else None
        return Tiled(
            Kernel(flat.name, flat.buffers, flat.writes, body, flat.frames),
            self.dtype,
            self.width,
            a.row,
            a.depth,
            b_depth,
            self.carried,
            not schedule.pack_b,
            schedule.pack_b and along_depth(flat, "n"),
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
            start = self.a.start + self.row * self.a.row + self.depth_before * self.a.depth
            return [], Place(self.a.buffer, (start,), self.a.row, self.a.depth)
        rows, flat = self.schedule.rows, self.flat
        r, k = Symbol(".r", 0, self.strip_rows - 1), Symbol(".k", 0, self.depth - 1)
        row, depth = self.row + of_symbol(r), self.depth_before + of_symbol(k)
        if along_depth(flat, "m"):
            stride = -(-depth_block // self.lanes) * self.lanes + self.lanes  # rows do not fall on one cache set
            self.local(".a", rows, stride)
            body = self.evaluate(flat.a, "m", row, depth, ".a", (of_symbol(r), of_symbol(k)))
            inner = self.loop("vector", k, self.depth, body)
            return [self.loop("serial", r, self.strip_rows, [inner])], Place(".a", (0, 0), stride, 1)
        stride = -(-rows // self.lanes) * self.lanes
        self.local(".a", depth_block, stride)
        body = self.evaluate(flat.a, "m", row, depth, ".a", (of_symbol(k), of_symbol(r)))
        inner = self.loop("vector", r, self.strip_rows, body)
        return [self.loop("serial", k, self.depth, [inner])], Place(".a", (0, 0), 1, stride)

    def pack_b(self, buffer: str, at: Index, depth_block: int) -> list[Any]:
        """One panel of b: [k][width], from index `at` of a buffer."""
        flat = self.flat
        c, k = Symbol(".c", 0, self.width - 1), Symbol(".k", 0, self.depth - 1)
        if along_depth(flat, "n"):
            plain = strided(flat, "n")
            if plain is not None and plain.depth == 1:
                start = plain.start + self.column * plain.row + self.depth_before
                source = Place(plain.buffer, (start,), plain.row, 1)
                return [Transpose(source, buffer, at, self.panel_columns, self.depth)]
            stride = -(-depth_block // self.lanes) * self.lanes + self.lanes
            self.local(".stage", self.width, stride)
            values = (self.column + of_symbol(c), self.depth_before + of_symbol(k))
            body = self.evaluate(flat.b, "n", *values, ".stage", (of_symbol(c), of_symbol(k)))
            inner = self.loop("vector", k, self.depth, body)
            return [
                self.loop("serial", c, self.panel_columns, [inner]),
                Transpose(Place(".stage", (0, 0), stride, 1), buffer, at, self.panel_columns, self.depth),
            ]

        def rows(columns: Extent) -> list[Any]:
            place = (*at[:-2], at[-2] + of_symbol(k), at[-1] + of_symbol(c))
            values = (self.column + of_symbol(c), self.depth_before + of_symbol(k))
            body = self.evaluate(flat.b, "n", *values, buffer, place)
            fill: list[Any] = []
            if columns != self.width:
                beyond = (*place[:-1], at[-1] + columns + of_symbol(c))
                zero = Literal(0, self.dtype)
                fill = [self.loop("vector", c, self.width - columns, [Store(buffer, beyond, zero)])]
            return [self.loop("serial", k, self.depth, [self.loop("vector", c, columns, body), *fill])]

        return self.whole_or_part(rows)

    def pack_last_panel(self, depth_block: int) -> Loop:
        """The task's last panel, where it is not whole: a loop of one iteration or none."""
        self.local(".b", depth_block, self.width)
        once = Symbol(".once", 0, 0)
        partial = dims.ceildiv(dims.mod(self.columns, self.width), self.width)
        packing = self.pack_b(".b", (0, 0), depth_block)
        last = {self.panel: self.panels - 1}
        return self.loop("serial", once, partial, substitute_nest(tuple(packing), last))

    def multiply(self, a: Place) -> list[Any]:
        """The tile of one strip and panel, and after the last k its epilogue."""
        acc_index: Index = (of_symbol(self.strip), of_symbol(self.panel), 0, 0) if self.carried else (0, 0)

        def tile(b: Place) -> Tile:
            return Tile(a, b, ".acc", acc_index, self.strip_rows, self.depth, of_symbol(self.block) if self.carried else 0)

        def in_place(columns: Extent) -> list[Any]:
            if self.b is None:
                return [tile(Place(".b", (of_symbol(self.panel), 0, 0), 1, self.width))]
            if columns != self.width:
                return [tile(Place(".b", (0, 0), 1, self.width))]
            start = self.b.start + self.column + self.depth_before * self.b.depth
            return [tile(Place(self.b.buffer, (start,), 1, self.b.depth))]

        def epilogue(columns: Extent) -> list[Any]:
            r, c = Symbol(".r", 0, self.strip_rows - 1), Symbol(".c", 0, columns - 1)
            values = {
                axis(self.flat, "m").symbol: self.row + of_symbol(r),
                axis(self.flat, "n").symbol: self.column + of_symbol(c),
            }
            load = Load(self.flat.acc, ".acc", (*acc_index[:-2], of_symbol(r), of_symbol(c)))
            body = (load, *substitute_body(self.flat.epilogue, values))
            return [self.loop("serial", r, self.strip_rows, [self.loop("vector", c, columns, body)])]

        if not self.carried:
            return self.whole_or_part(lambda columns: [*in_place(columns), *epilogue(columns)])
        return [
            *(in_place(self.width) if self.b is None else self.whole_or_part(in_place)),
            *self.where("last", of_symbol(self.block) + 1, self.blocks, self.whole_or_part(epilogue), []),
        ]

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


def substitute_nest(body: Body, values: dict[Symbol, Extent]) -> Body:
    """`substitute_body` that also knows the statements of this file."""

    def change(statement: Any) -> Any:
        if not isinstance(statement, Transpose):
            return statement
        put = lambda index: tuple([dims.substitute(each, values) for each in index])  # noqa: E731
        return replace(
            statement,
            source=replace(statement.source, index=put(statement.source.index)),
            index=put(statement.index),
            count=dims.substitute(statement.count, values),
        )

    return tuple([change(each) for each in substitute_body(body, values)])

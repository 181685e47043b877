"""The inner kernels of every contraction: the register tile, and the transposing copy into a packed panel.

In: a tile's extents, strides and dtype. Out: texts of LLVM functions. A logical vector is 64 bytes whatever the target;
LLVM splits it. A tile computes, with all its accumulators in registers,

    acc[r, c] = acc[r, c] + a[r, k] * b[k, c]     for k = 0 .. depth - 1 in this order

with one rounding where the target fuses: the micro-kernel of Goto and van de Geijn, "Anatomy of High-Performance Matrix
Multiplication" (2008).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache

from lazygraph.compiler.codegen.llvm import text
from lazygraph.compiler.codegen.llvm.placement import element_type
from lazygraph.compiler.codegen.llvm.target import Target
from lazygraph.compiler.codegen.llvm.text import Function, Phi
from lazygraph.runtime.dtypes import DType

VECTOR_BYTES = 64  # of a logical vector
PREFETCH_STEPS = 12  # how many k ahead an operand that is read in place is prefetched
UNROLL_FROM = 12  # accumulators from which two steps of k are written out


@dataclass(frozen=True, slots=True)
class RegisterTile:
    """A register tile: `rows` x `columns` logical vectors of `dtype`.

    Strides are in elements; None is a stride that is known at run time only. `carried`: accumulators may come from an
    earlier block of k, else they start at zero. An operand that is read in place is prefetched where k strides far.
    """

    rows: int
    columns: int
    dtype: DType
    a_row: int | None
    a_depth: int | None
    b_depth: int | None
    carried: bool
    prefetch_a: bool
    prefetch_b: bool

    @property
    def symbol(self) -> str:
        """The name of its function: equal tiles of one module are one function."""
        strides = [self.a_row, self.a_depth, self.b_depth]
        flags = [self.carried, self.prefetch_a, self.prefetch_b]
        parts = [*("any" if each is None else each for each in strides), *map(int, flags)]
        return f"tile.{self.dtype.code}.{self.rows}x{self.columns}.{'.'.join(map(str, parts))}"

    @property
    def lanes(self) -> int:
        return VECTOR_BYTES // self.dtype.itemsize

    @property
    def vector(self) -> str:
        return text.vector(self.lanes, element_type(self.dtype))


TILE_PARAMETERS = (
    ("ptr", "a"),
    ("i64", "a_row"),
    ("i64", "a_depth"),
    ("ptr", "b"),
    ("i64", "b_depth"),
    ("i64", "depth"),
    ("ptr", "acc"),
    ("i1", "first"),
)


@cache
def emit_tile(tile: RegisterTile, target: Target) -> str:
    """void tile(a, a_row, a_depth, b, b_depth, depth, acc, first) of a `RegisterTile`; acc is [rows][columns]."""
    f = Function(tile.symbol, "void", TILE_PARAMETERS, attributes=f"noinline {target.attributes}")
    a, a_row, a_depth, b, b_depth, depth, acc, first = f.parameters
    writer = _Steps(
        f,
        tile,
        target,
        a_depth=a_depth if tile.a_depth is None else str(tile.a_depth),
        b_depth=b_depth if tile.b_depth is None else str(tile.b_depth),
        rows=[_scaled(f, a_row if tile.a_row is None else str(tile.a_row), row) for row in range(tile.rows)],
    )
    cells = range(tile.rows * tile.columns)
    places = [f.offset("i8", acc, str(cell * VECTOR_BYTES), "cell") for cell in cells]
    start = ["zeroinitializer" for _ in cells]
    if tile.carried:
        start = _load_unless(f, first, tile.vector, places)
    steps = 2 if len(cells) >= UNROLL_FROM else 1
    paired = depth if steps == 1 else f.binary("and", "i64", depth, str(-steps), "paired")
    sums, a, b = writer.loop(a, b, paired, steps, start)
    if steps > 1:
        more = f.compare("ne", "i64", paired, depth, "odd")
        odd, done = f.block("odd.step"), f.block("done")
        before = f.current
        f.branch_if(more, odd, done)
        f.place(odd)
        last = writer.step(a, b, 0, sums)
        f.branch(done)
        f.place(done)
        sums = [_merge(f, tile.vector, ((old, before), (new, odd))) for old, new in zip(sums, last)]
    for place, value in zip(places, sums):
        f.store(tile.vector, value, place, VECTOR_BYTES)
    f.return_()
    return f.text()


@dataclass(frozen=True)
class _Steps:
    """Writes steps of k."""

    f: Function
    tile: RegisterTile
    target: Target
    a_depth: str
    b_depth: str
    rows: list[str]  # offset of each row of a

    def step(self, a: str, b: str, ahead: int, sums: list[str]) -> list[str]:
        """The accumulators after step `ahead` from pointers a and b."""
        f, tile, element = self.f, self.tile, element_type(self.tile.dtype)
        size = tile.dtype.itemsize
        b = f.offset(element, b, _scaled(f, self.b_depth, ahead))
        a = f.offset(element, a, _scaled(f, self.a_depth, ahead))
        if tile.prefetch_b:
            self.prefetch(f.offset(element, b, _scaled(f, self.b_depth, PREFETCH_STEPS)), tile.columns)
        if tile.prefetch_a:
            self.prefetch(f.offset(element, a, _scaled(f, self.a_depth, PREFETCH_STEPS)), 1)
        columns = [
            f.load(tile.vector, f.offset("i8", b, str(column * VECTOR_BYTES)), size, "b")
            for column in range(tile.columns)
        ]
        after = list(sums)
        for row, offset in enumerate(self.rows):
            scalar = f.load(element, f.offset(element, a, offset), size, "a")
            lanes = f.splat(tile.lanes, element, scalar, "a")
            for column, vector in enumerate(columns):
                cell = row * tile.columns + column
                after[cell] = multiply_add(f, tile.dtype, tile.vector, lanes, vector, after[cell], self.target.fused)
        return after

    def prefetch(self, pointer: str, lines: int) -> None:
        for line in range(lines):
            at = self.f.offset("i8", pointer, str(line * VECTOR_BYTES))
            self.f.intrinsic("void", "llvm.prefetch.p0", (("ptr", at), ("i32", "0"), ("i32", "3"), ("i32", "1")))

    def loop(self, a: str, b: str, depth: str, steps: int, start: list[str]) -> tuple[list[str], str, str]:
        """`steps` at a time while k < depth (a multiple of it): the accumulators and where the pointers got to."""
        f, tile, element = self.f, self.tile, element_type(self.tile.dtype)
        before, body, after = f.current, f.block("k"), f.block("k.done")
        a_step, b_step = _scaled(f, self.a_depth, steps), _scaled(f, self.b_depth, steps)
        f.branch_if(f.compare("sgt", "i64", depth, "0", "any"), body, after)
        f.place(body)
        carried: list[tuple[Phi, str, str]] = []  # (phi, its initial value, its next)
        k, at_a, at_b = f.phi("i64", "k"), f.phi("ptr", "a"), f.phi("ptr", "b")
        sums = [f.phi(tile.vector, "acc") for _ in start]
        values = [each.name for each in sums]
        for ahead in range(steps):
            values = self.step(at_a.name, at_b.name, ahead, values)
        following = f.binary("add", "i64", k.name, str(steps), "k")
        carried = [
            (k, "0", following),
            (at_a, a, f.offset(element, at_a.name, a_step, "a")),
            (at_b, b, f.offset(element, at_b.name, b_step, "b")),
            *zip(sums, start, values),
        ]
        for phi, initial, last in carried:
            phi.add(initial, before)
            phi.add(last, f.current)
        f.branch_if(f.compare("slt", "i64", following, depth, "more"), body, after)
        f.place(after)
        results = [_merge(f, phi.type, ((initial, before), (last, body))) for phi, initial, last in carried[1:]]
        return results[2:], results[0], results[1]


def multiply_add(f: Function, dtype: DType, type: str, x: str, y: str, z: str, fused: bool) -> str:
    """x*y + z in `dtype`, rounded once if `fused`."""
    if dtype.is_float and fused:
        return f.intrinsic(type, f"llvm.fma.{text.mangled(type)}", ((type, x), (type, y), (type, z)), "acc")
    prefix = "f" if dtype.is_float else ""
    return f.binary(f"{prefix}add", type, f.binary(f"{prefix}mul", type, x, y), z, "acc")


def _scaled(f: Function, stride: str, count: int) -> str:
    if not stride.startswith("%"):
        return str(int(stride) * count)
    return stride if count == 1 else "0" if count == 0 else f.binary("mul", "i64", stride, str(count), "stride")


def _merge(f: Function, type: str, incoming: tuple[tuple[str, text.Block], ...]) -> str:
    phi = f.phi(type, "merged")
    for value, block in incoming:
        phi.add(value, block)
    return phi.name


def _load_unless(f: Function, condition: str, type: str, places: list[str]) -> list[str]:
    """The vectors at `places`, or zeros where the condition holds."""
    before, load, ready = f.current, f.block("continue"), f.block("ready")
    f.branch_if(condition, ready, load)
    f.place(load)
    loaded = [f.load(type, place, VECTOR_BYTES, "acc") for place in places]
    f.branch(ready)
    f.place(ready)
    return [_merge(f, type, (("zeroinitializer", before), (value, load))) for value in loaded]


# --- strips of any number of rows -------------------------------------------------------------------------------------


def strip_symbol(tile: RegisterTile, tails: tuple[int, ...]) -> str:
    return f"strip.{'.'.join(map(str, tails))}.{tile.symbol}"


@cache
def emit_strip(tile: RegisterTile, tails: tuple[int, ...], target: Target) -> str:
    """void strip(a, ..., first, rows): at most `tile.rows` rows, as one tile or as the tails that fit, in turn."""
    parameters = (*TILE_PARAMETERS, ("i64", "rows"))
    f = Function(strip_symbol(tile, tails), "void", parameters, attributes=f"noinline {target.attributes}")
    a, a_row, *between, acc, first, rows = f.parameters
    types = [type for type, _ in TILE_PARAMETERS]
    whole, part, done = f.block("whole"), f.block("part"), f.block("done")
    f.branch_if(f.compare("sge", "i64", rows, str(tile.rows)), whole, part)
    f.place(whole)
    f.call("void", f"@{tile.symbol}", list(zip(types, f.parameters[:-1])))
    f.branch(done)
    f.place(part)
    size = tile.dtype.itemsize
    for tail in tails:
        before, fits, after = f.current, f.block("fits"), f.block("after")
        f.branch_if(f.compare("sge", "i64", rows, str(tail)), fits, after)
        f.place(fits)
        f.call("void", f"@{replace(tile, rows=tail).symbol}", list(zip(types, (a, a_row, *between, acc, first))))
        skip = f.binary("mul", "i64", a_row, str(tail * size), "skip")
        moved = (
            ("ptr", a, f.offset("i8", a, skip, "a")),
            ("ptr", acc, f.offset("i8", acc, str(tail * tile.columns * VECTOR_BYTES), "acc")),
            ("i64", rows, f.binary("sub", "i64", rows, str(tail), "rows")),
        )
        f.branch(after)
        f.place(after)
        a, acc, rows = [_merge(f, type, ((old, before), (new, fits))) for type, old, new in moved]
    f.branch(done)
    f.place(done)
    f.return_()
    return f.text()


# --- transposing copy -------------------------------------------------------------------------------------------------


def transpose_symbol(columns: int, dtype: DType) -> str:
    return f"transpose.{dtype.code}.{columns}"


@cache
def emit_transpose(columns: int, dtype: DType, target: Target) -> str:
    """void transpose(source, stride, count, panel, depth): panel[k][c] = source[c * stride + k].

    c runs over `columns` vectors; `count` >= 1 is how many c exist, and those past it repeat the last. With L lanes,
    L x L/2 elements at a time are transposed in registers that hold rows c and c + L/2, by exchanging off-diagonal
    blocks of halving size in both halves (Eklundh, "A Fast Computer Method for Matrix Transposing", 1972).
    """
    parameters = (("ptr", "source"), ("i64", "stride"), ("i64", "count"), ("ptr", "panel"), ("i64", "depth"))
    f = Function(transpose_symbol(columns, dtype), "void", parameters, attributes=f"noinline {target.attributes}")
    source, stride, count, panel, depth = f.parameters
    element, size, lanes = element_type(dtype), dtype.itemsize, VECTOR_BYTES // dtype.itemsize
    half, width = lanes // 2, columns * lanes
    whole = f.binary("and", "i64", depth, str(-half), "whole")
    last = f.binary("sub", "i64", count, "1", "last")
    with f.loop("group", "0", str(width), str(lanes)) as group:
        rows = []
        for lane in range(lanes):
            c = f.binary("add", "i64", group, str(lane), "c")
            c = f.intrinsic("i64", "llvm.smin.i64", (("i64", c), ("i64", last)), "c")
            rows.append(f.offset(element, source, f.binary("mul", "i64", c, stride), "row"))
        column = f.offset(element, panel, group, "column")
        with f.loop("k", "0", whole, str(half)) as k:
            parts = [f.load(text.vector(half, element), f.offset(element, row, k), size, "v") for row in rows]
            type = text.vector(half, element)
            pairs = [f.shuffle(type, parts[lane], parts[lane + half], range(lanes)) for lane in range(half)]
            out = f.offset(element, column, f.binary("mul", "i64", k, str(width)), "out")
            for number, vector in enumerate(_transposed(f, text.vector(lanes, element), pairs)):
                f.store(text.vector(lanes, element), vector, f.offset(element, out, str(number * width)), VECTOR_BYTES)
        with f.loop("rest", whole, depth) as k:
            out = f.offset(element, column, f.binary("mul", "i64", k, str(width)), "out")
            for lane, row in enumerate(rows):
                value = f.load(element, f.offset(element, row, k), size)
                f.store(element, value, f.offset(element, out, str(lane)), size)
    f.return_()
    return f.text()


def _transposed(f: Function, type: str, vectors: list[str]) -> list[str]:
    """Lane i of vector j becomes lane j of vector i, in both halves of the lanes."""
    lanes = 2 * len(vectors)
    block = len(vectors) // 2
    while block:
        for upper in [each for each in range(len(vectors)) if not each & block]:
            first, second = vectors[upper], vectors[upper + block]
            low = [lane if not lane & block else lanes + lane - block for lane in range(lanes)]
            high = [lane + block if not lane & block else lanes + lane for lane in range(lanes)]
            vectors[upper] = f.shuffle(type, first, second, low)
            vectors[upper + block] = f.shuffle(type, first, second, high)
        block //= 2
    return vectors

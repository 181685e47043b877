"""A contraction as LLVM functions: the tiled kernel around calls of register tiles.

In: a `Contraction`, its schedule and a target. Out: texts: one function of the kernel's interface, one register tile
per number of rows, and a transposing copy where b is packed across its rows in memory. Packing loops and the epilogue
are loop form and written by the kernels' emitter, so prologues, guards, casts and vector mathematics need nothing here.
"""

from __future__ import annotations

from lazygraph.compiler.codegen.llvm.contraction_tile import (
    TILE_PARAMETERS,
    RegisterTile,
    emit_tile,
    emit_transpose,
)
from lazygraph.compiler.codegen.llvm.kernel import emit_kernel
from lazygraph.compiler.codegen.llvm.placement import memory_type
from lazygraph.compiler.codegen.llvm.target import Target
from lazygraph.compiler.codegen.llvm.text import Function
from lazygraph.compiler.codegen.llvm.writer import KernelWriter
from lazygraph.compiler.ir.dims import Extent
from lazygraph.compiler.loop.ir import Contraction, Index
from lazygraph.compiler.loop.schedule.contraction import ContractionSchedule, choose
from lazygraph.compiler.loop.schedule.machine import Machine
from lazygraph.compiler.loop.schedule.tiling import Tile, Tiled, Transpose, tiled
from lazygraph.compiler.loop.work import kernel_dims


def schedule_for(contraction: Contraction, machine: Machine, target: Target) -> ContractionSchedule:
    """The schedule chosen for a target's vector registers: 32 with AVX-512 and on AArch64, 16 on other x86."""
    registers = 32 if target.vector_bytes == 64 or target.architecture == "aarch64" else 16
    return choose(contraction, machine, target.vector_bytes, registers)


def emit_contraction(contraction: Contraction, symbol: str, schedule: ContractionSchedule, target: Target) -> str:
    """The text of `void symbol(closure, begin, end, worker)` over the schedule's tasks, and of what it calls."""
    nest = tiled(contraction, schedule)
    if kernel_dims(nest.kernel) != kernel_dims(contraction):  # its callers fill closures by the contraction's dims
        raise ValueError(f"contraction {contraction.name}: tiling lost a dim of {kernel_dims(contraction)}")
    texts = [
        emit_tile(_tile_symbol(symbol, rows), _register_tile(nest, rows, schedule.columns), target)
        for rows in (schedule.rows, *schedule.tails)
    ]
    if schedule.tails:
        texts.append(_emit_tails(symbol, schedule, nest, target))
    if nest.transposes:
        texts.append(emit_transpose(f"{symbol}.transpose", schedule.columns, nest.dtype, target))

    def write_tile(writer: KernelWriter, tile: Tile) -> None:
        _write_tile(writer, tile, symbol, schedule)

    def write_transpose(writer: KernelWriter, transpose: Transpose) -> None:
        _write_transpose(writer, transpose, f"{symbol}.transpose")

    texts.append(emit_kernel(nest.kernel, symbol, target, {Tile: write_tile, Transpose: write_transpose}))
    return "".join(texts)


def _tile_symbol(symbol: str, rows: int) -> str:
    return f"{symbol}.tile{rows}"


def _known(stride: Extent | None) -> int | None:
    return stride if isinstance(stride, int) else None


def _register_tile(nest: Tiled, rows: int, columns: int) -> RegisterTile:
    a_row, a_depth, b_depth = _known(nest.a_row), _known(nest.a_depth), _known(nest.b_depth)
    if a_row is None:  # LLVM then chains the rows' addresses through the loop, at half the speed, if others are known
        a_depth = b_depth = None
    return RegisterTile(
        rows, columns, nest.dtype, a_row, a_depth, b_depth, nest.carried, nest.prefetch_a, nest.prefetch_b
    )


def _emit_tails(symbol: str, schedule: ContractionSchedule, nest: Tiled, target: Target) -> str:
    """void symbol.rows(a, ..., first, rows): a strip of any number of rows, as the largest tiles that fit in turn."""
    parameters = (*TILE_PARAMETERS, ("i64", "rows"))
    f = Function(f"{symbol}.rows", "void", parameters, attributes=f"noinline {target.attributes}")
    a, a_row, *between, acc, first, rows = f.parameters
    types = [type for type, _ in TILE_PARAMETERS]
    whole, part, done = f.block("whole"), f.block("part"), f.block("done")
    f.branch_if(f.compare("sge", "i64", rows, str(schedule.rows)), whole, part)
    f.place(whole)
    f.call("void", f"@{_tile_symbol(symbol, schedule.rows)}", list(zip(types, f.parameters[:-1])))
    f.branch(done)
    f.place(part)
    size = nest.dtype.itemsize
    for tail in schedule.tails:
        before, fits, after = f.current, f.block("fits"), f.block("after")
        f.branch_if(f.compare("sge", "i64", rows, str(tail)), fits, after)
        f.place(fits)
        f.call("void", f"@{_tile_symbol(symbol, tail)}", list(zip(types, (a, a_row, *between, acc, first))))
        skip = f.binary("mul", "i64", a_row, str(tail * size), "skip")
        moved = (
            ("ptr", a, f.offset("i8", a, skip, "a")),
            ("ptr", acc, f.offset("i8", acc, str(tail * nest.width * size), "acc")),
            ("i64", rows, f.binary("sub", "i64", rows, str(tail), "rows")),
        )
        f.branch(after)
        f.place(after)
        phis = []
        for type, old, new in moved:
            phi = f.phi(type, "left")
            phi.add(old, before)
            phi.add(new, fits)
            phis.append(phi.name)
        a, acc, rows = phis
    f.branch(done)
    f.place(done)
    f.return_()
    return f.text()


# --- the statements that only contractions have -----------------------------------------------------------------------


def _pointer(writer: KernelWriter, buffer: str, index: Index) -> str:
    array = writer.arrays[buffer]
    position: Extent = 0
    for extent, each in zip(array.buffer.shape, index):
        position = position * extent + each
    at = writer.indices.write(position)
    return writer.function.offset(memory_type(array.buffer.dtype), array.pointer, at.name, f"{buffer}.at")


def _i64(writer: KernelWriter, extent: Extent) -> str:
    return writer.indices.write(extent).name


def _write_tile(writer: KernelWriter, tile: Tile, symbol: str, schedule: ContractionSchedule) -> None:
    first = writer.function.compare("eq", "i64", _i64(writer, tile.first), "0", "first")
    arguments = [
        ("ptr", _pointer(writer, tile.a.buffer, tile.a.index)),
        ("i64", _i64(writer, tile.a.row)),
        ("i64", _i64(writer, tile.a.depth)),
        ("ptr", _pointer(writer, tile.b.buffer, tile.b.index)),
        ("i64", _i64(writer, tile.b.depth)),
        ("i64", _i64(writer, tile.depth)),
        ("ptr", _pointer(writer, tile.buffer, tile.index)),
        ("i1", first),
    ]
    if tile.rows == schedule.rows:
        writer.function.call("void", f"@{_tile_symbol(symbol, schedule.rows)}", arguments)
    else:
        writer.function.call("void", f"@{symbol}.rows", [*arguments, ("i64", _i64(writer, tile.rows))])


def _write_transpose(writer: KernelWriter, transpose: Transpose, symbol: str) -> None:
    writer.function.call(
        "void",
        f"@{symbol}",
        [
            ("ptr", _pointer(writer, transpose.source.buffer, transpose.source.index)),
            ("i64", _i64(writer, transpose.source.row)),
            ("i64", _i64(writer, transpose.count)),
            ("ptr", _pointer(writer, transpose.buffer, transpose.index)),
            ("i64", _i64(writer, transpose.depth)),
        ],
    )

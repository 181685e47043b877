"""A contraction as LLVM functions: the tiled kernel around calls of register tiles.

In: a `Contraction`, its schedule and a target. Out: texts: one function of the kernel's interface, and what it calls,
which equal tiles of one module share. Packing loops and the epilogue
are loop form and written by the kernels' emitter, so prologues, guards, casts and vector mathematics need nothing here.
"""

from __future__ import annotations

from dataclasses import replace

from lazygraph.compiler.codegen.llvm.contraction_tile import (
    RegisterTile,
    emit_strip,
    emit_tile,
    emit_transpose,
    strip_symbol,
    transpose_symbol,
)
from lazygraph.compiler.codegen.llvm.kernel import emit_kernel
from lazygraph.compiler.codegen.llvm.placement import memory_type
from lazygraph.compiler.codegen.llvm.target import Target
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
    tile = _register_tile(nest, schedule)
    texts = [emit_tile(replace(tile, rows=rows), target) for rows in (schedule.rows, *schedule.tails)]
    if schedule.tails:
        texts.append(emit_strip(tile, schedule.tails, target))
    if nest.transposes:
        texts.append(emit_transpose(schedule.columns, nest.dtype, target))

    def write_tile(writer: KernelWriter, statement: Tile) -> None:
        _write_tile(writer, statement, tile, schedule.tails)

    def write_transpose(writer: KernelWriter, statement: Transpose) -> None:
        _write_transpose(writer, statement, transpose_symbol(schedule.columns, nest.dtype))

    kernel = replace(nest.kernel, frames=contraction.frames)
    texts.append(emit_kernel(kernel, symbol, target, {Tile: write_tile, Transpose: write_transpose}))
    return "".join(texts)


def _register_tile(nest: Tiled, schedule: ContractionSchedule) -> RegisterTile:
    a_row, a_depth, b_depth = (each if isinstance(each, int) else None for each in nest.strides)
    if a_row is None:  # LLVM would chain the rows' addresses through the loop, at half the speed
        a_depth = b_depth = None
    return RegisterTile(
        schedule.rows,
        schedule.columns,
        nest.dtype,
        a_row,
        a_depth,
        b_depth,
        nest.carried,
        nest.prefetch_a,
        nest.prefetch_b,
    )


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


def _write_tile(writer: KernelWriter, tile: Tile, register_tile: RegisterTile, tails: tuple[int, ...]) -> None:
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
    if tile.rows == register_tile.rows:
        writer.function.call("void", f"@{register_tile.symbol}", arguments)
    else:
        rows = ("i64", _i64(writer, tile.rows))
        writer.function.call("void", f"@{strip_symbol(register_tile, tails)}", [*arguments, rows])


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

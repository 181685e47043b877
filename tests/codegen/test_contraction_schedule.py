"""Flat contractions and chosen schedules: what is merged, what can be read in place, what fits."""

from __future__ import annotations

import pytest

from lazygraph.compiler.codegen.llvm.contraction import emit_contraction
from lazygraph.compiler.codegen.llvm.target import host
from lazygraph.compiler.ir.dims import of_symbol, symbol
from lazygraph.compiler.loop.ir import Buffer, Contraction, Store, Var
from lazygraph.compiler.loop.schedule.contraction import ContractionSchedule, along_depth, choose
from lazygraph.compiler.loop.schedule.flat import axis, flatten, run, strided
from lazygraph.compiler.loop.schedule.machine import Machine, host_machine
from lazygraph.compiler.loop.schedule.tiling import contraction_work
from lazygraph.compiler.loop.work import kernel_dims
from lazygraph.runtime.dtypes import float32
from tests.codegen.test_contraction import at, kernel_gradient, make_axis, matmul, plain

MACHINE = Machine()


def layer(rows: int, tokens: int) -> Contraction:
    """y[b, t, o] = x[b, t, i] w[o, i]."""
    b, t, o, i = (make_axis(name, extent) for name, extent in (("b", rows), ("t", tokens), ("o", 12), ("i", 20)))
    acc = Var("acc", float32)
    return Contraction(
        "layer",
        (
            Buffer("x", float32, (rows, tokens, 20)),
            Buffer("w", float32, (12, 20)),
            Buffer("y", float32, (rows, tokens, 12)),
        ),
        ("y",),
        (),
        (b, t),
        (o,),
        (i,),
        plain("x", at(b, t, i), float32),
        plain("w", at(o, i), float32),
        acc,
        (Store("y", at(b, t, o), acc),),
    )


def test_axes_that_are_neighbours_in_memory_become_one() -> None:
    flat = flatten(layer(3, 5))
    assert axis(flat, "m").extent == 15
    rows = strided(flat, "m")
    assert rows is not None and (rows.row, rows.depth) == (20, 1)
    assert along_depth(flat, "m") and along_depth(flat, "n")


def test_axes_of_extent_one_disappear() -> None:
    assert axis(flatten(layer(1, 7)), "m").extent == 7
    assert axis(flatten(layer(1, 1)), "m").extent == 1
    assert axis(flatten(layer(2, 2)), "batch").extent == 1


def test_symbolic_axes_become_one_too() -> None:
    n = symbol("n")
    flat = flatten(layer(n, 5))  # type: ignore[arg-type]
    assert axis(flat, "m").extent == n * 5
    assert strided(flat, "m") is not None
    assert kernel_dims(flat) == kernel_dims(layer(n, 5))  # type: ignore[arg-type]


def test_a_transposed_output_is_still_one_axis_per_role() -> None:
    contraction = layer(3, 5)
    b, t = (of_symbol(each.symbol) for each in contraction.m)
    o = of_symbol(contraction.n[0].symbol)
    moved = Contraction(
        **{
            **{name: getattr(contraction, name) for name in contraction.__dataclass_fields__},
            "buffers": (*contraction.buffers[:2], Buffer("y", float32, (5, 3, 12))),
            "epilogue": (Store("y", (t, b, o), contraction.acc),),
        }
    )
    assert len(flatten(moved).m) == 1 and axis(flatten(moved), "m").extent == 15


@pytest.mark.parametrize(("vector_bytes", "registers"), [(64, 32), (32, 16), (16, 32), (16, 16)])
@pytest.mark.parametrize("extents", [(1024, 1024, 1024), (128, 10, 512), (1, 512, 784), (3, 3, 3), (784, 512, 100_000)])
def test_a_chosen_schedule_fits_registers_and_caches(
    vector_bytes: int, registers: int, extents: tuple[int, int, int]
) -> None:
    schedule = choose(matmul(*extents), MACHINE, vector_bytes, registers)
    split = 64 // vector_bytes
    assert (schedule.rows * schedule.columns + schedule.columns) * split < registers
    assert schedule.row_block % schedule.rows == 0
    assert schedule.column_block % (16 * schedule.columns) == 0
    assert contraction_work(matmul(*extents), schedule).worker_bytes <= 2 * MACHINE.l2_bytes  # type: ignore[operator]


def test_a_large_product_has_tasks_for_many_threads_of_enough_work() -> None:
    contraction = matmul(1024, 1024, 1024)
    (phase,) = contraction_work(contraction, choose(contraction, MACHINE, 64, 32)).phases
    assert isinstance(phase.total, int) and isinstance(phase.picoseconds, int)
    assert phase.total >= 16 and phase.picoseconds >= 20_000_000 and phase.grain == 1


def test_tails_of_an_unknown_extent_cover_every_count() -> None:
    schedule = choose(matmul(symbol("n"), 64, 64), MACHINE, 64, 32)
    for count in range(schedule.rows):
        for tail in schedule.tails:
            count -= tail if count >= tail else 0
        assert count == 0


def test_an_operand_that_must_be_packed_is_not_read_in_place() -> None:
    contraction = matmul(32, 32, 32, float32, False, True)  # b is stored [n, k]
    schedule = ContractionSchedule(4, 1, (), 32, 32, 32, False, None)
    with pytest.raises(ValueError, match="must be packed"):
        emit_contraction(contraction, "kernel", schedule, host())


def test_the_host_has_caches() -> None:
    assert host_machine().l2_bytes >= host_machine().l1_bytes >= 16 << 10


@pytest.mark.parametrize(("size", "length"), [(16, 256), (28, 784), (14, 196), (3, 1), (40, 1600), (33, 1089)])
def test_what_lies_side_by_side_along_k_is_packed_in_whole_vectors(size: int, length: int) -> None:
    """Pixels of an image where they are not too many, else of a row; none where a row does not fill a vector."""
    flat = flatten(kernel_gradient(9, size, size))
    assert axis(flat, "k").extent == 9 * size * size
    for role in ("m", "n"):
        assert run(flat, role) == length
        assert along_depth(flat, role) == (length > 1)


def test_blocks_of_k_hold_whole_runs() -> None:
    for images in (64, symbol("images")):
        schedule = choose(kernel_gradient(images, 14, 14), MACHINE, 64, 32)
        assert schedule.depth_block % 196 == 0

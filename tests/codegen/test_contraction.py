"""Contractions in machine code: right against NumPy, the same bits under any schedule, target, split and extents."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping, Sequence
from dataclasses import replace

import llvmlite.binding as llvm
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lazygraph.compiler.ops  # noqa: F401  (bodies name records)
from lazygraph.compiler.codegen.llvm.contraction import emit_contraction, schedule_for
from lazygraph.compiler.codegen.llvm.module import compile_module
from lazygraph.compiler.codegen.llvm.target import Target, host, named, runnable
from lazygraph.compiler.ir.dims import Dim, Extent, Symbol, evaluate, floordiv, mod, of_symbol, symbol
from lazygraph.compiler.loop.ir import (
    Axis,
    Body,
    Buffer,
    Contraction,
    Element,
    IndexValue,
    Let,
    Literal,
    Load,
    Operand,
    Store,
    Var,
)
from lazygraph.compiler.loop.schedule.contraction import ContractionSchedule, problem
from lazygraph.compiler.loop.schedule.machine import Machine
from lazygraph.compiler.loop.schedule.tiling import contraction_work
from lazygraph.compiler.loop.work import kernel_dims
from lazygraph.runtime import artifact
from lazygraph.runtime.dtypes import DType, bool_, float32, float64, int32, int64, uint32
from tests.codegen.harness import WORKERS, wrapper

MACHINE = Machine()
rng = np.random.default_rng(7)


class Compiled:
    """A contraction under a schedule, in machine code."""

    def __init__(
        self, contraction: Contraction, schedule: ContractionSchedule | None = None, target: Target | None = None
    ) -> None:
        target = target or host()
        self.contraction = contraction
        self.schedule = schedule or schedule_for(contraction, MACHINE, target)
        self.work = contraction_work(contraction, self.schedule)
        text = emit_contraction(contraction, "kernel", self.schedule, target)
        code = compile_module([text, wrapper()], target)
        self._jit = llvm.create_lljit_compiler()
        library = llvm.JITLibraryBuilder().add_object_img(code).export_symbol("run").add_current_process()
        self._library = library.link(self._jit, "test")
        signature = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64, ctypes.c_int64)
        self.function = signature(self._library["run"])

    def run(self, arrays: Sequence[np.ndarray], dims: Mapping[str, int] | None = None, parts: int = 1) -> None:
        """Run all tasks in `parts` calls, in an order that is not the first to the last."""
        values = dict(dims or {})
        (phase,) = self.work.phases
        total, stride = evaluate(phase.total, values), evaluate(self.work.worker_bytes, values)
        scratch = np.full(stride * WORKERS + 64, 0xFF, np.uint8)  # NaNs where nothing was packed
        control = np.zeros(artifact.CONTROL_BYTES // 4, np.int32)
        at = -(-scratch.ctypes.data // 64) * 64
        words = [control.ctypes.data, at, stride, 0, 0, *[each.ctypes.data for each in arrays]]
        words += [values[each.name] for each in kernel_dims(self.contraction)]
        closure = np.array(words, np.int64)
        edges = [total * part // parts for part in range(parts + 1)]
        for number, (begin, end) in reversed(list(enumerate(zip(edges, edges[1:])))):
            self.function(closure.ctypes.data, begin, end, number % WORKERS)


def make_axis(name: str, extent: Extent) -> Axis:
    return Axis(Symbol(name, 0, extent - 1), extent)


def at(*axes: Axis) -> tuple[Dim, ...]:
    return tuple([of_symbol(each.symbol) for each in axes])


def plain(buffer: str, index: tuple[Extent, ...], dtype: DType) -> Element:
    value = Var(f"{buffer}.value", dtype)
    return Element((Load(value, buffer, index),), value)


def matmul(
    m: Extent, n: Extent, k: Extent, dtype: DType = float32, a_moved: bool = False, b_moved: bool = False
) -> Contraction:
    """c[m, n] = a[m, k] b[k, n], with a or b stored the other way round."""
    i, j, c = make_axis("i", m), make_axis("j", n), make_axis("c", k)
    a = Buffer("a", dtype, (k, m) if a_moved else (m, k))
    b = Buffer("b", dtype, (n, k) if b_moved else (k, n))
    acc = Var("acc", dtype)
    return Contraction(
        "matmul",
        (a, b, Buffer("c", dtype, (m, n))),
        ("c",),
        (),
        (i,),
        (j,),
        (c,),
        plain("a", at(c, i) if a_moved else at(i, c), dtype),
        plain("b", at(j, c) if b_moved else at(c, j), dtype),
        acc,
        (Store("c", at(i, j), acc),),
    )


def random_array(shape: Sequence[int], dtype: DType) -> np.ndarray:
    if dtype.is_float:
        return rng.standard_normal(shape).astype(dtype.numpy)
    return rng.integers(0, 50, shape).astype(dtype.numpy)


def operands(
    m: int, n: int, k: int, dtype: DType, a_moved: bool, b_moved: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    a = random_array((k, m) if a_moved else (m, k), dtype)
    b = random_array((n, k) if b_moved else (k, n), dtype)
    return a, b, np.full((m, n), 99, dtype.numpy)


def assert_product(a: np.ndarray, b: np.ndarray, found: np.ndarray) -> None:
    """found = a @ b, to 1e-12 of the sum of magnitudes in float64, 1e-5 in float32, exactly in integers."""
    if found.dtype.kind in "iu":
        np.testing.assert_array_equal(found, (a.astype(np.int64) @ b.astype(np.int64)).astype(found.dtype))
        return
    wide = a.astype(np.float64) @ b.astype(np.float64)
    scale = np.abs(a.astype(np.float64)) @ np.abs(b.astype(np.float64))
    limit = 1e-12 if found.dtype == np.float64 else 1e-5
    assert np.all(np.abs(found - wide) <= limit * scale)


def assert_same_bits(left: np.ndarray, right: np.ndarray) -> None:
    assert left.tobytes() == right.tobytes()


EXTENTS = (0, 1, 2, 15, 16, 17, 33, 100)


@pytest.mark.parametrize("extent", EXTENTS)
@pytest.mark.parametrize("moved", [(False, False), (True, True), (False, True)])
def test_edge_extents_are_right(extent: int, moved: tuple[bool, bool]) -> None:
    for m, n, k in ((extent, 33, 17), (17, extent, 33), (33, 17, extent)):
        a, b, c = operands(m, n, k, float32, *moved)
        Compiled(matmul(m, n, k, float32, *moved)).run((a, b, c))
        assert_product(a.T if moved[0] else a, b.T if moved[1] else b, c)


@pytest.mark.parametrize("dtype", [float32, float64, int32, int64, uint32], ids=lambda each: each.name)
@pytest.mark.parametrize("target", runnable())
def test_every_dtype_on_every_target(dtype: DType, target: str) -> None:
    a, b, c = operands(37, 70, 45, dtype, False, True)
    Compiled(matmul(37, 70, 45, dtype, False, True), target=named(target)).run((a, b, c), parts=3)
    assert_product(a, b.T, c)


@pytest.mark.parametrize("dtype", [float32, float64], ids=lambda each: each.name)
def test_fusing_targets_give_the_same_bits(dtype: DType) -> None:
    targets = [each for each in runnable() if named(each).fused]
    results = []
    for target in targets:
        rng_state = np.random.default_rng(3)
        a, b = (rng_state.standard_normal(shape).astype(dtype.numpy) for shape in ((45, 300), (300, 70)))
        c = np.empty((45, 70), dtype.numpy)
        Compiled(matmul(45, 70, 300, dtype), target=named(target)).run((a, b, c))
        results.append(c)
    for other in results[1:]:
        assert_same_bits(results[0], other)


def test_portable_mathematics_gives_the_same_bits_everywhere() -> None:
    a, b, _ = operands(30, 40, 100, float32, False, False)
    results = []
    for target in runnable():
        c = np.empty((30, 40), np.float32)
        Compiled(matmul(30, 40, 100), target=named(target, portable_math=True)).run((a, b, c))
        results.append(c)
    for other in results[1:]:
        assert_same_bits(results[0], other)


def schedules(contraction: Contraction) -> st.SearchStrategy[ContractionSchedule]:
    """Any schedule that covers the contraction, sensible or not."""
    task = problem(contraction)

    def build(
        rows: int, columns: int, strips: int, panels: int, depth: int, pack_a: bool, pack_b_from: int | None
    ) -> ContractionSchedule:
        tails, rest = [], rows - 1
        while rest:
            tails.append(rest // 2 + 1)
            rest //= 2
        width = columns * task.lanes
        in_place = task.b is not None
        return ContractionSchedule(
            rows,
            columns,
            tuple(tails),
            rows * strips,
            width * panels,
            depth,
            pack_a or task.a is None,
            pack_b_from if in_place else 0,
        )

    return st.builds(
        build,
        st.integers(1, 9),
        st.integers(1, 3),
        st.integers(1, 4),
        st.integers(1, 3),
        st.sampled_from((16, 32, 48, 200)),
        st.booleans(),
        st.sampled_from((None, 0, 20)),
    )


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_a_schedule_changes_no_bit(data: st.DataObject) -> None:
    m, n, k = (data.draw(st.sampled_from((1, 7, 16, 33, 61)), name) for name in "mnk")
    moved = data.draw(st.tuples(st.booleans(), st.booleans()))
    contraction = matmul(m, n, k, float32, *moved)
    a, b, expected = operands(m, n, k, float32, *moved)
    Compiled(contraction).run((a, b, expected))
    assert_product(a.T if moved[0] else a, b.T if moved[1] else b, expected)
    found = np.empty_like(expected)
    Compiled(contraction, data.draw(schedules(contraction))).run((a, b, found), parts=data.draw(st.integers(1, 5)))
    assert_same_bits(expected, found)


@pytest.mark.parametrize("which", ["m", "n", "k", "mnk"])
def test_symbolic_extents_give_the_bits_of_static_ones(which: str) -> None:
    p = symbol("p")
    extents = {name: (p if name in which else 40) for name in "mnk"}
    for moved in ((False, False), (True, True)):
        compiled = Compiled(matmul(extents["m"], extents["n"], extents["k"], float32, *moved))
        for value in (0, 1, 7, 29, 300, 1030):
            m, n, k = (value if name in which else 40 for name in "mnk")
            a, b, c = operands(m, n, k, float32, *moved)
            expected = c.copy()
            compiled.run((a, b, c), {"p": value}, parts=2)
            Compiled(matmul(m, n, k, float32, *moved)).run((a, b, expected))
            assert_same_bits(expected, c)


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_random_index_maps(data: st.DataObject) -> None:
    """Several axes in each role, buffers in any order of axes, every other element from an offset."""
    letters = {"batch": "ab", "m": "ij", "n": "pq", "k": "cd"}
    axes: dict[str, Axis] = {}
    roles: dict[str, list[str]] = {}
    for role, names in letters.items():
        roles[role] = list(names[: data.draw(st.integers(0, 2), f"{role} axes")])
        for name in roles[role]:
            axes[name] = make_axis(name, data.draw(st.sampled_from((1, 2, 3, 5, 17)), name))

    def operand(buffer: str, names: list[str]) -> tuple[Buffer, Element, str, np.ndarray, np.ndarray]:
        order = data.draw(st.permutations(names))
        steps = {name: data.draw(st.sampled_from((1, 1, 2))) for name in order}
        begins = {name: data.draw(st.sampled_from((0, 0, 3))) for name in order}
        shape = tuple([begins[name] + steps[name] * int(str(axes[name].extent)) for name in order])
        array = random_array(shape, float64)
        view = array[tuple([slice(begins[name], None, steps[name]) for name in order])]
        index = tuple([of_symbol(axes[name].symbol) * steps[name] + begins[name] for name in order])
        return Buffer(buffer, float64, shape), plain(buffer, index, float64), "".join(order), array, view

    a_buffer, a, a_order, a_array, a_view = operand("a", roles["batch"] + roles["m"] + roles["k"])
    b_buffer, b, b_order, b_array, b_view = operand("b", roles["batch"] + roles["n"] + roles["k"])
    out = data.draw(st.permutations(roles["batch"] + roles["m"] + roles["n"]))
    c = np.full([int(str(axes[name].extent)) for name in out], 99.0)
    acc = Var("acc", float64)
    contraction = Contraction(
        "einsum",
        (a_buffer, b_buffer, Buffer("c", float64, c.shape)),
        ("c",),
        *[tuple([axes[name] for name in roles[role]]) for role in ("batch", "m", "n", "k")],
        a,
        b,
        acc,
        (Store("c", tuple([of_symbol(axes[name].symbol) for name in out]), acc),),
    )
    Compiled(contraction).run((a_array, b_array, c), parts=2)
    formula = f"{a_order},{b_order}->{''.join(out)}"
    scale = np.einsum(formula, np.abs(a_view), np.abs(b_view))
    assert np.all(np.abs(c - np.einsum(formula, a_view, b_view)) <= 1e-12 * scale)


def test_prologue_and_epilogue_are_bodies() -> None:
    """c = max((mask > 0) * dy @ w + bias, 0) + c in place, with a row's scale and a second result."""
    m, n, k = 45, 70, 33
    i, j, c = make_axis("i", m), make_axis("j", n), make_axis("c", k)
    buffers = (
        Buffer("dy", float32, (m, k)),
        Buffer("mask", float32, (m, k)),
        Buffer("w", float32, (n, k)),
        Buffer("bias", float32, (n,)),
        Buffer("scale", float32, (m,)),
        Buffer("c", float32, (m, n)),
        Buffer("raw", float32, (n, m)),
    )

    def var(name: str, dtype: DType = float32) -> Var:
        return Var(name, dtype)

    zero = Literal(0, float32)
    dy, mask, positive, a = var("dyv"), var("maskv"), var("positive", bool_), var("av")
    w, doubled, bias, scale, old, acc = var("wv"), var("doubled"), var("biasv"), var("scalev"), var("old"), var("acc")
    shifted, kept, scaled, total = var("shifted"), var("kept"), var("scaled"), var("total")
    prologue: Body = (
        Load(dy, "dy", at(i, c)),
        Load(mask, "mask", at(i, c)),
        Let(positive, "lt", (zero, mask)),
        Let(a, "select", (positive, dy, zero)),
    )
    epilogue: Body = (
        Load(bias, "bias", at(j)),
        Let(shifted, "add", (acc, bias)),
        Let(kept, "max", (shifted, zero)),
        Load(scale, "scale", at(i)),
        Let(scaled, "mul", (kept, scale)),
        Load(old, "c", at(i, j)),
        Let(total, "add", (scaled, old)),
        Store("c", at(i, j), total),
        Store("raw", at(j, i), acc),
    )
    b: Body = (Load(w, "w", at(j, c)), Let(doubled, "add", (w, w)))
    contraction = Contraction(
        "layer", buffers, ("c", "raw"), (), (i,), (j,), (c,), Element(prologue, a), Element(b, doubled), acc, epilogue
    )
    arrays = [random_array(each.shape, float32) for each in buffers]
    before = arrays[5].copy()
    Compiled(contraction).run(arrays, parts=3)
    dy_, mask_, w_, bias_, scale_ = arrays[:5]
    raw = np.where(mask_ > 0, dy_, 0) @ (2 * w_).T
    np.testing.assert_allclose(arrays[6], raw.T, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(arrays[5], np.maximum(raw + bias_, 0) * scale_[:, None] + before, rtol=1e-4, atol=1e-4)
    again = [each.copy() for each in arrays]
    again[5] = before
    chosen = Compiled(contraction).schedule
    schedule = replace(chosen, depth_block=16, column_block=32, row_block=chosen.rows, columns=2)
    Compiled(contraction, schedule).run(again)
    assert_same_bits(arrays[5], again[5])


def test_an_accumulator_may_be_wider_than_its_operands() -> None:
    for narrow, wide in ((float32, float64), (int32, int64)):
        i, j, c = make_axis("i", 20), make_axis("j", 35), make_axis("c", 90)

        def element(buffer: str, index: tuple[Dim, ...], narrow: DType = narrow, wide: DType = wide) -> Element:
            value, cast = Var(f"{buffer}v", narrow), Var(f"{buffer}w", wide)
            return Element((Load(value, buffer, index), Let(cast, "cast", (value,))), cast)

        buffers = (Buffer("a", narrow, (20, 90)), Buffer("b", narrow, (90, 35)), Buffer("c", wide, (20, 35)))
        acc = Var("acc", wide)
        a, b = random_array((20, 90), narrow), random_array((90, 35), narrow)
        found = np.empty((20, 35), wide.numpy)
        contraction = Contraction(
            "wide",
            buffers,
            ("c",),
            (),
            (i,),
            (j,),
            (c,),
            element("a", at(i, c)),
            element("b", at(c, j)),
            acc,
            (Store("c", at(i, j), acc),),
        )
        Compiled(contraction).run((a, b, found))
        assert_product(a.astype(wide.numpy), b.astype(wide.numpy), found)


def test_guarded_and_divided_index_maps() -> None:
    """A padded convolution: b[k = (channel, tap), n = (image, x)] = image[n // 30, channel, n % 30 + tap - 1]."""
    images, channels, width, taps, filters = 3, 4, 30, 3, 7
    f, n = make_axis("f", filters), make_axis("n", images * width)
    channel, tap = make_axis("channel", channels), make_axis("tap", taps)
    position = of_symbol(n.symbol)
    image, x = floordiv(position, width), mod(position, width)
    place = x + of_symbol(tap.symbol) - 1
    where, low, below, high, inside, value = (
        Var("where", int64),
        Var("low", bool_),
        Var("below", int64),
        Var("high", bool_),
        Var("inside", bool_),
        Var("value", float32),
    )
    zero: Operand = Literal(0, int64)
    body: Body = (
        IndexValue(where, place),
        Let(low, "le", (zero, where)),
        IndexValue(below, place - width + 1),
        Let(high, "le", (below, zero)),
        Let(inside, "and", (low, high)),
        Load(value, "x", (image, of_symbol(channel.symbol), place), inside, Literal(0, float32)),
    )
    buffers = (
        Buffer("w", float32, (filters, channels, taps)),
        Buffer("x", float32, (images, channels, width)),
        Buffer("y", float32, (images, filters, width)),
    )
    acc = Var("acc", float32)
    contraction = Contraction(
        "conv",
        buffers,
        ("y",),
        (),
        (f,),
        (n,),
        (channel, tap),
        plain("w", at(f, channel, tap), float32),
        Element(body, value),
        acc,
        (Store("y", (image, of_symbol(f.symbol), x), acc),),
    )
    w, data = random_array((filters, channels, taps), float32), random_array((images, channels, width), float32)
    y = np.empty((images, filters, width), np.float32)
    Compiled(contraction).run((w, data, y), parts=2)
    padded = np.pad(data, ((0, 0), (0, 0), (1, 1)))
    windows = np.stack([padded[:, :, tap : tap + width] for tap in range(taps)], 2)
    np.testing.assert_allclose(y, np.einsum("fct,ictx->ifx", w, windows), rtol=1e-4, atol=1e-4)


def kernel_gradient(images: Extent, height: int, width: int) -> Contraction:
    """The gradient of a convolution's kernel at one tap: y[o, c] = sum over n, h, w of x[n, o, h, w] z[n, c, h, w - 1],
    z's first column being left out by a guard on w, which keeps the axes apart."""
    n, h, w = (make_axis(name, extent) for name, extent in (("n", images), ("h", height), ("w", width)))
    o, c = make_axis("o", 12), make_axis("c", 20)
    column, zero, inside = Var("%column", int64), Literal(0, int64), Var("%inside", bool_)
    value, acc = Var("%z", float32), Var("acc", float32)
    image, row, place = of_symbol(n.symbol), of_symbol(h.symbol), of_symbol(w.symbol) - 1
    b: Body = (
        IndexValue(column, place),
        Let(inside, "le", (zero, column)),
        Load(value, "z", (image, of_symbol(c.symbol), row, place), inside, Literal(0, float32)),
    )
    buffers = (
        Buffer("x", float32, (images, 12, height, width)),
        Buffer("z", float32, (images, 20, height, width)),
        Buffer("y", float32, (12, 20)),
    )
    a, store = plain("x", at(n, o, h, w), float32), Store("y", at(o, c), acc)
    return Contraction("gradient", buffers, ("y",), (), (o,), (c,), (n, h, w), a, Element(b, value), acc, (store,))


@pytest.mark.parametrize(("height", "width"), [(6, 7), (4, 4), (3, 3), (5, 18)])
def test_runs_of_k_are_right_and_change_no_bit(height: int, width: int) -> None:
    """Blocks of k of whole runs and others, and an unknown number of images."""
    images = 7
    contraction = kernel_gradient(images, height, width)
    x, z = (random_array((images, count, height, width), float32) for count in (12, 20))
    expected = np.empty((12, 20), np.float32)
    Compiled(contraction).run((x, z, expected))
    shifted = np.pad(z, ((0, 0), (0, 0), (0, 0), (1, 0)))[..., :width]
    np.testing.assert_allclose(expected, np.einsum("nohw,nchw->oc", x, shifted), rtol=1e-4, atol=1e-4)
    chosen = Compiled(contraction).schedule
    for depth in (16, height * width, 3 * height * width):
        found = np.empty_like(expected)
        Compiled(contraction, replace(chosen, depth_block=depth)).run((x, z, found), parts=2)
        assert_same_bits(expected, found)
    found = np.empty_like(expected)
    Compiled(kernel_gradient(symbol("images"), height, width)).run((x, z, found), {"images": images})
    assert_same_bits(expected, found)


def test_the_object_needs_nothing_from_outside_on_any_target() -> None:
    for name in ("sse2", "avx2", "avx512", "neon"):
        target = named(name)
        contraction = matmul(50, 70, 90, float32, True, True)
        text = emit_contraction(contraction, "kernel", schedule_for(contraction, MACHINE, target), target)
        assert compile_module([text, wrapper()], target)

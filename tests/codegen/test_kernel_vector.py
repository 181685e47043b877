"""Vector loops read and write the right elements at every extent, dtype and kind of index, and none past the end."""

import itertools

import numpy as np
import pytest

from lazygraph.compiler.codegen.llvm.kernel import emit_kernel
from lazygraph.compiler.codegen.llvm.target import NAMED, host, runnable
from lazygraph.compiler.ir.dims import ceildiv, minimum, symbol
from lazygraph.compiler.loop.ir import Buffer, Load, Store
from lazygraph.runtime.dtypes import bfloat16, float16, float32, float64, int8, int32, int64, uint16
from tests.codegen.harness import Compiled
from tests.codegen.kernels import DTYPES, EXTENTS, hostile, kernel

N = symbol("n")
GUARD = 64  # elements after an array that must stay as they are


def padded(count, dtype):
    """An array of `count` elements inside one whose end is watched."""
    whole = np.full(count + GUARD, 77, dtype.numpy)
    return whole, whole[:count]


def untouched(whole, count):
    return np.array_equal(whole[count:], np.full(GUARD, 77, whole.dtype))


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("name", runnable())
def test_every_extent_copies_exactly_its_elements(dtype, name):
    x, z = Buffer("x", dtype, (N,)), Buffer("z", dtype, (N,))

    def fill(b):
        b.loop("vector", "i", N, lambda i: b.store(z, (i,), b.load(x, (i,))))

    compiled = Compiled(kernel("copy", [x, z], ["z"], fill), NAMED[name])
    for extent in range(131):
        source = hostile(dtype, 131)[:extent].copy()
        whole, out = padded(extent, dtype)
        compiled.run([source, out], {"n": extent})
        np.testing.assert_array_equal(out, source)
        assert untouched(whole, extent)


@pytest.mark.parametrize("extent", EXTENTS)
def test_static_extents_have_straight_tails(extent):
    x, z = Buffer("x", float32, (extent,)), Buffer("z", float32, (extent,))

    def fill(b):
        b.loop("vector", "i", extent, lambda i: b.store(z, (i,), b.let("add", b.load(x, (i,)), b.load(x, (i,)))))

    source = hostile(float32, 130)[:extent].copy()
    for name in runnable():
        whole, out = padded(extent, float32)
        Compiled(kernel("double", [x, z], ["z"], fill), NAMED[name]).run([source, out])
        np.testing.assert_array_equal(out, source + source)
        assert untouched(whole, extent)


@pytest.mark.parametrize("name", runnable())
@pytest.mark.parametrize("source, target", [(float32, bfloat16), (float32, float16), (int32, int8), (int64, uint16)])
def test_narrower_elements_at_a_static_end_write_their_own_bytes_only(source, target, name):
    """One element left over: LLVM 22 stores it as wide as it was before its truncation."""
    for extent in (1, 17, 33, 49, 65, 129):
        x, z = Buffer("x", source, (extent,)), Buffer("z", target, (extent,))

        def fill(b, x=x, z=z, extent=extent):
            b.loop("vector", "i", extent, lambda i: b.store(z, (i,), b.let("cast", b.load(x, (i,)), dtype=target)))

        numbers = np.arange(extent).astype(source.numpy)
        whole, out = padded(extent, target)
        Compiled(kernel("narrow", [x, z], ["z"], fill), NAMED[name]).run([numbers, out])
        np.testing.assert_array_equal(out, numbers.astype(target.numpy))
        assert untouched(whole, extent)


def grid_kernel(read):
    """z[i, j] = x[read(i, j)] for i < 5, j < n."""
    x, z = Buffer("x", float32, (5, N)), Buffer("z", float32, (5, N))

    def fill(b):
        b.loop("parallel", "i", 5, lambda i: b.loop("vector", "j", N, lambda j: b.store(z, (i, j), read(b, x, i, j))))

    return kernel("grid", [x, z], ["z"], fill)


READS = {
    "contiguous": (lambda i, j, n: (i, j)),
    "repeated": (lambda i, j, n: (i, 0)),
    "reversed": (lambda i, j, n: (i, n - 1 - j)),
    "strided": (lambda i, j, n: (i, (2 * j) % n)),
    "transposed": (lambda i, j, n: (j % 5, i % n)),
    "divided": (lambda i, j, n: (i, j // 3)),
    "rows of 16": (lambda i, j, n: (i, j // 16)),
    "within 16": (lambda i, j, n: (j // 16 % 5, j % 16 % n)),
    "divided by more than the lanes": (lambda i, j, n: ((3 * i + j) // 100 % 5, (7 * i + j) % 70 % n)),
    "divided by less": (lambda i, j, n: ((2 * i + j) // 7 % 5, (5 * i + 3 * j) % 11 % n)),
    "of a quotient": (lambda i, j, n: ((9 * i + j) // 7 % 5, (9 * i - j) // 3 % 28 % n)),
    "of a quotient by less": (lambda i, j, n: ((3 * j + i) // 4 // 3 % 5, (i + (5 * j + i) // 6) // 9 % 7 % n)),
    "below zero": (lambda i, j, n: ((i - j) % 5, (i - 2 * j + 3) // 10 % n)),
    "divided by many": (lambda i, j, n: ((j + 70000 * i) // 70000 % 5, (40000 * i + j) % 40003 % n)),
    "symbolic divisor of a sum": (lambda i, j, n: ((7 * i + j) // n % 5, (7 * i + 2 * j) // 3 % n)),
    "symbolic divisors in a row": (lambda i, j, n: (i, (3 * i + j) // n // (n + 1) % n)),
    "symbolic divisor": (lambda i, j, n: ((i * n + j) // n, (i * n + j) % n)),
}


@pytest.mark.parametrize("case", READS)
@pytest.mark.parametrize("name", runnable())
def test_index_expressions_of_the_vector_symbol(case, name):
    index = READS[case]
    compiled = Compiled(grid_kernel(lambda b, x, i, j: b.load(x, index(i, j, N))), NAMED[name])
    for extent in (1, 7, 16, 17, 64, 80, 130):
        source = np.arange(5 * extent, dtype=np.float32).reshape(5, extent)
        out = np.zeros_like(source)
        compiled.run([source, out], {"n": extent}, parts=2)
        expected = [[source[index(i, j, extent)] for j in range(extent)] for i in range(5)]
        np.testing.assert_array_equal(out, np.array(expected, np.float32))


def test_rows_of_pixels_take_no_division_of_vectors():
    """LLVM has none by instructions: a vector of 64-bit quotients is 16 scalar divisions."""
    text = emit_kernel(grid_kernel(lambda b, x, i, j: b.load(x, (j // 28 % 5, j // 5 // 9 % 7))), "k", host())
    assert "udiv i64" in text and "div <" not in text


def test_few_steps_of_a_vector_loop_are_written_out():
    def text(extent):
        x, z = Buffer("x", float32, (extent,)), Buffer("z", float32, (extent,))

        def body(b, j):
            value = b.load(x, (j,))
            for _ in range(45):  # long enough for 16 lanes
                value = b.let("add", value, value)
            b.store(z, (j,), value)

        long = kernel("long", [x, z], ["z"], lambda b: b.loop("vector", "j", extent, lambda j: body(b, j)))
        return emit_kernel(long, "k", host())

    assert "j.body" not in text(48) and "j.body" in text(640)


@pytest.mark.parametrize("divisor", (3, 16, 32, 48, 64, 96))
def test_divided_indices_in_static_tails(divisor):
    extents = (20, 33, 48, 100, 112, 127, 175)
    x, rows = Buffer("x", int32, (200,)), [Buffer(f"z{extent}", int32, (extent,)) for extent in extents]

    def fill(b):
        for z in rows:
            position = lambda j: b.load(x, (j // divisor * divisor + (j + 5) % divisor,))  # noqa: E731
            b.loop("vector", "j", z.shape[0], lambda j, z=z, at=position: b.store(z, (j,), at(j)))

    source = np.arange(200, dtype=np.int32)
    outs = [np.zeros(extent, np.int32) for extent in extents]
    Compiled(kernel("tails", [x, *rows], [each.name for each in rows], fill)).run([source, *outs])
    for out in outs:
        j = np.arange(len(out))
        np.testing.assert_array_equal(out, j // divisor * divisor + (j + 5) % divisor)


def test_an_offset_by_a_multiple_of_the_lanes_stays_contiguous():
    x, z = Buffer("x", float32, (64,)), Buffer("z", float32, (N,))

    def fill(b):
        def block(c):
            def body(j):
                at = c * 4096 + j
                b.store(z, (at,), b.load(x, (at % 64,)))

            b.loop("vector", "j", minimum(4096, N - c * 4096), body)

        b.loop("parallel", "c", ceildiv(N, 4096), block)

    blocks = kernel("blocks", [x, z], ["z"], fill)
    assert "gather" not in emit_kernel(blocks, "k", host())
    source = np.arange(64, dtype=np.float32)
    for extent in (0, 5, 4096, 4100, 9000):
        out = np.zeros(extent, np.float32)
        Compiled(blocks).run([source, out], {"n": extent}, parts=2)
        np.testing.assert_array_equal(out, np.resize(source, extent))


@pytest.mark.parametrize("index_dtype", (int32, int64), ids=str)
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_indirect_reads_and_writes(dtype, index_dtype):
    x, at = Buffer("x", dtype, (200,)), Buffer("at", index_dtype, (N,))
    gathered, scattered = Buffer("gathered", dtype, (N,)), Buffer("scattered", dtype, (200,))

    def fill(b):
        def body(j):
            where = b.as_index(b.load(at, (j,)), 200)
            b.store(gathered, (j,), b.load(x, (where,)))
            b.store(scattered, (where,), b.load(x, (j,)))

        b.loop("vector", "j", N, body)

    source = hostile(dtype, 200)
    source = np.resize(source, 200)
    for name in runnable():
        made = kernel("indirect", [x, at, gathered, scattered], ["gathered", "scattered"], fill)
        compiled = Compiled(made, NAMED[name])
        for extent in (0, 3, 16, 100, 130):
            where = np.random.default_rng(3).permutation(200)[:extent].astype(index_dtype.numpy)
            out, spread = np.zeros(extent, dtype.numpy), np.zeros(200, dtype.numpy)
            compiled.run([source, where, out, spread], {"n": extent})
            expected = np.zeros(200, dtype.numpy)
            expected[where] = source[:extent]
            np.testing.assert_array_equal(out, source[where])
            np.testing.assert_array_equal(spread, expected)


@pytest.mark.parametrize("kind", ("vector", "serial"))
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_guards_keep_loads_and_stores_inside(dtype, kind):
    """z[i] = x[i - 2] where 2 <= i < n - 3, else a filler; y[i] is written only where x[i] equals x[0]."""
    x, y, z = Buffer("x", dtype, (N,)), Buffer("y", dtype, (N,)), Buffer("z", dtype, (N,))

    def fill(b):
        def body(i):
            inside = b.in_range(i, 2, N - 3)
            filler = b.load(x, (0,))
            value = b._fresh(dtype)
            b.append(Load(value, "x", (i - 2,), inside, filler))
            b.store(z, (i,), value)
            own = b.load(x, (i,))
            b.append(Store("y", (i,), own, b.let("eq", own, filler)))

        b.loop(kind, "i", N, body)

    for name in runnable():
        compiled = Compiled(kernel("guarded", [x, y, z], ["y", "z"], fill), NAMED[name])
        for extent in (0, 1, 4, 5, 6, 16, 19, 64, 67, 100):
            source = np.resize(hostile(dtype, 4 + extent)[-7:], extent)
            kept, out = np.full(extent, 55, dtype.numpy), np.zeros(extent, dtype.numpy)
            compiled.run([source, kept, out], {"n": extent})
            steps = np.arange(extent)
            inside = (steps >= 2) & (steps < extent - 3)
            np.testing.assert_array_equal(out, np.where(inside, np.roll(source, 2), source[:1]))
            written = source == source[:1]
            np.testing.assert_array_equal(kept, np.where(written, source, np.full(extent, 55, dtype.numpy)))


@pytest.mark.parametrize("extent", (16, 70))
def test_lanes_that_are_known_to_be_left_out_are_not_read(extent):
    """A matrix of a few columns in a corner of zeros: z[i, j] = x[i, j] where i < 8 and j < columns, else 0."""
    for name, dtype, columns in itertools.product(runnable(), (float32, float64), (2, 7, 8, 13)):
        x, z = Buffer("x", dtype, (8, columns)), Buffer("z", dtype, (12, extent))

        def fill(b, x=x, z=z, dtype=dtype, columns=columns):
            def row(i):
                def body(j):
                    inside = b.let("and", b.in_range(i, 0, 8), b.in_range(j, 0, columns))
                    value = b._fresh(dtype)
                    b.append(Load(value, "x", (i, j), inside, None))
                    b.store(z, (i, j), value)

                b.loop("vector", "j", extent, body)

            b.loop("serial", "i", 12, row)

        source = np.arange(1, 8 * columns + 1).astype(dtype.numpy).reshape(8, columns)
        out = np.zeros((12, extent), dtype.numpy)
        Compiled(kernel("corner", [x, z], ["z"], fill), NAMED[name]).run([source, out])
        np.testing.assert_array_equal(out, np.pad(source, ((0, 4), (0, extent - columns))))


def test_mixed_widths_share_their_lanes():
    x, k, z = Buffer("x", float32, (N,)), Buffer("k", int64, (N,)), Buffer("z", float64, (N,))

    def fill(b):
        def body(i):
            wide = b.let("cast", b.load(x, (i,)), dtype=float64)
            b.store(z, (i,), b.let("mul", wide, b.let("cast", b.index_value(3 * i + N, int64), dtype=float64)))
            b.store(k, (i,), b.let("cast", b.let("lt", wide, b.literal(0.0, float64)), dtype=int64))

        b.loop("vector", "i", N, body)

    for name in runnable():
        compiled = Compiled(kernel("mixed", [x, k, z], ["k", "z"], fill), NAMED[name])
        for extent in (0, 1, 20, 77, 130):
            source = np.random.default_rng(0).normal(size=extent).astype(np.float32)
            signs, out = np.zeros(extent, np.int64), np.zeros(extent)
            compiled.run([source, signs, out], {"n": extent})
            np.testing.assert_array_equal(out, source.astype(np.float64) * (3.0 * np.arange(extent) + extent))
            np.testing.assert_array_equal(signs, source < 0)

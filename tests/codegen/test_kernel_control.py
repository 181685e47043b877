"""Serial control flow, flattened parallel loops, scratch and checks do what the loop form says."""

import numpy as np
import pytest

from lazygraph.compiler.codegen.llvm.target import NAMED, runnable
from lazygraph.compiler.ir.dims import minimum, symbol, symbols
from lazygraph.compiler.loop.ir import Buffer, Check
from lazygraph.compiler.loop.work import kernel_dims, work
from lazygraph.runtime import artifact
from lazygraph.runtime.dtypes import bool_, float32, int32, int64
from tests.codegen.harness import Compiled
from tests.codegen.kernels import kernel

N, M = symbol("n"), symbol("m")


@pytest.mark.parametrize("inner", ("serial", "vector"))
def test_parallel_loops_flatten_row_major_and_split_anywhere(inner):
    z = Buffer("z", int64, (3, N, M, 4))

    def fill(b):
        def innermost(i, j, k):
            def body(last):
                b.store(z, (i, j, k, last), b.index_value(((i * N + j) * M + k) * 4 + last, int64))

            b.loop(inner, "l", 4, body)

        b.loop(
            "parallel",
            "i",
            3,
            lambda i: b.loop("parallel", "j", N, lambda j: b.loop("parallel", "k", M, lambda k: innermost(i, j, k))),
        )

    compiled = Compiled(kernel("box", [z], ["z"], fill))
    for n, m in ((2, 5), (1, 1), (4, 3), (0, 3), (3, 0)):
        for parts in (1, 2, 5):
            out = np.zeros((3, n, m, 4), np.int64)
            compiled.run([out], {"n": n, "m": m}, parts=parts)
            np.testing.assert_array_equal(out.ravel(), np.arange(12 * n * m))


@pytest.mark.parametrize("kind", ("serial", "vector"))
def test_carry_walks_in_order(kind):
    """Running sums down the rows, and the count of positive entries of each column."""
    x, sums, counts = Buffer("x", float32, (N, M)), Buffer("sums", float32, (N, M)), Buffer("counts", int32, (M,))

    def fill(b):
        def column(j):
            def row(i, carried):
                total, count = carried
                value = b.load(x, (i, j))
                total = b.let("add", total, value)
                b.store(sums, (i, j), total)
                positive = b.let("lt", b.literal(0.0, float32), value)
                return total, b.let("add", count, b.let("cast", positive, dtype=int32))

            _, count = b.carry("i", N, [b.literal(0.0, float32), b.literal(0, int32)], row)
            b.store(counts, (j,), count)

        b.loop(kind, "j", M, column)

    for name in runnable():
        compiled = Compiled(kernel("running", [x, sums, counts], ["sums", "counts"], fill), NAMED[name])
        for n, m in ((0, 3), (1, 1), (6, 16), (5, 37)):
            values = np.random.default_rng(0).normal(size=(n, m)).astype(np.float32)
            out, positive = np.zeros_like(values), np.ones(m, np.int32)
            compiled.run([values, out, positive], {"n": n, "m": m})
            np.testing.assert_array_equal(out, np.cumsum(values, axis=0))
            np.testing.assert_array_equal(positive, (values > 0).sum(0))


def test_while_and_if_take_one_path():
    """Collatz: steps until 1; odd and even are different branches, and only the odd one writes."""
    x, steps, odd = Buffer("x", int64, (N,)), Buffer("steps", int64, (N,)), Buffer("odd", int64, (N,))

    def fill(b):
        one, two, three = (b.literal(number, int64) for number in (1, 2, 3))

        def each(i):
            def step(carried):
                value, count = carried
                is_odd = b.let("eq", b.let("and", value, one), one)

                def tripled():
                    b.store(odd, (i,), b.let("add", b.load(odd, (i,)), one))
                    return (b.let("add", b.let("mul", value, three), one),)

                (value,) = b.branch(is_odd, tripled, lambda: (b.let("div", value, two),))
                return value, b.let("add", count, one)

            start = (b.load(x, (i,)), b.literal(0, int64))
            _, count = b.while_(start, lambda carried: b.let("not", b.let("eq", carried[0], one)), step)
            b.store(steps, (i,), count)

        b.loop("parallel", "i", N, each)

    def collatz(value):
        steps = odds = 0
        while value != 1:
            odds += value % 2
            value = 3 * value + 1 if value % 2 else value // 2
            steps += 1
        return steps, odds

    values = np.arange(1, 60, dtype=np.int64)
    out, odds = np.zeros(59, np.int64), np.zeros(59, np.int64)
    Compiled(kernel("collatz", [x, steps, odd], ["steps", "odd"], fill)).run([values, out, odds], {"n": 59}, parts=3)
    np.testing.assert_array_equal(np.stack([out, odds], 1), [collatz(int(value)) for value in values])


def test_loads_do_not_move_over_stores_of_their_buffer():
    z = Buffer("z", int64, (8,))

    def fill(b):
        def body(i):
            b.store(z, (0,), b.let("add", b.load(z, (0,)), b.load(z, (1,))))
            b.store(z, (1,), b.let("add", b.load(z, (1,)), b.literal(1, int64)))

        b.loop("serial", "i", N, body)

    out = np.zeros(8, np.int64)
    Compiled(kernel("in_place", [z], ["z"], fill)).run([out], {"n": 10})
    assert (out[0], out[1]) == (45, 10)


def test_a_local_element_written_in_each_iteration_is_read_in_it():
    x, z = Buffer("x", float32, (N,)), Buffer("z", float32, (N, 20))

    def fill(b):
        def row(i):
            cell = b.local("cell", float32, (1,))
            b.store(cell, (0,), b.load(x, (i,)))
            b.loop("vector", "j", 20, lambda j: b.store(z, (i, j), b.load(cell, (0,))))

        b.loop("parallel", "i", N, row)

    values = np.arange(9, dtype=np.float32)
    out = np.zeros((9, 20), np.float32)
    Compiled(kernel("cells", [x, z], ["z"], fill)).run([values, out], {"n": 9}, parts=2)
    np.testing.assert_array_equal(out, np.repeat(values, 20).reshape(9, 20))


def test_local_arrays_belong_to_their_worker():
    """Each row is reversed through scratch whose size depends on the loop's block."""
    x, z = Buffer("x", float32, (N, M)), Buffer("z", float32, (N, M))

    def fill(b):
        def row(i):
            size = minimum(M, 40 + i)
            line, other = b.local("line", float32, (M,)), b.local("other", int64, (size,))
            b.loop("vector", "j", M, lambda j: b.store(line, (M - 1 - j,), b.load(x, (i, j))))
            b.loop("vector", "k", size, lambda k: b.store(other, (k,), b.index_value(k, int64)))
            b.loop("vector", "l", M, lambda j: b.store(z, (i, j), b.load(line, (j,))))

        b.loop("parallel", "i", N, row)

    made = kernel("rows", [x, z], ["z"], fill)
    assert [each.name for each in kernel_dims(made)] == ["m", "n"]
    assert {each.name for each in symbols(work(made).worker_bytes)} == {"m", "n"}
    compiled = Compiled(made)
    for n, m in ((1, 1), (4, 50), (3, 17)):
        values = np.random.default_rng(0).normal(size=(n, m)).astype(np.float32)
        out = np.zeros_like(values)
        compiled.run([values, out], {"n": n, "m": m}, parts=2)
        np.testing.assert_array_equal(out, values[:, ::-1])


@pytest.mark.parametrize("kind", ("serial", "vector"))
@pytest.mark.parametrize("name", runnable())
def test_the_first_failing_check_is_recorded_with_its_values(kind, name):
    x, z = Buffer("x", int32, (N,)), Buffer("z", int32, (N,))

    def fill(b):
        def body(i):
            value = b.load(x, (i,))
            b.append(Check(0, b.literal(1, bool_), ()))
            b.append(Check(1, b.let("lt", value, b.literal(100, int32)), (value, b.index_value(i, int64))))
            b.store(z, (i,), value)

        b.loop(kind, "i", N, body)

    compiled = Compiled(kernel("checked", [x, z], ["z"], fill), NAMED[name])
    for extent in (0, 1, 16, 40, 130):
        for failing in ((), (0,), (extent - 1,), (extent // 2, extent - 1)):
            values = np.arange(extent, dtype=np.int32) % 100
            for each in failing if extent else ():
                values[each] = 1000 + each
            out = np.zeros(extent, np.int32)
            control = compiled.run([values, out], {"n": extent}, first_message=5)
            np.testing.assert_array_equal(out, values)  # execution goes on
            expected = 5 + 1 + 1 if failing and extent else 0
            assert control[artifact.CONTROL_ERROR // 4] == expected
            if expected:
                recorded = control[artifact.CONTROL_VALUES // 4 :].view(np.int64)[:2]
                assert list(recorded) == [1000 + failing[0], failing[0]]


def test_a_check_on_a_value_equal_in_all_lanes():
    x, z = Buffer("x", int32, (1,)), Buffer("z", int32, (N,))

    def fill(b):
        def body(i):
            value = b.load(x, (0,))
            b.append(Check(0, b.let("lt", value, b.literal(100, int32)), (value,)))
            b.store(z, (i,), value)

        b.loop("vector", "i", N, body)

    compiled = Compiled(kernel("checked", [x, z], ["z"], fill))
    for extent, value, error in ((0, 500, 0), (5, 500, 1), (64, 500, 1), (70, 5, 0)):
        control = compiled.run([np.array([value], np.int32), np.zeros(extent, np.int32)], {"n": extent})
        assert control[artifact.CONTROL_ERROR // 4] == error


@pytest.mark.parametrize("cancelled", (False, True))
@pytest.mark.parametrize("kind", ("serial", "carry", "while"))
def test_long_loops_end_when_the_caller_cancels(kind, cancelled):
    z = Buffer("z", int64, ())

    def count(b):
        b.store(z, (), b.let("add", b.load(z, ()), b.literal(1, int64)))

    def fill(b):
        if kind == "serial":
            b.loop("serial", "i", N, lambda i: count(b))
        elif kind == "carry":
            b.carry("i", N, [b.literal(0, int64)], lambda i, carried: (count(b), carried)[1])
        else:
            end = b.index_value(N, int64)

            def body(carried):
                count(b)
                return (b.let("add", carried[0], b.literal(1, int64)),)

            b.while_([b.literal(0, int64)], lambda carried: b.let("lt", carried[0], end), body)

    out = np.zeros((), np.int64)
    bound = Compiled(kernel("count", [z], ["z"], fill)).bind([out], {"n": 100})
    bound.control[artifact.CONTROL_CANCEL // 4] = cancelled
    bound()
    assert out == (1 if cancelled else 100)


@pytest.mark.parametrize("extent", (4097, N))
def test_few_long_iterations_end_when_the_caller_cancels(extent):
    """A loop of 8 rows asks after each where a row is long, or may be: vector loops in it do not."""
    z = Buffer("z", int64, (8, extent))

    def fill(b):
        b.loop("serial", "i", 8, lambda i: b.loop("vector", "j", extent, lambda j: b.store(z, (i, j), one(b))))

    def one(b):
        return b.literal(1, int64)

    out = np.zeros((8, 4097), np.int64)
    bound = Compiled(kernel("rows", [z], ["z"], fill)).bind([out], {"n": 4097})
    bound.control[artifact.CONTROL_CANCEL // 4] = True
    bound()
    assert out.sum() == 4097


def test_a_very_long_vector_loop_ends_when_the_caller_cancels():
    extent = 1 << 18
    z = Buffer("z", int64, (extent,))

    def fill(b):
        b.loop("vector", "i", extent, lambda i: b.store(z, (i,), b.literal(1, int64)))

    out = np.zeros(extent, np.int64)
    bound = Compiled(kernel("line", [z], ["z"], fill)).bind([out])
    bound.control[artifact.CONTROL_CANCEL // 4] = True
    bound()
    assert out.sum() < 100

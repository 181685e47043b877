"""A reduction over lanes is one tree of 64 accumulators, bit for bit, on every target and at every extent."""

import numpy as np
import pytest

from lazygraph.compiler.codegen.llvm.kernel import emit_kernel
from lazygraph.compiler.codegen.llvm.target import NAMED, host, runnable
from lazygraph.compiler.ir.dims import symbol
from lazygraph.compiler.loop.ir import LANES, Buffer, Loop, Reduce
from lazygraph.compiler.ops.record import OPS
from lazygraph.runtime.dtypes import ALL, bool_, float32, float64, int32, int64
from tests.codegen.harness import Compiled
from tests.codegen.kernels import EXTENTS, hostile, kernel

N = symbol("n")
NUMERIC = (*[each for each in ALL if each.is_integer], float32, float64)
CASES = [(combine, dtype) for combine in ("add", "mul", "max", "min") for dtype in NUMERIC]
CASES += [("and", bool_), ("or", bool_)]
IDENTITIES = {"add": 0.0, "mul": 1.0, "and": True, "or": False}


def identity(combine, dtype):
    if combine in IDENTITIES:
        return dtype.numpy.type(IDENTITIES[combine])
    lowest = combine == "max"
    if dtype.is_float:
        return dtype.numpy.type(-np.inf if lowest else np.inf)
    return dtype.numpy.type(np.iinfo(dtype.numpy).min if lowest else np.iinfo(dtype.numpy).max)


def tree(combine, values, dtype):
    """The documented order: 64 accumulators from the identity, then halves folded."""
    apply = OPS[combine].reference
    accumulators = np.full(LANES, identity(combine, dtype), dtype.numpy)
    for start in range(0, len(values), LANES):
        part = values[start : start + LANES]
        accumulators[: len(part)] = apply(accumulators[: len(part)], part)
    while len(accumulators) > 1:
        half = len(accumulators) // 2
        accumulators = apply(accumulators[:half], accumulators[half:])
    return accumulators[0]


def serial(combine, values, dtype):
    apply = OPS[combine].reference
    total = np.full(1, identity(combine, dtype), dtype.numpy)
    for value in values:
        total = apply(total, np.array([value], dtype.numpy))
    return total[0]


def reduction(combine, dtype, extent, order, heavy=False):
    """z[0] = reduce of x; a heavy body multiplies by one many times, which changes no bit."""
    x, one, z = Buffer("x", dtype, (extent,)), Buffer("one", dtype, (1,)), Buffer("z", dtype, (1,))

    def fill(b):
        def body(i):
            value = b.load(x, (i,))
            if heavy:
                for _ in range(20):
                    value = b.let("mul", value, b.load(one, (0,)))
            return (value,)

        (total,) = b.reduce(combine, order, "i", extent, body)
        b.store(z, (0,), total)

    return kernel(f"{combine}_{order}", [x, one, z], ["z"], fill)


def bits(value):
    return np.asarray(value).tobytes()


@pytest.mark.parametrize("combine, dtype", CASES, ids=str)
@pytest.mark.parametrize("heavy", (False, True), ids=("short", "long"))
def test_lanes_follow_the_tree_at_every_extent(combine, dtype, heavy):
    if heavy and dtype.kind == "bool":
        return
    one = np.ones(1, dtype.numpy)
    for name in runnable():
        compiled = Compiled(reduction(combine, dtype, N, "lanes", heavy), NAMED[name])
        for extent in (*range(0, 131, 1 if name == "avx512" else 7), 1000):
            values = np.random.default_rng(extent).normal(size=extent) * 3
            values = (values > -3 if combine == "and" else values > 3) if dtype == bool_ else values.astype(dtype.numpy)
            out = np.zeros(1, dtype.numpy)
            compiled.run([values, one, out], {"n": extent})
            assert bits(out[0]) == bits(tree(combine, values, dtype)), (name, extent, out, tree(combine, values, dtype))


@pytest.mark.parametrize("extent", EXTENTS)
@pytest.mark.parametrize("heavy", (False, True), ids=("short", "long"))
def test_static_extents_follow_the_same_tree(extent, heavy):
    for combine, dtype in (("add", float32), ("max", float64), ("add", int32)):
        values = (np.random.default_rng(extent).normal(size=extent) * 9).astype(dtype.numpy)
        for name in runnable():
            out = np.zeros(1, dtype.numpy)
            compiled = Compiled(reduction(combine, dtype, extent, "lanes", heavy), NAMED[name])
            compiled.run([values, np.ones(1, dtype.numpy), out])
            assert bits(out[0]) == bits(tree(combine, values, dtype)), (name, combine)


@pytest.mark.parametrize("combine, dtype", CASES, ids=str)
def test_serial_reductions_go_in_order(combine, dtype):
    compiled = Compiled(reduction(combine, dtype, N, "serial"), host())
    for extent in EXTENTS:
        values = (np.random.default_rng(extent).normal(size=extent) * 3).astype(dtype.numpy)
        out = np.zeros(1, dtype.numpy)
        compiled.run([values, np.ones(1, dtype.numpy), out], {"n": extent})
        assert bits(out[0]) == bits(serial(combine, values, dtype))


def test_an_empty_sum_and_a_sum_of_negative_zeros_are_zero():
    compiled = Compiled(reduction("add", float32, N, "lanes"))
    for extent in (0, 1, 64, 70):
        out = np.ones(1, np.float32)
        compiled.run([np.full(extent, -0.0, np.float32), np.ones(1, np.float32), out], {"n": extent})
        assert out[0] == 0 and not np.signbit(out[0])


def test_nan_reaches_the_maximum_from_any_lane():
    compiled = Compiled(reduction("max", float32, N, "lanes"))
    for place in (0, 5, 63, 64, 99):
        values = np.arange(100, dtype=np.float32)
        values[place] = np.nan
        out = np.zeros(1, np.float32)
        compiled.run([values, np.ones(1, np.float32), out], {"n": 100})
        assert np.isnan(out[0])


@pytest.mark.parametrize("order", ("lanes", "serial"))
@pytest.mark.parametrize("combine", ("argmax", "argmin"))
@pytest.mark.parametrize("dtype", NUMERIC, ids=str)
def test_argmax_is_the_first_of_equals_and_nan_wins(dtype, combine, order):
    x, z = Buffer("x", dtype, (N,)), Buffer("z", int64, (1,))

    def fill(b):
        _, at = b.reduce(combine, order, "i", N, lambda i: (b.load(x, (i,)), b.index_value(i, int64)))
        b.store(z, (0,), at)

    reference = np.argmax if combine == "argmax" else np.argmin
    for name in runnable():
        compiled = Compiled(kernel(combine, [x, z], ["z"], fill), NAMED[name])
        for extent in EXTENTS[1:]:
            rng = np.random.default_rng(extent)
            cases = [rng.integers(0, 9, extent).astype(dtype.numpy), np.full(extent, 3, dtype.numpy)]
            cases.append(np.resize(hostile(dtype, 20), extent))
            if dtype.is_float:
                cases += [np.full(extent, value, dtype.numpy) for value in (np.inf, -np.inf, np.nan)]
            for values in cases:
                out = np.zeros(1, np.int64)
                compiled.run([values, out], {"n": extent})
                assert out[0] == reference(values), (name, extent, values)


def test_column_sums_reduce_lane_by_lane():
    x, z = Buffer("x", float32, (N, symbol("m"))), Buffer("z", float32, (symbol("m"),))

    def fill(b):
        def column(j):
            (total,) = b.reduce("add", "serial", "i", N, lambda i: (b.load(x, (i, j)),))
            b.store(z, (j,), total)

        b.loop("vector", "j", symbol("m"), column)

    for name in runnable():
        compiled = Compiled(kernel("columns", [x, z], ["z"], fill), NAMED[name])
        for rows, columns in ((0, 5), (3, 0), (1, 1), (9, 16), (7, 33), (20, 130)):
            values = np.random.default_rng(0).normal(size=(rows, columns)).astype(np.float32)
            out = np.ones(columns, np.float32)
            compiled.run([values, out], {"n": rows, "m": columns})
            expected = np.zeros(columns, np.float32)
            for row in values:
                expected = expected + row
            assert bits(out) == bits(expected)


def test_a_lanes_reduction_inside_a_vector_loop_is_refused():
    x, z = Buffer("x", float32, (8, 8)), Buffer("z", float32, (8,))

    def fill(b):
        def column(j):
            (total,) = b.reduce("add", "lanes", "i", 8, lambda i: (b.load(x, (i, j)),))
            b.store(z, (j,), total)

        b.loop("vector", "j", 8, column)

    made = kernel("columns", [x, z], ["z"], fill)
    assert isinstance(made.body[0], Loop) and isinstance(made.body[0].body[0], Reduce)
    with pytest.raises(ValueError, match="inside a vector loop"):
        emit_kernel(made, "k", host())

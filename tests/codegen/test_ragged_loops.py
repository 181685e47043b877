"""Loops between places that memory holds: what they compute, and how long a launch takes them to be.

In: a kernel over rows of different lengths, with two sums each. Out: sums that differ from NumPy's, or an estimate of
its time that counts all entries for every row.
"""

import numpy as np
import pytest

from lazygraph.compiler.codegen.llvm.target import NAMED, runnable
from lazygraph.compiler.ir.dims import evaluate, symbol
from lazygraph.compiler.loop.ir import Buffer, Kernel
from lazygraph.compiler.loop.work import work
from lazygraph.runtime.dtypes import float64, int64
from tests.codegen.harness import Compiled
from tests.codegen.kernels import kernel

ROWS, ENTRIES = symbol("m"), symbol("e")


def ragged() -> Kernel:
    """Of each row the sum, and the sum of squares."""
    x, offsets = Buffer("x", float64, (ENTRIES,)), Buffer("offsets", int64, (ROWS + 1,))
    sums = Buffer("sums", float64, (ROWS, 2))

    def fill(b):
        def row(i):
            start, end = (b.as_index(b.load(offsets, (i + each,)), ENTRIES + 1) for each in (0, 1))

            def entry(k):
                value = b.load(x, (start + k,))
                return value, b.let("mul", value, value)

            for place, found in enumerate(b.reduce("add", "serial", "k", end - start, entry)):
                b.store(sums, (i, place), found)

        b.loop("parallel", "i", ROWS, row)

    return kernel("ragged", [x, offsets, sums], ["sums"], fill)


@pytest.mark.parametrize("name", runnable())
def test_a_serial_reduction_may_have_several_values(name):
    x, offsets = np.arange(9.0), np.array([0, 3, 3, 4, 9])
    found = np.zeros((4, 2))
    Compiled(ragged(), NAMED[name]).run([x, offsets, found], {"m": 4, "e": 9}, parts=2)
    rows = [x[low:high] for low, high in zip(offsets, offsets[1:])]
    np.testing.assert_array_equal(found, [[row.sum(), (row * row).sum()] for row in rows])


def test_all_rows_together_are_estimated_at_the_time_of_all_entries():
    (phase,) = work(ragged()).phases
    one, many = (evaluate(phase.picoseconds, {"m": rows, "e": 1000}) * rows for rows in (1, 1000))
    assert one <= many <= 20 * one  # a row costs something too

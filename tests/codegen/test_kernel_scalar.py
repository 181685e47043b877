"""Every operation of the scalar machine, on one scalar and side by side, is exact on every dtype and target."""

import numpy as np
import pytest

from lazygraph.compiler.codegen.llvm.target import NAMED, runnable
from lazygraph.compiler.ir.dims import symbol
from lazygraph.compiler.ops.lowering import Elementwise
from lazygraph.compiler.ops.record import OPS
from lazygraph.runtime.dtypes import bool_, float32, float64, uint32, uint64
from tests.codegen.harness import Compiled
from tests.codegen.kernels import DTYPES, NUMBERS, elementwise, hostile

FLOATS = (float32, float64)
INTEGERS = tuple(dtype for dtype in NUMBERS if dtype.is_integer)
LOGICAL = (bool_, *INTEGERS)
UNARY = {"neg": NUMBERS, "abs": NUMBERS, "floor": FLOATS, "ceil": FLOATS, "round_even": FLOATS, "sqrt": FLOATS}
BINARY = {
    **{op: NUMBERS for op in ("add", "sub", "mul", "div", "max", "min")},
    **{op: LOGICAL for op in ("and", "or", "xor")},
    **{op: INTEGERS for op in ("shl", "shr")},
    **{op: DTYPES for op in ("eq", "lt", "le")},
}
COUNT = 700  # not a multiple of any vector's lanes
TARGETS = sorted({runnable()[0], runnable()[-1]})  # the least and the most that this host runs


def same_bits(left, right):
    """Equal bit for bit, but any NaN for any NaN."""
    np.testing.assert_array_equal(left, right)
    if left.dtype.kind == "f":
        np.testing.assert_array_equal(np.signbit(left[left == 0]), np.signbit(right[left == 0]))


def check(op, operands, dtypes, result, expected):
    n = symbol("n")
    for name in TARGETS:
        for kind in ("vector", "serial"):
            out = np.zeros(len(operands[0]), result.numpy)
            compiled = Compiled(elementwise(op, dtypes, result, n, kind), NAMED[name])
            compiled.run([*operands, out], {"n": len(out)})
            same_bits(out, expected)


@pytest.mark.parametrize("op", UNARY)
def test_unary_operations_agree_with_the_records_reference(op):
    for dtype in UNARY[op]:
        x = hostile(dtype, COUNT)
        check(op, [x], [dtype], dtype, OPS[op].reference(x))


@pytest.mark.parametrize("op", BINARY)
def test_binary_operations_agree_with_the_records_reference(op):
    for dtype in BINARY[op]:
        x, y = hostile(dtype, COUNT), hostile(dtype, COUNT, seed=1)
        if op in ("shl", "shr"):
            y[::2] = np.random.default_rng(2).integers(0, dtype.bits, len(y[::2]))
        result = bool_ if op in ("eq", "lt", "le") else dtype
        check(op, [x, y], [dtype, dtype], result, OPS[op].reference(x, y))


@pytest.mark.parametrize("source", DTYPES, ids=str)
def test_conversions_saturate_wrap_and_round_to_even(source):
    for target in DTYPES:
        x = hostile(source, COUNT)
        check("cast", [x], [source], target, np.asarray(OPS["cast"].reference(x, dtype=target)).astype(target.numpy))


def test_select_chooses_per_lane():
    for dtype in DTYPES:
        condition, x, y = hostile(bool_, COUNT), hostile(dtype, COUNT), hostile(dtype, COUNT, seed=1)
        check("select", [condition, x, y], [bool_, dtype, dtype], dtype, np.where(condition, x, y))


def test_the_upper_half_of_a_product(monkeypatch):
    class Record:
        lower = Elementwise(lambda b, x, y: b.mul_high(x, y))

    monkeypatch.setitem(OPS, "mul_high", Record())
    for dtype in (uint32, uint64):
        x, y = hostile(dtype, COUNT), hostile(dtype, COUNT, seed=1)
        expected = [(int(a) * int(b)) >> dtype.bits for a, b in zip(x, y)]
        check("mul_high", [x, y], [dtype, dtype], dtype, np.array(expected, dtype.numpy))

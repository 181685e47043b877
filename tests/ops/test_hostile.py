"""What ops give where other languages stop or shrug: the documented result, in the interpreter and in machine code.

In: for every dtype a table op -> (operands, result), written down by hand. Out: the op, the row and the place where
they differ: the interpreter, scalar code, the body of a vector loop, or its masked tail.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest

import lazygraph as lg
from lazygraph.compiler.ir.graph import Graph, Value
from lazygraph.compiler.ir.interpret import interpret
from lazygraph.compiler.ops.leaf import new_parameter
from lazygraph.compiler.ops.record import OPS
from lazygraph.runtime.dtypes import FLOATS, INTEGERS, DType, bool_, from_numpy
from tests.ops.native import compiled, run

INF, NAN = math.inf, math.nan
Row = tuple[tuple[Any, ...], Any]
Table = Mapping[str, list[Row]]
LENGTH = 255  # ends in a tail at every width, of at least 15 elements: as many as a table has rows


def integer_table(dtype: DType) -> Table:
    limits, bits = np.iinfo(dtype.numpy), dtype.bits
    low, high = int(limits.min), int(limits.max)
    if dtype.kind == "uint":
        return {
            "add": [((high, 1), 0)],
            "sub": [((0, 1), high)],
            "mul": [((high, high), 1)],
            "neg": [((1,), high), ((0,), 0)],
            "div": [((7, 0), 0), ((0, 0), 0), ((high, high), 1)],
            "rem": [((7, 0), 0), ((high, 2), 1)],
            "pow": [((0, 0), 1), ((3, 100), 3**100 % 2**bits), ((2, bits), 0)],
            "shl": [((1, bits), 0), ((1, bits - 1), high // 2 + 1), ((high, high), 0)],
            "shr": [((high, bits), 0), ((high, bits - 1), 1), ((8, high), 0)],
            "floor_divide": [((7, 0), 0), ((high, 2), high // 2)],
            "remainder": [((7, 0), 0), ((high, 2), 1)],
            "gcd": [((0, 0), 0), ((high, 0), high), ((12, 18), 6)],
        }
    return {
        "add": [((high, 1), low), ((low, -1), high)],
        "sub": [((low, 1), high), ((0, low), low)],
        "mul": [((low, -1), low), ((high, 2), -2)],
        "neg": [((low,), low)],
        "abs": [((low,), low), ((-7,), 7)],
        "div": [((7, 0), 0), ((-7, 0), 0), ((0, 0), 0), ((low, 0), 0), ((low, -1), low), ((-7, 2), -3), ((7, -2), -3)],
        "rem": [((7, 0), 0), ((low, 0), 0), ((low, -1), 0), ((-7, 3), -1), ((7, -3), 1), ((-7, -3), -1)],
        "pow": [((0, 0), 1), ((2, -1), 0), ((0, -1), 0), ((1, low), 1), ((-1, -3), -1), ((-1, -4), 1), ((2, bits), 0)],
        "shl": [((1, bits), 0), ((1, bits - 1), low), ((1, -1), 0), ((-1, low), 0), ((-1, high), 0), ((-3, 1), -6)],
        "shr": [((8, bits), 0), ((-8, bits), -1), ((8, -1), 0), ((-8, -1), -1), ((low, bits - 1), -1), ((-7, 1), -4)],
        "floor_divide": [((7, 0), 0), ((-7, 0), 0), ((low, -1), low), ((-7, 2), -4), ((7, -2), -4), ((-7, -2), 3)],
        "remainder": [((7, 0), 0), ((-7, 0), 0), ((low, -1), 0), ((-7, 3), 2), ((7, -3), -2), ((-7, -3), -1)],
        "gcd": [((0, 0), 0), ((low, 0), low), ((low, -1), 1), ((-12, 18), 6)],
    }


def float_table(dtype: DType) -> Table:
    high, least = float(dtype.limits.max), float(dtype.limits.smallest_subnormal)
    pi = float(np.asarray(math.pi, dtype.numpy))
    return {
        "add": [((INF, -INF), NAN), ((high, high), INF), ((-0.0, 0.0), 0.0)],
        "mul": [((0.0, INF), NAN), ((high, -2.0), -INF), ((-0.0, 3.0), -0.0)],
        "div": [((1.0, 0.0), INF), ((1.0, -0.0), -INF), ((0.0, 0.0), NAN), ((INF, INF), NAN), ((5.0, -INF), -0.0)],
        "rem": [((5.0, 0.0), NAN), ((INF, 3.0), NAN), ((5.0, INF), 5.0), ((-0.0, 3.0), -0.0), ((-5.0, 3.0), -2.0)],
        "floor_divide": [((5.0, 0.0), INF), ((-5.0, 0.0), -INF), ((0.0, 0.0), NAN), ((INF, 3.0), NAN),
                         ((5.0, -INF), -1.0), ((-5.0, INF), -1.0), ((5.0, INF), 0.0), ((-7.0, 2.0), -4.0)],
        "remainder": [((5.0, 0.0), NAN), ((5.0, -INF), -INF), ((-5.0, INF), INF), ((-7.0, 3.0), 2.0),
                      ((-6.0, 3.0), 0.0)],
        "fmod": [((5.0, 0.0), NAN), ((-7.0, 3.0), -1.0), ((7.0, -3.0), 1.0), ((-6.0, 3.0), -0.0)],
        "pow": [((0.0, 0.0), 1.0), ((NAN, 0.0), 1.0), ((1.0, NAN), 1.0), ((0.0, -1.0), INF), ((-0.0, -1.0), -INF),
                ((-1.0, 0.5), NAN), ((-1.0, INF), 1.0), ((-8.0, 3.0), -512.0), ((high, 2.0), INF)],
        "max": [((NAN, 1.0), NAN), ((1.0, NAN), NAN), ((-INF, 1.0), 1.0)],
        "min": [((NAN, 1.0), NAN), ((1.0, NAN), NAN), ((-INF, 1.0), -INF)],
        "nextafter": [((0.0, -1.0), -least), ((high, INF), INF), ((NAN, 1.0), NAN), ((0.0, -0.0), -0.0)],
        "copysign": [((3.0, -0.0), -3.0), ((-INF, 1.0), INF), ((NAN, -1.0), NAN)],
        "atan2": [((0.0, -0.0), pi), ((-0.0, -0.0), -pi), ((0.0, 0.0), 0.0), ((NAN, 1.0), NAN), ((-0.0, 1.0), -0.0)],
        "sqrt": [((-1.0,), NAN), ((-0.0,), -0.0), ((INF,), INF)],
        "floor": [((-0.0,), -0.0), ((-0.5,), -1.0), ((INF,), INF), ((NAN,), NAN)],
        "ceil": [((-0.5,), -0.0), ((0.5,), 1.0), ((-INF,), -INF)],
        "round_even": [((0.5,), 0.0), ((1.5,), 2.0), ((2.5,), 2.0), ((-0.5,), -0.0), ((high,), high)],
        "sign": [((-0.0,), 0.0), ((NAN,), NAN), ((-INF,), -1.0)],
        "abs": [((-0.0,), 0.0), ((-INF,), INF), ((NAN,), NAN)],
        "exp": [((-INF,), 0.0), ((INF,), INF), ((high,), INF), ((-high,), 0.0)],
        "log": [((0.0,), -INF), ((-0.0,), -INF), ((-1.0,), NAN), ((INF,), INF)],
        "log1p": [((-1.0,), -INF), ((-2.0,), NAN), ((-0.0,), -0.0)],
        "sin": [((INF,), NAN), ((-0.0,), -0.0)],
        "cos": [((-INF,), NAN), ((0.0,), 1.0)],
        "tan": [((INF,), NAN), ((-0.0,), -0.0)],
        "asin": [((2.0,), NAN), ((-0.0,), -0.0)],
        "acos": [((-2.0,), NAN), ((1.0,), 0.0), ((-1.0,), pi)],
        "acosh": [((0.5,), NAN), ((1.0,), 0.0), ((-INF,), NAN)],
        "atanh": [((1.0,), INF), ((-1.0,), -INF), ((2.0,), NAN)],
        "erf_inv": [((1.0,), INF), ((-1.0,), -INF), ((2.0,), NAN)],
        "erfc_inv": [((0.0,), INF), ((2.0,), -INF), ((-1.0,), NAN)],
        "erfc": [((INF,), 0.0), ((-INF,), 2.0)],
        "lgamma": [((0.0,), INF), ((-3.0,), INF), ((-INF,), INF), ((1.0,), 0.0)],
        "digamma": [((0.0,), -INF), ((-0.0,), INF), ((-3.0,), NAN), ((INF,), INF)],
    }  # fmt: skip


def cast_table(dtype: DType, target: DType) -> list[Row]:
    """From a float: NaN gives 0, what lies beyond the ends of an integer gives the end, the rest is truncated."""
    if target is bool_:
        return [((NAN,), True), ((-0.0,), False), ((float(dtype.limits.smallest_subnormal),), True), ((-INF,), True)]
    limits = np.iinfo(target.numpy)
    low, high = int(limits.min), int(limits.max)
    greatest = int(float(dtype.limits.max))
    rows = [((NAN,), 0), ((INF,), high), ((-INF,), low), ((-0.0,), 0), ((1.75,), 1), ((100.5,), 100)]
    rows += [((-1.75,), max(-1, low)), ((-100.5,), max(-100, low))]
    rows += [((float(greatest),), min(greatest, high)), ((-float(greatest),), max(-greatest, low))]
    edge = 2.0 ** (target.bits - (target.kind == "int"))  # one past the greatest
    return [*rows, ((edge,), high), ((-edge,), low), ((edge * 1.5,), high)] if edge <= greatest else rows


COMPOSED: dict[str, Callable[..., lg.Tensor]] = {
    "floor_divide": lg.floor_divide,
    "remainder": lg.remainder,
    "fmod": lg.fmod,
}


def apply(name: str, operands: list[Value], attributes: dict[str, Any]) -> Value:
    if name in COMPOSED:
        return COMPOSED[name](*map(lg.Tensor, operands)).value
    return OPS[name](*operands, **attributes)


class Sheet:
    """All tables of a dtype as one graph: each row by itself, and all rows of an op over a long axis."""

    def __init__(self) -> None:
        self.inputs: list[Value] = []
        self.arrays: list[np.ndarray] = []
        self.outputs: list[Value] = []
        self.expected: list[tuple[str, np.ndarray]] = []

    def enter(self, name: str, of: DType, rows: list[Row], **attributes: Any) -> None:
        assert len(rows) <= 15
        columns = [np.array(column, of.numpy) for column in zip(*[operands for operands, _ in rows])]
        for places in [*([row] for row in range(len(rows))), None]:
            chosen = np.arange(LENGTH) % len(rows) if places is None else places[0]
            operands = []
            for column in columns:
                self.arrays.append(np.asarray(column[chosen]))
                operands.append(new_parameter(f"x{len(self.inputs)}", of, self.arrays[-1].shape))
                self.inputs.append(operands[-1])
            self.outputs.append(apply(name, operands, attributes))
            results = np.array([result for _, result in rows], self.outputs[-1].dtype.numpy)
            self.expected.append((f"{name} {attributes} of {[rows[place] for place in places or ()]}", results[chosen]))

    def check(self) -> None:
        graph = Graph("hostile", tuple(self.inputs), tuple(self.outputs))
        for found in (interpret(graph, self.arrays).outputs, run(compiled(graph), self.arrays, 1)):
            for result, (row, expected) in zip(found, self.expected, strict=True):
                same(row, result, np.asarray(expected))


def same(row: str, found: np.ndarray, expected: np.ndarray) -> None:
    """Equal with the signs of zeros; one NaN is as good as another."""
    assert found.dtype == expected.dtype, row
    if from_numpy(found.dtype).is_float:
        found, expected = found.astype(np.float64), expected.astype(np.float64)
        np.testing.assert_array_equal(np.signbit(found) & (found == 0), np.signbit(expected) & (expected == 0), row)
    np.testing.assert_array_equal(found, expected, row)


@pytest.mark.parametrize("dtype", INTEGERS, ids=repr)
def test_integers(dtype: DType) -> None:
    sheet = Sheet()
    for name, rows in integer_table(dtype).items():
        sheet.enter(name, dtype, rows)
    for target in INTEGERS:
        limits = np.iinfo(dtype.numpy)
        numbers = [0, 1, int(limits.max), int(limits.min), int(limits.max) // 3]
        span, low = 2**target.bits, int(np.iinfo(target.numpy).min)
        sheet.enter("cast", dtype, [((x,), (x - low) % span + low) for x in numbers], dtype=target)
    sheet.check()


@pytest.mark.parametrize("dtype", FLOATS, ids=repr)
def test_floats(dtype: DType) -> None:
    sheet = Sheet()
    for name, rows in float_table(dtype).items():
        sheet.enter(name, dtype, rows)
    for target in (bool_, *INTEGERS):
        sheet.enter("cast", dtype, cast_table(dtype, target), dtype=target)
    sheet.check()

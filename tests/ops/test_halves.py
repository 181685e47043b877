"""Functions of one operand at all 65,536 float16 and bfloat16, in machine code.

In: every bit pattern of a half type, through every inexact elementwise op of one operand in one compilation. Out: the
arguments where a result is not the half next to the float64 reference, ties in float32 apart.
"""

import numpy as np
import pytest

import lazygraph.compiler.ops  # noqa: F401  (importing the families fills the table)
from lazygraph.compiler.ir.graph import Graph
from lazygraph.compiler.ops.halves import HALVES, rounded
from lazygraph.compiler.ops.leaf import new_parameter
from lazygraph.compiler.ops.lowering import Elementwise
from lazygraph.compiler.ops.record import OPS, Op
from lazygraph.runtime.dtypes import DType
from tests.ops.native import compiled, run

SPACING_ERROR = 2.0**-11  # of a half's spacing: what two units of float32 are at most, far from underflow


def functions(dtype: DType) -> list[tuple[Op, dict]]:
    """The inexact elementwise ops of one operand, with their first attributes."""
    found = []
    for name in sorted(OPS):
        op = OPS[name]
        if isinstance(op.lower, Elementwise) and op.ulp and dtype in op.domain.dtypes:
            operands, attributes = op.domain.cases(np.random.default_rng(0), dtype)[0]
            found += [(op, attributes)] if len(operands) == 1 else []
    return found


@pytest.mark.parametrize("dtype", HALVES, ids=repr)
def test_every_half_gives_the_half_next_to_the_exact_result(dtype: DType) -> None:
    x = np.arange(2**16, dtype=np.uint16).view(dtype.numpy)
    parameter, ops = new_parameter("x", dtype, x.shape), functions(dtype)
    assert len(ops) >= 25
    graph = Graph("halves", (parameter,), tuple(op(parameter, **attributes) for op, attributes in ops))
    with np.errstate(all="ignore"):
        wide = x.astype(np.float64)
    for (op, attributes), found in zip(ops, run(compiled(graph), [x], 2), strict=True):
        assert found.dtype == dtype.numpy
        exact = op.reference(wide, **attributes)
        with np.errstate(all="ignore"):
            wrong = np.flatnonzero(~_is_next_to(found, exact, dtype))
        assert wrong.size == 0, f"{op.name} at {x[wrong[:5]]}: {found[wrong[:5]]}, exactly {exact[wrong[:5]]}"


def _is_next_to(found: np.ndarray, exact: np.ndarray, dtype: DType) -> np.ndarray:
    """Whether it is the rounded result, or lies about half a spacing from the exact one: a tie after float32."""
    nearest = rounded(exact, dtype).astype(np.float64)
    given = found.astype(np.float64)
    close = np.abs(given - exact) <= (0.5 + SPACING_ERROR) * _spacing(exact, dtype)
    return (given == nearest) | (np.isnan(given) & np.isnan(nearest)) | close


def _spacing(x: np.ndarray, dtype: DType) -> np.ndarray:
    """The distance between the halves around |x|."""
    limits = dtype.limits
    _, exponent = np.frexp(np.abs(x))
    return np.ldexp(1.0, np.maximum(exponent, int(limits.minexp) + 1) - 1 - int(limits.nmant))


def test_the_measure_tells_a_neighbour_from_the_nearest() -> None:
    for dtype in HALVES:
        one = np.array([1.0]).astype(dtype.numpy)
        up = OPS["nextafter"].reference(one, np.array([2.0]).astype(dtype.numpy))
        step = float(up[0]) - 1
        assert step == _spacing(np.array([1.0]), dtype)[0]
        for at, expected in ((1 + 0.4 * step, [True, False]), (1 + 0.5001 * step, [True, True])):
            assert [bool(_is_next_to(each, np.array([at]), dtype)[0]) for each in (one, up)] == expected

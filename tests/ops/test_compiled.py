"""Every record as machine code: all cases of an op and dtype in one function, held against the references.

In: the table of records and the whole pipeline. Out: the op, dtype and case where compiled code and interpreter differ
by more than `agreement.py` allows.
"""

import numpy as np
import pytest

import lazygraph.compiler.ops  # noqa: F401  (importing the families fills the table)
from lazygraph.compiler.ir.graph import Graph
from lazygraph.compiler.ir.interpret import interpret
from lazygraph.compiler.ops.lowering import Leaf
from lazygraph.compiler.ops.record import OPS
from lazygraph.runtime.dtypes import DType
from tests.ops.agreement import assert_agrees
from tests.ops.harness import applied, inexact, pushed_forward, stand_in, together
from tests.ops.native import THREADS, compiled, run

SWEPT = [(name, dtype) for name in sorted(OPS) if name != "parameter" for dtype in OPS[name].domain.dtypes]
DIFFERENTIABLE = [name for name in sorted(OPS) if OPS[name].domain.smooth(np.random.default_rng(0))]


@pytest.mark.parametrize("name, dtype", SWEPT, ids=lambda each: str(each))
def test_compiled_code_computes_what_the_reference_says(name: str, dtype: DType) -> None:
    op = OPS[name]
    cases = [applied(op, *case) for case in op.domain.cases(np.random.default_rng(5), dtype)]
    graph = together(name, cases)
    arrays = [each for case in cases for each in case.arrays]
    artifact = compiled(graph)
    found, again = (run(artifact, arrays, threads) for threads in (1, THREADS))
    expected = interpret(graph, arrays).outputs
    owners = [case for case in cases for _ in case.node.outputs]
    for case, one, two, reference in zip(owners, found, again, expected, strict=True):
        assert one.tobytes() == two.tobytes(), f"{case.node}: one thread and {THREADS} give other bits"
        assert_agrees(case, one, reference)


@pytest.mark.parametrize("name", DIFFERENTIABLE)
def test_compiled_derivatives_are_the_interpreted_ones(name: str) -> None:
    """All JVPs of an op's smooth cases in one function, after the whole pipeline: rewrites, fusion and all."""
    cases = [applied(OPS[name], *case) for case in OPS[name].domain.smooth(np.random.default_rng(6))]
    inputs, arrays, outputs = [], [], []
    for case in cases:
        along = {p: stand_in(a) for p, a in zip(case.parameters, case.arrays) if inexact(a)}
        inputs += [*case.parameters, *along.values()]
        arrays += [*case.arrays, *(np.cos(7 * a) for a in case.arrays if inexact(a))]
        outputs += [each for each in pushed_forward(case.node.outputs, along) if each is not None]
    graph = Graph(f"d_{name}", tuple(inputs), tuple(outputs))
    for found, expected in zip(run(compiled(graph), arrays, 1), interpret(graph, arrays).outputs, strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-11, atol=1e-11)


def test_no_op_is_left_out() -> None:
    """Only parameters have no value to compute."""
    assert {name for name in OPS if isinstance(OPS[name].lower, Leaf)} == {"parameter", "constant"}

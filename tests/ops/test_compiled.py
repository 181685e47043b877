"""Every record as machine code: all cases of an op and dtype in one function, held against the references.

In: the table of records and the whole pipeline. Out: the op, dtype and case where compiled code and interpreter differ
by more than: nothing, where the record says exact; its ulp in float32; 1e-12 in float64; of complex numbers, the ulp of
the rule for them. Sums and products are measured against the sum of magnitudes, times the square root of the number of
terms.
"""

from math import prod, sqrt

import numpy as np
import pytest

import lazygraph.compiler.ops  # noqa: F401  (importing the families fills the table)
from lazygraph.compiler.ir.graph import Graph, Node
from lazygraph.compiler.ir.interpret import interpret
from lazygraph.compiler.ops.halves import HALVES
from lazygraph.compiler.ops.lowering import Elementwise, Leaf, Product, Reduction
from lazygraph.compiler.ops.record import OPS
from lazygraph.runtime.dtypes import DType, float64, from_numpy
from tests.ops.harness import Applied, applied, evaluate, inexact, pushed_forward, stand_in
from tests.ops.native import THREADS, compiled, run

SWEPT = [(name, dtype) for name in sorted(OPS) if name != "parameter" for dtype in OPS[name].domain.dtypes]
DIFFERENTIABLE = [name for name in sorted(OPS) if OPS[name].domain.smooth(np.random.default_rng(0))]


def together(name: str, cases: list[Applied]) -> Graph:
    """One graph whose inputs and outputs are those of all cases."""
    inputs = tuple(each for case in cases for each in case.parameters)
    return Graph(name, inputs, tuple(each for case in cases for each in case.node.outputs))


def bound(node: Node, operands: tuple[np.ndarray, ...], expected: np.ndarray) -> np.ndarray:
    """How far a float result may lie from the reference's. A half is computed in float32, then rounded."""
    if expected.dtype.kind == "c" and isinstance(node.op.lower, Elementwise):
        return complex_bound(node, operands, expected)
    if node.op.ulp == 0:
        return np.zeros(expected.shape)
    half, double = from_numpy(expected.dtype) in HALVES, from_numpy(expected.dtype).part == float64
    rounding = 0.0 if double else np.spacing(np.abs(expected)).astype(np.float64)
    if not isinstance(node.op.lower, Reduction | Product):
        return 1e-12 * np.abs(expected) if double else (1 if half else node.op.ulp) * rounding
    wide = [magnitudes(each).astype(np.float32) if half else magnitudes(each) for each in operands]
    absolute = tuple(stand_in(each) for each in wide)
    attributes = {name: each.part if isinstance(each, DType) else each for name, each in node.attributes.items()}
    (scale,) = evaluate([node.op(*absolute, **attributes)], absolute, wide)
    terms = prod(each.size for each in operands) / max(expected.size, 1)
    unit = 1e-12 if double else node.op.ulp * np.finfo(np.float32).eps * sqrt(max(terms, 1))
    return unit * scale + (rounding if half else 0.0)


def magnitudes(array: np.ndarray) -> np.ndarray:
    """|x|; of a complex number by its finite parts, so that a NaN in one part leaves the other to be compared."""
    return np.abs(np.nan_to_num(array, nan=0, posinf=0, neginf=0) if array.dtype.kind == "c" else array)


def complex_bound(node: Node, operands: tuple[np.ndarray, ...], expected: np.ndarray) -> np.ndarray:
    """Both parts by the last place of the greater one. Beside a part that overflows the other is not held to anything;
    beside one that is infinite since an operand was, to its own last place."""
    assert isinstance(node.op.lower, Elementwise)
    rule = node.op.lower.on_complex
    assert rule is not None
    parts = np.abs(as_parts(expected))
    overflows = np.isinf(parts).any(-1) & np.logical_and.reduce([np.isfinite(each) for each in operands])
    norm = np.where(np.isfinite(parts).all(-1, keepdims=True), parts.max(-1, keepdims=True), parts)
    return np.where(overflows[..., None], np.inf, rule.ulp * np.spacing(norm).astype(np.float64))


def as_parts(array: np.ndarray) -> np.ndarray:
    """Complex numbers as pairs along a new last axis; others as they are."""
    return np.stack([array.real, array.imag], -1) if array.dtype.kind == "c" else array


def assert_agrees(case: Applied, found: np.ndarray, expected: np.ndarray) -> None:
    assert found.dtype == expected.dtype
    assert found.shape == expected.shape
    node = case.node
    message = f"{node} of {[each.shape for each in case.arrays]}"
    if not inexact(expected):
        np.testing.assert_array_equal(found, expected, message)
        return
    with np.errstate(all="ignore"):
        allowed = bound(node, case.arrays, expected)
        if from_numpy(expected.dtype) in HALVES:
            found, expected = found.astype(np.float64), expected.astype(np.float64)
        if expected.dtype.kind == "c":
            allowed = allowed if allowed.ndim > expected.ndim else np.asarray(allowed)[..., None]
            found, expected = as_parts(found), as_parts(expected)
        near = (np.abs(found - expected) <= allowed) & np.isfinite(expected) & np.any(allowed)
    same = (found == expected) | (np.isnan(found) & np.isnan(expected))
    np.testing.assert_array_equal(np.where(near | same, expected, found), expected, message)


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

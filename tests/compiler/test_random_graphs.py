"""Random graphs give the same values on every path: interpreter, machine code, threads, vector widths."""

import numpy as np
import pytest
from hypothesis import given, note, settings
from hypothesis import strategies as st

from lazygraph.compiler.codegen.llvm.target import runnable
from lazygraph.compiler.ir.interpret import interpret
from lazygraph.compiler.ops.halves import HALVES
from lazygraph.runtime.dtypes import from_numpy
from tests.compiler.execute import Result, compiled, execute
from tests.compiler.random_graphs import Case, cases
from tests.compiler.random_maker import grains
from tests.compiler.random_records import NAMES


def bits(result: Result) -> list[bytes]:
    return [each.tobytes() for each in (*result.outputs, *result.variables)]


def expected(case: Case) -> Result:
    found = interpret(case.graph, case.inputs, case.variables)
    updates = dict(zip((variable for variable, _ in case.graph.updates), found.updates))
    variables = [updates.get(variable, old) for variable, old in zip(case.graph.variables, case.variables)]
    return Result(tuple(found.outputs), tuple(variables))


def one_nan(array: np.ndarray) -> bytes:
    """The bits, with one NaN for all NaNs."""
    parts = np.ascontiguousarray(array).reshape(-1)
    if array.dtype.kind not in "biu":
        parts = parts.view(from_numpy(array.dtype).part.numpy)
        parts = np.where(np.isnan(parts), np.array(np.nan, parts.dtype), parts)
    return parts.tobytes()


def as_wide(array: np.ndarray) -> np.ndarray:
    return array.astype(np.float64) if from_numpy(array.dtype) in HALVES else array


def assert_close(found: Result, wanted: Result, case: Case) -> None:
    """Bit for bit where every op before a value is exact; else up to the coarsest rounding on its way."""
    new = dict(case.graph.updates)
    values = [*case.graph.outputs, *[new.get(each, each) for each in case.graph.variables]]
    grain = grains(values)
    for value, ours, theirs in zip(values, (*found.outputs, *found.variables), (*wanted.outputs, *wanted.variables)):
        assert ours.shape == theirs.shape and ours.dtype == theirs.dtype
        if not grain[value]:
            assert one_nan(ours) == one_nan(theirs), f"{value} is exact: expected {theirs}, found {ours}"
        elif value.dtype.is_differentiable:
            allowed = 2e4 * grain[value]
            np.testing.assert_allclose(as_wide(ours), as_wide(theirs), rtol=allowed, atol=allowed)
        else:
            np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=settings.default.max_examples // 100)
@given(st.data())
def test_machine_code_gives_the_interpreters_values(name: str, data: st.DataObject) -> None:
    """On graphs that this op takes part in, among others of every kind."""
    case = data.draw(cases([name]))
    compilation = compiled(case.graph)
    note(f"{compilation.text('graph')}\n{compilation.text('program')}")
    one = execute(compilation, case.inputs, case.variables, threads=1)
    two = execute(compilation, case.inputs, case.variables, threads=2)
    assert bits(one) == bits(two)
    assert_close(one, expected(case), case)


@pytest.mark.skipif(not {"avx2", "avx512"} <= set(runnable()), reason="this host runs no AVX-512 code")
@settings(max_examples=settings.default.max_examples // 5)
@given(cases())
def test_vector_width_and_optimisation_level_do_not_change_bits(case: Case) -> None:
    wide = execute(compiled(case.graph, "avx512"), case.inputs, case.variables)
    narrow = execute(compiled(case.graph, "avx2", opt_level=0), case.inputs, case.variables)
    assert bits(wide) == bits(narrow)

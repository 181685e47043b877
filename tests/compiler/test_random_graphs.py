"""Random graphs give the same values on every path: interpreter, machine code, threads, vector widths."""

import numpy as np
import pytest
from hypothesis import given, note, settings

from lazygraph.compiler.codegen.llvm.target import runnable
from lazygraph.compiler.ir.interpret import interpret
from tests.compiler.execute import Result, compiled, execute
from tests.compiler.random_graphs import Case, cases


def bits(result: Result) -> list[bytes]:
    return [each.tobytes() for each in (*result.outputs, *result.variables)]


def expected(case: Case) -> Result:
    found = interpret(case.graph, case.inputs, case.variables)
    updates = dict(zip((variable for variable, _ in case.graph.updates), found.updates))
    variables = [updates.get(variable, old) for variable, old in zip(case.graph.variables, case.variables)]
    return Result(tuple(found.outputs), tuple(variables))


def assert_close(found: Result, wanted: Result, case: Case) -> None:
    """Equal up to rounding in the narrowest float of the graph: a float64 may have been a float32 on its way."""
    floats = {value.dtype.numpy for node in case.graph.nodes for value in node.outputs if value.dtype.is_float}
    epsilon = max((np.finfo(each).eps for each in floats), default=0.0)
    pairs = zip((*found.outputs, *found.variables), (*wanted.outputs, *wanted.variables), strict=True)
    for ours, theirs in pairs:
        assert ours.shape == theirs.shape and ours.dtype == theirs.dtype
        if ours.dtype.kind == "f":
            np.testing.assert_allclose(ours, theirs, rtol=2e4 * epsilon, atol=2e4 * epsilon)
        else:
            np.testing.assert_array_equal(ours, theirs)


@given(cases())
def test_machine_code_gives_the_interpreters_values(case: Case) -> None:
    compilation = compiled(case.graph)
    note(f"{compilation.text('graph')}\n{compilation.text('program')}")
    one = execute(compilation, case.inputs, case.variables, threads=1)
    two = execute(compilation, case.inputs, case.variables, threads=2)
    assert bits(one) == bits(two)
    assert_close(one, expected(case), case)


@pytest.mark.skipif(not {"avx2", "avx512"} <= set(runnable()), reason="this host runs no AVX-512 code")
@settings(max_examples=60)
@given(cases())
def test_vector_width_and_optimisation_level_do_not_change_bits(case: Case) -> None:
    wide = execute(compiled(case.graph, "avx512"), case.inputs, case.variables)
    narrow = execute(compiled(case.graph, "avx2", opt_level=0), case.inputs, case.variables)
    assert bits(wide) == bits(narrow)

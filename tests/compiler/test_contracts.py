"""The contracts of compiled code: what a change may never break, each with the smallest program that shows it."""

import re

import numpy as np
import pytest

from lazygraph.compiler.ir import dims
from lazygraph.compiler.ir.parse import parse_graph
from lazygraph.compiler.pipeline import source_hash
from lazygraph.runtime.artifact import CheckFailed
from lazygraph.runtime.variable import VariableState
from tests.compiler.execute import compiled, execute, load

LOOKUP = """
graph lookup(@i: i64[4]; var @table: f32[10, 3]; var @count: i64[]) {
  %0 = gather @table, @i axes=(0,) mode="check" : f32[4, 3] ; FILE:7
  %1 = constant value=i64[] {1} : i64[]
  %2 = add @count, %1 : i64[]
  %3 = constant value=f32[] {1.0} : f32[]
  %4 = broadcast %3 axes=() shape=(10, 3) : f32[10, 3]
  %5 = add @table, %4 : f32[10, 3]
  return %0
  update @count = %2
  update @table = %5
}
"""


def test_a_failed_check_leaves_every_variable_as_it_was() -> None:
    table = np.arange(30, dtype=np.float32).reshape(10, 3)
    states = [VariableState(table), VariableState(np.array(5))]
    executable = load(compiled(parse_graph(LOOKUP)), states, threads=2)
    with pytest.raises(CheckFailed, match="index 10 is out of bounds for an axis of extent 10"):
        executable.run([np.array([1, 2, 10, 3])])
    np.testing.assert_array_equal(states[0].numpy(), table)
    assert states[1].numpy() == 5
    executable.run([np.array([1, 2, 9, 3])])
    np.testing.assert_array_equal(states[0].numpy(), table + 1)
    assert states[1].numpy() == 6


def test_steps_before_a_failing_one_are_whole() -> None:
    """The table moves past the end of the index's axis in the third step."""
    text = """
graph walk(; var @i: i64[1]; var @sum: f64[]) {
  %0 = constant value=f64[3] {1.0, 2.0, 4.0} : f64[3]
  %1 = gather %0, @i axes=(0,) mode="check" : f64[1]
  %2 = reshape %1 shape=() : f64[]
  %3 = add @sum, %2 : f64[]
  %4 = constant value=i64[1] {1} : i64[1]
  %5 = add @i, %4 : i64[1]
  return %3
  update @sum = %3
  update @i = %5
}
"""
    states = [VariableState(np.array([1])), VariableState(np.array(0.0))]
    executable = load(compiled(parse_graph(text)), states, threads=1)
    with pytest.raises(CheckFailed):
        executable.run([], steps=5)
    assert states[0].numpy() == 3 and states[1].numpy() == 6.0


def test_object_code_depends_on_no_name_and_no_line() -> None:
    other = re.sub("@i\\b", "@index", LOOKUP).replace("table", "weights").replace("FILE:7", "/home/user/secret.py:99")
    mine, theirs = compiled(parse_graph(LOOKUP)), compiled(parse_graph(other))
    assert mine.key == theirs.key
    assert mine.object_code == theirs.object_code
    for word in (b"table", b"secret", b"lookup", b"count"):
        assert word not in mine.object_code
    message = theirs.artifact(theirs.object_code).messages[-1]
    assert message.frames == ("secret.py:99",)


def test_the_key_differs_where_the_code_does() -> None:
    graph = parse_graph(LOOKUP)
    keys = {compiled(graph, target).key for target in ("sse2", "avx2", "avx512")} | {compiled(graph, "avx2", 0).key}
    changed = parse_graph(LOOKUP.replace("{1.0}", "{2.0}"))
    assert len(keys | {compiled(changed, "avx2").key}) == 5
    assert re.fullmatch("[0-9a-f]{64}", source_hash())


def test_equal_layers_are_one_kernel() -> None:
    inputs = ["@x", *[f"%{2 * i + 1}" for i in range(11)]]
    how = "accumulate=f32 batch=((), ()) contract=((1,), (0,)) : f32[8, 64]"
    layers = "\n".join(
        f"  %{2 * i} = dot {x}, @w{i} {how}\n  %{2 * i + 1} = tanh %{2 * i} : f32[8, 64]" for i, x in enumerate(inputs)
    )
    variables = "; ".join(f"var @w{i}: f32[64, 64]" for i in range(12))
    graph = parse_graph(f"graph deep(@x: f32[8, 64]; {variables}) {{\n{layers}\n  return %23\n}}\n")
    assert len(compiled(graph).program.kernels) == 1


def test_temporaries_that_take_turns_share_memory_at_any_size() -> None:
    """Three temporaries in turn: x @ a (n x 50), then rows (n x 7), then n x 90: two of them live at a time."""
    text = """
graph chain(@x: f32[n, 8]; var @a: f32[8, 50]; var @b: f32[50, 7];
  var @c: f32[7, 90]; var @d: f32[90, 2]) where n >= 0 {
  %0 = dot @x, @a accumulate=f32 batch=((), ()) contract=((1,), (0,)) : f32[n, 50]
  %1 = dot %0, @b accumulate=f32 batch=((), ()) contract=((1,), (0,)) : f32[n, 7]
  %2 = dot %1, @c accumulate=f32 batch=((), ()) contract=((1,), (0,)) : f32[n, 90]
  %3 = dot %2, @d accumulate=f32 batch=((), ()) contract=((1,), (0,)) : f32[n, 2]
  return %3
}
"""
    compilation = compiled(parse_graph(text))
    assert all(dims.evaluate(compilation.program.arena, {"n": n}) <= 64 + 4 * n * (90 + 50) for n in (1, 7, 1000))
    rng = np.random.default_rng(0)
    weights = [rng.standard_normal(shape).astype(np.float32) for shape in ((8, 50), (50, 7), (7, 90), (90, 2))]
    for n in (1, 7, 128, 1000, 0):
        x = rng.standard_normal((n, 8)).astype(np.float32)
        expected = x @ weights[0] @ weights[1] @ weights[2] @ weights[3]
        result = execute(compilation, [x], weights, threads=2)
        np.testing.assert_allclose(result.outputs[0], expected, rtol=1e-3, atol=1e-2)

"""A sum starts at 0.0, so it is never -0.0, whoever computes it: the interpreter, machine code, or a rewrite."""

import numpy as np
import pytest

from lazygraph.compiler.ir.interpret import interpret
from lazygraph.compiler.ir.parse import parse_graph
from tests.compiler.execute import compiled, execute


@pytest.mark.parametrize(
    ("shape", "axes", "result"),
    [
        ("3", "(0,)", ""),
        ("1", "(0,)", ""),
        ("0", "(0,)", ""),
        ("3", "()", "3"),
        ("100", "(0,)", ""),
        ("5, 3", "(0,)", "3"),
        ("5, 3", "(1,)", "5"),
        ("1, 3", "(0,)", "3"),
    ],
)
def test_a_sum_of_negative_zeros_is_zero(shape: str, axes: str, result: str) -> None:
    text = f"graph g(@x: f32[{shape}]) {{\n  %0 = reduce_sum @x axes={axes} : f32[{result}]\n  return %0\n}}\n"
    graph = parse_graph(text)
    x = np.full([int(each) for each in shape.split(",")], -0.0, np.float32)
    (expected,) = interpret(graph, [x]).outputs
    (found,) = execute(compiled(graph), [x]).outputs
    assert not np.signbit(expected).any()
    assert found.tobytes() == expected.tobytes()

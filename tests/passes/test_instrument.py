"""What looks on while passes run: it finds the pass that changed a value, times, verifies and stops.

In: right passes and wrong ones. Out: what the callback said.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from lazygraph.compiler.ir.dims import symbol
from lazygraph.compiler.ir.graph import Graph, Node, Value
from lazygraph.compiler.ir.verify import verify_graph
from lazygraph.compiler.ops.compose import emit
from lazygraph.compiler.passes.base import run
from lazygraph.compiler.passes.canonicalize import Canonicalize
from lazygraph.compiler.passes.fold import Fold
from lazygraph.compiler.passes.instrument import (
    CompareValues,
    PassFailed,
    StopAfter,
    Stopped,
    Times,
    Verify,
    sample_operands,
    together,
    values_agree,
)
from lazygraph.compiler.passes.rules import RuleTable, simplified
from lazygraph.compiler.passes.stability import Stabilize
from tests.passes.build import exp, log, parameter, softmax, total

WRONG = RuleTable()


@WRONG.rule("x + 0.0 -> x - 1", "add")
def off_by_one(node: Node) -> Value | None:
    return node.inputs[0] - 1.0


@dataclass(frozen=True)
class Wrong:
    name: str = "wrong"

    def __call__(self, graph: Graph) -> Graph:
        return simplified(graph, WRONG)


n = symbol("n", 2, 40, multiple_of=2)
x = parameter((n, 4))
GRAPH = Graph("g", (x,), (log(softmax(x)), total(exp(x)) + 0.0))


def compare() -> CompareValues:
    inputs, variables, extents = sample_operands(GRAPH)
    assert inputs[0].shape == (4, 4)
    return CompareValues(inputs, variables, extents)


def test_right_passes_keep_values() -> None:
    run(GRAPH, [Canonicalize(), Stabilize(), Fold()], together(compare(), Verify({Graph: verify_graph})))


def test_the_pass_that_changed_a_value_is_named() -> None:
    with pytest.raises(PassFailed, match="pass wrong changed result 1 at "):
        run(GRAPH, [Canonicalize(), Wrong(), Fold()], compare())


def test_the_pass_that_made_an_invalid_graph_is_named() -> None:
    def forget_inputs(graph: Graph) -> Graph:
        return Graph(graph.name, (), graph.outputs)

    look = Verify({Graph: verify_graph})
    with pytest.raises(PassFailed, match="pass forgetful made a program that is not valid: .*not among inputs"):
        look("forgetful", GRAPH, forget_inputs(GRAPH))


def test_a_pass_that_makes_a_check_fail_is_named() -> None:
    v = parameter((3,))
    index = parameter((), "int64", name="index")
    graph = Graph("g", (v, index), (emit("gather", v, index, axes=(0,), mode="check") + 0.0,))
    table = RuleTable()

    @table.rule("v[i] -> v[i + 9]", "gather")
    def move(node: Node) -> Value | None:
        index = node.inputs[1]
        return None if index.node.op.name == "add" else emit("gather", node.inputs[0], index + 9, **node.attributes)

    inputs, variables, extents = sample_operands(graph)
    with pytest.raises(PassFailed, match="made a check fail"):
        compared = CompareValues(inputs, variables, extents)
        compared("move", graph, simplified(graph, table))


def test_stop_after() -> None:
    with pytest.raises(Stopped) as stopped:
        run(GRAPH, [Canonicalize(), Wrong(), Fold()], StopAfter("canonicalize"))
    assert isinstance(stopped.value.program, Graph)


def test_every_pass_is_timed() -> None:
    times = Times()
    run(GRAPH, [Canonicalize(), Stabilize()], times)
    assert list(times.seconds) == ["canonicalize", "stabilize"]


def test_what_counts_as_the_same_value() -> None:
    one, inf, nan = np.float32(1), np.inf, np.nan

    def agree(before: list[float], after: list[float]) -> bool:
        return values_agree(np.array(before, np.float32), np.array(after, np.float32), 4)

    assert agree([one, 1e-9], [np.nextafter(one, np.float32(2)), 0])
    assert not agree([1], [1.001])
    assert agree([inf, nan], [inf, nan])
    assert agree([inf, nan, nan], [300, 5, 7])
    assert not agree([1, 2], [nan, 2])
    assert not agree([inf], [nan])
    assert not agree([nan], [inf])
    assert not values_agree(np.zeros(2, np.int32), np.array([0, 1], np.int32), 4)
    assert not values_agree(np.zeros(2, np.float32), np.zeros(2), 4)

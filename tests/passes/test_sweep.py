"""The sweep that applies rules: once per node, to a fixed point, sharing kept, effects and frames kept, time linear.

In: small tables and graphs, and chains of 1,000 to 100,000 nodes. Out: what became of them.
"""

from __future__ import annotations

import time

import numpy as np
import pytest

from lazygraph.compiler.ir.graph import Frame, Graph, Interner, Node, Value, origin
from lazygraph.compiler.ops.compose import emit
from lazygraph.compiler.ops.effects import checked
from lazygraph.compiler.passes.base import run
from lazygraph.compiler.passes.canonicalize import CANONICAL, Canonicalize
from lazygraph.compiler.passes.cse import MergeEqual
from lazygraph.compiler.passes.dead_code import DropDead
from lazygraph.compiler.passes.fold import Fold
from lazygraph.compiler.passes.gradient_stops import DropGradientStops
from lazygraph.compiler.passes.rules import RulesDoNotSettle, RuleTable, simplify
from lazygraph.compiler.passes.stability import Stabilize
from tests.passes.build import constant, exp, full, log, ops, parameter, total

PASSES = (Canonicalize(), Stabilize(), Fold(), DropGradientStops(), MergeEqual(), DropDead())
x = parameter((3,))


def test_what_a_rule_makes_is_simplified_in_turn() -> None:
    assert simplify([-(-(x * full(1, x)) + full(-0.0, x))], CANONICAL) == [x]


def test_values_that_no_rule_changes_keep_their_identity() -> None:
    y = exp(x) * x
    assert simplify([y], CANONICAL) == [y]


def test_equal_nodes_become_one_and_carry_the_frames_of_both() -> None:
    with origin((Frame("a.py", 1),)):
        left = exp(x)
    with origin((Frame("a.py", 2),)):
        right = exp(x)
    (product,) = simplify([left * right], CANONICAL)
    first, second = product.node.inputs
    assert first is second
    assert [frame.line for frame in first.node.frames] == [1, 2]


def test_new_nodes_carry_the_frames_of_what_they_replace() -> None:
    with origin((Frame("train.py", 11),)):
        y = log(total(exp(x)))
    graph = Stabilize()(Graph("g", (x,), (y,)))
    made = [node for node in graph.nodes if node.op.name in ("reduce_max", "sub", "add")]
    assert len(made) == 3
    assert all(node.frames == (Frame("train.py", 11),) for node in made)


def test_rules_that_undo_each_other_are_an_error() -> None:
    table = RuleTable()

    @table.rule("-x -> |x|", "neg")
    def one_way(node: Node) -> Value | None:
        return emit("abs", node.inputs[0])

    @table.rule("|x| -> -x", "abs")
    def back(node: Node) -> Value | None:
        return emit("neg", node.inputs[0])

    with pytest.raises(RulesDoNotSettle, match="comes back after"):
        simplify([-x], table)


def test_a_rule_that_never_ends_is_an_error() -> None:
    table = RuleTable()

    @table.rule("-x -> -(x + x)", "neg")
    def grow(node: Node) -> Value | None:
        return -(node.inputs[0] + node.inputs[0])

    with pytest.raises(RulesDoNotSettle, match="rules that end"):
        simplify([-x], table)


def test_a_rule_keeps_the_type() -> None:
    table = RuleTable()

    @table.rule("-x -> sum(x)", "neg")
    def wrong(node: Node) -> Value | None:
        return total(node.inputs[0])

    with pytest.raises(RulesDoNotSettle, match=r"expected f32\[3\]"):
        simplify([-x], table)


def test_checks_that_hold_are_dropped_and_others_kept() -> None:
    condition = parameter((), "bool", name="condition")
    holds = checked(x, constant(True, "bool"), "always")
    open_ = checked(x, condition, "perhaps")
    graph = run(Graph("g", (x, condition), (x,), effects=(holds, open_)), PASSES)
    assert [effect.node.op.name for effect in graph.effects] == ["check"]
    assert ops(*graph.results) == ["check"]


def test_updates_of_a_variable_to_itself_are_dropped() -> None:
    w, v = parameter((3,), name="w"), parameter((3,), name="v")
    graph = run(Graph("g", (), (w,), (w, v), ((w, w * full(1, w)), (v, v + w))), PASSES)
    assert [variable for variable, _ in graph.updates] == [v]


def test_folding_makes_no_large_constants() -> None:
    large = emit("pad", constant(np.arange(4)), constant(0), low=(2000,), high=(0,), interior=(0,))
    graph = Fold()(Graph("g", (), (large + large,)))
    assert all(node["value"].size <= 4 for node in graph.nodes if node.op.name == "constant")


def test_a_failing_gather_of_constants_fails_when_it_runs_not_when_it_compiles() -> None:
    taken = emit("gather", constant([1, 2, 3]), constant([7], "int64"), axes=(0,), mode="check")
    assert ops(*Fold()(Graph("g", (), (taken,))).outputs) == ["gather"]


def test_passes_are_idempotent() -> None:
    y = log(total(exp(x))) * constant(2) / constant(4)
    graph = run(Graph("g", (x,), (y,)), PASSES)
    again = run(graph, PASSES)
    assert again.outputs == graph.outputs


def chain(length: int) -> Graph:
    """Alternately something to rewrite and something to keep."""
    value = x
    for step in range(length // 4):
        value = emit("neg", -exp(value)) * full(1 + step % 2, x)
    return Graph("chain", (x,), (value,))


@pytest.mark.parametrize("most", [10_000, pytest.param(100_000, marks=pytest.mark.slow)])
def test_each_node_is_settled_a_bounded_number_of_times(most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Linear work without recursion: nodes looked up per node of the graph. Seconds are shown with -s."""
    looked_up = 0
    plain = Interner.node

    def counted(self: Interner, node: Node, inputs: tuple[Value, ...]) -> Node:
        nonlocal looked_up
        looked_up += 1
        return plain(self, node, inputs)

    monkeypatch.setattr(Interner, "node", counted)
    per_node = {}
    for length in (1_000, most):
        graph, looked_up, start = chain(length), 0, time.perf_counter()
        run(graph, PASSES)
        per_node[length] = looked_up / length
        print(f"{length} nodes: {time.perf_counter() - start:.2f} s")
    assert per_node[most] <= 1.01 * per_node[1_000]

"""While loops and branches in their least form: how many are left, and what they carry.

In: loops and branches with their derivatives, and ones that carry or compute in vain. Out: nodes that are left though
they are equal, carries and operands that nobody needs; results that changed.
"""

from typing import Any

import numpy as np
import pytest

import lazygraph as lg
from lazygraph.branching import cond, switch
from lazygraph.capture import capture
from lazygraph.compiler.ir.graph import Graph, Node
from lazygraph.compiler.ir.interpret import interpret
from lazygraph.compiler.pipeline import GRAPH_PASSES
from lazygraph.while_loops import while_loop

X, A = lg.placeholder((3,), lg.float64, "x"), lg.placeholder((), lg.float64, "a")
VALUES = [np.array([0.5, -1.0, 2.0]), np.array(1.5)]


def passed(*tensors: Any) -> Graph:
    """The graph after all passes, whose results are the interpreter's before them."""
    before = capture("f", [X, A], tensors, {}).graph
    after = before
    for each in GRAPH_PASSES:
        after = each(after)
    for one, other in zip(interpret(after, VALUES).outputs, interpret(before, VALUES).outputs, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12)
    return after


def found(graph: Graph, name: str) -> list[Node]:
    return [node for node in graph.nodes if node.op.name == name]


def powers(max_trips: int = 9) -> Any:
    return while_loop(lambda s: s[0] < 4, lambda s: (s[0] + 1, lg.sin(s[1]) * A), (0, X), max_trips=max_trips)[1]


def test_a_loop_and_its_tangents_are_one() -> None:
    (node,) = found(passed(powers(), lg.jvp(powers(), [X, A], [VALUES[0], 1.0])), "while_loop")
    assert node["carries"] == 3
    assert [each.op.name for each in node.graphs[1].nodes].count("sin") == 1


def test_a_loop_and_the_one_that_keeps_states_for_its_gradient_are_one() -> None:
    """What is left: the loop forwards, and the one backwards."""
    graph = passed(powers(), *lg.grad(lg.sum(powers()), [X, A]))
    assert [node["max_trips"] for node in found(graph, "while_loop")] == [9, 3]


def test_loops_that_make_other_trips_stay_apart() -> None:
    one, _ = while_loop(lambda s: s[1] < 4, lambda s: (s[0] * A, s[1] + 1), (X, 0))
    other, _ = while_loop(lambda s: s[1] < 5, lambda s: (s[0] * A, s[1] + 1), (X, 0))
    bounded, _ = while_loop(lambda s: s[1] < 4, lambda s: (s[0] * A, s[1] + 1), (X, 0), max_trips=4)
    assert len(found(passed(one, other, bounded), "while_loop")) == 3


def test_a_loop_that_needs_another_stays_behind_it() -> None:
    one, _ = while_loop(lambda s: s[1] < 4, lambda s: (s[0] * A, s[1] + 1), (X, 0))
    other, _ = while_loop(lambda s: s[1] < 4, lambda s: (s[0] * A, s[1] + 1), (one, 0))
    assert len(found(passed(one, other), "while_loop")) == 2


def test_equal_unread_and_unchanged_carries_go() -> None:
    def body(s: Any) -> Any:
        x, y, fixed, unread, count, counted = s
        return x * fixed, y * twice, fixed, unread + x, count + 1, counted + 1

    twice = X * 2
    init = (X, X, twice, X, 0, 0)
    x, y, *_, counted = while_loop(lambda s: s[4] < 3, body, init)
    (node,) = found(passed(x + y, counted), "while_loop")
    assert (node["carries"], len(node.inputs)) == (2, 3)


def test_a_loop_whose_condition_never_holds_is_none() -> None:
    y = while_loop(lambda x: lg.constant(False), lambda x: x * A, X)
    assert not found(passed(y), "while_loop")


def test_branches_of_one_choice_are_one() -> None:
    def branch(x: Any) -> Any:
        return lg.sum(lg.exp(x) * A)

    y = cond(A > 0, branch, lambda x: x[0], X)
    (node,) = found(passed(y, lg.grad(y, X), lg.jvp(y, X, VALUES[0])), "cond")
    assert [[each.op.name for each in graph.nodes].count("exp") for graph in node.graphs] == [1, 0]


def test_a_branch_that_is_known_is_the_branch() -> None:
    y = cond(lg.constant(True), lambda: X * A, lambda: X)
    z = switch(7, [lambda: X, lambda: X + A])
    assert not found(passed(y, z, switch(lg.sum(X).astype(lg.int32), [lambda: X * 2])), "cond")


def test_results_and_operands_in_vain_go() -> None:
    y = cond(A > 0, lambda x: (x, x * A, lg.exp(x), x), lambda x: (x, x + A, x, x), X)
    (node,) = found(passed(y[0], y[1], y[3]), "cond")
    assert len(node.outputs) == 1
    assert [each.op.name for each in node.graphs[0].nodes].count("exp") == 0


def test_what_is_shown_stays(capsys: pytest.CaptureFixture[str]) -> None:
    """A loop and its gradient print once in each trip."""
    y = while_loop(lambda s: s[0] < 2, lambda s: (s[0] + 1, lg.print(s[1] * A, "y {}")), (0, X), max_trips=3)[1]
    graph = capture("f", [X, A], [y, lg.jvp(y, X, VALUES[0])], {}).graph
    for each in GRAPH_PASSES:
        graph = each(graph)
    assert len(found(graph, "while_loop")) == 1
    interpret(graph, VALUES)
    assert capsys.readouterr().out.count("y ") == 2


def test_what_is_shown_of_a_carry_that_nobody_reads_stays(capsys: pytest.CaptureFixture[str]) -> None:
    def body(s: Any) -> Any:
        return s[0] + 1, s[1] * A, lg.print(s[2] + s[1], "z {}")

    y = while_loop(lambda s: s[0] < 2, body, (0, X, X))[1]
    passed(y)
    assert capsys.readouterr().out.count("z ") == 2 * 2

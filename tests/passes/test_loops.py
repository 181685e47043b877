"""Loops after the pass `loops`: how many are left, and what they carry, read and stack.

In: graphs of scans, of their derivatives and batches. Out: loops that the pass should have joined or left out, and
values that it changed.
"""

from collections.abc import Callable, Sequence

import numpy as np
import pytest

import lazygraph as lg
from lazygraph.compiler.ir.graph import Graph, Node, interned
from lazygraph.compiler.ir.interpret import interpret
from lazygraph.compiler.ir.verify import verify_graph
from lazygraph.compiler.passes.base import run
from lazygraph.compiler.passes.loops import Loops
from lazygraph.compiler.pipeline import GRAPH_PASSES
from lazygraph.tensor import Tensor

UP_TO_LOOPS = GRAPH_PASSES[: [each.name for each in GRAPH_PASSES].index("loops")]


def loops(graph: Graph) -> list[Node]:
    return [node for node in graph.nodes if node.op.name == "scan"]


def tidied(outputs: Sequence[Tensor], inputs: Sequence[Tensor]) -> Graph:
    """The graph after the pass, its values held to those of the interpreter before it."""
    graph = Graph("test", tuple(x.value for x in inputs), tuple(y.value for y in outputs))
    before = run(interned(graph), UP_TO_LOOPS)
    after = Loops()(before)
    verify_graph(after)
    generator = np.random.default_rng(0)
    arrays = [generator.standard_normal([e if isinstance(e, int) else 5 for e in x.shape]) for x in inputs]
    for one, other in zip(interpret(before, arrays).outputs, interpret(after, arrays).outputs, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-12)
    return after


def network(length=5, **how) -> tuple[Tensor, list[Tensor]]:
    """A recurrent network's loss, and its input, weights and first state."""
    x, w = lg.placeholder((length, 3), lg.float64, "x"), lg.placeholder((3, 3), lg.float64, "w")
    h = lg.placeholder((3,), lg.float64, "h")
    last, stack = lg.scan(lambda h, x: ((new := lg.tanh(h @ w + x)), new * h), h, x, **how)
    return lg.sum(stack * stack) + lg.sum(last), [x, w, h]


Derivative = Callable[[Tensor, list[Tensor]], list[Tensor]]
DERIVATIVES: dict[str, tuple[Derivative, int]] = {
    "grad": (lambda y, x: lg.grad(y, x), 2),
    "jvp": (lambda y, x: [lg.jvp(y, x, x)], 1),
    "jvp of grad": (lambda y, x: lg.jvp(lg.grad(y, x), x, x), 2),
    "hessian": (lambda y, x: [lg.hessian(y, x[2])], 2),
    "grad of grad": (lambda y, x: lg.grad(sum([lg.sum(g * g) for g in lg.grad(y, x)]), x), 4),
}


@pytest.mark.parametrize("name", DERIVATIVES)
@pytest.mark.parametrize("length", [5, lg.dim("n")])
def test_a_loop_and_those_that_derivatives_made_of_it_are_one(name: str, length) -> None:
    """One forth and one back; two of each for a gradient of a gradient, which goes through the way back."""
    derive, expected = DERIVATIVES[name]
    loss, inputs = network(length)
    assert len(loops(tidied([loss, *derive(loss, inputs)], inputs))) == expected


def test_a_loop_and_the_one_that_keeps_its_carries_are_one() -> None:
    loss, inputs = network(9, remat=True)
    forth, back = loops(tidied([loss, *lg.grad(loss, inputs)], inputs))
    assert (forth["length"], back["length"]) == (9, 3)
    assert [node["length"] for node in loops(back.graphs[0])] == [3, 3]


def test_carries_that_begin_and_go_on_alike_are_one() -> None:
    x = lg.placeholder((4,), lg.float64, "x")

    def trip(carry: tuple, each: Tensor) -> tuple:
        a, b, c = carry
        return (a * each + c, b * each + c, a + b), None

    (a, b, c), _ = lg.scan(trip, (x[0], x[0], x[1]), x)
    (loop,) = loops(tidied([a, b, c], [x]))
    assert loop["carries"] == 2
    different, _ = lg.scan(lambda p, each: ((p[0] * each, p[1] + each), None), (x[0], x[0]), x)
    (loop,) = loops(tidied(list(different), [x]))
    assert loop["carries"] == 2


def test_what_never_changes_is_no_carry_and_what_nobody_needs_is_not_computed() -> None:
    x = lg.placeholder((4,), lg.float64, "x")

    def trip(carry: tuple, each: Tensor) -> tuple:
        fixed, dead, live = carry
        return (fixed, lg.sin(dead), live * fixed + each), (dead, each, lg.exp(fixed), live)

    (fixed, _, live), (_, same, exp, before) = lg.scan(trip, (x[0], x[1], x[2]), x)
    graph = tidied([fixed, live, same, exp, before], [x])
    (loop,) = loops(graph)
    assert (loop["carries"], len(loop.outputs)) == (1, 2)
    assert "sin" not in {node.op.name for node in loop.graphs[0].nodes}
    assert graph.outputs[2] is graph.inputs[0]


def test_loops_of_no_trip_and_of_one_are_no_loops() -> None:
    for length in (0, 1):
        loss, inputs = network(length)
        assert loops(tidied([loss, *lg.grad(loss, inputs)], inputs)) == []


def test_loops_that_need_each_other_stay_apart() -> None:
    x = lg.placeholder((4,), lg.float64, "x")
    first, ys = lg.scan(lambda c, each: (c + each, c), 0.0, x)
    second, _ = lg.scan(lambda c, each: (c * each[0] + each[1], None), 1.0, (x, ys))
    third, _ = lg.scan(lambda c, each: (c - each, None), first, x)
    assert len(loops(tidied([second, third], [x]))) == 2


def test_values_that_all_trips_share_are_computed_before_the_loop() -> None:
    """Of a carry that turns out never to change."""
    x = lg.placeholder((4,), lg.float64, "x")
    (_, last), _ = lg.scan(lambda c, each: ((c[0], c[1] * lg.exp(c[0]) + each), None), (x[0], x[1]), x)
    graph = tidied([last], [x])
    assert "exp" in {node.op.name for node in graph.nodes}
    assert "exp" not in {node.op.name for node in loops(graph)[0].graphs[0].nodes}


def test_checks_in_a_loop_and_its_derivative_are_one_check() -> None:
    x = lg.placeholder((4,), lg.float64, "x")
    last, _ = lg.scan(lambda c, each: (c * lg.check(lg.cos(each), each < 9, "too great"), None), 1.0, x)
    forth, _ = loops(tidied([last, lg.grad(last, x)], [x]))
    assert [node.op.name for node in forth.graphs[0].nodes].count("check") == 1


def test_a_print_is_kept_though_nobody_uses_what_it_shows(capsys: pytest.CaptureFixture[str]) -> None:
    x = lg.placeholder((2,), lg.int64, "x")
    _, ys = lg.scan(lambda c, each: (lg.print(c + each, "c"), each * 2), 0, x)
    lg.function([x], ys)([1, 2])
    assert capsys.readouterr().out == "c: 1\nc: 3\n"


def test_sums_of_products_leave_the_loop_where_stacking_moves_less() -> None:
    """The gradient of 64 x 64 weights over vectors is one product behind the loop; of 3 x 3 weights it stays a sum."""
    for width, inside in ((64, 1), (3, 2)):
        w, h = lg.placeholder((width, width), lg.float64, "w"), lg.placeholder((width,), lg.float64, "h")
        last, _ = lg.scan(lambda c, _: (lg.tanh(c @ w), None), h, length=6)  # noqa: B023
        _, back = loops(tidied(lg.grad(lg.sum(last), [w, h]), [w, h]))
        assert [node.op.name for node in back.graphs[0].nodes].count("dot") == inside
        assert back["carries"] == inside


def test_sums_of_products_stay_in_loops_over_segments() -> None:
    w, h = lg.placeholder((64, 64), lg.float64, "w"), lg.placeholder((64,), lg.float64, "h")
    last, _ = lg.scan(lambda c, _: (lg.tanh(c @ w), None), h, length=16, remat=True)
    _, over = loops(tidied(lg.grad(lg.sum(last), [w, h]), [w, h]))
    assert over["carries"] == 2 and len(over.outputs) == 2
    (_, back) = loops(over.graphs[0])
    assert back["carries"] == 1

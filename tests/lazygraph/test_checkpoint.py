"""`lg.checkpoint`: the reverse pass computes again, at its turn, with the same bits, and nothing merges it back.

In: functions with and without it. Out: values and derivatives of every kind, the graph after each pass, the order of
launches, the bytes of the plan.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import lazygraph as lg
from lazygraph.compiler.ir.graph import Graph
from lazygraph.compiler.passes.base import run
from lazygraph.compiler.pipeline import GRAPH_PASSES

N = lg.dim("n", min=1)
Wrap = Callable[[Callable[..., Any]], Callable[..., Any]]
WRAPS: list[Wrap] = [lambda f: f, lg.checkpoint]


def chain(wrap: Wrap, links: int = 4, width: int = 16) -> tuple[lg.Tensor, lg.Tensor, list[lg.Variable]]:
    """(x, loss, weights) of layers that each store several arrays."""
    rng = np.random.default_rng(0)
    x = lg.placeholder((N, width), lg.float32, "x")
    weights = [lg.variable(rng.normal(size=(width, width)).astype(np.float32) / 4, f"w{each}") for each in range(links)]
    value = x
    for weight in weights:

        def layer(v: lg.Tensor, weight: lg.Tensor = weight) -> lg.Tensor:
            return v + lg.sin(lg.tanh(v @ weight)) * lg.exp(-v * v)

        value = wrap(layer)(value)
    return x, lg.mean(value * value), weights


def step_of(wrap: Wrap, links: int = 4, width: int = 16) -> lg.Function:
    x, loss, weights = chain(wrap, links, width)
    return lg.function([x], loss, updates=lg.optim.Adam(1e-2).minimize(loss, weights))


def same_bits(found: Any, expected: Any) -> None:
    assert [np.asarray(each).tobytes() for each in found] == [np.asarray(each).tobytes() for each in expected]


def test_a_training_step_has_the_same_bits_in_less_memory() -> None:
    plain, again = [step_of(wrap) for wrap in WRAPS]
    for rows in (1, 7, 300):
        batch = np.random.default_rng(rows).normal(size=(rows, 16)).astype(np.float32)
        same_bits([again(batch) for _ in range(3)], [plain(batch) for _ in range(3)])
    assert again.memory_plan().arena(n=4096) < 0.7 * plain.memory_plan().arena(n=4096)


def count(graph: Graph, op: str) -> int:
    return sum(node.op.name == op for node in graph.nodes)


@pytest.mark.parametrize("last", range(1, len(GRAPH_PASSES) + 1), ids=[each.name for each in GRAPH_PASSES])
def test_no_pass_merges_what_is_computed_again(last: int) -> None:
    graphs = []
    for wrap in WRAPS:
        x, loss, weights = chain(wrap, links=2)
        results = (loss.value, *[each.value for each in lg.grad(loss, weights)])
        graph = Graph("step", (x.value,), results, tuple([each.value for each in weights]))
        graphs.append(run(graph, [*GRAPH_PASSES[:2], *GRAPH_PASSES[:last], GRAPH_PASSES[last - 1]]))
    for op, own, again in (("tanh", 2, 4), ("dot", 5, 7), ("sin", 2, 3)):
        assert [count(graph, op) for graph in graphs] == [own, again], f"{op} after {GRAPH_PASSES[last - 1].name}"


def test_what_is_computed_again_is_launched_at_its_turn() -> None:
    """Each layer's product runs forward, then again behind the backward pass of the layer after it, before its own."""
    x, loss, weights = chain(lg.checkpoint, links=3)
    step = lg.function([x], lg.grad(loss, weights))
    runs = [line for line in step.ir("program").splitlines() if line.startswith("  run dot")]
    assert re.findall(r"variable (\d)", "".join(runs)) == list("01222110")


def test_every_order_and_kind_of_derivative_is_that_of_the_function() -> None:
    x, v = lg.placeholder((3,), lg.float64, "x"), lg.placeholder((3,), lg.float64, "v")
    w = lg.variable(np.linspace(-1, 1, 9).reshape(3, 3), "w")

    def f(t: lg.Tensor) -> lg.Tensor:
        return lg.tanh(w @ t) * lg.exp(t[::-1])

    def everything(wrap: Wrap) -> list[lg.Tensor]:
        y = lg.sum(wrap(lambda t: wrap(f)(wrap(f)(t)))(x) ** 2)
        gradient = lg.grad(y, x)
        return [
            y,
            gradient,
            lg.grad(y, w),
            lg.jvp(y, x, v),
            lg.jvp(gradient, x, v),
            lg.grad(lg.sum(gradient * v), x),
            lg.hessian(y, x),
            lg.jacobian(wrap(f)(x), x),
            lg.grad(lg.sum(lg.grad(lg.sum(gradient * v), x) * v), w),
            lg.substitute(gradient, {x: v}),
            lg.vmap(lambda row: lg.grad(lg.sum(wrap(f)(row)), row))(lg.stack([x, v])),
            lg.grad(lg.sum(lg.vmap(wrap(f))(lg.stack([x, v])) ** 2), w),
        ]

    steps = [lg.function([x, v], everything(wrap)) for wrap in WRAPS]
    a, b = np.array([0.1, -0.4, 0.8]), np.array([1.0, 0.5, -0.3])
    for found, expected in zip(*[step(a, b) for step in steps]):
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-13)


def test_forward_mode_computes_nothing_twice() -> None:
    x = lg.placeholder((5,), lg.float32, "x")
    along = lg.jvp(lg.checkpoint(lambda t: lg.exp(lg.sin(t)))(x), x, lg.ones_like(x))
    text = lg.function([x], along).ir("sequence")
    assert (text.count("= sin "), text.count("= exp "), text.count("= barrier ")) == (1, 1, 0)


def test_random_numbers_and_running_statistics_are_those_of_the_forward_pass() -> None:
    def step_with(wrap: Wrap) -> lg.Function:
        train = lg.nn.Training(random=3)
        block = lg.nn.Sequential(lg.nn.Linear(8, 8, rng=0), lg.nn.BatchNorm(8), lg.nn.Dropout(0.5))
        x = lg.placeholder((N, 8), lg.float32, "x")
        loss = lg.sum(lg.tanh(wrap(block)(x, train)) ** 2)
        updates = lg.optim.SGD(0.1).minimize(loss, block.parameters()) | train.updates
        return lg.function([x], loss, updates=updates)

    plain, again = [step_with(wrap) for wrap in WRAPS]
    batch = np.random.default_rng(1).normal(size=(6, 8)).astype(np.float32)
    same_bits([again(batch) for _ in range(3)], [plain(batch) for _ in range(3)])
    bits = [step.ir("sequence").count("= random_bits ") for step in (plain, again)]
    assert bits == [4, 7]  # but for the key of the next step


def test_nested_arguments_and_what_is_no_tensor_come_to_f_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    x, y = lg.placeholder((2,), lg.float32, "x"), lg.placeholder((2,), lg.float32, "y")
    seen: list[Any] = []

    @lg.checkpoint
    def f(tree: Any, power: int, *, scale: Any) -> Any:
        """What f says of itself."""
        seen.append((power, scale))
        shown = lg.print(tree["a"] * tree["b"][0], "product")
        return {"out": shown**power * scale, "same": tree["a"], "three": 3.0}

    assert f.__doc__ == "What f says of itself."
    result = f({"a": x, "b": [y]}, 2, scale=10)
    assert seen == [(2, 10)]
    step = lg.function([x, y], [result, lg.grad(lg.sum(result["out"]), [x, y])])
    found, (dx, dy) = step([1, 2], [3, 4])
    np.testing.assert_array_equal(found["out"], [90, 640])
    np.testing.assert_array_equal(found["same"], [1, 2])
    assert found["three"] == 3
    np.testing.assert_array_equal([dx, dy], [[180, 640], [60, 320]])
    assert capsys.readouterr().out.count("product") == 1


def test_a_check_within_fails_with_its_line() -> None:
    x = lg.placeholder((2,), lg.float32, "x")
    y = lg.checkpoint(lambda t: lg.sqrt(lg.check(t, t > 0, "roots are of positive numbers")))(x)
    step = lg.function([x], lg.grad(lg.sum(y * y), x))
    np.testing.assert_allclose(step([1, 4]), [1, 1])
    with pytest.raises(lg.CheckFailed, match="roots are of positive numbers"):
        step([1, -1])


def test_a_tensor_is_no_function() -> None:
    x = lg.placeholder((2,), lg.float32, "x")
    with pytest.raises(TypeError, match=r"expected a function, found .*: lg.checkpoint\(f\)\(x\)"):
        lg.checkpoint(lg.sin(x))  # type: ignore[arg-type]


def test_the_body_of_a_loop_keeps_its_carry_alone() -> None:
    w, x = lg.variable(np.eye(4) * 0.5 + 0.1, "w"), lg.placeholder((N, 4), lg.float64, "x")

    def body(carry: lg.Tensor, element: lg.Tensor) -> tuple[lg.Tensor, lg.Tensor]:
        carry = lg.tanh(carry @ w) * lg.exp(-carry * carry) + element
        return carry, carry

    def step_with(wrap: Wrap) -> lg.Function:
        last, all_of_them = lg.scan(wrap(body), lg.zeros((4,), lg.float64), x)
        loss = lg.sum(last) + lg.sum(all_of_them**2)
        return lg.function([x], [loss, *lg.grad(loss, [w, x])])

    plain, again = [step_with(wrap) for wrap in WRAPS]
    elements = np.random.default_rng(0).normal(size=(9, 4))
    for found, expected in zip(again(elements), plain(elements)):
        np.testing.assert_allclose(found, expected, rtol=1e-13, atol=1e-14)
    assert again.memory_plan().arena(n=4096) < 0.6 * plain.memory_plan().arena(n=4096)


def test_a_function_with_a_rule_may_stand_in_a_loop_alone() -> None:
    @lg.custom_derivative(vjp=lambda arguments, result, cotangent: 2 * cotangent)
    def doubled_slope(v: lg.Tensor) -> lg.Tensor:
        return v + 1

    x = lg.placeholder((3,), lg.float64, "x")
    last, _ = lg.scan(lambda carry, element: (doubled_slope(carry) * element, None), lg.constant(1.0), x)
    np.testing.assert_array_equal(lg.function([x], [last, lg.grad(last, x)])([1.0, 2.0, 3.0])[0], 21)

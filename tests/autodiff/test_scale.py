"""Graphs of 100,000 nodes differentiate without recursion, in work linear in their size.

In: chains and fans of 1,000 to 100,000 nodes. Out: the number of rules applied and of nodes made, per node.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import pytest

from lazygraph.compiler.autodiff.batching import batch_all
from lazygraph.compiler.autodiff.jvp import jvp
from lazygraph.compiler.autodiff.substitute import substitute
from lazygraph.compiler.ir.graph import Interner, Node, Value, topological
from lazygraph.compiler.ops.compose import emit
from lazygraph.compiler.ops.leaf import new_parameter
from lazygraph.runtime.dtypes import float64
from tests.autodiff.derive import grad, run, stand_in
from tests.passes.build import total

X = stand_in(np.ones(2))
SIZES = [10_000, pytest.param(100_000, marks=pytest.mark.slow)]


def chain(x: Value, length: int) -> Value:
    value = x
    for _ in range(length // 2):
        value = emit("sin", value) * x
    return total(value)


def fan(x: Value, length: int) -> Value:
    """x read by many, their results summed."""
    value = x
    for step in range(length // 3):
        value = value + emit("cos", x * float(step))
    return total(value)


@pytest.mark.parametrize("most", SIZES)
@pytest.mark.parametrize("shape", [chain, fan])
def test_reverse_mode_makes_a_constant_number_of_nodes_per_node(
    shape: Callable[[Value, int], Value], most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_up = 0
    plain = Interner.node

    def counted(self: Interner, node: Node, inputs: tuple[Value, ...]) -> Node:
        nonlocal looked_up
        looked_up += 1
        return plain(self, node, inputs)

    monkeypatch.setattr(Interner, "node", counted)
    made, visited = {}, {}
    for length in (1_000, most):
        y, looked_up, start = shape(X, length), 0, time.perf_counter()
        gradients = grad(y, X)
        print(f"{shape.__name__} of {length}: {time.perf_counter() - start:.2f} s")
        made[length], visited[length] = len(topological(gradients)) / length, looked_up / length
    assert made[most] <= 1.01 * made[1_000] < 10
    assert visited[most] <= 1.01 * visited[1_000] < 10


@pytest.mark.parametrize("most", SIZES)
def test_every_transform_of_a_deep_graph(most: int) -> None:
    y = chain(X, most)
    assert jvp([y], [X], [X])[0] is not None
    assert substitute([y], {X: X * 0.5})[0].type == y.type
    many = new_parameter("many", float64, (3, 2))
    assert batch_all([y], [X], [many], 3)[0].shape == (3,)


def test_second_derivatives_of_a_long_chain() -> None:
    y = chain(X, 2_000)
    (second,) = grad(total(grad(y, X)[0]), X)
    assert run([second], {X: np.full(2, 0.1)})[0].shape == (2,)

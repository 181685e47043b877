"""Derivatives of formulas that overflow as written: first and second, at the extremes, in float32.

In: log(softmax x), log(1 + exp x), log(sum(exp x)) and their kin. Out: derivatives against the mathematics.
"""

from __future__ import annotations

import math

import numpy as np
import pytest

from lazygraph.compiler.autodiff.jvp import jvp
from lazygraph.compiler.ir.graph import Graph, Value
from lazygraph.compiler.ir.interpret import interpret
from lazygraph.compiler.ops.compose import emit
from lazygraph.compiler.ops.record import full
from lazygraph.compiler.passes.stability import Stabilize
from lazygraph.runtime.dtypes import int64
from tests.autodiff.derive import grad, stand_in
from tests.passes.build import exp, log, softmax, total


def logistic(x: Value) -> Value:
    return full(x.type, 1) / (exp(-x) + 1.0)


def sigma(x: np.ndarray) -> np.ndarray:
    return np.exp(-np.logaddexp(0, -x))


FORMULAS = {
    "log softmax": lambda x: log(softmax(x)),
    "softplus": lambda x: log(full(x.type, 1) + exp(x)),
    "log-sum-exp": lambda x: log(total(exp(x))),
    "log sigmoid": lambda x: log(logistic(x)),
    "log(1 - sigmoid)": lambda x: log(full(x.type, 1) - logistic(x)),
    "sigmoid": logistic,
    "rising sigmoid": lambda x: exp(x) / (exp(x) + 1.0),
    "softmax": softmax,
}


def jacobian_of(name: str, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(J, H) with J[i, j] = dy_i/dx_j and H[i, j, k] its derivatives; a scalar y counts as one row."""
    p = np.exp(x - x.max()) / np.exp(x - x.max()).sum()
    size = len(x)
    identity = np.eye(size)
    dp = np.diag(p) - np.outer(p, p)
    s, cube = sigma(x), np.zeros((size, size, size))
    ds = s * sigma(-x)

    def diagonal(first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        h = cube.copy()
        h[range(size), range(size), range(size)] = second
        return np.diag(first), h

    d2p = (
        np.einsum("ij,ik,i->ijk", identity, identity, p)
        - np.einsum("ij,i,k->ijk", identity, p, p)
        - np.einsum("ik,i,j->ijk", identity, p, p)
        - np.einsum("jk,i,j->ijk", identity, p, p)
        + 2 * np.einsum("i,j,k->ijk", p, p, p)
    )
    return {
        "log softmax": (identity - p, np.broadcast_to(-dp, cube.shape)),
        "softplus": diagonal(s, ds),
        "log-sum-exp": (p[None], dp[None]),
        "log sigmoid": diagonal(1 - s, -ds),
        "log(1 - sigmoid)": diagonal(-s, -ds),
        "sigmoid": diagonal(ds, ds * (1 - 2 * s)),
        "rising sigmoid": diagonal(ds, ds * (1 - 2 * s)),
        "softmax": (dp, d2p),
    }[name]


POINTS = [[0.0, -200.0], [300.0, 100.0], [200.0, 0.0], [0.0, 0.0], [0.3, -0.7], [-300.0, -300.0], [1e4, -1e4]]


@pytest.mark.parametrize("numbers", POINTS, ids=str)
@pytest.mark.parametrize("name", list(FORMULAS))
def test_first_and_second_derivatives(name: str, numbers: list[float]) -> None:
    array = np.array(numbers, np.float32)
    x = stand_in(array)
    y = FORMULAS[name](x)
    weights, direction = np.array([1.0, 0.25], np.float32), np.array([1.0, -0.5], np.float32)
    if not y.type.rank:
        weights = np.ones((), np.float32)
    w, v = stand_in(weights, "w"), stand_in(direction, "v")
    (gradient,) = grad(total(y * w), x)
    (forward,) = jvp([gradient], [x], [v])
    (reverse,) = grad(total(gradient * v), x)
    assert forward is not None
    raw = Graph("raw", (x, w, v), (gradient, forward, reverse))
    first, second = jacobian_of(name, array.astype(np.float64))
    rows = np.atleast_1d(weights).astype(np.float64)
    expected = rows @ first, np.einsum("i,ijk,k->j", rows, second, direction)
    for graph in (raw, Stabilize()(raw)):
        found = interpret(graph, [array, weights, direction]).outputs
        np.testing.assert_allclose(found[0], expected[0], rtol=1e-5, atol=2e-7)
        np.testing.assert_allclose(found[1], expected[1], rtol=1e-5, atol=2e-7)
        np.testing.assert_allclose(found[2], expected[1], rtol=1e-5, atol=2e-7)


@pytest.mark.parametrize("gather_first", [True, False])
def test_cross_entropy_as_written(gather_first: bool) -> None:
    """log(softmax(x))[arange(n), y]: the gradient is one-hot minus softmax, the Hessian minus its Jacobian."""
    logits = np.array([[0, -200, 5], [300, 0, 0]], np.float32)
    labels = np.array([1, 0])
    x, y = stand_in(logits), stand_in(labels, "labels")
    rows = emit("iota", dtype=int64, shape=(2,), axis=0)

    def chosen(p: Value) -> Value:
        return emit("gather", p, rows, y, axes=(0, 1), mode="check")

    loss = total(log(chosen(softmax(x))) if gather_first else chosen(log(softmax(x))))
    direction = np.array([[1, 2, -1], [1, 2, -1]], np.float32)
    v = stand_in(direction, "v")
    (gradient,) = grad(loss, x)
    (forward,) = jvp([gradient], [x], [v])
    (reverse,) = grad(total(gradient * v), x)
    assert forward is not None
    graph = Graph("loss", (x, y, v), (gradient, forward, reverse))
    found = interpret(graph, [logits, labels, direction]).outputs
    p = np.exp(logits.astype(np.float64) - logits.max(1, keepdims=True))
    p /= p.sum(1, keepdims=True)
    one_hot = np.eye(3)[labels]
    hessian = -(p * direction - p * (p * direction).sum(1, keepdims=True))
    np.testing.assert_allclose(found[0], one_hot - p, rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(found[1], hessian, rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(found[2], hessian, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("number", [-1e-18, -1e-3, -0.5, math.log(0.5), -1.0, -40.0])
def test_log_of_one_minus_exp(number: float) -> None:
    """d/dx log(1 - e^x) = -e^x / (1 - e^x) = 1 - 1 / (1 - e^x); the second derivative is -e^x / (1 - e^x)^2."""
    array = np.array([number])
    x = stand_in(array)
    (first,) = grad(total(log(full(x.type, 1) - exp(x))), x)
    (second,) = grad(total(first), x)
    found = interpret(Graph("g", (x,), (first, second)), [array]).outputs
    gap = -math.expm1(number)
    np.testing.assert_allclose(found[0], -math.exp(number) / gap, rtol=1e-13)
    np.testing.assert_allclose(found[1], -math.exp(number) / gap**2, rtol=1e-13)


@pytest.mark.parametrize("name", list(FORMULAS))
def test_the_residuals_of_a_gradient_are_nodes_of_the_value(name: str) -> None:
    """Compiled together, value and gradient compute exp once: both reach the same stable form."""
    x = stand_in(np.zeros(2))
    y = total(FORMULAS[name](x))
    graph = Stabilize()(Graph("step", (x,), (y, *grad(y, x))))
    assert [node.op.name for node in graph.nodes].count("exp") == 1


def test_root_of_square_has_a_derivative_of_zero_at_zero() -> None:
    x = stand_in(np.zeros(2))
    (gradient,) = grad(total(emit("sqrt", x * x)), x)
    assert interpret(Graph("g", (x,), (gradient,)), [np.array([0.0, -3.0])]).outputs[0].tolist() == [0, -1]

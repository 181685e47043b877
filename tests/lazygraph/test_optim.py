"""Optimizers follow torch.optim's formulas, step by step, against the same formulas in NumPy."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import lazygraph as lg
from tests.lazygraph.evaluation import evaluate

START = np.array([1.0, -2.0, 0.5])
SCALE = np.array([1.0, 0.1, 3.0])


def trajectory(optimizer: Any, steps: int) -> list[np.ndarray]:
    """The weights after each step down the gradient of sum(scale * w**2) / 2."""
    w = lg.variable(START, "w")
    updates = optimizer.minimize(lg.sum(lg.constant(SCALE) * w * w) / 2, [w])
    found = []
    for _ in range(steps):
        values = evaluate(list(updates.values()))
        for variable, value in zip(updates, values):
            variable.assign(value)
        found.append(w.numpy())
    return found


def sgd(lr: float, momentum: float = 0.0, nesterov: bool = False) -> Callable[[np.ndarray, dict[str, Any]], np.ndarray]:
    def step(w: np.ndarray, state: dict[str, Any]) -> np.ndarray:
        g = SCALE * w
        buffer = state["buffer"] = momentum * state["buffer"] + g if "buffer" in state else g
        return w - lr * (g + momentum * buffer if nesterov else buffer)

    return step


def adam(lr: float, betas: tuple[float, float], eps: float) -> Callable[[np.ndarray, dict[str, Any]], np.ndarray]:
    def step(w: np.ndarray, state: dict[str, Any]) -> np.ndarray:
        g = SCALE * w
        t = state["t"] = state.get("t", 0) + 1
        m = state["m"] = betas[0] * state.get("m", 0.0) + (1 - betas[0]) * g
        v = state["v"] = betas[1] * state.get("v", 0.0) + (1 - betas[1]) * g * g
        return w - lr / (1 - betas[0] ** t) * m / (np.sqrt(v) / np.sqrt(1 - betas[1] ** t) + eps)

    return step


@pytest.mark.parametrize(
    ("optimizer", "step"),
    [
        (lg.optim.SGD(0.1), sgd(0.1)),
        (lg.optim.SGD(0.1, momentum=0.9), sgd(0.1, 0.9)),
        (lg.optim.SGD(0.1, momentum=0.9, nesterov=True), sgd(0.1, 0.9, True)),
        (lg.optim.Adam(0.1), adam(0.1, (0.9, 0.999), 1e-8)),
        (lg.optim.Adam(0.01, betas=(0.5, 0.9), eps=1e-3), adam(0.01, (0.5, 0.9), 1e-3)),
        (lg.optim.Adam(0.01, betas=(0.0, 0.9)), adam(0.01, (0.0, 0.9), 1e-8)),
    ],
)
def test_the_weights_follow_the_formula(optimizer: Any, step: Any) -> None:
    w, state = START, {}
    for found in trajectory(optimizer, 20):
        w = step(w, state)
        np.testing.assert_allclose(found, w, rtol=1e-12)


def test_a_learning_rate_may_be_a_variable_of_another_dtype() -> None:
    rate = lg.variable(0.5, "rate")
    w = lg.variable(np.ones(2, np.float32), "w")
    for optimizer in (lg.optim.SGD(rate, momentum=0.5), lg.optim.Adam(rate)):
        updates = optimizer.minimize(lg.sum(w * w), [w])
        assert [new.dtype for new in updates.values()] == [old.dtype for old in updates]
        assert [new.shape for new in updates.values()] == [old.shape for old in updates]


def test_a_repeated_variable_is_updated_once() -> None:
    w = lg.variable([1.0], "w")
    assert list(lg.optim.SGD(0.1).minimize(lg.sum(w), [w, w])) == [w]


@pytest.mark.parametrize(
    ("wrong", "error", "message"),
    [
        (lambda w, i: lg.optim.SGD(0.1).minimize(w * w, [w]), lg.ShapeError, "a loss is a scalar: take lg.mean"),
        (lambda w, i: lg.optim.SGD(0.1).minimize(lg.sum(w), []), ValueError, "at least one variable"),
        (lambda w, i: lg.optim.SGD(0.1).minimize(lg.sum(w), [i]), lg.DTypeError, "i is int64: expected a float"),
        (lambda w, i: lg.optim.SGD(0.1).minimize(lg.sum(w), [w * 2]), TypeError, "expected variables"),
        (lambda w, i: lg.optim.SGD(0.1, nesterov=True), ValueError, "nesterov needs a momentum"),
        (lambda w, i: lg.optim.Adam(betas=(0.9, 1.0)), ValueError, "expected 0 <= beta < 1"),
    ],
)
def test_what_cannot_be_minimised_is_an_error(wrong: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        wrong(lg.variable([1.0, 2.0], "w"), lg.variable([1, 2], "i"))

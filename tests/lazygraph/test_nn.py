"""Networks: values against SciPy and NumPy, finite values and gradients for extreme inputs, initial variances."""

from typing import Any

import numpy as np
import pytest
import scipy.special

import lazygraph as lg
from tests.lazygraph.evaluation import evaluate

X = np.random.default_rng(0).normal(size=(5, 7)) * 3
EXTREME = np.array([[1e4, 0.0, -1e4], [-1e4, -1e4, -1e4], [88.0, 89.0, -104.0]], np.float32)


def test_activations_as_their_formulas() -> None:
    close = {
        "relu": np.maximum(X, 0),
        "tanh": np.tanh(X),
        "sigmoid": scipy.special.expit(X),
        "softplus": np.logaddexp(X, 0),
        "softmax": scipy.special.softmax(X, -1),
        "log_softmax": scipy.special.log_softmax(X, -1),
        "logsumexp": scipy.special.logsumexp(X),
        "gelu": 0.5 * X * (1 + np.tanh(np.sqrt(2 / np.pi) * (X + 0.044715 * X**3))),
    }
    for name, expected in close.items():
        np.testing.assert_allclose(evaluate(getattr(lg.nn, name)(X)), expected, rtol=1e-12, atol=1e-15, err_msg=name)
    exact = X * scipy.special.ndtr(X)
    np.testing.assert_allclose(evaluate(lg.nn.gelu(X, approximate="none")), exact, rtol=1e-10, atol=1e-15)
    np.testing.assert_allclose(evaluate(lg.nn.softmax(X, axis=0)), scipy.special.softmax(X, 0), rtol=1e-12)
    np.testing.assert_allclose(
        evaluate(lg.nn.logsumexp(X, axis=1, keepdims=True)), scipy.special.logsumexp(X, 1, keepdims=True), rtol=1e-12
    )
    with pytest.raises(ValueError, match='approximate is "tanh" or "none"'):
        lg.nn.gelu(X, "exact")


@pytest.mark.parametrize("name", ["relu", "tanh", "sigmoid", "softplus", "softmax", "log_softmax", "logsumexp", "gelu"])
def test_values_and_gradients_are_finite_for_extreme_inputs(name: str) -> None:
    x = lg.placeholder(EXTREME.shape, lg.float32, "x")
    y = getattr(lg.nn, name)(x)
    slope = lg.grad(lg.sum(y), x)
    curve = lg.grad(lg.sum(slope * slope), x)
    for found in evaluate([y, slope, curve], {x: EXTREME}):
        assert np.isfinite(found).all()


@pytest.mark.parametrize("approximate", ["tanh", "none"])
def test_slopes_of_gelu_are_right_where_squares_overflow_in_float16(approximate: str) -> None:
    x = lg.placeholder((6,), lg.float16, "x")
    y = lg.nn.gelu(x, approximate)
    value, slope = evaluate([y, lg.grad(lg.sum(y), x)], {x: [-60000, -300, -50, 50, 300, 60000]})
    np.testing.assert_array_equal(value, np.array([0, 0, 0, 50, 300, 60000], np.float16))
    np.testing.assert_array_equal(slope, [0, 0, 0, 1, 1, 1])
    assert value.dtype == slope.dtype == np.float16


def test_relu_keeps_nan_and_has_slope_0_at_0() -> None:
    x = lg.placeholder((4,), lg.float32, "x")
    found = evaluate([lg.nn.relu(x), lg.grad(lg.sum(lg.nn.relu(x)), x)], {x: [np.nan, 0, -1, 2]})
    np.testing.assert_array_equal(found[0], [np.nan, 0, 0, 2])
    np.testing.assert_array_equal(found[1][1:], [0, 0, 1])


def test_softmax_of_infinities() -> None:
    np.testing.assert_array_equal(evaluate(lg.nn.softmax([0.0, -np.inf])), [1, 0])
    assert evaluate(lg.nn.logsumexp([-np.inf, -np.inf])) == -np.inf
    assert evaluate(lg.nn.logsumexp([np.inf, 0.0])) == np.inf


def test_cross_entropy_as_its_formula_and_its_gradient() -> None:
    labels = np.array([0, 6, 3, 3, 1], np.int32)
    x, y = lg.placeholder((lg.dim("n"), 7), lg.float64, "x"), lg.placeholder((lg.dim("n"),), lg.int32, "y")
    loss = lg.nn.cross_entropy(x, y)
    found, slope = evaluate([loss, lg.grad(lg.mean(loss), x)], {x: X, y: labels})
    np.testing.assert_allclose(found, -scipy.special.log_softmax(X, 1)[np.arange(5), labels], rtol=1e-12)
    np.testing.assert_allclose(slope, (scipy.special.softmax(X, 1) - np.eye(7)[labels]) / 5, rtol=1e-10, atol=1e-15)
    np.testing.assert_allclose(evaluate(lg.nn.cross_entropy(X, np.eye(7)[labels])), found, rtol=1e-12)
    np.testing.assert_allclose(
        evaluate(lg.nn.cross_entropy(X.reshape(5, 1, 7), labels.reshape(5, 1).astype(np.uint32))),
        found[:, None],
        rtol=1e-12,
    )


@pytest.mark.parametrize("label", [7, -1])
def test_a_label_that_is_no_class_fails_the_step_with_the_users_line(label: int) -> None:
    with pytest.raises(lg.CheckFailed, match=r"a label is outside 0 .. 6\n.*test_nn.py"):
        evaluate(lg.nn.cross_entropy(X, np.array([0, 1, 2, 3, label])))


def test_one_hot_and_dense() -> None:
    np.testing.assert_array_equal(
        evaluate(lg.nn.one_hot([[2, 0], [5, 1]], 3)), [[[0, 0, 1], [1, 0, 0]], [[0, 0, 0], [0, 1, 0]]]
    )
    w, b = np.ones((7, 2)), np.array([1.0, 2.0])
    np.testing.assert_allclose(evaluate(lg.nn.dense(X, w, b)), X @ w + b)
    with pytest.raises(lg.DTypeError, match="class labels have an integer dtype"):
        lg.nn.one_hot([0.5], 3)


@pytest.mark.parametrize(
    ("name", "variance"),
    [("glorot_uniform", 2 / 500), ("glorot_normal", 2 / 500), ("he_uniform", 2 / 300), ("he_normal", 2 / 300)],
)
@pytest.mark.parametrize("seed", [0, np.random.default_rng(1), lg.random.key(2)])
def test_initial_weights_have_their_variance(name: str, variance: float, seed: Any) -> None:
    made = getattr(lg.nn, name)((300, 200), seed)
    array = evaluate(made) if isinstance(made, lg.Tensor) else made
    assert array.dtype == np.float32
    assert array.shape == (300, 200)
    np.testing.assert_allclose(array.var(), variance, rtol=0.03)
    with pytest.raises(lg.ShapeError, match="a weight has at least two axes"):
        getattr(lg.nn, name)((3,), seed)


def test_windows_count_in_both_fans() -> None:
    from lazygraph.nn.initializers import fans

    assert fans((3, 3, 16, 32)) == (144, 288)

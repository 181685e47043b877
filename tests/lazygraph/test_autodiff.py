"""lg.grad and its kin on tensors: nesting, axes, closures, stable formulas, errors in the user's words.

In: tensors as a user makes them. Out: values from the interpreter, and messages.
"""

from dataclasses import dataclass

import numpy as np
import pytest

import lazygraph as lg
from lazygraph.compiler.ir.graph import topological
from tests.lazygraph.evaluation import evaluate

RNG = np.random.default_rng(11)


@dataclass(frozen=True)
class Weights:
    w: lg.Tensor
    b: lg.Tensor


def affine() -> tuple[lg.Tensor, Weights, lg.Tensor, dict]:
    x = lg.placeholder((4, 3), lg.float64, "x")
    weights = Weights(lg.placeholder((3, 2), lg.float64, "w"), lg.placeholder((2,), lg.float64, "b"))
    values = {each: RNG.normal(size=each.shape) for each in (x, weights.w, weights.b)}
    return x, weights, lg.tanh(x @ weights.w + weights.b), values


def test_the_gradient_is_nested_as_its_argument() -> None:
    x, weights, y, values = affine()
    loss = lg.sum(y * y)
    gradients = lg.grad(loss, {"weights": weights, "rest": (x, [weights.b])})
    assert isinstance(gradients["weights"], Weights)
    assert gradients["weights"].w.shape == (3, 2)
    z = evaluate(y, values)
    slope = 2 * z * (1 - z * z)
    found = evaluate([gradients["weights"].w, gradients["weights"].b, gradients["rest"][0]], values)
    np.testing.assert_allclose(found[0], values[x].T @ slope)
    np.testing.assert_allclose(found[1], slope.sum(0))
    np.testing.assert_allclose(found[2], slope @ values[weights.w].T)


def test_value_and_grad_gives_the_very_value() -> None:
    _, weights, y, _ = affine()
    loss = lg.mean(y)
    value, gradient = lg.value_and_grad(loss, weights.b)
    assert value is loss
    assert gradient.shape == (2,)


def test_what_does_not_matter_has_a_gradient_of_zeros() -> None:
    x, other = lg.placeholder((2,), lg.float32, "x"), lg.placeholder((3,), lg.float32, "other")
    gradient = lg.grad(lg.sum(x), other)
    assert evaluate(gradient, {}).tolist() == [0, 0, 0]


def test_variables_are_differentiated() -> None:
    w = lg.variable(np.array([1.0, 2.0]), "w")
    assert evaluate(lg.grad(lg.sum(w**3), w)).tolist() == [3, 12]


def test_jvp_and_vjp_are_transposes() -> None:
    x, weights, y, values = affine()
    v = Weights(RNG.normal(size=(3, 2)), RNG.normal(size=(2,)))
    u = RNG.normal(size=(4, 2))
    forward = lg.jvp(y, weights, v)
    reverse = lg.vjp(y, weights, u)
    pushed, by_w, by_b = evaluate([forward, reverse.w, reverse.b], values)
    np.testing.assert_allclose(np.vdot(u, pushed), np.vdot(by_w, v.w) + np.vdot(by_b, v.b))


def test_jvp_and_vjp_of_several_outputs() -> None:
    x = lg.placeholder((3,), lg.float64, "x")
    outputs = {"square": x * x, "total": lg.sum(x)}
    pushed = lg.jvp(outputs, x, [1.0, 0.0, 2.0])
    pulled = lg.vjp(outputs, x, {"square": [1.0, 1.0, 0.0], "total": 10.0})
    square, whole, back = evaluate([pushed["square"], pushed["total"], pulled], {x: [1, 2, 3]})
    assert square.tolist() == [2, 0, 12]
    assert whole == 3
    assert back.tolist() == [12, 14, 10]


def test_hessian_of_nested_inputs() -> None:
    a, b = lg.placeholder((2,), lg.float64, "a"), lg.placeholder((), lg.float64, "b")
    blocks = lg.hessian(lg.sum(a * a) * b + b**3, {"a": a, "b": b})
    values = {a: [1, 2], b: 3}
    found = evaluate([blocks["a"]["a"], blocks["a"]["b"], blocks["b"]["a"], blocks["b"]["b"]], values)
    assert found[0].tolist() == [[6, 0], [0, 6]]
    assert found[1].tolist() == found[2].tolist() == [2, 4]
    assert found[3] == 18


def test_jacobian_and_hessian_with_a_symbolic_size() -> None:
    n = lg.dim("n")
    x = lg.placeholder((n,), lg.float64, "x")
    jacobian = lg.jacobian(lg.sin(x), x)
    hessian = lg.hessian(lg.sum(x**3), x)
    found = evaluate([jacobian, hessian], {x: [0.0, 1.0, 2.0]})
    np.testing.assert_allclose(found[0], np.diag(np.cos([0.0, 1.0, 2.0])))
    np.testing.assert_allclose(found[1], np.diag([0.0, 6.0, 12.0]))


STABLE = {
    "log softmax": (lambda x: lg.log(lg.nn.softmax(x)), [0, -200], [[0, 0], [-1, 1]]),
    "log softmax by hand": (lambda x: lg.log(lg.exp(x) / lg.sum(lg.exp(x))), [0, -200], [[0, 0], [-1, 1]]),
    "log softmax, keepdims": (
        lambda x: lg.log(lg.exp(x) / lg.sum(lg.exp(x), axis=-1, keepdims=True)),
        [0, -200],
        [[0, 0], [-1, 1]],
    ),
    "softplus": (lambda x: lg.log(1 + lg.exp(x)), [300, 100], [[1, 0], [0, 1]]),
    "log-sum-exp": (lambda x: lg.log(lg.sum(lg.exp(x))), [200, 0], [1, 0]),
    "log-sum-exp, kept axis": (lambda x: lg.log(lg.sum(lg.exp(x), axis=0, keepdims=True)), [200, 0], [[1, 0]]),
    "log-mean-exp": (lambda x: lg.log(lg.mean(lg.exp(x))), [200, 0], [1, 0]),
    "log sigmoid": (lambda x: lg.log(1 / (1 + lg.exp(-x))), [-200, 200], [[1, 0], [0, 0]]),
    "log of sigmoid": (lambda x: lg.log(lg.nn.sigmoid(x)), [-200, 200], [[1, 0], [0, 0]]),
    "log(1 - sigmoid)": (lambda x: lg.log(1 - 1 / (1 + lg.exp(-x))), [-200, 200], [[0, 0], [0, -1]]),
}


@pytest.mark.parametrize("name", list(STABLE))
def test_formulas_as_one_writes_them_have_finite_derivatives(name: str) -> None:
    formula, numbers, expected = STABLE[name]
    x = lg.placeholder((2,), lg.float32, "x")
    y = formula(x)
    found = evaluate([lg.jacobian(y, x), lg.hessian(lg.sum(y), x)], {x: numbers})
    np.testing.assert_allclose(found[0], expected, atol=1e-30)
    np.testing.assert_allclose(found[1], 0, atol=1e-30)


# --- elsewhere, and errors --------------------------------------------------------------------------------------------


def test_substitute_evaluates_a_loss_at_other_weights() -> None:
    w = lg.variable(np.array([1.0, 2.0]), "w")
    loss = lg.sum(w * w)
    moved, same = lg.substitute({"a": loss, "b": w}, {w: w - 0.5 * lg.grad(loss, w)}).values()
    assert evaluate(moved) == 0
    assert evaluate(same).tolist() == [0, 0]
    (fixed,) = lg.substitute([loss], {w: [3.0, 4.0]})
    assert evaluate(fixed) == 25


def test_errors_name_what_is_wrong() -> None:
    x = lg.placeholder((3,), lg.float32, "x")
    labels = lg.placeholder((3,), lg.int32, "labels")
    with pytest.raises(lg.ShapeError, match=r"expected a scalar, found the shape \(3,\); sum it, or use lg.vjp"):
        lg.grad(x, x)
    with pytest.raises(lg.DTypeError, match=r"input 'labels' has no derivatives: expected floats, found i32\[3\]"):
        lg.grad(lg.sum(x), [x, labels])
    with pytest.raises(lg.DTypeError, match="no derivatives"):
        lg.grad(lg.sum(labels), x)
    with pytest.raises(TypeError, match="x: expected tensors, found 3"):
        lg.grad(lg.sum(x), [x, 3])
    with pytest.raises(lg.ShapeError, match=r"tangent of input 'x': expected f32\[3\], found f32\[2\]"):
        lg.jvp(x, x, [1.0, 2.0])
    with pytest.raises(lg.DTypeError, match=r"replacement of the type f32\[3\], found i32\[3\]"):
        lg.substitute(x, {x: labels})


def test_stop_gradient() -> None:
    x = lg.placeholder((), lg.float64, "x")
    assert evaluate(lg.grad(x * lg.stop_gradient(x * x), x), {x: 3}) == 9


def test_a_direction_of_none_moves_nothing() -> None:
    x, i = lg.placeholder((3,), lg.float64, "x"), lg.placeholder((3,), lg.int32, "i")
    tangent = lg.jvp({"y": x * i, "i": i}, {"x": x, "i": i}, {"x": [1.0, 2.0, 3.0], "i": None})
    weighted = lg.vjp({"y": x * x, "i": i}, x, {"y": x, "i": None})
    found = evaluate([tangent["y"], tangent["i"], weighted], {x: [1, 2, 3], i: [4, 5, 6]})
    assert [each.tolist() for each in found] == [[4, 10, 18], [0, 0, 0], [2, 8, 18]]


def test_jacobians_are_nested_as_both() -> None:
    x, w = lg.placeholder((2,), lg.float64, "x"), lg.placeholder((), lg.float64, "w")
    found = lg.jacobian({"a": x * w, "b": [w * w]}, (x, w))
    (ax, aw), (bx, bw) = found["a"], found["b"][0]
    arrays = evaluate([ax, aw, bx, bw], {x: [1, 2], w: 3})
    assert [each.tolist() for each in arrays] == [[[3, 0], [0, 3]], [1, 2], [0, 0], 6]


def test_a_jacobian_goes_the_cheaper_way() -> None:
    """Forward makes a basis of x, reverse one of y; where the dims leave it open, reverse."""
    n = lg.dim("n")
    few, many = lg.placeholder((2,), lg.float64, "few"), lg.placeholder((n,), lg.float64, "many")
    big = lg.placeholder((lg.dim("big", min=3),), lg.float64, "big")
    for x, y, basis in (
        (few, lg.concat([few, few * few]), 2),
        (many, few * lg.sum(many), 2),
        (few, many * lg.sum(few), n),
        (few, big * lg.sum(few), 2),
    ):
        shapes = {node.output.shape for node in topological([lg.jacobian(y, x).value]) if node.op.name == "iota"}
        assert shapes == {(basis, basis)}, (x, y)


def test_a_function_is_no_tensor() -> None:
    x = lg.placeholder((), lg.float32, "x")
    for derive in (lg.grad, lg.hessian, lg.jacobian):
        with pytest.raises(TypeError, match="y: expected .*, found the function 'loss': differentiate what it gives"):
            derive(loss, x)


def loss(x: lg.Tensor) -> lg.Tensor:
    return x * x

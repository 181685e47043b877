"""`lg.custom_derivative`: a rule for tangents or for cotangents, under every transformation, and its mistakes.

In: functions with rules, most of them deliberately not the true derivative, so that one sees that the rule was taken.
Out: values of compiled functions against NumPy, and sentences.
"""

from dataclasses import dataclass

import numpy as np
import pytest

import lazygraph as lg

N = lg.dim("n")


@lg.custom_derivative(jvp=lambda arguments, result, tangents: tangents[0] * 10 * arguments[0])
def tenfold(x: lg.Tensor) -> lg.Tensor:
    """x^2, whose derivative is said to be 10 x."""
    return x * x


@lg.custom_derivative(vjp=lambda arguments, result, cotangent: cotangent * 10 * arguments[0])
def tenfold_back(x: lg.Tensor) -> lg.Tensor:
    return x * x


def vector(name: str = "x", dtype: lg.DType = lg.float64) -> lg.Tensor:
    return lg.placeholder((N,), dtype, name)


A = np.array([1.0, -2.0, 3.0])


@pytest.mark.parametrize("f", [tenfold, tenfold_back], ids=["jvp", "vjp"])
def test_the_rule_is_the_derivative_of_every_order(f) -> None:  # type: ignore[no-untyped-def]
    x = vector()
    y = f(x)
    first = lg.grad(lg.sum(y), x)
    second = lg.grad(lg.sum(first * x), x)
    jacobian = lg.jacobian(y, x)
    outer = lg.grad(lg.sum(f(f(x))), x)
    value, *found = lg.function([x], [y, first, second, jacobian, outer])(A)
    np.testing.assert_array_equal(value, A * A)
    for each, expected in zip(found, (10 * A, 20 * A, np.diag(10 * A), 100 * A**3)):
        np.testing.assert_allclose(each, expected)


def test_forward_mode_takes_a_jvp_rule_and_names_a_function_that_has_none() -> None:
    x = vector()
    tangent = lg.jvp(tenfold(x), x, x)
    np.testing.assert_allclose(lg.hessian(lg.sum(tenfold(x)), x).eval({x: A}), 10 * np.eye(3))
    np.testing.assert_allclose(tangent.eval({x: A}), 10 * A * A)
    y = tenfold_back(x)
    with pytest.raises(TypeError, match=r"forward mode through 'tenfold_back' at test_custom_derivative.py:\d+, whose"):
        lg.jvp(y, x, x)
    other = vector("other")
    assert lg.jvp(y * other, other, x).eval({x: A, other: A}).tolist() == (A**3).tolist()


def test_hessians_and_jacobians_go_backward_where_they_must() -> None:
    x = lg.placeholder((2,), lg.float64, "x")
    total = lg.sum(tenfold_back(x) ** 2)  # with y' = 10 x: (2 y 10 x)' = 200 x^2 + 20 y
    np.testing.assert_allclose(lg.hessian(total, x).eval({x: A[:2]}), np.diag(220 * A[:2] ** 2))
    tall = lg.concat([tenfold_back(x), x])
    assert lg.jacobian(tall, x).eval({x: A[:2]}).tolist() == [[10, 0], [0, -20], [1, 0], [0, 1]]


@dataclass(frozen=True)
class Pair:
    left: object
    right: object


@pytest.mark.parametrize("kind", ["jvp", "vjp"])
def test_nested_arguments_integers_and_numbers(kind: str) -> None:
    seen = []

    def f(pair: Pair, options: dict, power: int = 2) -> dict:
        return {"y": pair.left * options["scale"] ** power, "count": options["count"] + 1}

    def jvp(arguments, result, tangents):  # type: ignore[no-untyped-def]
        pair, options, power = arguments
        seen.append((power, tangents[1]["count"], tangents[2], set(result)))
        return {"y": tangents[0].left + 7 * tangents[1]["scale"], "count": None}

    def vjp(arguments, result, cotangents):  # type: ignore[no-untyped-def]
        seen.append((arguments[2], cotangents["count"], None, set(result)))
        return Pair(cotangents["y"], None), {"scale": 7 * lg.sum(cotangents["y"]), "count": None}, None

    rule = {"jvp": jvp, "vjp": vjp}[kind]
    with_rule = lg.custom_derivative(f, **{kind: rule})
    x, scale = vector(), lg.placeholder((), lg.float64, "scale")
    count = lg.placeholder((), lg.int32, "count")
    made = with_rule(Pair(x, x), power=3, options={"scale": scale, "count": count})
    assert seen == [(3, None, None, {"y", "count"})]
    slopes = lg.grad(lg.sum(made["y"]), {"x": x, "scale": scale})
    y, counted, dx, ds = lg.function([x, scale, count], [made["y"], made["count"], slopes["x"], slopes["scale"]])(
        A, 2.0, 4
    )
    np.testing.assert_array_equal(y, 8 * A)
    assert counted == 5
    np.testing.assert_array_equal(dx, np.ones(3))
    assert ds == 21


@pytest.mark.parametrize("f", [tenfold, tenfold_back], ids=["jvp", "vjp"])
def test_a_batch_of_a_function_with_a_rule(f) -> None:  # type: ignore[no-untyped-def]
    m = lg.dim("m")
    x, w = lg.placeholder((m, N), lg.float64, "x"), vector("w")

    def loss(row: lg.Tensor, weights: lg.Tensor) -> lg.Tensor:
        return lg.sum(f(row * weights))

    of_each = lg.vmap(lambda row: lg.grad(loss(row, w), w))(x)
    of_all = lg.grad(lg.sum(lg.vmap(loss, in_axes=(0, None))(x, w)), w)
    twice = lg.grad(lg.sum(lg.vmap(lambda row: lg.sum(f(w)) * lg.sum(row))(x)), w)
    rows = np.stack([A, A + 1])
    b = np.array([0.5, 2.0, 1.0])
    for_each, for_all, shared = lg.function([x, w], [of_each, of_all, twice])(rows, b)
    np.testing.assert_allclose(for_each, 10 * rows**2 * b)
    np.testing.assert_allclose(for_all, (10 * rows**2 * b).sum(0))
    np.testing.assert_allclose(shared, 10 * b * rows.sum())


def test_an_argument_shared_by_a_batch_sums_its_cotangents() -> None:
    @lg.custom_derivative(vjp=lambda arguments, result, cotangent: (cotangent * 2, lg.sum(cotangent) * 3))
    def scaled(x: lg.Tensor, scale: lg.Tensor) -> lg.Tensor:
        return x * scale

    x, scale = lg.placeholder((4, N), lg.float64, "x"), lg.placeholder((), lg.float64, "scale")
    slopes = lg.grad(lg.sum(lg.vmap(scaled, in_axes=(0, None))(x, scale)), [x, scale])
    dx, ds = lg.function([x, scale], slopes)(np.ones((4, 3)), 1.0)
    np.testing.assert_array_equal(dx, np.full((4, 3), 2.0))
    assert ds == 36


def test_fusion_sees_through_and_what_a_rule_writes_again_is_one() -> None:
    def rule(arguments, result, tangents):  # type: ignore[no-untyped-def]
        return tangents[0] * lg.exp(arguments[0]) / 2

    f = lg.custom_derivative(lambda x: lg.exp(x) * 3, jvp=rule)
    x = vector()
    y = f(x + 1)
    step = lg.function([x], [y * 2, lg.grad(lg.sum(y), x)])
    assert step.ir("graph").count("= custom_derivative") == 1
    assert "= custom_derivative" not in step.ir("inline")
    assert step.ir("decompose").count("= exp ") == 1
    assert step.ir("loops").count("kernel ") == 1
    np.testing.assert_allclose(step(A)[1], np.exp(A + 1) / 2)


def test_a_function_with_a_rule_inside_another_and_random_draws_inside() -> None:
    stream = lg.random.Stream(0)

    @lg.custom_derivative(jvp=lambda arguments, result, tangents: tenfold(arguments[0]) * tangents[0])
    def outer(x: lg.Tensor) -> lg.Tensor:
        return tenfold(x) + lg.random.normal(stream.key(), (), lg.float64) * 0

    x = vector()
    y = outer(x)
    first = lg.grad(lg.sum(y), x)
    second = lg.grad(lg.sum(first), x)
    found = lg.function([x], [y, first, second])(A)
    for each, expected in zip(found, (A * A, A * A, 10 * A)):
        np.testing.assert_allclose(each, expected)


def test_what_a_function_closes_over_has_no_derivative_by_its_rule() -> None:
    w, x = vector("w"), vector()
    f = lg.custom_derivative(lambda x: x * w, jvp=lambda arguments, result, tangents: tangents[0] * w * 2)
    y = lg.sum(f(x))
    np.testing.assert_array_equal(lg.grad(y, x).eval({x: A, w: A + 1}), 2 * (A + 1))
    with pytest.raises(TypeError, match=r"derivative of '<lambda>' at .* with respect to input 'w', which it closes"):
        lg.grad(y, w)
    between = lg.print(w * 3, "between")
    f = lg.custom_derivative(lambda x: x * lg.exp(between), jvp=lambda arguments, result, tangents: tangents[0])
    with pytest.raises(TypeError, match="with respect to the result of exp at test_custom_derivative.py"):
        lg.grad(lg.sum(f(x)), between)


def test_what_a_function_closes_over_is_computed_once_outside(capsys: pytest.CaptureFixture[str]) -> None:
    w, x = vector("w"), vector()
    shown = lg.print(w * 3, "w")
    f = lg.custom_derivative(lambda x: (x * shown, shown), jvp=lambda arguments, result, tangents: (tangents[0], None))
    one, other = f(x), f(x + 1)
    lg.function([x, w], [lg.sum(one[0] + other[0]), shown, other[1]])(A, A)
    assert capsys.readouterr().out == f"w: {A * 3}\n"


RULES = [
    (
        {"jvp": lambda a, r, t: t[0][:-1]},
        lg.ShapeError,
        r"jvp rule of 'f': result: expected the shape \(4,\), found \(3,\)",
    ),
    ({"jvp": lambda a, r, t: t[0].astype(lg.float32)}, lg.DTypeError, "result: expected float64, found float32"),
    ({"jvp": lambda a, r, t: (t[0],)}, TypeError, "jvp rule of .f.: result: expected a tensor, found tuple of 1"),
    ({"vjp": lambda a, r, c: (c, c)}, TypeError, r"arguments.0.: expected a tensor, found tuple of 2"),
    ({"vjp": lambda a, r, c: 1.0}, lg.ShapeError, r"arguments\[0\]: expected the shape \(4,\), found \(\)"),
    ({"jvp": 3}, TypeError, "expected a function, found 3"),
    ({}, TypeError, "expected one of jvp and vjp, found neither"),
    ({"jvp": abs, "vjp": abs}, TypeError, "found both"),
]


@pytest.mark.parametrize(("rules", "error", "sentence"), RULES)
def test_a_mistake_in_a_rule_is_an_error_where_it_is_applied(rules, error, sentence) -> None:  # type: ignore[no-untyped-def]
    def f(x: lg.Tensor) -> lg.Tensor:
        return x * 2

    with pytest.raises(error, match=sentence):
        lg.custom_derivative(f, **rules)(lg.placeholder((4,), lg.float64, "x"))


def test_a_rule_that_is_not_linear_in_its_tangents_has_no_transpose() -> None:
    f = lg.custom_derivative(lambda x: x, jvp=lambda arguments, result, tangents: lg.exp(tangents[0]))
    x = vector()
    with pytest.raises(TypeError, match="a jvp rule applies exp to a tangent: expected ops that are linear in it"):
        lg.grad(lg.sum(f(x)), x)

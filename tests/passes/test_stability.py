"""The stability rewrites: right where the formula as written is not, unchanged where it is, and never twice.

In: formulas as one writes them. Out: their values at the extremes against the mathematics (in Python's floats or by
hand), at ordinary numbers against the formula itself, and each rule on its own.
"""

from __future__ import annotations

import math

import numpy as np
import pytest

from lazygraph.compiler.ir.dims import symbol
from lazygraph.compiler.ir.graph import Graph, Value
from lazygraph.compiler.ir.interpret import interpret
from lazygraph.compiler.ops.compose import emit
from lazygraph.compiler.passes.instrument import values_agree
from lazygraph.compiler.passes.log_domain import LOG_DOMAIN
from lazygraph.compiler.passes.rules import Rule, RuleTable, simplify
from lazygraph.compiler.passes.stability import STABILITY, STABLE
from lazygraph.runtime.dtypes import BY_NAME
from tests.passes.build import exp, full, log, ops, parameter, parameters, softmax, spread, total

inf, nan = math.inf, math.nan
RULES = RuleTable(STABILITY, LOG_DOMAIN)

x, y = parameter((6,), "float64"), parameter((6,), "float64", name="y")
m = parameter((3, 4), "float64", name="m")
c = parameter((6,), "bool", name="c")
index = parameter((3,), "int64", name="index")


def one(like: Value) -> Value:
    return full(1, like)


def logistic(v: Value) -> Value:
    return one(v) / (exp(-v) + one(v))


def choice(condition: Value, then: Value, otherwise: Value) -> Value:
    return emit("select", condition, then, otherwise)


def cast(v: Value, dtype: str) -> Value:
    return emit("cast", v, dtype=BY_NAME[dtype])


e, em = exp(x), exp(m)
stable = simplify([one(x) / (e + one(x))], STABLE)[0]
EXAMPLES: dict[str, list[Value]] = {
    "exp(x) - 1 -> expm1(x)": [e - one(x)],
    "xlogy(x, exp(z)) -> x = 0 ? 0 : x * z": [emit("xlogy", x, exp(y)), emit("xlogy", x - x, exp(y))],
    "exp(x) + -1 -> expm1(x)": [e + full(-1, x)],
    "1 - exp(x) -> -expm1(x)": [one(x) - e],
    "sqrt(x * x) -> |x|": [emit("sqrt", x * x)],
    "exp(x) / sum(exp(x)) -> exp(x - m) / sum(exp(x - m)), m = max(x)": [
        softmax(x),
        softmax(m),
        em / spread(emit("reshape", emit("reshape", total(em, [0]), shape=(1, 4)), shape=(4,)), (3, 4), (1,)),
    ],
    "1 / (exp(x) + 1) -> (0 < x ? e : 1) / (e + 1), e = exp(-|x|)": [one(x) / (e + one(x))],
    "exp(x) / (exp(x) + 1) -> (0 < x ? 1 : e) / (e + 1), e = exp(-|x|)": [e / (e + one(x))],
    "tanh(x) + 1 -> 2 (0 < x ? 1 : e) / (e + 1), e = exp(-2|x|)": [emit("tanh", x) + one(x)],
    "1 - tanh(x) -> 2 (0 < x ? e : 1) / (e + 1), e = exp(-2|x|)": [one(x) - emit("tanh", x)],
    "1 - (c ? a : b) / (e + 1) -> (c ? b : a) / (e + 1) for {a, b} = {e, 1}": [one(x) - stable],
    "log(1) -> 0": [log(one(x))],
    "log(exp(x)) -> x": [log(e)],
    "log(a / b) -> log(a) - log(b) for exponential a or b": [log(softmax(x)), log(full(2, x) / e), log(e / full(3, x))],
    "log(a * b) -> log(a) + log(b) for exponential a or b": [log(e * exp(y)), log(e * full(0.5, x))],
    "log(c ? a : b) -> c ? log(a) : log(b) for exponential a or b": [
        log(choice(c, e, one(x))),
        log(choice(c, e, exp(y))),
    ],
    "log(view(p)) -> view(log(p)) for exponential p": [
        log(emit("reshape", e, shape=(2, 3))),
        log(emit("slice", softmax(m), starts=(0, 1), stops=(3, 3), steps=(1, 1))),
        log(emit("gather", softmax(m), index, index, axes=(0, 1), mode="check")),
        log(cast(e, "float32")),
        log(cast(softmax(parameter((5,))), "float64")),
    ],
    "log(sum(exp(x))) -> m + log(sum(exp(x - m))), m = max(x)": [log(total(e)), log(total(exp(m), [1]))],
    "log(exp(a) + exp(b)) -> m + log(exp(a - m) + exp(b - m)), m = max(a, b)": [log(e + exp(y))],
    "log(exp(x) + 1) -> (0 < x ? x : 0) + log1p(exp(-|x|))": [log(e + one(x))],
    "log1p(exp(x)) -> (0 < x ? x : 0) + log1p(exp(-|x|))": [emit("log1p", e)],
    "log(-expm1(x)) -> -log(2) < x ? log(-expm1(x)) : log1p(-exp(x))": [log(-emit("expm1", x))],
    "log1p(-exp(x)) -> -log(2) < x ? log(-expm1(x)) : log1p(-exp(x))": [emit("log1p", -e)],
    "log(x + 1) -> log1p(x)": [log(x + one(x))],
    "log(1 - x) -> log1p(-x)": [log(one(x) - x)],
}


def test_every_stability_rule_has_an_example() -> None:
    assert {rule.equation for rule in RULES} == set(EXAMPLES)


@pytest.mark.parametrize("rule", list(RULES), ids=lambda rule: rule.equation)
def test_rule_keeps_ordinary_values(rule: Rule) -> None:
    for before in EXAMPLES[rule.equation]:
        after = rule.apply(before.node)
        assert after is not None, f"{rule.equation} does not match {before!r}"
        assert after.type == before.type
        (settled,) = simplify([before], STABLE)
        inputs = tuple(parameters(before, after))
        graph = Graph("rule", inputs, (before, after, settled))
        rng = np.random.default_rng(3)
        for _ in range(8):
            arrays = [sample(rng, each) for each in inputs]
            old, new, whole = interpret(graph, arrays).outputs
            tolerance = 64 if "float32" not in str([each.dtype for each in inputs]) else 2.0**31
            assert values_agree(old, new, tolerance), f"{rule.equation}\n{old}\n{new}"
            assert values_agree(old, whole, tolerance), f"{rule.equation}\n{old}\n{whole}"


def sample(rng: np.random.Generator, value: Value) -> np.ndarray:
    shape = tuple([int(str(extent)) for extent in value.shape])
    if value.dtype.kind in ("bool", "int"):
        return rng.integers(0, 2, shape).astype(value.dtype.numpy)
    return rng.normal(size=shape).astype(value.dtype.numpy)


@pytest.mark.parametrize("equation", list(EXAMPLES))
def test_a_stable_form_stays_as_it_is(equation: str) -> None:
    """The rules settle, and a second sweep (in the pipeline, after one before differentiation) finds nothing to do."""
    once = simplify(EXAMPLES[equation], STABLE)
    assert simplify(once, STABLE) == once


# --- at the extremes ------------------------------------------------------------------------------------------------


def settled(formula: Value, variable: Value, numbers: object) -> np.ndarray:
    (after,) = simplify([formula], STABLE)
    graph = Graph("extreme", (variable,), (after,))
    return interpret(graph, [np.array(numbers, variable.dtype.numpy)]).outputs[0]


v = parameter((2,), name="v")
s = parameter((), name="s")
d = parameter((2,), "float64", name="d")
SHIFTED = v - spread(emit("reduce_max", v, axes=(0,)), (2,))

EXTREMES = {
    "log softmax": (log(softmax(v)), v, [0, -200], [0, -200]),
    "log softmax of large": (log(softmax(v)), v, [1e30, -1e30], [0, -2e30]),
    "log softmax, already shifted": (log(softmax(SHIFTED)), v, [300, 100], [0, -200]),
    "softmax": (softmax(v), v, [1000, 1000], [0.5, 0.5]),
    "softmax of -inf": (softmax(v), v, [-inf, 0], [0, 1]),
    "softplus": (log(one(v) + exp(v)), v, [300, 100], [300, 100]),
    "softplus at infinities": (log(one(v) + exp(v)), v, [inf, -inf], [inf, 0]),
    "softplus of NaN": (log(one(v) + exp(v)), v, [nan, -50], [nan, math.exp(-50)]),
    "log-sum-exp": (log(total(exp(v))), v, [200, 0], 200),
    "log-sum-exp far below": (log(total(exp(v))), v, [-1000, -1000], -1000 + math.log(2)),
    "log-sum-exp of all -inf": (log(total(exp(v))), v, [-inf, -inf], -inf),
    "log-sum-exp with -inf": (log(total(exp(v))), v, [-inf, 3], 3),
    "log-sum-exp with inf": (log(total(exp(v))), v, [inf, 3], inf),
    "log-sum-exp of NaN": (log(total(exp(v))), v, [nan, 3], nan),
    "log-mean-exp": (log(total(exp(v)) / full(2, s)), v, [200, 200], 200),
    "log-add-exp": (log(exp(v) + exp(-v)), v, [300, 0], [300, math.log(2)]),
    "log-add-exp of infinities": (log(exp(v) + exp(v + v)), v, [inf, -inf], [inf, -inf]),
    "log sigmoid": (log(logistic(v)), v, [-200, 200], [-200, 0]),
    "log sigmoid, rising form": (log(exp(v) / (one(v) + exp(v))), v, [-200, 300], [-200, 0]),
    "log(1 - sigmoid)": (log(one(v) - logistic(v)), v, [-200, 200], [0, -200]),
    "sigmoid, rising form": (exp(v) / (one(v) + exp(v)), v, [300, -300], [1, 0]),
    "1 + tanh": (emit("tanh", v) + one(v), v, [-20, 20], [2 * math.exp(-40) / (1 + math.exp(-40)), 2]),
    "1 - tanh": (one(v) - emit("tanh", v), v, [20, -20], [2 * math.exp(-40) / (1 + math.exp(-40)), 2]),
    "sigmoid at infinities": (logistic(v), v, [inf, -inf], [1, 0]),
    "log(1 - exp) near zero": (log(one(d) - exp(d)), d, [-1e-18, -50], [math.log(1e-18), -math.exp(-50)]),
    "log(1 - exp) at the ends": (log(one(d) - exp(d)), d, [0, 1], [-inf, nan]),
    "expm1": (exp(d) - one(d), d, [1e-18, -1e-18], [1e-18, -1e-18]),
    "log1p": (log(one(d) + d), d, [1e-18, inf], [1e-18, inf]),
    "log(1 - x)": (log(one(d) - d), d, [1e-18, 1], [-1e-18, -inf]),
    "root of square": (emit("sqrt", v * v), v, [1e30, -1e-30], [1e30, 1e-30]),
    "log of product": (log(exp(v) * exp(v)), v, [300, -300], [600, -600]),
    "log of masked": (log(choice(emit("lt", v, full(0, v)), exp(v), one(v))), v, [-200, 5], [-200, 0]),
}


@pytest.mark.parametrize("name", list(EXTREMES))
def test_extremes(name: str) -> None:
    formula, variable, numbers, expected = EXTREMES[name]
    epsilon = np.finfo(variable.dtype.numpy).eps
    np.testing.assert_allclose(settled(formula, variable, numbers), expected, rtol=4 * epsilon, atol=1e-300)


@pytest.mark.parametrize("gather_first", [True, False])
def test_log_softmax_of_chosen_classes(gather_first: bool) -> None:
    logits, labels = parameter((2, 3), name="logits"), parameter((2,), "int64", name="labels")
    rows = emit("iota", dtype=BY_NAME["int64"], shape=(2,), axis=0)

    def chosen(p: Value) -> Value:
        return emit("gather", p, rows, labels, axes=(0, 1), mode="check")

    p = softmax(logits)
    (after,) = simplify([log(chosen(p)) if gather_first else chosen(log(p))], STABLE)
    graph = Graph("chosen", (logits, labels), (after,))
    given = [np.array([[0, -200, 5], [300, 0, 0]], np.float32), np.array([1, 0])]
    np.testing.assert_allclose(interpret(graph, given).outputs[0], [-205.0067, 0], rtol=1e-6)


def test_a_sum_is_shifted_once_for_any_spelling_of_the_maximum() -> None:
    n = symbol("n")
    z = parameter((n, 5), name="z")
    top = emit("reduce_max", z, axes=(1,))
    kept = emit("reshape", emit("reshape", emit("stop_gradient", top), shape=(n, 1)), shape=(n,))
    shifted = z - spread(kept, (n, 5), (0,))
    (after,) = simplify([log(total(exp(shifted), [1]))], STABLE)
    assert ops(after).count("reduce_max") == 1
    elsewhere = z - spread(emit("reduce_max", z, axes=(0,)), (n, 5), (1,))
    (after,) = simplify([log(total(exp(elsewhere), [1]))], STABLE)
    assert ops(after).count("reduce_max") == 2


@pytest.mark.parametrize(
    "small",
    [
        -emit("abs", x),
        -exp(x),
        x - spread(emit("reduce_max", x, axes=(0,)), (6,)),
        emit("min", x, y) - emit("max", y, x),
        emit("min", x, full(0, x)),
        choice(emit("lt", full(0, x), x), -x, x),
        emit("reshape", emit("reshape", -(x * x), shape=(2, 3)), shape=(6,)),
    ],
)
def test_softplus_of_what_is_at_most_zero_needs_no_folding(small: Value) -> None:
    assert ops(*simplify([log(exp(small) + one(x))], STABLE))[-2:] == ["exp", "log1p"]


def test_nothing_is_assumed_about_signs_that_are_not_known() -> None:
    """log(x * y) of any x and y is not log(x) + log(y): both may be negative."""
    assert ops(*simplify([log(x * y), log(x * exp(y)), log(exp(x) / y)], STABLE)).count("log") == 3

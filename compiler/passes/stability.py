"""The stability rewrites: formulas that overflow or cancel as written, in a form that does neither.

In: a graph. Out: the same mathematical values, finite and accurate where the formula as written loses them. They run
before differentiation too, so each right side is smooth wherever its left side is: one condition selects both branches
of a formula at once, a maximum that cancels is behind `stop_gradient`, and a branch that is not taken stays finite.
Rules on logarithms are in `log_domain.py`. Sources: N. J. Higham, Accuracy and Stability of Numerical Algorithms, 2nd
ed., sections 1.7 and 1.14; P. Blanchard, D. J. Higham, N. J. Higham, Accurately computing the log-sum-exp and softmax
functions, 2021.
"""

from __future__ import annotations

from dataclasses import dataclass

from lazygraph.compiler.ir.graph import Graph, Node, Value
from lazygraph.compiler.ops.compose import emit
from lazygraph.compiler.ops.record import full
from lazygraph.compiler.passes.canonicalize import CANONICAL
from lazygraph.compiler.passes.facts import is_at_most_zero, is_shifted_by_maximum
from lazygraph.compiler.passes.log_domain import LOG_DOMAIN
from lazygraph.compiler.passes.match import axes_in, is_of_reals, is_uniform, made_by, operand, operands
from lazygraph.compiler.passes.rules import RuleTable, simplified
from lazygraph.compiler.passes.shift import finite_maximum, folded_below_zero, spread_back

STABILITY = RuleTable(where=is_of_reals)


@STABILITY.rule("exp(x) - 1 -> expm1(x)", "sub")
def exp_minus_one(node: Node) -> Value | None:
    x = operand(node.inputs[0], "exp")
    return emit("expm1", x) if x is not None and is_uniform(node.inputs[1], 1) else None


@STABILITY.rule("exp(x) + -1 -> expm1(x)", "add")
def exp_plus_minus_one(node: Node) -> Value | None:
    x = operand(node.inputs[0], "exp")
    return emit("expm1", x) if x is not None and is_uniform(node.inputs[1], -1) else None


@STABILITY.rule("1 - exp(x) -> -expm1(x)", "sub")
def one_minus_exp(node: Node) -> Value | None:
    x = operand(node.inputs[1], "exp")
    return -emit("expm1", x) if x is not None and is_uniform(node.inputs[0], 1) else None


@STABILITY.rule("sqrt(x * x) -> |x|", "sqrt")
def root_of_square(node: Node) -> Value | None:
    """x*x overflows beyond the root of the greatest number, and its derivative at 0 would be 0/0."""
    factors = operands(node.inputs[0], "mul")
    return emit("abs", factors[0]) if factors is not None and factors[0] is factors[1] else None


@STABILITY.rule("exp(x) / sum(exp(x)) -> exp(x - m) / sum(exp(x - m)), m = max(x)", "div")
def softmax(node: Node) -> Value | None:
    numerator, denominator = node.inputs
    x = operand(numerator, "exp")
    if x is None:
        return None
    total = _sum_below(denominator)
    if total is None or total.node.inputs[0] is not numerator:
        return None
    axes = total.node["axes"]
    kept = [axis for axis in range(x.type.rank) if axis not in axes]
    places = axes_in(denominator, total)
    if places is None or any(place not in (None, axis) for place, axis in zip(places, kept)):
        return None
    if is_shifted_by_maximum(x, axes):
        return None
    e = emit("exp", x - spread_back(finite_maximum(x, axes), x, axes))
    return e / spread_back(emit("reduce_sum", e, axes=axes), x, axes)


def _sum_below(value: Value) -> Value | None:
    for _ in range(4):
        if made_by(value, "reduce_sum"):
            return value
        if value.node.op.name not in ("broadcast", "reshape", "transpose"):
            return None
        value = value.node.inputs[0]
    return None


@STABILITY.rule("1 / (exp(x) + 1) -> (0 < x ? e : 1) / (e + 1), e = exp(-|x|)", "div")
def logistic(node: Node) -> Value | None:
    x = _of_exp_plus_one(node.inputs[1])
    if x is None or not is_uniform(node.inputs[0], 1) or is_at_most_zero(x):
        return None
    return _logistic(x, rising=False)


@STABILITY.rule("exp(x) / (exp(x) + 1) -> (0 < x ? 1 : e) / (e + 1), e = exp(-|x|)", "div")
def rising_logistic(node: Node) -> Value | None:
    x = _of_exp_plus_one(node.inputs[1])
    if x is None or operand(node.inputs[0], "exp") is not x or is_at_most_zero(x):
        return None
    return _logistic(x, rising=True)


@STABILITY.rule("1 - (c ? a : b) / (e + 1) -> (c ? b : a) / (e + 1) for {a, b} = {e, 1}", "sub")
def one_minus_logistic(node: Node) -> Value | None:
    quotient = operands(node.inputs[1], "div")
    if quotient is None or not is_uniform(node.inputs[0], 1):
        return None
    chosen, whole = operands(quotient[0], "select"), operands(quotient[1], "add")
    if chosen is None or whole is None or not is_uniform(whole[1], 1):
        return None
    condition, then, otherwise = chosen
    e = whole[0]
    if not (then is e and is_uniform(otherwise, 1) or otherwise is e and is_uniform(then, 1)):
        return None
    return emit("select", condition, otherwise, then) / quotient[1]


@STABILITY.rule("tanh(x) + 1 -> 2 (0 < x ? 1 : e) / (e + 1), e = exp(-2|x|)", "add")
def tanh_plus_one(node: Node) -> Value | None:
    """The sum cancels for negative x: in float32 nothing is left of it below -9. gelu is x times half of it."""
    x = operand(node.inputs[0], "tanh")
    return _logistic(x * 2, rising=True) * 2 if x is not None and is_uniform(node.inputs[1], 1) else None


@STABILITY.rule("1 - tanh(x) -> 2 (0 < x ? e : 1) / (e + 1), e = exp(-2|x|)", "sub")
def one_minus_tanh(node: Node) -> Value | None:
    x = operand(node.inputs[1], "tanh")
    return _logistic(x * 2, rising=False) * 2 if x is not None and is_uniform(node.inputs[0], 1) else None


def _of_exp_plus_one(value: Value) -> Value | None:
    """x where the value is exp(x) + 1."""
    terms = operands(value, "add")
    return operand(terms[0], "exp") if terms is not None and is_uniform(terms[1], 1) else None


def _logistic(x: Value, rising: bool) -> Value:
    positive, below = folded_below_zero(x)
    e = emit("exp", below)
    one = full(x.type, 1)
    numerator = emit("select", positive, one, e) if rising else emit("select", positive, e, one)
    return numerator / (e + 1)


# The algebra comes first: it brings formulas to the one spelling that these rules look for.
STABLE = RuleTable(CANONICAL, STABILITY, LOG_DOMAIN)


@dataclass(frozen=True)
class Stabilize:
    """Every stability rewrite, together with the algebra and shape rules that make formulas recognisable."""

    name: str = "stabilize"

    def __call__(self, graph: Graph) -> Graph:
        return simplified(graph, STABLE)

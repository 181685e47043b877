"""Stability rewrites of logarithms: log(p) of a p made from exp, without computing p.

In: nodes `log` and `log1p`. Out: log-sum-exp, softplus, log-softmax, log-sigmoid and their kin. A rule fires where p
is `exponential`: exp of something, or sums, products, quotients, choices and views of such; each takes one step
inward, and the logarithms it makes are rewritten in turn. Sources: M. Maechler, Accurately computing log(1 -
exp(-|a|)), 2012, and those of `stability.py`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from lazygraph.compiler.ir.graph import Node, Value
from lazygraph.compiler.ops.compose import emit
from lazygraph.compiler.ops.record import full, zeros
from lazygraph.compiler.passes.facts import MOVES, is_at_most_zero, is_nonnegative, is_shifted_by_maximum
from lazygraph.compiler.passes.match import is_of_reals, is_positive, is_uniform, made_by, operand, operands
from lazygraph.compiler.passes.rules import RuleTable
from lazygraph.compiler.passes.shift import finite_maximum, folded_below_zero, or_zero, spread_back

LOG_DOMAIN = RuleTable(where=is_of_reals)
DEPTH = 6


def is_exponential(value: Value, depth: int = DEPTH) -> bool:
    """Whether log(value) has a form that does not compute the value."""
    fact = _EXPONENTIAL.get(value.node.op.name)
    return depth > 0 and fact is not None and fact(value.node, depth - 1)


def _factors(node: Node, depth: int) -> bool:
    """log(a * b) = log(a) + log(b) and log(a / b) = log(a) - log(b) need both to be at least zero.

    They help where one is exponential and the other is so too, or a constant, or what it is divided by.
    """
    a, b = node.inputs
    if made_by(node.output, "div") and is_exponential(a, depth):
        return is_nonnegative(b)
    plain = [each for each in (a, b) if not is_exponential(each, depth)]
    return len(plain) < 2 and all(is_positive(each) for each in plain)


def _choices(node: Node, depth: int) -> bool:
    plain = [each for each in node.inputs[1:] if not is_exponential(each, depth)]
    return len(plain) < 2 and all(is_positive(each) for each in plain)


def _terms(node: Node, depth: int) -> bool:
    a, b = node.inputs
    return made_by(a, "exp") and (made_by(b, "exp") or is_uniform(b, 1))


def _first(node: Node, depth: int) -> bool:
    return is_exponential(node.inputs[0], depth)


_EXPONENTIAL: Mapping[str, Callable[[Node, int], bool]] = {
    "exp": lambda node, depth: True,
    "mul": _factors,
    "div": _factors,
    "select": _choices,
    "add": _terms,
    "reduce_sum": lambda node, depth: made_by(node.inputs[0], "exp"),
    "cast": lambda node, depth: node.inputs[0].dtype.is_float and _first(node, depth),
    **{view: _first for view in MOVES},
}


# --- one step inward ------------------------------------------------------------------------------------------------


@LOG_DOMAIN.rule("log(1) -> 0", "log")
def log_of_one(node: Node) -> Value | None:
    return zeros(node.output.type) if is_uniform(node.inputs[0], 1) else None


@LOG_DOMAIN.rule("log(exp(x)) -> x", "log")
def log_of_exp(node: Node) -> Value | None:
    return operand(node.inputs[0], "exp")


@LOG_DOMAIN.rule("log(a / b) -> log(a) - log(b) for exponential a or b", "log")
def log_of_quotient(node: Node) -> Value | None:
    """With log(exp(x)) -> x this makes log(softmax(x)) = x - m - log(sum(exp(x - m)))."""
    (p,) = node.inputs
    if not made_by(p, "div") or not is_exponential(p):
        return None
    a, b = p.node.inputs
    return emit("log", a) - emit("log", b)


@LOG_DOMAIN.rule("log(a * b) -> log(a) + log(b) for exponential a or b", "log")
def log_of_product(node: Node) -> Value | None:
    (p,) = node.inputs
    if not made_by(p, "mul") or not is_exponential(p):
        return None
    a, b = p.node.inputs
    return emit("log", a) + emit("log", b)


@LOG_DOMAIN.rule("log(c ? a : b) -> c ? log(a) : log(b) for exponential a or b", "log")
def log_of_choice(node: Node) -> Value | None:
    (p,) = node.inputs
    if not made_by(p, "select") or not is_exponential(p):
        return None
    condition, a, b = p.node.inputs
    return emit("select", condition, emit("log", a), emit("log", b))


@LOG_DOMAIN.rule("log(view(p)) -> view(log(p)) for exponential p", "log")
def log_of_view(node: Node) -> Value | None:
    view = node.inputs[0].node
    if view.op.name not in (*MOVES, "cast") or not is_exponential(node.inputs[0]):
        return None
    p, *indices = view.inputs
    return emit(view.op.name, emit("log", p), *indices, **view.attributes)


# --- log(sum(exp(x))) -----------------------------------------------------------------------------------------------


@LOG_DOMAIN.rule("log(sum(exp(x))) -> m + log(sum(exp(x - m))), m = max(x)", "log")
def log_sum_exp(node: Node) -> Value | None:
    total = node.inputs[0].node
    x = operand(total.inputs[0], "exp") if total.op.name == "reduce_sum" else None
    if x is None or is_shifted_by_maximum(x, total["axes"]):
        return None
    axes = total["axes"]
    m = finite_maximum(x, axes)
    e = emit("exp", x - spread_back(m, x, axes))
    return m + emit("log", emit("reduce_sum", e, axes=axes))


@LOG_DOMAIN.rule("log(exp(a) + exp(b)) -> m + log(exp(a - m) + exp(b - m)), m = max(a, b)", "log")
def log_add_exp(node: Node) -> Value | None:
    terms = operands(node.inputs[0], "add")
    if terms is None:
        return None
    a, b = operand(terms[0], "exp"), operand(terms[1], "exp")
    if a is None or b is None or _are_shifted(a, b):
        return None
    m = or_zero(emit("max", a, b))
    return m + emit("log", emit("exp", a - m) + emit("exp", b - m))


def _are_shifted(a: Value, b: Value) -> bool:
    """a = c - m and b = d - m with the same m: the right side of `log_add_exp`."""
    left, right = operands(a, "sub"), operands(b, "sub")
    return left is not None and right is not None and left[1] is right[1]


# --- log(1 + exp(x)) and log(1 - exp(x)) ----------------------------------------------------------------------------


@LOG_DOMAIN.rule("log(exp(x) + 1) -> (0 < x ? x : 0) + log1p(exp(-|x|))", "log")
def softplus(node: Node) -> Value | None:
    terms = operands(node.inputs[0], "add")
    if terms is None or not is_uniform(terms[1], 1):
        return None
    return _softplus(operand(terms[0], "exp"))


@LOG_DOMAIN.rule("log1p(exp(x)) -> (0 < x ? x : 0) + log1p(exp(-|x|))", "log1p")
def softplus_by_log1p(node: Node) -> Value | None:
    return _softplus(operand(node.inputs[0], "exp"))


def _softplus(x: Value | None) -> Value | None:
    if x is None or is_at_most_zero(x):
        return None
    positive, below = folded_below_zero(x)
    return emit("select", positive, x, zeros(x.type)) + emit("log1p", emit("exp", below))


@LOG_DOMAIN.rule("log(-expm1(x)) -> -log(2) < x ? log(-expm1(x)) : log1p(-exp(x))", "log")
def log_one_minus_exp(node: Node) -> Value | None:
    negated = operand(node.inputs[0], "neg")
    x = None if negated is None else operand(negated, "expm1")
    return None if x is None or _is_clipped(x, 1) else _log_one_minus_exp(x)


@LOG_DOMAIN.rule("log1p(-exp(x)) -> -log(2) < x ? log(-expm1(x)) : log1p(-exp(x))", "log1p")
def log_one_minus_exp_by_log1p(node: Node) -> Value | None:
    negated = operand(node.inputs[0], "neg")
    x = None if negated is None else operand(negated, "exp")
    return None if x is None or _is_clipped(x, 2) else _log_one_minus_exp(x)


def _log_one_minus_exp(x: Value) -> Value:
    near_zero = emit("lt", full(x.type, -math.log(2)), x)
    elsewhere = full(x.type, -1)  # keeps the branch that is not taken finite, and its derivatives too
    near, far = emit("select", near_zero, x, elsewhere), emit("select", near_zero, elsewhere, x)
    return emit("select", near_zero, emit("log", -emit("expm1", near)), emit("log1p", -emit("exp", far)))


def _is_clipped(x: Value, place: int) -> bool:
    """x is the argument of a branch that `_log_one_minus_exp` has made: operand `place` of a choice against -1."""
    chosen = operands(x, "select")
    return chosen is not None and made_by(chosen[0], "lt") and is_uniform(chosen[3 - place], -1)


@LOG_DOMAIN.rule("log(x + 1) -> log1p(x)", "log")
def log_of_one_plus(node: Node) -> Value | None:
    terms = operands(node.inputs[0], "add")
    return emit("log1p", terms[0]) if terms is not None and is_uniform(terms[1], 1) else None


@LOG_DOMAIN.rule("log(1 - x) -> log1p(-x)", "log")
def log_of_one_minus(node: Node) -> Value | None:
    terms = operands(node.inputs[0], "sub")
    return emit("log1p", -terms[1]) if terms is not None and is_uniform(terms[0], 1) else None


@LOG_DOMAIN.rule("xlogy(x, exp(z)) -> x = 0 ? 0 : x * z", "xlogy")
def xlogy_of_exp(node: Node) -> Value | None:
    """z is not computed back from its exponential, which overflows; where z is NaN the product is."""
    x, z = node.inputs[0], operand(node.inputs[1], "exp")
    if z is None:
        return None
    zero = zeros(x.type)
    vanishes = emit("and", emit("eq", x, zero), emit("eq", z, z))
    return emit("select", vanishes, zero, x * z)

"""Algebra on elements: identities that hold bit for bit, on signed zeros, infinities and NaN too.

In: nodes of elementwise ops. Out: the same values from fewer or cheaper nodes. What is exact follows from IEEE
754-2019, sections 6.3 (the sign of a zero sum) and 9.2.1 (pow): x + -0.0 is x, but x + 0.0 is not where x is -0.0; x *
0 is NaN for an infinite x. Only the sign and payload of a NaN may change. Powers by small integers round better than
`pow` does.
"""

from __future__ import annotations

from typing import Any

import numpy as np

import lazygraph.compiler.ops  # noqa: F401  (fills the table of records)
from lazygraph.compiler.ir.graph import Node, Value
from lazygraph.compiler.ops.compose import emit
from lazygraph.compiler.ops.record import OPS, full, zeros
from lazygraph.compiler.passes.facts import is_nonnegative
from lazygraph.compiler.passes.match import is_uniform, made_by, operand, operands, repeated, uniform
from lazygraph.compiler.passes.rules import RuleTable
from lazygraph.runtime.dtypes import DType

ALGEBRA = RuleTable()

ELEMENTWISE = tuple([name for name, op in OPS.items() if op.flags.elementwise])
COMMUTATIVE = tuple([name for name, op in OPS.items() if op.flags.commutative])


@ALGEBRA.rule("f(c, x) -> f(x, c) for a constant c and commutative f", *COMMUTATIVE)
def constant_to_the_right(node: Node) -> Value | None:
    x, y = node.inputs
    if uniform(x) is None or uniform(y) is not None:
        return None
    return emit(node.op.name, y, x)


@ALGEBRA.rule("f(broadcast(x), broadcast(y)) -> broadcast(f(x, y))", *ELEMENTWISE)
def broadcast_after(node: Node) -> Value | None:
    """One operand has every axis that the others have; constants have any."""
    views = [each.node for each in node.inputs if made_by(each, "broadcast")]
    numbers = [uniform(each) is not None for each in node.inputs]
    if not views or not all(number or made_by(each, "broadcast") for each, number in zip(node.inputs, numbers)):
        return None
    widest = max(views, key=lambda view: len(view["axes"]))
    axes, shape = widest["axes"], widest.inputs[0].shape
    narrow = []
    for each, number in zip(node.inputs, numbers):
        source = each.node.inputs[0] if made_by(each, "broadcast") else each
        if number:
            narrow.append(repeated(source, shape))
            continue
        own = each.node["axes"]
        if not set(own) <= set(axes):
            return None
        places = tuple([axes.index(axis) for axis in own])
        narrow.append(source if own == axes else emit("broadcast", source, shape=shape, axes=places))
    return emit("broadcast", node.op(*narrow, **node.attributes), shape=node.output.shape, axes=axes)


@ALGEBRA.rule("f(reshape(x), reshape(y)) -> reshape(f(x, y))", *ELEMENTWISE)
def reshape_after(node: Node) -> Value | None:
    """All operands are reshaped from one shape, or constants: rows that kept an axis of extent 1 are rows again.

    A reshaped number is no reason to move the reshape: it would come back by f(broadcast(x), broadcast(y)).
    """
    sources = [operand(each, "reshape") for each in node.inputs]
    sources = [None if source is None or uniform(source) is not None else source for source in sources]
    shapes = {source.shape for source in sources if source is not None}
    if len(shapes) != 1 or any(source is None and uniform(each) is None for source, each in zip(sources, node.inputs)):
        return None
    (shape,) = shapes
    scalars = [each.node.inputs[0] if made_by(each, "broadcast") else each for each in node.inputs]
    before = [repeated(scalar, shape) if x is None else x for x, scalar in zip(sources, scalars)]
    return emit("reshape", node.op(*before, **node.attributes), shape=node.output.shape)


# --- sums and differences -------------------------------------------------------------------------------------------


@ALGEBRA.rule("x + -0.0 -> x; for integers x + 0 -> x", "add")
def add_zero(node: Node) -> Value | None:
    x, y = node.inputs
    return x if is_uniform(y, -0.0 if x.dtype.is_float else 0) else None


@ALGEBRA.rule("x - 0.0 -> x", "sub")
def subtract_zero(node: Node) -> Value | None:
    x, y = node.inputs
    return x if is_uniform(y, 0.0) else None


@ALGEBRA.rule("-0.0 - x -> -x; for integers 0 - x -> -x", "sub")
def subtract_from_zero(node: Node) -> Value | None:
    x, y = node.inputs
    return -y if is_uniform(x, -0.0 if x.dtype.is_float else 0) else None


@ALGEBRA.rule("x - x -> 0 for integers", "sub")
def subtract_itself(node: Node) -> Value | None:
    x, y = node.inputs
    return zeros(x.type) if x is y and x.dtype.is_integer else None


@ALGEBRA.rule("x + -y -> x - y", "add")
def add_negated(node: Node) -> Value | None:
    x, y = node.inputs
    negated = operand(y, "neg")
    return None if negated is None else x - negated


@ALGEBRA.rule("-x + y -> y - x", "add")
def negated_plus(node: Node) -> Value | None:
    x, y = node.inputs
    negated = operand(x, "neg")
    return None if negated is None else y - negated


@ALGEBRA.rule("x - -y -> x + y", "sub")
def subtract_negated(node: Node) -> Value | None:
    x, y = node.inputs
    negated = operand(y, "neg")
    return None if negated is None else x + negated


# --- products and quotients -----------------------------------------------------------------------------------------


@ALGEBRA.rule("x * 1 -> x", "mul")
def times_one(node: Node) -> Value | None:
    x, y = node.inputs
    return x if is_uniform(y, 1) else None


@ALGEBRA.rule("x * -1 -> -x", "mul")
def times_minus_one(node: Node) -> Value | None:
    x, y = node.inputs
    return -x if is_uniform(y, -1) else None


@ALGEBRA.rule("x * 0 -> 0 for integers", "mul")
def times_zero(node: Node) -> Value | None:
    x, y = node.inputs
    return y if x.dtype.is_integer and is_uniform(y, 0) else None


@ALGEBRA.rule("-x * -y -> x * y; -x * c -> x * -c", "mul")
def signs_of_product(node: Node) -> Value | None:
    return _signs_cancel(node)


@ALGEBRA.rule("-x / -y -> x / y; -x / c -> x / -c", "div")
def signs_of_quotient(node: Node) -> Value | None:
    return _signs_cancel(node) if node.output.dtype.is_float else None  # -(INT_MIN) / 2 wraps


def _signs_cancel(node: Node) -> Value | None:
    x, y = operand(node.inputs[0], "neg"), operand(node.inputs[1], "neg")
    if x is None:
        return None
    if y is not None:
        return emit(node.op.name, x, y)
    number: Any = uniform(node.inputs[1])
    if number is None or not node.output.dtype.is_float:
        return None
    return emit(node.op.name, x, full(x.type, -number))


@ALGEBRA.rule("x / 1 -> x", "div")
def over_one(node: Node) -> Value | None:
    x, y = node.inputs
    return x if is_uniform(y, 1) else None


@ALGEBRA.rule("x / -1 -> -x", "div")
def over_minus_one(node: Node) -> Value | None:
    x, y = node.inputs
    return -x if is_uniform(y, -1) else None


@ALGEBRA.rule("x / c -> x * (1 / c) for c a power of two", "div")
def over_power_of_two(node: Node) -> Value | None:
    x, y = node.inputs
    number: Any = uniform(y)
    if number is None or not x.dtype.is_float:
        return None
    mantissa, _ = np.frexp(float(number))
    with np.errstate(all="ignore"):
        inverse = number.dtype.type(1) / number
    limits = x.dtype.limits
    if abs(mantissa) != 0.5 or not float(limits.tiny) <= abs(float(inverse)) <= float(limits.max):
        return None
    return x * float(inverse)


@ALGEBRA.rule("x ** 0 -> 1", "pow")
def to_the_zero(node: Node) -> Value | None:
    x, y = node.inputs
    return full(x.type, 1) if uniform(y) == 0 else None


@ALGEBRA.rule("x ** 1 -> x, x ** 2 -> x * x, x ** 3 -> x * x * x, x ** 4 -> (x * x) * (x * x)", "pow")
def to_a_small_integer(node: Node) -> Value | None:
    x, y = node.inputs
    exponent: Any = uniform(y)
    if exponent is None or exponent not in (1, 2, 3, 4):
        return None
    square = x * x
    return (x, square, square * x, square * square)[int(exponent.real) - 1]


@ALGEBRA.rule("x ** -1 -> 1 / x", "pow")
def to_the_minus_one(node: Node) -> Value | None:
    x, y = node.inputs
    return full(x.type, 1) / x if x.dtype.is_float and is_uniform(y, -1) else None


@ALGEBRA.rule("x ** 0.5 -> sqrt(x) for x that is never negative, nor -0.0", "pow")
def to_the_half(node: Node) -> Value | None:
    """pow(-0.0, 0.5) is 0.0 and pow(-inf, 0.5) is inf, so the sign of x must be known."""
    x, y = node.inputs
    return emit("sqrt", x) if is_uniform(y, 0.5) and is_nonnegative(x) else None


# --- signs, order, choice -------------------------------------------------------------------------------------------


@ALGEBRA.rule("-(-x) -> x, not(not(x)) -> x", "neg", "not")
def twice(node: Node) -> Value | None:
    return operand(node.inputs[0], node.op.name)


@ALGEBRA.rule("|-x| -> |x|, ||x|| -> |x|", "abs")
def abs_of_sign(node: Node) -> Value | None:
    (x,) = node.inputs
    if made_by(x, "abs"):
        return x
    negated = operand(x, "neg")
    return None if negated is None else emit("abs", negated)


@ALGEBRA.rule("max(x, x) -> x, likewise min, and, or", "max", "min", "and", "or")
def same_twice(node: Node) -> Value | None:
    x, y = node.inputs
    return x if x is y else None


@ALGEBRA.rule("x and true -> x, x or false -> x, x xor false -> x; so on bits", "and", "or", "xor")
def neutral_bits(node: Node) -> Value | None:
    x, y = node.inputs
    return x if _bits(y) == (~0 if made_by(node.output, "and") else 0) else None


@ALGEBRA.rule("x and false -> false, x or true -> true; so on bits", "and", "or")
def absorbing_bits(node: Node) -> Value | None:
    _, y = node.inputs
    return y if _bits(y) == (0 if made_by(node.output, "and") else ~0) else None


def _bits(value: Value) -> int | None:
    """0 for no bits, -1 for all bits, None for anything else."""
    number: Any = uniform(value)
    if number is None:
        return None
    return 0 if number == 0 else ~0 if np.invert(number) == 0 else None


@ALGEBRA.rule("true ? x : y -> x, false ? x : y -> y, c ? x : x -> x", "select")
def decided_choice(node: Node) -> Value | None:
    condition, x, y = node.inputs
    if x is y:
        return x
    known = uniform(condition)
    return None if known is None else x if known else y


@ALGEBRA.rule("not(c) ? x : y -> c ? y : x", "select")
def negated_choice(node: Node) -> Value | None:
    condition, x, y = node.inputs
    negated = operand(condition, "not")
    return None if negated is None else emit("select", negated, y, x)


@ALGEBRA.rule("c ? (c ? x : y) : z -> c ? x : z, c ? x : (c ? y : z) -> c ? x : z", "select")
def same_choice_twice(node: Node) -> Value | None:
    condition, x, y = node.inputs
    then, otherwise = operands(x, "select"), operands(y, "select")
    if then is not None and then[0] is condition:
        return emit("select", condition, then[1], y)
    if otherwise is not None and otherwise[0] is condition:
        return emit("select", condition, x, otherwise[2])
    return None


@ALGEBRA.rule("c ? 1 : 0 -> cast(c), c ? true : false -> c", "select")
def choice_as_cast(node: Node) -> Value | None:
    condition, x, y = node.inputs
    if not is_uniform(x, 1) or not is_uniform(y, 0):
        return None
    return condition if condition.dtype == x.dtype else emit("cast", condition, dtype=x.dtype)


# --- casts ----------------------------------------------------------------------------------------------------------

_MANTISSA = {"float16": 11, "bfloat16": 8, "float32": 24, "float64": 53}


def is_exact(source: DType, target: DType) -> bool:
    """Whether every number of `source` is one of `target`, so that a cast there loses nothing."""
    if source == target or source.kind == "bool":
        return True
    if source.is_integer and target.is_integer:
        return target.bits - (source.kind == "uint" and target.kind == "int") >= source.bits and (
            source.kind == "uint" or target.kind == "int"
        )
    if source.is_integer and target.name in ("float32", "float64"):
        return source.bits - (source.kind == "int") <= _MANTISSA[target.name]
    return source.is_float and (target.name == "float64" or target.name == "float32" and source.bits == 16)


@ALGEBRA.rule("cast(x) -> x to its own dtype", "cast")
def cast_to_itself(node: Node) -> Value | None:
    (x,) = node.inputs
    return x if x.dtype == node["dtype"] else None


@ALGEBRA.rule("cast(cast(x)) -> cast(x) where the inner one loses nothing", "cast")
def cast_of_exact_cast(node: Node) -> Value | None:
    inner = operand(node.inputs[0], "cast")
    if inner is None or not is_exact(inner.dtype, node.inputs[0].dtype):
        return None
    return emit("cast", inner, dtype=node["dtype"])


@ALGEBRA.rule("stop_gradient(stop_gradient(x)) -> stop_gradient(x)", "stop_gradient")
def stopped_twice(node: Node) -> Value | None:
    (x,) = node.inputs
    return x if made_by(x, "stop_gradient") else None


@ALGEBRA.rule("check(x, true) -> x", "check")
def check_that_holds(node: Node) -> Value | None:
    x, condition = node.inputs
    return x if _bits(condition) == ~0 else None

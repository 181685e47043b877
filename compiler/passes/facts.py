"""Signs and shifts that follow from how a value is made: what makes a stable form unnecessary, or a rewrite legal.

In: a value. Out: whether a fact is proven; False means not proven. Each fact is a table from op to the reason, and
looks at most `DEPTH` nodes down, so that asking costs a bounded time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import lazygraph.compiler.ops  # noqa: F401  (fills the table of records)
from lazygraph.compiler.ir.dims import prove_nonnegative
from lazygraph.compiler.ir.graph import Node, Value
from lazygraph.compiler.ops.record import OPS
from lazygraph.compiler.passes.match import axes_in, is_finite_or_zero, is_uniform, made_by, operand, operands, uniform

DEPTH = 6
Fact = Callable[[Node, int], bool]

MOVES = tuple([name for name, op in OPS.items() if op.flags.moves])
VIEWS = (*MOVES, "stop_gradient")


def is_nonnegative(value: Value, depth: int = DEPTH) -> bool:
    """Every element is +0.0 or above (never -0.0), or NaN."""
    if value.dtype.is_complex:
        return False
    number: Any = uniform(value)
    if number is not None:
        return is_uniform(value, 0.0) or bool(number > 0)
    fact = _NONNEGATIVE.get(value.node.op.name)
    if depth == 0 or fact is None or value.dtype.is_integer and not made_by(value, "extent"):  # integers wrap
        return False
    return fact(value.node, depth - 1)


def is_at_most_zero(value: Value, depth: int = DEPTH) -> bool:
    """Every element is at most zero, or NaN."""
    if value.dtype.is_complex:
        return False
    number: Any = uniform(value)
    if number is not None:
        return bool(number <= 0)
    fact = _AT_MOST_ZERO.get(value.node.op.name)
    return depth > 0 and fact is not None and fact(value.node, depth - 1)


def is_shifted_by_maximum(value: Value, axes: Sequence[int]) -> bool:
    """The value is y - max(y) over some of `axes`: its greatest element along `axes` is 0 (where y is finite)."""
    shift = _shift(value)
    return shift is not None and set(shift) <= set(axes)


def _shift(value: Value) -> tuple[int, ...] | None:
    """The axes of the maximum where the value is y - max(y), the maximum seen through views and guards."""
    difference = operands(value, "sub")
    if difference is None:
        return None
    y, maximum = difference
    for _ in range(DEPTH):
        if made_by(maximum, "reduce_max"):
            break
        if made_by(maximum, "select") and is_finite_or_zero(maximum):
            maximum = maximum.node.inputs[1]
        elif maximum.node.op.name in ("reshape", "transpose", "broadcast", "stop_gradient"):
            maximum = maximum.node.inputs[0]
        else:
            return None
    if not made_by(maximum, "reduce_max"):
        return None
    source, axes = maximum.node.inputs[0], maximum.node["axes"]
    if y is not source and operands(source, "stop_gradient") != (y,):
        return None
    kept = [axis for axis in range(y.type.rank) if axis not in axes]
    places = axes_in(difference[1], maximum)
    if places is None or any(place not in (None, axis) for place, axis in zip(places, kept)):
        return None
    return tuple(axes)


def _both(node: Node, depth: int) -> bool:
    return all(is_nonnegative(each, depth) for each in node.inputs)


def _first(node: Node, depth: int) -> bool:
    return is_nonnegative(node.inputs[0], depth)


_NONNEGATIVE: Mapping[str, Fact] = {
    "exp": lambda node, depth: True,
    "abs": lambda node, depth: True,
    "extent": lambda node, depth: prove_nonnegative(node["value"]),
    "sqrt": _first,
    "reduce_sum": _first,
    "cast": lambda node, depth: node.output.dtype.is_float and _first(node, depth),
    "add": _both,
    "mul": lambda node, depth: node.inputs[0] is node.inputs[1] or _both(node, depth),
    "div": _both,
    "max": _both,
    "min": _both,
    "select": lambda node, depth: all(is_nonnegative(each, depth) for each in node.inputs[1:]),
    **{view: _first for view in VIEWS},
}


def _is_negated_where_positive(node: Node) -> bool:
    """0 < x ? -x : x, where x may itself be spelled -y and -x then y."""
    condition, then, otherwise = node.inputs
    compared = operands(condition, "lt")
    return (
        compared is not None
        and is_uniform(compared[0], 0.0)
        and compared[1] is otherwise
        and (operand(then, "neg") is otherwise or operand(otherwise, "neg") is then)
    )


def _is_least_less_greatest(node: Node) -> bool:
    """min(x, y) - max(x, y)"""
    least, greatest = operands(node.inputs[0], "min"), operands(node.inputs[1], "max")
    return least is not None and greatest is not None and set(least) == set(greatest)


_AT_MOST_ZERO: Mapping[str, Fact] = {
    "neg": lambda node, depth: is_nonnegative(node.inputs[0], depth),
    "sub": lambda node, depth: _shift(node.output) is not None or _is_least_less_greatest(node),
    "min": lambda node, depth: any(is_at_most_zero(each, depth) for each in node.inputs),
    "select": lambda node, depth: (
        _is_negated_where_positive(node) or all(is_at_most_zero(each, depth) for each in node.inputs[1:])
    ),
    **{view: lambda node, depth: is_at_most_zero(node.inputs[0], depth) for view in VIEWS},
}

"""What rules ask of a value: the op that made it, the number that all its elements share, where its axes come from.

In: a value. Out: what is known of it by looking at a bounded number of nodes, or None.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from lazygraph.compiler.ir.dims import Extent, Shape
from lazygraph.compiler.ir.graph import Node, Value
from lazygraph.compiler.ops.compose import emit, inverse_permutation

LONGEST_PATH = 8  # views between a value and its core


def made_by(value: Value, op: str) -> bool:
    return value.node.op.name == op


def is_of_reals(node: Node) -> bool:
    """Whether the node's results are real: log(exp(z)) is not z, and complex numbers have no maximum to subtract."""
    return not any([each.dtype.is_complex for each in node.outputs])


def operand(value: Value, op: str) -> Value | None:
    """x where the value is op(x), for an op of one operand."""
    return value.node.inputs[0] if value.node.op.name == op else None


def operands(value: Value, op: str) -> tuple[Value, ...] | None:
    """The operands where the value is an application of `op`."""
    return value.node.inputs if value.node.op.name == op else None


def uniform(value: Value) -> np.generic | None:
    """The number that every element is, where it is a constant scalar, repeated."""
    node = value.node
    if node.op.name == "broadcast":
        node = node.inputs[0].node
    if node.op.name != "constant" or node["value"].size != 1:
        return None
    scalar: np.generic = node["value"].reshape(())[()]
    return scalar


def is_uniform(value: Value, number: float) -> bool:
    """Whether every element is this number, zeros told apart by sign where the dtype does.

    Never for complex numbers: with an infinity or -0.0 beside it, not even z * 1 is z in both parts.
    """
    found: Any = uniform(value)
    if found is None or found != number or value.dtype.is_complex:
        return False
    return not value.dtype.is_float or math.copysign(1, found) == math.copysign(1, number)


def is_positive(value: Value) -> bool:
    """Whether every element is one finite constant above zero."""
    found: Any = None if value.dtype.is_complex else uniform(value)
    return found is not None and bool(found > 0) and math.isfinite(found)


def repeated(scalar: Value, shape: Shape) -> Value:
    """The one element of `scalar`, everywhere in the shape."""
    if scalar.type.rank:
        scalar = emit("reshape", scalar, shape=())
    return emit("broadcast", scalar, shape=shape, axes=()) if shape else scalar


def without(shape: Sequence[Extent], axes: Sequence[int]) -> Shape:
    return tuple([extent for axis, extent in enumerate(shape) if axis not in axes])


def is_finite_or_zero(value: Value) -> bool:
    """The value is select(|x| < inf, x, 0): x where it is finite."""
    condition, x, otherwise = value.node.inputs
    compared = operands(condition, "lt")
    return (
        compared is not None
        and operand(compared[0], "abs") is x
        and is_uniform(compared[1], math.inf)
        and is_uniform(otherwise, 0.0)
    )


# --- where axes go --------------------------------------------------------------------------------------------------

Places = Sequence[int | None]


def unit_reshape(source: Shape, target: Shape) -> tuple[int | None, ...] | None:
    """For a reshape that only adds or drops extents of 1: the target axis of each source axis, None for a unit axis.

    (n, 1, k) to (1, n, k) gives (1, None, 2); (n, k) to (n*k) gives None.
    """
    kept = [axis for axis, extent in enumerate(target) if extent != 1]
    if [extent for extent in source if extent != 1] != [target[axis] for axis in kept]:
        return None
    places = iter(kept)
    return tuple([None if extent == 1 else next(places) for extent in source])


def _same_places(node: Node) -> Places:
    return range(node.output.type.rank)


# view -> for each axis of its operand, the axis of its result
_PLACES: Mapping[str, Callable[[Node], Places | None]] = {
    "broadcast": lambda node: node["axes"],
    "transpose": lambda node: inverse_permutation(node["permutation"]),
    "reshape": lambda node: unit_reshape(node.inputs[0].shape, node.output.shape),
    "stop_gradient": _same_places,
    "select": lambda node: _same_places(node) if is_finite_or_zero(node.output) else None,
}


def axes_in(value: Value, core: Value) -> tuple[int | None, ...] | None:
    """Where each axis of `core` lies in `value`, seen through unit reshapes, transposes, broadcasts and guards.

    None for an axis of extent 1 that was dropped on the way; None for all where the value is not such a view of `core`.
    """
    steps: list[Places] = []
    while value is not core:
        find = _PLACES.get(value.node.op.name)
        places = None if find is None or len(steps) == LONGEST_PATH else find(value.node)
        if places is None:
            return None
        steps.append(places)
        value = value.node.inputs[1 if made_by(value, "select") else 0]
    result: list[int | None] = list(range(core.type.rank))
    for step in reversed(steps):
        result = [None if place is None else step[place] for place in result]
    return tuple(result)

"""What derivative and batching rules share: short names for the nodes they make most.

In: values. Out: values of new nodes; an application that would change nothing (an identity permutation, a sum with a
symbolic zero) is left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lazygraph.compiler.ir.dims import Extent, Shape
from lazygraph.compiler.ir.graph import Node, Value
from lazygraph.compiler.ops.record import OPS, zeros


def emit(name: str, *inputs: Value, **attributes: Any) -> Value:
    """The single result of a new node."""
    result: Value = OPS[name](*inputs, **attributes)
    return result


def plus(left: Value | None, right: Value | None) -> Value | None:
    """left + right, where None is a symbolic zero."""
    if left is None or right is None:
        return right if left is None else left
    return emit("add", left, right)


def or_zeros(tangent: Value | None, like: Value) -> Value:
    """The tangent, or an actual zero of the primal's type."""
    return zeros(like.type) if tangent is None else tangent


def permuted(x: Value, permutation: Sequence[int]) -> Value:
    """x with result axis i taken from axis permutation[i]."""
    permutation = tuple(permutation)
    return x if permutation == tuple(range(len(permutation))) else emit("transpose", x, permutation=permutation)


def inverse_permutation(permutation: Sequence[int]) -> tuple[int, ...]:
    inverse = [0] * len(permutation)
    for place, axis in enumerate(permutation):
        inverse[axis] = place
    return tuple(inverse)


def axis_moved(x: Value, source: int, target: int) -> Value:
    """x with one axis taken out and put in at `target`."""
    others = [axis for axis in range(x.type.rank) if axis != source]
    return permuted(x, (*others[:target], source, *others[target:]))


def spread(x: Value, shape: Shape, axes: Sequence[int]) -> Value:
    """x broadcast to `shape`, its axis i landing at axes[i]."""
    axes = tuple(axes)
    return x if axes == tuple(range(len(shape))) else emit("broadcast", x, shape=tuple(shape), axes=axes)


def batched_input(x: Value, batched: bool, size: Extent) -> Value:
    """x with the leading batch axis: its own, or one it is repeated along."""
    return x if batched else spread(x, (size, *x.shape), range(1, x.type.rank + 1))


def batch_leaf(node: Node, inputs: tuple[Value, ...], batched: tuple[bool, ...], size: Extent) -> tuple[Value, ...]:
    """The batching rule of an op without operands: its results, repeated."""
    return tuple([batched_input(each, False, size) for each in node.outputs])

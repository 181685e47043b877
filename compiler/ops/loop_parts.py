"""The parts of a scan by their roles, taken apart and put together again.

In: a scan's node. Out: a `Loop`: first carries, sequences and closed operands, beside each what stands for it in the
body, and what the body gives. Derivative rules, batching and passes make loops of other parts out of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from lazygraph.compiler.ir.graph import Graph, Node, Value
from lazygraph.compiler.ops.record import apply

Values = tuple[Value, ...]
T = TypeVar("T")


@dataclass(frozen=True)
class Loop:
    """A scan that is like `node` (length, direction, segment) with parts of its own."""

    node: Node
    init: Values
    xs: Values
    closed: Values
    at: Value
    carry_in: Values
    x_in: Values
    closed_in: Values
    carry_out: Values
    y_out: Values

    @property
    def carries(self) -> int:
        return len(self.init)

    @property
    def body(self) -> Graph:
        inputs = (self.at, *self.carry_in, *self.x_in, *self.closed_in)
        return Graph(self.node.graphs[0].name, inputs, (*self.carry_out, *self.y_out))

    def split(self, each: Sequence[T]) -> tuple[Sequence[T], Sequence[T], Sequence[T]]:
        """What belongs to the operands, as that of carries, sequences and closed operands."""
        middle = self.carries + len(self.xs)
        return each[: self.carries], each[self.carries : middle], each[middle:]

    def emit(self, **attributes: Any) -> tuple[Values, Values]:
        """(last carries, stacked results) of a new node; the attributes are the node's but for those given."""
        given = {**self.node.attributes, "carries": self.carries, "sequences": len(self.xs), **attributes}
        found = apply(self.node.op, (*self.init, *self.xs, *self.closed), given, graphs=(self.body,))
        return found[: self.carries], found[self.carries :]


def loop_of(node: Node) -> Loop:
    """The parts of a scan."""
    (body,) = node.graphs
    carries, sequences = node["carries"], node["sequences"]
    middle = carries + sequences
    inner = body.inputs[1:]
    return Loop(
        node,
        init=node.inputs[:carries],
        xs=node.inputs[carries:middle],
        closed=node.inputs[middle:],
        at=body.inputs[0],
        carry_in=inner[:carries],
        x_in=inner[carries:middle],
        closed_in=inner[middle:],
        carry_out=body.outputs[:carries],
        y_out=body.outputs[carries:],
    )

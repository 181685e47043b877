"""The parts of a scan by their roles, taken apart and put together again.

In: a scan's node. Out: a `Loop`: first carries, sequences and closed operands, beside each what stands for it in the
body, and what the body gives. Derivative rules, batching and passes make loops of other parts out of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from lazygraph.compiler.autodiff.substitute import moved
from lazygraph.compiler.ir.dependence import reached
from lazygraph.compiler.ir.graph import Graph, Node, Value
from lazygraph.compiler.ops.bodies import chosen, without_effects
from lazygraph.compiler.ops.leaf import new_parameter
from lazygraph.compiler.ops.record import apply

Values = tuple[Value, ...]
Mask = Sequence[bool]
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

    # --- loops of some of the parts

    def with_body(self, outputs: Sequence[Value]) -> Loop:
        return replace(self, carry_out=tuple(outputs[: self.carries]), y_out=tuple(outputs[self.carries :]))

    def with_carries(self, mask: Mask) -> Loop:
        carry_out = chosen(self.carry_out, mask)
        return replace(self, init=chosen(self.init, mask), carry_in=chosen(self.carry_in, mask), carry_out=carry_out)

    def with_operands(self, xs: Mask, closed: Mask) -> Loop:
        return replace(
            self,
            xs=chosen(self.xs, xs),
            x_in=chosen(self.x_in, xs),
            closed=chosen(self.closed, closed),
            closed_in=chosen(self.closed_in, closed),
        )

    def without_unused(self) -> Loop:
        """Sequences and closed operands that the body reads."""
        read = reached(self.body.outputs)
        return self.with_operands([x in read for x in self.x_in], [x in read for x in self.closed_in])

    def for_stacks(self) -> Loop:
        """Only what the stacked results need."""
        needed = [False] * self.carries
        while True:
            read = reached((*self.y_out, *chosen(self.carry_out, needed)))
            found = [x in read for x in self.carry_in]
            if found == needed:
                return self.with_carries(needed).without_unused()
            needed = found

    def shifted(self, offset: Value | None) -> Loop:
        """The loop whose positions begin at `offset`."""
        if offset is None or self.at not in reached(self.body.outputs):
            return self
        at = new_parameter("at", self.at.dtype, ())
        first = new_parameter("first", self.at.dtype, ())
        outputs = moved(self.body.outputs, {self.at: at + first})
        shifted = replace(self, at=at, closed=(*self.closed, offset), closed_in=(*self.closed_in, first))
        return shifted.with_body(outputs)

    def quiet(self) -> Loop:
        """The loop run a second time over the same values: nothing is shown or checked again."""
        return self.with_body(without_effects(self.body).outputs)


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

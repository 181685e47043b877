"""Sums over trips of products become one product: the gradient of a weight leaves the loop.

In: a scan. Out: its results, where

    c' = c + a . b   in every trip    is    c_last = c_first + A . B,

with A and B the stacks of a and b, contracted over trips too. One product over all trips reads and writes the sum once
and fills the registers, where each trip read and wrote all of it. Only where a and b are smaller than c, so that
stacking them moves less, and not in a loop over segments, which is there to stack little. Sums of products are made
in the order of one product then, which the interpreter's loop only differs from by rounding.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from lazygraph.compiler.ir.graph import Node, Value, with_inputs
from lazygraph.compiler.ir.nominal import nominal_bytes
from lazygraph.compiler.ops.bodies import left_out
from lazygraph.compiler.ops.compose import emit
from lazygraph.compiler.ops.loop_parts import Loop, loop_of

_VIEWS = ("transpose", "reshape")
LESS = 16  # times less to stack than to sum: from there on one product was the faster one


@dataclass(frozen=True)
class _Sum:
    """The carry at `place` is a sum of `product`, seen through views, the last one first."""

    place: int
    product: Node
    views: tuple[Node, ...]

    def over(self, left: Value, right: Value) -> Value:
        """The product of stacks, through the views."""
        found = emit("dot", left, right, **_with_trips(self.product))
        for view in reversed(self.views):
            found = with_inputs(view, [found]).output
        return found


def with_products_outside(node: Node) -> Sequence[Value] | None:
    """What stands for the results of a scan; None where no sum leaves it."""
    if node["segment"]:
        return None
    loop = loop_of(node)
    uses = _uses(loop)
    sums = [found for place in range(loop.carries) if (found := _sum(loop, place, uses)) is not None]
    if not sums:
        return None
    leaves = [place in {each.place for each in sums} for place in range(loop.carries)]
    operands = tuple([x for each in sums for x in each.product.inputs])
    rest = loop.with_carries([not each for each in leaves])
    last, ys = replace(rest, y_out=(*loop.y_out, *operands)).without_unused().emit()
    stacks = iter(ys[len(loop.y_out) :])
    totals = {each.place: loop.init[each.place] + each.over(next(stacks), next(stacks)) for each in sums}
    kept = iter(last)
    carries = [totals[place] if place in totals else next(kept) for place in range(loop.carries)]
    return [*carries, *ys[: len(loop.y_out)]]


def _uses(loop: Loop) -> Mapping[Value, int]:
    found: dict[Value, int] = {}
    for value in (*loop.body.outputs, *[x for node in loop.body.nodes for x in node.inputs]):
        found[value] = found.get(value, 0) + 1
    return found


def _sum(loop: Loop, place: int, uses: Mapping[Value, int]) -> _Sum | None:
    carry, out = loop.carry_in[place], loop.carry_out[place]
    if out.node.op.name != "add" or carry not in out.node.inputs or uses[carry] > 1 or uses[out] > 1:
        return None
    (term,) = left_out(out.node.inputs, [each is carry for each in out.node.inputs]) or (carry,)
    views = []
    while term.node.op.name in _VIEWS and uses[term] == 1:
        views.append(term.node)
        term = term.node.inputs[0]
    if term.node.op.name != "dot" or uses[term] > 1:
        return None
    stacked = [x for x in dict.fromkeys(term.node.inputs) if x not in loop.x_in and x not in loop.y_out]
    if LESS * sum(map(nominal_bytes, stacked)) > nominal_bytes(carry):
        return None
    return _Sum(place, term.node, tuple(views))


def _with_trips(product: Node) -> dict[str, object]:
    """The attributes of the product of stacks: the axis of trips comes first and is summed over."""
    batch = tuple([tuple([axis + 1 for axis in axes]) for axes in product["batch"]])
    contract = tuple([(0, *[axis + 1 for axis in axes]) for axes in product["contract"]])
    return {"batch": batch, "contract": contract, "accumulate": product["accumulate"]}

"""Reverse mode through while_loop, in memory that grows as the square root of its greatest number of trips.

In: a loop some of whose carries L are linear in operands that are asked for, and the cotangents of its results. Out:
the cotangents of those operands. The other carries P steer the loop. They run again, and every K-th of their states is
kept, K = ceil(sqrt(max_trips)). Then segment after segment, from the last to the first, K states are made from the one
that was kept, and the cotangents run backwards through them:

    ct_L <- (dL'/dL)^T ct_L,    ct_c <- ct_c + (dL'/dc)^T ct_L    for each tensor c that all trips share.

See A. Griewank and A. Walther, Evaluating Derivatives, 2nd ed., 2008, chapter 12, for checkpoints in two levels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import isqrt

from lazygraph.compiler.ir.graph import Graph, Node, TensorType, Value
from lazygraph.compiler.ops.bodies import (
    Mask,
    Values,
    chosen,
    depending,
    left_out,
    over,
    settled,
    symbols_like,
    without_effects,
)
from lazygraph.compiler.ops.compose import emit, or_zeros, spread
from lazygraph.compiler.ops.effects import checked
from lazygraph.compiler.ops.record import OPS, Tangents, apply, full, zeros
from lazygraph.runtime.dtypes import int64

COUNT = TensorType(int64, ())


@dataclass(frozen=True)
class _Loop:
    """A loop taken apart: what steers it, and what is linear in the operands that are asked for."""

    node: Node
    linear: Mask  # operands that are asked for, and carries that depend on them

    @property
    def condition(self) -> Graph:
        return self.node.graphs[0]

    @property
    def body(self) -> Graph:
        return self.node.graphs[1]

    @property
    def carries(self) -> int:
        return int(self.node["carries"])

    @property
    def max_trips(self) -> int:
        return int(self.node["max_trips"])

    @property
    def moved(self) -> Mask:
        """Which carries are linear."""
        return self.linear[: self.carries]

    @property
    def shared(self) -> Mask:
        """Which closed operands are linear."""
        return self.linear[self.carries :]

    @cached_property
    def span(self) -> int:
        """K, the trips of a segment."""
        return isqrt(self.max_trips - 1) + 1

    @cached_property
    def segments(self) -> int:
        return -(-self.max_trips // self.span)

    @property
    def states(self) -> Values:
        """The initial values of the carries that steer."""
        return left_out(self.node.inputs[: self.carries], self.moved)

    @property
    def closed(self) -> Values:
        """The closed operands that are not linear."""
        return left_out(self.node.inputs[self.carries :], self.shared)

    def fixed(self, values: Sequence[Value]) -> Values:
        """Of the inputs of a sub-graph those that are not linear."""
        return left_out(values, self.linear)

    @cached_property
    def steps(self) -> Graph:
        """(*states, *closed) -> states after a trip."""
        return Graph(self.body.name, self.fixed(self.body.inputs), left_out(self.body.outputs, self.moved))

    @cached_property
    def silent(self) -> Graph:
        """The body for further runs over the same states."""
        return without_effects(self.body)


def transpose_while(node: Node, cotangents: Tangents, linear: Mask) -> Tangents:
    """The transpose rule of `while_loop`."""
    carries = node["carries"]
    mask = settled(linear, carries, lambda mask: depending(node.graphs[1], mask))
    if not any([ct is not None for ct, has in zip(cotangents, mask[:carries]) if has]):
        return (None,) * len(linear)
    if not node["max_trips"]:
        line = f"\n  {node.frames[0].file.rsplit('/', 1)[-1]}:{node.frames[0].line}" if node.frames else ""
        raise ValueError(
            "while_loop: reverse mode needs the greatest number of trips, to know how many states to keep: "
            f"give max_trips=, or use forward mode (lg.jvp){line}"
        )
    loop = _Loop(node, mask)
    arrived = [or_zeros(ct, y) for ct, y, has in zip(cotangents, node.outputs, mask[:carries]) if has]
    buffers, trips = _kept(loop)
    found = iter(_backwards(loop, buffers, trips, arrived))
    everything = [next(found) if has else None for has in mask]
    return tuple([each if wanted else None for each, wanted in zip(everything, linear)])


def looped(init: Values, closed: Values, condition: Graph, body: Graph, max_trips: int) -> Values:
    """The final carries and the number of trips."""
    attributes = {"carries": len(init), "max_trips": max_trips}
    return apply(OPS["while_loop"], (*init, *closed), attributes, graphs=(condition, body))


def unfinished(max_trips: int) -> str:
    """What a step says that makes the most trips and is not done."""
    return f"while_loop: the condition still holds after {max_trips} trips, its max_trips"


def _kept(loop: _Loop) -> tuple[Values, Value]:
    """Every K-th state, and the number of trips: the loop over what steers it, which puts states into buffers."""
    count = len(loop.states)
    inputs, closed = loop.steps.inputs[:count], loop.steps.inputs[count:]
    starts = tuple([_buffer(each, loop.segments) for each in loop.states])
    (at,), buffers = symbols_like([zeros(COUNT)], "trip"), symbols_like(starts, "kept")
    place, is_first = at / loop.span, emit("eq", emit("rem", at, full(COUNT, loop.span)), full(COUNT, 0))
    chosen_ones = [_where(is_first, x, _get(buffer, place)) for x, buffer in zip(inputs, buffers)]
    kept = [_put(buffer, x, place) for x, buffer in zip(chosen_ones, buffers)]
    body = Graph(loop.body.name, (*inputs, at, *buffers, *closed), (*loop.steps.outputs, at + 1, *kept))
    steering = loop.fixed(loop.condition.inputs)
    among = (*steering[:count], *symbols_like([at, *buffers], "unread"), *steering[count:])
    condition = Graph(loop.condition.name, among, loop.condition.outputs)
    results = looped((*loop.states, zeros(COUNT), *starts), loop.closed, condition, body, loop.max_trips)
    asked = without_effects(Graph(loop.condition.name, steering, loop.condition.outputs))
    done = emit("not", over(asked, (*results[:count], *loop.closed))[0])
    return results[count + 1 : -1], checked(results[-1], done, unfinished(loop.max_trips))


def _backwards(loop: _Loop, buffers: Values, trips: Value, arrived: Sequence[Value]) -> Values:
    """The cotangents of the linear carries and closed operands: segments from the last to the first."""
    carried = (*arrived, *[zeros(each.type) for each in chosen(loop.node.inputs[loop.carries :], loop.shared)])
    last = (trips - 1 + loop.span) / loop.span - 1
    (segment,), symbols = symbols_like([last], "segment"), symbols_like(carried, "ct")
    (total,), kept, closed = (
        symbols_like([trips], "trips"),
        symbols_like(buffers, "kept"),
        symbols_like(loop.closed, "x"),
    )
    ahead = total - segment * loop.span
    count = emit("min", ahead, full(COUNT, loop.span))
    states = _states_of_segment(loop, [_get(buffer, segment) for buffer in kept], count, closed)
    found = _backwards_in_segment(loop, states, count - 1, symbols, closed)
    inputs = (segment, *symbols, total, *kept, *closed)
    body = Graph("segment", inputs, (segment - 1, *found))
    results = looped((last, *carried), (trips, *buffers, *loop.closed), _counts_down(inputs), body, loop.segments)
    return results[1:-1]


def _states_of_segment(loop: _Loop, first: Sequence[Value], count: Value, closed: Values) -> Values:
    """The states before each of the trips of a segment."""
    starts = tuple([_buffer(each, loop.span) for each in loop.states])
    (at, end), x = symbols_like([count, count], "trip"), symbols_like(first, "state")
    states, shared = symbols_like(starts, "states"), symbols_like(closed, "x")
    put = [_put(buffer, each, at) for buffer, each in zip(states, x)]
    silent = Graph("steps", loop.fixed(loop.silent.inputs), left_out(loop.silent.outputs, loop.moved))
    inputs = (at, *x, *states, end, *shared)
    body = Graph("again", inputs, (at + 1, *over(silent, (*x, *shared)), *put))
    among = symbols_like(inputs, "c")
    condition = Graph("condition", among, (emit("lt", among[0], among[1 + len(x) + len(states)]),))
    results = looped((zeros(COUNT), *first, *starts), (count, *closed), condition, body, loop.span)
    return results[1 + len(x) : -1]


def _backwards_in_segment(loop: _Loop, states: Values, last: Value, cotangents: Values, closed: Values) -> Values:
    """The cotangents after the trips of a segment, from the last to the first."""
    from lazygraph.compiler.autodiff.transpose import transpose

    (at,), carried = symbols_like([last], "trip"), symbols_like(cotangents, "ct")
    kept, shared = symbols_like(states, "states"), symbols_like(closed, "x")
    moved = sum(loop.moved)
    graph = loop.silent
    symbols = (*chosen(graph.inputs[: loop.carries], loop.moved), *chosen(graph.inputs[loop.carries :], loop.shared))
    found = transpose(chosen(graph.outputs, loop.moved), symbols, carried[:moved])
    pulled = [or_zeros(ct, x) for ct, x in zip(found[:moved], carried)]
    summed = [x if ct is None else x + ct for ct, x in zip(found[moved:], carried[moved:])]
    here = (*[_get(buffer, at) for buffer in kept], *shared)
    outputs = over(Graph("pulled", loop.fixed(graph.inputs) + carried, (*pulled, *summed)), (*here, *carried))
    inputs = (at, *carried, *kept, *shared)
    body = Graph("backwards", inputs, (at - 1, *outputs))
    results = looped((last, *cotangents), (*states, *closed), _counts_down(inputs), body, loop.span)
    return results[1:-1]


def _counts_down(inputs: Values) -> Graph:
    """Whether the first carry has not passed 0."""
    among = symbols_like(inputs, "c")
    return Graph("condition", among, (emit("le", full(COUNT, 0), among[0]),))


# --- states in buffers ------------------------------------------------------------------------------------------------


def _buffer(state: Value, count: int) -> Value:
    return zeros(TensorType(state.dtype, (count, *state.shape)))


def _get(buffer: Value, place: Value) -> Value:
    shape = buffer.shape[1:]
    block = emit("dynamic_slice", buffer, *_starts(place, buffer), shape=(1, *shape))
    return emit("reshape", block, shape=shape)


def _put(buffer: Value, state: Value, place: Value) -> Value:
    block = emit("reshape", state, shape=(1, *state.shape))
    return emit("dynamic_update_slice", buffer, block, *_starts(place, buffer))


def _starts(place: Value, buffer: Value) -> Values:
    return (place, *[zeros(COUNT)] * (buffer.type.rank - 1))


def _where(condition: Value, x: Value, y: Value) -> Value:
    return emit("select", spread(condition, x.shape, ()), x, y)

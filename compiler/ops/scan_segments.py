"""Reverse mode through scan in memory that grows as the square root of its length.

In: a transposed loop, its state and trips. Out: the state and the cotangents before the first trip. The loop runs once
and keeps the carries before each segment of k trips; going back, a segment is run again from them, all it has to keep
is kept, and its trips are transposed: length / k + k in all (T. Chen et al., Training deep nets with sublinear memory
cost, 2016). The trips that do not fill a segment are the last ones, and come first on the way back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from lazygraph.compiler.autodiff.substitute import moved
from lazygraph.compiler.ir.dependence import dependents
from lazygraph.compiler.ir.dims import Extent, floordiv
from lazygraph.compiler.ir.graph import Value, topological
from lazygraph.compiler.ops.bodies import symbols_like
from lazygraph.compiler.ops.compose import emit
from lazygraph.compiler.ops.leaf import new_parameter
from lazygraph.compiler.ops.loop_parts import Loop
from lazygraph.compiler.ops.record import full, zeros
from lazygraph.compiler.ops.scan_transpose import Backward, Part, State
from lazygraph.runtime.dtypes import int64

Values = tuple[Value, ...]


def in_segments(back: Backward, state: State, part: Part) -> tuple[State, Values]:
    """Through all trips, in segments where the loop has them and something is kept."""
    segment, length = back.primal.node["segment"], part.length
    if segment == 0 or not back.primal.y_out or isinstance(length, int) and length <= segment:
        return back.through(state, part, again=False)
    count = floordiv(length, segment)
    whole = count * segment
    rest = length - whole
    backwards = back.primal.node["reverse"]
    first, last = (rest, 0) if backwards else (0, whole)  # where the segments begin, and what does not fill one
    starts = _starts(back.primal, count)
    tail = Part(_cut(part.xs, last, rest), _cut(part.stacks, last, rest), rest, _number(last))
    at_tail = tuple([_row(each, count) for each in starts])
    state, of_tail = back.through(replace(state, carries=at_tail), tail, again=True)
    blocks = Part(_blocks(part.xs, first, count, segment), _blocks(part.stacks, first, count, segment), segment)
    before = [_flipped(each) if backwards else each for each in _cut(starts, 0, count)]
    state, of_segments = _through_segments(back, state, blocks, tuple(before), first, count)
    elements = []
    for one, other in zip(of_segments, of_tail, strict=True):
        main = emit("reshape", one, shape=(whole, *other.shape[1:]))
        elements.append(emit("concat", *((other, main) if backwards else (main, other)), axis=0))
    return state, tuple(elements)


def _through_segments(
    back: Backward, state: State, blocks: Part, before: Values, first: Extent, count: Extent
) -> tuple[State, Values]:
    """A loop over segments, each the loop over its trips."""
    segment = blocks.length
    place = new_parameter("segment", back.primal.at.dtype, ())
    carried = symbols_like((*state.cotangents, *state.sums), "cotangent")
    stacks = (*before, *blocks.xs, *blocks.stacks)
    inside = tuple([new_parameter("x", each.dtype, each.shape[1:]) for each in stacks])
    starts, rest = inside[: len(before)], inside[len(before) :]
    xs, cotangents = rest[: len(blocks.xs)], rest[len(blocks.xs) :]
    split = len(state.cotangents)
    offset = emit("mul", place, _number(segment)) + _number(first)
    inner = State(starts, carried[:split], carried[split:])
    found, elements = back.through(inner, Part(xs, cotangents, segment, offset), again=True)
    results = (*found.cotangents, *found.sums, *elements)
    captured = _captured(results, (place, *carried, *inside))
    closed = symbols_like(captured, "closed")
    loop = Loop(
        back.primal.node,
        init=(*state.cotangents, *state.sums),
        xs=stacks,
        closed=captured,
        at=place,
        carry_in=carried,
        x_in=inside,
        closed_in=closed,
        carry_out=(),
        y_out=(),
    ).with_body(moved(results, dict(zip(captured, closed))))
    attributes = {"length": count, "reverse": not back.primal.node["reverse"], "segment": 1}  # stacks little itself
    last, of_segments = loop.without_unused().emit(**attributes)
    return State(before, last[:split], last[split:]), of_segments


def _starts(primal: Loop, count: Extent) -> Values:
    """P's carries before each segment, and before the trips that are left over: rows 0 .. count.

    Trip i writes the carries behind it to row i // k + 1, so the last trip of a segment leaves what the next one begins
    with. Carries as buffers, not stacks, because the loop that the user wrote has as many trips, and becomes one with
    this.
    """
    node = primal.node
    trip = _number(node["length"] - 1) - primal.at if node["reverse"] else primal.at
    row = emit("div", trip, full(trip.type, node["segment"])) + 1
    buffers = []
    for each in primal.init:
        one = emit("reshape", each, shape=(1, *each.shape))
        rest = zeros(replace(each.type, shape=(count + 1, *each.shape)))
        buffers.append(emit("concat", one, rest, axis=0))
    inside = symbols_like(buffers, "starts")
    written = []
    for buffer, out in zip(inside, primal.carry_out):
        starts = [row, *[full(row.type, 0)] * out.type.rank]
        written.append(emit("dynamic_update_slice", buffer, emit("reshape", out, shape=(1, *out.shape)), *starts))
    loop = replace(
        primal,
        init=(*primal.init, *buffers),
        carry_in=(*primal.carry_in, *inside),
        carry_out=(*primal.carry_out, *written),
        y_out=(),
    )
    last, _ = loop.without_unused().emit()
    return last[primal.carries :]


def _captured(results: Sequence[Value], parameters: Sequence[Value]) -> Values:
    """What the results use that does not depend on the parameters, but on others."""
    inside = dependents(results, parameters)
    outer: set[Value] = set()
    used: dict[Value, None] = {}
    for node in topological(results):
        if node.outputs[0] in inside:
            used.update(dict.fromkeys(node.inputs))
        elif node.op.name == "parameter" or any([operand in outer for operand in node.inputs]):
            outer.update(node.outputs)
    used.update(dict.fromkeys(results))
    return tuple([value for value in used if value in outer and value not in inside])


# --- pieces along the axis of trips -----------------------------------------------------------------------------------


def _number(extent: Extent) -> Value:
    return emit("extent", value=extent, dtype=int64)


def _cut(values: Sequence[Value], first: Extent, count: Extent) -> Values:
    found = []
    for each in values:
        starts, stops = (first, *[0] * (each.type.rank - 1)), (first + count, *each.shape[1:])
        found.append(emit("slice", each, starts=starts, stops=stops, steps=(1,) * each.type.rank))
    return tuple(found)


def _row(value: Value, place: Extent) -> Value:
    (one,) = _cut([value], place, 1)
    return emit("reshape", one, shape=value.shape[1:])


def _blocks(values: Sequence[Value], first: Extent, count: Extent, segment: Extent) -> Values:
    cut = _cut(values, first, count * segment)
    return tuple([emit("reshape", each, shape=(count, segment, *each.shape[1:])) for each in cut])


def _flipped(value: Value) -> Value:
    return emit("reverse", value, axes=(0,))

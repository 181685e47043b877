"""while_loop: a sub-graph applied to its own results for as long as a condition on them holds.

In: the initial values of the carries, tensors that all trips share, the condition and the body. Out: the carries after
the last trip, and the number of trips. No trip is made where the condition does not hold at first. `max_trips` > 0 ends
the loop after as many trips whatever the condition says; whether it still held is the reader's to check. Tangents of
carries are further carries of the same loop, so forward mode stores nothing. In a batch whose conditions differ the
loop runs until none of the examples goes on, and those that are done keep what they have: an effect in the body then
happens in every trip.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from lazygraph.compiler.ir.dims import Extent
from lazygraph.compiler.ir.errors import DTypeError
from lazygraph.compiler.ir.graph import Attributes, Graph, Node, TensorType, Value
from lazygraph.compiler.ops.bodies import (
    Mask,
    Types,
    Values,
    batched,
    over,
    pushed,
    require_types,
    settled,
    symbols_like,
    types_of,
)
from lazygraph.compiler.ops.compose import batched_input, emit, or_zeros, spread
from lazygraph.compiler.ops.leaf import new_parameter
from lazygraph.compiler.ops.lowering import Conditional
from lazygraph.compiler.ops.record import Domain, Flags, Op, Tangents, full, register
from lazygraph.compiler.ops.samples import EVERY, Case, plain, smooth
from lazygraph.compiler.ops.while_transpose import looped, transpose_while
from lazygraph.runtime.dtypes import DType, bool_, float64, int64


def _type(types: Types, attributes: Attributes) -> Types:
    condition, body = attributes["graphs"]
    carries, max_trips = attributes["carries"], attributes["max_trips"]
    if not 0 <= carries <= len(types):
        raise ValueError(f"while_loop: carries: expected 0 .. {len(types)}, found {carries}")
    if isinstance(max_trips, bool) or not isinstance(max_trips, int) or max_trips < 0:
        raise ValueError(f"while_loop: max_trips: expected an int >= 0, found {max_trips!r}")
    require_types("while_loop", "operands of the condition", types, types_of(condition.inputs))
    require_types("while_loop", "operands of the body", types, types_of(body.inputs))
    require_types("while_loop", "carries that the body gives", types[:carries], types_of(body.outputs))
    if types_of(condition.outputs) != (TensorType(bool_, ()),):
        found = ", ".join(map(str, types_of(condition.outputs)))
        raise DTypeError(f"while_loop: the condition: expected one bool[], found {found or 'nothing'}")
    return (*types[:carries], TensorType(int64, ()))


def _reference(*operands: np.ndarray, graphs: Any, carries: int, max_trips: int) -> tuple[np.ndarray, ...]:
    condition, body = graphs
    carry, closed = operands[:carries], operands[carries:]
    trips = 0
    while (trips < max_trips or not max_trips) and bool(condition(*carry, *closed)[0]):
        carry = body(*carry, *closed)
        trips += 1
    return (*carry, np.asarray(trips, np.int64))


def _jvp(node: Node, tangents: Tangents) -> Tangents:
    """(x, t) -> (f(x), df(x) t) while the condition on x holds."""
    condition, body = node.graphs
    carries = node["carries"]
    given = tuple([each is not None for each in tangents])
    moving = settled(given, carries, lambda mask: tuple([each is not None for each in pushed(body, mask)[1]]))
    if not any(moving[:carries]):
        return (None,) * len(node.outputs)
    symbols, found = pushed(body, moving)
    moved = sum(moving[:carries])
    steps = [or_zeros(t, y) for t, y, has in zip(found, body.outputs, moving) if has]
    starts = [or_zeros(t, x) for t, x, has in zip(tangents, node.inputs[:carries], moving) if has]

    def joint(graph: Graph, t: Values, outputs: Values) -> Graph:
        return Graph(graph.name, (*graph.inputs[:carries], *t[:moved], *graph.inputs[carries:], *t[moved:]), outputs)

    results = looped(
        (*node.inputs[:carries], *starts),
        (*node.inputs[carries:], *[each for each in tangents[carries:] if each is not None]),
        joint(condition, symbols_like(symbols, "t"), condition.outputs),
        joint(body, symbols, (*body.outputs, *steps)),
        node["max_trips"],
    )
    tangents_of_carries = iter(results[carries:-1])
    return (*[next(tangents_of_carries) if has else None for has in moving[:carries]], None)


# --- batching ---------------------------------------------------------------------------------------------------------


def _batch(node: Node, inputs: Values, has_axis: Mask, size: Extent) -> Values:
    condition, body = node.graphs
    carries = node["carries"]
    mask = settled(has_axis, carries, lambda mask: batched(body, mask, size)[2])
    parameters, (asked,), (differs,) = batched(condition, mask, size)
    if differs:
        return _masked(node, inputs, has_axis, size)
    init = tuple([batched_input(x, has, size) if wide else x for x, has, wide in zip(inputs, has_axis, mask[:carries])])
    results = looped(
        init,
        inputs[carries:],
        Graph(condition.name, parameters, (asked,)),
        _batched_body(body, mask, carries, size),
        node["max_trips"],
    )
    return tuple([batched_input(y, has, size) for y, has in zip(results, (*mask[:carries], False))])


def _batched_body(body: Graph, mask: Mask, carries: int, size: Extent) -> Graph:
    """The body with a batch axis on the masked inputs and on the carries that it gives for them."""
    parameters, found, have = batched(body, mask, size)
    wanted = zip(found, have, mask[:carries])
    return Graph(body.name, parameters, tuple([batched_input(y, has, size) if wide else y for y, has, wide in wanted]))


def _masked(node: Node, inputs: Values, has_axis: Mask, size: Extent) -> Values:
    """All examples until none goes on: the carries of one that is done stay, and its trips are no longer counted.

    Which examples go on is a carry, so that the condition is asked once in a trip.
    """
    condition, body = node.graphs
    carries = node["carries"]
    mask = (*(True,) * carries, *has_axis[carries:])
    init = tuple([batched_input(x, has, size) for x, has in zip(inputs, has_axis[:carries])])
    closed = inputs[carries:]
    parameters, asked, _ = batched(condition, mask, size)
    ask = Graph(condition.name, parameters, asked)
    step = _batched_body(body, mask, carries, size)
    going, trips = new_parameter("going", bool_, (size,)), new_parameter("trips", int64, (size,))
    old, shared = step.inputs[:carries], step.inputs[carries:]
    new = tuple([_renewed_where(going, x, y) for x, y in zip(old, step.outputs)])
    counted = trips + emit("cast", going, dtype=int64)
    masked = Graph(body.name, (*old, going, trips, *shared), (*new, over(ask, (*new, *shared))[0], counted))
    among = (*symbols_like(init, "carry"), going, trips, *symbols_like(closed, "closed"))
    results = looped(
        (*init, over(ask, (*init, *closed))[0], full(trips.type, 0)),
        closed,
        Graph(condition.name, among, (emit("reduce_or", going, axes=(0,)),)),
        masked,
        node["max_trips"],
    )
    return (*results[:carries], results[carries + 1])


def _renewed_where(going: Value, x: Value, y: Value) -> Value:
    """y for the examples that go on, x for the others. Of a part that is written into x, the part alone is chosen."""
    node = y.node
    if node.op.name == "scatter_set" and node.inputs[0] is x and len(node["axes"]) == x.type.rank:
        _, part, *places = node.inputs
        before = emit("gather", x, *places, **node.attributes)
        mixed = emit("select", spread(going, part.shape, (0,)), part, before)
        return emit("scatter_set", x, mixed, *places, **node.attributes)
    return emit("select", spread(going, y.shape, (0,)), y, x)


# --- samples ----------------------------------------------------------------------------------------------------------


def _sample(shape: tuple[int, ...], dtype: DType, max_trips: int) -> dict[str, Any]:
    """(x, count; step, limit) -> (x + step or x | step, count + 1) while count < limit."""

    def operands() -> Values:
        x, step = new_parameter("x", dtype, shape), new_parameter("step", dtype, shape)
        return x, new_parameter("count", int64, ()), step, new_parameter("limit", int64, ())

    x, count, step, limit = operands()
    body = Graph("body", (x, count, step, limit), (emit("or" if dtype.kind == "bool" else "add", x, step), count + 1))
    inputs = operands()
    condition = Graph("condition", inputs, (emit("lt", inputs[1], inputs[3]),))
    return {"carries": 2, "max_trips": max_trips, "graphs": (condition, body)}


def _cases(rng: np.random.Generator, dtype: DType) -> list[Case]:
    counts = [np.asarray(each, np.int64) for each in (0, 3, -1)]
    return [
        (
            (plain(rng, dtype, shape), counts[0], plain(rng, dtype, shape), np.asarray(limit, np.int64)),
            _sample(shape, dtype, max_trips),
        )
        for shape, limit, max_trips in [((), 3, 0), ((0,), 2, 9), ((1,), 0, 0), ((5,), 7, 2), ((2, 67), 5, 5)]
    ]


def _smooth(rng: np.random.Generator) -> list[Case]:
    """x = x y + sin(x) and y = y c, until the third trip."""
    found: list[Case] = []
    for limit, max_trips in ((3, 3), (3, 5), (0, 2)):  # bounded: without a bound there is no reverse mode
        x, y, c, u, v, w = [new_parameter(name, float64, (4,)) for name in "xycuvw"]
        count, asked = new_parameter("count", int64, ()), new_parameter("count", int64, ())
        body = Graph("body", (x, y, count, c), (x * y + emit("sin", x), y * c, count + 1))
        condition = Graph("condition", (u, v, asked, w), (emit("lt", asked, full(asked.type, limit)),))
        x0, y0, c0 = smooth(rng, (4,), (4,), (4,))
        arrays = (x0, 0.3 * y0, np.asarray(0, np.int64), c0)
        found.append((arrays, {"carries": 3, "max_trips": max_trips, "graphs": (condition, body)}))
    return found


while_loop = register(
    Op(
        name="while_loop",
        doc="Carries renewed by a sub-graph while another one, asked before each trip, holds; and the number of trips.",
        type_rule=_type,
        reference=_reference,
        jvp=_jvp,
        transpose=transpose_while,
        batch=_batch,
        lower=Conditional(),
        domain=Domain(EVERY, _cases, _smooth),
        ulp=0,
        flags=Flags(),
    )
)

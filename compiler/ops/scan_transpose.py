"""Reverse mode through scan: the transpose of the loop that forward mode made.

In: a scan that is linear in some of its operands, and cotangents. Out: the cotangents of those operands. Its body falls
into P, which depends on none of them, and L, which is linear in what does. A loop computes P again and stacks what L
reads (`residuals.py`); a loop in the other direction carries the cotangents of L's carries and the sums of those of its
closed operands, and stacks those of its sequences. With segments of k trips (`scan_segments.py`) the first loop keeps
the carries before each segment instead. The order of all sums is that of the loop, so the bits do not depend on k, but
where `passes/loop_products.py` makes such a sum by one product of a segment.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from lazygraph.compiler.autodiff.substitute import moved
from lazygraph.compiler.ir.dependence import dependents
from lazygraph.compiler.ir.dims import Extent
from lazygraph.compiler.ir.graph import Node, Value, topological
from lazygraph.compiler.ops.bodies import chosen, depending, left_out, settled, symbols_like
from lazygraph.compiler.ops.compose import or_zeros
from lazygraph.compiler.ops.loop_parts import Loop, loop_of
from lazygraph.compiler.ops.record import Tangents, zeros
from lazygraph.compiler.ops.residuals import is_dear, kept

Values = tuple[Value, ...]
Mask = tuple[bool, ...]


@dataclass(frozen=True)
class Part:
    """A run of trips: the elements of P's sequences, the cotangents of the stacked results, how many trips, and the
    position of the first in order of position (None: 0)."""

    xs: Values
    stacks: Values
    length: Extent
    offset: Value | None = None


@dataclass(frozen=True)
class State:
    """P's carries before a run of trips; behind it, the cotangents of L's carries and the sums so far."""

    carries: Values
    cotangents: Values
    sums: Values


@dataclass(frozen=True)
class Backward:
    """The trips of a loop, transposed. `primal` is P with what is kept as its stacks; `same` are values of the body
    that all trips share. A trip takes a cotangent for each of its carries and stacks, and gives one for each of its
    carries, closed operands and elements, as formulas over those and over P."""

    primal: Loop
    same: Values
    takes_carries: Values
    takes_stacks: Values
    gives_carries: Values
    gives_closed: Values
    gives_elements: Values

    def through(self, state: State, part: Part, again: bool) -> tuple[State, Values]:
        """The state before a run of trips from that behind it, and the stacked cotangents of its elements.

        `again`: P has been run over these trips, with what it shows and checks.
        """
        primal, residuals = self.primal, self.primal.y_out
        stacks: Values = ()
        if residuals:
            run = replace(primal, init=state.carries, xs=part.xs).shifted(part.offset).without_unused()
            _, stacks = (run.quiet() if again else run).emit(length=part.length, segment=0)
        stand_ins, sums = symbols_like(residuals, "kept"), symbols_like(self.gives_closed, "sum")
        same = symbols_like(self.same, "same")
        given = (*self.gives_carries, *self.gives_closed, *self.gives_elements)
        found = moved(given, dict(zip((*residuals, *self.same), (*stand_ins, *same))))
        carried, behind = len(self.gives_carries), len(self.gives_carries) + len(self.gives_closed)
        trip = Loop(
            primal.node,
            init=(*state.cotangents, *state.sums),
            xs=(*stacks, *part.xs, *part.stacks),
            closed=(*primal.closed, *moved(self.same, dict(zip(primal.closed_in, primal.closed)))),
            at=primal.at,
            carry_in=(*self.takes_carries, *sums),
            x_in=(*stand_ins, *primal.x_in, *self.takes_stacks),
            closed_in=(*primal.closed_in, *same),
            carry_out=(*found[:carried], *[sum + each for sum, each in zip(sums, found[carried:behind])]),
            y_out=tuple(found[behind:]),
        )
        back = trip.quiet().shifted(part.offset).without_unused()
        last, elements = back.emit(length=part.length, reverse=not primal.node["reverse"], segment=0)
        return State(state.carries, last[:carried], last[carried:]), elements


def transposed(node: Node, cotangents: Tangents, linear: Mask) -> Tangents:
    from lazygraph.compiler.ops.scan_segments import in_segments

    loop = loop_of(node)
    linear = settled(linear, loop.carries, lambda mask: depending(loop.body, (False, *mask))[: loop.carries])
    symbols = chosen(loop.body.inputs[1:], linear)
    arrived, pulled = _pulled(loop, symbols, cotangents)
    found = dict(zip(symbols, pulled))
    behind = [ct for ct, symbol in zip(cotangents[loop.carries :], arrived[loop.carries :]) if symbol is not None]
    back = _backward(loop, linear, arrived, found)
    carried = [x for x, symbol in zip(loop.carry_in, arrived) if symbol is not None]
    last = [or_zeros(ct, out) for ct, out, symbol in zip(cotangents, loop.carry_out, arrived) if symbol is not None]
    state = State(back.primal.init, tuple(last), tuple([zeros(each.type) for each in back.gives_closed]))
    part = Part(back.primal.xs, tuple([each for each in behind if each is not None]), node["length"])
    end, elements = in_segments(back, state, part)
    by_symbol = dict(zip(carried, end.cotangents))
    by_symbol |= dict(zip([x for x in loop.closed_in if found.get(x) is not None], end.sums))
    by_symbol |= dict(zip([x for x in loop.x_in if found.get(x) is not None], elements))
    return tuple([by_symbol.get(x) for x in loop.body.inputs[1:]])


def _pulled(loop: Loop, symbols: Values, cotangents: Tangents) -> tuple[Tangents, Tangents]:
    """A symbol for each output of the body that has a cotangent, by the least fixpoint over the carries; and the
    cotangents of the linear inputs over them."""
    from lazygraph.compiler.autodiff.transpose import transpose

    outputs = loop.body.outputs
    of_inputs = tuple([x in symbols for x in loop.body.inputs])
    linear = (
        *loop.split(of_inputs[1:])[0],
        *depending(loop.body, of_inputs)[loop.carries :],
    )  # no trip, and last = first
    fresh = symbols_like(outputs, "cotangent")
    pulled: Tangents = ()

    def step(mask: Mask) -> Mask:
        nonlocal pulled
        arrived = [symbol if has else None for symbol, has in zip(fresh, mask)]
        pulled = tuple(transpose(outputs, symbols, arrived))
        has_cotangent = {x for x, found in zip(symbols, pulled) if found is not None}
        return tuple([x in has_cotangent for x in loop.carry_in])

    given = tuple([ct is not None and has for ct, has in zip(cotangents, linear)])
    mask = settled(given, loop.carries, step)
    return tuple([symbol if has else None for symbol, has in zip(fresh, mask)]), pulled


def _backward(loop: Loop, linear: Mask, arrived: Tangents, pulled: dict[Value, Value | None]) -> Backward:
    carries = loop.carries
    takes = [each for each in arrived[:carries] if each is not None]
    gives_carries = [or_zeros(pulled.get(x), x) for x, symbol in zip(loop.carry_in, arrived) if symbol is not None]
    gives_closed, gives_elements = (
        [each for x in inputs if (each := pulled.get(x)) is not None] for inputs in (loop.closed_in, loop.x_in)
    )
    of_carries, of_xs, of_closed = loop.split(linear)
    plain = loop.with_carries([not each for each in of_carries])
    plain = plain.with_operands([not each for each in of_xs], [not each for each in of_closed])
    depends = depending(loop.body, (False, *linear))[carries:]
    results = (*gives_carries, *gives_closed, *gives_elements)
    read = _read(results, [each for each in arrived if each is not None])
    varying = dependents(read, [loop.at, *loop.carry_in, *loop.x_in])
    nodes = topological(read)
    same = [x for node in nodes if is_dear(node) and node.inputs for x in node.outputs if x not in varying]
    at_hand = {plain.at, *plain.x_in, *plain.closed_in, *same}
    residuals = kept(read, at_hand, left_out(loop.y_out, depends))
    primal = replace(plain, y_out=tuple(residuals))
    needed = primal.for_stacks()
    return Backward(
        replace(primal, init=needed.init, carry_in=needed.carry_in, carry_out=needed.carry_out),
        tuple(same),
        tuple(takes),
        tuple([each for each in arrived[carries:] if each is not None]),
        tuple(gives_carries),
        tuple(gives_closed),
        tuple(gives_elements),
    )


def _read(results: Sequence[Value], symbols: Sequence[Value]) -> list[Value]:
    """The values that formulas over the symbols read and that do not depend on them."""
    inside = dependents(results, symbols)
    found: dict[Value, None] = {}
    for node in topological(results):
        if node.outputs[0] in inside:
            found.update(dict.fromkeys([x for x in node.inputs if x not in inside]))
    found.update(dict.fromkeys([x for x in results if x not in inside]))
    return list(found)

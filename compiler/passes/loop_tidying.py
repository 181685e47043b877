"""What a loop carries, reads and stacks in vain is taken out of it.

In: a scan, its operands, and which of its results anybody uses. Out: values for those. In a loop
- operands and stacks that are the same are one; carries that begin and go on alike are one (partition refinement);
- a carry that never changes is a closed operand, a stack of its elements is the sequence, one of a value that all trips
  share is that value repeated;
- what costs more than an addition and is the same in all trips is computed before the loop;
- carries and stacks that nobody needs are left out, unless a print or a check hangs on them;
- a loop of no trip or one is no loop.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from lazygraph.compiler.autodiff.substitute import moved
from lazygraph.compiler.ir.dependence import dependents, reached, shown
from lazygraph.compiler.ir.effects import holds_effect
from lazygraph.compiler.ir.graph import Graph, Value, interned
from lazygraph.compiler.ops.bodies import chosen, symbols_like
from lazygraph.compiler.ops.compose import emit, spread
from lazygraph.compiler.ops.loop_parts import Loop
from lazygraph.compiler.ops.record import full, zeros
from lazygraph.compiler.ops.residuals import is_dear

Values = tuple[Value, ...]
Place = Value | int  # a result: a value that is known, or the place of a carry or of a stack


@dataclass(frozen=True)
class Tidied:
    """A loop, and where each of the results of the one that it began as is found: None where nobody uses it."""

    loop: Loop
    last: tuple[Place | None, ...]
    stacks: tuple[Place | None, ...]

    def results(self) -> list[Value | None]:
        """The results, by a new node where one is needed."""
        last, ys = self._run() if self.loop.carry_out or self.loop.y_out else ((), ())
        pairs = [*[(each, last) for each in self.last], *[(each, ys) for each in self.stacks]]
        return [found[each] if isinstance(each, int) else each for each, found in pairs]

    def _run(self) -> tuple[Values, Values]:
        loop, length = self.loop, self.loop.node["length"]
        if length == 0:
            return loop.init, tuple([zeros(replace(each.type, shape=(0, *each.shape))) for each in loop.y_out])
        if length == 1:
            elements = [emit("reshape", each, shape=each.shape[1:]) for each in loop.xs]
            operands = (full(loop.at.type, 0), *loop.init, *elements, *loop.closed)
            found = moved(loop.body.outputs, dict(zip(loop.body.inputs, operands)))
            stacks = [emit("reshape", each, shape=(1, *each.shape)) for each in found[loop.carries :]]
            return tuple(found[: loop.carries]), tuple(stacks)
        return loop.emit()


def tidied(loop: Loop, wanted: Sequence[bool]) -> Tidied:
    """The loop without what is in vain, by the rules above until none applies."""
    split = loop.carries
    last = tuple([place if wants else None for place, wants in enumerate(wanted[:split])])
    stacks = tuple([place if wants else None for place, wants in enumerate(wanted[split:])])
    state = Tidied(loop, last, stacks)
    while True:
        before = state.loop
        for rule in (_shared_operands, _equal_carries, _unchanged_carries, _known_stacks, _dead, _same_in_all_trips):
            state = rule(state)
        if _size(state.loop) == _size(before):
            return state


def _size(loop: Loop) -> tuple[int, ...]:
    return loop.carries, len(loop.xs), len(loop.closed), len(loop.y_out), len(loop.body.nodes)


def _shared_operands(state: Tidied) -> Tidied:
    """Equal operands are one, and equal nodes of the body."""
    loop = state.loop
    stand_in: dict[Value, Value] = {}
    for operands, inside in ((loop.xs, loop.x_in), (loop.closed, loop.closed_in)):
        first: dict[Value, Value] = {}
        for operand, x in zip(operands, inside):
            stand_in[x] = first.setdefault(operand, x)
    replaced = {x: y for x, y in stand_in.items() if x is not y}
    outputs = moved(loop.body.outputs, replaced) if replaced else loop.body.outputs
    body = interned(Graph("body", loop.body.inputs, tuple(outputs)))
    return replace(state, loop=loop.with_body(body.outputs).without_unused())


def _equal_carries(state: Tidied) -> Tidied:
    loop = state.loop
    first: dict[Value, int] = {}
    leader = [first.setdefault(value, place) for place, value in enumerate(loop.init)]
    if len(first) == loop.carries:
        return state
    while True:
        outputs = _led(loop, leader).outputs
        known: dict[tuple[int, Value], int] = {}
        refined = [known.setdefault((leader[i], outputs[i]), i) for i in range(loop.carries)]
        if refined == leader:
            break
        leader = refined
    keeps = [place == mine for place, mine in enumerate(leader)]
    if all(keeps):
        return state
    last = tuple([leader[each] if isinstance(each, int) else each for each in state.last])
    return _with_carries(replace(state, loop=loop.with_body(_led(loop, leader).outputs), last=last), keeps)


def _led(loop: Loop, leader: Sequence[int]) -> Graph:
    """The body in which each carry is the one that leads it."""
    replaced = {x: loop.carry_in[mine] for x, mine in zip(loop.carry_in, leader) if loop.carry_in[mine] is not x}
    return interned(Graph("body", loop.body.inputs, tuple(moved(loop.body.outputs, replaced))))


def _unchanged_carries(state: Tidied) -> Tidied:
    loop = state.loop
    fixed = [out is x for out, x in zip(loop.carry_out, loop.carry_in)]
    if not any(fixed):
        return state
    wider = replace(
        loop,
        closed=(*loop.closed, *chosen(loop.init, fixed)),
        closed_in=(*loop.closed_in, *chosen(loop.carry_in, fixed)),
    )
    last = tuple([loop.init[each] if isinstance(each, int) and fixed[each] else each for each in state.last])
    return _with_carries(replace(state, loop=wider, last=last), [not each for each in fixed])


def _with_carries(state: Tidied, mask: Sequence[bool]) -> Tidied:
    return replace(state, loop=state.loop.with_carries(mask), last=_renumbered(state.last, mask))


def _renumbered(places: Sequence[Place | None], mask: Sequence[bool]) -> tuple[Place | None, ...]:
    """The places among those that are kept."""
    number = {place: new for new, place in enumerate([i for i, each in enumerate(mask) if each])}
    return tuple([number[each] if isinstance(each, int) else each for each in places])


def _known_stacks(state: Tidied) -> Tidied:
    """Stacks that are another one, a sequence, or a repeated value."""
    loop, length = state.loop, state.loop.node["length"]
    sequence = dict(zip(loop.x_in, loop.xs))
    varying = dependents(loop.y_out, [loop.at, *loop.carry_in, *loop.x_in]) | shown(loop.y_out)
    found: dict[Value, Place] = {}
    kept: list[Value] = []
    for y in loop.y_out:
        if y in found:
            continue
        if y in sequence:
            found[y] = sequence[y]
        elif y not in varying:
            (value,) = moved([y], dict(zip(loop.closed_in, loop.closed)))
            found[y] = spread(value, (length, *value.shape), range(1, value.type.rank + 1))
        else:
            found[y] = len(kept)
            kept.append(y)
    stacks = tuple([found[loop.y_out[each]] if isinstance(each, int) else each for each in state.stacks])
    return replace(state, loop=replace(loop, y_out=tuple(kept)), stacks=stacks)


def _dead(state: Tidied) -> Tidied:
    """What neither a result that is used nor an effect needs."""
    loop = state.loop
    hanging = shown(loop.body.outputs)
    stacks = [place in state.stacks or y in hanging for place, y in enumerate(loop.y_out)]
    needed = [place in state.last or out in hanging for place, out in enumerate(loop.carry_out)]
    while True:
        read = reached((*chosen(loop.y_out, stacks), *chosen(loop.carry_out, needed)))
        wider = [mine or x in read for mine, x in zip(needed, loop.carry_in)]
        if wider == needed:
            break
        needed = wider
    places = _renumbered(state.stacks, stacks)
    state = replace(state, loop=replace(loop, y_out=chosen(loop.y_out, stacks)), stacks=places)
    state = _with_carries(state, needed)
    return replace(state, loop=state.loop.without_unused())


def _same_in_all_trips(state: Tidied) -> Tidied:
    """Dear values of closed operands alone, computed before the loop."""
    loop = state.loop
    nodes = loop.body.nodes
    outputs = loop.body.outputs
    varying = dependents(outputs, [loop.at, *loop.carry_in, *loop.x_in]) | shown(outputs)
    dear = [node for node in nodes if node.inputs and is_dear(node) and not any(x in varying for x in node.outputs)]
    same = tuple([x for node in dear for x in node.outputs])
    if not same or any(holds_effect(graph) for node in dear for graph in node.graphs):
        return state
    outside = moved(same, dict(zip(loop.closed_in, loop.closed)))
    symbols = symbols_like(same, "same")
    wider = replace(loop, closed=(*loop.closed, *outside), closed_in=(*loop.closed_in, *symbols))
    return replace(state, loop=wider.with_body(moved(outputs, dict(zip(same, symbols)))).without_unused())

"""From a fused graph to a program: launches in order, places for every buffer, dims solved from the inputs.

In: a graph after all graph passes. Out: a `Program`. Equal kernels (up to names) are one kernel that launches share.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from lazygraph.compiler.ir.dims import Extent, Symbol, linear_in, symbols
from lazygraph.compiler.ir.graph import Graph, Node, Value
from lazygraph.compiler.loop.fuse import is_scalar_constant
from lazygraph.compiler.loop.ir import AnyKernel
from lazygraph.compiler.loop.lower import Lowered
from lazygraph.compiler.loop.rename import canonical
from lazygraph.compiler.ops.assertions import required
from lazygraph.compiler.ops.lowering import Branching, Conditional, Held, Loops, Repeated, Room
from lazygraph.compiler.ops.record import OPS
from lazygraph.compiler.program.ir import (
    Array,
    Choose,
    Commit,
    Copy,
    Equate,
    External,
    Launch,
    Message,
    Parameter,
    Place,
    Print,
    Program,
    Repeat,
    RepeatWhile,
    Require,
    Solve,
    Step,
)
from lazygraph.compiler.program.order import order
from lazygraph.compiler.program.places import Inner, Places, Target, bytes_of, places_of
from lazygraph.compiler.program.units import Level, Nest, Unit, Units, is_early, is_printed


@dataclass(frozen=True)
class Built:
    program: Program
    constants: tuple[Value, ...]  # behind the program's constants, in order
    launches: tuple[
        tuple[tuple[Value, ...], tuple[Value, ...], bool], ...
    ]  # (reads, writes, can fail) of each, in order


def build(graph: Graph) -> Built:
    """Fuse, lower, order and plan the graph."""
    level = Units().of(graph)
    ordered = order(level)
    constants = tuple(_constants(level))
    places, copies = places_of(
        level, ordered, {value: Place("constant", number) for number, value in enumerate(constants)}
    )
    launched = places.launched((*ordered.before, *ordered.after))
    distinct, names = _distinct([kernel for _, kernel in launched])
    messages: list[Message] = []
    solves, requires = _entry_checks(graph, messages)
    writer = _Steps(places, {unit: name for (unit, _), name in zip(launched, names, strict=True)}, messages)
    before, after = writer.run(ordered.before), writer.run(ordered.after)
    # Copies into variables read temporaries, so they may run last; after the commit like every write of a variable.
    steps: list[Step] = [*before, Commit(), *after, *writer.copies(copies)]
    program = Program(
        graph.name,
        tuple([_parameter(value) for value in graph.inputs]),
        tuple([_parameter(value) for value in graph.variables]),
        tuple([Parameter(f"out{number}", value.type) for number, value in enumerate(graph.outputs)]),
        tuple([Parameter(f"constant{number}", value.type) for number, value in enumerate(constants)]),
        solves,
        requires,
        places.slots,
        places.arena,
        distinct,
        tuple(steps),
        tuple(messages),
    )
    units = (*ordered.before, *ordered.after)
    return Built(program, constants, tuple([(each.reads, each.lowered.writes, is_early(each)) for each in units]))


def _constants(level: Level) -> Iterator[Value]:
    """Arrays that the graph holds, and those of its loops and branches."""
    for node in level.graph.nodes:
        if node.op.name == "constant" and not is_scalar_constant(node.output):
            yield node.output
    for unit in level.units:
        if isinstance(unit.lowered, Nest):
            for inner in unit.lowered.levels:
                yield from _constants(inner)


def _parameter(value: Value) -> Parameter:
    return Parameter(value.node["name"], value.type)


@dataclass
class _Steps:
    """Writes units as steps."""

    places: Places
    names: Mapping[Unit, str]  # of kernels
    messages: list[Message]

    def run(self, units: Sequence[Unit]) -> list[Step]:
        found: list[Step] = []
        for unit in units:
            for value, result in unit.begins:
                found += self._copy(self.places.write(result), self.places.read(value), bytes_of(value))
            if isinstance(unit.lowered, Nest):
                found += _NESTS[type(unit.lowered.node.op.lower)](self, unit, unit.lowered)
            elif unit.works:
                found += self._launch(self.names[unit], unit.lowered)
        return found

    def copies(self, targets: Iterable[Target]) -> list[Step]:
        """Results that live elsewhere: outputs named twice, new values that were not written in place."""
        return [
            step
            for home, value in targets
            for step in self._copy(self.places.at(home), self.places.write(value), bytes_of(value))
        ]

    def inner(self, inner: Inner) -> tuple[Step, ...]:
        return (*self.run(inner.units), *self.copies(inner.copies))

    def _launch(self, name: str, lowered: Lowered) -> list[Step]:
        first, places = len(self.messages), self.places
        self.messages.extend(Message(each.text, each.frames) for each in lowered.messages)
        where = (*map(places.read, lowered.reads), *map(places.write, lowered.writes))
        prints = [
            Print(places.write(value), value.type, value.node["text"]) for value in lowered.writes if is_printed(value)
        ]
        made = dict.fromkeys([value.node for value in lowered.writes])
        return [
            Launch(name, where, first, lowered.frames),
            *prints,
            *[each for node in made for each in self._calls(node)],
        ]

    def _calls(self, node: Node) -> list[Step]:
        """What an outside routine does to the results of a kernel."""
        lower, places = node.op.lower, self.places
        if not isinstance(lower, Loops) or lower.external is None:
            return []
        call = lower.external(node)

        def array(each: Held) -> Array:
            return Array(places.write(node.outputs[each.result]), each.stride)

        def room(each: Room) -> Place:
            return Place("scratch", 0, (), each.offset)

        arguments: list[str | Extent | Array] = []
        for each in call.arguments:
            match each:
                case Held():
                    arguments.append(array(each))
                case Room():
                    arguments.append(Array(room(each)))
                case _:
                    arguments.append(each)
        copied = tuple([(array(held), room(to), held.stride) for held, to in call.copied])
        return [External(call.routine, tuple(arguments), copied, call.times, call.scratch, call.picoseconds)]

    def _copy(self, target: Place, source: Place, size: Extent) -> list[Step]:
        return [] if target == source else [Copy(target, source, size)]

    def repeated(self, unit: Unit, nest: Nest) -> list[Step]:
        (body,) = self.places.inner[unit]
        return [Repeat(self.places.loops[unit], nest.node["length"], nest.node["reverse"], self.inner(body))]

    def conditional(self, unit: Unit, nest: Nest) -> list[Step]:
        (condition, body), number = self.places.inner[unit], self.places.loops[unit]
        place = self.places.read(condition.level.results[0])
        step = RepeatWhile(number, nest.node["max_trips"], self.inner(condition), place, self.inner(body))
        trips = nest.writes[-1]
        return [step, *self._copy(self.places.write(trips), Place("position", number), bytes_of(trips))]

    def branching(self, unit: Unit, nest: Nest) -> list[Step]:
        branches = tuple([self.inner(each) for each in self.places.inner[unit]])
        return [Choose(self.places.read(nest.node.inputs[0]), branches)]


_NESTS: Mapping[type, Callable[[_Steps, Unit, Nest], list[Step]]] = {
    Repeated: _Steps.repeated,
    Conditional: _Steps.conditional,
    Branching: _Steps.branching,
}


def _distinct(kernels: Sequence[AnyKernel]) -> tuple[tuple[AnyKernel, ...], list[str]]:
    """Kernels without repetitions, each with a name of its own, and the name behind each launch."""
    known: dict[AnyKernel, AnyKernel] = {}
    used: dict[str, int] = {}
    names: list[str] = []
    for kernel in kernels:
        key = canonical(kernel)
        if key not in known:
            count = used.get(kernel.name, 0)
            used[kernel.name] = count + 1
            known[key] = kernel if count == 0 else replace(kernel, name=f"{kernel.name}.{count}")
        names.append(known[key].name)
    return tuple(known.values()), names


def _entry_checks(graph: Graph, messages: list[Message]) -> tuple[tuple[Solve, ...], tuple[Require | Equate, ...]]:
    """How dims follow from the inputs' extents, and what those extents must be; messages in the user's names."""
    solves: list[Solve] = []
    requires: list[Require | Equate] = []
    known: set[Symbol] = set()

    def message(value: Value, text: str) -> int:
        messages.append(
            Message(f"argument {value.node['name']!r}: {text}".replace("{name}", value.node["name"]), value.node.frames)
        )
        return len(messages) - 1

    axes = [(number, value, axis) for number, value in enumerate(graph.inputs) for axis in range(len(value.shape))]
    for number, value, axis in axes:
        found = _solvable(value.shape[axis])
        if found is None or found[0] in known:
            continue
        symbol, scale, offset = found
        text = f"extent {{0}} of axis {axis} is not {value.shape[axis]} for any {_range(symbol)}"
        solves.append(Solve(symbol, number, axis, scale, offset, message(value, text)))
        known.add(symbol)
    solved = {(each.input, each.axis) for each in solves}
    for number, value, axis in axes:
        extent = value.shape[axis]
        if (number, axis) in solved:
            continue
        expected = f"{extent} = {{1}}" if symbols(extent) else "{1}"
        requires.append(
            Require(extent, number, axis, message(value, f"axis {axis} has extent {{0}}: expected {expected}"))
        )
    for node in _every_node(graph):
        if node.op is OPS["assert_shape"]:
            for have, wanted, sentence in required(node):
                messages.append(Message(sentence, node.frames))
                requires.append(Equate(have, wanted, len(messages) - 1))
    return tuple(solves), tuple(requires)


def _every_node(graph: Graph) -> Iterator[Node]:
    """The nodes of a graph and of its sub-graphs."""
    for node in graph.nodes:
        yield node
        for inner in node.graphs:
            yield from _every_node(inner)


def _range(symbol: Symbol) -> str:
    parts = [f"{symbol.name} >= {symbol.lower}"]
    if symbol.upper is not None:
        parts.append(f"<= {symbol.upper}")
    if symbol.multiple_of != 1:
        parts.append(f"a multiple of {symbol.multiple_of}")
    return ", ".join(parts)


def _solvable(extent: Extent) -> tuple[Symbol, int, int] | None:
    """(symbol, scale, offset) where the extent is scale * symbol + offset with numbers."""
    if isinstance(extent, int) or len(symbols(extent)) != 1:
        return None
    (symbol,) = symbols(extent)
    scale, offset = linear_in(extent, symbol)
    return (symbol, scale, offset) if isinstance(scale, int) and isinstance(offset, int) and scale > 0 else None

"""From a fused graph to a program: launches in order, places for every buffer, dims solved from the inputs.

In: a graph after all graph passes. Out: a `Program`. Equal kernels (up to names) are one kernel that launches share.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from lazygraph.compiler.ir.dims import Extent, Symbol, linear_in, product, symbols
from lazygraph.compiler.ir.graph import Graph, Value
from lazygraph.compiler.loop.fuse import Fusion, Group, fuse, is_leaf, is_scalar_constant
from lazygraph.compiler.loop.ir import AnyKernel
from lazygraph.compiler.loop.lower import Lowered, lower
from lazygraph.compiler.loop.rename import canonical
from lazygraph.compiler.loop.spare import spared
from lazygraph.compiler.ops.assertions import required
from lazygraph.compiler.ops.record import OPS
from lazygraph.compiler.program.ir import (
    Commit,
    Copy,
    Equate,
    Launch,
    Message,
    Parameter,
    Place,
    Print,
    Program,
    Require,
    Solve,
    Step,
)
from lazygraph.compiler.program.memory_plan import Temporary, plan_memory
from lazygraph.compiler.program.order import Order, Unit, is_printed, order


@dataclass(frozen=True)
class Built:
    program: Program
    constants: tuple[Value, ...]  # behind the program's constants, in order


def build(graph: Graph) -> Built:
    """Fuse, lower, order and plan the graph."""
    fusion = spared(fuse(graph))
    units = _units(fusion)
    ordered = order(graph, units)
    constants = tuple(
        [node.output for node in graph.nodes if node.op.name == "constant" and not is_scalar_constant(node.output)]
    )
    places = _Places(graph, fusion, ordered, constants)
    kernels, names = _distinct([unit.lowered.kernel for unit in (*ordered.before, *ordered.after)])
    messages: list[Message] = []
    solves, requires = _entry_checks(graph, messages)

    def launch(unit: Unit, name: str) -> list[Step]:
        first = len(messages)
        messages.extend(Message(each.text, each.frames) for each in unit.lowered.messages)
        where = (*map(places.read, unit.lowered.reads), *map(places.write, unit.lowered.writes))
        prints = [
            Print(places.write(value), value.type, value.node["text"])
            for value in unit.lowered.writes
            if is_printed(value)
        ]
        return [Launch(name, where, first, unit.lowered.frames), *prints]

    ran = [launch(unit, name) for unit, name in zip((*ordered.before, *ordered.after), names, strict=True)]
    split = len(ordered.before)
    early, late = [step for each in ran[:split] for step in each], [step for each in ran[split:] for step in each]
    steps: list[Step] = [*early, Commit(), *late, *places.copies()]
    # Copies into variables read temporaries, so they may run last; after the commit like every write of a variable.
    program = Program(
        graph.name,
        tuple([_parameter(value) for value in graph.inputs]),
        tuple([_parameter(value) for value in graph.variables]),
        tuple([Parameter(f"out{number}", value.type) for number, value in enumerate(graph.outputs)]),
        tuple([Parameter(f"constant{number}", value.type) for number, value in enumerate(constants)]),
        solves,
        requires,
        places.plan.slots,
        kernels,
        tuple(steps),
        tuple(messages),
    )
    return Built(program, constants)


def _units(fusion: Fusion) -> list[Unit]:
    position = {node: number for number, node in enumerate(fusion.graph.nodes)}

    def unit(group: Group, made: Lowered) -> Unit:
        after = tuple([lowered[each].writes[0] for each in group.after if each in lowered])
        return Unit(made, group.level, max(position[value.node] for value in group.members), after)

    all_lowered = [(group, lower(fusion, group)) for group in fusion.groups]
    lowered = {group: made for group, made in all_lowered if made is not None}
    return [unit(group, made) for group, made in lowered.items()]


def _parameter(value: Value) -> Parameter:
    return Parameter(value.node["name"], value.type)


def _bytes(value: Value) -> Extent:
    return product(value.shape) * value.dtype.itemsize


class _Places:
    """Where every value is read and written."""

    def __init__(self, graph: Graph, fusion: Fusion, ordered: Order, constants: Sequence[Value]) -> None:
        self.graph = graph
        self._leaf = {
            **{value: Place("input", number) for number, value in enumerate(graph.inputs)},
            **{value: Place("variable", number) for number, value in enumerate(graph.variables)},
            **{value: Place("constant", number) for number, value in enumerate(constants)},
        }
        self._written: dict[Value, Place] = {new: self._leaf[variable] for new, variable in ordered.in_place.items()}
        for number, value in enumerate(graph.outputs):
            self._written.setdefault(value, Place("output", number))
        self.plan = plan_memory(self._temporaries(ordered))
        for value, slot in self.plan.slot.items():
            self._written[value] = Place("slot", slot)

    def read(self, value: Value) -> Place:
        return self._leaf[value] if is_leaf(value) and value in self._leaf else self._written[value]

    def write(self, value: Value) -> Place:
        return self._written[value]

    def copies(self) -> list[Copy]:
        """Results that live elsewhere: outputs named twice, new values that were not written in place."""
        wanted = [(Place("output", number), value) for number, value in enumerate(self.graph.outputs)]
        wanted += [(self._leaf[variable], new) for variable, new in self.graph.updates]
        wanted.sort(key=lambda each: each[0].kind == "variable" and self._written[each[1]].kind == "variable")
        return [
            Copy(target, self._written[value], _bytes(value))
            for target, value in wanted
            if self._written[value] != target
        ]

    def _temporaries(self, ordered: Order) -> list[Temporary]:
        units = (*ordered.before, *ordered.after)
        born = {
            value: number
            for number, unit in enumerate(units)
            for value in unit.lowered.writes
            if value not in self._written
        }
        dies = dict(born)
        for number, unit in enumerate(units):
            for value in unit.lowered.reads:
                if value in dies and not (is_leaf(value) and value in self._leaf):
                    dies[value] = number
        for _, new in self.graph.updates:
            if new in dies:
                dies[new] = len(units)
        taken: set[Value] = set()

        def over(value: Value) -> Value | None:
            unit = units[born[value]]
            for source, target in sorted(unit.lowered.in_place, key=lambda pair: unit.lowered.reads.index(pair[0])):
                fits = source in born and dies[source] == born[value] and _bytes(source) == _bytes(value)
                if target is value and fits and source.dtype.itemsize == value.dtype.itemsize and source not in taken:
                    taken.add(source)
                    return source
            return None

        return [Temporary(value, _bytes(value), start, dies[value], over(value)) for value, start in born.items()]


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
    for node in graph.nodes:
        if node.op is OPS["assert_shape"]:
            for have, wanted, sentence in required(node):
                messages.append(Message(sentence, node.frames))
                requires.append(Equate(have, wanted, len(messages) - 1))
    return tuple(solves), tuple(requires)


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

"""Branches in their least form: those of one choice become one, and what is in vain is taken out.

In: a graph whose derivatives have all been taken. Out: the graph in which
- conds of one choice, none of which needs a result of another, are one: that of a user and those that derivatives made
  of it compute what they share once;
- an operand that no branch reads, a result that nobody reads and one that another one is as well are left out; a result
  that is the same operand in every branch is that operand;
- a cond of a known number, or of a single branch, is what that branch gives.
Effects stay: a result that a print or a check hangs on is computed though nobody reads it.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence, Set
from dataclasses import dataclass

from lazygraph.compiler.autodiff.substitute import moved
from lazygraph.compiler.ir.effects import is_effect
from lazygraph.compiler.ir.graph import MAX_FRAMES, Graph, Node, Value, interned, origin
from lazygraph.compiler.ops.bodies import symbols_like
from lazygraph.compiler.ops.record import OPS, apply
from lazygraph.compiler.passes.siblings import independent, inside, read, replaced

Values = tuple[Value, ...]


@dataclass(frozen=True)
class Branches:
    """Merges and tidies the branches of a graph and of its sub-graphs."""

    name: str = "branches"

    def __call__(self, graph: Graph) -> Graph:
        if not any([node.graphs for node in graph.nodes]):
            return graph
        graph = inside(graph, self)
        while (new := _next(graph)) is not None:
            graph = interned(replaced(graph, new))
        return graph


def _next(graph: Graph) -> Mapping[Value, Value] | None:
    """What stands for the results of some conds, of the first group that is not in its least form."""
    used = read(graph)
    for group in independent(graph, _choice, lambda group, node: True):
        new = _known(group[0]) if len(group) == 1 else None
        new = new or _joined(group, used)
        if new is not None:
            return new
    return None


def _choice(node: Node) -> Hashable | None:
    return (node.inputs[0], len(node.graphs)) if node.op.name == "cond" else None


def _known(node: Node) -> Mapping[Value, Value] | None:
    """The results of the branch that is known to be chosen."""
    which, *operands = node.inputs
    if which.node.op.name != "constant" and len(node.graphs) > 1:
        return None
    number = int(which.node["value"]) if which.node.op.name == "constant" else 0
    branch = node.graphs[min(max(number, 0), len(node.graphs) - 1)]
    found = moved(branch.outputs, dict(zip(branch.inputs, operands, strict=True)))
    return dict(zip(node.outputs, found, strict=True))


def _joined(group: Sequence[Node], used: Set[Value]) -> Mapping[Value, Value] | None:
    """The results of all these conds from one; None where that is the only one, and no less than it was."""
    operands = tuple(dict.fromkeys([operand for node in group for operand in node.inputs[1:]]))
    inner = symbols_like(operands, "x")
    at = dict(zip(operands, inner))
    number = len(group[0].graphs)
    whole = [_together([(node, node.graphs[place]) for node in group], at, inner) for place in range(number)]
    shown = [_shown(graph) for graph in whole]
    results = [value for node in group for value in node.outputs]
    home = {x: operand for operand, x in at.items()}
    known: dict[Values, Value | int] = {}
    places: dict[Value, Value | int] = {}
    for place, value in enumerate(results):
        of_branches = tuple([graph.outputs[place] for graph in whole])
        if value not in used and not any([each[place] for each in shown]):
            continue
        if of_branches[0] in home and len(set(of_branches)) == 1:
            places[value] = home[of_branches[0]]
            continue
        places[value] = known.setdefault(of_branches, len(known))
    kept = list(known)
    branches = [Graph(graph.name, inner, tuple([each[place] for each in kept])) for place, graph in enumerate(whole)]
    needed = [any([x in _reached(branch) for branch in branches]) for x in inner]
    least = (sum(needed), len(kept)) == (len(group[0].inputs) - 1, len(group[0].outputs))
    if len(group) == 1 and least:
        return None
    found: Sequence[Value] = ()
    if kept:
        symbols = tuple([x for x, has in zip(inner, needed) if has])
        graphs = tuple([Graph(branch.name, symbols, branch.outputs) for branch in branches])
        given = [operand for operand, has in zip(operands, needed) if has]
        with origin(tuple(dict.fromkeys([frame for node in group for frame in node.frames]))[:MAX_FRAMES]):
            found = apply(OPS["cond"], (group[0].inputs[0], *given), {}, graphs=graphs)
    return {value: found[place] if isinstance(place, int) else place for value, place in places.items()}


def _together(members: Sequence[tuple[Node, Graph]], at: Mapping[Value, Value], inputs: Values) -> Graph:
    """One branch of all members over common inputs, equal nodes merged."""
    outputs: list[Value] = []
    for node, branch in members:
        own = [at[operand] for operand in node.inputs[1:]]
        outputs += moved(branch.outputs, dict(zip(branch.inputs, own, strict=True)))
    return interned(Graph(members[0][1].name, inputs, tuple(outputs)))


def _shown(graph: Graph) -> Sequence[bool]:
    """Which results an effect hangs on."""
    found = {value for node in graph.nodes if is_effect(node) for value in node.outputs}
    for node in graph.nodes:
        if any([each in found for each in node.inputs]):
            found.update(node.outputs)
    return [value in found for value in graph.outputs]


def _reached(graph: Graph) -> Set[Value]:
    """What the results depend on."""
    return {*graph.outputs, *[operand for node in graph.nodes for operand in node.inputs]}

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

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from lazygraph.compiler.autodiff.substitute import moved
from lazygraph.compiler.ir.dependence import reached, shown
from lazygraph.compiler.ir.graph import MAX_FRAMES, Graph, Node, Value, origin
from lazygraph.compiler.ops.bodies import symbols_like
from lazygraph.compiler.ops.record import OPS, apply
from lazygraph.compiler.passes.siblings import independent, least, numbered

Values = tuple[Value, ...]


@dataclass(frozen=True)
class Branches:
    """Merges and tidies the branches of a graph and of its sub-graphs."""

    name: str = "branches"

    def __call__(self, graph: Graph) -> Graph:
        return least(graph, self, _tidied, _groups, _joined)


def _groups(graph: Graph) -> Iterator[list[Node]]:
    return independent(graph, _choice, lambda group, node: True)


def _tidied(node: Node, used: Sequence[bool]) -> Sequence[Value] | None:
    if node.op.name != "cond":
        return None
    return _known(node) or _joined([node], used)


def _choice(node: Node) -> Hashable | None:
    return (node.inputs[0], len(node.graphs)) if node.op.name == "cond" else None


def _known(node: Node) -> Sequence[Value] | None:
    """The results of the branch that is known to be chosen."""
    which, *operands = node.inputs
    if which.node.op.name != "constant" and len(node.graphs) > 1:
        return None
    number = int(which.node["value"]) if which.node.op.name == "constant" else 0
    branch = node.graphs[min(max(number, 0), len(node.graphs) - 1)]
    return moved(branch.outputs, dict(zip(branch.inputs, operands, strict=True)))


def _joined(group: Sequence[Node], used: Sequence[bool]) -> Sequence[Value]:
    """The results of all these conds from one, which has what is needed and no more."""
    operands = tuple(dict.fromkeys([operand for node in group for operand in node.inputs[1:]]))
    inner = symbols_like(operands, "x")
    at = dict(zip(operands, inner))
    number = len(group[0].graphs)
    whole = [_together([(node, node.graphs[place]) for node in group], at, inner) for place in range(number)]
    hanging = set().union(*[shown(graph.outputs) for graph in whole])
    results = [value for node in group for value in node.outputs]
    home = {x: operand for operand, x in at.items()}
    known: dict[Values, int] = {}
    places: list[Value | int] = []
    for place, value in enumerate(results):
        of_branches = tuple([graph.outputs[place] for graph in whole])
        if not used[place] and hanging.isdisjoint(of_branches):
            places.append(value)
        elif of_branches[0] in home and len(set(of_branches)) == 1:
            places.append(home[of_branches[0]])
        else:
            places.append(known.setdefault(of_branches, len(known)))
    found: Sequence[Value] = ()
    if known:
        outputs = [tuple([each[place] for each in known]) for place in range(number)]
        below = set().union(*map(reached, outputs))
        needed = [x for x in operands if at[x] in below]
        inputs = tuple([at[x] for x in needed])
        graphs = tuple([Graph(graph.name, inputs, values) for graph, values in zip(whole, outputs)])
        with origin(tuple(dict.fromkeys([frame for node in group for frame in node.frames]))[:MAX_FRAMES]):
            found = apply(OPS["cond"], (group[0].inputs[0], *needed), {}, graphs=graphs)
    return [found[place] if isinstance(place, int) else place for place in places]


def _together(members: Sequence[tuple[Node, Graph]], at: Mapping[Value, Value], inputs: Values) -> Graph:
    """One branch of all members over common inputs, equal nodes merged."""
    outputs: list[Value] = []
    for node, branch in members:
        own = [at[operand] for operand in node.inputs[1:]]
        outputs += moved(branch.outputs, dict(zip(branch.inputs, own, strict=True)))
    return Graph(members[0][1].name, inputs, tuple(numbered(outputs)))

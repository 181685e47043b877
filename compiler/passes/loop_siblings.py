"""Loops side by side become one loop: a loop, the one that runs it again for a derivative, and the one for a batch.

In: a graph. Out: the graph in which scans of one length and direction that share an operand, neither needing a result
of the other, are one scan over the parts of both. What they compute twice is merged by `loop_tidying`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from lazygraph.compiler.autodiff.substitute import moved
from lazygraph.compiler.ir.graph import MAX_FRAMES, Graph, Node, Value, origin, with_inputs
from lazygraph.compiler.ops.bodies import symbols_like
from lazygraph.compiler.ops.loop_parts import Loop, loop_of

Values = tuple[Value, ...]


def with_siblings_merged(graph: Graph) -> Graph:
    """The graph with such loops as one; sub-graphs are not looked into."""
    groups = _groups(graph)
    if not groups:
        return graph
    members = {node: group for group in groups for node in group}
    new: dict[Value, Value] = {}
    for group in _in_groups(graph, members):
        if len(group) == 1:
            (node,) = group
            inputs = tuple([new[each] for each in node.inputs])
            new.update(zip(node.outputs, node.outputs if inputs == node.inputs else with_inputs(node, inputs).outputs))
        else:
            loops = [loop_of(with_inputs(node, [new[each] for each in node.inputs])) for node in group]
            frames = tuple(dict.fromkeys([frame for node in group for frame in node.frames]))[:MAX_FRAMES]
            with origin(frames):
                last, ys = _joined(loops).emit()
            for node, loop in zip(group, loops):
                carries, stacks = loop.carries, len(loop.y_out)
                new.update(zip(node.outputs, (*last[:carries], *ys[:stacks])))
                last, ys = last[carries:], ys[stacks:]
    return graph.with_results(new)


def _joined(loops: Sequence[Loop]) -> Loop:
    """One loop over the parts of all."""
    first = loops[0]
    fresh = [_over_fresh(loop, first.at) for loop in loops]
    return replace(
        first,
        init=_all([loop.init for loop in fresh]),
        xs=_all([loop.xs for loop in fresh]),
        closed=_all([loop.closed for loop in fresh]),
        carry_in=_all([loop.carry_in for loop in fresh]),
        x_in=_all([loop.x_in for loop in fresh]),
        closed_in=_all([loop.closed_in for loop in fresh]),
        carry_out=_all([loop.carry_out for loop in fresh]),
        y_out=_all([loop.y_out for loop in fresh]),
    )


def _all(parts: Sequence[Values]) -> Values:
    return tuple([each for part in parts for each in part])


def _over_fresh(loop: Loop, at: Value) -> Loop:
    """The loop with a body over symbols of its own: bodies made from each other share theirs."""
    old = loop.body.inputs[1:]
    new = symbols_like(old, "x")
    outputs = moved(loop.body.outputs, {loop.at: at, **dict(zip(old, new))})
    carry_in, x_in, closed_in = loop.split(new)
    own = replace(loop, at=at, carry_in=tuple(carry_in), x_in=tuple(x_in), closed_in=tuple(closed_in))
    return own.with_body(outputs)


def _groups(graph: Graph) -> list[tuple[Node, ...]]:
    """Loops to be joined, two or more in each group, so that no group needs a result of itself."""
    loops = [node for node in graph.nodes if node.op.name == "scan"]
    if len(loops) < 2:
        return []
    needs = _needs(graph, loops)
    groups: dict[Node, tuple[Node, ...]] = {node: (node,) for node in loops}
    pairs = [(a, b) for i, a in enumerate(loops) for b in loops[i + 1 :] if _alike(a, b)]
    for a, b in sorted(pairs, key=lambda pair: -_shared(*pair)):
        one, other = groups[a], groups[b]
        if one is other or not _shared(a, b) or needs[a] & set(other) or needs[b] & set(one):
            continue
        joined = tuple([node for node in loops if node in one or node in other])
        below = needs[a] | needs[b]
        for node in loops:
            if node in joined:
                groups[node], needs[node] = joined, below
            elif needs[node] & set(joined):
                needs[node] = needs[node] | below | set(joined)
    return [group for group in dict.fromkeys(groups.values()) if len(group) > 1]


def _alike(a: Node, b: Node) -> bool:
    return (a["length"], a["reverse"]) == (b["length"], b["reverse"])


def _shared(a: Node, b: Node) -> int:
    return len({*a.inputs} & {*b.inputs})


def _needs(graph: Graph, loops: Sequence[Node]) -> dict[Node, set[Node]]:
    """The loops that each loop waits for."""
    chosen = set(loops)
    below: dict[Node, frozenset[Node]] = {}
    for node in graph.nodes:
        parts = {below[operand.node] | ({operand.node} & chosen) for operand in node.inputs}
        below[node] = frozenset().union(*parts) if len(parts) != 1 else frozenset(next(iter(parts)))
    return {node: set(below[node]) for node in loops}


def _in_groups(graph: Graph, members: dict[Node, tuple[Node, ...]]) -> Iterator[tuple[Node, ...]]:
    """Every node in an order where operands come first; those of a group together."""
    done: set[Node] = set()
    for root in graph.nodes:
        stack = [root]
        while stack:
            group = members.get(stack[-1], (stack[-1],))
            if group[0] in done:
                stack.pop()
                continue
            waiting = [operand.node for node in group for operand in node.inputs if operand.node not in done]
            if waiting:
                stack.extend(reversed(waiting))
                continue
            done.update(group)
            stack.pop()
            yield group

"""What one loop keeps for another: the cheapest values from which a formula can be computed again.

In: the values that a formula reads, and which values are at hand where it is computed. Out: the values to keep: a
minimum cut by bytes (L. R. Ford and D. R. Fulkerson, Maximal flow through a network, 1956) between what must not be
computed again and what is read. Elementwise ops that cost no more than an addition, views and effects are computed
again; products, reductions, loops and elementary functions are not.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from lazygraph.compiler.ir.effects import is_effect
from lazygraph.compiler.ir.graph import Node, Value, topological
from lazygraph.compiler.ir.nominal import nominal_bytes
from lazygraph.compiler.ops.lowering import Elementwise, Leaf, Pointwise


def kept(read: Sequence[Value], at_hand: Collection[Value], stored: Collection[Value] = ()) -> list[Value]:
    """The values to keep so that `read` can be computed from them and from what is at hand, in the graph's order.

    `stored` are values that are stored anyway. What depends on no parameter is always at hand.
    """
    import networkx

    nodes = topological([value for value in read if value not in at_hand])
    network: networkx.DiGraph[tuple[Value, str] | str] = networkx.DiGraph()
    flows: set[Value] = set()  # what needs something that is not at hand
    for node in nodes:
        operands = [operand for operand in node.inputs if operand not in at_hand]
        begins = node.op.name == "parameter" or is_dear(node) and bool(node.inputs)
        if not begins and not any([operand in flows for operand in operands]):
            continue
        for value in node.outputs:
            if value in at_hand:
                continue
            flows.add(value)
            network.add_edge((value, "in"), (value, "out"), capacity=1 if value in stored else 2 + nominal_bytes(value))
            if begins:
                network.add_edge("source", (value, "in"))
            for operand in operands:
                if operand in flows:
                    network.add_edge((operand, "out"), (value, "in"))
    ends = [value for value in read if value in flows]
    for value in ends:
        network.add_edge((value, "out"), "sink")
    if not ends:
        return []
    _, (near, _) = networkx.minimum_cut(network, "source", "sink")
    values = [value for node in nodes for value in node.outputs]
    return [value for value in values if (value, "in") in near and (value, "out") not in near]


def is_dear(node: Node) -> bool:
    """Whether computing it again costs more than reading it."""
    if isinstance(node.op.lower, Elementwise):
        return node.op.ulp >= 1
    return not isinstance(node.op.lower, Pointwise | Leaf) and not (is_effect(node) and not node.graphs)

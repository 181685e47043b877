"""What to keep and what to compute again, by a minimum cut.

In: a timeline, a moment in it, and what computing a value again costs. Out: the values that are computed again for
those who read them behind the moment. A value v that is read there is kept, at a cost of its bytes, or computed again,
at a price, from stored values that are in turn kept or computed again. With an edge in(v) -> out(v) of its bytes,
source -> in(v) of its price, out(u) -> in(v) without limit where v is computed from u, and out(v) -> sink where v is
read late, the cheapest choice is a minimum cut: what lies behind it whole is computed again.
L. R. Ford and D. R. Fulkerson, "Maximal flow through a network", 1956.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from lazygraph.compiler.ir.dims import product
from lazygraph.compiler.ir.graph import Node, Value
from lazygraph.compiler.ir.nominal import nominal, nominal_bytes
from lazygraph.compiler.loop.fuse import is_leaf
from lazygraph.compiler.ops.lowering import Elementwise, Pointwise, Product, Reduction
from lazygraph.compiler.passes.remat_timeline import Timeline

_PER_BYTE = 33  # picoseconds: memory that is read or written
_PER_FLOP = 10
_PER_ELEMENTARY = 300  # an exponential, a logarithm


@dataclass(frozen=True)
class Recipe:
    """How a stored value is computed again: from which stored values, in how much time, by a product or not."""

    sources: tuple[Value, ...]
    picoseconds: int
    has_product: bool


def recipes(timeline: Timeline, moment: int) -> dict[Value, Recipe]:
    """A recipe for each value of the arena that is there at the moment; none for what checks, prints, or runs loops."""
    found: dict[Value, Recipe] = {}
    for value in timeline.temporary:
        if timeline.stored[value] <= moment and not timeline.launches[timeline.stored[value]].early:
            recipe = _recipe(value, timeline)
            if recipe is not None:
                found[value] = recipe
    return found


def _recipe(wanted: Value, timeline: Timeline) -> Recipe | None:
    sources: dict[Value, None] = {}
    time, has_product = 0, False
    pending, seen = [wanted.node], {wanted.node}
    while pending:
        node = pending.pop()
        if not node.op.flags.pure or node.serial and node.op.name != "barrier" or node.graphs:
            return None
        has_product = has_product or isinstance(node.op.lower, Product)
        time += _picoseconds(node)
        for operand in node.inputs:
            if operand in timeline.stored and not is_leaf(operand):
                sources[operand] = None
            elif not is_leaf(operand) and operand.node not in seen:
                seen.add(operand.node)
                pending.append(operand.node)
    return Recipe(tuple(sources), time, has_product)


def _picoseconds(node: Node) -> int:
    lower = node.op.lower
    elements = sum([nominal(product(each.shape)) for each in node.outputs])
    if isinstance(lower, Product):
        form = lower.form(node, node.output.type.rank - 1)
        return 2 * _PER_FLOP * nominal(product((*form.batch, *form.m, *form.n, *form.k)))
    if isinstance(lower, Pointwise):
        return 0 if node.inputs else elements * _PER_ELEMENTARY
    if isinstance(lower, Elementwise):
        return (
            elements * _PER_ELEMENTARY if node.op.ulp >= 1 else sum(map(nominal_bytes, node.outputs)) * _PER_BYTE // 4
        )
    moved = sum(map(nominal_bytes, (*node.inputs, *node.outputs)))
    return moved * _PER_BYTE * (1 if isinstance(lower, Reduction) else 10)


def computed_again(
    timeline: Timeline, moment: int, known: dict[Value, Recipe], price: Callable[[Value, Recipe], int | None]
) -> set[Value]:
    """The values to compute again, each at its price in thousandths of bytes, None where it must be kept."""
    import networkx  # a tenth of a second, for those who ask for it

    network: networkx.DiGraph[tuple[Value, str] | str] = networkx.DiGraph()
    wanted: dict[Value, None] = {}
    for launch in timeline.launches[moment + 1 :]:
        for value in launch.reads:
            if value in timeline.temporary and timeline.stored[value] <= moment:
                wanted[value] = None
    network.add_node("source")
    network.add_node("sink")
    pending, reached = list(wanted), set(wanted)
    for value in wanted:
        network.add_edge((value, "out"), "sink")
    while pending:
        value = pending.pop()
        recipe = known.get(value)
        network.add_edge((value, "in"), (value, "out"), capacity=1000 * timeline.temporary.get(value, 0))
        cost = None if recipe is None else price(value, recipe)
        if recipe is None or cost is None:
            network.add_edge("source", (value, "in"))
            continue
        network.add_edge("source", (value, "in"), capacity=1 + cost)
        for source in recipe.sources:
            network.add_edge((source, "out"), (value, "in"))
            if source not in reached:
                reached.add(source)
                pending.append(source)
    _, (_, far) = networkx.minimum_cut(network, "source", "sink")
    return {value for value in reached if (value, "in") in far}

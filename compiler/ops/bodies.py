"""What the rules of ops with sub-graphs share: a sub-graph pushed forward, batched, or over other operands.

In: a sub-graph, which has no variables and whose inputs are parameters. Out: values over those parameters and fresh
ones, from which a rule makes another sub-graph. Nothing is copied that need not be, so that an effect inside stays
one and the same effect.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from lazygraph.compiler.autodiff.substitute import substitute
from lazygraph.compiler.ir.dependence import dependents
from lazygraph.compiler.ir.dims import Extent
from lazygraph.compiler.ir.errors import DTypeError, ShapeError, shape_text
from lazygraph.compiler.ir.graph import Graph, Node, TensorType, Value, rewrite
from lazygraph.compiler.ops.leaf import new_parameter
from lazygraph.compiler.ops.record import Tangents

Types = tuple[TensorType, ...]
Values = tuple[Value, ...]
Mask = tuple[bool, ...]


def types_of(values: Iterable[Value]) -> Types:
    return tuple([each.type for each in values])


def require_types(op: str, what: str, expected: Types, found: Types) -> None:
    """The types of a sub-graph's inputs or outputs; the error names the first place that differs."""
    if len(expected) != len(found):
        raise ShapeError(f"{op}: {what}: expected {len(expected)}, found {len(found)}")
    for place, (wanted, given) in enumerate(zip(expected, found)):
        if wanted.dtype != given.dtype:
            raise DTypeError(f"{op}: {what}, number {place}: expected {wanted.dtype}, found {given.dtype}")
        if wanted.shape != given.shape:
            shapes = f"expected {shape_text(wanted.shape)}, found {shape_text(given.shape)}"
            raise ShapeError(f"{op}: {what}, number {place}: {shapes}")


def symbols_like(values: Iterable[Value], name: str) -> Values:
    """A fresh parameter of each value's type."""
    return tuple([new_parameter(f"{name}{place}", each.dtype, each.shape) for place, each in enumerate(values)])


def over(graph: Graph, operands: Sequence[Value]) -> list[Value]:
    """The results of a sub-graph over these operands; effects inside are copied."""
    return substitute(graph.outputs, dict(zip(graph.inputs, operands, strict=True)))


def chosen(values: Sequence[Value], mask: Sequence[bool]) -> Values:
    return tuple([each for each, wanted in zip(values, mask, strict=True) if wanted])


def left_out(values: Sequence[Value], mask: Sequence[bool]) -> Values:
    return tuple([each for each, wanted in zip(values, mask, strict=True) if not wanted])


def pushed(graph: Graph, moving: Mask) -> tuple[Values, Tangents]:
    """Symbols for the tangents of the inputs that move, and the tangents of the outputs over inputs and symbols.

    The sub-graph was made stable with the graph around it: its own nodes are kept, so that it may become one with a
    loop or branch over the same nodes.
    """
    from lazygraph.compiler.autodiff.cut import Prepared
    from lazygraph.compiler.autodiff.jvp import push_forward

    inputs = chosen(graph.inputs, moving)
    symbols = symbols_like(inputs, "t")
    return symbols, tuple(push_forward(Prepared(graph.outputs, inputs, False), symbols))


def batched(graph: Graph, mask: Mask, size: Extent) -> tuple[Values, Values, Mask]:
    """(inputs, outputs, which outputs have the batch axis) of the graph over inputs of which the masked are batched."""
    from lazygraph.compiler.autodiff.batching import batch

    inputs = tuple(
        [
            new_parameter(old.node["name"], old.dtype, (size, *old.shape)) if has else old
            for old, has in zip(graph.inputs, mask, strict=True)
        ]
    )
    found, have = batch(graph.outputs, chosen(graph.inputs, mask), chosen(inputs, mask), size)
    return inputs, tuple(found), tuple(have)


def depending(graph: Graph, mask: Mask) -> Mask:
    """Which outputs depend on any of the masked inputs."""
    found = dependents(graph.outputs, chosen(graph.inputs, mask))
    return tuple([each in found for each in graph.outputs])


def settled(mask: Mask, carries: int, step: Callable[[Mask], Mask]) -> Mask:
    """The least mask of inputs, above the given one, whose carries are closed under `step`: inputs -> new carries."""
    while True:
        found = step(mask)
        wider = (*[old or new for old, new in zip(mask[:carries], found, strict=True)], *mask[carries:])
        if wider == mask:
            return mask
        mask = wider


def without_effects(graph: Graph) -> Graph:
    """The graph for a second run over the same values: it shows and checks nothing again."""

    def replace(node: Node, inputs: Values) -> Sequence[Value] | None:
        return None if node.op.flags.pure else inputs[:1]

    return rewrite(graph, replace)

"""The NumPy interpreter: the living definition of every op.

In: a graph and NumPy arrays for its inputs and variables. Out: the arrays of its outputs and updates. Symbolic dims are
solved from the extents of the arrays; each node is evaluated by its record's reference, operands first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from lazygraph.compiler.ir import dims
from lazygraph.compiler.ir.dims import Dim, Extent, Symbol
from lazygraph.compiler.ir.effects import in_order
from lazygraph.compiler.ir.errors import CheckFailed, DTypeError, ShapeError
from lazygraph.compiler.ir.graph import Graph, Node, TensorType
from lazygraph.compiler.ops.record import evaluated


@dataclass(frozen=True)
class Interpreted:
    outputs: tuple[np.ndarray, ...]
    updates: tuple[np.ndarray, ...]  # new values, in the order of the graph's updates


def interpret(
    graph: Graph,
    inputs: Sequence[np.ndarray],
    variables: Sequence[np.ndarray] = (),
    extents: Mapping[str, int] | None = None,
) -> Interpreted:
    """The results of the graph; `extents` gives the dims that no operand's shape determines.

    Raises ShapeError or DTypeError for an array that does not fit its parameter, CheckFailed for a failed check.
    """
    return _interpret(in_order(graph), inputs, variables, extents or {})


@dataclass(frozen=True)
class SubGraph:
    """A sub-graph as a reference sees it: a function from arrays to a tuple of arrays."""

    graph: Graph
    extents: Mapping[str, int]

    def __call__(self, *operands: np.ndarray) -> tuple[np.ndarray, ...]:
        return _interpret(self.graph, operands, (), self.extents).outputs

    def empty(self, count: int) -> list[np.ndarray]:
        """For each result an array of `count` such, not filled: what a loop without trips leaves."""
        shapes = [tuple([dims.evaluate(extent, self.extents) for extent in each.shape]) for each in self.graph.outputs]
        return [np.empty((count, *shape), each.dtype.numpy) for shape, each in zip(shapes, self.graph.outputs)]


def _interpret(
    graph: Graph, inputs: Sequence[np.ndarray], variables: Sequence[np.ndarray], extents: Mapping[str, int]
) -> Interpreted:
    parameters = (*graph.inputs, *graph.variables)
    if len(inputs) != len(graph.inputs) or len(variables) != len(graph.variables):
        expected = f"{len(graph.inputs)} inputs and {len(graph.variables)} variables"
        raise ShapeError(f"{graph.name}: expected {expected}, found {len(inputs)} and {len(variables)}")
    arrays = [np.asarray(each) for each in (*inputs, *variables)]
    names = [parameter.node["name"] for parameter in parameters]
    values = solve_dims([each.type for each in parameters], arrays, names, extents)
    known = dict(zip(parameters, arrays))
    results = frozenset(graph.results)
    uses = {value: len(nodes) for value, nodes in graph.users.items()}
    for node in graph.nodes:
        if node.op.name == "parameter":
            if node.output not in known:
                raise ValueError(f"{graph.name}: {node['name']!r} is neither an input nor a variable of the graph")
            continue
        known.update(zip(node.outputs, evaluate_node(node, [known[each] for each in node.inputs], values)))
        for operand in node.inputs:
            uses[operand] -= 1
            if not uses[operand] and operand not in results:
                del known[operand]
    return Interpreted(tuple([known[each] for each in graph.outputs]), tuple([known[new] for _, new in graph.updates]))


def evaluate_node(node: Node, operands: Sequence[np.ndarray], values: Mapping[str, int]) -> tuple[np.ndarray, ...]:
    """The arrays of a node's results, of the types that its type rule gave."""
    attributes = evaluated(node.attributes, values)
    if node.graphs:
        attributes["graphs"] = tuple([SubGraph(graph, values) for graph in node.graphs])
    try:
        with np.errstate(all="ignore"):
            found = node.op.reference(*operands, **attributes)
    except CheckFailed as failed:
        lines = "".join([f"\n  {frame}" for frame in node.frames])
        raise CheckFailed(f"{failed}{lines}") from None
    arrays = tuple([np.asarray(each) for each in (found if isinstance(found, tuple) else (found,))])
    for array, output in zip(arrays, node.outputs, strict=True):
        shape = tuple([dims.evaluate(extent, values) for extent in output.shape])
        if array.shape != shape or array.dtype != output.dtype.numpy:
            gave, typed = f"{array.dtype}{list(array.shape)}", f"{output.dtype}{list(shape)}"
            raise ValueError(f"{node.op.name}: its reference gave {gave} where its type is {typed}")
    return arrays


# --- symbolic extents -------------------------------------------------------------------------------------------------


def solve_dims(
    types: Sequence[TensorType],
    arrays: Sequence[np.ndarray],
    names: Sequence[str],
    given: Mapping[str, int],
) -> dict[str, int]:
    """The value of every symbol in the types: from an extent that is linear in it with the others known.

    Raises ShapeError or DTypeError naming the parameter, axis, expected and found.
    """
    values = dict(given)
    pending: list[tuple[str, int, Extent, int]] = []
    for type, array, name in zip(types, arrays, names, strict=True):
        if array.dtype != type.dtype.numpy:
            raise DTypeError(f"{name}: expected {type.dtype}, found {array.dtype}")
        if array.ndim != type.rank:
            raise ShapeError(f"{name}: expected {type.rank} axes as in {type}, found the shape {array.shape}")
        pending += [(name, axis, extent, found) for axis, (extent, found) in enumerate(zip(type.shape, array.shape))]
    symbols: dict[str, Symbol] = {}
    while pending:
        left = []
        for name, axis, extent, found in pending:
            unknown = [each for each in dims.symbols(extent) if each.name not in values]
            symbols.update({each.name: each for each in dims.symbols(extent)})
            if not unknown:
                _require_extent(name, axis, extent, dims.evaluate(extent, values), found)
            elif len(unknown) > 1 or not _solve(extent, unknown[0], found, values, (name, axis)):
                left.append((name, axis, extent, found))
        if len(left) == len(pending):
            name, axis, extent, found = left[0]
            equation = f"{extent} = {found}"
            raise ShapeError(f"{name}: axis {axis}: {equation} does not determine its dims: give them as arguments")
        pending = left
    for each in symbols.values():
        _require_range(each, values)
    return values


def _require_extent(name: str, axis: int, extent: Extent, expected: int, found: int) -> None:
    if expected != found:
        shown = f"{extent} = {expected}" if isinstance(extent, Dim) else str(expected)
        raise ShapeError(f"{name}: axis {axis}: expected an extent of {shown}, found {found}")


def _solve(extent: Extent, unknown: Symbol, found: int, values: dict[str, int], where: tuple[str, int]) -> bool:
    """Solve c*unknown + r = found for an extent linear in its one unknown symbol; whether it was."""
    coefficient, rest = dims.linear_in(extent, unknown)
    if coefficient is None:
        return False
    scale, offset = dims.evaluate(coefficient, values), dims.evaluate(rest, values)
    if scale == 0:
        return False
    quotient, remainder = divmod(found - offset, scale)
    if remainder or quotient < 0:
        name, axis = where
        raise ShapeError(f"{name}: axis {axis}: no {unknown} makes {extent} the extent found, {found}")
    values[unknown.name] = quotient
    return True


def _require_range(symbol: Symbol, values: Mapping[str, int]) -> None:
    value, low = values[symbol.name], dims.evaluate(symbol.lower, values)
    high = None if symbol.upper is None else dims.evaluate(symbol.upper, values)
    if value < low or (high is not None and value > high):
        span = f"{low} .. {'' if high is None else high}".rstrip()
        raise ShapeError(f"dim {symbol}: expected a value in {span}, found {value}")
    if value % symbol.multiple_of:
        raise ShapeError(f"dim {symbol}: expected a multiple of {symbol.multiple_of}, found {value}")

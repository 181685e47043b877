"""From functions over nested tensors to sub-graphs: the bodies, conditions and branches of control flow.

In: fresh parameters, and what a user's function made of them. Out: graphs over those parameters and one list of
captured values, which become operands. A value that does not depend on the parameters is computed outside, once;
numbers, and what is made of an index or an extent alone, stay inside. What was captured may be a parameter of an
enclosing body, so control flow nests.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence, Set
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from lazygraph.compiler.autodiff.substitute import moved
from lazygraph.compiler.ir.effects import is_effect
from lazygraph.compiler.ir.errors import DTypeError, ShapeError
from lazygraph.compiler.ir.graph import Graph, Node, TensorType, Value, topological
from lazygraph.compiler.ops.leaf import new_parameter
from lazygraph.dims import fitted
from lazygraph.errors import shape_text
from lazygraph.frames import user_code
from lazygraph.promotion import common_dtype, is_weak, scalar, value_of
from lazygraph.structure import Structure, flatten, flatten_like, paths, unflatten
from lazygraph.tensor import Tensor

_LEAVES = ("iota", "extent")  # without operands, and cheaper to make than to hand in

_repeated: ContextVar[bool] = ContextVar("repeated", default=False)


def is_repeated() -> bool:
    """Whether the user's function that runs now is the body of a loop, called once for all trips."""
    return _repeated.get()


def call_repeated(function: Callable[..., Any], *arguments: Any) -> Any:
    """What a loop's body makes of its symbols."""
    token = _repeated.set(True)
    try:
        return user_code(function)(*arguments)
    finally:
        _repeated.reset(token)


def symbols(types: Sequence[TensorType], name: str) -> tuple[Value, ...]:
    """Fresh parameters of these types."""
    return tuple([new_parameter(f"{name}{place}", each.dtype, each.shape) for place, each in enumerate(types)])


@dataclass(frozen=True)
class Traced:
    """A function's results over its parameters. `since` is a number from before it ran: nodes behind it are its."""

    name: str
    parameters: tuple[Value, ...]
    results: tuple[Value, ...]
    since: int


def closed(functions: Sequence[Traced]) -> tuple[tuple[Graph, ...], tuple[Value, ...]]:
    """A graph for each function, and the operands that each takes behind its own parameters."""

    def belongs(function: Traced, node: Node, inside: Set[Value]) -> bool:
        depends = any([operand in inside for operand in node.inputs])
        return depends or is_effect(node) and node.number > function.since

    return _graphs(functions, belongs)


def enclosed(functions: Sequence[Traced]) -> tuple[tuple[Graph, ...], tuple[Value, ...]]:
    """As `closed`, where all that a function made stays inside: what is not chosen is not computed."""

    def belongs(function: Traced, node: Node, inside: Set[Value]) -> bool:
        return node.number > function.since and node.op.name != "parameter"

    return _graphs(functions, belongs)


_Belongs = Callable[[Traced, Node, Set[Value]], bool]  # whether a node is its function's, of which others are inside


def _graphs(functions: Sequence[Traced], belongs: _Belongs) -> tuple[tuple[Graph, ...], tuple[Value, ...]]:
    captured = dict.fromkeys([value for each in functions for value in _captured(each, belongs)])
    graphs = []
    for each in functions:
        inner = symbols([value.type for value in captured], "closed")
        results = moved(each.results, dict(zip(captured, inner)))
        graphs.append(Graph(each.name, (*each.parameters, *inner), tuple(results)))
    return tuple(graphs), tuple(captured)


def _captured(function: Traced, belongs: _Belongs) -> list[Value]:
    inside = set(function.parameters)
    staying: set[Value] = set()
    used: dict[Value, None] = {}
    for node in topological(function.results):
        if belongs(function, node, inside):
            inside.update(node.outputs)
            used.update(dict.fromkeys(node.inputs))
        elif _stays(node, staying):
            staying.update(node.outputs)
    used.update(dict.fromkeys(function.results))
    return [value for value in used if value not in inside and value not in staying]


def _stays(node: Node, staying: set[Value]) -> bool:
    if node.op.name == "constant":
        return bool(node["value"].size == 1)
    return node.op.name in _LEAVES or node.op.name == "broadcast" and node.inputs[0] in staying


# --- nested arguments and results -------------------------------------------------------------------------------------


def first_carries(leaves: Sequence[Any], structure: Structure, first_trip: Callable[[Any], Any]) -> tuple[Value, ...]:
    """The first carries as values; a Python number in the dtype that the first trip gives it."""
    if not any(map(is_weak, leaves)):
        return tuple([value_of(each) for each in leaves])
    given = [each if is_weak(each) else Tensor(value_of(each)) for each in leaves]
    after = flatten_like(structure, first_trip(unflatten(structure, given)), "the carry")
    found = []
    for leaf, new in zip(leaves, after, strict=True):
        if is_weak(leaf):
            dtype = common_dtype([new if is_weak(new) else value_of(new), leaf])
            found.append(scalar(leaf, dtype))
        else:
            found.append(value_of(leaf))
    return tuple(found)


def as_nested(structure: Structure, values: Sequence[Value]) -> Any:
    return unflatten(structure, [Tensor(value) for value in values])


def as_values(tree: Any) -> tuple[tuple[Value, ...], Structure]:
    """The leaves as values, each by itself, and the nesting."""
    leaves, structure = flatten(tree)
    return tuple([value_of(each) for each in leaves]), structure


def kept(structure: Structure, tree: Any, types: Sequence[TensorType], name: str, role: str) -> tuple[Value, ...]:
    """The leaves of `tree`, nested like `structure`, each of its given type.

    A Python number takes the dtype where that is what NumPy would promote it to. TypeError for another nesting,
    DTypeError or ShapeError with the leaf's path for another type; `role` says where the expected type comes from.
    """
    found = []
    for leaf, type, path in zip(flatten_like(structure, tree, name), types, paths(structure, name), strict=True):
        weak = is_weak(leaf) and common_dtype([type.dtype, leaf]) == type.dtype
        value = fitted(scalar(leaf, type.dtype) if weak else value_of(leaf), type.shape)
        if value.dtype != type.dtype:
            raise DTypeError(f"{path}: expected {type.dtype}, {role}, found {value.dtype}")
        if value.shape != type.shape:
            raise ShapeError(
                f"{path}: expected the shape {shape_text(type.shape)}, {role}, found {shape_text(value.shape)}"
            )
        found.append(value)
    return tuple(found)

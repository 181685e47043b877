"""The graph form: immutable nodes over tensors.
A `Node` applies an op to values and has one `Value` per result. A `Graph` closes over nodes: its inputs and variables
are `parameter` nodes, its nodes are everything that its outputs, updates and effects reach. Nodes are made freely (by a
user's handle, by a derivative rule, by a pass) and carry the frames of the users' lines they serve;
`Interner` merges equal ones. Values compare by identity; nothing here recurses over the depth of a graph.
"""

from __future__ import annotations

import contextlib
import itertools
import struct
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from lazygraph.compiler.ir.dims import Dim, Shape
from lazygraph.runtime.dtypes import DType

if TYPE_CHECKING:
    from lazygraph.compiler.ops.record import Op

Attributes = Mapping[str, Any]  # bool, int, float, str, DType, Extent, read-only ndarray, or tuples of these
serials = itertools.count(1)  # parameters and effects are told apart by their serial
_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Frame:
    """A user's line: where a node was asked for, and on behalf of what ("gradient of `log`")."""

    file: str
    line: int
    note: str = ""

    def __str__(self) -> str:
        short = self.file.rsplit("/", 1)[-1]
        return f"{short}:{self.line}{' ' if self.note else ''}{self.note}"


Frames = tuple[Frame, ...]
MAX_FRAMES = 8  # a node that serves more lines names the first ones

_origin: ContextVar[Frames] = ContextVar("origin", default=())


@contextlib.contextmanager
def origin(frames: Frames) -> Iterator[None]:
    """Nodes made inside carry these frames."""
    token = _origin.set(frames)
    try:
        yield
    finally:
        _origin.reset(token)


def current_origin() -> Frames:
    return _origin.get()


@dataclass(frozen=True, slots=True)
class TensorType:
    dtype: DType
    shape: Shape

    @property
    def rank(self) -> int:
        return len(self.shape)

    def __str__(self) -> str:
        return f"{self.dtype.code}[{', '.join(map(str, self.shape))}]"


class Value:
    """One result of a node: what operands refer to. Compared by identity; arithmetic makes nodes of equal types."""

    __slots__ = ("node", "index", "type")

    def __init__(self, node: Node, index: int, type: TensorType) -> None:
        self.node = node
        self.index = index
        self.type = type

    @property
    def shape(self) -> Shape:
        return self.type.shape

    @property
    def dtype(self) -> DType:
        return self.type.dtype

    def __repr__(self) -> str:
        return f"<{self.node.op.name}#{self.index}: {self.type}>"

    # Arithmetic for rules and passes: operands have equal types, a Python number becomes a constant of this type.
    def __add__(self, other: Value | float) -> Value:
        return _binary("add", self, other)

    def __radd__(self, other: float) -> Value:
        return _binary("add", self, other)

    def __sub__(self, other: Value | float) -> Value:
        return _binary("sub", self, other)

    def __rsub__(self, other: float) -> Value:
        return _binary("sub", _constant_like(self, other), self)

    def __mul__(self, other: Value | float) -> Value:
        return _binary("mul", self, other)

    def __rmul__(self, other: float) -> Value:
        return _binary("mul", self, other)

    def __truediv__(self, other: Value | float) -> Value:
        return _binary("div", self, other)

    def __rtruediv__(self, other: float) -> Value:
        return _binary("div", _constant_like(self, other), self)

    def __neg__(self) -> Value:
        result: Value = _op("neg")(self)
        return result


def _op(name: str) -> Op:
    from lazygraph.compiler.ops.record import OPS

    return OPS[name]


def _constant_like(value: Value, number: float) -> Value:
    from lazygraph.compiler.ops.record import full

    constant: Value = full(value.type, number)
    return constant


def _binary(name: str, left: Value, right: Value | float) -> Value:
    if not isinstance(right, Value):
        right = _constant_like(left, right)
    result: Value = _op(name)(left, right)
    return result


class Node:
    """An application of `op`. `serial` is 0 unless the node must stay distinct from its equals (parameters, effects).

    `number` counts nodes in the order in which they are made: what a function of the user's made has numbers above
    `last_number()` from before its call.
    """

    __slots__ = ("op", "inputs", "attributes", "graphs", "outputs", "frames", "serial", "number")

    def __init__(
        self,
        op: Op,
        inputs: Sequence[Value],
        attributes: Attributes,
        types: Sequence[TensorType],
        *,
        frames: Frames | None = None,
        graphs: tuple[Graph, ...] = (),
        serial: int = 0,
    ) -> None:
        self.op = op
        self.inputs = tuple(inputs)
        self.attributes = attributes
        self.graphs = graphs
        self.outputs = tuple([Value(self, index, type) for index, type in enumerate(types)])
        self.frames = current_origin() if frames is None else frames
        self.serial = serial
        self.number = next(_numbers)

    @property
    def output(self) -> Value:
        """The result of a single-result node."""
        (value,) = self.outputs
        return value

    def __getitem__(self, name: str) -> Any:
        return self.attributes[name]

    def __repr__(self) -> str:
        return f"<node {self.op.name} {dict(self.attributes)} -> {', '.join(str(each.type) for each in self.outputs)}>"


def last_number() -> int:
    """A number that every node so far is below, and every later one above."""
    return next(_numbers)


def attribute_key(value: Any) -> Any:
    """A hashable stand-in that compares attributes by bit pattern: -0.0, NaN payloads, 1 and True all differ."""
    if isinstance(value, bool | str | Dim | DType):
        return (type(value), value)
    if isinstance(value, int):
        return value
    if isinstance(value, float):
        return (float, struct.pack("<d", value))
    if isinstance(value, np.ndarray):
        return (np.ndarray, value.dtype.str, value.shape, value.tobytes())
    if isinstance(value, tuple):
        return tuple([attribute_key(each) for each in value])
    raise TypeError(
        f"an attribute is a {type(value).__name__}: expected bool, int, float, str, dtype, extent, array or tuple"
    )


@dataclass(frozen=True, eq=False)
class Graph:
    """A closed graph. `inputs` and `variables` are values of `parameter` nodes, `updates` pairs (variable, new value).

    `effects` are values that must be computed though nothing returns them. Derived: `nodes`, in an order where operands
    come first, the same for equal graphs.
    """

    name: str
    inputs: tuple[Value, ...]
    outputs: tuple[Value, ...]
    variables: tuple[Value, ...] = ()
    updates: tuple[tuple[Value, Value], ...] = ()
    effects: tuple[Value, ...] = ()
    results: tuple[Value, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "results", (*self.outputs, *(new for _, new in self.updates), *self.effects))

    @cached_property
    def nodes(self) -> tuple[Node, ...]:
        return topological(self.results, first=(*self.inputs, *self.variables))

    @cached_property
    def users(self) -> Mapping[Value, tuple[Node, ...]]:
        """The nodes that read each value, once per operand; graph results are not counted."""
        found: dict[Value, list[Node]] = {value: [] for node in self.nodes for value in node.outputs}
        for node in self.nodes:
            for value in node.inputs:
                found[value].append(node)
        return {value: tuple(nodes) for value, nodes in found.items()}

    @cached_property
    def key(self) -> Any:
        """Hashable, and equal for equal graphs: values are numbered, so the names of inputs do not count."""
        numbers = {value: number for number, value in enumerate(v for node in self.nodes for v in node.outputs)}
        parameters = {*self.inputs, *self.variables}
        nodes = tuple(
            [
                (
                    node.op.name,
                    tuple([numbers[each] for each in node.inputs]),
                    tuple([each.type for each in node.outputs]),
                    () if node.outputs[0] in parameters else (node.serial, _attributes_key(node.attributes)),
                    tuple([each.key for each in node.graphs]),
                )
                for node in self.nodes
            ]
        )
        updates = tuple([(numbers[variable], numbers[new]) for variable, new in self.updates])
        ends = tuple([tuple([numbers[each] for each in part]) for part in (self.outputs, self.effects)])
        return nodes, len(self.inputs), len(self.variables), updates, ends

    def with_results(self, new: Mapping[Value, Value]) -> Graph:
        """The graph with other results, as the map says: nodes follow from them, and are not interned."""

        def now(value: Value) -> Value:
            return new.get(value, value)

        return Graph(
            self.name,
            self.inputs,
            tuple(map(now, self.outputs)),
            self.variables,
            tuple([(variable, now(value)) for variable, value in self.updates]),
            tuple(map(now, self.effects)),
        )


def topological(results: Iterable[Value], first: Iterable[Value] = ()) -> tuple[Node, ...]:
    """Every node that the results reach, operands first; parameters in `first` lead, in their order."""
    order: dict[Node, None] = {value.node: None for value in first}
    for result in results:
        stack: list[tuple[Node, Iterator[Value]]] = []
        if result.node not in order:
            stack.append((result.node, iter(result.node.inputs)))
        while stack:
            node, operands = stack[-1]
            for operand in operands:
                if operand.node not in order:
                    stack.append((operand.node, iter(operand.node.inputs)))
                    break
            else:
                order[node] = None
                stack.pop()
    return tuple(order)


class Interner:
    """Makes equal nodes one: (op, inputs, attributes, sub-graphs, serial). The survivor carries the union of frames.

    `inside` is what becomes of a node's sub-graphs before they are compared.
    """

    def __init__(self, inside: Callable[[Graph], Graph]) -> None:
        self._inside = inside
        self._nodes: dict[Any, Node] = {}

    def node(self, node: Node, inputs: tuple[Value, ...]) -> Node:
        """The one node equal to `node` over the (already interned) inputs."""
        graphs = tuple([self._inside(each) for each in node.graphs])
        inner = tuple([each.key for each in graphs])
        key = (node.op.name, inputs, node.serial, inner, _attributes_key(node.attributes))
        known = self._nodes.get(key)
        if known is None:
            same = all(old is new for old, new in zip(node.inputs, inputs, strict=True))
            same = same and inner == tuple([each.key for each in node.graphs])
            known = node if same else with_inputs(node, inputs, graphs)
            self._nodes[key] = known
        elif node.frames != known.frames:
            merged = dict.fromkeys((*known.frames, *node.frames))
            known.frames = tuple(merged)[:MAX_FRAMES]
        return known


def _attributes_key(attributes: Attributes) -> Any:
    return tuple([(name, attribute_key(attributes[name])) for name in sorted(attributes)]) if attributes else ()


def with_inputs(node: Node, inputs: Sequence[Value], graphs: tuple[Graph, ...] | None = None) -> Node:
    """The same application over other inputs (and sub-graphs, where they are given), its types inferred again."""
    graphs = node.graphs if graphs is None else graphs
    types = node.op.result_types([each.type for each in inputs], node.attributes, graphs)
    return Node(node.op, inputs, node.attributes, types, frames=node.frames, graphs=graphs, serial=node.serial)


Replace = Callable[[Node, tuple[Value, ...]], Sequence[Value] | None]


def rewrite(graph: Graph, replace: Replace, name: str | None = None) -> Graph:
    """The graph with every node offered to `replace(node, new_inputs)`, operands first, and interned; so in sub-graphs.

    `replace` returns the values that stand for the node's outputs (nodes it makes carry the replaced node's frames), or
    None to keep the node over its new inputs. Parameters are kept.
    """
    interner = Interner(lambda inner: rewrite(inner, replace))
    new: dict[Value, Value] = {}
    canonical: dict[Value, Value] = {}

    def settle(values: Sequence[Value]) -> list[Value]:
        """Intern freshly made nodes below `values` down to ones already known."""
        for made in _unknown(values, canonical):
            kept = interner.node(made, tuple([canonical[each] for each in made.inputs]))
            for old_value, kept_value in zip(made.outputs, kept.outputs, strict=True):
                canonical[old_value] = kept_value
                canonical[kept_value] = kept_value
        return [canonical[each] for each in values]

    for node in graph.nodes:
        inputs = tuple([new[each] for each in node.inputs])
        replacement: Sequence[Value] | None = None
        if node.op.name != "parameter":
            with origin(node.frames):
                replacement = replace(node, inputs)
        if replacement is None:
            kept = interner.node(node, inputs)
            for value in kept.outputs:
                canonical[value] = value
            replacement = kept.outputs
        else:
            replacement = settle(replacement)
        for old_value, new_value in zip(node.outputs, replacement, strict=True):
            new[old_value] = new_value
    return Graph(
        name or graph.name,
        tuple([new[each] for each in graph.inputs]),
        tuple([new[each] for each in graph.outputs]),
        tuple([new[each] for each in graph.variables]),
        tuple([(new[variable], new[value]) for variable, value in graph.updates]),
        tuple([new[each] for each in graph.effects]),
    )


def _unknown(values: Sequence[Value], known: Mapping[Value, Value]) -> list[Node]:
    """The nodes below `values` that are not known yet, operands first."""
    order: dict[Node, None] = {}
    for value in values:
        if value in known or value.node in order:
            continue
        stack = [(value.node, iter(value.node.inputs))]
        while stack:
            node, operands = stack[-1]
            for operand in operands:
                if operand not in known and operand.node not in order:
                    stack.append((operand.node, iter(operand.node.inputs)))
                    break
            else:
                order[node] = None
                stack.pop()
    return list(order)


def interned(graph: Graph) -> Graph:
    """The graph with equal nodes merged: common-subexpression elimination."""
    return rewrite(graph, lambda node, inputs: None)

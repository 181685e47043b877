"""Where a value's elements come from: reads through movement ops, as index maps.
A *view* is the result of a `Pointwise` op (reshape, transpose, slice, gather, ...): it has no home of its own, its
elements are elements of its operands at computed indices. `reads(value)` follows views down to *bases*, values that are
computed or stored somewhere, and says at which indices element (o0, o1, ...) of the value reads them. Found by running
each op's own lowering with a builder that only records, so there is no second statement of any index map.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from lazygraph.compiler.ir.dims import Extent, Symbol, of_symbol, substitute, symbols
from lazygraph.compiler.ir.graph import Node, Value
from lazygraph.compiler.loop.build import FALSE, Builder
from lazygraph.compiler.loop.ir import Index, Let, Literal, Operand
from lazygraph.compiler.ops.lowering import Pointwise

MAX_READS = 8  # a view that reads more bases than this (a concat of many) is stored instead
MAX_DEPTH = 12  # likewise a chain of more views


def output_symbols(value: Value) -> tuple[Symbol, ...]:
    """The canonical index symbols o0, o1, ... of a value's elements."""
    return tuple([Symbol(f"o{axis}", 0, extent - 1) for axis, extent in enumerate(value.shape)])


def identity(value: Value) -> Index:
    return tuple([of_symbol(each) for each in output_symbols(value)])


@dataclass(frozen=True, slots=True)
class Read:
    """Element (o0, o1, ...) reads `base` at `index`; `plain` unless guarded, indirect or computed."""

    base: Value
    index: Index
    plain: bool


class _Recorder(Builder):
    """An `ElementBuilder` that notes which operand is read where."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[int, Index, bool]] = []
        self.node: Node | None = None

    def read(self, operand: int, index: Index) -> Operand:
        assert self.node is not None
        self.found.append((operand, index, True))
        return self._fresh(self.node.inputs[operand].dtype)

    def read_where(self, condition: Operand, operand: int, index: Index, other: Operand) -> Operand:
        assert self.node is not None
        if condition != FALSE:
            self.found.append((operand, index, False))
        return self._fresh(self.node.inputs[operand].dtype)

    def check(self, node: Node, kind: str, condition: Operand, values: Sequence[Operand]) -> None:
        pass


@dataclass(frozen=True, slots=True)
class Probe:
    """What one element of a view costs: (operand, index, plain) of each read, and the number of scalar operations."""

    reads: tuple[tuple[int, Index, bool], ...]
    operations: int


@dataclass
class Views:
    """Index maps of one graph's views, each found once."""

    placed: Callable[[Value], bool]  # whether a view was given a home: it is then a base itself
    _probes: dict[Node, Probe] = field(default_factory=dict)

    def is_view(self, value: Value) -> bool:
        return isinstance(value.node.op.lower, Pointwise) and not self.placed(value)

    def probe(self, node: Node) -> Probe:
        if node not in self._probes:
            assert isinstance(node.op.lower, Pointwise)
            recorder = _Recorder()
            recorder.node = node
            result = node.op.lower.element(recorder, node, identity(node.output))
            moves = len(recorder.found) == 1 and not recorder.body() and not isinstance(result, Literal)
            reads = tuple([(operand, index, plain and moves) for operand, index, plain in recorder.found])
            operations = sum(isinstance(each, Let) for each in recorder.body())
            self._probes[node] = Probe(reads, operations)
        return self._probes[node]

    def own_reads(self, value: Value) -> list[Read]:
        """The operands that an element of a pointwise or elementwise value reads, not followed any further."""
        node = value.node
        if not isinstance(node.op.lower, Pointwise):
            return [Read(operand, identity(value), True) for operand in node.inputs]
        return [Read(node.inputs[operand], index, plain) for operand, index, plain in self.probe(node).reads]

    def reads(self, value: Value) -> tuple[Read, ...] | None:
        """The bases that an element of `value` reads; None if there are too many, or the chain of views is too long."""
        found = [Read(value, identity(value), True)]
        for _ in range(MAX_DEPTH):
            if not any(self.is_view(read.base) for read in found):
                return tuple(found)
            found = [step for read in found for step in self._through(read)]
            if len(found) > MAX_READS:
                return None
        return None

    def follow(self, read: Read) -> list[Read]:
        """One read through views, to the end of the chain."""
        found = [read]
        while any(self.is_view(each.base) for each in found):
            found = [step for each in found for step in self._through(each)]
        return found

    def _through(self, read: Read) -> list[Read]:
        if not self.is_view(read.base):
            return [read]
        replace: dict[Symbol, Extent] = dict(zip(output_symbols(read.base), read.index, strict=True))
        return [
            Read(each.base, tuple([substitute(index, replace) for index in each.index]), each.plain and read.plain)
            for each in self.own_reads(read.base)
        ]


def is_affine(index: Index) -> bool:
    """Whether every index is linear in the output's symbols, with no division, minimum or indirect part."""
    return all(
        isinstance(each, int)
        or all(
            len(atoms) == 0 or sum(isinstance(atom, Symbol) and atom.name.startswith("o") for atom in atoms) <= 1
            for atoms, _ in each.terms
        )
        and all(isinstance(atom, Symbol) for atoms, _ in each.terms for atom in atoms)
        and not any(symbol.name.startswith("%") for symbol in symbols(each))
        for each in index
    )

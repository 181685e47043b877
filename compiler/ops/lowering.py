"""How an op becomes loops: the six kinds that fill a record's `lower` field.

- `Elementwise`: a scalar function in the machine's operations; fuses anywhere; loop text names it (`%y = exp %x`).
- `Pointwise`: each output element is an expression of input elements at computed indices (movement, gather, iota,
  random bits); fuses into its consumers by substitution.
- `Reduction`: a named combiner over the node's `axes` attribute.
- `Product`: a general dot; becomes a `Contraction`.
- `Loops`: the op writes its own statements (sort, scatter); operands and results are whole buffers.
- `Leaf`: parameters and constants, which are buffers or literals already.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, Union

from lazygraph.compiler.ir.dims import Extent
from lazygraph.compiler.ir.graph import Node
from lazygraph.compiler.loop.ir import Buffer, Index, Operand
from lazygraph.runtime.dtypes import DType


class BodyBuilder(Protocol):
    """Appends statements to a body. Scalars are `Operand`s; indices are extents over loop symbols.

    `let` names an elementwise record. `loop`, `reduce`, `carry` and `branch` take a function that fills the inner body.
    """

    def let(self, op: str, *args: Operand, dtype: DType | None = None) -> Operand:
        """op(args); the dtype is the record's (give it for "cast" alone)."""
        ...

    def literal(self, number: float, dtype: DType) -> Operand: ...
    def index_value(self, expression: Extent, dtype: DType) -> Operand:
        """An index expression as an integer scalar."""
        ...

    def as_index(self, scalar: Operand, extent: Extent) -> Extent:
        """An integer scalar, known to lie in 0 .. extent-1, as an index expression."""
        ...

    def in_range(self, expression: Extent, low: Extent, high: Extent) -> Operand:
        """The bool low <= expression < high."""
        ...

    def load(self, buffer: Buffer, index: Index) -> Operand: ...
    def store(self, buffer: Buffer, index: Index, value: Operand, guard: Operand | None = None) -> None: ...
    def local(self, name: str, dtype: DType, shape: tuple[Extent, ...]) -> Buffer: ...
    def loop(self, kind: str, name: str, extent: Extent, body: Callable[[Extent], None]) -> None: ...
    def reduce(
        self, combine: str, order: str, name: str, extent: Extent, body: Callable[[Extent], tuple[Operand, ...]]
    ) -> tuple[Operand, ...]: ...
    def carry(
        self,
        name: str,
        extent: Extent,
        initial: Sequence[Operand],
        body: Callable[[Extent, tuple[Operand, ...]], Sequence[Operand]],
    ) -> tuple[Operand, ...]:
        """A serial loop with carried scalars; gives their values after the last iteration."""
        ...

    def while_(
        self,
        initial: Sequence[Operand],
        condition: Callable[[tuple[Operand, ...]], Operand],
        body: Callable[[tuple[Operand, ...]], Sequence[Operand]],
    ) -> tuple[Operand, ...]: ...
    def branch(
        self,
        condition: Operand,
        then: Callable[[], Sequence[Operand]],
        otherwise: Callable[[], Sequence[Operand]] = lambda: (),
    ) -> tuple[Operand, ...]: ...
    def check(self, node: Node, kind: str, condition: Operand, values: Sequence[Operand]) -> None:
        """Report `kind` (a key of `compiler.ops.checks.MESSAGES`) at the node's line where the condition is false."""
        ...


class ElementBuilder(BodyBuilder, Protocol):
    """What a `Pointwise` lowering sees: reads of its node's inputs instead of buffers."""

    def read(self, operand: int, index: Index) -> Operand:
        """The element of input number `operand`: a load, or its producer's expression where that is fused."""
        ...

    def read_where(self, condition: Operand, operand: int, index: Index, other: Operand) -> Operand:
        """The element where the condition holds, else `other`; the index may be out of range where it does not hold."""
        ...


@dataclass(frozen=True)
class Elementwise:
    expand: Callable[..., Any]  # expand(b: ScalarBuilder[S], *operands: S) -> S


@dataclass(frozen=True)
class Pointwise:
    element: Callable[[ElementBuilder, Node, Index], Operand]


@dataclass(frozen=True)
class Reduction:
    combine: str  # a key of compiler.loop.ir.COMBINERS; for argmax and argmin the result is the index


@dataclass(frozen=True)
class Product:
    """dot: attributes `batch`, `contract` as pairs of axis tuples, result axes (batch, left free, right free)."""


@dataclass(frozen=True)
class Loops:
    write: Callable[
        [BodyBuilder, Node, tuple[Buffer, ...], tuple[Buffer, ...]], None
    ]  # (builder, node, inputs, outputs)
    in_place: tuple[int, ...] = ()  # inputs whose buffer may become output 0's (read before written at equal indices)
    accumulates: bool = False  # combines many elements into one, which `decompose` does in float32 for half types


@dataclass(frozen=True)
class Leaf:
    pass


Lowering = Union[Elementwise, Pointwise, Reduction, Product, Loops, Leaf]

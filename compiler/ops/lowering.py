"""How an op becomes loops: the ten kinds that fill a record's `lower` field.

- `Elementwise`: a scalar function in the machine's operations; fuses anywhere; loop text names it (`%y = exp %x`).
- `Pointwise`: each output element is an expression of input elements at computed indices (movement, gather, iota,
  random bits); fuses into its consumers by substitution.
- `Reduction`: a named combiner over the node's `axes` attribute; what it reads and what reads it fuse with it.
- `Product`: a sum of products (dot, convolution); becomes a `Contraction`, fused with
  what it reads (prologues) and what reads it (epilogue).
- `Loops`: the op writes its own statements (sort, scatter); operands and results are whole buffers: a kernel
  of its own, fused with nothing.
- `Leaf`: parameters and constants, which are buffers or literals already.
- `Inlined`: the op's first sub-graph stands for it, from the pass `inline` on.
- `Repeated`, `Conditional`, `Branching`: the op's sub-graphs become programs of their own inside the entry: a loop of a
  known number of trips (scan), one that asks a condition before each trip (while_loop), one of several (cond).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, Union

from lazygraph.compiler.ir.dims import Extent, Shape
from lazygraph.compiler.ir.graph import Node
from lazygraph.compiler.loop.ir import Buffer, Index, Operand
from lazygraph.compiler.ops.complex_math.rule import ComplexRule
from lazygraph.runtime.dtypes import DType


class BodyBuilder(Protocol):
    """Appends statements to a body. Scalars are `Operand`s; indices are extents over loop symbols.

    `let` names an elementwise record. `loop`, `reduce`, `carry` and `branch` take a function that fills the inner body.
    """

    def let(self, op: str, *args: Operand, dtype: DType | None = None, attributes: Mapping[str, Any] = ...) -> Operand:
        """op(args), with the record's attributes; the dtype is the record's (give it for "cast" and "fma" alone)."""
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

    def load(self, buffer: Buffer, index: Index, guard: Operand | None = None, other: Operand | None = None) -> Operand:
        """An element; with a guard, `other` and no access to memory where it is false."""
        ...

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
    on_complex: ComplexRule | None = None  # the same in pairs of real scalars, where operands are complex


# (builder, node, inputs, outputs)
Write = Callable[[BodyBuilder, Node, tuple[Buffer, ...], tuple[Buffer, ...]], None]


@dataclass(frozen=True)
class Pointwise:
    element: Callable[[ElementBuilder, Node, Index], Operand]
    onto: Write | None = None  # writes what changes, where input 0 lies in the output's buffer and nobody else needs it


@dataclass(frozen=True)
class Reduction:
    combine: str  # a key of compiler.loop.ir.COMBINERS; for argmax and argmin the result is the index


@dataclass(frozen=True)
class Form:
    """A sum of products by the roles of its axes: result[batch, m, n] = the sum over k of left * right.

    Extents by role; how an element of each operand is read, zeros where nothing is; and where the result's element is:
    its axes may be any permutation of batch, m and n. The order of k is part of the op's meaning, the roles of the
    others are not.
    """

    batch: Shape
    m: Shape
    n: Shape  # best contiguous in the result
    k: Shape
    left: Callable[[ElementBuilder, Index, Index, Index], Operand]  # at batch, m, k
    right: Callable[[ElementBuilder, Index, Index, Index], Operand]  # at batch, n, k
    place: Callable[[Index, Index, Index], Index]  # at batch, m, n


@dataclass(frozen=True)
class Product:
    """Sums of products, made in the dtype of the attribute `accumulate`. `form(node, axis)` is the form for a result
    whose neighbours along that axis are stored side by side."""

    form: Callable[[Node, int], Form]


@dataclass(frozen=True)
class Held:
    """An argument of an outside routine: the array of a result, `stride` bytes of it for each example."""

    result: int
    stride: Extent


@dataclass(frozen=True)
class Room:
    """An argument of an outside routine: room of its own in scratch, from that byte on."""

    offset: Extent


@dataclass(frozen=True)
class External:
    """A call of an outside routine, under the name that the runtime knows, over results that the loops have begun: once
    for each of `times` examples, with addresses of characters, of 32-bit integers and of arrays. `copied` arrays are in
    scratch first; it takes `scratch` bytes and about so many picoseconds. A number that does not fit makes no call.
    """

    routine: str
    arguments: tuple[str | Extent | Held | Room, ...]
    copied: tuple[tuple[Held, Room], ...]
    times: Extent
    scratch: Extent
    picoseconds: Extent


@dataclass(frozen=True)
class Loops:
    write: Write
    in_place: tuple[int, ...] = ()  # inputs whose buffer may become output 0's (read before written at equal indices)
    accumulates: bool = False  # combines many elements into one, which `decompose` does in float32 for half types
    onto: Write | None = None  # as of `Pointwise`
    external: Callable[[Node], External] | None = None  # called behind the loops


@dataclass(frozen=True)
class Leaf:
    pass


@dataclass(frozen=True)
class Inlined:
    pass


@dataclass(frozen=True)
class Repeated:
    """operands (*carries, *sequences, *closed), body (at, *carry, *element, *closed) -> (*carry, *element), attributes
    `carries`, `sequences`, `length`, `reverse`."""


@dataclass(frozen=True)
class Conditional:
    """operands (*carries, *closed), condition (*carry, *closed) -> bool, body (*carry, *closed) -> (*carry), attributes
    `carries`, `max_trips`; the last result is the number of trips."""


@dataclass(frozen=True)
class Branching:
    """operands (which, *rest), branches (*rest) -> results of equal types; `which` is clamped into their number."""


Lowering = Union[Elementwise, Pointwise, Reduction, Product, Loops, Leaf, Inlined, Repeated, Conditional, Branching]

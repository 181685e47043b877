"""The loop form: kernels over named index spaces, with a scalar body in SSA.
In: what `compiler.loop.lower` makes of a graph. Out: what a backend prints. Buffers are dense and row-major; an index
is a tuple of extents over loop symbols, dims and integer scalars of the body (an indirect index: a `Symbol` with the
scalar's name). Loops start at 0. A `Kernel` is a nest of statements; a `Contraction` is a kernel of its own kind with
index maps for its operands and a scalar epilogue. Semantics that backends must keep, whatever the schedule:
- `parallel` iterations are independent and may run on any thread; `vector` iterations are independent too and run side
  by side; `serial` iterations run in order. Only the outermost loops of a kernel are parallel.
- `Reduce` in order "lanes" has one fixed tree: LANES accumulators, element i into accumulator i % LANES in order of i,
  then halves folded (accumulator i with i + LANES/2, and so on). Order "serial" combines in order of the index.
- No expression is re-associated and no multiply-add is fused unless the body says `fma`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Union

from lazygraph.compiler.ir.dims import Extent, Shape, Symbol
from lazygraph.compiler.ir.graph import Frames
from lazygraph.runtime.dtypes import DType

LANES = 64  # accumulators of a "lanes" reduction: the logical width, whatever the vector width


@dataclass(frozen=True, slots=True)
class Buffer:
    """A dense row-major array a kernel reads or writes."""

    name: str
    dtype: DType
    shape: Shape

    def __str__(self) -> str:
        return f"{self.name}: {self.dtype.code}[{', '.join(map(str, self.shape))}]"


@dataclass(frozen=True, slots=True)
class Var:
    """A scalar of the body, assigned once; its name is unique in the kernel."""

    name: str
    dtype: DType

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Literal:
    """A scalar constant, by its bits: two NaNs of equal payload are equal, 0.0 and -0.0 are not."""

    bits: int  # the element's bytes as an unsigned little-endian integer
    dtype: DType


Operand = Union[Var, Literal]
Index = tuple[Extent, ...]


@dataclass(frozen=True, slots=True)
class Let:
    """var = op(args): `op` names an elementwise record, "cast" (to var's dtype) or "fma" (one rounding where the target
    has it). `attributes` are the record's, in order of their names; a cast has none."""

    var: Var
    op: str
    args: tuple[Operand, ...]
    attributes: tuple[tuple[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class IndexValue:
    """var = an index expression as an integer scalar."""

    var: Var
    expression: Extent


@dataclass(frozen=True, slots=True)
class Load:
    """var = buffer[index]. With a guard (a bool), nothing is read where it is false and var = other."""

    var: Var
    buffer: str
    index: Index
    guard: Operand | None = None
    other: Operand | None = None


@dataclass(frozen=True, slots=True)
class Store:
    """buffer[index] = value, where the guard (if any) is true."""

    buffer: str
    index: Index
    value: Operand
    guard: Operand | None = None


@dataclass(frozen=True, slots=True)
class Loop:
    """for symbol in 0 .. extent - 1: body. `kind` is "parallel", "vector" or "serial"."""

    kind: str
    symbol: Symbol
    extent: Extent
    body: tuple[Statement, ...]


@dataclass(frozen=True, slots=True)
class Reduce:
    """vars = the combination of `values` over symbol in 0 .. extent - 1, from the combiner's identity.

    The body may store (a value that later loops read again). `combine` names an entry of COMBINERS; "argmax" and
    "argmin" combine pairs (value, index).
    """

    vars: tuple[Var, ...]
    combine: str
    order: str  # "lanes" or "serial"
    symbol: Symbol
    extent: Extent
    body: tuple[Statement, ...]
    values: tuple[Operand, ...]


@dataclass(frozen=True, slots=True)
class Carry:
    """A serial loop with carried scalars: params start at `initial`, become `values` after each iteration, end as
    `vars`."""

    vars: tuple[Var, ...]
    params: tuple[Var, ...]
    initial: tuple[Operand, ...]
    symbol: Symbol
    extent: Extent
    body: tuple[Statement, ...]
    values: tuple[Operand, ...]


@dataclass(frozen=True, slots=True)
class While:
    """Carried scalars as in `Carry`; `head` computes `condition` from params before each iteration. Not in vector
    loops."""

    vars: tuple[Var, ...]
    params: tuple[Var, ...]
    initial: tuple[Operand, ...]
    head: tuple[Statement, ...]
    condition: Operand
    body: tuple[Statement, ...]
    values: tuple[Operand, ...]


@dataclass(frozen=True, slots=True)
class If:
    """vars = values of the branch that `condition` selects; only that branch runs. Not in vector loops."""

    vars: tuple[Var, ...]
    condition: Operand
    then: tuple[Statement, ...]
    then_values: tuple[Operand, ...]
    otherwise: tuple[Statement, ...]
    otherwise_values: tuple[Operand, ...]


@dataclass(frozen=True, slots=True)
class Check:
    """Record failure `id` (numbered from 0 in each kernel) with the values (as i64) where `condition` is false; the
    first to arrive wins. Execution goes on."""

    id: int
    condition: Operand
    values: tuple[Operand, ...]


@dataclass(frozen=True, slots=True)
class Local:
    """A scratch array of the enclosing iteration, uninitialised; per thread, in cache."""

    buffer: Buffer


Statement = Union[Let, IndexValue, Load, Store, Loop, Reduce, Carry, While, If, Check, Local]
Body = tuple[Statement, ...]


@dataclass(frozen=True, slots=True)
class Kernel:
    """A nest of loops over buffers. `reads` and `writes` name parameters; one may be both (in place, equal index
    maps)."""

    name: str
    buffers: tuple[Buffer, ...]
    writes: tuple[str, ...]
    body: Body
    frames: Frames = field(default=(), compare=False)


@dataclass(frozen=True, slots=True)
class Axis:
    symbol: Symbol
    extent: Extent


@dataclass(frozen=True, slots=True)
class Element:
    """One element of a contraction's operand: a body evaluated at (batch, m or n, k), and the operand that holds it."""

    body: Body
    value: Operand


@dataclass(frozen=True, slots=True)
class Contraction:
    """acc[batch, m, n] = sum over k of a * b, accumulated in k's row-major order with fused multiply-adds in
    `acc.dtype`.

    `a` is a function of batch, m and k, `b` of batch, n and k. The epilogue reads `acc` at (batch, m, n) and stores.
    """

    name: str
    buffers: tuple[Buffer, ...]
    writes: tuple[str, ...]
    batch: tuple[Axis, ...]
    m: tuple[Axis, ...]
    n: tuple[Axis, ...]
    k: tuple[Axis, ...]
    a: Element
    b: Element
    acc: Var
    epilogue: Body
    frames: Frames = field(default=(), compare=False)


AnyKernel = Union[Kernel, Contraction]

# combine name -> (elementwise record that combines two, identity as a Python number or "lowest"/"highest" of the dtype)
COMBINERS: dict[str, tuple[str, float | str]] = {
    "add": ("add", 0.0),
    "mul": ("mul", 1.0),
    "max": ("max", "lowest"),
    "min": ("min", "highest"),
    "and": ("and", 1.0),
    "or": ("or", 0.0),
    "argmax": ("max", "lowest"),
    "argmin": ("min", "highest"),
}

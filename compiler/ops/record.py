"""What an op is: one frozen record per primitive, declared once in `compiler/ops/<family>.py`.

The record holds everything that any part of the project knows about the op; the printer, parser, verifier,
interpreter, autodiff, vmap, lowering, docs table and sweep tests read it and keep no lists of their own. Every field
is filled: an op that has no transpose says `NOT_LINEAR`, one that has no tangent says `no_tangent`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from lazygraph.compiler.ir.dims import Dim, Extent, evaluate
from lazygraph.compiler.ir.graph import Attributes, Frames, Graph, Node, TensorType, Value
from lazygraph.runtime.dtypes import DType

if TYPE_CHECKING:
    from lazygraph.compiler.ops.lowering import Lowering

# type_rule(types of the operands, attributes) -> types of the results; an op with sub-graphs finds them in the
# attributes under "graphs"
TypeRule = Callable[[tuple[TensorType, ...], Attributes], Sequence[TensorType]]
# reference(*arrays, **attributes): extents in attributes are ints by then; one array, or a tuple for several results.
# Sub-graphs come as `graphs`: a function from arrays to a tuple of arrays for each
Reference = Callable[..., Any]
# tangents or cotangents, one for each value; None is a symbolic zero
Tangents = tuple[Value | None, ...]
# jvp(node, tangents) -> tangents of the outputs. The rule's result is linear in the tangents.
JvpRule = Callable[[Node, Tangents], Tangents]
# transpose(node, cotangents, linear) -> one cotangent per input; `linear` marks the inputs to transpose with respect
# to, the others are residuals and get None
TransposeRule = Callable[[Node, Tangents, tuple[bool, ...]], Tangents]
# batch(node, inputs, batched, size) -> outputs, all with a new leading axis of extent `size`; `batched` marks the
# inputs that have that axis
BatchRule = Callable[[Node, tuple[Value, ...], tuple[bool, ...], Extent], tuple[Value, ...]]


@dataclass(frozen=True)
class Domain:
    """Where the sweep tests try an op.

    `cases(rng, dtype)` yields (inputs, attributes): NumPy arrays and attributes that the op takes at that dtype, small
    shapes with 0, 1 and primes among them, hostile values included where they are defined. `smooth(rng)` yields float64
    cases away from kinks and poles, for finite differences; empty for ops without derivative.
    """

    dtypes: tuple[DType, ...]
    cases: Callable[[np.random.Generator, DType], Sequence[tuple[tuple[np.ndarray, ...], dict[str, Any]]]]
    smooth: Callable[[np.random.Generator], Sequence[tuple[tuple[np.ndarray, ...], dict[str, Any]]]]


@dataclass(frozen=True)
class Flags:
    pure: bool = True  # False: an effect, kept though unused and never merged or reordered
    shown: bool = False  # an effect whose result the program prints (`program.ir.Print`)
    elementwise: bool = False  # output element i depends on the operands' elements i only; all shapes equal
    commutative: bool = False
    linear: tuple[int, ...] = ()  # operands in which the op is linear, each with the others fixed
    variadic: bool = False  # takes any number of operands, and what is said of operand 0 holds for all
    moves: bool = False  # every element of the result is an element of operand 0
    public: bool = False  # elementwise: `lg.<name>` calls it, its operands promoted and broadcast
    normwise: bool = False  # of matrices: accurate against the greatest element of a result; takes what it can factor
    labels: tuple[str, ...] = ()  # attributes that only people read: object code does not depend on them


class NotLinear:
    """The transpose field of an op that is linear in none of its operands."""

    def __repr__(self) -> str:
        return "NOT_LINEAR"


NOT_LINEAR = NotLinear()


@dataclass(frozen=True, eq=False)
class Op:
    """A primitive. Calling it makes a node: `exp(x)`, `reduce_sum(x, axes=(0,))`; a tuple comes back for several
    results."""

    name: str
    doc: str
    type_rule: TypeRule
    reference: Reference
    jvp: JvpRule
    transpose: TransposeRule | NotLinear
    batch: BatchRule
    lower: Lowering
    domain: Domain
    ulp: float  # accuracy: largest error in units in the last place of float32 results; 0 for exact ops
    flags: Flags = field(default_factory=Flags)

    def __call__(self, *inputs: Value, graphs: tuple[Graph, ...] = (), **attributes: Any) -> Any:
        outputs = apply(self, inputs, attributes, graphs=graphs)
        return outputs[0] if len(outputs) == 1 else outputs

    def result_types(
        self, types: Sequence[TensorType], attributes: Attributes, graphs: tuple[Graph, ...]
    ) -> tuple[TensorType, ...]:
        """The types of the results over operands of these types: what the type rule says, which raises on a mistake."""
        return tuple(self.type_rule(tuple(types), {**attributes, "graphs": graphs} if graphs else attributes))


OPS: dict[str, Op] = {}


def register(op: Op) -> Op:
    """Enter a record under its name; each name once."""
    if op.name in OPS:
        raise ValueError(f"op {op.name!r} is declared twice")
    OPS[op.name] = op
    return op


def apply(
    op: Op,
    inputs: Sequence[Value],
    attributes: Attributes,
    *,
    frames: Frames | None = None,
    graphs: tuple[Graph, ...] = (),
    serial: int = 0,
) -> tuple[Value, ...]:
    """Make a node: its result types come from the record's type rule, which raises on a mistake."""
    types = op.result_types([each.type for each in inputs], attributes, graphs)
    return Node(op, inputs, attributes, types, frames=frames, graphs=graphs, serial=serial).outputs


def full(type: TensorType, number: complex) -> Value:
    """A tensor of one repeated number: a scalar constant, broadcast."""
    with np.errstate(all="ignore"):
        array = np.asarray(number).astype(type.dtype.numpy)
    array.flags.writeable = False
    scalar: Value = OPS["constant"](value=array)
    return scalar if not type.shape else OPS["broadcast"](scalar, shape=type.shape, axes=())


def zeros(type: TensorType) -> Value:
    return full(type, 0)


def evaluated(attributes: Attributes, values: Mapping[str, int]) -> dict[str, Any]:
    """The attributes with every extent evaluated: what a reference takes."""

    def settle(each: Any) -> Any:
        if isinstance(each, Dim):
            return evaluate(each, values)
        return tuple(settle(item) for item in each) if isinstance(each, tuple) else each

    return {name: settle(value) for name, value in attributes.items()}


def no_tangent(node: Node, tangents: Tangents) -> Tangents:
    """The JVP of an op whose results do not vary: integers, bools, and piecewise constant functions."""
    return (None,) * len(node.outputs)

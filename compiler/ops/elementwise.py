"""The constructors of elementwise records: one shape rule, one batching rule and one kind of lowering for all.

In: what tells one op from another (its formulas). Out: a registered `Op`. Operands have equal shapes and equal dtypes:
the front broadcasts and promotes before it makes a node. A derivative is given per operand as a function of the
operands x (and y), the result, and the tangent d, linear in d.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from lazygraph.compiler.ir.dims import Extent
from lazygraph.compiler.ir.errors import DTypeError, ShapeError
from lazygraph.compiler.ir.graph import Attributes, Node, TensorType, Value
from lazygraph.compiler.ops.complex_math.rule import ComplexRule
from lazygraph.compiler.ops.domains import with_complex
from lazygraph.compiler.ops.halves import HALVES, in_float32, through_float32
from lazygraph.compiler.ops.lowering import Elementwise
from lazygraph.compiler.ops.record import (
    NOT_LINEAR,
    OPS,
    Domain,
    Flags,
    JvpRule,
    NotLinear,
    Op,
    Reference,
    Tangents,
    TransposeRule,
    TypeRule,
    no_tangent,
    register,
)
from lazygraph.compiler.ops.refusals import reason
from lazygraph.runtime.dtypes import ALL, COMPLEX, DType, bool_, float32, float64

FLOATS = (*HALVES, float32, float64)
INTEGERS = tuple(dtype for dtype in ALL if dtype.is_integer)
NUMBERS = INTEGERS + FLOATS
LOGICAL = (bool_, *INTEGERS)
EVERYTHING = (bool_, *NUMBERS)

Partial = Callable[..., Value]  # partial(x, out, d) of a unary op, partial(x, y, out, d) of a binary one
# pull(operands, cotangent) -> the cotangent of one operand that the op is linear in; None where it is not
Pull = Callable[[tuple[Value, ...], Value], Value] | None


# --- rules that the family shares -------------------------------------------------------------------------------------


def same_types(op: str, types: Sequence[TensorType]) -> TensorType:
    """The one type of all operands; the error names the two that differ."""
    first = types[0]
    for position, other in enumerate(types[1:], start=1):
        if other.dtype != first.dtype:
            raise DTypeError(
                f"{op}: expected operands of equal dtypes, found operand 0: {first}, operand {position}: {other}"
            )
        if other.shape != first.shape:
            raise ShapeError(
                f"{op}: expected operands of equal shapes, found operand 0: {first}, operand {position}: {other}"
            )
    return first


def one_of(op: str, found: TensorType, allowed: tuple[DType, ...]) -> None:
    if found.dtype not in allowed:
        names = ", ".join(dtype.name for dtype in allowed)
        why = reason([dtype.kind for dtype in allowed], found.dtype.kind)
        raise DTypeError(f"{op}: expected one of the dtypes {names}, found {found}: {why}")


def elementwise_type(name: str, arity: int, allowed: tuple[DType, ...], result: DType | None = None) -> TypeRule:
    """Equal operand types out of `allowed`; the result has their shape, and their dtype unless `result` says."""

    def rule(types: tuple[TensorType, ...], attributes: Attributes) -> Sequence[TensorType]:
        if len(types) != arity:
            raise TypeError(f"{name}: expected {arity} operand{'s' * (arity > 1)}, found {len(types)}")
        type = same_types(name, types)
        one_of(name, type, allowed)
        return (type if result is None else TensorType(result, type.shape),)

    return rule


def batch_elementwise(
    node: Node, inputs: tuple[Value, ...], batched: tuple[bool, ...], size: Extent
) -> tuple[Value, ...]:
    """Operands without the batch axis are repeated along a new leading one, then the op applies as it is."""
    aligned = [value if has else repeat(value, size) for value, has in zip(inputs, batched, strict=True)]
    return (node.op(*aligned, **node.attributes),)


def repeat(value: Value, size: Extent) -> Value:
    """The value `size` times along a new leading axis."""
    axes = tuple(range(1, value.type.rank + 1))
    result: Value = OPS["broadcast"](value, shape=(size, *value.shape), axes=axes)
    return result


def jvp_of(partials: tuple[Partial, ...]) -> JvpRule:
    """The sum over the operands that have a tangent of partial(operands, result, tangent)."""

    def rule(node: Node, tangents: Tangents) -> Tangents:
        total: Value | None = None
        for partial, tangent in zip(partials, tangents, strict=True):
            if tangent is not None:
                term = partial(*node.inputs, node.output, tangent)
                total = term if total is None else total + term
        return (total,)

    return rule


def transpose_of(pulls: tuple[Pull, ...]) -> TransposeRule:
    """One cotangent per operand that is linear, by its pull."""

    def rule(node: Node, cotangents: Tangents, linear: tuple[bool, ...]) -> Tangents:
        (cotangent,) = cotangents
        if cotangent is None:
            return (None,) * len(node.inputs)
        return tuple(
            [
                pull(node.inputs, cotangent) if wanted and pull is not None else None
                for pull, wanted in zip(pulls, linear, strict=True)
            ]
        )

    return rule


def quiet(function: Callable[..., Any]) -> Reference:
    """A NumPy function as a reference: no floating-point warnings, and an array even for rank 0."""

    def reference(*operands: np.ndarray, **attributes: Any) -> np.ndarray:
        with np.errstate(all="ignore"):
            return np.asarray(function(*operands, **attributes))

    return reference


def through_float64(function: Callable[..., Any]) -> Reference:
    """The reference of an elementary function: float32 is computed in float64 and rounded once."""

    def reference(*operands: np.ndarray) -> np.ndarray:
        with np.errstate(all="ignore"):
            wide = [operand.astype(np.float64) for operand in operands]
            return np.asarray(function(*wide)).astype(operands[0].dtype)

    return reference


def one_by_one(function: Callable[[float], float]) -> Reference:
    """The reference of a function that NumPy lacks, from one of Python's floats."""

    def of_array(x: np.ndarray) -> np.ndarray:
        return np.fromiter(map(function, x.ravel().tolist()), np.float64, x.size).reshape(x.shape)

    return through_float64(of_array)


# --- the constructors -------------------------------------------------------------------------------------------------


def unary(
    name: str,
    doc: str,
    *,
    reference: Reference,
    jvp: Partial | None,
    lower: Callable[..., Any],
    dtypes: tuple[DType, ...],
    domain: Domain,
    transpose: Pull = None,
    ulp: float = 0,
    on_complex: ComplexRule | None = None,
) -> Op:
    """An op of one operand; `jvp` None says that the op is piecewise constant."""
    return register(
        Op(
            name=name,
            doc=doc,
            type_rule=elementwise_type(name, 1, _taken(dtypes, on_complex)),
            reference=_reference(reference, on_complex),
            jvp=no_tangent if jvp is None else jvp_of((jvp,)),
            transpose=_transpose((transpose,)),
            batch=batch_elementwise,
            lower=Elementwise(in_float32(lower), on_complex),
            domain=domain if on_complex is None else with_complex(domain),
            ulp=ulp,
            flags=Flags(elementwise=True, linear=_linear((transpose,))),
        )
    )


def binary(
    name: str,
    doc: str,
    *,
    reference: Reference,
    jvp: tuple[Partial, Partial] | None,
    lower: Callable[..., Any],
    dtypes: tuple[DType, ...],
    domain: Domain,
    transpose: tuple[Pull, Pull] = (None, None),
    commutative: bool = False,
    ulp: float = 0,
    on_complex: ComplexRule | None = None,
) -> Op:
    """An op of two operands of one type, with a result of that type."""
    return register(
        Op(
            name=name,
            doc=doc,
            type_rule=elementwise_type(name, 2, _taken(dtypes, on_complex)),
            reference=_reference(reference, on_complex),
            jvp=no_tangent if jvp is None else jvp_of(jvp),
            transpose=_transpose(transpose),
            batch=batch_elementwise,
            lower=Elementwise(in_float32(lower), on_complex),
            domain=domain if on_complex is None else with_complex(domain),
            ulp=ulp,
            flags=Flags(elementwise=True, commutative=commutative, linear=_linear(transpose)),
        )
    )


def comparison(
    name: str,
    doc: str,
    *,
    reference: Reference,
    lower: Callable[..., Any],
    dtypes: tuple[DType, ...],
    domain: Domain,
    commutative: bool = False,
    on_complex: ComplexRule | None = None,
) -> Op:
    """An op of two operands of one type, with a bool result."""
    return register(
        Op(
            name=name,
            doc=doc,
            type_rule=elementwise_type(name, 2, _taken(dtypes, on_complex), result=bool_),
            reference=_reference(reference, on_complex),
            jvp=no_tangent,
            transpose=NOT_LINEAR,
            batch=batch_elementwise,
            lower=Elementwise(in_float32(lower), on_complex),
            domain=domain if on_complex is None else with_complex(domain),
            ulp=0,
            flags=Flags(elementwise=True, commutative=commutative),
        )
    )


def _taken(dtypes: tuple[DType, ...], on_complex: ComplexRule | None) -> tuple[DType, ...]:
    return dtypes if on_complex is None else (*dtypes, *COMPLEX)


def _reference(real: Reference, on_complex: ComplexRule | None) -> Reference:
    """The reference of an op, by the kind of its first operand."""
    of_reals = through_float32(real)
    if on_complex is None:
        return of_reals
    of_complex = quiet(on_complex.reference)

    def reference(*operands: np.ndarray, **attributes: Any) -> Any:
        return (of_complex if operands[0].dtype.kind == "c" else of_reals)(*operands, **attributes)

    return reference


def _transpose(pulls: tuple[Pull, ...]) -> TransposeRule | NotLinear:
    return transpose_of(pulls) if _linear(pulls) else NOT_LINEAR


def _linear(pulls: tuple[Pull, ...]) -> tuple[int, ...]:
    return tuple(position for position, pull in enumerate(pulls) if pull is not None)

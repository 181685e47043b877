"""Ops without operands: parameters, constants, iota, and the value of an extent.

In: attributes. Out: tensors that depend on no other tensor. `new_parameter` makes the inputs and variables of a graph.
"""

from __future__ import annotations

import numpy as np

from lazygraph.compiler.ir.dims import Dim, Extent, Shape
from lazygraph.compiler.ir.errors import DTypeError, ShapeError
from lazygraph.compiler.ir.graph import Attributes, Node, TensorType, Value, serials
from lazygraph.compiler.loop.ir import Index, Operand
from lazygraph.compiler.ops.compose import batch_leaf
from lazygraph.compiler.ops.lowering import ElementBuilder, Leaf, Pointwise
from lazygraph.compiler.ops.record import NOT_LINEAR, OPS, Domain, Flags, Op, apply, no_tangent, register
from lazygraph.compiler.ops.samples import EVERY, NUMBERS, Case, hostile, no_smooth
from lazygraph.compiler.ops.type_rules import require_axis, require_dtype, require_operands, require_shape
from lazygraph.runtime.dtypes import DType, from_numpy, int64

KINDS = ("input", "variable")


def new_parameter(name: str, dtype: DType, shape: Shape, kind: str = "input") -> Value:
    """A fresh input or variable of a graph, distinct from every other."""
    attributes = {"name": name, "kind": kind, "dtype": dtype, "shape": tuple(shape)}
    return apply(OPS["parameter"], (), attributes, serial=next(serials))[0]


def _parameter_type(types: tuple[TensorType, ...], attributes: Attributes) -> tuple[TensorType, ...]:
    require_operands("parameter", types, 0)
    if attributes["kind"] not in KINDS:
        raise ValueError(f"parameter: kind: expected {' or '.join(KINDS)}, found {attributes['kind']!r}")
    return (TensorType(_dtype("parameter", attributes), require_shape("parameter", attributes["shape"])),)


def _parameter_reference(*, name: str, kind: str, dtype: DType, shape: tuple[int, ...]) -> np.ndarray:
    raise ValueError(f"{kind} {name!r} has no value of its own: the caller gives it")


def _constant_type(types: tuple[TensorType, ...], attributes: Attributes) -> tuple[TensorType, ...]:
    require_operands("constant", types, 0)
    value = attributes["value"]
    if not isinstance(value, np.ndarray):
        raise DTypeError(f"constant: value: expected a NumPy array, found {type(value).__name__}")
    if value.flags.writeable:
        raise ValueError("constant: value: expected a read-only array, found one that its owner may change")
    return (TensorType(from_numpy(value.dtype), value.shape),)


def _iota_type(types: tuple[TensorType, ...], attributes: Attributes) -> tuple[TensorType, ...]:
    require_operands("iota", types, 0)
    shape = require_shape("iota", attributes["shape"])
    require_axis("iota", attributes["axis"], len(shape))
    dtype = _dtype("iota", attributes)
    require_dtype("iota", "dtype", dtype, ("int", "uint", "float"))
    return (TensorType(dtype, shape),)


def _iota_reference(*, dtype: DType, shape: tuple[int, ...], axis: int) -> np.ndarray:
    along = np.arange(shape[axis], dtype=np.int64).astype(dtype.numpy)
    return np.broadcast_to(along.reshape([-1 if each == axis else 1 for each in range(len(shape))]), shape)


def _iota_element(b: ElementBuilder, node: Node, index: Index) -> Operand:
    return _index_number(b, index[node["axis"]], node["dtype"])


def _extent_type(types: tuple[TensorType, ...], attributes: Attributes) -> tuple[TensorType, ...]:
    require_operands("extent", types, 0)
    if not isinstance(attributes["value"], int | Dim):
        raise ShapeError(f"extent: value: expected an extent, found {attributes['value']!r}")
    dtype = _dtype("extent", attributes)
    require_dtype("extent", "dtype", dtype, ("int", "uint", "float"))
    return (TensorType(dtype, ()),)


def _extent_element(b: ElementBuilder, node: Node, index: Index) -> Operand:
    return _index_number(b, node["value"], node["dtype"])


def _index_number(b: ElementBuilder, expression: Extent, dtype: DType) -> Operand:
    """An index expression as a number: floats round the exact integer once."""
    if dtype.is_integer:
        return b.index_value(expression, dtype)
    return b.let("cast", b.index_value(expression, int64), dtype=dtype)


def _dtype(op: str, attributes: Attributes) -> DType:
    dtype = attributes["dtype"]
    if not isinstance(dtype, DType):
        raise DTypeError(f"{op}: dtype: expected a dtype, found {dtype!r}")
    return dtype


def _constant_cases(rng: np.random.Generator, dtype: DType) -> list[Case]:
    values = [hostile(rng, dtype, shape) for shape in [(), (0,), (5,), (2, 67)]]
    for value in values:
        value.flags.writeable = False
    return [((), {"value": value}) for value in values]


def _iota_cases(rng: np.random.Generator, dtype: DType) -> list[Case]:
    return [
        ((), {"dtype": dtype, "shape": shape, "axis": axis})
        for shape, axis in [((5,), 0), ((0,), 0), ((1,), 0), ((3, 67), 0), ((3, 67), 1), ((2, 0, 3), 2), ((2, 3, 5), 1)]
    ]


parameter = register(
    Op(
        name="parameter",
        doc="An input or a variable of a graph: the caller gives its value.",
        type_rule=_parameter_type,
        reference=_parameter_reference,
        jvp=no_tangent,
        transpose=NOT_LINEAR,
        batch=batch_leaf,
        lower=Leaf(),
        domain=Domain((), lambda rng, dtype: [], no_smooth),
        ulp=0,
        flags=Flags(labels=("name",)),
    )
)

constant = register(
    Op(
        name="constant",
        doc="A tensor known when the graph is built; equal bit patterns are one constant.",
        type_rule=_constant_type,
        reference=lambda *, value: value,
        jvp=no_tangent,
        transpose=NOT_LINEAR,
        batch=batch_leaf,
        lower=Leaf(),
        domain=Domain(EVERY, _constant_cases, no_smooth),
        ulp=0,
    )
)

iota = register(
    Op(
        name="iota",
        doc="The index along one axis: out[i_0, .., i_r] = i_axis.",
        type_rule=_iota_type,
        reference=_iota_reference,
        jvp=no_tangent,
        transpose=NOT_LINEAR,
        batch=batch_leaf,
        lower=Pointwise(_iota_element),
        domain=Domain(NUMBERS, _iota_cases, no_smooth),
        ulp=0,
    )
)

extent = register(
    Op(
        name="extent",
        doc="The value of an integer expression over dims as a scalar: the n of a mean over n elements.",
        type_rule=_extent_type,
        reference=lambda *, value, dtype: np.asarray(value, np.int64).astype(dtype.numpy),
        jvp=no_tangent,
        transpose=NOT_LINEAR,
        batch=batch_leaf,
        lower=Pointwise(_extent_element),
        domain=Domain(NUMBERS, lambda rng, dtype: [((), {"value": 7, "dtype": dtype})], no_smooth),
        ulp=0,
    )
)

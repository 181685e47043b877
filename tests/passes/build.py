"""Short names for making graphs in tests.

In: shapes and numbers. Out: values; `evaluate` runs them in the interpreter on given or hostile arrays.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

import lazygraph.compiler.ops  # noqa: F401  (fills the table of records)
from lazygraph.compiler.ir.graph import Graph, TensorType, Value, topological
from lazygraph.compiler.ir.interpret import interpret
from lazygraph.compiler.ops.compose import emit
from lazygraph.compiler.ops.leaf import new_parameter
from lazygraph.compiler.ops.record import full as full_value
from lazygraph.runtime.dtypes import BY_NAME, DType, float32


def parameter(shape: Sequence[Any] = (), dtype: str = "float32", name: str = "x") -> Value:
    return new_parameter(name, BY_NAME[dtype], tuple(shape))


def constant(array: Any, dtype: str = "float32") -> Value:
    value = np.array(array, dtype)
    value.flags.writeable = False
    return emit("constant", value=value)


def full(number: float, like: Value) -> Value:
    return full_value(like.type, number)


def repeated(number: float, shape: Sequence[Any], dtype: DType = float32) -> Value:
    return full_value(TensorType(dtype, tuple(shape)), number)


def exp(x: Value) -> Value:
    return emit("exp", x)


def log(x: Value) -> Value:
    return emit("log", x)


def total(x: Value, axes: Sequence[int] | None = None) -> Value:
    return emit("reduce_sum", x, axes=tuple(range(x.type.rank)) if axes is None else tuple(axes))


def spread(x: Value, shape: Sequence[Any], axes: Sequence[int] = ()) -> Value:
    return emit("broadcast", x, shape=tuple(shape), axes=tuple(axes))


def softmax(x: Value) -> Value:
    """As one writes it, over the last axis."""
    e = exp(x)
    return e / spread(total(e, [x.type.rank - 1]), x.shape, range(x.type.rank - 1))


def parameters(*roots: Value) -> list[Value]:
    return [node.output for node in topological(roots) if node.op.name == "parameter"]


def evaluate(roots: Sequence[Value], arrays: Mapping[Value, Any]) -> list[np.ndarray]:
    """The values of the roots, each parameter given an array of its dtype."""
    inputs = tuple(arrays)
    given = [np.asarray(array, each.dtype.numpy) for each, array in arrays.items()]
    return list(interpret(Graph("test", inputs, tuple(roots)), given).outputs)


def ops(*roots: Value) -> list[str]:
    return [node.op.name for node in topological(roots) if node.op.name not in ("parameter", "constant")]

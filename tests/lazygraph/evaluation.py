"""Evaluates tensors by the NumPy interpreter: what they mean, without the compiler.

In: a tensor or several, and an array for each placeholder. Out: the array or arrays.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from lazygraph.compiler.ir.graph import Graph, interned, topological
from lazygraph.compiler.ir.interpret import interpret
from lazygraph.state import StateValue
from lazygraph.tensor import Tensor


def evaluate(tensors: Any, values: Mapping[Tensor, Any] | None = None) -> Any:
    given = dict(values or {})
    several = isinstance(tensors, list | tuple)
    outputs = tuple(each.value for each in (tensors if several else [tensors]))
    parameters = [node.output for node in topological(outputs) if node.op.name == "parameter"]
    variables = tuple(each for each in parameters if isinstance(each, StateValue))
    inputs = tuple(each.value for each in given)
    graph = interned(Graph("test", inputs, outputs, variables))
    arrays = [np.asarray(array, tensor.dtype.numpy) for tensor, array in given.items()]
    found = interpret(graph, arrays, [each.variable.numpy() for each in variables]).outputs
    return list(found) if several else found[0]

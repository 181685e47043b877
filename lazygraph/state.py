"""State: tensors whose value outlives a call.

In: an initial value. Out: a `Variable`, which is a tensor in expressions and holds the array that functions update.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from lazygraph.compiler.ir.errors import DTypeError, ShapeError
from lazygraph.compiler.ir.graph import Value, serials
from lazygraph.compiler.ops.leaf import new_parameter
from lazygraph.errors import require_name, shape_text
from lazygraph.frames import traced
from lazygraph.promotion import as_dtype
from lazygraph.runtime.dtypes import DType
from lazygraph.runtime.variable import VariableState
from lazygraph.tensor import Tensor, TensorLike

__all__ = ["Variable", "variable"]


class StateValue(Value):
    """The value of a variable's parameter node: a function that reaches it finds the variable here."""

    __slots__ = ("variable",)
    variable: Variable


class Variable(Tensor):
    """A tensor with a state of its own, which `lg.function(updates={variable: expression})` renews at each call.

    `automatic_update` is the expression that every function which reads the variable renews it with, unless the
    function's `updates` name another (random streams have one); None for ordinary variables.
    """

    __slots__ = ("state", "automatic_update")

    def __init__(self, value: Value, state: VariableState) -> None:
        super().__init__(value)
        self.state = state
        self.automatic_update: Tensor | None = None

    def numpy(self) -> NDArray[Any]:
        """A copy of the present value."""
        return self.state.numpy()

    def assign(self, array: Any) -> None:
        """Replace the value by a copy of an array of the same shape; ShapeError or DTypeError where it does not fit."""
        found = np.asarray(array)
        if found.shape != self.state.shape:
            expected = f"{self.name}: expected a value of shape {shape_text(self.shape)}"
            raise ShapeError(f"{expected}, found {shape_text(found.shape)}")
        if not np.can_cast(found.dtype, self.state.dtype, "same_kind"):
            raise DTypeError(f"{self.name}: expected a value that casts to {self.dtype}, found {found.dtype}")
        self.state.assign(found)


@traced
def variable(value: TensorLike, name: str | None = None, dtype: DTypeLike | DType | None = None) -> Variable:
    """A variable with this initial value, which is copied: an array, a number, or a tensor without placeholders.

    >>> import lazygraph as lg
    >>> w = lg.variable([1.0, 2.0], "w")
    >>> step = lg.function([], lg.sum(w), updates={w: w + 1})
    >>> step(), w.numpy()
    (array(3.), array([2., 3.]))
    """
    if name is not None:
        require_name("a variable", name)
    initial = np.array(value, dtype=None if dtype is None else as_dtype(dtype).numpy)
    found = as_dtype(initial.dtype)
    plain = new_parameter(name or f"variable{next(serials)}", found, initial.shape, "variable")
    held = StateValue(plain.node, 0, plain.type)
    plain.node.outputs = (held,)
    held.variable = Variable(held, VariableState(initial.astype(found.numpy)))
    return held.variable

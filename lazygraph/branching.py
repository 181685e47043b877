"""Branches of which a step runs one.

In: a condition or a number, functions, and what they are applied to. Out: one op that holds the functions as
sub-graphs: a native branch inside the compiled function, differentiable in both modes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from lazygraph.compiler.ir.errors import DTypeError, ShapeError
from lazygraph.compiler.ir.graph import Frame, Value, last_number
from lazygraph.compiler.ops.compose import emit
from lazygraph.compiler.ops.record import OPS, apply, full
from lazygraph.dims import could_be_same, fitted
from lazygraph.errors import shape_text
from lazygraph.frames import traced, user_code
from lazygraph.promotion import cast, common_dtype, is_weak, scalar, value_of
from lazygraph.runtime.dtypes import DType, bool_, int32
from lazygraph.structure import LEAF, Structure, describe, flatten, flatten_like, paths
from lazygraph.tensor import TensorLike
from lazygraph.tracing import Traced, as_nested, as_values, enclosed, symbols

__all__ = ["cond", "switch"]

Branch = Callable[..., Any]


@traced
def cond(pred: TensorLike, then: Branch, otherwise: Branch, *operands: Any) -> Any:
    """then(*operands) where pred holds, otherwise(*operands) where it does not; only that one is run.

    pred is a bool scalar. Operands are tensors or nested values of them (tuples, lists, dicts, dataclasses); both
    functions are called once, with symbols, and give results of one nesting, with equal dtypes and shapes. A Python
    number that one gives takes the dtype that the other gives there, where NumPy would promote it to that. Tensors that
    they close over are operands too; what was made before the call is computed whatever is chosen.

    Derivatives are those of the branch that is chosen, in both modes. Under `lg.vmap` over pred both branches run for
    every example and each takes its own: checks and prints in a branch then happen whatever was chosen, and a
    derivative that is infinite in the branch not taken may come out as NaN. (jax.lax.cond)

    Raises DTypeError or ShapeError where pred is no bool scalar, TypeError for results of different nestings,
    DTypeError or ShapeError naming the result whose dtype or shape differs, and both lines.

    >>> import lazygraph as lg
    >>> x = lg.placeholder((), lg.float64, "x")
    >>> y = lg.cond(x > 0, lambda v: lg.sqrt(v), lambda v: -v, x)
    >>> y.eval({x: 4.0}), y.eval({x: -3.0}), lg.grad(y, x).eval({x: 4.0})
    (array(2.), array(3.), array(0.25))
    """
    which = value_of(pred)
    if which.dtype != bool_:
        raise DTypeError(f"cond: pred: expected a bool scalar, found {which.dtype}")
    if which.shape:
        raise ShapeError(f"cond: pred: expected a bool scalar, found the shape {shape_text(which.shape)}")
    not_taken = emit("cast", emit("not", which), dtype=int32)
    return _branched("cond", not_taken, (then, otherwise), ("then", "otherwise"), operands)


@traced
def switch(index: TensorLike, branches: Sequence[Branch], *operands: Any) -> Any:
    """branches[index](*operands); only that one is run. An index below 0 chooses the first, one too large the last.

    index is an integer scalar. Else as `lg.cond`. (jax.lax.switch)

    Raises ValueError without a branch, DTypeError or ShapeError where index is no integer scalar, and as `lg.cond`.

    >>> import lazygraph as lg
    >>> k = lg.placeholder((), lg.int64, "k")
    >>> y = lg.switch(k, [lambda v: v, lambda v: v * v, lg.exp], 3.0)
    >>> y.eval({k: 1}), y.eval({k: -7})
    (array(9.), array(3.))
    """
    if not branches:
        raise ValueError("switch: expected at least one branch, found none")
    which = value_of(index)
    if not which.dtype.is_integer:
        raise DTypeError(f"switch: index: expected an integer scalar, found {which.dtype}")
    if which.shape:
        found = shape_text(which.shape)
        raise ShapeError(f"switch: index: expected an integer scalar, found the shape {found}")
    names = tuple([f"branches[{place}]" for place in range(len(branches))])
    return _branched("switch", _clamped(which, len(branches) - 1), tuple(branches), names, operands)


def _clamped(index: Value, last: int) -> Value:
    """The index in 0 .. last as an i32, whatever its dtype holds."""
    inside = emit("max", index, full(index.type, 0))
    highest = min(last, int(np.iinfo(index.dtype.numpy).max))
    return cast(emit("min", inside, full(index.type, highest)), int32)


@dataclass(frozen=True)
class _Given:
    """What a branch gave in one place: a tensor, or a number of the user's, and the line."""

    branch: str
    leaf: Any
    line: str

    def value(self, dtype: DType) -> Value:
        """A Python number in this dtype, where NumPy would promote it to that; else the leaf in its own."""
        weak = is_weak(self.leaf) and common_dtype([dtype, self.leaf]) == dtype
        return scalar(self.leaf, dtype) if weak else value_of(self.leaf)


def _branched(
    op: str, which: Value, branches: Sequence[Branch], names: Sequence[str], operands: tuple[Any, ...]
) -> Any:
    given, nesting = as_values(operands)
    types = [each.type for each in given]
    calls = []
    for number, branch in enumerate(branches):
        since, inputs = last_number(), symbols(types, "x")
        calls.append((Traced(f"branch{number}", inputs, (), since), user_code(branch)(*as_nested(nesting, inputs))))
    structure = flatten(calls[0][1])[1]
    columns = zip(*[_leaves(op, structure, names[0], name, found) for name, (_, found) in zip(names, calls)])
    lines = [_line(branch) for branch in branches]
    agreed = [
        _agreed(f"{op}: {path}", [_Given(*each) for each in zip(names, leaves, lines)])
        for path, leaves in zip(paths(structure, "result"), columns)
    ]
    traced_branches = [
        replace(call, results=tuple([place[number] for place in agreed])) for number, (call, _) in enumerate(calls)
    ]
    graphs, captured = enclosed(traced_branches)
    return as_nested(structure, apply(OPS["cond"], (which, *given, *captured), {}, graphs=graphs))


def _leaves(op: str, structure: Structure, first: str, name: str, found: Any) -> list[Any]:
    """What a branch gave, nested as what the first one gave."""
    try:
        leaves = flatten_like(structure, found, "result")
        for leaf in leaves:
            if flatten(leaf)[1] != LEAF:
                raise TypeError(f"result: expected a tensor, found {describe(flatten(leaf)[1])}")
    except TypeError as error:
        raise TypeError(f"{op}: {error}: {first!r} and {name!r} give results of one nesting") from None
    return leaves


def _agreed(path: str, given: Sequence[_Given]) -> list[Value]:
    """The results of the branches in one place, of one type; the error names both lines where they differ."""
    strong = [value_of(each.leaf).dtype for each in given if not is_weak(each.leaf)]
    dtype = strong[0] if strong else common_dtype([each.leaf for each in given])
    values = [each.value(dtype) for each in given]
    first = values[0]
    for each, value in zip(given, values):
        if value.dtype != first.dtype:
            raise DTypeError(_difference(path, str(first.dtype), str(value.dtype), (given[0], first), (each, value)))
        if len(value.shape) != len(first.shape) or not all(map(could_be_same, value.shape, first.shape)):
            shapes = f"the shape {shape_text(first.shape)}", shape_text(value.shape)
            raise ShapeError(_difference(path, *shapes, (given[0], first), (each, value)))
    return [fitted(value, first.shape) for value in values]


def _difference(path: str, expected: str, found: str, *sides: tuple[_Given, Value]) -> str:
    lines = "".join([f"\n  {each.branch}{_made(value) or each.line}" for each, value in sides])
    return f"{path}: expected {expected}, as {sides[0][0].branch!r} gives, found {found}{lines}"


def _made(value: Value) -> str:
    """Where a tensor was made: "mul at train.py:5"; nothing of one that was given."""
    node = value.node
    return f": {node.op.name} at {node.frames[0]}" if node.frames and node.op.name != "parameter" else ""


def _line(branch: Branch) -> str:
    """Where a function is written."""
    code = getattr(branch, "__code__", None)
    return f" at {Frame(code.co_filename, code.co_firstlineno)}" if code else ""

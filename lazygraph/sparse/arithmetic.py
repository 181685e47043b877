"""Arithmetic that keeps the pattern of a sparse matrix: with numbers, dense vectors and matrices, and its own like.

In: a sparse matrix and what broadcasts to its shape as in NumPy. Out: the same places with other values. A dense
operand is read at the places of the entries alone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

import lazygraph as lg
from lazygraph.compiler.ir.dims import Extent
from lazygraph.compiler.ir.errors import ShapeError
from lazygraph.compiler.ir.graph import Graph, Value, topological
from lazygraph.compiler.ir.interpret import interpret
from lazygraph.compiler.ops.compose import emit
from lazygraph.compiler.ops.leaf import new_parameter
from lazygraph.dims import aligned, could_be_same
from lazygraph.errors import shape_text
from lazygraph.frames import traced, user_code
from lazygraph.promotion import as_float, cast, is_weak, value_of
from lazygraph.sparse.parts import Parts, is_sparse, parts
from lazygraph.tensor import Tensor, TensorLike

if TYPE_CHECKING:
    from lazygraph.sparse.matrix import Sparse

S = TypeVar("S", bound="Sparse")


@traced
def with_data(a: S, data: TensorLike) -> S:
    """The same pattern with other values."""
    own, value = parts(a), as_float(value_of(data))
    if len(value.shape) != 1 or not could_be_same(value.shape[0], own.entries):
        raise ShapeError(f"expected one value for each of {own.entries} entries, found {shape_text(value.shape)}")
    return own.remade(a, value)


@traced
def multiply(a: S, other: Any) -> S:
    """a * other, element by element: a number, (n,), (1, n), (m, 1) or (m, n), or a matrix of the same pattern."""
    own = parts(a)
    return own.remade(a, (Tensor(own.data) * _at_entries(own, other)).value)


@traced
def divide(a: S, other: Any) -> S:
    """a / other at the entries: where a is 0 without an entry it stays 0, whatever it is divided by."""
    own = parts(a)
    return own.remade(a, (Tensor(own.data) / _at_entries(own, other)).value)


@traced
def add(a: S, other: Any) -> S:
    """a + other, of the same pattern."""
    own = parts(a)
    return own.remade(a, (Tensor(own.data) + _of_same_pattern(own, other)).value)


@traced
def subtract(a: S, other: Any) -> S:
    """a - other, of the same pattern."""
    own = parts(a)
    return own.remade(a, (Tensor(own.data) - _of_same_pattern(own, other)).value)


@traced
def mapped(a: S, function: Callable[[Tensor], Tensor]) -> S:
    """A function of the values that is 0 at 0."""
    own = parts(a)
    at_zero = _at_zero(function, own.data)
    if at_zero is not None and at_zero != 0:
        raise ValueError(f"map: expected a function that is 0 at 0, where there are no entries; found {at_zero}")
    return own.remade(a, value_of(user_code(function)(Tensor(own.data))))


def _at_zero(function: Callable[[Tensor], Tensor], like: Value) -> Any:
    """The function's value at 0; None where it depends on more than its argument, or on the places of the values."""
    x = new_parameter("x", like.dtype, (1,))
    found = value_of(user_code(function)(Tensor(x)))
    if found.shape != (1,):
        raise ShapeError(f"map: expected one value for each, found {shape_text(found.shape)} of (1)")
    leaves = [node for node in topological([found]) if node.op.name == "parameter"]
    if any(node.output is not x for node in leaves):
        return None
    (result,) = interpret(Graph("at_zero", (x,), (found,)), [np.zeros(1, like.dtype.numpy)]).outputs
    return result[0]


def _at_entries(own: Parts, other: Any) -> TensorLike:
    """What stands beside each entry of the matrix."""
    if is_sparse(other):
        return _of_same_pattern(own, other)
    if is_weak(other):
        number: TensorLike = other
        return number
    value = value_of(other)
    shape = (*[1] * (2 - len(value.shape)), *value.shape)
    if len(shape) != 2:
        raise ShapeError(f"expected at most two axes, found {shape_text(value.shape)}")
    spread = [extent == 1 and wanted != 1 for extent, wanted in zip(shape, own.shape)]
    for extent, wanted, repeated in zip(shape, own.shape, spread):
        if not repeated and not could_be_same(extent, wanted):
            raise ShapeError(f"{shape_text(value.shape)} does not broadcast to {shape_text(own.shape)}")
    kept = [axis for axis, repeated in enumerate(spread) if not repeated]
    if not value.shape or not kept:
        return Tensor(emit("reshape", value, shape=()))
    wanted_shape: tuple[Extent, ...] = tuple([own.shape[axis] for axis in kept])
    found = aligned(emit("reshape", value, shape=tuple([shape[axis] for axis in kept])), wanted_shape)
    places = own.places()
    indices = [places[axis] for axis in kept]
    if len({each.dtype for each in indices}) > 1:
        indices = [cast(each, lg.int64) for each in indices]
    return Tensor(emit("gather", found, *indices, axes=tuple(range(len(kept))), mode="check"))


def _of_same_pattern(own: Parts, other: Any) -> Tensor:
    """The values of a matrix whose entries are at the same places, in the same order."""
    if not is_sparse(other):
        raise TypeError(f"expected a sparse matrix of the same pattern, found {type(other).__name__}: todense() adds")
    theirs = parts(other)
    same = (own.major, own.shape) == (theirs.major, theirs.shape)
    if not same or not all(map(_same_array, (own.indices, own.offsets), (theirs.indices, theirs.offsets))):
        raise ValueError("expected a matrix with entries at the same places: made of this one, or with equal constants")
    return Tensor(aligned(theirs.data, (own.entries,)))


def _same_array(left: Value, right: Value) -> bool:
    """One value, or constants of equal elements."""
    if left is right:
        return True
    constants = [each.node["value"] for each in (left, right) if each.node.op.name == "constant"]
    return len(constants) == 2 and np.array_equal(*constants)

"""What a step asserts about its values and their shapes, and what the compiler shall not see through.

In: tensors, shapes, conditions. Out: the tensors again, in a step that fails where an assertion does not hold: with a
sentence and the user's line, and every variable as it was.
"""

from __future__ import annotations

from typing import Any

from lazygraph.compiler.ir.errors import DTypeError
from lazygraph.compiler.ops.assertions import aligned
from lazygraph.compiler.ops.compose import emit
from lazygraph.compiler.ops.effects import checked, held
from lazygraph.dims import ShapeLike, as_shape, extent_value
from lazygraph.frames import traced
from lazygraph.promotion import as_axis, value_of
from lazygraph.runtime.dtypes import bool_, int64
from lazygraph.structure import flatten, unflatten
from lazygraph.tensor import Tensor, TensorLike

__all__ = ["assert_shape", "check", "dim_size", "optimization_barrier"]


@traced
def assert_shape(x: TensorLike, shape: ShapeLike) -> Tensor:
    """x, of exactly this shape.

    What is known when the graph is built is decided then: ShapeError where the ranks or two extents differ. Extents
    that only a call can compare are compared before its first step, which then raises CheckFailed and has run nothing.
    Afterwards the tensor has the asserted shape, so that it goes with others that have these dims. Like everything in a
    graph the assertion belongs to its result: without a use of it, nothing is compared.

    >>> import lazygraph as lg
    >>> n, m = lg.dim("n"), lg.dim("m")
    >>> x, y = lg.placeholder((n, 2), lg.float32, "x"), lg.placeholder((m,), lg.float32, "y")
    >>> lg.assert_shape(y, (2 * n,)).shape
    (Dim(2 * n),)
    >>> f = lg.function([x, y], x.ravel() + lg.assert_shape(y, (2 * n,)))
    >>> f([[1, 2]], [1, 1])
    array([2., 3.], dtype=float32)
    >>> f([[1, 2]], [1, 1, 1])  # doctest: +IGNORE_EXCEPTION_DETAIL
    Traceback (most recent call last):
    CheckFailed: expected equal extents: m = 2 * n, found 3 and 2
    """
    return Tensor(aligned(value_of(x), as_shape(shape)))


@traced
def dim_size(x: TensorLike, axis: int) -> Tensor:
    """The extent of an axis as an int64 scalar: what `x.shape[axis]` is in arithmetic on tensors.

    Raises ShapeError for an axis that x does not have.

    >>> import lazygraph as lg
    >>> x = lg.placeholder((lg.dim("n"), 3), lg.float32, "x")
    >>> lg.dim_size(x, 0).eval({x: [[1, 2, 3], [4, 5, 6]]})
    array(2)
    """
    value = value_of(x)
    return Tensor(extent_value(value.shape[as_axis(axis, value.type.rank)], int64))


@traced
def check(x: TensorLike, condition: TensorLike, message: str) -> Tensor:
    """x, in a step that fails with this message unless every element of the condition holds.

    The step raises CheckFailed (a ValueError) with the message and this line, and leaves every variable as it was. The
    check belongs to its result: where nothing uses that, nothing is checked. Its derivative is that of x, and checks
    nothing again. Raises DTypeError unless the condition is of bools.

    >>> import lazygraph as lg
    >>> x = lg.placeholder((2,), lg.float32, "x")
    >>> root = lg.function([x], lg.sqrt(lg.check(x, x >= 0, "a negative variance")))
    >>> root([1, 4])
    array([1., 2.], dtype=float32)
    >>> root([1, -4])  # doctest: +IGNORE_EXCEPTION_DETAIL
    Traceback (most recent call last):
    CheckFailed: a negative variance
    """
    if not isinstance(message, str):
        raise TypeError(f"check: message: expected a text, found {message!r}")
    holds = value_of(condition)
    if holds.dtype != bool_:
        raise DTypeError(f"condition: expected bool, found {holds.dtype}")
    all_hold = emit("reduce_and", holds, axes=tuple(range(holds.type.rank)))  # many threads find the one that fails
    return Tensor(checked(value_of(x), all_hold, message))


@traced
def optimization_barrier(x: Any) -> Any:
    """x, a tensor or a nested value of them, where the compiler takes no look at how they were computed.

    All of x is computed and stored before anything uses a result; no rewrite, merge or fusion sees through. A formula
    behind a barrier is computed a second time though it stands elsewhere too, which trades time for memory. Derivatives
    get a barrier likewise: tangents one, cotangents one. Values are unchanged. (jax.lax.optimization_barrier)

    >>> import lazygraph as lg
    >>> x = lg.placeholder((2,), lg.float32, "x")
    >>> held, scale = lg.optimization_barrier((x, 2 * x))
    >>> (held * scale).eval({x: [1, 3]})
    array([ 2., 18.], dtype=float32)
    """
    leaves, structure = flatten(x)
    return unflatten(structure, [Tensor(value) for value in held(*[value_of(leaf) for leaf in leaves])])

"""Choosing elements: by condition, by number, by place; and where elements are, which is known for constants alone.

In: tensors. Out: tensors. What has as many elements as a condition holds for has no shape until it is computed: these
functions take tensors that depend on no placeholder, and say for others what to use instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

import lazygraph as lg
from lazygraph.compiler.ir.errors import ShapeError
from lazygraph.compiler.ir.graph import Value
from lazygraph.compiler.ops.compose import emit
from lazygraph.frames import composite, traced
from lazygraph.logic import as_bool, where
from lazygraph.manipulation import ravel
from lazygraph.matrices import inside
from lazygraph.promotion import as_axes, broadcast, broadcast_value, cast, constant_value, same_dtype, value_of
from lazygraph.reductions import reduced
from lazygraph.runtime import dtypes
from lazygraph.tensor import Axes, Tensor, TensorLike

__all__ = [
    "argwhere",
    "choose",
    "compress",
    "count_nonzero",
    "extract",
    "flatnonzero",
    "isin",
    "nonzero",
    "piecewise",
    "select",
    "trim_zeros",
]


# --- places, of what is known ----------------------------------------------------------------------------------------


def known(x: TensorLike, wanted: str, instead: str) -> NDArray[Any]:
    """The elements of a tensor that depends on no placeholder; TypeError says what to use for one that does."""
    return x._evaluated(wanted, instead) if isinstance(x, Tensor) else np.asarray(x)


_INSTEAD = "Their number would vary: use lg.where(condition, x, fill), or lg.count_nonzero for the number alone."


@traced
def nonzero(x: TensorLike, /) -> tuple[Tensor, ...]:
    """The places of the elements that are not 0, an int64 vector per axis, of a tensor that depends on no placeholder.

    TypeError for one that does; ShapeError for a scalar.

    >>> import lazygraph as lg
    >>> [each.eval().tolist() for each in lg.nonzero([[0, 2], [3, 0]])]
    [[0, 1], [1, 0]]
    """
    array = known(x, "the places of elements that are not 0", _INSTEAD)
    if array.ndim == 0:
        raise ShapeError("a scalar has no axis to be counted along: expected at least one")
    return tuple([Tensor(constant_value(each, dtypes.int64)) for each in np.nonzero(array)])


@traced
def flatnonzero(x: TensorLike) -> Tensor:
    """The places of the elements that are not 0 among the flattened ones; known as for `nonzero`."""
    return nonzero(ravel(x))[0]


@traced
def argwhere(x: TensorLike) -> Tensor:
    """The places of the elements that are not 0, one per row; known as for `nonzero`.

    >>> import lazygraph as lg
    >>> lg.argwhere([[0, 2], [3, 0]]).eval()
    array([[0, 1],
           [1, 0]])
    """
    array = known(x, "the places of elements that are not 0", _INSTEAD)
    return Tensor(constant_value(np.argwhere(array), dtypes.int64))


@traced
def compress(condition: TensorLike, x: TensorLike, axis: int | None = None) -> Tensor:
    """The slices along an axis, elements of the flattened x for None, where a vector holds, known as for `nonzero`.

    >>> import lazygraph as lg
    >>> lg.compress([False, True], [[1, 2], [3, 4]], axis=0).eval()
    array([[3, 4]])
    """
    places = nonzero(condition)
    if len(places) != 1:
        raise ShapeError(f"expected a condition of rank 1, found {len(places)}")
    return lg.take(x, places[0], axis=axis)


@traced
def extract(condition: TensorLike, x: TensorLike) -> Tensor:
    """The elements of x for which a condition of its size, known as for `nonzero`, holds."""
    return compress(ravel(condition), x)


@traced
def trim_zeros(x: TensorLike, trim: Any = "fb") -> Tensor:
    """A vector, known as for `nonzero`, without its zeros in front ("f" in `trim`) and behind ("b")."""
    return Tensor(constant_value(np.trim_zeros(known(x, "the number of zeros", _INSTEAD), trim)))


@traced
def count_nonzero(x: TensorLike, axis: Axes = None, *, keepdims: bool = False) -> Tensor:
    """How many elements over the axes are not 0, int64.

    >>> import lazygraph as lg
    >>> lg.count_nonzero([[0, 2], [3, 4]], axis=1).eval()
    array([1, 2])
    """
    value = cast(as_bool(value_of(x)), dtypes.int64)
    return Tensor(reduced("reduce_sum", value, as_axes(axis, value.type.rank), keepdims))


# --- elements --------------------------------------------------------------------------------------------------------


@composite
def choose(index: TensorLike, choices: Sequence[TensorLike] | Tensor, mode: str = "raise") -> Tensor:
    """Each element from the choice that an integer names: out[i] = choices[index[i]][i], all of them broadcast.

    With mode "raise" a number that no choice has fails the step with this line; "wrap" and "clip" bring it inside.

    >>> import lazygraph as lg
    >>> lg.choose([1, 0, 1], [[1, 2, 3], 9]).eval()
    array([9, 2, 9])
    """
    given = list(lg.unstack(choices)) if isinstance(choices, Tensor) else list(choices)
    if not given:
        raise ValueError("expected at least one choice, found none")
    place, *values = broadcast(value_of(index), *same_dtype(*given))
    if not (place.dtype.is_integer or place.dtype.kind == "bool"):
        raise lg.DTypeError(f"expected integers that name choices, found {place.dtype}")
    place = inside(cast(place, dtypes.int64), len(values), mode)
    found = Tensor(values[0])
    for number, value in enumerate(values[1:], 1):
        found = where(Tensor(place) == number, Tensor(value), found)
    return found


@composite
def select(condlist: Sequence[TensorLike], choicelist: Sequence[TensorLike], default: TensorLike = 0) -> Tensor:
    """Each element from the first choice whose condition holds there, else the default; all of them broadcast.

    The derivative goes to what was chosen alone.

    >>> import lazygraph as lg
    >>> x = lg.arange(5)
    >>> lg.select([x < 1, x < 3], [10, x * x], -1).eval()
    array([10,  1,  4, -1, -1])
    """
    if len(condlist) != len(choicelist) or not len(condlist):
        raise ValueError(f"expected as many choices as conditions, found {len(choicelist)} and {len(condlist)}")
    conditions = [Tensor(as_bool(value_of(each))) for each in condlist]
    *values, rest = (Tensor(each) for each in same_dtype(*choicelist, default))
    found = rest
    for condition, value in reversed(list(zip(conditions, values))):
        found = where(condition, value, found)
    return found


@composite
def piecewise(x: TensorLike, condlist: Any, funclist: Sequence[Any], *args: Any, **kwargs: Any) -> Tensor:
    """Each element of x from the function, or number, of the last condition that holds there; in x's dtype.

    One function more than conditions is for where none holds, which is 0 otherwise. Functions are applied to all of x,
    and to `args` and `kwargs`: where one has no finite value or derivative, choose x first, as in
    `lg.log(lg.where(x > 0, x, 1))`.

    >>> import lazygraph as lg
    >>> x = lg.constant([-2.0, 1.0, 3.0])
    >>> lg.piecewise(x, [x < 0, x > 2], [-1, lambda t: t * t, 0]).eval()
    array([-1.,  0.,  9.])
    """
    tensor = Tensor(value_of(x))
    single = isinstance(condlist, Tensor) or not isinstance(condlist, list | tuple) or not np.ndim(condlist[0])
    conditions = [condlist] if single and not isinstance(condlist, list | tuple) else list(condlist)
    if isinstance(condlist, list | tuple) and single and tensor.ndim:
        conditions = [list(condlist)]
    if len(funclist) not in (len(conditions), len(conditions) + 1):
        number = len(conditions)
        raise ValueError(f"expected {number} or {number + 1} functions for {number} conditions, found {len(funclist)}")
    fallback = funclist[-1] if len(funclist) > len(conditions) else 0

    def applied(function: Any) -> Tensor:
        made = function(tensor, *args, **kwargs) if callable(function) else function
        return Tensor(broadcast_value(cast(value_of(made), tensor.dtype), tensor.shape))

    found = applied(fallback)
    for condition, function in zip(conditions, funclist):
        found = where(Tensor(as_bool(value_of(condition))), applied(function), found)
    return found


@composite
def isin(element: TensorLike, test_elements: TensorLike, assume_unique: bool = False, invert: bool = False) -> Tensor:
    """Whether each element equals one of the test elements, or none of them if `invert`; NaN equals nothing.

    `assume_unique`, of NumPy, makes no difference.

    >>> import lazygraph as lg
    >>> lg.isin([1, 2, 3], [3, 1]).eval()
    array([ True, False,  True])
    """
    elements, tests = same_dtype(element, ravel(test_elements))
    if tests.shape[0] == 0:
        return lg.full(elements.shape, invert, lg.bool_)
    if tests.dtype.kind == "complex":  # has no order to search in
        one_does = lg.any(lg.expand_dims(Tensor(elements), -1) == Tensor(tests), -1)
        return lg.logical_not(one_does) if invert else one_does
    if tests.dtype.kind == "bool":
        elements, tests = cast(elements, dtypes.int32), cast(tests, dtypes.int32)
    ordered = emit("sort", tests, axis=0)
    place = emit("searchsorted", ordered, elements, side="left")
    nearest = emit("gather", ordered, place, axes=(0,), mode="clip")
    found = _nonempty_equal(elements, nearest, tests)
    return Tensor(emit("not", found) if invert else found)


def _nonempty_equal(elements: Value, nearest: Value, tests: Value) -> Value:
    """Whether elements equal the nearest test; where the number of tests is symbolic it may be 0, and none does."""
    equal = emit("eq", elements, nearest)
    if isinstance(tests.shape[0], int):
        return equal
    return emit("and", equal, broadcast_value((lg.dim_size(Tensor(tests), 0) > 0).value, equal.shape))

"""Loops of a known number of trips.

In: a function of one trip, first carries and sequences. Out: one op that holds the function as a sub-graph: a native
loop inside the compiled function, differentiable in both modes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import isqrt
from typing import Any

import lazygraph as lg
from lazygraph.compiler.ir import dims
from lazygraph.compiler.ir.dims import Dim, Extent
from lazygraph.compiler.ir.errors import ShapeError
from lazygraph.compiler.ir.graph import TensorType, Value, last_number
from lazygraph.compiler.ops.leaf import new_parameter
from lazygraph.compiler.ops.record import OPS, apply
from lazygraph.dims import aligned, as_extent, could_be_same, extent_value
from lazygraph.errors import shape_text
from lazygraph.frames import traced
from lazygraph.promotion import value_of
from lazygraph.runtime.dtypes import int64
from lazygraph.structure import Structure, flatten, paths
from lazygraph.tensor import Tensor, TensorLike
from lazygraph.tracing import Traced, as_nested, as_values, call_repeated, closed, first_carries, kept, symbols
from lazygraph.while_loops import MOST, counted

__all__ = ["fori", "scan"]

SEGMENT = 64  # trips whose carries are kept together with `remat`, where the length is symbolic


@traced
def scan(
    f: Callable[[Any, Any], tuple[Any, Any]],
    init: Any,
    xs: Any = None,
    length: int | Dim | None = None,
    reverse: bool = False,
    remat: bool = False,
) -> tuple[Any, Any]:
    """(carry, ys) after `carry, y = f(carry, x)` for each x along the leading axis of xs, ys stacked likewise.

    It is one native loop: f is called once, with symbols, and becomes its body. init and xs are tensors or nested
    values of them (tuples, lists, dicts, dataclasses); x is nested as xs, the carry that f returns as init, with its
    dtypes and shapes. Without xs, x is None and `length` says how many trips there are. The length may be symbolic and
    may be 0: the carry is init then, and ys are empty. `reverse` goes from the last x to the first; y stands where its
    x stood. What f computes of neither carry nor x is computed once, before the loop. (jax.lax.scan)

    A Python number in init takes the dtype that f's first trip makes of it, as `c = 0.0; c = c + x` would in NumPy; f
    is then called once more, with the number itself. Checks and prints in f happen in each trip.

    Forward mode stores nothing. Reverse mode stores for each trip what the derivative reads; with `remat` only the
    carries of every k-th trip, k the square root of the length (64 where that is symbolic), and computes the rest
    again, segment by segment: memory grows with the square root of the length. What is computed again has the same
    bits; sums over trips of large products (gradients of weights) are made segment by segment, and round otherwise.

    Raises TypeError for a carry of another nesting, DTypeError or ShapeError naming the leaf whose dtype or shape f
    does not keep, ShapeError for sequences of different lengths.

    >>> import lazygraph as lg
    >>> x = lg.placeholder((4,), lg.float32, "x")
    >>> total, before = lg.scan(lambda carry, each: (carry + each, carry), 0.0, x)
    >>> total.eval({x: [1, 2, 3, 4]}), before.eval({x: [1, 2, 3, 4]})
    (array(10., dtype=float32), array([0., 1., 3., 6.], dtype=float32))
    """
    leaves, nesting = as_values(xs)
    count = _length(leaves, nesting, length)
    leaves = tuple([aligned(each, (count, *each.shape[1:])) for each in leaves])
    elements = symbols([TensorType(each.dtype, each.shape[1:]) for each in leaves], "x")

    def trip(at: Value, carry: Any) -> tuple[Any, Any]:
        found = call_repeated(f, carry, as_nested(nesting, elements))
        if not isinstance(found, tuple) or len(found) != 2:
            raise TypeError(f"scan: expected f to return (carry, y), found {found!r}")
        return found

    return _looped("scan", trip, init, leaves, elements, count, reverse, _segment(count) if remat else 0)


@traced
def fori(
    lower: int | Dim | TensorLike, upper: int | Dim | TensorLike, body: Callable[[Tensor, Any], Any], init: Any
) -> Any:
    """The carry after `carry = body(i, carry)` for i = lower, lower + 1, .., upper - 1; init where there is no such i.

    i is an int64 scalar. With ints and dims as bounds it is a `scan`, differentiable in both modes; with a tensor it is
    a `while_loop` without a bound on its trips, differentiable forwards. The carry is nested as init and of its dtypes
    and shapes, Python numbers in init as there. (jax.lax.fori_loop)

    Raises DTypeError or ShapeError for a bound that is no integer scalar, and as `scan`.

    >>> import lazygraph as lg
    >>> lg.fori(1, 6, lambda i, product: product * i, 1).eval()
    array(120)
    """
    if isinstance(lower, Tensor) or isinstance(upper, Tensor):
        return counted(Tensor(value_of(lower)), Tensor(value_of(upper)), body, init)
    first = as_extent(lower)
    count = dims.maximum(as_extent(upper) - first, 0)

    def trip(at: Value, carry: Any) -> tuple[Any, Any]:
        return call_repeated(body, lg.add(Tensor(at), Tensor(extent_value(first, int64))), carry), None

    return _looped("fori", trip, init, (), (), count, False, 0)[0]


def _looped(
    name: str,
    trip: Callable[[Value, Any], tuple[Any, Any]],
    init: Any,
    xs: Sequence[Value],
    elements: Sequence[Value],
    count: Extent,
    reverse: bool,
    segment: int,
) -> tuple[Any, Any]:
    """(carry, ys) of `trip(at, carry)`, which sees the elements of xs as the symbols `elements`."""
    if isinstance(count, int) and count > MOST:
        raise ShapeError(f"{name}: expected at most 2^63 - 1 trips, found {count}")
    at = new_parameter("at", int64, ())
    numbers, structure = flatten(init)
    start = first_carries(numbers, structure, lambda carry: trip(at, carry)[0])
    since = last_number()
    carry = symbols([each.type for each in start], "carry")
    after, out = trip(at, as_nested(structure, carry))
    new = kept(structure, after, [each.type for each in start], f"{name}: the carry", "as in init")
    ys, stacking = as_values(out)
    (body,), captured = closed([Traced("body", (at, *carry, *elements), (*new, *ys), since)])
    attributes = {"carries": len(start), "sequences": len(xs), "length": count, "reverse": bool(reverse)}
    attributes["segment"] = segment
    found = apply(OPS["scan"], (*start, *xs, *captured), attributes, graphs=(body,))
    return as_nested(structure, found[: len(start)]), as_nested(stacking, found[len(start) :])


def _length(leaves: Sequence[Value], nesting: Structure, length: int | Dim | None) -> Extent:
    """How many trips there are: as told, or as the sequences have elements."""
    names = paths(nesting, "scan: xs")
    for each, name in zip(leaves, names):
        if not each.shape:
            raise ShapeError(f"{name}: expected a leading axis to go along, found a scalar")
    if length is None and not leaves:
        raise TypeError("scan: expected sequences xs or a length, found neither")
    told = [] if length is None else [as_extent(length)]
    if told and isinstance(told[0], int) and told[0] < 0:
        raise ShapeError(f"scan: length: expected an extent >= 0, found {told[0]}")
    extents = [*told, *[each.shape[0] for each in leaves]]
    count = next((each for each in extents if isinstance(each, int)), extents[0])
    for each, name in zip(leaves, names):
        if not could_be_same(each.shape[0], count):
            raise ShapeError(f"{name}: expected {count} elements along axis 0, found {shape_text(each.shape)}")
    return count


def _segment(count: Extent) -> int:
    return max(isqrt(count), 1) if isinstance(count, int) else SEGMENT

"""Loops that go on while a condition holds.

In: a condition, a function of one trip, and first carries. Out: one op that holds both as sub-graphs: a native loop
inside the compiled function, differentiable forwards, and backwards where its trips are bounded.
"""

from __future__ import annotations

from collections.abc import Callable
from operator import index
from typing import Any, SupportsIndex

from lazygraph.compiler.ir.errors import DTypeError, ShapeError
from lazygraph.compiler.ir.graph import Value, last_number
from lazygraph.compiler.ops.bodies import over, without_effects
from lazygraph.compiler.ops.compose import emit
from lazygraph.compiler.ops.effects import checked
from lazygraph.compiler.ops.record import OPS, apply
from lazygraph.compiler.ops.while_transpose import unfinished
from lazygraph.errors import shape_text
from lazygraph.frames import traced
from lazygraph.promotion import cast, value_of
from lazygraph.runtime.dtypes import bool_, int64
from lazygraph.structure import flatten
from lazygraph.tensor import Tensor, TensorLike
from lazygraph.tracing import Traced, as_nested, call_repeated, closed, first_carries, kept, symbols

__all__ = ["while_loop"]

MOST = (1 << 63) - 1  # trips are counted in an int64


@traced
def while_loop(
    cond: Callable[[Any], TensorLike], body: Callable[[Any], Any], init: Any, max_trips: int | None = None
) -> Any:
    """The carry after `carry = body(carry)` for as long as `cond(carry)` holds; init where it does not hold at first.

    It is one native loop: cond and body are called once, with symbols, and become its sub-graphs. init is a tensor or a
    nested value of tensors (tuples, lists, dicts, dataclasses); body returns a carry nested alike, of the same dtypes
    and shapes. cond returns a bool scalar. What they compute of no carry is computed once, before the loop. A Python
    number in init takes the dtype that the first trip makes of it, as `c = 1.0; c = c * x` would in NumPy; body is then
    called once more, with the number itself. Checks and prints in body happen in each trip. (jax.lax.while_loop)

    `max_trips` bounds the trips: where the condition still holds after so many, the step fails with this line
    (CheckFailed). Reverse mode (`lg.grad`) needs it: about sqrt(max_trips) states of the loop are kept at a time, and
    the rest is computed again. Forward mode (`lg.jvp`) does not, and keeps nothing.

    Under `lg.vmap` over what the condition reads, the loop runs until no example goes on, and an example that is done
    keeps its carry: checks and prints in body then happen in every trip. The gradient of such a batch may come out as
    NaN where body has an infinite derivative at the carry of an example that is done; the batch of gradients
    (`lg.vmap` of `lg.grad`) does not.

    Raises DTypeError or ShapeError where cond gives no bool scalar, TypeError for a carry of another nesting,
    DTypeError or ShapeError naming the leaf whose dtype or shape body does not keep, ValueError for a max_trips
    below 1 or above 2^63 - 1; `lg.grad` and its like raise ValueError where there is no max_trips.

    >>> import lazygraph as lg
    >>> a = lg.placeholder((), lg.float64, "a")
    >>> def newton(x):
    ...     return x - (x * x - a) / (2 * x)
    >>> root = lg.while_loop(lambda x: lg.abs(x * x - a) > 1e-12, newton, 1.0 + a, max_trips=50)
    >>> root.eval({a: 4.0}), lg.grad(root, a).eval({a: 4.0})
    (array(2.), array(0.25))
    """
    return _while("while_loop", cond, body, init, 0 if max_trips is None else _most(max_trips))


def _most(max_trips: Any) -> int:
    if isinstance(max_trips, bool) or not isinstance(max_trips, SupportsIndex) or not 1 <= index(max_trips) <= MOST:
        raise ValueError(f"while_loop: max_trips: expected an int from 1 to 2^63 - 1, or None, found {max_trips!r}")
    return index(max_trips)


@traced
def counted(lower: TensorLike, upper: TensorLike, body: Callable[[Tensor, Any], Any], init: Any) -> Any:
    """`lg.fori` between bounds that are computed: the carry after `carry = body(i, carry)` for each i."""
    first, last = [_bound(each, name) for each, name in ((lower, "lower"), (upper, "upper"))]

    def trip(state: tuple[Tensor, Any]) -> tuple[Tensor, Any]:
        at, carry = state
        return Tensor(at.value + 1), body(at, carry)

    state = _while("fori", lambda state: Tensor(emit("lt", state[0].value, last)), trip, (Tensor(first), init), 0)
    return state[1]


def _bound(bound: TensorLike, name: str) -> Value:
    value = value_of(bound)
    if not value.dtype.is_integer:
        raise DTypeError(f"fori: {name}: expected an integer scalar, found {value.dtype}")
    if value.shape:
        raise ShapeError(f"fori: {name}: expected an integer scalar, found the shape {shape_text(value.shape)}")
    return cast(value, int64)


def _while(op: str, cond: Callable[[Any], Any], body: Callable[[Any], Any], init: Any, max_trips: int) -> Any:
    leaves, structure = flatten(init)
    start = first_carries(leaves, structure, lambda carry: call_repeated(body, carry))
    types = [each.type for each in start]
    since, asked_of, carry = last_number(), symbols(types, "carry"), symbols(types, "carry")
    asked = _asked(op, call_repeated(cond, as_nested(structure, asked_of)))
    new = kept(structure, call_repeated(body, as_nested(structure, carry)), types, f"{op}: the carry", "as in init")
    functions = (Traced("condition", asked_of, (asked,), since), Traced("body", carry, new, since))
    graphs, captured = closed(functions)
    attributes = {"carries": len(start), "max_trips": max_trips}
    *found, _ = apply(OPS["while_loop"], (*start, *captured), attributes, graphs=graphs)
    if max_trips:
        done = emit("not", over(without_effects(graphs[0]), (*found, *captured))[0])
        found = [checked(each, done, unfinished(max_trips)) for each in found]
    return as_nested(structure, found)


def _asked(op: str, found: Any) -> Value:
    """What the condition gave, a bool scalar."""
    asked = value_of(found)
    line = f"\n  {asked.node.op.name} at {asked.node.frames[0]}" if asked.node.frames else ""
    if asked.dtype != bool_:
        raise DTypeError(f"{op}: the condition: expected a bool scalar, found {asked.dtype}{line}")
    if asked.shape:
        raise ShapeError(
            f"{op}: the condition: expected a bool scalar, found the shape {shape_text(asked.shape)}{line}"
        )
    return asked

"""Functions with a derivative of their own.

In: a function of tensors, and a rule for its tangents (jvp) or cotangents (vjp). Out: the function, differentiated by
its rule. Function and rule become sub-graphs of one node, checked when the function is applied.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from lazygraph.compiler.autodiff.substitute import substitute
from lazygraph.compiler.ir.errors import DTypeError, ShapeError
from lazygraph.compiler.ir.graph import Graph, Value, topological
from lazygraph.compiler.ops.leaf import new_parameter
from lazygraph.compiler.ops.record import OPS, apply, zeros
from lazygraph.dims import fitted
from lazygraph.errors import shape_text
from lazygraph.frames import traced, user_code
from lazygraph.promotion import constant_value, value_of
from lazygraph.structure import LEAF, Structure, describe, flatten, flatten_like, paths, unflatten
from lazygraph.tensor import Tensor

__all__ = ["custom_derivative"]

Function = Callable[..., Any]


def custom_derivative(
    f: Function | None = None, *, jvp: Function | None = None, vjp: Function | None = None
) -> Function:
    """f with the derivative that a rule gives, for any order, under `lg.vmap` and nested; give one of `jvp` and `vjp`.

    `jvp(arguments, result, tangents)` gives the tangents of the result, linear in the tangents of the arguments.
    Reverse mode is its transpose.
    `vjp(arguments, result, cotangents)` gives the cotangents of the arguments. Forward mode (`lg.jvp`, and `lg.hessian`
    where it asks for it) through such a function is an error that names it.

    `arguments` is the tuple of what f was called with, `result` what it gave. Tangents and cotangents are nested like
    what they belong to, with None for what has no derivative: integers, bools, numbers that are no tensors. A rule may
    return None for a zero; a vjp rule of one argument may return its cotangent alone. What f computed on the way needs
    no residuals: a rule writes the formula again, and equal formulas are one. A rule's own formulas are differentiated
    for the second order. Tensors that f closes over are constants to the rule: a derivative with respect to one is an
    error. f and its rule are called once each time the function is applied, with symbols.

    Without f it is a decorator: `@lg.custom_derivative(jvp=rule)`.

    Raises, where the function is applied, TypeError for a rule whose result is nested otherwise, ShapeError or
    DTypeError for one of another shape or dtype.

    >>> import lazygraph as lg
    >>> @lg.custom_derivative(vjp=lambda arguments, result, cotangent: lg.clip(cotangent, -1, 1))
    ... def limited(x):  # the identity, with a gradient of at most 1
    ...     return x
    >>> x = lg.placeholder((2,), lg.float32, "x")
    >>> lg.grad(lg.sum(limited(x) * [0.5, 100]), x).eval()
    array([0.5, 1. ], dtype=float32)
    """
    if f is None:
        return functools.partial(custom_derivative, jvp=jvp, vjp=vjp)
    if (jvp is None) == (vjp is None):
        raise TypeError(f"custom_derivative: expected one of jvp and vjp, found {'neither' if jvp is None else 'both'}")
    kind, rule = ("jvp", jvp) if vjp is None else ("vjp", vjp)
    for function in (f, rule):
        if not callable(function):
            raise TypeError(f"custom_derivative: expected a function, found {function!r}")
    assert rule is not None
    name = getattr(f, "__name__", type(f).__name__)

    @traced
    @functools.wraps(f)
    def with_rule(*args: Any, **named: Any) -> Any:
        arguments, keywords = _bound(f, args, named)
        return _apply(_Traced(name, kind, f, rule), arguments, keywords)

    return with_rule


def _bound(f: Function, args: tuple[Any, ...], named: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments in f's order with its defaults, and those that go by name only."""
    try:
        signature = inspect.signature(f)
    except ValueError:  # a builtin that does not say
        return args, named
    bound = signature.bind(*args, **named)
    bound.apply_defaults()
    return bound.args, bound.kwargs


@dataclass(frozen=True)
class _Traced:
    """A function with its rule."""

    name: str
    kind: str
    function: Function
    rule: Function


@dataclass(frozen=True)
class _Side:
    """The arguments or the results: nested, with a symbol or a plain object at each leaf."""

    structure: Structure
    leaves: tuple[Any, ...]  # tensors, or objects of the user's

    @property
    def values(self) -> tuple[Value, ...]:
        return tuple([leaf.value for leaf in self.leaves if isinstance(leaf, Tensor)])

    @property
    def moving(self) -> tuple[Value, ...]:
        """Those that have a derivative."""
        return tuple([value for value in self.values if value.dtype.is_differentiable])

    @property
    def nested(self) -> Any:
        return unflatten(self.structure, self.leaves)

    def symbols(self, name: str) -> _Side:
        """Fresh symbols for the tensors."""
        return self._over(
            [
                Tensor(new_parameter(f"{name}{place}", leaf.dtype, leaf.shape)) if isinstance(leaf, Tensor) else leaf
                for place, leaf in enumerate(self.leaves)
            ]
        )

    def directions(self, name: str) -> _Side:
        """Fresh symbols for tangents or cotangents, None for what has none."""
        fresh = self.symbols(name)
        return self._over([leaf if has else None for leaf, has in zip(fresh.leaves, self.has_directions())])

    def has_directions(self) -> Iterator[bool]:
        return (isinstance(leaf, Tensor) and leaf.dtype.is_differentiable for leaf in self.leaves)

    def _over(self, leaves: Sequence[Any]) -> _Side:
        return _Side(self.structure, tuple(leaves))


def _apply(traced_function: _Traced, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
    leaves, structure = flatten(arguments)
    given = _Side(structure, tuple(leaves))
    x = given.symbols("x")
    found, nesting = flatten(user_code(traced_function.function)(*x.nested, **keywords))
    y = _Side(nesting, tuple([Tensor(value_of(each)) for each in found]))
    results = y.symbols("y")
    gives, takes = (y, x) if traced_function.kind == "jvp" else (x, y)
    directions = takes.directions("d")
    answer = user_code(traced_function.rule)(x.nested, results.nested, directions.nested)
    moved = _checked(traced_function, answer, gives)
    inner = (*x.values, *results.values, *directions.values)
    closed, closed_inner = _closure([*y.values, *moved], inner)
    replaced = dict(zip(closed, closed_inner))
    body = Graph("body", (*x.values, *closed_inner), tuple(substitute(y.values, replaced)))
    operands = (*x.values, *closed_inner, *results.values, *directions.values)
    rule = Graph("rule", operands, tuple(substitute(moved, replaced)))
    attributes = {"kind": traced_function.kind, "called": traced_function.name, "arguments": len(x.values)}
    outputs = apply(OPS["custom_derivative"], (*given.values, *closed), attributes, graphs=(body, rule))
    return unflatten(nesting, [Tensor(value) for value in outputs])


def _closure(values: Sequence[Value], symbols: Sequence[Value]) -> tuple[list[Value], list[Value]]:
    """What the values use that depends on parameters but not on our symbols, and a symbol for each.

    It is computed outside, once, and a derivative with respect to any of it finds it among the operands.
    """
    inside, below = set(symbols), set(symbols)  # what depends on our symbols; on any parameter
    used: dict[Value, None] = {}
    for node in topological(values):
        if node.op.name == "parameter" or any([operand in below for operand in node.inputs]):
            below.update(node.outputs)
        if any([operand in inside for operand in node.inputs]):
            inside.update(node.outputs)
            used.update(dict.fromkeys(node.inputs))
    found = [value for value in dict.fromkeys((*used, *values)) if value in below and value not in inside]
    return found, [new_parameter(f"closed{place}", value.dtype, value.shape) for place, value in enumerate(found)]


def _checked(traced_function: _Traced, answer: Any, side: _Side) -> list[Value]:
    """What a rule returned, as a value for each place that has a derivative."""
    name = f"the {traced_function.kind} rule of {traced_function.name!r}"
    alone = traced_function.kind == "vjp" and len(side.structure.children) == 1
    if alone and not (isinstance(answer, tuple) and len(answer) == 1):
        answer = (answer,)
    leaves = flatten_like(side.structure, answer, name)
    places = paths(side.structure, "result" if traced_function.kind == "jvp" else "arguments")
    values: list[Value] = []
    for leaf, like, place, has in zip(leaves, side.leaves, places, side.has_directions(), strict=True):
        if not has:
            if leaf is not None:
                raise TypeError(f"{name}: {place}: expected None for what has no derivative, found {leaf!r}")
            continue
        values.append(_fitting(f"{name}: {place}", leaf, like.value))
    return values


def _fitting(what: str, leaf: Any, like: Value) -> Value:
    """A tangent or cotangent of the type of what it belongs to."""
    if leaf is None:
        return zeros(like.type)
    if flatten(leaf)[1] != LEAF:
        raise TypeError(f"{what}: expected a tensor, found {describe(flatten(leaf)[1])}")
    found = leaf.value if isinstance(leaf, Tensor) else constant_value(leaf, like.dtype)
    if found.dtype != like.dtype:
        raise DTypeError(f"{what}: expected {like.dtype}, found {found.dtype}")
    found = fitted(found, like.shape)
    if found.type != like.type:
        raise ShapeError(f"{what}: expected the shape {shape_text(like.shape)}, found {shape_text(found.shape)}")
    return found

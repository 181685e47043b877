"""Derivatives, and graphs evaluated elsewhere.

In: tensors, or nested tuples, lists, dicts and dataclasses of them. Out: tensors. A derivative is ordinary graph: it
may be differentiated again, and formulas such as log(softmax(x)) are brought to a stable form first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lazygraph.compiler.autodiff import jacobian as whole
from lazygraph.compiler.autodiff.jvp import jvp as push_forward
from lazygraph.compiler.autodiff.substitute import substitute as replace
from lazygraph.compiler.autodiff.transpose import vjp as pull_back
from lazygraph.compiler.ir.errors import ShapeError
from lazygraph.compiler.ir.graph import Value
from lazygraph.compiler.ops.compose import emit
from lazygraph.compiler.ops.record import zeros
from lazygraph.dims import fitted
from lazygraph.errors import shape_text
from lazygraph.frames import traced
from lazygraph.promotion import constant_value, value_of
from lazygraph.structure import Structure, flatten, flatten_like, unflatten
from lazygraph.tensor import Tensor, TensorLike

__all__ = ["grad", "hessian", "jacobian", "jvp", "stop_gradient", "substitute", "value_and_grad", "vjp"]


# --- derivatives ----------------------------------------------------------------------------------------------------


@traced
def grad(y: Tensor, x: Any) -> Any:
    """dy/dx of a scalar y: for each tensor of x, a tensor of its shape and dtype.

    x is one tensor or a nested list, tuple, dict or dataclass of them; the result is nested alike. The tensors may be
    placeholders, variables or expressions; a tensor that y does not depend on has the gradient 0. Raises ShapeError
    where y is not a scalar, DTypeError where y is not real or a tensor of x holds integers or bools.

    Where a tensor of x is complex, x = u + i v, its gradient is dy/du - i dy/dv as in JAX: a step downhill is along
    -conj(gradient).

    >>> import lazygraph as lg
    >>> x = lg.placeholder((2,), lg.float32, "x")
    >>> lg.grad(lg.log(lg.sum(lg.exp(x))), x).eval({x: [200, 0]})
    array([1., 0.], dtype=float32)
    """
    tensors, structure = _tensors(x, "x")
    return _nested(structure, whole.gradient(_scalar(y, "y"), tensors))


@traced
def value_and_grad(y: Tensor, x: Any) -> tuple[Tensor, Any]:
    """(y, grad(y, x)): what a training step returns and what it follows.

    >>> import lazygraph as lg
    >>> w = lg.placeholder((), lg.float64, "w")
    >>> value, slope = lg.value_and_grad(w**3, w)
    >>> value.eval({w: 2}), slope.eval({w: 2})
    (array(8.), array(12.))
    """
    tensors, structure = _tensors(x, "x")
    return y, _nested(structure, whole.gradient(_scalar(y, "y"), tensors))


@traced
def jvp(y: Any, x: Any, v: Any) -> Any:
    """The derivative of y along v, (dy/dx) v: forward mode, at about the cost of y.

    v is nested as x: for each tensor an array or tensor of its shape and dtype, or None for no movement, which is what
    integers in x need. The result is nested as y, zeros where nothing moves. Raises TypeError where y goes through a
    function that has a rule for reverse mode only (`lg.custom_derivative`), ShapeError, DTypeError for a v that does
    not fit. The product of a Hessian and a vector is the jvp of a gradient.

    >>> import lazygraph as lg
    >>> x = lg.placeholder((2,), lg.float64, "x")
    >>> lg.jvp(x * x, x, [1.0, 0.0]).eval({x: [3, 4]})
    array([6., 0.])
    """
    outputs, nesting = _tensors(y, "y")
    tensors, structure = _tensors(x, "x")
    directions = [_direction(value, each) for value, each in zip(tensors, flatten_like(structure, v, "v"))]
    found = push_forward(outputs, tensors, directions)
    return _nested(nesting, [zeros(value.type) if each is None else each for value, each in zip(outputs, found)])


@traced
def vjp(y: Any, x: Any, u: Any) -> Any:
    """The transpose of `jvp`: (dy/dx)^T u, reverse mode, at a small multiple of the cost of y.

    u is nested as y: for each tensor an array or tensor of its shape and dtype, or None for no weight. The result is
    nested as x, zeros where y does not depend. Raises ShapeError, DTypeError for a u that does not fit, DTypeError for
    integers in x.

    >>> import lazygraph as lg
    >>> x = lg.placeholder((2,), lg.float64, "x")
    >>> lg.vjp(x * x, x, [1.0, 10.0]).eval({x: [3, 4]})
    array([ 6., 80.])
    """
    outputs, nesting = _tensors(y, "y")
    tensors, structure = _tensors(x, "x")
    weights = [_direction(value, each) for value, each in zip(outputs, flatten_like(nesting, u, "u"))]
    found = pull_back(outputs, tensors, weights)
    return _nested(structure, [zeros(value.type) if each is None else each for value, each in zip(tensors, found)])


@traced
def jacobian(y: Any, x: Any) -> Any:
    """Every derivative dy/dx: for each tensor of x, a tensor of shape y.shape + x.shape.

    Where y or x is nested, so is the result: jacobian({"a": a}, {"w": w})["a"]["w"] is da/dw. Runs as one batched pass
    for each tensor of y: forward where x has fewer elements than y for every size that the dims allow (`lg.dim` takes
    min and max), else in reverse; in reverse too through functions with a rule for reverse mode only. Raises DTypeError
    where y or x holds integers.

    >>> import lazygraph as lg
    >>> x = lg.placeholder((2,), lg.float64, "x")
    >>> lg.jacobian(x[0] * x, x).eval({x: [3, 4]})
    array([[6., 0.],
           [4., 3.]])
    """
    outputs, nesting = _tensors(y, "y")
    tensors, structure = _tensors(x, "x")
    return unflatten(nesting, [_nested(structure, whole.jacobian(output, tensors)) for output in outputs])


@traced
def hessian(y: Tensor, x: Any) -> Any:
    """Second derivatives of a scalar y: a tensor of shape x.shape + x.shape, forward mode over the gradient.

    Where x is nested, so is the result, twice: hessian(y, {"a": a, "b": b})["a"]["b"] is d^2 y / da db. Through
    functions with a rule for reverse mode only it is reverse over reverse.

    >>> import lazygraph as lg
    >>> x = lg.placeholder((2,), lg.float64, "x")
    >>> lg.hessian(x[0] ** 2 * x[1], x).eval({x: [3, 4]})
    array([[8., 6.],
           [6., 0.]])
    """
    tensors, structure = _tensors(x, "x")
    rows = whole.hessian(_scalar(y, "y"), tensors)
    return unflatten(structure, [_nested(structure, row) for row in rows])


@traced
def stop_gradient(x: TensorLike) -> Tensor:
    """x, taken as a constant by differentiation.

    >>> import lazygraph as lg
    >>> x = lg.placeholder((), lg.float64, "x")
    >>> lg.grad(x * lg.stop_gradient(x), x).eval({x: 3})
    array(3.)
    """
    return Tensor(emit("stop_gradient", value_of(x)))


# --- the same graph elsewhere ---------------------------------------------------------------------------------------


@traced
def substitute(outputs: Any, replacements: Mapping[Tensor, TensorLike]) -> Any:
    """The same expressions with tensors replaced: {old: new}, each new one an array or tensor of old's shape and dtype.

    `outputs` is one tensor or a nested value of them; the result is nested alike. Line searches evaluate a loss at
    other weights so, and SVRG a gradient. A replaced tensor may be a placeholder, a variable or an expression.

    >>> import lazygraph as lg
    >>> x = lg.placeholder((), lg.float64, "x")
    >>> y = x * x + 1
    >>> lg.substitute(y, {x: y}).eval({x: 2})
    array(26.)
    """
    tensors, structure = _tensors(outputs, "outputs")
    given = {value_of(old): _like(value_of(old), new) for old, new in replacements.items()}
    return _nested(structure, replace(tensors, given))


# --- helpers --------------------------------------------------------------------------------------------------------


def _tensors(tree: Any, name: str) -> tuple[list[Value], Structure]:
    """The values of a nested argument; TypeError for a leaf that is no tensor."""
    leaves, structure = flatten(tree)
    for leaf in leaves:
        if not isinstance(leaf, Tensor):
            raise TypeError(f"{name}: expected tensors, found {_called(leaf) if callable(leaf) else repr(leaf)}")
    return [leaf.value for leaf in leaves], structure


def _nested(structure: Structure, values: Sequence[Value]) -> Any:
    return unflatten(structure, [Tensor(value) for value in values])


def _scalar(y: Tensor, name: str) -> Value:
    if callable(y):
        raise TypeError(f"{name}: expected a tensor, found {_called(y)}")
    value = value_of(y)
    if value.type.rank:
        raise ShapeError(f"{name}: expected a scalar, found the shape {shape_text(value.shape)}; sum it, or use lg.vjp")
    return value


def _called(function: Any) -> str:
    return f"the function {getattr(function, '__name__', function)!r}: differentiate what it gives for a placeholder"


def _direction(value: Value, given: TensorLike | None) -> Value | None:
    return None if given is None else _like(value, given)


def _like(value: Value, given: TensorLike) -> Value:
    """A tensor as it is; an array or number in the dtype of `value`. Extents that only a call can tell are compared."""
    found = given.value if isinstance(given, Tensor) else constant_value(given, value.dtype)
    return fitted(found, value.shape)

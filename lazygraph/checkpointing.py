"""Functions whose reverse pass computes again instead of storing.

In: a function of tensors. Out: the function, what it makes put into one node of the graph, which derivatives take
apart: between the forward and the reverse pass only its operands live.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import ParamSpec, TypeVar

from lazygraph.compiler.ir.graph import Graph, Node, Value, last_number, topological, with_inputs
from lazygraph.compiler.ops.checkpoint import recomputed
from lazygraph.compiler.ops.leaf import new_parameter
from lazygraph.frames import traced, user_code
from lazygraph.promotion import value_of
from lazygraph.structure import flatten, unflatten
from lazygraph.tensor import Tensor

__all__ = ["checkpoint"]

P = ParamSpec("P")
R = TypeVar("R")


def checkpoint(f: Callable[P, R]) -> Callable[P, R]:
    """f, of which the reverse pass stores nothing but the arguments: what it needs it computes again.

    Arguments and results are tensors in any nesting; what else f takes it is given as it is. Tensors that f closes
    over, weights for one, are arguments too. A layer of a network whose activations do not fit in memory is called as
    `lg.checkpoint(layer)(x)`; the price is that it is computed twice. What is computed again has the same bits, random
    numbers included, is computed when the cotangents of f's results are known, and is merged with nothing. What f
    checks it checks again; what it prints it prints once.

    Derivatives of any order compute again likewise; `lg.vmap` goes inside; checkpoints nest: what an inner one needs
    is computed again while the outer one is. Forward mode stores nothing and computes nothing twice. Formulas are
    brought to a stable form within f and outside of it, not across: keep log(softmax(x)) on one side. A derivative with
    respect to a tensor that f made and left elsewhere is 0.

    >>> import lazygraph as lg
    >>> x, w = lg.placeholder((2,), lg.float32, "x"), lg.variable([[1.0, 2], [3, 4]], "w", lg.float32)
    >>> layer = lg.checkpoint(lambda x: lg.tanh(x @ w))
    >>> lg.grad(lg.sum(layer(layer(x))), x).eval({x: [0, 0]})
    array([17., 37.], dtype=float32)
    """
    if not callable(f):
        raise TypeError(f"checkpoint: expected a function, found {f!r}: lg.checkpoint(f)(x), not lg.checkpoint(f(x))")

    @traced
    @functools.wraps(f, updated=())
    def checkpointed(*args: P.args, **named: P.kwargs) -> R:
        given = [leaf.value for leaf in flatten((args, named))[0] if isinstance(leaf, Tensor)]
        start = last_number()
        found, nesting = flatten(user_code(f)(*args, **named))
        outputs = [value_of(each) for each in found]
        result: R = unflatten(nesting, [Tensor(value) for value in _as_one_node(outputs, given, start)])
        return result

    return checkpointed


def _as_one_node(outputs: Sequence[Value], given: Sequence[Value], start: int) -> Sequence[Value]:
    """The outputs as results of one node, of which what was made after node number `start` is the body."""
    nodes = topological(outputs, first=given)
    known = set(given)
    below = set(given)  # what depends on a parameter
    inside: list[Node] = []
    for node in nodes:
        if node.op.name == "parameter" or any([operand in below for operand in node.inputs]):
            below.update(node.outputs)
        if node.number > start and node.op.name != "parameter" and known.isdisjoint(node.outputs):
            inside.append(node)
    made = {value for node in inside for value in node.outputs}
    used = dict.fromkeys([operand for node in inside for operand in node.inputs] + list(outputs))
    operands = [value for value in used if value in below and value not in made]
    if not inside:
        return outputs
    new = {value: new_parameter(f"x{place}", value.dtype, value.shape) for place, value in enumerate(operands)}
    symbols = tuple(new.values())
    for node in inside:
        inputs = [new.get(operand, operand) for operand in node.inputs]
        same = all([fresh is old for fresh, old in zip(inputs, node.inputs)])
        new.update(zip(node.outputs, node.outputs if same else with_inputs(node, inputs).outputs))
    return recomputed(Graph("body", symbols, tuple([new.get(value, value) for value in outputs])), operands)

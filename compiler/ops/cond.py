"""cond: one of several sub-graphs, chosen when the step runs.

In: the number of the branch, and the operands of all branches. Out: what that branch gives; the others are not run.
A number below 0 chooses the first branch, one above the last. A tangent of a result is a cond of the branches'
tangents, with the same choice; so is a cotangent. In a batch whose choices differ every branch runs for all examples,
and each example takes what it chose: an effect inside a branch then happens whatever was chosen.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from lazygraph.compiler.ir.dims import Extent
from lazygraph.compiler.ir.errors import DTypeError, ShapeError
from lazygraph.compiler.ir.graph import Attributes, Graph, Node, TensorType, Value
from lazygraph.compiler.ops.bodies import (
    Mask,
    Types,
    Values,
    batched,
    chosen,
    left_out,
    over,
    pushed,
    require_types,
    symbols_like,
    types_of,
)
from lazygraph.compiler.ops.compose import batched_input, emit, or_zeros, spread
from lazygraph.compiler.ops.leaf import new_parameter
from lazygraph.compiler.ops.lowering import Branching
from lazygraph.compiler.ops.record import Domain, Flags, Op, Tangents, apply, full, register
from lazygraph.compiler.ops.samples import EVERY, Case, plain, smooth
from lazygraph.runtime.dtypes import DType, float64, int32


def _type(types: Types, attributes: Attributes) -> Types:
    branches = attributes.get("graphs", ())
    if not branches:
        raise ShapeError("cond: expected at least one branch, found none")
    if types[:1] != (TensorType(int32, ()),):
        raise DTypeError(f"cond: expected the number of a branch as i32[], found {types[0] if types else 'nothing'}")
    results = types_of(branches[0].outputs)
    for place, branch in enumerate(branches):
        require_types("cond", f"operands of branch {place}", types[1:], types_of(branch.inputs))
        require_types("cond", f"results of branch {place}", results, types_of(branch.outputs))
    return results


def _reference(which: np.ndarray, *operands: np.ndarray, graphs: Any) -> tuple[np.ndarray, ...]:
    results: tuple[np.ndarray, ...] = graphs[min(max(int(which), 0), len(graphs) - 1)](*operands)
    return results


def _jvp(node: Node, tangents: Tangents) -> Tangents:
    which, *operands = node.inputs
    moving = tuple([each is not None for each in tangents[1:]])
    found = [(branch, *pushed(branch, moving)) for branch in node.graphs]
    moved = tuple([any([each[place] is not None for *_, each in found]) for place in range(len(node.outputs))])
    if not any(moved):
        return (None,) * len(moved)
    branches = tuple(
        [
            Graph(
                branch.name,
                (*branch.inputs, *symbols),
                tuple([or_zeros(t, y) for t, y, has in zip(out, branch.outputs, moved, strict=True) if has]),
            )
            for branch, symbols, out in found
        ]
    )
    given = [each for each in tangents[1:] if each is not None]
    results = iter(apply(node.op, (which, *operands, *given), {}, graphs=branches))
    return tuple([next(results) if has else None for has in moved])


def _transpose(node: Node, cotangents: Tangents, linear: Mask) -> Tangents:
    from lazygraph.compiler.autodiff.transpose import transpose

    which, *operands = node.inputs
    of = linear[1:]
    arrived = tuple([ct is not None for ct in cotangents])
    given = [each for each in cotangents if each is not None]
    pulled = []
    for branch in node.graphs:
        symbols, symbols_of_cotangents = chosen(branch.inputs, of), symbols_like(given, "ct")
        found = transpose(chosen(branch.outputs, arrived), symbols, symbols_of_cotangents)
        pulled.append((branch, symbols_of_cotangents, found))
    reached = [any([found[place] is not None for *_, found in pulled]) for place in range(sum(of))]
    if not any(reached):
        return (None,) * len(linear)
    wanted = chosen(operands, of)
    branches = tuple(
        [
            Graph(
                branch.name,
                (*left_out(branch.inputs, of), *symbols),
                tuple([or_zeros(ct, x) for ct, x, has in zip(found, wanted, reached, strict=True) if has]),
            )
            for branch, symbols, found in pulled
        ]
    )
    results = iter(apply(node.op, (which, *left_out(operands, of), *given), {}, graphs=branches))
    places = iter(reached)
    return (None, *[next(results) if is_linear and next(places) else None for is_linear in of])


def _batch(node: Node, inputs: Values, has_axis: Mask, size: Extent) -> Values:
    which, *operands = inputs
    if has_axis[0]:
        return _every_branch(node, inputs, has_axis, size)
    branches = []
    for branch in node.graphs:
        parameters, found, have = batched(branch, has_axis[1:], size)
        results = tuple([batched_input(y, has, size) for y, has in zip(found, have)])
        branches.append(Graph(branch.name, parameters, results))
    return apply(node.op, inputs, {}, graphs=tuple(branches))


def _every_branch(node: Node, inputs: Values, has_axis: Mask, size: Extent) -> Values:
    """Every branch for all examples, and of each result the one that an example chose."""
    which, *operands = inputs
    results: list[Value] = []
    for number, branch in enumerate(node.graphs):
        parameters, found, have = batched(branch, has_axis[1:], size)
        made = over(Graph(branch.name, parameters, found), operands)
        given = [batched_input(y, has, size) for y, has in zip(made, have)]
        if number:
            here = emit("le", full(which.type, number), which)
            given = [emit("select", spread(here, y.shape, (0,)), y, x) for y, x in zip(given, results)]
        results = given
    return tuple(results)


# --- samples ----------------------------------------------------------------------------------------------------------


def _branches(shape: tuple[int, ...], dtype: DType, count: int) -> dict[str, Any]:
    """(x, y) -> (x, y), (y, x), (x or x + x, x)."""
    made = []
    for number in range(count):
        x, y = new_parameter("x", dtype, shape), new_parameter("y", dtype, shape)
        both = emit("or", x, y) if dtype.kind == "bool" else x + y
        made.append(Graph(f"branch{number}", (x, y), ((x, y), (y, x), (both, x))[number]))
    return {"graphs": tuple(made)}


def _cases(rng: np.random.Generator, dtype: DType) -> list[Case]:
    return [
        ((np.asarray(which, np.int32), plain(rng, dtype, shape), plain(rng, dtype, shape)), _branches(shape, dtype, n))
        for shape, n, which in [((), 1, 5), ((0,), 2, 1), ((1,), 3, -2), ((5,), 2, 0), ((2, 67), 3, 2), ((5,), 3, 9)]
    ]


def _smooth(rng: np.random.Generator) -> list[Case]:
    """(x, y) -> sin(x) y, or x x x."""
    found: list[Case] = []
    for which in (0, 1):
        x, y, u, v = [new_parameter(name, float64, (4,)) for name in "xyuv"]
        branches = Graph("then", (x, y), (emit("sin", x) * y, x)), Graph("else", (u, v), (u * u * u, v))
        found.append(((np.asarray(which, np.int32), *smooth(rng, (4,), (4,))), {"graphs": branches}))
    return found


cond = register(
    Op(
        name="cond",
        doc="What one of several sub-graphs gives: the one of a number, clamped into theirs.",
        type_rule=_type,
        reference=_reference,
        jvp=_jvp,
        transpose=_transpose,
        batch=_batch,
        lower=Branching(),
        domain=Domain(EVERY, _cases, _smooth),
        ulp=0,
        flags=Flags(),
    )
)

"""scan: a body applied once per position along leading axes, its carries handed from trip to trip.

In: the first carries, the sequences, what the body closes over, and the body, a sub-graph
(at, *carry, *x, *closed) -> (*carry', *y). Out: the last carries, and every y stacked along a new leading axis. `at` is
the position in the sequences: 0 .. length-1, backwards with `reverse`. Forward mode is one joint loop over carries and
tangents, which stores nothing; reverse mode (`scan_transpose.py`) splits it into a loop that keeps what the transposed
one needs. `segment` says how: 0 keeps it for every trip, k keeps the carries of every k-th and computes the rest again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from lazygraph.compiler.ir.dims import Dim, Extent
from lazygraph.compiler.ir.errors import ShapeError
from lazygraph.compiler.ir.graph import Attributes, Graph, Node, TensorType, Value
from lazygraph.compiler.ops.bodies import Types, Values, require_types, types_of
from lazygraph.compiler.ops.compose import axis_moved, batched_input, emit, or_zeros
from lazygraph.compiler.ops.leaf import new_parameter
from lazygraph.compiler.ops.loop_parts import Loop, loop_of
from lazygraph.compiler.ops.lowering import Repeated
from lazygraph.compiler.ops.record import Domain, Op, Tangents, register
from lazygraph.compiler.ops.samples import EVERY, Case, plain, smooth
from lazygraph.compiler.ops.scan_transpose import transposed
from lazygraph.compiler.ops.type_rules import require_equal
from lazygraph.runtime.dtypes import DType, float64, int64


def _type(types: Types, attributes: Attributes) -> Types:
    (body,) = attributes["graphs"]
    carries, sequences, length = attributes["carries"], attributes["sequences"], attributes["length"]
    if not isinstance(length, int | Dim) or isinstance(length, int) and length < 0:
        raise ShapeError(f"scan: length: expected an extent >= 0, found {length!r}")
    if attributes["segment"] < 0:
        raise ValueError(f"scan: segment: expected a number of trips >= 0, found {attributes['segment']}")
    if carries + sequences > len(types):
        raise ShapeError(f"scan: expected {carries} carries and {sequences} sequences, found {len(types)} operands")
    init, xs, closed = types[:carries], types[carries : carries + sequences], types[carries + sequences :]
    for place, each in enumerate(xs):
        if not each.shape:
            raise ShapeError(f"scan: sequence {place}: expected a leading axis of {length}, found a scalar")
        require_equal("scan", f"the leading axis of sequence {place} and the length", each.shape[0], length)
    elements = [TensorType(each.dtype, each.shape[1:]) for each in xs]
    taken = (TensorType(int64, ()), *init, *elements, *closed)
    require_types("scan", "inputs of the body", taken, types_of(body.inputs))
    require_types("scan", "carries that the body gives", init, types_of(body.outputs[:carries]))
    return (*init, *[TensorType(each.dtype, (length, *each.shape)) for each in body.outputs[carries:]])


def _reference(
    *operands: np.ndarray, graphs: Any, carries: int, sequences: int, length: int, reverse: bool, segment: int
) -> tuple[np.ndarray, ...]:
    (body,) = graphs
    state, xs, closed = operands[:carries], operands[carries : carries + sequences], operands[carries + sequences :]
    ys = body.empty(length)[carries:]
    for at in reversed(range(length)) if reverse else range(length):
        found = body(np.asarray(at), *state, *[each[at] for each in xs], *closed)
        state = found[:carries]
        for stack, each in zip(ys, found[carries:], strict=True):
            stack[at] = each
    return (*state, *ys)


def _jvp(node: Node, tangents: Tangents) -> Tangents:
    """One loop over (carries, tangents of carries): which carries have tangents is the least fixpoint."""
    from lazygraph.compiler.autodiff.cut import Prepared
    from lazygraph.compiler.autodiff.jvp import push_forward

    loop = loop_of(node)
    init_t, xs_t, closed_t = loop.split(tangents)
    fresh = [new_parameter("tangent", each.dtype, each.shape) for each in loop.body.inputs]
    body = Prepared(loop.body.outputs, loop.body.inputs, False)
    moving = [each is not None for each in init_t]
    while True:
        has = [False, *moving, *[each is not None for each in (*xs_t, *closed_t)]]
        symbols = [symbol if moves else None for symbol, moves in zip(fresh, has)]
        pushed = push_forward(body, symbols)
        found = [known or each is not None for known, each in zip(moving, pushed[: loop.carries])]
        if found == moving:
            break
        moving = found
    symbols_c, symbols_x, symbols_k = loop.split(symbols[1:])
    given = [or_zeros(pushed[i], loop.body.outputs[i]) for i in range(loop.carries) if moving[i]]
    ys_t = pushed[loop.carries :]
    joint = Loop(
        node,
        init=(*loop.init, *[or_zeros(t, x) for t, x, has in zip(init_t, loop.init, moving) if has]),
        xs=(*loop.xs, *_known(xs_t)),
        closed=(*loop.closed, *_known(closed_t)),
        at=loop.at,
        carry_in=(*loop.carry_in, *_known(symbols_c)),
        x_in=(*loop.x_in, *_known(symbols_x)),
        closed_in=(*loop.closed_in, *_known(symbols_k)),
        carry_out=(*loop.carry_out, *given),
        y_out=(*loop.y_out, *_known(ys_t)),
    )
    last, ys = joint.emit()
    states, stacks = iter(last[loop.carries :]), iter(ys[len(loop.y_out) :])
    return (
        *[next(states) if has else None for has in moving],
        *[None if each is None else next(stacks) for each in ys_t],
    )


def _known(values: Sequence[Value | None]) -> Values:
    return tuple([each for each in values if each is not None])


def _batch(node: Node, inputs: Values, batched: tuple[bool, ...], size: Extent) -> Values:
    """A loop whose trips take a batch each: which carries are batched is the least fixpoint."""
    from lazygraph.compiler.autodiff.batching import batch

    loop = loop_of(node)
    init, xs, closed = loop.split(inputs)
    fresh = [new_parameter(each.node["name"], each.dtype, (size, *each.shape)) for each in loop.body.inputs]
    has_init, has_xs, has_closed = loop.split(batched)
    moving = list(has_init)
    while True:
        mask = [False, *moving, *has_xs, *has_closed]
        replaced = {old: new for old, new, has in zip(loop.body.inputs, fresh, mask) if has}
        outputs, have = batch(loop.body.outputs, tuple(replaced), tuple(replaced.values()), size)
        found = [known or has for known, has in zip(moving, have)]
        if found == moving:
            break
        moving = found
    batched_out = [*moving, *have[loop.carries :]]
    results = [batched_input(out, has, size) if wants else out for out, has, wants in zip(outputs, have, batched_out)]
    new = [replaced.get(each, each) for each in loop.body.inputs]
    carry_in, x_in, closed_in = loop.split(new[1:])
    last, ys = Loop(
        node,
        init=tuple([batched_input(x, has, size) if wants else x for x, has, wants in zip(init, has_init, moving)]),
        xs=tuple([axis_moved(x, 0, 1) if has else x for x, has in zip(xs, has_xs)]),
        closed=tuple(closed),
        at=loop.at,
        carry_in=tuple(carry_in),
        x_in=tuple(x_in),
        closed_in=tuple(closed_in),
        carry_out=tuple(results[: loop.carries]),
        y_out=tuple(results[loop.carries :]),
    ).emit()
    stacks = [axis_moved(y, 1, 0) if has else y for y, has in zip(ys, batched_out[loop.carries :])]
    return tuple([batched_input(x, has, size) for x, has in zip((*last, *stacks), batched_out)])


# --- where the sweep tries it -----------------------------------------------------------------------------------------


def _sample(dtype: DType, shape: tuple[int, ...], length: int, reverse: bool) -> dict[str, Any]:
    """c' = c + x + w, y = (c, at): exact or rounded alike in every dtype."""
    at = new_parameter("at", int64, ())
    c, x, w = [new_parameter(name, dtype, shape) for name in "cxw"]
    new = c + x + w if dtype.kind != "bool" else emit("xor", c, emit("and", x, w))
    body = Graph("body", (at, c, x, w), (new, c, at))
    return {
        "carries": 1, "sequences": 1, "length": length, "reverse": reverse, "segment": 0, "graphs": (body,)
    }  # fmt: skip


def _cases(rng: np.random.Generator, dtype: DType) -> list[Case]:
    return [
        (
            (plain(rng, dtype, shape), plain(rng, dtype, (length, *shape)), plain(rng, dtype, shape)),
            _sample(dtype, shape, length, reverse),
        )
        for shape, length, reverse in [
            ((), 5, False),
            ((3,), 4, True),
            ((2, 67), 3, False),
            ((2,), 0, False),
            ((), 1, True),
        ]
    ]


def _smooth(rng: np.random.Generator) -> list[Case]:
    """c' = sin(c) x + w, y = c w: every operand moves every result, after and before itself."""
    cases = []
    for length, reverse, segment in [(3, False, 0), (4, True, 2), (0, False, 0)]:
        at = new_parameter("at", int64, ())
        c, x, w = [new_parameter(name, float64, (2,)) for name in "cxw"]
        body = Graph("body", (at, c, x, w), (emit("sin", c) * x + w, c * w))
        attributes = {"carries": 1, "sequences": 1, "length": length, "reverse": reverse, "segment": segment}
        cases.append((smooth(rng, (2,), (length, 2), (2,)), {**attributes, "graphs": (body,)}))
    return cases


scan = register(
    Op(
        name="scan",
        doc="A body applied once per position along leading axes: the last carries, and the stacked results.",
        type_rule=_type,
        reference=_reference,
        jvp=_jvp,
        transpose=transposed,
        batch=_batch,
        lower=Repeated(),
        domain=Domain(EVERY, _cases, _smooth),
        ulp=0,
    )
)

"""A dot and its epilogue as a contraction.
In: the body of a contraction group. Out: a `Contraction`: named axes for batch, m, n and k, each operand as an element
at these axes (views of it are index maps), and the elementwise rest of the group as the epilogue of the accumulator.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lazygraph.compiler.ir.dims import of_symbol
from lazygraph.compiler.ir.graph import Frames, Value
from lazygraph.compiler.loop.group_body import GroupBody, InPlace
from lazygraph.compiler.loop.ir import Axis, Contraction, Element, Operand, Var
from lazygraph.compiler.loop.prune import prune
from lazygraph.runtime.dtypes import DType


def contraction(body: GroupBody, name: str, frames: Frames) -> tuple[Contraction, InPlace]:
    """The contraction of a group, and which of its buffers may be one."""
    value = body.group.members[0]
    node = value.node
    left, right = node.inputs
    (batch_left, batch_right), (contract_left, contract_right) = node["batch"], node["contract"]
    free_left = [axis for axis in range(len(left.shape)) if axis not in (*batch_left, *contract_left)]
    free_right = [axis for axis in range(len(right.shape)) if axis not in (*batch_right, *contract_right)]

    def axes(name: str, source: Value, which: Sequence[int]) -> tuple[Axis, ...]:
        return tuple([Axis(body.symbol(name, source.shape[axis]), source.shape[axis]) for axis in which])

    batch = axes("b", left, batch_left)
    m, n, k = axes("m", left, free_left), axes("n", right, free_right), axes("k", left, contract_left)

    def element(operand: Value, places: Mapping[int, Axis]) -> Element:
        index = tuple([of_symbol(places[axis].symbol) for axis in range(len(operand.shape))])
        found: list[Operand] = []
        statements = body.scope(lambda: found.append(_cast(body, body.element(operand, index), node["accumulate"])))
        return Element(prune(statements, found[0]), found[0])

    a = element(left, dict(zip((*batch_left, *free_left, *contract_left), (*batch, *m, *k), strict=True)))
    b = element(right, dict(zip((*batch_right, *free_right, *contract_right), (*batch, *n, *k), strict=True)))
    operands = body.forget_reads()
    acc = Var("acc", node["accumulate"])
    here = tuple([of_symbol(axis.symbol) for axis in (*batch, *m, *n)])

    def epilogue() -> None:
        body.rows[value] = (here, _cast(body, acc, value.dtype))
        body.store_all(list(body.writes), here)

    statements = prune(body.scope(epilogue))
    body.exclude(operands)
    kernel = Contraction(name, body.buffers(), body.written(), batch, m, n, k, a, b, acc, statements, frames)
    return kernel, body.in_place(here, "full")


def _cast(body: GroupBody, scalar: Operand, dtype: DType) -> Operand:
    return scalar if scalar.dtype == dtype else body.let("cast", scalar, dtype=dtype)

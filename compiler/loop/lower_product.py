"""A sum of products (dot, convolution) and its epilogue as a contraction.
In: the body of a contraction group. Out: a `Contraction`: named axes for batch, m, n and k, each operand as an element
at these axes (views of it, padding and dilation are index maps and guards), and the elementwise rest of the group as
the epilogue of the accumulator. Which axes play which role is said by the op's `Product`, for where the result lands.
"""

from __future__ import annotations

from collections.abc import Callable

from lazygraph.compiler.ir.dims import Shape, of_symbol
from lazygraph.compiler.ir.graph import Frames
from lazygraph.compiler.loop.group_body import GroupBody, InPlace
from lazygraph.compiler.loop.ir import Axis, Contraction, Element, Index, Operand, Var
from lazygraph.compiler.loop.landing import form_of, landed
from lazygraph.compiler.loop.prune import prune
from lazygraph.runtime.dtypes import DType


def contraction(body: GroupBody, name: str, frames: Frames) -> tuple[Contraction, InPlace]:
    """The contraction of a group, and which of its buffers may be one."""
    chain = body.group.landing
    node = chain[0].node
    form = form_of(chain)
    batch, m, n, k = (_axes(body, role, getattr(form, role)) for role in ("batch", "m", "n", "k"))
    accumulate = node["accumulate"]

    def element(read: Callable[[], Operand]) -> Element:
        found: list[Operand] = []
        statements = body.scope(lambda: found.append(_cast(body, body.within(node, read), accumulate)))
        return Element(prune(statements, found[0]), found[0])

    a = element(lambda: form.left(body, _at(batch), _at(m), _at(k)))
    b = element(lambda: form.right(body, _at(batch), _at(n), _at(k)))
    operands = body.forget_reads()
    acc = Var("acc", accumulate)
    here = landed(chain, form.place(_at(batch), _at(m), _at(n)))

    def epilogue() -> None:
        body.rows[chain[-1]] = (here, _cast(body, acc, chain[-1].dtype))
        full = [value for value in body.writes if body.group.roles[value] == "full"]
        moved = [(value, value.node.inputs[0]) for value in body.writes if value not in full]
        scalars = [body.element(source, here) for _, source in moved]  # before a store that may be in place
        body.store_all(full, here)
        for (value, source), scalar in zip(moved, scalars, strict=True):
            body.store(body.writes[value], landed((source, value), here), scalar)

    statements = prune(body.scope(epilogue))
    body.exclude(operands)
    kernel = Contraction(name, body.buffers(), body.written(), batch, m, n, k, a, b, acc, statements, frames)
    return kernel, body.in_place(here, "full")


def _axes(body: GroupBody, role: str, extents: Shape) -> tuple[Axis, ...]:
    letter = role[0]
    return tuple([Axis(body.symbol(letter, extent), extent) for extent in extents])


def _at(axes: tuple[Axis, ...]) -> Index:
    return tuple([of_symbol(axis.symbol) for axis in axes])


def _cast(body: GroupBody, scalar: Operand, dtype: DType) -> Operand:
    return scalar if scalar.dtype == dtype else body.let("cast", scalar, dtype=dtype)

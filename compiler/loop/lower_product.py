"""A sum of products (dot, convolution) and its epilogue as a contraction.
In: the body of a contraction group. Out: a `Contraction`: named axes for batch, m, n and k, each operand as an element
at these axes (views of it, padding and dilation are index maps and guards), and the elementwise rest of the group as
the epilogue of the accumulator. Which axes play which role is said by the op's `Product`.
"""

from __future__ import annotations

from collections.abc import Callable

from lazygraph.compiler.ir.dims import Shape, of_symbol
from lazygraph.compiler.ir.graph import Frames
from lazygraph.compiler.loop.group_body import GroupBody, InPlace
from lazygraph.compiler.loop.ir import Axis, Contraction, Element, Index, Operand, Var
from lazygraph.compiler.loop.prune import prune
from lazygraph.compiler.ops.lowering import Product
from lazygraph.runtime.dtypes import DType


def contraction(body: GroupBody, name: str, frames: Frames) -> tuple[Contraction, InPlace]:
    """The contraction of a group, and which of its buffers may be one."""
    value = body.group.members[0]
    node = value.node
    product = node.op.lower
    assert isinstance(product, Product)
    spaces = product.spaces(node)
    batch, m, n, k = (_axes(body, role, getattr(spaces, role)) for role in ("batch", "m", "n", "k"))
    accumulate = node["accumulate"]

    def element(read: Callable[[], Operand]) -> Element:
        found: list[Operand] = []
        statements = body.scope(lambda: found.append(_cast(body, body.within(node, read), accumulate)))
        return Element(prune(statements, found[0]), found[0])

    a = element(lambda: product.left(body, node, _at(batch), _at(m), _at(k)))
    b = element(lambda: product.right(body, node, _at(batch), _at(n), _at(k)))
    operands = body.forget_reads()
    acc = Var("acc", accumulate)
    here = product.place(node, _at(batch), _at(m), _at(n))

    def epilogue() -> None:
        body.rows[value] = (here, _cast(body, acc, value.dtype))
        body.store_all(list(body.writes), here)

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

"""The greatest common divisor of integers.

In: two integer tensors of one type. Out: their greatest common divisors, by Euclid's algorithm (Elements, book VII,
proposition 2): gcd(x, y) = gcd(y, x mod y), as many steps as each pair needs.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lazygraph.compiler.ir import dims
from lazygraph.compiler.ir.dims import Extent
from lazygraph.compiler.ir.graph import Node
from lazygraph.compiler.loop.ir import Buffer, Index, Operand
from lazygraph.compiler.ops import domains
from lazygraph.compiler.ops.elementwise import batch_elementwise, elementwise_type
from lazygraph.compiler.ops.lowering import BodyBuilder, Loops
from lazygraph.compiler.ops.nests import nest
from lazygraph.compiler.ops.record import NOT_LINEAR, Flags, Op, no_tangent, register
from lazygraph.runtime.dtypes import INTEGERS

BLOCK = 256  # pairs that one thread takes at least


def _write(b: BodyBuilder, node: Node, inputs: tuple[Buffer, ...], outputs: tuple[Buffer, ...]) -> None:
    (left, right), (target,) = inputs, outputs
    zero = b.literal(0, target.dtype)

    def pair(at: Index) -> None:
        def goes_on(carried: tuple[Operand, ...]) -> Operand:
            return b.let("not", b.let("eq", carried[1], zero))

        def step(carried: tuple[Operand, ...]) -> Sequence[Operand]:
            return carried[1], b.let("rem", *carried)

        found, _ = b.while_((b.load(left, at), b.load(right, at)), goes_on, step)
        b.store(target, at, found if target.dtype.kind == "uint" else b.let("abs", found))

    if not target.shape:
        pair(())
        return
    *outer, width = target.shape

    def block(at: Index) -> None:
        start = dims.multiply(at[-1], BLOCK)

        def each(place: Extent) -> None:
            pair((*at[:-1], dims.add(start, place)))

        b.loop("serial", "v", dims.minimum(BLOCK, width - start), each)

    nest(b, "r", [("parallel", extent) for extent in (*outer, dims.ceildiv(width, BLOCK))], block)


gcd = register(
    Op(
        name="gcd",
        doc="The greatest integer that divides x and y, without a sign; gcd(0, 0) = 0. Where it is 2**(bits - 1), "
        "which a signed dtype cannot hold, the least integer.",
        type_rule=elementwise_type("gcd", 2, INTEGERS),
        reference=np.gcd,
        jvp=no_tangent,
        transpose=NOT_LINEAR,
        batch=batch_elementwise,
        lower=Loops(_write, in_place=(0, 1)),
        domain=domains.ranges(INTEGERS, (-99, 99), (-99, 99)),
        ulp=0,
        flags=Flags(commutative=True),
    )
)

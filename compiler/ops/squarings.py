"""Matrices squared again and again, each as often as its data says: x -> x**(2**count), and the derivative of that.

In: square matrices (.., n, n), and how often each is squared (..), int64; negative counts are 0. Out: matrices. The
derivative along e doubles with its matrix: (x, d) -> (x x, x d + d x). It is the upper right block of [[x, e], [0, x]]
squared as often, which gives the derivatives of every order from these two ops (N. J. Higham, "Functions of Matrices",
2008, 3.2).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from lazygraph.compiler.ir import dims
from lazygraph.compiler.ir.dims import Extent
from lazygraph.compiler.ir.graph import Attributes, Node, TensorType, Value
from lazygraph.compiler.loop.ir import Buffer, Index, Operand
from lazygraph.compiler.ops.compose import emit
from lazygraph.compiler.ops.lowering import BodyBuilder, Loops
from lazygraph.compiler.ops.matrix import tiles
from lazygraph.compiler.ops.matrix.graph import batch_of_matrices, padded, part, require_square, transposed
from lazygraph.compiler.ops.matrix.samples import in_double
from lazygraph.compiler.ops.nests import nest
from lazygraph.compiler.ops.record import NOT_LINEAR, Domain, Flags, Op, Tangents, register
from lazygraph.compiler.ops.samples import Case, plain
from lazygraph.compiler.ops.type_rules import require_dtype, require_equal_shapes, require_operands
from lazygraph.runtime.dtypes import COMPLEX, DType, complex128, float32, float64, int64

# --- x**(2**count) ----------------------------------------------------------------------------------------------------


def _type_rule(op: str) -> Callable[..., Sequence[TensorType]]:
    def rule(types: tuple[TensorType, ...], attributes: Attributes) -> Sequence[TensorType]:
        require_operands(op, types, 2 if op == "squarings" else 3)
        *matrices, count = types
        lead, rows = require_square(op, "the matrix", matrices[0])
        require_dtype(op, "the count", count.dtype, ("int",))
        if count.dtype != int64:
            raise TypeError(f"{op}: the count: expected int64, found {count.dtype}")
        require_equal_shapes(op, "leading axes of the matrix and the count", lead, count.shape)
        if matrices[1:] and matrices[1] != matrices[0]:
            raise TypeError(f"{op}: the direction: expected {matrices[0]}, found {matrices[1]}")
        return (matrices[0],)

    return rule


def _reference(x: np.ndarray, count: np.ndarray) -> np.ndarray:
    found = x.copy()
    for place in np.ndindex(count.shape):
        for _ in range(int(count[place])):
            found[place] = found[place] @ found[place]
    return found


def _jvp(node: Node, tangents: Tangents) -> Tangents:
    x, count = node.inputs
    return (None if tangents[0] is None else emit("squarings_along", x, tangents[0], count),)


# --- its derivative ---------------------------------------------------------------------------------------------------


def _along_reference(x: np.ndarray, e: np.ndarray, count: np.ndarray) -> np.ndarray:
    whole, found = x.copy(), e.copy()
    for place in np.ndindex(count.shape):
        for _ in range(int(count[place])):
            found[place] = whole[place] @ found[place] + found[place] @ whole[place]
            whole[place] = whole[place] @ whole[place]
    return found


def _blocks(diagonal: Value, above: Value | None) -> Value:
    """[[diagonal, above], [0, diagonal]]."""
    n = diagonal.shape[-1]
    found = emit("add", padded(diagonal, (0, n), (0, n)), padded(diagonal, (n, 0), (n, 0)))
    return found if above is None else emit("add", found, padded(above, (0, n), (n, 0)))


def _along_jvp(node: Node, tangents: Tangents) -> Tangents:
    """The value is the upper right block of [[x, e], [0, x]] squared: it changes as that along [[dx, de], [0, dx]]."""
    x, e, count = node.inputs
    dx, de, _ = tangents
    if dx is None:
        return (None if de is None else node.op(x, de, count),)
    n = x.shape[-1]
    whole = node.op(_blocks(x, e), _blocks(dx, de), count)
    return (part(whole, (0, n), (n, n + n)),)


def _along_transpose(node: Node, cotangents: Tangents, linear: tuple[bool, ...]) -> Tangents:
    (ct,) = cotangents
    if ct is None or not linear[1]:
        return (None, None, None)
    x, _, count = node.inputs
    return (None, node.op(transposed(x), ct, count), None)


# --- lowering ---------------------------------------------------------------------------------------------------------


def _write(b: BodyBuilder, node: Node, inputs: tuple[Buffer, ...], outputs: tuple[Buffer, ...]) -> None:
    """Squares in a local array and back; of the derivative the two products first, as they read the old matrix."""
    *matrices, count = inputs
    (target,) = outputs
    *lead, extent, _ = target.shape
    width = tiles.panel_width(target.dtype, extent)
    zero = b.literal(0.0, target.dtype)

    def matrix(at: Index) -> None:
        panel = b.local("panel", target.dtype, (extent, width))
        x, squared = (b.local(name, target.dtype, (extent, extent)) for name in ("x", "squared"))
        changed = b.local("changed", target.dtype, (extent, extent)) if len(matrices) > 1 else None
        power = target if changed is None else x

        def place(buffer: Buffer, i: Extent, j: Extent) -> Index:
            return (*at, i, j) if buffer is target else (i, j)

        def copy(source: Callable[[Extent, Extent], Operand], to: Buffer) -> None:
            def row(i: Extent) -> None:
                b.loop("vector", "j", extent, lambda j: b.store(to, place(to, i, j), source(i, j)))

            b.loop("serial", "i", extent, row)

        def copied(source: Buffer, to: Buffer) -> None:
            copy(lambda i, j: b.load(source, place(source, i, j)), to)

        def product(left: Buffer, right: Buffer, to: Buffer, begins: bool) -> None:
            """to = left right, or to += left right; a tile takes products away, so that they are negated."""

            def block(number: Extent) -> None:
                first = dims.multiply(number, width)

                def source(i: Extent, j: Extent, guard: Operand | None, other: Operand | None) -> Operand:
                    return b.let("neg", b.load(right, place(right, i, j), guard, other))

                def tile(top: Extent) -> tiles.Tile:
                    def start(r: Extent, lane: Extent) -> Operand:
                        if begins:
                            return zero
                        guard = tiles.within(b, first + lane, extent)
                        return b.load(to, place(to, top + r, first + lane), guard, None if guard is None else zero)

                    return tiles.Tile(
                        start,
                        lambda r, k: b.load(left, place(left, top + r, k)),
                        lambda k, lane: b.load(panel, (k, lane)),
                        lambda r, lane, value: b.store(
                            to, place(to, top + r, first + lane), value, tiles.within(b, first + lane, extent)
                        ),
                    )

                tiles.load_panel(b, panel, extent, first, extent, source)
                tiles.subtract(b, panel, extent, extent, tile)

            b.loop("serial", "block", dims.ceildiv(extent, width), block)

        def once(left: tuple[Operand, ...]) -> Sequence[Operand]:
            if changed is not None:
                product(power, target, changed, True)
                product(target, power, changed, False)
                copied(changed, target)
            product(power, power, squared, True)
            copied(squared, power)
            return [b.let("sub", left[0], b.literal(1, int64))]

        copy(lambda i, j: b.load(matrices[-1], (*at, i, j)), target)
        if changed is not None:
            copy(lambda i, j: b.load(matrices[0], (*at, i, j)), x)
        b.while_([b.load(count, at)], lambda left: b.let("lt", b.literal(0, int64), left[0]), once)

    nest(b, "m", [("parallel", each) for each in lead], matrix)


# --- records ----------------------------------------------------------------------------------------------------------

_SHAPES = [((), 0), ((1, 2), 3), ((5,), 18)]


def _contracting(rng: np.random.Generator, dtype: DType, lead: Sequence[int], n: int) -> np.ndarray:
    """About the identity, so that powers stay moderate."""
    return np.asarray((np.eye(n) + plain(rng, dtype, (*lead, n, n)) / (12 * max(n, 1))).astype(dtype.numpy))


def _cases(number: int) -> Callable[[np.random.Generator, DType], list[Case]]:
    def cases(rng: np.random.Generator, dtype: DType) -> list[Case]:
        return [
            (
                (*[_contracting(rng, dtype, lead, n) for _ in range(number)], np.asarray(rng.integers(-1, 4, lead))),
                {},
            )
            for lead, n in _SHAPES
        ]

    return cases


def _smooth(number: int) -> Callable[[np.random.Generator], list[Case]]:
    def cases(rng: np.random.Generator) -> list[Case]:
        chosen = [(float64, (2,), 2, [0, 3]), (complex128, (), 2, 1)]
        return [
            ((*[_contracting(rng, dtype, lead, n) for _ in range(number)], np.asarray(count, np.int64)), {})
            for dtype, lead, n, count in chosen
        ]

    return cases


_DTYPES = (float32, float64, *COMPLEX)

squarings = register(
    Op(
        name="squarings",
        doc="x**(2**count) of square matrices, each with its own count; x where the count is not positive.",
        type_rule=_type_rule("squarings"),
        reference=in_double(_reference),
        jvp=_jvp,
        transpose=NOT_LINEAR,
        batch=batch_of_matrices,
        lower=Loops(_write),
        domain=Domain(_DTYPES, _cases(1), _smooth(1)),
        ulp=16,
        flags=Flags(normwise=True),
    )
)

squarings_along = register(
    Op(
        name="squarings_along",
        doc="The derivative of x**(2**count) along a direction e: operands x, e, count.",
        type_rule=_type_rule("squarings_along"),
        reference=in_double(_along_reference),
        jvp=_along_jvp,
        transpose=_along_transpose,
        batch=batch_of_matrices,
        lower=Loops(_write),
        domain=Domain(_DTYPES, _cases(2), _smooth(2)),
        ulp=32,
        flags=Flags(linear=(1,), normwise=True),
    )
)

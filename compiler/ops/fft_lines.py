"""Transforms of known length along lines: what `passes/decompose_fft.py` makes of `fft`.

In: complex lines and the table of their roots (`fourier/plan.py`). Out: their transforms. One kernel: a line, or some
that lie side by side, goes through all stages in the cache of one thread. complex64 is computed in complex128.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

import numpy as np

from lazygraph.compiler.ir import dims
from lazygraph.compiler.ir.dims import Extent
from lazygraph.compiler.ir.errors import ShapeError
from lazygraph.compiler.ir.graph import Attributes, Node, TensorType, Value
from lazygraph.compiler.loop.ir import Buffer, Index
from lazygraph.compiler.ops.compose import emit
from lazygraph.compiler.ops.fourier import plan
from lazygraph.compiler.ops.fourier.butterflies import Point
from lazygraph.compiler.ops.fourier.parts import load_point, store_point
from lazygraph.compiler.ops.fourier.stages import Place, write_stages
from lazygraph.compiler.ops.lowering import BodyBuilder, Loops
from lazygraph.compiler.ops.nests import nest
from lazygraph.compiler.ops.record import Domain, Flags, Op, Tangents, register
from lazygraph.compiler.ops.samples import Case, plain
from lazygraph.compiler.ops.type_rules import require_dtype, require_equal, require_operands
from lazygraph.runtime.dtypes import COMPLEX, DType, complex128, float64, uint64


def lines(x: Value, *, radices: tuple[int, ...], columns: int, inverse: bool, scale: float) -> Value:
    """The node, with its table."""
    table = emit("constant", value=plan.table(radices))
    return emit("fft_lines", x, table, radices=radices, columns=columns, inverse=inverse, scale=scale)


def _type(types: tuple[TensorType, ...], attributes: Attributes) -> Sequence[TensorType]:
    require_operands("fft_lines", types, 2)
    x, table = types
    require_dtype("fft_lines", "operand 0", x.dtype, ("complex",))
    radices, columns = attributes["radices"], attributes["columns"]
    length = prod(radices)
    if table != TensorType(uint64, (2, length)):
        raise ShapeError(f"fft_lines: table: expected {TensorType(uint64, (2, length))}, found {table}")
    if x.rank == 2:
        require_equal("fft_lines", "points of a line", x.shape[1], length * columns)
    elif x.rank == 4:
        require_equal("fft_lines", "points of a line", x.shape[1], length)
        require_equal("fft_lines", "columns", x.shape[3], columns)
    else:
        raise ShapeError(f"fft_lines: expected an operand of rank 2 or 4, found {x}")
    return (x,)


def _reference(x: np.ndarray, table: np.ndarray, **attributes: Any) -> np.ndarray:
    length = prod(attributes["radices"])
    grouped = x.reshape(x.shape[0], length, prod(x.shape[1:]) // length)
    transform: Callable[..., np.ndarray] = np.fft.ifft if attributes["inverse"] else np.fft.fft
    found = transform(grouped, axis=1, norm="forward" if attributes["inverse"] else "backward")
    return np.asarray(found * attributes["scale"]).astype(x.dtype).reshape(x.shape)


def _jvp(node: Node, tangents: Tangents) -> Tangents:
    dx = tangents[0]
    return (None if dx is None else emit("fft_lines", dx, node.inputs[1], **node.attributes),)


def _transpose(node: Node, cotangents: Tangents, linear: tuple[bool, ...]) -> Tangents:
    """e**(-2 pi i j k / n) is symmetric in j and k."""
    (ct,) = cotangents
    return (None if ct is None else emit("fft_lines", ct, node.inputs[1], **node.attributes), None)


def _batch(node: Node, inputs: tuple[Value, ...], batched: tuple[bool, ...], size: Extent) -> tuple[Value, ...]:
    """Examples are more lines; the table is that of the radices, for all."""
    x = inputs[0] if batched[0] else emit("broadcast", inputs[0], shape=(size, *inputs[0].shape), axes=_behind(node))
    flat = emit("reshape", x, shape=(dims.multiply(size, x.shape[1]), *x.shape[2:]))
    return (emit("reshape", lines(flat, **node.attributes), shape=x.shape),)


def _behind(node: Node) -> tuple[int, ...]:
    return tuple(range(1, node.inputs[0].type.rank + 1))


def _write(b: BodyBuilder, node: Node, inputs: tuple[Buffer, ...], outputs: tuple[Buffer, ...]) -> None:
    (x, table), (y,) = inputs, outputs
    columns, inverse = node["columns"], node["inverse"]
    scale = None if node["scale"] == 1 else b.literal(node["scale"], float64)

    def line(at: Index) -> None:
        def index(place: Extent) -> Index:
            if len(at) == 1:
                return (*at, place)
            return (at[0], dims.floordiv(place, columns), at[1], dims.mod(place, columns))

        def store(place: Extent, point: Point) -> None:
            store_point(b, y, index(place), point, inverse)

        source = Place(lambda place: load_point(b, x, index(place), inverse), store)
        write_stages(b, node["radices"], columns, table, source, source, scale)

    nest(b, "r", [("parallel", extent) for extent in (x.shape[0], *x.shape[2:3])], line)


_RADICES: Sequence[tuple[tuple[int, ...], int]] = [((7,), 1), ((3, 2), 2), ((5, 8, 4), 1), ((13, 11), 1), ((4, 16), 1)]
_LINES = (1, 3, 2, 0, 3)
_BLOCKS: Sequence[tuple[tuple[int, ...], int]] = [((3, 4), 16), ((2,), 5), ((8, 8), 40)]


def _cases(rng: np.random.Generator, dtype: DType) -> list[Case]:
    found: list[Case] = []
    for place, (radices, columns) in enumerate((*_RADICES, *_BLOCKS)):
        length = prod(radices)
        blocked = place >= len(_RADICES)
        shape = (2, length, 3, columns) if blocked else (_LINES[place], length * columns)
        attributes = {"radices": radices, "columns": columns, "inverse": place % 2 == 1, "scale": (1.0, 0.5)[blocked]}
        found.append(((plain(rng, dtype, shape), plan.table(radices)), attributes))
    return found


fft_lines = register(
    Op(
        name="fft_lines",
        doc="Fourier transforms, times `scale`, along axis 1 of [lines, n * columns] or [lines, n, blocks, columns], "
        "n = the product of `radices`, by the roots in `table`, which are those of the radices.",
        type_rule=_type,
        reference=_reference,
        jvp=_jvp,
        transpose=_transpose,
        batch=_batch,
        lower=Loops(_write),
        domain=Domain(COMPLEX, _cases, lambda rng: _cases(rng, complex128)),
        ulp=4,
        flags=Flags(linear=(0,), normwise=True),
    )
)

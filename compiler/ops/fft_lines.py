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
from lazygraph.compiler.ir.dims import Extent, Shape
from lazygraph.compiler.ir.errors import ShapeError
from lazygraph.compiler.ir.graph import Attributes, Node, TensorType, Value
from lazygraph.compiler.loop.ir import Buffer, Index
from lazygraph.compiler.ops.compose import batched_input, emit
from lazygraph.compiler.ops.fourier import plan
from lazygraph.compiler.ops.fourier.butterflies import Point
from lazygraph.compiler.ops.fourier.parts import load_point, store_point
from lazygraph.compiler.ops.fourier.stages import LANES, Place, scratch, scratches, write_stages
from lazygraph.compiler.ops.lowering import BodyBuilder, Loops
from lazygraph.compiler.ops.nests import nest
from lazygraph.compiler.ops.record import Domain, Flags, Op, Tangents, register
from lazygraph.compiler.ops.samples import Case, plain
from lazygraph.compiler.ops.type_rules import require_axis, require_dtype, require_equal, require_operands
from lazygraph.runtime.dtypes import COMPLEX, DType, complex128, float64, uint64


def lines(x: Value, *, radices: tuple[int, ...], **attributes: Any) -> Value:
    """The node, with its table."""
    return emit("fft_lines", x, emit("constant", value=plan.table(radices)), radices=radices, **attributes)


def _type(types: tuple[TensorType, ...], attributes: Attributes) -> Sequence[TensorType]:
    require_operands("fft_lines", types, 2)
    x, table = types
    require_dtype("fft_lines", "operand 0", x.dtype, ("complex",))
    axis, length = require_axis("fft_lines", attributes["axis"], x.rank), prod(attributes["radices"])
    require_equal("fft_lines", "points of a line", x.shape[axis], length)
    if table != TensorType(uint64, (2, length)):
        raise ShapeError(f"fft_lines: table: expected {TensorType(uint64, (2, length))}, found {table}")
    behind = dims.product(x.shape[axis + 1 :])
    if attributes["rows"] not in (1, LANES) or attributes["rows"] > 1 and (behind != 1 or axis == 0):
        raise ShapeError(f"fft_lines: rows: expected 1, or {LANES} along the last axis, found {attributes['rows']}")
    if not isinstance(behind, int) or behind % attributes["columns"]:
        raise ShapeError(f"fft_lines: columns: expected a divisor of {behind}, found {attributes['columns']}")
    return (x,)


def _reference(x: np.ndarray, table: np.ndarray, **attributes: Any) -> np.ndarray:
    transform: Callable[..., np.ndarray] = np.fft.ifft if attributes["inverse"] else np.fft.fft
    found = transform(x, axis=attributes["axis"], norm="forward" if attributes["inverse"] else "backward")
    return np.asarray(found * attributes["scale"]).astype(x.dtype)


def _jvp(node: Node, tangents: Tangents) -> Tangents:
    dx = tangents[0]
    return (None if dx is None else emit("fft_lines", dx, node.inputs[1], **node.attributes),)


def _transpose(node: Node, cotangents: Tangents, linear: tuple[bool, ...]) -> Tangents:
    """e**(-2 pi i j k / n) is symmetric in j and k."""
    (ct,) = cotangents
    return (None if ct is None else emit("fft_lines", ct, node.inputs[1], **node.attributes), None)


def _batch(node: Node, inputs: tuple[Value, ...], batched: tuple[bool, ...], size: Extent) -> tuple[Value, ...]:
    """Examples are more lines; the table is that of the radices, for all."""
    x = batched_input(inputs[0], batched[0], size)
    return (lines(x, **{**node.attributes, "axis": node["axis"] + 1}),)


def _write(b: BodyBuilder, node: Node, inputs: tuple[Buffer, ...], outputs: tuple[Buffer, ...]) -> None:
    (x, table), (y,) = inputs, outputs
    axis, radices, columns, inverse = node["axis"], node["radices"], node["columns"], node["inverse"]
    behind = x.shape[axis + 1 :]
    scale = None if node["scale"] == 1 else b.literal(node["scale"], float64)

    def line(at: Index) -> None:
        def index(place: Extent) -> Index:
            column = dims.add(dims.multiply(at[axis], columns), dims.mod(place, columns))
            return (*at[:axis], dims.floordiv(place, columns), *_unravelled(column, behind))

        def store(place: Extent, point: Point) -> None:
            store_point(b, y, index(place), point, inverse)

        source = Place(lambda place: load_point(b, x, index(place), inverse), store)
        write_stages(b, radices, columns, table, source, source, scale, scratches(b, radices, columns))

    def several(at: Index) -> None:
        """Lines one behind the other, place k of line i at k LANES + i; results are put in order at the end."""
        length, first = x.shape[axis], dims.multiply(at[-1], LANES)
        there = dims.minimum(LANES, x.shape[axis - 1] - first)  # lines of this block

        def load(place: Extent) -> Point:
            lane = dims.mod(place, LANES)
            guard = None if there == LANES else b.in_range(lane, 0, there)
            index = (*at[:-1], dims.add(first, lane), dims.floordiv(place, LANES))
            return load_point(b, x, index, inverse, guard)

        results = scratch(b, dims.multiply(length, LANES))
        between = scratches(b, radices, LANES)
        write_stages(b, radices, LANES, table, Place(load, results.store), results, scale, between)

        def put(place: Extent) -> None:
            lane, k = dims.floordiv(place, length), dims.mod(place, length)
            point = results.load(dims.add(dims.multiply(k, LANES), lane))
            store_point(b, y, (*at[:-1], dims.add(first, lane), k), point, inverse)

        b.loop("vector", "p", dims.multiply(there, length), put)

    if node["rows"] == LANES:
        blocks = dims.ceildiv(x.shape[axis - 1], LANES)
        nest(b, "r", [("parallel", extent) for extent in (*x.shape[: axis - 1], blocks)], several)
    else:
        blocks = dims.floordiv(dims.product(behind), columns)
        nest(b, "r", [("parallel", extent) for extent in (*x.shape[:axis], blocks)], line)


def _unravelled(place: Extent, shape: Shape) -> Index:
    """The index of a row-major place."""
    found: list[Extent] = []
    for number, extent in enumerate(reversed(shape)):
        found.insert(0, place if number == len(shape) - 1 else dims.mod(place, extent))
        place = dims.floordiv(place, extent)
    return tuple(found)


_CASES: Sequence[tuple[Sequence[int], int, tuple[int, ...], int]] = [
    ((1, 7), 1, (7,), 1),
    ((6, 3, 2), 0, (3, 2), 6),
    ((160,), 0, (5, 8, 4), 1),
    ((0, 143), 1, (13, 11), 1),
    ((3, 64), 1, (4, 16), 1),
    ((2, 12, 3, 16), 1, (3, 4), 16),
    ((2, 15), 0, (2,), 5),
    ((64, 2, 60), 0, (8, 8), 40),
    ((2, 19, 6), 2, (3, 2), 1),
    ((32, 13), 1, (13,), 1),
]


def _cases(rng: np.random.Generator, dtype: DType) -> list[Case]:
    return [
        (
            (plain(rng, dtype, shape), plan.table(radices)),
            {
                "axis": axis,
                "radices": radices,
                "columns": columns,
                "rows": LANES if place > 7 else 1,
                "inverse": place % 2 == 1,
                "scale": 1 / (1 + place % 3),
            },
        )
        for place, (shape, axis, radices, columns) in enumerate(_CASES)
    ]


fft_lines = register(
    Op(
        name="fft_lines",
        doc="Fourier transforms, times `scale`, along an axis of as many points as the product of "
        "`radices`, by their roots in `table`; `columns` neighbours or `rows` rows at a time.",
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

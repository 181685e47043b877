"""Binary search: the places at which values would be inserted into sorted rows.

In: rows of shape B + (n,), each ascending as `sort` orders them (NaN last), and values of shape B + S. Out: int64 of
the values' shape: how many elements of the row are less than the value (side "left"), or not greater (side "right").
Rows that are not in order give some number in 0 .. n.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lazygraph.compiler.ir import dims
from lazygraph.compiler.ir.dims import Extent
from lazygraph.compiler.ir.errors import ShapeError
from lazygraph.compiler.ir.graph import Attributes, Node, TensorType, Value
from lazygraph.compiler.loop.ir import Buffer, Index, Operand
from lazygraph.compiler.ops.compose import batched_input, emit
from lazygraph.compiler.ops.lowering import BodyBuilder, Loops
from lazygraph.compiler.ops.nests import nest
from lazygraph.compiler.ops.record import NOT_LINEAR, Domain, Op, no_tangent, register
from lazygraph.compiler.ops.samples import ALL_TYPES, Case, hostile, no_smooth
from lazygraph.compiler.ops.sort import precedes
from lazygraph.compiler.ops.type_rules import require_dtype, require_equal_shapes, require_operands, require_same_dtype
from lazygraph.runtime.dtypes import DType, int64

SIDES = ("left", "right")
BLOCK = 256  # values that one thread takes at least


def _type_rule(types: tuple[TensorType, ...], attributes: Attributes) -> Sequence[TensorType]:
    require_operands("searchsorted", types, 2)
    rows, values = types
    require_same_dtype("searchsorted", "rows and values", rows.dtype, values.dtype)
    require_dtype("searchsorted", "rows and values", rows.dtype, ("bool", "int", "uint", "float"))
    if rows.rank < 1 or values.rank < rows.rank - 1:
        raise ShapeError(f"searchsorted: expected rows (.., n) and values (.., ...), found {rows} and {values}")
    require_equal_shapes("searchsorted", "leading axes", rows.shape[:-1], values.shape[: rows.rank - 1])
    if attributes["side"] not in SIDES:
        raise ValueError(f"searchsorted: side: expected {' or '.join(SIDES)}, found {attributes['side']!r}")
    return (TensorType(int64, values.shape),)


def _reference(rows: np.ndarray, values: np.ndarray, *, side: str) -> np.ndarray:
    lead = rows.ndim - 1
    apart = rows.reshape((*rows.shape[:-1], *[1] * (values.ndim - lead), rows.shape[-1]))
    beside = values[..., np.newaxis]
    before = _precedes(apart, beside) if side == "left" else ~_precedes(beside, apart)
    return np.asarray(np.sum(before, axis=-1, dtype=np.int64))


def _precedes(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return np.asarray((x < y) | ((x == x) & (y != y)))


def _batch(node: Node, inputs: tuple[Value, ...], batched: tuple[bool, ...], size: Extent) -> tuple[Value, ...]:
    rows, values = inputs
    values = batched_input(values, batched[1], size)
    if batched[0] or rows.type.rank > 1:
        rows = batched_input(rows, batched[0], size)
    return (emit("searchsorted", rows, values, side=node["side"]),)


def _write(b: BodyBuilder, node: Node, inputs: tuple[Buffer, ...], outputs: tuple[Buffer, ...]) -> None:
    """Bit by bit from the highest: found + 2**k elements precede the value if element found + 2**k - 1 does.

    As many steps as the extent has bits, for all values alike, so that values run side by side in vectors.
    """
    (rows, values), (target,) = inputs, outputs
    lead, count = len(rows.shape) - 1, rows.shape[-1]
    most = dims.bounds(count)[1]
    bits = 63 if most is None else most.bit_length()
    steps = dims.minimum(count, bits)  # none where there are no elements to look at
    total, one = b.index_value(count, int64), b.literal(1, int64)

    def search(at: Index) -> None:
        value = b.load(values, at)

        def step(number: Extent, carried: tuple[Operand, ...]) -> Sequence[Operand]:
            stride = b.let("shl", one, b.index_value(steps - 1 - number, int64))
            end = b.let("add", carried[0], stride)
            last = b.let("sub", b.let("min", end, total), one)
            element = b.load(rows, (*at[:lead], b.as_index(last, count)))
            if node["side"] == "left":
                before = precedes(b, element, value, rows.dtype)
            else:
                before = b.let("not", precedes(b, value, element, rows.dtype))
            taken = b.let("and", b.let("le", end, total), before)
            return (b.let("select", taken, end, carried[0]),)

        (found,) = b.carry("bit", steps, (b.literal(0, int64),), step)
        b.store(target, at, found)

    if not target.shape:
        search(())
        return
    *outer, width = target.shape

    def block(at: Index) -> None:
        start = dims.multiply(at[-1], BLOCK)
        b.loop(
            "vector", "v", dims.minimum(BLOCK, width - start), lambda place: search((*at[:-1], dims.add(start, place)))
        )

    nest(b, "r", [("parallel", extent) for extent in (*outer, dims.ceildiv(width, BLOCK))], block)


# (shape of the rows, shape of the values)
_SHAPES: Sequence[tuple[Sequence[int], Sequence[int]]] = [
    ((7,), ()),
    ((1,), (5,)),
    ((0,), (3,)),
    ((131,), (2, 67)),
    ((64,), (300,)),
    ((63,), (0,)),
    ((3, 5), (3,)),
    ((3, 17), (3, 2, 4)),
    ((2, 0), (2, 3)),
    ((0, 4), (0, 3)),
]


def _sorted(rows: np.ndarray, dtype: DType) -> np.ndarray:
    """Ascending along the last axis, NaN last: NumPy leaves bfloat16 with a NaN in it unsorted."""
    keys = rows.astype(np.float64) if dtype.is_float else rows
    return np.take_along_axis(rows, np.argsort(keys, axis=-1, kind="stable"), axis=-1)


def _cases(rng: np.random.Generator, dtype: DType) -> list[Case]:
    """Half of the values occur in the rows."""
    cases: list[Case] = []
    for shape, wanted in _SHAPES:
        rows, values = _sorted(hostile(rng, dtype, shape), dtype), hostile(rng, dtype, wanted)
        if rows.size:
            values = np.where(rng.random(wanted) < 0.5, rng.choice(rows.ravel(), wanted), values).astype(dtype.numpy)
        cases += [((rows, values), {"side": side}) for side in SIDES]
    return cases


searchsorted = register(
    Op(
        name="searchsorted",
        doc="How many elements of a sorted row are less than each value, or not greater.",
        type_rule=_type_rule,
        reference=_reference,
        jvp=no_tangent,
        transpose=NOT_LINEAR,
        batch=_batch,
        lower=Loops(_write),
        domain=Domain(ALL_TYPES, _cases, no_smooth),
        ulp=0,
    )
)

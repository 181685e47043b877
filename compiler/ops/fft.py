"""The discrete Fourier transform along an axis.

In: complex numbers. Out: y[k] = the sum over j of x[j] e**(-2 pi i j k / n), or of e**(2 pi i j k / n) where `inverse`,
divided by n, its root or nothing: which, `norm` says, as in NumPy. The matrix is symmetric, and cotangents pair with
tangents without conjugation: the transpose is the same transform. A known length is taken apart by
`passes/decompose_fft.py`; the lowering here serves symbolic ones.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from lazygraph.compiler.ir.dims import Extent
from lazygraph.compiler.ir.graph import Attributes, Node, TensorType, Value
from lazygraph.compiler.loop.ir import Buffer, Index, Operand
from lazygraph.compiler.ops.compose import batched_input, emit
from lazygraph.compiler.ops.fourier.any_length import Line, write_transform
from lazygraph.compiler.ops.fourier.butterflies import Point
from lazygraph.compiler.ops.fourier.parts import load_point, store_point
from lazygraph.compiler.ops.lowering import BodyBuilder, Loops
from lazygraph.compiler.ops.nests import nest
from lazygraph.compiler.ops.record import Domain, Flags, Op, Tangents, register
from lazygraph.compiler.ops.samples import Case, plain
from lazygraph.compiler.ops.structural import same_op
from lazygraph.compiler.ops.type_rules import require_axis, require_dtype, require_operands
from lazygraph.runtime.dtypes import COMPLEX, DType, complex128, float64, int64

NORMS = ("backward", "ortho", "forward")


def divides(norm: str, inverse: bool) -> str | None:
    """What results are divided by: "n", its "root", or nothing."""
    if norm == "ortho":
        return "root"
    return "n" if (norm == "backward") == inverse else None


def _type(types: tuple[TensorType, ...], attributes: Attributes) -> Sequence[TensorType]:
    require_operands("fft", types, 1)
    require_dtype("fft", "operand", types[0].dtype, ("complex",))
    require_axis("fft", attributes["axis"], types[0].rank)
    if not isinstance(attributes["inverse"], bool):
        raise TypeError(f"fft: inverse: expected a bool, found {attributes['inverse']!r}")
    if attributes["norm"] not in NORMS:
        raise ValueError(f"fft: norm: expected one of {', '.join(NORMS)}, found {attributes['norm']!r}")
    return types


def _reference(x: np.ndarray, *, axis: int, inverse: bool, norm: str) -> np.ndarray:
    if x.shape[axis] == 0:
        return x.copy()
    transform: Callable[..., np.ndarray] = np.fft.ifft if inverse else np.fft.fft
    return transform(x, axis=axis, norm=norm).astype(x.dtype)


def _transpose(node: Node, cotangents: Tangents, linear: tuple[bool, ...]) -> Tangents:
    (ct,) = cotangents
    return (None if ct is None else emit("fft", ct, **node.attributes),)


def _batch(node: Node, inputs: tuple[Value, ...], batched: tuple[bool, ...], size: Extent) -> tuple[Value, ...]:
    x = batched_input(inputs[0], batched[0], size)
    return (emit("fft", x, axis=node["axis"] + 1, inverse=node["inverse"], norm=node["norm"]),)


def _write(b: BodyBuilder, node: Node, inputs: tuple[Buffer, ...], outputs: tuple[Buffer, ...]) -> None:
    (x,), (y,) = inputs, outputs
    axis, inverse = node["axis"], node["inverse"]
    others = [extent for each, extent in enumerate(x.shape) if each != axis]

    def line(at: Index) -> None:
        def index(place: Extent) -> Index:
            return (*at[:axis], place, *at[axis:])

        def load(place: Extent, guard: Operand) -> Point:
            return load_point(b, x, index(place), inverse, guard)

        def save(place: Extent, point: Point) -> None:
            store_point(b, y, index(place), point, inverse)

        write_transform(b, Line(load, save, x.shape[axis], _scale(b, x.shape[axis], divides(node["norm"], inverse))))

    nest(b, "r", [("parallel", extent) for extent in others], line)


def _scale(b: BodyBuilder, count: Extent, divisor: str | None) -> Operand:
    one = b.literal(1.0, float64)
    if divisor is None:
        return one
    n = b.let("cast", b.index_value(count, int64), dtype=float64)
    return b.let("div", one, n if divisor == "n" else b.let("sqrt", n))


_SHAPES: Sequence[tuple[Sequence[int], int]] = [
    ((1,), 0),
    ((0,), 0),
    ((3, 0), 0),
    ((60,), 0),
    ((3, 19), 1),
    ((2, 143, 7), 1),
]
_FEW: Sequence[tuple[Sequence[int], int]] = [((6,), 0), ((1,), 0), ((2, 7), 1), ((19, 2), 0), ((2, 4, 3), 1)]


def _attributes(number: int, axis: int) -> dict[str, object]:
    return {"axis": axis, "inverse": number % 2 == 1, "norm": NORMS[number % 3]}


def _cases(rng: np.random.Generator, dtype: DType) -> list[Case]:
    return [((plain(rng, dtype, shape),), _attributes(each, axis)) for each, (shape, axis) in enumerate(_SHAPES)]


def _smooth(rng: np.random.Generator) -> list[Case]:
    return [((plain(rng, complex128, shape),), _attributes(each, axis)) for each, (shape, axis) in enumerate(_FEW)]


fft = register(
    Op(
        name="fft",
        doc="The discrete Fourier transform along an axis, of any length; computed in complex128. A NaN or an infinity "
        "makes all results of its line NaN or infinite.",
        type_rule=_type,
        reference=_reference,
        jvp=same_op,
        transpose=_transpose,
        batch=_batch,
        lower=Loops(_write),
        domain=Domain(COMPLEX, _cases, _smooth),
        ulp=4,
        flags=Flags(linear=(0,), normwise=True),
    )
)

"""Transforms of lengths with a great prime factor, each as a convolution of a longer length: `passes/decompose_fft.py`.

In: complex lines along the last axis and two tables. Out: their transforms. With c[j] = e**(-pi i j**2 / n),
all conjugated for the inverse, y = c (c x * conj(c)) (L. Bluestein, "A linear filtering approach to the computation of
the discrete Fourier transform", 1970). One kernel: a line goes through both transforms in the cache of one thread.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from math import prod
from typing import Any

import numpy as np

from lazygraph.compiler.ir.dims import Extent
from lazygraph.compiler.ir.errors import ShapeError
from lazygraph.compiler.ir.graph import Attributes, Node, TensorType, Value
from lazygraph.compiler.loop.ir import Buffer, Index
from lazygraph.compiler.ops.compose import batched_input, emit
from lazygraph.compiler.ops.fourier import plan
from lazygraph.compiler.ops.fourier.butterflies import Point, Points
from lazygraph.compiler.ops.fourier.parts import load_bits, load_point, store_point
from lazygraph.compiler.ops.fourier.stages import Place, scratch, scratches, side_by_side, write_stages
from lazygraph.compiler.ops.lowering import BodyBuilder, Loops
from lazygraph.compiler.ops.nests import nest
from lazygraph.compiler.ops.record import Domain, Flags, Op, Tangents, register
from lazygraph.compiler.ops.samples import Case, plain
from lazygraph.compiler.ops.type_rules import require_dtype, require_operands
from lazygraph.runtime.dtypes import COMPLEX, DType, complex128, float64, uint64


def convolved(x: Value, *, inverse: bool, scale: float) -> Value:
    """The node, with its tables."""
    length = x.shape[-1]
    assert isinstance(length, int)
    radices = plan.radices(plan.smooth_above(2 * length - 1))
    assert radices is not None
    tables = [emit("constant", value=each) for each in (plan.table(radices), _filter(length, prod(radices)))]
    return emit("fft_convolved", x, *tables, radices=radices, inverse=inverse, scale=scale)


@lru_cache(maxsize=64)
def _filter(length: int, whole: int) -> np.ndarray:
    """c, then the transform of conj(c), wrapped around and divided by its length: parts as bits of float64 numbers."""
    powers = np.arange(length)
    chirp = plan.roots(2 * length, powers * powers)
    wrapped = np.zeros(whole, np.clongdouble)
    wrapped[:length] = chirp.conj()
    wrapped[whole - length + 1 :] = chirp[:0:-1].conj()
    return plan.as_bits(np.concatenate([chirp, (np.fft.fft(wrapped) / whole).astype(np.complex128)]))


def _type(types: tuple[TensorType, ...], attributes: Attributes) -> Sequence[TensorType]:
    require_operands("fft_convolved", types, 3)
    x, *tables = types
    require_dtype("fft_convolved", "operand 0", x.dtype, ("complex",))
    length, whole = x.shape[-1], prod(attributes["radices"])
    if not isinstance(length, int) or whole < 2 * length - 1:
        raise ShapeError(f"fft_convolved: expected radices of at least 2 n - 1 points for n = {length}, found {whole}")
    for found, count in zip(tables, (whole, length + whole)):
        if found != TensorType(uint64, (2, count)):
            raise ShapeError(f"fft_convolved: table: expected {TensorType(uint64, (2, count))}, found {found}")
    return (x,)


def _reference(x: np.ndarray, table: np.ndarray, filter_: np.ndarray, **attributes: Any) -> np.ndarray:
    transform: Callable[..., np.ndarray] = np.fft.ifft if attributes["inverse"] else np.fft.fft
    found = transform(x, norm="forward" if attributes["inverse"] else "backward")
    return np.asarray(found * attributes["scale"]).astype(x.dtype)


def _jvp(node: Node, tangents: Tangents) -> Tangents:
    dx = tangents[0]
    return (None if dx is None else emit("fft_convolved", dx, *node.inputs[1:], **node.attributes),)


def _transpose(node: Node, cotangents: Tangents, linear: tuple[bool, ...]) -> Tangents:
    """e**(-2 pi i j k / n) is symmetric in j and k."""
    (ct,) = cotangents
    back = None if ct is None else emit("fft_convolved", ct, *node.inputs[1:], **node.attributes)
    return (back, None, None)


def _batch(node: Node, inputs: tuple[Value, ...], batched: tuple[bool, ...], size: Extent) -> tuple[Value, ...]:
    """Examples are more lines; the tables are those of the length, for all."""
    x = batched_input(inputs[0], batched[0], size)
    return (convolved(x, inverse=node["inverse"], scale=node["scale"]),)


def _write(b: BodyBuilder, node: Node, inputs: tuple[Buffer, ...], outputs: tuple[Buffer, ...]) -> None:
    (x, table, filter_), (y,) = inputs, outputs
    radices, inverse, p = node["radices"], node["inverse"], Points(b)
    length, whole = x.shape[-1], prod(radices)
    assert isinstance(length, int)
    scale = None if node["scale"] == 1 else b.literal(node["scale"], float64)

    def line(at: Index) -> None:
        points, between = scratch(b, whole), scratches(b, radices, 1)

        def begin(place: Extent) -> None:
            points.store(place, p.times(load_point(b, x, (*at, place), inverse), load_bits(b, filter_, place)))

        def rest(place: Extent) -> None:
            zero = b.literal(0.0, float64)
            points.store(length + place, (zero, zero))

        def multiply(place: Extent, point: Point) -> None:
            real, imaginary = p.times(point, load_bits(b, filter_, length + place))
            points.store(place, (imaginary, real))  # an inverse transform is one between swaps

        def end(place: Extent) -> None:
            imaginary, real = points.load(place)
            point = p.times((real, imaginary), load_bits(b, filter_, place))
            store_point(b, y, (*at, place), point if scale is None else p.scaled(point, scale), inverse)

        side_by_side(b, length, begin)
        side_by_side(b, whole - length, rest)
        write_stages(b, radices, 1, table, points, Place(points.load, multiply), None, between)
        write_stages(b, radices, 1, table, points, points, None, between)
        side_by_side(b, length, end)

    nest(b, "r", [("parallel", extent) for extent in x.shape[:-1]], line)


_SHAPES: Sequence[Sequence[int]] = [(1, 17), (7, 19), (0, 38), (131,)]


def _cases(rng: np.random.Generator, dtype: DType) -> list[Case]:
    found: list[Case] = []
    for place, shape in enumerate(_SHAPES):
        radices = plan.radices(plan.smooth_above(2 * shape[-1] - 1))
        assert radices is not None
        tables = plan.table(radices), _filter(shape[-1], prod(radices))
        attributes = {"radices": radices, "inverse": place % 2 == 1, "scale": 1 / (1 + place)}
        found.append(((plain(rng, dtype, shape), *tables), attributes))
    return found


fft_convolved = register(
    Op(
        name="fft_convolved",
        doc="Fourier transforms, times `scale`, along the last axis, by a convolution of as many points as the product "
        "of `radices`; operands 1 and 2 are its tables of roots.",
        type_rule=_type,
        reference=_reference,
        jvp=_jvp,
        transpose=_transpose,
        batch=_batch,
        lower=Loops(_write),
        domain=Domain(COMPLEX, _cases, lambda rng: _cases(rng, complex128)),
        ulp=8,
        flags=Flags(linear=(0,), normwise=True),
    )
)

"""Points of complex buffers as pairs of float64 scalars.

In: a builder, a buffer of complex numbers and an index. Out: loads and stores. With `swapped`, real and imaginary parts
change places: a forward transform between two swaps is an inverse one, since i conj(z) swaps the parts of z.
"""

from __future__ import annotations

from lazygraph.compiler.ir.dims import Extent
from lazygraph.compiler.loop.ir import Buffer, Index, Operand
from lazygraph.compiler.ops.fourier.butterflies import Point
from lazygraph.compiler.ops.lowering import BodyBuilder
from lazygraph.runtime.dtypes import DType, float64


def load_point(b: BodyBuilder, x: Buffer, index: Index, swapped: bool, guard: Operand | None = None) -> Point:
    """A point in float64; 0 where the guard does not hold."""
    both = b.load(x, index, guard, None if guard is None else b.literal(0, x.dtype))
    real, imaginary = (_as(b, b.let(part, both), float64) for part in ("real", "imag"))
    return (imaginary, real) if swapped else (real, imaginary)


def load_bits(b: BodyBuilder, table: Buffer, place: Extent) -> Point:
    """An entry of a table of complex numbers by the bits of their parts, [2, places]."""
    bits = [b.load(table, (part, place)) for part in (0, 1)]
    real, imaginary = (b.let("bitcast", each, attributes={"dtype": float64}) for each in bits)
    return real, imaginary


def store_point(b: BodyBuilder, y: Buffer, index: Index, point: Point, swapped: bool) -> None:
    real, imaginary = (_as(b, each, y.dtype.part) for each in (point[::-1] if swapped else point))
    b.store(y, index, b.let("complex", real, imaginary))


def _as(b: BodyBuilder, x: Operand, dtype: DType) -> Operand:
    return x if x.dtype == dtype else b.let("cast", x, dtype=dtype)

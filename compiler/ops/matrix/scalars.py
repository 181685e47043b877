"""Scalars of a factorisation's body: real or complex numbers in one spelling.

In: a body under construction and its operands. Out: operands. Complex products are written in their parts, each with
one rounding less by a fused multiply-add, and without the special cases of a lone product of infinities.
"""

from __future__ import annotations

from lazygraph.compiler.loop.ir import Literal, Operand
from lazygraph.compiler.ops.lowering import BodyBuilder
from lazygraph.runtime.dtypes import DType, bool_


def fused(b: BodyBuilder, x: Operand, y: Operand, z: Operand) -> Operand:
    """x * y + z of real numbers, rounded once where the target can."""
    return b.let("fma", x, y, z, dtype=x.dtype)


def less_product(b: BodyBuilder, c: Operand, x: Operand, y: Operand) -> Operand:
    """c - x * y."""
    if not c.dtype.is_complex:
        return fused(b, b.let("neg", x), y, c)
    (cr, ci), (xr, xi), (yr, yi) = (parts(b, each) for each in (c, x, y))
    minus = b.let("neg", xr)
    real = fused(b, minus, yr, fused(b, xi, yi, cr))
    imaginary = fused(b, minus, yi, fused(b, b.let("neg", xi), yr, ci))
    return b.let("complex", real, imaginary)


def plus_product(b: BodyBuilder, c: Operand, x: Operand, y: Operand) -> Operand:
    """c + x * y."""
    return less_product(b, c, b.let("neg", x), y) if c.dtype.is_complex else fused(b, x, y, c)


def parts(b: BodyBuilder, x: Operand) -> tuple[Operand, Operand]:
    return b.let("real", x), b.let("imag", x)


def real(b: BodyBuilder, x: Operand) -> Operand:
    return b.let("real", x) if x.dtype.is_complex else x


def as_complex(b: BodyBuilder, x: Operand, dtype: DType) -> Operand:
    """A real scalar in the matrix's dtype."""
    return b.let("complex", x, b.literal(0.0, x.dtype)) if dtype.is_complex else x


def conjugate(b: BodyBuilder, x: Operand) -> Operand:
    if not x.dtype.is_complex:
        return x
    re, im = parts(b, x)
    return b.let("complex", re, b.let("neg", im))


def size(b: BodyBuilder, x: Operand) -> Operand:
    """|x|, or |re| + |im|: what pivots are compared by."""
    if not x.dtype.is_complex:
        return b.let("abs", x)
    re, im = parts(b, x)
    return b.let("add", b.let("abs", re), b.let("abs", im))


def vanishes(b: BodyBuilder, x: Operand) -> Operand:
    """Whether x is 0."""
    return b.let("eq", size(b, x), b.literal(0.0, x.dtype.part))


def unless_certain(condition: Operand) -> Operand | None:
    """A guard; None where it is known to hold."""
    return None if condition == Literal(1, bool_) else condition

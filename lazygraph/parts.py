"""Complex values by their parts: what the functions of the front compose of real ops.

In: values of the graph, complex or real. Out: values. |z| and z/|z| divide by the greater part first, so that no square
over- or underflows; their derivatives at 0 are 0.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from lazygraph.compiler.ir.graph import Value
from lazygraph.compiler.ops.compose import emit
from lazygraph.compiler.ops.record import full


def real_part(value: Value) -> Value:
    """The real part; real numbers are their own."""
    return emit("real", value) if value.dtype.is_complex else value


def by_parts(of_part: Callable[[Value], Value], value: Value) -> Value:
    """A function of each part of a complex value, joined again; of a real value itself."""
    if not value.dtype.is_complex:
        return of_part(value)
    return emit("complex", of_part(emit("real", value)), of_part(emit("imag", value)))


def conjugate(value: Value) -> Value:
    """re - i im; real numbers are their own."""
    return emit("complex", emit("real", value), -emit("imag", value)) if value.dtype.is_complex else value


def squared_modulus(value: Value) -> Value:
    """re**2 + im**2, or x**2."""
    if not value.dtype.is_complex:
        return value * value
    re, im = emit("real", value), emit("imag", value)
    return re * re + im * im


def _scaled(re: Value, im: Value) -> tuple[Value, Value, Value, Value]:
    """(whether a part is neither 0 nor infinite, a size, re / size, im / size): 1, 1 and 0 where it does not hold."""
    size = emit("stop_gradient", emit("max", emit("abs", re), emit("abs", im)))
    zero, one, infinity = (full(size.type, number) for number in (0.0, 1.0, math.inf))
    ordinary = emit("and", emit("lt", zero, size), emit("lt", size, infinity))
    size = emit("select", ordinary, size, one)
    u, v = (emit("select", ordinary, part / size, other) for part, other in ((re, one), (im, zero)))
    return ordinary, size, u, v


def length(re: Value, im: Value) -> Value:
    """sqrt(re**2 + im**2); infinite where a part is, whatever the other."""
    ordinary, size, u, v = _scaled(re, im)
    root = emit("sqrt", u * u + v * v) * size
    absolute = emit("abs", re), emit("abs", im)
    rest = emit("max", *absolute) * 0.0
    infinite = emit("or", *[emit("eq", each, full(each.type, math.inf)) for each in absolute])
    return emit("select", infinite, full(rest.type, math.inf), emit("select", ordinary, root, rest))


def modulus(value: Value) -> Value:
    """|z|"""
    return length(emit("real", value), emit("imag", value))


def unit(value: Value) -> Value:
    """z / |z|, 0 where z is 0; 1, -1, i or -i where one part alone is infinite, NaN of other infinities and of NaN."""
    re, im = emit("real", value), emit("imag", value)
    ordinary, _, u, v = _scaled(re, im)
    root = emit("sqrt", u * u + v * v)
    infinite = [emit("eq", emit("abs", each), full(each.type, math.inf)) for each in (re, im)]
    along = emit("xor", *infinite)
    parts = [
        emit("select", along, emit("copysign", emit("cast", endless, dtype=part.dtype), part), (re + im) * 0.0)
        for endless, part in zip(infinite, (re, im))
    ]
    return emit("complex", *[emit("select", ordinary, each / root, rest) for each, rest in zip((u, v), parts)])


def holds_of_parts(test: Callable[[Value], Value], value: Value, join: str) -> Value:
    """A test of both parts, joined by `and` or `or`; of a real value, the test."""
    return emit(join, test(emit("real", value)), test(emit("imag", value))) if value.dtype.is_complex else test(value)

"""Arrays on which the sweep tests try an op that is not elementwise: operands by shape.

In: a seeded generator, a dtype and a shape. Out: NumPy arrays: plain numbers, hostile ones (infinities, NaN, -0.0, the
ends of an integer's range), distinct ones for ops that order their operand, and float64 ones for finite differences.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

import numpy as np

from lazygraph.compiler.ops.complex_math.references import joined
from lazygraph.compiler.ops.domains import EVERY, Case
from lazygraph.compiler.ops.domains import SWEPT as ALL_TYPES
from lazygraph.compiler.ops.domains import SWEPT_NUMBERS as NUMBERS
from lazygraph.compiler.ops.domains import hostile as hostile_numbers
from lazygraph.runtime.dtypes import DType

Shapes = Sequence[tuple[Sequence[int], dict[str, Any]]]  # (operand shape, attributes) of a one-operand op


def plain(rng: np.random.Generator, dtype: DType, shape: Sequence[int]) -> np.ndarray:
    """Numbers of moderate size; integers small enough that sums of a few stay exact."""
    if dtype.kind == "bool":
        return rng.integers(0, 2, shape).astype(np.bool_)
    if dtype.is_integer:
        return rng.integers(0 if dtype.kind == "uint" else -9, 10, shape).astype(dtype.numpy)
    if dtype.is_complex:
        return joined(plain(rng, dtype.part, shape), plain(rng, dtype.part, shape))
    return np.asarray(3 * rng.standard_normal(shape)).astype(dtype.numpy)


def hostile(rng: np.random.Generator, dtype: DType, shape: Sequence[int]) -> np.ndarray:
    """Plain numbers with the ones that break careless code strewn in, some of them twice."""
    chosen = rng.random(shape) < 0.3
    return np.where(chosen, rng.choice(hostile_numbers(dtype), shape), plain(rng, dtype, shape)).astype(dtype.numpy)


def special(rng: np.random.Generator, dtype: DType, shape: Sequence[int]) -> np.ndarray:
    """Plain numbers among infinities, NaN and -0.0 (integers: the ends of the range): sums in any order agree."""
    if dtype.is_complex:
        return joined(special(rng, dtype.part, shape), special(rng, dtype.part, shape))
    if not dtype.is_float:
        return hostile(rng, dtype, shape)
    chosen = rng.random(shape) < 0.1
    return np.where(chosen, rng.choice([np.inf, -np.inf, np.nan, -0.0], shape), plain(rng, dtype, shape)).astype(
        dtype.numpy
    )


def distinct(rng: np.random.Generator, shape: Sequence[int]) -> np.ndarray:
    """float64 numbers no two of which are closer than 0.1: their order survives a small step."""
    return np.asarray((rng.permutation(prod(shape)).reshape(shape) - prod(shape) / 2) * 0.1 + 0.03)


def smooth(rng: np.random.Generator, *shapes: Sequence[int]) -> tuple[np.ndarray, ...]:
    """One float64 operand per shape, of size about 1."""
    return tuple([np.asarray(rng.standard_normal(shape)) for shape in shapes])


def no_smooth(rng: np.random.Generator) -> list[Case]:
    """The smooth cases of an op that has no derivative."""
    return []


Draw = Callable[[np.random.Generator, DType, Sequence[int]], np.ndarray]


def unary_cases(shapes: Shapes, draw: Draw = hostile) -> Callable[[np.random.Generator, DType], list[Case]]:
    """One case of a one-operand op per (shape, attributes)."""
    return lambda rng, dtype: [((draw(rng, dtype, shape),), dict(each)) for shape, each in shapes]


def unary_smooth(shapes: Shapes) -> Callable[[np.random.Generator], list[Case]]:
    return lambda rng: [(smooth(rng, shape), dict(each)) for shape, each in shapes]


__all__ = [
    "ALL_TYPES", "EVERY", "NUMBERS", "Case", "Shapes",
    "distinct", "hostile", "no_smooth", "plain", "smooth", "special", "unary_cases", "unary_smooth",
]  # fmt: skip

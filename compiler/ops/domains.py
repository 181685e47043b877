"""Where the sweep tests try elementwise ops: small arrays of ordinary and hostile numbers.

In: a random generator and a dtype. Out: `Domain`s for one, two or three operands of equal shapes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from lazygraph.compiler.ops.complex_math.references import joined
from lazygraph.compiler.ops.halves import HALVES
from lazygraph.compiler.ops.record import Domain
from lazygraph.runtime.dtypes import ALL, COMPLEX, DType, bool_, float32, float64

Case = tuple[tuple[np.ndarray, ...], dict[str, Any]]

SWEPT_FLOATS = (*HALVES, float32, float64)
SWEPT_INTEGERS = tuple(dtype for dtype in ALL if dtype.is_integer)
SWEPT_NUMBERS = SWEPT_INTEGERS + SWEPT_FLOATS
SWEPT_LOGICAL = (bool_, *SWEPT_INTEGERS)
SWEPT = (bool_, *SWEPT_NUMBERS)
EVERY = ALL  # of an op that only moves or chooses its elements

SHAPES: tuple[tuple[int, ...], ...] = ((), (0,), (1,), (7,), (3, 5), (2, 1, 33))


def hostile(dtype: DType) -> np.ndarray:
    """The numbers at which formulas break: zeros, infinities, NaN, denormals, the ends of the range."""
    if dtype is bool_:
        return np.array([False, True])
    if dtype.is_complex:
        parts = hostile(dtype.part)
        return joined(*(each.ravel() for each in np.meshgrid(parts, parts)))
    if dtype.is_integer:
        info = np.iinfo(dtype.numpy)
        inner = [0, 1, 2, 3, 7, 31, 32, 63, 64, info.max // 2, info.max - 1, info.max, info.min, info.min + 1]
        signed = [-1, -2, -3, -7, -64] if dtype.kind == "int" else []
        return np.array(inner + signed, dtype.numpy)
    limits = dtype.limits
    ends = [float(each) for each in (limits.smallest_subnormal, limits.tiny, limits.eps, limits.max)]
    one_sided = [0, *ends, 0.5, 1, 1.5, 2, 2.5, 3, 100, np.inf]
    return np.array([*one_sided, *(-each for each in one_sided), np.nan], dtype.numpy)


def sample(rng: np.random.Generator, dtype: DType, shape: tuple[int, ...], low: float, high: float) -> np.ndarray:
    """Random numbers of a dtype between low and high; both values of bool; integers clipped to their range."""
    if dtype is bool_:
        return rng.integers(0, 2, shape).astype(bool)
    if dtype.is_integer:
        info = np.iinfo(dtype.numpy)
        return rng.integers(max(int(low), int(info.min)), min(int(high), int(info.max)) + 1, shape, dtype.numpy)
    if dtype.is_complex:
        return joined(*(sample(rng, dtype.part, shape, low, high) for _ in range(2)))
    return np.asarray(rng.uniform(low, high, shape)).astype(dtype.numpy)


def with_complex(domain: Domain) -> Domain:
    """A domain over complex numbers too, whose parts lie where its floats do; hostile numbers in either part."""
    if COMPLEX[0] in domain.dtypes:
        return domain

    def cases(rng: np.random.Generator, dtype: DType) -> list[Case]:
        if not dtype.is_complex:
            return list(domain.cases(rng, dtype))
        plain, also = (list(domain.cases(rng, dtype.part))[: len(SHAPES)] for _ in range(2))
        found = [(tuple(map(joined, one, other)), attributes) for (one, attributes), (other, _) in zip(plain, also)]
        everything = hostile(dtype)
        operands = [everything, *[rng.permutation(everything) for _ in found[0][0][1:]]]
        return [*found, (tuple(operands), dict(found[0][1]))]

    def smooth(rng: np.random.Generator) -> list[Case]:
        real = list(domain.smooth(rng))
        turned = [
            (tuple([joined(each, rng.uniform(-0.6, 0.6, each.shape)) for each in arrays]), attributes)
            for arrays, attributes in real
        ]
        return real + turned

    return Domain((*domain.dtypes, *COMPLEX), cases, smooth)


Range = tuple[float, float]


def ranges(dtypes: tuple[DType, ...], *operands: Range, smooth: Sequence[Range] = ()) -> Domain:
    """One range per operand for random cases, and for smooth ones; hostile numbers in every combination besides."""

    def cases(rng: np.random.Generator, dtype: DType) -> list[Case]:
        found: list[Case] = [
            (tuple([sample(rng, dtype, shape, low, high) for low, high in operands]), {}) for shape in SHAPES
        ]
        grids = np.meshgrid(*(hostile(dtype) for _ in operands), indexing="ij")
        found.append((tuple([grid.ravel() for grid in grids]), {}))
        return found

    def smooth_cases(rng: np.random.Generator) -> list[Case]:
        return [(tuple([rng.uniform(low, high, (5,)) for low, high in smooth]), {})] if smooth else []

    return Domain(dtypes, cases, smooth_cases)

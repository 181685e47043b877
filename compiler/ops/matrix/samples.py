"""Matrices on which the sweep tries factorisations: well conditioned, so that two evaluations agree to a few roundings.

In: a seeded generator, a dtype and a shape. Out: arrays. `in_double` makes references of functions of wide matrices.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

import numpy as np

from lazygraph.compiler.ops.samples import plain
from lazygraph.runtime.dtypes import DType

Shape = Sequence[int]


def normal(rng: np.random.Generator, dtype: DType, shape: Shape) -> np.ndarray:
    """Normally distributed, with an imaginary part where the dtype has one, in double precision."""
    real = rng.standard_normal(tuple(shape))
    return real + 1j * rng.standard_normal(tuple(shape)) if dtype.is_complex else real


def general(rng: np.random.Generator, dtype: DType, shape: Shape) -> np.ndarray:
    """Random elements, and a multiple of the identity (where there is one) that keeps away from singular matrices."""
    drawn = plain(rng, dtype, shape)
    greatest = max(shape[-2:])
    return np.asarray((drawn / 3 + (2 + 2 * greatest**0.5) * np.eye(shape[-2], shape[-1])).astype(dtype.numpy))


def positive(rng: np.random.Generator, dtype: DType, shape: Shape) -> np.ndarray:
    """Hermitian positive definite, with other numbers above the diagonal, which nobody reads."""
    drawn = plain(rng, dtype, shape) / 3
    square = drawn @ np.conj(np.swapaxes(drawn, -1, -2)) + shape[-1] * np.eye(shape[-1])
    return np.asarray((np.tril(square) + np.triu(plain(rng, dtype, shape), 1)).astype(dtype.numpy))


def in_double(reference: Callable[..., Any]) -> Callable[..., Any]:
    """A reference that computes float32 in float64, and rounds inexact results, real ones of complex too, once."""
    wider = {np.dtype(np.float32): np.dtype(np.float64), np.dtype(np.complex64): np.dtype(np.complex128)}

    @wraps(reference)
    def computed(*operands: np.ndarray, **attributes: Any) -> Any:
        with np.errstate(all="ignore"):
            own = operands[0].dtype
            wide = [each.astype(wider.get(own, own)) if each.dtype == own else each for each in operands]
            results = reference(*wide, **attributes)
            alone = not isinstance(results, tuple)
            narrow = {"c": own, "f": own.type(0).real.dtype}
            found = [each.astype(narrow.get(each.dtype.kind, each.dtype)) for each in ([results] if alone else results)]
            return found[0] if alone else tuple(found)

    return computed

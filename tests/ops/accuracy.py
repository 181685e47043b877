"""How wrong a floating-point result is: in units in the last place of its format, against a wider truth.

In: results and true values. Out: errors; samples that cover the whole range of a format.
"""

import numpy as np

from lazygraph.compiler.ops import domains
from lazygraph.compiler.ops.lowering import Elementwise
from lazygraph.compiler.ops.record import Op
from lazygraph.runtime.dtypes import DType


def ulp_error(found: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """|found - truth| over the spacing of found's format at the truth; inf where just one is NaN or infinite."""
    dtype = found.dtype
    limits = np.finfo(dtype)
    wide = np.asarray(truth)
    with np.errstate(all="ignore"):
        rounded = np.clip(wide.astype(dtype), -limits.max, limits.max)
        spacing = np.spacing(np.abs(rounded)).astype(wide.dtype)
        beyond = np.abs(wide) >= limits.max.astype(wide.dtype)  # an infinity may stand for what overflows
        a, b = (np.clip(each, -limits.max, limits.max) for each in (found.astype(wide.dtype), wide))
        error = np.where(np.isinf(found) & ~beyond, np.inf, np.abs(a - b) / spacing)
        error = np.where(np.isinf(wide) & ~np.isinf(found), np.inf, error)
        unequal = np.isnan(found) != np.isnan(wide)
        return np.where(unequal, np.inf, np.where(np.isnan(wide), 0, error)).astype(np.float64)


def full_range(rng: np.random.Generator, dtype: DType, count: int) -> np.ndarray:
    """Random bit patterns: every exponent and sign as often as any other, denormals, infinities and NaNs included."""
    bits = rng.integers(0, 2**dtype.bits, count, np.uint64).astype(f"u{dtype.itemsize}")
    return np.concatenate([domains.hostile(dtype), bits.view(dtype.numpy)])


def around(rng: np.random.Generator, dtype: DType, low: float, high: float, count: int) -> np.ndarray:
    return rng.uniform(low, high, count).astype(dtype.numpy)


def promised(op: Op, dtype: DType) -> float:
    """The error that a record allows itself at a dtype, in units in the last place; 0 for exact."""
    if not dtype.is_differentiable:
        return 0
    rule = op.lower.on_complex if isinstance(op.lower, Elementwise) and dtype.kind == "complex" else None
    return op.ulp if rule is None else rule.ulp

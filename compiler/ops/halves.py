"""float16 and bfloat16: stored as such, computed in float32, rounded once to nearest even on the way out.

In: what an op does with float32, as a lowering in the machine's operations or as a NumPy reference. Out: the same for
operands of half types too. And `rounded`, the reference of the rounding itself, from any number in one step.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy as np

from lazygraph.compiler.loop.scalar import S, ScalarBuilder
from lazygraph.runtime.dtypes import DType, bfloat16, float16, float32

HALVES = (float16, bfloat16)
_NUMPY = tuple([dtype.numpy for dtype in HALVES])


def in_float32(expand: Callable[..., Any]) -> Callable[..., Any]:
    """A lowering whose half operands are converted to float32, and its float32 result back."""

    def wide(b: ScalarBuilder[S], *operands: S) -> S:
        half = b.dtype(operands[0])
        if half not in HALVES:
            result: S = expand(b, *operands)
            return result
        result = expand(b, *[b.convert(each, float32) for each in operands])
        return b.convert(result, half) if b.dtype(result) == float32 else result

    return wide


def through_float32(reference: Callable[..., Any]) -> Callable[..., Any]:
    """A reference whose half operands are converted to float32, and its float32 results back."""

    @wraps(reference)
    def wide(*operands: np.ndarray, **attributes: Any) -> Any:
        half = next((each.dtype for each in operands if each.dtype in _NUMPY), None)
        if half is None:
            return reference(*operands, **attributes)
        with np.errstate(all="ignore"):
            widened = [each.astype(np.float32) if each.dtype == half else each for each in operands]
            results = reference(*widened, **attributes)
            if isinstance(results, tuple):
                return tuple([_back(each, half) for each in results])
            return _back(results, half)

    return wide


def _back(result: np.ndarray, half: np.dtype) -> np.ndarray:
    return result.astype(half) if result.dtype == np.float32 else result


def rounded(x: np.ndarray, dtype: DType) -> np.ndarray:
    """Numbers of any dtype as `dtype`, rounded once. NumPy goes to bfloat16 by way of float32, which rounds twice.

    The way by float32 is right when the first rounding is to odd: truncated, the last bit set where that is inexact
    (S. Boldo, G. Melquiond, "Emulation of FMA and correctly rounded sums: proved algorithms using rounding to odd",
    2008).
    """
    if dtype != bfloat16 or x.dtype == np.float32 or x.dtype in _NUMPY:
        return x.astype(dtype.numpy)
    exact = x.astype(np.longdouble)
    single = np.array(exact.astype(np.float32))
    back = single.astype(np.longdouble)
    inexact = (back != exact) & ~np.isnan(exact)
    bits = single.view(np.uint32)
    bits -= (np.abs(back) > np.abs(exact)).astype(np.uint32)
    bits |= inexact.astype(np.uint32)
    return single.astype(dtype.numpy)

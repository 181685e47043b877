"""NumPy references of complex ops: computed in the next wider format, complex64 in complex128, and rounded once.

In: complex arrays. Out: arrays of their dtype. The wide functions are those of the C library that NumPy calls, with the
special values of C99, Annex G; where that leaves a choice, or older libraries differ, the value is set here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

_WIDER: dict[np.dtype, np.dtype] = {
    np.dtype(np.complex64): np.dtype(np.complex128),
    np.dtype(np.complex128): np.dtype(np.clongdouble),
}


def joined(re: Any, im: Any) -> np.ndarray:
    """re + i im, part by part: no product that turns an infinity to NaN."""
    re, im = np.broadcast_arrays(re, im)
    result = np.empty(re.shape, np.result_type(re, np.complex64))
    result.real, result.imag = re, im
    return result


def widened(function: Callable[..., Any]) -> Callable[..., np.ndarray]:
    """A function of complex arrays, computed in the next wider format."""

    def reference(*operands: np.ndarray) -> np.ndarray:
        narrow = operands[0].dtype
        with np.errstate(all="ignore"):
            return np.asarray(function(*[each.astype(_WIDER[narrow]) for each in operands])).astype(narrow)

    return reference


def product(z: np.ndarray, w: np.ndarray) -> np.ndarray:
    """(ac - bd) + i(ad + bc), each operation rounded once."""
    with np.errstate(all="ignore"):
        return joined(z.real * w.real - z.imag * w.imag, z.real * w.imag + z.imag * w.real)


def times(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """x * y; of complex numbers part by part, where NumPy may fuse a multiplication with an addition."""
    return product(x, y) if x.dtype.kind == "c" else np.asarray(np.multiply(x, y))


def _quotient(z: np.ndarray, w: np.ndarray) -> np.ndarray:
    """NumPy's, with z/0 as a division by 0.0 of each part, and infinities as C99, Annex G, has them."""
    found = np.where(w == 0, joined(z.real / 0.0, z.imag / 0.0), z / w)
    infinite, over_infinity = (np.isinf(each.real) | np.isinf(each.imag) for each in (z, w))
    towards = joined(np.copysign(np.isinf(z.real), z.real), np.copysign(np.isinf(z.imag), z.imag))
    turned = product(towards, w.conj())
    above = infinite & np.isfinite(w) & (w != 0)
    found = np.where(above, joined(turned.real * np.inf, turned.imag * np.inf), found)
    return np.where(over_infinity & np.isfinite(z), 0, found)


def _expm1(z: np.ndarray) -> np.ndarray:
    x, y = z.real, z.imag
    power = np.exp(z)
    near = np.expm1(x) * np.cos(y) - 2 * np.sin(y / 2) ** 2
    return joined(np.where(np.abs(x) < 40, near, power.real - 1), power.imag)


def _log1p(z: np.ndarray) -> np.ndarray:
    x, y = z.real, z.imag
    whole = np.log(joined(1 + x, y))
    near = np.maximum(np.abs(x), np.abs(y)) < 0.5
    return joined(np.where(near, np.log1p(x * (2 + x) + y * y) / 2, whole.real), whole.imag)


def _sinh(z: np.ndarray) -> np.ndarray:
    """At an infinite x and an angle that is not finite the real part is x: C99 leaves the sign open."""
    result = np.sinh(z)
    return joined(np.where(np.isinf(z.real) & ~np.isfinite(z.imag), z.real, result.real), result.imag)


def _sin(z: np.ndarray) -> np.ndarray:
    turned = _sinh(joined(-z.imag, z.real))
    return joined(turned.imag, -turned.real)


def _tanh(z: np.ndarray) -> np.ndarray:
    """At x = 0 and an angle that is not finite the real part is 0, as in C99 since its correction 471."""
    result = np.tanh(z)
    return joined(np.where((z.real == 0) & ~np.isfinite(z.imag), z.real, result.real), result.imag)


def _tan(z: np.ndarray) -> np.ndarray:
    turned = _tanh(joined(-z.imag, z.real))
    return joined(turned.imag, -turned.real)


def _power(z: np.ndarray, w: np.ndarray) -> np.ndarray:
    result = np.exp(product(w, np.log(z)))
    result = np.where(z == 0, np.where(w.real > 0, 0, complex("nan+nanj")), result)
    return np.where(w == 0, 1, result)


quotient = widened(_quotient)
exp = widened(np.exp)
expm1 = widened(_expm1)
log = widened(np.log)
log1p = widened(_log1p)
sqrt = widened(np.sqrt)
power = widened(_power)
sin, cos, tan = widened(_sin), widened(np.cos), widened(_tan)
sinh, cosh, tanh = widened(_sinh), widened(np.cosh), widened(_tanh)
asin, acos, atan = widened(np.arcsin), widened(np.arccos), widened(np.arctan)
asinh, acosh, atanh = widened(np.arcsinh), widened(np.arccosh), widened(np.arctanh)

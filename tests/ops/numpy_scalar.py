"""The scalar machine on NumPy arrays, so that the mathematics of the ops is tested without a code generator.

In: arrays. Out: arrays, with the bits that a target with (or without) a fused multiply-add gives. That instruction is
emulated exactly: S. Boldo, G. Melquiond, Emulation of FMA and correctly rounded sums: proved algorithms using rounding
to odd, IEEE Transactions on Computers 57, 2008.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from lazygraph.compiler.ops.arithmetic import convert
from lazygraph.compiler.ops.record import OPS
from lazygraph.runtime.dtypes import DType, from_numpy

Array = np.ndarray


class NumpyScalar:
    """`ScalarBuilder[np.ndarray]`; `fused` chooses between the two kinds of target, `operations` counts."""

    def __init__(self, fused: bool) -> None:
        self.fused = fused
        self.operations = 0

    def run(self, function: Callable[..., Any], *operands: Array) -> Array:
        with np.errstate(all="ignore"):
            return np.asarray(function(self, *[np.asarray(each) for each in operands]))

    def _count(self, result: Any) -> Array:
        self.operations += 1
        return np.asarray(result)

    def dtype(self, x: Array) -> DType:
        return from_numpy(x.dtype)

    def const(self, number: float, dtype: DType) -> Array:
        if dtype.is_integer:
            return self.bits(int(number) % 2**dtype.bits, dtype)
        return np.asarray(number).astype(dtype.numpy)

    def bits(self, pattern: int, dtype: DType) -> Array:
        assert 0 <= pattern < 2**dtype.bits
        return np.frombuffer(pattern.to_bytes(dtype.itemsize, "little"), dtype.numpy).reshape(())

    def add(self, x: Array, y: Array) -> Array:
        return self._count(_same(x, y) + y)

    def sub(self, x: Array, y: Array) -> Array:
        return self._count(_same(x, y) - y)

    def mul(self, x: Array, y: Array) -> Array:
        return self._count(_same(x, y) * y)

    def mul_high(self, x: Array, y: Array) -> Array:
        wide = _same(x, y).astype(object) * y.astype(object)
        return self._count((wide >> (8 * x.dtype.itemsize)).astype(x.dtype))

    def div(self, x: Array, y: Array) -> Array:
        assert x.dtype.kind == "f"
        return self._count(_same(x, y) / y)

    def int_div(self, x: Array, y: Array) -> Array:
        assert x.dtype.kind in "iu"
        return self._count(OPS["div"].reference(_same(x, y), y))

    def fma(self, x: Array, y: Array, z: Array) -> Array:
        _same(x, y), _same(y, z)
        if not self.fused:
            return self.add(self.mul(x, y), z)
        return self._count(fused_32(x, y, z) if x.dtype == np.float32 else fused_64(x, y, z))

    def has_fma(self) -> bool:
        return self.fused

    def neg(self, x: Array) -> Array:
        return self._count(np.negative(x))

    def abs(self, x: Array) -> Array:
        return self._count(np.abs(x))

    def sqrt(self, x: Array) -> Array:
        return self._count(np.sqrt(x))

    def floor(self, x: Array) -> Array:
        return self._count(np.floor(x))

    def round_even(self, x: Array) -> Array:
        return self._count(np.rint(x))

    def less(self, x: Array, y: Array) -> Array:
        return self._count(_same(x, y) < y)

    def less_equal(self, x: Array, y: Array) -> Array:
        return self._count(_same(x, y) <= y)

    def equal(self, x: Array, y: Array) -> Array:
        return self._count(_same(x, y) == y)

    def select(self, condition: Array, x: Array, y: Array) -> Array:
        assert condition.dtype == bool
        return self._count(np.where(condition, _same(x, y), y))

    def and_(self, x: Array, y: Array) -> Array:
        return self._count(_same(x, y) & y)

    def or_(self, x: Array, y: Array) -> Array:
        return self._count(_same(x, y) | y)

    def xor(self, x: Array, y: Array) -> Array:
        return self._count(_same(x, y) ^ y)

    def not_(self, x: Array) -> Array:
        return self._count(~x)

    def shift_left(self, x: Array, y: Array) -> Array:
        return self._count(OPS["shl"].reference(_same(x, y), y))

    def shift_right(self, x: Array, y: Array) -> Array:
        return self._count(OPS["shr"].reference(_same(x, y), y))

    def bitcast(self, x: Array, dtype: DType) -> Array:
        return self._count(np.ascontiguousarray(x).view(dtype.numpy).reshape(x.shape))

    def convert(self, x: Array, dtype: DType) -> Array:
        return self._count(convert(x, dtype))


def _same(x: Array, y: Array) -> Array:
    """x, which has y's dtype: the machine converts nothing by itself."""
    assert x.dtype == y.dtype, f"operands of {x.dtype} and {y.dtype}"
    return x


def fused_32(x: Array, y: Array, z: Array) -> Array:
    """x * y + z rounded once: the product is exact in float64, a sum rounded to odd rounds on like the exact one."""
    total = _odd_sum(x.astype(np.float64) * y.astype(np.float64), z.astype(np.float64))
    return total.astype(np.float32)


def fused_64(x: Array, y: Array, z: Array) -> Array:
    """The same for float64 in extended precision, whose exponents neither overflow nor underflow."""
    extended = np.longdouble
    a, c, d = (np.asarray(each).astype(extended) for each in (x, y, z))
    high = a * c
    splitter = extended(2) ** 32 + 1
    a_high = a * splitter - (a * splitter - a)
    c_high = c * splitter - (c * splitter - c)
    a_low, c_low = a - a_high, c - c_high
    low = ((a_high * c_high - high) + a_high * c_low + a_low * c_high) + a_low * c_low
    low = np.where(np.isfinite(low), low, 0)
    first, first_error = _two_sum(d, low)
    second, second_error = _two_sum(high, first)
    exact = _odd_sum(second, _odd_sum(first_error, second_error))
    exact = np.where(np.isfinite(second), exact, second)
    return np.asarray(exact).astype(np.float64)


def _two_sum(x: Array, y: Array) -> tuple[Array, Array]:
    total = x + y
    part = total - x
    error = (x - (total - part)) + (y - part)
    return total, np.where(np.isfinite(total), error, 0)


def _odd_sum(x: Array, y: Array) -> Array:
    """x + y rounded to odd: truncated, with the last bit set where the sum is inexact."""
    total, error = _two_sum(x, y)
    toward = np.where(error > 0, np.inf, -np.inf).astype(total.dtype)
    inexact = (error != 0) & np.isfinite(total)
    # of the two neighbours of an inexact sum, one has an even and one an odd last bit
    return np.where(inexact & _is_even(total), np.nextafter(total, toward), total)


def _is_even(x: Array) -> Array:
    """Whether the last bit of the mantissa is 0."""
    x = np.ascontiguousarray(x)
    return (x.view(np.uint8).reshape(*x.shape, x.dtype.itemsize)[..., 0] & 1) == 0


MACHINES = {"fma": NumpyScalar(fused=True), "no fma": NumpyScalar(fused=False)}

"""Every dtype through a compiled function: arguments, variables, arithmetic, reductions, order, indexing, products."""

from typing import Any

import numpy as np
import pytest

import lazygraph as lg
from lazygraph.runtime import dtypes
from lazygraph.runtime.dtypes import DType

INTEGERS = [each for each in dtypes.ALL if each.is_integer]


def sample(dtype: DType, *shape: int) -> Any:
    limits = np.iinfo(dtype.numpy)
    return np.random.default_rng(0).integers(limits.min, limits.max, shape, dtype.numpy, endpoint=True)


@pytest.mark.parametrize("dtype", INTEGERS, ids=str)
def test_an_integer_dtype_holds_from_arguments_to_results(dtype: DType) -> None:
    n = lg.dim("n")
    x, y = lg.placeholder((n, 7), dtype, "x"), lg.placeholder((7,), dtype, "y")
    total = lg.variable(np.zeros(7, dtype.numpy), "total")
    outputs = [x + y, x * 3, x // (y | 1), x % (y | 1), x << 3, x >> 3, x.astype(lg.float32), lg.sort(x, axis=1)]
    outputs += [lg.sum(x, axis=0), lg.max(x, axis=1), lg.argmin(x, axis=1), x @ x.T, x[lg.argmax(y) % 5], x == y, x < y]
    step = lg.function([x, y], outputs, updates={total: total + lg.sum(x, axis=0, dtype=dtype)})
    a, b = sample(dtype, 5, 7), sample(dtype, 7)
    with np.errstate(all="ignore"):
        expected = [a + b, a * 3, a // (b | 1), a % (b | 1), a << 3, a >> 3, a.astype(np.float32), np.sort(a, axis=1)]
        expected += [np.sum(a, axis=0), np.max(a, axis=1), np.argmin(a, axis=1), a @ a.T, a[np.argmax(b) % 5], a == b]
        expected += [a < b]
    for found, wanted in zip(step(a, b), expected, strict=True):
        assert found.dtype == wanted.dtype
        np.testing.assert_array_equal(found, wanted)
    step(a, b)
    np.testing.assert_array_equal(total.numpy(), 2 * a.sum(axis=0, dtype=dtype.numpy))
    assert step.compilations == 1


@pytest.mark.parametrize("dtype", INTEGERS, ids=str)
def test_integers_are_total_at_the_ends_of_their_range(dtype: DType) -> None:
    limits = np.iinfo(dtype.numpy)
    x = lg.placeholder((4,), dtype, "x")
    a = np.array([limits.min, limits.max, 0, 1], dtype.numpy)
    wide = lg.placeholder((4,), lg.float64, "wide")
    found = lg.function([x, wide], [x // 0, x % 0, -x, x << dtype.bits - 1, x >> dtype.bits - 1, wide.astype(dtype)])
    quotient, rest, negative, left, right, saturated = found(a, np.array([-1e30, 1e30, np.nan, -0.9]))
    np.testing.assert_array_equal([quotient, rest], 0)
    np.testing.assert_array_equal(negative, np.negative(a))
    np.testing.assert_array_equal(left, a << (dtype.bits - 1))
    np.testing.assert_array_equal(right, a >> (dtype.bits - 1))
    np.testing.assert_array_equal(saturated, [limits.min, limits.max, 0, 0])


def test_an_argument_of_another_dtype_is_refused() -> None:
    x = lg.placeholder((2,), lg.int8, "x")
    step = lg.function([x], x + 1)
    with pytest.raises(TypeError, match="expected dtype int8, found int16"):
        step(np.zeros(2, np.int16))


@pytest.mark.parametrize("dtype", [dtypes.float16, dtypes.bfloat16], ids=str)
def test_a_half_trains_and_accumulates_in_float32(dtype: DType) -> None:
    """4,096 terms of 2**-9 make 8; added in its own dtype a sum stays at 4 (float16) or 1/2 (bfloat16)."""
    n = lg.dim("n")
    x = lg.placeholder((n, 4096), dtype, "x")
    w = lg.variable(np.zeros((4096, 3), dtype.numpy), "w")
    loss = lg.mean((x @ (w + 1) - 1) ** 2)
    step = lg.function([x], [lg.sum(x, axis=1), x @ (w + 1), loss], updates={w: w - 0 * lg.grad(loss, w)})
    a = np.full((2, 4096), 2.0**-9).astype(dtype.numpy)
    total, product, value = step(a)
    assert total.dtype == product.dtype == value.dtype == dtype.numpy
    np.testing.assert_array_equal(total.astype(np.float32), 8)
    np.testing.assert_array_equal(product.astype(np.float32), 8)
    assert float(value) == 49


@pytest.mark.parametrize("dtype", [dtypes.float16, dtypes.bfloat16], ids=str)
def test_a_half_is_computed_in_float32_and_rounded_once_per_op(dtype: DType) -> None:
    x = lg.placeholder((4,), dtype, "x")
    a = np.array([0.1, 1, 3, -7], dtype.numpy)
    found = lg.function([x], [lg.exp(x), x / 3, x.astype(lg.float64), x > 1, lg.max(x)])(a)
    wide = a.astype(np.float32)
    expected = [np.exp(wide), wide / 3, wide, wide > 1, wide.max()]
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_array_equal(ours.astype(np.float64), theirs.astype(ours.dtype).astype(np.float64))


def test_dtypes_and_numpys_are_each_others() -> None:
    x = lg.zeros(3, lg.float32)
    assert x.dtype == np.float32 and x.dtype == np.dtype("float32") and x.dtype == "float32" and np.float32 == x.dtype
    assert x.dtype != np.float64 and x.dtype != "float64" and x.dtype != int and x.dtype != list and x.dtype is not None
    assert all(dtype == python for dtype, python in ((lg.float64, float), (lg.bool, bool), (lg.int64, int)))
    assert lg.int32 == np.dtype(">i4") and lg.bfloat16 != np.float16
    assert {lg.float32: 1}[x.dtype] == 1 and lg.float32 != lg.int32
    for dtype in (lg.float32, lg.bfloat16, lg.bool, lg.complex64):
        array = np.zeros(2, dtype)
        assert lg.constant(array).dtype == dtype and dtype == array.dtype and array.dtype == dtype

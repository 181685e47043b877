"""Elementwise functions follow NumPy in values, dtypes and special cases."""

from typing import Any

import numpy as np
import pytest
import scipy.special

import lazygraph as lg
from tests.lazygraph.evaluation import evaluate

RNG = np.random.default_rng(0)
SPECIAL = np.array([0.0, -0.0, 1.0, -1.0, 0.5, 2.5, -2.5, 3.7, -3.7, 1e-3, 80.0, -80.0, np.inf, -np.inf, np.nan])
UNARY = ["abs", "arccos", "arccosh", "arcsin", "arcsinh", "arctan", "arctanh", "cbrt", "ceil", "cos",
         "cosh", "deg2rad", "exp", "exp2", "expm1", "floor", "isfinite", "isinf", "isnan", "log",
         "log10", "log1p", "log2", "logical_not", "negative", "positive", "rad2deg", "reciprocal",
         "round", "sign", "signbit", "sin", "sinh", "sqrt", "square", "tan", "tanh", "trunc"]  # fmt: skip
BINARY = ["add", "arctan2", "copysign", "divide", "equal", "floor_divide", "greater", "greater_equal",
          "hypot", "less", "less_equal", "logaddexp", "logical_and", "logical_or", "logical_xor",
          "maximum", "minimum", "multiply", "nextafter", "not_equal", "pow", "remainder", "subtract"]  # fmt: skip
BITS = ["bitwise_and", "bitwise_or", "bitwise_xor"]


def close(found: Any, expected: Any) -> None:
    assert found.dtype == expected.dtype
    rtol = 1e-6 if expected.dtype == np.float32 else 1e-14
    np.testing.assert_allclose(found, expected, rtol=rtol, atol=1e-300)


@pytest.mark.parametrize("name", UNARY)
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int32])
def test_a_function_of_one_operand_as_in_numpy(name: str, dtype: Any) -> None:
    array = SPECIAL.astype(dtype) if dtype != np.int32 else np.array([0, 1, -1, 7, -40], dtype)
    with np.errstate(all="ignore"):
        expected = getattr(np, name)(array)
        if name == "reciprocal" and dtype == np.int32:  # ours is a float, as every function of analysis
            expected = 1 / array
    close(evaluate(getattr(lg, name)(array)), expected)


@pytest.mark.parametrize("name", BINARY)
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int32])
def test_a_function_of_two_operands_as_in_numpy(name: str, dtype: Any) -> None:
    array = SPECIAL.astype(dtype) if dtype != np.int32 else np.array([0, 1, -1, 7, -7, 5, -2], dtype)
    x, y = array[:, None], array[None, :]
    with np.errstate(all="ignore"):
        expected = getattr(np, name)(x, np.abs(y) if name == "pow" and dtype == np.int32 else y)
    close(evaluate(getattr(lg, name)(x, lg.abs(y) if name == "pow" and dtype == np.int32 else y)), expected)


@pytest.mark.parametrize("name", ["floor_divide", "remainder"])
def test_floored_division_keeps_the_signs_of_zeros(name: str) -> None:
    x, y = SPECIAL[:, None], SPECIAL[None, :]
    with np.errstate(all="ignore"):
        expected = getattr(np, name)(x, y)
    found = evaluate(getattr(lg, name)(x, y))
    zero = expected == 0
    np.testing.assert_array_equal(np.signbit(found[zero]), np.signbit(expected[zero]))


def test_large_quotients_floor_as_in_numpy() -> None:
    x, y = RNG.normal(size=1000) * 10.0 ** RNG.integers(-8, 8, 1000), RNG.normal(size=1000)
    close(evaluate(lg.floor_divide(x, y)), x // y)
    close(evaluate(lg.remainder(x, y)), x % y)
    i, j = RNG.integers(-50, 50, 1000), RNG.integers(1, 20, 1000) * RNG.choice([-1, 1], 1000)
    close(evaluate(lg.floor_divide(i, j)), i // j)
    close(evaluate(lg.remainder(i, j)), i % j)


@pytest.mark.parametrize("name", BITS)
@pytest.mark.parametrize("dtype", [np.bool_, np.int32, np.uint32, np.int64])
def test_bit_operations_as_in_numpy(name: str, dtype: Any) -> None:
    x, y = RNG.integers(0, 2**31, (2, 20)).astype(dtype)
    close(evaluate(getattr(lg, name)(x, y)), getattr(np, name)(x, y))
    close(evaluate(~lg.constant(x)), ~x)


def test_shifts_as_in_numpy() -> None:
    x, y = np.array([1, -8, 2**30], np.int32)[:, None], np.arange(32, dtype=np.int32)
    close(evaluate(lg.constant(x) << y), x << y)
    close(evaluate(lg.constant(x) >> y), x >> y)


def test_products_of_bools_are_ors_of_ands_as_in_numpy() -> None:
    x, y = np.arange(6).reshape(2, 3) % 4 == 1, np.arange(12).reshape(3, 4) % 3 > 0
    cases: list[tuple[Any, list[Any]]] = [
        (lambda module: module.matmul, [x, y]),
        (lambda module: module.dot, [x, y]),
        (lambda module: module.inner, [x, x]),
        (lambda module: module.outer, [x, x]),
        (lambda module: module.vecdot, [x, x[:1]]),
        (lambda module: module.vdot, [x, x]),
        (lambda module: module.tensordot, [y, y]),
        *[
            (lambda module, how=how: lambda *each: module.einsum(how, *each), operands)
            for how, operands in [
                ("ij,jk->ki", [x, y]),
                ("ij->j", [x]),
                ("ij,kl->l", [x, y]),
                ("ij,jk,ik->i", [x, y, x @ y]),
            ]
        ],
    ]
    for of, operands in cases:
        found, expected = evaluate(of(lg)(*[lg.constant(each) for each in operands])), of(np)(*operands)
        assert found.dtype == bool and np.array_equal(found, expected)
    rows, inner = lg.dim("rows"), lg.dim("inner")
    mine, other = lg.placeholder((rows, inner), lg.bool_), lg.placeholder((inner, 4), lg.bool_)
    product = lg.function([mine, other], mine @ other)
    assert product(x, y).dtype == bool and np.array_equal(product(x, y), x @ y)
    assert not product(np.ones((2, 0), bool), np.ones((0, 4), bool)).any()


def test_bools_add_multiply_and_compare_as_in_numpy_and_do_not_subtract() -> None:
    x, y = np.array([[False], [True]]), np.array([False, True])
    for name in ["add", "multiply", "less", "less_equal", "greater", "maximum", "minimum", "equal"]:
        close(evaluate(getattr(lg, name)(x, y)), getattr(np, name)(x, y))
    for wrong in [lambda: lg.subtract(x, y), lambda: lg.negative(x)]:
        with pytest.raises(lg.DTypeError, match="bools are not numbers here"):
            wrong()


def test_where_and_clip_as_in_numpy() -> None:
    x = RNG.normal(size=(3, 4)).astype(np.float32)
    close(evaluate(lg.where(x > 0, x, 0)), np.where(x > 0, x, np.float32(0)))
    close(evaluate(lg.where(np.array([1, 0, 2, 0]), 1, x)), np.where([1, 0, 2, 0], np.float32(1), x))
    close(evaluate(lg.clip(x, -0.5, 0.5)), np.clip(x, -0.5, 0.5))
    close(evaluate(lg.clip(x, None, x[0])), np.clip(x, None, x[0]))


@pytest.mark.parametrize("name", ["erf", "erfc", "erfinv"])
def test_error_functions_as_in_scipy(name: str) -> None:
    expected = getattr(scipy.special, name)(SPECIAL)
    np.testing.assert_allclose(evaluate(getattr(lg, name)(SPECIAL)), expected, rtol=1e-14)


def test_numbers_take_the_place_of_what_is_not_finite_as_in_numpy() -> None:
    for given in [{}, {"nan": 2.0}, {"posinf": 3.0, "neginf": -3.0}]:
        for dtype in (np.float32, np.float64, np.int32):
            array = SPECIAL.astype(dtype) if dtype != np.int32 else np.arange(3, dtype=np.int32)
            close(evaluate(lg.nan_to_num(array, **given)), np.nan_to_num(array, **given))


def test_lengths_neither_overflow_nor_underflow_and_have_slopes() -> None:
    x, y = lg.placeholder((3,), lg.float64, "x"), lg.placeholder((3,), lg.float64, "y")
    u, v = np.array([3e300, 3e-300, 0.0]), np.array([-4e300, 4e-300, 0.0])
    lengths = lg.hypot(x, y)
    close(lengths.eval({x: u, y: v}), np.hypot(u, v))
    along = lg.grad(lg.sum(lengths), [x, y])
    for found, expected in zip(along, [[0.6, 0.6, 0.0], [-0.8, 0.8, 0.0]]):
        np.testing.assert_allclose(found.eval({x: u, y: v}), expected, rtol=1e-14)
    second = lg.grad(lg.sum(along[0]), y)
    np.testing.assert_allclose(second.eval({x: [3.0, 1.0, 0.0], y: [4.0, 1.0, 0.0]})[:2], [-12 / 125, -(2**-1.5)])


def test_casts_saturate() -> None:
    x = np.array([1.9, -1.9, 1e10, -1e10, np.nan, np.inf])
    close(evaluate(lg.astype(x, lg.int32)), np.array([1, -1, 2**31 - 1, -(2**31), 0, 2**31 - 1], np.int32))
    close(evaluate(lg.astype(x, bool)), np.array([True] * 6))


@pytest.mark.parametrize("exponent", [2, 2.0, 3, 0.5, -1])
def test_powers_by_numbers_as_in_numpy(exponent: float) -> None:
    x = np.array([0.5, 2.0, 3.0], np.float32)
    close(evaluate(lg.constant(x) ** exponent), x**exponent)


def test_operators_with_arrays_on_the_left_give_tensors() -> None:
    x = lg.placeholder((3,), lg.float32, "x")
    for found in [np.ones(3, np.float32) + x, np.float32(2) * x, 1 - x, np.ones((2, 3), np.float32) @ x, 2**x]:
        assert isinstance(found, lg.Tensor)
        assert found.dtype is lg.float32


def test_a_remainder_has_its_slopes_where_nothing_remains() -> None:
    x, y = lg.placeholder((6,), lg.float64, "x"), lg.placeholder((6,), lg.float64, "y")
    total = lg.sum(lg.remainder(x, y))
    point = {x: np.array([0.0, 1.0, -1.0, 3.0, 1.0, -0.3]), y: np.array([0.7, 0.5, 0.5, -1.5, 0.3, 0.5])}
    np.testing.assert_array_equal(evaluate(lg.grad(total, x), point), np.ones(6))
    np.testing.assert_array_equal(evaluate(lg.grad(total, y), point), -np.floor(point[x] / point[y]))


def test_logaddexp_is_smooth_where_its_operands_are_equal() -> None:
    x, y = lg.placeholder((2,), lg.float64, "x"), lg.placeholder((2,), lg.float64, "y")
    slope = lg.grad(lg.sum(lg.logaddexp(x, y)), x)
    point = {x: np.array([0.0, 3.0]), y: np.array([0.0, 3.0])}
    np.testing.assert_allclose(evaluate(slope, point), 0.5)
    np.testing.assert_allclose(evaluate(lg.grad(lg.sum(slope), x), point), 0.25)
    np.testing.assert_allclose(evaluate(lg.grad(lg.sum(slope), y), point), -0.25)


@pytest.mark.parametrize(
    "dtype, extremes", [(np.float32, [-89.0, -60.0, 60.0, 89.0]), (np.float64, [-710.2, -500.0, 500.0, 710.2])]
)
def test_hyperbolic_functions_have_finite_derivatives_wherever_they_are_finite(
    dtype: Any, extremes: list[float]
) -> None:
    array = np.array([*extremes, -3.0, -1.0, -0.5, 0.0, 0.5, 1.0, 3.0], dtype)
    x = lg.placeholder(array.shape, dtype, "x")
    wide = array.astype(np.longdouble)
    sinh, cosh = np.sinh(wide).astype(dtype), np.cosh(wide).astype(dtype)
    for name, derivatives in [("sinh", (sinh, cosh, sinh)), ("cosh", (cosh, sinh, cosh))]:
        value = getattr(lg, name)(x)
        first = lg.grad(lg.sum(value), x)
        found = evaluate([value, first, lg.grad(lg.sum(first), x)], {x: array})
        np.testing.assert_allclose(found, derivatives, rtol=1e-6 if dtype == np.float32 else 1e-14)

"""Every elementwise function of NumPy is there, with NumPy's values, dtypes and signs of zeros on hostile operands.

In: the ufuncs that NumPy lists, and arrays of the numbers at which formulas break. Out: the function and dtype where
they differ. Functions whose values are compared in test_elementwise.py, or differ by design, are not compared again.
"""

import math
from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import pytest

import lazygraph as lg
from tests.lazygraph.evaluation import evaluate

LEFT_OUT = {"isnat", "matvec", "vecmat", "conj", "conjugate"}  # dates; products; complex numbers have their own tests
FLOATS = np.array([0.0, -0.0, 1.0, -1.0, 0.5, 2.5, -2.5, 3.7, -3.7, 1e-3, 80.0, 6e4, -6e4, np.inf, -np.inf, np.nan])
INTEGERS = [0, 1, 2, 3, 7, 12, 18, 100, 127]
SIGNED = [-1, -2, -7, -12, -128]
DTYPES = (np.float64, np.float32, np.float16, np.int8, np.int32, np.uint8, np.uint64)

UNARY = {
    "absolute": ..., "bitwise_count": "iu", "fabs": "f", "fix": ..., "frexp": "f", "invert": "iu", "isneginf": "f",
    "isposinf": "f", "modf": "f", "rint": "f", "spacing": "f", "trunc": ...,
}  # fmt: skip
BINARY = {
    "divmod": "f", "float_power": ..., "fmax": ..., "fmin": ..., "fmod": "f", "gcd": "iu", "heaviside": "f",
    "lcm": "iu", "ldexp": "f", "left_shift": "iu", "logaddexp2": "f", "right_shift": "iu",
}  # fmt: skip


def numbers(dtype: Any) -> np.ndarray:
    if np.dtype(dtype).kind == "f":
        return np.append(FLOATS, [np.finfo(dtype).smallest_subnormal, np.finfo(dtype).max]).astype(dtype)
    return np.array(INTEGERS + (SIGNED if np.dtype(dtype).kind == "i" else []), dtype)


def takes(name: str, kinds: Any, dtype: Any) -> bool:
    if name == "spacing" and dtype is np.float16:  # there NumPy gives it no sign
        return False
    return kinds is ... or np.dtype(dtype).kind in kinds


def as_tuple(found: Any) -> tuple[Any, ...]:
    return found if isinstance(found, tuple) else (found,)


def assert_same(name: str, found: np.ndarray, expected: np.ndarray) -> None:
    assert found.dtype == expected.dtype, name
    inexact = name in ("logaddexp2", "float_power")
    rtol = {2: 2e-3, 4: 2e-6, 8: 1e-14}[expected.dtype.itemsize] if inexact else 0
    np.testing.assert_allclose(found, expected, rtol=rtol, atol=rtol and 1e-16, err_msg=name)
    if expected.dtype.kind == "f" and not inexact and name not in ("fmax", "fmin"):  # of two zeros either may be it
        np.testing.assert_array_equal(np.signbit(found) & (found == 0), np.signbit(expected) & (expected == 0), name)


def compare(cases: dict[str, tuple[Callable, Callable]]) -> None:
    """All functions in one compilation."""
    ours = {name: as_tuple(own()) for name, (own, _) in cases.items()}
    found = iter(evaluate([each for results in ours.values() for each in results]))
    with np.errstate(all="ignore"):
        for name, (_, theirs) in cases.items():
            for expected in as_tuple(theirs()):
                assert_same(name, next(found), np.asarray(expected))


def test_every_function_of_numpy_is_there() -> None:
    names = {name for name in dir(np) if isinstance(getattr(np, name), np.ufunc)} - LEFT_OUT
    assert {name for name in names if not callable(getattr(lg, name, None))} == set()


@pytest.mark.parametrize("dtype", DTYPES)
def test_functions_of_one_operand_as_in_numpy(dtype: Any) -> None:
    x = numbers(dtype)
    compare(
        {
            name: (lambda name=name: getattr(lg, name)(x), lambda name=name: getattr(np, name)(x))
            for name, kinds in UNARY.items()
            if takes(name, kinds, dtype)
        }
    )


@pytest.mark.parametrize("dtype", DTYPES)
def test_functions_of_two_operands_as_in_numpy(dtype: Any) -> None:
    x, y = (each.ravel() for each in np.meshgrid(numbers(dtype), numbers(dtype)))
    cases = {}
    for name, kinds in BINARY.items():
        if takes(name, kinds, dtype):
            second = np.resize(np.array([0, 3, -3, 700, -700, 16, -20, 1100, -1080], np.int32), y.shape)
            second = second if name == "ldexp" else y % (8 * y.itemsize) if name.endswith("shift") else y
            cases[name] = (
                lambda name=name, second=second: getattr(lg, name)(x, second),
                lambda name=name, second=second: getattr(np, name)(x, second),
            )
    compare(cases)


def test_rounding_to_decimals_as_in_numpy() -> None:
    cases = {}
    for dtype in (np.float64, np.float32, np.int32, np.int64, np.uint8):
        x = np.array([0, 5, 15, 25, 50, 150, 4, 6, 114, 115, 116], dtype)
        x = (
            np.concatenate([x, [-5, -15, -25, -115, 12345, 1255], np.zeros(0)]).astype(dtype)
            if dtype != np.uint8
            else x
        )
        x = x / 16 + x if np.dtype(dtype).kind == "f" else x
        x = x.astype(dtype)
        for decimals in (-2, -1, 0, 1, 3):
            cases[f"{dtype.__name__} {decimals}"] = (
                lambda x=x, decimals=decimals: lg.round(x, decimals),
                lambda x=x, decimals=decimals: np.round(x, decimals),
            )
    compare(cases)


def test_what_no_digit_is_left_of_or_none_taken_from() -> None:
    x = np.array([1.5, -1e300, np.inf, np.nan])
    found = evaluate(
        [lg.round(x, 400), lg.round(x, -400), lg.round(np.array([1e300]), 20), lg.round(np.int64([77]), -30)]
    )
    for each, expected in zip(found, [x, [0.0, -0.0, np.inf, np.nan], [1e300], [0]]):
        np.testing.assert_array_equal(each, expected)
    with pytest.raises(OverflowError, match="the unit 100000 does not fit uint16"):
        lg.round(np.uint16([5]), -5)


def test_slopes() -> None:
    """Of what moves with its operand: the fraction, the digits, the choice; and of sinc to the fourth order."""
    at = np.array([-1.0, 0.0, 1e-4, 0.3, 0.5, 1.0, 2.25])
    x = lg.placeholder(at.shape, lg.float64, "x")
    slopes = {
        "modf": (lg.modf(x)[0], np.ones(7)),
        "frexp": (lg.frexp(x)[0], [0.5, 1.0, 2.0**13, 2.0, 1.0, 0.5, 0.25]),
        "ldexp": (lg.ldexp(x, -3), np.full(7, 0.125)),
        "fmax": (lg.fmax(x, lg.nan), np.ones(7)),
        "heaviside": (lg.heaviside(x, 0.5), np.zeros(7)),
        "spacing": (lg.spacing(x), np.zeros(7)),
        "round": (lg.round(x, 1), np.zeros(7)),
    }
    found = evaluate([lg.grad(lg.sum(y), x) for y, _ in slopes.values()], {x: at})
    for name, each, (_, expected) in zip(slopes, found, slopes.values()):
        np.testing.assert_array_equal(each, expected, name)


def test_sinc_has_accurate_derivatives_of_every_order() -> None:
    """sinc(x) is the integral of cos(pi x t) over t in 0 .. 1: derivatives bring powers of pi t and turns."""
    at = np.array([-1.0, 0.0, 1e-8, 1e-3, 0.3, 0.5, 0.500001, 1.7, 40.25])
    x = lg.placeholder(at.shape, lg.float64, "x")
    orders = [lg.sinc(x)]
    for _ in range(4):
        orders.append(lg.grad(lg.sum(orders[-1]), x))

    def exact(k: int, p: float) -> float:
        turned = mpmath.pi * k / 2
        pieces = mpmath.linspace(0, 1, 41 if p > 10 else 3)
        return float(mpmath.quad(lambda t: (mpmath.pi * t) ** k * mpmath.cos(mpmath.pi * p * t + turned), pieces))

    for k, found in enumerate(evaluate(orders, {x: at})):
        np.testing.assert_allclose(found, [exact(k, p) for p in at.tolist()], rtol=1e-13, atol=1e-12 * 10 ** (k / 2))


def test_sinc_is_zero_at_every_integer_but_zero() -> None:
    x = np.array([0, 1, -3, 1e15, 2.0**60, np.inf, -np.inf])
    np.testing.assert_array_equal(evaluate(lg.sinc(x)), [1, 0, 0, 0, 0, 0, 0])
    for dtype, rtol in ((np.float64, 1e-13), (np.float32, 2e-6), (np.float16, 1e-3)):
        y = np.linspace(-4.9, 4.9, 60).astype(dtype)
        np.testing.assert_allclose(evaluate(lg.sinc(y)), np.sinc(y.astype(np.float64)), rtol=rtol)


def test_complex_numbers_where_they_have_a_meaning_and_a_sentence_where_not() -> None:
    z = np.array([1.5 + 2.5j, -0.5 - 3.7j])
    for found, expected in zip(evaluate([lg.rint(z), lg.float_power(z, 2)]), (np.rint(z), z * z)):
        np.testing.assert_allclose(found, expected, rtol=1e-15)
    for refused in (lg.trunc, lg.floor, lg.modf, lg.frexp, lg.spacing, lg.fabs, lg.isposinf, lg.sinc):
        with pytest.raises(lg.DTypeError, match="complex128|c128"):
            refused(z)
    for refused in (lg.hypot, lg.fmod, lg.fmax, lg.heaviside, lg.logaddexp2, lg.gcd, lg.copysign):
        with pytest.raises(lg.DTypeError, match="complex128|c128"):
            refused(z, z)


# --- bits ------------------------------------------------------------------------------------------------------------

BITS = [np.uint8, np.int8, np.uint16, np.float16, np.int32, np.float32, np.uint64, np.float64]


@pytest.mark.parametrize("source", BITS)
def test_the_same_bytes_as_any_other_dtype(source: Any) -> None:
    """`view` is NumPy's, and `bitcast` the same with the parts of an element along an axis of their own."""
    raw = np.random.default_rng(0).integers(0, 256, (3, 16), np.uint8).view(source)
    outputs, expected = [], []
    for target in BITS:
        seen = raw.view(target)
        outputs.append(lg.view(raw, target))
        expected.append(seen)
        ratio = raw.itemsize / np.dtype(target).itemsize
        apart = raw.reshape(3, -1, int(1 / ratio)) if ratio < 1 else raw
        outputs.append(lg.bitcast(apart, target))
        expected.append(seen.reshape(3, -1, int(ratio)) if ratio > 1 else seen)
    for found, each in zip(evaluate(outputs), expected):
        assert found.dtype == each.dtype and found.shape == each.shape
        assert found.tobytes() == each.tobytes()


def test_bits_that_cannot_be_read_are_refused_in_a_sentence() -> None:
    x = lg.placeholder((3,), lg.int16, "x")
    with pytest.raises(lg.ShapeError, match=r"expected a last axis of 2 parts of float32, found int16 \(3,\)"):
        lg.bitcast(x, lg.float32)
    with pytest.raises(lg.ShapeError, match="expected a last axis divisible by 4 to read int16 as int64"):
        lg.view(x, lg.int64)
    for wrong in (lambda: lg.bitcast(x > 0, lg.uint8), lambda: lg.view(x, lg.bool)):
        with pytest.raises(lg.DTypeError, match="bitcast"):
            wrong()
    with pytest.raises(lg.DTypeError, match="expected an integer exponent, found float64"):
        lg.ldexp(1.0, 2.0)


def test_methods_and_operators() -> None:
    x = lg.constant(np.int32([7, -7]))
    quotient, rest = divmod(x, 3)
    other, _ = divmod(-7, lg.constant(np.int32([2])))
    for found, expected in zip(
        evaluate([quotient, rest, other, x.view(lg.uint32)]), ([2, -3], [1, 2], [-4], [7, 2**32 - 7])
    ):
        np.testing.assert_array_equal(found, expected)


def test_the_derivative_stops_at_bits() -> None:
    x = lg.placeholder((2,), lg.float32, "x")
    y = lg.sum(x * lg.bitcast(lg.bitcast(x, lg.int32), lg.float32))
    np.testing.assert_array_equal(lg.grad(y, x).eval({x: [2.0, 3.0]}), [2.0, 3.0])
    assert math.isnan(float(np.asarray(lg.bitcast(lg.constant(0x7FC00001, lg.uint32), lg.float32))))

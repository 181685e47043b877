"""lgamma, digamma and polygamma against 200 bits: accuracy, roots, poles, reflection, and the chain of derivatives.

In: arguments of both signs, next to roots and poles, of every size. Out: errors in units in the last place; for
negative float64 against the greatest term of the reflection, as the records' docs say.
"""

import math
from collections.abc import Callable

import mpmath
import numpy as np
import pytest
from mpmath import mpf

import lazygraph as lg
from lazygraph.compiler.ops import vector_math
from lazygraph.compiler.ops.record import OPS
from lazygraph.compiler.ops.vector_math.polygamma import HIGHEST, zeta_less_one
from lazygraph.runtime.dtypes import DType, float32, float64
from tests.lazygraph.evaluation import evaluate
from tests.ops.accuracy import full_range, ulp_error
from tests.ops.numpy_scalar import MACHINES

INF, NAN = math.inf, math.nan
ORDERS = (1, 2, 3, 10)
FUNCTIONS: dict[str, Callable] = {
    "lgamma": vector_math.lgamma,
    "digamma": vector_math.digamma,
    **{f"polygamma {n}": (lambda b, x, n=n: vector_math.polygamma(b, x, n)) for n in ORDERS},
}
BOUNDS = {"lgamma": 2.0, "digamma": 3.0, **{f"polygamma {n}": 2 + 1.5 * n for n in ORDERS}}  # of float64, x > 0


def order(name: str) -> int:
    return int(name.split()[1]) if " " in name else 0


def exact_polygamma(x: float, n: int) -> mpf:
    """By the sum of the first terms, which takes any x to the right of 0, and Hurwitz's function."""
    sign, s, steps = (-1) ** (n + 1) * mpmath.factorial(n), n + 1, max(0, int(-x) + 1)
    z = mpf(x)
    if x > 1e5:
        orders = range(1, 12)
        tail = sum(
            mpmath.bernoulli(2 * j) / mpmath.factorial(2 * j) * mpmath.rf(n, 2 * j) * z ** (-2 * j) for j in orders
        )
        return (-1) ** (n + 1) * mpmath.factorial(n - 1) * z**-n * (1 + n / (2 * z) + tail)
    return sign * (sum((z + k) ** -s for k in range(steps + 1)) + mpmath.zeta(s, z + steps + 1))


def exact(name: str, x: float) -> mpf:
    if not math.isfinite(x):
        return mpf(INF if name in ("lgamma", "digamma") else 0) if x == INF else mpf(NAN)
    with mpmath.workprec(200):
        z, n = mpf(x), order(name)
        if n:
            return exact_polygamma(x, n)
        if name == "digamma":
            return mpmath.digamma(z) if x > 0 else mpmath.digamma(1 - z) - mpmath.pi * mpmath.cospi(z) / mpmath.sinpi(z)
        return mpmath.log(abs(mpmath.pi / z / mpmath.sinpi(z))) - mpmath.loggamma(-z) if x < 0 else mpmath.loggamma(z)


def truth(name: str, x: np.ndarray) -> np.ndarray:
    with np.errstate(all="ignore"):
        return np.array([np.longdouble(mpmath.nstr(exact(name, each), 25)) for each in x.tolist()])


def positive(count: int) -> np.ndarray:
    rng = np.random.default_rng(3)
    root = float(mpmath.findroot(mpmath.digamma, 1.46))
    near = [point * (1 + side * 2.0**-k) for point in (1, 2, root) for side in (-1, 1) for k in (52, 40, 20, 8)]
    spans = [rng.uniform(low, high, count) for low, high in ((0, 1), (0.9, 1.1), (1, 3), (3, 8), (8, 40), (40, 1e4))]
    wide = np.abs(full_range(rng, float64, count))
    return np.concatenate([*spans, near, [root, 1 - 2**-53, 3, 8, 7.999, 1e-310], wide[(wide > 0) & np.isfinite(wide)]])


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_positive_arguments_have_small_relative_errors_even_next_to_roots(name: str, machine: str) -> None:
    x = positive(30)
    found, expected = MACHINES[machine].run(FUNCTIONS[name], x), truth(name, x)
    error = ulp_error(found, expected)
    worst = int(np.argmax(error))
    assert error[worst] <= BOUNDS[name], (x[worst], found[worst], expected[worst])


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_negative_arguments_are_as_close_as_their_greatest_term(name: str, machine: str) -> None:
    rng, n = np.random.default_rng(4), order(name)
    x = np.concatenate([rng.uniform(low, 0, 60) for low in (-1, -3, -9, -50)] + [[-2.5, -1e-300, -1e-20, -1 + 2**-53]])
    found, expected = MACHINES[machine].run(FUNCTIONS[name], x), truth(name, x)
    part = (
        np.abs(truth("lgamma", -x))
        if name == "lgamma"
        else np.abs(truth("digamma", 1 - x))
        if n == 0
        else np.pi ** (n + 1) * math.factorial(n)
    )
    infinite = np.isinf(found) & (np.abs(expected) >= np.finfo(np.float64).max)
    error = np.where(infinite, 0, np.abs(np.where(infinite, 0, found) - expected))
    error /= np.maximum(np.maximum(1, np.abs(expected)), part)
    worst = int(np.argmax(error))
    assert error[worst] <= (n + 1) * 2.0**-50, (x[worst], found[worst], expected[worst])


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_float32_is_within_one_unit_in_the_last_place_everywhere(name: str, machine: str) -> None:
    rng = np.random.default_rng(5)
    near = [np.float32(root) for root in (-2.4570247, -0.5040830, -1.5734985, 1.4616321, 1, 2)]  # roots, rounded
    wide = full_range(rng, float32, 60)
    x = np.concatenate([rng.uniform(-20, 20, 200).astype(np.float32), near, wide[(np.abs(wide) < 50) | (wide > 0)]])
    x = x[(x != np.rint(x)) | (x > 0)]
    with np.errstate(over="ignore"):
        error = ulp_error(MACHINES[machine].run(FUNCTIONS[name], x), truth(name, x))
    worst = int(np.argmax(error))
    assert error[worst] <= OPS[name.split()[0]].ulp, x[worst]


POLES = (0.0, -0.0, -1.0, -2.0, -1e17, -INF, INF, NAN)
AT_POLES = {
    "lgamma": (INF, INF, INF, INF, INF, INF, INF, NAN),
    "digamma": (-INF, INF, NAN, NAN, NAN, NAN, INF, NAN),
    "polygamma 1": (INF, INF, INF, INF, INF, NAN, 0.0, NAN),
    "polygamma 2": (-INF, INF, NAN, NAN, NAN, NAN, -0.0, NAN),
}


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("dtype", (float32, float64), ids=repr)
@pytest.mark.parametrize("name", AT_POLES)
def test_poles_and_infinities_are_as_documented(name: str, dtype: DType, machine: str) -> None:
    x, expected = (np.array(each, dtype.numpy) for each in (POLES, AT_POLES[name]))
    found = MACHINES[machine].run(FUNCTIONS[name], x)
    np.testing.assert_array_equal(found, expected)
    attributes = {"n": order(name)} if order(name) else {}
    np.testing.assert_array_equal(OPS[name.split()[0]].reference(x, **attributes), expected)


def test_the_ends_of_the_range() -> None:
    """lgamma overflows where it should, and a sum that is far below its first term leaves it."""
    lgamma, trigamma = (
        MACHINES["fma"].run(FUNCTIONS[name], np.array([2.55e305, 2.56e305, 1e-308, 1e308]))
        for name in ("lgamma", "polygamma 1")
    )
    assert lgamma[0] < INF and lgamma[1] == lgamma[3] == INF and abs(lgamma[2] - 709.1962086421661) < 1e-12
    assert trigamma[2] == INF and 0 < trigamma[3] <= 1e-308


def test_every_order_is_the_derivative_of_the_one_below() -> None:
    x = lg.placeholder((5,), lg.float64, "x")
    at = np.array([-1.3, 0.25, 1.4616321449683622, 2.0, 30.0])
    y, found = lg.Tensor(OPS["lgamma"](x.value)), []
    for _ in range(5):
        y = lg.grad(lg.sum(y), x)
        found.append(y)
    names = ["digamma", *(f"polygamma {n}" for n in range(1, 5))]
    for name, value in zip(names, evaluate(found, {x: at})):
        np.testing.assert_allclose(value, truth(name, at).astype(np.float64), rtol=1e-14, atol=1e-15)


@pytest.mark.parametrize("n", [-1, 1.0, True, HIGHEST + 1])
def test_an_order_is_a_number_of_derivatives(n: object) -> None:
    with pytest.raises(ValueError, match="expected an order n from 0 to 170"):
        OPS["polygamma"](OPS["iota"](dtype=float64, shape=(3,), axis=0), n=n)


def test_the_values_of_the_zeta_function() -> None:
    with mpmath.workprec(200):
        for s in (2, 3, 8, 40):
            number = zeta_less_one(s)
            assert abs(mpf(number.numerator) / number.denominator / (mpmath.zeta(s) - 1) - 1) < mpf(2) ** -66

"""Special functions: values in hostile places as SciPy's, and derivatives to the third order against 50 digits.

In: grids of arguments, tails and joints of the formulas among them. Out: the function, the order and the argument.
"""

import math
from collections.abc import Callable

import mpmath
import numpy as np
import pytest
import scipy.special
from mpmath import mpf

import lazygraph as lg
from tests.lazygraph.evaluation import evaluate

INF, NAN = math.inf, math.nan
HOSTILE = [0.0, -0.0, 1.0, -1.0, 0.5, 2.0, -2.5, 1e-300, 2.3e-308, 1e300, -1e300, INF, -INF, NAN]
POSITIVE = [1e-12, 1e-3, 0.2, 0.5, 1.0, 1.4, 3.0, 9.99, 10.0, 30.0, 1e4]


def phi(x: mpf) -> mpf:
    return mpmath.erfc(-x / mpmath.sqrt(2)) / 2


def quantile(p: mpf) -> mpf:
    """By Newton's method on log(phi)."""
    x = mpf(-1) if p < 0.5 else mpf(1)
    for _ in range(200):
        ratio = mpmath.exp(-x * x / 2) / mpmath.sqrt(2 * mpmath.pi) / phi(x)
        step = mpmath.log(phi(x) / p) / ratio
        x -= max(min(step, 2), -2)
        if abs(step) < mpf(10) ** -25:
            return x
    raise AssertionError(p)


def quantiles(p: mpf) -> list[mpf]:
    x = quantile(p)
    slope = mpmath.exp(x * x / 2) * mpmath.sqrt(2 * mpmath.pi)
    return [x, slope, x * slope**2, (1 + 2 * x * x) * slope**3]


def inverses(p: mpf) -> list[mpf]:
    """erfcinv(p) = -quantile(p / 2) / sqrt(2), and its derivatives."""
    return [-each / mpmath.sqrt(2) / mpf(2) ** k for k, each in enumerate(quantiles(p / 2))]


def differences(function: Callable[[mpf], mpf]) -> Callable[[mpf], list[mpf]]:
    """A function and its derivatives, by differences in so many digits that 30 are left."""

    def orders(x: mpf) -> list[mpf]:
        with mpmath.workdps(130):
            return [mpmath.diff(function, x, k, h=abs(x) * mpf(10) ** -25) for k in range(4)]

    return orders


TAILS = [-300, -20, -1, 0.1, 3, 30]
# function -> its derivatives of order 0 to 3, where they are taken, and the relative error of the k-th
SMOOTH: dict[str, tuple[Callable[[mpf], list[mpf]], list[float], Callable[[int], float]]] = {
    "gammaln": (lambda x: [mpmath.loggamma(x), *(mpmath.polygamma(n, x) for n in range(3))], POSITIVE, lambda k: 2e-14),
    "entr": (differences(lambda x: -x * mpmath.log(x)), POSITIVE, lambda k: 1e-14),
    "expit": (differences(lambda x: 1 / (1 + mpmath.exp(-x))), TAILS, lambda k: 1e-13),
    "log_expit": (differences(lambda x: -mpmath.log1p(mpmath.exp(-x))), TAILS, lambda k: 1e-13),
    "logit": (
        differences(lambda x: mpmath.log(x / (1 - x))),
        [1e-90, 0.1, 0.2499, 0.25, 0.3, 0.55, 0.7, 0.999999],
        lambda k: 1e-13,
    ),
    "ndtr": (differences(phi), [-36, -9, -1.2, 0.3, 5], lambda k: 1e-12),
    "log_ndtr": (
        differences(lambda x: mpmath.log(phi(x))),
        [-1e4, -40, -10.001, -9.999, -5, -1.001, -0.999, 0.5, 6],
        lambda k: 1e-14 * 60**k,
    ),
    "ndtri": (quantiles, [1e-90, 1e-10, 0.1, 0.2499, 0.2501, 0.4, 0.6, 0.9, 1 - 1e-9], lambda k: 1e-13),
    "erfcinv": (inverses, [1e-90, 0.1, 0.499, 0.501, 1.2, 1.9], lambda k: 1e-13),
}


@pytest.mark.parametrize("name", SMOOTH)
def test_values_and_three_derivatives(name: str) -> None:
    exact, points, tolerance = SMOOTH[name]
    x = lg.placeholder((len(points),), lg.float64, "x")
    orders = [getattr(lg.special, name)(x)]
    for _ in range(3):
        orders.append(lg.grad(lg.sum(orders[-1]), x))
    with mpmath.workdps(50):
        expected = np.array([[float(each) for each in exact(mpf(p))] for p in points]).T
    for k, found in enumerate(evaluate(orders, {x: points})):
        np.testing.assert_allclose(found, expected[k], rtol=tolerance(k), err_msg=f"order {k}")


ONE = ["digamma", "entr", "erfcinv", "expit", "log_expit", "log_ndtr", "logit", "ndtr", "ndtri"]
TWO = ["kl_div", "rel_entr", "xlog1py"]


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16])
def test_hostile_operands_as_in_scipy(dtype: type) -> None:
    rtol = {np.float64: 2e-13, np.float32: 1e-6, np.float16: 1e-3}[dtype]
    with np.errstate(all="ignore"):
        one = np.array([*HOSTILE, *POSITIVE, -0.3, 0.75, 1.5, -30, 12, 600], dtype)
        x, y = (
            each.ravel()
            for each in np.meshgrid(
                np.array(HOSTILE[:9] + HOSTILE[11:], dtype), np.array(HOSTILE[:9] + HOSTILE[11:], dtype)
            )
        )
        wide = [each.astype(np.float64) for each in (one, x, y)]
        expected = {name: getattr(scipy.special, name)(wide[0]).astype(dtype) for name in ONE}
        expected |= {name: getattr(scipy.special, name)(*wide[1:]).astype(dtype) for name in TWO}
    found = evaluate(
        [getattr(lg.special, name)(one) for name in ONE] + [getattr(lg.special, name)(x, y) for name in TWO]
    )
    for name, each in zip(expected, found):
        assert each.dtype == dtype, name
        np.testing.assert_allclose(each, expected[name], rtol=rtol, atol=1e-300, err_msg=name)


def test_gammaln_as_in_scipy_and_polygamma_where_scipy_agrees() -> None:
    x = np.array([*HOSTILE, *POSITIVE, -0.3, 170.0])
    x = x[x != -INF]  # where the C standard's inf stands against SciPy's -inf
    found = evaluate([lg.special.gammaln(x), lg.special.polygamma(0, x), lg.special.multigammaln([3.0, 7.5], 3)])
    np.testing.assert_allclose(found[0], scipy.special.gammaln(x), rtol=1e-14)
    np.testing.assert_allclose(found[1], scipy.special.digamma(x), rtol=1e-13)
    np.testing.assert_allclose(found[2], [scipy.special.multigammaln(each, 3) for each in (3.0, 7.5)], rtol=1e-14)
    positive = np.array(POSITIVE)
    for n, each in enumerate(evaluate([lg.special.polygamma(n, positive) for n in (1, 2, 3)]), start=1):
        np.testing.assert_allclose(each, scipy.special.polygamma(n, positive), rtol=1e-13)


def test_gamma_with_its_sign_and_exact_factorials() -> None:
    at = np.array([*HOSTILE, *POSITIVE[:-1], -0.3, -1.5, -2.5, -3.0, 171.0, 172.0, -170.5])
    with np.errstate(all="ignore"):
        expected = scipy.special.gamma(at)
    np.testing.assert_allclose(evaluate(lg.special.gamma(at)), expected, rtol=2e-13)
    whole = np.arange(1.0, 18.0)
    np.testing.assert_array_equal(evaluate(lg.special.gamma(whole)), [math.factorial(n) for n in range(17)])
    x = lg.placeholder((4,), lg.float64, "x")
    slope = lg.grad(lg.sum(lg.special.gamma(x)), x)
    points = np.array([-1.5, 0.5, 5.0, 20.3])
    exact = scipy.special.gamma(points) * scipy.special.digamma(points)
    np.testing.assert_allclose(evaluate(slope, {x: points}), exact, rtol=1e-13)


def test_the_logarithm_of_beta_keeps_its_digits_where_large_terms_cancel() -> None:
    a, b = (each.ravel() for each in np.meshgrid(POSITIVE + [1e10, 1e200], POSITIVE + [1e10, 1e200]))
    with mpmath.workdps(250):
        exact = [
            mpmath.loggamma(mpf(p)) + mpmath.loggamma(mpf(q)) - mpmath.loggamma(mpf(p) + mpf(q))
            for p, q in zip(a.tolist(), b.tolist())
        ]
        exact = np.array([float(each) for each in exact])
    x, y = lg.placeholder(a.shape, lg.float64, "a"), lg.placeholder(a.shape, lg.float64, "b")
    value = lg.special.betaln(x, y)
    found, along, beta, same = evaluate(
        [value, lg.grad(lg.sum(value), x), lg.special.beta(x, y), lg.special.betaln(y, x)], {x: a, y: b}
    )
    np.testing.assert_allclose(found, exact, rtol=4e-15, atol=4e-15)
    np.testing.assert_array_equal(found, same)
    with np.errstate(all="ignore"):
        np.testing.assert_allclose(beta, np.exp(exact), rtol=2e-13, atol=1e-300)
    with mpmath.workdps(250):
        slopes = [
            float(mpmath.digamma(mpf(p)) - mpmath.digamma(mpf(p) + mpf(q))) for p, q in zip(a.tolist(), b.tolist())
        ]
    close = 1e-15 * (1 + np.abs(scipy.special.digamma(a)))
    assert np.all(np.abs(along - slopes) <= close + 1e-13 * np.abs(slopes))
    assert evaluate(lg.special.betaln(2.0, INF)) == -INF


def test_divergences_keep_their_digits_where_both_are_close() -> None:
    """x log(x / y) - x + y is about (x - y)**2 / (2 y); its slopes are log(x / y) and 1 - x / y."""
    b = np.array([1.0, 3.0, 1e-200, 5.0, 1.0, 1e300])
    a = b * np.array([1 + 1e-9, 1 - 1e-7, 1.1, 0.8, 30.0, 1e-299])
    x, y = lg.placeholder(a.shape, lg.float64, "x"), lg.placeholder(a.shape, lg.float64, "y")
    value, relative = lg.special.kl_div(x, y), lg.special.rel_entr(x, y)
    outputs = [value, *lg.grad(lg.sum(value), [x, y]), relative, *lg.grad(lg.sum(relative), [x, y])]
    with mpmath.workdps(60):
        p, q = [mpf(each) for each in a.tolist()], [mpf(each) for each in b.tolist()]
        logs = [mpmath.log(u / v) for u, v in zip(p, q)]
        exact = [
            [u * each - u + v for u, v, each in zip(p, q, logs)],
            logs,
            [1 - u / v for u, v in zip(p, q)],
            [u * each for u, each in zip(p, logs)],
            [each + 1 for each in logs],
            [-u / v for u, v in zip(p, q)],
        ]
    for found, expected in zip(evaluate(outputs, {x: a, y: b}), exact):
        np.testing.assert_allclose(found, [float(each) for each in expected], rtol=1e-13)


def test_a_masked_element_leaves_the_gradient_finite() -> None:
    x, y = lg.placeholder((3,), lg.float64, "x"), lg.placeholder((3,), lg.float64, "y")
    total = lg.sum(lg.special.xlog1py(x, y)) + lg.sum(lg.special.entr(x)) + lg.sum(lg.special.rel_entr(x, y + 1))
    along = lg.grad(total, [x, y])
    second = lg.grad(lg.sum(along[0] + along[1]), [x, y])
    found = evaluate([*along, *second], {x: [0.0, 0.0, 2.0], y: [-1.0, 3.0, 0.5]})
    assert all(np.isfinite(each).all() for each in found)
    np.testing.assert_allclose(found[0][1:], [math.log(4), 0], atol=1e-15)


def test_every_name_is_one_of_scipy() -> None:
    assert [name for name in lg.special.__all__ if not hasattr(scipy.special, name)] == []
    assert all(callable(getattr(lg.special, name)) and getattr(lg.special, name).__doc__ for name in lg.special.__all__)


def test_mistakes_are_sentences() -> None:
    with pytest.raises(ValueError, match="expected a number of dimensions from 1 on, found 0"):
        lg.special.multigammaln(1.0, 0)
    with pytest.raises(ValueError, match="expected an order n from 0 to 170, found 0.5"):
        lg.special.polygamma(0.5, 1.0)  # type: ignore[arg-type]

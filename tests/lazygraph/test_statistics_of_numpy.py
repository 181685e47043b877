"""Averages, quantiles, histograms and reductions without NaN follow NumPy."""

from typing import Any

import numpy as np
import pytest

import lazygraph as lg
from tests.lazygraph.evaluation import evaluate
from tests.lazygraph.numpy_calls import Call, call, check_call, compiled, identifier

RNG = np.random.default_rng(2)
X = np.round(RNG.normal(size=(3, 4, 5)), 1)
M, W = X[0], RNG.uniform(0.5, 2, size=(4, 5))
N = X.copy()
N[RNG.uniform(size=N.shape) < 0.3] = np.nan
N[1, 2] = np.nan
FINITE = N.copy()
N[2, 0, 0] = -np.inf
INTS = (X * 10).astype(np.int64)
COUNTS = np.array([1, 2, 1, 3, 1])
METHODS = ["linear", "lower", "higher", "nearest", "midpoint", "inverted_cdf", "averaged_inverted_cdf",
           "closest_observation", "interpolated_inverted_cdf", "hazen", "weibull", "median_unbiased",
           "normal_unbiased"]  # fmt: skip
QS = np.array([0.0, 0.1, 0.25, 0.3, 0.5, 2 / 3, 0.75, 0.9, 1.0])
AXES: list[Any] = [None, 0, -1, (0, 2)]

REDUCTIONS = [
    *[call(f"nan{name}", array, axis=axis, keepdims=axis in (0, (0, 2)))
      for name in ("sum", "prod", "mean", "var", "std", "max", "min", "median")
      for array in (N, INTS, N.astype(np.float32)) for axis in AXES],
    *[call(name, N, ddof=1, axis=axis) for name in ("nanvar", "nanstd", "var", "std") for axis in AXES],
    *[call(name, array, axis) for name in ("nancumsum", "nancumprod") for array in (N, INTS) for axis in (None, 1)],
    *[call(name, X, axis, initial=0.5, where=X > 0) for name in ("sum", "prod", "max", "min")
      for axis in AXES],
    *[call(name, INTS, axis, initial=3) for name in ("sum", "prod", "max", "min") for axis in (None, 1)],
    *[call(name, X, axis, where=[True, False, True, True, False]) for name in "any all mean var std sum".split()
      for axis in AXES],
    *[call(name, X, axis, dtype=np.float32) for name in ("mean", "var", "std") for axis in AXES],
    call("max", np.zeros((0, 3)), 0, initial=7.0), call("min", np.zeros(0), initial=7.0), call("max", 3.0, initial=7.0),
    call("mean", np.ones(70000, np.float16)), call("var", np.full((2, 3), 300, np.float16)),
    call("std", INTS, dtype=np.float16),
    *[call("ptp", X, axis) for axis in AXES], call("ptp", INTS, 0, keepdims=True),
    *[call("average", X, axis) for axis in AXES], call("average", M, weights=W), call("average", M, 1, W[0], True),
    call("average", M, 0, W, returned=True, keepdims=True), call("average", X, (1, 2), W),
    call("average", INTS, returned=True),
]  # fmt: skip
QUANTILES = [
    *[call("quantile", array, QS, axis, method=method) for method in METHODS for array, axis in ((X, None),
    (X, (0, 2)), (INTS, 1))],
    *[call("nanquantile", FINITE, QS, axis, method=method) for method in METHODS for axis in (None, 1)],
    call("percentile", X, [[10, 20], [30, 99]], 1, keepdims=True), call("nanpercentile", N, 35.0),
    call("nanquantile", INTS, 0.3),
    call("median", X, 1), call("quantile", [1.0], QS),
    call("quantile", M.astype(np.float32), 0.5, 0),
]  # fmt: skip
COVARIANCES = [
    call("cov", M), call("cov", M, rowvar=False), call("cov", M[0]), call("cov", M[0], M[1]), call("cov", M, bias=True),
    call("cov", M, ddof=2), call("cov", M, fweights=COUNTS), call("cov", M, aweights=W[0]), call("cov", M, M),
    call("cov", M, fweights=COUNTS, aweights=W[0], ddof=0), call("cov", M, fweights=COUNTS, aweights=W[0]),
    call("cov", INTS[0]),
    call("corrcoef", M), call("corrcoef", M[0], M[1]), call("corrcoef", M, rowvar=False), call("corrcoef", M[0]),
    call("corrcoef", np.ones((2, 3))),
]  # fmt: skip
HISTOGRAMS = [
    call("histogram", X, [-1, 0, 0.5, 2]), call("histogram", X, 5, (-1.0, 1.0)), call("histogram", X, 5, (-1, 1),
    density=True),
    call("histogram", M, 3, (-1.0, 1.0), weights=W), call("histogram", M, [-1.0, 0, 2], weights=W, density=True),
    call("histogram_bin_edges", X, 4, (0.0, 2.0)), call("histogram_bin_edges", X, [0.0, 1.0, 4.0]),
    call("histogram2d", M[0], M[1], 3, [(-1.0, 1.0), (0.0, 2.0)]), call("histogram2d", M[0], M[1], [[-2.0, 0, 2],
    [-1.0, 1.0]]),
    call("histogram2d", M[0], M[1], [-1.0, 0.0, 2.0], density=True), call("histogram2d", M[0], M[1],
    2, [(-1.0, 1.0)] * 2, weights=W[0]),
    call("histogramdd", M[:, :3], 2, [(-1.0, 1.0)] * 3), call("histogramdd", M[:, :2], [2, [-1.0, 0.0, 3.0]],
    [(-1.0, 1.0), None]),
    call("histogramdd", M[:, :2], 3, [(-2.0, 2.0)] * 2, density=True), call("bincount", COUNTS, COUNTS * 0.5),
    *[call("digitize", X, edges, right) for edges in ([-1.0, 0.0, 0.5], [0.5, 0.0, -1.0],
    [0.0]) for right in (False, True)],
    call("digitize", INTS, [0, 5]),
]  # fmt: skip
CALLS = [*REDUCTIONS, *QUANTILES, *COVARIANCES, *HISTOGRAMS]


@pytest.mark.parametrize("each", CALLS, ids=identifier)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_as_in_numpy(each: Call) -> None:
    check_call(each)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_machine_code_makes_the_same_of_them() -> None:
    chosen = [each for each in CALLS[::6] if isinstance(each[1][0], np.ndarray) and not each[0].startswith("histogram")]
    compiled(chosen, lambda arg: isinstance(arg, np.ndarray) and arg.ndim > 1)


def test_moments_of_many_halves_do_not_overflow() -> None:
    """NumPy's means without NaN add halves as halves, and say infinity."""
    ones, row = np.ones(70000, np.float16), np.arange(5000, dtype=np.float16)
    assert evaluate(lg.nanmean(ones)) == 1 and evaluate(lg.mean(ones)) == 1
    assert evaluate(lg.nanstd(row)) == np.float16(np.std(row.astype(np.float64))) == evaluate(lg.std(row))


def test_quantiles_beside_an_infinity_are_what_is_approached() -> None:
    """NumPy's interpolation subtracts infinities there and says NaN for some fractions."""
    found = evaluate(lg.quantile([-np.inf, 0.0, np.inf], [0, 0.25, 0.5, 0.75, 1]))
    np.testing.assert_array_equal(found, [-np.inf, -np.inf, 0, np.inf, np.inf])
    assert evaluate(lg.nanmedian([np.inf, np.nan, np.inf])) == np.inf
    assert np.isnan(evaluate(lg.quantile([-np.inf, np.inf], 0.5)))


NAN = np.nan


@pytest.mark.parametrize("name", ["nanargmax", "nanargmin"])
def test_places_of_extremes_among_nan(name: str) -> None:
    """NumPy counts NaN as an infinity, and finds it before the infinity that is there."""
    assert evaluate(getattr(lg, name)([NAN, -np.inf, NAN])) == 1
    assert evaluate(getattr(lg, name)([NAN, NAN, np.inf, np.inf])) == 2
    for array in ([NAN, 1.0, 3.0, 3.0], [[NAN, 0.0], [1.0, NAN]], [3, 1, 2]):
        for axis in (None, -1):
            np.testing.assert_array_equal(evaluate(getattr(lg, name)(array, axis)), getattr(np, name)(array, axis))
    x = lg.placeholder((2,), lg.float64, "x")
    with pytest.raises(lg.CheckFailed, match="every element is NaN"):
        evaluate(getattr(lg, name)(x), {x: [NAN, NAN]})


def test_symbolic_numbers_of_elements() -> None:
    x = lg.placeholder((lg.dim("n", min=1), 3), lg.float64, "x")
    names = ["nansum", "nanmean", "nanvar", "nanmax", "nanmedian", "median", "ptp", "average"]
    step = lg.function([x], [getattr(lg, name)(x, axis) for name in names for axis in (None, 0, 1)] + [lg.cov(x)])
    for size in (2, 5):
        array = RNG.normal(size=(size, 3))
        found = step(array)
        expected = [getattr(np, name)(array, axis) for name in names for axis in (None, 0, 1)] + [np.cov(array)]
        for one, other in zip(found, expected):
            np.testing.assert_allclose(one, other, rtol=1e-12)


MISTAKES: list[tuple[Any, type[Exception], str]] = [
    (lambda: lg.max(X, where=X > 0), ValueError, "where: max of no element needs initial="),
    (lambda: lg.quantile(X, 1.5), ValueError, "quantile: q: expected numbers in 0 .. 1, found 1.5"),
    (lambda: lg.nanpercentile(X, 101), ValueError, "numbers in 0 .. 100"),
    (lambda: lg.quantile(X, 0.5, method="guess"), ValueError, "method: expected one of linear, .*; found 'guess'"),
    (lambda: lg.average(X, 1, weights=[1.0, 2.0]), lg.ShapeError, "extents -?.* do not broadcast|extents"),
    (lambda: lg.average(X, (0, 1), weights=[1.0]), lg.ShapeError, "expected weights of the shape"),
    (lambda: lg.cov(X), lg.ShapeError, "a matrix of variables and observations"),
    (lambda: lg.histogram(X), TypeError, r"10 bins need range=\(first, last\)"),
    (lambda: lg.histogram(X, "auto"), TypeError, "found 'auto': edges do not depend on the elements"),
    (lambda: lg.histogramdd(M[:, :2], [1], [(0, 1)] * 2), lg.ShapeError, "for 2 axes, found 1 and 2"),
    (lambda: lg.digitize(X, M), lg.ShapeError, "edges of rank 1"),
]  # fmt: skip


@pytest.mark.parametrize(("mistake", "error", "message"), MISTAKES)
def test_mistakes_are_sentences(mistake: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        mistake()


@pytest.mark.parametrize("name", ["sum", "prod", "mean", "var", "std", "cumsum", "cumprod"])
def test_dtypes_of_results_are_given_by_place_as_in_numpy(name: str) -> None:
    x = np.arange(1, 7, dtype=np.int32).reshape(2, 3)
    expected = getattr(np, name)(x, 0, np.float32)
    for found in (getattr(lg, name)(x, 0, lg.float32), getattr(lg.constant(x), name)(0, lg.float32)):
        assert found.dtype == expected.dtype
        np.testing.assert_allclose(found.eval(), expected, rtol=1e-6)

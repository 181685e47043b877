"""Running extremes are NumPy's; running log-sums neither overflow nor lose small terms, nor do their derivatives."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import lazygraph as lg
from tests.lazygraph.evaluation import evaluate

FLOATS = st.one_of(st.integers(-3, 3).map(float), st.sampled_from([np.inf, -np.inf, np.nan, -0.0]))


@given(hnp.arrays(np.float64, hnp.array_shapes(min_dims=1, max_dims=3, min_side=0), elements=FLOATS), st.data())
def test_running_extremes_as_in_numpy(array: np.ndarray, data: Any) -> None:
    axis = data.draw(st.integers(-array.ndim, array.ndim - 1))
    for ours, numpy in ((lg.cummax, np.maximum), (lg.cummin, np.minimum)):
        np.testing.assert_array_equal(evaluate(ours(array, axis)), numpy.accumulate(array, axis))
        np.testing.assert_array_equal(evaluate(ours(array)), numpy.accumulate(array.ravel()))
        backwards = np.flip(numpy.accumulate(np.flip(array, axis), axis), axis)
        np.testing.assert_array_equal(evaluate(ours(array, axis, reverse=True)), backwards)


@given(hnp.arrays(np.float64, st.tuples(st.integers(0, 3), st.integers(0, 6)), elements=FLOATS), st.booleans())
def test_running_log_sums_as_in_numpy(array: np.ndarray, reverse: bool) -> None:
    with np.errstate(all="ignore"):
        turned = np.flip(array, 1) if reverse else array
        expected = np.logaddexp.accumulate(turned, 1)
    found = evaluate(lg.logcumsumexp(array, 1, reverse=reverse))
    np.testing.assert_allclose(found, np.flip(expected, 1) if reverse else expected, rtol=1e-12, atol=1e-12)


def test_small_terms_before_large_ones_are_kept() -> None:
    """A sum scaled by the greatest of all would have lost them: exp(-800 - 900) is 0."""
    array = np.array([-800.0, -801.0, 900.0, -5.0])
    np.testing.assert_allclose(lg.logcumsumexp(array).eval(), np.logaddexp.accumulate(array), rtol=1e-15)


def test_derivatives_of_running_log_sums_are_softmaxes_and_finite() -> None:
    """d y_i / d x_j = exp(x_j - y_i) for j <= i; and the sum of its squares, differentiated by differences."""
    x = lg.placeholder((lg.dim("n"),), lg.float64, "x")
    weights = np.array([1.0, -2, 3, 0.5, 4])
    gradient = lg.grad(lg.sum(lg.logcumsumexp(x) * weights), x)
    second = lg.grad(lg.sum(gradient * gradient), x)
    step = lg.function([x], [gradient, second, lg.sum(gradient * gradient)])
    array = np.array([-700.0, -701.0, 300.0, 301.0, 0.0])
    sums = np.logaddexp.accumulate(array)
    expected = [sum(weights[i] * np.exp(array[j] - sums[i]) for i in range(j, 5)) for j in range(5)]
    found = step(array)
    np.testing.assert_allclose(found[0], expected, rtol=1e-12, atol=1e-300)
    direction = np.array([0.3, -1, 0.7, 0.2, 1])
    ahead, behind = (step(array + sign * 1e-5 * direction)[2] for sign in (1, -1))
    np.testing.assert_allclose(np.vdot(found[1], direction), (ahead - behind) / 2e-5, rtol=1e-7)
    nothing = step(np.full(5, -np.inf))
    np.testing.assert_array_equal(nothing[0], np.zeros(5))


@pytest.mark.parametrize("dtype", [np.bool_, np.int8, np.uint64, np.float16])
def test_other_dtypes_keep_their_own(dtype: type) -> None:
    array = np.array([0, 1, 1, 0, 1]).astype(dtype)
    for ours, numpy in ((lg.cummax, np.maximum), (lg.cummin, np.minimum)):
        found = ours(array).eval()
        assert found.dtype == dtype
        np.testing.assert_array_equal(found, numpy.accumulate(array))

"""Quantiles, counts and histograms are NumPy's; what would need the elements to know a shape says so."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import lazygraph as lg
from tests.lazygraph.evaluation import evaluate

NUMBERS = st.one_of(st.integers(-9, 9).map(float), st.just(np.nan))
ARRAYS = hnp.arrays(
    np.float64,
    hnp.array_shapes(min_dims=1, max_dims=3, max_side=4),
    elements=NUMBERS,
)


@given(ARRAYS, st.one_of(st.floats(0, 1), st.lists(st.floats(0, 1), max_size=3)), st.booleans(), st.data())
def test_quantiles_as_in_numpy(array: np.ndarray, q: Any, keepdims: bool, data: Any) -> None:
    axis = data.draw(st.one_of(st.none(), st.integers(-array.ndim, array.ndim - 1)))
    found = evaluate(lg.quantile(array, q, axis, keepdims=keepdims))
    np.testing.assert_allclose(found, np.quantile(array, q, axis, keepdims=keepdims), rtol=1e-12, atol=1e-12)
    percent = evaluate(lg.percentile(array, np.multiply(q, 100), axis, keepdims=keepdims))
    np.testing.assert_allclose(
        percent, np.quantile(array, np.multiply(q, 100) / 100, axis, keepdims=keepdims), rtol=1e-12, atol=1e-12
    )
    expected = np.median(array, axis, keepdims=keepdims)
    np.testing.assert_array_equal(evaluate(lg.median(array, axis, keepdims=keepdims)), expected)


def test_a_median_of_any_number_of_rows_and_its_gradient() -> None:
    x = lg.placeholder((lg.dim("n"), 2), lg.float32, "x")
    step = lg.function([x], [lg.median(x, axis=0), lg.grad(lg.sum(lg.median(x, axis=0)), x)])
    for size in (1, 2, 5, 100):
        array = np.random.default_rng(size).permutation(2 * size).reshape(size, 2).astype(np.float32)
        found, gradient = step(array)
        np.testing.assert_array_equal(found, np.median(array, axis=0))
        np.testing.assert_array_equal(gradient.sum(0), [1, 1])
        np.testing.assert_array_equal(np.count_nonzero(gradient, axis=0), [2 - size % 2] * 2)
    with pytest.raises(lg.CheckFailed, match="median over axis 0 of extent n = 0 has no value"):
        step(np.zeros((0, 2), np.float32))
    assert float(lg.median([np.inf, np.inf])) == np.inf
    with pytest.raises(ValueError, match="quantile: q: expected numbers in 0 .. 1, found 1.5"):
        lg.quantile([1.0], 1.5)


@given(hnp.arrays(np.int32, st.integers(0, 9), elements=st.integers(0, 6)), st.integers(0, 9))
def test_counts_as_in_numpy(array: np.ndarray, minlength: int) -> None:
    np.testing.assert_array_equal(
        evaluate(lg.bincount(array, minlength=minlength)), np.bincount(array, minlength=minlength)
    )
    weights = np.arange(len(array)) * 0.5
    expected = np.bincount(array, weights, minlength)
    np.testing.assert_array_equal(evaluate(lg.bincount(array, weights, minlength)), expected)


def test_counts_of_an_input_have_the_length_that_is_given() -> None:
    x = lg.placeholder((lg.dim("n"),), lg.int64, "x")
    count = lg.function([x], lg.bincount(x, minlength=4))
    np.testing.assert_array_equal(count([3, 1, 1]), [0, 2, 0, 1])
    with pytest.raises(lg.CheckFailed, match="index 4 is out of bounds for an axis of extent 4"):
        count([0, 4])
    with pytest.raises(TypeError, match="give the length as minlength="):
        lg.bincount(x)


@given(hnp.arrays(np.float64, hnp.array_shapes(max_dims=2), elements=NUMBERS),
       st.lists(st.integers(-4, 4), min_size=2, max_size=5).map(sorted))  # fmt: skip
def test_histograms_as_in_numpy(array: np.ndarray, edges: list[int]) -> None:
    for weights in (None, np.arange(array.size).reshape(array.shape) * 0.5):
        found, own = evaluate(lg.histogram(array, edges, weights=weights))
        np.testing.assert_array_equal(found, np.histogram(array, edges, weights=weights)[0])
        np.testing.assert_array_equal(own, edges)
    found = evaluate(lg.histogram(array, 4, (-2, 2))[0])
    np.testing.assert_array_equal(found, np.histogram(array, np.linspace(-2, 2, 5))[0])


def test_what_depends_on_the_elements_of_an_input_is_an_error() -> None:
    x = lg.placeholder((3,), lg.float64, "x")
    np.testing.assert_array_equal(evaluate(lg.unique(lg.constant([2, 1, 2]))), [1, 2])
    with pytest.raises(TypeError, match="the set of distinct elements of .* Use lg.sort"):
        lg.unique(x)
    with pytest.raises(TypeError, match="10 bins need range="):
        lg.histogram(x)

"""Running sums and differences are NumPy's, whatever the shape, axis and dtype."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import lazygraph as lg
from tests.lazygraph.evaluation import evaluate

DTYPES = st.sampled_from([np.bool_, np.int32, np.int64, np.uint32, np.float32, np.float64])
ELEMENTS = {"b": st.booleans(), "i": st.integers(-3, 3), "u": st.integers(0, 3), "f": st.integers(-3, 3)}


@st.composite
def arrays_and_axes(draw: Any) -> tuple[np.ndarray, int]:
    dtype = np.dtype(draw(DTYPES))
    shape = draw(hnp.array_shapes(min_dims=1, max_dims=3, min_side=0, max_side=5))
    array = draw(hnp.arrays(dtype, shape, elements=ELEMENTS[dtype.kind]))
    return array, draw(st.integers(-len(shape), len(shape) - 1))


@given(arrays_and_axes(), st.booleans())
def test_running_sums_and_products_as_in_numpy(case: tuple[np.ndarray, int], initial: bool) -> None:
    array, axis = case
    for ours, numpy in ((lg.cumulative_sum, np.cumulative_sum), (lg.cumulative_prod, np.cumulative_prod)):
        found = evaluate(ours(array, axis=axis, include_initial=initial))
        expected = numpy(array, axis=axis, include_initial=initial)
        assert found.dtype == expected.dtype
        np.testing.assert_array_equal(found, expected)
    for ours, numpy in ((lg.cumsum, np.cumsum), (lg.cumprod, np.cumprod)):
        np.testing.assert_array_equal(evaluate(ours(array)), numpy(array))
        np.testing.assert_array_equal(evaluate(ours(array, axis, np.float64)), numpy(array, axis, np.float64))


@given(arrays_and_axes(), st.integers(0, 3), st.booleans(), st.booleans())
def test_differences_as_in_numpy(case: tuple[np.ndarray, int], n: int, before: bool, after: bool) -> None:
    array, axis = case
    joined: dict[str, Any] = {"prepend": array.dtype.type(1)} if before else {}
    if after:
        joined["append"] = array
    found, expected = evaluate(lg.diff(array, n, axis, **joined)), np.diff(array, n, axis, **joined)
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(found, expected)


def test_the_array_api_wants_an_axis_from_rank_2_on() -> None:
    with pytest.raises(lg.ShapeError, match="expected an axis for a tensor of rank 2"):
        lg.cumulative_sum(np.zeros((2, 3)))


def test_the_gradient_of_a_running_sum_is_the_sum_from_there_on() -> None:
    x = lg.placeholder((4,), lg.float64, "x")
    weights = np.array([1.0, 10, 100, 1000])
    np.testing.assert_array_equal(
        lg.grad(lg.sum(lg.cumsum(x) * weights), x).eval({x: np.ones(4)}), [1111, 1110, 1100, 1000]
    )


def test_gradients_of_running_products_and_maps_over_them() -> None:
    x = lg.placeholder((3, 4), lg.float64, "x")
    array = np.array([[1.0, 2, 0, 3], [0, 0, 1, 2], [1, 1, 1, 1]])
    total = lg.sum(lg.vmap(lambda row: lg.cumulative_prod(row))(x))
    found = lg.grad(total, x).eval({x: array})
    step = 1e-6
    for place in np.ndindex(3, 4):
        moved = [
            np.sum(np.cumprod(array + sign * step * (np.indices((3, 4)).T == place).all(-1).T, 1)) for sign in (1, -1)
        ]
        assert found[place] == pytest.approx((moved[0] - moved[1]) / (2 * step), abs=1e-6)

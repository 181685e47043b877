"""The greatest few and places in sorted tensors are NumPy's."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import lazygraph as lg
from lazygraph.compiler.ops.domains import SWEPT
from lazygraph.compiler.ops.samples import hostile
from tests.lazygraph.evaluation import evaluate

FLOATS = st.one_of(st.integers(-3, 3).map(float), st.sampled_from([np.inf, -np.inf, np.nan, -0.0]))


@given(hnp.arrays(np.float64, st.integers(0, 9), elements=FLOATS),
       hnp.arrays(np.float64, hnp.array_shapes(min_dims=0, max_dims=2, min_side=0), elements=FLOATS),
       st.sampled_from(["left", "right"]))  # fmt: skip
def test_places_in_what_is_sorted_as_in_numpy(row: np.ndarray, values: np.ndarray, side: Any) -> None:
    ordered, order = np.sort(row), np.argsort(row, kind="stable")
    expected = np.searchsorted(ordered, values, side)
    np.testing.assert_array_equal(evaluate(lg.searchsorted(ordered, values, side)), expected)
    np.testing.assert_array_equal(evaluate(lg.searchsorted(row, values, side=side, sorter=order)), expected)


@given(hnp.arrays(np.int32, st.tuples(st.integers(0, 3), st.integers(2, 7)), elements=st.integers(-3, 3)))
def test_the_greatest_few_are_the_first_of_the_descending_order(array: np.ndarray) -> None:
    order = np.argsort(-array, axis=-1, kind="stable")[:, :2]
    values, places = evaluate(lg.top_k(array, 2))
    np.testing.assert_array_equal(places, order)
    np.testing.assert_array_equal(values, np.take_along_axis(array, order, -1))
    values, places = evaluate(lg.top_k(array.T, 2, axis=0))
    np.testing.assert_array_equal(places, order.T)


def in_order(row: np.ndarray, descending: bool) -> list[int]:
    """Places by (is NaN, value), equals as they stand: what Python's own stable sort of its numbers gives."""
    numbers = [each.item() if row.dtype.kind in "biu" else float(each) for each in row]
    sign = -1 if descending else 1
    return sorted(range(len(row)), key=lambda i: (False, sign * numbers[i]) if numbers[i] == numbers[i] else (True, 0))


@pytest.mark.parametrize("dtype", SWEPT, ids=str)
def test_every_dtype_has_one_stable_order_both_ways(dtype: Any) -> None:
    array = hostile(np.random.default_rng(2), dtype, (60,))
    for descending in (False, True):
        order = in_order(array, descending)
        ordered, places = evaluate([op(array, descending=descending) for op in (lg.sort, lg.argsort)])
        np.testing.assert_array_equal(places, order)
        assert ordered.tobytes() == array[order].tobytes()
    values, places = evaluate(lg.top_k(array, 40))
    np.testing.assert_array_equal(places, order[:40])
    assert values.tobytes() == array[order[:40]].tobytes()


def test_one_compilation_sorts_rows_of_every_length_and_finds_their_extremes() -> None:
    """Ties, both zeros and NaN: the first of the least and of the greatest, and of NaN where there is one."""
    x = lg.placeholder((3, lg.dim("n", min=1)), lg.float32, "x")
    found = lg.function(
        [x], [lg.sort(x, descending=True), lg.argsort(x), *lg.top_k(x, 1), lg.argmax(x, 1), lg.argmin(x, 1)]
    )
    rng = np.random.default_rng(4)
    for size in (1, 2, 63, 64, 65, 1000):
        array = rng.choice(
            np.array([-0.0, 0, 1, 2, -np.inf, np.nan] if size < 100 else [3, 1, 2], np.float32), (3, size)
        )
        descending, order, greatest, place, most, least = found(array)
        for row in range(3):
            down = in_order(array[row], True)
            assert descending[row].tobytes() == array[row][down].tobytes()
            np.testing.assert_array_equal(order[row], in_order(array[row], False))
            assert (place[row, 0], greatest[row].tobytes()) == (down[0], array[row][down[:1]].tobytes())
        np.testing.assert_array_equal(most, np.argmax(array, 1))
        np.testing.assert_array_equal(least, np.argmin(array, 1))
    assert found.compilations == 1


def test_one_compilation_searches_rows_of_every_length() -> None:
    row, values = lg.placeholder((lg.dim("n"),), lg.float64, "row"), lg.placeholder((lg.dim("m"),), lg.float64, "v")
    found = lg.function([row, values], [lg.searchsorted(row, values), lg.searchsorted(row, values, side="right")])
    for size in (0, 1, 2, 3, 62, 63, 64, 65, 1000, 70001):
        ordered = np.arange(size) * 2.0
        wanted = np.random.default_rng(0).integers(-3, 2 * size + 3, 301) * 1.0
        for each, side in zip(found(ordered, wanted), ("left", "right")):
            np.testing.assert_array_equal(each, np.searchsorted(ordered, wanted, side))
    assert found.compilations == 1


def test_the_gradient_of_the_greatest_few_goes_to_them() -> None:
    x = lg.placeholder((lg.dim("n", min=2),), lg.float64, "x")
    values, _ = lg.top_k(x, 2)
    gradient = lg.grad(lg.sum(values * values), x)
    np.testing.assert_array_equal(gradient.eval({x: [1, 5, 2, 4]}), [0, 10, 0, 8])


def test_more_than_there_are_is_an_error() -> None:
    with pytest.raises(lg.ShapeError, match="expected 0 <= k <= the extent 3 of axis 0, found k = 4"):
        lg.top_k([1, 2, 3], 4)
    with pytest.raises(lg.ShapeError, match="expected a sorted tensor of rank 1"):
        lg.searchsorted(np.zeros((2, 2)), 1.0)

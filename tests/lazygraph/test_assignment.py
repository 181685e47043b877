"""x[...] = y follows NumPy for every index, without changing what other handles stand for."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import lazygraph as lg
from tests.lazygraph.evaluation import evaluate
from tests.lazygraph.test_indexing import ARRAY, mixed_indices


def assert_sets(array: np.ndarray, index: Any) -> None:
    """A scalar, and an array of the indexed shape, at this index."""
    for value in (7, np.arange(array[index].size).reshape(array[index].shape) + 100):
        expected, tensor = array.copy(), lg.constant(array).copy()
        expected[index] = value
        tensor[index] = value
        np.testing.assert_array_equal(evaluate(tensor), expected)


@given(hnp.array_shapes(min_dims=0, max_dims=3, max_side=4).flatmap(
    lambda shape: st.tuples(st.just(shape), hnp.basic_indices(shape, allow_newaxis=True))
))  # fmt: skip
def test_basic_indices_as_in_numpy(case: Any) -> None:
    shape, index = case
    assert_sets(np.arange(int(np.prod(shape))).reshape(shape), index)


@given(mixed_indices())
def test_index_arrays_among_slices_and_ints_as_in_numpy(index: tuple[Any, ...]) -> None:
    assert_sets(ARRAY, index)


@pytest.mark.parametrize(
    "index", [(ARRAY % 5 == 0,), ([0, 0, 1], 1), (slice(None, None, -2),), (np.arange(3) != 1, [0])]
)
def test_chosen_indices_as_in_numpy(index: Any) -> None:
    assert_sets(ARRAY, index)


def test_values_are_cast_and_broadcast_and_mask_tensors_choose() -> None:
    x = lg.placeholder((2, 3), lg.float32, "x")
    y = x.copy()
    y[:, 1] = lg.constant([1.5, 2.5])
    y[y > 3] = 0
    np.testing.assert_array_equal(y.eval({x: [[1, 2, 3], [4, 5, 6]]}), np.array([[1, 1.5, 3], [0, 2.5, 0]], np.float32))
    with pytest.raises(lg.ShapeError):
        y[0] = np.zeros(2)


def test_symbolic_extents_and_gradients() -> None:
    x, v = lg.placeholder((lg.dim("n", min=3),), lg.float64, "x"), lg.placeholder((2,), lg.float64, "v")
    y = x * 1
    y[-2:] = v
    y[lg.constant([0, 0])] = v * 2
    gradients = lg.function([x, v], lg.grad(lg.sum(y * y), [x, v]))
    for size in (3, 6):
        a, b = np.arange(size) + 1.0, np.array([10.0, 20.0])
        for_x, for_v = gradients(a, b)
        kept = np.where((np.arange(size) > 0) & (np.arange(size) < size - 2), 2 * a, 0)
        np.testing.assert_array_equal(for_x, kept)
        np.testing.assert_array_equal(for_v, [20, 40 + 8 * 20])


def test_an_index_tensor_out_of_bounds_fails_the_step() -> None:
    i = lg.placeholder((1,), lg.int64, "i")
    y = lg.zeros((3,))
    y[i] = 1.0
    with pytest.raises(lg.CheckFailed, match="index 3 is out of bounds for an axis of extent 3"):
        y.eval({i: [3]})

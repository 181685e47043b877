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
    z = x.copy()
    z[0], z[:, [0]] = [[[7, 8, 9]]], [[[1], [2]]]  # axes of extent 1 that the place lacks, as NumPy drops them
    np.testing.assert_array_equal(
        z.eval({x: np.zeros((2, 3), np.float32)}), np.array([[1, 8, 9], [2, 0, 0]], np.float32)
    )
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


UFUNCS = {"add": np.add, "multiply": np.multiply, "min": np.minimum, "max": np.maximum}


@pytest.mark.parametrize("name", UFUNCS)
@pytest.mark.parametrize("index", [
    ([0, 2, 0, 0],), (slice(None), [1, 1, 3]), ([0, 0, 2], slice(1, 3), [1, 1, 0]), (0,), (slice(None, None, -2), 1),
    (...,),
    (ARRAY % 5 == 0,), (-1, [3, 3]),
])  # fmt: skip
def test_changes_at_an_index_count_every_value(name: str, index: Any) -> None:
    values = np.arange(ARRAY[index].size).reshape(ARRAY[index].shape) - 3
    expected = ARRAY.copy()
    UFUNCS[name].at(expected, index, values)
    x = lg.constant(ARRAY)
    np.testing.assert_array_equal(evaluate(getattr(x.at[index], name)(values)), expected)
    np.testing.assert_array_equal(evaluate(x), ARRAY)
    np.testing.assert_array_equal(evaluate(x.at[index].get()), ARRAY[index])


def test_changes_where_a_mask_holds_and_their_derivatives() -> None:
    x, i = lg.placeholder((3,), lg.float64, "x"), lg.placeholder((4,), lg.int32, "i")
    at, places = np.array([1.0, -2.0, 3.0]), np.array([0, 2, 0, -1])
    y = x.at[x > 0].multiply(10).at[x < 0].set(x * x)
    np.testing.assert_array_equal(evaluate([y, lg.grad(lg.sum(y), x)], {x: at}), [[10, 4, 30], [10, -4, 10]])
    z = lg.zeros(3).at[i].add(x[i] ** 2)
    found = evaluate([z, lg.grad(lg.sum(z * [1.0, 2.0, 3.0]), x)], {x: at, i: places})
    np.testing.assert_array_equal(found, [[2, 0, 18], [4, 0, 36]])

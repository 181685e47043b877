"""x[...] follows NumPy for every index that it takes, and says why where it takes none."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import lazygraph as lg
from tests.lazygraph.evaluation import evaluate

SHAPE = (3, 4, 2)
ARRAY = np.arange(24, dtype=np.int64).reshape(SHAPE)


@given(hnp.array_shapes(min_dims=0, max_dims=4, max_side=4).flatmap(
    lambda shape: st.tuples(st.just(shape), hnp.basic_indices(shape, allow_newaxis=True))
))  # fmt: skip
def test_basic_indices_as_in_numpy(case: Any) -> None:
    shape, index = case
    array = np.arange(int(np.prod(shape))).reshape(shape)
    np.testing.assert_array_equal(evaluate(lg.constant(array)[index]), array[index])


@st.composite
def mixed_indices(draw: Any) -> tuple[Any, ...]:
    """Ints, slices, None and index arrays that broadcast, for some of the axes, in any order."""
    shapes = draw(hnp.mutually_broadcastable_shapes(num_shapes=3, max_dims=2, max_side=3)).input_shapes
    items: list[Any] = []
    for axis in range(draw(st.integers(0, 3))):
        extent = SHAPE[axis]
        kinds: list[st.SearchStrategy[Any]] = [
            st.integers(-extent, extent - 1),
            st.slices(extent),
            hnp.arrays(np.int64, shapes[axis], elements=st.integers(-extent, extent - 1)),
            hnp.arrays(np.int32, shapes[axis], elements=st.integers(-extent, extent - 1)),
        ]
        items.append(draw(st.one_of(kinds)))
        if draw(st.booleans()):
            items.append(None)
    return tuple(items)


@given(mixed_indices())
def test_index_arrays_among_slices_and_ints_as_in_numpy(index: tuple[Any, ...]) -> None:
    expected = ARRAY[index]
    np.testing.assert_array_equal(evaluate(lg.constant(ARRAY)[index]), expected)
    tensors = tuple(lg.constant(item) if isinstance(item, np.ndarray) else item for item in index)
    np.testing.assert_array_equal(evaluate(lg.constant(ARRAY)[tensors]), expected)


@pytest.mark.parametrize("index", [
    ([0, 2], slice(None), [1, 0]), ([0, 2], 1), (slice(1, 3), [1]), (None, [0, 1], ..., 0), ([[0], [2]], [[1, 3]]),
    ([],), (..., -1), (np.uint32(1),), (np.array([2, 1], np.uint32),), (np.arange(3) != 1,), ([True, False, True],),
    (slice(None), np.array([True, False, False, True]), 0), (ARRAY % 5 == 0,), ([[]], slice(1, 3)),
])  # fmt: skip
def test_chosen_indices_as_in_numpy(index: Any) -> None:
    np.testing.assert_array_equal(evaluate(lg.constant(ARRAY)[index]), ARRAY[index])


def test_index_tensors_are_read_when_the_function_runs() -> None:
    i = lg.placeholder((2,), lg.int32, "i")
    x = lg.placeholder((4, 3), lg.float32, "x")
    array = np.arange(12, dtype=np.float32).reshape(4, 3)
    np.testing.assert_array_equal(evaluate(x[i, 1:], {x: array, i: [-1, 2]}), array[[-1, 2], 1:])
    with pytest.raises(lg.CheckFailed, match="test_indexing.py"):
        evaluate(x[i], {x: array, i: [0, 4]})
    with pytest.raises(lg.CheckFailed):
        evaluate(x[i], {x: array, i: [0, -5]})


@pytest.mark.parametrize("rows", [3, 7])
@pytest.mark.parametrize(
    "index",
    [(slice(None, None, -1),), (slice(1, -1),), (slice(None, -2), 0), (-1,), (2,), (slice(None, None, 2),), ([0, -1],),
     (slice(-3, None),), (..., None, -1), (slice(None), [0, 2]),
     (slice(None, None, -2),), (slice(-1, 0, -3),), (slice(-2, None, -2),), (slice(1, None, 3), slice(None, None, -2))],
)  # fmt: skip
def test_a_symbolic_axis_as_in_numpy(rows: int, index: Any) -> None:
    x = lg.placeholder((lg.dim("n", min=3), 3), lg.float64, "x")
    array = np.random.default_rng(0).normal(size=(rows, 3))
    np.testing.assert_array_equal(evaluate(x[index], {x: array}), array[index])
    y, changed = x.copy(), array.copy()
    y[index], changed[index] = 7.0, 7.0
    np.testing.assert_array_equal(evaluate(y, {x: array}), changed)


def test_steps_over_a_symbolic_extent_that_may_be_nothing() -> None:
    x = lg.placeholder((lg.dim("n"),), lg.float64, "x")
    steps = lg.function([x], [x[::step] for step in (2, 3, -1, -2, -5)])
    for size in (0, 1, 2, 7):
        array = np.arange(float(size))
        for found, step in zip(steps(array), (2, 3, -1, -2, -5)):
            np.testing.assert_array_equal(found, array[::step])


def test_a_dim_may_end_a_slice() -> None:
    n = lg.dim("n", min=1)
    x = lg.placeholder((n + 2,), lg.float64, "x")
    np.testing.assert_array_equal(evaluate(x[2 : n + 1], {x: np.arange(6.0)}), [2, 3, 4])


@pytest.mark.parametrize(
    ("index", "error", "message"),
    [
        ((3,), IndexError, "index 3 is out of bounds for axis 0 of extent 3"),
        ((0, 0, 0, 0), lg.ShapeError, "too many indices: 4 for 3 axes"),
        ((1.5,), TypeError, "found 1.5"),
        ((np.array([0.5]),), lg.DTypeError, "an index array has an integer dtype"),
        (([0, 1, 2], [0, 1]), lg.ShapeError, "do not broadcast"),
        ((..., ...), lg.ShapeError, "one '...' at most"),
        (([True, False],), IndexError, "axis 0 has 3 elements, the mask 2"),
        ((slice(None), np.ones((3, 4), bool)), IndexError, "the mask 3"),
    ],
)
def test_what_is_no_index_is_an_error(index: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        lg.constant(ARRAY)[index]


@pytest.mark.parametrize(
    "index", [True, False, np.True_, (slice(None), True), (0, False), (True, [0, 1]), (..., True), (None, True, 0)]
)
def test_a_single_bool_takes_all_or_nothing_as_in_numpy(index: Any) -> None:
    found, expected = evaluate(lg.constant(ARRAY)[index]), ARRAY[index]
    assert found.dtype == expected.dtype and found.shape == expected.shape and np.array_equal(found, expected)
    changed, copy = lg.constant(ARRAY), ARRAY.copy()
    changed[index] = copy[index] = -1
    assert np.array_equal(evaluate(changed), copy)


def test_an_index_that_may_be_out_of_bounds_names_the_bound_to_declare() -> None:
    n = lg.dim("n")
    x, y = lg.placeholder((n,), name="x"), lg.placeholder((2 * n - 1,), name="y")
    cases: list[tuple[Any, int]] = [
        (lambda: x[0], 1), (lambda: x[-3], 3), (lambda: x[1:], 1), (lambda: x[:2], 2), (lambda: x[:-4], 4),
        (lambda: lg.top_k(x, 2), 2), (lambda: y[4], 3),
    ]  # fmt: skip
    for mistake, least in cases:
        with pytest.raises(lg.ShapeError, match=rf'declare lg.dim\("n", min={least}\)'):
            mistake()
    for extent, index in [(n * n, slice(2, None)), (n - lg.dim("m", min=2), 0)]:
        with pytest.raises(lg.ShapeError, match=r"is not known(?!.*declare)"):
            lg.placeholder((extent,), name="z")[index]


def test_a_mask_that_is_not_known_says_what_to_use() -> None:
    x = lg.placeholder((3,), name="x")
    with pytest.raises(TypeError, match=r"Use lg.where\(mask, x, fill\)"):
        x[x > 0]


@given(st.data())
def test_take_and_take_along_axis_as_in_numpy(data: Any) -> None:
    axis = data.draw(st.integers(-3, 2))
    extent = SHAPE[axis]
    indices = data.draw(
        hnp.arrays(np.int64, hnp.array_shapes(max_dims=2, max_side=3), elements=st.integers(-extent, extent - 1))
    )
    np.testing.assert_array_equal(evaluate(lg.take(ARRAY, indices, axis=axis)), np.take(ARRAY, indices, axis=axis))
    order = np.argsort(-ARRAY, axis=axis)
    np.testing.assert_array_equal(
        evaluate(lg.take_along_axis(ARRAY, order, axis)), np.take_along_axis(ARRAY, order, axis)
    )


def test_take_along_axis_broadcasts_the_other_axes() -> None:
    indices = np.array([[[1], [0], [3]]]).reshape(1, 3, 1)
    np.testing.assert_array_equal(
        evaluate(lg.take_along_axis(ARRAY, indices, 1)),
        np.take_along_axis(ARRAY, np.broadcast_to(indices, (3, 3, 2)), 1),
    )

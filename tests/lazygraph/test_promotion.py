"""Promotion and broadcasting follow NumPy, and never take a symbolic extent for 1."""

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import lazygraph as lg
from tests.lazygraph.evaluation import evaluate

INTEGERS = [np.int8, np.int16, np.int32, np.int64, np.uint8, np.uint16, np.uint32, np.uint64]
DTYPES = [np.bool_, *INTEGERS, np.float32, np.float64]
NUMBERS = [True, 2, 1.5]


@pytest.mark.parametrize(("left", "right"), list(itertools.product(DTYPES, DTYPES)))
def test_two_dtypes_promote_as_in_numpy(left: Any, right: Any) -> None:
    assert lg.promote_types(left, right).numpy == np.promote_types(left, right)
    found = lg.constant(np.ones(2, left)) + np.ones(2, right)
    assert found.dtype.numpy == np.promote_types(left, right)


@pytest.mark.parametrize(("dtype", "number"), list(itertools.product(DTYPES, NUMBERS)))
def test_python_numbers_are_weak_as_in_numpy(dtype: Any, number: Any) -> None:
    array = np.ones(2, dtype)
    for found, expected in [
        (lg.constant(array) * number, array * number),
        (number * lg.constant(array), number * array),
    ]:
        assert found.dtype.numpy == expected.dtype
        np.testing.assert_array_equal(evaluate(found), expected)


@pytest.mark.parametrize("dtype", DTYPES)
def test_numpy_scalars_are_not_weak(dtype: Any) -> None:
    assert (lg.constant(np.ones(2, dtype)) * np.float64(2)).dtype is lg.float64


def test_a_python_integer_that_does_not_fit_is_an_error() -> None:
    with pytest.raises(OverflowError, match="4294967296 does not fit uint32: expected 0 .. 4294967295"):
        lg.constant([1], lg.uint32) + 2**32


@pytest.mark.parametrize("dtype", [np.bool_, np.int8, np.uint16, np.int64, np.uint64])
def test_comparisons_with_python_integers_beyond_the_dtype_as_in_numpy(dtype: Any) -> None:
    x = np.array([[0], [1]]).astype(dtype)
    n = lg.dim("n")
    row = lg.placeholder((n, 1), dtype)
    numbers = [-(2**40), -1, 2**40, 2**64]
    for name in ["equal", "not_equal", "less", "less_equal", "greater", "greater_equal"]:
        mine, theirs = getattr(lg, name), getattr(np, name)
        taken = [each for each in numbers if dtype is not np.bool_ or abs(each) < 2**60]
        found = lg.function([row], [mine(row, each) for each in taken] + [mine(each, row) for each in taken])(x)
        for mine_, their in zip(found, [theirs(x, each) for each in taken] + [theirs(each, x) for each in taken]):
            assert mine_.dtype == bool and np.array_equal(mine_, their)


def test_bounds_beyond_the_dtype_do_not_clip_as_in_numpy() -> None:
    x = np.array([0, 3, 9], np.uint16)
    for low, high in [(-1, None), (-1, 5), (2, 2**40), (None, 2**40)]:
        found = evaluate(lg.clip(lg.constant(x), low, high))
        assert found.dtype == x.dtype and np.array_equal(found, np.clip(x, low, high))
    with pytest.raises(OverflowError, match="65536 does not fit uint16"):
        lg.clip(lg.constant(x), 65536, None)


@given(hnp.mutually_broadcastable_shapes(num_shapes=2, max_dims=4, max_side=4))
def test_shapes_broadcast_as_in_numpy(shapes: Any) -> None:
    left, right = (np.arange(int(np.prod(shape))).reshape(shape) for shape in shapes.input_shapes)
    assert lg.broadcast_shapes(left.shape, right.shape) == shapes.result_shape
    np.testing.assert_array_equal(evaluate(lg.constant(left) - right), left - right)


@given(st.lists(hnp.array_shapes(max_dims=3, max_side=3), min_size=2, max_size=3))
def test_shapes_that_numpy_refuses_are_refused(shapes: list[tuple[int, ...]]) -> None:
    try:
        expected = np.broadcast_shapes(*shapes)
    except ValueError:
        with pytest.raises(lg.ShapeError, match="do not broadcast"):
            lg.broadcast_shapes(*shapes)
    else:
        assert lg.broadcast_shapes(*shapes) == expected


def test_a_symbolic_extent_broadcasts_with_itself_and_with_1() -> None:
    n = lg.dim("n")
    x = lg.placeholder((n, 3), lg.float32, "x")
    assert (x + x[:, :1]).shape == (n, 3)
    assert (x + np.ones((1, 3), np.float32)).shape == (n, 3)
    for rows in (0, 1, 5):
        array = np.arange(3 * rows, dtype=np.float32).reshape(rows, 3)
        np.testing.assert_array_equal(evaluate(x + x[:, :1], {x: array}), array + array[:, :1])


def test_extents_that_are_not_known_to_be_equal_are_checked_when_the_function_runs() -> None:
    n, m = lg.dim("n"), lg.dim("m")
    x, y = lg.placeholder((n, 3), lg.float64, "x"), lg.placeholder((m, 1), lg.float64, "y")
    total = x + y
    assert total.shape == (n, 3)
    first, second = np.arange(12.0).reshape(4, 3), np.arange(4.0).reshape(4, 1)
    np.testing.assert_array_equal(evaluate(total, {x: first, y: second}), first + second)
    for rows in (0, 3, 5):
        with pytest.raises(
            lg.CheckFailed, match=rf"expected equal extents: m = n, found {rows} and 4\n.*test_promotion.py"
        ):
            evaluate(total, {x: first, y: np.ones((rows, 1))})


def test_a_symbolic_extent_is_never_treated_as_1() -> None:
    n = lg.dim("n")
    x = lg.placeholder((n,), lg.float64, "x")
    assert (x + np.ones(5)).shape == (5,)
    np.testing.assert_array_equal(evaluate(x + np.ones(5), {x: np.arange(5.0)}), np.arange(5.0) + 1)
    with pytest.raises(lg.CheckFailed, match="expected equal extents: n = 5"):
        evaluate(x + np.ones(5), {x: np.ones(1)})
    with pytest.raises(lg.ShapeError, match="extents n [+] 6 and 5 of axis -1 do not broadcast"):
        lg.concat([x, np.ones(6)]) + np.ones(5)


def test_products_pieces_and_labels_are_checked_too() -> None:
    n, m = lg.dim("n"), lg.dim("m")
    x, y = lg.placeholder((2, n), lg.float64, "x"), lg.placeholder((m,), lg.float64, "y")
    labels = lg.placeholder((m,), lg.int32, "labels")
    a, b = np.arange(6.0).reshape(2, 3), np.arange(3.0)
    np.testing.assert_array_equal(evaluate(x @ y, {x: a, y: b}), a @ b)
    stacked = lg.concat([x, y[None]])
    np.testing.assert_array_equal(evaluate(stacked, {x: a, y: b}), np.concatenate([a, b[None]]))
    loss = lg.nn.cross_entropy(x.T, labels)
    assert evaluate(loss, {x: a, labels: [0, 1, 1]}).shape == (3,)
    for tensor, wrong in ((x @ y, y), (stacked, y), (loss, labels)):
        with pytest.raises(lg.CheckFailed, match="expected equal extents: m = n"):
            evaluate(tensor, {x: a, wrong: np.zeros(2)})


def test_gradients_pass_a_checked_extent() -> None:
    x, y = lg.placeholder((lg.dim("n"),), lg.float64, "x"), lg.placeholder((lg.dim("m"),), lg.float64, "y")
    slope = lg.grad(lg.sum(x * y), y)
    np.testing.assert_array_equal(evaluate(slope, {x: np.arange(4.0), y: np.ones(4)}), np.arange(4.0))

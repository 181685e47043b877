"""Choices, places, sets and writes follow NumPy; what has no shape until it is computed says what to use instead."""

from typing import Any

import numpy as np
import pytest

import lazygraph as lg
from tests.lazygraph.evaluation import evaluate
from tests.lazygraph.numpy_calls import Call, agree, call, check_call, compiled, identifier

RNG = np.random.default_rng(1)
X = RNG.integers(-2, 3, size=(3, 4))
F = np.round(RNG.normal(size=6), 1)
NANS = np.array([3.0, np.nan, -0.0, 1.0, np.nan, 0.0, 3.0])

CALLS = [
    call("nonzero", X), call("nonzero", NANS), call("flatnonzero", X), call("argwhere", X),
    call("argwhere", np.float64(3)),
    call("count_nonzero", X), call("count_nonzero", X, 1), call("count_nonzero", NANS),
    call("count_nonzero", X, (0, 1), keepdims=True),
    call("compress", [True, False, True], X, 0), call("compress", [0, 1, 1], X), call("extract", X > 0, X),
    call("trim_zeros", [0, 0, 1, 0, 2, 0]), call("trim_zeros", [0, 1, 0], "f"),
    call("choose", [2, 0, 1, 0], [[0, 1, 2, 3], [10, 11, 12, 13], [20, 21, 22, 23]]),
    call("choose", X > 0, [1.5, X]), call("choose", [5, -1], [[1, 2], [3, 4]], mode="wrap"),
    call("choose", [5, -1], [[1, 2], [3, 4]], mode="clip"),
    call("select", [X < 0, X < 2], [X, X * 1.5]), call("select", [X > 1], [X], 7), call("select", [F > 0, F < 0],
    [1.0, -1.0], np.nan),
    call("isin", X, [0, 2]), call("isin", X, [], invert=True), call("isin", NANS, [np.nan, 0.0, 1.0]),
    call("isin", 3, [1, 3]),
    call("isin", X, [0.5, 1.0], invert=True), call("isin", X > 0, [True]), call("isin", X + 1j, [1j, 2]),
    call("isin", X + 1j, [1j + 2], invert=True), call("isin", X, [1, 1, 1]),
    call("where", X > 0), call("where", X),
    call("unique", X), call("unique", X, True, True, True), call("unique", X, axis=0), call("unique", NANS),
    call("unique", NANS, equal_nan=False), call("unique", [], return_counts=True),
    call("unique_all", X), call("unique_counts", NANS), call("unique_inverse", X), call("unique_values", NANS),
    call("union1d", X, F), call("intersect1d", X, [2, 0, 2]), call("intersect1d", [1, 5, 3], [3, 1],
    return_indices=True),
    call("setdiff1d", F, F[2:]), call("setxor1d", X, [7, 0]), call("setdiff1d", [3, 1, 2], [1], assume_unique=True),
]  # fmt: skip


@pytest.mark.parametrize("each", CALLS, ids=identifier)
def test_as_in_numpy(each: Call) -> None:
    check_call(each)


def test_machine_code_makes_the_same_of_them() -> None:
    chosen = [each for each in CALLS if each[0] in ("count_nonzero", "choose", "select", "isin")]
    compiled(chosen, lambda arg: isinstance(arg, np.ndarray) and arg.dtype != bool)


def test_names_of_the_fields_of_sets() -> None:
    assert lg.unique_all(X)._fields == ("values", "indices", "inverse_indices", "counts")
    assert lg.unique_counts(X)._fields == ("values", "counts")
    assert lg.unique_inverse(X)._fields == ("values", "inverse_indices")


PIECES: list[Any] = [
    lambda xp, x: xp.piecewise(x, [x < 0, x >= 0], [-1, 1]),
    lambda xp, x: xp.piecewise(x, [x < 0, x > 1], [lambda t: -t, lambda t: t * t, 9]),
    lambda xp, x: xp.piecewise(x, [x < 1, x < 0], [lambda t, k: t + k, 5], 3),
    lambda xp, x: xp.piecewise(x, x < 0, [7]),
    lambda xp, x: xp.piecewise(x, x < 0, [7, lambda t: t / 2]),
]


@pytest.mark.parametrize("function", PIECES)
def test_pieces_as_in_numpy(function: Any) -> None:
    for array in (F, X[0], F.astype(np.float32)):
        agree(function(lg, lg.constant(array)), function(np, array))


UNKNOWN: list[Any] = [
    lg.nonzero, lg.flatnonzero, lg.argwhere, lg.unique, lg.unique_all, lg.unique_counts, lg.unique_inverse,
    lg.unique_values, lg.trim_zeros, lambda x: lg.union1d(x, x), lambda x: lg.setdiff1d([1.0], x),
    lambda x: lg.where(x > 0), lambda x: lg.compress(x > 0, x), lambda x: lg.extract(x > 0, x), lambda x: x[x > 0],
]  # fmt: skip


@pytest.mark.parametrize("function", UNKNOWN)
def test_what_has_no_shape_yet_says_what_to_use(function: Any) -> None:
    x = lg.placeholder((3,), lg.float64, "x")
    with pytest.raises(TypeError, match=r"is not known when the graph is built: it depends on the placeholder x.*lg\."):
        function(x)


def test_choices_by_numbers_that_no_choice_has() -> None:
    i = lg.placeholder((2,), lg.int32, "i")
    with pytest.raises(lg.CheckFailed, match=r"an index is outside 0 .. 1"):
        evaluate(lg.choose(i, [1, 2]), {i: [0, -1]})
    for mistake, error, message in [
        (lambda: lg.choose([0.5], [1, 2]), lg.DTypeError, "integers that name choices, found float64"),
        (lambda: lg.choose([0], []), ValueError, "at least one choice"),
        (lambda: lg.choose([0], [1], mode="hope"), ValueError, "found 'hope'"),
        (lambda: lg.select([True], [1, 2]), ValueError, "as many choices as conditions, found 2 and 1"),
        (lambda: lg.piecewise(F, [F > 0], [1, 2, 3]),
        ValueError, "expected 1 or 2 functions for 1 conditions, found 3"),
        (lambda: lg.nonzero(3), lg.ShapeError, "a scalar has no axis"),
        (lambda: lg.compress([[True]], F), lg.ShapeError, "a condition of rank 1"),
    ]:  # fmt: skip
        with pytest.raises(error, match=message):
            mistake()


# --- writes ----------------------------------------------------------------------------------------------------------

WRITES: list[Any] = [
    lambda xp, x: xp.put(x, [0, 3, -1], [7, 8]), lambda xp, x: xp.put(x, [[1, 2]], 9),
    lambda xp, x: xp.put(x, [13, -14], [1, 2], mode="wrap"), lambda xp, x: xp.put(x, [99, -99], [1, 2], mode="clip"),
    lambda xp, x: xp.putmask(x, x > 0, [10, 20, 30]), lambda xp, x: xp.putmask(x, x < 0, x * 2),
    lambda xp, x: xp.put_along_axis(x, np.array([[3], [0], [1]]), 5, axis=1),
    lambda xp, x: xp.put_along_axis(x, np.array([[2, 0, 1, -1]]), np.arange(4)[None], axis=0),
    lambda xp, x: xp.put_along_axis(x, np.array([1, 5]), np.array([3, 4]), axis=None),
    lambda xp, x: xp.place(x, X > 0, [10, 20]), lambda xp, x: x.fill(3), lambda xp, x: x.partition(1),
    lambda xp, x: x.sort(0),
    lambda xp, x: x.sort(),
    lambda xp, x: x.put([1], [5]), lambda xp, x: xp.fill_diagonal(x, 9),
    lambda xp, x: xp.fill_diagonal(x.T if xp is np else x, 9),
    lambda xp, x: xp.fill_diagonal(x, [1, 2]), lambda xp, x: xp.copyto(x, [1, 2, 3, 4]),
    lambda xp, x: xp.copyto(x, 0, where=[True, False, True, False]),
]  # fmt: skip


@pytest.mark.parametrize("write", WRITES)
def test_writes_as_in_numpy(write: Any) -> None:
    array, tensor = X.copy(), lg.constant(X).copy()
    before = tensor.value
    other = lg.Tensor(before)
    assert write(lg, tensor) is None
    write(np, array)
    np.testing.assert_array_equal(evaluate(tensor), array)
    np.testing.assert_array_equal(evaluate(other), X)


@pytest.mark.parametrize("shape", [(2, 3), (5, 4), (14,), (0, 2)])
def test_resizing_fills_up_with_zeros(shape: tuple[int, ...]) -> None:
    array, x = X.copy(), lg.constant(X).copy()
    array.resize(shape, refcheck=False)
    x.resize(shape)
    np.testing.assert_array_equal(evaluate(x), array)


@pytest.mark.parametrize("shape", [(5, 2), (2, 5), (3, 3, 3), (7, 3)])
@pytest.mark.parametrize("wrap", [False, True])
def test_diagonals_of_other_shapes(shape: tuple[int, ...], wrap: bool) -> None:
    array, tensor = np.zeros(shape), lg.zeros(shape).copy()
    np.fill_diagonal(array, [1, 2, 3], wrap)
    lg.fill_diagonal(tensor, [1, 2, 3], wrap)
    np.testing.assert_array_equal(evaluate(tensor), array)


def test_writes_to_inputs_and_outside_are_refused() -> None:
    x = lg.placeholder((3,), lg.float64, "x")
    with pytest.raises(TypeError, match="'x' is an input"):
        lg.put(x, [0], 1)
    y = x.copy()
    lg.put_along_axis(y, lg.constant([3]), 1.0, axis=0)
    with pytest.raises(lg.CheckFailed, match="index 3 is out of bounds"):
        evaluate(y, {x: np.ones(3)})
    with pytest.raises(lg.ShapeError, match=r"as many elements as \(3,\), found \(2,\)"):
        lg.putmask(x * 1, [True, False], 1)
    with pytest.raises(lg.ShapeError, match="axes of one extent"):
        lg.fill_diagonal(lg.zeros((2, 3, 2)), 1)


def test_the_diagonal_of_symbolic_extents() -> None:
    x = lg.placeholder((lg.dim("n"), lg.dim("m")), lg.float64, "x")
    y = x.copy()
    lg.fill_diagonal(y, 4.0)
    for shape in ((3, 2), (2, 2), (0, 4)):
        expected = np.ones(shape)
        np.fill_diagonal(expected, 4.0) if expected.size else None
        np.testing.assert_array_equal(evaluate(y, {x: np.ones(shape)}), expected)


def test_membership_of_symbolically_many() -> None:
    x, t = lg.placeholder((3,), lg.float64, "x"), lg.placeholder((lg.dim("n"),), lg.float64, "t")
    for tests in (np.array([2.0, 7.0, 1.0]), np.zeros(0)):
        found = evaluate(lg.isin(x, t), {x: [1, 2, 3], t: tests})
        np.testing.assert_array_equal(found, np.isin([1, 2, 3], tests))

"""Creation, manipulation, reductions, sorting and products follow NumPy."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import lazygraph as lg
from tests.lazygraph.evaluation import evaluate

RNG = np.random.default_rng(0)
X = RNG.normal(size=(2, 3, 4))
M = RNG.normal(size=(4, 5))


def same(found: Any, expected: Any, rtol: float = 1e-13) -> None:
    array = evaluate(found)
    assert array.shape == np.shape(expected)
    assert array.dtype == np.asarray(expected).dtype
    np.testing.assert_allclose(array, expected, rtol=rtol, atol=1e-13)


# --- creation --------------------------------------------------------------------------------------------------------


RANGES = [(5,), (2, 9), (2, 9, 3), (9, 2, -2), (0, 1, 0.1), (1.5,), (3, 3), (5, 2), (-1.0, 2)]


@pytest.mark.parametrize("arguments", RANGES)
def test_arange_as_in_numpy(arguments: tuple[float, ...]) -> None:
    same(lg.arange(*arguments), np.arange(*arguments))


def test_filled_arrays_as_in_numpy() -> None:
    same(lg.zeros((2, 0)), np.zeros((2, 0)))
    same(lg.ones(3, lg.int32), np.ones(3, np.int32))
    same(lg.full((2,), 7), np.full((2,), 7))
    same(lg.full((2, 3), np.arange(3.0), lg.float32), np.full((2, 3), np.arange(3.0), np.float32))
    same(lg.full_like(np.ones(2, np.float32), 2.5), np.full_like(np.ones(2, np.float32), 2.5))
    same(lg.zeros_like(X), np.zeros_like(X))
    same(lg.ones_like(X, lg.bool_), np.ones_like(X, bool))
    same(lg.eye(3, 4, k=1), np.eye(3, 4, k=1))
    same(lg.linspace(0, 1, 7, endpoint=False), np.linspace(0, 1, 7, endpoint=False))
    same(lg.tril(X, -1), np.tril(X, -1))
    same(lg.triu(M, 1), np.triu(M, 1))
    for indexing, sparse in [("xy", False), ("ij", False), ("xy", True)]:
        options = {"indexing": indexing, "sparse": sparse}
        for found, expected in zip(lg.meshgrid([1, 2], [3, 4, 5], [6, 7], **options),
                                   np.meshgrid([1, 2], [3, 4, 5], [6, 7], **options)):  # fmt: skip
            same(found, expected)


def test_symbolic_ranges() -> None:
    n = lg.dim("n", min=2)
    x = lg.placeholder((n,), lg.float64, "x")
    for found, expected in [(lg.arange(n) + x * 0, np.arange(6.0)), (lg.arange(2, n) + x[2:] * 0, np.arange(2.0, 6.0)),
                            (lg.eye(n) * x, np.eye(6)), (lg.constant(n) * x, np.full(6, 6.0))]:  # fmt: skip
        np.testing.assert_array_equal(evaluate(found, {x: np.ones(6)}), expected)


# --- manipulation ----------------------------------------------------------------------------------------------------


def test_shapes_as_in_numpy() -> None:
    same(lg.reshape(X, (4, -1)), X.reshape(4, -1))
    same(lg.constant(X).reshape(3, 8), X.reshape(3, 8))
    same(lg.constant(X).ravel(), X.ravel())
    same(lg.squeeze(X[:, :1], 1), X[:, 0])
    same(lg.squeeze(X[:1, :1]), X[0, 0])
    same(lg.expand_dims(X, (0, -1)), np.expand_dims(X, (0, -1)))
    same(lg.broadcast_to(X[:, :1], (5, 2, 3, 4)), np.broadcast_to(X[:, :1], (5, 2, 3, 4)))


def test_axes_as_in_numpy() -> None:
    x = lg.constant(X)
    same(x.T, X.T)
    same(x.mT, X.mT)
    same(x.transpose(1, 0, 2), X.transpose(1, 0, 2))
    same(lg.permute_dims(X, (2, 0, 1)), X.transpose(2, 0, 1))
    same(lg.moveaxis(X, (0, 1), (-1, 0)), np.moveaxis(X, (0, 1), (-1, 0)))
    same(lg.swapaxes(X, 0, -1), np.swapaxes(X, 0, -1))
    same(lg.flip(X), np.flip(X))
    same(lg.flip(X, (0, 2)), np.flip(X, (0, 2)))
    same(lg.roll(X, 5), np.roll(X, 5))
    same(lg.roll(X, (1, -6), (0, 2)), np.roll(X, (1, -6), (0, 2)))
    for shift, axis in [((1, 2), 0), ((1, 2), (1, 1)), (1, (0, -1)), (3, ()), ((2, 3), None)]:
        same(lg.roll(X, shift, axis), np.roll(X, shift, axis))
    with pytest.raises(lg.ShapeError, match="one shift per axis"):
        lg.roll(X, (1, 2), (0, 1, 2))


def test_pieces_as_in_numpy() -> None:
    same(lg.concat([X, X[:, :1]], 1), np.concatenate([X, X[:, :1]], 1))
    same(lg.concat([X, [[[1]]]], None), np.concatenate([X, [[[1]]]], None))
    same(lg.stack([X, -X], -1), np.stack([X, -X], -1))
    for found, expected in zip(lg.split(X, 2, 2), np.split(X, 2, 2)):
        same(found, expected)
    for found, expected in zip(lg.split(np.arange(7), [2, 5, 9, -1]), np.split(np.arange(7), [2, 5, 9, -1])):
        same(found, expected)
    for found, expected in zip(lg.unstack(X, 1), np.moveaxis(X, 1, 0)):
        same(found, expected)
    same(lg.repeat(X, 3, 1), np.repeat(X, 3, 1))
    same(lg.repeat(X, 2), np.repeat(X, 2))
    same(lg.repeat(X, [0, 2, 1], axis=1), np.repeat(X, [0, 2, 1], axis=1))
    same(lg.repeat([1, 2], lg.constant([3, 0])), np.repeat([1, 2], [3, 0]))
    same(lg.repeat(X, [2], axis=-1), np.repeat(X, [2], axis=-1))
    with pytest.raises(lg.ShapeError, match=r"for each of 3 elements, found \(2,\)"):
        lg.repeat(X, [1, 2], axis=1)
    with pytest.raises(TypeError, match="the sum of the repetitions of .* depends on the placeholder i"):
        lg.repeat([1, 2], lg.placeholder((2,), lg.int64, "i"))
    same(lg.tile(X, (2, 1, 2, 3)), np.tile(X, (2, 1, 2, 3)))
    same(lg.tile(X, 2), np.tile(X, 2))
    same(lg.pad(X, 1), np.pad(X, 1))
    same(lg.pad(M, ((1, 2), (0, 3)), constant_values=7), np.pad(M, ((1, 2), (0, 3)), constant_values=7))


def test_reshape_of_a_symbolic_extent_divides_exactly_or_is_an_error() -> None:
    n = lg.dim("n", multiple_of=4)
    x = lg.placeholder((n, 3), lg.float64, "x")
    assert x.reshape(-1).shape == (3 * n,)
    array = np.arange(24.0).reshape(8, 3)
    np.testing.assert_array_equal(evaluate(x.reshape(3, -1), {x: array}), array.reshape(3, -1))
    with pytest.raises(lg.ShapeError, match=r"3 \* n elements do not divide by 7 .* lg.dim\(..., multiple_of="):
        x.reshape(-1, 7)
    with pytest.raises(lg.ShapeError, match="holds 6 elements, expected 5"):
        lg.reshape(np.ones(5), (2, 3))


def test_parts_of_an_extent_that_is_declared_to_divide() -> None:
    n, m = lg.dim("n", multiple_of=4), lg.dim("m")
    x, y = lg.placeholder((2, n), lg.float64, "x"), lg.placeholder((m,), lg.float64, "y")
    first, second = lg.split(x, 2, axis=1)
    blocks = x.reshape(2, -1, 2)
    assert blocks.shape == (2, n // 2, 2) and x.reshape(2, n // 2, 2).shape == blocks.shape
    made = lg.function(
        [x, y], [first * second, blocks[..., 0] + first, lg.concat(lg.split(x, 4, 1), axis=1) - x, y[: m // 2]]
    )
    for columns in (0, 4, 8):
        a, b = np.arange(2.0 * columns).reshape(2, columns), np.arange(columns + 3.0)
        left, right = np.split(a, 2, axis=1)
        expected = [left * right, a.reshape(2, -1, 2)[..., 0] + left, 0 * a, b[: len(b) // 2]]
        for found, wanted in zip(made(a, b), expected):
            np.testing.assert_array_equal(found, wanted)


# --- reductions ------------------------------------------------------------------------------------------------------


@given(
    st.sampled_from(["sum", "prod", "max", "min", "mean", "var", "std", "any", "all"]),
    st.sampled_from([None, 0, -1, (0, 2), (1, 0, 2), ()]),
    st.booleans(),
    st.sampled_from([np.float64, np.int32, np.uint32, np.bool_]),
)
def test_reductions_as_in_numpy(name: str, axis: Any, keepdims: bool, dtype: Any) -> None:
    array = (X * 3).astype(np.int64).astype(dtype)
    if dtype == np.bool_ and name in ("var", "std", "mean"):
        array = array.astype(np.int32)
    same(getattr(lg, name)(array, axis, keepdims=keepdims), getattr(np, name)(array, axis=axis, keepdims=keepdims))


@pytest.mark.parametrize("name", ["argmax", "argmin"])
@pytest.mark.parametrize("axis", [None, 0, -1])
@pytest.mark.parametrize("keepdims", [False, True])
def test_places_of_extremes_as_in_numpy(name: str, axis: int | None, keepdims: bool) -> None:
    array = np.round(X)
    same(getattr(lg, name)(array, axis, keepdims=keepdims), getattr(np, name)(array, axis=axis, keepdims=keepdims))


def test_variance_with_correction_and_reductions_of_nothing() -> None:
    same(lg.var(X, 1, correction=1), np.var(X, 1, ddof=1))
    same(lg.sum(np.ones((0, 2)), 0), np.zeros(2))
    same(lg.prod(np.ones((0, 2)), 0), np.ones(2))
    with pytest.raises(lg.ShapeError, match="max"):
        lg.max(np.ones((0, 2)), 0)


def test_the_mean_of_a_symbolic_extent() -> None:
    x = lg.placeholder((lg.dim("n"), 3), lg.float32, "x")
    array = RNG.normal(size=(7, 3)).astype(np.float32)
    np.testing.assert_allclose(evaluate(x.mean(0), {x: array}), array.mean(0), rtol=1e-6)
    np.testing.assert_allclose(evaluate(lg.mean(x), {x: array}), array.mean(), rtol=1e-5)
    with pytest.raises(lg.CheckFailed, match="has no value"):
        evaluate(lg.max(x, 0), {x: array[:0]})


@pytest.mark.parametrize("name", ["max", "min", "argmax", "argmin"])
@pytest.mark.parametrize("dtype", [lg.float32, lg.int32, lg.bool])
def test_nothing_has_no_extreme_of_any_dtype(name: str, dtype: lg.DType) -> None:
    with pytest.raises(lg.ShapeError, match="is empty"):
        getattr(lg, name)(lg.zeros((3, 0), dtype), axis=1)


# --- sorting ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("axis", [None, 0, 1, -1])
def test_sorting_as_in_numpy(axis: int | None) -> None:
    array = np.round(X, 1)
    same(lg.sort(array, axis), np.sort(array, axis, kind="stable"))
    same(lg.argsort(array, axis), np.argsort(array, axis, kind="stable"))
    same(lg.sort(array, axis, descending=True), -np.sort(-array, axis))
    same(lg.argsort(array, axis, descending=True), np.argsort(-array, axis, kind="stable"))


def test_sorting_integers_downwards_at_their_limits() -> None:
    array = np.array([0, -(2**31), 2**31 - 1, 5], np.int32)
    same(lg.sort(array, descending=True), np.sort(array)[::-1])


# --- products --------------------------------------------------------------------------------------------------------

MATMULS = [
    ((4,), (4,)), ((3, 4), (4,)), ((4,), (4, 5)), ((3, 4), (4, 5)), ((2, 3, 4), (4, 5)), ((2, 3, 4), (2, 4, 5)),
    ((2, 1, 3, 4), (6, 4, 5)), ((4,), (2, 4, 5)), ((2, 3, 4), (4,)), ((0, 4), (4, 5)), ((3, 0), (0, 5)),
]  # fmt: skip


@pytest.mark.parametrize(("left", "right"), MATMULS)
def test_matmul_as_in_numpy(left: tuple[int, ...], right: tuple[int, ...]) -> None:
    x, y = RNG.normal(size=left), RNG.normal(size=right)
    same(lg.constant(x) @ y, x @ y)


def test_other_products_as_in_numpy() -> None:
    same(lg.dot(X, M), np.dot(X, M))
    same(lg.dot(X, np.ones((2, 4, 5))), np.dot(X, np.ones((2, 4, 5))))
    same(lg.dot(X, 2.0), X * 2)
    same(lg.inner(X, M.T), np.inner(X, M.T))
    same(lg.outer(X[0, 0], M), np.outer(X[0, 0], M))
    same(lg.tensordot(X, M, 1), np.tensordot(X, M, 1))
    same(lg.tensordot(X, X, ((0, 2), (0, 2))), np.tensordot(X, X, ((0, 2), (0, 2))))
    same(lg.vecdot(X, X[0]), np.vecdot(X, X[0]))
    same(lg.matmul(np.arange(6).reshape(2, 3), np.arange(3)), np.arange(6).reshape(2, 3) @ np.arange(3))


@pytest.mark.parametrize(
    ("subscripts", "shapes"),
    [
        ("ij,jk->ik", [(2, 3), (3, 4)]),
        ("ij,jk", [(2, 3), (3, 4)]),
        ("bij,bjk->bki", [(2, 3, 4), (2, 4, 5)]),
        ("bhqd,bhkd->bhqk", [(2, 3, 4, 5), (2, 3, 6, 5)]),
        ("ii", [(3, 3)]),
        ("ii->i", [(3, 3)]),
        ("iji->j", [(3, 4, 3)]),
        ("i,j->ij", [(3,), (4,)]),
        ("ij->", [(3, 4)]),
        ("ij->ji", [(3, 4)]),
        ("ijk,k,jl->il", [(2, 3, 4), (4,), (3, 5)]),
        ("...ij,...jk->...ik", [(7, 2, 3), (3, 4)]),
        ("...i,...i->...", [(7, 2, 3), (1, 3)]),
        ("i...->...", [(3, 2, 4)]),
        ("ab,cd,ef->", [(2, 3), (4, 5), (6, 7)]),
        ("ij,ij->ij", [(2, 3), (2, 3)]),
        ("ij,j->ij", [(2, 1), (3,)]),
    ],
)
def test_einsum_as_in_numpy(subscripts: str, shapes: list[tuple[int, ...]]) -> None:
    arrays = [RNG.normal(size=shape) for shape in shapes]
    same(lg.einsum(subscripts, *arrays), np.einsum(subscripts, *arrays), rtol=1e-12)


@pytest.mark.parametrize(
    "optimize", [True, "optimal", ["einsum_path", (1, 2), (0, 1, 2)], ["einsum_path", (0, 1, 2, 3)]]
)
def test_einsum_in_another_order(optimize: Any) -> None:
    subscripts = "ij,jk,...kl,l->...i"
    arrays = [RNG.normal(size=shape) for shape in [(3, 4), (4, 5), (2, 5, 6), (6,)]]
    same(lg.einsum(subscripts, *arrays, optimize=optimize), np.einsum(subscripts, *arrays), rtol=1e-12)
    same(lg.einsum("ii->i", arrays[0][:, :3], optimize=optimize), np.diag(arrays[0]))


def test_the_order_of_einsum_is_the_one_that_numpy_finds() -> None:
    arrays = [np.ones(shape) for shape in [(9, 9), (9, 9), (9,)]]
    assert lg.einsum_path("ij,jk,k->i", *arrays) == np.einsum_path("ij,jk,k->i", *arrays)
    n = lg.dim("n")
    x, y, v = (lg.placeholder(shape, lg.float64) for shape in ((n, n), (n, n), (n,)))
    assert lg.einsum_path("ij,jk,k", x, y, v)[0] == ["einsum_path", (1, 2), (0, 1)]
    assert lg.einsum("ij,jk,k", x, y, v, optimize=True).shape == (n,)
    with pytest.raises(lg.ShapeError, match="names 1 operands, found 2"):
        lg.einsum_path("ij", *arrays[:2])


@pytest.mark.parametrize("subscripts", ["ij,jk->iz", "ij->ij", "i,jk->k", "ij,jk->ii", "ij,jk,k->i"])
def test_einsum_subscripts_that_do_not_fit(subscripts: str) -> None:
    with pytest.raises(lg.ShapeError, match="einsum"):
        lg.einsum(subscripts, np.ones((2, 3)), np.ones((4, 5)))

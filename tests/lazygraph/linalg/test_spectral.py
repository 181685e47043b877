"""Eigenvalues and singular values: backward errors beside LAPACK's, what follows from them, and what is refused.

In: the kinds of `adversarial`, extents 1 .. 500 served by one compilation each. Out: the kind, extent and error that is
more than 10 times LAPACK's, or the value that NumPy does not give.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest
import scipy.linalg

import lazygraph as lg
from tests.lazygraph.linalg.adversarial import KINDS, LARGE, SIZES, SYMMETRIC, from_orthogonal, of_product, within

linalg = lg.linalg
N, M = lg.dim("n"), lg.dim("m")
RNG = np.random.default_rng(0)
sizes = pytest.mark.parametrize(
    "sizes", [SIZES, pytest.param((LARGE,), marks=pytest.mark.slow)], ids=["small", "large"]
)


def seeded(kind: str, n: int) -> np.random.Generator:
    return np.random.default_rng([n, *kind.encode()])


@cache
def of_symmetric(dtype: str) -> lg.Function:
    a = lg.placeholder((N, N), dtype, "a")
    return lg.function([a], [*linalg.eigh(a), linalg.eigvalsh(a)])


@cache
def of_any_shape(dtype: str) -> lg.Function:
    a = lg.placeholder((M, N), dtype, "a")
    return lg.function([a], [*linalg.svd(a), linalg.svdvals(a)])


def assert_stable(found: list[tuple[float, float]], what: str) -> None:
    assert all(within(*pair) for pair in found), f"{what}: {found}"


def eigh_errors(a: np.ndarray, w: np.ndarray, v: np.ndarray) -> tuple[float, float]:
    return of_product(a, v * w, v.T), from_orthogonal(v)


def svd_errors(a: np.ndarray, u: np.ndarray, s: np.ndarray, vh: np.ndarray) -> tuple[float, float, float]:
    k = len(s)
    return of_product(a, u[:, :k] * s, vh[:k]), from_orthogonal(u), from_orthogonal(vh.T)


@sizes
@pytest.mark.parametrize("kind", SYMMETRIC)
def test_eigenvectors_are_backward_stable(kind: str, sizes: tuple[int, ...]) -> None:
    for n in sizes:
        a = SYMMETRIC[kind](seeded(kind, n), n)
        w, v, values = of_symmetric("float64")(a)
        assert_stable(list(zip(eigh_errors(a, w, v), eigh_errors(a, *np.linalg.eigh(a)))), f"eigh of {n} rows")
        assert (np.diff(w) >= 0).all()
        np.testing.assert_array_equal(values, w)
        assert (v[np.argmax(np.abs(v), axis=0), np.arange(n)] > 0).all()


@sizes
@pytest.mark.parametrize("kind", KINDS)
def test_singular_vectors_are_backward_stable(kind: str, sizes: tuple[int, ...]) -> None:
    for n in sizes:
        for rows, columns in ((n, n), (n, n // 2 + 1), (n // 2 + 1, n)):
            a = KINDS[kind](seeded(kind, n), rows, columns)
            u, s, vh, values = of_any_shape("float64")(a)
            errors = zip(svd_errors(a, u, s, vh), svd_errors(a, *np.linalg.svd(a)))
            assert_stable(list(errors), f"svd of {a.shape}")
            assert (np.diff(s) <= 0).all() and (s >= 0).all()
            np.testing.assert_array_equal(values, s)


def test_float32_is_as_stable_as_lapack_in_float32() -> None:
    """NumPy computes these in float64: SciPy does not."""
    unit = float(np.finfo(np.float32).eps / np.finfo(np.float64).eps)
    for n in (1, 3, 17, 64):
        for kind in ("plain", "repeated", "rank_deficient"):
            a = SYMMETRIC[kind](seeded(kind, n), n).astype(np.float32)
            ours, theirs = of_symmetric("float32")(a)[:2], scipy.linalg.eigh(a, driver="evd")
            u, s, vh, _ = of_any_shape("float32")(a)
            pairs = [(eigh_errors, ours, theirs), (svd_errors, (u, s, vh), scipy.linalg.svd(a))]
            for errors, mine, other in pairs:
                wide = [errors(a.astype(float), *[each.astype(float) for each in side]) for side in (mine, other)]
                assert_stable([(one / unit, two / unit) for one, two in zip(*wide)], f"{kind} {n} {errors.__name__}")


SPECIAL = {
    "zeros": lambda n: np.zeros((n, n)),
    "identity": lambda n: -np.eye(n),
    "ones": lambda n: np.ones((n, n)),
    "denormal": lambda n: np.tril(RNG.standard_normal((n, n))) * 1e-310,
    "one beside many tiny": lambda n: np.diag(np.where(np.arange(n) == n // 2, 1.0, 1e-200)),
    "shift": lambda n: np.eye(n, k=1),
    "nearly a Jordan block": lambda n: 0.5 * np.eye(n) + np.eye(n, k=1),
    "Wilkinson": lambda n: np.diag(np.abs(np.arange(n) - n // 2.0)) + np.eye(n, k=1) + np.eye(n, k=-1),
}


@pytest.mark.parametrize("name", SPECIAL)
def test_matrices_of_zeros_ones_and_denormal_numbers(name: str) -> None:
    """Squares of what is left after the first reflector of ones are denormal: no reflector is made of them."""
    for n in (1, 2, 5, 33, 100):
        a = SPECIAL[name](n)
        symmetric = np.tril(a) + np.tril(a, -1).T
        w, v, _ = of_symmetric("float64")(symmetric)
        assert_stable(list(zip(eigh_errors(symmetric, w, v), eigh_errors(symmetric, *np.linalg.eigh(symmetric)))), name)
        u, s, vh, _ = of_any_shape("float64")(a)
        assert_stable(list(zip(svd_errors(a, u, s, vh), svd_errors(a, *np.linalg.svd(a)))), name)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_fails_the_step_with_the_users_line(bad: float) -> None:
    a = np.eye(40)
    a[3, 1] = bad
    with pytest.raises(lg.CheckFailed, match=r"did not converge: 0 of 40(.|\n)*test_spectral.py:\d+"):
        of_symmetric("float64")(a)
    with pytest.raises(lg.CheckFailed, match=r"did not converge: 0 of 40(.|\n)*test_spectral.py:\d+"):
        of_any_shape("float64")(a)


def test_extents_of_0_are_served() -> None:
    w, v, _ = of_symmetric("float64")(np.zeros((0, 0)))
    assert (w.shape, v.shape) == ((0,), (0, 0))
    u, s, vh, _ = of_any_shape("float64")(np.zeros((3, 0)))
    assert (s.shape, vh.shape) == ((0,), (0, 0))
    assert from_orthogonal(u) == 0


@pytest.mark.parametrize("n", [lg.dim("n"), 0])
def test_functions_and_derivatives_of_no_values_are_empty(n: Any) -> None:
    a = lg.placeholder((n, n), lg.float64, "a")
    results = [linalg.sqrtm(a), *linalg.eigh(a), *linalg.svd(a)]
    found = lg.function([a], [results[0], lg.grad(lg.sum(lg.stack([lg.sum(each) for each in results])), a)])
    assert [each.shape for each in found(np.zeros((0, 0)))] == [(0, 0), (0, 0)]


def deficient(rng: np.random.Generator) -> np.ndarray:
    return np.stack([np.outer(*rng.standard_normal((2, 4))) @ rng.standard_normal((4, 5)) for _ in range(2)])


A, C = RNG.standard_normal((2, 4, 4)), RNG.standard_normal((3, 2)) + 1j * RNG.standard_normal((3, 2))
H = C @ C.conj().T
RANK_1 = deficient(RNG)
LIKE_NUMPY: list[tuple[str, Callable[[], Any], Callable[[], Any]]] = [
    ("pinv", lambda: linalg.pinv(RANK_1), lambda: np.linalg.pinv(RANK_1, rcond=1e-14)),
    ("pinv of complex", lambda: linalg.pinv(C), lambda: np.linalg.pinv(C)),
    ("pinv above rtol", lambda: linalg.pinv(A, rtol=0.3), lambda: np.linalg.pinv(A, rcond=0.3)),
    (
        "least squares of rank 1",
        lambda: linalg.lstsq(RANK_1, np.arange(4.0), rcond=1e-12),
        lambda: np.stack([np.linalg.lstsq(each, np.arange(4.0), rcond=1e-12)[0] for each in RANK_1]),
    ),
    ("rank", lambda: linalg.matrix_rank(RANK_1), lambda: np.linalg.matrix_rank(RANK_1)),
    ("rank of nothing", lambda: linalg.matrix_rank(np.zeros((2, 3))), lambda: np.int64(0)),
    ("rank above rtol", lambda: linalg.matrix_rank(A, rtol=0.3), lambda: np.linalg.matrix_rank(A, rtol=0.3)),
    ("svdvals of complex", lambda: linalg.svdvals(C), lambda: np.linalg.svd(C, compute_uv=False)),
    ("eigvalsh of complex", lambda: linalg.eigvalsh(H), lambda: np.linalg.eigvalsh(H)),
    ("eigvalsh of integers", lambda: linalg.eigvalsh([[2, 1], [1, 2]]), lambda: np.array([1.0, 3.0])),
    *[
        (f"cond {p}", lambda p=p: linalg.cond(A, p), lambda p=p: np.linalg.cond(A, p))
        for p in (None, 2, -2, "fro", "nuc", 1)
    ],
    *[
        (f"norm {p}", lambda p=p: linalg.norm(A, p, axis=(1, 2)), lambda p=p: np.linalg.norm(A, p, axis=(1, 2)))
        for p in (2, -2, "nuc")
    ],
    ("cond of zeros", lambda: linalg.cond(np.zeros((2, 2))), lambda: np.inf),
    ("-2 cond of zeros", lambda: linalg.cond(np.zeros((2, 2)), -2), lambda: np.inf),
    ("sqrtm", lambda: linalg.sqrtm(A @ A.mT), lambda: np.stack([scipy.linalg.sqrtm(each @ each.T) for each in A])),
]


def test_what_follows_from_values_is_numpys() -> None:
    found = lg.function([], [ours() for _, ours, _ in LIKE_NUMPY])()
    for (name, _, theirs), each in zip(LIKE_NUMPY, found, strict=True):
        np.testing.assert_allclose(each, theirs(), rtol=1e-10, atol=1e-13, err_msg=name)


@pytest.mark.parametrize(
    "call, error, sentence",
    [
        (lambda: linalg.svd(np.zeros(3)), lg.ShapeError, "last two axes, found .3,."),
        (lambda: linalg.eigh(np.zeros((3, 2))), lg.ShapeError, "square matrices, found .3, 2."),
        (lambda: linalg.svd(np.zeros((3, 2), np.float16)), lg.DTypeError, "found float16: cast it"),
    ],
)
def test_a_mistake_is_an_error_that_says_what_was_found(
    call: Callable[[], object], error: type[Exception], sentence: str
) -> None:
    with pytest.raises(error, match=sentence):
        call()

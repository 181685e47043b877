"""Complex eigenvalues and singular values: backward errors beside LAPACK's, phases, what follows, derivatives.

In: the kinds of `adversarial` with an imaginary part, extents served by one compilation each; matrices with repeated
values. Out: the kind and error that is more than 10 times LAPACK's, the vector of another phase, the gradient that is
not the closed form.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest
import scipy.linalg

import lazygraph as lg
from tests.lazygraph.linalg.adversarial import KINDS, from_orthogonal, of_product, within

linalg = lg.linalg
SIZES = (1, 2, 3, 17, 64)
N, M = lg.dim("n"), lg.dim("m")
RNG = np.random.default_rng(7)
Arrays = tuple[np.ndarray, ...]


def unitary(rng: np.random.Generator, n: int) -> np.ndarray:
    return np.linalg.qr(rng.standard_normal((n, n)) + 1j * rng.standard_normal((n, n)))[0]


def with_values(rng: np.random.Generator, n: int) -> np.ndarray:
    """The eigenvalues 3, 1, 0 and -1, each many times, between complex vectors."""
    q = unitary(rng, n)
    return q * np.resize([3.0, 1.0, 0.0, -1.0], n) @ q.conj().T


def drawn(kind: str, rng: np.random.Generator, rows: int, columns: int) -> np.ndarray:
    if kind == "repeated" and rows == columns:
        return with_values(rng, rows)
    if kind in ("repeated", "rank_deficient", "ill_conditioned"):  # with the values of the real matrix
        return unitary(rng, rows) @ KINDS[kind](rng, rows, columns) @ unitary(rng, columns)
    return KINDS[kind](rng, rows, columns) + 1j * KINDS[kind](rng, rows, columns)


def hermitian(a: np.ndarray) -> np.ndarray:
    return a / 2 + a.conj().T / 2


@cache
def of_hermitian(dtype: str) -> lg.Function:
    a = lg.placeholder((N, N), dtype, "a")
    return lg.function([a], [*linalg.eigh(a), linalg.eigvalsh(a)])


@cache
def of_any_shape(dtype: str) -> lg.Function:
    a = lg.placeholder((M, N), dtype, "a")
    return lg.function([a], [*linalg.svd(a), linalg.svdvals(a)])


def eigh_errors(a: np.ndarray, w: np.ndarray, v: np.ndarray) -> tuple[float, float]:
    return of_product(a, v * w, v.conj().T), from_orthogonal(v)


def svd_errors(a: np.ndarray, u: np.ndarray, s: np.ndarray, vh: np.ndarray) -> tuple[float, float, float]:
    k = len(s)
    return of_product(a, u[:, :k] * s, vh[:k]), from_orthogonal(u), from_orthogonal(vh.conj().T)


def assert_stable(ours: tuple[float, ...], theirs: tuple[float, ...], what: str) -> None:
    found = list(zip(ours, theirs))
    assert all(within(*pair) for pair in found), f"{what}: {found}"


def assert_positive(columns: np.ndarray, what: str) -> None:
    """A tie may be told apart by a rounding, so that any element of the greatest magnitude may be the real one."""
    sizes = np.abs(columns)
    greatest = sizes >= sizes.max(axis=0, initial=0) * (1 - 1e-12)
    assert (greatest & (columns.imag == 0) & (columns.real > 0)).any(axis=0).all(), what


@pytest.mark.parametrize("kind", KINDS)
def test_complex_eigenvectors_are_backward_stable(kind: str) -> None:
    for n in SIZES:
        a = hermitian(drawn(kind, np.random.default_rng([n, *kind.encode()]), n, n))
        w, v, values = of_hermitian("complex128")(a)
        assert_stable(eigh_errors(a, w, v), eigh_errors(a, *np.linalg.eigh(a)), f"eigh of {n} rows")
        assert w.dtype == np.float64 and (np.diff(w) >= 0).all()
        np.testing.assert_array_equal(values, w)
        assert_positive(v, f"{n} rows")


@pytest.mark.parametrize("kind", KINDS)
def test_complex_singular_vectors_are_backward_stable(kind: str) -> None:
    for n in SIZES:
        for rows, columns in ((n, n), (n, n // 2 + 1), (n // 2 + 1, n)):
            a = drawn(kind, np.random.default_rng([n, *kind.encode()]), rows, columns)
            u, s, vh, values = of_any_shape("complex128")(a)
            assert_stable(svd_errors(a, u, s, vh), svd_errors(a, *np.linalg.svd(a)), f"svd of {a.shape}")
            assert s.dtype == np.float64 and (np.diff(s) <= 0).all() and (s >= 0).all()
            np.testing.assert_array_equal(values, s)
            assert_positive(u, f"{a.shape}")
            assert_positive(vh[len(s) :].T, f"{a.shape}, beyond the first")


def test_complex64_is_as_stable_as_lapack_in_complex64() -> None:
    x = lg.placeholder((33, 33), "complex64", "x")
    in_single = lg.function([x], [*linalg.eigh(x), *linalg.svd(x)])
    unit = float(np.finfo(np.float32).eps / np.finfo(np.float64).eps)
    for kind in ("plain", "repeated", "rank_deficient"):
        a = drawn(kind, np.random.default_rng(33), 33, 33)
        h, a = hermitian(a).astype(np.complex64), a.astype(np.complex64)
        pairs: list[tuple[Any, np.ndarray, Any, Any]] = [
            (eigh_errors, h, in_single(h)[:2], scipy.linalg.eigh(h, driver="evd")),
            (svd_errors, a, in_single(a)[2:], scipy.linalg.svd(a)),
        ]
        for errors, of, mine, other in pairs:
            wide = [errors(of.astype(complex), *[x.astype(np.result_type(x, 1.0)) for x in y]) for y in (mine, other)]
            assert_stable(*[tuple(e / unit for e in each) for each in wide], f"{kind} {errors.__name__}")


SPECIAL: dict[str, Callable[[int], np.ndarray]] = {
    "zeros": lambda n: np.zeros((n, n), complex),
    "i": lambda n: 1j * np.eye(n),
    "ones": lambda n: np.exp(1j * np.arange(n))[:, None] * np.ones((n, n)),
    "real": lambda n: np.tri(n) + 0j,
    "denormal": lambda n: np.tri(n) * (3 - 4j) * 2.0**-1030,
    "one beside many tiny": lambda n: np.diag(np.where(np.arange(n) == n // 2, 1j, 1e-200)),
    "tiny beside the diagonal": lambda n: np.eye(n) + 1e-200j * np.eye(n, k=1),
    "shift": lambda n: 1j * np.eye(n, k=1),
    "nearly a Jordan block": lambda n: 0.5 * np.eye(n) + 1j * np.eye(n, k=1),
}


@pytest.mark.parametrize("name", SPECIAL)
def test_complex_matrices_of_zeros_ones_and_denormal_numbers(name: str) -> None:
    for n in (1, 2, 5, 33):
        a = SPECIAL[name](n)
        h = np.tril(a, -1) + np.tril(a, -1).conj().T + np.diag(a.diagonal().real + a.diagonal().imag)
        assert_stable(eigh_errors(h, *of_hermitian("complex128")(h)[:2]), eigh_errors(h, *np.linalg.eigh(h)), name)
        assert_stable(svd_errors(a, *of_any_shape("complex128")(a)[:3]), svd_errors(a, *np.linalg.svd(a)), name)


@pytest.mark.parametrize("bad", [np.nan, np.inf, complex(0, np.nan), complex(0, -np.inf)])
def test_what_is_not_finite_fails_the_step(bad: complex) -> None:
    a = np.eye(20, dtype=complex)
    a[3, 1] = bad
    for function in (of_hermitian, of_any_shape):
        with pytest.raises(lg.CheckFailed, match="did not converge: 0 of 20"):
            function("complex128")(a)


def test_complex_extents_of_0_are_served() -> None:
    w, v, _ = of_hermitian("complex128")(np.zeros((0, 0), complex))
    assert (w.shape, v.shape) == ((0,), (0, 0))
    u, s, vh, _ = of_any_shape("complex128")(np.zeros((3, 0), complex))
    assert (s.shape, vh.shape) == ((0,), (0, 0))
    assert from_orthogonal(u) == 0


def test_only_the_hermitian_part_counts() -> None:
    a = RNG.standard_normal((5, 5)) + 1j * RNG.standard_normal((5, 5))
    found, expected = of_hermitian("complex128")(a), of_hermitian("complex128")(hermitian(a))
    for one, other in zip(found, expected):
        np.testing.assert_allclose(one, other, atol=1e-14)


C = RNG.standard_normal((2, 4, 3)) + 1j * RNG.standard_normal((2, 4, 3))
SQUARE = RNG.standard_normal((2, 4, 4)) + 1j * RNG.standard_normal((2, 4, 4))
RANK_1 = C[:, :, :1] @ C[:, :1, :]
POSITIVE = SQUARE @ SQUARE.conj().swapaxes(1, 2)
LIKE_NUMPY: list[tuple[str, Callable[[], Any], Callable[[], Any]]] = [
    ("pinv", lambda: linalg.pinv(C), lambda: np.linalg.pinv(C)),
    ("pinv of rank 1", lambda: linalg.pinv(RANK_1), lambda: np.linalg.pinv(RANK_1, rcond=1e-14)),
    (
        "least squares of rank 1",
        lambda: linalg.lstsq(RANK_1, SQUARE[0, 0], rcond=1e-12),
        lambda: np.stack([np.linalg.lstsq(each, SQUARE[0, 0], rcond=1e-12)[0] for each in RANK_1]),
    ),
    ("rank", lambda: linalg.matrix_rank(RANK_1), lambda: np.linalg.matrix_rank(RANK_1)),
    *[(f"cond {p}", lambda p=p: linalg.cond(SQUARE, p), lambda p=p: np.linalg.cond(SQUARE, p)) for p in (None, -2, 1)],
    *[
        (f"norm {p}", lambda p=p: linalg.norm(C, p, axis=(1, 2)), lambda p=p: np.linalg.norm(C, p, axis=(1, 2)))
        for p in (2, "nuc")
    ],
    ("sqrtm", lambda: linalg.sqrtm(POSITIVE), lambda: np.stack([scipy.linalg.sqrtm(each) for each in POSITIVE])),
]


def test_what_follows_from_complex_values_is_numpys() -> None:
    found = lg.function([], [ours() for _, ours, _ in LIKE_NUMPY])()
    for (name, _, theirs), each in zip(LIKE_NUMPY, found, strict=True):
        np.testing.assert_allclose(each, theirs(), rtol=1e-10, atol=1e-13, err_msg=name)


Q, P = unitary(RNG, 5), unitary(RNG, 5)
VALUES = np.array([1.0, 1.0, 2.0, 2.0, 5.0])
A, B = (Q * VALUES) @ Q.conj().T, (Q * VALUES) @ P.conj().T
W = hermitian(RNG.standard_normal((5, 5)) + 1j * RNG.standard_normal((5, 5)))
D = hermitian(RNG.standard_normal((5, 5)) + 1j * RNG.standard_normal((5, 5)))
X = lg.placeholder((5, 5), lg.complex128, "x")


def inner(weight: np.ndarray, x: lg.Tensor) -> lg.Tensor:
    """Re tr(weight^H x), whose gradient with respect to x is conj(weight)."""
    return lg.sum(lg.real(weight.conj() * x))


def onto(w: np.ndarray | lg.Tensor, v: lg.Tensor) -> lg.Tensor:
    return (v * w) @ lg.conj(v).mT


def below(x: lg.Tensor) -> lg.Tensor:
    w, v = linalg.eigh(x)
    return onto(lg.astype(lg.less(w, 1.5), lg.float64), v)


def polar(x: lg.Tensor) -> lg.Tensor:
    u, _, vh = linalg.svd(x)
    return u @ vh


def divided(f: np.ndarray, slope: np.ndarray) -> np.ndarray:
    tie = VALUES[:, None] == VALUES
    return np.where(tie, slope, (f[:, None] - f) / np.where(tie, 1, VALUES[:, None] - VALUES))


def of_function(differences: np.ndarray) -> np.ndarray:
    return (Q @ (differences * (Q.conj().T @ W @ Q)) @ Q.conj().T).conj()


def polar_gradient() -> np.ndarray:
    k = Q.conj().T @ W @ P
    return (Q @ ((k - k.conj().T) / (VALUES[:, None] + VALUES)) @ P.conj().T).conj()


# loss, the matrix, its gradient: conj of the direction of steepest ascent
GRADIENTS: dict[str, tuple[Callable[[], lg.Tensor], np.ndarray, np.ndarray]] = {
    "trace": (lambda: lg.sum(linalg.eigvalsh(X)), A, np.eye(5)),
    "sum of cubes": (lambda: lg.sum(linalg.eigh(X)[0] ** 3), A, (3 * A @ A).conj()),
    "projection": (lambda: inner(W, below(X)), A, of_function(divided((VALUES < 1.5) * 1.0, np.zeros((5, 5))))),
    "polar factor": (lambda: inner(W, polar(X)), B, polar_gradient()),
    "nuclear norm": (lambda: linalg.norm(X, "nuc"), B, (Q @ P.conj().T).conj()),
    "sum of squares": (lambda: lg.sum(linalg.svdvals(X) ** 2), B, 2 * B.conj()),
    "root": (
        lambda: inner(W, linalg.sqrtm(X)),
        A,
        of_function(1 / (np.sqrt(VALUES)[:, None] + np.sqrt(VALUES))),
    ),
    "pseudo-inverse": (
        lambda: inner(W, linalg.pinv(X)),
        B,
        -(np.linalg.inv(B).conj().T @ W @ np.linalg.inv(B).conj().T).conj(),
    ),
}


def test_complex_gradients_at_equal_values_are_the_closed_forms() -> None:
    slopes = lg.function([X], [lg.grad(loss(), X) for loss, _, _ in GRADIENTS.values()])
    for place, (name, (_, at, expected)) in enumerate(GRADIENTS.items()):
        found = slopes(at)[place]
        np.testing.assert_allclose(found, expected, atol=1e-11 * max(1, np.abs(expected).max()), err_msg=name)
    for at in (np.eye(5), np.zeros((5, 5))):
        assert all(np.isfinite(slope).all() for slope in slopes(at + 0j))


def test_second_derivatives_at_equal_complex_values() -> None:
    """Of <W, x^-1> along D at 1: 1 - t D + t^2 D^2 - .. ; of the others, that they are finite."""
    losses = [inner(W, linalg.pinv(X)), inner(W, below(X)), inner(W, polar(X))]
    found = lg.function([X], [lg.grad(inner(D, lg.conj(lg.grad(loss, X))), X) for loss in losses])
    np.testing.assert_allclose(found(np.eye(5) + 0j)[0], (W @ D + D @ W).conj(), atol=1e-11)
    assert all(np.isfinite(each).all() for at in (A, B, np.eye(5) + 0j) for each in found(at))

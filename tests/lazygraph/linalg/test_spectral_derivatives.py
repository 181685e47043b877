"""Derivatives of decompositions where values are equal: closed forms, of losses that do not depend on the basis.

In: matrices with repeated eigenvalues or singular values. Out: the loss whose gradient, or gradient of that along a
direction, is not the closed form. Where values are apart the sweep holds both orders against finite differences.
"""

from collections.abc import Callable

import numpy as np
import pytest

import lazygraph as lg

linalg = lg.linalg
RNG = np.random.default_rng(3)
Q = np.linalg.qr(RNG.standard_normal((6, 6)))[0]
P = np.linalg.qr(RNG.standard_normal((6, 6)))[0]
VALUES = np.array([1.0, 1.0, 1.0, 2.0, 2.0, 5.0])
A = (Q * VALUES) @ Q.T
B = (Q * VALUES) @ P.T
C = RNG.standard_normal((6, 6))
C = C + C.T
D = RNG.standard_normal((6, 6))
D = D + D.T
X = lg.placeholder((6, 6), lg.float64, "x")


def divided_differences(f: np.ndarray, slope: np.ndarray) -> np.ndarray:
    """(f_i - f_j) / (w_i - w_j), the slope where they are one."""
    tie = VALUES[:, None] == VALUES
    return np.where(tie, slope, (f[:, None] - f) / np.where(tie, 1, VALUES[:, None] - VALUES))


def of_function(f: np.ndarray, slope: np.ndarray, along: np.ndarray = C) -> np.ndarray:
    """Daleckii and Krein: the gradient of <along, V f(w) V^T> is V (divided differences o V^T along V) V^T."""
    return Q @ (divided_differences(f, slope) * (Q.T @ along @ Q)) @ Q.T


def rebuilt(f: Callable[[lg.Tensor], lg.Tensor]) -> lg.Tensor:
    w, v = linalg.eigh(X)
    return (v * f(w)) @ v.T


def polar(x: lg.Tensor) -> lg.Tensor:
    u, _, vh = linalg.svd(x)
    return u @ vh


def polar_gradient() -> np.ndarray:
    """Of <C, U V^T>: U (Y_ij / (s_i + s_j)) V^T with Y = K - K^T, K = U^T C V."""
    k = Q.T @ C @ P
    return Q @ ((k - k.T) / (VALUES[:, None] + VALUES)) @ P.T


def below(w: lg.Tensor) -> lg.Tensor:
    return lg.astype(lg.less(w, 1.5), lg.float64)


STEP = (VALUES < 1.5).astype(float)
NOTHING = np.zeros((6, 6))
# loss, the matrix, its gradient
FIRST: dict[str, tuple[Callable[[], lg.Tensor], np.ndarray, np.ndarray]] = {
    "trace": (lambda: lg.sum(linalg.eigvalsh(X)), A, np.eye(6)),
    "sum of cubes": (lambda: lg.sum(linalg.eigh(X)[0] ** 3), A, 3 * A @ A),
    "log determinant": (lambda: lg.sum(lg.log(linalg.eigvalsh(X))), A, np.linalg.inv(A)),
    "projection onto a whole eigenspace": (lambda: lg.sum(C * rebuilt(below)), A, of_function(STEP, NOTHING)),
    "a function that is flat at each value": (
        lambda: lg.sum(C * rebuilt(lambda w: (w - 1) ** 2 * (w - 2) ** 2 * (w - 5) ** 2)),
        A,
        NOTHING,
    ),
    "the identity from its vectors": (lambda: lg.sum(C * rebuilt(lambda w: w * 0 + 1)), A, NOTHING),
    "polar factor": (lambda: lg.sum(C * polar(X)), B, polar_gradient()),
    "polar factor of the identity": (lambda: lg.sum(C * polar(X)), np.eye(6), NOTHING),
    "nuclear norm": (lambda: linalg.norm(X, "nuc"), B, Q @ P.T),
    "sum of squares": (lambda: lg.sum(linalg.svdvals(X) ** 2), B, 2 * B),
    "root": (
        lambda: lg.sum(C * linalg.sqrtm(X)),
        A,
        of_function(np.sqrt(VALUES), (1 / (np.sqrt(VALUES)[:, None] + np.sqrt(VALUES)))),
    ),
    "root of the identity": (lambda: lg.sum(C * linalg.sqrtm(X)), np.eye(6), C / 2),
    "pseudo-inverse": (lambda: lg.sum(C * linalg.pinv(X)), B, -np.linalg.inv(B).T @ C @ np.linalg.inv(B).T),
}


@pytest.fixture(scope="module")
def slopes() -> lg.Function:
    return lg.function([X], [lg.grad(loss(), X) for loss, _, _ in FIRST.values()])


@pytest.mark.parametrize("name", FIRST)
def test_gradients_at_equal_values_are_the_closed_forms(name: str, slopes: lg.Function) -> None:
    _, at, expected = FIRST[name]
    found = slopes(at)[list(FIRST).index(name)]
    np.testing.assert_allclose(found, expected, atol=1e-11 * max(1, np.abs(expected).max()))


def test_every_gradient_is_finite_at_the_identity_and_at_0(slopes: lg.Function) -> None:
    for at in (np.eye(6), np.zeros((6, 6))):
        for name, slope in zip(FIRST, slopes(at)):
            if (name, at.any()) != ("log determinant", False):
                assert np.isfinite(slope).all(), name


def test_second_derivatives_of_the_pseudo_inverse_do_not_see_equal_values() -> None:
    """(1 + t D)^-1 = 1 - t D + t^2 D^2 - ..: the second derivative of <C, x^-1> along D is CD + DC at 1."""
    slope = lg.grad(lg.sum(C * linalg.pinv(X)), X)
    found = lg.function([X], lg.grad(lg.sum(D * slope), X))(np.eye(6))
    np.testing.assert_allclose(found, C @ D + D @ C, atol=1e-11)


def test_second_derivatives_are_finite_at_equal_values() -> None:
    losses = [lg.sum(linalg.eigh(X)[0] ** 3), lg.sum(C * rebuilt(below)), lg.sum(C * polar(X))]
    curves = [lg.grad(lg.sum(D * lg.grad(loss, X)), X) for loss in losses]
    found = lg.function([X], curves)
    assert all(np.isfinite(each).all() for at in (A, B, np.eye(6)) for each in found(at))


def test_the_pseudo_inverse_of_a_singular_matrix_turns_at_constant_rank() -> None:
    """Golub and Pereyra's formula against differences along a path of matrices of rank 2."""
    left, right = RNG.standard_normal((5, 2)), RNG.standard_normal((2, 4))
    moving, also = RNG.standard_normal((5, 2)), RNG.standard_normal((2, 4))
    weight = RNG.standard_normal((4, 5))
    x = lg.placeholder((5, 4), lg.float64, "x")
    slope = lg.function([x], lg.grad(lg.sum(weight * linalg.pinv(x, rtol=1e-9)), x))(left @ right)

    def at(t: float) -> float:
        return float(np.sum(weight * np.linalg.pinv((left + t * moving) @ (right + t * also), rcond=1e-9)))

    expected = (at(1e-5) - at(-1e-5)) / 2e-5
    np.testing.assert_allclose(np.sum(slope * (moving @ right + left @ also)), expected, rtol=1e-6)

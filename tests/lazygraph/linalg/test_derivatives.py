"""Derivatives of `lg.linalg`: first and second order against finite differences, forward and reverse alike.

In: functions of a matrix. Out: the function whose gradient along a random direction, or the gradient of that, is not
the central difference. Those of complex matrices take long to compile and are slow tests, but for one.
"""

from collections.abc import Callable

import numpy as np
import pytest

import lazygraph as lg

linalg = lg.linalg
B = np.random.default_rng(1).standard_normal((3, 2))
TURN = np.array([[0.1, 0.5, 0.2]])
Function = Callable[[lg.Tensor], lg.Tensor]


def positive(x: lg.Tensor) -> lg.Tensor:
    return x @ lg.conj(lg.matrix_transpose(x)) + 2 * lg.eye(3)


def complex_of(x: lg.Tensor) -> lg.Tensor:
    return x * (1 + 0.3j) + 1j * lg.matrix_transpose(x) * TURN


def projector_beside(x: lg.Tensor) -> lg.Tensor:
    """Onto what the columns of x do not span: it does not ask how the completing columns are turned."""
    q = linalg.qr(x, mode="complete")[0][..., x.shape[-1] :]
    return q @ lg.matrix_transpose(q)


FUNCTIONS: dict[str, tuple[tuple[int, ...], Function]] = {
    "cholesky": ((2, 3, 3), lambda x: linalg.cholesky(positive(x))),
    "cho_solve": ((3, 3), lambda x: linalg.cho_solve((linalg.cholesky(positive(x)), True), B)),
    "solve": ((3, 3), lambda x: linalg.solve(x, B * x[0, 0])),
    "solve a vector": ((2, 3, 3), lambda x: linalg.solve(x, B[:, 0])),
    "solve_triangular": ((3, 3), lambda x: linalg.solve_triangular(x + 4 * lg.eye(3), B, trans=1)),
    "inv": ((3, 3), linalg.inv),
    "det": ((2, 3, 3), linalg.det),
    "slogdet": ((3, 3), lambda x: linalg.slogdet(x)[1]),
    "matrix_power": ((3, 3), lambda x: linalg.matrix_power(x / 2 + lg.eye(3) * 3, -2)),
    "q": ((3, 3), lambda x: linalg.qr(x)[0]),
    "r of a tall one": ((2, 4, 2), lambda x: linalg.qr(x)[1]),
    "q of a wide one": ((2, 4), lambda x: linalg.qr(x)[0]),
    "projector": ((5, 2), projector_beside),
    "l": ((4, 3), lambda x: linalg.lu(x)[1]),
    "u": ((3, 4), lambda x: linalg.lu(x)[2]),
    "lstsq of a tall one": ((5, 3), lambda x: linalg.lstsq(x, np.arange(5.0))),
    "lstsq of a wide one": ((3, 5), lambda x: linalg.lstsq(x, B)),
    "expm": ((2, 3, 3), lambda x: linalg.expm(2 * x)),
    "norm": ((3, 4), lambda x: linalg.norm(x) + linalg.vector_norm(x, ord=3, axis=0)),
    "complex solve": ((3, 3), lambda x: linalg.solve(complex_of(x), B + 1j)),
    "complex det": ((3, 3), lambda x: linalg.det(complex_of(x))),
    "complex slogdet": ((3, 3), lambda x: linalg.slogdet(complex_of(x))[0]),
    "complex q": ((3, 3), lambda x: linalg.qr(complex_of(x))[0]),
    "complex u": ((3, 3), lambda x: linalg.lu(complex_of(x))[2]),
    "complex cholesky": ((3, 3), lambda x: linalg.cholesky(positive(complex_of(x)))),
    "complex expm": ((2, 2), lambda x: linalg.expm(1j * x)),
}


def loss_of(y: lg.Tensor) -> lg.Tensor:
    """A number that every part of y has a say in."""
    weights = np.cos(np.arange(np.prod([int(each) for each in y.shape]))).reshape([int(each) for each in y.shape])
    if y.dtype.is_complex:
        return lg.sum(lg.real(y * y) * weights + lg.imag(y))
    return lg.sum(lg.sin(y) * weights)


SLOW = [name for name in FUNCTIONS if name.startswith("complex ") and name != "complex solve"]


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow) if name in SLOW else name for name in FUNCTIONS]
)
def test_first_and_second_derivatives_are_finite_differences(name: str) -> None:
    shape, function = FUNCTIONS[name]
    rng = np.random.default_rng(len(name))
    at, along = rng.standard_normal(shape), rng.standard_normal(shape)
    x, v = lg.placeholder(shape, lg.float64, "x"), lg.constant(along)
    loss = loss_of(function(x))
    slope = lg.sum(lg.grad(loss, x) * v)
    curvature = lg.sum(lg.grad(slope, x) * v)
    f = lg.function([x], [loss, slope, curvature, lg.jvp(loss, x, v)])
    _, first, second, forward = f(at)
    step = 1e-6
    ahead, behind = f(at + step * along), f(at - step * along)
    np.testing.assert_allclose(first, (ahead[0] - behind[0]) / (2 * step), rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(second, (ahead[1] - behind[1]) / (2 * step), rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(forward, first, rtol=1e-9, atol=1e-9)


def test_a_batch_by_vmap_is_the_batch_over_leading_axes() -> None:
    a = np.random.default_rng(0).standard_normal((4, 3, 3)) + 3 * np.eye(3)
    ours = [linalg.inv, linalg.det, lambda x: linalg.qr(x)[1], linalg.expm]
    pairs = [each for f in ours for each in (lg.vmap(f)(lg.constant(a)), f(a))]
    found = lg.function([], pairs)()
    for one, other in zip(found[::2], found[1::2]):
        np.testing.assert_array_equal(one, other)


def test_the_determinant_of_a_singular_matrix_has_a_gradient() -> None:
    """The cofactors, which vanish where the rank is less by two."""
    flat = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [5.0, 7.0, 9.0]])
    nilpotent = np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [0.0, 0.0, 0.0]])
    given = np.stack([flat, nilpotent, np.ones((3, 3)), np.diag([2.0, 0.0, 5.0])])
    x = lg.placeholder(given.shape, lg.float64, "x")
    found = lg.grad(lg.sum(linalg.det(x)), x).eval({x: given})
    cofactors = [
        [[np.linalg.det(np.delete(np.delete(a, i, 0), j, 1)) * (-1) ** (i + j) for j in range(3)] for i in range(3)]
        for a in given
    ]
    np.testing.assert_allclose(found, cofactors, atol=1e-13)

"""Derivatives of sparse products against dense ones, and sparse logistic regression against SciPy.

In: the same formulas over a sparse matrix and over the dense one. Out: gradients, second derivatives, batches that
differ; for a9a's test set also what SciPy computes.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.optimize
import scipy.sparse as sp
import scipy.special

import lazygraph as lg
from tests.lazygraph.test_sparse import drawn, near, normal

MATRIX = drawn(7, 5, 0.5)
PLACES = MATRIX.tocoo()


def losses(a: Any, x: lg.Tensor, y: lg.Tensor) -> list[lg.Tensor]:
    """Nonlinear in everything: a is (7, 5), x (5, 2), y (7, 2)."""
    return [
        lg.sum(lg.sin(a @ x) * y),
        lg.sum(lg.tanh(y[:, 0] @ a) ** 2),
        lg.sum(lg.exp(a.T @ y / 10) * x),
    ]


@pytest.mark.parametrize("kind", ["csr", "csc"])
def test_first_and_second_derivatives_are_those_of_the_dense_formula(kind: str) -> None:
    values = lg.placeholder((MATRIX.nnz,), lg.float64, "values")
    dense = lg.sparse.from_coo(lg.constant(PLACES.data), PLACES.row, PLACES.col, (7, 5)).with_data(values)
    a = dense if kind == "csr" else dense.tocsc()
    x, y = lg.placeholder((5, 2), lg.float64, "x"), lg.placeholder((7, 2), lg.float64, "y")
    d = lg.placeholder((7, 5), lg.float64, "d")
    for sparse, plain in zip(losses(a, x, y), losses(d, x, y)):
        gx, gy, gv = lg.grad(sparse, [x, y, values])
        hx, hy, hd = lg.grad(plain, [x, y, d])
        second = lg.grad(lg.sum(gx * gx) + lg.sum(gy * gy) + lg.sum(gv * gv), [x, y, values])
        masked = hd * (PLACES.toarray() != 0)
        expected = lg.grad(lg.sum(hx * hx) + lg.sum(hy * hy) + lg.sum(masked * masked), [x, y, d])
        run = lg.function([values, x, y], [gx, gy, gv, *second, lg.jvp(sparse, [values, x], [values, x])])
        check = lg.function([d, x, y], [hx, hy, hd, *expected, lg.jvp(plain, [d, x], [d, x])])
        at = normal(5, 2), normal(7, 2, seed=3)
        for found, wanted in zip(run(PLACES.data, *at), check(MATRIX.toarray(), *at), strict=True):
            near(found, wanted[PLACES.row, PLACES.col] if wanted.shape == (7, 5) else wanted)


def test_sampled_products_and_reductions_have_the_derivatives_of_the_dense_formula() -> None:
    values = lg.placeholder((MATRIX.nnz,), lg.float64, "values")
    a = lg.sparse.from_coo(lg.constant(PLACES.data), PLACES.row, PLACES.col, (7, 5)).with_data(values)
    x, y, d = (lg.placeholder(shape, lg.float64, name) for shape, name in (((5, 2), "x"), ((7, 2), "y"), ((7, 5), "d")))
    sparse = lg.sum((a.sampled_dot(y, x) * a * lg.sum(y, 1, keepdims=True)).sum(0) ** 3) + lg.sum(a.max(1) * a.norm(1))
    hole = PLACES.toarray() == 0
    plain = lg.sum(lg.sum(lg.where(hole, 0, y @ x.T) * d * lg.sum(y, 1, keepdims=True), 0) ** 3)
    plain += lg.sum(lg.max(d, axis=1)[1:-1] * lg.sqrt(lg.sum(d[1:-1] * d[1:-1], axis=1)))
    run = lg.function([values, x, y], lg.grad(sparse, [x, y]))
    check = lg.function([d, x, y], lg.grad(plain, [x, y]))
    at = normal(5, 2), normal(7, 2, seed=3)
    for found, wanted in zip(run(PLACES.data, *at), check(MATRIX.toarray(), *at), strict=True):
        near(found, wanted)


def test_norms_of_zeros_have_the_derivative_of_dense_norms() -> None:
    values = lg.placeholder((2,), lg.float64, "values")
    a = lg.sparse.from_coo([1.0, 1.0], [0, 1], [1, 0], (2, 2)).with_data(values)
    f = lg.function([values], [lg.grad(lg.sum(a.norm(axis)), values) for axis in (None, 0, 1)])
    near(f(np.zeros(2)), np.zeros((3, 2)))
    near(f(np.array([3.0, 0.0])), [[1, 0]] * 3)


def test_vmap_over_dense_operands_and_over_values() -> None:
    a = lg.sparse.constant(MATRIX)
    x, xs = normal(5, 4), normal(3, 5)
    near(lg.vmap(lambda v: a @ v)(lg.constant(xs)).eval(), (MATRIX @ xs.T).T)
    near(lg.vmap(lambda v: a @ v, in_axes=1)(lg.constant(x)).eval(), (MATRIX @ x).T)
    near(lg.vmap(lambda v: v @ a.T)(lg.constant(xs)).eval(), xs @ MATRIX.T)
    many = normal(3, MATRIX.nnz)
    found = lg.vmap(lambda values, v: a.with_data(values) @ v)(lg.constant(many), lg.constant(xs)).eval()
    for values, v, mine in zip(many, xs, found):
        near(mine, sp.csr_matrix((values, MATRIX.indices, MATRIX.indptr), shape=(7, 5)) @ v)
    jacobian = lg.jacobian(a @ lg.placeholder((5,), lg.float64, "x"), a.data)
    assert jacobian.shape == (7, MATRIX.nnz)


def test_conjugate_gradients_in_a_scan_solve_a_sparse_system_and_differentiate() -> None:
    """With x = A^-1 b, the gradient of the sum of x^2 is 2 A^-1 x with respect to b."""
    matrix = drawn(20, 20, 0.2)
    matrix = (matrix + matrix.T + 10 * sp.eye(20)).tocsr()
    a, b = lg.sparse.placeholder((20, 20), lg.float64, "a"), lg.placeholder((20,), lg.float64, "b")

    def step(carry: Any, _: Any) -> Any:
        x, residual, direction = carry
        image, square = a @ direction, lg.sum(residual * residual)
        length = square / lg.sum(direction * image)
        rest = residual - length * image
        return (x + length * direction, rest, rest + lg.sum(rest * rest) / square * direction), None

    (x, *_), _ = lg.scan(step, (lg.zeros((20,)), b, b), None, length=14)
    right = normal(20)
    found, slope = lg.function([a, b], [x, lg.grad(lg.sum(x * x), b)])(matrix, right)
    np.testing.assert_allclose(matrix @ found, right, atol=1e-10)
    np.testing.assert_allclose(slope, 2 * np.linalg.solve(matrix.toarray(), found), atol=1e-10)


# --- logistic regression ----------------------------------------------------------------------------------------------


def logistic(n: Any, columns: int) -> tuple[Any, lg.Tensor, lg.Tensor, lg.Tensor]:
    a = lg.sparse.placeholder((n, columns), lg.float64, "a")
    labels, w = lg.placeholder((n,), lg.float64, "labels"), lg.placeholder((columns,), lg.float64, "w")
    return a, labels, w, lg.mean(lg.log(1 + lg.exp(-labels * (a @ w)))) + 1e-4 * lg.sum(w * w)


def reference(a: sp.csr_matrix, labels: np.ndarray, w: np.ndarray) -> tuple[float, np.ndarray]:
    margin = labels * (a @ w)
    value = np.mean(np.logaddexp(0, -margin)) + 1e-4 * w @ w
    return value, a.T @ (-labels * scipy.special.expit(-margin)) / len(labels) + 2e-4 * w


def test_logistic_regression_on_a9a_is_scipys(data_folder: Path) -> None:
    file = data_folder / "a9a.t"
    if not file.exists():
        pytest.skip("a9a.t is not in LAZYGRAPH_DATA")
    matrix, y = lg.sparse.load_svmlight(file, columns=123)
    a, labels, w, loss = logistic(lg.dim("n"), 123)
    value, slope = lg.value_and_grad(loss, w)
    step = lg.function([a, labels, w], (value, slope))
    known, at = matrix.to_scipy(), 0.3 * normal(123)
    for point in (np.zeros(123), at, 20 * at):
        found, gradient = step(matrix, y, point)
        expected, wanted = reference(known, y, point)
        np.testing.assert_allclose(found, expected, rtol=1e-10)
        np.testing.assert_allclose(gradient, wanted, rtol=1e-10, atol=1e-10)
    found = scipy.optimize.minimize(lambda p: step(matrix, y, p), np.zeros(123), jac=True, method="L-BFGS-B")
    accuracy = np.mean(np.sign(known @ found.x) == y)
    assert accuracy > 0.84 and found.fun < 0.34
    assert step(known[:1000], y[:1000], at)[0] > 0 and step.compilations == 1


def test_logistic_regression_trains() -> None:
    matrix = drawn(60, 9, 0.4)
    y = np.sign(matrix @ normal(9) + 0.1)
    a, labels = lg.sparse.constant(matrix), lg.constant(y)
    w = lg.variable(np.zeros(9), "w")
    loss = lg.mean(lg.log(1 + lg.exp(-labels * (a @ w))))
    step = lg.function([], loss, updates=lg.optim.Adam(0.1).minimize(loss, [w]))
    first, *_, last = [float(step()) for _ in range(100)]
    assert last < first / 2

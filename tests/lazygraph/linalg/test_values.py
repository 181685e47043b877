"""Values of `lg.linalg`: NumPy's and SciPy's on batches, real and complex, of any extents, and what fails a step.

In: random matrices. Out: the function, dtype or extents where they differ.
"""

import inspect

import numpy as np
import pytest
import scipy.linalg

import lazygraph as lg
from lazygraph.linalg.products import _cuts

linalg = lg.linalg
DTYPES = (np.float64, np.complex64)


def drawn(shape: tuple[int, ...], dtype: type, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    found = rng.standard_normal(shape)
    return (found + 1j * rng.standard_normal(shape) if np.issubdtype(dtype, np.complexfloating) else found).astype(
        dtype
    )


def positive(shape: tuple[int, ...], dtype: type) -> np.ndarray:
    a = drawn(shape, dtype)
    return (a @ np.conj(np.swapaxes(a, -1, -2)) + np.eye(shape[-1])).astype(dtype)


def together(outputs: dict[str, lg.Tensor]) -> dict[str, np.ndarray]:
    return dict(zip(outputs, lg.function([], list(outputs.values()))()))


@pytest.mark.parametrize("dtype", DTYPES)
def test_square_matrices_give_what_numpy_and_scipy_give(dtype: type) -> None:
    a, b, v, spd = drawn((2, 4, 4), dtype), drawn((4, 3), dtype, 1), drawn((4,), dtype, 2), positive((2, 4, 4), dtype)
    a[1] = a[0][[1, 0, 2, 3]]  # one of the two takes an odd number of exchanges
    sign, log = linalg.slogdet(a)
    factor = linalg.cholesky(spd)
    found = together(
        {
            "det": linalg.det(a), "sign": sign, "log": log, "inv": linalg.inv(a), "solve": linalg.solve(a, b),
            "vector": linalg.solve(a[0], v), "batch of vectors": linalg.solve(a, v), "cholesky": factor,
            "upper": linalg.cholesky(spd, upper=True), "cho_solve": linalg.cho_solve((factor[0], True), b),
            "cho_solve upper": linalg.cho_solve((linalg.cholesky(spd[0], upper=True), False), v),
            "power": linalg.matrix_power(a, -3), "zeroth": linalg.matrix_power(a, 0), "expm": linalg.expm(a),
        }
    )  # fmt: skip
    theirs = np.linalg.slogdet(a)
    expected = {
        "det": np.linalg.det(a), "sign": theirs[0], "log": theirs[1], "inv": np.linalg.inv(a),
        "solve": np.linalg.solve(a, b), "vector": np.linalg.solve(a[0], v),
        "batch of vectors": np.stack([np.linalg.solve(each, v) for each in a]), "cholesky": np.linalg.cholesky(spd),
        "upper": np.conj(np.swapaxes(np.linalg.cholesky(spd), -1, -2)), "cho_solve": np.linalg.solve(spd[0], b),
        "cho_solve upper": np.linalg.solve(spd[0], v), "power": np.linalg.matrix_power(a, -3),
        "zeroth": np.linalg.matrix_power(a, 0), "expm": scipy.linalg.expm(a),
    }  # fmt: skip
    tolerance = 2e-3 if np.finfo(dtype).eps > 1e-10 else 1e-10
    for name, each in expected.items():
        assert found[name].dtype == each.dtype, name
        np.testing.assert_allclose(found[name], each, rtol=tolerance, atol=tolerance * np.abs(each).max(), err_msg=name)


@pytest.mark.parametrize("dtype", (np.float64, np.complex128))
def test_triangular_systems_in_every_form(dtype: type) -> None:
    a, b = drawn((5, 5), dtype) + 3 * np.eye(5), drawn((5, 2), dtype, 1)
    forms = [(trans, lower, unit) for trans in (0, "T", 2) for lower in (False, True) for unit in (False, True)]
    ours = [linalg.solve_triangular(a, b, trans=t, lower=low, unit_diagonal=unit) for t, low, unit in forms]
    for (trans, lower, unit), found in zip(forms, lg.function([], ours)()):
        expected = scipy.linalg.solve_triangular(a, b, trans=trans, lower=lower, unit_diagonal=unit)
        np.testing.assert_allclose(found, expected, rtol=1e-10, err_msg=f"{trans} {lower} {unit}")


@pytest.mark.parametrize("dtype", (np.float64, np.complex128))
def test_factors_of_any_shape_from_one_compilation(dtype: type) -> None:
    m, n, k = lg.dim("m"), lg.dim("n"), lg.dim("k")
    x = lg.placeholder((k, m, n), dtype, "x")
    f = lg.function([x], [*linalg.lu(x), *linalg.qr(x), *linalg.qr(x, mode="complete")])
    for shape in [(2, 3, 5), (2, 5, 3), (1, 1, 1), (3, 0, 2), (3, 2, 0), (0, 3, 3), (1, 40, 33), (1, 33, 40)]:
        a = drawn(shape, dtype)
        p, low, up, q, r, whole, long = f(a)
        identity = np.eye(shape[1])
        np.testing.assert_allclose(p @ low @ up, a, atol=1e-13)
        np.testing.assert_allclose(q @ r, a, atol=1e-13)
        np.testing.assert_allclose(whole @ long, a, atol=1e-13)
        np.testing.assert_allclose(np.conj(np.swapaxes(whole, -1, -2)) @ whole, identity + 0 * whole, atol=1e-13)
        assert np.all(np.abs(low) < 2**0.5 + 1e-9)
        for triangle in (up, r, long):
            np.testing.assert_array_equal(triangle, np.triu(triangle))


def test_least_squares_of_tall_and_wide_matrices() -> None:
    tall, wide, b = drawn((7, 3), np.float64), drawn((2, 3, 7), np.float64), drawn((7, 2), np.float64, 1)
    over, under = lg.function([], [linalg.lstsq(tall, b), linalg.lstsq(wide, b[:3])])()
    np.testing.assert_allclose(over, np.linalg.lstsq(tall, b)[0], atol=1e-12)
    np.testing.assert_allclose(under, np.linalg.pinv(wide) @ b[:3], atol=1e-12)


def test_square_functions_take_symbolic_extents_and_none() -> None:
    n = lg.dim("n")
    x = lg.placeholder((n, n), lg.float64, "x")
    f = lg.function([x], [linalg.det(x), linalg.inv(x), linalg.cholesky(x), linalg.expm(x), linalg.slogdet(x)[1]])
    for count in (0, 1, 2, 35):
        a = positive((count, count), np.float64) / max(count, 1)
        expected = [np.linalg.det(a), np.linalg.inv(a), np.linalg.cholesky(a), scipy.linalg.expm(a) if count else a]
        for found, each in zip(f(a), [*expected, np.linalg.slogdet(a)[1]], strict=True):
            np.testing.assert_allclose(found, each, rtol=1e-9, atol=1e-11)


def test_norms_of_vectors_and_matrices() -> None:
    a = drawn((3, 4, 5), np.complex128)
    vectors = {f"vector {p}": linalg.vector_norm(a, axis=1, ord=p) for p in (0, 1, 2, 2.5, -1, np.inf, -np.inf)}
    matrices = {f"matrix {p}": linalg.matrix_norm(a, ord=p) for p in ("fro", 1, -1, np.inf, -np.inf)}
    found = together(vectors | matrices | {"two axes": linalg.norm(a, 1, axis=(2, 0), keepdims=True)})
    for p in (0, 1, 2, 2.5, -1, np.inf, -np.inf):
        np.testing.assert_allclose(found[f"vector {p}"], np.linalg.vector_norm(a, axis=1, ord=p), err_msg=str(p))
    for p in ("fro", 1, -1, np.inf, -np.inf):
        np.testing.assert_allclose(found[f"matrix {p}"], np.linalg.matrix_norm(a, ord=p), err_msg=str(p))
    np.testing.assert_allclose(found["two axes"], np.linalg.norm(a, 1, axis=(2, 0), keepdims=True))


def test_norms_of_orders_below_1_do_not_move_with_zeros() -> None:
    x = lg.placeholder((3,), lg.float64, "x")
    orders = (0.5, -0.5, -1, -2)
    norms = [linalg.vector_norm(x, ord=p) for p in orders]
    f = lg.function([x], [*norms, *[lg.grad(each, x) for each in norms]])
    for values in ([0, 3, -2.0], [0, 0, 0.0], [1, np.inf, -2], [np.nan, 0, 1], [1, 3, -2.0]):
        found = f(np.array(values))
        with np.errstate(all="ignore"):
            np.testing.assert_allclose(found[:4], [np.linalg.norm(values, p) for p in orders], rtol=1e-12)
        if 0 in values and np.isfinite(values).all():
            assert np.isfinite(found[4:]).all() and found[4][0] == 0, values


def test_products_and_diagonals_are_of_the_last_two_axes() -> None:
    a, b, c = drawn((2, 3, 4), np.float64), drawn((4, 5), np.float64, 1), drawn((5,), np.float64, 2)
    found = together(
        {
            "diagonal": linalg.diagonal(a, offset=1), "trace": linalg.trace(a), "multi": linalg.multi_dot([a[0], b, c]),
            "outer": linalg.outer(c, c), "transpose": linalg.matrix_transpose(a), "cross": linalg.cross(c[:3], c[1:4]),
        }
    )  # fmt: skip
    np.testing.assert_array_equal(found["diagonal"], np.linalg.diagonal(a, offset=1))
    np.testing.assert_allclose(found["trace"], np.linalg.trace(a))
    np.testing.assert_allclose(found["multi"], a[0] @ b @ c)
    np.testing.assert_array_equal(found["outer"], np.outer(c, c))
    np.testing.assert_array_equal(found["transpose"], np.swapaxes(a, -1, -2))
    np.testing.assert_allclose(found["cross"], np.cross(c[:3], c[1:4]))


def test_many_matrices_are_multiplied_in_the_cheapest_order() -> None:
    chain = [drawn((2, 2), np.float64, seed) for seed in range(60)]
    near = np.linalg.multi_dot(chain)
    np.testing.assert_allclose(linalg.multi_dot(iter(chain)).eval(), near, rtol=1e-10)
    extents = (30, 35, 15, 5, 10, 20, 25)  # Cormen's example: (A1 (A2 A3)) ((A4 A5) A6)
    assert _cuts(extents)[0, 5] == 2 and _cuts(extents)[0, 2] == 0 and _cuts(extents)[3, 5] == 4
    n, m = lg.dim("n"), lg.dim("m")
    x, y = lg.placeholder((n, m), lg.float32, "x"), lg.placeholder((m,), lg.float64, "y")
    ones = lg.function([x, y], linalg.multi_dot([np.ones(3), np.ones((3, 1)), lg.ones((1, n)), x, y]))
    assert ones(np.ones((4, 2), np.float32), np.ones(2)) == 24


def test_a_matrix_that_cannot_be_factored_fails_the_step_at_the_users_line() -> None:
    n = lg.dim("n")
    x = lg.placeholder((2, n, n), lg.float64, "x")
    functions = {
        "not positive definite: its leading minor of order 2": lg.function([x], linalg.cholesky(x)),
        "singular: its factor has a 0 at place 2": lg.function([x], linalg.inv(x)),
        "0 at place 2 of the diagonal": lg.function([x], linalg.solve_triangular(x, x)),
    }
    regular, flat = np.array([[2.0, 1.0], [1.0, 2.0]]), np.array([[1.0, 2.0], [0.0, 0.0]])
    for sentence, f in functions.items():
        f(np.stack([regular, regular]))
        with pytest.raises(lg.CheckFailed, match=sentence) as failed:
            f(np.stack([regular, flat]))
        assert "test_values.py" in str(failed.value)
        f(np.stack([regular, regular]))
    with pytest.raises(lg.CheckFailed, match="order 1"):
        functions["not positive definite: its leading minor of order 2"](np.full((2, 2, 2), np.nan))
    np.testing.assert_array_equal(linalg.det(np.stack([regular, flat])).eval(), [3, 0])


@pytest.mark.parametrize(
    "build, error, sentence",
    [
        (lambda: linalg.inv(np.zeros((2, 3))), lg.ShapeError, "square matrices, found"),
        (lambda: linalg.cholesky(np.zeros(3)), lg.ShapeError, "matrices in the last two axes"),
        (lambda: linalg.solve(np.eye(3), np.zeros((2, 2))), lg.ShapeError, "as many rows on both sides"),
        (lambda: linalg.qr(np.zeros((2, 2), np.float16)), lg.DTypeError, "float16: cast it"),
        (lambda: linalg.qr(np.eye(2), mode="r"), ValueError, '"reduced" or "complete"'),
        (lambda: linalg.matrix_norm(np.eye(2), ord=7), ValueError, "the order of a matrix norm"),
        (lambda: linalg.matrix_power(np.eye(2), 0.5), TypeError, "float"),
    ],
)
def test_mistakes_are_told_where_they_are_made(build: object, error: type, sentence: str) -> None:
    with pytest.raises(error, match=sentence):
        build()


# The extension `linalg` of the Array API 2024.12: parameters by place, then those by name only.
STANDARD = {
    "cholesky": "x, /, *, upper", "cross": "x1, x2, /, *, axis", "det": "x, /", "diagonal": "x, /, *, offset",
    "eigh": "x, /", "eigvalsh": "x, /", "inv": "x, /", "matmul": "x1, x2, /",
    "matrix_norm": "x, /, *, keepdims, ord", "matrix_power": "x, n, /", "matrix_rank": "x, /, *, rtol",
    "matrix_transpose": "x, /", "outer": "x1, x2, /", "pinv": "x, /, *, rtol", "qr": "x, /, *, mode",
    "slogdet": "x, /", "solve": "x1, x2, /", "svd": "x, /, *, full_matrices", "svdvals": "x, /",
    "tensordot": "x1, x2, /, *, axes", "trace": "x, /, *, offset, dtype", "vecdot": "x1, x2, /, *, axis",
    "vector_norm": "x, /, *, axis, keepdims, ord",
}  # fmt: skip


@pytest.mark.parametrize("name", STANDARD)
def test_calls_that_the_array_api_allows_are_taken(name: str) -> None:
    """As many operands by place, and every keyword by its name."""
    places, _, keywords = STANDARD[name].partition("*, ")
    operands = [each for each in places.split(", ") if each not in ("", "/")]
    given = {each: None for each in keywords.split(", ") if each}
    inspect.signature(getattr(linalg, name)).bind(*operands, **given)

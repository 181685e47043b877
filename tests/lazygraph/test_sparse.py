"""Sparse matrices against SciPy: construction, products, conversions, arithmetic, reductions, arguments, errors.

In: random matrices with empty rows and columns, without entries, without extents. Out: what differs from SciPy.
"""

import tempfile
from collections.abc import Callable, Iterator
from itertools import product
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp

import lazygraph as lg

SHAPES = [(7, 5, 0.4), (40, 3, 0.5), (1, 9, 0.9), (6, 6, 0.0), (0, 4, 0.0), (4, 0, 0.0), (130, 70, 0.05)]


def drawn(rows: int, columns: int, density: float, seed: int = 0, dtype: Any = np.float64) -> sp.csr_matrix:
    """A matrix whose first and last row and column have no entries where there are several."""
    rng = np.random.default_rng(seed)
    dense = np.where(rng.random((rows, columns)) < density, rng.standard_normal((rows, columns)), 0)
    if rows > 3 and columns > 3:
        dense[[0, -1]] = 0
        dense[:, [0, -1]] = 0
    return sp.csr_matrix(dense.astype(dtype))


def matrices() -> Iterator[sp.csr_matrix]:
    return (drawn(*shape) for shape in SHAPES)


def normal(*shape: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape)


def near(found: Any, expected: Any) -> None:
    expected = expected.toarray() if sp.issparse(expected) else np.asarray(expected)
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)


# --- one compilation for every matrix ---------------------------------------------------------------------------------

Operation = tuple[Callable[[Any, Any, Any], Any], Callable[[sp.csr_matrix, np.ndarray, np.ndarray], Any]]
# of a sparse matrix (m, n), u (m, 3) and v (n, 3), in lazygraph and in SciPy
OPERATIONS: dict[str, Operation] = {
    "matrix @ vector": (lambda a, u, v: a @ v[:, 0], lambda a, u, v: a @ v[:, 0]),
    "matrix @ matrix": (lambda a, u, v: a @ v, lambda a, u, v: a @ v),
    "vector @ matrix": (lambda a, u, v: u[:, 0] @ a, lambda a, u, v: u[:, 0] @ a),
    "dense @ matrix": (lambda a, u, v: u.T @ a, lambda a, u, v: u.T @ a),
    "transpose @ vector": (lambda a, u, v: a.T @ u[:, 1], lambda a, u, v: a.T @ u[:, 1]),
    "transpose @ matrix": (lambda a, u, v: a.T @ u, lambda a, u, v: a.T @ u),
    "dense": (lambda a, u, v: a.todense(), lambda a, u, v: a.toarray()),
    "other order": (lambda a, u, v: a.tocsc().tocsr().todense(), lambda a, u, v: a.toarray()),
    "diagonal": (lambda a, u, v: a.diagonal(), lambda a, u, v: a.diagonal()),
    "sampled vectors": (
        lambda a, u, v: a.sampled_dot(u[:, 0], v[:, 0]).todense(),
        lambda a, u, v: (a != 0).multiply(np.outer(u[:, 0], v[:, 0])),
    ),
    "sampled matrices": (lambda a, u, v: a.sampled_dot(u, v).todense(), lambda a, u, v: (a != 0).multiply(u @ v.T)),
    "times a number": (lambda a, u, v: (2 * a).todense(), lambda a, u, v: 2 * a),
    "less itself": (lambda a, u, v: (a * 3 - a).todense(), lambda a, u, v: 2 * a),
    "negative": (lambda a, u, v: (-a + abs(a)).todense(), lambda a, u, v: -a + abs(a)),
    "columns scaled": (lambda a, u, v: (a * v[:, 0]).todense(), lambda a, u, v: a.multiply(v[:, 0][None])),
    "rows divided": (lambda a, u, v: (a / u[:, :1]).todense(), lambda a, u, v: a.multiply(1 / u[:, :1])),
    "times dense": (lambda a, u, v: (a * (u @ v.T)).todense(), lambda a, u, v: a.multiply(u @ v.T)),
    "function": (lambda a, u, v: a.map(lg.sin).todense(), lambda a, u, v: a.sin()),
    "sum": (lambda a, u, v: a.sum(), lambda a, u, v: a.sum()),
    "sum of columns": (lambda a, u, v: a.sum(0), lambda a, u, v: np.ravel(a.sum(0))),
    "sum of rows": (lambda a, u, v: a.sum(1), lambda a, u, v: np.ravel(a.sum(1))),
    "norm": (lambda a, u, v: a.norm(), lambda a, u, v: np.sqrt(a.multiply(a).sum())),
    "norm of rows": (lambda a, u, v: a.norm(1), lambda a, u, v: np.sqrt(np.ravel(a.multiply(a).sum(1)))),
}
# those that SciPy refuses where an axis has no extent
EXTREMES: dict[str, Operation] = {
    "mean of rows": (lambda a, u, v: a.mean(1), lambda a, u, v: np.ravel(a.mean(1))),
    "mean of columns": (lambda a, u, v: a.mean(-2), lambda a, u, v: np.ravel(a.mean(0))),
    "max": (lambda a, u, v: a.max(), lambda a, u, v: a.max()),
    "max of rows": (lambda a, u, v: a.max(1), lambda a, u, v: a.max(1).toarray().ravel()),
    "max of columns": (lambda a, u, v: a.max(0), lambda a, u, v: a.max(0).toarray().ravel()),
    "min of rows": (lambda a, u, v: a.min(-1), lambda a, u, v: a.min(1).toarray().ravel()),
    "min of columns": (lambda a, u, v: a.min(0), lambda a, u, v: a.min(0).toarray().ravel()),
}


def everything(format: str, operations: dict[str, Operation], threads: int) -> lg.Function:
    m, n = lg.dim("m"), lg.dim("n")
    a = lg.sparse.placeholder((m, n), lg.float64, "a", format=format)
    u, v = lg.placeholder((m, 3), lg.float64, "u"), lg.placeholder((n, 3), lg.float64, "v")
    return lg.function([a, u, v], [ours(a, u, v) for ours, _ in operations.values()], threads=threads)


@pytest.mark.parametrize("format", ["csr", "csc"])
def test_one_compilation_gives_what_scipy_gives_for_every_matrix(format: str) -> None:
    one, two = (everything(format, OPERATIONS, threads) for threads in (1, 2))
    for matrix in matrices():
        u, v = normal(matrix.shape[0], 3), normal(matrix.shape[1], 3, seed=2)
        found, again = one(matrix, u, v), two(matrix.tocoo(), u, v)
        for (name, (_, theirs)), mine, other in zip(OPERATIONS.items(), found, again, strict=True):
            np.testing.assert_array_equal(mine, other, name)
            near(mine, theirs(matrix, u, v))
    assert one.compilations == 1


@pytest.mark.parametrize("format", ["csr", "csc"])
def test_means_and_extremes_count_zeros(format: str) -> None:
    step = everything(format, EXTREMES, 2)
    full = sp.csr_matrix(-1 - np.abs(normal(3, 4)))  # no zero anywhere: the greatest is negative
    for matrix in [each for each in matrices() if 0 not in each.shape] + [full]:
        u, v = normal(matrix.shape[0], 3), normal(matrix.shape[1], 3)
        for (_, theirs), mine in zip(EXTREMES.values(), step(matrix, u, v), strict=True):
            near(mine, theirs(matrix, u, v))


@pytest.mark.parametrize("dtype, index", [*product([np.float32, np.float64], [np.int32, np.int64])])
def test_values_of_either_precision_and_indices_of_either_width(dtype: Any, index: Any) -> None:
    matrix = drawn(9, 7, 0.5, dtype=dtype)
    a = lg.sparse.placeholder(matrix.shape, dtype, "a", index_dtype=index)
    x = normal(7).astype(dtype)
    f = lg.function([a], [a @ x, a.tocsc().data])
    product_, values = f(matrix)
    assert product_.dtype == dtype == values.dtype
    np.testing.assert_allclose(product_, matrix @ x, rtol=1e-5)
    np.testing.assert_array_equal(values, matrix.tocsc().data)


def test_entries_in_no_order_and_twice_are_summed_by_linear_operations() -> None:
    matrix = sp.csr_matrix(([1.0, 2.0, 4.0, 8.0], [2, 0, 2, 1], [0, 3, 3, 4]), shape=(3, 3))
    a = lg.sparse.placeholder((3, 3), lg.float64, "a")
    x = normal(3)
    found = lg.function([a], [a @ x, x @ a, a.todense(), a.sum(0), a.tocsc() @ x])(matrix)
    for mine, expected in zip(found, [matrix @ x, x @ matrix, matrix.toarray(), np.ravel(matrix.sum(0)), matrix @ x]):
        near(mine, expected)


def test_places_without_an_entry_are_not_computed_with() -> None:
    a = lg.sparse.constant([[0.0, 2.0], [np.inf, 0.0]])
    np.testing.assert_array_equal((a @ [np.inf, 1.0]).eval(), [2, np.inf])
    np.testing.assert_array_equal(([np.nan, 1.0] @ a).eval(), [np.inf, np.nan])


# --- construction -----------------------------------------------------------------------------------------------------


def test_constants_keep_their_format_and_are_brought_into_order() -> None:
    matrix = sp.csr_matrix(([1.0, 2.0, 4.0], [2, 0, 2], [0, 3, 3]), shape=(2, 3))
    a = lg.sparse.constant(matrix)
    assert (a.nnz, a.shape, type(a)) == (2, (2, 3), lg.sparse.CSR)
    np.testing.assert_array_equal(a.data.eval(), [2, 5])
    np.testing.assert_array_equal(a.indices.eval(), [0, 2])
    assert isinstance(lg.sparse.constant(matrix.tocsc()), lg.sparse.CSC)
    near(lg.sparse.constant(matrix.tocsc()).todense().eval(), matrix)
    for each in matrices():
        near(lg.sparse.constant(each).todense().eval(), each)


def test_triplets_that_a_call_gives_are_sorted_and_summed_in_the_graph() -> None:
    n = lg.dim("entries")
    rows, columns = (lg.placeholder((n,), lg.int32, name) for name in ("rows", "columns"))
    values = lg.placeholder((n,), lg.float64, "values")
    a = lg.sparse.from_coo(values, rows, columns, (5, 4))
    f = lg.function([values, rows, columns], [a.todense(), a.max(1), a.map(lg.square).sum(), lg.grad(a.norm(), values)])
    for count in (0, 1, 30):
        rng = np.random.default_rng(count)
        i, j, x = rng.integers(0, 5, count), rng.integers(0, 4, count), rng.standard_normal(count)
        expected = sp.coo_matrix((x, (i, j)), shape=(5, 4)).toarray()
        dense, greatest, squares, slope = f(x, i.astype(np.int32), j.astype(np.int32))
        near(dense, expected)
        near(squares, np.sum(expected**2))
        near(slope, expected[i, j] / np.linalg.norm(expected) if count else np.zeros(0))
        near(greatest, expected.max(1))


def test_a_variable_trains_its_values_and_keeps_its_pattern() -> None:
    start = drawn(6, 5, 0.5)
    w = lg.sparse.variable(start, "w")
    x, y = normal(5, 8), normal(6, 8)
    loss = lg.mean((w @ x - y) ** 2)
    step = lg.function([], loss, updates=lg.optim.SGD(0.05).minimize(loss, [w.data]))
    losses = [float(step()) for _ in range(50)]
    assert losses[-1] < losses[0]
    assert (w.to_scipy() != 0).nnz == (start != 0).nnz


def test_a_result_is_a_matrix_over_arrays_that_is_an_argument_again() -> None:
    a = lg.sparse.placeholder((lg.dim("m"), lg.dim("n")), lg.float64, "a")
    double = lg.function([a], a * 2)
    matrix = drawn(7, 5, 0.4)
    once = double(matrix)
    assert isinstance(once, lg.sparse.CSR) and once.shape == (7, 5)
    near(double(once).to_scipy().toarray(), 4 * matrix)
    near((lg.sparse.constant(once) @ np.ones(5)).eval(), 2 * matrix @ np.ones(5))
    near((once @ np.ones(5)).eval(), 2 * matrix @ np.ones(5))


def test_svmlight_files_are_read() -> None:
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        print("2 1:1.5 4:-2", "-1", "0 2:3 # a comment", sep="\n", file=file, flush=True)
        a, labels = lg.sparse.load_svmlight(file.name, columns=5, dtype=lg.float32)
    np.testing.assert_array_equal(labels, [2, -1, 0])
    np.testing.assert_array_equal(a.to_scipy().toarray(), [[1.5, 0, 0, -2, 0], [0] * 5, [0, 3, 0, 0, 0]])
    assert a.dtype == lg.float32


def test_rows_of_a_csr_and_columns_of_a_csc_are_sliced() -> None:
    matrix = drawn(7, 5, 0.5)
    rows, columns = lg.sparse.variable(matrix, "w"), lg.sparse.constant(matrix.tocsc())
    for part in (slice(2, 5), slice(None), slice(-3, None), slice(4, 2), slice(7, 9)):
        near(rows[part].todense().eval(), matrix.toarray()[part])
        near(columns[:, part].todense().eval(), matrix.toarray()[:, part])
    inside = np.repeat(np.arange(7), np.diff(matrix.indptr))
    slope = lg.grad(rows[2:5].sum(), rows.data).eval()
    near(slope, (inside >= 2) & (inside < 5))
    with pytest.raises(IndexError, match=r"a CSR is sliced as a\[i:j\], found"):
        rows[:, 1:2]
    with pytest.raises(IndexError, match="found 1;"):
        rows[1]
    with pytest.raises(TypeError, match="not iterable"):
        list(rows)
    with pytest.raises(TypeError, match="offsets only a call knows"):
        lg.sparse.placeholder((3, 3))[1:]


# --- errors -----------------------------------------------------------------------------------------------------------


def test_shapes_that_do_not_fit_name_the_line_and_what_was_found() -> None:
    a = lg.sparse.placeholder((lg.dim("n"), 5), lg.float64, "a")
    x = lg.placeholder((4,), lg.float64, "x")
    with pytest.raises(lg.ShapeError, match=r"matmul: inner extents differ: a is \(n, 5\), x is \(4,\)\n.*a @ x"):
        a @ x
    with pytest.raises(lg.ShapeError, match="a vector or a matrix, found"):
        a @ lg.zeros((5, 2, 2))
    with pytest.raises(lg.ShapeError, match=r"does not broadcast to \(n, 5\)"):
        a * x
    with pytest.raises(ValueError, match="a function that is 0 at 0"):
        a.map(lg.cos)
    eye, full = lg.sparse.constant(np.eye(5)), lg.sparse.constant(np.ones((5, 5)))
    for other in (a, full):
        with pytest.raises(ValueError, match="entries at the same places"):
            eye + other
    near((eye + lg.sparse.constant(2 * np.eye(5))).todense().eval(), 3 * np.eye(5))
    with pytest.raises(TypeError, match="a dense vector or matrix beside a CSR, found CSC: todense"):
        eye @ full.tocsc()
    with pytest.raises(TypeError, match="a sparse matrix of the same pattern, found float"):
        a + 1.0
    with pytest.raises(ValueError, match="format: expected csr or csc, found 'coo'"):
        lg.sparse.placeholder((3, 3), format="coo")
    with pytest.raises(ValueError, match="column index 3 is out of bounds for an axis of extent 3"):
        lg.sparse.from_coo([1.0], [0], [3], (2, 3))
    with pytest.raises(lg.ShapeError, match="three vectors of one length"):
        lg.sparse.from_coo([1.0], [0, 1], [2, 2], (2, 3))


def test_arguments_that_do_not_fit_are_told_by_name() -> None:
    a = lg.sparse.placeholder((3, lg.dim("n")), lg.float32, "a")
    x = lg.placeholder((lg.dim("n"),), lg.float32, "x")
    f = lg.function([a, x], a @ x)
    ones = np.ones(4, np.float32)
    with pytest.raises(TypeError, match="expected a matrix of scipy.sparse or an lg.sparse.CSR, found ndarray"):
        f(np.ones((3, 4)), ones)
    with pytest.raises(TypeError, match="expected a matrix of scipy.sparse or an lg.sparse.CSR, found coo_array"):
        f(sp.coo_array([1.0, 0.0]), ones)
    with pytest.raises(TypeError, match="argument 'a_data': expected dtype float32, found float64"):
        f(drawn(3, 4, 0.5), ones)
    with pytest.raises(lg.CheckFailed, match="n"):
        f(drawn(3, 5, 0.5, dtype=np.float32), ones)
    with pytest.raises((ValueError, TypeError), match="a_indptr"):
        f(drawn(5, 4, 0.5, dtype=np.float32), ones)


BROKEN = [
    ([0, 5], [0, 1, 2], "index 5 is out of bounds for an axis of extent 3"),
    ([0, -1], [0, 1, 2], "index -1 is out of bounds for an axis of extent 3"),
    ([0, 1], [0, 3, 2], "the offsets 0 and 3"),
    ([0, 1], [1, 1, 2], "begin with 1"),
    ([0, 1], [0, 1, 1], "end with 1"),
    ([0, 1], [0, -1, 2], "the offsets 0 and -1"),
]


@pytest.mark.parametrize("indices, indptr, sentence", BROKEN)
def test_arrays_that_are_no_matrix_fail_the_call(indices: list[int], indptr: list[int], sentence: str) -> None:
    a = lg.sparse.placeholder((2, 3), lg.float64, "a")
    broken = lg.sparse.CSR(
        np.ones(2), np.array(indices, np.int32), np.array(indptr, np.int32), np.empty((3, 0), np.bool_)
    )
    rows, columns = normal(2), normal(3)
    for result in (a @ columns, rows @ a, a.sampled_dot(rows, columns).data, a.todense(), a.tocsc().indices):
        with pytest.raises(lg.CheckFailed, match=sentence):
            lg.function([a], result)(broken)


def test_indices_that_do_not_fit_32_bits_are_outside_and_not_wrapped() -> None:
    a = lg.sparse.placeholder((3, 3), lg.float64, "a")
    f = lg.function([a], a @ np.ones(3))
    for name in ("indices", "indptr"):
        matrix = sp.csr_matrix(np.eye(3))
        wide = getattr(matrix, name).astype(np.int64)
        wide[1] += 2**32
        setattr(matrix, name, wide)
        with pytest.raises(lg.CheckFailed, match="-1"):
            f(matrix)


def test_constants_that_are_no_matrix_of_real_numbers_are_refused() -> None:
    none = np.empty((2, 0), np.bool_)
    with pytest.raises(lg.DTypeError, match="expected real values, found complex128"):
        lg.sparse.constant(sp.csr_matrix(1j * np.eye(2)))
    with pytest.raises(lg.DTypeError, match="found complex128"):
        lg.sparse.from_coo([1j], [0], [0], (1, 1))
    with pytest.raises(ValueError, match="found 3 and 2"):
        lg.sparse.constant(lg.sparse.CSR(np.ones(3), np.array([0, 1]), np.array([0, 1, 2]), none))
    with pytest.raises(ValueError, match="offsets that rise from 0 to 0"):
        lg.sparse.constant(lg.sparse.CSR(np.ones(0), np.array([], int), np.array([], int), none))

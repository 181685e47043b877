"""Products of sparse matrices, as lazygraph and as SciPy run them.

In: a row's shape: rows, columns, entries of the matrix, and columns of the dense operands. Out: a call that makes the
product once and returns it. Entries are at random places, as many in each row, float32; all matrices are arguments.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.sparse as sp

import lazygraph as lg
from benchmarks.workload import Builders, Call, array

Product = Callable[[Any, Any, Any], Any]  # of the matrix (m, n), x (n, k) and y (m, k); vectors where k is 0


def operands(rows: int, columns: int, entries: int, width: int) -> tuple[Any, Any, Any]:
    rng = np.random.default_rng(0)
    offsets = np.arange(rows + 1, dtype=np.int64) * entries // rows
    places = rng.integers(0, columns, entries, dtype=np.int32)
    matrix = sp.csr_matrix((array(entries), places, offsets.astype(np.int32)), shape=(rows, columns))
    last = (width,) if width else ()
    return matrix, array(columns, *last, seed=1), array(rows, *last, seed=2)


def ours(product: Product) -> Callable[..., Call]:
    """One function for every matrix: its extents and its number of entries are symbolic."""

    def build(*shape: int) -> Call:
        matrix, x, y = operands(*shape)
        m, n = lg.dim("m"), lg.dim("n")
        a = lg.sparse.placeholder((m, n), lg.float32, "a")
        right = lg.placeholder((n, *x.shape[1:]), lg.float32, "x")
        left = lg.placeholder((m, *y.shape[1:]), lg.float32, "y")
        run = lg.function([a, right, left], product(a, right, left))
        return lambda: run(matrix, x, y)

    return build


def theirs(product: Product) -> Callable[..., Call]:
    def build(*shape: int) -> Call:
        matrix, x, y = operands(*shape)
        return lambda: product(matrix, x, y)

    return build


def sampled(a: sp.csr_matrix, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The rows of both that meet at the entries, multiplied and summed: SciPy has no function for it."""
    rows = np.repeat(np.arange(a.shape[0]), np.diff(a.indptr))
    return np.asarray(np.einsum("ij,ij->i", y[rows], x[a.indices]))


OURS: Builders = {
    "sparse_product": ours(lambda a, x, y: a @ x),
    "sparse_transposed": ours(lambda a, x, y: a.T @ y),
    "sparse_sampled": ours(lambda a, x, y: a.sampled_dot(y, x).data),
    "sparse_by_columns": ours(lambda a, x, y: a.tocsc().data),
}
THEIRS: Builders = {
    "sparse_product": theirs(lambda a, x, y: a @ x),
    "sparse_transposed": theirs(lambda a, x, y: a.T @ y),
    "sparse_sampled": theirs(sampled),
    "sparse_by_columns": theirs(lambda a, x, y: a.tocsc().data),
}

"""Factorisations and solves, as lazygraph and as NumPy's or SciPy's LAPACK run them.

In: a row's shape: the extents of the matrix, and the columns of the right side where there is one. Out: a call that
runs the function once and returns its result. float64, random matrices; Cholesky's operand is made positive definite.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import scipy.linalg

import lazygraph as lg
from benchmarks.workload import Builders, Call

Function = Callable[..., Any]


def operands(kind: str, rows: int, columns: int, right: int) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    a = rng.standard_normal((rows, columns))
    if kind == "cholesky":
        a = a @ a.T + rows * np.eye(rows)
    if kind == "solve_triangular":
        a += rows * np.eye(rows)
    if kind == "expm":
        a /= rows**0.5
    return [a, rng.standard_normal((rows, right))] if right else [a]


def ours(kind: str, function: Function) -> Callable[..., Call]:
    def build(*shape: int) -> Call:
        arrays = operands(kind, *shape)
        inputs = [lg.placeholder(each.shape, lg.float64, f"x{place}") for place, each in enumerate(arrays)]
        run = lg.function(inputs, function(*inputs))
        return lambda: run(*arrays)

    return build


def theirs(kind: str, function: Function) -> Callable[..., Call]:
    def build(*shape: int) -> Call:
        arrays = operands(kind, *shape)
        return lambda: function(*arrays)

    return build


# kind -> (ours, LAPACK's)
FUNCTIONS: Mapping[str, tuple[Function, Function]] = {
    "cholesky": (lambda a: lg.linalg.cholesky(a), np.linalg.cholesky),
    "lu": (lambda a: list(lg.linalg.lu(a)), scipy.linalg.lu),
    "qr": (lambda a: list(lg.linalg.qr(a)), np.linalg.qr),
    "solve": (lambda a, b: lg.linalg.solve(a, b), np.linalg.solve),
    "solve_triangular": (
        lambda a, b: lg.linalg.solve_triangular(a, b, lower=True),
        lambda a, b: scipy.linalg.solve_triangular(a, b, lower=True),
    ),
    "inv": (lambda a: lg.linalg.inv(a), np.linalg.inv),
    "det": (lambda a: lg.linalg.det(a), np.linalg.det),
    "lstsq": (lambda a, b: lg.linalg.lstsq(a, b), lambda a, b: np.linalg.lstsq(a, b, rcond=None)[0]),
    "expm": (lambda a: lg.linalg.expm(a), scipy.linalg.expm),
    "eigh": (lambda a: list(lg.linalg.eigh(a + a.T)), lambda a: np.linalg.eigh(a + a.T)),
    "eigvalsh": (lambda a: lg.linalg.eigvalsh(a + a.T), lambda a: np.linalg.eigvalsh(a + a.T)),
    "svd": (lambda a: list(lg.linalg.svd(a)), np.linalg.svd),
    "svdvals": (lambda a: lg.linalg.svdvals(a), lambda a: np.linalg.svd(a, compute_uv=False)),
}
OURS: Builders = {kind: ours(kind, mine) for kind, (mine, _) in FUNCTIONS.items()}
THEIRS: Builders = {kind: theirs(kind, lapack) for kind, (_, lapack) in FUNCTIONS.items()}

"""Factorisations and solves are as backward stable as LAPACK's, on matrices of every kind and size.

In: the kinds of `adversarial`, extents 1 .. 500 served by one compilation each. Out: the kind, extent and error that is
more than 10 times LAPACK's.
"""

from functools import cache

import numpy as np
import pytest
import scipy.linalg

import lazygraph as lg
from tests.lazygraph.linalg.adversarial import (
    KINDS,
    LARGE,
    SIZES,
    from_orthogonal,
    of_product,
    of_solution,
    positive,
    within,
)

linalg = lg.linalg
N, M = lg.dim("n"), lg.dim("m")


@cache
def of_square():
    a, b = lg.placeholder((N, N), lg.float64, "a"), lg.placeholder((N, 3), lg.float64, "b")
    return lg.function([a, b], [linalg.solve(a, b), linalg.inv(a)])


@cache
def of_any_shape():
    a = lg.placeholder((M, N), lg.float64, "a")
    p, low, up = linalg.lu(a)
    return lg.function([a], [*linalg.qr(a), p @ low, up])


@cache
def of_positive():
    a, b = lg.placeholder((N, N), lg.float64, "a"), lg.placeholder((N, 3), lg.float64, "b")
    factor = linalg.cholesky(a)
    return lg.function([a, b], [factor, linalg.cho_solve((factor, True), b)])


sizes = pytest.mark.parametrize(
    "sizes", [SIZES, pytest.param((LARGE,), marks=pytest.mark.slow)], ids=["small", "large"]
)


def seeded(kind: str, n: int) -> np.random.Generator:
    return np.random.default_rng([n, *kind.encode()])


@sizes
@pytest.mark.parametrize("kind", KINDS)
def test_lu_solve_and_inverse_are_backward_stable(kind: str, sizes: tuple[int, ...]) -> None:
    for n in sizes:
        rng = seeded(kind, n)
        a, b = KINDS[kind](rng, n, n), rng.standard_normal((n, 3))
        left, up = of_any_shape()(a)[2:]
        p, low, upper = scipy.linalg.lu(a)
        assert within(of_product(a, left, up), of_product(a, p @ low, upper)), f"lu of {n} rows"
        if kind == "rank_deficient":
            continue  # its solutions are those of one rounding or another, where there are any
        x, inverse = of_square()(a, b)
        assert within(of_solution(a, x, b), of_solution(a, np.linalg.solve(a, b), b)), f"solve of {n} rows"
        theirs = of_solution(a, np.linalg.inv(a), np.eye(n))
        assert within(of_solution(a, inverse, np.eye(n)), theirs), f"inv of {n} rows"


@sizes
@pytest.mark.parametrize("kind", KINDS)
def test_qr_is_backward_stable_and_orthogonal(kind: str, sizes: tuple[int, ...]) -> None:
    for rows, columns in [*((n, n) for n in sizes), (200, 31), (31, 200)]:
        a = KINDS[kind](seeded(kind, rows), rows, columns)
        q, r = of_any_shape()(a)[:2]
        own, triangle = np.linalg.qr(a)
        where = f"{rows} x {columns}"
        assert within(of_product(a, q, r), of_product(a, own, triangle)), where
        assert within(from_orthogonal(q), from_orthogonal(own)), where
        assert np.array_equal(r, np.triu(r)), where


@sizes
@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in ("rank_deficient", "repeated")])
def test_cholesky_is_backward_stable(kind: str, sizes: tuple[int, ...]) -> None:
    for n in sizes:
        rng = seeded(kind, n)
        a, b = positive(rng, n, kind), rng.standard_normal((n, 3))
        factor, x = of_positive()(a, b)
        own = np.linalg.cholesky(a)
        assert within(of_product(a, factor, factor.T), of_product(a, own, own.T)), f"cholesky of {n} rows"
        theirs = of_solution(a, scipy.linalg.cho_solve((own, True), b), b)
        assert within(of_solution(a, x, b), theirs), f"cho_solve of {n} rows"

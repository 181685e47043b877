"""Matrices that find the weak places of an algorithm, and the errors that count.

In: a seeded generator and extents. Out: float64 matrices by kind (`KINDS`, and `SYMMETRIC` for symmetric ones);
residuals relative to what they are made of, taken of numbers scaled so that nothing overflows. `within` holds an error
against LAPACK's.
"""

from collections.abc import Callable, Mapping

import numpy as np

EPS = float(np.finfo(np.float64).eps)
SIZES = (1, 2, 3, 8, 17, 64, 129)
LARGE = 500
Kind = Callable[[np.random.Generator, int, int], np.ndarray]


def orthogonal(rng: np.random.Generator, rows: int, columns: int) -> np.ndarray:
    return np.linalg.qr(rng.standard_normal((rows, columns)))[0]


def with_values(rng: np.random.Generator, rows: int, columns: int, values: np.ndarray) -> np.ndarray:
    """A matrix with these singular values, as many as min(rows, columns), between random bases."""
    count = min(rows, columns)
    return orthogonal(rng, rows, count) * values[:count] @ orthogonal(rng, columns, count).T


def plain(rng: np.random.Generator, rows: int, columns: int) -> np.ndarray:
    return rng.standard_normal((rows, columns))


def graded(rng: np.random.Generator, rows: int, columns: int) -> np.ndarray:
    """Rows and columns from 1 down to 1e-8: elements between 1 and 1e-16."""
    return np.logspace(0, -8, rows)[:, None] * rng.standard_normal((rows, columns)) * np.logspace(0, -8, columns)


def graded_up(rng: np.random.Generator, rows: int, columns: int) -> np.ndarray:
    """The same with the greatest elements last."""
    return graded(rng, rows, columns)[::-1, ::-1].copy()


def ill_conditioned(rng: np.random.Generator, rows: int, columns: int) -> np.ndarray:
    """Singular values from 1 down to 1e-14."""
    return with_values(rng, rows, columns, np.logspace(0, -14, min(rows, columns)))


def rank_deficient(rng: np.random.Generator, rows: int, columns: int) -> np.ndarray:
    """Half the rank, up to rounding."""
    count = max(min(rows, columns) // 2, 1)
    return rng.standard_normal((rows, count)) @ rng.standard_normal((count, columns))


def repeated(rng: np.random.Generator, rows: int, columns: int) -> np.ndarray:
    """Two singular values, each many times."""
    count = min(rows, columns)
    return with_values(rng, rows, columns, np.where(np.arange(count) < (count + 1) // 2, 3.0, 1.0))


def tiny(rng: np.random.Generator, rows: int, columns: int) -> np.ndarray:
    return 1e-300 * rng.standard_normal((rows, columns))


def huge(rng: np.random.Generator, rows: int, columns: int) -> np.ndarray:
    return 1e300 * rng.standard_normal((rows, columns))


KINDS: Mapping[str, Kind] = {
    each.__name__: each for each in (plain, graded, graded_up, ill_conditioned, rank_deficient, repeated, tiny, huge)
}


def symmetric(kind: Kind) -> Callable[[np.random.Generator, int], np.ndarray]:
    """The symmetric part of a square matrix of this kind."""

    def made(rng: np.random.Generator, n: int) -> np.ndarray:
        drawn = kind(rng, n, n)
        return drawn / 2 + drawn.T / 2

    return made


def few_eigenvalues(rng: np.random.Generator, n: int) -> np.ndarray:
    """Symmetric with the eigenvalues 3, 1 and -1, each many times."""
    basis = orthogonal(rng, n, n)
    return basis * np.resize([3.0, 1.0, -1.0], n) @ basis.T


SYMMETRIC = {name: symmetric(kind) for name, kind in KINDS.items()} | {"repeated": few_eigenvalues}


def positive(rng: np.random.Generator, n: int, kind: str) -> np.ndarray:
    """Symmetric positive definite, far enough from singular that rounding leaves it so; scaled by its kind."""
    basis = orthogonal(rng, n, n)
    values = np.logspace(0, -12, n) if kind == "ill_conditioned" else 1 + rng.random(n)
    made = basis * values @ basis.T
    if kind.startswith("graded"):
        scale = np.logspace(0, -8, n)[:: -1 if kind == "graded_up" else 1]
        made = scale[:, None] * made * scale
    made = made * {"tiny": 1e-300, "huge": 1e300}.get(kind, 1.0)
    return made / 2 + made.T / 2


def size(x: np.ndarray) -> float:
    """The Frobenius norm of moderate numbers."""
    return float(np.linalg.norm(x))


def exponent(x: np.ndarray) -> int:
    """The power of two just above the greatest element."""
    return int(np.frexp(np.max(np.abs(x), initial=0))[1])


def normal(x: np.ndarray) -> tuple[np.ndarray, int]:
    """(x scaled by a power of two to magnitudes of at most 1, the exponent of what it was divided by)."""
    power = exponent(x)
    return shifted(x, -power), power


def shifted(x: np.ndarray, power: int) -> np.ndarray:
    """x times 2**power, by steps that are floats."""
    while power:
        step = max(min(power, 1000), -1000)
        x, power = x * 2.0**step, power - step
    return x


def of_product(a: np.ndarray, left: np.ndarray, right: np.ndarray) -> float:
    """|left right - a| / |a|."""
    (whole, power), (one, first), (other, second) = normal(a), normal(left), normal(right)
    return size(shifted(one @ other, first + second - power) - whole) / (size(whole) or 1.0)


def of_solution(a: np.ndarray, x: np.ndarray, b: np.ndarray) -> float:
    """|a x - b| / (|a| |x| + |b|): the least relative change of a and b that makes x exact, up to a factor of 2."""
    (matrix, first), (found, second), (right, power) = normal(a), normal(x), normal(b)
    right = shifted(right, power - first - second)
    return size(matrix @ found - right) / ((size(matrix) * size(found) + size(right)) or 1.0)


def from_orthogonal(q: np.ndarray) -> float:
    """|q^T q - 1|."""
    return size(np.conj(q.T) @ q - np.eye(q.shape[1]))


def within(found: float, lapack: float) -> bool:
    """At most 10 times LAPACK's error, or of the few roundings that any algorithm has."""
    return found <= max(10 * lapack, 4 * EPS)

"""Linear algebra gives torch's values, gradients and second derivatives in float64.

In: well-conditioned random matrices in batches. Out: the function and what differs. Factors are compared through what
torch and we agree about: signs of Q's columns are LAPACK's in both; Cholesky's operand is symmetric by construction, as
the gradient of one triangle is not that of both halves.
"""

import numpy as np
import pytest
import torch

import lazygraph as lg
from tests.peers.compare import Case, assert_agree

ours, theirs = lg.linalg, torch.linalg


def drawn(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng([seed, *shape]).standard_normal(shape)


A, TALL, WIDE = drawn(2, 4, 4) + 3 * np.eye(4), drawn(2, 5, 3), drawn(2, 3, 5)
B, V = drawn(2, 4, 3, seed=1), drawn(2, 5, 2, seed=1)


def our_positive(x: lg.Tensor) -> lg.Tensor:
    return x @ lg.matrix_transpose(x) + lg.eye(4)


def their_positive(x: torch.Tensor) -> torch.Tensor:
    return x @ x.mT + torch.eye(4, dtype=x.dtype)


CASES = [
    Case("cholesky", lambda x: ours.cholesky(our_positive(x)), lambda x: theirs.cholesky(their_positive(x)), (A,)),
    Case(
        "cho_solve",
        lambda x, b: ours.cho_solve((ours.cholesky(our_positive(x)), True), b),
        lambda x, b: torch.cholesky_solve(b, theirs.cholesky(their_positive(x))),
        (A, B),
    ),
    Case("solve", ours.solve, theirs.solve, (A, B)),
    Case(
        "solve_triangular",
        lambda a, b: ours.solve_triangular(a, b, lower=True),
        lambda a, b: theirs.solve_triangular(a, b, upper=False),
        (A, B),
    ),
    Case("inv", ours.inv, theirs.inv, (A,)),
    Case("det", ours.det, theirs.det, (A,)),
    Case("logabsdet", lambda x: ours.slogdet(x)[1], lambda x: theirs.slogdet(x)[1], (A,)),
    Case("matrix_power", lambda x: ours.matrix_power(x, -3), lambda x: theirs.matrix_power(x, -3), (A,)),
    Case("expm", ours.expm, theirs.matrix_exp, (A / 2,)),
    Case("q", lambda x: ours.qr(x)[0], lambda x: theirs.qr(x)[0], (TALL,)),
    Case("r", lambda x: ours.qr(x)[1], lambda x: theirs.qr(x)[1], (TALL,)),
    Case("r wide", lambda x: ours.qr(x)[1], lambda x: theirs.qr(x)[1], (WIDE,)),
    Case("l", lambda x: ours.lu(x)[1], lambda x: theirs.lu(x)[1], (TALL,)),
    Case("u", lambda x: ours.lu(x)[2], lambda x: theirs.lu(x)[2], (WIDE,)),
    Case("lstsq", ours.lstsq, lambda a, b: theirs.lstsq(a, b).solution, (TALL, V)),
    Case("norm", lambda x: ours.vector_norm(x, axis=-1, ord=3), lambda x: theirs.vector_norm(x, 3, dim=-1), (TALL,)),
    Case("frobenius", ours.matrix_norm, theirs.matrix_norm, (TALL,)),
    Case(
        "multi_dot", lambda x: ours.multi_dot([x[0], x[1].T]), lambda x: theirs.multi_dot([x[0], x[1].T]), (TALL,), (0,)
    ),
]


@pytest.mark.parametrize("part", range(3))
def test_values_gradients_and_second_derivatives_are_torchs(part: int) -> None:
    assert_agree(CASES[part::3])

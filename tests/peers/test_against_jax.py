"""Functions and small models that are written once: value, gradient and second derivative are jax's to 1e-9 in float64.

The second derivative is the gradient of <gradient, v> along fixed random v. Run by `make test-peers`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import lazygraph as lg
from tests.peers.functions import CASES, Case
from tests.peers.small_models import MODELS

jax = pytest.importorskip("jax")
jax.config.update("jax_enable_x64", True)
TOLERANCE = 1e-9


class Jax:
    """jax under the names that the cases use: jax.numpy at the top, with `nn` and `special`."""

    __name__ = "jax"
    nn = jax.nn
    special = jax.scipy.special

    @staticmethod
    def conv2d(x: Any, w: Any, stride: int) -> Any:
        return jax.lax.conv_general_dilated(x, w, (stride, stride), [(1, 1), (1, 1)])

    @staticmethod
    def max_pool2d(x: Any, size: int) -> Any:
        shape = (1, 1, size, size)
        return jax.lax.reduce_window(x, -np.inf, jax.lax.max, shape, shape, "VALID")

    def __getattr__(self, name: str) -> Any:
        return getattr(jax.numpy, name)


class Ours:
    __name__ = "lazygraph"

    @staticmethod
    def conv2d(x: Any, w: Any, stride: int) -> Any:
        return lg.nn.conv2d(lg.asarray(x), w, stride=stride, padding=1)

    @staticmethod
    def max_pool2d(x: Any, size: int) -> Any:
        return lg.nn.max_pool2d(x, size)

    def __getattr__(self, name: str) -> Any:
        return getattr(lg, name)


def weights(case: Case, shape: tuple[int, ...]) -> np.ndarray:
    return np.random.default_rng(len(case.name)).standard_normal(shape)


def directions(case: Case) -> list[np.ndarray]:
    return [np.random.default_rng(place).standard_normal(each.shape) for place, each in enumerate(case.operands)]


def theirs(case: Case) -> list[np.ndarray]:
    def value(*operands: Any) -> Any:
        found = case.function(Jax(), *operands)
        return jax.numpy.sum(weights(case, found.shape) * found)

    every = tuple(range(len(case.operands)))
    first = jax.grad(value, every)

    def along(*operands: Any) -> Any:
        return sum(jax.numpy.sum(g * v) for g, v in zip(first(*operands), directions(case)))

    run = jax.jit(lambda *x: (case.function(Jax(), *x), *first(*x), *jax.grad(along, every)(*x)))
    return [np.asarray(each) for each in run(*case.operands)]


def ours(case: Case) -> list[np.ndarray]:
    operands = [lg.placeholder(each.shape, lg.float64, f"x{place}") for place, each in enumerate(case.operands)]
    found = case.function(Ours(), *operands)
    first = lg.grad(lg.sum(weights(case, found.shape) * found), operands)
    along = sum(lg.sum(g * v) for g, v in zip(first, directions(case)))
    return list(lg.function(operands, [found, *first, *lg.grad(along, operands)])(*case.operands))


@pytest.mark.parametrize("case", [*CASES, *MODELS], ids=lambda case: case.name)
def test_value_gradient_and_second_derivative(case: Case) -> None:
    for place, (found, expected) in enumerate(zip(ours(case), theirs(case), strict=True)):
        assert found.shape == expected.shape
        scale = 1 + np.max(np.abs(expected), initial=0)
        np.testing.assert_allclose(found / scale, expected / scale, rtol=0, atol=TOLERANCE, err_msg=f"result {place}")


def test_there_are_enough_of_them() -> None:
    assert len(CASES) >= 150
    assert len(MODELS) >= 20

"""Loops that are written once: value, gradient and second derivative are jax's to 1e-9 in float64.

The second derivative is the gradient of <gradient, v> along fixed random v. Run by `make test-peers`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import lazygraph as lg

jax = pytest.importorskip("jax")
jax.config.update("jax_enable_x64", True)
RNG = np.random.default_rng(0)
X, W, H = RNG.standard_normal((6, 3)), RNG.standard_normal((3, 3)), RNG.standard_normal(3)


class Jax:
    """jax under the names that the cases use."""

    scan = staticmethod(jax.lax.scan)
    vmap = staticmethod(jax.vmap)

    def __getattr__(self, name: str) -> Any:
        return getattr(jax.numpy, name)


def network(m: Any, x: Any, w: Any, h: Any) -> Any:
    last, ys = m.scan(lambda h, x: ((new := m.tanh(h @ w + x)), new * h), h, x)
    return m.sum(last) + m.sum(ys * ys)


def backwards(m: Any, x: Any, w: Any, h: Any) -> Any:
    last, ys = m.scan(lambda h, x: (m.sin(w @ h) + x, (h, x * h)), h, x, reverse=True)
    return m.sum(last * last) + m.sum(ys[0] * ys[1])


def nested(m: Any, x: Any, w: Any, h: Any) -> Any:
    def row(c: Any, each: Any) -> Any:
        inner, ys = m.scan(lambda d, e: (m.sin(d * e + c), d), m.sum(each), each)
        return c * m.cos(inner), m.sum(ys)

    last, ys = m.scan(row, h[0], x)
    return last + m.sum(ys * ys)


def several(m: Any, x: Any, w: Any, h: Any) -> Any:
    """A loop for each of many first states."""
    return m.sum(m.vmap(lambda one: network(m, x, w, one) * m.sum(one))(m.stack([h, 2 * h, m.cos(h)])))


def inside(m: Any, x: Any, w: Any, h: Any) -> Any:
    """A loop whose body has a batch of its own, and a carry of two."""
    many = m.vmap(lambda row: m.sum(m.sin(row)))
    (a, b), _ = m.scan(lambda c, x: ((many(w * c[0]) + x, c[1] * m.sum(c[0])), None), (h, h[0]), x)
    return m.sum(a) * b


CASES: list[Callable[..., Any]] = [network, backwards, nested, several, inside]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_value_and_two_derivatives(case: Callable[..., Any]) -> None:
    arrays = [X, W, H]
    along = [RNG.standard_normal(each.shape) for each in arrays]
    x = [lg.placeholder(each.shape, lg.float64, name) for each, name in zip(arrays, "xwh")]
    loss = case(lg, *x)
    gradients = lg.grad(loss, x)
    second = lg.grad(sum(lg.sum(g * v) for g, v in zip(gradients, along)), x)
    found = lg.function(x, [loss, *gradients, *second])(*arrays)

    def value(*operands: Any) -> Any:
        return case(Jax(), *operands)

    slope = jax.grad(value, (0, 1, 2))
    bend = jax.grad(lambda *operands: sum((g * v).sum() for g, v in zip(slope(*operands), along)), (0, 1, 2))
    expected = [value(*arrays), *slope(*arrays), *bend(*arrays)]
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-9)

"""while_loop, cond and switch mean what they mean in jax.lax: values, derivatives and batches to 1e-9 in float64.

In: one text of each function, over jax's names and ours. Run by `make test-peers`.
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
ROWS = RNG.normal(size=(5, 3)) + np.arange(5)[:, None] - 2


class Ours:
    while_loop, cond, switch = lg.while_loop, lg.cond, lg.switch
    np: Any = lg


class Theirs:
    while_loop, cond, switch = jax.lax.while_loop, jax.lax.cond, jax.lax.switch
    np = jax.numpy


def doubling(m: Any, x: Any) -> Any:
    """As many trips as the numbers need."""
    state = m.while_loop(
        lambda s: m.np.sum(m.np.abs(s["x"])) < 40,
        lambda s: {"x": s["x"] * 1.5 + 0.1, "n": s["n"] + 1},
        {"x": x, "n": 0},
    )
    return m.np.sum(state["x"] ** 2) * state["n"]


def branching(m: Any, x: Any) -> Any:
    inside = m.cond(m.np.sum(x) > 0, lambda v: m.np.sum(m.np.sin(v)), lambda v: m.np.sum(v * v), x)
    return inside * x[0]


def switching(m: Any, x: Any) -> Any:
    """The number of the branch is clamped at both ends."""
    number = m.np.floor(m.np.sum(x)).astype("int32")
    branches = [lambda v: m.np.sum(v), lambda v: m.np.sum(v**3), lambda v: m.np.prod(v)]
    return m.switch(number, branches, x)


def branch_in_a_loop(m: Any, x: Any) -> Any:
    def step(s: Any) -> Any:
        count, v = s
        return count + 1, m.cond(v[0] > 0.5, lambda v: m.np.cos(v), lambda v: v * 2 + 0.3, v)

    return m.np.sum(m.while_loop(lambda s: s[0] < 6, step, (0, x))[1])


CASES = (doubling, branching, switching, branch_in_a_loop)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_values_and_derivatives_forwards(case: Callable[..., Any]) -> None:
    x, v = lg.placeholder((3,), lg.float64, "x"), np.array([0.3, -1.0, 0.7])
    y = case(Ours, x)
    f = lg.function([x], (y, lg.jvp(y, x, v), lg.jvp(lg.jvp(y, x, v), x, v)))
    along = jax.jit(lambda a: jax.jvp(lambda a: case(Theirs, a), (a,), (v,))[1])
    for row in ROWS:
        expected = (case(Theirs, row), along(row), jax.jvp(along, (row,), (v,))[1])
        for one, other in zip(f(row), expected, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_batches(case: Callable[..., Any]) -> None:
    rows = lg.placeholder((lg.dim("n"), 3), lg.float64, "rows")
    found = lg.function([rows], lg.vmap(lambda row: case(Ours, row))(rows))(ROWS)
    np.testing.assert_allclose(found, jax.vmap(lambda row: case(Theirs, row))(ROWS), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("case", [branching, switching], ids=lambda case: case.__name__)
def test_gradients_of_branches_alone_and_in_batches(case: Callable[..., Any]) -> None:
    rows = lg.placeholder((5, 3), lg.float64, "rows")
    mapped = lg.vmap(lambda row: lg.grad(case(Ours, row), row))(rows)
    total = lg.grad(lg.sum(lg.vmap(lambda row: case(Ours, row))(rows)), rows)
    expected = jax.vmap(jax.grad(lambda row: case(Theirs, row)))(ROWS)
    for found in lg.function([rows], (mapped, total))(ROWS):
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9)

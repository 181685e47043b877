"""`lg.optimization_barrier`: what is behind it is neither merged, folded nor fused with what is before it.

In: formulas written twice, once behind a barrier. Out: the kernels of the compiled function, and the values.
"""

import numpy as np
import pytest

import lazygraph as lg

N = lg.dim("n")


def nodes(step: lg.Function, op: str) -> int:
    return step.ir("decompose").count(f"= {op} ")


def test_a_formula_behind_a_barrier_is_computed_again() -> None:
    x = lg.placeholder((N,), lg.float32, "x")
    merged = lg.function([x], [lg.exp(x) + 1, lg.exp(x) * 2])
    kept = lg.function([x], [lg.exp(x) + 1, lg.exp(lg.optimization_barrier(x)) * 2])
    assert (nodes(merged, "exp"), nodes(kept, "exp")) == (1, 2)
    array = np.arange(5, dtype=np.float32)
    for found, expected in zip(kept(array), merged(array)):
        np.testing.assert_array_equal(found, expected)


def test_nothing_is_folded_or_fused_across() -> None:
    x = lg.placeholder((N,), lg.float32, "x")
    two = lg.optimization_barrier(lg.constant(np.float32(2)))
    step = lg.function([x], lg.optimization_barrier(x + 1) * (two + 1))
    assert nodes(step, "barrier") == 2
    assert step.ir("loops").count("kernel ") == 2  # x + 1, and the product of what is behind the barriers
    assert step.ir("loops").count("add ") == 2  # 2 + 1 is not known
    np.testing.assert_array_equal(step(np.float32([1, 2])), [6, 9])


def test_two_barriers_are_two_though_their_operands_are_equal() -> None:
    x = lg.placeholder((3,), lg.float32, "x")
    one, other = lg.optimization_barrier(x), lg.optimization_barrier(x)
    step = lg.function([x], [lg.sin(one), lg.sin(other)])
    assert (nodes(step, "barrier"), nodes(step, "sin")) == (2, 2)


def test_several_operands_of_any_nesting_differentiate_and_batch() -> None:
    x, y = lg.placeholder((2, N), lg.float64, "x"), lg.placeholder((2,), lg.float64, "y")
    count = lg.constant(np.int32(3))

    def f(row: lg.Tensor, scale: lg.Tensor) -> lg.Tensor:
        held = lg.optimization_barrier({"row": row, "rest": (scale, [count])})
        return lg.sum(held["row"] ** 2) * held["rest"][0] * held["rest"][1][0]

    total = lg.sum(lg.vmap(f)(x, y))
    a, b = np.arange(6.0).reshape(2, 3), np.array([1.0, 10.0])
    first = lg.grad(total, [x, y])
    along = lg.jvp(total, x, x)
    second = lg.grad(lg.sum(first[0] ** 2), x)
    dx, dy, forward, squared = lg.function([x, y], [*first, along, second])(a, b)
    np.testing.assert_allclose(dx, 6 * a * b[:, None])
    np.testing.assert_allclose(dy, 3 * (a * a).sum(1))
    np.testing.assert_allclose(forward, (6 * a * a * b[:, None]).sum())
    np.testing.assert_allclose(squared, 72 * a * b[:, None] ** 2)


def test_a_barrier_before_nothing_is_nothing() -> None:
    assert lg.optimization_barrier(()) == ()
    with pytest.raises(TypeError):
        lg.optimization_barrier(object())

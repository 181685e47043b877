"""Blocks at computed starts: clamped, mapped over, differentiated, fused with what is around them."""

import numpy as np
import pytest

import lazygraph as lg


def test_one_compilation_cuts_blocks_of_every_tensor_inside_a_fused_expression() -> None:
    n = lg.dim("n", min=3)
    x, i = lg.placeholder((n, 5), lg.float64, "x"), lg.placeholder((), lg.int64, "i")
    block = lg.dynamic_slice(2 * x, [i, 1], (3, 4))
    renewed = lg.dynamic_update_slice(x, -lg.dynamic_slice(x, [i, 0], (2, 5)), [i + 1, 0])
    step = lg.function([x, i], [lg.sum(block * block, axis=1), renewed + 1, *lg.grad(lg.sum(block * block), [x])])
    for size, at in ((3, 0), (8, 2), (8, -4), (8, 99)):
        array = np.random.default_rng(size).standard_normal((size, 5))
        first, second, third = (min(max(place, 0), size - rows) for place, rows in ((at, 3), (at, 2), (at + 1, 2)))
        cut, moved, gradient = 2 * array[first : first + 3, 1:5], array.copy(), np.zeros_like(array)
        moved[third : third + 2] = -array[second : second + 2]
        gradient[first : first + 3, 1:5] = 8 * array[first : first + 3, 1:5]
        for found, expected in zip(step(array, at), ((cut * cut).sum(1), moved + 1, gradient)):
            np.testing.assert_allclose(found, expected, rtol=1e-14)
    assert step.compilations == 1


def test_blocks_at_a_start_per_example() -> None:
    x, i = lg.placeholder((4, 6), lg.float32, "x"), lg.placeholder((4,), lg.int32, "i")
    cut = lg.vmap(lambda row, at: lg.dynamic_slice(row, [at], (2,)))(x, i)
    put = lg.vmap(lambda row, at: lg.dynamic_update_slice(row, [1, 2], [at]))(x, i)
    array, starts = np.arange(24, dtype=np.float32).reshape(4, 6), np.array([0, 4, 5, -1], np.int32)
    at = np.clip(starts, 0, 4)
    expected = array.copy()
    for row, start in enumerate(at):
        expected[row, start : start + 2] = [1, 2]
    np.testing.assert_array_equal(cut.eval({x: array, i: starts}), [r[s : s + 2] for r, s in zip(array, at)])
    np.testing.assert_array_equal(put.eval({x: array, i: starts}), expected)


def test_a_block_larger_than_the_tensor_is_an_error() -> None:
    with pytest.raises(lg.ShapeError, match="size and extent of axis 0: found 4 > 3"):
        lg.dynamic_slice([1, 2, 3], [0], (4,))
    with pytest.raises(lg.ShapeError, match="expected 1 starts and sizes, found 2 and 1"):
        lg.dynamic_slice([1, 2, 3], [0, 0], (2,))

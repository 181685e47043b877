"""Windows as views are NumPy's, and what windows share adds up in derivatives, in one compilation for all extents."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view

import lazygraph as lg
from tests.lazygraph.evaluation import evaluate

CASES = [((7,), 3, None), ((4, 5), (2, 3), None), ((4, 5), 3, 1), ((4, 5), (2, 2), (0, 0)), ((3, 4, 5), (2,), 0),
         ((3, 2), (3, 1), (0, -1)), ((2, 0), 1, 0), ((5,), 5, 0)]  # fmt: skip


@pytest.mark.parametrize("shape, window, axis", CASES)
@pytest.mark.parametrize("dtype", [np.bool_, np.int16, np.float32])
def test_windows_are_those_of_numpy(shape: tuple[int, ...], window: Any, axis: Any, dtype: type) -> None:
    array = np.random.default_rng(0).integers(0, 9, shape).astype(dtype)
    found = evaluate(lg.sliding_window_view(array, window, axis))
    assert found.dtype == dtype
    np.testing.assert_array_equal(found, sliding_window_view(array, window, axis))


def test_one_compilation_serves_every_extent_and_its_gradient() -> None:
    x = lg.placeholder((lg.dim("n"), lg.dim("m")), lg.float64, "x")
    view = lg.sliding_window_view(x, (2, 3))
    step = lg.function([x], [view, lg.grad(lg.sum(view**3), x), lg.mean(view, axis=(2, 3))])
    for shape in ((4, 5), (2, 3), (9, 70), (0, 3), (5, 2)):
        array = np.random.default_rng(1).standard_normal(shape)
        values, gradient, means = step(array)
        if shape[0] < 2 or shape[1] < 3:
            assert values.size == 0
            np.testing.assert_array_equal(gradient, np.zeros(shape))
            continue
        expected = sliding_window_view(array, (2, 3))
        np.testing.assert_array_equal(values, expected)
        np.testing.assert_allclose(means, expected.mean((2, 3)), rtol=1e-13, atol=1e-15)
        total = np.zeros(shape)
        for i, j in np.ndindex(2, 3):
            total[i : i + expected.shape[0], j : j + expected.shape[1]] += 3 * expected[:, :, i, j] ** 2
        np.testing.assert_allclose(gradient, total, rtol=1e-13)


def test_windows_that_do_not_fit_are_an_error() -> None:
    with pytest.raises(lg.ShapeError, match="axis 0: a window of 4 is longer than the extent 3"):
        lg.sliding_window_view([1, 2, 3], 4)
    with pytest.raises(lg.ShapeError, match=r"expected a window for each of the axes \(0, 1\), found 1 extents"):
        lg.sliding_window_view(np.zeros((2, 2)), 2)
    with pytest.raises(lg.ShapeError, match="extents are >= 0"):
        lg.sliding_window_view([1, 2, 3], -1)

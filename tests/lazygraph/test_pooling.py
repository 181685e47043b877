"""Pooling against plain loops: strides, padding, dilation, ceil mode, counts, layouts, sizes asked for, derivatives.

In: functions of `lg.nn`. Out: what a loop over the windows of a NumPy array gives; torch gives the same in all of them.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from math import ceil, floor
from typing import Any

import numpy as np
import pytest

import lazygraph as lg

RNG = np.random.default_rng(3)


def windows(
    extent: int, kernel: int, stride: int, padding: int, dilation: int = 1, ceil_mode: bool = False
) -> list[list[int]]:
    """The places of each window along an axis, padding and overhang among them: torch's rule for how many there are."""
    span = extent + 2 * padding - dilation * (kernel - 1) - 1
    count = (ceil if ceil_mode else floor)(span / stride) + 1
    if ceil_mode and (count - 1) * stride >= extent + padding:
        count -= 1
    return [[o * stride - padding + k * dilation for k in range(kernel)] for o in range(count)]


def pooled(
    x: np.ndarray, along: list[list[list[int]]], combine: Callable[[np.ndarray, tuple[list[int], ...]], float]
) -> np.ndarray:
    """combine(elements, places) for each window of the last axes of x."""
    rank = len(along)
    result = np.zeros((*x.shape[:-rank], *map(len, along)))
    for at in np.ndindex(*result.shape):
        places = tuple(each[o] for each, o in zip(along, at[-rank:]))
        inside = [[p for p in each if 0 <= p < n] for each, n in zip(places, x.shape[-rank:])]
        result[at] = combine(x[at[:-rank]][np.ix_(*inside)], places)
    return result


def greatest(elements: np.ndarray, places: tuple[list[int], ...]) -> float:
    return float(np.max(elements, initial=-np.inf))


def mean_of(extents: tuple[int, ...], padding: int, include: bool) -> Callable[[np.ndarray, Any], float]:
    def mean(elements: np.ndarray, places: tuple[list[int], ...]) -> float:
        reach = [(-padding, n + padding) if include else (0, n) for n in extents]
        count = np.prod([sum(low <= p < high for p in each) for each, (low, high) in zip(places, reach)])
        return float(elements.sum() / max(count, 1))

    return mean


SETTINGS = [
    # kernel, stride, padding, dilation, ceil_mode
    (2, None, 0, 1, False),
    (3, 2, 1, 1, False),
    (3, 2, 1, 1, True),
    (2, 3, 1, 1, True),  # a stride greater than the kernel
    (3, 1, 1, 2, False),
    (2, 4, 0, 3, True),
]
EXTENTS = {1: (11,), 2: (7, 8), 3: (5, 4, 6)}


def cases() -> Iterator[tuple[int, Any]]:
    yield from itertools.product((2,), SETTINGS)
    yield from itertools.product((1, 3), SETTINGS[3:4])


def test_values_are_those_of_loops_over_windows_with_extents_known_only_in_the_call() -> None:
    outputs, expected = [], []
    arrays = {rank: RNG.integers(-50, 50, (2, 3, *extents)) / 8 for rank, extents in EXTENTS.items()}
    symbols = {
        rank: lg.placeholder(
            (lg.dim("n"), 3, *(lg.dim(f"s{rank}{axis}") for axis in range(rank))), lg.float64, f"x{rank}"
        )
        for rank in EXTENTS
    }
    for rank, (kernel, stride, padding, dilation, ceil_mode) in cases():
        x, extents = arrays[rank], EXTENTS[rank]
        step = kernel if stride is None else stride
        along = [windows(extent, kernel, step, padding, dilation, ceil_mode) for extent in extents]
        max_pool = getattr(lg.nn, f"max_pool{rank}d")
        outputs.append(max_pool(symbols[rank], kernel, stride, padding, dilation, ceil_mode))
        expected.append(pooled(x, along, greatest))
        along = [windows(extent, kernel, step, padding, 1, ceil_mode) for extent in extents]
        for include in (True, False):
            avg_pool = getattr(lg.nn, f"avg_pool{rank}d")
            outputs.append(avg_pool(symbols[rank], kernel, stride, padding, ceil_mode, include))
            expected.append(pooled(x, along, mean_of(extents, padding, include)))
    found = lg.function(list(symbols.values()), outputs)(*arrays.values())
    for mine, reference in zip(found, expected, strict=True):
        np.testing.assert_allclose(mine, reference, rtol=1e-14)


def parts(extent: int, size: int) -> list[list[int]]:
    return [list(range(i * extent // size, -(-(i + 1) * extent // size))) for i in range(size)]


@pytest.mark.parametrize("known", [True, False])
def test_adaptive_windows_cover_the_axis(known: bool) -> None:
    x = RNG.standard_normal((2, 3, 7, 6))
    shape = x.shape if known else (2, 3, lg.dim("h", min=1), lg.dim("w", min=1))
    symbol = lg.placeholder(shape, lg.float64, "x")
    outputs, expected = [], []
    for height, width in [(1, 1), (7, 3), (3, 4), (9, 2), (None, 5)]:
        along = [parts(7, height or 7), parts(6, width)]
        outputs.append(lg.nn.adaptive_avg_pool2d(symbol, (height, width)))
        expected.append(pooled(x, along, lambda elements, places: float(elements.mean())))
        outputs.append(lg.nn.adaptive_max_pool2d(symbol, (height, width)))
        expected.append(pooled(x, along, greatest))
    for mine, reference in zip(lg.function([symbol], outputs)(x), expected, strict=True):
        np.testing.assert_allclose(mine, reference, rtol=1e-13)


def test_gradients_and_their_gradients_are_those_of_finite_differences() -> None:
    """Overlapping windows, padding and overhang; f = sum sin(pool(x)), |grad f|**2 differentiated again."""
    array, direction = RNG.permutation(60).reshape(1, 2, 5, 6) / 10, RNG.standard_normal((1, 2, 5, 6))
    x = lg.placeholder((lg.dim("n"), 2, 5, 6), lg.float64, "x")
    pools = [
        lg.nn.max_pool2d(x, 3, 2, 1),
        lg.nn.avg_pool2d(x, 3, 2, 1, ceil_mode=True, count_include_pad=False),
        lg.nn.adaptive_avg_pool2d(x, (2, 4)),
        lg.nn.adaptive_max_pool2d(x, (3, 4)),
        lg.nn.lp_pool2d(x + 9, 2, 2),
        lg.nn.local_response_norm(x, 2, alpha=0.5),
    ]
    losses = [lg.sum(lg.sin(each)) for each in pools]
    gradients = [lg.grad(each, x) for each in losses]
    squares = [lg.sum(each * each) for each in gradients]
    second = [lg.grad(each, x) for each in squares]
    values = lg.function([x], [*losses, *squares])
    slopes = lg.function([x], [*gradients, *second])(array)
    ahead, behind = values(array + 1e-6 * direction), values(array - 1e-6 * direction)
    for slope, after, before in zip(slopes, ahead, behind, strict=True):
        np.testing.assert_allclose(np.vdot(slope, direction), (after - before) / 2e-6, rtol=1e-6, atol=1e-7)


def test_of_equals_the_first_in_each_window_has_the_gradient() -> None:
    """Four windows over an image of ones: each chooses its upper left place, as torch does."""
    x = lg.placeholder((1, 1, 3, 3), lg.float32, "x")
    gradient = lg.grad(lg.sum(lg.nn.max_pool2d(x, 2, stride=1)), x)
    np.testing.assert_array_equal(
        gradient.eval({x: np.ones((1, 1, 3, 3), np.float32)}), [[[[1, 1, 0], [1, 1, 0], [0, 0, 0]]]]
    )


def test_layouts_and_single_images_are_the_same_windows() -> None:
    x = RNG.standard_normal((2, 5, 6, 3)).astype(np.float32)
    first = np.moveaxis(x, -1, 1)
    for pool, arguments in [
        (lg.nn.max_pool2d, (3, 2, 1)),
        (lg.nn.avg_pool2d, (3, 2, 1)),
        (lg.nn.adaptive_avg_pool2d, ((2, 3),)),
        (lg.nn.adaptive_max_pool2d, ((4, 1),)),
    ]:
        usual = pool(first, *arguments)
        last = pool(x, *arguments, layout="NHWC")
        single = pool(x[1], *arguments, layout="HWNC")
        found = lg.function([], [usual, last, single])()
        np.testing.assert_allclose(np.moveaxis(found[1], -1, 1), found[0], rtol=1e-6)
        np.testing.assert_allclose(np.moveaxis(found[2], -1, 0), found[0][1], rtol=1e-6)


def test_the_mean_of_halves_is_finite_where_their_sum_is_not() -> None:
    x = np.full((1, 16, 16), 60000, np.float16)
    for mean in (lg.nn.avg_pool2d(x, 16), lg.nn.adaptive_avg_pool2d(x, 1)):
        assert mean.eval() == 60000
        assert mean.dtype == lg.float16


def test_places_of_the_greatest_are_positions_among_the_spatial_axes_and_lead_back() -> None:
    """Every greatest element is found at its place, the first of equals; unpooling puts it there, and its gradient."""
    array = RNG.integers(0, 4, (2, 3, 7, 8)).astype(np.float64)
    x = lg.placeholder((2, 3, lg.dim("h", min=1), lg.dim("w", min=1)), lg.float64, "x")
    values, places = lg.nn.max_pool2d_with_indices(x, 3, 2, 1)
    back = lg.nn.max_unpool2d(values, places, 3, output_size=(x.shape[2], x.shape[3]))
    found = lg.function([x], [values, places, back, lg.grad(lg.sum(back * back), x)])(array)
    along = [windows(extent, 3, 2, 1) for extent in (7, 8)]
    picked = np.take_along_axis(array.reshape(2, 3, -1), found[1].reshape(2, 3, -1), 2).reshape(found[0].shape)
    np.testing.assert_array_equal(picked, pooled(array, along, greatest))
    np.testing.assert_array_equal(found[0], picked)
    for n, c, o, p in np.ndindex(found[1].shape):
        inside = [r * 8 + s for r in along[0][o] if 0 <= r < 7 for s in along[1][p] if 0 <= s < 8]
        assert found[1][n, c, o, p] == next(at for at in inside if array[n, c].flat[at] == found[0][n, c, o, p])
    expected = np.zeros((2, 3, 56))
    np.put_along_axis(expected, found[1].reshape(2, 3, -1), found[0].reshape(2, 3, -1), 2)
    np.testing.assert_array_equal(found[2].reshape(2, 3, 56), expected)
    np.testing.assert_array_equal(found[3], 2 * found[2])
    flat = lg.nn.max_unpool2d(found[0], found[1], 3, 2, 1)
    assert flat.shape == (2, 3, 7, 7)


def test_places_follow_the_layout_and_name_padding_minus_one() -> None:
    array = RNG.standard_normal((2, 5, 4, 3))
    usual = lg.nn.max_pool2d_with_indices(np.moveaxis(array, -1, 1), 2)[1].eval()
    last = lg.nn.max_pool2d_with_indices(array, 2, layout="NHWC")[1].eval()
    np.testing.assert_array_equal(np.moveaxis(last, -1, 1), usual)
    np.testing.assert_array_equal(lg.nn.max_pool1d_with_indices([[1.0, 2.0]], 2, padding=2)[1].eval(), [[-1, 1, -1]])


def test_a_symbolic_kernel_pools_everything() -> None:
    x = lg.placeholder((2, 3, lg.dim("n")), lg.float32, "x")
    array = RNG.standard_normal((2, 3, 5)).astype(np.float32)
    whole = lg.nn.max_pool1d(x, x.shape[2])
    assert whole.shape == (2, 3, 1)
    np.testing.assert_array_equal(whole.eval({x: array}), array.max(2, keepdims=True))


MISTAKES: list[tuple[Callable[[], Any], str]] = [
    (lambda: lg.nn.max_pool2d(lg.ones((3, 3)), 2), r"expected a tensor \(N, C, H, W\) or \(C, H, W\), found \(3, 3\)"),
    (lambda: lg.nn.max_pool2d(lg.ones((1, 3, 3)), 5), "a kernel of 5 with dilation 1 does not fit into 3 elements"),
    (lambda: lg.nn.max_pool2d(lg.ones((1, 3, 3)), (2, 0)), "kernel_size: expected an extent >= 1, or 2 of them"),
    (lambda: lg.nn.avg_pool1d(lg.ones((1, 3)), 2, stride=0), "stride: expected an int >= 1, or 1 of them, found 0"),
    (lambda: lg.nn.avg_pool2d(lg.ones((1, 3, 3)), 2, padding=(1, 2, 3)), "padding: expected a number, 2 numbers"),
    (lambda: lg.nn.max_pool2d(lg.ones((1, 3, 3)), 2, layout="NCWX"), "layout: expected a permutation of NCHW, found"),
    (
        lambda: lg.nn.max_pool1d(lg.ones((1, 9)), lg.dim("k")),
        "stride: expected a number, as the kernel's k is symbolic",
    ),
    (lambda: lg.nn.max_unpool1d([[1.0]], [[0, 1]], 2), r"expected indices of x's shape \(1, 1\), found \(1, 2\)"),
    (lambda: lg.nn.adaptive_avg_pool2d(lg.ones((1, 0, 3)), 2), "axis 1 of .1, 0, 3. is empty"),
    (
        lambda: lg.nn.adaptive_max_pool2d(lg.ones((1, 3, 3)), (2,)),
        "output_size: expected an extent, None, or 2 of them",
    ),
]


@pytest.mark.parametrize("make, sentence", MISTAKES)
def test_a_mistake_is_an_error_that_says_what_was_found(make: Callable[[], Any], sentence: str) -> None:
    with pytest.raises(lg.ShapeError, match=sentence):
        make()

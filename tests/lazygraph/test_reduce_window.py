"""Reductions over windows against the tensor laid out with its gaps and padding, one slice for each window."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import lazygraph as lg

COMBINE = {"sum": (np.sum, 0.0), "prod": (np.prod, 1.0), "max": (np.max, -np.inf), "min": (np.min, np.inf)}
GEOMETRIES: list[tuple[Any, ...]] = [
    # window, strides, padding, input_dilation, window_dilation
    (2, 1, 0, 1, 1),
    ((3, 2), (2, 1), [(1, 2), (0, 1)], 1, 1),
    ((2, 3), 3, [(4, 0), (-1, 2)], (2, 1), (1, 2)),
    ((7, 1), 1, [(-2, -3), (0, 0)], (3, 2), 2),
]


def laid_out(x: np.ndarray, fill: float, padding: Any, gaps: tuple[int, ...]) -> np.ndarray:
    for axis, ((low, high), gap) in enumerate(zip(padding, gaps)):
        spread = np.full([max((n - 1) * gap + 1, 0) if each == axis else n for each, n in enumerate(x.shape)], fill)
        spread[(slice(None),) * axis + (slice(None, None, gap),)] = x
        room = [(max(low, 0), max(high, 0)) if each == axis else (0, 0) for each in range(x.ndim)]
        padded = np.pad(spread, room, constant_values=fill)
        kept = slice(max(-low, 0), padded.shape[axis] - max(-high, 0))
        x = padded[(slice(None),) * axis + (kept,)]
    return x


def reduced(x: np.ndarray, combiner: str, window: Any, strides: Any, padding: Any, gaps: Any, steps: Any) -> np.ndarray:
    combine, identity = COMBINE[combiner]
    window, strides, gaps, steps = (each if isinstance(each, tuple) else (each,) * x.ndim
                                    for each in (window, strides, gaps, steps))  # fmt: skip
    full = laid_out(x, identity, [(padding, padding)] * x.ndim if isinstance(padding, int) else padding, gaps)
    reach = [(taps - 1) * step + 1 for taps, step in zip(window, steps)]
    shape = [max((n - long) // stride + 1, 0) for n, long, stride in zip(full.shape, reach, strides)]
    result = np.zeros(shape)
    for at in np.ndindex(*shape):
        pieces = [slice(o * s, o * s + long, step) for o, s, long, step in zip(at, strides, reach, steps)]
        result[at] = combine(full[tuple(pieces)])
    return result


def test_all_combiners_over_all_geometries_and_extents() -> None:
    x = lg.placeholder((lg.dim("n"), 5), lg.float64, "x")
    wanted = [(combiner, geometry) for combiner in COMBINE for geometry in GEOMETRIES]
    step = lg.function([x], [lg.nn.reduce_window(x, combiner, *geometry) for combiner, geometry in wanted])
    for size in (6, 1, 9):
        array = np.random.default_rng(size).standard_normal((size, 5))
        for found, (combiner, geometry) in zip(step(array), wanted, strict=True):
            np.testing.assert_allclose(found, reduced(array, combiner, *geometry), rtol=1e-12)


def test_mistakes_say_what_was_found() -> None:
    with pytest.raises(ValueError, match="combiner: expected one of sum, prod, max, min, found 'mean'"):
        lg.nn.reduce_window([1, 2], "mean", 2)
    with pytest.raises(lg.ShapeError, match="window: expected an extent >= 1, or 1 of them"):
        lg.nn.reduce_window([1, 2], "sum", (2, 2))

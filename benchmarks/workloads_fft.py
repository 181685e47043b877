"""Fourier transforms, as lazygraph, NumPy, SciPy and torch run them.

In: a row's shape. Out: a call that makes the transform of all axes and returns it. Points are normal random numbers.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.fft

import lazygraph as lg
from benchmarks.workload import Builder, Builders, Call

KINDS = {  # the function, and the dtype of the points
    "fft_complex128": ("fftn", "complex128"),
    "fft_complex64": ("fftn", "complex64"),
    "rfft_float64": ("rfftn", "float64"),
    "rfft_float32": ("rfftn", "float32"),
    "fft_rows": ("fft", "complex128"),
}


def points(dtype: str, shape: tuple[int, ...]) -> np.ndarray:
    rng = np.random.default_rng(0)
    real = rng.standard_normal(shape)
    return (real + 1j * rng.standard_normal(shape) if dtype.startswith("complex") else real).astype(dtype)


def ours(name: str, dtype: str) -> Builder:
    def build(*shape: int) -> Call:
        x, given = lg.placeholder(shape, dtype, "x"), points(dtype, shape)
        run = lg.function([x], getattr(lg.fft, name)(x))
        return lambda: run(given)

    return build


def by(module: Any, convert: Callable[[np.ndarray], Any] = np.asarray) -> Builders:
    """The builders for a module with NumPy's names, whose arrays `convert` makes."""

    def of(name: str, dtype: str) -> Builder:
        def build(*shape: int) -> Call:
            given = convert(points(dtype, shape))
            return lambda: getattr(module, name)(given)

        return build

    return {kind: of(*each) for kind, each in KINDS.items()}


OURS: Builders = {kind: ours(*each) for kind, each in KINDS.items()}
OF_NUMPY = by(np.fft) | {f"{kind}_scipy": build for kind, build in by(scipy.fft).items()}

"""What the workloads of all peers share: the form of a builder, and the arrays that a row's shape stands for.

In: a shape. Out: NumPy arrays, the same for every peer, so that results can be compared.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Call = Callable[[], Any]  # runs a workload once; what it returns is ready
Builder = Callable[..., Call]  # takes a row's shape
Builders = dict[str, Builder]  # by kind
Floats = NDArray[np.float32]


class Classification(NamedTuple):
    x: Floats  # (batch, inputs)
    labels: NDArray[np.int32]  # (batch,)
    weights: list[Floats]  # (inputs, outputs) of each dense layer
    biases: list[Floats]


def array(*shape: int, seed: int = 0) -> Floats:
    return np.random.default_rng(seed).standard_normal(shape, dtype=np.float32)


def classification(batch: int, *widths: int) -> Classification:
    """A batch with random labels, and dense layers drawn from N(0, 1 / inputs)."""
    sizes = list(zip(widths, widths[1:]))
    weights = [array(rows, columns, seed=1 + i) / np.float32(rows**0.5) for i, (rows, columns) in enumerate(sizes)]
    labels = np.random.default_rng(9).integers(0, widths[-1], batch).astype(np.int32)
    return Classification(array(batch, widths[0]), labels, weights, [np.zeros(n, np.float32) for n in widths[1:]])

"""What the workloads of all peers share: the form of a builder, and the arrays that a row's shape stands for.

In: a shape. Out: NumPy arrays, the same for every peer, so that results can be compared.
"""

import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Call = Callable[[], Any]  # runs a workload once; what it returns is ready
Builder = Callable[..., Call]  # takes a row's shape
Builders = dict[str, Builder]  # by kind
Floats = NDArray[np.float32]

TRIPS = 10_000  # of a loop


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


def state(shapes: Mapping[str, Sequence[int]]) -> dict[str, Floats]:
    """The weights of a model by name: matrices and windows from N(0, 1 / inputs), norms as ones and zeros."""
    found = {}
    for name, extents in shapes.items():
        shape = tuple(extents)
        if len(shape) > 1:
            found[name] = array(*shape, seed=zlib.crc32(name.encode())) / np.float32(np.prod(shape[1:]) ** 0.5)
        else:
            found[name] = np.full(shape, name.endswith(("weight", "running_var")), np.float32)
    return found


def images(batch: int, channels: int, side: int, classes: int) -> tuple[Floats, NDArray[np.int32]]:
    """Random images, and a class for each."""
    return array(batch, channels, side, side), np.random.default_rng(9).integers(0, classes, batch).astype(np.int32)


def text(batch: int, length: int, vocabulary: int) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Random tokens, and those that follow them."""
    tokens = np.random.default_rng(9).integers(0, vocabulary, (batch, length + 1)).astype(np.int32)
    return np.ascontiguousarray(tokens[:, :-1]), np.ascontiguousarray(tokens[:, 1:])

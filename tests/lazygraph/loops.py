"""Loops and branches in both of their meanings: by the interpreter, and as machine code on one and two threads.

In: tensors and an array for each placeholder. Out: the arrays of the machine code, held to those of the interpreter,
and to the same bits on any number of threads.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from lazygraph.capture import capture
from tests.lazygraph.evaluation import evaluate
from tests.ops.native import THREADS, compiled, run


def agree(tensors: Sequence[Any], values: Mapping[Any, Any]) -> list[np.ndarray]:
    """The arrays; several sets of values for one compilation go through `Both`."""
    return Both(tensors, list(values))(values)


class Both:
    """Tensors of placeholders, compiled once."""

    def __init__(self, tensors: Sequence[Any], placeholders: Sequence[Any]) -> None:
        self.tensors, self.placeholders = list(tensors), list(placeholders)
        self.artifact = compiled(capture("f", self.placeholders, self.tensors, {}).graph)

    def __call__(self, values: Mapping[Any, Any]) -> list[np.ndarray]:
        expected = evaluate(self.tensors, values)
        arrays = [np.asarray(values[each], each.dtype.numpy) for each in self.placeholders]
        one, two = [run(self.artifact, arrays, threads) for threads in (1, THREADS)]
        for single, double, other in zip(one, two, expected, strict=True):
            assert single.tobytes() == double.tobytes(), "one and two threads give other bits"
            np.testing.assert_allclose(single, other, rtol=1e-9, atol=1e-11)
        return one

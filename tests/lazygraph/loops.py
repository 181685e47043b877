"""Loops and branches in both of their meanings: by the interpreter, and as machine code on one and two threads.

In: tensors and an array for each placeholder. Out: the arrays of the machine code, held to those of the interpreter,
and to the same bits on any number of threads.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

import lazygraph as lg
from tests.lazygraph.evaluation import evaluate


def agree(tensors: Sequence[Any], values: Mapping[Any, Any]) -> list[np.ndarray]:
    expected = evaluate(list(tensors), values)
    arrays = [np.asarray(array, tensor.dtype.numpy) for tensor, array in values.items()]
    one, two = [lg.function(list(values), list(tensors), threads=threads)(*arrays) for threads in (1, 2)]
    for single, double, other in zip(one, two, expected, strict=True):
        assert single.tobytes() == double.tobytes(), "one and two threads give other bits"
        np.testing.assert_allclose(single, other, rtol=1e-9, atol=1e-11)
    found: list[np.ndarray] = one
    return found

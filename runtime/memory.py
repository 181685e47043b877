"""Buffers that compiled code writes: aligned to `ALIGNMENT`, owned by NumPy arrays.

In: a shape and dtype, or a number of bytes. Out: an array whose data pointer divides by the alignment.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from lazygraph.runtime.artifact import ALIGNMENT


def aligned_bytes(count: int) -> NDArray[np.uint8]:
    """`count` bytes, uninitialised."""
    room = np.empty(count + ALIGNMENT, np.uint8)
    start = -address(room) % ALIGNMENT
    return room[start : start + count]


def aligned_empty(shape: Sequence[int], dtype: DTypeLike) -> NDArray[Any]:
    """A C-contiguous array, uninitialised."""
    kind = np.dtype(dtype)
    count = int(np.prod(shape, dtype=object)) * kind.itemsize
    return aligned_bytes(count).view(kind).reshape(shape)


def address(array: NDArray[Any]) -> int:
    """Where the elements lie."""
    return int(array.__array_interface__["data"][0])

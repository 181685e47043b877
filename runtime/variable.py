"""The state behind a variable: an aligned buffer that compiled functions update in place, and its lock.

In: an initial array, which is copied. Out: copies of the present value. Whoever reads or writes the buffer holds the
lock: functions take the locks of all their variables in the order of `number`, so callers take turns and never wait in
a circle.
"""

from __future__ import annotations

import itertools
import os
import threading
import weakref
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lazygraph.runtime.memory import address, aligned_empty

_numbers = itertools.count()
_alive: weakref.WeakSet[VariableState] = weakref.WeakSet()


class VariableState:
    """The value of one variable. Its shape, dtype and address never change."""

    def __init__(self, value: NDArray[Any]) -> None:
        self.number = next(_numbers)
        self.lock = threading.Lock()
        self._buffer = aligned_empty(value.shape, value.dtype)
        self._buffer[...] = value
        _alive.add(self)

    @property
    def shape(self) -> tuple[int, ...]:
        return self._buffer.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        return self._buffer.dtype

    @property
    def address(self) -> int:
        return address(self._buffer)

    def numpy(self) -> NDArray[Any]:
        """A copy of the present value; it waits for a call that is writing."""
        with self.lock:
            return self._buffer.copy()

    def assign(self, value: Any) -> None:
        """Replace the value. ValueError for another shape, TypeError for a dtype that does not cast to this one
        safely.
        """
        array = np.asarray(value)
        if array.shape != self.shape:
            raise ValueError(f"a value of shape {array.shape} is assigned to a variable of shape {self.shape}")
        if not np.can_cast(array.dtype, self.dtype, "same_kind"):
            raise TypeError(f"a value of dtype {array.dtype} is assigned to a variable of dtype {self.dtype}")
        with self.lock:
            self._buffer[...] = array


def _renew_locks() -> None:
    """In a forked child: whoever held a lock was not forked with it."""
    for state in _alive:
        state.lock._at_fork_reinit()  # type: ignore[attr-defined]


os.register_at_fork(after_in_child=_renew_locks)

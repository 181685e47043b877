"""Prints of compiled code: an array in its buffer, shown while the call waits.

In: how each print shows its array. Out: the address of a function that compiled code calls on the thread that entered
it, in the order of the program. It writes to `sys.stdout` as Python's `print` does. An exception in there (a closed
pipe) cancels the call, which raises it. The thread is never Python's main thread, where Ctrl-C could arise before the
first line of the function that catches exceptions.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lazygraph.runtime.artifact import CONTROL_CANCEL, Print, text_of

# void print(context*, control*, int64 number, data*, int64* extents)
_SHOW = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64, ctypes.c_void_p, ctypes.c_void_p)


class Printer:
    """The prints of one function. `address` is what compiled code calls; 0 where nothing is printed."""

    def __init__(self, prints: Sequence[Print]) -> None:
        self._prints = tuple(prints)
        self._failures: dict[int, BaseException] = {}  # by the address of the call's control block
        self._show = _SHOW(self._shown) if prints else None
        self.address = ctypes.cast(self._show, ctypes.c_void_p).value or 0 if self._show else 0

    def failure(self, control: int) -> BaseException | None:
        """What a print of the call with this control block raised, once."""
        return self._failures.pop(control, None)

    def _shown(self, context: int, control: int, number: int, data: int, extents: int) -> None:
        if control in self._failures:
            return
        try:
            each = self._prints[number]
            shape = tuple((ctypes.c_int64 * each.rank).from_address(extents)) if each.rank else ()
            print(text_of(each.text, _copied(each, shape, data)))
        except BaseException as error:  # it cannot pass through compiled code: the call that is cancelled raises it
            self._failures[control] = error
            ctypes.c_int32.from_address(control + CONTROL_CANCEL).value = 1


def _copied(each: Print, shape: tuple[int, ...], data: int) -> NDArray[Any]:
    """The array that lies there."""
    found = np.empty(shape, each.dtype.numpy)
    ctypes.memmove(found.ctypes.data, data, found.nbytes)
    return found

"""The process's thread pool: one for all compiled functions, made again after a fork.

In: the loaded pool code and the number of threads. Out: teams, which are what a function's context names: how many of
the pool's threads it may use. Threads start at the first parallel call.
"""

from __future__ import annotations

import atexit
import ctypes
import os
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from lazygraph.runtime import artifact as layout
from lazygraph.runtime.loader import Loaded
from lazygraph.runtime.memory import address, aligned_bytes

FUNCTIONS = ("lg_pool_bytes", "lg_pool_init", "lg_pool_close", "lg_parallel")

_live: list[Pool] = []


class Pool:
    """`threads` workers, the caller among them."""

    def __init__(self, code: Loaded, threads: int) -> None:
        self.threads = threads
        self.code = code
        self._teams: dict[int, NDArray[np.int64]] = {}
        self._call: dict[str, Callable[..., int]] = {
            "lg_pool_bytes": ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_int64)(code["lg_pool_bytes"]),
            "lg_pool_init": ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64)(code["lg_pool_init"]),
            "lg_pool_close": ctypes.CFUNCTYPE(None, ctypes.c_void_p)(code["lg_pool_close"]),
        }
        self._memory = self._make()
        _live.append(self)

    def _make(self) -> NDArray[np.uint8]:
        memory = aligned_bytes(self._call["lg_pool_bytes"](self.threads))
        self._call["lg_pool_init"](address(memory), self.threads)
        return memory

    @property
    def parallel(self) -> int:
        """The address of `lg_parallel`."""
        return self.code["lg_parallel"]

    def team(self, threads: int) -> int:
        """The address of the team of so many threads."""
        team = self._teams.get(threads)
        if team is None:
            team = np.zeros(layout.TEAM_WORDS, np.int64)
            team[layout.TEAM_POOL] = address(self._memory)
            team[layout.TEAM_THREADS] = threads
            self._teams[threads] = team
        return address(team)

    def renew(self) -> None:
        """Make the pool again without ending its threads: they were not forked with the process."""
        self._memory = self._make()
        for team in self._teams.values():
            team[layout.TEAM_POOL] = address(self._memory)

    def close(self) -> None:
        """End the threads; calls that come later run on their own thread alone."""
        for team in self._teams.values():
            team[layout.TEAM_POOL] = 0
        self._call["lg_pool_close"](address(self._memory))
        _live.remove(self)


def _renew_all() -> None:
    for pool in _live:
        pool.renew()


def _close_all() -> None:
    for pool in list(_live):
        pool.close()


os.register_at_fork(after_in_child=_renew_all)
atexit.register(_close_all)

"""Long calls: they run on a thread of their own while the caller waits and can be interrupted.

In: a function that enters compiled code, and its control block. Out: its result. An exception in the caller (Ctrl-C,
or the progress callback's own) sets the cancel flag, waits until the call has come back, and goes on.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from lazygraph.runtime.record import Control

Progress = Callable[[int, int], Any]  # (steps done, steps to do); trips of a loop within one step
WAKE_SECONDS = 0.05  # between reports of progress, and between looks for a signal that another thread received


def wait_for(enter: Callable[[], int], control: Control, steps: int, progress: Progress | None) -> int:
    """The status of `enter()`, run on another thread."""
    results: list[int] = []
    errors: list[BaseException] = []
    done = threading.Event()

    def work() -> None:
        try:
            results.append(enter())
        except BaseException as error:
            errors.append(error)
        finally:
            done.set()

    thread = threading.Thread(target=work, name="lazygraph call", daemon=True)
    try:
        thread.start()
        while not done.wait(WAKE_SECONDS):
            if progress is not None:
                progress(*control.progress(steps))
    except BaseException:
        control.cancel()
        _wait_uninterrupted(thread, done)
        raise
    if errors:
        raise errors[0]
    if progress is not None:
        progress(*control.progress(steps))
    return results[0]


def _wait_uninterrupted(thread: threading.Thread, done: threading.Event) -> None:
    """Wait although Ctrl-C is pressed again: the call writes into buffers of the caller until it has come back."""
    while thread.is_alive() and not done.is_set():
        try:
            done.wait()
        except KeyboardInterrupt:
            continue

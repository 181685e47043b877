"""A loaded function, ready to be called.

In: an artifact, the states of its variables, the process's adapter and pool. Out: `fast`, a builtin for ordinary
calls, and `run` for everything else: other array layouts, the first call at a size, many steps, errors, and long
calls, which run on a thread of their own while the caller waits, so that it sees Ctrl-C and may report progress.
"""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lazygraph.runtime import artifact as layout
from lazygraph.runtime.arguments import check_output, normalise
from lazygraph.runtime.artifact import Artifact, CheckFailed
from lazygraph.runtime.loader import load
from lazygraph.runtime.memory import address, aligned_bytes, aligned_empty
from lazygraph.runtime.printing import Printer
from lazygraph.runtime.process import Process
from lazygraph.runtime.record import BIG, Code, Control, Record, Words, words
from lazygraph.runtime.variable import VariableState
from lazygraph.runtime.waiting import Progress, wait_for

TOO_LARGE = 2**62  # bytes that no machine has: sizes that do not fit in 64 bits are reported as more than this


class Executable:
    """A compiled function over its variables. Safe to call from several threads."""

    def __init__(
        self,
        artifact: Artifact,
        states: Sequence[VariableState],
        process: Process,
        threads: int,
        *,
        single: bool = False,
    ) -> None:
        self.artifact = artifact
        loaded = load(artifact.object_code, (layout.ENTRY, layout.SOLVE))
        constants = tuple([_constant(each) for each in artifact.constants])
        self._printer = Printer(artifact.prints)
        self._code = Code(artifact, loaded, process, tuple(states), constants, self._printer, threads, single)
        self._solve = ctypes.CFUNCTYPE(ctypes.c_int32, *[ctypes.c_void_p] * 3)(loaded[layout.SOLVE])
        self._idle: list[Record] = []  # for callers that find the quick one taken
        self._quick = Record(self._code, 0, None, [0] * len(artifact.outputs))
        # What the adapter leaves to `run` runs again from its start: that would print twice.
        self.fast: Callable[..., Any] = _left_to_run if artifact.prints else self._quick.call

    @property
    def arena_bytes(self) -> int:
        """The size of the arena that ordinary calls use at present."""
        return self._quick.arena_bytes

    def run(
        self,
        values: Sequence[Any],
        out: Sequence[Any] | None = None,
        steps: int = 1,
        progress: Progress | None = None,
    ) -> list[NDArray[Any]]:
        """`steps` steps over the arguments; the outputs of the last one, written into `out` where it is given."""
        if isinstance(steps, bool) or not isinstance(steps, int | np.integer):
            raise TypeError(f"a number of steps is an int; found {steps!r}")
        if steps < 1:
            raise ValueError(f"a call takes at least 1 step; found {steps}")
        if steps >= 2**63:
            raise ValueError(f"a call takes fewer than 2**63 steps; found {steps}")
        arrays = self.arrays(values)
        descriptors = _describe(arrays)
        solved = self._sizes(descriptors)
        shapes = self._shapes(solved)
        outputs, copies = self._outputs(shapes, out, arrays)
        self._grow(solved, outputs)
        addresses = _filled([address(each) for each in outputs])
        self._call(descriptors, addresses, self._arena_needed(solved), steps, progress)
        for target, source in copies:
            target[...] = source
        return outputs if out is None else list(out)

    def arrays(self, values: Sequence[Any]) -> list[NDArray[Any]]:
        """The arguments as `fast` takes them: Python numbers, lists and other layouts made into arrays."""
        return [normalise(parameter, value) for parameter, value in zip(self.artifact.inputs, values, strict=True)]

    # --- sizes -----------------------------------------------------------------------------------------------------

    def _sizes(self, descriptors: Words) -> Words:
        """Dims, the arena's bytes and the outputs' extents for these inputs. CheckFailed says which extent is wrong."""
        control = Control(self._code.threads)
        solved = words(self._code.result_words)
        self._require_ok(self._solve(address(control.block), address(descriptors), address(solved)), control)
        return solved

    def _arena_needed(self, solved: Words) -> int:
        needed = int(solved[len(self.artifact.dims)])
        if needed >= TOO_LARGE:
            raise MemoryError(f"the call needs {needed} bytes or more for intermediate results")
        return needed

    def _shapes(self, solved: Words) -> list[tuple[int, ...]]:
        shapes, at = [], self._code.output_extents
        for each in self.artifact.outputs:
            shapes.append(tuple(map(int, solved[at : at + len(each.shape)])))
            at += len(each.shape)
        return shapes

    def _outputs(
        self, shapes: Sequence[tuple[int, ...]], out: Sequence[Any] | None, arrays: Sequence[NDArray[Any]]
    ) -> tuple[list[NDArray[Any]], list[tuple[NDArray[Any], NDArray[Any]]]]:
        """Arrays to write, and (offered, written) pairs where the offered one overlaps an input or another output."""
        parameters = self.artifact.outputs
        if out is None:
            return [aligned_empty(shape, each.dtype.numpy) for each, shape in zip(parameters, shapes)], []
        offered = [check_output(each, value, shape) for each, value, shape in zip(parameters, out, shapes, strict=True)]
        outputs: list[NDArray[Any]] = []
        copies = []
        for each in offered:
            if any(np.may_share_memory(each, other) for other in (*arrays, *outputs)):
                outputs.append(aligned_empty(each.shape, each.dtype))
                copies.append((each, outputs[-1]))
            else:
                outputs.append(each)
        return outputs, copies

    def _grow(self, solved: Words, outputs: Sequence[NDArray[Any]]) -> None:
        """Give ordinary calls what this one needs: sizes solved, a larger arena, larger spare buffers."""
        quick, needed = self._quick, self._arena_needed(solved)
        sizes = [each.nbytes if each.nbytes >= BIG else 0 for each in outputs]
        spares = tuple([max(had, wants) for had, wants in zip(quick.spare_bytes, sizes)])
        if not quick.is_solved or needed > quick.arena_bytes or spares != quick.spare_bytes:
            fixed = None if self.artifact.dims else solved
            self._quick = Record(self._code, max(needed, quick.arena_bytes), fixed, spares)
            self.fast = _left_to_run if self.artifact.prints else self._quick.call

    # --- running ---------------------------------------------------------------------------------------------------

    def _call(self, descriptors: Words, outputs: Words, arena: int, steps: int, progress: Progress | None) -> None:
        control = Control(self._code.threads)

        def enter() -> int:
            record = self._quick
            status = record.run(control.block, descriptors, outputs) if record.arena_bytes >= arena else layout.BUSY
            if status == layout.BUSY:
                record = self._spare_record(arena)
                status = record.run(control.block, descriptors, outputs)
                self._idle.append(record)
            return status

        waits = threading.current_thread() is threading.main_thread()
        status = layout.LONG
        if progress is None and not (waits and self.artifact.prints):  # Ctrl-C would arise in the middle of a print
            control.begin(steps, inline=waits)
            status = enter()
        if status == layout.LONG:
            control.begin(steps, inline=False)
            status = wait_for(enter, control, steps, progress)
        self._require_ok(status, control)

    def _spare_record(self, arena: int) -> Record:
        while self._idle:
            try:
                record = self._idle.pop()
            except IndexError:  # another thread took it
                break
            if record.arena_bytes >= arena:
                return record
        return Record(self._code, arena, None, ())

    def _require_ok(self, status: int, control: Control) -> None:
        if status == layout.CHECK_FAILED:
            message = self.artifact.messages[control.failed]
            lines = "".join(f"\n  {frame}" for frame in message.frames)
            raise CheckFailed(message.text.format(*control.values) + lines)
        if status == layout.CANCELLED:
            raise self._printer.failure(address(control.block)) or KeyboardInterrupt
        if status != layout.OK:
            raise RuntimeError(f"compiled code gave status {status}: expected {layout.OK}")


def _left_to_run(*values: Any) -> None:
    """In place of the adapter, for functions that it may not call."""


def _filled(values: Sequence[int]) -> Words:
    table = words(len(values))
    table[: len(values)] = values
    return table


def _describe(arrays: Sequence[NDArray[Any]]) -> Words:
    """{data*, extents*} of each array, as the entry takes them; the extents stand behind, in the same table."""
    extents = [extent for array in arrays for extent in array.shape]
    table = _filled([0] * (2 * len(arrays)) + extents)
    at = address(table) + 16 * len(arrays)
    for number, array in enumerate(arrays):
        table[2 * number], table[2 * number + 1] = address(array), at
        at += 8 * array.ndim
    return table


def _constant(content: bytes) -> NDArray[np.uint8]:
    buffer = aligned_bytes(len(content))
    buffer[:] = np.frombuffer(content, np.uint8)
    return buffer

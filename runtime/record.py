"""Call records: one function's code with one arena, as the native adapter reads them.

In: a loaded function (`Code`), the size of its arena, the sizes of spare buffers for its big outputs. Out: a `Record`,
whose tables only the adapter changes; a call that needs more makes another record. One call at a time is inside a
record.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lazygraph.runtime import artifact as layout
from lazygraph.runtime import interpreter
from lazygraph.runtime.artifact import Artifact
from lazygraph.runtime.loader import Loaded
from lazygraph.runtime.memory import address, aligned_bytes
from lazygraph.runtime.outside import address_of
from lazygraph.runtime.printing import Printer
from lazygraph.runtime.process import Process
from lazygraph.runtime.variable import VariableState

BIG = 1 << 20  # bytes from which an output lies in a spare buffer: below, allocation costs less than the search

Words = NDArray[np.int64]


def words(count: int) -> Words:
    return np.zeros(max(count, 1), np.int64)


@dataclass(frozen=True, eq=False)
class Code:
    """A loaded function: its addresses, constants and variables."""

    artifact: Artifact
    loaded: Loaded
    process: Process
    states: tuple[VariableState, ...]
    constants: tuple[NDArray[np.uint8], ...]
    printer: Printer
    threads: int
    single: bool  # whether one output is returned as itself

    @property
    def output_extents(self) -> int:
        """Where the outputs' extents begin in what `lg_solve` fills."""
        return len(self.artifact.dims) + 1

    @property
    def result_words(self) -> int:
        return self.output_extents + sum(len(each.shape) for each in self.artifact.outputs)


class Control:
    """A control block."""

    def __init__(self, threads: int) -> None:
        self.block = aligned_bytes(layout.CONTROL_BYTES)
        self.block[:] = 0
        self._put(layout.CONTROL_THREADS, threads)

    def _put(self, offset: int, value: int) -> None:
        self.block[offset : offset + 8].view(np.int64)[0] = value

    def begin(self, steps: int, inline: bool) -> None:
        self._put(layout.CONTROL_STEPS, steps)
        self._put(layout.CONTROL_INLINE, inline)

    def cancel(self) -> None:
        self.block[layout.CONTROL_CANCEL : layout.CONTROL_CANCEL + 4].view(np.int32)[0] = 1

    @property
    def failed(self) -> int:
        """The number of the message of the check that failed; -1: none."""
        return int(self.block[layout.CONTROL_ERROR : layout.CONTROL_ERROR + 4].view(np.int32)[0]) - 1

    @property
    def values(self) -> list[int]:
        """The values of the check that failed."""
        return [int(each) for each in self.block[layout.CONTROL_VALUES : layout.CONTROL_PROGRESS].view(np.int64)]

    def progress(self, steps: int) -> tuple[int, int]:
        """How far a call of so many steps is, and where it ends: in steps, or within one step in trips of the outermost
        loop that runs, 0 in all where nobody knows."""
        done, trips = self._word(layout.CONTROL_TRIPS_DONE), self._word(layout.CONTROL_TRIPS)
        return (done, trips) if steps == 1 and (done or trips) else (self._word(layout.CONTROL_PROGRESS), steps)

    def _word(self, offset: int) -> int:
        return int(self.block[offset : offset + 8].view(np.int64)[0])


class Record:
    """Tables for the adapter, and an arena. `solved` is what `lg_solve` found where no extent is symbolic."""

    def __init__(self, code: Code, arena_bytes: int, solved: Words | None, spare_bytes: Sequence[int]) -> None:
        artifact = code.artifact
        self.arena_bytes = arena_bytes
        self.spare_bytes = tuple(spare_bytes)
        self.is_solved = solved is not None or bool(artifact.dims)
        result = words(code.result_words)
        result[len(artifact.dims)] = np.iinfo(np.int64).max  # no arena is large enough before sizes are known
        if solved is not None:
            result[:] = solved
        self._keep: list[Any] = [code, result]
        table = self._words(code, result)
        self.call: Callable[..., Any] = code.process.call.bind(table, self._keep)
        self.run: Callable[[NDArray[np.uint8], Words, Words], int] = code.process.run.bind(table, self._keep)

    # --- tables ----------------------------------------------------------------------------------------------------

    def _kept(self, object: Any) -> Any:
        """The object, which lives as long as the functions that read it."""
        self._keep.append(object)
        return object

    def _table(self, values: Sequence[int]) -> int:
        """The address of a table of words."""
        table = self._kept(words(len(values)))
        table[: len(values)] = values
        return address(table)

    def _words(self, code: Code, result: Words) -> Words:
        artifact = code.artifact
        locks = [state.lock for state in sorted(code.states, key=lambda state: state.number)]
        methods = self._kept([method for lock in locks for method in (lock.acquire, lock.release)])
        record = {
            layout.RECORD_API: address(interpreter.api_table()),
            layout.RECORD_ENTRY: code.loaded[layout.ENTRY],
            layout.RECORD_SOLVE: code.loaded[layout.SOLVE] if artifact.dims else 0,
            layout.RECORD_CONTEXT: self._context(code),
            layout.RECORD_CONTROL: address(self._kept(Control(code.threads).block)),
            layout.RECORD_INPUTS: len(artifact.inputs),
            layout.RECORD_INPUT_SPECS: self._input_specs(artifact),
            layout.RECORD_DESCRIPTORS: self._table([0] * (2 * len(artifact.inputs))),
            layout.RECORD_OUTPUTS: len(artifact.outputs),
            layout.RECORD_OUTPUT_SPECS: self._output_specs(artifact, address(result) + 8 * code.output_extents),
            layout.RECORD_OUTPUT_OBJECTS: self._table([0] * len(artifact.outputs)),
            layout.RECORD_OUTPUT_DATA: self._table([0] * len(artifact.outputs)),
            layout.RECORD_SINGLE: int(code.single),
            layout.RECORD_RESULT: address(result),
            layout.RECORD_ARENA_NEEDED: address(result) + 8 * len(artifact.dims),
            layout.RECORD_LOCKS: len(locks),
            layout.RECORD_LOCK_METHODS: self._table([id(each) for each in methods]),
            layout.RECORD_BIG: BIG,
            layout.RECORD_SPARES: self._spares(len(artifact.outputs)),
        }
        made = words(layout.RECORD_WORDS)
        for word, value in record.items():
            made[word] = value
        return made

    def _context(self, code: Code) -> int:
        artifact, context = code.artifact, words(layout.CONTEXT_WORDS)
        context[layout.CONTEXT_POOL] = code.process.pool.team(code.threads)
        context[layout.CONTEXT_PARALLEL] = code.process.pool.parallel
        context[layout.CONTEXT_ARENA] = address(self._kept(aligned_bytes(self.arena_bytes)))
        context[layout.CONTEXT_ARENA_BYTES] = self.arena_bytes
        context[layout.CONTEXT_VARIABLES] = self._table([each.address for each in code.states])
        context[layout.CONTEXT_CONSTANTS] = self._table([address(each) for each in code.constants])
        context[layout.CONTEXT_THREADS] = code.threads
        context[layout.CONTEXT_PRINT] = code.printer.address
        context[layout.CONTEXT_EXTERNALS] = self._table([address_of(each) for each in artifact.externals])
        return address(self._kept(context))

    def _input_specs(self, artifact: Artifact) -> int:
        specs: list[int] = []
        for each in artifact.inputs:
            extents = self._table([-1 if extent is None else extent for extent in each.shape])
            specs += [id(self._kept(each.dtype.numpy)), len(each.shape), extents, each.dtype.itemsize]
        return self._table(specs)

    def _output_specs(self, artifact: Artifact, at: int) -> int:
        """`at` is where the extents of the first output stand."""
        specs: list[int] = []
        for each in artifact.outputs:
            specs += [id(self._kept(each.dtype.numpy)), len(each.shape), at, each.dtype.itemsize]
            at += 8 * len(each.shape)
        return self._table(specs)

    def _spares(self, outputs: int) -> int:
        """Buffers that this record alone refers to; an output over one refers to it too, and so do views of it."""
        table = [0] * (layout.SPARES * layout.SPARE_WORDS * outputs)
        for number in range(layout.SPARES * len(self.spare_bytes)):
            count = self.spare_bytes[number // layout.SPARES]
            if count:
                room = self._kept(np.empty(count + layout.ALIGNMENT, np.uint8))
                start = address(room) + -address(room) % layout.ALIGNMENT
                table[number * layout.SPARE_WORDS : (number + 1) * layout.SPARE_WORDS] = [id(room), start, count]
        return self._table(table)

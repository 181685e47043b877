"""What the compiler hands to the runtime: plain data, and the layouts that generated code and loaders agree on.

Everything here is part of the binary interface of object code; `ABI` changes whenever a layout does. All words are 8 bytes.
"""

from __future__ import annotations

from dataclasses import dataclass

from lazygraph.runtime.dtypes import DType

ABI = 1
ALIGNMENT = 64  # of the arena, of slots in it, and of variables' buffers

# int32 lg_entry(context*, control*, inputs*, outputs*); inputs: {data*, int64 extents*} each, outputs: data* each
ENTRY = "lg_entry"
# int32 lg_solve(control*, inputs*, int64 result*): result = dims, arena bytes for `threads` in control, outputs' extents
SOLVE = "lg_solve"

# Status of an entry.
OK = 0
CHECK_FAILED = 1  # control.error holds the message id + 1; variables are as before the failing step
CANCELLED = 2  # control.progress holds the whole steps done
ARENA_TOO_SMALL = 3  # control.arena_needed holds the bytes
LONG = 4  # control.inline was set and the estimated work is above LONG_NANOSECONDS: nothing has run
LONG_NANOSECONDS = 10_000_000

# Control block: byte offsets.
CONTROL_CANCEL = 0  # int32, set by another thread
CONTROL_ERROR = 4  # int32, 0 or message id + 1
CONTROL_VALUES = 8  # int64[6], the failing check's values
CONTROL_PROGRESS = 56  # int64, whole steps done
CONTROL_STEPS = 64  # int64, steps to do
CONTROL_ARENA_NEEDED = 72  # int64
CONTROL_INLINE = 80  # int64, 1: return LONG instead of running for long
CONTROL_THREADS = 88  # int64, threads that the arena must serve (for lg_solve)
CONTROL_BYTES = 128

# Context: word numbers.
CONTEXT_POOL = 0  # handed to PARALLEL
CONTEXT_PARALLEL = 1  # void parallel(pool*, kernel*, closure*, int64 total, int64 grain, int32* cancel)
CONTEXT_ARENA = 2
CONTEXT_ARENA_BYTES = 3
CONTEXT_VARIABLES = 4  # data* of each variable
CONTEXT_CONSTANTS = 5  # data* of each constant
CONTEXT_THREADS = 6  # workers that PARALLEL may use, at least 1
CONTEXT_WORDS = 8

# Kernel closure: word numbers. void kernel(closure*, int64 begin, int64 end, int64 worker) runs iterations begin .. end-1.
CLOSURE_CONTROL = 0
CLOSURE_WORKER_SCRATCH = 1  # worker 0's; worker i's lies i * CLOSURE_WORKER_STRIDE bytes on
CLOSURE_WORKER_STRIDE = 2
CLOSURE_SHARED_SCRATCH = 3
CLOSURE_FIRST_MESSAGE = 4  # added to the ids of the kernel's checks
CLOSURE_BUFFERS = 5  # data* of each buffer, then the kernel's dims as int64 in order of their names


@dataclass(frozen=True)
class Parameter:
    """An input, variable, output or constant of compiled code; an extent is None where it is known only at run time."""

    name: str
    dtype: DType
    shape: tuple[int | None, ...]


@dataclass(frozen=True)
class Message:
    """What failed check number i says: a sentence with {0}, {1}, ... for its values, and the user's lines."""

    text: str
    frames: tuple[str, ...]


@dataclass(frozen=True)
class Artifact:
    """A compiled function. `object_code` holds no address, user line or name; `messages` come from the graph at hand."""

    object_code: bytes
    inputs: tuple[Parameter, ...]
    variables: tuple[Parameter, ...]
    outputs: tuple[Parameter, ...]
    constants: tuple[bytes, ...]
    dims: tuple[str, ...]
    messages: tuple[Message, ...]

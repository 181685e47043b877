"""What the compiler hands to the runtime: plain data, and the layouts that generated code and loaders agree on.

Everything here is part of the binary interface of object code; `ABI` changes whenever a layout does. All words are 8
bytes.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from lazygraph.runtime.dtypes import DType

ABI = 4
ALIGNMENT = 64  # of the arena, of slots in it, and of variables' buffers

# int32 lg_entry(context*, control*, inputs*, outputs*); inputs: {data*, int64 extents*} each, outputs: data* each
ENTRY = "lg_entry"
# int32 lg_solve(control*, inputs*, int64 result*): result = dims, arena bytes for control's threads, outputs' extents
SOLVE = "lg_solve"

# What object code may leave to its loader: the compiler and the loader both hold it to this.
MEMORY_SYMBOLS = frozenset({"memcpy", "memmove", "memset"})
POOL_SYMBOLS = frozenset(
    "pthread_mutex_init pthread_mutex_lock pthread_mutex_unlock pthread_cond_init pthread_cond_wait "
    "pthread_cond_signal pthread_cond_broadcast pthread_create pthread_join pthread_sigmask "
    "sched_getcpu sched_getaffinity sched_setaffinity".split()
)

# Status of an entry.
OK = 0
CHECK_FAILED = 1  # control.error holds the message id + 1; variables are as before the failing step
CANCELLED = 2  # control.progress holds the whole steps done
ARENA_TOO_SMALL = 3  # control.arena_needed holds the bytes
LONG = 4  # control.inline was set and it takes longer than LONG_NANOSECONDS: it is as if nothing had run
LONG_NANOSECONDS = 10_000_000

# Status of the Python adapter beside these.
INTERRUPTED = -1  # it left with a Python exception
BUSY = -2  # another call is inside the record: nothing has run

# Control block: byte offsets.
CONTROL_CANCEL = 0  # int32, set by another thread
CONTROL_ERROR = 4  # int32, 0 or message id + 1
CONTROL_VALUES = 8  # int64[6], the failing check's values
CONTROL_PROGRESS = 56  # int64, whole steps done
CONTROL_STEPS = 64  # int64, steps to do
CONTROL_ARENA_NEEDED = 72  # int64
CONTROL_INLINE = 80  # int64, 1: return LONG instead of running for long
CONTROL_THREADS = 88  # int64, threads that the arena must serve (for lg_solve)
CONTROL_TRIPS_DONE = 96  # int64, trips done of the outermost loop that runs
CONTROL_TRIPS = 104  # int64, its trips in all; 0: nobody knows
CONTROL_BYTES = 128

# Context: word numbers.
CONTEXT_POOL = 0  # a team, handed to PARALLEL
CONTEXT_PARALLEL = 1  # void parallel(pool*, kernel*, closure*, int64 total, int64 grain, int32* cancel)
CONTEXT_ARENA = 2
CONTEXT_ARENA_BYTES = 3
CONTEXT_VARIABLES = 4  # data* of each variable
CONTEXT_CONSTANTS = 5  # data* of each constant
CONTEXT_THREADS = 6  # workers that PARALLEL may use, at least 1
CONTEXT_PRINT = 7  # void print(context*, control*, int64 number, data*, int64* extents), on the caller's thread
CONTEXT_EXTERNALS = 8  # address of each outside routine, in the artifact's order; called as Fortran calls it
CONTEXT_WORDS = 9

# Kernel closure: word numbers. void kernel(closure*, int64 begin, int64 end, int64 worker) runs begin .. end-1.
CLOSURE_CONTROL = 0
CLOSURE_WORKER_SCRATCH = 1  # worker 0's; worker i's lies i * CLOSURE_WORKER_STRIDE bytes on
CLOSURE_WORKER_STRIDE = 2
CLOSURE_SHARED_SCRATCH = 3
CLOSURE_FIRST_MESSAGE = 4  # added to the ids of the kernel's checks
CLOSURE_BUFFERS = 5  # data* of each buffer, then the kernel's dims as int64 in order of their names

# Team: word numbers. How many of a pool's threads a function may use; pool null: none but the caller's.
TEAM_POOL = 0
TEAM_THREADS = 1
TEAM_WORDS = 2

# Call record: word numbers. What the Python adapter (`lg_call`, `lg_run`) knows of one function and one arena. Control
# block, descriptors and outputs are those of `lg_call`; `lg_run` is given its own.
RECORD_BUSY = 0  # int64, 1 while a call is inside
RECORD_API = 1  # Python's and NumPy's functions, see API_*
RECORD_ENTRY = 2
RECORD_SOLVE = 3  # null where no extent is symbolic: then `result` is filled already
RECORD_CONTEXT = 4
RECORD_CONTROL = 5
RECORD_INPUTS = 6  # count
RECORD_INPUT_SPECS = 7  # {dtype object*, int64 rank, int64 extents* (-1: any), int64 itemsize} each
RECORD_DESCRIPTORS = 8  # what the entry takes: {data*, extents*} each
RECORD_OUTPUTS = 9  # count
RECORD_OUTPUT_SPECS = 10  # {dtype object*, int64 rank, int64 extents*, int64 itemsize} each; extents lie in `result`
RECORD_OUTPUT_OBJECTS = 11  # room for an object* each
RECORD_OUTPUT_DATA = 12  # data* each, as the entry takes them
RECORD_SINGLE = 13  # 1: return the one output itself, not a tuple
RECORD_RESULT = 14  # what `lg_solve` fills
RECORD_ARENA_NEEDED = 15  # where in `result` the arena's bytes stand
RECORD_LOCKS = 16  # count
RECORD_LOCK_METHODS = 17  # {acquire object*, release object*} of each variable's lock, in one order for all functions
RECORD_BIG = 18  # bytes from which an output lies in a spare buffer
RECORD_SPARES = 19  # {object*, data*, int64 bytes} of SPARES buffers for each output; object null: none
RECORD_WORDS = 20
SPARES = 2  # the buffer that the caller still holds, and the next

SPEC_WORDS = 4
SPARE_WORDS = 3

# The adapter's table of functions: word numbers.
API_SAVE_THREAD = 0  # PyEval_SaveThread
API_RESTORE_THREAD = 1  # PyEval_RestoreThread
API_LONG_FROM_LONG = 2  # PyLong_FromLong
API_TUPLE_NEW = 3  # PyTuple_New
API_TUPLE_SET_ITEM = 4  # PyTuple_SetItem
API_INCREMENT = 5  # Py_IncRef
API_DECREMENT = 6  # Py_DecRef
API_CALL = 7  # PyObject_CallNoArgs
API_NEW_ARRAY = 8  # PyArray_NewFromDescr
API_SET_BASE = 9  # PyArray_SetBaseObject
API_ARRAY_TYPE = 10  # PyArray_Type
API_NONE = 11  # None
API_ERROR_FETCH = 12  # PyErr_Fetch
API_ERROR_RESTORE = 13  # PyErr_Restore
API_WORDS = 14


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
class Print:
    """How print number i shows its array: a label, or a format of one value."""

    text: str
    dtype: DType
    rank: int


def text_of(text: str, value: NDArray[Any]) -> str:
    """What is printed: `label: value`, a matrix below its label, or the format with the value in its place."""
    if "{" in text or "}" in text:
        return text.format(value)
    if not text:
        return str(value)
    return f"{text}:\n{value}" if value.ndim > 1 else f"{text}: {value}"


class CheckFailed(ValueError):
    """A run-time check of the graph failed: extents that disagree, an index out of bounds, a condition the user wrote.

    The message is the check's sentence with its values and the lines of the user that asked for it. Variables hold what
    they held before the failing step.
    """


@dataclass(frozen=True)
class Artifact:
    """A compiled function. `object_code` holds no address, line or name; `messages` come from the graph at hand."""

    object_code: bytes
    inputs: tuple[Parameter, ...]
    variables: tuple[Parameter, ...]
    outputs: tuple[Parameter, ...]
    constants: tuple[bytes, ...]
    dims: tuple[str, ...]
    messages: tuple[Message, ...]
    prints: tuple[Print, ...] = ()
    externals: tuple[str, ...] = ()  # outside routines that it calls: it runs only where these are found


def undefined_symbols(object_code: bytes) -> list[str]:
    """The names that a 64-bit little-endian ELF object leaves to its loader (ELF-64 Object File Format 1.5).

    ValueError for bytes that are not such an object, however they are broken.
    """
    if object_code[:6] != b"\x7fELF\x02\x01":
        raise ValueError("object code is not a 64-bit little-endian ELF file")
    try:
        return _undefined_symbols(object_code)
    except (struct.error, IndexError, UnicodeDecodeError) as error:
        raise ValueError(f"object code is a broken ELF file: {error}") from None


def _undefined_symbols(object_code: bytes) -> list[str]:
    (sections_at,) = struct.unpack_from("<Q", object_code, 0x28)
    size, count = struct.unpack_from("<HH", object_code, 0x3A)
    # Elf64_Shdr: name, type, flags, address, offset, size, link, info, alignment, entry size
    sections = [struct.unpack_from("<IIQQQQIIQQ", object_code, sections_at + size * number) for number in range(count)]
    names: list[str] = []
    for _, kind, _, _, offset, length, link, _, _, entry in sections:
        if kind != 2:  # SHT_SYMTAB
            continue
        text_at = sections[link][4]
        for at in range(offset + entry, offset + length, entry):
            # Elf64_Sym: name, info, other, section, value, size; section 0 is "undefined"
            name, _, _, section = struct.unpack_from("<IBBH", object_code, at)
            if section == 0:
                start = text_at + name
                names.append(object_code[start : object_code.index(b"\0", start)].decode())
    return names

"""What all compiled functions of a process share: the adapter's code and the thread pool.

In: the object code of the pool and the adapter. Out: a `Process`, of which there is one for each such code.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from lazygraph.runtime import interpreter
from lazygraph.runtime.interpreter import Method
from lazygraph.runtime.loader import load
from lazygraph.runtime.pool import FUNCTIONS, Pool

ADAPTER = ("lg_call", "lg_run")


@dataclass(frozen=True, eq=False)
class Process:
    pool: Pool
    call: Method  # checks its arguments and runs one step, or returns None
    run: Method  # runs what its record holds; the result is the entry's status


@cache
def process(object_code: bytes, threads: int) -> Process:
    """Load the code that `compiler.codegen.llvm.support` made; `threads` is the size of the pool."""
    interpreter.probe()
    code = load(object_code, (*FUNCTIONS, *ADAPTER))
    call, run = (interpreter.method(name, code[name]) for name in ADAPTER)
    return Process(Pool(code, threads), call, run)

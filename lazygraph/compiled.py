"""Compiled functions: where the compiler and the runtime meet.

In: placeholders, expressions of them, and new values of variables. Out: a `Function`, one native call per step.
Compilation happens when the function is made, once for all sizes of symbolic dims, or is spared by the object cache.
"""

from __future__ import annotations

import hashlib
import itertools
import warnings
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lazygraph.capture import Captured, capture
from lazygraph.compiler import config
from lazygraph.errors import require_plain_name
from lazygraph.frames import traced
from lazygraph.memory_budget import budget, refusal
from lazygraph.memory_report import MemoryPlan, memory_plan
from lazygraph.state import Variable
from lazygraph.structure import LEAF, Structure, flatten, flatten_like, unflatten

if TYPE_CHECKING:
    from lazygraph.compiler.codegen.llvm.target import Target
    from lazygraph.compiler.ir.dims import Symbol
    from lazygraph.compiler.passes.base import OnPass
    from lazygraph.compiler.pipeline import Budget, Compilation
    from lazygraph.runtime.cache import ObjectCache
    from lazygraph.runtime.executable import Executable
    from lazygraph.runtime.process import Process

__all__ = ["Function", "function"]

Progress = Callable[[int, int], Any]

_dumps = itertools.count()


@traced
def function(
    inputs: Any,
    outputs: Any,
    updates: Mapping[Variable, Any] | None = None,
    *,
    threads: int | None = None,
    max_memory: int | float | str | None = None,
    remat: str | None = None,
    name: str = "function",
) -> Function:
    """Compile a function of placeholders.

    `inputs` is a placeholder or a sequence of arguments, each a placeholder or a nested tuple, list, dict or dataclass
    of them. `outputs` is nested likewise; the function returns NumPy arrays in the same structure. `updates` gives
    variables new values: every right-hand side reads the values from before the call, and no variable changes if a
    check fails. `threads` is how many threads the function may use (default: LAZYGRAPH_NUM_THREADS, or the processors
    this process may run on); results do not depend on it.

    `max_memory` is how much all that a call works on may take (inputs, outputs, variables, constants and intermediate
    results: `memory_plan().peak()`): bytes, a text like "512MiB", or a fraction of what it takes otherwise. What a step
    keeps from its forward to its backward part is computed again as far as needed, with the same bits. Where no plan
    fits, making the function raises MemoryError, which says by how much and who is in the peak. Dims need a greatest
    value, unless it is a fraction. `remat="auto"` computes again, without a limit, what is cheap to: no products.

    `name` is an identifier, for dumps and IR. Raises ValueError for a placeholder that the outputs need and `inputs`
    does not list, ShapeError or DTypeError for an update that does not fit its variable.

    >>> import lazygraph as lg
    >>> x = lg.placeholder((lg.dim("n"),), lg.float32, "x")
    >>> total = lg.variable(0.0, "total", lg.float32)
    >>> add = lg.function([x], x * 2, updates={total: total + lg.sum(x)})
    >>> add([1, 2, 3])
    array([2., 4., 6.], dtype=float32)
    >>> total.numpy()
    array(6., dtype=float32)
    """
    require_plain_name("a function", name)
    arguments = list(inputs) if isinstance(inputs, list | tuple) else [inputs]
    flattened = [flatten(argument) for argument in arguments]
    results, structure = flatten(outputs)
    captured = capture(name, [leaf for leaves, _ in flattened for leaf in leaves], results, updates or {})
    memory = budget(max_memory, remat, _threads(threads), _symbols(captured))
    return Function(captured, tuple([found for _, found in flattened]), structure, threads, memory)


class Function:
    """A compiled function. Call it with arrays, or anything that converts to the placeholders' dtypes without loss."""

    def __init__(
        self,
        captured: Captured,
        arguments: tuple[Structure, ...],
        outputs: Structure,
        threads: int | None,
        memory: Budget | None = None,
    ) -> None:
        self.name = captured.graph.name
        self.variables = captured.variables
        self.threads = _threads(threads)
        self._arguments = arguments
        self._outputs = outputs
        self._names = [value.node["name"] for value in captured.graph.inputs]
        self._plain = len(arguments) if all(each == LEAF for each in arguments) else -1  # arguments that are arrays
        single = outputs == LEAF
        self._as_is = single or (outputs.container is tuple and all(each == LEAF for each in outputs.children))
        self._compilations = 0
        self._compilation = self._compile(captured, memory)
        self._executable = _load(self._compilation, captured, self.threads, single)

    def _compile(self, captured: Captured, memory: Budget | None) -> Compilation:
        self._compilations += 1
        return _compile(captured, memory)

    # --- calling ------------------------------------------------------------------------------------------------------

    def __call__(self, *args: Any, out: Any = None, **named: Any) -> Any:
        """One step: new arrays in the structure of the outputs, or `out` with the results written into it.

        Arguments that are placeholders may be given by their names.
        """
        if len(args) == self._plain and not named and out is None:
            values: Sequence[Any] = args
            offered: Sequence[Any] | None = None
            result = self._executable.fast(*args)
        else:
            values, offered = self._values(args, named), self._offered(out)
            result = self._executable.fast(*values, *(offered or ()))
        if result is None and not all(isinstance(each, np.ndarray) for each in values):
            values = self._executable.arrays(values)
            result = self._executable.fast(*values, *(offered or ()))
        if result is None:
            return self._run(values, offered, 1, None)
        return result if self._as_is else unflatten(self._outputs, result)

    def repeat(self, steps: int, *args: Any, progress: Progress | None = None, out: Any = None, **named: Any) -> Any:
        """That many steps in one native call, on the same arguments; the outputs of the last one.

        Ctrl-C ends it between two steps. `progress(done, steps)` is called some twenty times a second meanwhile; of one
        step it tells trips of the outermost loop that runs, if there is one (in all 0: a `while_loop` without bound).
        """
        return self._run(self._values(args, named), self._offered(out), steps, progress)

    def _run(self, values: Sequence[Any], out: Sequence[Any] | None, steps: int, progress: Progress | None) -> Any:
        return unflatten(self._outputs, self._executable.run(values, out, steps, progress))

    def _offered(self, out: Any) -> list[Any] | None:
        """The arrays of `out`, one per output."""
        return None if out is None else flatten_like(self._outputs, out, "out")

    def _values(self, args: Sequence[Any], named: Mapping[str, Any]) -> list[Any]:
        """One value per placeholder, from arguments by position and by name."""
        if len(args) > len(self._arguments):
            raise TypeError(f"{self.name} takes {len(self._arguments)} arguments; found {len(args)}")
        values: list[Any] = []
        left = dict(named)
        for position, structure in enumerate(self._arguments):
            name = self._names[len(values)] if structure == LEAF else None
            if position < len(args):
                if name in left:
                    raise TypeError(f"{self.name}: argument {name!r} is given twice")
                if name is not None:
                    values.append(args[position])
                    continue
                values += flatten_like(structure, args[position], f"argument {position}")
            elif name in left:
                values.append(left.pop(name))
            else:
                raise TypeError(f"{self.name}: argument {position if name is None else repr(name)} is missing")
        if left:
            unknown = ", ".join(map(repr, left))
            raise TypeError(
                f"{self.name} has no argument {unknown}: expected {', '.join(map(repr, self._names)) or 'none'}"
            )
        return values

    # --- looking inside -----------------------------------------------------------------------------------------------

    @property
    def compilations(self) -> int:
        """How often this function has been compiled, or its code found in the cache: once, whatever sizes it takes."""
        return self._compilations

    def ir(self, stage: str) -> str:
        """The text of a stage of compilation; KeyError names the stages."""
        return self._compilation.text(stage)

    @property
    def stages(self) -> tuple[str, ...]:
        return self._compilation.stage_names

    def dump(self, folder: str | Path) -> None:
        """Write every stage into a folder, numbered in order."""
        self._compilation.dump(Path(folder))

    def memory_plan(self) -> MemoryPlan:
        """What a call works on, as expressions of the dims, and who lives in the arena when: known before it runs."""
        return memory_plan(self._compilation.program, self._compilation.works, self.threads)

    def __repr__(self) -> str:
        return f"<Function {self.name}({', '.join(self._names)})>"


# --- compiling and loading --------------------------------------------------------------------------------------------


def _compile(captured: Captured, memory: Budget | None) -> Compilation:
    from lazygraph.compiler.passes.remat import DoesNotFit
    from lazygraph.compiler.pipeline import Options, compile_graph, compile_last_form
    from lazygraph.linalg.choice import chosen

    options = Options(_target(), lapack=chosen() == "lapack")
    try:
        compilation = compile_graph(captured.graph, options, _watch(captured), memory)
    except DoesNotFit as error:
        assert memory is not None
        best = compile_last_form(error.best.timeline.graph, options)
        plan = memory_plan(best.program, best.works, memory.threads)
        raise refusal(plan, error.best.bytes, error.limit) from None
    solved = {solve.symbol.name for solve in compilation.program.solves}
    for symbol in _symbols(captured):
        if symbol.name not in solved:
            raise ValueError(
                f"dim {symbol.name!r} does not follow from the inputs: expected an input with an axis of extent "
                f"{symbol}, or of a multiple of it plus a number"
            )
    return compilation


def _symbols(captured: Captured) -> list[Symbol]:
    from lazygraph.compiler.ir.print import graph_symbols

    return sorted(graph_symbols(captured.graph), key=lambda symbol: symbol.name)


def _target() -> Target:
    from lazygraph.compiler.codegen.llvm import target

    name = config.read("LAZYGRAPH_TARGET") or "host"
    chosen = target.named(name)
    if name != "host" and name not in target.runnable():
        raise RuntimeError(f"LAZYGRAPH_TARGET is {name}: this host runs {', '.join(target.runnable())}")
    return chosen


def _watch(captured: Captured) -> OnPass:
    """With LAZYGRAPH_VERIFY, every stage is verified, and the values before and after each graph pass are compared."""
    from lazygraph.compiler.passes.base import ignore

    if not config.read("LAZYGRAPH_VERIFY"):
        return ignore
    from lazygraph.compiler.ir.graph import Graph
    from lazygraph.compiler.ir.verify import verify_graph
    from lazygraph.compiler.passes.instrument import CompareValues, Verify, sample_operands, together
    from lazygraph.compiler.program.ir import Program
    from lazygraph.compiler.program.verify import verify_program

    return together(
        Verify({Graph: verify_graph, Program: verify_program}), CompareValues(*sample_operands(captured.graph))
    )


def _load(compilation: Compilation, captured: Captured, threads: int, single: bool) -> Executable:
    from lazygraph.runtime.executable import Executable

    object_code = _cached(compilation.key, lambda: compilation.object_code)
    _dump(compilation, captured.graph.name)
    states = [variable.state for variable in captured.variables]
    return Executable(compilation.artifact(object_code), states, _process(threads), threads, single=single)


def _dump(compilation: Compilation, name: str) -> None:
    folder = config.read("LAZYGRAPH_DUMP")
    if folder:
        compilation.dump(Path(folder) / f"{next(_dumps):03}_{name}")


def _threads(asked: int | None) -> int:
    if not hasattr(asked or 1, "__index__"):
        raise TypeError(f"threads: expected an int, found {asked!r}")
    if asked is not None and asked < 1:
        raise ValueError(f"threads: expected at least 1, found {asked}")
    return asked or _default_threads(config.read("LAZYGRAPH_NUM_THREADS"))


@cache
def _default_threads(wanted: int | None) -> int:
    from lazygraph.runtime.threads import available_threads

    return wanted or available_threads()


def _process(threads: int) -> Process:
    """The process's adapter and pool; a function that asks for more threads than are available gets a larger pool."""
    from lazygraph.compiler.codegen.llvm.support import support_object
    from lazygraph.compiler.codegen.llvm.target import host
    from lazygraph.compiler.pipeline import source_hash
    from lazygraph.runtime.interpreter import HEADER_BYTES
    from lazygraph.runtime.process import process

    target = host()
    key = hashlib.sha256(f"support\n{source_hash()}\n{target}\n{HEADER_BYTES}".encode()).hexdigest()
    code = _cached(key, lambda: support_object(target, HEADER_BYTES))
    return process(code, max(threads, _default_threads(config.read("LAZYGRAPH_NUM_THREADS"))))


def _cached(key: str, compile: Callable[[], bytes]) -> bytes:
    """Object code from the cache, or made and stored there."""
    cache = _open_cache(config.read("LAZYGRAPH_CACHE"), config.read("XDG_CACHE_HOME"))
    found = None if cache is None else cache.get(key)
    if found is not None:
        return found
    made = compile()
    if cache is not None:
        from lazygraph.runtime.cache import CacheError

        try:
            cache.put(key, made)
        except CacheError as error:  # a full disk, for one: the code is at hand all the same
            _warn(error)
    return made


@cache
def _open_cache(setting: str, cache_home: str) -> ObjectCache | None:
    """The cache that LAZYGRAPH_CACHE names; without one, with a warning that says why, where its folder cannot be
    used.
    """
    from lazygraph.runtime.cache import CacheError, ObjectCache, default_folder

    if setting == "off":
        return None
    try:
        return ObjectCache(Path(setting) if setting else default_folder(cache_home))
    except CacheError as error:
        _warn(error)
        return None


def _warn(error: Exception) -> None:
    warnings.warn(f"{error}. Set LAZYGRAPH_CACHE to another folder, or to off", stacklevel=2)

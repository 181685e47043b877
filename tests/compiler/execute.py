"""Runs graphs as machine code in tests, below the user's interface: any runnable target, any number of threads."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from lazygraph.compiler.codegen.llvm.support import support_object
from lazygraph.compiler.codegen.llvm.target import Target, named
from lazygraph.compiler.ir.graph import Graph
from lazygraph.compiler.loop.schedule.machine import Machine
from lazygraph.compiler.pipeline import Compilation, Options, compile_graph
from lazygraph.runtime.executable import Executable
from lazygraph.runtime.process import Process, process
from lazygraph.runtime.variable import VariableState

HEADER = object.__basicsize__
POOL_THREADS = 4


@dataclass(frozen=True)
class Result:
    outputs: tuple[np.ndarray, ...]
    variables: tuple[np.ndarray, ...]


@cache
def support(target: Target) -> Process:
    return process(support_object(target, HEADER), POOL_THREADS)


def compiled(graph: Graph, target: str = "host", opt_level: int = 2) -> Compilation:
    options = Options(named(target), Machine(), opt_level)
    return compile_graph(graph, options)


def execute(
    compilation: Compilation,
    inputs: Sequence[np.ndarray],
    variables: Sequence[np.ndarray] = (),
    threads: int = 1,
    steps: int = 1,
) -> Result:
    """The outputs, and the variables after the call."""
    states = [VariableState(each) for each in variables]
    executable = load(compilation, states, threads)
    outputs = executable.run(list(inputs), steps=steps)
    return Result(tuple(outputs), tuple(state.numpy() for state in states))


def load(compilation: Compilation, states: Sequence[VariableState], threads: int) -> Executable:
    artifact = compilation.artifact(compilation.object_code)
    return Executable(artifact, states, support(replace(named("host"))), threads)

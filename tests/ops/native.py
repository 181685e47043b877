"""Machine code for op tests: compile a graph with the whole pipeline and run it.

In: a graph and arrays. Out: the arrays that the compiled function gives, on a number of threads.
"""

from collections.abc import Sequence
from functools import cache

import numpy as np

from lazygraph.compiler.codegen.llvm.support import support_object
from lazygraph.compiler.codegen.llvm.target import host
from lazygraph.compiler.ir.graph import Graph
from lazygraph.compiler.pipeline import Options, compile_graph
from lazygraph.runtime.artifact import Artifact
from lazygraph.runtime.executable import Executable
from lazygraph.runtime.process import Process, process

THREADS = 2


@cache
def options() -> Options:
    return Options(host())


@cache
def the_process() -> Process:
    return process(support_object(host(), object.__basicsize__), THREADS)


def compiled(graph: Graph) -> Artifact:
    compilation = compile_graph(graph, options())
    return compilation.artifact(compilation.object_code)


def run(artifact: Artifact, arrays: Sequence[np.ndarray], threads: int) -> list[np.ndarray]:
    return Executable(artifact, (), the_process(), threads).run(arrays)

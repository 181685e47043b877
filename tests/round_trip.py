"""Every program that the suite compiles prints and parses back to itself, in all three forms.
`install` wraps the compiler's front door: whatever a test compiles, for whatever reason, is printed, parsed and
compared. Graphs of more than MOST nodes are left to the tests about size, which would otherwise take minutes.
"""

import functools
from typing import Any

from lazygraph.compiler import pipeline
from lazygraph.compiler.ir.parse import parse_graph
from lazygraph.compiler.ir.print import print_graph
from lazygraph.compiler.program.parse import parse_program
from lazygraph.compiler.program.print import print_program

MOST = 3000


def install() -> None:
    original = pipeline.compile_graph

    @functools.wraps(original)
    def compile_and_check(*args: Any, **keywords: Any) -> pipeline.Compilation:
        compilation = original(*args, **keywords)
        if len(compilation.graph.nodes) <= MOST:
            check(compilation)
        return compilation

    pipeline.compile_graph = compile_and_check


def check(compilation: pipeline.Compilation) -> None:
    for text in {print_graph(graph) for _, graph in compilation.stages}:
        assert print_graph(parse_graph(text)) == text
    assert parse_program(print_program(compilation.program)) == compilation.program

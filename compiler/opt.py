"""The driver behind `lazygraph opt`: text of a form in, named passes over it, text out.
In: the text of a graph, a kernel or a program, and pass names: those of the pipeline's graph passes, `program` (which
fuses, orders and plans a graph), `loops` (the kernels of it), and `pipeline` (all graph passes in their order). Out:
the text of what the last pass made. Every stage is verified; golden tests go through here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from lazygraph.compiler.ir.graph import Graph
from lazygraph.compiler.ir.parse import parse_graph
from lazygraph.compiler.ir.print import print_graph
from lazygraph.compiler.ir.text import ParseError
from lazygraph.compiler.ir.verify import verify_graph
from lazygraph.compiler.loop.ir import AnyKernel, Contraction, Kernel
from lazygraph.compiler.loop.parse import parse_kernel
from lazygraph.compiler.loop.print import print_kernel
from lazygraph.compiler.loop.verify import verify_kernel
from lazygraph.compiler.passes.base import run
from lazygraph.compiler.pipeline import GRAPH_PASSES
from lazygraph.compiler.program.build import build
from lazygraph.compiler.program.ir import Program
from lazygraph.compiler.program.parse import parse_program
from lazygraph.compiler.program.print import print_program
from lazygraph.compiler.program.verify import verify_program

Form = Graph | Program | AnyKernel | tuple[AnyKernel, ...]

GRAPH_TO: Mapping[str, Callable[[Graph], Form]] = {
    **{each.name: each for each in GRAPH_PASSES},
    "pipeline": lambda graph: run(graph, GRAPH_PASSES),
    "program": lambda graph: build(graph).program,
    "loops": lambda graph: build(graph).program.kernels,
}


def optimise(text: str, passes: Sequence[str]) -> str:
    """The text after the named passes. ParseError for text of no form, ValueError for a pass that is unknown or does
    not apply."""
    form = read(text)
    verify(form)
    for name in passes:
        if name not in GRAPH_TO:
            raise ValueError(f"unknown pass {name!r}: expected one of {', '.join(GRAPH_TO)}")
        if not isinstance(form, Graph):
            raise ValueError(f"pass {name!r} takes a graph: what stands before it is {_NAMES[type(form)]}")
        form = GRAPH_TO[name](form)
        verify(form)
    return show(form)


def read(text: str) -> Form:
    """The form that the text's first word names."""
    word = text.split(maxsplit=1)[0] if text.split() else ""
    if word not in _READ:
        raise ParseError(f"line 1: expected {', '.join(_READ)}, found {word!r}")
    return _READ[word](text)


def verify(form: Form) -> None:
    match form:
        case Graph():
            verify_graph(form)
        case Program():
            verify_program(form)
        case tuple():
            for kernel in form:
                verify_kernel(kernel)
        case _:
            verify_kernel(form)


def show(form: Form) -> str:
    match form:
        case Graph():
            return print_graph(form)
        case Program():
            return print_program(form)
        case tuple():
            return "\n".join(map(print_kernel, form))
    return print_kernel(form)


_NAMES = {Program: "a program", Kernel: "a kernel", Contraction: "a kernel", tuple: "kernels"}
_READ: Mapping[str, Callable[[str], Form]] = {
    "graph": parse_graph,
    "kernel": parse_kernel,
    "contract": parse_kernel,
    "program": parse_program,
}

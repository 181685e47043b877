"""What holds for every program in all three forms: valid, printed the same twice, parsed back to itself."""

from hypothesis import given, settings

from lazygraph.compiler.ir.parse import parse_graph
from lazygraph.compiler.ir.print import print_graph
from lazygraph.compiler.ir.verify import verify_graph
from lazygraph.compiler.loop.parse import parse_kernel
from lazygraph.compiler.loop.print import print_kernel
from lazygraph.compiler.passes.base import run
from lazygraph.compiler.pipeline import GRAPH_PASSES
from lazygraph.compiler.program.build import build
from lazygraph.compiler.program.parse import parse_program
from lazygraph.compiler.program.print import print_program
from lazygraph.compiler.program.verify import verify_program
from tests.compiler.random_graphs import Case, cases


@settings(max_examples=settings.default.max_examples // 2)
@given(cases())
def test_graphs_print_and_parse_back_after_every_pass(case: Case) -> None:
    def look(name: str, before: object, after: object) -> None:
        verify_graph(after)
        text = print_graph(after)
        again = parse_graph(text)
        verify_graph(again)
        assert print_graph(again) == text

    run(case.graph, GRAPH_PASSES, look)


@settings(max_examples=settings.default.max_examples // 2)
@given(cases())
def test_programs_and_kernels_print_and_parse_back(case: Case) -> None:
    program = build(run(case.graph, GRAPH_PASSES)).program
    verify_program(program)
    assert parse_program(print_program(program)) == program
    for kernel in program.kernels:
        assert parse_kernel(print_kernel(kernel)) == kernel
        assert print_kernel(parse_kernel(print_kernel(kernel))) == print_kernel(kernel)


@settings(max_examples=settings.default.max_examples // 2)
@given(cases())
def test_a_program_is_built_the_same_twice(case: Case) -> None:
    graph = run(case.graph, GRAPH_PASSES)
    assert print_program(build(graph).program) == print_program(build(graph).program)

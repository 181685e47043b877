"""On random graphs every pass keeps every value, and a second run of all passes changes nothing.

In: random graphs of every kind of op. Out: their values from the interpreter before and after each pass.
"""

from hypothesis import given, settings

from lazygraph.compiler.ir.graph import Graph
from lazygraph.compiler.ir.verify import verify_graph
from lazygraph.compiler.passes.base import run
from lazygraph.compiler.passes.canonicalize import Canonicalize
from lazygraph.compiler.passes.cse import MergeEqual
from lazygraph.compiler.passes.dead_code import DropDead
from lazygraph.compiler.passes.fold import Fold
from lazygraph.compiler.passes.gradient_stops import DropGradientStops
from lazygraph.compiler.passes.instrument import CompareValues, Verify, together
from lazygraph.compiler.passes.stability import Stabilize
from tests.compiler.random_graphs import Case, cases

PASSES = (MergeEqual(), Canonicalize(), Stabilize(), DropGradientStops(), Fold(), DropDead())


@settings(max_examples=settings.default.max_examples // 2)
@given(cases())
def test_every_pass_keeps_every_value(case: Case) -> None:
    look = together(Verify({Graph: verify_graph}), CompareValues(case.inputs, case.variables))
    graph = run(case.graph, PASSES, look)
    assert run(graph, PASSES).results == graph.results

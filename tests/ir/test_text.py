"""Text of graphs: what the suite's programs do not show by themselves.

In: the smallest graphs whose text could lose something. Out: those that do not parse back.
"""

import lazygraph.compiler.ops  # noqa: F401  (fills the table of records)
from lazygraph.compiler.ir.dims import symbol
from lazygraph.compiler.ir.graph import Graph
from lazygraph.compiler.ir.parse import parse_graph
from lazygraph.compiler.ir.print import print_graph
from lazygraph.compiler.ops.compose import emit
from lazygraph.compiler.ops.leaf import new_parameter
from lazygraph.runtime.dtypes import float32


def test_a_dim_that_only_an_attribute_names_is_declared() -> None:
    n, k = symbol("n"), symbol("k", 0, 5)
    x = new_parameter("x", float32, (n + 10,))
    text = print_graph(Graph("f", (x,), (emit("slice", x, starts=(k,), stops=(k + 3,), steps=(1,)),)))
    assert "where k >= 0 <= 5, n >= 0 {" in text
    assert print_graph(parse_graph(text)) == text

"""How the compiler's time grows with the graph: every stage over a chain and its gradient, from 1,000 to 100,000 nodes.

In: sizes. Out: for each, the nodes that there are and the seconds that each stage takes. Time linear in the size is a
constant time per node.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

import lazygraph as lg
from lazygraph.compiler.ir.graph import Graph, interned
from lazygraph.compiler.ir.print import print_graph
from lazygraph.compiler.passes.base import run
from lazygraph.compiler.pipeline import GRAPH_PASSES

TITLE = "Graph size"
NOTE = "A chain y = tanh(y) x + y and its gradient: microseconds per node of each stage, as the graph grows."
SIZES = (1_000, 3_000, 10_000, 30_000, 100_000)

T = TypeVar("T")


@dataclass
class Point:
    """`nodes` after capture, gradient included; `seconds` by stage."""

    nodes: int = 0
    seconds: dict[str, float] = field(default_factory=dict)

    def timed(self, stage: str, function: Callable[[], T]) -> T:
        begin = time.perf_counter()
        result = function()
        self.seconds[stage] = time.perf_counter() - begin
        return result


def chain(x: lg.Tensor, links: int) -> lg.Tensor:
    y = x
    for _ in range(links):
        y = lg.tanh(y) * x + y
    return y


def through_all_stages(links: int) -> Point:
    point = Point()
    x = lg.placeholder((16,), lg.float32, "x")
    y = point.timed("build", lambda: lg.sum(chain(x, links)))
    gradient = point.timed("differentiate", lambda: lg.grad(y, x))
    whole = Graph("chain", (x.value,), (y.value, gradient.value))
    graph = point.timed("capture", lambda: interned(whole))
    point.nodes = len(graph.nodes)
    optimised = point.timed("optimise", lambda: run(graph, GRAPH_PASSES))
    point.timed("print", lambda: print_graph(optimised))
    return point


def measure() -> list[Point]:
    """A point per size; the links that make a size follow from two small graphs."""
    ten, hundred = through_all_stages(10), through_all_stages(100)
    per_link = (hundred.nodes - ten.nodes) / 90
    return [through_all_stages(round(size / per_link)) for size in SIZES]

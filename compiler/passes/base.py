"""What a pass is: a name and a pure function from program to program, of any of the three forms.

In: a program, the passes in order, and one callback that looks on. Out: the last program. Whatever wants to see the
stages (verify, time, dump, compare: `instrument.py`) is a callback; a pass knows nothing of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Protocol

from lazygraph.compiler.ir.graph import Graph

OnPass = Callable[[str, Any, Any], None]  # on_pass(name, before, after)


class Pass(Protocol):
    """A frozen dataclass: `name`, and a pure function from graph to graph."""

    @property
    def name(self) -> str: ...

    def __call__(self, graph: Graph) -> Graph: ...


def ignore(name: str, before: Any, after: Any) -> None:
    """The callback that looks away."""


def run(graph: Graph, passes: Iterable[Pass], on_pass: OnPass = ignore) -> Graph:
    """The graph after every pass, each shown to the callback."""
    for each in passes:
        after = each(graph)
        on_pass(each.name, graph, after)
        graph = after
    return graph

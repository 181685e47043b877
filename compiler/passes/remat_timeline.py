"""When everything of a graph is computed, and what lives beside each launch.

In: a graph and its launches in order, as it would run. Out: a `Timeline`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from lazygraph.compiler.ir.graph import Graph, Node, Value
from lazygraph.compiler.ir.nominal import nominal_bytes
from lazygraph.compiler.loop.fuse import is_leaf


@dataclass(frozen=True)
class Launched:
    """What a launch reads and writes, and whether it can fail a check or prints."""

    reads: tuple[Value, ...]
    writes: tuple[Value, ...]
    early: bool


@dataclass(frozen=True, eq=False)
class Timeline:
    graph: Graph
    launches: tuple[Launched, ...]

    @cached_property
    def stored(self) -> dict[Value, int]:
        """The values that a launch writes, and which launch."""
        return {value: number for number, each in enumerate(self.launches) for value in each.writes}

    @cached_property
    def when(self) -> dict[Node, int]:
        """The launch that computes each node: of what is not stored, the first that reads it; -1 for leaves."""
        users = self.graph.users
        found: dict[Node, int] = {}
        for node in reversed(self.graph.nodes):
            own = [self.stored[value] for value in node.outputs if value in self.stored]
            if is_leaf(node.outputs[0]):
                found[node] = -1
            elif own:
                found[node] = min(own)
            else:
                read = [found[user] for value in node.outputs for user in users[value]]
                found[node] = min(read, default=len(self.launches))
        return found

    @cached_property
    def last_read(self) -> dict[Value, int]:
        """The last launch that reads each stored value."""
        found = dict(self.stored)
        for number, each in enumerate(self.launches):
            for value in each.reads:
                if value in found and not is_leaf(value):
                    found[value] = number
        return found

    @cached_property
    def temporary(self) -> dict[Value, int]:
        """The stored values that live in the arena, and their bytes."""
        elsewhere = {*self.graph.outputs, *[new for _, new in self.graph.updates]}
        return {value: nominal_bytes(value) for value in self.stored if value not in elsewhere and not is_leaf(value)}

    @cached_property
    def live(self) -> Sequence[int]:
        """Bytes beside each launch."""
        changes = [0] * (len(self.launches) + 1)
        for value, size in self.temporary.items():
            changes[self.stored[value]] += size
            changes[self.last_read[value] + 1] -= size
        total, found = 0, []
        for change in changes[:-1]:
            total += change
            found.append(total)
        return found

    @cached_property
    def turn(self) -> int:
        """The launch beside which most lives."""
        return max(range(len(self.live)), key=lambda number: self.live[number], default=0)

    def before(self, launch: int) -> Value | None:
        """A value in the arena that a launch before this one writes: the last such launch's."""
        for number in range(min(launch, len(self.launches)) - 1, -1, -1):
            for value in self.launches[number].writes:
                if value in self.temporary:
                    return value
        return None

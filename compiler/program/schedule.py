"""In which order units run, so that little is live at a time.

In: units, which ones each waits for, which run after the commit, and what the results of each occupy. Out: the units in
an order. It is found from the end: going backwards, a unit ends the lives of its results and begins those of its
operands, so the one that leaves the least alive goes next. What frees memory that way runs as late as it can: copies
that are computed again, what few read. What does not, such as the gradient of a weight, which only begins lives, runs
as early as it can, in the order of the longest ways to the units. Sizes that depend on dims are those at one
example.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Mapping, Sequence, Set

from lazygraph.compiler.ir.graph import Value
from lazygraph.compiler.program.units import Unit

Size = Callable[[Value], int]  # bytes of a temporary, 0 for what has a place of its own
_Key = tuple[int, int, int, int]


def least_live(units: Sequence[Unit], waits: Mapping[Unit, Sequence[Unit]], late: Set[Unit], size: Size) -> list[Unit]:
    """A topological order in which the units of `late` are last."""
    backwards = _Backwards(units, waits, size)
    found = backwards.run([number for number, unit in enumerate(units) if unit in late])
    found += backwards.run(range(len(units)))
    return [units[number] for number in reversed(found)]


class _Backwards:
    """The state of a walk from the last unit to the first; units are numbered."""

    def __init__(self, units: Sequence[Unit], waits: Mapping[Unit, Sequence[Unit]], size: Size) -> None:
        numbers = {unit: number for number, unit in enumerate(units)}
        self.sources = [tuple({numbers[each]: None for each in waits[unit]}) for unit in units]
        self.writes = [unit.lowered.writes for unit in units]
        temporaries = {value for written in self.writes for value in written if size(value)}
        self.reads = [tuple([value for value in dict.fromkeys(unit.reads) if value in temporaries]) for unit in units]
        self.readers: dict[Value, list[int]] = {value: [] for value in temporaries}
        for number, read in enumerate(self.reads):
            for value in read:
                self.readers[value].append(number)
        self.size = size
        self.depth = self._depths(units)
        self.followers = [0] * len(units)  # that have not run yet
        for each in (source for own in self.sources for source in own):
            self.followers[each] += 1
        self.live: set[Value] = set()
        self.left = set(range(len(units)))

    def _depths(self, units: Sequence[Unit]) -> list[int]:
        """The number of units on the longest way to each."""
        depths = [0] * len(units)
        for number in sorted(range(len(units)), key=lambda number: units[number].rank):
            depths[number] = 1 + max([depths[each] for each in self.sources[number]], default=0)
        return depths

    def run(self, among: Sequence[int]) -> list[int]:
        """Those of these units that are left, the last one first."""
        wanted = self.left.intersection(among)
        heap = [self._key(each) for each in wanted if not self.followers[each]]
        heapq.heapify(heap)
        found: list[int] = []
        while heap:
            key = heapq.heappop(heap)
            number = -key[-1]
            if number not in self.left or key != self._key(number):
                continue  # it has run, or entered again at less cost
            self.left.remove(number)
            found.append(number)
            cheaper = self._step(number)
            for each in self.sources[number]:
                self.followers[each] -= 1
                cheaper.append(each)
            for each in cheaper:
                if each in wanted and each in self.left and not self.followers[each]:
                    heapq.heappush(heap, self._key(each))
        return found

    def _step(self, number: int) -> list[int]:
        """Its results are no longer live, its operands are; gives the other readers of these."""
        self.live.difference_update(self.writes[number])
        begun = [value for value in self.reads[number] if value not in self.live]
        self.live.update(begun)
        return [reader for value in begun for reader in self.readers[value]]

    def _key(self, number: int) -> _Key:
        """The order in which units are taken: by what they leave alive where that is no more, else by depth."""
        begins = sum([self.size(value) for value in self.reads[number] if value not in self.live])
        ends = sum([self.size(value) for value in self.writes[number] if value in self.live])
        left = begins - ends
        place = -self.depth[number], -number
        return (0, left, *place) if left <= 0 else (1, place[0], left, place[1])

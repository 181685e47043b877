"""Rematerialization: what a step keeps from its forward to its backward part is computed again, to fit in memory.

In: a graph in its last form, a budget in bytes, and a way to plan a graph. Out: a graph that computes the same bits and
whose plan fits; `DoesNotFit` where none is found. The plan's peak is the turn from forward to backward. Behind it,
1. what takes no product is computed again where that is cheaper than keeping it (`remat_cut.py`);
2. where that is not enough, the launches before the turn are cut into segments, at moments where little is read across.
   What is read across is kept, all else in a segment is computed again when its backward part begins, products too. The
   first segments are the ones whose values are kept longest, so as few of them as fit are treated like that;
3. where that is not enough either, what is left is looked at likewise, about the peak that it has now.
P. Briggs, K. D. Cooper, L. Torczon, "Rematerialization", 1992; T. Chen, B. Xu, C. Zhang, C. Guestrin, "Training deep
nets with sublinear memory cost", 2016.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil

from lazygraph.compiler.ir.graph import Graph, Value
from lazygraph.compiler.passes.remat_copies import gradients_apart, with_copies
from lazygraph.compiler.passes.remat_cut import Recipe, computed_again, recipes
from lazygraph.compiler.passes.remat_timeline import Timeline

CHEAP = 5  # thousandths of bytes that a picosecond costs, where time counts
ROUNDS = 3
GUESSES = 3
SEGMENTS = (2, 4, 8, 12, 16, 24, 32, 48, 64)


@dataclass(frozen=True)
class Planned:
    """A graph, when its launches are, and all the bytes that a call works on."""

    timeline: Timeline
    bytes: int


class DoesNotFit(MemoryError):
    """No plan was found within the limit; `best` is the smallest."""

    def __init__(self, best: Planned, limit: int) -> None:
        super().__init__(f"{best.bytes} bytes are needed, and {limit} are allowed")
        self.best = best
        self.limit = limit


@dataclass(frozen=True)
class Rematerialize:
    """Compute again, so that the plan has at most `budget` bytes, or that part (a float) of what it has without; where
    no budget is given, what is cheap to compute again."""

    budget: int | float | None
    plan: Callable[[Graph], Planned]
    name: str = "rematerialize"

    def __call__(self, graph: Graph) -> Graph:
        first = self.plan(graph)
        limit = int(self.budget * first.bytes) if isinstance(self.budget, float) else self.budget
        if limit is not None and first.bytes <= limit:
            return graph
        current = self.plan(gradients_apart(graph))
        best = min(first, current, key=_bytes)
        for _ in range(ROUNDS):
            search = _Search(current.timeline, self.plan)
            cheap = search.planned(())
            best = min(best, cheap, key=_bytes)
            if limit is None or best.bytes <= limit:
                return best.timeline.graph
            current = _in_segments(search, cheap, limit)
            if current.bytes <= limit:
                return current.timeline.graph
            if current.bytes >= best.bytes:
                break
            best = current  # its peak is elsewhere: the next round looks there
        assert limit is not None
        raise DoesNotFit(best, limit)


def _bytes(planned: Planned) -> int:
    return planned.bytes


def _in_segments(search: _Search, cheap: Planned, limit: int) -> Planned:
    """A plan with few segments computed again that fits; the smallest one where none does."""
    smallest = cheap
    for borders in search.candidates():
        whole = search.planned(borders)
        if whole.bytes <= limit:
            return _fewest(search, borders, cheap.bytes, whole, limit)
        smallest = min(smallest, whole, key=_bytes)
    return smallest


def _fewest(search: _Search, borders: Sequence[int], without: int, fits: Planned, limit: int) -> Planned:
    """How many of the first segments are enough, about: bytes fall evenly with them, nearly, so a few guesses do."""
    low, high = 0, len(borders)
    for _ in range(GUESSES):
        if high - low <= 1:
            break
        share = (without - limit) / max(1, without - fits.bytes)
        middle = min(max(low + 1, low + ceil(share * (high - low))), high - 1)
        found = search.planned(borders[:middle])
        if found.bytes <= limit:
            high, fits = middle, found
        else:
            low, without = middle, found.bytes
    return fits


class _Search:
    def __init__(self, timeline: Timeline, plan: Callable[[Graph], Planned]) -> None:
        self.time = timeline
        self.plan = plan
        self.known = recipes(timeline, timeline.turn)
        self._across = self._read_across()

    def planned(self, borders: Sequence[int]) -> Planned:
        """The plan with everything before the last border computed again but what is read across a border."""
        graph = with_copies(self.time.graph, self.time, self.time.turn, self.again(borders))
        return self.plan(graph)

    def again(self, borders: Sequence[int]) -> set[Value]:
        last = borders[-1] if borders else -1

        def price(value: Value, recipe: Recipe) -> int | None:
            made = self.time.stored[value]
            if made > last:
                return None if recipe.has_product else CHEAP * recipe.picoseconds
            crosses = any([made <= border < self.last_forward[value] for border in borders])
            return None if crosses else 0

        return computed_again(self.time, self.time.turn, self.known, price)

    def _read_across(self) -> list[int]:
        """Bytes that each launch before the turn leaves for later ones before the turn."""
        self.last_forward = dict(self.time.stored)
        for number in range(self.time.turn + 1):
            for value in self.time.launches[number].reads:
                if value in self.last_forward:
                    self.last_forward[value] = number
        changes = [0] * (self.time.turn + 2)
        for value, size in self.time.temporary.items():
            if self.time.stored[value] < self.last_forward[value]:
                changes[self.time.stored[value]] += size
                changes[self.last_forward[value]] -= size
        found, total = [], 0
        for change in changes:
            total += change
            found.append(total)
        return found

    def candidates(self) -> list[list[int]]:
        """Borders of segments that each hold an equal part of what is kept, at the moments nearby where least is read
        across: for more and more segments, the ones that promise the lowest peak first."""
        found: list[list[int]] = []
        for count in SEGMENTS:
            borders = self._borders(count)
            if borders and borders not in found:
                found.append(borders)
        return sorted(found, key=self._estimate)[:4]

    def _borders(self, count: int) -> list[int]:
        turn = self.time.turn
        kept = [0] * (turn + 1)
        for value, size in self.time.temporary.items():
            if self.time.stored[value] <= turn < self.time.last_read[value]:
                kept[self.time.stored[value]] += size
        total, sums = 0, []
        for size in kept:
            total += size
            sums.append(total)
        half = max(1, turn // (2 * count))
        borders: dict[int, None] = {}
        for part in range(1, count):
            near = next(number for number, each in enumerate(sums) if each * count >= total * part)
            nearby = range(max(0, near - half), min(turn, near + half) + 1)
            borders[min(nearby, key=lambda number: (self._across[number], abs(number - near)))] = None
        return sorted(borders)

    def _estimate(self, borders: Sequence[int]) -> int:
        """What the borders keep, and the largest segment, which is there as a whole when its backward part begins."""
        again = self.again(borders)
        kept, parts = 0, [0] * (len(borders) + 1)
        for value, size in self.time.temporary.items():
            made = self.time.stored[value]
            if made <= self.time.turn < self.time.last_read[value]:
                segment = sum(border < made for border in borders)
                if value not in again:
                    kept += size
                parts[segment] += size
        return kept + max(parts)

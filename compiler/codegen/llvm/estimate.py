"""How long a call will take, before it runs: the entry refuses to run for long in a thread that must not wait.

In: steps, and the work of their kernels. Out: picoseconds as a double, in straight-line code. A `while` without a bound
is given fuel instead, where it comes before the commit: when that is used up the call comes back and is made again on
another thread, and nothing has been written that counts. Behind the commit such a loop counts as endless.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lazygraph.compiler.codegen.llvm.extents import Extents
from lazygraph.compiler.codegen.llvm.text import Function
from lazygraph.compiler.ir import dims
from lazygraph.compiler.loop.work import Work
from lazygraph.compiler.program.ir import (
    Choose,
    Commit,
    External,
    Launch,
    Repeat,
    RepeatWhile,
    Step,
    every_step,
    inner_steps,
)

FUEL = 1_000_000_000  # picoseconds of all loops without a bound that a call spends before it comes back
_ENDLESS = "1.0e18"  # trips
_LAUNCH = 5000.0  # picoseconds of a launch


class Estimate:
    def __init__(self, f: Function, extents: Extents, works: Mapping[str, Work]) -> None:
        self.f = f
        self.extents = extents
        self.works = works
        self._times: dict[str, str] = {}

    def time(self, steps: Sequence[Step], fuelled: str) -> str:
        """Of all steps; `fuelled` is how often a loop that has fuel is said to run."""
        at = next((place for place, step in enumerate(steps) if isinstance(step, Commit)), len(steps))
        return self._sum(self._merged([self._launches(steps[:at], fuelled), self._launches(steps[at:], _ENDLESS)]))

    def trip(self, loop: RepeatWhile) -> str:
        """Of one trip of a loop with fuel, without the loops inside that have their own."""
        return self._sum(self._launches((*loop.head, *loop.body), "1.0"))

    def _sum(self, launches: Mapping[str, str]) -> str:
        total = "0.0"
        for name, count in launches.items():
            total = self._binary("fadd", total, self._binary("fmul", self._time(name), count))
        return total

    def _time(self, kernel: str) -> str:
        if kernel not in self._times:
            total = f"{_LAUNCH:e}"
            for phase in self.works[kernel].phases:
                total = self._binary("fadd", total, self.extents.time(dims.multiply(phase.total, phase.picoseconds)))
            self._times[kernel] = total
        return self._times[kernel]

    def _launches(self, steps: Sequence[Step], endless: str) -> dict[str, str]:
        """How often each kernel runs, as a double."""
        found: list[dict[str, str]] = []
        for step in steps:
            match step:
                case Launch():
                    found.append({step.kernel: "1.0"})
                case External():
                    found.append({self._outside(step): "1.0"})
                case Repeat() | RepeatWhile():
                    trips = self._trips(step, endless)
                    inside = self._merged([self._launches(each, endless) for each in inner_steps(step)])
                    found.append({name: self._binary("fmul", trips, count) for name, count in inside.items()})
                case Choose():
                    found += [self._launches(each, endless) for each in step.branches]
        return self._merged(found)

    def _outside(self, step: External) -> str:
        """What the time of a call is known by: no kernel's name holds a bracket."""
        name = f"{step.routine}({step.picoseconds})"
        if name not in self._times:
            self._times[name] = self.extents.time(step.picoseconds)
        return name

    def _merged(self, counts: Sequence[Mapping[str, str]]) -> dict[str, str]:
        found: dict[str, str] = {}
        for each in counts:
            for name, count in each.items():
                found[name] = self._binary("fadd", found[name], count) if name in found else count
        return found

    def _trips(self, step: Repeat | RepeatWhile, endless: str) -> str:
        if isinstance(step, Repeat):
            return self.extents.time(step.trips)
        return f"{float(step.most):e}" if step.most else endless

    def _binary(self, operation: str, left: str, right: str) -> str:
        if "%" in left + right:
            return self.f.binary(operation, "double", left, right, "time")
        return f"{float(left) + float(right) if operation == 'fadd' else float(left) * float(right):e}"


def fuelled(steps: Sequence[Step]) -> list[RepeatWhile]:
    """The loops without a bound before the commit."""
    at = next((place for place, step in enumerate(steps) if isinstance(step, Commit)), len(steps))
    return [step for step in every_step(steps[:at]) if isinstance(step, RepeatWhile) and not step.most]

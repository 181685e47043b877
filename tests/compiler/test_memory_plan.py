"""Where temporaries live: what lives at the same time lies apart, in little more than what lives at a time.

In: temporaries of any sizes and lives, fixed and symbolic; whole models. Out: their slots and the arena.
"""

from __future__ import annotations

import random
from typing import Any

import pytest

import lazygraph as lg
from lazygraph.compiler.ir import dims
from lazygraph.compiler.ir.dims import Extent
from lazygraph.compiler.ops.leaf import new_parameter
from lazygraph.compiler.program.memory_plan import MemoryPlan, Temporary, plan_memory
from lazygraph.models import gpt, lenet, resnet
from lazygraph.runtime.dtypes import float32

N, M = dims.symbol("n", 0), dims.symbol("m", 0)
SIZES: tuple[Extent, ...] = (
    0,
    4,
    100,
    4096,
    65536,
    4 * N,
    256 * N,
    64 * N * M,
    128 * N * M,
    4 * N + 4,
    8 * N,
    N // 2 * 64,
)


def random_temporaries(seed: int, sizes: tuple[Extent, ...], count: int) -> list[Temporary]:
    rng = random.Random(seed)
    found: list[Temporary] = []
    for born in range(count):
        for _ in range(rng.choice((1, 1, 2))):
            over = [
                each
                for each in found
                if each.dies == born and each.born < born and all(each.value is not other.over for other in found)
            ]
            source = rng.choice(over) if over and rng.random() < 0.7 else None
            size = source.bytes if source else rng.choice(sizes)
            dies = born + rng.choice((0, 1, 1, 2, 5, 20))
            found.append(Temporary(new_parameter("t", float32, ()), size, born, dies, source and source.value))
    return found


def assert_apart(temporaries: list[Temporary], plan: MemoryPlan, extents: dict[str, int]) -> None:
    """Each lies in the arena at a multiple of 64, and meets in it only what is dead or what it is written over."""
    arena = dims.evaluate(plan.arena, extents)
    held = []
    for each in temporaries:
        slot = plan.slots[plan.slot[each.value]]
        size, offset = dims.evaluate(each.bytes, extents), dims.evaluate(slot.offset, extents)
        assert offset % 64 == 0 and offset + size <= arena and dims.evaluate(slot.bytes, extents) == size
        held.append((each, offset, offset + size))
    for number, (mine, low, high) in enumerate(held):
        for other, start, end in held[:number]:
            alive = mine.born <= other.dies and other.born <= mine.dies
            written_over = mine.over is other.value and mine.born == other.dies
            assert not alive or written_over or high <= start or end <= low


@pytest.mark.parametrize("seed", range(6))
def test_what_lives_at_the_same_time_lies_apart_whatever_the_dims_are(seed: int) -> None:
    temporaries = random_temporaries(seed, SIZES, 60)
    plan = plan_memory(temporaries)
    for extents in ({"n": 0, "m": 0}, {"n": 1, "m": 3}, {"n": 77, "m": 5}, {"n": 1000, "m": 1000}):
        assert_apart(temporaries, plan, extents)


def test_thousands_of_temporaries_are_placed_in_one_sweep() -> None:
    temporaries = random_temporaries(0, (4, 100, 4096, 65536), 2500)
    assert_apart(temporaries[:400], plan_memory(temporaries), {})


def most_alive(plan: Any, **extents: int) -> int:
    return sum(-(-dims.evaluate(each.bytes, extents) // 64) * 64 for each in plan.at_peak(**extents))


def test_models_need_what_lives_at_a_time_and_at_most_a_twentieth_more() -> None:
    sgd = lg.optim.SGD(0.1, momentum=0.9)
    steps = {
        "lenet": (lenet.training_step(lenet.LeNet(rng=0), sgd, 8), {}),
        "resnet": (resnet.training_step(resnet.ResNet(resnet.Config(), rng=0), sgd, (3, 16, 16), 4), {}),
        "gpt": (gpt.training_step(gpt.GPT(gpt.Config(width=32, blocks=2), rng=0), sgd, 16), {"n": 5}),
    }
    for name, (step, extents) in steps.items():
        plan = step.memory_plan()
        slots = dims.evaluate(plan.slots, extents)
        assert slots <= 1.05 * most_alive(plan, **extents), name

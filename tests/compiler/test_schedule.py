"""The order of launches: weight gradients as soon as their operands are there.

In: training steps. Out: the order of launches.
"""

from __future__ import annotations

import re

import numpy as np

import lazygraph as lg

WIDTH, LINKS = 32, 6


def chain(links: int) -> lg.Function:
    x = lg.placeholder((128, WIDTH), lg.float32, "x")
    weights = [lg.variable(np.eye(WIDTH, dtype=np.float32), f"w{each}") for each in range(links)]
    value = x
    for weight in weights:
        value = lg.tanh(value @ weight)
    return lg.function([x], lg.grad(lg.sum(value), weights))


def test_a_weight_gradient_is_made_when_its_cotangent_is_there() -> None:
    """So that both of its operands are free at once: not at the end, where all cotangents would live."""
    runs = [line for line in chain(LINKS).ir("program").splitlines() if line.startswith("  run ")]
    outputs = [(place, found[1]) for place, line in enumerate(runs) if (found := re.search(r"output (\d)", line))]
    assert [number for _, number in outputs] == list("543210")
    assert all(later - earlier == 2 for (earlier, _), (later, _) in zip(outputs, outputs[1:]))

"""`max_memory`: steps that fit into a budget by computing again, with the same bits, or are refused with the reason.

In: training steps and random graphs under budgets. Out: their bits, their plans against what a call allocates, the
graphs after the pass, errors.
"""

from __future__ import annotations

import re
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

import lazygraph as lg
from lazygraph.models import gpt

WIDTH = 32


def deep(links: int, batch: Any, kind: str = "adam", **options: Any) -> lg.Function:
    """A training step of a chain of layers, each with a few arrays to keep and a product."""
    rng = np.random.default_rng(0)
    x = lg.placeholder((batch, WIDTH), lg.float32, "x")
    weights = [lg.variable(rng.normal(size=(WIDTH, WIDTH)).astype(np.float32) / 4, f"w{each}") for each in range(links)]
    value = x
    for weight in weights:
        value = value + lg.nn.gelu(value @ weight)
    loss = lg.mean(value * value)
    optimizer = lg.optim.Adam(1e-3) if kind == "adam" else lg.optim.SGD(0.1, momentum=0.9)
    return lg.function([x], loss, updates=optimizer.minimize(loss, weights), name="deep", **options)


def bits_after(step: lg.Function, batches: list[Any], *more: Any) -> list[bytes]:
    found = [step(batch, *more).tobytes() for batch in batches]
    return found + [variable.numpy().tobytes() for variable in step.variables]


def batches_of(rows: int) -> list[Any]:
    return [np.random.default_rng(seed).normal(size=(rows, WIDTH)).astype(np.float32) for seed in range(2)]


@pytest.mark.parametrize(("kind", "fraction"), [("adam", 0.6), ("sgd", 0.45)])
def test_a_step_under_a_budget_keeps_to_it_with_the_same_bits(kind: str, fraction: float) -> None:
    plain, less = deep(10, 256, kind), deep(10, 256, kind, max_memory=fraction)
    whole, plan = plain.memory_plan(), less.memory_plan()
    assert plan.peak() <= fraction * whole.peak()
    assert bits_after(less, batches_of(256)) == bits_after(plain, batches_of(256))
    assert less._executable.arena_bytes == plan.arena()


def test_a_deep_step_needs_about_the_root_of_its_depth() -> None:
    """Kept across the turn: the borders of segments, and one segment."""
    plain = deep(20, 512).memory_plan()
    fixed = plain.peak() - plain.arena()
    with pytest.raises(MemoryError) as error:
        deep(20, 512, max_memory=0)
    needed = re.search(r"needs ([\d.,]+) MiB", str(error.value))
    assert needed and float(needed[1]) * 2**20 - fixed < plain.arena() / 2.5


def test_symbolic_batches_fit_at_every_size() -> None:
    n = lg.dim("n", min=1, max=512)
    plain = deep(6, n)
    limit = int(plain.memory_plan().peak(n=512) * 0.6)
    less = deep(6, n, max_memory=limit)
    for rows in (1, 100, 512):
        assert less.memory_plan().peak(n=rows) <= limit
        assert bits_after(less, batches_of(rows)) == bits_after(plain, batches_of(rows))
        assert less._executable.arena_bytes >= less.memory_plan().arena(n=rows)
    assert less.compilations == 1


def test_a_transformer_computes_again_what_is_cheap_before_it_repeats_products() -> None:
    config = gpt.Config(vocabulary=11, width=16, length=16, blocks=1, heads=2, dropout=0.1)

    def step_with(**options: Any) -> lg.Function:
        model, optimizer = gpt.GPT(config, rng=0), lg.optim.SGD(0.1)
        tokens, following = [lg.placeholder((16, 16), lg.int32, name) for name in ("tokens", "following")]
        train = lg.nn.Training(random=0)
        loss = gpt.loss(model, tokens, following, train)
        updates = optimizer.minimize(loss, model.parameters()) | train.updates
        return lg.function([tokens, following], loss, updates=updates, name="step", **options)

    text = np.random.default_rng(0).integers(0, 11, (3, 16, 16)).astype(np.int32)
    plain, cheap = step_with(), step_with(remat="auto")
    half = step_with(max_memory=0.5)
    dots = [step.ir("loops" if step is plain else "rematerialize").count("= dot ") for step in (plain, cheap, half)]
    plain_dots = plain.ir("sequence").count("= dot ")
    assert dots[1] == plain_dots <= dots[2]
    expected = bits_after(plain, [text[0], text[1]], text[2])
    for step in (cheap, half):
        assert step.memory_plan().peak() < plain.memory_plan().peak()
        assert bits_after(step, [text[0], text[1]], text[2]) == expected


def test_checks_and_prints_are_never_computed_again(capsys: pytest.CaptureFixture[str]) -> None:
    x = lg.placeholder((512, WIDTH), lg.float32, "x")
    w = lg.variable(np.eye(WIDTH, dtype=np.float32), "w")
    value = x
    for link in range(4):
        value = lg.tanh(lg.check(value @ w, lg.all(value < 100), f"link {link} is small"))
    value = lg.print(lg.exp(value), "last")
    loss = lg.sum(value * value)
    step = lg.function([x], loss, updates={w: w - lg.grad(loss, w)}, max_memory=0.8)
    text = step.ir("rematerialize")
    assert (text.count("= check "), text.count("= print ")) == (4, 1) and text.count("= barrier ") > 0
    step(np.zeros((512, WIDTH), np.float32))
    assert capsys.readouterr().out.count("last") == 1
    with pytest.raises(lg.CheckFailed, match="link 0 is small"):
        step(np.full((512, WIDTH), 100, np.float32))


@pytest.mark.parametrize("seed", range(2))
def test_random_networks_under_random_budgets_keep_their_bits(seed: int) -> None:
    rng = np.random.default_rng(seed)
    fraction = float(rng.uniform(0.45, 0.9))
    choices = [
        lambda v, w: lg.tanh(v @ w),
        lambda v, w: v * lg.exp(-v * v),
        lambda v, w: v - lg.mean(v, axis=-1, keepdims=True),
        lambda v, w: lg.nn.softmax(v @ w.T, axis=-1) + v,
        lambda v, w: lg.cumsum(v, axis=0) / 100,
        lambda v, w: lg.concat([v[:, 5:], v[:, :5]], axis=1) * lg.where(v > 0, v, 0.1),
        lambda v, w: lg.sort(v, axis=1) + lg.sin(v),
    ]
    order = rng.integers(len(choices), size=8)

    def step_with(**options: Any) -> lg.Function:
        numbers = np.random.default_rng(seed)
        x = lg.placeholder((96, WIDTH), lg.float32, "x")
        weights = [
            lg.variable(numbers.normal(size=(WIDTH, WIDTH)).astype(np.float32) / 6, f"w{each}") for each in range(3)
        ]
        value, earlier = x, x
        for place, choice in enumerate(order):
            value, earlier = choices[choice](value, weights[place % 3]) + 0.1 * earlier, value
        loss = lg.mean(value * value)
        slopes = lg.grad(loss, weights)
        return lg.function([x], loss, updates={w: w - 0.1 * g for w, g in zip(weights, slopes)}, **options)

    plain = step_with()
    try:
        less = step_with(max_memory=fraction)
    except MemoryError:
        less = step_with(remat="auto")
    assert less.memory_plan().peak() <= plain.memory_plan().peak()
    assert bits_after(less, batches_of(96)) == bits_after(plain, batches_of(96))


def test_what_cannot_fit_is_refused_before_it_runs_with_who_is_in_the_peak() -> None:
    with pytest.raises(MemoryError) as error:
        deep(4, 256, max_memory="100KiB")
    message = str(error.value)
    assert re.match(
        r"max_memory is 100.0 KiB, and deep needs [\d.]+ KiB by the smallest plan found: [\d.]+ KiB more\n", message
    )
    assert "most live at step" in message and "test_remat.py:" in message and "variables: " in message


def test_budgets_are_bytes_texts_and_fractions() -> None:
    for accepted in (10**9, "1.5GiB", "900 MB", 1.0):
        assert deep(1, 4, max_memory=accepted).memory_plan().peak() > 0
    with pytest.raises(ValueError, match="expected bytes as an int, a text like '512MiB'"):
        deep(1, 4, max_memory="much")
    with pytest.raises(ValueError, match="expected a fraction between 0 and 1"):
        deep(1, 4, max_memory=1.5)
    with pytest.raises(TypeError, match="max_memory: expected an int"):
        deep(1, 4, max_memory=[1])
    with pytest.raises(ValueError, match=r"expected lg.dim\('n', max=...\)"):
        deep(1, lg.dim("n"), max_memory=10**6)
    with pytest.raises(ValueError, match="remat: expected 'auto' or None"):
        deep(1, 4, remat="all")


def test_networkx_is_imported_by_those_who_ask_for_a_budget() -> None:
    code = (
        "import sys, lazygraph as lg; x = lg.placeholder((2,), lg.float32, 'x'); lg.function([x], lg.exp(x)); "
        "print('networkx' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "False"

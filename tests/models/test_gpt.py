"""The transformer: three ways to say its mask, a step for every batch, and a loss that falls on real text."""

from pathlib import Path

import numpy as np
import pytest

import lazygraph as lg
from lazygraph.models import gpt

SMALL = gpt.Config(vocabulary=7, width=8, length=6, blocks=2, heads=2)


def test_causality_a_boolean_mask_and_an_additive_one_say_the_same() -> None:
    model = gpt.GPT(SMALL, rng=0)
    seen = np.tril(np.ones((6, 6), bool))
    tokens = lg.placeholder((lg.dim("n"), 6), lg.int32, "tokens")
    masks = (None, seen, np.where(seen, 0, -np.inf).astype(np.float32))
    logits = lg.function([tokens], tuple(model(tokens, mask=mask) for mask in masks))
    text = np.random.default_rng(0).integers(0, 7, (3, 6))
    causal, boolean, additive = logits(text.astype(np.int32))
    np.testing.assert_array_equal(causal, boolean)
    np.testing.assert_array_equal(causal, additive)
    changed = text.copy()
    changed[:, 4:] = (changed[:, 4:] + 1) % 7
    later = logits(changed.astype(np.int32))[0]
    np.testing.assert_array_equal(later[:, :4], causal[:, :4])  # what follows is hidden
    assert (later[:, 4] != causal[:, 4]).any()


def test_dropout_acts_in_training_alone() -> None:
    model = gpt.GPT(gpt.Config(vocabulary=7, width=8, length=6, blocks=1, heads=2, dropout=0.5), rng=0)
    step = gpt.training_step(model, lg.optim.SGD(0.0), 6)
    x = np.zeros((2, 6), np.int32)
    assert step(x, x) != step(x, x)
    tokens = lg.placeholder((lg.dim("n"), 6), lg.int32, "tokens")
    infer = lg.function([tokens], model(tokens))
    np.testing.assert_array_equal(infer(x), infer(x))


def test_a_few_steps_on_real_text_lower_the_loss(data_folder: Path) -> None:
    file = data_folder / "tinyshakespeare.txt"
    if not file.exists():
        pytest.skip(f"{file.name} is not in LAZYGRAPH_DATA")
    letters, text = np.unique(np.frombuffer(file.read_bytes(), np.uint8), return_inverse=True)
    assert len(letters) == gpt.Config().vocabulary
    model = gpt.GPT(gpt.Config(width=32, length=32, blocks=2), rng=0)
    step = gpt.training_step(model, lg.optim.Adam(1e-2), 32)
    rng = np.random.default_rng(0)
    losses = []
    for size in [16] * 60 + [7]:  # one compilation serves the smaller batch too
        starts = rng.integers(0, len(text) - 33, size)
        windows = text[starts[:, None] + np.arange(33)].astype(np.int32)
        losses.append(float(step(windows[:, :-1], windows[:, 1:])))
    assert losses[0] > 4
    assert np.mean(losses[-10:]) < 2.7
    assert step.compilations == 1

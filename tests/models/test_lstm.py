"""The recurrent model: a step for every batch, what a mask hides, and a loss that falls on real text."""

from pathlib import Path

import numpy as np
import pytest

import lazygraph as lg
from lazygraph.models import lstm

SMALL = lstm.Config(vocabulary=7, width=8, layers=2)


def test_what_follows_and_what_is_masked_changes_nothing() -> None:
    model = lstm.LSTM(SMALL, rng=0)
    tokens = lg.placeholder((lg.dim("n"), lg.dim("t")), lg.int32, "tokens")
    mask = lg.placeholder(tokens.shape, lg.bool_, "mask")
    logits = lg.function([tokens, mask], (model(tokens), model(tokens, mask=mask)))
    text = np.random.default_rng(0).integers(0, 7, (3, 6)).astype(np.int32)
    real = np.arange(6) < np.array([[6], [4], [4]])
    plain, masked = logits(text, real)
    changed = text.copy()
    changed[:, 4:] = (changed[:, 4:] + 1) % 7
    later, hidden = logits(changed, real)
    np.testing.assert_array_equal(later[:, :4], plain[:, :4])
    np.testing.assert_array_equal(hidden[1:], masked[1:])
    np.testing.assert_array_equal(masked[0], plain[0])
    assert (later[:, 4] != plain[:, 4]).any()


def test_a_step_walks_over_the_sequence_once_in_each_direction() -> None:
    step = lstm.training_step(lstm.LSTM(SMALL, rng=0), lg.optim.Adam(0.01), lg.dim("t", min=1))
    assert step.ir("program").count("repeat") == 2 * SMALL.layers


def test_dropout_acts_in_training_alone() -> None:
    model = lstm.LSTM(lstm.Config(vocabulary=7, width=8, layers=2, dropout=0.5), rng=0)
    step = lstm.training_step(model, lg.optim.SGD(0.0), 6)
    x = np.zeros((2, 6), np.int32)
    assert step(x, x) != step(x, x)


def test_a_few_steps_on_real_text_lower_the_loss(data_folder: Path) -> None:
    file = data_folder / "tinyshakespeare.txt"
    if not file.exists():
        pytest.skip(f"{file.name} is not in LAZYGRAPH_DATA")
    letters, text = np.unique(np.frombuffer(file.read_bytes(), np.uint8), return_inverse=True)
    assert len(letters) == lstm.Config().vocabulary
    model = lstm.LSTM(lstm.Config(width=64), rng=0)
    step = lstm.training_step(model, lg.optim.Adam(1e-2), 32)
    rng = np.random.default_rng(0)
    losses = []
    for size in [16] * 80 + [7]:  # one compilation serves the smaller batch too
        starts = rng.integers(0, len(text) - 33, size)
        windows = text[starts[:, None] + np.arange(33)].astype(np.int32)
        losses.append(float(step(windows[:, :-1], windows[:, 1:])))
    assert losses[0] > 4
    assert np.mean(losses[-10:]) < 2.7
    assert step.compilations == 1

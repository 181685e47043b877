"""Recurrent layers and the recurrent model against torch's: values, gradients, second derivatives and 50 steps of
training, in float64 to 1e-9."""

from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional as F

import lazygraph as lg
from benchmarks import torch_models
from lazygraph.models import lstm
from tests.peers.compare import Case, assert_agree, distance

RNG = np.random.default_rng(0)
KINDS: dict[str, dict[str, Any]] = {"RNN": {}, "LSTM": {}, "GRU": {}, "RNN with relu": {"nonlinearity": "relu"}}
X = RNG.normal(size=(3, 6, 4))


def layers(kind: str, **settings: Any) -> tuple[Any, Any]:
    """Ours and torch's, with equal weights."""
    name = kind.split()[0]
    torch.manual_seed(0)
    theirs = getattr(torch.nn, name)(4, 5, batch_first=True, dtype=torch.float64, **KINDS[kind], **settings)
    ours = getattr(lg.nn, name)(4, 5, rng=0, dtype="float64", **KINDS[kind], **settings)
    ours.load_state_dict(theirs.state_dict())
    return ours, theirs


def test_gradients_and_second_derivatives() -> None:
    cases = []
    for kind in KINDS:
        ours, theirs = layers(kind, num_layers=2, bidirectional=True)
        start = RNG.normal(size=(3, 4, 5))

        def run(x: Any, h: Any, layer: Any = ours, paired: bool = kind == "LSTM") -> lg.Tensor:
            h = lg.moveaxis(h, 0, 1)
            outputs, last = layer(x, state=(h, h)) if paired else layer(x, h=h)
            return lg.concat([outputs.reshape(-1), (last[1] if paired else last).reshape(-1)])

        def their_run(x: Any, h: Any, layer: Any = theirs, paired: bool = kind == "LSTM") -> torch.Tensor:
            h = h.moveaxis(0, 1).contiguous()
            outputs, last = layer(x, (h, h) if paired else h)
            return torch.cat([outputs.reshape(-1), (last[1] if paired else last).reshape(-1)])

        cases.append(Case(kind, run, their_run, (X, start)))
    assert_agree(cases)


@pytest.mark.parametrize("kind", KINDS)
def test_a_mask_is_a_packed_sequence(kind: str) -> None:
    ours, theirs = layers(kind, num_layers=2, bidirectional=True)
    lengths = torch.tensor([6, 4, 1])
    packed = torch.nn.utils.rnn.pack_padded_sequence(torch.tensor(X), lengths, batch_first=True)
    outputs, last = theirs(packed)
    padded, _ = torch.nn.utils.rnn.pad_packed_sequence(outputs, batch_first=True)
    found, end = ours(X, mask=np.arange(6) < lengths.numpy()[:, None])
    expected = [padded, *(last if isinstance(last, tuple) else (last,))]
    got = [found, *(end if isinstance(end, tuple) else (end,))]
    for mine, other in zip(got, expected, strict=True):
        assert distance(mine.eval(), other.numpy(force=True)) < 1e-9


@pytest.mark.parametrize("kind", ["LSTM", "GRU"])
def test_fifty_steps_of_training(kind: str) -> None:
    ours, theirs = layers(kind)
    goal = RNG.normal(size=(3, 6, 5))
    n, t = lg.dim("n", min=1), lg.dim("t", min=1)
    x, y = lg.placeholder((n, t, 4), lg.float64, "x"), lg.placeholder((n, t, 5), lg.float64, "y")
    loss = lg.mean((ours(x)[0] - y) ** 2)
    step = lg.function([x, y], loss, updates=lg.optim.Adam(0.05).minimize(loss, ours.parameters()))
    optimizer = torch.optim.Adam(theirs.parameters(), 0.05)
    for _ in range(50):
        optimizer.zero_grad()
        expected = F.mse_loss(theirs(torch.tensor(X))[0], torch.tensor(goal))
        expected.backward()
        optimizer.step()
        assert distance(step(X, goal), expected.numpy(force=True)) < 1e-9
    for name, value in theirs.state_dict().items():
        assert distance(ours.state_dict()[name], value.numpy()) < 1e-9


def test_fifty_steps_of_the_model() -> None:
    config = lstm.Config(vocabulary=9, width=8, layers=2)
    torch.manual_seed(0)
    theirs = torch_models.LSTM(9, 8, 2).double()
    ours = lstm.LSTM(config, rng=0, dtype="float64")
    ours.load_state_dict(theirs.state_dict())
    step = lstm.training_step(ours, lg.optim.Adam(0.01), lg.dim("t", min=1))
    optimizer = torch.optim.Adam(theirs.parameters(), 0.01)
    text = RNG.integers(0, 9, (4, 12))
    for _ in range(50):
        optimizer.zero_grad()
        logits = theirs(torch.tensor(text[:, :-1]))
        expected = F.cross_entropy(logits.flatten(0, 1), torch.tensor(text[:, 1:]).flatten())
        expected.backward()
        optimizer.step()
        found = step(text[:, :-1].astype(np.int32), text[:, 1:].astype(np.int32))
        assert distance(found, expected.numpy(force=True)) < 1e-9

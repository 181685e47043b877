"""A recurrent network that predicts the next character.

In: tokens. Out: logits, the loss, and a compiled training step with a symbolic batch.

Mathematics. Tokens t_1 .. t_L become vectors x_i = E[t_i] of width d. A long short-term memory walks over them: with
    (i, f, g, o) = W x_i + b + V h_{i-1} + a,
    c_i = sigmoid(f) c_{i-1} + sigmoid(i) tanh(g),    h_i = sigmoid(o) tanh(c_i),
h_0 = c_0 = 0. The products sigmoid(f) are all that multiplies a derivative on its way back through c: where f is near 1
it neither vanishes nor explodes, which an Elman network's W^T diag(tanh') does. Logits are z_i = U h_i + u and the loss
is the mean cross entropy -log softmax(z_i)_{t_{i+1}}, in natural units per character.
Source: Hochreiter and Schmidhuber, "Long short-term memory", 1997; the forget gate f is of Gers, Schmidhuber and
Cummins, "Learning to forget", 2000.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

import lazygraph as lg


@dataclass(frozen=True)
class Config:
    """The sizes of a model; these train on tiny Shakespeare's 65 characters in minutes."""

    vocabulary: int = 65
    width: int = 256
    layers: int = 1
    dropout: float = 0.0  # between layers


class LSTM(lg.nn.Module):
    """Tokens (n, length) of integers -> logits (n, length, vocabulary).

    `mask` (n, length), bools, says which tokens there are, where sequences have unequal lengths.
    """

    def __init__(self, config: Config, *, rng: int | np.random.Generator, dtype: Any = lg.float32) -> None:
        generator = np.random.default_rng(rng)
        width = config.width
        self.token = lg.nn.Embedding(config.vocabulary, width, rng=generator, dtype=dtype)
        self.recurrent = lg.nn.LSTM(width, width, config.layers, dropout=config.dropout, rng=generator, dtype=dtype)
        self.logits = lg.nn.Linear(width, config.vocabulary, rng=generator, dtype=dtype)

    def __call__(
        self, x: lg.Tensor, train: lg.nn.Training | None = None, mask: lg.Tensor | np.ndarray | None = None
    ) -> lg.Tensor:
        outputs, _ = self.recurrent(self.token(x), train, mask=mask)
        return self.logits(outputs)


def loss(model: LSTM, tokens: lg.Tensor, following: lg.Tensor, train: lg.nn.Training | None = None) -> lg.Tensor:
    """The mean cross entropy of the characters that follow: integers (n, length), (n, length) -> a scalar."""
    return lg.mean(lg.nn.cross_entropy(model(tokens, train), following))


def training_step(
    model: LSTM,
    optimizer: lg.optim.Optimizer,
    length: int | lg.Dim,
    batch: int | lg.Dim | None = None,
    seed: int = 0,
) -> lg.Function:
    """step(tokens, following) -> loss, which updates the model: one compilation for every batch unless it is given.

    `seed` is dropout's.
    """
    n = lg.dim("n", min=1) if batch is None else batch
    tokens = lg.placeholder((n, length), lg.int32, "tokens")
    following = lg.placeholder((n, length), lg.int32, "following")
    train = lg.nn.Training(random=seed)
    value = loss(model, tokens, following, train)
    updates = optimizer.minimize(value, model.parameters()) | train.updates
    return lg.function([tokens, following], value, updates=updates, name="lstm_step")

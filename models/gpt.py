"""A transformer that predicts the next character.

In: tokens, and a mask or causality. Out: logits, the loss, and a compiled training step with a symbolic batch.

Mathematics. Tokens t_1 .. t_L become vectors x_i = E[t_i] + P[i] of width d. Each of the blocks adds
    x <- x + A(norm(x)),    x <- x + W2 gelu(W1 norm(x) + b1) + b2
where A is attention in h heads of width d/h: with queries, keys and values q, k, v, projections of its input,
    A_i = sum_j w_ij v_j,   w_i = softmax_j(q_i . k_j / sqrt(d/h) + m_ij)
and the mask m hides what follows: m_ij = -inf for j > i, else 0. The same is said by `is_causal`, by bools (j <= i) or
by adding m; the compiled kernels compare indices, add up or read bits accordingly. Logits are z_i = U norm(x_i) + c and
the loss is the mean cross entropy -log softmax(z_i)_{t_{i+1}}, in natural units per character.
Sources: Vaswani et al., "Attention is all you need", 2017; Radford et al., "Language models are unsupervised multitask
learners", 2019 (norms first, gelu).
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
    width: int = 128
    length: int = 128  # the longest sequence
    blocks: int = 4
    heads: int = 4
    dropout: float = 0.0


class GPT(lg.nn.Module):
    """Tokens (n, length) of integers -> logits (n, length, vocabulary).

    `mask`, bools (True is seen) or floats that are added to the scores, replaces causality; shapes as in
    `lg.nn.scaled_dot_product_attention`.
    """

    def __init__(self, config: Config, *, rng: int | np.random.Generator, dtype: Any = lg.float32) -> None:
        generator = np.random.default_rng(rng)
        self.token = lg.nn.Embedding(config.vocabulary, config.width, rng=generator, dtype=dtype)
        self.position = lg.variable(np.zeros((config.length, config.width)), "position", dtype)
        self.blocks = [
            lg.nn.TransformerBlock(config.width, config.heads, dropout=config.dropout, rng=generator, dtype=dtype)
            for _ in range(config.blocks)
        ]
        self.norm = lg.nn.LayerNorm(config.width, dtype=dtype)
        self.logits = lg.nn.Linear(config.width, config.vocabulary, rng=generator, dtype=dtype)

    def __call__(
        self, x: lg.Tensor, train: lg.nn.Training | None = None, mask: lg.Tensor | np.ndarray | None = None
    ) -> lg.Tensor:
        value = self.token(x) + self.position[: x.shape[1]]
        for block in self.blocks:
            value = block(value, train, attn_mask=mask, is_causal=mask is None)
        return self.logits(self.norm(value))


def loss(
    model: GPT,
    tokens: lg.Tensor,
    following: lg.Tensor,
    train: lg.nn.Training | None = None,
    mask: lg.Tensor | np.ndarray | None = None,
) -> lg.Tensor:
    """The mean cross entropy of the characters that follow: integers (n, length), (n, length) -> a scalar."""
    return lg.mean(lg.nn.cross_entropy(model(tokens, train, mask), following))


def training_step(
    model: GPT,
    optimizer: lg.optim.Optimizer,
    length: int | lg.Dim,
    batch: int | lg.Dim | None = None,
    mask: np.ndarray | None = None,
    seed: int = 0,
    max_memory: int | float | str | None = None,
) -> lg.Function:
    """step(tokens, following) -> loss, which updates the model: one compilation for every batch unless it is given.

    `seed` is dropout's; `mask` is as for the model, `max_memory` as for `lg.function`.
    """
    n = lg.dim("n", min=1) if batch is None else batch
    tokens = lg.placeholder((n, length), lg.int32, "tokens")
    following = lg.placeholder((n, length), lg.int32, "following")
    train = lg.nn.Training(random=seed)
    value = loss(model, tokens, following, train, mask)
    updates = optimizer.minimize(value, model.parameters()) | train.updates
    return lg.function([tokens, following], value, updates=updates, max_memory=max_memory, name="gpt_step")

"""A convolutional network that reads handwritten digits.

In: images of 28 by 28 grey levels. Out: logits, the loss, and a compiled training step with a symbolic batch.

Mathematics. With relu(x) = max(x, 0), pool the greatest of each 2 by 2 block, and * a convolution with 5 by 5 windows
and a border of two zeros:
    h1 = pool(relu(K1 * x + b1))            32 channels of 14 by 14
    h2 = pool(relu(K2 * h1 + b2))           64 channels of 7 by 7
    z = W2 relu(W1 flat(h2) + b3) + b4      one logit per digit, from 256 units
The loss is the mean of -log softmax(z)_y over the minibatch. Sources: LeCun, Bottou, Bengio, Haffner, "Gradient-based
learning applied to document recognition", 1998, with the sizes, relu and greatest-of-block pooling of later practice.
"""

from __future__ import annotations

from typing import Any

import numpy as np

import lazygraph as lg

SIDE, CLASSES = 28, 10


class LeNet(lg.nn.Module):
    """Images (n, 1, 28, 28) -> logits (n, 10)."""

    def __init__(self, *, rng: int | np.random.Generator, dtype: Any = lg.float32) -> None:
        generator = np.random.default_rng(rng)
        self.conv1 = lg.nn.Conv2d(1, 32, 5, padding=2, rng=generator, dtype=dtype)
        self.conv2 = lg.nn.Conv2d(32, 64, 5, padding=2, rng=generator, dtype=dtype)
        self.hidden = lg.nn.Linear(64 * (SIDE // 4) ** 2, 256, rng=generator, dtype=dtype)
        self.logits = lg.nn.Linear(256, CLASSES, rng=generator, dtype=dtype)

    def __call__(self, x: lg.Tensor, train: lg.nn.Training | None = None) -> lg.Tensor:
        for conv in (self.conv1, self.conv2):
            x = lg.nn.max_pool2d(lg.nn.relu(conv(x)), 2)
        return self.logits(lg.nn.relu(self.hidden(lg.nn.Flatten()(x))))


def loss(model: LeNet, x: lg.Tensor, y: lg.Tensor, train: lg.nn.Training | None = None) -> lg.Tensor:
    """The mean cross entropy of images (n, 1, 28, 28) with their digits (n,)."""
    return lg.mean(lg.nn.cross_entropy(model(x, train), y))


def training_step(model: LeNet, optimizer: lg.optim.Optimizer, batch: int | lg.Dim | None = None) -> lg.Function:
    """step(x, y) -> loss, which updates the model: one compilation for every batch unless it is given."""
    n = lg.dim("n", min=1) if batch is None else batch
    x = lg.placeholder((n, 1, SIDE, SIDE), model.logits.weight.dtype, "x")
    y = lg.placeholder((n,), lg.int32, "y")
    value = loss(model, x, y)
    return lg.function([x, y], value, updates=optimizer.minimize(value, model.parameters()), name="lenet_step")

"""Residual networks for small images: ResNet-20 and its deeper relatives.

In: images (n, 3, 32, 32). Out: logits, the loss, and a compiled training step with a symbolic batch.

Mathematics. A block adds to its input what two 3 by 3 convolutions make of it,
    y = relu(norm(K2 * relu(norm(K1 * x))) + S x),
where norm is batch normalisation and S is the identity, or a 1 by 1 convolution where the block halves the image and
doubles the channels. A convolution with norm and relu is followed by three stages of equal blocks with 16, 32 and 64
channels, the mean over all positions, and a linear layer; with 3 blocks to a stage that is 6 * 3 + 2 = 20 layers. The
loss is the mean of -log softmax(z)_y over the minibatch. In training norms use the minibatch's statistics, and the
step moves the running ones, which inference uses. Source: He, Zhang, Ren, Sun, "Deep residual learning for image
recognition", 2016, section 4.2, with projections as shortcuts (its option B, without norm).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

import lazygraph as lg


@dataclass(frozen=True)
class Config:
    """The sizes of a model: these are ResNet-20's; 5, 7, 9 and 18 blocks make ResNet-32, 44, 56 and 110."""

    blocks: int = 3  # to a stage
    widths: tuple[int, ...] = (16, 32, 64)
    channels: int = 3
    classes: int = 10


class Block(lg.nn.Module):
    """(n, inputs, h, w) -> (n, outputs, h / stride, w / stride)."""

    def __init__(self, inputs: int, outputs: int, stride: int, rng: np.random.Generator, dtype: Any) -> None:
        made = {"bias": False, "rng": rng, "dtype": dtype}
        self.conv1 = lg.nn.Conv2d(inputs, outputs, 3, stride, padding=1, **made)
        self.norm1 = lg.nn.BatchNorm(outputs, dtype=dtype)
        self.conv2 = lg.nn.Conv2d(outputs, outputs, 3, padding=1, **made)
        self.norm2 = lg.nn.BatchNorm(outputs, dtype=dtype)
        same = inputs == outputs and stride == 1
        self.shortcut = None if same else lg.nn.Conv2d(inputs, outputs, 1, stride, **made)

    def __call__(self, x: lg.Tensor, train: lg.nn.Training | None = None) -> lg.Tensor:
        found = self.norm2(self.conv2(lg.nn.relu(self.norm1(self.conv1(x), train))), train)
        return lg.nn.relu(found + (x if self.shortcut is None else self.shortcut(x)))


class ResNet(lg.nn.Module):
    """Images (n, channels, h, w) -> logits (n, classes); 32 by 32 pixels are what it was made for."""

    def __init__(self, config: Config, *, rng: int | np.random.Generator, dtype: Any = lg.float32) -> None:
        generator = np.random.default_rng(rng)
        first = config.widths[0]
        self.conv = lg.nn.Conv2d(config.channels, first, 3, padding=1, bias=False, rng=generator, dtype=dtype)
        self.norm = lg.nn.BatchNorm(first, dtype=dtype)
        self.blocks = []
        inputs = first
        for stage, width in enumerate(config.widths):
            for place in range(config.blocks):
                self.blocks.append(Block(inputs, width, 2 if stage and not place else 1, generator, dtype))
                inputs = width
        self.logits = lg.nn.Linear(inputs, config.classes, rng=generator, dtype=dtype)

    def __call__(self, x: lg.Tensor, train: lg.nn.Training | None = None) -> lg.Tensor:
        value = lg.nn.relu(self.norm(self.conv(x), train))
        for block in self.blocks:
            value = block(value, train)
        return self.logits(lg.mean(value, axis=(2, 3)))


def loss(model: ResNet, x: lg.Tensor, y: lg.Tensor, train: lg.nn.Training | None = None) -> lg.Tensor:
    """The mean cross entropy of images (n, channels, h, w) with their classes (n,)."""
    return lg.mean(lg.nn.cross_entropy(model(x, train), y))


def training_step(
    model: ResNet,
    optimizer: lg.optim.Optimizer,
    image: tuple[int, int, int] = (3, 32, 32),
    batch: int | lg.Dim | None = None,
) -> lg.Function:
    """step(x, y) -> loss, which updates the weights and running statistics: one compilation for every batch unless it
    is given. `image` is an image's shape.
    """
    n = lg.dim("n", min=1) if batch is None else batch
    x = lg.placeholder((n, *image), model.logits.weight.dtype, "x")
    y = lg.placeholder((n,), lg.int32, "y")
    train = lg.nn.Training()
    value = loss(model, x, y, train)
    updates = optimizer.minimize(value, model.parameters()) | train.updates
    return lg.function([x, y], value, updates=updates, name="resnet_step")

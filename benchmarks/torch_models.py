"""The documented models as torch's users write them, with the names of our modules: states go from one to the other.

In: sizes. Out: torch modules of the same mathematics as `models/`.
"""

from typing import Any

import torch
from torch import nn
from torch.nn import functional as F


class Attention(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.in_proj_weight = nn.Parameter(torch.empty(3 * width, width))
        self.in_proj_bias = nn.Parameter(torch.zeros(3 * width))
        self.out_proj = nn.Linear(width, width)
        nn.init.xavier_uniform_(self.in_proj_weight)

    def forward(self, x: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
        n, length, width = x.shape
        projected = F.linear(x, self.in_proj_weight, self.in_proj_bias).view(n, length, 3, self.heads, -1)
        q, k, v = projected.permute(2, 0, 3, 1, 4)
        seen = F.scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=mask is None)
        return self.out_proj(seen.transpose(1, 2).reshape(n, length, width))


class Block(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width)
        self.attention = Attention(width, heads)
        self.norm2 = nn.LayerNorm(width)
        self.linear1 = nn.Linear(width, 4 * width)
        self.linear2 = nn.Linear(4 * width, width)

    def forward(self, x: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
        x = x + self.attention(self.norm1(x), mask)
        return x + self.linear2(F.gelu(self.linear1(self.norm2(x)), approximate="tanh"))


class GPT(nn.Module):
    def __init__(self, vocabulary: int, width: int, length: int, blocks: int, heads: int) -> None:
        super().__init__()
        self.token = nn.Embedding(vocabulary, width)
        self.position = nn.Parameter(torch.zeros(length, width))
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(blocks))
        self.norm = nn.LayerNorm(width)
        self.logits = nn.Linear(width, vocabulary)

    def forward(self, x: torch.Tensor, mask: torch.Tensor | None = None) -> Any:
        value = self.token(x) + self.position[: x.shape[1]]
        for block in self.blocks:
            value = block(value, mask)
        return self.logits(self.norm(value))


class LSTM(nn.Module):
    def __init__(self, vocabulary: int, width: int, layers: int = 1) -> None:
        super().__init__()
        self.token = nn.Embedding(vocabulary, width)
        self.recurrent = nn.LSTM(width, width, layers, batch_first=True)
        self.logits = nn.Linear(width, vocabulary)

    def forward(self, x: torch.Tensor) -> Any:
        return self.logits(self.recurrent(self.token(x))[0])


class LeNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 32, 5, padding=2)
        self.conv2 = nn.Conv2d(32, 64, 5, padding=2)
        self.hidden = nn.Linear(64 * 49, 256)
        self.logits = nn.Linear(256, 10)

    def forward(self, x: torch.Tensor) -> Any:
        for conv in (self.conv1, self.conv2):
            x = F.max_pool2d(F.relu(conv(x)), 2)
        return self.logits(F.relu(self.hidden(x.flatten(1))))


class ResidualBlock(nn.Module):
    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(outputs)
        same = inputs == outputs and stride == 1
        self.shortcut = nn.Identity() if same else nn.Conv2d(inputs, outputs, 1, stride, bias=False)

    def forward(self, x: torch.Tensor) -> Any:
        found = self.norm2(self.conv2(F.relu(self.norm1(self.conv1(x)))))
        return F.relu(found + self.shortcut(x))


class ResNet(nn.Module):
    def __init__(self, blocks: int, widths: tuple[int, ...], channels: int, classes: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, widths[0], 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(widths[0])
        made, inputs = [], widths[0]
        for stage, width in enumerate(widths):
            for place in range(blocks):
                made.append(ResidualBlock(inputs, width, 2 if stage and not place else 1))
                inputs = width
        self.blocks = nn.ModuleList(made)
        self.logits = nn.Linear(inputs, classes)

    def forward(self, x: torch.Tensor) -> Any:
        value = F.relu(self.norm(self.conv(x)))
        for block in self.blocks:
            value = block(value)
        return self.logits(value.mean((2, 3)))

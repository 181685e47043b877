"""Layers that own their weights, and the small system that names, saves and loads them.
In: sizes and seeds. Out: modules, whose parameters `lg.optim` trains."""

from lazygraph.nn.modules.convolutions import Conv1d, Conv2d, Conv3d
from lazygraph.nn.modules.layers import Dropout, Embedding, Flatten, Linear, Sequential
from lazygraph.nn.modules.module import Module, Training
from lazygraph.nn.modules.norms import BatchNorm, GroupNorm, LayerNorm, RMSNorm
from lazygraph.nn.modules.pools import (
    AdaptiveAvgPool2d,
    AvgPool1d,
    AvgPool2d,
    AvgPool3d,
    MaxPool1d,
    MaxPool2d,
    MaxPool3d,
)
from lazygraph.nn.modules.transformer import MultiHeadAttention, TransformerBlock

__all__ = [
    "AdaptiveAvgPool2d",
    "AvgPool1d",
    "AvgPool2d",
    "AvgPool3d",
    "BatchNorm",
    "Conv1d",
    "Conv2d",
    "Conv3d",
    "Dropout",
    "Embedding",
    "Flatten",
    "GroupNorm",
    "LayerNorm",
    "Linear",
    "MaxPool1d",
    "MaxPool2d",
    "MaxPool3d",
    "Module",
    "MultiHeadAttention",
    "RMSNorm",
    "Sequential",
    "Training",
    "TransformerBlock",
]

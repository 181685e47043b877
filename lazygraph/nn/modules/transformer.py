"""Attention with weights, and the block that transformers repeat.

In: sizes, and `rng`: a NumPy generator or a seed for one. Out: modules.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import DTypeLike

import lazygraph as lg
from lazygraph.nn.activations import gelu
from lazygraph.nn.attention import multi_head_attention
from lazygraph.nn.initializers import glorot_uniform
from lazygraph.nn.modules.layers import Dropout, Linear, Rng
from lazygraph.nn.modules.module import Module, Training
from lazygraph.nn.modules.norms import LayerNorm
from lazygraph.runtime import dtypes
from lazygraph.runtime.dtypes import DType
from lazygraph.state import variable
from lazygraph.tensor import Tensor, TensorLike

__all__ = ["MultiHeadAttention", "TransformerBlock"]


class MultiHeadAttention(Module):
    """`lg.nn.multi_head_attention` of inputs (..., length, width); of x to itself unless keys and values are given.

    Named and laid out as torch.nn.MultiheadAttention with batch_first. Masks mean what they mean there in
    scaled_dot_product_attention: True is seen. `in_proj_weight` starts as Glorot's, biases as zeros. `dropout` drops
    weights of the attention in training.

    >>> import lazygraph as lg
    >>> layer = lg.nn.MultiHeadAttention(8, 2, rng=0)
    >>> layer(lg.placeholder((lg.dim("n"), 5, 8), lg.float32, "x"), is_causal=True).shape
    (Dim(n), 5, 8)
    """

    def __init__(
        self,
        width: int,
        num_heads: int,
        dropout: float = 0.0,
        *,
        rng: Rng,
        dtype: DTypeLike | DType = dtypes.float32,
    ) -> None:
        generator = np.random.default_rng(rng)
        self.in_proj_weight = variable(glorot_uniform((3 * width, width), generator, dtype), "in_proj_weight")
        self.in_proj_bias = variable(np.zeros(3 * width), "in_proj_bias", dtype)
        self.out_proj = Linear(width, width, rng=generator, dtype=dtype)
        self.out_proj.bias = variable(np.zeros(width), "bias", dtype)
        self.num_heads, self.dropout = num_heads, dropout

    def __call__(
        self,
        x: TensorLike,
        train: Training | None = None,
        key: TensorLike | None = None,
        value: TensorLike | None = None,
        attn_mask: TensorLike | None = None,
        is_causal: bool = False,
    ) -> Tensor:
        keys = x if key is None else key
        random = train.key() if train is not None and self.dropout else None
        return multi_head_attention(
            x,
            keys,
            keys if value is None else value,
            self.num_heads,
            self.in_proj_weight,
            self.in_proj_bias,
            self.out_proj.weight,
            self.out_proj.bias,
            attn_mask,
            self.dropout if train is not None else 0.0,
            is_causal,
            random=random,
        )


class TransformerBlock(Module):
    """x + attention(norm(x)), then x + mlp(norm(x)), where mlp(x) = W2 activation(W1 x); x is (..., length, width).

    `hidden` is the mlp's inner width, 4 * width unless given; `dropout` acts on attention weights and on both sums'
    second terms. The norms come first: Xiong et al., "On layer normalization in the transformer architecture", 2020.

    >>> import lazygraph as lg
    >>> block = lg.nn.TransformerBlock(8, 2, rng=0)
    >>> block(lg.placeholder((lg.dim("n"), lg.dim("t"), 8), lg.float32, "x"), is_causal=True).shape
    (Dim(n), Dim(t), 8)
    """

    def __init__(
        self,
        width: int,
        num_heads: int,
        hidden: int | None = None,
        dropout: float = 0.0,
        activation: Callable[[Tensor], Tensor] = gelu,
        *,
        rng: Rng,
        dtype: DTypeLike | DType = dtypes.float32,
    ) -> None:
        generator = np.random.default_rng(rng)
        inner = 4 * width if hidden is None else hidden
        self.norm1 = LayerNorm(width, dtype=dtype)
        self.attention = MultiHeadAttention(width, num_heads, dropout, rng=generator, dtype=dtype)
        self.norm2 = LayerNorm(width, dtype=dtype)
        self.linear1 = Linear(width, inner, rng=generator, dtype=dtype)
        self.linear2 = Linear(inner, width, rng=generator, dtype=dtype)
        self.dropout = Dropout(dropout)
        self.activation = activation

    def __call__(
        self,
        x: TensorLike,
        train: Training | None = None,
        attn_mask: TensorLike | None = None,
        is_causal: bool = False,
    ) -> Tensor:
        given = lg.constant(x)
        seen = self.attention(self.norm1(given, train), train, attn_mask=attn_mask, is_causal=is_causal)
        given = given + self.dropout(seen, train)
        inner = self.activation(self.linear1(self.norm2(given, train), train))
        return given + self.dropout(self.linear2(inner, train), train)

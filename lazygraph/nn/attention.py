"""Attention: each query's average of the values, weighted by how well their keys match it.

In: queries, keys, values (..., length, width), and masks. Out: a tensor (..., queries, width of the values).
"""

from __future__ import annotations

import math
from typing import Union

import lazygraph as lg
from lazygraph.compiler.ir.dims import Shape
from lazygraph.compiler.ir.errors import DTypeError, ShapeError
from lazygraph.compiler.ir.graph import Value
from lazygraph.compiler.ops.compose import emit
from lazygraph.compiler.passes.shift import finite_maximum, spread_back
from lazygraph.creation import index_along
from lazygraph.errors import shape_text
from lazygraph.frames import composite
from lazygraph.nn.layers import linear
from lazygraph.nn.noise import dropout
from lazygraph.nn.piecewise import floating
from lazygraph.random import Stream
from lazygraph.tensor import Tensor, TensorLike

__all__ = ["merge_heads", "multi_head_attention", "scaled_dot_product_attention", "split_heads"]

Key = Union[TensorLike, Stream]


@composite
def scaled_dot_product_attention(
    query: TensorLike,
    key: TensorLike,
    value: TensorLike,
    attn_mask: TensorLike | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    *,
    random: Key | None = None,
) -> Tensor:
    """softmax(query @ key^T * scale + mask) @ value, over queries (..., q, d), keys (..., k, d) and values (..., k, v).

    `scale` is 1 / sqrt(d) unless given. `attn_mask` broadcasts to (..., q, k): bools say which keys a query may see,
    floats are added to the scores. `is_causal` lets query i see the keys 0 .. i, in addition to the mask. A query that
    may see no key (all False, or all -inf) gives zeros, and its derivatives are zeros. `dropout_p` drops weights, with
    a key or a stream as `random`. ShapeError where the shapes do not fit, ValueError for dropout without `random`.
    Source: Vaswani et al., "Attention is all you need", 2017.

    >>> import lazygraph as lg
    >>> q = k = v = [[1.0, 0.0], [0.0, 1.0]]
    >>> lg.nn.scaled_dot_product_attention(q, k, v, is_causal=True, scale=1000.0).eval()
    array([[1., 0.],
           [0., 1.]])
    >>> lg.nn.scaled_dot_product_attention(q, k, v, [[True, True], [False, False]]).eval()[1]
    array([0., 0.])
    """
    q, k, v = floating(query), floating(key), floating(value)
    if min(q.ndim, k.ndim, v.ndim) < 2:
        raise ShapeError("expected queries, keys and values (..., length, width)")
    factor = 1 / math.sqrt(_width(q)) if scale is None else scale
    scores = (q * factor) @ k.mT
    if attn_mask is not None:
        scores = _masked(scores, Tensor(lg.constant(attn_mask).value))
    if is_causal:
        scores = lg.where(Tensor(_causal(scores.shape)), scores, -math.inf)
    weights = _softmax_or_zeros(scores)
    if dropout_p:
        if random is None:
            raise ValueError("scaled_dot_product_attention: dropout needs `random`: a key (lg.random.key) or a Stream")
        weights = dropout(weights, dropout_p, random)
    return weights @ v


def _width(x: Tensor) -> int:
    width = x.shape[-1]
    if not isinstance(width, int):
        raise ShapeError(f"the width of queries is {width}: give `scale`, which is a number when the graph is built")
    return width


def _masked(scores: Tensor, mask: Tensor) -> Tensor:
    if mask.dtype.kind == "bool":
        return lg.where(mask, scores, -math.inf)
    if not mask.dtype.is_float:
        raise DTypeError(f"expected a mask of bools, or of floats that are added, found {mask.dtype}")
    return scores + mask.astype(scores.dtype)


def _causal(shape: Shape) -> Value:
    """Where key j is not behind query i: j <= i."""
    rank = len(shape)
    return emit("le", index_along(shape, rank - 1), index_along(shape, rank - 2))


def _softmax_or_zeros(scores: Tensor) -> Tensor:
    """softmax over the last axis, with 0 / 1 where nothing is left to add up."""
    x = scores.value
    axes = (x.type.rank - 1,)
    power = emit("exp", x - spread_back(finite_maximum(x, axes), x, axes))
    total = Tensor(emit("reduce_sum", power, axes=axes))
    return Tensor(power / spread_back(lg.where(total == 0, 1, total).value, x, axes))


@composite
def split_heads(x: TensorLike, num_heads: int) -> Tensor:
    """(..., length, heads * width) -> (..., heads, length, width). ShapeError where the width does not divide.

    >>> import lazygraph as lg
    >>> lg.nn.split_heads(lg.zeros((5, 7, 12)), 3).shape
    (5, 3, 7, 4)
    """
    given = floating(x)
    width = given.shape[-1]
    if given.ndim < 2 or num_heads < 1 or not isinstance(width, int) or width % num_heads:
        raise ShapeError(f"expected (..., length, width) of {num_heads} equal heads, found {shape_text(given.shape)}")
    return lg.swapaxes(given.reshape(*given.shape[:-1], num_heads, width // num_heads), -2, -3)


@composite
def merge_heads(x: TensorLike) -> Tensor:
    """(..., heads, length, width) -> (..., length, heads * width), the inverse of `split_heads`."""
    given = lg.swapaxes(floating(x), -2, -3)
    return given.reshape(*given.shape[:-2], given.shape[-2] * given.shape[-1])


@composite
def multi_head_attention(
    query: TensorLike,
    key: TensorLike,
    value: TensorLike,
    num_heads: int,
    in_proj_weight: TensorLike,
    in_proj_bias: TensorLike | None,
    out_proj_weight: TensorLike,
    out_proj_bias: TensorLike | None = None,
    attn_mask: TensorLike | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    *,
    random: Key | None = None,
) -> Tensor:
    """Attention in several subspaces: out(concat_h attend(q W_h, k U_h, v V_h)), for inputs (..., length, d).

    `in_proj_weight` (3 d, d) holds the projections of queries, keys and values one after the other, `out_proj_weight`
    is (d, d), biases are (3 d,) and (d,): torch's layout, in which a weight is (outputs, inputs). `attn_mask`
    broadcasts to (..., heads, queries, keys) and means what it means in `scaled_dot_product_attention`: True is seen.
    Source: Vaswani et al., 2017.

    >>> import lazygraph as lg
    >>> import numpy as np
    >>> x, eye = np.ones((2, 3, 4)), np.eye(4)
    >>> lg.nn.multi_head_attention(x, x, x, 2, np.concatenate([eye] * 3), None, eye).eval().shape
    (2, 3, 4)
    """
    weight = floating(in_proj_weight)
    width = _width(floating(query))
    if weight.shape != (3 * width, width):
        raise ShapeError(f"expected in_proj_weight {(3 * width, width)}, found {shape_text(weight.shape)}")
    bias = None if in_proj_bias is None else floating(in_proj_bias)
    parts = [slice(at * width, (at + 1) * width) for at in range(3)]
    if query is key and key is value:
        whole = linear(query, weight, bias)
        projected = [whole[..., part] for part in parts]
    else:
        projected = [
            linear(each, weight[part], None if bias is None else bias[part])
            for each, part in zip((query, key, value), parts)
        ]
    q, k, v = (split_heads(each, num_heads) for each in projected)
    found = scaled_dot_product_attention(q, k, v, attn_mask, dropout_p, is_causal, random=random)
    return linear(merge_heads(found), out_proj_weight, out_proj_bias)

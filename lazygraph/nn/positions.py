"""Positional encodings: where in a sequence an element stands, as numbers that attention can compare.

In: positions, or a tensor of queries or keys. Out: a table of encodings, or the tensor turned by its positions.
"""

from __future__ import annotations

import math

from numpy.typing import DTypeLike

import lazygraph as lg
from lazygraph.compiler.ir.dims import Dim
from lazygraph.compiler.ir.errors import ShapeError
from lazygraph.errors import shape_text
from lazygraph.frames import composite
from lazygraph.nn.piecewise import floating
from lazygraph.promotion import as_dtype
from lazygraph.runtime import dtypes
from lazygraph.runtime.dtypes import DType
from lazygraph.tensor import Tensor, TensorLike

__all__ = ["rotary_encoding", "sinusoidal_encoding"]


def _angles(positions: Tensor, pairs: int, base: float) -> Tensor:
    """positions (...) times base**(-i / pairs) for i = 0 .. pairs-1, float64 (..., pairs)."""
    rates = lg.exp(lg.arange(pairs).astype(lg.float64) * (-math.log(base) / pairs))
    return positions.astype(lg.float64)[..., None] * rates


@composite
def sinusoidal_encoding(
    length: int | Dim, width: int, dtype: DTypeLike | DType = dtypes.float32, base: float = 10000.0
) -> Tensor:
    """The table (length, width) of sin(t / base**(2i / width)) at column 2i and the cosine at 2i + 1, for row t.

    Raises ShapeError for an odd width. Source: Vaswani et al., "Attention is all you need", 2017, section 3.5.

    >>> import lazygraph as lg
    >>> lg.nn.sinusoidal_encoding(2, 2).eval()
    array([[0.        , 1.        ],
           [0.84147096, 0.5403023 ]], dtype=float32)
    """
    if width % 2:
        raise ShapeError(f"expected an even width, half of it sines and half cosines, found {width}")
    angles = _angles(lg.arange(length), width // 2, base)
    return lg.stack([lg.sin(angles), lg.cos(angles)], axis=-1).reshape(length, width).astype(as_dtype(dtype))


@composite
def rotary_encoding(x: TensorLike, positions: TensorLike | None = None, base: float = 10000.0) -> Tensor:
    """Queries or keys (..., length, width), the pair (x_2i, x_2i+1) at position t turned by t / base**(2i / width).

    `positions` (length,) are 0, 1, 2 ... unless given. Products of turned queries and keys depend on the distance of
    their positions alone. Raises ShapeError for an odd width. Source: Su et al., "RoFormer", 2021, section 3.2.

    >>> import lazygraph as lg
    >>> lg.nn.rotary_encoding([[1.0, 0.0], [1.0, 0.0]]).eval().round(6)
    array([[1.      , 0.      ],
           [0.540302, 0.841471]])
    """
    given = floating(x)
    width = given.shape[-1] if given.ndim > 1 else None
    if not isinstance(width, int) or width % 2:
        raise ShapeError(f"expected (..., length, width) of even width, found {shape_text(given.shape)}")
    places = lg.arange(given.shape[-2]) if positions is None else lg.constant(positions)
    angles = _angles(places, width // 2, base)
    cos, sin = lg.cos(angles).astype(given.dtype), lg.sin(angles).astype(given.dtype)
    pairs = given.reshape(*given.shape[:-1], width // 2, 2)
    first, second = pairs[..., 0], pairs[..., 1]
    return lg.stack([first * cos - second * sin, first * sin + second * cos], axis=-1).reshape(given.shape)

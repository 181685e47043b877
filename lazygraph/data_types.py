"""What a dtype is: its kind, its limits, and what it can be cast to.

In: dtypes, tensors, arrays. Out: plain answers, known when the graph is built.
"""

from __future__ import annotations

import builtins
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from lazygraph.compiler.ir.dims import Dim, Extent, Shape
from lazygraph.compiler.ir.errors import DTypeError
from lazygraph.promotion import as_dtype, value_of
from lazygraph.runtime.dtypes import DType
from lazygraph.tensor import Tensor, TensorLike

__all__ = [
    "can_cast",
    "finfo",
    "iinfo",
    "iscomplexobj",
    "isdtype",
    "isrealobj",
    "isscalar",
    "ndim",
    "shape",
    "size",
]

_INTEGRAL, _FLOATING = ("int", "uint"), ("float",)
KINDS = {
    "bool": ("bool",),
    "signed integer": ("int",),
    "unsigned integer": ("uint",),
    "integral": _INTEGRAL,
    "real floating": _FLOATING,
    "complex floating": ("complex",),
    "numeric": (*_INTEGRAL, *_FLOATING, "complex"),
}


@dataclass(frozen=True)
class FloatLimits:
    """What `finfo` answers, in Python numbers."""

    bits: int
    eps: float
    max: float
    min: float
    smallest_normal: float
    smallest_subnormal: float
    dtype: DType

    @property
    def tiny(self) -> float:
        """NumPy's other name of `smallest_normal`."""
        return self.smallest_normal


@dataclass(frozen=True)
class IntegerLimits:
    """What `iinfo` answers, in Python numbers."""

    bits: int
    max: int
    min: int
    dtype: DType


def _dtype_of(operand: Any) -> DType:
    return operand.dtype if isinstance(operand, Tensor) else as_dtype(getattr(operand, "dtype", operand))


def finfo(type: DTypeLike | DType | TensorLike, /) -> FloatLimits:
    """The limits of a float dtype, or of a tensor's: bits, eps, max, min, smallest_normal, smallest_subnormal, dtype.

    Of a complex dtype, those of its components. DTypeError for other dtypes.

    >>> import lazygraph as lg
    >>> lg.finfo(lg.float32).eps
    1.1920928955078125e-07
    """
    dtype = _dtype_of(type)
    if not dtype.is_differentiable:
        raise DTypeError(f"finfo: expected a float dtype, found {dtype}")
    if dtype.kind == "complex":
        dtype = as_dtype(f"float{dtype.bits // 2}")
    limits = dtype.limits
    return FloatLimits(
        bits=dtype.bits,
        eps=float(limits.eps),
        max=float(limits.max),
        min=float(limits.min),
        smallest_normal=float(limits.smallest_normal),
        smallest_subnormal=float(limits.smallest_subnormal),
        dtype=dtype,
    )


def iinfo(type: DTypeLike | DType | TensorLike, /) -> IntegerLimits:
    """The limits of an integer dtype, or of a tensor's: bits, max, min, dtype. DTypeError for other dtypes.

    >>> import lazygraph as lg
    >>> lg.iinfo(lg.uint8).max
    255
    """
    dtype = _dtype_of(type)
    if not dtype.is_integer:
        raise DTypeError(f"iinfo: expected an integer dtype, found {dtype}")
    limits = np.iinfo(dtype.numpy)
    return IntegerLimits(dtype.bits, int(limits.max), int(limits.min), dtype)


def isdtype(dtype: DTypeLike | DType, kind: Any) -> builtins.bool:
    """Whether a dtype is of a kind: a dtype, a name of the Array API's kinds, or a tuple of these for any of them.

    The names are "bool", "signed integer", "unsigned integer", "integral", "real floating" (float16 and bfloat16
    among them), "complex floating" and "numeric". ValueError for another name.

    >>> import lazygraph as lg
    >>> lg.isdtype(lg.int8, "integral"), lg.isdtype(lg.bfloat16, (lg.bool, "real floating"))
    (True, True)
    """
    found = as_dtype(dtype)
    if isinstance(kind, tuple):
        return builtins.any(isdtype(found, each) for each in kind)
    if not isinstance(kind, str):
        return found == as_dtype(kind)
    if kind not in KINDS:
        raise ValueError(f"kind: expected a dtype or one of {', '.join(map(repr, KINDS))}, found {kind!r}")
    return found.kind in KINDS[kind]


def can_cast(from_: DTypeLike | DType | TensorLike, to: DTypeLike | DType, /, casting: Any = "safe") -> builtins.bool:
    """Whether a dtype, or a tensor's, can become another one: with "safe", no value may change, as in NumPy.

    >>> import lazygraph as lg
    >>> lg.can_cast(lg.int32, lg.float64), lg.can_cast(lg.int64, lg.int32)
    (True, False)
    """
    return builtins.bool(np.can_cast(_dtype_of(from_).numpy, as_dtype(to).numpy, casting))


def iscomplexobj(x: TensorLike) -> builtins.bool:
    """Whether the dtype of x is a complex one."""
    return value_of(x).dtype.kind == "complex"


def isrealobj(x: TensorLike) -> builtins.bool:
    """Whether the dtype of x is none of the complex ones."""
    return not iscomplexobj(x)


# --- shapes as NumPy asks for them -----------------------------------------------------------------------------------


def shape(x: TensorLike) -> Shape:
    """The extents of a tensor or of what becomes one."""
    return value_of(x).shape


def ndim(x: TensorLike) -> int:
    """The number of axes of a tensor or of what becomes one."""
    return value_of(x).type.rank


def size(x: TensorLike, axis: int | None = None) -> Extent:
    """The number of elements, or the extent of an axis."""
    tensor = Tensor(value_of(x))
    return tensor.size if axis is None else tensor.shape[axis]


def isscalar(x: object) -> builtins.bool:
    """Whether x is a number of Python or NumPy, or a dim: a tensor of rank 0 is not, as in NumPy."""
    return isinstance(x, Dim) or np.isscalar(x)

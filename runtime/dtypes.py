"""The element types of tensors: plain data that every layer shares.

A `DType` names a type in text ("f32" in IR, "float32" for users), gives its NumPy dtype and size, and says what kind of
number it is. Nothing here depends on the rest of the package.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import ml_dtypes
import numpy as np


@dataclass(frozen=True, slots=True, eq=False)
class DType:
    """One element type. `repr` is the user's name.

    Equal to itself by name, and to what names the same dtype in NumPy (`x.dtype == np.float32`), which takes it in turn
    (`np.zeros(3, x.dtype)`).
    """

    name: str  # the user's name: "float32"
    code: str  # the name in IR text: "f32"
    kind: str  # "bool", "int", "uint", "float" or "complex"
    itemsize: int  # bytes; a bool is one byte holding 0 or 1

    @property
    def numpy(self) -> np.dtype:
        """The NumPy dtype of the same bits."""
        return _NUMPY[self.name]

    @property
    def bits(self) -> int:
        return 8 * self.itemsize

    @property
    def is_float(self) -> bool:
        return self.kind == "float"

    @property
    def is_complex(self) -> bool:
        return self.kind == "complex"

    @property
    def part(self) -> DType:
        """The dtype of a complex number's real and imaginary parts; any other dtype is its own."""
        return _PARTS.get(self.name, self)

    @property
    def is_integer(self) -> bool:
        return self.kind in ("int", "uint")

    @property
    def limits(self) -> Any:
        """What `np.finfo` says of a float dtype, or of a complex one's parts: eps, tiny, smallest_subnormal, max."""
        return ml_dtypes.finfo(self.part.numpy)  # type: ignore[no-untyped-call]

    @property
    def lowest(self) -> Any:
        """The least value of a real dtype, -inf of a float: what a maximum begins with."""
        if self.kind == "bool":
            return False
        return np.iinfo(self.numpy).min if self.is_integer else -np.inf

    @property
    def highest(self) -> Any:
        """The greatest value of a real dtype, inf of a float: what a minimum begins with."""
        if self.kind == "bool":
            return True
        return np.iinfo(self.numpy).max if self.is_integer else np.inf

    @property
    def computed_in(self) -> DType:
        """float32 for a half; any other dtype is its own."""
        return float32 if self.is_float and self.itemsize == 2 else self

    @property
    def is_differentiable(self) -> bool:
        """Only inexact numbers have tangents; the tangent of an integer or bool is a symbolic zero."""
        return self.kind in ("float", "complex")

    @property
    def dtype(self) -> np.dtype:
        """What `np.dtype(...)` looks for."""
        return self.numpy

    def __eq__(self, other: object) -> bool:
        if isinstance(other, DType):
            return self.name == other.name
        if isinstance(other, str):
            return self.name == other
        return isinstance(other, np.dtype | type) and _names(other) == self.numpy

    def __hash__(self) -> int:
        return hash(self.name)

    def __repr__(self) -> str:
        return self.name


def _names(dtype: np.dtype | type) -> np.dtype | None:
    """The NumPy dtype of a dtype or a scalar type, in this machine's byte order; None for another type."""
    try:
        return np.dtype(dtype).newbyteorder("=")
    except TypeError:
        return None


bool_ = DType("bool", "bool", "bool", 1)
int8 = DType("int8", "i8", "int", 1)
int16 = DType("int16", "i16", "int", 2)
int32 = DType("int32", "i32", "int", 4)
int64 = DType("int64", "i64", "int", 8)
uint8 = DType("uint8", "u8", "uint", 1)
uint16 = DType("uint16", "u16", "uint", 2)
uint32 = DType("uint32", "u32", "uint", 4)
uint64 = DType("uint64", "u64", "uint", 8)
float16 = DType("float16", "f16", "float", 2)
bfloat16 = DType("bfloat16", "bf16", "float", 2)
float32 = DType("float32", "f32", "float", 4)
float64 = DType("float64", "f64", "float", 8)
complex64 = DType("complex64", "c64", "complex", 8)
complex128 = DType("complex128", "c128", "complex", 16)

INTEGERS = (int8, int16, int32, int64, uint8, uint16, uint32, uint64)
FLOATS = (float16, bfloat16, float32, float64)
COMPLEX = (complex64, complex128)
ALL = (bool_, *INTEGERS, *FLOATS, *COMPLEX)
_PARTS = {"complex64": float32, "complex128": float64}
BY_NAME = {dtype.name: dtype for dtype in ALL}
BY_CODE = {dtype.code: dtype for dtype in ALL}

_NUMPY = {dtype.name: np.dtype(dtype.name) for dtype in ALL if dtype is not bfloat16}
_NUMPY["bfloat16"] = np.dtype(ml_dtypes.bfloat16)
_FROM_NUMPY = {dtype.numpy: dtype for dtype in ALL}


def from_numpy(dtype: object) -> DType:
    """The `DType` of a NumPy dtype or anything `np.dtype` accepts; TypeError names one we do not have."""
    if isinstance(dtype, DType):
        return dtype
    found = _FROM_NUMPY.get(np.dtype(dtype).newbyteorder("="))  # type: ignore[call-overload]
    if found is None:
        raise TypeError(f"dtype {np.dtype(dtype)} is not supported: expected one of {', '.join(BY_NAME)}")  # type: ignore[call-overload]
    return found

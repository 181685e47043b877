"""What callers pass, made into arrays that compiled code can read; or an error that names the argument.

In: a parameter and any Python object. Out: a C-contiguous, aligned array of exactly the parameter's dtype. Arrays and
NumPy scalars convert where no value can change (np.can_cast "safe"); Python numbers and nested lists convert to any
dtype of their kind or a wider one (bool < int < float < complex) that holds them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lazygraph.runtime.artifact import Parameter

_KINDS = {"b": 0, "i": 1, "u": 1, "f": 2, "c": 3}


def shape_text(shape: Sequence[int | None]) -> str:
    texts = ["any" if extent is None else str(extent) for extent in shape]
    return f"({', '.join(texts)}{',' if len(texts) == 1 else ''})"


def normalise(parameter: Parameter, value: Any) -> NDArray[Any]:
    """The array to read. TypeError for what has no such dtype, ValueError for another rank or extent."""
    array = _convert(parameter, value)
    expected = parameter.shape
    fits = array.ndim == len(expected) and all(
        want is None or want == have for want, have in zip(expected, array.shape)
    )
    if not fits:
        raise ValueError(
            f"argument {parameter.name!r}: expected shape {shape_text(expected)}, found {shape_text(array.shape)}"
        )
    return np.require(array, parameter.dtype.numpy, ["C_CONTIGUOUS", "ALIGNED"]).view(np.ndarray)


def _convert(parameter: Parameter, value: Any) -> NDArray[Any]:
    """An array of the parameter's dtype, up to byte order."""
    dtype = parameter.dtype.numpy
    if isinstance(value, np.ma.MaskedArray):
        raise TypeError(f"argument {parameter.name!r}: expected an array, found a masked array: fill it first")
    try:
        found = np.asarray(value)
    except Exception as error:
        raise TypeError(
            f"argument {parameter.name!r}: expected {parameter.dtype}, found {type(value).__name__}: {error}"
        ) from error
    if isinstance(value, np.ndarray | np.generic) or not isinstance(value, bool | int | float | complex | list | tuple):
        if not np.can_cast(found.dtype, dtype, "safe"):
            what = found.dtype if found.dtype.kind in "biufc" or isinstance(value, np.ndarray) else type(value).__name__
            raise TypeError(f"argument {parameter.name!r}: expected dtype {parameter.dtype}, found {what}")
        return found
    if found.size and _KINDS.get(found.dtype.kind, 4) > _KINDS.get(dtype.kind, 2):
        raise TypeError(f"argument {parameter.name!r}: expected dtype {parameter.dtype}, found Python's {found.dtype}")
    try:
        return np.asarray(value, dtype)
    except OverflowError as error:
        raise TypeError(f"argument {parameter.name!r}: {parameter.dtype} does not hold the value: {error}") from error


def check_output(parameter: Parameter, value: Any, shape: tuple[int, ...]) -> NDArray[Any]:
    """An array that the caller offers for an output, as it is; TypeError or ValueError says why it does not fit."""
    name, dtype = parameter.name, parameter.dtype.numpy
    if type(value) is not np.ndarray or value.dtype != dtype or not value.dtype.isnative:
        found = f"{value.dtype} {type(value).__name__}" if isinstance(value, np.ndarray) else type(value).__name__
        raise TypeError(f"out for {name!r}: expected a plain ndarray of dtype {dtype}, found {found}")
    if value.shape != shape:
        raise ValueError(f"out for {name!r}: expected shape {shape_text(shape)}, found {shape_text(value.shape)}")
    if not (value.flags.c_contiguous and value.flags.aligned and value.flags.writeable):
        raise ValueError(f"out for {name!r}: expected a writeable, aligned and C-contiguous array")
    return value

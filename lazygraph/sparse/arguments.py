"""Matrices of SciPy as arguments of compiled functions, and back.

In: what a caller hands over for a sparse placeholder. Out: a handle over NumPy arrays. SciPy is only asked for by who
has a matrix of it; a function itself takes and gives plain arrays.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from lazygraph.sparse.matrix import Sparse

NARROW = 2**31  # indices and offsets below it are int32


def adopted(kind: type[Sparse], value: Any, name: str) -> Sparse:
    """The value as a handle of this kind; TypeError says what was expected."""
    if isinstance(value, kind):
        return value
    convert = getattr(value, "tocsc" if kind.major else "tocsr", None)
    if convert is None or len(value.shape) != 2:
        expected = f"a matrix of scipy.sparse or an lg.sparse.{kind.__name__}"
        raise TypeError(f"{name}: expected {expected}, found {type(value).__name__}")
    found = convert()
    return of_arrays(kind, found.data, found.indices, found.indptr, found.shape)


def of_arrays(kind: type[Sparse], data: Any, indices: Any, indptr: Any, shape: tuple[int, int]) -> Sparse:
    """A handle over arrays, with indices as narrow as the extents allow."""
    inner = shape[0] if kind.major else shape[1]
    narrow = inner < NARROW and len(data) < NARROW
    indices, indptr = (_as_indices(each, np.int32 if narrow else np.int64) for each in (indices, indptr))
    return kind(np.asarray(data), indices, indptr, np.empty((inner, 0), np.bool_))


def _as_indices(array: Any, dtype: type[np.signedinteger]) -> np.ndarray:
    """In this dtype, what it cannot hold as -1: an index outside stays one, and is not wrapped into the matrix."""
    found = np.asarray(array)
    if found.dtype.itemsize > np.dtype(dtype).itemsize:
        found = np.where((found < 0) | (found >= NARROW), -1, found)
    return found.astype(dtype, copy=False)


def to_scipy(a: Sparse) -> Any:
    """The same arrays as a matrix of SciPy."""
    from lazygraph.sparse.files import required

    sparse = required("scipy.sparse", "to_scipy")
    data, indices, indptr = (np.asarray(each) for each in (a.data, a.indices, a.indptr))
    kind = sparse.csc_matrix if a.major else sparse.csr_matrix
    return kind((data, indices, indptr), shape=a.shape)

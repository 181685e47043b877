"""Sparse data sets in files: svmlight's format, by scikit-learn's reader.

In: a path. Out: a matrix over NumPy arrays, and labels. The libraries are the extra `sparse`; an error names it.
"""

from __future__ import annotations

import importlib
from os import PathLike
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from lazygraph.promotion import as_dtype
from lazygraph.runtime import dtypes
from lazygraph.runtime.dtypes import DType
from lazygraph.sparse.arguments import of_arrays

if TYPE_CHECKING:
    from lazygraph.sparse.matrix import CSR


def required(module: str, name: str) -> Any:
    """A library of the extra `sparse`; ModuleNotFoundError says how to get it."""
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        package = module.partition(".")[0].replace("sklearn", "scikit-learn")
        raise ModuleNotFoundError(f"lg.sparse.{name} needs {package}: pip install 'lazygraph[sparse]'") from error


def load_svmlight(
    path: str | PathLike[str], columns: int | None = None, dtype: DTypeLike | DType = dtypes.float64
) -> tuple[CSR, NDArray[Any]]:
    """The matrix and the labels of a file in svmlight's (libsvm's) format: `label column:value column:value ...`.

    The matrix is of `columns` columns, as many as the file names unless told, and holds NumPy arrays: hand it to a
    compiled function, or make it a constant of a graph by `lg.sparse.constant`. Indices that begin with 1 are moved to
    begin with 0. Raises ModuleNotFoundError without scikit-learn (the extra `sparse`), ValueError for a file that is
    not in this format or names more columns.

    >>> import lazygraph as lg, tempfile
    >>> with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
    ...     print("+1 1:0.5 3:2", "-1 2:1", sep="\\n", file=file, flush=True)
    ...     matrix, labels = lg.sparse.load_svmlight(file.name, columns=4)
    >>> matrix, labels
    (<CSR float64 (2, 4), 3 entries>, array([ 1., -1.]))
    """
    from lazygraph.sparse.matrix import CSR

    datasets = required("sklearn.datasets", "load_svmlight")
    found, labels = datasets.load_svmlight_file(str(path), n_features=columns, dtype=as_dtype(dtype).numpy)
    found.sum_duplicates()
    matrix = of_arrays(CSR, found.data, found.indices, found.indptr, found.shape)
    assert isinstance(matrix, CSR)
    return matrix, np.asarray(labels)

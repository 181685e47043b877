"""Sparse matrices as placeholders, constants and variables, and out of triplets.

In: shapes; matrices of SciPy, of this package, or dense arrays; triplets (value, row, column). Out: `CSR` and `CSC`.
"""

from __future__ import annotations

from typing import Any, cast

import numpy as np
from numpy.typing import DTypeLike

import lazygraph as lg
from lazygraph.compiler.ir.dims import Dim, Extent, Shape
from lazygraph.compiler.ir.errors import ShapeError
from lazygraph.compiler.ir.graph import TensorType, Value, serials
from lazygraph.compiler.ops.compose import emit
from lazygraph.compiler.ops.record import OPS, zeros
from lazygraph.dims import ShapeLike, aligned, as_extent, as_shape, could_be_same, dim
from lazygraph.errors import require_name, shape_text
from lazygraph.frames import traced
from lazygraph.promotion import as_dtype, as_float, value_of
from lazygraph.promotion import cast as converted
from lazygraph.runtime import dtypes
from lazygraph.runtime.dtypes import DType
from lazygraph.sparse.conversion import no_elements
from lazygraph.sparse.matrix import CSC, CSR, Sparse
from lazygraph.tensor import Tensor, TensorLike

KINDS: dict[str, type[Sparse]] = {"csr": CSR, "csc": CSC}


@traced
def placeholder(
    shape: ShapeLike,
    dtype: DTypeLike | DType = dtypes.float32,
    name: str | None = None,
    *,
    format: str = "csr",
    nnz: int | Dim | None = None,
    index_dtype: DTypeLike | DType = dtypes.int32,
) -> Any:
    """An argument of a function: a sparse matrix that the caller hands over, of SciPy in any format or of `lg.sparse`.

    Extents are ints or dims. The number of entries is `nnz`, unless told a dim of its own: one compilation serves
    every matrix. `format` is "csr" or "csc"; a caller's matrix of another format is converted by SciPy. Values are of
    `dtype`, indices of `index_dtype`, int32 or int64. A call raises TypeError or CheckFailed for a matrix that does not
    fit, and CheckFailed for indices outside it.

    >>> import lazygraph as lg, numpy as np, scipy.sparse
    >>> a = lg.sparse.placeholder((lg.dim("n"), 3), lg.float64, "a")
    >>> f = lg.function([a], a @ np.ones(3))
    >>> f(scipy.sparse.csr_matrix([[0.0, 1.0, 0.0], [2.0, 0.0, 3.0]]))
    array([1., 5.])
    """
    if name is not None:
        require_name("a placeholder", name)
    kind = _kind(format)
    indices_dtype = as_dtype(index_dtype)
    if indices_dtype.name not in ("int32", "int64"):
        raise lg.DTypeError(f"index_dtype: expected int32 or int64, found {indices_dtype}")
    extents = _matrix_shape(as_shape(shape))
    label = name or f"sparse{next(serials)}"
    entries: Extent = dim(f"{label}_nnz") if nnz is None else as_extent(nnz)
    outer, inner = extents[kind.major], extents[1 - kind.major]
    return kind(
        lg.placeholder((entries,), dtype, f"{label}_data"),
        lg.placeholder((entries,), indices_dtype, f"{label}_indices"),
        lg.placeholder((outer + 1,), indices_dtype, f"{label}_indptr"),
        lg.placeholder((inner, 0), dtypes.bool_, f"{label}_{'rows' if kind.major else 'columns'}"),
    )


def _kind(format: str) -> type[Sparse]:
    if format not in KINDS:
        raise ValueError(f"format: expected {' or '.join(KINDS)}, found {format!r}")
    return KINDS[format]


def _matrix_shape(shape: Shape) -> Shape:
    if len(shape) != 2:
        raise ShapeError(f"a sparse matrix has two axes, found {shape_text(shape)}")
    return shape


@traced
def constant(matrix: Any, dtype: DTypeLike | DType | None = None) -> Any:
    """A matrix of SciPy, of `lg.sparse` over arrays, or a dense array, as a constant of a graph.

    What is compressed by columns stays so (`CSC`), everything else is by rows. Entries are copied, brought into order,
    those of one place added. Raises ValueError where the arrays of a matrix contradict each other.

    >>> import lazygraph as lg
    >>> lg.sparse.constant([[0, 1.5], [0, 0]])
    <CSR float64 (2, 2), 1 entries>
    """
    kind, data, rows, columns, shape = _triplets(matrix)
    return _ordered(kind, _values(data, dtype), rows, columns, shape)


@traced
def variable(matrix: Any, name: str | None = None, dtype: DTypeLike | DType | None = None) -> Any:
    """As `constant`, with a variable for the values: a weight whose pattern is fixed.

    >>> import lazygraph as lg
    >>> w = lg.sparse.variable([[0, 1.5], [0, 0]], "w")
    >>> step = lg.function([], w.sum(), updates={w.data: w.data * 2})
    >>> float(step()), float(step())
    (1.5, 3.0)
    """
    fixed = constant(matrix, dtype)
    values = lg.variable(fixed.data, name)
    return type(fixed)(values, fixed.indices, fixed.indptr, fixed.extent)


@traced
def from_coo(data: TensorLike, rows: TensorLike, columns: TensorLike, shape: ShapeLike) -> CSR:
    """A matrix by rows out of triplets in any order: values, and the row and the column of each.

    Values of one place are added. Where all three are known when the graph is built, there is one entry for each place;
    else as many as there are triplets, those of a place being its sum and zeros, brought into order in the graph by
    counting. Raises ShapeError where the lengths differ, ValueError for an index outside, or CheckFailed out of a call.

    >>> import lazygraph as lg
    >>> lg.sparse.from_coo([1.0, 2.0, 3.0], [1, 0, 1], [0, 2, 0], (2, 3)).todense().eval()
    array([[0., 0., 2.],
           [4., 0., 0.]])
    """
    extents = _matrix_shape(as_shape(shape))
    arrays = [value_of(each) for each in (data, rows, columns)]
    for each in arrays:
        if len(each.shape) != 1 or not could_be_same(each.shape[0], arrays[0].shape[0]):
            raise ShapeError(
                f"expected three vectors of one length, found {', '.join(shape_text(x.shape) for x in arrays)}"
            )
    known = [each.node["value"] for each in arrays if each.node.op.name == "constant"]
    if len(known) == 3 and all(isinstance(extent, int) for extent in extents):
        found = _ordered(CSR, _values(known[0], None), known[1], known[2], cast("tuple[int, int]", extents))
        assert isinstance(found, CSR)
        return found
    return _sorted(arrays[0], [aligned(each, arrays[0].shape) for each in arrays[1:]], extents)


# --- constants --------------------------------------------------------------------------------------------------------


def _values(data: Any, dtype: DTypeLike | DType | None) -> np.ndarray:
    """Floats as they are, other numbers as float64, unless told."""
    array = np.asarray(data)
    wanted = as_dtype(array.dtype if dtype is None else dtype)
    for each in (as_dtype(array.dtype), wanted):
        if each.is_complex:
            raise lg.DTypeError(f"expected real values, found {each}: sparse matrices are of real numbers")
    return array.astype((wanted if wanted.is_float else dtypes.float64).numpy)


def _triplets(matrix: Any) -> tuple[type[Sparse], np.ndarray, np.ndarray, np.ndarray, tuple[int, int]]:
    """(kind, values, rows, columns, shape) of anything that is a matrix and known."""
    if hasattr(matrix, "tocoo"):
        found = matrix.tocoo()
        kind: type[Sparse] = CSC if getattr(matrix, "format", "") == "csc" else CSR
        return kind, found.data, found.row, found.col, found.shape
    if isinstance(matrix, Sparse):
        data, indices, indptr = (np.asarray(each) for each in (matrix.data, matrix.indices, matrix.indptr))
        if len(data) != len(indices):
            raise ValueError(f"expected a value and an index for each entry, found {len(data)} and {len(indices)}")
        outer = _outer(indptr, len(indices))
        rows, columns = (indices, outer) if matrix.major else (outer, indices)
        return type(matrix), data, rows, columns, cast("tuple[int, int]", matrix.shape)
    dense = np.asarray(matrix)
    if dense.ndim != 2:
        raise ShapeError(f"a sparse matrix has two axes, found {shape_text(dense.shape)}")
    rows, columns = np.nonzero(dense)
    return CSR, dense[rows, columns], rows, columns, cast("tuple[int, int]", dense.shape)


def _outer(indptr: np.ndarray, entries: int) -> np.ndarray:
    """The row (of CSC: the column) of each entry; ValueError for offsets that do not rise from 0 to their number."""
    counts = np.diff(indptr)
    if len(indptr) == 0 or indptr[0] != 0 or indptr[-1] != entries or np.any(counts < 0):
        raise ValueError(f"indptr: expected offsets that rise from 0 to {entries}, found {indptr}")
    return np.repeat(np.arange(len(counts)), counts)


def _ordered(
    kind: type[Sparse], data: np.ndarray, rows: np.ndarray, columns: np.ndarray, shape: tuple[int, int]
) -> Sparse:
    """Entries in order, those of one place added in the order in which they were given."""
    for name, index, extent in (("row", rows, shape[0]), ("column", columns, shape[1])):
        if not np.issubdtype(index.dtype, np.integer) and index.size:
            raise lg.DTypeError(f"{name} indices: expected integers, found {index.dtype}")
        if index.size and (index.min() < 0 or index.max() >= extent):
            outside = index[(index < 0) | (index >= extent)][0]
            raise ValueError(f"{name} index {outside} is out of bounds for an axis of extent {extent}")
    outer, inner = (columns, rows) if kind.major else (rows, columns)
    outer, inner = outer.astype(np.int64), inner.astype(np.int64)
    same = outer[1:] == outer[:-1]
    if not np.all((outer[1:] > outer[:-1]) | same & (inner[1:] >= inner[:-1])):
        order = np.lexsort((inner, outer))
        data, outer, inner = data[order], outer[order], inner[order]
    begins = np.ones(len(data), np.bool_)
    begins[1:] = (outer[1:] != outer[:-1]) | (inner[1:] != inner[:-1])
    values = np.zeros(np.count_nonzero(begins), data.dtype)
    np.add.at(values, np.cumsum(begins) - 1, data)
    offsets = np.searchsorted(outer[begins], np.arange(shape[kind.major] + 1))
    narrow = np.int32 if max(*shape, len(values)) < 2**31 else np.int64
    return kind(
        lg.constant(values),
        lg.constant(inner[begins].astype(narrow)),
        lg.constant(offsets.astype(narrow)),
        Tensor(no_elements(shape[1 - kind.major])),
    )


# --- in the graph -----------------------------------------------------------------------------------------------------


def _sorted(data: Value, places: list[Value], extents: Shape) -> CSR:
    """By columns, then stably by rows; of entries at one place the first has the sum, the others 0."""
    rows, columns = places
    for name, each in (("row", rows), ("column", columns)):
        if not each.dtype.is_integer:
            raise lg.DTypeError(f"{name} indices: expected integers, found {each.dtype}")
    rows, columns = (converted(each, dtypes.int64) for each in places)
    by_column, _ = OPS["counting_order"](columns, shape=(extents[1],))
    by_row, offsets = OPS["counting_order"](_taken(rows, by_column), shape=(extents[0],))
    order = _taken(by_column, by_row)
    row, column, values = (Tensor(_taken(each, order)) for each in (rows, columns, as_float(data)))
    begins = lg.logical_or(_differs(row), _differs(column))
    group = lg.cumsum(lg.astype(begins, lg.int64)) - 1
    totals = emit(
        "scatter_add", zeros(TensorType(values.dtype, values.shape)), values.value, group.value, axes=(0,), mode="clip"
    )
    summed = lg.where(begins, Tensor(_taken(totals, group.value)), lg.zeros_like(values))
    return CSR(summed, column, Tensor(offsets), Tensor(no_elements(extents[1])))


def _taken(x: Value, order: Value) -> Value:
    return emit("gather", x, order, axes=(0,), mode="clip")


def _differs(x: Tensor) -> Tensor:
    """Whether each element is another than the one before it; the first is."""
    place = lg.arange(x.shape[0])
    before = Tensor(_taken(x.value, lg.maximum(place - 1, 0).value))
    return lg.logical_or(place == 0, x != before)

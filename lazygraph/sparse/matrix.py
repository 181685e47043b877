"""What a user holds of a sparse matrix: four arrays, and the operations on them.

In: tensors, or the NumPy arrays that a compiled function gave back. Out: `CSR` and `CSC`, plain dataclasses, which
therefore nest like any other in inputs and outputs of functions. The extent that the offsets do not tell is that of an
array without elements, so that a call knows it, holds it against other extents, and no field is anything but an array.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import lazygraph as lg
from lazygraph.compiler.ir.dims import Extent, Shape
from lazygraph.errors import shape_text
from lazygraph.runtime.dtypes import DType, from_numpy
from lazygraph.sparse import arguments, arithmetic, conversion, products, reductions, slicing
from lazygraph.tensor import Tensor, TensorLike


@dataclass(frozen=True, eq=False, repr=False)
class Sparse:
    """A compressed sparse matrix: `CSR` by rows, `CSC` by columns.

    `data` holds the values of the stored entries, row after row (column after column); `indices` the column (row) of
    each, int32 or int64, in any order; `indptr` where each row (column) begins, one number more than there are. Other
    entries are 0, and are not computed with: beside an infinity they are still 0. Where a place occurs twice, products,
    sums and `todense` add its entries; `max`, `min`, `norm` and `map` see each by itself, as if at places of their own.

    Indices outside the matrix, and offsets that do not rise from 0 to the number of entries, raise CheckFailed out of
    the call that uses them.
    """

    data: Any
    indices: Any
    indptr: Any
    extent: Any  # of shape (columns, 0); of CSC (rows, 0)

    major: ClassVar[int]  # the axis along which the matrix is compressed
    __array_ufunc__ = None  # so that `array @ matrix` asks the matrix
    __iter__ = None  # Python would count through `__getitem__`

    # --- what it is --------------------------------------------------------------------------------------------------

    @property
    def shape(self) -> Shape:
        """(rows, columns): ints, and dims where they are symbolic."""
        outer, inner = self.indptr.shape[0] - 1, self.extent.shape[0]
        return (inner, outer) if self.major else (outer, inner)

    @property
    def nnz(self) -> Extent:
        """The number of stored entries, zeros among them counted."""
        found: Extent = self.data.shape[0]
        return found

    @property
    def dtype(self) -> DType:
        """The dtype of the values."""
        return self.data.dtype if isinstance(self.data, Tensor) else from_numpy(self.data.dtype)

    @property
    def ndim(self) -> int:
        """The number of axes: 2."""
        return 2

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.dtype} {shape_text(self.shape)}, {self.nnz} entries>"

    # --- the same entries in another form ----------------------------------------------------------------------------

    @property
    def T(self) -> Sparse:
        """The transpose: the same arrays, read by the other axis; nothing is copied.

        >>> import lazygraph as lg
        >>> lg.sparse.from_coo([1.0, 2.0], [0, 1], [2, 0], (2, 3)).T
        <CSC float64 (3, 2), 2 entries>
        """
        return conversion.transposed(self)

    def tocsr(self) -> CSR:
        """By rows: itself, or its entries in a new order."""
        found = conversion.by_axis(self, 0)
        assert isinstance(found, CSR)
        return found

    def tocsc(self) -> CSC:
        """By columns: itself, or its entries in a new order, those of a column by rows as they stand.

        >>> import lazygraph as lg
        >>> lg.sparse.from_coo([1.0, 2.0, 3.0], [0, 1, 1], [2, 0, 2], (2, 3)).tocsc().data.eval()
        array([2., 1., 3.])
        """
        found = conversion.by_axis(self, 1)
        assert isinstance(found, CSC)
        return found

    def todense(self) -> Tensor:
        """A tensor of the matrix's shape, zeros where there is no entry.

        >>> import lazygraph as lg
        >>> lg.sparse.from_coo([1.0, 2.0], [0, 1], [2, 0], (2, 3)).todense().eval()
        array([[0., 0., 1.],
               [2., 0., 0.]])
        """
        return conversion.to_dense(self)

    def diagonal(self) -> Tensor:
        """The entries (i, i): a vector of the lesser of the extents.

        >>> import lazygraph as lg
        >>> lg.sparse.from_coo([1.0, 2.0], [0, 1], [2, 1], (2, 3)).diagonal().eval()
        array([0., 2.])
        """
        return conversion.diagonal(self)

    def to_scipy(self) -> Any:
        """The `scipy.sparse` matrix of a result of a compiled function, or of one that depends on no placeholder.

        ModuleNotFoundError without SciPy (the extra `sparse`).
        """
        return arguments.to_scipy(self)

    def __getitem__(self, key: Any) -> Self:
        """Neighbouring rows of a CSR, a[i:j], or columns of a CSC, a[:, i:j]; the values are a slice of the values.

        The pattern is one that is known when the graph is built, of a constant or variable; else UnknownValueError.

        >>> import lazygraph as lg
        >>> lg.sparse.from_coo([1.0, 2.0, 3.0], [0, 1, 2], [2, 0, 1], (3, 3))[1:].todense().eval()
        array([[2., 0., 0.],
               [0., 3., 0.]])
        """
        return slicing.sliced(self, key)

    def with_data(self, data: TensorLike) -> Self:
        """The same pattern with other values: a vector with one for each entry, such as a gradient.

        ShapeError for another number of values.
        """
        return arithmetic.with_data(self, data)

    @classmethod
    def __adopt__(cls, value: Any, name: str) -> Sparse:
        """What stands for such a placeholder in a call: a matrix of SciPy in any format, or of this class."""
        return arguments.adopted(cls, value, name)

    # --- products ----------------------------------------------------------------------------------------------------

    def __matmul__(self, other: TensorLike) -> Tensor:
        return products.matmul(self, other)

    def __rmatmul__(self, other: TensorLike) -> Tensor:
        return products.rmatmul(other, self)

    def sampled_dot(self, x: TensorLike, y: TensorLike) -> Self:
        """x y' at the places of the entries, whatever their values: dot products of rows of x and of y.

        x is of shape (rows,) or (rows, k), y of shape (columns,) or (columns, k). The product is never made elsewhere.

        >>> import lazygraph as lg
        >>> pattern = lg.sparse.from_coo([1.0, 1.0], [0, 1], [2, 0], (2, 3))
        >>> pattern.sampled_dot([10.0, 20.0], [1.0, 2.0, 3.0]).data.eval()
        array([30., 20.])
        """
        return products.sampled_dot(self, x, y)

    # --- arithmetic that keeps the pattern ---------------------------------------------------------------------------

    def __mul__(self, other: Any) -> Self:
        return arithmetic.multiply(self, other)

    def __rmul__(self, other: Any) -> Self:
        return arithmetic.multiply(self, other)

    def __truediv__(self, other: Any) -> Self:
        return arithmetic.divide(self, other)

    def __add__(self, other: Any) -> Self:
        return arithmetic.add(self, other)

    def __sub__(self, other: Any) -> Self:
        return arithmetic.subtract(self, other)

    def __neg__(self) -> Self:
        return self.map(lg.negative)

    def __abs__(self) -> Self:
        return self.map(lg.abs)

    def map(self, function: Callable[[Tensor], Tensor]) -> Self:
        """A function of the values, element by element, which is 0 at 0, so that the other entries stay 0.

        ValueError where it is not, which is tried where the function depends on no placeholder.

        >>> import lazygraph as lg
        >>> lg.sparse.from_coo([4.0, 9.0], [0, 1], [2, 0], (2, 3)).map(lg.sqrt).data.eval()
        array([2., 3.])
        """
        return arithmetic.mapped(self, function)

    # --- reductions --------------------------------------------------------------------------------------------------

    def sum(self, axis: int | None = None) -> Tensor:
        """The sum of all entries, or of those of each column (axis 0) or row (axis 1).

        >>> import lazygraph as lg
        >>> lg.sparse.from_coo([1.0, 2.0, 4.0], [0, 1, 1], [2, 0, 2], (2, 3)).sum(0).eval()
        array([2., 0., 5.])
        """
        return reductions.sum(self, axis)

    def mean(self, axis: int | None = None) -> Tensor:
        """The mean of all entries, of each column (axis 0) or row (axis 1), zeros counted."""
        return reductions.mean(self, axis)

    def max(self, axis: int | None = None) -> Tensor:
        """The greatest entry of the matrix, of each column (axis 0) or row (axis 1), zeros counted; NaN where there is
        one, and -inf where the axis has no extent.

        >>> import lazygraph as lg
        >>> lg.sparse.from_coo([-1.0, -2.0, -4.0], [0, 1, 0], [1, 0, 0], (2, 2)).max(1).eval()
        array([-1.,  0.])
        """
        return reductions.max(self, axis)

    def min(self, axis: int | None = None) -> Tensor:
        """The least entry, as `max`."""
        return reductions.min(self, axis)

    def norm(self, axis: int | None = None) -> Tensor:
        """The root of the sum of the squares of the entries: all, of each column (axis 0) or of each row (axis 1).

        Squares are not scaled: those of numbers beyond the root of the greatest float are infinite. The derivative is 0
        where the norm is.

        >>> import lazygraph as lg
        >>> lg.sparse.from_coo([3.0, 4.0], [0, 1], [2, 0], (2, 3)).norm().eval()
        array(5.)
        """
        return reductions.norm(self, axis)


class CSR(Sparse):
    """A sparse matrix compressed by rows: `data`, `indices` (columns) and `indptr` (where rows begin)."""

    major = 0


class CSC(Sparse):
    """A sparse matrix compressed by columns: `data`, `indices` (rows) and `indptr` (where columns begin)."""

    major = 1

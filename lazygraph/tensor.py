"""What a user holds: a light handle over one value of the graph.

In: a value. Out: a `Tensor` with NumPy's operators and methods, each one call of the function of that name. Tensors
hash by identity, so `==` may be elementwise. A tensor that depends on no placeholder evaluates where Python needs a
number.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import ModuleType
from typing import TYPE_CHECKING, Any, Union

import numpy as np
from numpy.typing import DTypeLike, NDArray

import lazygraph as lg
from lazygraph.compiler.ir import dims
from lazygraph.compiler.ir.dims import Extent, Shape
from lazygraph.compiler.ir.graph import Value, topological
from lazygraph.compiler.ops.record import OPS
from lazygraph.devices import DEVICES, DLPACK_CPU, require_device
from lazygraph.dims import as_shape
from lazygraph.errors import UnknownValueError, shape_text
from lazygraph.frames import traced
from lazygraph.runtime.dtypes import DType
from lazygraph.structure import flatten, unflatten

if TYPE_CHECKING:
    from lazygraph.updates import At

__all__ = ["Tensor"]

Axes = Union[int, Sequence[int], None]


class Tensor:
    """A symbolic array: an expression that `lg.function` compiles.

    Made by `lg.placeholder`, `lg.variable`, `lg.constant` and the functions of this package, never directly by a user.
    Operators follow NumPy: shapes broadcast, dtypes promote, Python numbers adapt to the tensor beside them.

    >>> import lazygraph as lg
    >>> x = lg.placeholder((2, 3), lg.float32, "x")
    >>> (x.T @ x + 1).shape
    (3, 3)
    >>> x
    <Tensor x: float32 (2, 3)>
    """

    __slots__ = ("value", "__weakref__")
    __array_ufunc__ = None  # so that `array + tensor` asks the tensor

    def __init__(self, value: Value) -> None:
        self.value = value

    # --- what it is --------------------------------------------------------------------------------------------------

    @property
    def dtype(self) -> DType:
        return self.value.type.dtype

    @property
    def shape(self) -> Shape:
        """The extents: ints, and dims where they are symbolic."""
        return self.value.type.shape

    @property
    def ndim(self) -> int:
        return len(self.value.type.shape)

    @property
    def size(self) -> Extent:
        """The number of elements."""
        return dims.product(self.shape)

    @property
    def device(self) -> str:
        """Where the elements are: "cpu"."""
        return DEVICES[0]

    @property
    def itemsize(self) -> int:
        """The bytes of one element."""
        return self.dtype.itemsize

    @property
    def nbytes(self) -> Extent:
        """The bytes of all elements."""
        return dims.multiply(self.size, self.itemsize)

    @property
    def name(self) -> str | None:
        """The name of a placeholder or variable; None for an expression."""
        node = self.value.node
        return str(node["name"]) if node.op.name == "parameter" else None

    def __repr__(self) -> str:
        node = self.value.node
        place = f" at {node.frames[0]}" if node.frames and self.name is None else ""
        return f"<Tensor {self.name or node.op.name}: {self.dtype} {shape_text(self.shape)}{place}>"

    __hash__ = object.__hash__

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("a tensor of rank 0 has no length")
        extent = self.shape[0]
        if not isinstance(extent, int):
            raise TypeError(f"the length {extent} is symbolic: use .shape[0], which is an extent and not a number")
        return extent

    def __iter__(self) -> Iterator[Tensor]:
        return iter([self[index] for index in range(len(self))])

    # --- its value ---------------------------------------------------------------------------------------------------

    def eval(self, values: Mapping[Tensor, Any] | None = None) -> NDArray[Any]:
        """Compile this expression and run it on the spot, with an array for each placeholder it depends on.

        Meant for looking at values; a function that is called more than once is made by `lg.function`.

        >>> import lazygraph as lg
        >>> x = lg.placeholder((2,), lg.float32, "x")
        >>> (x * 2).eval({x: [1, 2]})
        array([2., 4.], dtype=float32)
        """
        given = dict(values or {})
        for each in given:
            if not isinstance(each, Tensor):
                raise TypeError(f"eval: expected {{placeholder: array}}, found the key {each!r}")
        missing = [
            name for name, value in self._placeholders().items() if all(value is not each.value for each in given)
        ]
        if missing:
            raise ValueError(f"eval of {self!r} needs a value for {', '.join(missing)}: pass {{placeholder: array}}")
        return np.asarray(lg.function(list(given), self)(*given.values()))

    def _placeholders(self) -> dict[str, Value]:
        """The placeholders that the value depends on, by name."""
        found = [node.output for node in topological([self.value]) if node.op.name == "parameter"]
        return {each.node["name"]: each for each in found if each.node["kind"] == "input"}

    def _evaluated(self, wanted: str, instead: str) -> NDArray[Any]:
        """The value of a tensor that depends on no placeholder; the error says what to use for one that does."""
        node = self.value.node
        if node.op.name == "constant":
            return np.array(node["value"])
        placeholders = self._placeholders()
        if placeholders:
            raise UnknownValueError(
                f"{wanted} of {self!r} is not known when the graph is built: it depends on the placeholder"
                f"{'s' if len(placeholders) > 1 else ''} {', '.join(placeholders)}. {instead}"
            )
        return self.eval()

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> NDArray[Any]:
        array = self._evaluated(
            "the array", "Use lazygraph's function of the same name, or .eval({placeholder: array})."
        )
        return array if dtype is None else array.astype(dtype)

    def __array_function__(self, func: Any, types: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """`np.f(x, ...)` is `lg.f(x, ...)`; where there is no such function here, it is NumPy's, of the evaluated x."""
        ours = getattr(lg, func.__name__, None)
        if ours is not None and getattr(np, func.__name__, None) is func:
            return ours(*args, **kwargs)
        leaves, structure = flatten((list(args), dict(kwargs)))
        known = [np.asarray(each) if isinstance(each, Tensor) else each for each in leaves]
        arrays, options = unflatten(structure, known)
        return func(*arrays, **options)

    def __bool__(self) -> bool:
        return bool(self._evaluated("the truth", "Use lg.where(condition, x, y), or .eval({placeholder: array})."))

    def __int__(self) -> int:
        return int(self._evaluated("the int", "Use .astype(lg.int64), or .eval({placeholder: array})."))

    def __index__(self) -> int:
        if not self.dtype.is_integer or self.shape:
            raise TypeError(f"an index is an integer scalar; found {self!r}")
        return int(self)

    def __float__(self) -> float:
        return float(self._evaluated("the float", "Use .astype(lg.float64), or .eval({placeholder: array})."))

    def __complex__(self) -> complex:
        return complex(self._evaluated("the complex", "Use .astype(lg.complex128), or .eval({placeholder: array})."))

    def __format__(self, form: str) -> str:
        """The text of the tensor; with a format that of its number, of a scalar that depends on no placeholder."""
        if not form or self.shape:
            return super().__format__(form)
        return format(self._evaluated("the text", "Use .eval({placeholder: array}).").item(), form)

    def item(self, *place: Any) -> Any:
        """One element as a Python number, of a tensor that depends on no placeholder: the only one, or that at a place.

        A place is an index for each axis, or one among the flattened elements.
        """
        return self._evaluated("the item", "Use .eval({placeholder: array}).").item(*place)

    def tolist(self) -> Any:
        """The elements as nested lists, of a tensor that depends on no placeholder."""
        return self._evaluated("the list", "Use .eval({placeholder: array}).").tolist()

    # --- the Array API's protocol ------------------------------------------------------------------------------------

    def __array_namespace__(self, /, *, api_version: str | None = None) -> ModuleType:
        """This package, as the Array API's namespace. ValueError for a version of the standard that it is not."""
        if api_version not in (None, lg.__array_api_version__):
            raise ValueError(f"api_version: expected {lg.__array_api_version__!r}, found {api_version!r}")
        return lg

    def to_device(self, device: str, /, *, stream: None = None) -> Tensor:
        """This tensor, on the device it is on: "cpu". ValueError for another one, and for a stream, which it lacks."""
        require_device(device)
        if stream is not None:
            raise ValueError(f"stream: the CPU has none; found {stream!r}")
        return self

    def __dlpack__(self, /, **options: Any) -> Any:
        """The evaluated elements as a DLPack capsule, of a tensor that depends on no placeholder."""
        return self._evaluated("the array", "Use .eval({placeholder: array}).").__dlpack__(**options)

    def __dlpack_device__(self) -> tuple[int, int]:
        """DLPack's name of the device: (1, 0), the CPU."""
        return DLPACK_CPU

    # --- operators ---------------------------------------------------------------------------------------------------

    def __add__(self, other: TensorLike) -> Tensor:
        return lg.add(self, other)

    def __radd__(self, other: TensorLike) -> Tensor:
        return lg.add(other, self)

    def __sub__(self, other: TensorLike) -> Tensor:
        return lg.subtract(self, other)

    def __rsub__(self, other: TensorLike) -> Tensor:
        return lg.subtract(other, self)

    def __mul__(self, other: TensorLike) -> Tensor:
        return NotImplemented if _decides(other) else lg.multiply(self, other)

    def __rmul__(self, other: TensorLike) -> Tensor:
        return lg.multiply(other, self)

    def __truediv__(self, other: TensorLike) -> Tensor:
        return lg.divide(self, other)

    def __rtruediv__(self, other: TensorLike) -> Tensor:
        return lg.divide(other, self)

    def __floordiv__(self, other: TensorLike) -> Tensor:
        return lg.floor_divide(self, other)

    def __rfloordiv__(self, other: TensorLike) -> Tensor:
        return lg.floor_divide(other, self)

    def __mod__(self, other: TensorLike) -> Tensor:
        return lg.remainder(self, other)

    def __rmod__(self, other: TensorLike) -> Tensor:
        return lg.remainder(other, self)

    def __divmod__(self, other: TensorLike) -> tuple[Tensor, Tensor]:
        return lg.divmod(self, other)

    def __rdivmod__(self, other: TensorLike) -> tuple[Tensor, Tensor]:
        return lg.divmod(other, self)

    def __pow__(self, other: TensorLike) -> Tensor:
        return lg.pow(self, other)

    def __rpow__(self, other: TensorLike) -> Tensor:
        return lg.pow(other, self)

    def __matmul__(self, other: TensorLike) -> Tensor:
        return NotImplemented if _decides(other) else lg.matmul(self, other)

    def __rmatmul__(self, other: TensorLike) -> Tensor:
        return lg.matmul(other, self)

    def __and__(self, other: TensorLike) -> Tensor:
        return lg.bitwise_and(self, other)

    def __rand__(self, other: TensorLike) -> Tensor:
        return lg.bitwise_and(other, self)

    def __or__(self, other: TensorLike) -> Tensor:
        return lg.bitwise_or(self, other)

    def __ror__(self, other: TensorLike) -> Tensor:
        return lg.bitwise_or(other, self)

    def __xor__(self, other: TensorLike) -> Tensor:
        return lg.bitwise_xor(self, other)

    def __rxor__(self, other: TensorLike) -> Tensor:
        return lg.bitwise_xor(other, self)

    def __lshift__(self, other: TensorLike) -> Tensor:
        return lg.bitwise_left_shift(self, other)

    def __rlshift__(self, other: TensorLike) -> Tensor:
        return lg.bitwise_left_shift(other, self)

    def __rshift__(self, other: TensorLike) -> Tensor:
        return lg.bitwise_right_shift(self, other)

    def __rrshift__(self, other: TensorLike) -> Tensor:
        return lg.bitwise_right_shift(other, self)

    def __eq__(self, other: TensorLike) -> Tensor:  # type: ignore[override]
        return lg.equal(self, other)

    def __ne__(self, other: TensorLike) -> Tensor:  # type: ignore[override]
        return lg.not_equal(self, other)

    def __lt__(self, other: TensorLike) -> Tensor:
        return lg.less(self, other)

    def __le__(self, other: TensorLike) -> Tensor:
        return lg.less_equal(self, other)

    def __gt__(self, other: TensorLike) -> Tensor:
        return lg.greater(self, other)

    def __ge__(self, other: TensorLike) -> Tensor:
        return lg.greater_equal(self, other)

    def __neg__(self) -> Tensor:
        return lg.negative(self)

    def __pos__(self) -> Tensor:
        return self

    def __abs__(self) -> Tensor:
        return lg.abs(self)

    def __invert__(self) -> Tensor:
        return lg.bitwise_invert(self)

    def __getitem__(self, index: Any) -> Tensor:
        return lg.getitem(self, index)

    def __setitem__(self, index: Any, value: Any) -> None:
        """This handle becomes the tensor with `value` at the index; others of the same tensor stay what they are."""
        self.rebind(lg.setitem(self, index, value))

    def rebind(self, other: Tensor) -> None:
        """This handle becomes the other tensor: what assigning to elements does. TypeError for an input."""
        if self.name is not None:
            raise TypeError(f"{self.name!r} is an input: assign to elements of a copy of it, y = {self.name}.copy()")
        self.value = other.value

    @property
    def at(self) -> At:
        """Changes at an index as new tensors: `x.at[index].add(y)`, which counts an element named twice twice."""
        return lg.At(self)

    # --- methods -----------------------------------------------------------------------------------------------------

    @property
    def T(self) -> Tensor:
        """The axes in reverse order."""
        return lg.permute_dims(self, tuple(reversed(range(self.ndim))))

    @property
    @traced
    def mT(self) -> Tensor:
        """The last two axes swapped: the transpose of each matrix."""
        return lg.matrix_transpose(self)

    @property
    @traced
    def mH(self) -> Tensor:
        """The conjugate transpose of each matrix."""
        return lg.conj(lg.matrix_transpose(self))

    @property
    @traced
    def real(self) -> Tensor:
        """The real part."""
        return lg.real(self)

    @property
    @traced
    def imag(self) -> Tensor:
        """The imaginary part."""
        return lg.imag(self)

    @traced
    def copy(self) -> Tensor:
        """A tensor of the same elements, which is no input: assigning to its elements leaves this one as it is."""
        return Tensor(OPS["reshape"](self.value, shape=self.shape))

    def astype(self, dtype: DTypeLike | DType, *, copy: bool = True) -> Tensor:
        return lg.astype(self, dtype, copy=copy)

    def view(self, dtype: DTypeLike | DType) -> Tensor:
        """`lg.view`: the same bytes read as another dtype."""
        return lg.view(self, dtype)

    def reshape(self, *shape: Any) -> Tensor:
        """`lg.reshape`; the extents may be one sequence or separate arguments."""
        return lg.reshape(self, shape[0] if len(shape) == 1 else shape)

    def ravel(self, order: str = "C") -> Tensor:
        return lg.ravel(self, order)

    flatten = ravel

    def transpose(self, *axes: Any) -> Tensor:
        """The axes in the given order, reversed where none is given."""
        order = axes[0] if len(axes) == 1 and not isinstance(axes[0], int) else axes
        return lg.permute_dims(self, order or tuple(reversed(range(self.ndim))))

    def conj(self) -> Tensor:
        return lg.conj(self)

    conjugate = conj

    def squeeze(self, axis: Axes = None) -> Tensor:
        return lg.squeeze(self, axis)

    def swapaxes(self, axis1: int, axis2: int) -> Tensor:
        return lg.swapaxes(self, axis1, axis2)

    def repeat(self, repeats: int, axis: int | None = None) -> Tensor:
        return lg.repeat(self, repeats, axis)

    def clip(self, min: TensorLike | None = None, max: TensorLike | None = None) -> Tensor:
        return lg.clip(self, min, max)

    def round(self, decimals: int = 0) -> Tensor:
        return lg.round(self, decimals)

    def dot(self, other: TensorLike) -> Tensor:
        return lg.dot(self, other)

    def take(self, indices: TensorLike, axis: int | None = None) -> Tensor:
        return lg.take(self, indices, axis=axis)

    def sum(self, axis: Axes = None, dtype: DTypeLike | DType | None = None, **options: Any) -> Tensor:
        """`lg.sum`, with its options."""
        return lg.sum(self, axis, dtype, **options)

    def prod(self, axis: Axes = None, dtype: DTypeLike | DType | None = None, **options: Any) -> Tensor:
        """`lg.prod`, with its options."""
        return lg.prod(self, axis, dtype, **options)

    def max(self, axis: Axes = None, **options: Any) -> Tensor:
        """`lg.max`, with its options."""
        return lg.max(self, axis, **options)

    def min(self, axis: Axes = None, **options: Any) -> Tensor:
        """`lg.min`, with its options."""
        return lg.min(self, axis, **options)

    def mean(self, axis: Axes = None, dtype: DTypeLike | DType | None = None, **options: Any) -> Tensor:
        """`lg.mean`, with its options."""
        return lg.mean(self, axis, dtype, **options)

    def var(self, axis: Axes = None, dtype: DTypeLike | DType | None = None, **options: Any) -> Tensor:
        """`lg.var`, with its options."""
        return lg.var(self, axis, dtype, **options)

    def std(self, axis: Axes = None, dtype: DTypeLike | DType | None = None, **options: Any) -> Tensor:
        """`lg.std`, with its options."""
        return lg.std(self, axis, dtype, **options)

    def any(self, axis: Axes = None, **options: Any) -> Tensor:
        """`lg.any`, with its options."""
        return lg.any(self, axis, **options)

    def all(self, axis: Axes = None, **options: Any) -> Tensor:
        """`lg.all`, with its options."""
        return lg.all(self, axis, **options)

    def argmax(self, axis: int | None = None, *, keepdims: bool = False) -> Tensor:
        return lg.argmax(self, axis, keepdims=keepdims)

    def argmin(self, axis: int | None = None, *, keepdims: bool = False) -> Tensor:
        return lg.argmin(self, axis, keepdims=keepdims)

    def cumsum(self, axis: int | None = None, dtype: DTypeLike | DType | None = None) -> Tensor:
        return lg.cumsum(self, axis, dtype)

    def cumprod(self, axis: int | None = None, dtype: DTypeLike | DType | None = None) -> Tensor:
        return lg.cumprod(self, axis, dtype)

    def argsort(self, axis: int | None = -1) -> Tensor:
        return lg.argsort(self, axis)

    def argpartition(self, kth: int | Sequence[int], axis: int | None = -1) -> Tensor:
        return lg.argpartition(self, kth, axis)

    def searchsorted(self, v: TensorLike, side: str = "left", sorter: TensorLike | None = None) -> Tensor:
        return lg.searchsorted(self, v, side=side, sorter=sorter)

    def diagonal(self, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Tensor:
        return lg.diagonal(self, offset, axis1, axis2)

    def trace(self, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Tensor:
        return lg.trace(self, offset, axis1, axis2)

    def nonzero(self) -> tuple[Tensor, ...]:
        return lg.nonzero(self)

    def choose(self, choices: Sequence[TensorLike] | Tensor, mode: str = "raise") -> Tensor:
        return lg.choose(self, choices, mode)

    def compress(self, condition: TensorLike, axis: int | None = None) -> Tensor:
        return lg.compress(condition, self, axis)

    # --- methods that change the tensor: this handle is bound to what results -----------------------------------------

    def fill(self, value: TensorLike) -> None:
        lg.copyto(self, value)

    def put(self, indices: TensorLike, values: TensorLike, mode: str = "raise") -> None:
        lg.put(self, indices, values, mode)

    def partition(self, kth: int | Sequence[int], axis: int = -1) -> None:
        self.rebind(lg.partition(self, kth, axis))

    def resize(self, *new_shape: Any) -> None:
        """The flattened elements under another shape, zeros behind them, in place as in NumPy; compare `lg.resize`."""
        shape = as_shape(new_shape[0] if len(new_shape) == 1 else new_shape)
        missing = dims.maximum(dims.product(shape) - self.size, 0)
        self.rebind(lg.resize(lg.concat([self.ravel(), lg.zeros((missing,), self.dtype)]), shape))

    def sort(self, axis: int = -1) -> None:
        """The elements along an axis in order, in place as in NumPy; `lg.sort(x)` gives another tensor."""
        self.rebind(lg.sort(self, axis))


TensorLike = Union[Tensor, NDArray[Any], np.generic, bool, int, float, complex, Sequence[Any]]


def _decides(other: object) -> bool:
    """Whether an operand on the right says itself what an operator means: a sparse matrix, by NumPy's convention."""
    return not isinstance(other, Tensor) and getattr(other, "__array_ufunc__", other) is None

"""Random numbers as functions of a key: equal keys and shapes give equal numbers on every run, machine and thread.

In: a key (two 32-bit words) and a shape. Out: tensors of draws. A key is used once: `split` and `fold_in` make new ones
from it. A `Stream` keeps a key as a variable, which every function that draws from it renews. Bits come from the
primitive `random_bits` (Threefry-2x32-20: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC
2011).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

import lazygraph as lg
from lazygraph.compiler.ir.dims import Dim
from lazygraph.compiler.ir.errors import DTypeError, ShapeError
from lazygraph.compiler.ir.graph import Value
from lazygraph.compiler.ops.compose import emit
from lazygraph.compiler.ops.record import OPS
from lazygraph.creation import index_along
from lazygraph.dims import ShapeLike, as_shape
from lazygraph.errors import shape_text
from lazygraph.frames import composite, traced
from lazygraph.manipulation import reshaped, sliced
from lazygraph.promotion import as_axis, as_dtype, broadcast_value, cast, constant_value, scalar, scalar_like, value_of
from lazygraph.runtime import dtypes
from lazygraph.runtime.dtypes import DType
from lazygraph.state import Variable, variable
from lazygraph.tensor import Tensor, TensorLike
from lazygraph.tracing import is_repeated

__all__ = ["Stream", "bernoulli", "bits", "fold_in", "key", "normal", "permutation", "randint", "split", "uniform"]

# Words mixed into a key so that keys made from it are unlike draws from it, and unlike each other.
SPLIT, FOLD = 0x53504C54, 0x464F4C44


@traced
def key(seed: int | TensorLike) -> Tensor:
    """A key, uint32 of shape (2,), from a seed of up to 64 bits: an int, or an integer scalar tensor."""
    if isinstance(seed, int):
        words = [(seed >> shift) & 0xFFFFFFFF for shift in (0, 32)]
        return Tensor(constant_value(np.array(words, np.uint32)))
    return Tensor(_words(value_of(seed)))


def _words(number: Value) -> Value:
    """The low and the high 32 bits of an integer scalar, uint32 of shape (2,)."""
    if not number.dtype.is_integer or number.shape:
        raise DTypeError("expected an integer scalar")
    wide = cast(number, dtypes.int64)
    low, high = cast(wide, dtypes.uint32), cast(emit("shr", wide, scalar(32, dtypes.int64)), dtypes.uint32)
    return emit("concat", reshaped(low, (1,)), reshaped(high, (1,)), axis=0)


def _key(key: TensorLike) -> Value:
    value = value_of(key)
    if value.dtype != dtypes.uint32:
        raise DTypeError("a key is uint32: make one with lg.random.key(seed)")
    if value.shape != (2,):
        raise ShapeError(f"a key has shape (2,), found {shape_text(value.shape)}: take one row of a split")
    return value


def _mixed(key: Value, word: int) -> Value:
    """A key of which nothing else is drawn: the key's own bits under a key that differs by this word."""
    tag = constant_value(np.array([word, 0], np.uint32))
    return emit("random_bits", emit("xor", key, tag), shape=(2,))


@traced
def bits(key: TensorLike, shape: ShapeLike = ()) -> Tensor:
    """Uniform 32-bit words, uint32."""
    return Tensor(emit("random_bits", _key(key), shape=as_shape(shape)))


@traced
def split(key: TensorLike, num: int | Dim = 2) -> Tensor:
    """`num` new keys, uint32 of shape (num, 2); their draws are unlike each other's and the key's own.

    >>> import lazygraph as lg
    >>> lg.random.split(lg.random.key(0), 3).shape
    (3, 2)
    """
    (count,) = as_shape(num)
    return Tensor(emit("random_bits", _mixed(_key(key), SPLIT), shape=(count, 2)))


@traced
def fold_in(key: TensorLike, data: TensorLike) -> Tensor:
    """A new key from a key and a number (an int, or an integer scalar tensor): one key per step, layer or example."""
    number = _words(value_of(data))
    return Tensor(emit("random_bits", emit("xor", _mixed(_key(key), FOLD), number), shape=(2,)))


def _float_dtype(dtype: DTypeLike | DType) -> DType:
    found = as_dtype(dtype)
    if found not in (dtypes.float32, dtypes.float64):
        raise DTypeError(f"expected float32 or float64, found {found}")
    return found


def _uniform(key: Value, shape: tuple[Any, ...], dtype: DType, low_bit: float) -> Value:
    """(k + low_bit) / 2**p for uniform integers k of p bits: 24 in a float32, 53 in a float64."""
    if dtype == dtypes.float32:
        words = emit("random_bits", key, shape=shape)
        return (cast(emit("shr", words, scalar_like(8, words)), dtype) + low_bit) * 2.0**-24
    high, low = _two(emit("random_bits", key, shape=(2, *shape)))
    high, low = emit("shr", high, scalar_like(5, high)), emit("shr", low, scalar_like(6, low))
    return (cast(high, dtype) * 2.0**26 + cast(low, dtype) + low_bit) * 2.0**-53


def _two(value: Value) -> tuple[Value, Value]:
    """The two halves of a value along its first axis."""
    first, second = (reshaped(sliced(value, 0, at, at + 1), value.shape[1:]) for at in (0, 1))
    return first, second


@composite
def uniform(
    key: TensorLike,
    shape: ShapeLike = (),
    dtype: DTypeLike | DType = dtypes.float32,
    minval: TensorLike = 0.0,
    maxval: TensorLike = 1.0,
) -> Tensor:
    """Uniform draws from [minval, maxval): multiples of 2**-24 (float32) or 2**-53 (float64) of the interval.

    >>> import lazygraph as lg
    >>> draws = lg.random.uniform(lg.random.key(0), (1000,)).eval()
    >>> bool(((0 <= draws) & (draws < 1)).all())
    True
    """
    made = Tensor(_uniform(_key(key), as_shape(shape), _float_dtype(dtype), 0.0))
    if isinstance(minval, int | float) and isinstance(maxval, int | float) and (minval, maxval) == (0, 1):
        return made
    low, high = lg.astype(minval, dtype), lg.astype(maxval, dtype)
    inside = made * (high - low) + low
    return lg.where(inside == high, low, inside)  # half of what rounds to low lies below it: the ends make up one draw


@composite
def normal(key: TensorLike, shape: ShapeLike = (), dtype: DTypeLike | DType = dtypes.float32) -> Tensor:
    """Standard normal draws: sqrt(-2 log u) cos(2 pi v) for uniform u in (0, 1) and v in [0, 1).

    Source: Box and Muller, "A note on the generation of random normal deviates", 1958. Draws lie within 5.9 (float32)
    or 8.7 (float64) of 0, which is as far as u reaches.

    >>> import lazygraph as lg
    >>> lg.random.normal(lg.random.key(0), (2, 3)).shape
    (2, 3)
    """
    source, extents, kind = _key(key), as_shape(shape), _float_dtype(dtype)
    first, second = _two(emit("random_bits", _mixed(source, SPLIT), shape=(2, 2)))
    radius = emit("sqrt", emit("log", _uniform(first, extents, kind, 0.5)) * -2.0)
    return Tensor(radius * emit("cos", _uniform(second, extents, kind, 0.0) * (2 * math.pi)))


@composite
def bernoulli(key: TensorLike, p: TensorLike = 0.5, shape: ShapeLike | None = None) -> Tensor:
    """Bools that hold with probability p, in p's shape unless another is given."""
    chance = value_of(p)
    chance = chance if chance.dtype.is_float else cast(chance, dtypes.float32)
    extents = chance.shape if shape is None else as_shape(shape)
    draws = _uniform(_key(key), extents, _float_dtype(chance.dtype), 0.0)
    return Tensor(emit("lt", draws, broadcast_value(chance, extents)))


@composite
def randint(
    key: TensorLike, shape: ShapeLike, low: TensorLike, high: TensorLike, dtype: DTypeLike | DType = dtypes.int64
) -> Tensor:
    """Uniform integers from low up to, not including, high.

    A draw is a 63-bit word modulo high - low, so that some numbers are likelier than others by (high - low) / 2**63.
    Raises ValueError where it is known that low >= high, that high - low > 2**63, or that the numbers do not fit the
    dtype. Where it is not known, low >= high gives low.
    """
    kind = as_dtype(dtype)
    if not kind.is_integer:
        raise DTypeError(f"expected an integer dtype, found {kind}")
    if isinstance(low, int) and isinstance(high, int):
        if low >= high:
            raise ValueError(f"randint: no integer lies in {low} .. {high - 1}")
        if high - low > 2**63:
            raise ValueError(f"randint: expected high - low <= 2**63, found {low} .. {high - 1}")
        limits = np.iinfo(kind.numpy)
        if low < limits.min or high - 1 > limits.max:
            raise ValueError(f"randint: {low} .. {high - 1} does not fit {kind}")
    extents = as_shape(shape)
    least, above = (broadcast_value(cast(value_of(each), dtypes.int64), extents) for each in (low, high))
    span = emit("select", emit("lt", least, above), above - least, scalar_like(0, least))  # a number modulo 0 is 0
    upper, lower = (cast(word, dtypes.int64) for word in _two(emit("random_bits", _key(key), shape=(2, *extents))))
    wide = emit("or", emit("shl", emit("shr", upper, scalar_like(1, upper)), scalar_like(32, upper)), lower)
    return Tensor(cast(emit("rem", wide, span) + least, kind))


@composite
def permutation(key: TensorLike, x: int | Dim | TensorLike, axis: int = 0) -> Tensor:
    """The numbers 0 .. x-1 in random order, int64; or a tensor with the slices along an axis in random order.

    Sorted by random words, twice, so that words which happen to be equal do not keep their elements in order.

    >>> import lazygraph as lg
    >>> sorted(lg.random.permutation(lg.random.key(0), 5).eval().tolist())
    [0, 1, 2, 3, 4]
    """
    source = _key(key)
    counted = isinstance(x, int | Dim) or (isinstance(x, np.integer))
    value = None if counted else value_of(x)
    if value is not None and not value.shape:
        raise ShapeError("expected a number or a tensor with at least one axis; found a scalar tensor")
    place = 0 if value is None else as_axis(axis, value.type.rank)
    (extent,) = as_shape(x) if value is None else (value.shape[place],)  # type: ignore[arg-type]
    order = index_along((extent,), 0)
    first, second = _two(emit("random_bits", _mixed(source, SPLIT), shape=(2, 2)))
    for word in (first, second):
        _, order = OPS["sort"](emit("random_bits", word, shape=(extent,)), order, axis=0)
    return Tensor(order) if value is None else lg.take(Tensor(value), Tensor(order), axis=place)


class Stream:
    """A source of draws that differ from call to call: a key that every function which draws from it renews.

    Each draw in the graph has a key of its own, made from the variable's; calls of the function see new ones because
    the function updates the variable. The variable may be saved and restored like any other (`stream.state`).

    >>> import lazygraph as lg
    >>> stream = lg.random.Stream(seed=0)
    >>> draw = lg.function([], stream.uniform(()))
    >>> bool(draw() == draw())
    False
    """

    def __init__(self, seed: int = 0, name: str | None = None) -> None:
        if not hasattr(seed, "__index__"):
            raise TypeError(f"a seed is an int; found {seed!r}")
        words = [(seed >> shift) & 0xFFFFFFFF for shift in (0, 32)]
        self.state: Variable = variable(np.array(words, np.uint32), name or "random_state")
        self.state.automatic_update = fold_in(self.state, 0)
        self._draws = 0

    def key(self) -> Tensor:
        """A key that no other draw has. TypeError in the body of a loop, whose trips would all have this one."""
        if is_repeated():
            raise TypeError(
                "a random stream in the body of a loop gives every trip the same numbers: expected keys made before "
                "the loop, one for each trip, as lg.random.split(stream.key(), n) along xs, or a key in the carry"
            )
        self._draws += 1
        return fold_in(self.state, self._draws)

    def uniform(
        self,
        shape: ShapeLike = (),
        dtype: DTypeLike | DType = dtypes.float32,
        minval: TensorLike = 0.0,
        maxval: TensorLike = 1.0,
    ) -> Tensor:
        """`lg.random.uniform` with a key of its own."""
        return uniform(self.key(), shape, dtype, minval, maxval)

    def normal(self, shape: ShapeLike = (), dtype: DTypeLike | DType = dtypes.float32) -> Tensor:
        """`lg.random.normal` with a key of its own."""
        return normal(self.key(), shape, dtype)

    def bernoulli(self, p: TensorLike = 0.5, shape: ShapeLike | None = None) -> Tensor:
        """`lg.random.bernoulli` with a key of its own."""
        return bernoulli(self.key(), p, shape)

    def randint(
        self, shape: ShapeLike, low: TensorLike, high: TensorLike, dtype: DTypeLike | DType = dtypes.int64
    ) -> Tensor:
        """`lg.random.randint` with a key of its own."""
        return randint(self.key(), shape, low, high, dtype)

    def permutation(self, x: int | Dim | TensorLike, axis: int = 0) -> Tensor:
        """`lg.random.permutation` with a key of its own."""
        return permutation(self.key(), x, axis)

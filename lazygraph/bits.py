"""The bits of numbers, element by element: read as another dtype, counted, and taken apart into digits and exponent.

In: tensors, arrays, numbers. Out: tensors.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import DTypeLike

from lazygraph.compiler.ir.errors import DTypeError, ShapeError
from lazygraph.compiler.ir.graph import Value
from lazygraph.compiler.ops.compose import emit
from lazygraph.compiler.ops.record import full
from lazygraph.elementwise import is_finite, is_not_zero
from lazygraph.errors import shape_text
from lazygraph.frames import composite, traced
from lazygraph.promotion import as_dtype, as_float, broadcast, cast, scalar_like, value_of
from lazygraph.runtime import dtypes
from lazygraph.runtime.dtypes import DType
from lazygraph.tensor import Tensor, TensorLike

__all__ = ["bitcast", "bitwise_count", "frexp", "ldexp", "view"]

_UNSIGNED = {each.itemsize: each for each in dtypes.INTEGERS if each.kind == "uint"}
_SIGNED = {each.itemsize: each for each in dtypes.INTEGERS if each.kind == "int"}


# --- another dtype ---------------------------------------------------------------------------------------------------


@traced
def bitcast(x: TensorLike, dtype: DTypeLike | DType) -> Tensor:
    """The bits of x read as another dtype: integers and floats of any width, NaN with its payload. No derivative.

    A dtype half as wide gives a new last axis of extent 2, a quarter as wide of extent 4, ...: the parts of an element,
    the low one first. A wider dtype takes such an axis away. Raises DTypeError for bools and complex numbers,
    ShapeError where the last axis does not hold the parts of an element.

    >>> import lazygraph as lg
    >>> lg.bitcast(lg.constant([1.0, -0.0], lg.float32), lg.uint32).eval()
    array([1065353216, 2147483648], dtype=uint32)
    >>> lg.bitcast(lg.constant([1, 2**40], lg.int64), lg.int32).eval()
    array([[  1,   0],
           [  0, 256]], dtype=int32)
    """
    value, wanted = value_of(x), as_dtype(dtype)
    ratio = value.dtype.itemsize / wanted.itemsize
    if ratio == 1 or not _has_bits(value.dtype) or not _has_bits(wanted):
        return Tensor(emit("bitcast", value, dtype=wanted))  # which says what it does not take
    return Tensor(_apart(value, wanted, int(ratio)) if ratio > 1 else _together(value, wanted, int(1 / ratio)))


def _has_bits(dtype: DType) -> bool:
    return dtype.is_integer or dtype.is_float


def _apart(value: Value, dtype: DType, count: int) -> Value:
    """Each element's parts along a new last axis."""
    whole = emit("bitcast", value, dtype=_UNSIGNED[value.dtype.itemsize])
    shape = (*value.shape, 1)
    parts = [
        cast(emit("shr", whole, scalar_like(place * dtype.bits, whole)), _UNSIGNED[dtype.itemsize])
        for place in range(count)
    ]
    joined = emit("concat", *[emit("reshape", each, shape=shape) for each in parts], axis=len(shape) - 1)
    return emit("bitcast", joined, dtype=dtype)


def _together(value: Value, dtype: DType, count: int) -> Value:
    """The elements whose parts lie along the last axis."""
    if not value.shape or value.shape[-1] != count:
        raise ShapeError(
            f"bitcast: expected a last axis of {count} parts of {dtype}, found {value.dtype} {shape_text(value.shape)}"
        )
    low = emit("bitcast", value, dtype=_UNSIGNED[value.dtype.itemsize])
    whole: Value | None = None
    for place in range(count):
        starts, stops = (0,) * (value.type.rank - 1) + (place,), (*value.shape[:-1], place + 1)
        part = emit("slice", low, starts=starts, stops=stops, steps=(1,) * value.type.rank)
        part = cast(emit("reshape", part, shape=value.shape[:-1]), _UNSIGNED[dtype.itemsize])
        part = emit("shl", part, scalar_like(place * value.dtype.bits, part))
        whole = part if whole is None else emit("or", whole, part)
    assert whole is not None
    return emit("bitcast", whole, dtype=dtype)


@traced
def view(x: TensorLike, dtype: DTypeLike | DType) -> Tensor:
    """The elements' bytes read as another dtype, as NumPy's `ndarray.view`: the last axis grows or shrinks by the ratio
    of the widths. No derivative.

    Raises DTypeError for bools and complex numbers, ShapeError where the last axis holds no whole number of elements.

    >>> import lazygraph as lg
    >>> lg.view(lg.constant([1.0, 2.0], lg.float64), lg.uint32).eval()
    array([         0, 1072693248,          0, 1073741824], dtype=uint32)
    """
    value, wanted = value_of(x), as_dtype(dtype)
    if value.dtype.itemsize == wanted.itemsize or not _has_bits(value.dtype) or not _has_bits(wanted):
        return Tensor(emit("bitcast", value, dtype=wanted))
    if not value.shape:
        raise ShapeError(f"view: expected an axis that can grow or shrink, found {value.dtype} () as {wanted}")
    *outer, last = value.shape
    if value.dtype.itemsize > wanted.itemsize:
        count = value.dtype.itemsize // wanted.itemsize
        return Tensor(emit("reshape", _apart(value, wanted, count), shape=(*outer, last * count)))
    count = wanted.itemsize // value.dtype.itemsize
    if not isinstance(last, int) or last % count:
        raise ShapeError(
            f"view: expected a last axis divisible by {count} to read {value.dtype} as {wanted}, found "
            f"{shape_text(value.shape)}"
        )
    return Tensor(_together(emit("reshape", value, shape=(*outer, last // count, count)), wanted, count))


# --- counting --------------------------------------------------------------------------------------------------------


@composite
def bitwise_count(x: TensorLike) -> Tensor:
    """How many bits of |x| are set, as uint8. Raises DTypeError for bools and floats.

    Pairs, then fours, then bytes are summed side by side, and the bytes by a product. Source: H. S. Warren, Hacker's
    Delight, section 5-1.

    >>> import lazygraph as lg
    >>> lg.bitwise_count([0, 7, -8, 255]).eval()
    array([0, 3, 1, 8], dtype=uint8)
    """
    value = value_of(x)
    if not value.dtype.is_integer:
        raise DTypeError(f"expected integers, found {value.dtype}")
    if value.dtype.kind == "int":
        value = emit("bitcast", emit("abs", value), dtype=_UNSIGNED[value.dtype.itemsize])
    size = value.dtype.itemsize

    def pattern(byte: int) -> Value:
        return scalar_like(int.from_bytes(bytes([byte]) * size, "little"), value)

    def shifted(each: Value, places: int) -> Value:
        return emit("shr", each, scalar_like(places, value))

    pairs = value - emit("and", shifted(value, 1), pattern(0x55))
    fours = emit("and", pairs, pattern(0x33)) + emit("and", shifted(pairs, 2), pattern(0x33))
    eights = emit("and", fours + shifted(fours, 4), pattern(0x0F))
    return Tensor(cast(shifted(eights * pattern(1), 8 * (size - 1)), dtypes.uint8))


# --- digits and exponent ---------------------------------------------------------------------------------------------


@composite
def ldexp(x: TensorLike, exponent: TensorLike) -> Tensor:
    """x * 2**exponent for an integer exponent of any size, rounded once. Its derivative along x is 2**exponent.

    >>> import lazygraph as lg
    >>> lg.ldexp([1.5, -0.25], [3, 2000]).eval()
    array([ 12., -inf])
    """
    value, steps = broadcast(as_float(value_of(x)), value_of(exponent))
    if not steps.dtype.is_integer:
        raise DTypeError(f"ldexp: expected an integer exponent, found {steps.dtype}")
    return Tensor(_scaled(value, steps))


def _scaled(value: Value, exponent: Value) -> Value:
    """value * 2**exponent. Narrow floats are exact in float64, and their rounding is its conversion's; float64 takes at
    most two factors first, which leave its digits as they are wherever the result keeps any."""
    if exponent.dtype.bits == 64:
        exponent = emit("min", exponent, scalar_like(4000, exponent))
    steps = cast(exponent, dtypes.int64)
    if value.dtype != dtypes.float64:
        least, most = scalar_like(-400, steps), scalar_like(400, steps)
        factor = _power_of_two(emit("max", least, emit("min", steps, most)))
        return cast(cast(value, dtypes.float64) * factor, value.dtype)
    for _ in range(2):
        low, high = emit("lt", steps, scalar_like(-1022, steps)), emit("lt", scalar_like(1023, steps), steps)
        value = value * _either(low, 2.0**-969, high, 2.0**1023, 1.0, value)
        steps = steps + _either(low, 969, high, -1023, 0, steps)
    bounded = emit("max", scalar_like(-1022, steps), emit("min", steps, scalar_like(1023, steps)))
    return value * _power_of_two(bounded)


def _either(first: Value, one: float, second: Value, two: float, other: float, like: Value) -> Value:
    rest = emit("select", second, scalar_like(two, like), scalar_like(other, like))
    return emit("select", first, scalar_like(one, like), rest)


def _power_of_two(exponent: Value) -> Value:
    """2**exponent for an int64 within the exponents of float64's normal numbers."""
    biased = exponent + scalar_like(1023, exponent)
    return emit("bitcast", emit("shl", biased, scalar_like(52, exponent)), dtype=dtypes.float64)


@composite
def frexp(x: TensorLike) -> tuple[Tensor, Tensor]:
    """(m, e) with x = m * 2**e, 0.5 <= |m| < 1, and e int32; zeros, infinities and NaN are their own m, with e = 0.

    The derivative of m is 2**-e.

    >>> import lazygraph as lg
    >>> digits, exponent = lg.frexp([8.0, -0.3, 0.0])
    >>> digits.eval(), exponent.eval()
    (array([ 0.5, -0.6,  0. ]), array([ 4, -1,  0], dtype=int32))
    """
    value = as_float(value_of(x))
    wide = cast(value, value.dtype.computed_in)
    limits = np.finfo(wide.dtype.numpy)
    small = emit("lt", emit("abs", wide), scalar_like(float(limits.tiny), wide))
    raised = emit("select", small, wide * 2.0 ** (limits.nmant + 1), wide)
    bits = emit("bitcast", raised, dtype=_SIGNED[wide.dtype.itemsize])
    mask = full(bits.type, (1 << limits.nexp) - 1)
    stored = emit("and", emit("shr", bits, scalar_like(limits.nmant, bits)), mask)
    lift = emit("select", small, scalar_like(limits.nmant + 1, bits), scalar_like(0, bits))
    exponent = stored - scalar_like(limits.maxexp - 2, bits) - lift
    ordinary = emit("and", is_finite(wide), is_not_zero(wide))
    exponent = emit("select", ordinary, exponent, scalar_like(0, exponent))
    return Tensor(cast(_scaled(wide, -exponent), value.dtype)), Tensor(cast(exponent, dtypes.int32))

"""Patterns for random graphs: what fusion, the rewrite rules and symbolic extents look for, with values kept moderate.

In: a `Maker` and one of its values. Out: a value made of it. `MENU` says which patterns fit which values. The records
themselves are tried one by one in `random_records`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import strategies as st

from lazygraph.compiler.ir import dims
from lazygraph.compiler.ir.dims import Extent
from lazygraph.compiler.ir.graph import TensorType, Value
from lazygraph.compiler.ops.halves import HALVES
from lazygraph.compiler.ops.record import OPS, full
from lazygraph.runtime.dtypes import bool_, float32, float64, int32, int64
from tests.compiler.random_maker import Maker, constant, grains


@dataclass(frozen=True)
class Entry:
    fits: Callable[[Maker, Value], bool]
    make: Callable[[Maker, Value], Any]


def is_float(maker: Maker, value: Value) -> bool:
    return value.dtype.is_float


def is_exact(maker: Maker, value: Value) -> bool:
    """A float that every evaluation agrees about, so that an op that jumps may read it."""
    return value.dtype.is_float and not grains([value])[value]


def exact_like(maker: Maker, value: Value) -> Value:
    """Another exact value of the same type, or a constant."""
    other = maker.like(value)
    return other if not grains([other])[other] else full(value.type, 2)


def is_integer(maker: Maker, value: Value) -> bool:
    return value.dtype.is_integer


def has_axes(maker: Maker, value: Value) -> bool:
    return bool(value.shape)


def is_static(maker: Maker, value: Value) -> bool:
    return bool(value.shape) and all(isinstance(each, int) for each in value.shape)


def is_real(maker: Maker, value: Value) -> bool:
    return value.dtype.is_float or value.dtype.is_integer


def is_number(maker: Maker, value: Value) -> bool:
    return bool(value.shape) and is_real(maker, value)


def nonempty(maker: Maker, value: Value) -> bool:
    return is_static(maker, value) and 0 not in value.shape


def compared(name: str) -> Callable[..., Any]:
    return lambda maker, x: OPS[name](x, exact_like(maker, x))


def of_one(name: str) -> Callable[..., Any]:
    return lambda maker, x: OPS[name](x)


def unary(name: str) -> Entry:
    return Entry(is_float, of_one(name))


def of_positive(name: str) -> Entry:
    return Entry(is_float, lambda maker, x: OPS[name](OPS["abs"](x) + 0.5))


def bounded(name: str) -> Entry:
    """Growing functions, of an argument brought into (-1, 1)."""
    return Entry(is_float, lambda maker, x: OPS[name](OPS["tanh"](x)))


def binary(name: str, fits: Callable[[Maker, Value], bool]) -> Entry:
    return Entry(fits, lambda maker, x: OPS[name](x, maker.like(x)))


def axes_of(maker: Maker, value: Value) -> tuple[int, ...]:
    return tuple(axis for axis in range(len(value.shape)) if maker.draw(st.booleans()))


def reduction(name: str, fits: Callable[[Maker, Value], bool]) -> Entry:
    return Entry(fits, lambda maker, x: OPS[name](x, axes=axes_of(maker, x)))


def both(*conditions: Callable[[Maker, Value], bool]) -> Callable[[Maker, Value], bool]:
    return lambda maker, value: all(each(maker, value) for each in conditions)


def mean_sum(maker: Maker, x: Value) -> Value:
    """A sum that does not grow with its length."""
    return OPS["reduce_sum"](OPS["tanh"](x) * 0.1, axes=axes_of(maker, x))


def transpose(maker: Maker, x: Value) -> Value:
    return OPS["transpose"](x, permutation=tuple(maker.draw(st.permutations(range(len(x.shape))))))


def broadcast(maker: Maker, x: Value) -> Value:
    place = maker.draw(st.integers(0, len(x.shape)))
    shape = (*x.shape[:place], maker.extent(), *x.shape[place:])
    return OPS["broadcast"](x, shape=shape, axes=tuple(axis for axis in range(len(shape)) if axis != place))


def flatten(maker: Maker, x: Value) -> Value:
    return OPS["reshape"](x, shape=(dims.product(x.shape),))


def reshape(maker: Maker, x: Value) -> Value:
    total = int(np.prod([int(each) for each in x.shape]))
    first = maker.choice([each for each in (1, 2, 3, 5, 16) if total % each == 0])
    return OPS["reshape"](x, shape=(first, total // first))


def slice_(maker: Maker, x: Value) -> Value:
    shape = [int(each) for each in x.shape]
    starts = tuple(maker.draw(st.integers(0, each)) for each in shape)
    stops = tuple(maker.draw(st.integers(start, each)) for start, each in zip(starts, shape))
    return OPS["slice"](x, starts=starts, stops=stops, steps=tuple(maker.choice((1, 1, 2, 3)) for _ in shape))


def pad(maker: Maker, x: Value) -> Value:
    def amounts(most: int) -> tuple[int, ...]:
        return tuple(maker.draw(st.integers(0, most)) for _ in x.shape)

    return OPS["pad"](x, full(dims_free(x), 1), low=amounts(2), high=amounts(2), interior=amounts(1))


def dims_free(x: Value) -> TensorType:
    return TensorType(x.dtype, ())


def concat(maker: Maker, x: Value) -> Value:
    axis = maker.draw(st.integers(0, len(x.shape) - 1))
    return OPS["concat"](x, maker.like(x), x, axis=axis)


def dot(maker: Maker, x: Value) -> Value:
    other = maker.like(x)
    axis = maker.draw(st.integers(0, len(x.shape) - 1))
    batch = tuple(each for each in range(len(x.shape)) if each != axis and maker.draw(st.booleans()))[:1]
    scaled = OPS["tanh"](x) * 0.3 if x.dtype.is_float else x
    return OPS["dot"](
        scaled,
        other,
        batch=(batch, batch),
        contract=((axis,), (axis,)),
        accumulate=float32 if x.dtype in HALVES else x.dtype,
    )


def gather(maker: Maker, x: Value) -> Value:
    axis = maker.draw(st.integers(0, len(x.shape) - 1))
    indices = constant(maker.rng.integers(0, int(x.shape[axis]), maker.choice(((), (4,), (2, 3)))))
    return OPS["gather"](x, indices, axes=(axis,), mode=maker.choice(("check", "clip")))


def scatter(maker: Maker, x: Value) -> Value:
    indices = constant(maker.rng.integers(0, int(x.shape[0]), (4,)))
    shape = (4, *x.shape[1:])
    return OPS["scatter_add"](x, full(TensorType(x.dtype, shape), 1), indices, axes=(0,), mode="check")


def sort(maker: Maker, x: Value) -> tuple[Value, ...]:
    axis = maker.draw(st.integers(0, len(x.shape) - 1))
    position = OPS["iota"](dtype=int64, shape=x.shape, axis=axis)
    return OPS["sort"](x, position, axis=axis)


def cast(maker: Maker, x: Value) -> Value:
    smooth = x.dtype.is_float and not is_exact(maker, x)
    return OPS["cast"](x, dtype=maker.choice((float32, float64) if smooth else (float32, float64, int32, bool_)))


def choose(maker: Maker, x: Value) -> Value:
    other = maker.like(x)
    return OPS["select"](OPS["lt"](x, other), x, other)


def softmax(maker: Maker, x: Value) -> Value:
    """Rows with two reductions and an expensive value that both need."""
    last = len(x.shape) - 1
    rest = tuple(range(last))

    def wide(row: Value) -> Value:
        return OPS["broadcast"](row, shape=x.shape, axes=rest)

    shifted = OPS["exp"](x - wide(OPS["reduce_max"](x, axes=(last,))))
    return shifted / wide(OPS["reduce_sum"](shifted, axes=(last,)))


def random_bits(maker: Maker, x: Value) -> Value:
    key = constant(np.array([3, maker.draw(st.integers(0, 5))], np.uint32))
    return OPS["random_bits"](key, shape=x.shape)


# --- patterns that fusion and the rules look for ----------------------------------------------------------------------


def filled(maker: Maker, value: Value) -> bool:
    """Every axis has elements, known or not when the graph is built."""
    return bool(value.shape) and all(maker.size(each) > 0 for each in value.shape)


def bounded_value(x: Value) -> Value:
    return OPS["tanh"](x) if x.dtype.is_float else x


def an_axis(maker: Maker, x: Value) -> int:
    return maker.draw(st.integers(0, len(x.shape) - 1))


def others(x: Value, *gone: int) -> tuple[int, ...]:
    return tuple(axis for axis in range(len(x.shape)) if axis not in gone)


def spread(row: Value, like: Value, gone: tuple[int, ...]) -> Value:
    """A reduction of `like` over the axes `gone`, repeated along them."""
    return OPS["broadcast"](row, shape=like.shape, axes=others(like, *gone))


def product_sum(maker: Maker, x: Value) -> Value:
    """A sum of products, which the passes may make a contraction."""
    product = bounded_value(x) * bounded_value(maker.like(x))
    return OPS["reduce_sum"](product if not x.dtype.is_float else product * 0.1, axes=axes_of(maker, x))


def product(maker: Maker, x: Value) -> Value:
    factors = OPS["tanh"](x) * 0.1 + 1.0 if x.dtype.is_float else x
    return OPS["reduce_prod"](factors, axes=axes_of(maker, x))


def layer_norm(maker: Maker, x: Value) -> Value:
    """Two dependent reductions of a row, along any axis."""
    axis = an_axis(maker, x)
    count = float(maker.size(x.shape[axis]))
    centred = x - spread(OPS["reduce_sum"](x, axes=(axis,)) / count, x, (axis,))
    variance = OPS["reduce_sum"](centred * centred, axes=(axis,)) / count
    return centred / spread(OPS["sqrt"](variance + 0.1), x, (axis,))


def log_sum_exp(maker: Maker, x: Value) -> Value:
    return OPS["log"](OPS["reduce_sum"](OPS["exp"](OPS["tanh"](x)), axes=(an_axis(maker, x),)))


def crossed(maker: Maker, x: Value) -> Value:
    """A reduction over one axis that meets the whole again and is reduced over another."""
    first, second = an_axis(maker, x), an_axis(maker, x)
    inner = OPS["reduce_sum"](OPS["tanh"](x) * 0.1, axes=(first,))
    return OPS[maker.choice(("reduce_max", "reduce_min"))](x + spread(inner, x, (first,)), axes=(second,))


def row_choice(maker: Maker, x: Value) -> Value:
    """A choice by row between the rows and one number each."""
    axis = an_axis(maker, x)
    top, low = (OPS[name](x, axes=(axis,)) for name in ("reduce_max", "reduce_min"))
    chosen = OPS["lt"](top + low, full(top.type, maker.choice((0, 1))))
    return OPS["select"](spread(chosen, x, (axis,)), spread(low, x, (axis,)), x)


def turned_sum(maker: Maker, x: Value) -> Value:
    """A reduction of a product with the same value read in another order."""
    bound = bounded_value(x)
    turned = OPS["reverse"](bound, axes=axes_of(maker, x))
    swapped = tuple(maker.draw(st.permutations(range(len(x.shape)))))
    candidate = OPS["transpose"](turned, permutation=swapped)
    met = candidate if candidate.type == x.type else turned
    total = bound * met * 0.1 if x.dtype.is_float else bound * met
    return OPS["reduce_sum"](total, axes=axes_of(maker, x))


def joined(maker: Maker, x: Value) -> Value:
    """Different values of one dtype, one after another."""
    axis = an_axis(maker, x)
    rest = [extent for place, extent in enumerate(x.shape) if place != axis]
    fitting = [
        each
        for each in maker.values
        if each.dtype is x.dtype
        and len(each.shape) == len(x.shape)
        and [extent for place, extent in enumerate(each.shape) if place != axis] == rest
    ]
    return OPS["concat"](*[maker.choice(fitting) for _ in range(maker.draw(st.integers(2, 4)))], axis=axis)


def met(maker: Maker, x: Value) -> Value:
    """A value of lower rank broadcast against this one."""
    fitting = [
        (each, axis)
        for each in maker.values
        for axis in range(len(x.shape))
        if each.dtype is x.dtype and each.shape == tuple(x.shape[place] for place in others(x, axis))
    ]
    if not fitting:
        return x + 1
    low, axis = maker.choice(fitting)
    return OPS[maker.choice(("add", "sub", "max"))](spread(low, x, (axis,)), x)


def computed_indices(maker: Maker, x: Value, shape: tuple[Extent, ...], extent: Extent) -> Value:
    """Indices that the graph computes, repeated ones among them, all inside 0 .. extent-1."""
    position = OPS["iota"](dtype=int64, shape=shape, axis=0) if shape else full(TensorType(int64, ()), 3)
    size = OPS["broadcast"](OPS["extent"](value=extent, dtype=int64), shape=shape, axes=())
    return OPS["rem"](position * maker.choice((1, 3, 7)) + maker.choice((0, 2)), size)


def gather_many(maker: Maker, x: Value) -> Value:
    """Several index arrays, on axes side by side or not."""
    axes = tuple(axis for axis in range(len(x.shape)) if maker.draw(st.booleans())) or (0,)
    shape = maker.choice(((), (4,), (2, 3), (x.shape[0],)))
    indices = [computed_indices(maker, x, shape, x.shape[axis]) for axis in axes]
    return OPS["gather"](x, *indices, axes=axes, mode=maker.choice(("check", "clip")))


def scatter_many(maker: Maker, x: Value) -> Value:
    """Sums at several computed indices; the updates are read from the value itself."""
    axes = tuple(axis for axis in range(len(x.shape)) if maker.draw(st.booleans())) or (0,)
    shape = maker.choice(((4,), (2, 3), (x.shape[0],)))
    indices = [computed_indices(maker, x, shape, x.shape[axis]) for axis in axes]
    back = [computed_indices(maker, x, shape, x.shape[axis]) for axis in axes]
    updates = OPS["gather"](bounded_value(x), *back, axes=axes, mode="clip")
    return OPS["scatter_add"](x, updates, *indices, axes=axes, mode=maker.choice(("check", "clip")))


def other_dot(maker: Maker, x: Value) -> Value:
    """A product with a different value, over any pair of axes of one extent."""
    fitting = [
        (each, i, j)
        for each in maker.values
        if each.dtype is x.dtype and 0 < len(each.shape) <= 2
        for i in range(len(x.shape))
        for j in range(len(each.shape))
        if each.shape[j] == x.shape[i]
    ]
    other, i, j = maker.choice(fitting)
    left, right = (OPS["tanh"](x) * 0.3, OPS["tanh"](other)) if x.dtype.is_float else (x, other)
    return OPS["dot"](
        left, right, batch=((), ()), contract=((i,), (j,)), accumulate=float32 if x.dtype in HALVES else x.dtype
    )


def window(maker: Maker, x: Value) -> Value:
    """Neighbours along an axis whose extent may be symbolic: x padded, minus x moved by one."""
    axis = an_axis(maker, x)
    low = tuple(int(place == axis) for place in range(len(x.shape)))
    none = (0,) * len(x.shape)
    zero = full(dims_free(x), 0)
    before = OPS["pad"](x, zero, low=low, high=none, interior=none)
    after = OPS["pad"](x, zero, low=none, high=low, interior=none)
    return before - after


def small(maker: Maker, value: Value) -> bool:
    total = 1
    for each in value.shape:
        total *= maker.size(each)
    return total <= 4000 and len(value.shape) < 4


MENU = (
    *map(unary, ("neg", "abs", "sin", "cos", "tanh", "erf")),
    *(Entry(is_exact, of_one(name)) for name in ("sign", "floor", "ceil", "round_even")),
    *map(of_positive, ("sqrt", "log", "log1p")),
    *map(bounded, ("exp", "expm1")),
    *(binary(name, is_float) for name in ("add", "sub", "max", "min")),
    *(Entry(is_exact, compared(name)) for name in ("eq", "le")),
    Entry(is_float, lambda maker, x: OPS["tanh"](x) * maker.like(x)),
    Entry(is_float, lambda maker, x: x / (OPS["abs"](maker.like(x)) + 1.0)),
    *(binary(name, is_integer) for name in ("add", "sub", "mul", "div", "rem", "and", "or", "xor", "shl", "shr", "lt")),
    Entry(lambda maker, x: x.dtype is bool_, lambda maker, x: OPS["xor"](OPS["not"](x), maker.like(x))),
    Entry(is_float, choose),
    Entry(lambda maker, x: x.dtype.kind != "complex", cast),
    Entry(both(is_float, has_axes), mean_sum),
    *(reduction(name, both(is_float, nonempty)) for name in ("reduce_max", "reduce_min")),
    reduction("reduce_sum", is_integer),
    *(reduction(name, lambda maker, x: x.dtype is bool_) for name in ("reduce_and", "reduce_or")),
    Entry(
        both(is_exact, nonempty), lambda maker, x: OPS["argmax"](x, axis=maker.draw(st.integers(0, len(x.shape) - 1)))
    ),
    Entry(both(is_float, nonempty), softmax),
    Entry(has_axes, transpose),
    Entry(small, broadcast),
    Entry(has_axes, flatten),
    Entry(nonempty, reshape),
    Entry(is_static, slice_),
    Entry(both(is_static, small), pad),
    Entry(has_axes, lambda maker, x: OPS["reverse"](x, axes=axes_of(maker, x))),
    Entry(both(is_static, small), concat),
    Entry(both(has_axes, is_float, lambda maker, x: len(x.shape) <= 2), dot),
    Entry(nonempty, gather),
    Entry(both(nonempty, is_real), scatter),
    Entry(both(nonempty, is_real), sort),
    Entry(small, random_bits),
    Entry(is_number, product_sum),
    Entry(is_number, product),
    Entry(is_number, turned_sum),
    Entry(both(is_exact, filled), lambda maker, x: OPS["argmin"](x, axis=maker.draw(st.integers(0, len(x.shape) - 1)))),
    *(Entry(both(is_float, filled), make) for make in (softmax, layer_norm, log_sum_exp, crossed)),
    Entry(both(is_exact, filled), row_choice),
    Entry(is_float, lambda maker, x: OPS["pow"](OPS["abs"](x) + 0.5, OPS["tanh"](maker.like(x)))),
    Entry(is_exact, lambda maker, x: OPS["rem"](x, OPS["abs"](exact_like(maker, x)) + 0.5)),
    *(binary(name, is_integer) for name in ("max", "min", "eq", "le")),
    Entry(has_axes, joined),
    Entry(is_number, met),
    Entry(filled, gather_many),
    Entry(both(filled, is_number, small), scatter_many),
    Entry(both(has_axes, is_number, lambda maker, x: len(x.shape) <= 2), other_dot),
    Entry(both(is_number, small), window),
)

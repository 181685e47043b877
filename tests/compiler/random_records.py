"""One random op out of the table of records, at any dtype that its domain names: no list of ops is kept here.

In: a `Maker`. Out: the results of the op on operands of one of its own cases. Where the record leaves an operand free,
an earlier value takes its place, read into its shape and clipped into its range; else the case's array is a new input.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any, TypeVar

import numpy as np
from hypothesis import strategies as st

from lazygraph.compiler.ir import dims
from lazygraph.compiler.ir.graph import TensorType, Value, serials
from lazygraph.compiler.ops.lowering import Loops
from lazygraph.compiler.ops.record import OPS, Op, apply, full, no_tangent
from lazygraph.runtime.dtypes import DType, from_numpy, int64
from tests.compiler.random_maker import Maker, grains

T = TypeVar("T")
MOST_ELEMENTS, GREATEST = 300, 100.0
NAMES = tuple(name for name in sorted(OPS) if OPS[name].domain.dtypes)


def moderate(array: np.ndarray) -> bool:
    """Few elements, and no float that overflows or cancels in the next op."""
    if array.size > MOST_ELEMENTS:
        return False
    if not from_numpy(array.dtype).is_differentiable:
        return True
    with np.errstate(all="ignore"):
        return bool(np.all(np.abs(array) <= GREATEST))


@cache
def moderate_cases(name: str, dtype: DType) -> list[tuple[tuple[np.ndarray, ...], dict[str, Any]]]:
    found = OPS[name].domain.cases(np.random.default_rng(9), dtype)
    arrays = [(tuple(np.asarray(each) for each in operands), attributes) for operands, attributes in found]
    return [case for case in arrays if all(map(moderate, case[0]))]


def random_op(maker: Maker, names: Sequence[str]) -> tuple[Value, ...]:
    """The op, its dtype and case come from the generator, not from `draw`, which prefers what is first in a list."""
    name = picked(maker, names)
    op = OPS[name]
    dtype = picked(maker, [each for each in op.domain.dtypes if moderate_cases(name, each)])
    arrays, attributes = picked(maker, moderate_cases(name, dtype))
    rest = {name: each for name, each in attributes.items() if name != "graphs"}
    graphs = attributes.get("graphs", ())
    types = [TensorType(from_numpy(each.dtype), each.shape) for each in arrays]
    jumps = op.jvp is no_tangent or not all(
        each.dtype.is_differentiable for each in op.result_types(types, rest, graphs)
    )
    operands = [operand(maker, op, each, len(arrays), jumps) for each in arrays]
    if graphs:  # such an op says itself which derivatives it has, and refuses the others
        operands = [OPS["stop_gradient"](each) for each in operands]
    serial = 0 if op.flags.pure else next(serials)
    results = apply(op, operands, rest, graphs=graphs, serial=serial)
    if not op.flags.pure:
        maker.effects.append(results[0])
    return results


def picked(maker: Maker, options: Sequence[T]) -> T:
    return options[int(maker.rng.integers(len(options)))]


def operand(maker: Maker, op: Op, array: np.ndarray, count: int, jumps: bool) -> Value:
    """An earlier value where the op takes any, else a new input.

    A rounding of an operand may change the result of an op that `jumps` altogether (comparisons, places, integers), so
    it gets what every evaluation agrees about.
    """
    dtype = from_numpy(array.dtype)
    alone = count == 1 and not isinstance(op.lower, Loops)
    free = not op.flags.normwise and (op.flags.elementwise or alone or (dtype.is_float and not jumps))
    if free and array.size and maker.draw(st.booleans()):
        fitting = [each for each in maker.values if each.dtype == dtype and maker.count(each)]
        if jumps:
            exact = grains(fitting)
            fitting = [each for each in fitting if not exact[each]]
        if fitting:
            return within(fitted(maker, maker.choice(fitting[-6:]), array.shape), array)
    return maker.given(array)


def fitted(maker: Maker, x: Value, shape: tuple[int, ...]) -> Value:
    """Elements of x, in turn, in another shape."""
    if x.shape == shape:
        return x
    flat = OPS["reshape"](x, shape=(dims.product(x.shape),))
    total = int(np.prod(shape, dtype=np.int64))
    place = OPS["iota"](dtype=int64, shape=(total,), axis=0) * maker.choice((1, 1, 3))
    extent = OPS["extent"](value=flat.shape[0], dtype=int64)
    index = OPS["rem"](place, OPS["broadcast"](extent, shape=(total,), axes=()))
    return OPS["reshape"](OPS["gather"](flat, index, axes=(0,), mode=maker.choice(("check", "clip"))), shape=shape)


def within(x: Value, array: np.ndarray) -> Value:
    """x clipped to the range of a float array: exact, and NaN stays."""
    if not x.dtype.is_float:
        return x
    low, high = (full(x.type, float(end)) for end in (array.min(), array.max()))
    return OPS["min"](OPS["max"](x, low), high)

"""Compiled functions take arrays of any layout, of every dtype: the bits are those of contiguous arguments.

In: one function per dtype, of ops that read elementwise, along rows, along columns and at indices. Out: its results for
arguments that are strided, reversed, transposed, repeated by a stride of 0, unaligned, read-only or big-endian.
"""

from collections.abc import Callable

import numpy as np
import pytest

import lazygraph as lg
from lazygraph.compiler.ir.graph import Value
from lazygraph.compiler.ops.compose import emit
from lazygraph.compiler.ops.halves import HALVES
from lazygraph.compiler.ops.record import OPS
from lazygraph.compiler.ops.samples import plain
from lazygraph.promotion import value_of
from lazygraph.runtime.dtypes import ALL, DType, float32

SHAPE = (7, 67)  # a prime number of rows, each longer than a vector


def strided(x: np.ndarray) -> np.ndarray:
    wide = np.zeros((2 * x.shape[0], 3 * x.shape[1]), x.dtype)
    wide[::2, 1::3] = x
    return wide[::2, 1::3]


def reversed_(x: np.ndarray) -> np.ndarray:
    return x[::-1, ::-1].copy()[::-1, ::-1]


def unaligned(x: np.ndarray) -> np.ndarray:
    buffer = np.zeros(x.nbytes + 1, np.uint8)
    moved = buffer[1:].view(x.dtype).reshape(x.shape)
    moved[...] = x
    return moved


def read_only(x: np.ndarray) -> np.ndarray:
    copy = x.copy()
    copy.flags.writeable = False
    return copy


def big_endian(x: np.ndarray) -> np.ndarray:
    return x.astype(x.dtype.newbyteorder(">"))


LAYOUTS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "strided": strided,
    "reversed": reversed_,
    "Fortran": np.asfortranarray,
    "transposed": lambda x: x.T.copy().T,
    "unaligned": unaligned,
    "read-only": read_only,
    "big-endian": big_endian,
}


def results(x: Value, y: Value) -> list[Value]:
    """What the dtype allows of: two operands, rows, columns, all elements in another order, products."""
    accumulate = float32 if x.dtype in HALVES else x.dtype
    programs: dict[str, Callable[[], Value]] = {
        "eq": lambda: emit("eq", x, y),
        "add": lambda: emit("add", x, y),
        "xor": lambda: emit("xor", x, y),
        "reduce_sum": lambda: emit("reduce_sum", x, axes=(1,)),
        "reduce_max": lambda: emit("reduce_max", x, axes=(0,)),
        "cumsum": lambda: emit("cumsum", x, axis=1, reverse=False),
        "transpose": lambda: emit("transpose", x, permutation=(1, 0)),
        "reshape": lambda: emit("reshape", y, shape=(67, 7)),
        "sort": lambda: OPS["sort"](x, axis=0),
        "dot": lambda: emit("dot", x, y, batch=((), ()), contract=((1,), (1,)), accumulate=accumulate),
    }
    return [make() for name, make in programs.items() if x.dtype in OPS[name].domain.dtypes]


@pytest.mark.parametrize("dtype", ALL, ids=repr)
def test_bits_do_not_depend_on_the_layout_of_arguments(dtype: DType) -> None:
    x, y = (lg.placeholder(SHAPE, dtype, name) for name in "xy")
    function = lg.function([x, y], [lg.Tensor(each) for each in results(value_of(x), value_of(y))])
    rng = np.random.default_rng(3)
    arrays = plain(rng, dtype, SHAPE), plain(rng, dtype, SHAPE)
    expected = [each.tobytes() for each in function(*arrays)]
    for name, layout in LAYOUTS.items():
        laid_out = [layout(each) for each in arrays]
        for array, given in zip(arrays, laid_out):
            np.testing.assert_array_equal(given, array)
        assert [each.tobytes() for each in function(*laid_out)] == expected, name
    repeated = np.broadcast_to(arrays[0][0], SHAPE)
    assert [each.tobytes() for each in function(repeated, repeated.T.copy().T)] == [
        each.tobytes() for each in function(repeated.copy(), repeated.copy())
    ]

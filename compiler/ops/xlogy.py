"""x log(y), 0 where x = 0: entropies and likelihoods, in which 0 log(0) is nothing.

In: nothing. Out: an `Op` in the table.
"""

from __future__ import annotations

import numpy as np

from lazygraph.compiler.ir.graph import Value
from lazygraph.compiler.loop.scalar import S, ScalarBuilder
from lazygraph.compiler.ops import domains, vector_math
from lazygraph.compiler.ops.elementwise import (
    FLOATS,
    batch_elementwise,
    elementwise_type,
    jvp_of,
    through_float64,
    transpose_of,
)
from lazygraph.compiler.ops.halves import in_float32, through_float32
from lazygraph.compiler.ops.lowering import Elementwise
from lazygraph.compiler.ops.record import OPS, Flags, Op, full, register


def _nothing(x: Value, product: Value) -> Value:
    """The product where x is not 0; nothing where it is."""
    zero = full(x.type, 0.0)
    result: Value = OPS["select"](OPS["eq"](x, zero), zero, product)
    return result


def _along_x(x: Value, y: Value, out: Value, d: Value) -> Value:
    """d log(y), and 0 where d = 0."""
    result: Value = xlogy(d, y)
    return result


def _along_y(x: Value, y: Value, out: Value, d: Value) -> Value:
    """(x / y) d, and 0 where x = 0, also at y = 0."""
    return d * _nothing(x, x / y)


def _lower(b: ScalarBuilder[S], x: S, y: S) -> S:
    zero = b.const(0.0, b.dtype(x))
    vanishes = b.and_(b.equal(x, zero), b.equal(y, y))
    return b.select(vanishes, zero, b.mul(x, vector_math.log(b, y)))


def _reference(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return np.where((x == 0) & (y == y), 0.0, x * np.log(y))


xlogy: Op = register(
    Op(
        name="xlogy",
        doc="x * log(y), and 0 where x = 0 unless y is NaN, as are its derivatives there.",
        type_rule=elementwise_type("xlogy", 2, FLOATS),
        reference=through_float32(through_float64(_reference)),
        jvp=jvp_of((_along_x, _along_y)),
        transpose=transpose_of((lambda operands, ct: xlogy(ct, operands[1]), None)),
        batch=batch_elementwise,
        lower=Elementwise(in_float32(_lower)),
        domain=domains.ranges(domains.SWEPT_FLOATS, (-3, 3), (0, 9), smooth=((-2, 2), (0.5, 3))),
        ulp=3,
        flags=Flags(elementwise=True, linear=(0,), public=True),
    )
)

"""Ops on the bits of numbers: the same bytes read as another dtype, the number next to another.

In: nothing. Out: `bitcast` and `nextafter` in the table: what half types do in their own bits, not as float32.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lazygraph.compiler.ir.errors import DTypeError
from lazygraph.compiler.ir.graph import Attributes, TensorType
from lazygraph.compiler.ops import domains, vector_math
from lazygraph.compiler.ops.elementwise import batch_elementwise, elementwise_type, jvp_of, one_of, quiet
from lazygraph.compiler.ops.lowering import Elementwise
from lazygraph.compiler.ops.record import NOT_LINEAR, Domain, Flags, Op, no_tangent, register
from lazygraph.runtime.dtypes import FLOATS, INTEGERS, DType

PLAIN = (*INTEGERS, *FLOATS)  # a bool has one bit that counts, and complex numbers are pairs


def _type(types: tuple[TensorType, ...], attributes: Attributes) -> Sequence[TensorType]:
    (operand,) = elementwise_type("bitcast", 1, PLAIN)(types, attributes)
    result = TensorType(attributes["dtype"], operand.shape)
    one_of("bitcast", result, PLAIN)
    if result.dtype.itemsize != operand.dtype.itemsize:
        raise DTypeError(
            f"bitcast: expected dtypes of equal width, found {operand.dtype} ({operand.dtype.bits} bits) as "
            f"{result.dtype} ({result.dtype.bits} bits)"
        )
    return (result,)


def _reference(x: np.ndarray, dtype: DType) -> np.ndarray:
    return np.ascontiguousarray(x).view(dtype.numpy).reshape(x.shape)


def _domain() -> Domain:
    ordinary = domains.ranges(PLAIN, (-9, 9))

    def cases(rng: np.random.Generator, dtype: DType) -> list[domains.Case]:
        wanted = [{"dtype": each} for each in PLAIN if each.itemsize == dtype.itemsize]
        every = ordinary.cases(rng, dtype)
        return [(arrays, attributes) for arrays, _ in (*every[1:4], *every[5:]) for attributes in wanted]

    return Domain(PLAIN, cases, lambda rng: [])


bitcast = register(
    Op(
        name="bitcast",
        doc="The bits of x read as `dtype`, which is as wide; neither is bool or complex. Every NaN keeps its payload.",
        type_rule=_type,
        reference=_reference,
        jvp=no_tangent,
        transpose=NOT_LINEAR,
        batch=batch_elementwise,
        lower=Elementwise(lambda b, x, dtype: b.bitcast(x, dtype)),
        domain=_domain(),
        ulp=0,
        flags=Flags(elementwise=True),
    )
)

nextafter = register(
    Op(
        name="nextafter",
        doc="The number of the format next to x on the way to y, and y where they are equal; its slope in x is 1.",
        type_rule=elementwise_type("nextafter", 2, FLOATS),
        reference=quiet(lambda x, y: np.where(x == y, y, np.nextafter(x, y))),
        jvp=jvp_of((lambda x, y, out, d: d, lambda x, y, out, d: d * 0.0)),
        transpose=NOT_LINEAR,
        batch=batch_elementwise,
        lower=Elementwise(vector_math.nextafter),
        domain=domains.ranges(domains.SWEPT_FLOATS, (-2, 2), (-2, 2), smooth=((0.5, 3), (-3, -0.5))),
        ulp=0,
        flags=Flags(elementwise=True),
    )
)

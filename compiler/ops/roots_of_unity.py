"""Roots of unity of integer order: what transforms of symbolic length multiply by.

In: nothing. Out: `root_re` and `root_im` in the table: the parts of e**(-2 pi i k / n) in float64, of int64 k and n.
"""

from __future__ import annotations

import numpy as np

from lazygraph.compiler.loop.scalar import S, ScalarBuilder
from lazygraph.compiler.ops import domains
from lazygraph.compiler.ops.elementwise import batch_elementwise, elementwise_type
from lazygraph.compiler.ops.fourier import plan
from lazygraph.compiler.ops.lowering import Elementwise
from lazygraph.compiler.ops.record import NOT_LINEAR, Domain, Flags, Op, no_tangent, register
from lazygraph.compiler.ops.samples import Case, no_smooth
from lazygraph.compiler.ops.vector_math.circular import HALF_PI_HIGH, HALF_PI_LOW, clockwise
from lazygraph.compiler.ops.vector_math.parts import quick_two_sum, two_product
from lazygraph.runtime.dtypes import DType, float64, int64, uint64


def _parts(b: ScalarBuilder[S], k: S, n: S) -> tuple[S, S]:
    """4 k = q n + p with q an integer and |p| <= n / 2, in integers: the angle is pi/2 (q + p / n), p / n in two
    floats."""
    four = b.const(4, int64)
    order = b.convert(n, float64)
    quarters = b.round_even(b.div(b.convert(b.mul(four, k), float64), order))
    quarter = b.convert(quarters, int64)
    part = b.convert(b.sub(b.mul(four, k), b.mul(quarter, n)), float64)
    high = b.div(part, order)
    product, error = two_product(b, high, order)
    low = b.div(b.sub(b.sub(part, product), error), order)
    turn, turn_error = two_product(b, high, b.const(HALF_PI_HIGH, float64))
    rest = b.fma(low, b.const(HALF_PI_HIGH, float64), b.fma(high, b.const(HALF_PI_LOW, float64), turn_error))
    return clockwise(b, b.bitcast(quarter, uint64), *quick_two_sum(b, turn, rest))


def _reference(k: np.ndarray, n: np.ndarray) -> np.ndarray:
    with np.errstate(all="ignore"):
        found = plan.roots(np.maximum(np.abs(n), 1), np.where(n < 0, -k, k))
    return np.where(n == 0, complex("nan+nanj"), found)


def _cases(rng: np.random.Generator, dtype: DType) -> list[Case]:
    found: list[Case] = []
    for shape in domains.SHAPES:
        order = rng.integers(1, 1 << int(rng.integers(2, 40)), shape)
        found.append(((np.asarray(rng.integers(0, order)), np.asarray(order)), {}))
    octants, squares = np.arange(48), np.arange(0, 1 << 20, 9973) ** 2
    found.append(((np.concatenate([squares, -squares]), np.full(2 * len(squares), 2 * 1048573)), {}))
    found.append(((np.array([0, 1, -5, 7, 7, -7]), np.array([0, 0, 0, -16, -1, -9])), {}))
    return [*found, ((octants, np.full(48, 48)), {}), ((octants % 5, np.full(48, 5)), {})]


def _record(name: str, part: int, doc: str) -> Op:
    return register(
        Op(
            name=name,
            doc=f"The {doc} part of e**(-2 pi i k / n) in float64, for int64 |k| < 2**60 and |n| <= 2**50 that is "
            "at least |k| / 2**48; NaN for n = 0.",
            type_rule=elementwise_type(name, 2, (int64,), float64),
            reference=lambda k, n: np.asarray((_reference(k, n).real, _reference(k, n).imag)[part]),
            jvp=no_tangent,
            transpose=NOT_LINEAR,
            batch=batch_elementwise,
            lower=Elementwise(lambda b, k, n: _parts(b, k, n)[part]),
            domain=Domain((int64,), _cases, no_smooth),
            ulp=1,
            flags=Flags(elementwise=True),
        )
    )


root_re = _record("root_re", 0, "real")
root_im = _record("root_im", 1, "imaginary")

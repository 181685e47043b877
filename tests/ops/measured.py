"""How accurate compiled code is: the largest error of an op over its own cases, per dtype, against wider arithmetic.

In: a record and an inexact dtype. Out: units in the last place of the result; of sums and products in units of the
sum of magnitudes, whose rounding no order of addition avoids. A half and a float32 are held against the reference in
float64, a float64 against NumPy's long double where NumPy has the function, else against the reference in float64.
"""

from __future__ import annotations

import numpy as np

import lazygraph.compiler.ops  # noqa: F401  (importing the families fills the table)
from lazygraph.compiler.ops.lowering import Product, Reduction
from lazygraph.compiler.ops.record import OPS
from lazygraph.runtime.dtypes import DType, float64, from_numpy
from tests.ops.agreement import greatest
from tests.ops.harness import Applied, applied, as_array, evaluate, inexact, stand_in, together
from tests.ops.native import compiled, run

WIDE = {"float": np.dtype(np.float64), "complex": np.dtype(np.complex128)}


def spacing(numbers: np.ndarray, dtype: DType) -> np.ndarray:
    """The distance of neighbours in the (real) format of `dtype`, at the magnitudes of these numbers."""
    limits = dtype.limits
    size = np.maximum(np.abs(numbers).astype(np.longdouble), np.longdouble(float(limits.tiny)))
    return np.exp2(np.floor(np.log2(size))) * np.longdouble(float(limits.eps))


def truth(case: Applied, dtype: DType) -> tuple[np.ndarray, ...]:
    """The results in wider arithmetic."""
    function = getattr(np, case.node.op.name, None)
    if dtype == float64 and isinstance(function, np.ufunc) and case.node.op.flags.elementwise:
        return as_array(function(*[each.astype(np.longdouble) for each in case.arrays]))
    wide = [each.astype(WIDE[dtype.kind]) if from_numpy(each.dtype) == dtype else each for each in case.arrays]
    attributes = {
        name: from_numpy(WIDE[dtype.kind]) if isinstance(each, DType) and each.is_differentiable else each
        for name, each in case.node.attributes.items()
    }
    return as_array(case.node.op.reference(*wide, **attributes))


def scale(case: Applied, expected: np.ndarray) -> np.ndarray:
    """What a unit refers to: the result, for sums of products the same over magnitudes, for matrices the greatest."""
    if case.node.op.flags.normwise:
        return np.full(expected.shape, greatest(expected))
    if not isinstance(case.node.op.lower, Reduction | Product):
        return expected
    absolute = [np.abs(each).astype(np.float64) for each in case.arrays]
    attributes = {name: float64 if isinstance(each, DType) else each for name, each in case.node.attributes.items()}
    parameters = tuple(stand_in(each) for each in absolute)
    return evaluate([case.node.op(*parameters, **attributes)], parameters, absolute)[0]


def largest_error(name: str, dtype: DType) -> float:
    """In units in the last place, over all finite results of the op's cases."""
    cases = [applied(OPS[name], *case) for case in OPS[name].domain.cases(np.random.default_rng(5), dtype)]
    found = iter(run(compiled(together(name, cases)), [each for case in cases for each in case.arrays], 1))
    worst = 0.0
    for case in cases:
        with np.errstate(all="ignore"):
            for result, exact in zip([next(found) for _ in case.node.outputs], truth(case, dtype), strict=True):
                if not inexact(result):
                    continue
                wide = result.astype(np.clongdouble if dtype.kind == "complex" else np.longdouble)
                error = np.abs(wide - exact) / spacing(scale(case, exact), from_numpy(result.dtype))
                counted = np.isfinite(wide) & np.isfinite(exact) & np.isfinite(error)
                worst = max(worst, float(np.max(error[counted], initial=0)))
    return worst

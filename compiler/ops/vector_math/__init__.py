"""Elementary functions written in the scalar machine's operations: branch-free, no library, no table in memory.

In: a `ScalarBuilder` and operands of float32 or float64 (`rem`, `pow_`, `sign`, `max_`, `min_` take integers too). Out:
the result, within 2 units in the last place over the full range, with and without a fused multiply-add.
"""

from lazygraph.compiler.ops.vector_math.bases import cbrt, exp2, log2, log10
from lazygraph.compiler.ops.vector_math.circular import cos, sin, tan
from lazygraph.compiler.ops.vector_math.complementary_error import erf_inv, erfc, erfc_inv
from lazygraph.compiler.ops.vector_math.error_function import erf
from lazygraph.compiler.ops.vector_math.exponential import exp, expm1
from lazygraph.compiler.ops.vector_math.gamma import digamma, lgamma
from lazygraph.compiler.ops.vector_math.hyperbolic import cosh, sinh, tanh
from lazygraph.compiler.ops.vector_math.inverse_circular import acos, asin, atan, atan2
from lazygraph.compiler.ops.vector_math.inverse_hyperbolic import acosh, asinh, atanh
from lazygraph.compiler.ops.vector_math.logarithm import log, log1p
from lazygraph.compiler.ops.vector_math.order import copysign, max_, min_, nextafter, sign
from lazygraph.compiler.ops.vector_math.polygamma import polygamma
from lazygraph.compiler.ops.vector_math.power import pow_
from lazygraph.compiler.ops.vector_math.remainder import rem

__all__ = [
    "acos",
    "acosh",
    "asin",
    "asinh",
    "atan",
    "atan2",
    "atanh",
    "cbrt",
    "copysign",
    "cos",
    "cosh",
    "digamma",
    "erf",
    "erf_inv",
    "erfc",
    "erfc_inv",
    "exp",
    "exp2",
    "expm1",
    "lgamma",
    "log",
    "log10",
    "log1p",
    "log2",
    "max_",
    "min_",
    "nextafter",
    "polygamma",
    "pow_",
    "rem",
    "sign",
    "sin",
    "sinh",
    "tan",
    "tanh",
]

"""What a record says of complex operands: its rule in real scalars, its reference, its accuracy.

In: the formulas of this folder. Out: one `ComplexRule` for each op that takes complex numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from lazygraph.compiler.ops.complex_math import arithmetic, circular, exponential, inverse, references
from lazygraph.compiler.ops.complex_math.scalars import Rule


@dataclass(frozen=True)
class ComplexRule:
    expand: Rule
    reference: Callable[..., Any]
    ulp: float = 0  # of the greater part's last place: errors are normwise, by max(|re|, |im|); 0 for exact ops


NEG = ComplexRule(arithmetic.neg, np.negative)
ADD = ComplexRule(arithmetic.add, np.add)
SUB = ComplexRule(arithmetic.sub, np.subtract)
MUL = ComplexRule(arithmetic.mul, references.product)
DIV = ComplexRule(arithmetic.div, references.quotient, 4)
EQ = ComplexRule(arithmetic.eq, np.equal)
EXP = ComplexRule(exponential.exp, references.exp, 4)
EXPM1 = ComplexRule(exponential.expm1, references.expm1, 6)
LOG = ComplexRule(exponential.log, references.log, 4)
LOG1P = ComplexRule(exponential.log1p, references.log1p, 4)
SQRT = ComplexRule(exponential.sqrt, references.sqrt, 4)
POW = ComplexRule(exponential.pow, references.power, 200)
SIN = ComplexRule(circular.sin, references.sin, 5)
COS = ComplexRule(circular.cos, references.cos, 5)
TAN = ComplexRule(circular.tan, references.tan, 8)
SINH = ComplexRule(circular.sinh, references.sinh, 5)
COSH = ComplexRule(circular.cosh, references.cosh, 5)
TANH = ComplexRule(circular.tanh, references.tanh, 8)
ASIN = ComplexRule(inverse.asin, references.asin, 8)
ACOS = ComplexRule(inverse.acos, references.acos, 8)
ATAN = ComplexRule(inverse.atan, references.atan, 8)
ASINH = ComplexRule(inverse.asinh, references.asinh, 8)
ACOSH = ComplexRule(inverse.acosh, references.acosh, 8)
ATANH = ComplexRule(inverse.atanh, references.atanh, 8)

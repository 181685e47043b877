"""Arithmetic records: sign and rounding, the four operations, remainder, maximum and minimum, conversion of dtype.

In: nothing. Out: `Op`s in the table. Every op is defined on every input: integers wrap, a quotient or remainder by an
integer zero is 0, conversions saturate. Sub-gradients where there is no derivative: abs has 0 at 0; max and min give
each of two equal operands half.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from lazygraph.compiler.ir.errors import DTypeError
from lazygraph.compiler.ir.graph import Attributes, Node, TensorType, Value
from lazygraph.compiler.ops import domains, vector_math
from lazygraph.compiler.ops.complex_math import arithmetic as on_pairs
from lazygraph.compiler.ops.complex_math import rule
from lazygraph.compiler.ops.complex_math.references import joined
from lazygraph.compiler.ops.elementwise import (
    EVERYTHING,
    FLOATS,
    NUMBERS,
    batch_elementwise,
    binary,
    elementwise_type,
    one_of,
    quiet,
    unary,
)
from lazygraph.compiler.ops.halves import HALVES, rounded
from lazygraph.compiler.ops.lowering import Elementwise
from lazygraph.compiler.ops.record import OPS, Domain, Flags, Op, Tangents, full, register
from lazygraph.runtime.dtypes import ALL, COMPLEX, DType, bool_, complex128, float64, from_numpy

# --- one operand ------------------------------------------------------------------------------------------------------

neg = unary(
    "neg",
    "-x; an integer wraps at its minimum.",
    reference=quiet(np.negative),
    jvp=lambda x, out, d: -d,
    transpose=lambda operands, ct: -ct,
    lower=lambda b, x: b.neg(x),
    dtypes=NUMBERS,
    domain=domains.ranges(domains.SWEPT_NUMBERS, (-9, 9), smooth=((-3, 3),)),
    on_complex=rule.NEG,
)

abs_ = unary(
    "abs",
    "|x|; an integer wraps at its minimum. Derivative sign(x): 0 at 0.",
    reference=quiet(np.abs),
    jvp=lambda x, out, d: d * sign(x),
    lower=lambda b, x: b.abs(x),
    dtypes=NUMBERS,
    domain=domains.ranges(domains.SWEPT_NUMBERS, (-9, 9), smooth=((0.5, 3),)),
)

sign: Op = unary(
    "sign",
    "-1, 0 or 1 by the sign of x; NaN of NaN.",
    reference=quiet(np.sign),
    jvp=None,
    lower=vector_math.sign,
    dtypes=NUMBERS,
    domain=domains.ranges(domains.SWEPT_NUMBERS, (-2, 2), smooth=((0.5, 3),)),
)


def _same_sign(x: Value, y: Value) -> Value:
    """1 or -1, by whether the sign bits of x and y agree."""
    one = full(x.type, 1.0)
    result: Value = copysign(one, x) * copysign(one, y)
    return result


copysign: Op = binary(
    "copysign",
    "|x| with the sign bit of y, of zeros and NaN too. Linear in |x|; it does not vary with y.",
    reference=quiet(np.copysign),
    jvp=(lambda x, y, out, d: d * _same_sign(x, y), lambda x, y, out, d: d * 0.0),
    lower=vector_math.copysign,
    dtypes=FLOATS,
    domain=domains.ranges(domains.SWEPT_FLOATS, (-2, 2), (-2, 2), smooth=((0.5, 3), (-3, -0.5))),
)

floor = unary(
    "floor",
    "The greatest integer that is not above x.",
    reference=quiet(np.floor),
    jvp=None,
    lower=lambda b, x: b.floor(x),
    dtypes=FLOATS,
    domain=domains.ranges(domains.SWEPT_FLOATS, (-5, 5), smooth=((0.1, 0.9),)),
)

ceil = unary(
    "ceil",
    "The least integer that is not below x: -floor(-x).",
    reference=quiet(np.ceil),
    jvp=None,
    lower=lambda b, x: b.neg(b.floor(b.neg(x))),
    dtypes=FLOATS,
    domain=domains.ranges(domains.SWEPT_FLOATS, (-5, 5), smooth=((0.1, 0.9),)),
)

round_even = unary(
    "round_even",
    "The nearest integer, of two the even one.",
    reference=quiet(np.rint),
    jvp=None,
    lower=lambda b, x: b.round_even(x),
    dtypes=FLOATS,
    domain=domains.ranges(domains.SWEPT_FLOATS, (-5, 5), smooth=((0.6, 1.4),)),
)

# --- two operands -----------------------------------------------------------------------------------------------------

add = binary(
    "add",
    "x + y; integers wrap.",
    reference=quiet(np.add),
    jvp=(lambda x, y, out, d: d, lambda x, y, out, d: d),
    transpose=(lambda operands, ct: ct, lambda operands, ct: ct),
    lower=lambda b, x, y: b.add(x, y),
    dtypes=NUMBERS,
    domain=domains.ranges(domains.SWEPT_NUMBERS, (-99, 99), (-99, 99), smooth=((-3, 3), (-3, 3))),
    commutative=True,
    on_complex=rule.ADD,
)

sub = binary(
    "sub",
    "x - y; integers wrap.",
    reference=quiet(np.subtract),
    jvp=(lambda x, y, out, d: d, lambda x, y, out, d: -d),
    transpose=(lambda operands, ct: ct, lambda operands, ct: -ct),
    lower=lambda b, x, y: b.sub(x, y),
    dtypes=NUMBERS,
    domain=domains.ranges(domains.SWEPT_NUMBERS, (-99, 99), (-99, 99), smooth=((-3, 3), (-3, 3))),
    on_complex=rule.SUB,
)

mul = binary(
    "mul",
    "x * y; integers wrap.",
    reference=quiet(np.multiply),
    jvp=(lambda x, y, out, d: d * y, lambda x, y, out, d: x * d),
    transpose=(lambda operands, ct: ct * operands[1], lambda operands, ct: operands[0] * ct),
    lower=lambda b, x, y: b.mul(x, y),
    dtypes=NUMBERS,
    domain=domains.ranges(domains.SWEPT_NUMBERS, (-99, 99), (-99, 99), smooth=((-3, 3), (-3, 3))),
    commutative=True,
    on_complex=rule.MUL,
)


def _divide(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Floats divide; integers truncate, x/0 = 0 and INT_MIN/-1 wraps."""
    if x.dtype.kind == "f":
        return np.asarray(x / y)
    return np.asarray(np.where(y == 0, x.dtype.type(0), (x - np.fmod(x, y)) // y))


div = binary(
    "div",
    "x / y; an integer quotient truncates, x/0 = 0 and INT_MIN/-1 = INT_MIN.",
    reference=quiet(_divide),
    jvp=(lambda x, y, out, d: d / y, lambda x, y, out, d: -(out / y) * d),
    transpose=(lambda operands, ct: ct / operands[1], None),
    lower=lambda b, x, y: b.div(x, y) if b.dtype(x).is_float else b.int_div(x, y),
    dtypes=NUMBERS,
    domain=domains.ranges(domains.SWEPT_NUMBERS, (-99, 99), (-9, 9), smooth=((-3, 3), (0.5, 3))),
    on_complex=rule.DIV,
)

rem = binary(
    "rem",
    "x - y * trunc(x / y), exact, with the sign of x (C's fmod); by 0 it is 0 of integers, NaN of floats.",
    reference=quiet(np.fmod),
    jvp=(lambda x, y, out, d: d, lambda x, y, out, d: -round_even((x - out) / y) * d),
    lower=vector_math.rem,
    dtypes=NUMBERS,
    domain=domains.ranges(domains.SWEPT_NUMBERS, (-99, 99), (-9, 9), smooth=((2.1, 2.9), (0.95, 1.05))),
)


def _greater_weight(x: Value, y: Value) -> Value:
    """1 where x > y, 1/2 where x = y, else 0: the derivative of max(x, y) along x."""
    one, half, zero = (full(x.type, number) for number in (1.0, 0.5, 0.0))
    lt, eq, select = OPS["lt"], OPS["eq"], OPS["select"]
    weight: Value = select(lt(y, x), one, select(eq(x, y), half, zero))
    return weight


max_ = binary(
    "max",
    "The greater of x and y; NaN if one is NaN; of 0.0 and -0.0 the second operand. Derivative half each where x = y.",
    reference=quiet(lambda x, y: np.where(x != x, x, np.where(y < x, x, y))),
    jvp=(lambda x, y, out, d: d * _greater_weight(x, y), lambda x, y, out, d: d * _greater_weight(y, x)),
    lower=vector_math.max_,
    dtypes=EVERYTHING,
    domain=domains.ranges(domains.SWEPT, (-9, 9), (-9, 9), smooth=((-3, 0), (0.5, 3))),
    commutative=True,
)

min_ = binary(
    "min",
    "The lesser of x and y; NaN if one is NaN; of 0.0 and -0.0 the second operand. Derivative half each where x = y.",
    reference=quiet(lambda x, y: np.where(x != x, x, np.where(x < y, x, y))),
    jvp=(lambda x, y, out, d: d * _greater_weight(y, x), lambda x, y, out, d: d * _greater_weight(x, y)),
    lower=vector_math.min_,
    dtypes=EVERYTHING,
    domain=domains.ranges(domains.SWEPT, (-9, 9), (-9, 9), smooth=((-3, 0), (0.5, 3))),
    commutative=True,
)

# --- cast -------------------------------------------------------------------------------------------------------------


def convert(x: np.ndarray, dtype: DType) -> np.ndarray:
    """`ScalarBuilder.convert` on arrays: float to integer truncates and saturates, NaN gives 0; integers wrap."""
    x = x.astype(np.float32) if from_numpy(x.dtype) in HALVES else x
    if x.dtype.kind != "f" or not dtype.is_integer:
        return (x != 0) if dtype.kind == "bool" else rounded(x, dtype)
    info = np.iinfo(dtype.numpy)
    inside = (x >= float(info.min)) & (x < float(info.max) + 1)  # info.max + 1 is a power of two: exact
    ends = np.where(x > 0, info.max, np.where(x < 0, info.min, 0)).astype(dtype.numpy)
    return np.where(inside, np.where(inside, x, 0).astype(dtype.numpy), ends)


def _cast_type(types: tuple[TensorType, ...], attributes: Attributes) -> Sequence[TensorType]:
    (operand,) = elementwise_type("cast", 1, ALL)(types, attributes)
    result = TensorType(attributes["dtype"], operand.shape)
    one_of("cast", result, ALL)
    if operand.dtype.is_complex and not result.dtype.is_complex and result.dtype.kind != "bool":
        raise DTypeError(
            f"cast: {operand} would lose its imaginary part as {result.dtype}: take real, imag or abs first"
        )
    return (result,)


def _cast_jvp(node: Node, tangents: Tangents) -> Tangents:
    (tangent,) = tangents
    if tangent is None or not node["dtype"].is_differentiable:
        return (None,)
    return (cast(tangent, dtype=node["dtype"]),)


def _cast_transpose(node: Node, cotangents: Tangents, linear: tuple[bool, ...]) -> Tangents:
    (cotangent,), (wanted,) = cotangents, linear
    if cotangent is None or not wanted:
        return (None,)
    source = node.inputs[0].dtype
    if cotangent.dtype.is_complex and not source.is_complex:
        cotangent = OPS["real"](cotangent)
    return (cast(cotangent, dtype=source),)


def _cast_domain() -> Domain:
    ordinary = domains.with_complex(domains.ranges(domains.SWEPT, (-9, 9)))

    def cases(rng: np.random.Generator, dtype: DType) -> list[domains.Case]:
        targets = [{"dtype": target} for target in ((bool_, *COMPLEX) if dtype.is_complex else domains.EVERY)]
        return [(arrays, attributes) for arrays, _ in ordinary.cases(rng, dtype) for attributes in targets]

    def smooth(rng: np.random.Generator) -> list[domains.Case]:
        real, turned = (domains.sample(rng, dtype, (5,), -3, 3) for dtype in (float64, complex128))
        return [((real,), {"dtype": float64}), ((real,), {"dtype": complex128}), ((turned,), {"dtype": complex128})]

    return Domain(domains.EVERY, cases, smooth)


def _cast_reference(x: np.ndarray, dtype: Any) -> np.ndarray:
    if not dtype.is_complex:
        return convert(x, dtype)
    return joined(*(convert(np.asarray(part), dtype.part) for part in (x.real, x.imag)))


cast = register(
    Op(
        name="cast",
        doc="x as `dtype`: floats round to nearest even, to integers truncate and saturate (NaN: 0); integers wrap. "
        "A real number gets the imaginary part 0; a complex one is never made real.",
        type_rule=_cast_type,
        reference=quiet(_cast_reference),
        jvp=_cast_jvp,
        transpose=_cast_transpose,
        batch=batch_elementwise,
        lower=Elementwise(lambda b, x, dtype: b.convert(x, dtype), rule.ComplexRule(on_pairs.cast, _cast_reference)),
        domain=_cast_domain(),
        ulp=0,
        flags=Flags(elementwise=True, linear=(0,)),
    )
)

"""Logic records: bitwise operations and shifts, comparisons, and the choice between two values by a third.

In: nothing. Out: `Op`s in the table. `and or xor not` work bit by bit on integers and logically on bools; comparisons
with NaN are false (ne, gt and ge are composed by the front).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lazygraph.compiler.ir.errors import DTypeError, ShapeError
from lazygraph.compiler.ir.graph import Attributes, Node, TensorType
from lazygraph.compiler.ops import domains
from lazygraph.compiler.ops.complex_math import arithmetic as on_pairs
from lazygraph.compiler.ops.complex_math import rule
from lazygraph.compiler.ops.elementwise import (
    EVERYTHING,
    INTEGERS,
    LOGICAL,
    NUMBERS,
    batch_elementwise,
    binary,
    comparison,
    one_of,
    quiet,
    same_types,
    transpose_of,
    unary,
)
from lazygraph.compiler.ops.lowering import Elementwise
from lazygraph.compiler.ops.record import Domain, Flags, Op, Tangents, register, zeros
from lazygraph.runtime.dtypes import ALL, DType, bool_, complex128, float64

_bits = domains.ranges(domains.SWEPT_LOGICAL, (-99, 99), (-99, 99))
_shifts = domains.ranges(domains.SWEPT_INTEGERS, (-99, 99), (0, 70))
_ordered = domains.ranges(domains.SWEPT_NUMBERS, (-3, 3), (-3, 3))

not_ = unary(
    "not",
    "Every bit of an integer, or a bool, inverted.",
    reference=quiet(np.invert),
    jvp=None,
    lower=lambda b, x: b.not_(x),
    dtypes=LOGICAL,
    domain=domains.ranges(domains.SWEPT_LOGICAL, (-99, 99)),
)

and_ = binary(
    "and",
    "Bits set in both x and y.",
    reference=quiet(np.bitwise_and),
    jvp=None,
    lower=lambda b, x, y: b.and_(x, y),
    dtypes=LOGICAL,
    domain=_bits,
    commutative=True,
)

or_ = binary(
    "or",
    "Bits set in x or y.",
    reference=quiet(np.bitwise_or),
    jvp=None,
    lower=lambda b, x, y: b.or_(x, y),
    dtypes=LOGICAL,
    domain=_bits,
    commutative=True,
)

xor = binary(
    "xor",
    "Bits set in one of x and y.",
    reference=quiet(np.bitwise_xor),
    jvp=None,
    lower=lambda b, x, y: b.xor(x, y),
    dtypes=LOGICAL,
    domain=_bits,
    commutative=True,
)


def _amount_is_inside(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return (y >= 0) & (y < 8 * x.dtype.itemsize)


def _shift_left(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    inside = _amount_is_inside(x, y)
    return np.asarray(np.where(inside, np.left_shift(x, np.where(inside, y, y.dtype.type(0))), x.dtype.type(0)))


def _shift_right(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    inside = _amount_is_inside(x, y)
    beyond = np.where(x < 0, x.dtype.type(-1) if x.dtype.kind == "i" else x.dtype.type(0), x.dtype.type(0))
    return np.asarray(np.where(inside, np.right_shift(x, np.where(inside, y, y.dtype.type(0))), beyond))


shl = binary(
    "shl",
    "x shifted left by y bits; 0 where y is not in 0 .. bits-1.",
    reference=quiet(_shift_left),
    jvp=None,
    lower=lambda b, x, y: b.shift_left(x, y),
    dtypes=INTEGERS,
    domain=_shifts,
)

shr = binary(
    "shr",
    "x shifted right by y bits, copying the sign of a signed x; only the sign is left where y is not in 0 .. bits-1.",
    reference=quiet(_shift_right),
    jvp=None,
    lower=lambda b, x, y: b.shift_right(x, y),
    dtypes=INTEGERS,
    domain=_shifts,
)

eq = comparison(
    "eq",
    "x = y; false where one is NaN.",
    reference=quiet(np.equal),
    lower=lambda b, x, y: b.not_(b.xor(x, y)) if b.dtype(x) is bool_ else b.equal(x, y),
    dtypes=EVERYTHING,
    domain=domains.ranges(domains.SWEPT, (-3, 3), (-3, 3)),
    commutative=True,
    on_complex=rule.EQ,
)

lt = comparison(
    "lt",
    "x < y; false where one is NaN.",
    reference=quiet(np.less),
    lower=lambda b, x, y: b.less(x, y),
    dtypes=NUMBERS,
    domain=_ordered,
)

le = comparison(
    "le",
    "x <= y; false where one is NaN.",
    reference=quiet(np.less_equal),
    lower=lambda b, x, y: b.less_equal(x, y),
    dtypes=NUMBERS,
    domain=_ordered,
)

# --- select -----------------------------------------------------------------------------------------------------------


def _select_type(types: tuple[TensorType, ...], attributes: Attributes) -> Sequence[TensorType]:
    if len(types) != 3:
        raise TypeError(f"select: expected 3 operands (condition, x, y), found {len(types)}")
    condition, *choices = types
    if condition.dtype != bool_:
        raise DTypeError(f"select: expected a bool condition, found {condition}")
    result = same_types("select", choices)
    one_of("select", result, ALL)
    if condition.shape != result.shape:
        raise ShapeError(f"select: expected a condition of the choices' shape, found condition {condition}, x {result}")
    return (result,)


def _select_jvp(node: Node, tangents: Tangents) -> Tangents:
    _, dx, dy = tangents
    if dx is None and dy is None:
        return (None,)
    zero = zeros(node.output.type)
    return (select(node.inputs[0], dx if dx is not None else zero, dy if dy is not None else zero),)


def _select_domain() -> Domain:
    choices = domains.with_complex(domains.ranges(domains.SWEPT, (-9, 9), (-9, 9)))

    def with_condition(rng: np.random.Generator, case: domains.Case) -> domains.Case:
        arrays, attributes = case
        return (np.asarray(rng.integers(0, 2, arrays[0].shape)).astype(bool), *arrays), attributes

    def cases(rng: np.random.Generator, dtype: DType) -> list[domains.Case]:
        return [with_condition(rng, case) for case in choices.cases(rng, dtype)]

    def smooth(rng: np.random.Generator) -> list[domains.Case]:
        pairs = [[domains.sample(rng, dtype, (5,), -3, 3) for _ in range(2)] for dtype in (float64, complex128)]
        return [with_condition(rng, (tuple(pair), {})) for pair in pairs]

    return Domain(domains.EVERY, cases, smooth)


select: Op = register(
    Op(
        name="select",
        doc="x where the condition holds, else y; all three of one shape.",
        type_rule=_select_type,
        reference=quiet(np.where),
        jvp=_select_jvp,
        transpose=transpose_of(
            (
                None,
                lambda operands, ct: select(operands[0], ct, zeros(ct.type)),
                lambda operands, ct: select(operands[0], zeros(ct.type), ct),
            )
        ),
        batch=batch_elementwise,
        lower=Elementwise(
            lambda b, condition, x, y: b.select(condition, x, y), rule.ComplexRule(on_pairs.select, np.where)
        ),
        domain=_select_domain(),
        ulp=0,
        flags=Flags(elementwise=True, linear=(1, 2)),
    )
)

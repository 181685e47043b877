"""Complex numbers out of their parts and back: complex, real, imag.

In: nothing. Out: `Op`s in the table. Conjugation, moduli and arguments are composed of these. Derivatives are those of
linear maps over the reals; a cotangent pairs with a tangent as Re(sum(ct * t)), so the transpose of real(z) is
complex(ct, 0), of imag(z) complex(0, -ct), of complex(x, y) (real(ct), -imag(ct)).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NoReturn

import numpy as np

from lazygraph.compiler.ir.graph import Attributes, Node, TensorType
from lazygraph.compiler.ops import domains
from lazygraph.compiler.ops.complex_math import arithmetic as on_pairs
from lazygraph.compiler.ops.complex_math.references import joined
from lazygraph.compiler.ops.complex_math.rule import ComplexRule
from lazygraph.compiler.ops.complex_math.scalars import Rule
from lazygraph.compiler.ops.elementwise import batch_elementwise, elementwise_type, quiet
from lazygraph.compiler.ops.lowering import Elementwise
from lazygraph.compiler.ops.record import Domain, Flags, Op, Tangents, TypeRule, register, zeros
from lazygraph.runtime.dtypes import COMPLEX, DType, complex128, float32, float64

_WHOLE = {each.part: each for each in COMPLEX}


def _complex_type(types: tuple[TensorType, ...], attributes: Attributes) -> Sequence[TensorType]:
    (part,) = elementwise_type("complex", 2, (float32, float64))(types, attributes)
    return (TensorType(_WHOLE[part.dtype], part.shape),)


def _part_type(name: str) -> TypeRule:
    def rule(types: tuple[TensorType, ...], attributes: Attributes) -> Sequence[TensorType]:
        (whole,) = elementwise_type(name, 1, COMPLEX)(types, attributes)
        return (TensorType(whole.dtype.part, whole.shape),)

    return rule


def _complex_jvp(node: Node, tangents: Tangents) -> Tangents:
    re, im = (zeros(part.type) if tangent is None else tangent for part, tangent in zip(node.inputs, tangents))
    return (complex_(re, im),)


def _complex_transpose(node: Node, cotangents: Tangents, linear: tuple[bool, ...]) -> Tangents:
    (ct,) = cotangents
    if ct is None:
        return (None, None)
    return (real(ct) if linear[0] else None, -imag(ct) if linear[1] else None)


def _part_jvp(node: Node, tangents: Tangents) -> Tangents:
    (tangent,) = tangents
    return (None if tangent is None else node.op(tangent),)


def _real_transpose(node: Node, cotangents: Tangents, linear: tuple[bool, ...]) -> Tangents:
    (ct,) = cotangents
    return (None if ct is None else complex_(ct, zeros(ct.type)),)


def _imag_transpose(node: Node, cotangents: Tangents, linear: tuple[bool, ...]) -> Tangents:
    (ct,) = cotangents
    return (None if ct is None else complex_(zeros(ct.type), -ct),)


def _domain(swept: tuple[DType, ...], smooth: DType, count: int) -> Domain:
    of_reals = domains.ranges((float32, float64), *[(-9.0, 9.0)] * count)
    ordinary = domains.with_complex(of_reals)

    def smooth_cases(rng: np.random.Generator) -> list[domains.Case]:
        return [(tuple([domains.sample(rng, smooth, (5,), -3, 3) for _ in range(count)]), {})]

    return Domain(swept, ordinary.cases, smooth_cases)


def unreachable(*operands: object) -> NoReturn:
    raise AssertionError("parts of complex numbers are taken before a backend sees them")


def _elementwise(expand: Rule, reference: Callable[..., np.ndarray]) -> Elementwise:
    return Elementwise(unreachable, ComplexRule(expand, reference))


complex_: Op = register(
    Op(
        name="complex",
        doc="re + i im of two real tensors.",
        type_rule=_complex_type,
        reference=quiet(joined),
        jvp=_complex_jvp,
        transpose=_complex_transpose,
        batch=batch_elementwise,
        lower=_elementwise(on_pairs.complex_, joined),
        domain=_domain((float32, float64), float64, 2),
        ulp=0,
        flags=Flags(elementwise=True, linear=(0, 1)),
    )
)

real: Op = register(
    Op(
        name="real",
        doc="The real part of complex numbers.",
        type_rule=_part_type("real"),
        reference=quiet(np.real),
        jvp=_part_jvp,
        transpose=_real_transpose,
        batch=batch_elementwise,
        lower=_elementwise(on_pairs.real, np.real),
        domain=_domain(COMPLEX, complex128, 1),
        ulp=0,
        flags=Flags(elementwise=True, linear=(0,)),
    )
)

imag: Op = register(
    Op(
        name="imag",
        doc="The imaginary part of complex numbers.",
        type_rule=_part_type("imag"),
        reference=quiet(np.imag),
        jvp=_part_jvp,
        transpose=_imag_transpose,
        batch=batch_elementwise,
        lower=_elementwise(on_pairs.imag, np.imag),
        domain=_domain(COMPLEX, complex128, 1),
        ulp=0,
        flags=Flags(elementwise=True, linear=(0,)),
    )
)

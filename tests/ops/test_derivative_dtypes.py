"""Derivatives in every inexact dtype: those of the widest one, up to the format's own rounding.

In: the smooth cases of every record, in each inexact dtype that it takes. Out: the op and dtype whose derivative, by
forward or by reverse mode, has another dtype or lies elsewhere than in float64 (complex128 for complex64).
"""

from typing import Any

import numpy as np
import pytest

import lazygraph.compiler.ops  # noqa: F401  (importing the families fills the table)
from lazygraph.compiler.autodiff.jvp import jvp
from lazygraph.compiler.autodiff.transpose import vjp
from lazygraph.compiler.ops.halves import HALVES
from lazygraph.compiler.ops.record import OPS
from lazygraph.runtime.dtypes import DType, complex128, float32, float64
from tests.ops.harness import applied, evaluate, inexact, stand_in

WIDEST = {"float": float64, "complex": complex128}


def smooth(name: str) -> list[tuple[tuple[np.ndarray, ...], dict[str, Any]]]:
    """The smooth cases over float64; those with sub-graphs are of float64 for good."""
    cases = OPS[name].domain.smooth(np.random.default_rng(2))
    real = [case for case in cases if not any(np.iscomplexobj(each) for each in case[0])]
    return [case for case in real if "graphs" not in case[1]]


CASES = [
    (name, dtype)
    for name in sorted(OPS)
    if smooth(name)
    for dtype in OPS[name].domain.dtypes
    if dtype.is_differentiable and dtype not in WIDEST.values()
]


def brought(array: np.ndarray, dtype: DType, like: DType) -> np.ndarray:
    """A float64 operand as `like`, by way of `dtype`, so that both hold the same numbers."""
    if array.dtype != np.float64:
        return array
    turned = array * np.exp(0.3j) if dtype.kind == "complex" else array
    return turned.astype(dtype.numpy).astype(like.numpy)


def attributes_of(attributes: dict[str, Any], dtype: DType) -> dict[str, Any]:
    """A case's attributes, with the dtype for float64; sums of products accumulate halves in float32."""
    found = {name: dtype if each == float64 else each for name, each in attributes.items() if isinstance(each, DType)}
    if dtype in HALVES and "accumulate" in found:
        found["accumulate"] = float32
    return attributes | found


def derivatives(name: str, arrays: list[np.ndarray], attributes: dict[str, Any]) -> list[np.ndarray]:
    """J v and J^T u for fixed v and u."""
    case = applied(OPS[name], arrays, attributes)
    inputs = [each for each, a in zip(case.parameters, case.arrays) if inexact(a)]
    outputs = [each for each in case.node.outputs if each.dtype.is_differentiable]
    values = evaluate(case.node.outputs, case.parameters, case.arrays)
    v = [np.cos(np.arange(a.size)).reshape(a.shape).astype(a.dtype) for a in case.arrays if inexact(a)]
    u = [np.sin(1 + np.arange(a.size)).reshape(a.shape).astype(a.dtype) for a in values if inexact(a)]
    tangents, cotangents = [stand_in(each, "v") for each in v], [stand_in(each, "u") for each in u]
    found = [*jvp(outputs, inputs, tangents), *vjp(outputs, inputs, cotangents)]
    for value, derivative in zip((*outputs, *inputs), found):
        assert derivative is None or derivative.type == value.type
    alive = [each for each in found if each is not None]
    return list(evaluate(alive, (*case.parameters, *tangents, *cotangents), [*case.arrays, *v, *u]))


@pytest.mark.parametrize("name, dtype", CASES, ids=str)
def test_derivatives_are_those_of_the_widest_dtype(name: str, dtype: DType) -> None:
    wide = WIDEST[dtype.kind]
    for arrays, attributes in smooth(name):
        operands = [[brought(np.asarray(each), dtype, like) for each in arrays] for like in (dtype, wide)]
        found = derivatives(name, operands[0], attributes_of(attributes, dtype))
        expected = derivatives(name, operands[1], attributes_of(attributes, wide))
        for one, other in zip(found, expected, strict=True):
            near = 60 * float(dtype.limits.eps) * (1 + np.max(np.abs(other), initial=0))
            np.testing.assert_allclose(one.astype(other.dtype), other, rtol=0, atol=near)

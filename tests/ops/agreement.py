"""What compiled code is held to: how far its results may lie from the references'.

In: an op over arrays, the results of compiled code and of the reference. Out: an assertion error where they differ by
more than: nothing, where the record says exact; its ulp in float32; 1e-12 in float64; of complex numbers, the ulp of
the rule for them. Sums and products are measured against the sum of magnitudes, times the square root of the number of
terms; of a matrix against its greatest element.
"""

from math import prod, sqrt

import numpy as np

from lazygraph.compiler.ir.graph import Node
from lazygraph.compiler.ops.halves import HALVES
from lazygraph.compiler.ops.lowering import Elementwise, Product, Reduction
from lazygraph.runtime.dtypes import DType, float64, from_numpy
from tests.ops.accuracy import promised
from tests.ops.harness import Applied, evaluate, inexact, stand_in


def bound(node: Node, operands: tuple[np.ndarray, ...], expected: np.ndarray) -> np.ndarray:
    """How far a float result may lie from the reference's. A half is computed in float32, then rounded."""
    if expected.dtype.kind == "c" and isinstance(node.op.lower, Elementwise):
        return complex_bound(node, operands, expected)
    if node.op.ulp == 0 or not inexact(expected):
        return np.zeros(expected.shape)
    half, double = from_numpy(expected.dtype) in HALVES, from_numpy(expected.dtype).part == float64
    rounding = 0.0 if double else np.spacing(np.abs(expected)).astype(np.float64)
    if node.op.flags.normwise:
        unit = 1e-12 if double else node.op.ulp * np.finfo(np.float32).eps
        return np.full(expected.shape, unit * greatest(expected))
    if not isinstance(node.op.lower, Reduction | Product):
        return 1e-12 * np.abs(expected) if double else (1 if half else node.op.ulp) * rounding
    wide = [magnitudes(each).astype(np.float32) if half else magnitudes(each) for each in operands]
    absolute = tuple(stand_in(each) for each in wide)
    attributes = {name: each.part if isinstance(each, DType) else each for name, each in node.attributes.items()}
    (scale,) = evaluate([node.op(*absolute, **attributes)], absolute, wide)
    terms = prod(each.size for each in operands) / max(expected.size, 1)
    unit = 1e-12 if double else node.op.ulp * np.finfo(np.float32).eps * sqrt(max(terms, 1))
    return unit * scale + (rounding if half else 0.0)


def greatest(array: np.ndarray) -> float:
    """The magnitude of the greatest finite element."""
    return float(np.max(magnitudes(array), initial=0, where=np.isfinite(array)))


def magnitudes(array: np.ndarray) -> np.ndarray:
    """|x|; of a complex number by its finite parts, so that a NaN in one part leaves the other to be compared."""
    return np.abs(np.nan_to_num(array, nan=0, posinf=0, neginf=0) if array.dtype.kind == "c" else array)


def complex_bound(node: Node, operands: tuple[np.ndarray, ...], expected: np.ndarray) -> np.ndarray:
    """Both parts by the last place of the greater one. Beside a part that overflows the other is not held to anything;
    beside one that is infinite since an operand was, to its own last place."""
    parts = np.abs(as_parts(expected))
    overflows = np.isinf(parts).any(-1) & np.logical_and.reduce([np.isfinite(each) for each in operands])
    norm = np.where(np.isfinite(parts).all(-1, keepdims=True), parts.max(-1, keepdims=True), parts)
    ulp = promised(node.op, from_numpy(expected.dtype))
    return np.where(overflows[..., None], np.inf, ulp * np.spacing(norm).astype(np.float64))


def as_parts(array: np.ndarray) -> np.ndarray:
    """Complex numbers as pairs along a new last axis; others as they are."""
    return np.stack([array.real, array.imag], -1) if array.dtype.kind == "c" else array


def assert_agrees(case: Applied, found: np.ndarray, expected: np.ndarray) -> None:
    assert found.dtype == expected.dtype
    assert found.shape == expected.shape
    node = case.node
    message = f"{node} of {[each.shape for each in case.arrays]}"
    if not inexact(expected):
        np.testing.assert_array_equal(found, expected, message)
        return
    with np.errstate(all="ignore"):
        allowed = bound(node, case.arrays, expected)
        if from_numpy(expected.dtype) in HALVES:
            found, expected = found.astype(np.float64), expected.astype(np.float64)
        if expected.dtype.kind == "c":
            allowed = allowed if allowed.ndim > expected.ndim else np.asarray(allowed)[..., None]
            found, expected = as_parts(found), as_parts(expected)
        near = (np.abs(found - expected) <= allowed) & np.isfinite(expected) & np.any(allowed)
    same = (found == expected) | (np.isnan(found) & np.isnan(expected))
    np.testing.assert_array_equal(np.where(near | same, expected, found), expected, message)

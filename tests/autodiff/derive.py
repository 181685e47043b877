"""Finite differences and evaluation for the derivative tests.

In: values over parameters, and arrays. Out: arrays, and derivatives by central differences.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from lazygraph.compiler.autodiff.transpose import vjp
from lazygraph.compiler.ir.graph import Graph, Value
from lazygraph.compiler.ir.interpret import interpret
from lazygraph.compiler.ops.leaf import new_parameter
from lazygraph.compiler.ops.record import full, zeros
from lazygraph.runtime.dtypes import from_numpy

STEP = 1e-5
Point = Mapping[Value, np.ndarray]


def stand_in(array: np.ndarray, name: str = "x") -> Value:
    return new_parameter(name, from_numpy(array.dtype), array.shape)


def run(values: Sequence[Value], point: Point) -> list[np.ndarray]:
    return list(interpret(Graph("test", tuple(point), tuple(values)), list(point.values())).outputs)


def along(values: Sequence[Value], point: Point, direction: Point) -> list[np.ndarray]:
    """The derivative along a direction, by central differences."""

    def at(step: float) -> list[np.ndarray]:
        moved = {each: point[each] + step * vector for each, vector in direction.items()}
        return run(values, {**point, **moved})

    return [(ahead - behind) / (2 * STEP) for ahead, behind in zip(at(STEP), at(-STEP))]


def grad(y: Value, *inputs: Value) -> list[Value]:
    found = vjp([y], inputs, [full(y.type, 1)])
    return [zeros(each.type) if gradient is None else gradient for each, gradient in zip(inputs, found)]


def assert_near(found: np.ndarray, expected: np.ndarray, tolerance: float = 1e-6) -> None:
    scale = 1 + np.max(np.abs(expected), initial=0)
    np.testing.assert_allclose(found / scale, expected / scale, rtol=0, atol=tolerance)

"""Compares a function of ours with torch's: its value, its gradient and a second derivative, in float64.

In: a `Case`: both functions, and the arrays of their arguments. Out: the three arrays of each side. Many cases compile
as one function, whose batch (axis 0 of the arguments that have one) is symbolic.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

import lazygraph as lg


@dataclass(frozen=True)
class Case:
    name: str
    ours: Callable[..., lg.Tensor]
    theirs: Callable[..., torch.Tensor]
    arrays: tuple[np.ndarray, ...]  # the floats are differentiated
    shared: tuple[int, ...] = ()  # arguments without a batch axis

    def weights(self, shape: Sequence[int], seed: int) -> np.ndarray:
        return np.random.default_rng(seed).standard_normal(shape)


def is_float(array: np.ndarray) -> bool:
    return array.dtype.kind == "f"


def by_ours(cases: Sequence[Case]) -> list[list[np.ndarray]]:
    """For each case, the value, then the gradients of <u, y>, then those of <v, gradients>, by argument."""
    inputs, outputs, arrays, counts = [], [], [], []
    for number, case in enumerate(cases):
        batch = lg.dim(f"n{number}")
        xs = [
            lg.placeholder(
                array.shape if place in case.shared else (batch, *array.shape[1:]), array.dtype, f"x{number}_{place}"
            )
            for place, array in enumerate(case.arrays)
        ]
        y = case.ours(*xs)
        wanted = [x for x, array in zip(xs, case.arrays) if is_float(array)]
        u = lg.constant(case.weights(by_theirs(case)[0].shape, 1))
        slopes = lg.grad(lg.sum(y * u), wanted)
        directions = [case.weights(array.shape, 2) for array in case.arrays if is_float(array)]
        curves = lg.grad(sum((lg.sum(g * v) for g, v in zip(slopes, directions)), start=lg.constant(0.0)), wanted)
        found = [y, *slopes, *curves]
        inputs += xs
        outputs += found
        arrays += case.arrays
        counts.append(len(found))
    results = iter(lg.function(inputs, outputs)(*arrays))
    return [[next(results) for _ in range(count)] for count in counts]


def by_theirs(case: Case) -> list[np.ndarray]:
    xs = [torch.tensor(array, requires_grad=is_float(array)) for array in case.arrays]
    y = case.theirs(*xs)
    wanted = [x for x in xs if x.requires_grad]
    u = torch.tensor(case.weights(y.shape, 1))
    slopes = torch.autograd.grad((y * u).sum(), wanted, create_graph=True)
    total = sum((g * torch.tensor(case.weights(x.shape, 2))).sum() for g, x in zip(slopes, wanted))
    if total.requires_grad:
        curves = torch.autograd.grad(total, wanted, allow_unused=True)
    else:
        curves = [None] * len(wanted)
    plain: list[Any] = [torch.zeros_like(x) if c is None else c for c, x in zip(curves, wanted)]
    return [each.numpy(force=True) for each in (y, *slopes, *plain)]


def assert_agree(cases: Sequence[Case], tolerance: float = 1e-9) -> None:
    """Every array within the tolerance, relative to the greatest number in it (to 1 if that is less)."""
    wrong = []
    for case, ours in zip(cases, by_ours(cases)):
        theirs = by_theirs(case)
        count = (len(ours) - 1) // 2
        names = ["value", *[f"gradient {i}" for i in range(count)], *[f"second derivative {i}" for i in range(count)]]
        for name, found, expected in zip(names, ours, theirs, strict=True):
            error = distance(found, expected)
            if not error <= tolerance:
                wrong.append(f"{case.name}: {name} differs by {error:.2e}\n{found}\n{expected}")
    assert not wrong, "\n".join(wrong)


def distance(found: np.ndarray, expected: np.ndarray) -> float:
    assert found.shape == expected.shape, f"{found.shape} and {expected.shape}"
    scale = max(1.0, float(np.abs(expected).max(initial=0.0)))
    return float(np.abs(found - expected).max(initial=0.0)) / scale

"""Every record, by its own domain: reference and type rule, derivatives, transposes, batching.

In: the table of records; their `domain` says where each is tried, so a new op is swept without a line here.
Derivatives are held against finite differences of first and second order, along complex directions too; transposes
against <u, J v> = <J^T u, v>, batches against a loop.
"""

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pytest

import lazygraph.compiler.ops  # noqa: F401  (importing the families fills the table)
from lazygraph.compiler.ir.errors import CheckFailed
from lazygraph.compiler.ir.graph import Value
from lazygraph.compiler.ops.record import NOT_LINEAR, OPS, Op, apply
from tests.ops.harness import Applied, applied, evaluate, inexact, pushed_forward, reference, stand_in

NAMES = sorted(OPS)
STEP = 1e-5


def rng(name: str) -> np.random.Generator:
    return np.random.default_rng(list(name.encode()))


def smooth_cases(name: str) -> Iterator[Applied]:
    for arrays, attributes in OPS[name].domain.smooth(rng(name)):
        yield applied(OPS[name], arrays, attributes)


def directions(arrays: Sequence[np.ndarray], seed: int) -> list[np.ndarray | None]:
    """A random tangent for each inexact operand, with an imaginary part for a complex one."""
    generator = np.random.default_rng(seed)
    return [normal(generator, each.dtype, each.shape) if inexact(each) else None for each in arrays]


def normal(generator: np.random.Generator, dtype: np.dtype, shape: tuple[int, ...]) -> np.ndarray:
    drawn = generator.standard_normal(shape)
    return drawn + 1j * generator.standard_normal(shape) if dtype.kind == "c" else drawn


def paired(u: np.ndarray, v: np.ndarray) -> float:
    """Re(sum(u * v)): how cotangents pair with tangents, which are not conjugated."""
    return float(np.real(np.sum(u * v)))


def moved(arrays: Sequence[np.ndarray], along: Sequence[np.ndarray | None], step: float) -> list[np.ndarray]:
    return [each if d is None else each + step * d for each, d in zip(arrays, along)]


def central(
    values: Sequence[Value], case: Applied, extra: dict[Value, np.ndarray], along: list[np.ndarray | None]
) -> list[np.ndarray]:
    """The derivative of values along a direction by central differences; `extra` are parameters held fixed."""
    parameters = (*case.parameters, *extra)
    ahead, behind = (
        evaluate(values, parameters, [*moved(case.arrays, along, step), *extra.values()]) for step in (STEP, -STEP)
    )
    return [(a - b) / (2 * STEP) for a, b in zip(ahead, behind)]


def assert_near(found: np.ndarray, expected: np.ndarray, tolerance: float) -> None:
    scale = 1 + np.max(np.abs(expected), initial=0)
    np.testing.assert_allclose(found / scale, expected / scale, rtol=0, atol=tolerance)


@pytest.mark.parametrize("name", NAMES)
def test_the_type_rule_says_what_the_reference_gives(name: str) -> None:
    op = OPS[name]
    for dtype in op.domain.dtypes:
        for arrays, attributes in op.domain.cases(rng(name), dtype):
            case = applied(op, arrays, attributes)
            evaluate(case.node.outputs, case.parameters, case.arrays)  # raises where dtype or shape differ


@pytest.mark.parametrize("name", [name for name in NAMES if OPS[name].flags.moves])
def test_an_op_that_moves_gives_elements_of_its_first_operand(name: str) -> None:
    op = OPS[name]
    for arrays, attributes in op.domain.cases(rng(name), op.domain.dtypes[0]):
        (found,) = reference(op, arrays, attributes)
        assert {each.tobytes() for each in found.ravel()} <= {each.tobytes() for each in arrays[0].ravel()}


@pytest.mark.parametrize("name", NAMES)
def test_first_and_second_derivatives_are_those_of_finite_differences(name: str) -> None:
    for case in smooth_cases(name):
        first, second = directions(case.arrays, 1), directions(case.arrays, 2)
        v = {p: stand_in(d) for p, d in zip(case.parameters, first) if d is not None}
        w = {p: stand_in(d) for p, d in zip(case.parameters, second) if d is not None}
        given = {v[p]: d for p, d in zip(case.parameters, first) if d is not None}
        also = {w[p]: d for p, d in zip(case.parameters, second) if d is not None}
        outputs = [each for each in case.node.outputs if each.dtype.is_differentiable]
        tangents = pushed_forward(outputs, v)
        expected = central(outputs, case, {}, first)
        alive = [place for place, each in enumerate(tangents) if each is not None]
        for place in set(range(len(outputs))) - set(alive):
            assert_near(expected[place], np.zeros_like(expected[place]), 1e-8)
        jv = [tangents[place] for place in alive]
        found = evaluate(jv, (*case.parameters, *given), [*case.arrays, *given.values()])
        for place, each in zip(alive, found):
            assert_near(each, expected[place], 1e-7)
        expected_second = central(jv, case, given, second)
        for value, expectation in zip(pushed_forward(jv, w), expected_second):
            if value is None:
                assert_near(expectation, np.zeros_like(expectation), 1e-7)
            else:
                arrays = [*case.arrays, *given.values(), *also.values()]
                (result,) = evaluate([value], (*case.parameters, *given, *also), arrays)
                assert_near(result, expectation, 1e-6)


def linear_operands(op: Op, count: int) -> list[int]:
    return list(range(count)) if op.flags.variadic else [each for each in op.flags.linear if each < count]


def transposed(case: Applied, mask: tuple[bool, ...], u: Sequence[np.ndarray]) -> list[np.ndarray | None]:
    """J^T u for the operands of the mask, by the record's transpose rule; u has an array for each result."""
    cotangents = [stand_in(each) for each in u]
    found = case.node.op.transpose(case.node, tuple(cotangents), mask)
    assert [each is not None for each in found] == list(mask), f"{case.node}: cotangents for {mask}: {found}"
    wanted = [each for each in found if each is not None]
    arrays = iter(evaluate(wanted, (*case.parameters, *cotangents), [*case.arrays, *u]))
    return [None if each is None else next(arrays) for each in found]


@pytest.mark.parametrize("name", [name for name in NAMES if OPS[name].transpose is not NOT_LINEAR])
def test_the_transpose_is_the_adjoint_of_the_derivative(name: str) -> None:
    cases = list(smooth_cases(name))
    assert cases, f"{name} has a transpose but no smooth case to try it on"
    for case in cases:
        count = len(case.arrays)
        generator = np.random.default_rng(3)
        u = [normal(generator, each.dtype.numpy, tuple(each.shape)) for each in case.node.outputs]
        alone = {}
        for operand in linear_operands(case.node.op, count):
            v = normal(np.random.default_rng(4), case.arrays[operand].dtype, case.arrays[operand].shape)
            tangent = stand_in(v)
            jv = [each for each in pushed_forward(case.node.outputs, {case.parameters[operand]: tangent}) if each]
            assert len(jv) == len(u)
            forward = evaluate(jv, (*case.parameters, tangent), [*case.arrays, v])
            mask = tuple(each == operand for each in range(count))
            alone[operand] = transposed(case, mask, u)[operand]
            assert_near(paired(alone[operand], v), sum(map(paired, u, forward)), 1e-12)
        if jointly_linear(case):
            mask = tuple(each in alone for each in range(count))
            for together, apart in zip(transposed(case, mask, u), [alone.get(each) for each in range(count)]):
                np.testing.assert_array_equal(together, apart)


def jointly_linear(case: Applied) -> bool:
    """Whether the op is linear in all its linear operands at once: f(0) = 0 and f(x + x) = f(x) + f(x) over them."""
    chosen = linear_operands(case.node.op, len(case.arrays))
    doubled = [2 * each if place in chosen else each for place, each in enumerate(case.arrays)]
    once = evaluate(case.node.outputs, case.parameters, case.arrays)
    twice = evaluate(case.node.outputs, case.parameters, doubled)
    return len(chosen) > 1 and all(np.allclose(y, 2 * x, rtol=1e-12, atol=1e-12) for x, y in zip(once, twice))


def varied(op: Op, array: np.ndarray, count: int) -> list[np.ndarray]:
    """As many examples made of the array's values: in different places, or multiplied where places matter."""
    return [(1 + each) * array for each in range(count)] if op.flags.normwise else shuffled(array, count)


def shuffled(array: np.ndarray, count: int) -> list[np.ndarray]:
    """As many examples of the array's values in different places."""
    return [np.roll(array.ravel(), shift).reshape(array.shape) for shift in range(count)]


def batches(count: int) -> list[tuple[bool, ...]]:
    """Which operands are batched: each alone, and all."""
    masks = [tuple(each == alone for each in range(count)) for alone in range(count)]
    return list(dict.fromkeys([*masks, (True,) * count]))


@pytest.mark.parametrize("name", [name for name in NAMES if name != "parameter"])
def test_a_batch_is_a_loop_over_its_examples(name: str) -> None:
    op = OPS[name]
    for (arrays, attributes), size in batched_cases(op):
        node = applied(op, arrays, attributes).node
        for mask in batches(len(arrays)):
            examples = [varied(op, each, size) if has else [each] * size for each, has in zip(arrays, mask)]
            operands = [stacked(own, each) if has else each for own, each, has in zip(examples, arrays, mask)]
            parameters = tuple(stand_in(each) for each in operands)
            results = op.batch(node, parameters, mask, size)
            try:
                with np.errstate(all="ignore"):
                    loop = [reference(op, each, attributes) for each in zip(*examples)] if arrays else []
            except CheckFailed:  # of one example
                with pytest.raises(CheckFailed):
                    evaluate(results, parameters, operands)
                continue
            found = evaluate(results, parameters, operands)
            if not arrays:
                loop = [reference(op, (), attributes)] * size
            for place, output in enumerate(node.outputs):
                assert found[place].shape == (size, *output.shape)
                for result, expected in zip(found[place], (each[place] for each in loop)):
                    np.testing.assert_allclose(result, expected, rtol=1e-6 if output.dtype.itemsize < 8 else 1e-12)


def batched_cases(op: Op) -> Iterator[tuple[Any, int]]:
    """Cases with a number of examples: many of two dtypes at 3, 1 and 0, the first four of every dtype at 3."""
    kept = {op.domain.dtypes[0], op.domain.dtypes[-1]}
    many = [case for dtype in kept for case in op.domain.cases(rng(op.name), dtype)][:24]
    yield from itertools.product(many, (3, 1, 0))
    yield from [(case, 3) for dtype in op.domain.dtypes for case in op.domain.cases(rng(op.name), dtype)[:4]]


def stacked(examples: Sequence[np.ndarray], like: np.ndarray) -> np.ndarray:
    return np.stack(examples) if examples else np.zeros((0, *like.shape), like.dtype)


@pytest.mark.parametrize("name", NAMES)
def test_a_derivative_is_linear_in_its_tangents(name: str) -> None:
    """Along 2v it is twice what it is along v."""
    for case in smooth_cases(name):
        v = {p: stand_in(a) for p, a in zip(case.parameters, case.arrays) if inexact(a)}
        double = {p: apply(OPS["add"], (t, t), {})[0] for p, t in v.items()}
        outputs = [each for each in case.node.outputs if each.dtype.is_differentiable]
        once, twice = ([each for each in pushed_forward(outputs, t) if each is not None] for t in (v, double))
        parameters, arrays = (*case.parameters, *v.values()), [*case.arrays, *filter(inexact, case.arrays)]
        for a, b in zip(evaluate(once, parameters, arrays), evaluate(twice, parameters, arrays), strict=True):
            np.testing.assert_allclose(2 * a, b, rtol=1e-9, atol=1e-9)

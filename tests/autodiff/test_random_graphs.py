"""On random graphs reverse mode is the transpose of forward mode, and batching a loop.

In: random graphs of every kind of op. Out: u . (J v) = (J^T u) . v for random u and v, and a batch against its
examples. The first holds at kinks too: both modes choose the same sub-gradient.
"""

import numpy as np
from hypothesis import given

from lazygraph.compiler.autodiff.batching import batch_all
from lazygraph.compiler.autodiff.jvp import jvp
from lazygraph.compiler.autodiff.transpose import vjp
from lazygraph.compiler.ir.graph import Graph, Value
from lazygraph.compiler.ir.interpret import interpret
from lazygraph.compiler.ops.leaf import new_parameter
from tests.compiler.random_graphs import Case, cases
from tests.compiler.random_maker import grains


def parameters(case: Case) -> dict[Value, np.ndarray]:
    return dict(zip((*case.graph.inputs, *case.graph.variables), (*case.inputs, *case.variables)))


def like(values: list[Value], arrays: list[np.ndarray], seed: int) -> dict[Value, np.ndarray]:
    """A parameter and random numbers for each value, of the array's extents."""
    rng = np.random.default_rng(seed)
    symbols = [new_parameter("u", each.dtype, each.shape) for each in values]
    return {each: normal(rng, a.dtype, a.shape) for each, a in zip(symbols, arrays)}


def normal(rng: np.random.Generator, dtype: np.dtype, shape: tuple[int, ...]) -> np.ndarray:
    drawn = rng.normal(size=shape)
    return np.asarray(drawn + 1j * rng.normal(size=shape) if dtype.kind == "c" else drawn).astype(dtype)


def paired(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The terms of Re(sum(a * b)), in which complex cotangents meet tangents unconjugated."""
    wide = np.complex128 if a.dtype.kind == "c" else np.float64
    return (a.astype(wide) * b.astype(wide)).real


def coarsest(graph: Graph) -> float:
    """The greatest epsilon of the graph's formats."""
    dtypes = {value.dtype for node in graph.nodes for value in node.outputs if value.dtype.is_differentiable}
    return max((float(dtype.limits.eps) for dtype in dtypes), default=0.0)


@given(cases())
def test_reverse_mode_is_the_transpose_of_forward_mode(case: Case) -> None:
    point = parameters(case)
    inputs = [each for each in point if each.dtype.is_differentiable]
    outputs = [each for each in case.graph.results if each.dtype.is_differentiable]
    values = interpret(Graph("g", tuple(point), tuple(outputs)), list(point.values())).outputs
    v = like(inputs, [point[each] for each in inputs], 1)
    u = like(outputs, list(values), 2)
    pushed, pulled = jvp(outputs, inputs, list(v)), vjp(outputs, inputs, list(u))
    graph = Graph(
        "modes",
        (*point, *v, *u),
        tuple([each for each in (*pushed, *pulled) if each is not None]),
    )
    found = iter(interpret(graph, [*point.values(), *v.values(), *u.values()]).outputs)
    left = [(next(found), weight) for each, weight in zip(pushed, u.values()) if each is not None]
    right = [(next(found), weight) for each, weight in zip(pulled, v.values()) if each is not None]
    with np.errstate(all="ignore"):
        terms = [paired(a, b) for a, b in (*left, *right)]
    if not all(np.isfinite(each).all() for each in terms):
        return
    scale = 1 + sum(np.abs(each).sum() for each in terms)
    difference = sum(each.sum() for each in terms[: len(left)]) - sum(each.sum() for each in terms[len(left) :])
    assert abs(difference) / scale <= min(1e3 * coarsest(graph), 0.1)


@given(cases())
def test_a_batch_is_a_loop_over_its_examples(case: Case) -> None:
    point = parameters(case)
    batched = [each for each in point if each.dtype.is_differentiable][:2]
    many = {new_parameter("many", each.dtype, (3, *each.shape)): each for each in batched}
    rng = np.random.default_rng(3)
    stacks = {
        each: np.stack([point[one] + 0.1 * rng.normal(size=point[one].shape) for _ in range(3)]).astype(
            each.dtype.numpy
        )
        for each, one in many.items()
    }
    grain = grains(case.graph.results)
    results = list(case.graph.results)
    mapped = batch_all(results, list(many.values()), list(many), 3)
    found = interpret(Graph("many", (*point, *many), tuple(mapped)), [*point.values(), *stacks.values()]).outputs
    for place in range(3):
        example = {**point, **{one: stacks[each][place] for each, one in many.items()}}
        expected = interpret(Graph("one", tuple(point), tuple(results)), list(example.values())).outputs
        for value, one, wanted in zip(results, found, expected):
            if wanted.dtype.kind in "biu":
                np.testing.assert_array_equal(one[place], wanted)
                continue
            near = 1e4 * max(grain[value], float(value.dtype.limits.eps))
            wide = np.complex128 if wanted.dtype.kind == "c" else np.float64
            np.testing.assert_allclose(one[place].astype(wide), wanted.astype(wide), rtol=near, atol=near)

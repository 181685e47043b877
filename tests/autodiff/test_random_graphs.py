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


def parameters(case: Case) -> dict[Value, np.ndarray]:
    return dict(zip((*case.graph.inputs, *case.graph.variables), (*case.inputs, *case.variables)))


def like(values: list[Value], arrays: list[np.ndarray], seed: int) -> dict[Value, np.ndarray]:
    """A parameter and random numbers for each value, of the array's extents."""
    rng = np.random.default_rng(seed)
    symbols = [new_parameter("u", each.dtype, each.shape) for each in values]
    return {each: rng.normal(size=a.shape).astype(a.dtype) for each, a in zip(symbols, arrays)}


@given(cases())
def test_reverse_mode_is_the_transpose_of_forward_mode(case: Case) -> None:
    point = parameters(case)
    inputs = [each for each in point if each.dtype.is_float]
    outputs = [each for each in case.graph.results if each.dtype.is_float]
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
    terms = [a.astype(np.float64) * b for a, b in (*left, *right)]
    if not all(np.isfinite(each).all() for each in terms):
        return
    scale = 1 + sum(np.abs(each).sum() for each in terms)
    single = any(each.dtype.name == "float32" for node in case.graph.nodes for each in node.outputs)
    difference = sum(each.sum() for each in terms[: len(left)]) - sum(each.sum() for each in terms[len(left) :])
    assert abs(difference) / scale < (1e-4 if single else 1e-10)


@given(cases())
def test_a_batch_is_a_loop_over_its_examples(case: Case) -> None:
    point = parameters(case)
    batched = [each for each in point if each.dtype.is_float][:2]
    many = {new_parameter("many", each.dtype, (3, *each.shape)): each for each in batched}
    rng = np.random.default_rng(3)
    stacks = {
        each: np.stack([point[one] + 0.1 * rng.normal(size=point[one].shape) for _ in range(3)]).astype(
            each.dtype.numpy
        )
        for each, one in many.items()
    }
    results = list(case.graph.results)
    mapped = batch_all(results, list(many.values()), list(many), 3)
    found = interpret(Graph("many", (*point, *many), tuple(mapped)), [*point.values(), *stacks.values()]).outputs
    for place in range(3):
        example = {**point, **{one: stacks[each][place] for each, one in many.items()}}
        expected = interpret(Graph("one", tuple(point), tuple(results)), list(example.values())).outputs
        for one, wanted in zip(found, expected):
            np.testing.assert_allclose(
                one[place], wanted, rtol=1e-4 if wanted.dtype == np.float32 else 1e-10, atol=1e-5
            )

"""vmap and whole derivatives: a batch is a loop over its examples, a Jacobian a loop over directions.

In: formulas over one example. Out: the same over many, against the loop.
"""

from __future__ import annotations

import numpy as np
import pytest

from lazygraph.compiler.autodiff import jacobian as whole
from lazygraph.compiler.autodiff.batching import batch, batch_all
from lazygraph.compiler.ir.dims import symbol
from lazygraph.compiler.ir.graph import Graph, Value, topological
from lazygraph.compiler.ir.interpret import interpret
from lazygraph.compiler.ops.compose import emit
from lazygraph.compiler.ops.leaf import new_parameter
from lazygraph.runtime.dtypes import float64
from tests.autodiff.derive import along, assert_near, grad, run, stand_in
from tests.autodiff.test_derivatives import FORMULAS, case

RNG = np.random.default_rng(4)


@pytest.mark.parametrize("name", list(FORMULAS))
def test_a_batch_of_gradients_is_a_loop_over_examples(name: str) -> None:
    """With the first operand batched and the others shared."""
    y, point = case(name)
    first, *_ = point
    outputs = [y, *grad(y, *point)]
    many = np.stack([point[first] + 0.1 * RNG.normal(size=point[first].shape) for _ in range(3)])
    batched = stand_in(many, "batch")
    found = run(batch_all(outputs, [first], [batched], 3), {**point, batched: many})
    for place, example in enumerate(many):
        for result, expected in zip(found, run(outputs, {**point, first: example})):
            assert_near(result[place], expected, 1e-12)


def test_what_does_not_depend_on_the_batch_is_shared() -> None:
    x, w = stand_in(np.zeros(3)), stand_in(np.zeros(3), "w")
    heavy = emit("exp", w)
    many = new_parameter("many", float64, (5, 3))
    values, batched = batch([x * heavy, heavy], [x], [many], 5)
    assert batched == [True, False]
    assert values[1] is heavy
    assert sum(node.op.name == "exp" for node in topological(values)) == 1


def test_a_batch_of_symbolic_size() -> None:
    n = symbol("n")
    x = stand_in(np.zeros(3))
    y = emit("reduce_sum", emit("sin", x), axes=(0,))
    many = new_parameter("many", float64, (n, 3))
    (mapped,) = batch_all([y], [x], [many], n)
    arrays = RNG.normal(size=(7, 3))
    assert_near(interpret(Graph("g", (many,), (mapped,)), [arrays]).outputs[0], np.sin(arrays).sum(1), 1e-14)


def test_a_batched_input_of_the_wrong_shape_is_an_error() -> None:
    x, many = stand_in(np.zeros(3)), stand_in(np.zeros((5, 4)), "many")
    with pytest.raises(ValueError, match=r"expected f64\[5, 3\] for f64\[3\] over 5 examples, found f64\[5, 4\]"):
        batch([x], [x], [many], 5)


# --- whole derivatives ----------------------------------------------------------------------------------------------


def differences(y: Value, x: Value, array: np.ndarray) -> np.ndarray:
    """dy/dx of shape y.shape + x.shape, one direction at a time."""
    columns = [along([y], {x: array}, {x: unit.reshape(array.shape)})[0] for unit in np.eye(array.size)]
    stacked = np.stack(columns, axis=-1) if columns else np.zeros((*y.shape, 0))
    return stacked.reshape((*stacked.shape[:-1], *array.shape))


def wide(x: Value) -> Value:
    """More outputs than inputs: forward."""
    rows, columns = x.shape
    return emit("broadcast", emit("sin", x), shape=(rows, 4, columns), axes=(0, 2)) * emit(
        "broadcast", x * x, shape=(rows, 4, columns), axes=(0, 2)
    )


def narrow(x: Value) -> Value:
    """Fewer outputs than inputs: reverse."""
    return emit("reduce_sum", emit("exp", x) * x, axes=(1,))


@pytest.mark.parametrize("formula", [wide, narrow])
def test_jacobian(formula: object) -> None:
    array = RNG.normal(size=(2, 3))
    x = stand_in(array)
    y = formula(x)  # type: ignore[operator]
    (found,) = whole.jacobian(y, [x])
    assert found.shape == (*y.shape, *x.shape)
    assert_near(run([found], {x: array})[0], differences(y, x, array), 1e-8)


def test_jacobian_over_several_inputs_and_of_what_depends_on_none() -> None:
    array, other = RNG.normal(size=(2, 3)), RNG.normal(size=(4,))
    x, w = stand_in(array), stand_in(other, "w")
    by_x, by_w = whole.jacobian(narrow(x), [x, w])
    found = run([by_x, by_w], {x: array, w: other})
    assert_near(found[0], differences(narrow(x), x, array), 1e-8)
    assert not found[1].any() and found[1].shape == (2, 4)


@pytest.mark.parametrize("shape", [(), (0,), (1, 2)])
def test_jacobian_of_odd_shapes(shape: tuple[int, ...]) -> None:
    array = RNG.normal(size=shape)
    x = stand_in(array)
    (found,) = whole.jacobian(emit("sin", x), [x])
    assert_near(run([found], {x: array})[0], differences(emit("sin", x), x, array), 1e-8)


@pytest.mark.parametrize("name", ["fan-out", "powers", "layer norm"])
def test_hessian_is_symmetric_and_right(name: str) -> None:
    y, point = case(name)
    inputs = list(point)
    rows = whole.hessian(y, inputs)
    for i, left in enumerate(inputs):
        (gradient,) = grad(y, left)
        for j, right in enumerate(inputs):
            assert rows[i][j].shape == (*left.shape, *right.shape)
            (found, transposed) = run([rows[i][j], rows[j][i]], point)
            flat = found.reshape(point[left].size, point[right].size)
            assert_near(flat, transposed.reshape(flat.T.shape).T, 1e-10)
            vector = RNG.normal(size=point[right].shape)
            expected = along([gradient], point, {right: vector})[0]
            assert_near(flat @ vector.ravel(), expected.ravel(), 1e-6)

"""Derivatives with respect to values inside a graph: rewrites do not see through them, and what flows on is counted.

In: formulas with a marked middle. Out: partial and total derivatives.
"""

from __future__ import annotations

import numpy as np

from lazygraph.compiler.autodiff.jvp import jvp
from lazygraph.compiler.autodiff.substitute import substitute
from lazygraph.compiler.ir.graph import topological
from lazygraph.compiler.ops.compose import emit
from tests.autodiff.derive import along, assert_near, grad, run, stand_in
from tests.passes.build import exp, log, softmax, total

ARRAY = np.array([0.5, -1.0, 2.0])
x = stand_in(ARRAY)
point = {x: ARRAY}


def test_log_of_a_marked_softmax_is_one_over_it() -> None:
    p = softmax(x)
    (gradient,) = grad(total(log(p)), p)
    found, middle = run([gradient, p], point)
    assert_near(found, 1 / middle, 1e-14)


def test_inputs_that_depend_on_each_other_get_total_derivatives() -> None:
    h = exp(x)
    y = total(h * h * x)
    by_x, by_h = run(grad(y, x, h), point)
    assert_near(by_x, 2 * np.exp(2 * ARRAY) * ARRAY + np.exp(2 * ARRAY), 1e-14)
    assert_near(by_h, 2 * np.exp(ARRAY) * ARRAY, 1e-14)


def test_an_input_that_simplifies_to_another_stays_apart() -> None:
    h = x * 1.0
    by_h, by_x = run(grad(total(x * h), h, x), point)
    assert_near(by_h, ARRAY, 1e-15)
    assert_near(by_x, 2 * ARRAY, 1e-15)


def test_jvp_adds_the_tangent_of_an_interior_input_to_what_flows_in() -> None:
    h = exp(x)
    u, v = stand_in(ARRAY, "u"), stand_in(ARRAY, "v")
    (tangent,) = jvp([h * x], [x, h], [u, v])
    assert tangent is not None
    du, dv = np.array([1.0, 2.0, 3.0]), np.array([-1.0, 0.5, 4.0])
    (found,) = run([tangent], {**point, u: du, v: dv})
    e = np.exp(ARRAY)
    assert_near(found, (e * du + dv) * ARRAY + e * du, 1e-14)


def test_an_output_may_be_an_input() -> None:
    h = exp(x)
    assert_near(run(grad(total(h), h), point)[0], np.ones(3), 0)
    (tangent,) = jvp([h], [h], [x])
    assert tangent is x


def test_marks_do_not_stay_in_the_result() -> None:
    h = emit("sin", x)
    gradients = grad(total(exp(h) * h), h, x)
    assert not [node for node in topological(gradients) if node.op.name == "cut"]
    (second,) = grad(total(gradients[0]), h)
    assert_near(run([second], point)[0], (np.sin(ARRAY) + 2) * np.exp(np.sin(ARRAY)), 1e-13)


def test_many_marked_steps_of_a_recurrence() -> None:
    states = [x]
    for _ in range(50):
        states.append(emit("sin", states[-1]) + x)
    gradients = run(grad(total(states[-1]), *states), point)
    expected = along([total(states[-1])], point, {x: np.array([1.0, 0, 0])})[0]
    assert_near(gradients[0][0], expected, 1e-6)
    assert_near(gradients[-1], np.ones(3), 0)


def test_a_graph_is_evaluated_elsewhere() -> None:
    h = exp(x)
    y = h * x
    moved, kept = substitute([y, h], {x: x + 1.0})
    assert_near(run([moved], point)[0], np.exp(ARRAY + 1) * (ARRAY + 1), 1e-14)
    assert substitute([y], {}) == [y]
    (inner,) = substitute([y], {h: x})
    assert_near(run([inner], point)[0], ARRAY * ARRAY, 1e-15)

"""Derivatives of whole formulas: forward, reverse, and each over the other, against finite differences and each other.

In: formulas of several ops, and every op's own smooth cases. Out: first and second derivatives.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from lazygraph.compiler.autodiff.jvp import jvp
from lazygraph.compiler.autodiff.transpose import vjp
from lazygraph.compiler.ir.graph import Value
from lazygraph.compiler.ops.compose import emit
from lazygraph.compiler.ops.record import OPS, apply, full
from lazygraph.runtime.dtypes import float64, int64
from tests.autodiff.derive import Point, along, assert_near, grad, run, stand_in
from tests.ops.harness import applied
from tests.passes.build import exp, log, softmax, spread, total


def matmul(a: Value, b: Value) -> Value:
    return emit("dot", a, b, batch=((), ()), contract=((1,), (0,)), accumulate=float64)


def mlp(x: Value, w: Value, v: Value) -> Value:
    """Mean cross entropy of a network with one hidden layer, classes 0, 1, 0, .."""
    logits = matmul(emit("tanh", matmul(x, w)), v)
    rows = emit("iota", dtype=int64, shape=(x.shape[0],), axis=0)
    classes = emit("rem", rows, full(rows.type, 2))
    return -total(emit("gather", log(softmax(logits)), rows, classes, axes=(0, 1), mode="check"))


def layer_norm(x: Value, gain: Value) -> Value:
    rows, columns = x.shape
    mean = total(x, [1]) / full(total(x, [1]).type, columns)
    centred = x - spread(mean, x.shape, (0,))
    variance = total(centred * centred, [1]) / full(mean.type, columns)
    scale = emit("sqrt", variance + 1e-3)
    y = centred / spread(scale, x.shape, (0,)) * spread(gain, x.shape, (1,))
    return total(emit("sin", y))


def shapes(x: Value) -> Value:
    """Every kind of movement, with fan-out."""
    turned = emit("transpose", x, permutation=(1, 0))
    flat = emit("reshape", turned, shape=(12,))
    padded = emit("pad", flat, full(flat.type, 1.5).node.inputs[0], low=(1,), high=(2,), interior=(1,))
    part = emit("slice", padded, starts=(2,), stops=(20,), steps=(3,))
    both = emit("concat", part, emit("reverse", flat, axes=(0,)), axis=0)
    return total(both * both * both) + total(emit("reduce_max", x, axes=(1,)) * emit("reduce_prod", x, axes=(1,)))


def lookups(table: Value) -> Value:
    indices = emit("iota", dtype=int64, shape=(7,), axis=0)
    indices = emit("rem", indices, full(indices.type, 3))
    taken = emit("gather", table, indices, axes=(0,), mode="clip")
    scattered = emit("scatter_add", table, taken * taken, indices, axes=(0,), mode="clip")
    (ordered,) = apply(OPS["sort"], (scattered,), {"axis": 0})
    return total(exp(emit("sin", ordered)))


FORMULAS: dict[str, tuple[Callable[..., Value], list[tuple[int, ...]]]] = {
    "mlp": (mlp, [(4, 3), (3, 5), (5, 2)]),
    "layer norm": (layer_norm, [(3, 4), (4,)]),
    "shapes": (shapes, [(3, 4)]),
    "lookups": (lookups, [(3, 2)]),
    "fan-out": (lambda x: total(x * x * x + exp(x) / (x * x + 1.0)), [(5,)]),
    "powers": (lambda x: total(emit("pow", x * x + 0.5, emit("sin", x))), [(5,)]),
}


def case(name: str) -> tuple[Value, Point]:
    formula, extents = FORMULAS[name]
    rng = np.random.default_rng(len(name))
    arrays = [rng.normal(size=shape) for shape in extents]
    inputs = [stand_in(array, f"x{place}") for place, array in enumerate(arrays)]
    return formula(*inputs), dict(zip(inputs, arrays))


def direction(point: Point, seed: int) -> dict[Value, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {each: rng.normal(size=array.shape) for each, array in point.items()}


@pytest.mark.parametrize("name", list(FORMULAS))
def test_first_derivatives(name: str) -> None:
    y, point = case(name)
    v = direction(point, 1)
    symbols = {each: stand_in(array, "v") for each, array in v.items()}
    (forward,) = jvp([y], list(point), [symbols[each] for each in point])
    assert forward is not None
    full_point = {**point, **{symbols[each]: array for each, array in v.items()}}
    (expected,) = along([y], point, v)
    assert_near(run([forward], full_point)[0], expected)
    reverse = run(grad(y, *point), point)
    assert_near(sum(np.vdot(gradient, v[each]) for each, gradient in zip(point, reverse)), expected)


@pytest.mark.parametrize("name", list(FORMULAS))
def test_second_derivatives(name: str) -> None:
    """Forward over reverse and reverse over reverse give the Hessian-vector product, as differences of gradients do."""
    y, point = case(name)
    v = direction(point, 2)
    symbols = [stand_in(v[each], "v") for each in point]
    gradients = grad(y, *point)
    forward = [each for each in jvp(gradients, list(point), symbols)]
    inner = [total(gradient * symbol) for gradient, symbol in zip(gradients, symbols)]
    dot = inner[0]
    for each in inner[1:]:
        dot = dot + each
    reverse = grad(dot, *point)
    full_point = {**point, **{symbol: v[each] for each, symbol in zip(point, symbols)}}
    expected = along(gradients, point, v)
    for found, other, wanted in zip(forward, reverse, expected):
        assert found is not None
        assert_near(run([found], full_point)[0], wanted)
        assert_near(run([other], full_point)[0], wanted)


def test_third_derivative() -> None:
    x = stand_in(np.array([0.3, -1.2]))
    y = total(emit("sin", x) * exp(x))
    for _ in range(2):
        y = total(grad(y, x)[0])
    (third,) = grad(y, x)
    point = {x: np.array([0.3, -1.2])}
    expected = 2 * np.exp(point[x]) * (np.cos(point[x]) - np.sin(point[x]))
    assert_near(run([third], point)[0], expected, 1e-12)


@pytest.mark.parametrize("name", sorted(OPS))
def test_reverse_over_reverse_of_every_op(name: str) -> None:
    for arrays, attributes in OPS[name].domain.smooth(np.random.default_rng(list(name.encode()))):
        made = applied(OPS[name], arrays, attributes)
        inputs = made.parameters
        wanted = [each for each in inputs if each.dtype.is_float]
        point = dict(zip(inputs, arrays))
        outputs = [each for each in made.node.outputs if each.dtype.is_float]
        y = total(emit("sin", outputs[0])) if outputs else None
        if y is None or not wanted:
            continue
        v = {each: np.random.default_rng(5).normal(size=point[each].shape) for each in wanted}
        gradients = grad(y, *wanted)
        slopes = along([y], point, v)[0]
        assert_near(sum(np.vdot(g, v[each]) for each, g in zip(wanted, run(gradients, point))), slopes, 1e-5)
        squares = [total(gradient * gradient) for gradient in gradients]
        second = grad(sum(squares[1:], start=squares[0]), *wanted)
        expected = along([sum(squares[1:], start=squares[0])], point, v)[0]
        assert_near(sum(np.vdot(g, v[each]) for each, g in zip(wanted, run(second, point))), expected, 1e-4)


# --- what differentiation keeps and refuses -------------------------------------------------------------------------


def test_nothing_depends_on_it_gives_none() -> None:
    x, other = stand_in(np.zeros(3), "x"), stand_in(np.zeros(2), "other")
    y = total(x * x)
    assert vjp([y], [other], [full(y.type, 1)]) == [None]
    assert jvp([y], [other], [other]) == [None]
    assert jvp([y], [x], [None]) == [None]


def test_integers_and_stopped_values_have_no_tangent() -> None:
    x = stand_in(np.zeros(3))
    floor = emit("cast", emit("cast", x, dtype=int64), dtype=float64)
    stopped = emit("stop_gradient", x)
    for y in (total(floor), total(stopped), total(emit("sign", x))):
        assert vjp([y], [x], [full(y.type, 1)]) == [None]


def test_a_gradient_with_respect_to_integers_is_an_error_that_names_it() -> None:
    labels = stand_in(np.zeros(3, np.int64), "labels")
    y = total(emit("cast", labels, dtype=float64))
    with pytest.raises(TypeError, match=r"input 'labels' has no derivatives: expected floats, found i64\[3\]"):
        vjp([y], [labels], [full(y.type, 1)])
    with pytest.raises(TypeError, match="no derivatives"):
        jvp([y], [labels], [labels])


def test_a_cotangent_has_the_type_of_its_output() -> None:
    x = stand_in(np.zeros(3))
    with pytest.raises(ValueError, match=r"cotangent of the result of mul: expected f64\[3\], found f64\[\]"):
        vjp([x * x], [x], [total(x)])


def test_gradients_name_the_line_that_they_differentiate() -> None:
    from lazygraph.compiler.ir.graph import Frame, origin, topological

    x = stand_in(np.zeros(3))
    with origin((Frame("/home/me/train.py", 41),)):
        y = total(emit("log", emit("sin", x)))
    (gradient,) = grad(y, x)
    made = [node for node in topological([gradient]) if node.op.name == "div"]
    assert [str(node.frames[0]) for node in made] == ["train.py:41 gradient of `log`"]
    (second,) = grad(total(gradient), x)
    notes = {frame.note for node in topological([second]) for frame in node.frames}
    assert "gradient of `div` in gradient of `log`" in notes

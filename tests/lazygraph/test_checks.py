"""Assertions of a step: shapes that only a call can compare, conditions on values.

In: functions over symbolic dims. Out: what they compute where the assertion holds, and the sentence where it does not.
"""

import numpy as np
import pytest

import lazygraph as lg
from lazygraph.compiler.program.parse import parse_program
from lazygraph.compiler.program.print import print_program

N, M = lg.dim("n"), lg.dim("m")


def test_an_asserted_shape_is_compared_at_entry_in_the_users_names() -> None:
    x, y = lg.placeholder((N, 3), lg.float64, "x"), lg.placeholder((M,), lg.float64, "y")
    total = lg.variable(np.zeros(()), "total")
    same = lg.assert_shape(y, (2 * N + 1,))
    step = lg.function([x, y], [same * 2, lg.sum(same)], updates={total: total + 1})
    for n in (0, 1, 40):
        array = np.arange(2.0 * n + 1)
        doubled, found = step(np.zeros((n, 3)), array)
        np.testing.assert_array_equal(doubled, array * 2)
        assert found == array.sum()
    with pytest.raises(lg.CheckFailed, match=r"equal extents: m = 2 \* n [+] 1, found 4 and 5\n  test_checks.py:\d+"):
        step(np.zeros((2, 3)), np.zeros(4))
    assert total.numpy() == 3
    assert step.compilations == 1


def test_what_is_known_of_a_shape_is_decided_when_the_graph_is_built() -> None:
    x = lg.placeholder((N, 3), lg.float32, "x")
    assert lg.assert_shape(x, (N, 3)).value is x.value
    for wrong in ((N, 4), (N,), (N + 1, 3)):
        with pytest.raises(lg.ShapeError, match=r"assert_shape: expected the shape .*, found \(n, 3\)"):
            lg.assert_shape(x, wrong)


def test_an_asserted_shape_is_differentiated_batched_and_goes_with_its_dims() -> None:
    k = lg.dim("k")
    x, y = lg.placeholder((k, N), lg.float64, "x"), lg.placeholder((k, M), lg.float64, "y")
    product = lg.vmap(lambda a, b: lg.sum(a * a * lg.assert_shape(b, (N,))))(x, y)
    f = lg.function([x, y], lg.grad(lg.sum(product**2), [x, y]))
    a, b = np.arange(6.0).reshape(2, 3), np.ones((2, 3)) * 0.5
    inner = (a * a * b).sum(1)[:, None]
    for found, expected in zip(f(a, b), (4 * inner * a * b, 2 * inner * a * a)):
        np.testing.assert_allclose(found, expected)
    with pytest.raises(lg.CheckFailed, match="m = n, found 2 and 3"):
        f(a, b[:, :2])


def test_two_equated_extents_print_and_parse_back() -> None:
    x, y = lg.placeholder((N,), lg.float64, "x"), lg.placeholder((M,), lg.float64, "y")
    program = lg.function([x, y], x + y)._compilation.program
    assert "equate <m> <n> else" in print_program(program)
    assert parse_program(print_program(program)) == program


def test_the_extent_of_an_axis_is_a_scalar() -> None:
    x = lg.placeholder((3, N), lg.float32, "x")
    f = lg.function([x], [lg.dim_size(x, -1), lg.dim_size(x, 0) * 2])
    assert [int(each) for each in f(np.zeros((3, 5), np.float32))] == [5, 6]
    with pytest.raises(lg.ShapeError, match="axis 2 is out of bounds"):
        lg.dim_size(x, 2)


def test_a_check_says_its_sentence_and_leaves_variables() -> None:
    x = lg.placeholder((N,), lg.float32, "x")
    count = lg.variable(np.zeros((), np.int32), "count")
    held = lg.check(x, x < 3, "{x} is not < 3")
    step = lg.function([x], [lg.sum(held), lg.grad(lg.sum(held**2), x)], updates={count: count + 1})
    total, slope = step([1, 2])
    assert total == 3 and slope.tolist() == [2, 4]
    with pytest.raises(lg.CheckFailed, match=r"^\{x\} is not < 3\n  test_checks.py:\d+"):
        step([1, 3])
    assert count.numpy() == 1
    rows = lg.placeholder((2, N), lg.float32, "rows")
    mapped = lg.vmap(lambda row: lg.check(lg.sum(row), row < 3, "a row fails"))(rows)
    assert mapped.eval({rows: [[1, 2], [0, 1]]}).tolist() == [3, 1]
    with pytest.raises(lg.CheckFailed, match="a row fails"):
        mapped.eval({rows: [[1, 2], [3, 1]]})


def test_a_condition_is_of_bools_and_a_message_a_text() -> None:
    x = lg.placeholder((), lg.float32, "x")
    with pytest.raises(lg.DTypeError, match="condition: expected bool, found float32"):
        lg.check(x, x, "no")
    with pytest.raises(TypeError, match="message: expected a text, found 3"):
        lg.check(x, x > 0, 3)


def test_shapes_are_compared_wherever_a_call_may_make_them_equal() -> None:
    x, y = lg.placeholder((N, 3), lg.float64, "x"), lg.placeholder((M, 3), lg.float64, "y")
    w = lg.variable(np.zeros((2, 3)), "w")
    f = lg.custom_derivative(lambda t: t * 1, vjp=lambda arguments, result, cotangent: y * 2)
    made = {
        "m = n": lg.jvp(x * x, x, y) + lg.vjp(x * x, x, y) + lg.grad(lg.sum(f(x)), x) + lg.substitute(x, {x: y}),
        "3 [*] n = 3 [*] m": lg.reshape(x, (M, 3)),
    }
    a, b = np.arange(6.0).reshape(2, 3), np.ones((2, 3))
    step = lg.function([x, y], list(made.values()), updates={w: x})
    first, second = step(a, b)
    np.testing.assert_array_equal(first, 4 * a * b + 3 * b)
    np.testing.assert_array_equal(second, a)
    np.testing.assert_array_equal(w.numpy(), a)
    for equation, tensor in made.items():
        with pytest.raises(lg.CheckFailed, match=f"expected equal extents: {equation}, found"):
            lg.function([x, y], tensor)(a, b[:1])
    with pytest.raises(lg.CheckFailed, match="n = 2, found 4 and 2"):
        step(np.ones((4, 3)), np.ones((4, 3)))

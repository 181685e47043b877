"""while_loop: a root finder and a fixed point, their derivatives, batches, nesting; what it refuses.

In: loops, and the same formulas unrolled. Out: values, first and second derivatives that differ, by the interpreter and
as machine code.
"""

from typing import Any

import numpy as np
import pytest

import lazygraph as lg
from lazygraph.branching import cond
from lazygraph.compiler.ir.errors import CheckFailed, DTypeError, ShapeError
from lazygraph.scanning import fori, scan
from lazygraph.while_loops import while_loop
from tests.lazygraph.evaluation import evaluate
from tests.lazygraph.loops import Both, agree

A = lg.placeholder((), lg.float64, "a")
P, Q = lg.placeholder((2,), lg.float64, "p"), lg.placeholder((2,), lg.float64, "q")
N = lg.dim("n")
ROWS = lg.placeholder((N, 2), lg.float64, "rows")


def newton_step(z: Any, p: Any) -> Any:
    """For the root of (x^2 + y^2 - p0, x - p1 y), with the inverse of the Jacobian written out."""
    x, y = z[0], z[1]
    f, g = x * x + y * y - p[0], x - p[1] * y
    determinant = -2 * x * p[1] - 2 * y
    return lg.stack([x - (-p[1] * f - 2 * y * g) / determinant, y - (2 * x * g - f) / determinant])


def newton(p: Any, **bound: Any) -> Any:
    def unsettled(z: Any) -> Any:
        return lg.abs(z[0] ** 2 + z[1] ** 2 - p[0]) + lg.abs(z[0] - p[1] * z[1]) > 1e-11

    return while_loop(unsettled, lambda z: newton_step(z, p), lg.ones(2) * p[0], **bound)


def newton_unrolled(p: Any, steps: int) -> Any:
    z = lg.ones(2) * p[0]
    for _ in range(steps):
        z = newton_step(z, p)
    return z


def first_and_second(y: Any, x: Any) -> list[Any]:
    """y, its gradient, and the Hessian, which is forward over reverse."""
    loss = lg.sum(lg.sin(y))
    return [y, lg.grad(loss, x), lg.hessian(loss, x)]


def twice_in_reverse(y: Any, x: Any) -> list[Any]:
    slope = lg.grad(lg.sum(lg.sin(y)), x)
    return [lg.grad(lg.sum(slope * slope), x)]


def test_a_root_and_its_derivatives_are_those_of_the_unrolled_steps() -> None:
    values = {P: [5.0, 0.5]}
    found = agree(first_and_second(newton(P, max_trips=30), P), values)
    for steps in (7, 8):  # as many as it takes, or one more: the derivatives have settled too
        expected = evaluate(first_and_second(newton_unrolled(P, steps), P), values)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-9)
    x, y = found[0]
    assert abs(x * x + y * y - 5) < 1e-10 and abs(x - 0.5 * y) < 1e-10


def test_forward_mode_needs_no_bound() -> None:
    found = agree([lg.jvp(newton(P), P, Q)], {P: [5.0, 0.5], Q: [0.3, -0.2]})
    expected = evaluate([lg.jvp(newton_unrolled(P, 8), P, Q)], {P: [5.0, 0.5], Q: [0.3, -0.2]})
    np.testing.assert_allclose(found, expected, rtol=1e-9)


def fixed_point(p: Any, **bound: Any) -> Any:
    """x = cos(p0 x) + p1, by iteration; p is closed over."""
    state = while_loop(
        lambda s: lg.abs(s["x"] - s["last"]) > 1e-14,
        lambda s: {"x": lg.cos(p[0] * s["x"]) + p[1], "last": s["x"], "count": s["count"] + 1},
        {"x": p[1], "last": p[1] - 1, "count": 0},
        **bound,
    )
    return state["x"]


def test_a_fixed_point_has_the_derivatives_of_the_implicit_function() -> None:
    """dx/dp = (dF/dp) / (1 - dF/dx), F = cos(p0 x) + p1."""
    values = {P: [0.6, 0.2]}
    x, gradient = evaluate([fixed_point(P, max_trips=200), lg.grad(fixed_point(P, max_trips=200), P)], values)
    slope = np.sin(0.6 * x)
    np.testing.assert_allclose(gradient, np.array([-x * slope, 1]) / (1 + 0.6 * slope), rtol=1e-9)
    found = agree(first_and_second(fixed_point(P, max_trips=200), P), values)
    y = P[1]
    for _ in range(100):
        y = lg.cos(P[0] * y) + P[1]
    for one, other in zip(found, evaluate(first_and_second(y, P), values), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("derivatives", [first_and_second, twice_in_reverse])
def test_derivatives_at_every_number_of_trips(derivatives: Any) -> None:
    """Segments that are empty, full and cut short."""
    p, trips = P, lg.placeholder((), lg.int64, "trips")

    def step(x: Any) -> Any:
        return lg.sin(p[0] * x) + p[1] * x * x

    _, y = while_loop(lambda s: s[0] < trips, lambda s: (s[0] + 1, step(s[1])), (0, 0.5 * p[1]), max_trips=10)
    both = Both(derivatives(y, P), [P, trips])
    for count in (0, 1, 4, 9, 10):
        unrolled = 0.5 * p[1]
        for _ in range(count):
            unrolled = step(unrolled)
        found = both({P: [0.8, 0.3], trips: count})
        for one, other in zip(found, evaluate(derivatives(unrolled, P), {P: [0.8, 0.3]}), strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("bound", [1, 2, 3, 16])
def test_the_bound_does_not_change_a_derivative(bound: int) -> None:
    y = while_loop(lambda s: s[0] < 1, lambda s: (s[0] + 1, lg.sin(s[1]) * A), (0, A * P), max_trips=bound)[1]
    expected = evaluate(first_and_second(lg.sin(A * P) * A, A), {P: [0.8, 0.3], A: 1.2})
    for one, other in zip(evaluate(first_and_second(y, A), {P: [0.8, 0.3], A: 1.2}), expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-12)


def test_a_batch_is_a_loop_over_its_examples() -> None:
    """Each example makes as many trips as it needs; of values and gradients."""
    rows = np.array([[5.0, 0.5], [2.0, 1.5], [30.0, -0.2], [1.0, 1.0]])

    def everything(p: Any) -> list[Any]:
        y = newton(p, max_trips=30)
        return [y, lg.grad(lg.sum(lg.sin(y)), p)]

    both = Both(lg.vmap(everything)(ROWS), [ROWS])
    found = both({ROWS: rows})
    loop = [evaluate(everything(P), {P: row}) for row in rows]
    for place, one in enumerate(found):
        np.testing.assert_allclose(one, np.stack([each[place] for each in loop]), rtol=1e-9, atol=1e-9)
    assert [each.shape[0] for each in both({ROWS: rows[:0]})] == [0, 0]


def test_examples_that_are_done_keep_what_they_have() -> None:
    """States that would move on, and the buffers that a gradient writes them into."""
    rows, counts = np.array([[0.3, -1.0], [0.8, 0.1], [-0.4, 2.0], [1.5, 0.2]]), np.array([0, 3, 12, 7])
    k, ks = lg.placeholder((), lg.int64, "k"), lg.placeholder((N,), lg.int64, "ks")

    def one(p: Any, k: Any) -> list[Any]:
        y = while_loop(lambda s: s[0] < k, lambda s: (s[0] + 1, lg.sin(s[1]) * 1.3 + 0.2), (0, p), max_trips=12)[1]
        filled = while_loop(
            lambda s: s[0] < k,
            lambda s: (s[0] + 1, lg.dynamic_update_slice(s[1], p[:1], [s[0]])),
            (k * 0, lg.zeros(16)),
        )[1]
        return [y, lg.grad(lg.sum(y * y), p), filled]

    found = agree(lg.vmap(one)(ROWS, ks), {ROWS: rows, ks: counts})
    for place, (row, count) in enumerate(zip(rows, counts)):
        for batch, alone in zip(found, evaluate(one(P, k), {P: row, k: count}), strict=True):
            np.testing.assert_allclose(batch[place], alone, rtol=1e-9)


def test_a_gradient_of_a_batch_is_the_batch_of_gradients() -> None:
    rows = np.array([[5.0, 0.5], [2.0, 1.5], [30.0, -0.2]])
    total = lg.sum(lg.sin(lg.vmap(lambda p: newton(p, max_trips=30))(ROWS)))
    (found,) = agree([lg.grad(total, ROWS)], {ROWS: rows})
    each = [evaluate(lg.grad(lg.sum(lg.sin(newton(P, max_trips=30))), P), {P: row}) for row in rows]
    np.testing.assert_allclose(found, np.stack(each), rtol=1e-9)


def test_a_batch_over_what_the_condition_does_not_read() -> None:
    y = lg.vmap(lambda p: while_loop(lambda s: s[0] < 3, lambda s: (s[0] + 1, s[1] * p), (0, p))[1])(ROWS)
    (found,) = agree([y], {ROWS: [[2.0, 3.0], [1.0, -1.0]]})
    np.testing.assert_array_equal(found, [[16, 81], [1, 1]])


def test_symbolic_shapes_and_no_trips() -> None:
    total = while_loop(lambda s: lg.sum(s) < 100, lambda s: s * 2 + 1, ROWS, max_trips=20)
    both = Both([total, lg.grad(lg.sum(total * total), ROWS)], [ROWS])
    for rows in ([[1.0, 2.0]], [[1.0, 2.0], [-1.0, 0.5], [3.0, 3.0]], [[500.0, 2.0]]):
        value, slope = both({ROWS: rows})
        expected, factor = np.array(rows), 1
        while expected.sum() < 100:
            expected, factor = expected * 2 + 1, factor * 2
        np.testing.assert_array_equal(value, expected)
        np.testing.assert_array_equal(slope, 2 * expected * factor)


def test_loops_and_branches_within_each_other() -> None:
    def collatz(x: Any) -> Any:  # a branch in a while
        return while_loop(
            lambda s: s[0] > 1,
            lambda s: (cond(s[0] % 2 == 0, lambda v: v // 2, lambda v: 3 * v + 1, s[0]), s[1] + 1),
            (x, 0),
        )[1]

    k = lg.placeholder((5,), lg.int64, "k")
    _, counts = scan(lambda carry, x: (carry, collatz(x)), 0, k)  # a while in a scan
    inner = while_loop(  # a scan in a while
        lambda s: lg.sum(s) < 50, lambda s: scan(lambda c, x: (c + x, c + x), 0.0, s)[1] * A, P, max_trips=12
    )
    gradients = lg.grad(lg.sum(inner), [P, A])
    found = agree([counts, inner, *gradients], {k: [1, 2, 3, 6, 7], P: [0.5, 1.0], A: 1.5})
    np.testing.assert_array_equal(found[0], [0, 1, 7, 8, 16])
    y, steps = P, 0
    while evaluate(lg.sum(y), {P: [0.5, 1.0], A: 1.5}) < 50:
        y, steps = lg.stack([y[0], y[0] + y[1]]) * A, steps + 1
    expected = evaluate([y, *lg.grad(lg.sum(y), [P, A])], {P: [0.5, 1.0], A: 1.5})
    for one, other in zip(found[1:], expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12)


def test_a_loop_in_a_loop_has_the_derivatives_of_the_unrolled_ones() -> None:
    def inner(x: Any) -> Any:
        return while_loop(lambda s: s[0] < 3, lambda s: (s[0] + 1, lg.sin(s[1]) * A), (0, x), max_trips=4)[1]

    outer = while_loop(lambda s: s[0] < 2, lambda s: (s[0] + 1, inner(s[1]) + s[1]), (0, P), max_trips=5)[1]
    unrolled = P
    for _ in range(2):
        y = unrolled
        for _ in range(3):
            y = lg.sin(y) * A
        unrolled = y + unrolled
    values = {P: [0.5, 1.0], A: 1.2}
    expected = evaluate(first_and_second(unrolled, P), values)
    for one, other in zip(evaluate(first_and_second(outer, P), values), expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(agree([lg.grad(lg.sum(lg.sin(outer)), P)], values)[0], expected[1], rtol=1e-9)


def test_rules_and_checkpoints_inside_and_around() -> None:
    sine = lg.custom_derivative(lg.sin, vjp=lambda arguments, result, cotangent: cotangent * lg.cos(arguments[0]))

    def shrunk(step: Any, x: Any) -> Any:
        return while_loop(lambda s: lg.sum(lg.abs(s)) > 0.1, step, x, max_trips=20)

    def plain(x: Any) -> Any:
        return lg.sin(x) * A * 0.5

    expected = P
    for _ in range(6):
        expected = plain(expected)
    variants = (
        shrunk(plain, P),
        shrunk(lambda x: sine(x) * A * 0.5, P),
        shrunk(lg.checkpoint(plain), P),
        lg.checkpoint(lambda x: shrunk(plain, x))(P),
        cond(A > 0, lg.checkpoint(lambda x: shrunk(plain, x)), lambda x: x, P),
    )
    values = {P: [0.9, -0.4], A: 1.3}
    wanted = evaluate([expected, *lg.grad(lg.sum(expected), [P, A])], values)
    for y in variants:
        for one, other in zip(evaluate([y, *lg.grad(lg.sum(y), [P, A])], values), wanted, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-9)


def test_bounds_that_are_computed() -> None:
    k = lg.placeholder((), lg.int32, "k")
    both = Both([fori(k - 2, k, lambda i, carry: carry * 10 + i, 1)], [k])
    assert [int(both({k: each})[0]) for each in (2, 5)] == [101, 134]
    assert int(agree([fori(3, k, lambda i, carry: carry + i, 7)], {k: 1})[0]) == 7


def test_python_numbers_take_the_dtype_of_the_first_trip() -> None:
    x = lg.placeholder((), lg.float32, "x")
    count, total = while_loop(lambda s: s[0] < 3, lambda s: (s[0] + 1, s[1] * x), (0, 1.0))
    assert (count.dtype, total.dtype) == (lg.int64, lg.float32)


def test_memory_of_a_gradient_grows_as_the_square_root_of_the_bound() -> None:
    x = lg.placeholder((1000,), lg.float64, "x")
    peaks = []
    for bound in (64, 1024, 4096):
        y = while_loop(lambda s: s[0] < A, lambda s: (s[0] + 1, lg.sin(s[1])), (0.0, x), max_trips=bound)[1]
        peaks.append(lg.function([x, A], lg.grad(lg.sum(y), x)).memory_plan().peak())
    fixed = peaks[0] - 2 * 8 * 8000  # in segments of 8 trips: 8 states that are kept, and 8 that are made again
    assert fixed < 6 * 8000
    assert [round((peak - fixed) / 8000) for peak in peaks] == [16, 64, 128]


def test_variables_are_renewed_by_what_a_loop_gives() -> None:
    """In place, and not at all in a step that fails."""
    w = lg.variable(np.array([1.0, 2.0]), "w")
    renewed = while_loop(lambda v: lg.sum(v) < A, lambda v: v * 2, w, max_trips=3)
    step = lg.function([A], lg.sum(w), updates={w: renewed})
    assert [float(step(a)) for a in (10.0, 10.0, 20.0)] == [3, 12, 12]
    np.testing.assert_array_equal(w.numpy(), [8, 16])
    with pytest.raises(CheckFailed):
        step(1e6)
    np.testing.assert_array_equal(w.numpy(), [8, 16])


def test_more_trips_than_the_bound_fail_the_step() -> None:
    doubled = while_loop(lambda x: x < A, lambda x: x * 2, 1.0, max_trips=4)
    assert evaluate(doubled, {A: 16.0}) == 16
    assert evaluate(while_loop(lambda x: x < A, lambda x: x * 2, 1.0, max_trips=np.int8(4)), {A: 16.0}) == 16
    with pytest.raises(CheckFailed, match=r"still holds after 4 trips, its max_trips(.|\n)*test_while_loop.py"):
        evaluate(doubled, {A: 16.5})
    slope = lg.grad(while_loop(lambda x: x < 16.5, lambda x: x * A, A, max_trips=4), A)
    assert evaluate(slope, {A: 2.0}) == 5 * 2.0**4
    with pytest.raises(CheckFailed, match="after 4 trips"):  # which no value of the loop's hangs on
        evaluate(slope, {A: 1.5})
    found = lg.vmap(lambda a: while_loop(lambda x: x < a, lambda x: x * 2, 1.0, max_trips=4))(P)
    np.testing.assert_array_equal(agree([found], {P: [3.0, 16.0]})[0], [4, 16])
    with pytest.raises(CheckFailed):
        evaluate(found, {P: [3.0, 17.0]})


def test_a_condition_shows_what_it_asks_once_for_each_time(capsys: pytest.CaptureFixture[str]) -> None:
    """Whether the bound was enough is asked without a word."""
    y = while_loop(lambda x: lg.print(x, "x") < 3, lambda x: x + A, 0.0 * A, max_trips=9)
    for outputs in ([y], [y, lg.jvp(y, A, 1.0)], [y, lg.grad(y, A)], [lg.grad(y, A)]):
        lg.function([A], outputs)(1.0)
        assert capsys.readouterr().out == "x: 0.0\nx: 1.0\nx: 2.0\nx: 3.0\n"


def test_reverse_mode_without_a_bound_names_the_loop() -> None:
    y = while_loop(lambda x: x < 9, lambda x: x * A, A)
    with pytest.raises(ValueError, match=r"reverse mode needs .* give max_trips=(.|\n)*test_while_loop.py"):
        lg.grad(y, A)


def test_what_does_not_fit_is_an_error_with_its_place() -> None:
    x = lg.placeholder((3,), lg.float32, "x")
    with pytest.raises(DTypeError, match=r"the condition: expected a bool scalar, found float32(.|\n)*test_while"):
        while_loop(lambda c: lg.sum(c), lambda c: c, x)
    with pytest.raises(ShapeError, match=r"expected a bool scalar, found the shape \(3,\)\n  lt at test_while_loop"):
        while_loop(lambda c: c < 1, lambda c: c, x)
    with pytest.raises(
        DTypeError, match=r"carry\['w'\]\[0\]: expected float32, as in init, found float64(.|\n)*loop.py"
    ):
        while_loop(lambda c: lg.sum(c["w"][0]) < 1, lambda c: {"w": [c["w"][0] * np.float64(2)]}, {"w": [x]})
    with pytest.raises(ShapeError, match=r"expected the shape \(3,\), as in init, found \(1, 3\)"):
        while_loop(lambda c: lg.sum(c) < 1, lambda c: c[None], x)
    with pytest.raises(TypeError, match="the carry: expected tuple of 2, found tuple of 1"):
        while_loop(lambda c: lg.sum(c[0]) < 1, lambda c: (c[0],), (x, x))
    for bad in (0, -1, True, 2.0, 2**63):
        with pytest.raises(ValueError, match="max_trips: expected an int from 1 to"):
            while_loop(lambda c: lg.sum(c) < 1, lambda c: c, x, max_trips=bad)

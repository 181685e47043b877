"""Derivatives of scan against those of the unrolled loop: every order, both directions, kept or computed again.

In: a recurrent network through `lg.scan`, and the same as a Python loop. Out: values where they differ by more than
1e-9 in float64.
"""

from collections.abc import Callable, Sequence

import numpy as np
import pytest

import lazygraph as lg
from lazygraph.compiler.ir.graph import Graph
from lazygraph.compiler.ir.interpret import interpret
from lazygraph.tensor import Tensor


def values(outputs: Sequence[Tensor], at: dict[Tensor, np.ndarray]) -> list[np.ndarray]:
    graph = Graph("test", tuple(x.value for x in at), tuple(y.value for y in outputs))
    return list(interpret(graph, list(at.values())).outputs)


def cell(w: Tensor) -> Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]:
    def trip(h: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
        new = lg.tanh(h @ w + x * lg.exp(w[0]))
        return new, new * h

    return trip


def unrolled(f: Callable, h: Tensor, x: Tensor, count: int, reverse: bool) -> tuple[Tensor, list[Tensor]]:
    ys = []
    for t in reversed(range(count)) if reverse else range(count):
        h, y = f(h, x[t])
        ys.append(y)
    return h, ys


def both(length, count: int, reverse: bool, remat: bool):
    """(loss, inputs, arrays) of the loop and of the unrolled one."""
    w, h = lg.placeholder((3, 3), lg.float64, "w"), lg.placeholder((3,), lg.float64, "h")
    x, also = lg.placeholder((length, 3), lg.float64, "x"), lg.placeholder((count, 3), lg.float64, "x")
    last, stack = lg.scan(cell(w), h, x, reverse=reverse, remat=remat)
    loss = lg.sum(stack * stack) + lg.sum(lg.sin(last))
    last, ys = unrolled(cell(w), h, also, count, reverse)
    expected = sum([lg.sum(y * y) for y in ys], lg.sum(lg.sin(last)))
    generator = np.random.default_rng(count)
    arrays = [generator.standard_normal(shape) for shape in [(count, 3), (3, 3), (3,)]]
    return (loss, [x, w, h], arrays), (expected, [also, w, h], arrays)


def agree(derive: Callable[[Tensor, list[Tensor]], Sequence[Tensor]], *cases) -> None:
    found, expected = (values(derive(y, x), dict(zip(x, arrays))) for y, x, arrays in cases)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-9)


def second(y: Tensor, x: list[Tensor]) -> list[Tensor]:
    return lg.grad(sum([lg.sum(lg.sin(each)) for each in lg.grad(y, x)]), x)


N = lg.dim("n")
CASES = [(5, 5, False), (7, 7, True), (0, 0, False), (1, 1, True), (N, 5, True), (N, 0, False), (N, 130, False)]


@pytest.mark.parametrize("length, count, remat", CASES)
@pytest.mark.parametrize("reverse", [False, True])
def test_gradients_are_those_of_the_unrolled_loop(length, count: int, remat: bool, reverse: bool) -> None:
    agree(lg.grad, *both(length, count, reverse, remat))


@pytest.mark.parametrize("length, count, remat", [(4, 4, False), (5, 5, True), (N, 3, False)])
def test_second_derivatives_are_those_of_the_unrolled_loop(length, count: int, remat: bool) -> None:
    cases = both(length, count, False, remat)
    agree(second, *cases)
    agree(lambda y, x: [lg.hessian(y, x[2])], *cases)
    agree(lambda y, x: lg.jvp(lg.grad(y, x), x, x), *cases)


def test_recomputing_changes_no_bit() -> None:
    (kept, x, arrays), _ = both(11, 11, False, False)
    again, y, _ = both(11, 11, False, True)[0]
    for one, other in zip(
        values(lg.grad(kept, x), dict(zip(x, arrays))), values(lg.grad(again, y), dict(zip(y, arrays)))
    ):
        assert one.tobytes() == other.tobytes()


@pytest.mark.parametrize("remat", [False, True])
def test_gradients_of_batches_and_batches_of_gradients(remat: bool) -> None:
    h, w = lg.placeholder((4, 3), lg.float64, "h"), lg.placeholder((3, 3), lg.float64, "w")
    x = lg.placeholder((6, 3), lg.float64, "x")
    generator = np.random.default_rng(3)
    at = {each: generator.standard_normal(each.shape) for each in (h, w, x)}

    def loss(h: Tensor, w: Tensor) -> Tensor:
        last, stack = lg.scan(cell(w), h, x, remat=remat)
        return lg.sum(last) + lg.sum(stack * stack)

    found = lg.vmap(lambda one: lg.grad(loss(one, w), one))(h)
    also = lg.grad(lg.sum(lg.vmap(lambda one: loss(one, w))(h)), h)
    rows = lg.stack([lg.grad(loss(h[i], w), h)[i] for i in range(4)])
    a, b, expected = values([found, also, rows], at)
    np.testing.assert_allclose(a, expected, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(b, expected, rtol=1e-9, atol=1e-9)
    weights = lg.vmap(lambda one: loss(h[0], one))(lg.stack([w, 2 * w]))
    expected = lg.stack([loss(h[0], w), loss(h[0], 2 * w)])
    np.testing.assert_allclose(*values([weights, expected], at), rtol=1e-9)


def test_gradients_through_nested_loops() -> None:
    x, w = lg.placeholder((3, 4), lg.float64, "x"), lg.placeholder((), lg.float64, "w")

    def total(along: Callable, inner: Callable) -> Tensor:
        def row(c: Tensor, each: Tensor) -> tuple[Tensor, Tensor]:
            d, _ = inner(lambda d, element: (lg.sin(d * w + element * c), None), c, each)
            return c + d, d * d

        last, ys = along(row, w * 1.0, x)
        return last + (lg.sum(ys) if isinstance(ys, Tensor) else sum(ys))

    def by_hand(f: Callable, c: Tensor, xs: Tensor) -> tuple[Tensor, list[Tensor]]:
        return unrolled(f, c, xs, xs.shape[0], False)

    generator = np.random.default_rng(4)
    arrays = [generator.standard_normal((3, 4)), np.asarray(0.7)]
    cases = [(total(each, each), [x, w], arrays) for each in (lg.scan, by_hand)]
    agree(lg.grad, *cases)
    agree(second, *cases)


def test_a_carry_of_integers_has_no_tangent_and_others_only_where_something_moves() -> None:
    x = lg.placeholder((5,), lg.float64, "x")

    def trip(carry: tuple, each: Tensor) -> tuple:
        count, fixed, c = carry
        return (count + 1, fixed * 2, c * each + fixed), count

    (_, fixed, last), _ = lg.scan(trip, (0, 1.0, 1.0), x)
    tangent = lg.jvp(last, x, lg.ones(5))
    (loop,) = [node for node in reached(tangent) if node.op.name == "scan"]
    assert loop["carries"] == 4
    np.testing.assert_array_equal(values([lg.grad(fixed, x)], {x: np.ones(5)})[0], np.zeros(5))


def test_a_loop_that_is_linear_keeps_nothing() -> None:
    """A cumulative sum: going back reads nothing of going forth."""
    x = lg.placeholder((lg.dim("n"), 3), lg.float64, "x")
    _, sums = lg.scan(lambda c, each: (c + each, c + each), lg.zeros(3), x)
    gradient = lg.grad(lg.sum(sums), x)
    assert [node["sequences"] for node in reached(gradient) if node.op.name == "scan"] == [1]


def reached(tensor: Tensor):
    return Graph("test", (), (tensor.value,)).nodes


def test_forward_mode_through_a_rule_for_reverse_mode_is_refused_in_a_body() -> None:
    limited = lg.custom_derivative(lambda x: x, vjp=lambda arguments, result, ct: ct)
    x = lg.placeholder((3,), lg.float64, "x")
    last, _ = lg.scan(lambda c, each: (limited(c) * each, None), lg.ones(()), x)
    np.testing.assert_allclose(values([lg.grad(last, x)], {x: np.array([2.0, 3, 4])})[0], [12, 8, 6])
    with pytest.raises(TypeError, match="forward mode through"):
        lg.jvp(last, x, lg.ones(3))


@pytest.mark.parametrize("remat", [False, True])
@pytest.mark.parametrize("reverse", [False, True])
def test_machine_code_gives_values_and_derivatives_of_two_orders(remat: bool, reverse: bool) -> None:
    """One compilation for every length, on one and two threads, with equal bits."""
    (loss, x, _), _ = both(N, 0, reverse, remat)
    outputs = [loss, *lg.grad(loss, x), *second(loss, x)]
    one, two = (lg.function(x, outputs, threads=threads) for threads in (1, 2))
    for count in (0, 1, 5, 64, 130):
        _, (_, _, arrays) = both(N, count, reverse, remat)
        arrays[1] *= 0.3
        expected = values(outputs, dict(zip(x, arrays)))
        for single, double, other in zip(one(*arrays), two(*arrays), expected, strict=True):
            assert single.tobytes() == double.tobytes()
            np.testing.assert_allclose(single, other, rtol=1e-9, atol=1e-9)


def test_memory_of_a_gradient_that_computes_again_grows_as_the_square_root_of_the_length() -> None:
    def arena(length: int) -> int:
        w, h = lg.placeholder((16, 16), lg.float64, "w"), lg.placeholder((16,), lg.float64, "h")
        last, _ = lg.scan(lambda h, _: (lg.tanh(h @ w), None), h, length=length, remat=True)
        return lg.function([w, h], lg.grad(lg.sum(last), [w, h])).memory_plan().arena()

    arenas = [arena(length) for length in (64, 256, 1024, 4096)]
    assert arenas[-1] < 8.5 * arenas[0]
    assert all(after < 2.2 * before for before, after in zip(arenas, arenas[1:]))


def test_without_a_trip_the_last_carry_is_the_first_whatever_the_body_makes_of_it() -> None:
    """Found by random programs: the body of this loop does not read its carry, whose cotangent was lost."""
    x = lg.placeholder((3,), lg.float64, "x")
    for length, expected in [(0, [1, 1, 1]), (2, [0, 0, 0])]:
        last, _ = lg.scan(lambda c, _: (lg.ones(3), None), x, length=length)
        np.testing.assert_array_equal(values([lg.grad(lg.sum(last), x)], {x: np.ones(3)})[0], expected)


def test_what_loops_and_the_graph_around_them_share_has_a_place_in_each() -> None:
    """A mask made of constants alone is one node, in the loop forth and inside the loop over segments."""
    x, w = lg.placeholder((6, 3), lg.float64, "x"), lg.placeholder((3, 3), lg.float64, "w")
    last, _ = lg.scan(lambda c, each: (lg.tanh(c.at[1].add(each[0]) @ w), None), lg.ones(3), x, remat=True)
    outputs = [last, *lg.grad(lg.sum(last * last), [x, w])]
    generator = np.random.default_rng(0)
    arrays = [generator.standard_normal((6, 3)), generator.standard_normal((3, 3))]
    for found, expected in zip(lg.function([x, w], outputs)(*arrays), values(outputs, dict(zip([x, w], arrays)))):
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9)

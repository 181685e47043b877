"""scan and fori: what they compute, what they accept, what they refuse.

In: loops as a user writes them. Out: their values against NumPy loops, and the sentences of their errors.
"""

import re
from dataclasses import dataclass

import numpy as np
import pytest

import lazygraph as lg
from lazygraph.compiler.ir.graph import Graph
from lazygraph.compiler.ir.interpret import interpret
from lazygraph.tensor import Tensor


def values(outputs: list[Tensor], at: dict[Tensor, np.ndarray]) -> list[np.ndarray]:
    """What the interpreter gives."""
    graph = Graph("test", tuple(x.value for x in at), tuple(y.value for y in outputs))
    return list(interpret(graph, list(at.values())).outputs)


def test_a_scan_hands_the_carry_on_and_stacks_the_results() -> None:
    x = lg.placeholder((4,), lg.float32, "x")
    for reverse, before in [(False, [0, 1, 3, 6]), (True, [9, 7, 4, 0])]:
        last, stack = lg.scan(lambda c, each: (c + each, c), 0.0, x, reverse=reverse)
        found = values([last, stack], {x: np.array([1, 2, 3, 4], np.float32)})
        assert found[0] == 10 and found[0].dtype == np.float32
        np.testing.assert_array_equal(found[1], before)


def test_carries_and_sequences_are_nested() -> None:
    @dataclass
    class State:
        total: Tensor
        count: Tensor

    x, y = lg.placeholder((3, 2), lg.float64, "x"), lg.placeholder((3,), lg.int32, "y")

    def trip(carry: dict, each: tuple) -> tuple:
        state, (a, b) = carry["state"], each
        new = State(state.total + a * b.astype(lg.float64), state.count + 1)
        return {"state": new}, {"twice": 2 * b, "both": (a, None)}

    last, ys = lg.scan(trip, {"state": State(lg.zeros(2), lg.constant(0))}, (x, y))
    given = {x: np.arange(6.0).reshape(3, 2), y: np.array([1, 2, 3], np.int32)}
    total, count, twice, a = values([last["state"].total, last["state"].count, ys["twice"], ys["both"][0]], given)
    np.testing.assert_array_equal(total, [16, 22])
    assert count == 3 and ys["both"][1] is None
    np.testing.assert_array_equal(twice, [2, 4, 6])
    np.testing.assert_array_equal(a, given[x])


def test_without_sequences_there_is_a_length() -> None:
    last, stack = lg.scan(lambda c, _: (2 * c, c), 1, length=5)
    assert [each.tolist() for each in values([last, stack], {})] == [32, [1, 2, 4, 8, 16]]
    with pytest.raises(TypeError, match="expected sequences xs or a length, found neither"):
        lg.scan(lambda c, _: (c, c), 1)


@pytest.mark.parametrize("count", [0, 1, 6])
def test_the_length_may_be_symbolic_and_zero(count: int) -> None:
    x = lg.placeholder((lg.dim("n"), 2), lg.float64, "x")
    last, stack = lg.scan(lambda c, each: (c * each + 1, c), lg.ones(2), x)
    given = np.random.default_rng(0).standard_normal((count, 2))
    carry, before = np.ones(2), []
    for each in given:
        before.append(carry)
        carry = carry * each + 1
    found = values([last, stack], {x: given})
    np.testing.assert_array_equal(found[0], carry)
    np.testing.assert_array_equal(found[1], np.reshape(before, (count, 2)))


def test_what_does_not_depend_on_the_trip_is_computed_outside_and_numbers_inside() -> None:
    x, w = lg.placeholder((3,), lg.float64, "x"), lg.placeholder((), lg.float64, "w")
    last, _ = lg.scan(lambda c, each: (c + lg.exp(w) * each * 2, None), 0.0, x)
    node = last.value.node
    assert [each.node.op.name for each in node.inputs] == ["constant", "parameter", "exp"]
    assert [each.op.name for each in node.graphs[0].nodes if each.op.name == "exp"] == []


def test_loops_nest_and_close_over_each_other() -> None:
    x = lg.placeholder((3, 4), lg.float64, "x")

    def row(total: Tensor, each: Tensor) -> tuple:
        inner, _ = lg.scan(lambda c, element: (c * total + element, None), 1.0, each)
        return total + inner, inner

    last, _ = lg.scan(row, 0.5, x)
    given = np.random.default_rng(1).standard_normal((3, 4))
    total = 0.5
    for each in given:
        inner = 1.0
        for element in each:
            inner = inner * total + element
        total = total + inner
    np.testing.assert_allclose(values([last], {x: given})[0], total, rtol=1e-14)


@pytest.mark.parametrize(
    "init, dtype, expected",
    [(0, np.float32, np.float32), (0, np.int32, np.int32), (0.0, np.int64, np.float64), (False, np.int8, np.int8)],
)
def test_a_number_takes_the_dtype_that_the_first_trip_gives_it(init: float, dtype: type, expected: type) -> None:
    x = lg.placeholder((3,), dtype, "x")
    last, _ = lg.scan(lambda c, each: (c + each, None), init, x)
    assert last.dtype.numpy == expected


def test_fori_counts_from_lower_to_upper() -> None:
    assert values([lg.fori(1, 6, lambda i, product: product * i, 1)], {})[0] == 120
    assert values([lg.fori(3, 3, lambda i, c: c + i, 7)], {})[0] == 7
    assert values([lg.fori(5, 3, lambda i, c: c + i, 7)], {})[0] == 7
    n = lg.dim("n")
    x = lg.placeholder((n,), lg.float64, "x")
    total = lg.fori(1, n, lambda i, c: c + lg.take(x, i), 0.0)
    for given in ([], [5.0], [1.0, 2.0, 4.0]):
        assert values([total], {x: np.array(given)})[0] == sum(given[1:])


def test_more_trips_than_an_int64_counts_are_refused() -> None:
    with pytest.raises(lg.ShapeError, match=r"scan: expected at most 2\^63 - 1 trips, found 18446744073709551616"):
        lg.scan(lambda c, _: (c + 1, None), 0, length=2**64)
    with pytest.raises(lg.ShapeError, match="fori: expected at most"):
        lg.fori(-(2**63), 1, lambda i, c: c + i, 0)


def test_a_check_in_the_body_fails_with_the_users_line() -> None:
    x = lg.placeholder((3,), lg.float64, "x")
    last, _ = lg.scan(lambda c, each: (c + lg.check(each, each > 0, "an element is not positive"), None), 0.0, x)
    assert values([last], {x: np.ones(3)})[0] == 3
    with pytest.raises(lg.CheckFailed, match=r"an element is not positive\n  test_scan.py:\d+"):
        values([last], {x: np.array([1.0, -1, 1])})


def test_prints_come_in_each_trip_in_their_order(capsys: pytest.CaptureFixture[str]) -> None:
    x = lg.placeholder((2,), lg.int64, "x")
    before = lg.print(lg.sum(x), "sum")

    def trip(carry: Tensor, each: Tensor) -> tuple:
        a = lg.print(each, "x")
        return lg.print(carry + a, "carry"), None

    last, _ = lg.scan(trip, before, x)
    values([lg.print(last, "last")], {x: np.array([1, 2])})
    assert capsys.readouterr().out.split("\n")[:-1] == ["sum: 3", "x: 1", "carry: 4", "x: 2", "carry: 6", "last: 6"]


def test_a_loop_that_is_differentiated_prints_once(capsys: pytest.CaptureFixture[str]) -> None:
    x = lg.placeholder((2,), lg.float64, "x")
    last, _ = lg.scan(lambda c, each: (lg.print(c * each, "c"), None), 1.0, x)
    values([last, lg.grad(last, x)], {x: np.array([2.0, 3.0])})
    assert capsys.readouterr().out == "c: 2.0\nc: 6.0\n"


@pytest.mark.parametrize(
    "wrong, error, expected",
    [
        (lambda c, x: (c["h"], x), TypeError, "scan: the carry: expected dict of h, n, found a leaf"),
        (
            lambda c, x: ({"h": c["h"] + x, "n": c["n"]}, x),
            lg.ShapeError,
            "scan: the carry['h']: expected the shape ()",
        ),
        (lambda c, x: ({"h": c["h"], "n": c["n"] * 0.5}, x), lg.DTypeError, "scan: the carry['n']: expected int64"),
        (lambda c, x: c, TypeError, "expected f to return (carry, y)"),
    ],
)
def test_a_carry_that_changes_its_type_is_refused_by_name(wrong, error: type, expected: str) -> None:
    x = lg.placeholder((3, 2), lg.float64, "x")
    init = {"h": lg.constant(1.0), "n": lg.constant(1)}
    with pytest.raises(error, match=re.escape(expected)) as caught:
        lg.scan(wrong, init, x)
    assert error is TypeError or "test_scan.py" in str(caught.value)


def test_sequences_of_different_lengths_are_refused() -> None:
    x, y = lg.zeros((3, 2)), lg.zeros(4)
    with pytest.raises(lg.ShapeError, match=r"scan: xs\[1\]: expected 3 elements along axis 0, found \(4,\)"):
        lg.scan(lambda c, x: (c, None), 0.0, (x, y))
    with pytest.raises(lg.ShapeError, match="expected a leading axis"):
        lg.scan(lambda c, x: (c, None), 0.0, lg.constant(1.0))


def test_a_random_stream_in_a_body_is_refused_and_keys_are_split_over_the_trips() -> None:
    stream = lg.random.Stream(seed=0)
    with pytest.raises(TypeError, match="gives every trip the same numbers"):
        lg.scan(lambda c, _: (c + stream.normal(()), None), 0.0, length=3)
    keys = lg.random.split(lg.random.key(0), 3)
    _, draws = lg.scan(lambda c, key: (c, lg.random.normal(key)), 0.0, keys)
    assert len(set(values([draws], {})[0].tolist())) == 3


@pytest.mark.parametrize("remat", [False, True])
def test_each_trip_prints_once_whatever_is_asked_of_the_loop(remat: bool, capsys: pytest.CaptureFixture[str]) -> None:
    x = lg.placeholder((4,), lg.float64, "x")
    last, _ = lg.scan(lambda c, each: (lg.print(lg.sin(c * each), "c {:.3f}"), None), lg.ones(()), x, remat=remat)
    for outputs in ([last, lg.grad(last, x)], [lg.grad(last, x)], [lg.jvp(last, x, x)], [lg.hessian(last, x)]):
        lg.function([x], outputs)([1, 2, 3, 4])
        assert capsys.readouterr().out.split("\n")[:-1] == ["c 0.841", "c 0.994", "c 0.160", "c 0.596"]

"""What the ops mean, in plain statements that do not go through a record's own reference.

In: small operands worked out by hand or by other NumPy functions. Out: the op and operands where the record differs.
"""

from typing import Any

import numpy as np
import pytest

import lazygraph.compiler.ops  # noqa: F401  (importing the families fills the table)
from lazygraph.compiler.ir.errors import CheckFailed
from lazygraph.compiler.ops.effects import checked
from lazygraph.compiler.ops.record import OPS
from lazygraph.compiler.ops.reductions import nonempty
from lazygraph.runtime.dtypes import float32, float64, int32, int64
from tests.ops.harness import applied, evaluate, stand_in

NAN = np.nan
X = np.arange(24.0).reshape(2, 3, 4)


def results(name: str, *arrays: Any, **attributes: Any) -> tuple[np.ndarray, ...]:
    case = applied(OPS[name], [np.asarray(each) for each in arrays], attributes)
    return evaluate(case.node.outputs, case.parameters, case.arrays)


MEANINGS = [
    ("reshape", (X,), {"shape": (4, 6)}, [[6 * i + j for j in range(6)] for i in range(4)]),
    ("transpose", (X,), {"permutation": (2, 0, 1)}, np.einsum("abc->cab", X)),
    ("broadcast", ([1, 2],), {"shape": (2, 3), "axes": (0,)}, [[1, 1, 1], [2, 2, 2]]),
    ("broadcast", ([1, 2],), {"shape": (3, 2), "axes": (1,)}, [[1, 2], [1, 2], [1, 2]]),
    ("slice", (X[0, 0],), {"starts": (1,), "stops": (4,), "steps": (2,)}, [1.0, 3.0]),
    ("pad", ([1, 2], 9), {"low": (1,), "high": (2,), "interior": (1,)}, [9, 1, 9, 2, 9, 9]),
    ("pad", (np.zeros(0), 9.0), {"low": (1,), "high": (2,), "interior": (5,)}, [9.0, 9.0, 9.0]),
    ("reverse", ([[1, 2], [3, 4]],), {"axes": (1,)}, [[2, 1], [4, 3]]),
    ("concat", ([1], [], [2, 3]), {"axis": 0}, None),
    ("iota", (), {"dtype": int64, "shape": (2, 3), "axis": 1}, [[0, 1, 2], [0, 1, 2]]),
    ("reduce_sum", (np.zeros((0, 2)),), {"axes": (0,)}, [0.0, 0.0]),
    ("reduce_prod", (np.zeros((2, 0)),), {"axes": (1,)}, [1.0, 1.0]),
    ("reduce_sum", (X,), {"axes": (0, 2)}, [60.0, 92.0, 124.0]),
    ("reduce_max", ([[1.0, NAN], [-3.0, -np.inf]],), {"axes": (1,)}, [NAN, -3.0]),
    ("reduce_min", ([[1.0, 2.0], [NAN, -np.inf]],), {"axes": (1,)}, [1.0, NAN]),
    ("reduce_and", (np.zeros((2, 0), bool),), {"axes": (1,)}, [True, True]),
    ("reduce_or", ([[False, True], [False, False]],), {"axes": (1,)}, [True, False]),
    ("argmax", ([[2.0, 5.0, 5.0], [1.0, NAN, NAN]],), {"axis": 1}, [1, 1]),
    ("argmin", ([[2.0, -5.0, -5.0], [-np.inf, NAN, 0.0]],), {"axis": 1}, [1, 1]),
    ("gather", (X[0], [2, 0]), {"axes": (0,), "mode": "check"}, X[0][[2, 0]]),
    ("gather", (X[0], [[1], [3]]), {"axes": (1,), "mode": "check"}, X[0].T[[[1], [3]]]),
    ("gather", (X, [1, 0], [3, 2]), {"axes": (0, 2), "mode": "check"}, [X[1, :, 3], X[0, :, 2]]),
    ("gather", (X[0, 0], [-7, 99]), {"axes": (0,), "mode": "clip"}, [0.0, 3.0]),
    ("scatter_add", ([1.0, 2.0], [10.0, 20.0, 30.0], [1, 0, 1]), {"axes": (0,), "mode": "check"}, [21.0, 42.0]),
    ("scatter_add", ([1, 2], [10, 20], [-5, 5]), {"axes": (0,), "mode": "clip"}, [11, 22]),
    ("sort", ([3.0, NAN, -0.0, 0.0, -np.inf],), {"axis": 0}, [-np.inf, -0.0, 0.0, 3.0, NAN]),
]


@pytest.mark.parametrize("name, arrays, attributes, expected", MEANINGS)
def test_an_op_computes(name: str, arrays: tuple, attributes: dict, expected: Any) -> None:
    if expected is None:
        arrays, expected = tuple(np.asarray(each, np.float64) for each in arrays), [1.0, 2.0, 3.0]
    (found,) = results(name, *arrays, **attributes)
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(np.signbit(found), np.signbit(expected))


@pytest.mark.parametrize(
    "equation, batch, contract",
    [
        ("ij,jk->ik", ((), ()), ((1,), (0,))),
        ("bij,bjk->bik", ((0,), (0,)), ((2,), (1,))),
        ("ijb,kbj->bik", ((2,), (1,)), ((1,), (2,))),
        ("abcd,dbe->ace", ((), ()), ((3, 1), (0, 1))),
        ("i,j->ij", ((), ()), ((), ())),
    ],
)
def test_dot_is_the_einsum_of_its_axes(equation: str, batch: Any, contract: Any) -> None:
    sizes = dict(zip("abcdeijk", (2, 3, 4, 5, 6, 3, 5, 7)))
    generator = np.random.default_rng(0)
    left, right = (
        generator.standard_normal([sizes[each] for each in side]) for side in equation.split("->")[0].split(",")
    )
    (found,) = results("dot", left, right, batch=batch, contract=contract, accumulate=float64)
    np.testing.assert_allclose(found, np.einsum(equation, left, right), rtol=1e-13)


def test_dot_of_integers_wraps_like_their_multiplication() -> None:
    big = np.array([2**31 - 1], np.int32)
    (found,) = results("dot", big, big, batch=((), ()), contract=((0,), (0,)), accumulate=int32)
    assert found == np.int32(1)


def test_sort_is_stable_and_carries_the_other_operands_along() -> None:
    key = np.array([[1.0, 0.0, NAN, -0.0, 1.0, 0.0, NAN]])
    places = np.arange(7)[None]
    ordered, order = results("sort", key, places, axis=1)
    np.testing.assert_array_equal(order, [[1, 3, 5, 0, 4, 2, 6]])
    np.testing.assert_array_equal(np.signbit(ordered[0, :3]), [False, True, False])


def test_scatter_add_adds_in_the_order_of_the_updates() -> None:
    """1e8 + 1 + ... in float32 loses the ones only if they come one by one after the large number."""
    updates = np.array([1e8] + [1.0] * 8, np.float32)
    (found,) = results("scatter_add", np.zeros(1, np.float32), updates, np.zeros(9, np.int64), axes=(0,), mode="check")
    assert found[0] == np.float32(1e8)


def test_an_index_outside_fails_with_its_value_and_the_extent() -> None:
    with pytest.raises(CheckFailed, match="index 7 is out of bounds for an axis of extent 3"):
        results("gather", np.zeros(3), np.array([1, 7]), axes=(0,), mode="check")
    with pytest.raises(CheckFailed, match="index -1 is out of bounds for an axis of extent 3"):
        results("scatter_add", np.zeros(3), np.zeros(1), np.array([-1]), axes=(0,), mode="check")


def test_a_check_passes_its_operand_on_or_fails_with_its_message() -> None:
    x, held = stand_in(np.zeros(2)), stand_in(np.zeros(3, bool))
    y = checked(x, held, "the rows must be sorted")
    assert evaluate([y], [x, held], [np.ones(2), np.ones(3, bool)])[0].tolist() == [1, 1]
    with pytest.raises(CheckFailed, match="the rows must be sorted"):
        evaluate([y], [x, held], [np.ones(2), np.array([True, False, True])])
    assert checked(x, held, "twice").node.serial != checked(x, held, "twice").node.serial


def test_a_maximum_over_a_symbolic_extent_is_guarded_against_zero() -> None:
    from lazygraph.compiler.ir import dims
    from lazygraph.compiler.ops.leaf import new_parameter

    n = dims.symbol("n")
    x = new_parameter("x", float32, (n, 2))
    guarded = nonempty(x, (0,), "max")
    y = OPS["reduce_max"](guarded, axes=(0,))
    assert evaluate([y], [x], [np.array([[1, 5], [3, 2]], np.float32)])[0].tolist() == [3, 5]
    with pytest.raises(CheckFailed, match="max over axis 0 of extent n = 0 has no value"):
        evaluate([y], [x], [np.zeros((0, 2), np.float32)])
    assert nonempty(x, (1,), "max") is x


def test_a_product_with_zeros_has_exact_derivatives() -> None:
    """d prod(x) / dx_i is the product of the others: with one zero only its own entry survives, with two none does."""
    for factors, gradient in [([2.0, 0.0, 5.0], [0.0, 10.0, 0.0]), ([0.0, 0.0, 5.0], [0.0, 0.0, 0.0])]:
        case = applied(OPS["reduce_prod"], [np.array(factors)], {"axes": (0,)})
        for place, expected in enumerate(gradient):
            tangent = stand_in(np.zeros(3))
            (dy,) = OPS["reduce_prod"].jvp(case.node, (tangent,))
            assert dy is not None
            unit = np.eye(3)[place]
            assert evaluate([dy], [*case.parameters, tangent], [*case.arrays, unit])[0] == expected


def test_ties_of_a_maximum_share_the_tangent() -> None:
    case = applied(OPS["reduce_max"], [np.array([3.0, 1.0, 3.0])], {"axes": (0,)})
    tangent = stand_in(np.zeros(3))
    (dy,) = OPS["reduce_max"].jvp(case.node, (tangent,))
    assert dy is not None
    assert evaluate([dy], [*case.parameters, tangent], [*case.arrays, np.array([1.0, 9.0, 3.0])])[0] == 2.0

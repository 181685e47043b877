"""Handles: identity, the user's line, and what a tensor says where Python wants a number."""

from typing import Any

import numpy as np
import pytest

import lazygraph as lg
from lazygraph.compiler.ir.graph import topological
from lazygraph.frames import user_frames


def test_tensors_hash_by_identity_and_compare_elementwise() -> None:
    x, y = lg.placeholder((2,), name="x"), lg.placeholder((2,), name="x")
    assert len({x, y, x}) == 2
    assert {x: 1}[x] == 1
    assert (x == y).dtype is lg.bool_
    assert (x != 0).shape == (2,)


def test_a_tensor_shows_its_name_type_and_line() -> None:
    x = lg.placeholder((lg.dim("n"), 3), lg.float32, "x")
    assert repr(x) == "<Tensor x: float32 (n, 3)>"
    assert repr(x + x).startswith("<Tensor add: float32 (n, 3) at test_tensor.py:")
    assert (x.ndim, x.size, x.name, (x + x).name) == (2, 3 * lg.dim("n"), "x", None)


def test_every_node_names_the_line_that_asked_for_it_and_the_function() -> None:
    x = lg.placeholder((3,), lg.float32, "x")
    y = lg.nn.softmax(x)
    here = user_frames()[0]
    made = [node for node in topological([y.value]) if node.op.name != "parameter"]
    assert {(each.file, each.line, each.note) for node in made for each in node.frames} == {
        (__file__, here.line - 1, "softmax")
    }


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        (bool, "the truth of"),
        (int, "the int of"),
        (float, "the float of"),
        (np.asarray, "the array of"),
        (lambda x: x.item(), "the item of"),
        (lambda x: x.tolist(), "the list of"),
    ],
)
def test_a_tensor_that_depends_on_a_placeholder_says_what_to_use_instead(ask: Any, words: str) -> None:
    x = lg.placeholder((), lg.float32, "x")
    with pytest.raises(TypeError, match=f"{words} .* it depends on the placeholder x. Use .*eval"):
        ask(x + 1)


def test_a_tensor_that_depends_on_no_placeholder_evaluates() -> None:
    w = lg.variable([1.0, 2.0], "w")
    assert float(lg.sum(w)) == 3.0
    assert int(lg.constant(7) // 2) == 3
    assert bool(lg.all(w > 0))
    assert lg.max(w).item() == 2.0
    assert (w.item(1), lg.constant([[1, 2], [3, 4]]).item(1, 0), lg.constant([[1, 2], [3, 4]]).item(-1)) == (2.0, 3, 4)
    assert f"{lg.sum(w):.2f} {lg.constant(7):>3d}" == "3.00   7"
    assert f"{w}" == str(w)
    assert (w * 2).tolist() == [2.0, 4.0]
    np.testing.assert_array_equal(np.asarray(w + 1), [2.0, 3.0])
    assert range(5)[lg.constant(2)] == 2


def test_eval_asks_for_the_placeholders_that_are_missing() -> None:
    x, y = lg.placeholder((2,), name="x"), lg.placeholder((2,), name="y")
    np.testing.assert_array_equal((x + y).eval({x: [1, 2], y: [3, 4]}), np.array([4, 6], np.float32))
    with pytest.raises(ValueError, match="needs a value for y"):
        (x + y).eval({x: [1, 2]})


def test_a_tensor_has_the_length_of_its_first_axis_and_iterates_over_it() -> None:
    x = lg.placeholder((3, 2), name="x")
    assert len(x) == 3
    assert [row.shape for row in x] == [(2,)] * 3
    with pytest.raises(TypeError, match="the length n is symbolic"):
        len(lg.placeholder((lg.dim("n"),)))
    with pytest.raises(TypeError, match="rank 0 has no length"):
        len(x[0, 0])


def test_elements_of_an_input_are_assigned_in_a_copy() -> None:
    x = lg.placeholder((3,), name="x")
    with pytest.raises(TypeError, match=r"'x' is an input: assign to elements of a copy of it, y = x.copy\(\)"):
        x[0] = 1
    y = 2 * x
    old, copied = y, y.copy()
    y[0] = 1
    assert old is y
    np.testing.assert_array_equal(y.eval({x: [5, 6, 7]}), [1, 12, 14])
    np.testing.assert_array_equal(copied.eval({x: [5, 6, 7]}), [10, 12, 14])


def test_a_variable_holds_a_copy_that_can_be_read_and_assigned() -> None:
    initial = np.array([1, 2], np.int32)
    w = lg.variable(initial, "w")
    initial[0] = 9
    read = w.numpy()
    read[1] = 9
    np.testing.assert_array_equal(w.numpy(), [1, 2])
    w.assign([3, 4])
    np.testing.assert_array_equal(w.numpy(), [3, 4])
    with pytest.raises(lg.ShapeError, match=r"w: expected a value of shape \(2,\), found \(3,\)"):
        w.assign([1, 2, 3])
    with pytest.raises(lg.DTypeError, match="w: expected a value that casts to int32, found float64"):
        w.assign([0.5, 1.5])


def test_a_constant_is_a_copy() -> None:
    array = np.array([1.0, 2.0])
    c = lg.constant(array)
    array[0] = 9
    np.testing.assert_array_equal(c.value.node["value"], [1.0, 2.0])


def test_a_scalar_beside_an_array_of_one_element_compiles() -> None:
    """Moving the broadcast of the one and the reshape of the other before the subtraction must come to an end."""
    assert (lg.constant(np.array(3)) - np.array([1])).tolist() == [2]


def test_functions_of_numpy_take_tensors() -> None:
    x = lg.placeholder((2, 3), lg.float64, "x")
    array = np.array([[3.0, 1.0, 2.0], [5.0, 4.0, 6.0]])
    calls: list[Any] = [
        lambda v: np.sum(v, axis=0), lambda v: np.concatenate([v, array]), lambda v: np.sort(v),
        lambda v: np.mean(v, keepdims=True),
        lambda v: np.where(v > 2, v, 0.0), lambda v: np.einsum("ij,kj->ik", v, v), lambda v: np.pad(v, 1),
        lambda v: np.transpose(v),
    ]  # fmt: skip
    for each in calls:
        found = each(x)
        assert isinstance(found, lg.Tensor)
        np.testing.assert_allclose(found.eval({x: array}), each(array))
    assert np.shape(x) == (2, 3) and np.ndim(x) == 2
    assert np.linalg.norm(lg.constant([3.0, 4.0])) == 5
    with pytest.raises(TypeError, match="depends on the placeholder x"):
        np.linalg.norm(x)

"""A mistake in shapes or dtypes is reported where it is made: function, operands, expected and found, the line."""

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import lazygraph as lg
from lazygraph.compiler.ops.compose import emit
from lazygraph.frames import traced


def message(build: Callable[[], Any], error: type[Exception] = lg.ShapeError) -> str:
    with pytest.raises(error) as caught:
        build()
    return str(caught.value)


def test_the_message_is_a_sentence_with_the_users_line() -> None:
    n = lg.dim("n")
    x, w = lg.placeholder((n, 784), lg.float32, "x"), lg.variable(np.zeros((785, 10), np.float32), "w")

    def build() -> Any:
        return x @ w + 1

    line = build.__code__.co_firstlineno + 1
    assert message(build) == (
        f"matmul: inner extents differ: x is (n, 784), w is (785, 10)\n  test_errors.py:{line}: return x @ w + 1"
    )


def test_operands_without_a_name_are_called_by_their_expression() -> None:
    x = lg.placeholder((2, 3), lg.float32, "x")
    assert "x.T is (3, 2), x[0] is (3,)" in message(lambda: lg.add(x.T, x[0]))
    assert "[x, x.T][1] is (3, 2)" in message(lambda: lg.concat([x, x.T]))
    assert "x is (2, 3)" in message(lambda: x.reshape(4))
    y = x * 2
    assert "y is (2, 3), np.ones(4) is (4,)" in message(lambda: y - np.ones(4))


def test_a_long_expression_is_an_operand_with_a_number() -> None:
    x = lg.placeholder((2, 3), lg.float32, "x")
    found = message(lambda: lg.add(x, lg.concat([lg.zeros((2, 2)), lg.ones((2, 2)), lg.zeros((2, 2))], 1)))
    assert "x is (2, 3), operand 2 is (2, 6)" in found


def test_dtype_errors_show_dtypes() -> None:
    x = lg.placeholder((3,), lg.float32, "x")
    found = message(lambda: x & 1, lg.DTypeError)
    assert found.startswith(
        "bitwise_and: expected bool or int or uint operands, found float32 after promotion: x is float32"
    )
    assert "bfloat16 and float16 have no common dtype" in message(
        lambda: lg.promote_types(lg.bfloat16, lg.float16), lg.DTypeError
    )


def test_an_unknown_dtype_is_named() -> None:
    with pytest.raises(lg.DTypeError, match="dtype datetime64.s. is not supported: expected one of bool, int8"):
        lg.placeholder((3,), "datetime64[s]", "x")
    with pytest.raises(lg.DTypeError, match="dtype object is not supported"):
        lg.constant([object()])


def test_errors_inside_networks_name_the_users_call() -> None:
    x, labels = lg.placeholder((5, 10), name="x"), lg.placeholder((4,), lg.int32, "labels")
    found = message(lambda: lg.nn.cross_entropy(x, labels))
    assert found.startswith("cross_entropy: labels have one class per example")
    assert "x is (5, 10), labels is (4,)" in found
    found = message(lambda: lg.nn.dense(x, lg.zeros((9, 3))))
    assert found.startswith("dense: inner extents differ: x is (5, 10), lg.zeros((9, 3)) is (9, 3)\n  test_errors.py:")


@pytest.mark.parametrize(
    ("wrong", "error", "words"),
    [
        (lambda x: lg.sum(x, axis=2), lg.ShapeError, "axis 2 is out of bounds for rank 2"),
        (lambda x: lg.sum(x, axis=(0, 0)), lg.ShapeError, "names an axis twice"),
        (lambda x: lg.sum(x, axis=1.0), TypeError, "an axis is an int; found 1.0"),
        (lambda x: lg.permute_dims(x, (0, 0)), lg.ShapeError, "not an order of the 2 axes"),
        (lambda x: lg.squeeze(x, 0), lg.ShapeError, "axis 0 has extent 2, expected 1"),
        (lambda x: lg.split(x, 2, 1), lg.ShapeError, "extent 3 of axis 1 does not divide by 2"),
        (lambda x: lg.broadcast_to(x, (3, 2)), lg.ShapeError, "(2, 3) does not broadcast to (3, 2)"),
        (lambda x: lg.zeros((2, -3)), lg.ShapeError, "extents are >= 0; found (2, -3)"),
        (lambda x: lg.zeros((2, 1.5)), TypeError, "an extent is an int or a dim (lg.dim); found 1.5"),
        (lambda x: lg.tril(x[0]), lg.ShapeError, "expected at least 2 axes, found 1"),
        (lambda x: lg.stack([x, x.T]), lg.ShapeError, "expected equal shapes"),
        (lambda x: lg.pad(x, -1), lg.ShapeError, "widths are >= 0"),
        (lambda x: lg.matmul(x, 2.0), lg.ShapeError, "multiply scalars with *"),
        (lambda x: lg.random.normal(x, (3,)), lg.DTypeError, "make one with lg.random.key(seed)"),
        (lambda x: lg.dim("n m"), ValueError, "a dim's name is an identifier; found 'n m'"),
        (lambda x: lg.dim("n", min=3, max=2), ValueError, "found 3, 2, 1"),
        (lambda x: lg.placeholder((2,), name="1x"), ValueError, "a placeholder's name is an identifier; found '1x'"),
    ],
)
def test_a_wrong_argument_is_explained(wrong: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=re.escape(words)):
        wrong(lg.placeholder((2, 3), lg.float32, "x"))


def test_an_index_out_of_bounds_names_the_line() -> None:
    x = lg.placeholder((2, 3), lg.float32, "x")

    def build() -> Any:
        return x[:, 3]

    line = build.__code__.co_firstlineno + 1
    assert message(build, IndexError) == (
        "getitem: index 3 is out of bounds for axis 1 of extent 3: x is (2, 3)\n"
        f"  test_errors.py:{line}: return x[:, 3]"
    )


def test_an_error_with_lines_of_its_own_keeps_them_apart() -> None:
    x, w = lg.placeholder((2,), lg.float32, "x"), lg.variable(np.zeros(3, np.float32), "w")
    found = message(lambda: lg.function(x, x, updates={w: x * 2})).split("\n")
    assert found[0] == "function: update of variable 'w': expected shape (3,), found (2,)"
    assert [re.sub(r":\d+.*", "", line) for line in found[1:]] == ["  mul at test_errors.py", "  test_errors.py"]


@pytest.mark.parametrize(
    ("build", "error", "words"),
    [
        (lambda x, w: lg.dim(3), TypeError, "a dim's name is a string; found 3"),
        (lambda x, w: lg.dim("größe"), ValueError, "an identifier of ASCII letters and no keyword of Python"),
        (lambda x, w: lg.dim("lambda"), ValueError, "no keyword of Python; found 'lambda'"),
        (lambda x, w: lg.function(x, x, name="größe"), ValueError, "found 'größe'"),
        (lambda x, w: lg.dim("n", 1.5), TypeError, "dim n: min, max and multiple_of are ints; found 1.5"),
        (lambda x, w: lg.dim("n", max="4"), TypeError, "found '4'"),
        (lambda x, w: lg.dim("n", 3, 4, 5), ValueError, "a multiple of multiple_of >= 1 between them, found 3, 4, 5"),
        (lambda x, w: lg.placeholder((), lg.float32, 7), TypeError, "a placeholder's name is a string; found 7"),
        (lambda x, w: lg.variable(1.0, 7), TypeError, "a variable's name is a string; found 7"),
        (lambda x, w: lg.function(x, x, name=7), TypeError, "a function's name is a string; found 7"),
        (lambda x, w: lg.function(x, x, threads=1.5), TypeError, "threads: expected an int, found 1.5"),
        (lambda x, w: lg.function(x, x, updates=[(w, w)]), TypeError, "expected a dict {variable: expression}"),
        (lambda x, w: lg.function(x, x).repeat(2.5, 1.0), TypeError, "a number of steps is an int; found 2.5"),
        (lambda x, w: lg.function(x, x).repeat(0, 1.0), ValueError, "found 0"),
        (lambda x, w: lg.function(x, x).repeat(2**63, 1.0), ValueError, "found 9223372036854775808"),
        (lambda x, w: lg.function(x, x)(None), TypeError, "argument 'x': expected dtype float32, found NoneType"),
        (lambda x, w: lg.function(x, x)("1"), TypeError, "argument 'x': expected dtype float32, found str"),
        (lambda x, w: x.eval({"x": 1.0}), TypeError, "expected {placeholder: array}, found the key 'x'"),
        (lambda x, w: lg.random.Stream("a"), TypeError, "a seed is an int; found 'a'"),
        (lambda x, w: lg.optim.SGD(0.1).minimize(lg.sum(w), w), TypeError, "expected a sequence of variables"),
    ],
)
def test_values_of_the_wrong_kind(build: Callable[..., Any], error: type[Exception], words: str) -> None:
    x, w = lg.placeholder((), lg.float32, "x"), lg.variable(np.zeros(3, np.float32), "w")
    assert words in message(lambda: build(x, w), error)


def test_an_op_that_is_named_like_the_function_is_named_once() -> None:
    @traced
    def add(x: lg.Tensor, y: lg.Tensor) -> lg.Tensor:
        return lg.Tensor(emit("add", x.value, y.value))

    x, y = lg.placeholder((3,), lg.float16, "x"), lg.placeholder((3,), lg.float32, "y")
    assert message(lambda: add(x, y), lg.DTypeError).startswith("add: expected operands of equal dtypes")


def test_an_extent_that_no_array_has() -> None:
    assert "placeholder: extents are < 2**63" in message(lambda: lg.placeholder((2**63,), lg.float32, "x"))

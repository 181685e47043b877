"""cond and switch: a mixture whose component is chosen at run time, derivatives, batches; what they refuse.

In: branches, and the same formulas without them. Out: values, first and second derivatives that differ, by the
interpreter and as machine code; work that was done though it was not chosen.
"""

from typing import Any

import numpy as np
import pytest

import lazygraph as lg
from lazygraph.branching import cond, switch
from lazygraph.compiler.ir.errors import CheckFailed, DTypeError, ShapeError
from lazygraph.scanning import scan
from tests.lazygraph.evaluation import evaluate
from tests.lazygraph.loops import Both, agree

K = lg.placeholder((), lg.int64, "k")
X, W = lg.placeholder((), lg.float64, "x"), lg.placeholder((3,), lg.float64, "w")
N = lg.dim("n")
XS, KS = lg.placeholder((N,), lg.float64, "xs"), lg.placeholder((N,), lg.int64, "ks")

DENSITIES = (  # of a normal, a Laplace and a logistic distribution, as logarithms
    lambda x, w: -0.5 * ((x - w[0]) / lg.exp(w[1])) ** 2 - w[1],
    lambda x, w: -lg.sqrt((x - w[0]) ** 2 + 0.01) / lg.exp(w[2]) - w[2],
    lambda x, w: -x * w[1] - 2 * lg.log(1 + lg.exp(-x * w[1])) + lg.log(lg.abs(w[1])),
)
AT = {X: 0.7, W: [0.3, -0.4, 0.9]}


def mixture(k: Any, x: Any, w: Any) -> Any:
    return switch(k, DENSITIES, x, w)


def first_and_second(y: Any) -> list[Any]:
    slopes = lg.grad(y, [X, W])
    twice = lg.grad(lg.sum(slopes[1] ** 2) + slopes[0] ** 2, [X, W])
    return [y, *slopes, lg.hessian(y, W), *twice]


def test_a_component_has_its_own_value_and_derivatives_of_both_orders() -> None:
    both = Both(first_and_second(mixture(K, X, W)), [K, X, W])
    for k, density in [*enumerate(DENSITIES), (-5, DENSITIES[0]), (9, DENSITIES[2])]:
        expected = evaluate(first_and_second(density(X, W)), AT)
        for one, other in zip(both({K: k, **AT}), expected, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-12)


def test_a_sum_over_data_of_components_chosen_by_each() -> None:
    """In a scan, and as a batch: every example takes its own branch."""
    ks, xs = np.array([0, 1, 2, 2, 0]), np.array([0.7, -0.3, 1.2, 0.1, 2.0])
    scanned, _ = scan(lambda total, each: (total + mixture(each[0], each[1], W), None), 0.0, (KS, XS))
    batched = lg.sum(lg.vmap(lambda k, x: mixture(k, x, W))(KS, XS))
    plain = sum([DENSITIES[k](x, W) for k, x in zip(ks, xs)])
    expected = evaluate([plain, lg.grad(plain, W), lg.hessian(plain, W)], {W: AT[W]})
    for total in (scanned, batched):
        values = {KS: ks, XS: xs, W: AT[W]}
        found = agree([total, lg.grad(total, W), lg.hessian(total, W)], values)
        for one, other in zip(found, expected, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-12)


def test_a_batch_is_a_loop_over_its_examples() -> None:
    """Of values and of gradients; over what is chosen, over the operands, and over both."""
    ks, xs = np.array([0, 2, 1, 7]), np.array([0.7, -0.3, 1.2, 0.1])

    def one(k: Any, x: Any) -> Any:
        y = mixture(k, x, W)
        return y, lg.grad(y, W)

    loop = [evaluate(list(one(K, X)), {K: k, X: x, W: AT[W]}) for k, x in zip(ks, xs)]
    found = agree(lg.vmap(one)(KS, XS), {KS: ks, XS: xs, W: AT[W]})
    for place in (0, 1):
        np.testing.assert_allclose(found[place], np.stack([each[place] for each in loop]), rtol=1e-12)
    shared = agree(lg.vmap(one, in_axes=(None, 0))(K, XS), {K: 1, XS: xs, W: AT[W]})
    loop = [evaluate(list(one(K, X)), {K: 1, X: x, W: AT[W]}) for x in xs]
    for place in (0, 1):
        np.testing.assert_allclose(shared[place], np.stack([each[place] for each in loop]), rtol=1e-12)


def test_what_is_not_chosen_is_not_computed() -> None:
    """A check in the other branch does not fail; nor does the square root of a negative number spoil a gradient."""
    y = cond(X > 0, lambda: lg.sqrt(lg.check(X, X > 0, "negative")), lambda: -X)
    both = Both([y, lg.grad(y, X)], [X])
    found = [both({X: x}) for x in (4.0, -4.0, 0.0)]
    np.testing.assert_array_equal(found, [[2, 0.25], [4, -1], [0, -1]])
    with pytest.raises(CheckFailed, match="negative"):
        evaluate(cond(X < 0, lambda: lg.sqrt(lg.check(X, X > 0, "negative")), lambda: -X), {X: -1.0})


def test_branches_close_over_tensors_and_give_nested_results() -> None:
    y = cond(X > 0, lambda: {"a": W * 2, "b": (1, X)}, lambda: {"a": W, "b": (X, 0)})
    assert [each.dtype for each in (y["a"], *y["b"])] == [lg.float64] * 3
    both = Both([y["a"], *y["b"]], [X, W])
    for x, expected in ((1.5, ([2, 4, 6], 1, 1.5)), (-1.5, ([1, 2, 3], -1.5, 0))):
        found = both({X: x, W: [1.0, 2.0, 3.0]})
        for one, other in zip(found, expected, strict=True):
            np.testing.assert_array_equal(one, other)
    slope = lg.grad(lg.sum(y["a"]), W)
    np.testing.assert_array_equal(agree([slope], {X: 1.0, W: [0.0, 0.0, 0.0]})[0], [2, 2, 2])


def test_a_number_of_every_integer_dtype_chooses() -> None:
    for dtype, numbers in ((lg.int8, (-128, 0, 1, 127)), (lg.uint64, (0, 1, 2**64 - 1)), (lg.int64, (-(2**63), 1))):
        k = lg.placeholder((), dtype, "k")
        y = switch(k, [lambda: 10, lambda: 20, lambda: 30])
        expected = [[10, 20, 30][min(max(number, 0), 2)] for number in numbers]
        assert [int(evaluate(y, {k: np.array(number, dtype.numpy)})) for number in numbers] == expected


def test_symbolic_shapes() -> None:
    y = cond(lg.sum(XS) > 0, lambda v: v * v, lambda v: -v, XS)
    both = Both([y, lg.grad(lg.sum(y), XS)], [XS])
    for xs in ([1.0, 2.0, -1.0], [-1.0], []):
        value, slope = both({XS: xs})
        positive = sum(xs) > 0
        np.testing.assert_array_equal(value, np.square(xs) if positive else -np.array(xs))
        np.testing.assert_array_equal(slope, 2 * np.array(xs) if positive else -np.ones(len(xs)))


def test_what_does_not_fit_is_an_error_with_its_place_and_both_lines() -> None:
    narrow = lg.placeholder((3,), lg.float32, "narrow")
    line = r"test_cond\.py:\d+"
    with pytest.raises(DTypeError, match="pred: expected a bool scalar, found float64"):
        cond(X, lambda: 1, lambda: 2)
    with pytest.raises(ShapeError, match=rf"pred: expected a bool scalar, found the shape \(3,\)(.|\n)*{line}"):
        cond(W < 0, lambda: 1, lambda: 2)
    with pytest.raises(DTypeError, match="index: expected an integer scalar, found float64"):
        switch(X, [lambda: 1])
    with pytest.raises(ValueError, match="expected at least one branch"):
        switch(K, [])
    with pytest.raises(
        DTypeError,
        match=rf"result\['a'\]: expected float64, as 'then' gives, found float32\n  then: mul at {line}\n"
        rf"  otherwise: add at {line}",
    ):
        cond(X > 0, lambda: {"a": W * 2}, lambda: {"a": narrow + 1})
    with pytest.raises(ShapeError, match=rf"result\[1\]: expected the shape \(\), .* found \(3,\)\n(.|\n)*{line}"):
        switch(K, [lambda: (X, X * 2), lambda: (X, X * W)])
    with pytest.raises(TypeError, match=r"result: expected dict of a, found dict of b: 'then' and 'otherwise'"):
        cond(X > 0, lambda: {"a": X}, lambda: {"b": X})

"""`lg.vmap`: a batch is a loop over its examples, along any axes, nested, of any size, under and over derivatives.

In: functions of one example. Out: the same over many, against NumPy.
"""

import numpy as np
import pytest

import lazygraph as lg
from tests.lazygraph.evaluation import evaluate

RNG = np.random.default_rng(11)
N, M = lg.dim("n"), lg.dim("m")


def test_vmap_over_given_axes_of_nested_arguments() -> None:
    x, w = lg.placeholder((3, 5), lg.float64, "x"), lg.placeholder((3,), lg.float64, "w")
    values = {x: RNG.normal(size=(3, 5)), w: RNG.normal(size=(3,))}

    def predict(column: lg.Tensor, parameters: dict) -> dict:
        return {"score": lg.sum(column * parameters["w"]), "scaled": column * 2}

    mapped = lg.vmap(predict, in_axes=(1, None), out_axes={"score": 0, "scaled": 1})(x, {"w": w})
    score, scaled = evaluate([mapped["score"], mapped["scaled"]], values)
    np.testing.assert_allclose(score, values[w] @ values[x])
    np.testing.assert_allclose(scaled, 2 * values[x])


def test_vmap_of_gradients_gives_one_per_example_and_closures_are_shared() -> None:
    x, w = lg.placeholder((lg.dim("n"), 3), lg.float64, "x"), lg.placeholder((3,), lg.float64, "w")
    per_example = lg.vmap(lambda row: lg.grad(lg.sum(row * w) ** 2, w))(x)
    values = {x: RNG.normal(size=(4, 3)), w: RNG.normal(size=(3,))}
    np.testing.assert_allclose(evaluate(per_example, values), 2 * (values[x] @ values[w])[:, None] * values[x])


def test_maps_nest() -> None:
    x, y = lg.placeholder((3,), lg.float64, "x"), lg.placeholder((4,), lg.float64, "y")
    table = lg.vmap(lambda a: lg.vmap(lambda b: a * b)(y))(x)
    assert evaluate(table, {x: [1, 2, 3], y: [1, 2, 3, 4]}).tolist() == np.outer([1, 2, 3], [1, 2, 3, 4]).tolist()


def test_results_that_depend_on_no_example() -> None:
    x, w = lg.placeholder((3,), lg.float64, "x"), lg.placeholder((2,), lg.float64, "w")
    repeated, once = lg.vmap(lambda a: (w, w * 2), out_axes=(1, None))(x)
    found = evaluate([repeated, once], {x: [0, 0, 0], w: [1, 2]})
    assert found[0].tolist() == [[1, 1, 1], [2, 2, 2]]
    assert found[1].tolist() == [2, 4]
    with pytest.raises(ValueError, match="depends on the examples"):
        lg.vmap(lambda a: a, out_axes=None)(x)


def test_vmap_refuses_what_does_not_fit() -> None:
    x, y = lg.placeholder((3,), lg.float64, "x"), lg.placeholder((4,), lg.float64, "y")
    with pytest.raises(
        lg.ShapeError, match=r"vmap: arguments\[1\]: expected 3 examples, as in the others, along axis 0, found \(4,\)"
    ):
        lg.vmap(lambda a, b: a + b)(x, y)
    with pytest.raises(ValueError, match="every in_axes is None"):
        lg.vmap(lambda a: a, in_axes=None)(x)
    with pytest.raises(TypeError, match="in_axes"):
        lg.vmap(lambda a, b: a, in_axes=(0,))(x, x)


def test_negative_axes_lists_of_axes_and_nested_axes() -> None:
    x, w = lg.placeholder((2, 5, 3), lg.float64, "x"), lg.placeholder((3, 5), lg.float64, "w")
    a, b = RNG.normal(size=(2, 5, 3)), RNG.normal(size=(3, 5))

    def f(pair: tuple, scale: lg.Tensor) -> dict:
        left, (right, count) = pair
        return {"sum": lg.sum(left * right) * scale, "left": left * count}

    for axes in (((-1, (0, None)), None), [[2, [-2, None]], None]):
        mapped = lg.vmap(f, axes, {"sum": -1, "left": -1})((x, (w, 3)), 2.0)
        total, left = evaluate([mapped["sum"], mapped["left"]], {x: a, w: b})
        np.testing.assert_allclose(total, 2 * np.einsum("abn,nb->n", a, b))
        np.testing.assert_allclose(left, 3 * a)
    assert lg.vmap(lambda row: row.astype(lg.float32) * 2, -1, -2)(x).shape == (2, 3, 5)


def test_an_argument_that_all_examples_share_comes_as_it_is() -> None:
    x = lg.placeholder((4, 3), lg.float32, "x")
    seen = []

    def f(row: lg.Tensor, axis: int, factor: float) -> lg.Tensor:
        seen.append((axis, factor))
        return lg.sum(row, axis=axis) * factor

    assert lg.vmap(f, (0, None, None))(x, 0, 0.5).dtype == lg.float32
    assert seen == [(0, 0.5)]


def test_arguments_by_name_are_mapped_along_axis_0() -> None:
    x, w = lg.placeholder((4, 3), lg.float64, "x"), lg.placeholder((4, 3), lg.float64, "w")
    a, b = RNG.normal(size=(4, 3)), RNG.normal(size=(4, 3))
    f = lg.vmap(lambda row, weights, scale=1.0: lg.sum(row * weights["w"]) * scale, in_axes=(0,))
    np.testing.assert_allclose(evaluate(f(x, weights={"w": w}), {x: a, w: b}), (a * b).sum(1))
    np.testing.assert_allclose(evaluate(f(x, weights={"w": w}, scale=w[:, 0]), {x: a, w: b}), (a * b).sum(1) * b[:, 0])


def test_numbers_of_examples_that_only_a_call_can_compare() -> None:
    x, y = lg.placeholder((N, 3), lg.float64, "x"), lg.placeholder((3, M), lg.float64, "y")
    mapped = lg.vmap(lambda a, b: a @ b, in_axes=(0, 1))(x, y)
    step = lg.function([x, y], [mapped, lg.grad(lg.sum(mapped), y)])
    for count in (0, 1, 67):
        a, b = RNG.normal(size=(count, 3)), RNG.normal(size=(3, count))
        found, slope = step(a, b)
        np.testing.assert_allclose(found, np.einsum("nk,kn->n", a, b))
        np.testing.assert_allclose(slope, a.T)
    with pytest.raises(lg.CheckFailed, match=r"expected equal extents: m = n, found 5 and 4\n  test_vmap.py:\d+"):
        step(np.zeros((4, 3)), np.zeros((3, 5)))
    fixed = lg.vmap(lambda a, b: a + b)(x, np.zeros((4, 3)))
    assert fixed.shape == (4, 3)


def test_maps_within_maps_over_symbolic_sizes_and_gradients() -> None:
    x, y = lg.placeholder((N, 2), lg.float64, "x"), lg.placeholder((M, 2), lg.float64, "y")

    def kernel(a: lg.Tensor, b: lg.Tensor) -> lg.Tensor:
        return lg.exp(-lg.sum((a - b) ** 2))

    table = lg.vmap(lambda a: lg.vmap(lambda b: kernel(a, b))(y), out_axes=1)(x)
    slopes = lg.vmap(lambda a: lg.vmap(lambda b: lg.grad(kernel(a, b), a))(y))(x)
    hessians = lg.vmap(lambda a: lg.hessian(kernel(a, a * 0), a))(x)
    over = lg.grad(lg.sum(table**2), x)
    p, q = RNG.normal(size=(3, 2)), RNG.normal(size=(4, 2))
    found = lg.function([x, y], [table, slopes, over, hessians])(p, q)
    away = p[:, None] - q
    k = np.exp(-(away**2).sum(-1))
    np.testing.assert_allclose(found[0], k.T)
    np.testing.assert_allclose(found[1], -2 * away * k[..., None])
    np.testing.assert_allclose(found[2], (-4 * away * (k * k)[..., None]).sum(1))
    k = np.exp(-(p**2).sum(-1))[:, None, None]
    np.testing.assert_allclose(found[3], k * (4 * p[:, :, None] * p[:, None] - 2 * np.eye(2)), atol=1e-12)


def assigned(v: lg.Tensor, i: lg.Tensor) -> lg.Tensor:
    copy = v * 1
    copy[i] = 0.0
    return copy


KERNEL = np.ones((2, 5, 2))
FUNCTIONS = {
    "einsum": lambda a, v, i: lg.einsum("ij,ik->jk", a, a),
    "sort": lambda a, v, i: lg.sort(a, axis=0),
    "argsort": lambda a, v, i: lg.argsort(a),
    "top_k": lambda a, v, i: lg.top_k(v, 2)[0],
    "searchsorted": lambda a, v, i: lg.searchsorted(lg.sort(v), a[0]),
    "cumulative_sum": lambda a, v, i: lg.cumulative_sum(a, axis=0),
    "quantile": lambda a, v, i: lg.quantile(v, 0.3),
    "histogram": lambda a, v, i: lg.histogram(v, bins=4, range=(-1, 1))[0],
    "cross_entropy": lambda a, v, i: lg.nn.cross_entropy(a, i[:5]),
    "softmax": lambda a, v, i: lg.nn.softmax(a),
    "roll": lambda a, v, i: lg.roll(a, 2, axis=0),
    "pad": lambda a, v, i: lg.pad(a, 1, mode="reflect"),
    "take_along_axis": lambda a, v, i: lg.take_along_axis(v, i, 0),
    "gather": lambda a, v, i: a[:, i],
    "scatter": lambda a, v, i: assigned(v, i),
    "dynamic_slice": lambda a, v, i: lg.dynamic_slice(v, [i[0]], (3,)),
    "conv1d": lambda a, v, i: lg.nn.conv1d(a[None], KERNEL),
    "max_pool1d": lambda a, v, i: lg.nn.max_pool1d(a[None], 2),
    "tril": lambda a, v, i: lg.tril(a),
    "cov": lambda a, v, i: lg.cov(a),
    "argmax": lambda a, v, i: lg.argmax(a, axis=0),
    "isin": lambda a, v, i: lg.isin(v, v[:2]),
    "permutation": lambda a, v, i: lg.random.permutation(lg.random.fold_in(lg.random.key(1), i[0]), 5),
    "complex": lambda a, v, i: lg.abs(lg.exp(1j * v)),
    "gradient of a sort": lambda a, v, i: lg.grad(lg.sum(lg.sort(v) * np.arange(6.0)), v),
    "gradient of a pool": lambda a, v, i: lg.grad(lg.sum(lg.nn.max_pool1d(a[None], 2) ** 2), a),
    "gradient of a convolution": lambda a, v, i: lg.grad(lg.sum(lg.nn.conv1d(a[None], KERNEL) ** 2), a),
    "jacobian": lambda a, v, i: lg.jacobian(lg.nn.softmax(v), v),
    "hessian": lambda a, v, i: lg.hessian(lg.nn.logsumexp(v), v),
}


def test_a_batch_of_any_function_is_a_loop() -> None:
    arrays = [RNG.normal(size=(3, 5, 4)), RNG.normal(size=(3, 6)), RNG.integers(0, 4, (3, 6)).astype(np.int32)]
    dtypes = (lg.float64, lg.float64, lg.int32)
    many = [lg.placeholder(a.shape, dtype, name) for a, dtype, name in zip(arrays, dtypes, "avi")]
    one = [lg.placeholder(a.shape[1:], dtype, name) for a, dtype, name in zip(arrays, dtypes, "avi")]
    batch = lg.function(many, {name: lg.vmap(f)(*many) for name, f in FUNCTIONS.items()})(*arrays)
    example = lg.function(one, {name: f(*one) for name, f in FUNCTIONS.items()})
    loop = [example(*each) for each in zip(*arrays)]
    for name, found in batch.items():
        np.testing.assert_allclose(found, np.stack([each[name] for each in loop]), atol=1e-12, err_msg=name)


def test_draws_of_a_batch_of_keys_are_those_of_each_key() -> None:
    keys = lg.random.split(lg.random.key(7), 3)
    drawn = lg.vmap(lambda key: lg.random.normal(key, (2, 5)))(keys)
    alone = lg.stack([lg.random.normal(keys[place], (2, 5)) for place in range(3)])
    words = lg.vmap(lambda key: lg.random.split(key, 2))(keys)
    found = lg.function([], [drawn, alone, words, lg.stack([lg.random.split(keys[place], 2) for place in range(3)])])()
    np.testing.assert_array_equal(found[0], found[1])
    np.testing.assert_array_equal(found[2], found[3])
    assert len({each.tobytes() for each in found[0]}) == 3


def test_an_argument_without_the_axis_is_an_error_that_says_what_to_do() -> None:
    x, b = lg.placeholder((3, 2), lg.float64, "x"), lg.placeholder((), lg.float64, "b")
    with pytest.raises(
        lg.ShapeError, match=r"arguments\[1\]\['b'\]: expected an axis 0 of examples, found \(\); in_axes"
    ):
        lg.vmap(lambda row, rest: row * rest["b"])(x, {"b": b})
    with pytest.raises(lg.ShapeError, match="axis 3 is out of bounds"):
        lg.vmap(lambda row: row, out_axes=3)(x)
    with pytest.raises(TypeError, match="out_axes: expected tuple of 2, found tuple of 1"):
        lg.vmap(lambda row: (row, row), out_axes=(0,))(x)

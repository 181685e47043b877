"""Random draws: distributions, reproducibility, and keys that do not collide."""

import numpy as np
import pytest
import scipy.stats

import lazygraph as lg
from tests.lazygraph.evaluation import evaluate

COUNT = 40_000
KEY = lg.random.key(0)


@pytest.mark.parametrize("dtype", [lg.float32, lg.float64])
def test_uniform_draws_fill_the_unit_interval(dtype: lg.DType) -> None:
    draws = evaluate(lg.random.uniform(KEY, (COUNT,), dtype))
    assert draws.dtype == dtype.numpy
    assert 0 <= draws.min() and draws.max() < 1
    assert scipy.stats.kstest(draws, "uniform").pvalue > 1e-3
    assert (
        scipy.stats.kstest(evaluate(lg.random.uniform(KEY, (COUNT,), dtype, -2, 6)), "uniform", (-2, 8)).pvalue > 1e-3
    )


def test_uniform_draws_stay_below_a_bound_that_rounding_would_reach() -> None:
    draws = evaluate(lg.random.uniform(KEY, (1_000_000,), lg.float32, 1000.0, 1001.0))
    assert 1000 <= draws.min() and draws.max() < 1001


@pytest.mark.parametrize("dtype", [lg.float32, lg.float64])
def test_normal_draws_are_normal(dtype: lg.DType) -> None:
    draws = evaluate(lg.random.normal(KEY, (COUNT,), dtype))
    assert draws.dtype == dtype.numpy
    assert np.isfinite(draws).all()
    assert scipy.stats.kstest(draws, "norm").pvalue > 1e-3
    assert abs(np.corrcoef(draws[:-1], draws[1:])[0, 1]) < 0.02


def test_bernoulli_and_randint_have_their_frequencies() -> None:
    assert abs(evaluate(lg.random.bernoulli(KEY, 0.3, (COUNT,))).mean() - 0.3) < 0.01
    draws = evaluate(lg.random.randint(KEY, (COUNT,), -3, 5, lg.int32))
    assert draws.dtype == np.int32
    assert scipy.stats.chisquare(np.bincount(draws + 3, minlength=8)).pvalue > 1e-3
    with pytest.raises(ValueError, match="no integer lies in"):
        lg.random.randint(KEY, (3,), 5, 5)


def test_randint_keeps_to_ranges_that_it_can_draw_from() -> None:
    draws = evaluate(lg.random.randint(KEY, (COUNT,), -(2**62), 2**62))
    assert scipy.stats.kstest(draws / 2.0**62, "uniform", (-1, 2)).pvalue > 1e-3
    with pytest.raises(ValueError, match="expected high - low <= 2\\*\\*63"):
        lg.random.randint(KEY, (3,), -(2**63), 2**63 - 1)
    with pytest.raises(ValueError, match=r"does not fit int32"):
        lg.random.randint(KEY, (3,), 0, 2**31 + 1, lg.int32)
    high = lg.placeholder((), lg.int64, "high")
    np.testing.assert_array_equal(evaluate(lg.random.randint(KEY, (3,), 5, high), {high: 0}), [5, 5, 5])


def test_permutations_are_permutations_and_equally_likely() -> None:
    assert sorted(evaluate(lg.random.permutation(KEY, 1000))) == list(range(1000))
    keys = lg.random.split(KEY, 600)
    orders = evaluate([lg.random.permutation(keys[i], 3) for i in range(600)])
    counts = np.unique([int("".join(map(str, order))) for order in orders], return_counts=True)[1]
    assert len(counts) == 6
    assert scipy.stats.chisquare(counts).pvalue > 1e-3
    rows = evaluate(lg.random.permutation(KEY, np.arange(12).reshape(4, 3), axis=1))
    assert sorted(rows[0]) == [0, 1, 2] and (rows[1] == rows[0] + 3).all()


def test_a_key_gives_the_same_draws_and_every_other_key_others() -> None:
    draws = [evaluate(lg.random.bits(key, (4,))).tolist() for key in (KEY, lg.random.key(0), lg.random.key(1))]
    assert draws[0] == draws[1] != draws[2]
    derived = [*(lg.random.fold_in(KEY, i) for i in range(4)), *lg.random.split(KEY, 4), KEY]
    derived += [lg.random.fold_in(lg.random.key(1), 0), lg.random.fold_in(KEY, 2**40), lg.random.key(2**40)]
    words = [tuple(key) for key in evaluate(derived)]
    assert len(set(words)) == len(words)


def test_a_key_may_come_from_a_tensor() -> None:
    seed = lg.placeholder((), lg.int64, "seed")
    for value in (0, 7, 2**40 + 3, -1):
        expected = evaluate(lg.random.key(value % 2**64))
        np.testing.assert_array_equal(evaluate(lg.random.key(seed), {seed: value}), expected)


def test_draws_of_a_prefix_do_not_depend_on_the_shape_behind_them() -> None:
    n = lg.dim("n")
    x = lg.placeholder((n,), name="x")
    found = evaluate(lg.random.uniform(KEY, (n,)) + 0 * x, {x: np.zeros(5)})
    np.testing.assert_array_equal(found, evaluate(lg.random.uniform(KEY, (9,)))[:5])


def test_draws_from_a_stream_differ_within_a_call_and_between_calls() -> None:
    stream = lg.random.Stream(seed=3)
    draw = lg.function([], (stream.uniform((4,)), stream.uniform((4,))))
    first, second = draw(), draw()
    assert len({tuple(np.asarray(each)) for each in (*first, *second)}) == 4
    again = lg.random.Stream(seed=3)
    repeated = lg.function([], (again.uniform((4,)), again.uniform((4,))))()
    np.testing.assert_array_equal(repeated, first)

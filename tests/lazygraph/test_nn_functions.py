"""Functions of lg.nn where formulas break: extreme inputs, hidden rows, ignored labels, zeros, mistakes in shapes."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import lazygraph as lg
from tests.lazygraph.evaluation import evaluate

EXTREME = np.array([[1e4, 0.0, -1e4, 6.0], [-1e4, -1e4, -3.0, 3.0], [88.0, 89.0, -104.0, 1e-30]], np.float32)
ACTIVATIONS = (
    "relu6 leaky_relu elu celu selu silu mish softsign hardtanh hardsigmoid hardswish log_sigmoid tanhshrink softshrink"
    " hardshrink glu softmin normalize"
).split()
N = lg.dim("n")


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_values_and_two_derivatives_are_finite_for_extreme_inputs(name: str) -> None:
    x = lg.placeholder((N, 4), lg.float32, "x")
    y = getattr(lg.nn, name)(x)
    slope = lg.grad(lg.sum(y), x)
    curve = lg.grad(lg.sum(slope * slope), x)
    for found in evaluate([y, slope, curve], {x: EXTREME}):
        assert np.isfinite(found).all()


@pytest.mark.parametrize("name", [each for each in ACTIVATIONS if each not in ("glu", "softmin", "normalize")])
def test_activations_keep_nan_and_the_dtype(name: str) -> None:
    found = evaluate(getattr(lg.nn, name)(np.array([np.nan, 1.0], np.float32)))
    assert found.dtype == np.float32
    assert np.isnan(found[0]) and np.isfinite(found[1])


LOSSES: dict[str, Callable[[Any], lg.Tensor]] = {
    "binary_cross_entropy": lambda x: lg.nn.binary_cross_entropy(
        lg.clip(x * (lg.abs(x) > 1e-9), 0, 1), [0.0, 0.0, 1.0, 1.0]
    ),
    "with_logits": lambda x: lg.nn.binary_cross_entropy_with_logits(x, [0.0, 0.0, 1.0, 1.0]),
    "cross_entropy": lambda x: lg.nn.cross_entropy(x, [3, 0, 1], label_smoothing=0.1),
    "huber_loss": lambda x: lg.nn.huber_loss(x, 0.0),
    "smooth_l1_loss": lambda x: lg.nn.smooth_l1_loss(x, 0.0),
    "hinge_loss": lambda x: lg.nn.hinge_loss(x, -1.0),
    "soft_margin_loss": lambda x: lg.nn.soft_margin_loss(x, -1.0),
    "multi_margin_loss": lambda x: lg.nn.multi_margin_loss(x, [3, 0, 1]),
    "kl_div": lambda x: lg.nn.kl_div(x, [0.0, 0.5, 0.5, 0.0]),
    "cosine_similarity": lambda x: lg.nn.cosine_similarity(x, lg.zeros_like(x)),
    "cosine_embedding_loss": lambda x: lg.nn.cosine_embedding_loss(x, x * 1.0, [1, -1, 1]),
    "triplet_margin_loss": lambda x: lg.nn.triplet_margin_loss(x, x * 1.0, x + 1, eps=0.0),
    "layer_norm of a constant": lambda x: lg.nn.layer_norm(x * 0, 4),
}


@pytest.mark.parametrize("name", LOSSES)
def test_losses_and_two_derivatives_are_finite_for_extreme_inputs(name: str) -> None:
    x = lg.placeholder((3, 4), lg.float32, "x")
    y = LOSSES[name](x)
    slope = lg.grad(lg.sum(y), x)
    curve = lg.grad(lg.sum(slope), x)
    for found in evaluate([y, slope, curve], {x: EXTREME}):
        assert np.isfinite(found).all()


def test_a_query_that_may_see_nothing_gives_zeros_and_no_derivative() -> None:
    q, k, v = (lg.placeholder((N, 3, 2), lg.float64, name) for name in "qkv")
    arrays = [np.random.default_rng(at).normal(size=(2, 3, 2)) for at in range(3)]
    seen = np.array([[True, True, False], [False] * 3, [True] * 3])
    for mask in (seen, np.where(seen, 0.0, -np.inf)):
        y = lg.nn.scaled_dot_product_attention(q, k, v, mask)
        slopes = lg.grad(lg.sum(y * y), [q, k, v])
        found, *rest = evaluate([y, *slopes], dict(zip((q, k, v), arrays)))
        np.testing.assert_array_equal(found[:, 1], 0)
        np.testing.assert_array_equal(rest[0][:, 1], 0)
        assert all(np.isfinite(each).all() for each in rest)
        scores = arrays[0] @ arrays[1].transpose(0, 2, 1) / np.sqrt(2)
        weights = np.where(seen, np.exp(scores), 0)
        weights /= np.where(seen.any(1), weights.sum(-1), 1)[..., None]
        np.testing.assert_allclose(found, weights @ arrays[2], rtol=1e-12)


def test_masks_and_causality_add_up() -> None:
    x = np.random.default_rng(0).normal(size=(1, 4, 2))
    seen = np.array([True, True, False, True])
    both = evaluate(lg.nn.scaled_dot_product_attention(x, x, x, seen, is_causal=True))
    one = evaluate(lg.nn.scaled_dot_product_attention(x, x, x, np.tril(np.ones((4, 4), bool)) & seen))
    np.testing.assert_array_equal(both, one)
    with pytest.raises(lg.DTypeError, match="a mask of bools, or of floats"):
        lg.nn.scaled_dot_product_attention(x, x, x, np.ones((4, 4), int))


def test_attention_of_every_batch_and_length_is_one_graph() -> None:
    m = lg.dim("m")
    x = lg.placeholder((N, m, 6), lg.float32, "x")
    eye = np.eye(6, dtype=np.float32)
    y = lg.nn.multi_head_attention(x, x, x, 3, np.concatenate([eye] * 3), None, eye, is_causal=True)
    assert y.shape == (N, m, 6)
    for shape in ((1, 1, 6), (2, 5, 6), (0, 3, 6)):
        assert evaluate(y, {x: np.ones(shape, np.float32)}).shape == shape


def test_dropout_keeps_the_mean_and_draws_anew_at_every_call() -> None:
    stream = lg.random.Stream(0)
    x = lg.placeholder((N,), lg.float32, "x")
    draw = lg.function([x], lg.nn.dropout(x, 0.25, stream))
    first, second = (draw(np.ones(10_000, np.float32)) for _ in range(2))
    assert set(np.unique(first)) == {0, np.float32(1 / 0.75)}
    assert abs(first.mean() - 1) < 0.03
    assert (first != second).any()
    assert lg.nn.dropout(x, 0.0, stream).value is x.value
    with pytest.raises(ValueError, match="dropout: expected 0 <= p <= 1, found 1.5"):
        lg.nn.dropout(x, 1.5, stream)
    with pytest.raises(ValueError, match="dropout needs `random`"):
        lg.nn.scaled_dot_product_attention(np.ones((2, 2)), np.ones((2, 2)), np.ones((2, 2)), dropout_p=0.1)


def test_ignored_labels_cost_nothing_and_others_are_checked() -> None:
    x = np.random.default_rng(0).normal(size=(4, 3))
    labels = np.array([0, -100, 2, -100])
    found = evaluate(lg.nn.cross_entropy(x, labels, ignore_index=-100))
    np.testing.assert_array_equal(found[[1, 3]], 0)
    np.testing.assert_allclose(found[[0, 2]], evaluate(lg.nn.cross_entropy(x[[0, 2]], [0, 2])), rtol=1e-15)
    with pytest.raises(lg.CheckFailed, match="a label is outside 0 .. 2"):
        evaluate(lg.nn.cross_entropy(x, np.array([0, -100, 3, 1]), ignore_index=-100))
    with pytest.raises(ValueError, match="0 <= label_smoothing <= 1"):
        lg.nn.cross_entropy(x, labels, label_smoothing=2.0)
    with pytest.raises(lg.ShapeError, match="a weight for each of 3 classes"):
        lg.nn.cross_entropy(x, labels, np.ones(4))


def test_norms_of_halves_are_taken_in_float32() -> None:
    x = (np.arange(8) + 300).astype(np.float16).reshape(1, 8)  # squares overflow a half
    expected = evaluate(lg.nn.layer_norm(x.astype(np.float32), 8))
    found = evaluate(lg.nn.layer_norm(x, 8))
    assert found.dtype == np.float16
    np.testing.assert_allclose(found, expected, rtol=1e-3)


def test_positions() -> None:
    table = evaluate(lg.nn.sinusoidal_encoding(5, 6, lg.float64))
    t, i = np.arange(5)[:, None], np.arange(3)
    np.testing.assert_allclose(table[:, ::2], np.sin(t / 10000 ** (2 * i / 6)), atol=1e-12)
    np.testing.assert_allclose(table[:, 1::2], np.cos(t / 10000 ** (2 * i / 6)), atol=1e-12)
    q, k = np.random.default_rng(0).normal(size=(2, 1, 6))
    at = [evaluate(lg.nn.rotary_encoding(q, [p]) @ lg.nn.rotary_encoding(k, [p + 3]).T) for p in (0, 11)]
    np.testing.assert_allclose(at[0], at[1], rtol=1e-9)  # only the distance counts
    np.testing.assert_allclose(evaluate(lg.nn.rotary_encoding(q, [0])), q)
    with pytest.raises(lg.ShapeError, match="even width"):
        lg.nn.rotary_encoding(np.ones((2, 3)))


def test_an_index_out_of_bounds_is_told_as_it_was_given() -> None:
    rows = lg.placeholder((2,), lg.int32, "rows")
    read = lg.function([rows], lg.nn.embedding(rows, np.arange(8.0).reshape(4, 2)))
    np.testing.assert_array_equal(read([-1, -4]), [[6, 7], [0, 1]])
    for wrong in (4, -5, -(2**31), 2**31 - 1):
        with pytest.raises(lg.CheckFailed, match=f"index {wrong} is out of bounds for an axis of extent 4"):
            read([0, wrong])


def test_labels_of_a_margin_loss_are_classes() -> None:
    labels = lg.placeholder((2,), lg.int32, "labels")
    loss = lg.function([labels], lg.nn.multi_margin_loss(np.eye(2, 3), labels))
    np.testing.assert_allclose(loss([0, 1]), [0, 0])
    for wrong in (3, -1):
        with pytest.raises(lg.CheckFailed, match="a label is outside 0 .. 2"):
            loss([0, wrong])
    with pytest.raises(lg.ShapeError, match="labels"):
        lg.nn.multi_margin_loss(np.eye(2, 3), [0, 1, 2])


def test_images_of_symbolic_sizes_are_interpolated_as_those_of_known_ones() -> None:
    n, m = lg.dim("n"), lg.dim("m")
    image, skip = lg.placeholder((2, 1, n, 5), lg.float64, "image"), lg.placeholder((m,), lg.float64, "skip")
    ways: list[tuple[dict[str, Any], Any, Any]] = [
        (dict(mode=mode, align_corners=corners), given, known)
        for mode, corners in (("nearest", False), ("nearest-exact", False), ("bilinear", False), ("bilinear", True))
        for given, known in (
            (dict(scale_factor=(2, 1)), lambda m: dict(scale_factor=(2, 1))),
            (dict(size=(m, 3)), lambda m: dict(size=(m, 3))),
        )
    ]
    made = lg.function([image, skip], [lg.nn.interpolate(image, **given, **options) for options, given, _ in ways])
    for rows, count in ((1, 1), (2, 7), (7, 2)):
        array = np.random.default_rng(0).normal(size=(2, 1, rows, 5))
        found = made(array, np.zeros(count))
        wanted = evaluate([lg.nn.interpolate(array, **known(count), **options) for options, _, known in ways])
        for ours, fixed in zip(found, wanted):
            np.testing.assert_allclose(ours, fixed, rtol=1e-12, atol=1e-14)
    assert made.compilations == 1


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x: lg.nn.interpolate(lg.placeholder((1, 1, lg.dim("n")), x.dtype), scale_factor=1.5), "a whole scale"),
        (lambda x: lg.nn.layer_norm(x, 5), "an input whose last extents are"),
        (lambda x: lg.nn.group_norm(x, 3), "channels in 3 equal groups, found 4"),
        (lambda x: lg.nn.batch_norm(x, np.zeros(3), np.ones(4)), "one number for each of 4 channels, found"),
        (lambda x: lg.nn.instance_norm(x), "an input .n, channels, positions"),
        (lambda x: lg.nn.split_heads(x, 3), "of 3 equal heads"),
        (lambda x: lg.nn.prelu(x, np.ones((2, 2))), "one slope or a vector"),
        (lambda x: lg.nn.glu(x[:, :3]), "an axis of even extent, found 3"),
        (lambda x: lg.nn.pixel_shuffle(x, 2), "channels, height, width"),
        (lambda x: lg.nn.interpolate(x[:, :, None, None, None][..., 0], 3, mode="cubic"), None),
        (lambda x: lg.nn.embedding([0], x[0]), "a weight .count, width."),
        (lambda x: lg.nn.multi_head_attention(x, x, x, 2, np.ones((3, 4)), None, np.ones((4, 4))), "in_proj_weight"),
    ],
)
def test_mistakes_are_told(call: Callable[[lg.Tensor], Any], message: str | None) -> None:
    x = lg.placeholder((2, 4), lg.float32, "x")
    with pytest.raises((lg.ShapeError, ValueError), match=message):
        call(x)

"""lg.nn.conv1d to conv3d and their transposes: layouts, groups, padding, symbolic extents, gradients, errors.

In: the public functions. Out: a sum over windows written with plain NumPy; transposed convolutions are held to be the
adjoints of convolutions, and gradients to finite differences.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import lazygraph as lg

CONVOLUTIONS = {1: lg.nn.conv1d, 2: lg.nn.conv2d, 3: lg.nn.conv3d}
TRANSPOSED = {1: lg.nn.conv_transpose1d, 2: lg.nn.conv_transpose2d, 3: lg.nn.conv_transpose3d}


def windows(x: np.ndarray, weight: np.ndarray, stride: int, padding: int, dilation: int, groups: int) -> np.ndarray:
    """Every window of padded x against the filters of its group."""
    rank = x.ndim - 2
    axes = tuple(range(2, x.ndim))
    padded = np.pad(x, [(0, 0), (0, 0), *[(padding, padding)] * rank])
    reach = tuple([(k - 1) * dilation + 1 for k in weight.shape[2:]])
    seen = np.lib.stride_tricks.sliding_window_view(padded, reach, axes)
    seen = seen[(slice(None), slice(None), *[slice(None, None, stride)] * rank, *[slice(None, None, dilation)] * rank)]
    letters, taps = "hwd"[:rank], "ijk"[:rank]
    parts = [
        np.einsum(f"nc{letters}{taps},oc{taps}->no{letters}", mine, filters)
        for mine, filters in zip(np.split(seen, groups, 1), np.split(weight, groups, 0))
    ]
    return np.concatenate(parts, 1)


PARAMETERS = [(1, 0, 1, 1), (2, 1, 1, 2), (1, 2, 2, 4), (3, 1, 2, 1)]  # stride, padding, dilation, groups


@pytest.mark.parametrize("rank", (1, 2, 3))
def test_a_convolution_is_a_sum_over_windows_and_its_transpose_the_adjoint(rank: int) -> None:
    rng = np.random.default_rng(rank)
    x = rng.standard_normal((2, 4, *(9, 8, 7)[:rank]))
    inputs: list[lg.Tensor] = [lg.placeholder(x.shape, lg.float64, "x")]
    arrays, outputs, expected = [x], [], []
    for stride, padding, dilation, groups in PARAMETERS:
        weight = rng.standard_normal((8, 4 // groups, *(3, 2, 3)[:rank]))
        bias = rng.standard_normal(8)
        plain = windows(x, weight, stride, padding, dilation, groups)
        w, b, u = (
            lg.placeholder(each.shape, lg.float64, f"p{len(inputs) + place}")
            for place, each in enumerate((weight, bias, plain))
        )
        settings = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
        more = [
            (extent + 2 * padding - dilation * (taps - 1) - 1) % stride
            for extent, taps in zip(x.shape[2:], weight.shape[2:])
        ]
        y = CONVOLUTIONS[rank](inputs[0], w, b, **settings)
        back = TRANSPOSED[rank](u, w, output_padding=more, **settings)
        (adjoint,) = lg.vjp(y, [inputs[0]], u)
        assert back.shape == x.shape
        outputs += [y, back - adjoint]
        expected += [plain + bias.reshape(-1, *[1] * rank), np.zeros(x.shape)]
        inputs += [w, b, u]
        arrays += [weight, bias, rng.standard_normal(plain.shape)]
    for found, wanted in zip(lg.function(inputs, outputs)(*arrays), expected, strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-12, atol=1e-12)


def test_channels_may_be_last_and_images_single() -> None:
    rng = np.random.default_rng(4)
    x, weight, bias = rng.standard_normal((2, 6, 7, 4)), rng.standard_normal((6, 2, 3, 3)), rng.standard_normal(6)
    p = lg.placeholder(x.shape, lg.float64, "p")
    settings = {"stride": 2, "padding": ((1, 0), (2, 1)), "groups": 2}
    last = lg.nn.conv2d(p, weight, bias, layout="NHWC", **settings)
    first = lg.permute_dims(lg.nn.conv2d(lg.permute_dims(p, (0, 3, 1, 2)), weight, bias, **settings), (0, 2, 3, 1))
    single = lg.nn.conv2d(p[1], weight, bias, layout="NHWC", **settings)
    alone, moved, one = lg.function([p], [last, first, single])(x)
    np.testing.assert_allclose(alone, moved, rtol=1e-12)
    np.testing.assert_allclose(alone[1], one, rtol=1e-12)


def test_same_keeps_extents_and_valid_pads_nothing() -> None:
    x = lg.placeholder((lg.dim("n"), 2, lg.dim("h"), 9), name="x")
    weight = lg.zeros((3, 2, 4, 3), lg.float32)
    n, _, h, w = x.shape
    assert lg.nn.conv2d(x, weight, padding="same", dilation=2).shape == (n, 3, h, w)
    assert lg.nn.conv2d(x, weight, padding="same").shape == lg.nn.conv2d(x, weight, padding=((1, 2), (1, 1))).shape
    assert lg.nn.conv1d(lg.zeros((1, 1, 9)), lg.zeros((1, 1, 4)), padding="valid").shape == (1, 1, 6)


def test_one_compilation_trains_on_every_number_and_size_of_images() -> None:
    n, h = lg.dim("n"), lg.dim("h", min=1)
    x = lg.placeholder((n, 2, h, h), lg.float64, "x")
    rng = np.random.default_rng(5)
    w = lg.variable(rng.standard_normal((3, 2, 3, 3)), "w")
    b = lg.variable(rng.standard_normal(3), "b")
    loss = lg.sum(lg.nn.relu(lg.nn.conv2d(x, w, b, padding=1, stride=2)) ** 2)
    step = lg.function([x], [loss, *lg.grad(loss, [w, b])])
    for count, size in ((2, 6), (1, 1), (3, 9), (0, 4)):
        images = rng.standard_normal((count, 2, size, size))
        found, dw, db = step(images)

        def at(weight: np.ndarray, bias: np.ndarray, images: np.ndarray = images) -> np.ndarray:
            y = windows(images, weight, 2, 1, 1, 1) + bias[:, None, None]
            return np.sum(np.maximum(y, 0) ** 2)

        np.testing.assert_allclose(found, at(w.numpy(), b.numpy()), rtol=1e-12)
        along, beside, small = rng.standard_normal(dw.shape), rng.standard_normal(db.shape), 1e-6
        ahead, behind = (at(w.numpy() + s * along, b.numpy() + s * beside) for s in (small, -small))
        np.testing.assert_allclose(np.vdot(dw, along) + np.vdot(db, beside), (ahead - behind) / (2 * small), rtol=1e-6)
    assert step.compilations == 1


def test_bias_and_activation_are_part_of_the_convolution() -> None:
    x = lg.placeholder((lg.dim("n"), 4, 12, 12), name="x")
    w, b = lg.placeholder((8, 4, 3, 3), name="w"), lg.placeholder((8,), name="b")
    for layout, shape in (("NCHW", x), ("NHWC", lg.placeholder((lg.dim("n"), 12, 12, 4), name="x"))):
        y = lg.nn.relu(lg.nn.conv2d(shape, w, b, padding=1, layout=layout))
        loops = lg.function([shape, w, b], y).ir("loops")
        assert loops.count("contract ") == 1 and "kernel " not in loops, loops


def test_vmap_of_a_convolution_is_a_loop() -> None:
    rng = np.random.default_rng(6)
    x, w = rng.standard_normal((5, 2, 4, 7)), rng.standard_normal((5, 6, 2, 3))
    p, q = lg.placeholder(x.shape, lg.float64, "p"), lg.placeholder(w.shape, lg.float64, "q")
    mapped = lg.vmap(lambda images, kernels: lg.nn.conv1d(images, kernels, padding=1, groups=2))(p, q)
    found = lg.function([p, q], mapped)(x, w)
    for one, images, kernels in zip(found, x, w):
        np.testing.assert_allclose(one, windows(images, kernels, 1, 1, 1, 2), rtol=1e-12)


X = lg.placeholder((2, 4, 8, 8), name="x")
W = lg.placeholder((6, 4, 3, 3), name="w")
MISTAKES: list[tuple[Callable[[], lg.Tensor], type[Exception], str]] = [
    (
        lambda: lg.nn.conv2d(X, W[:, :3]),
        lg.ShapeError,
        "expected 4 in the weight, 4 of the images.*found 3",
    ),
    (lambda: lg.nn.conv2d(X, W, groups=3), lg.ShapeError, "4 input channels do not divide into 3 groups"),
    (lambda: lg.nn.conv2d(X, W, groups=4), lg.ShapeError, "6 output channels do not divide into 4 groups"),
    (lambda: lg.nn.conv1d(X, W), lg.ShapeError, r"a tensor \(N, C, L\) or \(C, L\), found \(2, 4, 8, 8\)"),
    (lambda: lg.nn.conv2d(X, W[0]), lg.ShapeError, r"a weight of 4 axes, found \(4, 3, 3\)"),
    (lambda: lg.nn.conv2d(X, W, stride=0), lg.ShapeError, "stride: expected an int >= 1, or 2 of them, found 0"),
    (lambda: lg.nn.conv2d(X, W, padding="full"), lg.ShapeError, 'padding: expected "same", "valid".*found \'full\''),
    (lambda: lg.nn.conv2d(X, W, padding="same", stride=2), lg.ShapeError, "expected a stride of 1"),
    (lambda: lg.nn.conv2d(X, W, padding=(1, 1, 1)), lg.ShapeError, "2 numbers or 2 pairs of numbers"),
    (lambda: lg.nn.conv2d(X, W, layout="NHW"), lg.ShapeError, "a permutation of NCHW, found 'NHW'"),
    (lambda: lg.nn.conv2d(X, W, lg.zeros(5)), lg.ShapeError, r"bias: expected the shape \(6,\), found \(5,\)"),
    (lambda: lg.nn.conv2d(X > 0, W > 0), lg.DTypeError, "use .astype"),
    (lambda: lg.nn.conv_transpose2d(X, W[:4], output_padding=1), lg.ShapeError, "less than stride 1 or dilation 1"),
    (lambda: lg.nn.conv_transpose2d(X, W[:4], padding="same"), lg.ShapeError, "pairs of numbers, found 'same'"),
]


@pytest.mark.parametrize("make, error, sentence", MISTAKES)
def test_a_mistake_names_what_was_expected_and_the_line(
    make: Callable[[], lg.Tensor], error: type[Exception], sentence: str
) -> None:
    with pytest.raises(error, match=sentence) as raised:
        make()
    assert "test_convolution.py" in str(raised.value)

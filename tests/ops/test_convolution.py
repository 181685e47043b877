"""Convolution against its formula: every stride, padding and dilation, symbolic extents, both gradients, second order.

In: records, the interpreter and machine code. Out: sums written with plain loops over indices, which share nothing with
the reference's arrays; the gradients are the adjoints of the formula.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import pytest

import lazygraph.compiler.ops  # noqa: F401  (importing the families fills the table)
from lazygraph.compiler.ir import dims
from lazygraph.compiler.ir.dims import Extent
from lazygraph.compiler.ir.errors import DTypeError, ShapeError
from lazygraph.compiler.ir.graph import Graph, Value
from lazygraph.compiler.ir.interpret import interpret
from lazygraph.compiler.loop.ir import Contraction
from lazygraph.compiler.ops.compose import emit
from lazygraph.compiler.ops.leaf import new_parameter
from lazygraph.compiler.pipeline import compile_graph
from lazygraph.runtime.dtypes import DType, float16, float32, float64, int32
from tests.ops.harness import pushed_forward
from tests.ops.native import THREADS, compiled, options, run

N = dims.symbol("n")
M = dims.symbol("m")
Amounts = tuple[int, int, int, int, int]  # stride, low, high, input dilation, kernel dilation

ATTRIBUTES = [
    each
    for each in itertools.product((1, 2, 3), (-1, 0, 2), (-2, 0, 1), (1, 2), (1, 2))
    if each[0] != 3 or each[3] == each[4]
]
EXTENTS = [(0, 2), (1, 1), (5, 0), (5, 2), (6, 3), (2, 4)]


def attributes(amounts: Amounts, rank: int = 1, dtype: DType = float64) -> dict[str, object]:
    names = ("strides", "low", "high", "input_dilation", "kernel_dilation")
    return {**{name: (amount,) * rank for name, amount in zip(names, amounts)}, "accumulate": dtype}


def terms(x: int, taps: int, amounts: Amounts) -> tuple[int, list[tuple[int, int, int]]]:
    """The extent of y, and every (p, i, k) for which x[i] * w[k] is a term of y[p]."""
    stride, low, high, spread, gap = amounts
    length = max((x - 1) * spread + 1, 0) + low + high
    reach = max((taps - 1) * gap + 1, 0)
    count = max((length - reach) // stride + 1, 0)
    at = {i * spread: i for i in range(x)}
    places = ((p, at.get(p * stride + k * gap - low), k) for p in range(count) for k in range(taps))
    return count, [(p, i, k) for p, i, k in places if i is not None]


def transposes(y: Value, ct: Value) -> list[Value]:
    """The cotangents of images and kernels."""
    found = [y.node.op.transpose(y.node, (ct,), mask) for mask in ((True, False), (False, True))]
    images, kernels = found[0][0], found[1][1]
    assert images is not None and kernels is not None
    return [images, kernels]


@pytest.mark.parametrize("extents", EXTENTS)
def test_every_stride_padding_and_dilation_is_the_formula_and_its_adjoints(extents: tuple[int, int]) -> None:
    rng = np.random.default_rng(extents)
    length, taps = extents
    x, w = new_parameter("x", float64, (2, 2, 3, length)), new_parameter("w", float64, (2, 4, 3, taps))
    images, kernels = rng.standard_normal((2, 2, 3, length)), rng.standard_normal((2, 4, 3, taps))
    outputs: list[Value] = []
    expected: list[np.ndarray] = []
    cotangents: list[tuple[Value, np.ndarray]] = []
    for amounts in ATTRIBUTES:
        y = emit("conv_general", x, w, **attributes(amounts))
        count, sums = terms(length, taps, amounts)
        u = rng.standard_normal((2, 2, 4, count))
        cotangents.append((new_parameter(f"u{len(cotangents)}", float64, u.shape), u))
        plain, dx, dw = np.zeros(u.shape), np.zeros(images.shape), np.zeros(kernels.shape)
        for p, i, k in sums:
            plain[..., p] += np.einsum("gnc,goc->gno", images[..., i], kernels[..., k])
            dx[..., i] += np.einsum("gno,goc->gnc", u[..., p], kernels[..., k])
            dw[..., k] += np.einsum("gno,gnc->goc", u[..., p], images[..., i])
        outputs += [y, *transposes(y, cotangents[-1][0])]
        expected += [plain, dx, dw]
        assert [each.shape for each in outputs[-3:]] == [each.shape for each in expected[-3:]], amounts
    graph = Graph("sweep", (x, w, *[value for value, _ in cotangents]), tuple(outputs))
    for found, wanted in zip(interpret(graph, [images, kernels, *[u for _, u in cotangents]]).outputs, expected):
        np.testing.assert_allclose(found, wanted, rtol=1e-12, atol=1e-12)


def test_compiled_code_agrees_along_two_axes_at_once() -> None:
    """Some of the attributes, and their transposes, in one function; the references are held to the formula above."""
    rng = np.random.default_rng(1)
    chosen = [ATTRIBUTES[each] for each in rng.choice(len(ATTRIBUTES), (6, 2)).ravel()]
    pairs = list(zip(chosen[::2], chosen[1::2]))
    x, w = new_parameter("x", float64, (2, 2, 3, 9, 6)), new_parameter("w", float64, (2, 5, 3, 3, 2))
    names = ("strides", "low", "high", "input_dilation", "kernel_dilation")
    outputs = []
    for pair in pairs:
        y = emit("conv_general", x, w, **dict(zip(names, zip(*pair))), accumulate=float64)
        outputs += [y, *transposes(y, emit("mul", y, y))]
    graph = Graph("pairs", (x, w), tuple(outputs))
    arrays = [rng.standard_normal((2, 2, 3, 9, 6)), rng.standard_normal((2, 5, 3, 3, 2))]
    for found, wanted in zip(run(compiled(graph), arrays, THREADS), interpret(graph, arrays).outputs):
        np.testing.assert_allclose(found, wanted, rtol=1e-11, atol=1e-11)


SYMBOLIC: dict[str, Callable[[Extent], dict[str, object]]] = {
    "same": lambda n: attributes((1, 1, 1, 1, 1), 2),
    "valid": lambda n: attributes((1, 0, 0, 1, 1), 2),
    "strided": lambda n: attributes((2, 1, 1, 1, 1), 2),
    "remainder": lambda n: attributes((3, 2, -1, 1, 2), 2),
    "spread": lambda n: attributes((1, 2, 1, 3, 1), 2),
    "padded_by_n": lambda n: {**attributes((2, 0, 0, 1, 1), 2), "low": (n, 0), "high": (1, n)},
}


def with_gradients(n: Extent, height: Extent, name: str) -> Graph:
    """y over (n images of height x 6), both gradients of the sum of its cubes, and its second derivative along x, w."""
    x, w = new_parameter("x", float64, (1, n, 2, height, 6)), new_parameter("w", float64, (1, 3, 2, 3, 2))
    y = emit("conv_general", x, w, **SYMBOLIC[name](height))
    first = transposes(y, emit("mul", y, y))
    tangents = pushed_forward(first, {x: x, w: w})
    return Graph(name, (x, w), (y, *first, *[each for each in tangents if each is not None]))


@pytest.mark.parametrize("name", SYMBOLIC)
def test_one_compilation_serves_every_size_with_the_bits_of_fixed_ones(name: str) -> None:
    graph = with_gradients(N, M, name)
    artifact = compiled(graph)
    rng = np.random.default_rng(2)
    for n, height in ((2, 0), (0, 4), (1, 1), (2, 2), (3, 8), (1, 41)):
        arrays = [rng.standard_normal((1, n, 2, height, 6)), rng.standard_normal((1, 3, 2, 3, 2))]
        found = run(artifact, arrays, 1)
        for one, two in zip(found, run(artifact, arrays, THREADS), strict=True):
            assert one.tobytes() == two.tobytes()
        for mine, wanted in zip(found, interpret(graph, arrays).outputs, strict=True):
            np.testing.assert_allclose(mine, wanted, rtol=1e-11, atol=1e-11 * np.max(np.abs(wanted), initial=1))
        if (n, height) == (3, 8) and name in ("same", "strided", "remainder"):  # a fixed extent of 8 is 2 phases of 4
            for mine, fixed in zip(found, run(compiled(with_gradients(n, height, name)), arrays, 1), strict=True):
                assert mine.tobytes() == fixed.tobytes()


def test_second_derivatives_follow_from_bilinearity() -> None:
    """y is bilinear: its derivative along (x, w) at (x, w) is 2y, and the one of that is 4y."""
    graph_inputs = new_parameter("x", float64, (1, 2, 3, 6)), new_parameter("w", float64, (1, 4, 3, 3))
    along = dict(zip(graph_inputs, graph_inputs))
    y = emit("conv_general", *graph_inputs, **attributes((2, 1, 1, 1, 1)))
    (first,) = pushed_forward([y], along)
    assert first is not None
    (second,) = pushed_forward([first], along)
    assert second is not None
    rng = np.random.default_rng(3)
    arrays = [rng.standard_normal(each.shape) for each in graph_inputs]  # type: ignore[arg-type]
    found = interpret(Graph("twice", graph_inputs, (y, first, second)), arrays).outputs
    np.testing.assert_allclose(found[1], 2 * found[0], rtol=1e-12)
    np.testing.assert_allclose(found[2], 4 * found[0], rtol=1e-12)


@pytest.mark.parametrize("spread, low, taps", [(2, 0, 3), (2, 1, 4), (3, 2, 2), (3, -1, 1), (2, 3, 1)])
def test_spread_images_are_split_into_phases(spread: int, low: int, taps: int) -> None:
    """A result whose extent divides by the spread: each phase meets its own taps, some of them none."""
    length = 5
    room = (length - 1) * spread + 1 + low - taps + 1
    high = (-room) % spread
    x, w = new_parameter("x", float64, (2, 3, 4, length)), new_parameter("w", float64, (2, 5, 4, taps))
    y = emit("conv_general", x, w, **attributes((1, low, high, spread, 1)))
    assert dims.divides(spread, y.shape[3])
    rng = np.random.default_rng(spread)
    arrays = [rng.standard_normal(each.shape) for each in (x, w)]  # type: ignore[arg-type]
    compilation = compile_graph(Graph("phases", (x, w), (y,)), options())
    (kernel,) = compilation.program.kernels
    assert isinstance(kernel, Contraction) and kernel.batch[1].extent == spread
    _, sums = terms(length, taps, (1, low, high, spread, 1))
    expected = np.zeros(y.shape)  # type: ignore[arg-type]
    for p, i, k in sums:
        expected[..., p] += np.einsum("gnc,goc->gno", arrays[0][..., i], arrays[1][..., k])
    for threads in (1, THREADS):
        (found,) = run(compiled(compilation.graph), arrays, threads)
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)


def test_a_kernel_of_one_tap_is_a_dot() -> None:
    x, w = new_parameter("x", float32, (1, 3, 5, 6, 7)), new_parameter("w", float32, (1, 4, 5, 1, 1))
    y = emit("conv_general", x, w, **attributes((1, 0, 0, 1, 1), 2, float32))
    rng = np.random.default_rng(4)
    arrays = [rng.standard_normal(each.shape).astype(np.float32) for each in (x, w)]  # type: ignore[arg-type]
    (found,) = run(compiled(Graph("pointwise", (x, w), (y,))), arrays, 1)
    np.testing.assert_allclose(found, np.einsum("gnchw,gocij->gnohw", *arrays), rtol=1e-4, atol=1e-5)


def test_halves_accumulate_in_float32_and_round_once() -> None:
    """2048 ones: float16 cannot count past 2048 in steps of 1."""
    x, w = new_parameter("x", float16, (1, 1, 1, 3000)), new_parameter("w", float16, (1, 1, 1, 2500))
    y = emit("conv_general", x, w, **attributes((1, 0, 0, 1, 1), 1, float32))
    arrays = [np.ones(each.shape, np.float16) for each in (x, w)]  # type: ignore[arg-type]
    (found,) = run(compiled(Graph("count", (x, w), (y,))), arrays, 1)
    np.testing.assert_array_equal(found, np.full((1, 1, 1, 501), 2500, np.float16))


def some(*shape: Extent) -> Value:
    return new_parameter("x", float32, shape)


def conv(x: Value, w: Value, **changed: object) -> Value:
    return emit("conv_general", x, w, **{**attributes((1, 0, 0, 1, 1), 1, float32), **changed})


MISTAKES: list[tuple[Callable[[], Value], type[Exception], str]] = [
    (lambda: conv(some(1, 2, 3, 9), some(1, 2, 4, 3)), ShapeError, "axis 2, channels.*equal extents, found 3 and 4"),
    (lambda: conv(some(2, 2, 3, 9), some(1, 2, 3, 3)), ShapeError, "axis 0, groups.*found 2 and 1"),
    (lambda: conv(some(1, 2, N, 9), some(1, 2, M, 3)), ShapeError, "whether n equals m is not known"),
    (lambda: conv(some(1, 2, 3, 9), some(1, 2, 3)), ShapeError, r"\*spatial.*found 4 and 3 axes"),
    (lambda: conv(some(1, 2, 3), some(1, 2, 3)), ShapeError, "found 3 and 3 axes"),
    (lambda: conv(some(1, 2, 3, 9), some(1, 2, 3, 3), strides=(0,)), ShapeError, "spatial axis 0.*>= 1, found 0"),
    (lambda: conv(some(1, 2, 3, 9), some(1, 2, 3, 3), low=(1, 1)), ShapeError, "low: expected a tuple of 1 extents"),
    (lambda: conv(some(1, 2, 3, 9), some(1, 2, 3, 3), accumulate=int32), DTypeError, "accumulate: expected float32"),
]


@pytest.mark.parametrize("make, error, sentence", MISTAKES)
def test_a_mistake_is_an_error_that_names_what_was_found(
    make: Callable[[], Value], error: type[Exception], sentence: str
) -> None:
    with pytest.raises(error, match=sentence):
        make()

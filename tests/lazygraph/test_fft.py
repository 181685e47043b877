"""`lg.fft` is NumPy's: values, dtypes, lengths, axes, norms, mistakes; derivatives; any length, symbolic too."""

import inspect
from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest
import scipy.fft

import lazygraph as lg
from lazygraph.runtime.dtypes import DType
from tests.lazygraph.evaluation import evaluate
from tests.lazygraph.numpy_calls import Call, call, identifier

RNG = np.random.default_rng(7)
REAL = RNG.standard_normal((3, 4, 6))
COMPLEX = REAL + 1j * RNG.standard_normal((3, 4, 6))
LINE = COMPLEX[0, 0]
ONE_AXIS = ("fft", "ifft", "rfft", "irfft", "hfft", "ihfft")
SEVERAL = ("fftn", "ifftn", "rfftn", "irfftn")
TWO = ("fft2", "ifft2", "rfft2", "irfft2")
NORMS = ("backward", "ortho", "forward", None)


def taken(name: str) -> np.ndarray:
    """Real numbers for what refuses complex ones."""
    return REAL if name.startswith(("rfft", "ihfft")) else COMPLEX


CALLS: list[Call] = [
    *[call(name, taken(name), n, axis, norm) for name in ONE_AXIS
      for n, axis, norm in ((None, -1, None), (3, 0, "ortho"), (5, 1, "forward"), (9, -2, "backward"), (1, 2, None))],
    *[call(name, taken(name), **keywords) for name in SEVERAL
      for keywords in ({}, {"s": (5, 3)}, {"axes": (0, 2)}, {"axes": (1,), "norm": "ortho"}, {"axes": (2, 0, 2)},
                       {"s": (2, -1, 7), "axes": (2, 1, 0), "norm": "forward"})],
    *[call(name, taken(name), **keywords) for name in TWO for keywords in ({}, {"s": (3, 4), "axes": (0, 1)})],
    *[call(name, [1, 2, 3, 4]) for name in (*ONE_AXIS, *SEVERAL)],
    *[call(name, np.arange(5).astype(dtype)) for name in ONE_AXIS for dtype in ("float32", "int8", "bool")],
    *[call(name, LINE.astype(np.complex64)) for name in ("fft", "ifft", "irfft", "hfft")],
    *[call("fftfreq", n, *d) for n in (1, 4, 5) for d in ((), (0.3,))],
    *[call("rfftfreq", n, *d) for n in (1, 4, 5) for d in ((), (0.3,))],
    *[call(name, x, *axes) for name in ("fftshift", "ifftshift")
      for x, axes in ((REAL, ()), (REAL, (1,)), (REAL, ((0, -1),)), (np.arange(5), ()), (np.zeros((0, 3)), ()))],
]  # fmt: skip


@pytest.mark.filterwarnings("ignore:`axes` should not be `None`")
@pytest.mark.parametrize("each", CALLS, ids=identifier)
def test_a_call_gives_what_numpys_gives(each: Call) -> None:
    name, args, keywords = each
    expected = getattr(np.fft, name)(*args, **keywords)
    found = evaluate(getattr(lg.fft, name)(*args, **keywords))
    assert found.dtype == expected.dtype
    assert found.shape == expected.shape
    narrow = expected.dtype.itemsize * (1 if expected.dtype.kind == "f" else 0.5) < 8
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5 if narrow else 1e-13)


def test_all_names_of_numpy_are_there() -> None:
    names = [name for name in dir(np.fft) if not name.startswith("_") and callable(getattr(np.fft, name))]
    assert sorted(lg.fft.__all__) == sorted(name for name in names if name != "test")


SIGNATURES = {
    **dict.fromkeys(ONE_AXIS, "x, /, *, n=None, axis=-1, norm='backward'"),
    **dict.fromkeys(SEVERAL, "x, /, *, s=None, axes=None, norm='backward'"),
    **dict.fromkeys(("fftfreq", "rfftfreq"), "n, /, *, d=1.0, dtype=None, device=None"),
    **dict.fromkeys(("fftshift", "ifftshift"), "x, /, *, axes=None"),
}


@pytest.mark.parametrize("name", SIGNATURES)
def test_the_signature_takes_what_the_standards_takes(name: str) -> None:
    """With the standard's names and defaults; it may take more by place."""
    ours = inspect.signature(getattr(lg.fft, name)).parameters
    standard = inspect.signature(eval(f"lambda {SIGNATURES[name]}: 0")).parameters  # noqa: S307
    by_name = [each for each in standard.values() if each.kind is each.KEYWORD_ONLY]
    assert {each.name: each.default for each in by_name}.items() <= {n: p.default for n, p in ours.items()}.items()


MISTAKES = [
    (lambda: lg.fft.fft(LINE, 0), ValueError, "at least 1 point, found 0"),
    (lambda: lg.fft.fft(np.zeros((3, 0))), ValueError, "at least 1 point, found 0"),
    (lambda: lg.fft.irfft([1.0]), ValueError, "at least 1 point, found 0"),
    (lambda: lg.fft.fft(LINE, norm="both"), ValueError, "norm: expected one of backward, ortho, forward, found 'both'"),
    (lambda: lg.fft.fft(LINE, axis=1), lg.ShapeError, "axis 1 is out of bounds for rank 1"),
    (lambda: lg.fft.fft(3.0), lg.ShapeError, "axis -1 is out of bounds for rank 0"),
    (lambda: lg.fft.rfft(LINE), lg.DTypeError, r"expected real numbers, found c128\[6\]"),
    (lambda: lg.fft.ihfft(LINE), lg.DTypeError, "expected real numbers"),
    (lambda: lg.fft.fftn(LINE, s=(2, 3)), ValueError, "s: expected at most 1 lengths, found 2"),
    (lambda: lg.fft.fftn(COMPLEX, s=(2, 3), axes=(0,)), ValueError, "s: expected 1 lengths, one for each axis"),
    (lambda: lg.fft.rfftn(REAL, axes=()), ValueError, "axes: expected at least one axis"),
    (lambda: lg.fft.irfftn(REAL, axes=()), ValueError, "axes: expected at least one axis"),
    (lambda: lg.fft.fft(LINE, 2.5), TypeError, "an extent is an int or a dim"),
    (lambda: lg.fft.fftfreq(0), ValueError, "at least 1 point"),
    (lambda: lg.fft.fftfreq(4, dtype=lg.int32), lg.DTypeError, "real floating-point dtype, found int32"),
]


@pytest.mark.parametrize("make, error, sentence", MISTAKES)
def test_a_mistake_is_a_sentence(make: Any, error: type[Exception], sentence: str) -> None:
    with pytest.raises(error, match=sentence):
        make()


def test_half_types_are_transformed_in_float32() -> None:
    for dtype in (lg.float16, lg.bfloat16):
        x = lg.constant(REAL[0, 0]).astype(dtype)
        assert lg.fft.fft(x).dtype == lg.fft.rfft(x).dtype == lg.complex64
        assert lg.fft.irfft(x).dtype == lg.float32
    assert lg.fft.fftfreq(4, dtype=lg.float32).dtype == lg.float32


# --- compiled ---------------------------------------------------------------------------------------------------------

# stages of every radix, alone and with others; convolutions; blocks of columns, whole and not; few points, many lines
SHAPES: list[tuple[tuple[int, ...], int]] = [
    *[((n,), 0) for n in (2, 3, 4, 5, 7, 8, 11, 13, 16, 30, 64, 120, 143, 210, 1001, 1024, 4096)],
    *[((n,), 0) for n in (17, 34, 38, 97, 1009)],
    ((2, 36), 1), ((5, 8), 1), ((1030, 3), 0), ((27, 48), 0), ((300, 80), 0), ((12, 1009), 0), ((2, 38, 5), 1),
    ((2, 400, 50), 1), ((3, 7, 0), 1), ((40, 12), 1), ((2, 16, 30), 2),
]  # fmt: skip


def error(found: np.ndarray, exact: np.ndarray) -> float:
    """In the norm of all elements."""
    return float(np.linalg.norm((found - exact).ravel()) / max(1e-300, float(np.linalg.norm(exact.ravel()))))


def test_compiled_transforms_are_as_accurate_as_numpys_on_any_number_of_threads() -> None:
    """In both dtypes and directions, against extended precision."""
    shapes = [(*each, (np.complex128, np.complex64)[place % 5 == 3]) for place, each in enumerate(SHAPES)]
    arrays = [(RNG.standard_normal((*s, 2)) @ [1, 1j]).astype(dtype) for s, _, dtype in shapes]
    xs = [lg.placeholder(each.shape, each.dtype, f"x{place}") for place, each in enumerate(arrays)]
    pairs = [(("fft", "ifft")[place % 2], x, axis) for place, (x, (_, axis, _)) in enumerate(zip(xs, shapes))]
    outputs = [getattr(lg.fft, name)(x, axis=axis) for name, x, axis in pairs]
    one, two = (lg.function(xs, outputs, threads=threads)(*arrays) for threads in (1, 2))
    given = dict(zip(xs, arrays))
    for (name, x, axis), found, again in zip(pairs, one, two):
        assert found.tobytes() == again.tobytes()
        exact = getattr(np.fft, name)(given[x].astype(np.clongdouble), axis=axis)
        numpys = getattr(np.fft, name)(given[x], axis=axis)
        assert found.dtype == numpys.dtype
        assert error(found, exact) <= 2 * error(numpys, exact) + np.finfo(found.dtype).eps / 4, (name, x.shape, axis)


def worst(lengths: Iterable[int], dtype: DType) -> tuple[float, float]:
    """The greatest error of ours and of NumPy's over these lengths, by one compilation."""
    x = lg.placeholder((lg.dim("n"),), dtype, "x")
    transform = lg.function([x], lg.fft.fft(x))
    ours, numpys = [], []
    for n in lengths:
        points = (RNG.standard_normal((n, 2)) @ [1, 1j]).astype(dtype.numpy)
        exact = np.fft.fft(points.astype(np.clongdouble))
        ours.append(error(transform(points), exact))
        numpys.append(error(np.fft.fft(points), exact))
    assert transform.compilations == 1
    return max(ours), max(numpys)


FEW = (*range(1, 40), 49, 64, 121, 128, 169, 256, 343, 509, 625, 1000, 1001, 1024, 2187, 3125, 4093, 4096, 4099)


def test_a_symbolic_length_is_any_length() -> None:
    ours, numpys = worst(FEW, lg.complex128)
    assert ours <= numpys


@pytest.mark.slow
@pytest.mark.parametrize("dtype", (lg.complex64, lg.complex128), ids=str)
def test_every_length_to_4099_is_as_accurate_as_numpys(dtype: DType) -> None:
    ours, numpys = worst(range(1, 4100), dtype)
    assert ours <= 1.01 * numpys


@pytest.mark.slow
def test_known_lengths_are_as_accurate_as_numpys() -> None:
    """One of 41 to 4099, each compiled for itself."""
    lengths = range(7, 4100, 41)
    xs = [lg.placeholder((n,), lg.complex128, f"x{n}") for n in lengths]
    points = [RNG.standard_normal((n, 2)) @ [1, 1j] for n in lengths]
    found = lg.function(xs, [lg.fft.fft(x) for x in xs])(*points)
    exact = [np.fft.fft(each.astype(np.clongdouble)) for each in points]
    assert max(map(error, found, exact)) <= max(error(np.fft.fft(a), y) for a, y in zip(points, exact))


def test_real_transforms_are_as_accurate_as_numpys() -> None:
    """Known lengths, even and odd, of whole and half precision, along any axis; those of symbolic length."""
    n = lg.dim("n", min=2)
    cases = [
        (name, RNG.standard_normal(shape).astype(dtype), axis)
        for shape, axis in (((1000,), 0), ((3, 63), 1), ((16, 20), 0))
        for name, dtype in (("rfft", np.float64), ("rfft", np.float32), ("irfft", np.complex128), ("ihfft", np.float64))
    ]
    cases.append(("hfft", (RNG.standard_normal((33, 2)) @ [1, 1j]).astype(np.complex64), 0))
    xs = [lg.placeholder(array.shape, array.dtype, f"x{place}") for place, (_, array, _) in enumerate(cases)]
    outputs = [getattr(lg.fft, name)(x, axis=axis) for x, (name, _, axis) in zip(xs, cases)]
    line, half = lg.placeholder((n,), lg.float64, "line"), lg.placeholder((n,), lg.complex128, "half")
    outputs += [lg.fft.rfft(line), lg.fft.irfft(half), lg.fft.irfft(half, 2 * n - 1)]
    points = RNG.standard_normal((18, 2)) @ [1, 1j]
    *found, forward, even, odd = lg.function([*xs, line, half], outputs)(
        *[array for _, array, _ in cases], points.real.copy(), points
    )
    for result, (name, array, axis) in zip(found, cases):
        wide = np.clongdouble if array.dtype.kind == "c" else np.longdouble
        exact, numpys = (getattr(np.fft, name)(each, axis=axis) for each in (array.astype(wide), array))
        assert result.dtype == numpys.dtype
        assert error(result, exact) <= 2 * error(numpys, exact) + np.finfo(result.dtype).eps, name
    np.testing.assert_allclose(forward, np.fft.rfft(points.real), atol=1e-14)
    np.testing.assert_allclose(even, np.fft.irfft(points), atol=1e-14)
    np.testing.assert_allclose(odd, np.fft.irfft(points, 35), atol=1e-14)


def test_a_symbolic_length_of_none_gives_nothing() -> None:
    n = lg.dim("n")
    x = lg.placeholder((n, 3), lg.complex128, "x")
    transform = lg.function([x], [lg.fft.fft(x, axis=0), lg.fft.fft(x, axis=1)])
    assert [each.shape for each in transform(np.zeros((0, 3)))] == [(0, 3), (0, 3)]
    rows = RNG.standard_normal((5, 3)) + 0j
    for found, axis in zip(transform(rows), (0, 1)):
        np.testing.assert_allclose(found, np.fft.fft(rows, axis=axis), atol=1e-14)
    with pytest.raises(lg.ShapeError, match=r'declare lg.dim\("n", min=1\)'):
        lg.fft.rfft(lg.placeholder((n,), lg.float64, "line"))


def test_a_real_transform_of_symbolic_length_asks_for_one_point_and_no_more() -> None:
    x = lg.placeholder((lg.dim("n", min=1),), lg.float64, "x")
    transform = lg.function([x], lg.fft.rfft(x))
    for count in (1, 2, 5):
        np.testing.assert_allclose(transform(LINE[:count].real), np.fft.rfft(LINE[:count].real), atol=1e-14)


def test_lengths_of_many_axes_are_those_of_scipy() -> None:
    found = lg.function([], [lg.fft.fftn(COMPLEX), lg.fft.irfftn(COMPLEX, (4, 5, 9)), lg.fft.rfft2(REAL)])()
    expected = [scipy.fft.fftn(COMPLEX), scipy.fft.irfftn(COMPLEX, (4, 5, 9)), scipy.fft.rfft2(REAL)]
    for ours, theirs in zip(found, expected):
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-13)


# --- derivatives ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", (*ONE_AXIS, *SEVERAL))
def test_a_transform_is_its_own_derivative_and_the_gradient_its_adjoint(name: str) -> None:
    """J v = f(v); Re<u, f(v)> = Re<J^T u, v> with pairs that are not conjugated, for every norm."""
    transform = getattr(lg.fft, name)
    x = lg.placeholder((3, 6), taken(name).dtype, "x")
    v = lg.placeholder((3, 6), taken(name).dtype, "v")
    for norm in ("backward", "ortho"):
        y = transform(x, norm=norm)
        u = RNG.standard_normal(y.shape) + (1j * RNG.standard_normal(y.shape) if y.dtype.kind == "complex" else 0)
        here, along = taken(name)[0, :3], taken(name)[1, :3]
        tangent, cotangent, value = evaluate(
            [lg.jvp(y, x, v), lg.vjp(y, x, lg.constant(u)), transform(v, norm=norm)], {x: here, v: along}
        )
        np.testing.assert_allclose(tangent, value, atol=1e-12)
        np.testing.assert_allclose(np.sum(u * tangent).real, np.sum(cotangent * along).real, rtol=1e-11)


def test_a_power_spectrum_has_second_derivatives_and_a_batch() -> None:
    """E = sum |rfft(x)|**2 is quadratic: its Hessian times v is its gradient at v; vmap is a loop."""
    rows = lg.placeholder((lg.dim("b"), 8), lg.float64, "rows")

    def energy(x: lg.Tensor) -> lg.Tensor:
        return lg.sum(lg.abs(lg.fft.rfft(x)) ** 2)

    slopes = lg.vmap(lambda x: lg.grad(energy(x), x))(rows)
    curves = lg.vmap(lambda x: lg.jvp(lg.grad(energy(x), x), x, x))(rows)
    points = RNG.standard_normal((3, 8))
    found, curved = lg.function([rows], [slopes, curves])(points)
    spectrum = np.fft.rfft(points)
    weights = np.zeros((3, 8), complex)
    weights[:, :5] = 2 * spectrum
    np.testing.assert_allclose(found, np.fft.ifft(weights, norm="forward").real, atol=1e-12)
    np.testing.assert_allclose(curved, found, atol=1e-12)

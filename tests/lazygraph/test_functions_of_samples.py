"""Calculus on samples, polynomials, products, comparisons and sequences follow NumPy."""

from typing import Any

import numpy as np
import pytest

import lazygraph as lg
from tests.lazygraph.evaluation import evaluate
from tests.lazygraph.numpy_calls import Call, agree, call, check_call, compiled, identifier

RNG = np.random.default_rng(3)
V, W = RNG.normal(size=7), RNG.normal(size=3)
M, T = RNG.normal(size=(4, 5)), RNG.normal(size=(2, 3, 4))
XS = np.cumsum(RNG.uniform(0.5, 2, size=5))
INTS = np.array([3, -1, 4, 1, 5])
AT = np.array([-9.0, 0.0, XS[0], XS[1], XS[3] + 0.1, XS[4], 99.0, np.nan])
ANGLES = np.cumsum(RNG.uniform(-4, 4, size=(3, 9)), 1)

CALCULUS = [
    call("ediff1d", M), call("ediff1d", INTS, [7, 8], 0), call("trapezoid", V), call("trapezoid", M, XS),
    call("trapezoid", M, dx=0.5, axis=0),
    call("trapezoid", M, x=M + 1.0, axis=1), call("trapezoid", INTS),
    call("gradient", V), call("gradient", V, edge_order=2), call("gradient", V, 0.5), call("gradient", M),
    call("gradient", M, 2.0, axis=0),
    call("gradient", M, 2.0, XS), call("gradient", M, XS, axis=1, edge_order=2), call("gradient", T, axis=(0, -1)),
    call("gradient", INTS),
    call("gradient", V.astype(np.float32)), call("gradient", V[:2]),
    call("interp", AT, XS, M[0]), call("interp", AT, XS, M[0], -1.0, 7.0), call("interp", AT[:-1], XS, M[0],
    period=3.0),
    call("interp", 1.5, [1, 2], [10, 20]), call("interp", M, XS[:1], [3.0]),
    call("unwrap", ANGLES), call("unwrap", ANGLES, axis=0), call("unwrap", ANGLES, 5.0),
    call("unwrap", [0, 1, 3, 0, 1], period=4),
    call("unwrap", [0, 2, 0, 4], period=5), call("unwrap", ANGLES, period=2.5),
    *[call(name, a, b, mode) for name in ("convolve", "correlate") for mode in ("full", "same", "valid")
      for a, b in ((V, W), (W, V), (V, W[:2]), (INTS, [1, 2]), (W, W))],
    call("convolve", V, 2.0 * W[:1]), call("correlate", V, W),
]  # fmt: skip
POLYNOMIALS = [
    call("polyval", W, M), call("polyval", [3, 0, 1], 5), call("polyval", [], 2), call("polyadd", W, V),
    call("polysub", V, [1, 2]),
    call("polymul", W, V), call("polymul", [1, 2], [3, -1]), call("polyder", V), call("polyder", V, 3),
    call("polyder", [5]),
    call("polyder", V, 0), call("polyint", V), call("polyint", V, 2, [3.0, 4.0]), call("polyint", [2.0], k=5.0),
    call("poly", W), call("poly", [2.0]),
]  # fmt: skip
PRODUCTS = [
    call("kron", M, W), call("kron", [1, 2], [[1], [3]]), call("kron", T, M), call("kron", 2, W),
    call("cross", W, W[::-1]), call("cross", M[:3].T, M[1:].T), call("cross", T, T[::-1], axis=1),
    call("cross", T, W[:, None], axis=-2),
    call("vdot", M, M[::-1]), call("vdot", INTS, INTS), call("matvec", T, T[:, 0]), call("matvec", M, XS),
    call("vecmat", M[0, :4], M),
    call("vecmat", T[:, :, 0], T),
]  # fmt: skip
NAN, INF = np.nan, np.inf
COMPARISONS = [
    call("isclose", [1.0, INF, -INF, NAN, 0.0, INF], [1.0 + 1e-6, INF, INF, NAN, 1e-9, 1.0]),
    call("isclose", [1.0, NAN], [1.1, NAN], 0.2, equal_nan=True),
    call("isclose", INTS, INTS + [0, 0, 1, 0, 0]), call("isclose", M, M[0]), call("isclose", 1.0, [1.0, 2.0],
    atol=[0.1, 1.5]),
    call("allclose", M, M + 1e-12), call("allclose", M, M[0]), call("allclose", [NAN], [NAN], equal_nan=True),
    call("array_equal", M, M), call("array_equal", M, M[0]), call("array_equal", [1, NAN], [1, NAN]),
    call("array_equal", [1, NAN], [1, NAN], equal_nan=True), call("array_equal", [], []),
    call("array_equal", INTS, INTS, equal_nan=True),
    call("array_equiv", M, M[0]), call("array_equiv", [1, 1], [[1], [1]]), call("array_equiv", M, V),
]  # fmt: skip
SEQUENCES = [
    call("logspace", 0, 3, 4), call("logspace", -1, 2, 5, False, 2.0), call("logspace", [0, 1], [2, 3], 3, axis=1),
    call("logspace", 0, 2, 3, dtype=int),
    call("geomspace", 1, 1000, 4), call("geomspace", -1.0, -8.0, 4), call("geomspace", 1, 256, 8, endpoint=False),
    call("geomspace", 2.0, 9.0, 1),
    call("lexsort", [INTS % 2, INTS > 2]), call("lexsort", (T[0], np.round(T[1])), 0), call("partition", V, 3),
    call("geomspace", [1.0, 2.0], 32.0, 5, axis=-1), call("geomspace", 4, 1, 3, dtype=int),
    *[call(name, size) for name in ("bartlett", "blackman", "hamming", "hanning") for size in (0, 1, 2, 5, 8)],
]  # fmt: skip
CALLS = [*CALCULUS, *POLYNOMIALS, *PRODUCTS, *COMPARISONS, *SEQUENCES]


@pytest.mark.parametrize("each", CALLS, ids=identifier)
def test_as_in_numpy(each: Call) -> None:
    check_call(each)


def test_machine_code_makes_the_same_of_them() -> None:
    chosen = [each for each in CALLS[::3] if each[1] and isinstance(each[1][0], np.ndarray)]
    assert len(chosen) > 25
    compiled(chosen, lambda arg: isinstance(arg, np.ndarray) and arg.dtype == np.float64)


GRIDS: list[Any] = [
    lambda xp: xp.mgrid[0:3, 1:9:2], lambda xp: xp.mgrid[0:1:5j], lambda xp: xp.mgrid[-1:1:3j, 0:2],
    lambda xp: xp.ogrid[0:2, 3:5],
    lambda xp: xp.ogrid[0:4:2], lambda xp: xp.r_[1:4, 0, [7.5, 8]], lambda xp: xp.r_[0:1:4j],
    lambda xp: xp.r_[M, M[:1]],
    lambda xp: xp.c_[INTS, INTS], lambda xp: xp.c_[M, M[:, :2]], lambda xp: M[xp.s_[1:, ::2]],
    lambda xp: V[xp.index_exp[2:]],
    lambda xp: xp.c_[1:4],
]  # fmt: skip


@pytest.mark.parametrize("grid", GRIDS)
def test_grids_and_joins_of_slices(grid: Any) -> None:
    agree(grid(lg), grid(np))


def test_mistakes_in_brackets() -> None:
    with pytest.raises(TypeError, match="found the directive '0,2': use lg.concat"):
        lg.r_["0,2", [1], [2]]
    with pytest.raises(ValueError, match="a slice with an end"):
        lg.mgrid[1:]
    with pytest.raises(lg.ShapeError, match=r"expected equal ranks, found \(4, 5\), \(7,\)"):
        lg.r_[M, V]


def test_functions_along_axes() -> None:
    for axis in (0, 1, -1):
        for one in (lambda v: v.sum(), lambda v: v[::-1] * 2, lambda v: v[:2, None] * v[None, :3]):
            agree(lg.apply_along_axis(one, axis, T), np.apply_along_axis(one, axis, T))
    agree(lg.apply_along_axis(lambda v, k, b: v * k + b, 0, V, 2.0, b=1.0), V * 2 + 1)
    agree(lg.apply_over_axes(lg.sum, T, (0, 2)), np.apply_over_axes(np.sum, T, (0, 2)))
    agree(lg.apply_over_axes(lg.cumsum, T, 1), np.apply_over_axes(np.cumsum, T, 1))
    agree(lg.vectorize(lambda a, b: a * 2 + b)(M, XS), M * 2 + XS)
    agree(lg.vectorize(lambda a: a + 1)(3), np.int64(4))
    with pytest.raises(lg.ShapeError, match="expected a result of rank 3 or 2 from the function, found"):
        lg.apply_over_axes(lambda x, axis: x.ravel(), T, 0)


def test_symbolic_extents() -> None:
    n = lg.dim("n", min=3)
    x = lg.placeholder((n,), lg.float64, "x")
    cases: list[Any] = [
        (lg.convolve(x, W), lambda a: np.convolve(a, W)), (lg.convolve(x, W, "same"),
        lambda a: np.convolve(a, W, "same")),
        (lg.correlate(x, W), lambda a: np.correlate(a, W)), (lg.trapezoid(x), np.trapezoid), (lg.gradient(x),
        np.gradient),
        (lg.interp(AT[:3], lg.cumsum(lg.abs(x)), x), lambda a: np.interp(AT[:3], np.cumsum(abs(a)), a)),
        (lg.unwrap(x * 3), lambda a: np.unwrap(a * 3)), (lg.hanning(n) * x, lambda a: np.hanning(len(a)) * a),
        (lg.kron(x, W), lambda a: np.kron(a, W)), (lg.geomspace(1, 9, n) * x, lambda a: np.geomspace(1, 9, len(a)) * a),
        (lg.vdot(x, x), lambda a: np.vdot(a, a)), (lg.array_equal(x, x), lambda a: True), (lg.ediff1d(x), np.ediff1d),
    ]  # fmt: skip
    step = lg.function([x], [found for found, _ in cases])
    for size in (3, 8):
        array = RNG.normal(size=size)
        for found, (_, expected) in zip(step(array), cases):
            np.testing.assert_allclose(found, expected(array), rtol=1e-10, atol=1e-12)
    y = lg.placeholder((lg.dim("m"),), lg.float64, "y")
    with pytest.raises(lg.ShapeError, match="which of the extents n and m is greater is not known"):
        lg.convolve(x, y, "valid")


MISTAKES: list[tuple[Any, type[Exception], str]] = [
    (lambda: lg.convolve(M, V), lg.ShapeError, r"expected two vectors, found \(4, 5\) and \(7,\)"),
    (lambda: lg.convolve(V, []), lg.ShapeError, "at least one element"),
    (lambda: lg.convolve(V, W, "half"), ValueError, "found 'half'"),
    (lambda: lg.convolve([True], [True]), lg.DTypeError, "a product of bools is not a sum"),
    (lambda: lg.gradient(V[:1]), lg.ShapeError, "at least 2 elements along axis 0, found 1"),
    (lambda: lg.gradient(V, edge_order=3), ValueError, "expected 1 or 2, found 3"),
    (lambda: lg.gradient(T, 1.0, 2.0), TypeError, "one for each of 3 axes, found 2"),
    (lambda: lg.interp(V, XS, V), lg.ShapeError, r"vectors of one extent, found \(5,\) and \(7,\)"),
    (lambda: lg.interp(V, XS, XS, period=0), ValueError, "other than 0"),
    (lambda: lg.interp(V, [], []), lg.ShapeError, "at least one point"),
    (lambda: lg.cross(V, V), lg.ShapeError, r"vectors of 3 elements along axis -1, found \(7,\)"),
    (lambda: lg.matvec(V, V), lg.ShapeError, "expected matrices and vectors"),
    (lambda: lg.polyval(M, 1), lg.ShapeError, "a vector of known extent"),
    (lambda: lg.partition(V, 9), IndexError, "kth: 9 is out of bounds for an axis of extent 7"),
    (lambda: lg.lexsort([]), lg.ShapeError, "expected keys of one shape"),
    (lambda: lg.polyder(V, -1), ValueError, "a number >= 0, found -1"),
]  # fmt: skip


@pytest.mark.parametrize(("mistake", "error", "message"), MISTAKES)
def test_mistakes_are_sentences(mistake: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        mistake()


def test_sums_of_tensors_that_may_have_equal_shapes() -> None:
    x, y = lg.placeholder((lg.dim("n"),), lg.float64, "x"), lg.placeholder((3,), lg.float64, "y")
    assert evaluate(lg.array_equal(x, y), {x: W, y: W})

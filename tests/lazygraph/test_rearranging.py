"""Joins, borders, diagonals and index grids follow NumPy; so do their derivatives what they say."""

from typing import Any

import numpy as np
import pytest

import lazygraph as lg
from tests.lazygraph.evaluation import evaluate
from tests.lazygraph.numpy_calls import Call, agree, call, check_call, compiled, identifier

RNG = np.random.default_rng(0)
V, M, T = RNG.normal(size=5), RNG.normal(size=(3, 4)), RNG.normal(size=(2, 3, 4))
INTS = np.arange(12).reshape(3, 4)
EMPTY = np.zeros((0, 3))

JOINS = [
    call("atleast_1d", 3.0), call("atleast_2d", V), call("atleast_3d", V), call("atleast_3d", M),
    call("atleast_2d", 1, V),
    call("atleast_3d", 7), call("atleast_1d", T, 2.0),
    call("hstack", [V, V[:2]]), call("hstack", [M, M[:, :1]]), call("hstack", [1.0, 2.0]),
    call("vstack", [V, V]), call("vstack", [M, INTS]), call("vstack", [EMPTY, np.ones(3)]),
    call("dstack", [V, V]), call("dstack", [M, M]), call("dstack", [T, T[:, :, :1]]),
    call("column_stack", [V, V]), call("column_stack", [M[:, 0], M]),
    call("block", [[M, M[:, :1]], [np.ones((1, 5))]]), call("block", [V, 1.0]), call("block", 2.0),
    call("block", [[[T]], [[T]]]), call("block", [[M], [V[:4]]]),
    call("append", M, V), call("append", M, M[:1], 0), call("append", INTS, 0.5),
    call("append", EMPTY, np.ones((2, 3)), axis=0),
    call("rot90", M), call("rot90", M, 2), call("rot90", T, 3, (1, 2)), call("rot90", T, -1, axes=(2, 0)),
    call("rot90", M, 4),
    call("fliplr", M), call("flipud", T), call("flipud", V), call("rollaxis", T, 2), call("rollaxis", T, 0, 3),
    call("rollaxis", T, 1, 2), call("rollaxis", T, -1, 1), call("ravel", T), call("ravel", T, "F"),
    call("resize", V, (2, 4)), call("resize", M, 3), call("resize", EMPTY, (2, 2)), call("resize", M, (0, 2)),
    call("delete", V, 1), call("delete", V, -1), call("delete", M, [0, 2], 1), call("delete", M, slice(None, None, 2),
    0),
    call("delete", M, 5), call("delete", V, np.array([True, False, True, False, False])), call("delete", V, []),
    call("delete", M, [1, 1, -1], axis=-1),
    call("insert", V, 2, 9.0), call("insert", V, -1, [8.0, 9.0]), call("insert", V, [1, 1, 4], [7.0, 8.0, 9.0]),
    call("insert", M, 1, V[:3], 1), call("insert", M, [1], np.ones((3, 1)), 1), call("insert", M, [0, 3], 5, axis=1),
    call("insert", M, 1, np.ones((2, 3)), 1), call("insert", INTS, 3, 1.9), call("insert", M, slice(0, 3, 2),
    0.0, axis=0),
    call("insert", V, 5, 1.0), call("insert", M, [2, 0], V[:4], axis=0), call("insert", V, [], 3.0),
    call("array_split", V, 3), call("array_split", M, 3, 1), call("array_split", V, [1, 3]), call("array_split", V, 7),
    call("array_split", EMPTY, 2), call("hsplit", M, 2), call("hsplit", V, [2]), call("vsplit", T, 2),
    call("dsplit", T, [1, 3]),
]  # fmt: skip
DIAGONALS = [
    *[call("diag", V, k) for k in (0, 2, -1)], *[call("diag", M, k) for k in (0, 1, -1, 3, 4, -3, 9)],
    call("diag", INTS), call("diag", np.zeros(0), 1), call("diagflat", M, -1), call("diagflat", 3),
    *[call("diagonal", T, offset, *axes) for offset in (0, 1, -1, -5) for axes in ((0, 1), (2, 0), (-1, 1))],
    call("diagonal", EMPTY), call("trace", INTS), call("trace", T, 1, 1, 2), call("trace", M > 0), call("trace", EMPTY),
    call("trace", INTS, dtype=np.float32), call("tri", 3), call("tri", 3, 5, 1), call("tri", 4, 2, -1, dtype=int),
    call("identity", 3), call("identity", 2, dtype=np.int8),
    call("vander", V), call("vander", V, 3, increasing=True), call("vander", np.arange(4), 4), call("vander", V, 1),
    call("vander", V, 0), call("vander", np.array([0.0, -0.5])), call("vander", V.astype(np.float32), 3),
    call("tril_indices", 4, 1), call("triu_indices", 3, 1, 5), call("tril_indices_from", M),
    call("triu_indices_from", M, -1),
    call("diag_indices", 3, 3), call("diag_indices_from", np.zeros((4, 4))), call("mask_indices", 3, np.triu, 1),
    call("indices", (2, 3)), call("indices", (2, 3), sparse=True), call("indices", (0, 2), dtype=np.float32),
    call("indices", ()),
    call("ix_", [0, 2], [1, 3, 1]), call("ix_", [True, False, True], [2]),
    call("unravel_index", [0, 5, 22], (2, 3, 4)), call("unravel_index", 7, (3, 4)),
    call("ravel_multi_index", ([1, 0], [2, 1]), (2, 3)),
    call("ravel_multi_index", ([1, 5], [-2, 1]), (2, 3), mode="wrap"),
    call("ravel_multi_index", ([1, 5], [-2, 9]), (2, 3), mode="clip"),
    call("tril", M, k=1), call("triu", T, k=-1),
]  # fmt: skip
WIDTHS: list[Any] = [0, 2, (1, 3), ((0, 2), (3, 0)), ((5,), (9,)), {1: (1, 2)}, {-2: 7}]
PADS = [
    *[call("pad", M, width, mode) for width in WIDTHS
      for mode in ("edge", "reflect", "symmetric", "wrap", "linear_ramp", "maximum", "minimum", "mean", "median")],
    *[call("pad", M, width, mode, reflect_type="odd") for width in WIDTHS for mode in ("reflect", "symmetric")],
    *[call("pad", M, width) for width in WIDTHS],
    call("pad", M, 1, constant_values=3.5), call("pad", M, 1, constant_values=(1, 2)),
    call("pad", INTS, 2, constant_values=((1, 2), (3, 4))),
    call("pad", M, 2, "linear_ramp", end_values=((1, 2), (3, 4))), call("pad", INTS, 3, "linear_ramp", end_values=-4),
    call("pad", M, 2, "mean", stat_length=2), call("pad", M, 2, "maximum", stat_length=((1, 2), (3, 9))),
    call("pad", INTS, 2, "mean", stat_length=(3, 2)), call("pad", INTS, 2, "median"),
    call("pad", INTS, 5, "reflect", reflect_type="odd"),
    call("pad", M + 1j, 2, "mean"), call("pad", M * 1j, 1, "linear_ramp"),
    call("pad", M * 1j, 1, "reflect", reflect_type="odd"),
    call("pad", np.ones((1, 3)), 2, "reflect"), call("pad", np.ones((1, 3)), 2, "symmetric"), call("pad", EMPTY, 2),
    call("pad", EMPTY, ((0, 0), (1, 1)), "edge"), call("pad", T, 1, "wrap"), call("pad", np.float64(3), 0, "edge"),
    call("pad", M.astype(np.float32), 2, "mean"),
]  # fmt: skip


@pytest.mark.parametrize("each", JOINS, ids=identifier)
def test_joins_and_pieces_as_in_numpy(each: Call) -> None:
    check_call(each)


@pytest.mark.parametrize("each", DIAGONALS, ids=identifier)
def test_diagonals_and_grids_as_in_numpy(each: Call) -> None:
    check_call(each)


@pytest.mark.parametrize("each", PADS, ids=identifier)
def test_borders_as_in_numpy(each: Call) -> None:
    check_call(each)


def test_machine_code_makes_the_same_of_them() -> None:
    calls = [each for each in [*JOINS, *DIAGONALS, *PADS][::5] if isinstance(each[1][0], np.ndarray)]
    assert len(calls) > 15
    compiled(calls, lambda arg: isinstance(arg, np.ndarray) and arg.dtype != bool and arg.size > 0)


def test_grids_of_functions() -> None:
    agree(lg.fromfunction(lambda i, j: i * 3 + j, (2, 3)), np.fromfunction(lambda i, j: i * 3 + j, (2, 3)))


def test_symbolic_extents() -> None:
    n = lg.dim("n", min=2)
    x = lg.placeholder((n, 3), lg.float64, "x")
    v = x[:, 0]
    cases = [
        (lg.diag(v, 1), lambda a: np.diag(a[:, 0], 1)), (lg.diagonal(x), np.diagonal), (lg.trace(x), np.trace),
        (lg.tri(n) * v, lambda a: np.tri(len(a)) * a[:, 0]), (lg.vstack([x, x]), lambda a: np.vstack([a, a])),
        (lg.pad(x, ((1, 1), (2, 0)), "edge"), lambda a: np.pad(a, ((1, 1), (2, 0)), "edge")),
        (lg.pad(v, 1, "reflect"), lambda a: np.pad(a[:, 0], 1, "reflect")),
        (lg.pad(v, 2, "symmetric", reflect_type="odd"), lambda a: np.pad(a[:, 0], 2, "symmetric", reflect_type="odd")),
        (lg.pad(v, 2, "wrap"), lambda a: np.pad(a[:, 0], 2, "wrap")),
        (lg.pad(v, 2, "mean"), lambda a: np.pad(a[:, 0], 2, "mean")),
        (lg.delete(x, 1, 0), lambda a: np.delete(a, 1, 0)), (lg.insert(v, 1, 5.0), lambda a: np.insert(a[:, 0],
        1, 5.0)),
        (lg.rot90(x), np.rot90), (lg.append(v, v), lambda a: np.append(a[:, 0], a[:, 0])),
        (lg.vander(v, 3), lambda a: np.vander(a[:, 0], 3)),
        (v[lg.diag_indices(n)[0]], lambda a: a[:, 0]), (lg.resize(x, (2, 2)), lambda a: np.resize(a, (2, 2))),
    ]  # fmt: skip
    step = lg.function([x], [found for found, _ in cases])
    for size in (2, 3, 7):
        array = RNG.normal(size=(size, 3))
        for found, (_, expected) in zip(step(array), cases):
            np.testing.assert_allclose(found, expected(array), rtol=1e-12)
    assert step.compilations == 1
    with pytest.raises(lg.ShapeError, match=r"whether n - 1 elements suffice for a border of 2 is not known"):
        lg.pad(v, 2, "reflect")


MISTAKES: list[tuple[Any, type[Exception], str]] = [
    (lambda: lg.pad(M, -1), lg.ShapeError, "widths are >= 0"),
    (lambda: lg.pad(M, 1, "mirror"), ValueError, "expected one of constant, empty, edge, .*; found 'mirror'"),
    (lambda: lg.pad(EMPTY, 1, "edge"), lg.ShapeError, "needs an element of axis 0, which has none"),
    (lambda: lg.pad(M, ((1, 1), (1, 1), (1, 1))), lg.ShapeError, "each of 2 axes"),
    (lambda: lg.pad(M, {5: 1}), lg.ShapeError, "for some of 2 axes"),
    (lambda: lg.diagonal(V), lg.ShapeError, "at least 2 axes, found \\(5,\\)"),
    (lambda: lg.diagonal(M, 0, 1, 1), lg.ShapeError, "two different axes, found 1 and 1"),
    (lambda: lg.diag(T), lg.ShapeError, "a vector or a matrix"),
    (lambda: lg.block([[1, 2], 3]), lg.ShapeError, "nested alike, found depths"),
    (lambda: lg.block([]), lg.ShapeError, "found an empty list"),
    (lambda: lg.delete(V, 5), IndexError, "index 5 is out of bounds for an axis of extent 5"),
    (lambda: lg.insert(V, 7, 1.0), IndexError, "index 7 is out of bounds"),
    (lambda: lg.array_split(V, 0), ValueError, "a number of pieces >= 1, found 0"),
    (lambda: lg.fliplr(V), lg.ShapeError, "at least 2 axes"),
    (lambda: lg.hsplit(3.0, 1), lg.ShapeError, "at least 1 axes"),
    (lambda: lg.tril_indices_from(T), lg.ShapeError, "expected a matrix of known extents"),
    (lambda: lg.diag_indices_from(M), lg.ShapeError, "axes of one extent, found \\(3, 4\\)"),
    (lambda: lg.ravel(M, "K"), ValueError, 'expected "C" or "F", found \'K\''),
    (lambda: lg.ravel_multi_index(([1],), (2, 3)), lg.ShapeError, "expected indices for 2 axes, found 1"),
    (lambda: lg.rot90(T, 1, (0, 0)), lg.ShapeError, "two different axes"),
]


@pytest.mark.parametrize(("mistake", "error", "message"), MISTAKES)
def test_mistakes_are_sentences(mistake: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        mistake()


def test_an_index_outside_its_axis_fails_the_step() -> None:
    i = lg.placeholder((1,), lg.int64, "i")
    with pytest.raises(lg.CheckFailed, match=r"an index is outside 0 .. 2"):
        evaluate(lg.ravel_multi_index(([1], i), (2, 3)), {i: [3]})


@pytest.mark.parametrize("mode", ["edge", "reflect", "symmetric", "wrap", "linear_ramp", "mean", "maximum", "median"])
def test_derivatives_of_borders(mode: str) -> None:
    """Sum of squares of the padded tensor: its gradient is 2 J^T y, with J from NumPy's own borders."""
    x = lg.placeholder((4,), lg.float64, "x")
    y = lg.pad(x, (3, 5), mode, reflect_type="odd")
    array = np.array([0.3, -1.0, 2.0, 0.7])
    jacobian = evaluate(lg.jacobian(y, x), {x: array})
    step = 1e-6
    for place in range(4):
        moved = [np.pad(array + sign * step * np.eye(4)[place], (3, 5), mode, **odd(mode)) for sign in (1, -1)]
        np.testing.assert_allclose(jacobian[:, place], (moved[0] - moved[1]) / (2 * step), atol=1e-8)


def odd(mode: str) -> dict[str, str]:
    return {"reflect_type": "odd"} if mode in ("reflect", "symmetric") else {}

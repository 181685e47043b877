"""Complex numbers in the records and in loops: branch cuts, special values, quotients at the ends of the range, and
kernels that carry and choose complex numbers.

In: the rules in real scalars, run by the compiled code. Out: the values that C99, Annex G, names, signs of zeros too.
"""

import itertools
from collections.abc import Callable

import numpy as np
import pytest

import lazygraph.compiler.ops  # noqa: F401  (importing the families fills the table)
from lazygraph.compiler.codegen.llvm.kernel import emit_kernel
from lazygraph.compiler.codegen.llvm.target import NAMED
from lazygraph.compiler.ir.graph import Graph, Value
from lazygraph.compiler.ir.interpret import interpret
from lazygraph.compiler.ir.parse import parse_graph
from lazygraph.compiler.ir.print import print_graph
from lazygraph.compiler.loop.parse import parse_kernel
from lazygraph.compiler.loop.print import print_kernel
from lazygraph.compiler.loop.split_complex import split_complex
from lazygraph.compiler.loop.verify import verify_kernel
from lazygraph.compiler.ops.complex_math.references import joined
from lazygraph.compiler.ops.record import OPS
from lazygraph.compiler.passes.canonicalize import Canonicalize
from lazygraph.compiler.passes.fold import Fold
from lazygraph.compiler.passes.stability import Stabilize
from lazygraph.runtime.dtypes import complex64, complex128
from tests.ops.harness import stand_in
from tests.ops.native import THREADS, compiled, run

INF, NAN, PI = np.inf, np.nan, np.pi


def computed(function: Callable[..., Value], *arrays: np.ndarray) -> np.ndarray:
    parameters = tuple(stand_in(each, f"x{place}") for place, each in enumerate(arrays))
    graph = Graph("test", parameters, (function(*parameters),))
    return run(compiled(graph), list(arrays), THREADS)[0]


# --- branch cuts: both sides of each, by the sign of a zero -----------------------------------------------------------

# name, a point on the cut, the value above (or to the right of) it; on the other side it is the conjugate of this (for
# cuts along the real axis) or mirrored at the imaginary axis (for cuts along that)
REAL_CUTS = [
    ("sqrt", -4, 2j),
    ("log", -1, PI * 1j),
    ("log1p", -3, complex(np.log(2), PI)),
    ("asin", 2, complex(PI / 2, np.arccosh(2))),
    ("asin", -2, complex(-PI / 2, np.arccosh(2))),
    ("acos", 2, complex(0, -np.arccosh(2))),
    ("acosh", 0.5, complex(0, np.arccos(0.5))),
    ("acosh", -2, complex(np.arccosh(2), PI)),
    ("atanh", 2, complex(np.arctanh(0.5), PI / 2)),
]
IMAGINARY_CUTS = [
    ("asinh", 2j, complex(np.arccosh(2), PI / 2)),
    ("asinh", -2j, complex(np.arccosh(2), -PI / 2)),
    ("atan", 2j, complex(PI / 2, np.arctanh(0.5))),
]


@pytest.mark.parametrize("dtype", (complex64, complex128), ids=str)
def test_a_cut_is_continuous_with_the_side_that_its_zero_names(dtype: object) -> None:
    cases = [(name, complex(at, zero), np.conj(value) if zero is below else value) for name, at, value in REAL_CUTS
             for below in (-0.0,) for zero in (0.0, below)]  # fmt: skip
    cases += [(name, complex(zero, np.imag(at)), complex(np.copysign(value.real, zero), value.imag))
              for name, at, value in IMAGINARY_CUTS for zero in (0.0, -0.0)]  # fmt: skip
    points = joined(*(np.array([part(at) for _, at, _ in cases]) for part in (np.real, np.imag)))
    points = points.astype(dtype.numpy)
    parameter = stand_in(points, "z")
    names = sorted({name for name, *_ in cases})
    graph = Graph("cuts", (parameter,), tuple(OPS[name](parameter) for name in names))
    found = dict(zip(names, run(compiled(graph), [points], 1)))
    for place, (name, at, value) in enumerate(cases):
        np.testing.assert_allclose(found[name][place], value, rtol=2e-6, atol=1e-7, err_msg=f"{name}({at})")


# --- special values ---------------------------------------------------------------------------------------------------

SPECIAL = [
    ("exp", complex(-INF, INF), 0),
    ("exp", complex(-INF, NAN), 0),
    ("exp", complex(INF, 0), complex(INF, 0)),
    ("exp", complex(NAN, 0), complex(NAN, 0)),
    ("exp", complex(INF, NAN), complex(INF, NAN)),
    ("expm1", complex(-INF, 1), -1),
    ("log", 0, complex(-INF, 0)),
    ("log", complex(-0.0, 0), complex(-INF, PI)),
    ("log", complex(-INF, INF), complex(INF, 3 * PI / 4)),
    ("log", complex(NAN, INF), complex(INF, NAN)),
    ("sqrt", complex(NAN, INF), complex(INF, INF)),
    ("sqrt", complex(-INF, 1), complex(0, INF)),
    ("sqrt", complex(-INF, NAN), complex(NAN, INF)),
    ("sinh", complex(0, INF), complex(0, NAN)),
    ("cosh", complex(INF, INF), complex(INF, NAN)),
    ("tanh", complex(INF, 2), 1),
    ("tanh", complex(-INF, NAN), -1),
    ("tanh", complex(1, INF), complex(NAN, NAN)),
    ("acos", complex(-INF, INF), complex(3 * PI / 4, -INF)),
    ("acos", complex(0, NAN), complex(PI / 2, NAN)),
    ("asinh", complex(INF, INF), complex(INF, PI / 4)),
    ("acosh", complex(-INF, INF), complex(INF, 3 * PI / 4)),
    ("atanh", 1, complex(INF, 0)),
    ("atanh", complex(INF, INF), complex(0, PI / 2)),
    ("atanh", complex(NAN, INF), complex(0, PI / 2)),
]


def test_cosh_is_even_and_conjugate_in_the_signs_of_zeros_too() -> None:
    """cosh(+0 + 0i) = 1 + 0i (Annex G), and cosh(conj z) = conj(cosh z) = conj(cosh(-z)); cos z = cosh(iz)."""
    zeros = joined(np.array([0.0, 0.0, -0.0, -0.0]), np.array([0.0, -0.0, 0.0, -0.0]))
    grown = np.signbit(computed(OPS["cosh"], zeros).imag).tolist()
    circular = np.signbit(computed(OPS["cos"], zeros).imag).tolist()
    assert (grown, circular) == ([False, True, True, False], [True, False, False, True])


def test_special_values_are_those_of_annex_g() -> None:
    points = np.array([at for _, at, _ in SPECIAL], np.complex128)
    parameter = stand_in(points, "z")
    names = sorted({name for name, *_ in SPECIAL})
    graph = Graph("special", (parameter,), tuple(OPS[name](parameter) for name in names))
    found = dict(zip(names, run(compiled(graph), [points], 1)))
    for place, (name, at, value) in enumerate(SPECIAL):
        for part in (np.real, np.imag):
            np.testing.assert_allclose(part(found[name][place]), part(value), rtol=1e-15, err_msg=f"{name}({at})")


def test_quotients_reach_the_ends_of_the_range() -> None:
    """Hard cases of M. Baudin, R. L. Smith, 2012, by the greater part; and what is infinite or zero."""
    cases = [
        (1 + 1j, complex(1, 2.0**1023), complex(2.0**-1023, -(2.0**-1023))),
        (1 + 1j, complex(2.0**-1023, 2.0**-1023), complex(2.0**1023, 0)),
        (complex(2.0**1023, 2.0**1023), 1 + 1j, complex(2.0**1023, 0)),
        (complex(2.0**-1070, 0), complex(0, 2.0**-1074), complex(0, -16)),
        (complex(1.5 * 2.0**1023, 0), complex(1.5 * 2.0**1023, 2.0**-1074), 1 + 0j),
        (complex(2.0**-71, 2.0**1021), complex(2.0**1001, 2.0**-323), complex(2.0**-1072, 2.0**20)),
        (complex(1, -2), 0j, complex(INF, -INF)),
        (0j, 0j, complex(NAN, NAN)),
        (1 + 1j, complex(INF, NAN), 0j),
        (complex(INF, 1), 1 + 1j, complex(INF, -INF)),
    ]
    z, w, expected = (np.array(each, np.complex128) for each in zip(*cases))
    found = computed(OPS["div"], z, w)
    for part in (np.real, np.imag):
        np.testing.assert_allclose(part(found), part(expected), rtol=4e-16, atol=5e-324)


# --- rewrites ---------------------------------------------------------------------------------------------------------


def test_rules_of_real_numbers_leave_complex_ones_alone() -> None:
    """log(exp(z)) is z up to 2 pi i, sqrt(z * z) is +-z, and adding 0.0 or multiplying by 1 changes zeros and NaN."""
    z = np.array([4j, -3, complex(-0.0, -0.0), complex(1, INF)], np.complex128)
    parameter = stand_in(z, "z")
    root, sum_of_exps = OPS["sqrt"](parameter * parameter), OPS["log"](OPS["exp"](parameter) + 1.0)
    formulas = (OPS["log"](OPS["exp"](parameter)), root, sum_of_exps, parameter * 1.0, parameter + 0.0, parameter / 1.0)
    graph = Graph("rules", (parameter,), formulas)
    after = graph
    for each in (Canonicalize(), Stabilize(), Fold()):
        after = each(after)
    for before, found in zip(interpret(graph, [z]).outputs, interpret(after, [z]).outputs):
        np.testing.assert_array_equal(before.view(np.float64), found.view(np.float64))


def test_constants_of_complex_numbers_print_and_fold_in_both_parts() -> None:
    value = np.array([complex(-0.0, NAN), complex(1.5, -INF), 1e-45j], np.complex64)
    value.flags.writeable = False
    constant = OPS["constant"](value=value)
    graph = Graph(
        "constants", (), (OPS["neg"](constant), OPS["exp"](constant), OPS["cast"](constant, dtype=complex128))
    )
    assert print_graph(parse_graph(print_graph(graph))) == print_graph(graph)
    folded = Fold()(graph)
    assert [each.node.op.name for each in folded.outputs] == ["constant", "exp", "constant"]
    for before, after in zip(interpret(graph, []).outputs, interpret(folded, []).outputs):
        assert before.tobytes() == after.tobytes()


# --- loops ------------------------------------------------------------------------------------------------------------

CARRIES = """\
kernel carries(x: c64[n], flags: bool[n], y: c64[n]) -> (y) where n >= 0 {
  local kept: c64[4]
  %0: c64 = carry (%1: c64 = c64 1.0 -0.0) i < n {
    %2: bool = load flags[i]
    %3: c64 = load x[i] if %2 else c64 0.0 2.0
    %4: c64 = if %2 {
      %5: c64 = mul %1, %3
      yield %5
    } else {
      yield %1
    }
    store y[i] = %4 if %2
    yield %4
  }
  %6: c64 = while (%7: c64 = %0) {
    %8: bool = eq %7, c64 0.0 0.0
    %9: bool = not %8
    yield %9
  } do {
    yield c64 0.0 0.0
  }
  store kept[0] = %6
}
"""
SPLIT = """\
kernel carries(x: f32[n, 2], flags: bool[n], y: f32[n, 2]) -> (y) where n >= 0 {
  local kept: f32[4, 2]
  %0.re: f32, %0.im: f32 = carry (%1.re: f32 = f32 1.0, %1.im: f32 = f32 -0.0) i < n {
    %2: bool = load flags[i]
    %3.re: f32 = load x[i, 0] if %2 else f32 0.0
    %3.im: f32 = load x[i, 1] if %2 else f32 2.0
    %4.re: f32, %4.im: f32 = if %2 {
      %c0: f32 = mul %1.re, %3.re
      %c1: f32 = mul %1.im, %3.im
      %c2: f32 = sub %c0, %c1
      %c3: f32 = mul %1.re, %3.im
      %c4: f32 = mul %1.im, %3.re
      %c5: f32 = add %c3, %c4
      yield %c2, %c5
    } else {
      yield %1.re, %1.im
    }
    store y[i, 0] = %4.re if %2
    store y[i, 1] = %4.im if %2
    yield %4.re, %4.im
  }
  %6.re: f32, %6.im: f32 = while (%7.re: f32 = %0.re, %7.im: f32 = %0.im) {
    %c6: bool = eq %7.re, f32 0.0
    %c7: bool = eq %7.im, f32 0.0
    %c8: bool = and %c6, %c7
    %9: bool = not %c8
    yield %9
  } do {
    yield f32 0.0, f32 0.0
  }
  store kept[0, 0] = %6.re
  store kept[0, 1] = %6.im
}
"""


def test_complex_scalars_of_every_statement_become_pairs() -> None:
    kernel = parse_kernel(CARRIES)
    verify_kernel(kernel)
    split = split_complex(kernel)
    assert print_kernel(split) == SPLIT
    verify_kernel(split)
    assert split_complex(split) is split
    assert parse_kernel(SPLIT) == split


PAIRS = """\
kernel pairs(x: f32[256, 2], y: f32[256, 2]) -> (y) {
  vector i < 256 {
    %0: f32 = load x[i, 1]
    %1: f32 = load x[i, 0]
    %2: f32 = neg %0
    store y[i, 0] = %2
    store y[i, 1] = %1
  }
}
"""


@pytest.mark.parametrize("name", NAMED)
def test_parts_side_by_side_are_loaded_and_stored_as_vectors_of_pairs(name: str) -> None:
    text = emit_kernel(parse_kernel(PAIRS), "pairs", NAMED[name])
    assert "shufflevector" in text
    assert "gather" not in text
    assert "scatter" not in text


def test_vectors_of_pairs_turn_numbers_at_every_length() -> None:
    for count in (0, 1, 3, 16, 17, 67, 300):
        z = joined(np.arange(count, dtype=np.float32), -np.arange(count, dtype=np.float32))
        found = computed(lambda x: OPS["complex"](-OPS["imag"](x), OPS["real"](x)), z)
        np.testing.assert_array_equal(found, 1j * z)


def test_complex_numbers_are_carried_along_where_real_ones_are_sorted() -> None:
    keys = np.random.default_rng(1).integers(0, 9, (3, 70)).astype(np.float32)
    z = joined(np.arange(210.0).reshape(3, 70), keys.astype(np.float64))
    found = computed(lambda x, y: OPS["sort"](x, y, axis=1)[1], keys, z)
    np.testing.assert_array_equal(found, np.take_along_axis(z, np.argsort(keys, 1, kind="stable"), 1))


def test_dots_of_long_axes_are_as_accurate_as_their_parts() -> None:
    """Through the decomposition by shapes: matrix by vector, products of vectors, batches."""
    rng = np.random.default_rng(3)
    shapes = [((40, 5000), (5000,), 1), ((70000,), (70000,), 0), ((3, 40, 50), (50, 30), 2)]
    for left, right, axis in shapes:
        z, w = (joined(rng.standard_normal(shape), rng.standard_normal(shape)) for shape in (left, right))
        attributes = {"batch": ((), ()), "contract": ((axis,), (0,)), "accumulate": complex128}
        found = computed(lambda x, y, attributes=attributes: OPS["dot"](x, y, **attributes), z, w)
        np.testing.assert_allclose(found, np.tensordot(z, w, ((axis,), (0,))), rtol=1e-11, atol=1e-11)


def test_products_over_symbolic_axes_and_nothing() -> None:
    for shape, axes in itertools.product([(3, 0), (3, 4)], [(1,), (0, 1)]):
        z = joined(np.ones(shape), np.full(shape, 0.5))
        found = computed(lambda x, axes=axes: OPS["reduce_prod"](x, axes=axes), z)
        np.testing.assert_allclose(found, np.prod(z, axes), rtol=1e-14)

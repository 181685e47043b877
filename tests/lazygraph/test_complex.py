"""Complex tensors from the user's side: promotion, calls, parts, what has no order, gradients."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import lazygraph as lg
from lazygraph.compiler.loop.ir import Kernel
from lazygraph.compiler.loop.parse import parse_kernel
from lazygraph.compiler.loop.print import print_kernel
from tests.lazygraph.evaluation import evaluate

COMPLEX = (np.complex64, np.complex128)
NUMBERS = [True, 2, 1.5, 2j, 1 - 1j]
DTYPES = [np.bool_, np.int8, np.int32, np.uint64, np.float16, np.float32, np.float64, *COMPLEX]
RNG = np.random.default_rng(0)
Z = (RNG.standard_normal((4, 3)) + 1j * RNG.standard_normal((4, 3))).astype(np.complex64)
W = (RNG.standard_normal((3, 5)) + 1j * RNG.standard_normal((3, 5))).astype(np.complex64)
HOSTILE = np.array(
    [0, -0.0, 3 - 4j, complex("inf+nanj"), complex("nan-1j"), complex(2, -np.inf), 1e-40 + 1e-40j, 3e38 + 3e38j]
)


@pytest.mark.parametrize("dtype", DTYPES)
def test_dtypes_promote_as_in_numpy(dtype: Any) -> None:
    for other in COMPLEX:
        assert lg.promote_types(dtype, other).numpy == np.promote_types(dtype, other)
    for number in NUMBERS:
        assert (lg.constant(np.ones(2, dtype)) * number).dtype.numpy == (np.ones(2, dtype) * number).dtype


# each a function of arrays in NumPy and of tensors in lazygraph, the namespace given
FUNCTIONS: dict[str, Callable[..., Any]] = {
    "arithmetic": lambda xp, z, w: (z + 2) * (1j - z) / (z * z + 3) - z.conj(),
    "functions": lambda xp, z, w: xp.exp(z) + xp.sqrt(z) * xp.log(z + 5) + xp.sin(z) / xp.cosh(z),
    "inverse": lambda xp, z, w: xp.arcsin(z) + xp.arccosh(z) * xp.arctan(z),
    "bases": lambda xp, z, w: xp.log2(z) + xp.log10(z) * xp.exp2(z),
    "powers": lambda xp, z, w: z**2 + z**-1.5 + z**z,
    "modulus": lambda xp, z, w: xp.abs(z) + xp.angle(z) + z.real * z.imag,
    "sign": lambda xp, z, w: xp.sign(z),
    "product": lambda xp, z, w: z @ w,
    "times real": lambda xp, z, w: z @ xp.real(w),
    "tensordot": lambda xp, z, w: xp.tensordot(z, w, axes=((1,), (0,))),
    "vecdot": lambda xp, z, w: xp.vecdot(z, z[::-1]),
    "outer": lambda xp, z, w: xp.outer(z, w),
    "einsum": lambda xp, z, w: xp.einsum("ij,jk->ki", z, w),
    "mean": lambda xp, z, w: xp.mean(z, 0),
    "variance": lambda xp, z, w: xp.var(z, 1) + xp.std(z, 1),
    "sum": lambda xp, z, w: xp.sum(z) + xp.sum(z, 1),
    "prod": lambda xp, z, w: xp.prod(z, 0),
    "running": lambda xp, z, w: xp.cumsum(z, 1) * xp.cumprod(z, 0),
    "any": lambda xp, z, w: xp.any(z, 0),
    "equal": lambda xp, z, w: (z == z.T.T) & (z != 1),
    "choice": lambda xp, z, w: xp.where(z.real < 0, z, 1j),
    "transposed": lambda xp, z, w: xp.concatenate([z.T, z.T.conj()], 1),
    "rounded": lambda xp, z, w: xp.round(z, 1),
    "reciprocal": lambda xp, z, w: xp.reciprocal(z) + xp.square(z),
    "indexing": lambda xp, z, w: z[:, ::2] * z[0, 0],
    "spaced": lambda xp, z, w: xp.linspace(0, 1 + 2j, 5),
    "covariances": lambda xp, z, w: xp.cov(w, dtype=np.complex64) + xp.corrcoef(w, dtype=np.complex64),
    "correlation": lambda xp, z, w: xp.correlate(w[0], w[1], "same") + xp.correlate(w[0], w[1][:3], "same"),
    "convolution": lambda xp, z, w: xp.convolve(w[0], w[1]),
    "without nan": lambda xp, z, w: xp.nanmean(xp.where(w == w[0, 0], xp.nan, w), 1) + xp.nanvar(w, 1),
    "average": lambda xp, z, w: xp.average(w, weights=xp.abs(w)),
    "differences": lambda xp, z, w: xp.diff(w, axis=1)[:, :4] + xp.trapezoid(w, axis=0)[:4],
    "grids": lambda xp, z, w: xp.kron(w, w[:2]),
    "cast": lambda xp, z, w: z.astype(np.complex128) + z.real.astype(np.complex128),
}


def test_functions_are_numpys() -> None:
    """All in one compilation, on symbolic rows."""
    z, w = lg.placeholder((lg.dim("n", min=1), 3), lg.complex64, "z"), lg.placeholder((3, 5), lg.complex64, "w")
    step = lg.function([z, w], [each(lg, z, w) for each in FUNCTIONS.values()])
    for rows in (4, 1):
        found = step(Z[:rows], W)
        for (name, each), ours in zip(FUNCTIONS.items(), found):
            theirs = np.asarray(each(np, Z[:rows], W))
            assert ours.dtype == theirs.dtype, name
            np.testing.assert_allclose(ours, theirs, rtol=2e-5, atol=2e-5, err_msg=name)


def test_what_is_not_finite_is_seen_in_either_part() -> None:
    for name in ("isfinite", "isinf", "isnan", "isreal", "iscomplex"):
        np.testing.assert_array_equal(evaluate(getattr(lg, name)(HOSTILE)), getattr(np, name)(HOSTILE), name)


def test_a_modulus_neither_overflows_nor_underflows() -> None:
    found = evaluate(lg.abs(lg.constant(HOSTILE, lg.complex64)))
    with np.errstate(over="ignore"):
        expected = np.abs(HOSTILE).astype(np.float32)
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-44)
    np.testing.assert_allclose(evaluate(lg.sign(HOSTILE[-2:])), np.full(2, (1 + 1j) / np.sqrt(2)), rtol=1e-15)


def test_the_sign_of_an_infinite_number_is_its_direction_as_in_numpy() -> None:
    parts = np.array([np.inf, -np.inf, np.nan, 3.0, -0.0, 0.0])
    z = np.array([complex(re, im) for re in parts for im in parts])
    np.testing.assert_allclose(evaluate(lg.sign(z)), np.sign(z), rtol=1e-15)


def test_arguments_and_results_are_the_callers_arrays() -> None:
    z = lg.placeholder((4, 3), lg.complex64, "z")
    step = lg.function([z], z * 2)
    np.testing.assert_array_equal(step(Z), Z * 2)
    np.testing.assert_array_equal(step(Z[::-1]), Z[::-1] * 2)
    np.testing.assert_array_equal(step(Z.real), Z.real * 2)
    out = np.empty_like(Z)
    step(Z, out=out)
    np.testing.assert_array_equal(out, Z * 2)
    with pytest.raises(TypeError, match="argument 'z': expected dtype complex64, found complex128"):
        step(Z.astype(np.complex128))
    scalar = lg.placeholder((), lg.complex64, "scalar")
    assert lg.function([scalar], scalar * 2)(1 + 2j) == 2 + 4j
    x = lg.placeholder((), lg.float32, "x")
    with pytest.raises(TypeError, match="argument 'x': expected dtype float32, found Python's complex128"):
        lg.function([x], x)(1j)


def test_a_variable_holds_complex_numbers() -> None:
    state = lg.variable(np.ones(3, np.complex128), "state")
    step = lg.function([], state, updates={state: state * 1j})
    assert [complex(step()[0]) for _ in range(3)] == [1, 1j, -1]


UNORDERED = {
    "less": lambda z: z < z,
    "maximum": lambda z: lg.maximum(z, z),
    "max": lambda z: lg.max(z),
    "sort": lambda z: lg.sort(z),
    "argmax": lambda z: lg.argmax(z),
    "floor": lambda z: lg.floor(z),
    "remainder": lambda z: z % 2,
    "median": lambda z: lg.median(z),
    "float": lambda z: z.astype(lg.float32),
    "gradient": lambda z: lg.grad(lg.sum(z), z),
    "jacobian": lambda z: lg.jacobian(z * z, z),
    "hessian": lambda z: lg.hessian(lg.sum(lg.abs(z)), z),
    "bits": lambda z: ~z,
    "constant": lambda z: lg.constant([1j], lg.float32),
    "direction": lambda z: lg.jvp(z.real, z.real, np.full(3, 1j)),
}


@pytest.mark.parametrize("name", UNORDERED)
def test_what_complex_numbers_do_not_have_is_an_error(name: str) -> None:
    with pytest.raises(lg.DTypeError, match=r"complex|c64|c128"):
        UNORDERED[name](lg.placeholder((3,), lg.complex64, "z"))


# --- derivatives ------------------------------------------------------------------------------------------------------

LOSSES: dict[str, Callable[[Any], Any]] = {
    "squares": lambda z: lg.sum(lg.abs(z) ** 2),
    "moduli": lambda z: lg.sum(lg.abs(lg.exp(z) + z)),
    "angles": lambda z: lg.sum(lg.angle(z) * lg.real(z)),
    "products": lambda z: lg.sum(lg.real(lg.conj(z) @ (lg.matrix_transpose(z) * 1j))),
    "signs": lambda z: lg.sum(lg.imag(lg.sign(z) * z**2)),
    "log": lambda z: lg.real(lg.sum(lg.log(lg.exp(z) + 1))),
}


@pytest.mark.parametrize("name", LOSSES)
def test_a_gradient_is_the_slope_along_x_minus_i_times_that_along_y(name: str) -> None:
    z = lg.placeholder((2, 3), lg.complex128, "z")
    loss = LOSSES[name](z)
    at, step = Z[:2].astype(np.complex128), 1e-6
    value, slope = lg.function([z], loss), lg.function([z], lg.grad(loss, z))
    expected = np.zeros_like(at)
    for place in np.ndindex(at.shape):
        for direction, factor in ((1, 1), (1j, -1j)):
            moved = np.zeros_like(at)
            moved[place] = step * direction
            expected[place] += factor * (value(at + moved) - value(at - moved)) / (2 * step)
    np.testing.assert_allclose(slope(at), expected, rtol=1e-6, atol=1e-7)


def test_a_step_against_the_conjugate_gradient_goes_downhill() -> None:
    z = lg.variable(Z[0], "z")
    loss = lg.sum(lg.abs(z**2 - 2j) ** 2)
    step = lg.function([], loss, updates={z: z - 0.02 * lg.conj(lg.grad(loss, z))})
    losses = [float(step()) for _ in range(30)]
    assert losses[-1] < 0.2 * losses[0]


def test_jacobians_between_real_and_complex_numbers() -> None:
    x, z = lg.placeholder((2,), lg.float64, "x"), lg.placeholder((2,), lg.complex128, "z")
    found = lg.jacobian(lg.exp(lg.to_complex(0.0, x)), x).eval({x: [0, np.pi]})
    np.testing.assert_allclose(found, [[1j, 0], [0, -1j]], atol=1e-15)
    rows = lg.jacobian(lg.abs(z) ** 2, z).eval({z: [1 + 2j, 3j]})
    np.testing.assert_allclose(rows, [[2 - 4j, 0], [0, -6j]], atol=1e-14)


def test_hermitian_products_of_vmap() -> None:
    z = lg.placeholder((4, 3), lg.complex64, "z")
    found = lg.vmap(lambda row: lg.real(lg.vecdot(row, row)))(z).eval({z: Z})
    np.testing.assert_allclose(found, np.sum(np.abs(Z) ** 2, 1), rtol=1e-6)


# --- inside -----------------------------------------------------------------------------------------------------------


LOOPS = """\
  parallel j_block < (n + 4095) // 4096 {
    vector j < min(-4096 * j_block + n, 4096) {
      %0.re: f32 = load z[j + 4096 * j_block, 0]
      %0.im: f32 = load z[j + 4096 * j_block, 1]
      %3: f32 = neg %0.im
      %c0: f32 = mul %0.re, %0.re
      %c1: f32 = mul %0.im, %3
      %c2: f32 = sub %c0, %c1
      %c3: f32 = mul %0.re, %3
      %c4: f32 = mul %0.im, %0.re
      %c5: f32 = add %c3, %c4
      store mul[j + 4096 * j_block, 0] = %c2
      store mul[j + 4096 * j_block, 1] = %c5
    }
  }
}
"""


def test_no_kernel_holds_a_complex_number_and_loops_parse_back() -> None:
    z = lg.placeholder((lg.dim("n"),), lg.complex64, "z")
    step = lg.function([z], z * lg.conj(z))
    text = step.ir("loops")
    assert text.split("\n", 1)[1] == LOOPS
    kernel = parse_kernel(text)
    assert isinstance(kernel, Kernel)
    assert print_kernel(kernel) == text

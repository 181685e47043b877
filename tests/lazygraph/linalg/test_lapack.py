"""`lg.linalg.use("lapack")`: decompositions by LAPACK from inside the compiled function.

In: matrices at which routines are called, and smaller ones. Out: the same results, failures and derivatives as those of
the loops; what a program says of the routines that it calls.
"""

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import lazygraph as lg
from lazygraph.compiler.codegen.llvm.target import host
from lazygraph.compiler.ops.lapack_calls import ROUTINES
from lazygraph.compiler.passes.outside import LEAST
from lazygraph.compiler.pipeline import Options
from lazygraph.compiler.program.parse import parse_program
from lazygraph.compiler.program.print import print_program
from lazygraph.compiler.program.verify import InvalidProgram, verify_program
from lazygraph.runtime.artifact import undefined_symbols
from lazygraph.runtime.dtypes import from_numpy

pytest.importorskip("scipy")
N, M = LEAST + 5, LEAST
linalg = lg.linalg


@pytest.fixture(autouse=True)
def loops() -> Iterator[None]:
    with linalg.use("loops"):
        yield


def matrices(dtype: Any, *shape: int) -> np.ndarray:
    generator = np.random.default_rng(list(shape))
    drawn = generator.standard_normal(shape)
    if np.dtype(dtype).kind == "c":
        drawn = drawn + 1j * generator.standard_normal(shape)
    return np.asarray(drawn.astype(dtype))


def positive(dtype: Any, *shape: int) -> np.ndarray:
    """Positive definite, with eigenvalues that are apart."""
    q, _ = np.linalg.qr(matrices(np.complex128 if np.dtype(dtype).kind == "c" else np.float64, *shape))
    made = (q * (1 + np.arange(shape[-1]) / 8)) @ np.conj(np.swapaxes(q, -1, -2))
    return np.asarray(((made + np.conj(np.swapaxes(made, -1, -2))) / 2).astype(dtype))


def function(make: Callable[..., Any], *arrays: np.ndarray, choice: str = "lapack", **options: Any) -> lg.Function:
    inputs = [lg.placeholder(each.shape, from_numpy(each.dtype), f"x{i}") for i, each in enumerate(arrays)]
    results = make(*inputs)
    with linalg.use(choice):
        return lg.function(inputs, tuple(results) if isinstance(results, tuple) else (results,), **options)


def externals(f: lg.Function) -> tuple[str, ...]:
    return f._executable.artifact.externals


CASES: dict[str, tuple[Callable[..., Any], Callable[[Any], tuple[np.ndarray, ...]], bool]] = {
    "cholesky": (linalg.cholesky, lambda dtype: (positive(dtype, 2, N, N),), True),
    "lu tall": (linalg.lu, lambda dtype: (matrices(dtype, 2, N, M),), True),
    "lu wide": (linalg.lu, lambda dtype: (matrices(dtype, M, N),), True),
    "qr tall": (linalg.qr, lambda dtype: (matrices(dtype, 2, N, M),), True),
    "qr wide": (linalg.qr, lambda dtype: (matrices(dtype, M, N),), True),
    "qr complete": (lambda a: linalg.qr(a, mode="complete"), lambda dtype: (matrices(dtype, N, M),), True),
    "solve": (linalg.solve, lambda dtype: (positive(dtype, N, N), matrices(dtype, N, 2)), True),
    "slogdet": (linalg.slogdet, lambda dtype: (matrices(dtype, N, N),), True),
    "eigh": (linalg.eigh, lambda dtype: (positive(dtype, 2, N, N),), False),
    "eigvalsh": (linalg.eigvalsh, lambda dtype: (positive(dtype, 2, N, N),), False),
    "svd tall": (lambda a: linalg.svd(a, full_matrices=False), lambda dtype: (positive(dtype, N, N)[:, :M],), False),
    "svd wide": (lambda a: linalg.svd(a, full_matrices=False), lambda dtype: (positive(dtype, 2, N, N)[:, :M],), False),
    "svd full": (linalg.svd, lambda dtype: (positive(dtype, N, N)[:, : N - 1].copy(),), False),
    "svdvals": (linalg.svdvals, lambda dtype: (matrices(dtype, 2, M, N),), False),
}


NARROW = ("cholesky", "lu tall", "qr tall", "svdvals")  # tried in every dtype
TRIED = [(name, np.float64) for name in CASES]
TRIED += [(name, dtype) for name in NARROW for dtype in (np.float32, np.complex64, np.complex128) if CASES[name][2]]


@pytest.mark.parametrize("name, dtype", [*TRIED, ("svdvals", np.float32), ("eigh", np.float32)])
def test_lapack_gives_what_the_loops_give(name: str, dtype: Any) -> None:
    make, operands, _ = CASES[name]
    arrays = [np.ascontiguousarray(each) for each in operands(dtype)]
    outside, own = function(make, *arrays), function(make, *arrays, choice="loops")
    assert externals(outside) and not externals(own)
    tolerance = 1e-9 if np.finfo(dtype).eps < 1e-10 else 3e-2
    for found, expected in zip(outside(*arrays), own(*arrays), strict=True):
        scale = 1 + np.max(np.abs(expected), initial=0)
        assert found.dtype == expected.dtype
        np.testing.assert_allclose(found / scale, expected / scale, rtol=0, atol=tolerance)


def test_small_matrices_and_functions_without_the_choice_are_as_they_were() -> None:
    def make(a: Any) -> Any:
        return linalg.cholesky(a)

    small = positive(np.float64, LEAST - 1, LEAST - 1)
    outside, own = function(make, small), function(make, small, choice="loops")
    assert externals(outside) == ()
    assert outside.ir("llvm") == own.ir("llvm")


def test_failures_are_those_of_the_loops_and_leave_variables_alone() -> None:
    state = lg.variable(0.0, "state", lg.float64)
    a = lg.placeholder((2, N, N), lg.float64, "a")
    calls = {
        "cholesky": (lambda: lg.sum(linalg.cholesky(a)), "not positive definite: its leading minor of order 7 "),
        "eigh": (lambda: lg.sum(linalg.eigh(a)[1]), f"0 of {N} values were found"),
        "eigvalsh": (lambda: lg.sum(linalg.eigvalsh(a)), f"0 of {N} values were found"),
        "svd": (lambda: lg.sum(linalg.svd(a)[0]), f"0 of {N} values were found"),
        "inv": (lambda: lg.sum(linalg.inv(a)), "singular: its factor has a 0 at place "),
    }
    for name, (make, message) in calls.items():
        with linalg.use("lapack"):
            f = lg.function(a, make(), updates={state: state + 1})
        bad = positive(np.float64, 2, N, N)
        if name == "inv":
            bad[1, 3] = 0
        else:
            bad[1, 6, 6] = -1e3 if name == "cholesky" else np.inf
        with pytest.raises(lg.CheckFailed, match=re.escape(message)) as caught:
            f(bad)
        assert "test_lapack.py" in str(caught.value)
        assert state.numpy() == 0
        if name == "cholesky":  # a routine may not find NaN
            bad[1, 6, 6] = np.nan
            with pytest.raises(lg.CheckFailed, match="order 7 "):
                f(bad)


def test_a_matrix_that_is_not_finite_has_factors_of_nan() -> None:
    a = matrices(np.float64, 2, N, N)
    a[1, 3, 4] = np.nan
    make = CASES["slogdet"][0]
    sign, logarithm = function(make, a)(a)
    assert np.isfinite(sign[0] + logarithm[0]) and np.isnan(logarithm[1])


def test_derivatives_are_those_of_the_loops() -> None:
    a, b = positive(np.float64, N, N), matrices(np.float64, N)

    def make(a: Any, b: Any) -> Any:
        loss = lg.sum(linalg.solve(a, b) ** 2) + lg.log(lg.sum(linalg.cholesky(a))) + lg.sum(linalg.eigvalsh(a) ** 3)
        return lg.grad(loss, [a, b])[0], lg.grad(loss, b)

    outside, own = function(make, a, b), function(make, a, b, choice="loops")
    assert {"dgetrf", "dpotrf", "dsyevd"} <= set(externals(outside))
    for found, expected in zip(outside(a, b), own(a, b), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-8, atol=1e-8)


def test_symbolic_extents_batches_of_none_and_loops() -> None:
    n, m = lg.dim("n", LEAST), lg.dim("m")
    a = lg.placeholder((m, n, n), lg.float64, "a")
    with linalg.use("lapack"):
        f = lg.function(a, linalg.cholesky(a))
        _, many = lg.scan(lambda carry, each: (carry, linalg.eigvalsh(each)), lg.constant(0.0), a)
        g = lg.function(a, many)
    assert externals(f) == ("dpotrf",) and externals(g) == ("dsyevd",)
    for count, size in ((3, N), (0, N), (1, LEAST)):
        operand = positive(np.float64, count, size, size) if count else np.zeros((0, size, size))
        np.testing.assert_allclose(f(operand), np.linalg.cholesky(operand), atol=1e-12)
        np.testing.assert_allclose(g(operand), np.linalg.eigvalsh(operand), atol=1e-11)
    free = lg.placeholder((lg.dim("k"), lg.dim("k")), lg.float64, "free")
    with linalg.use("lapack"):
        assert externals(lg.function(free, linalg.cholesky(free))) == ()


def test_a_program_says_which_routines_it_calls() -> None:
    """An export reads it and refuses; object code holds names and addresses of none."""
    a = matrices(np.float64, 2, N, M)
    f = function(lambda a: (*linalg.qr(a), linalg.svdvals(a)), a)
    program = f._compilation.program
    assert set(program.routines) == set(externals(f)) == {"dgelqf", "dorglq", "dgesdd"}
    text = print_program(program)
    assert 'call dgesdd("N", ' in text and " copied " in text
    assert parse_program(text) == program
    verify_program(program)
    artifact = f._executable.artifact
    assert not [name for name in undefined_symbols(artifact.object_code) if "gesdd" in name or "lg" in name]
    assert b"dgesdd" not in artifact.object_code


def test_a_call_over_what_nothing_has_written_is_no_program() -> None:
    a = positive(np.float64, N, N)
    f = function(linalg.cholesky, a)
    text = print_program(f._compilation.program)
    (call,) = [line for line in text.splitlines() if line.lstrip().startswith("call ")]
    broken = text.replace(call + "\n", "")
    first = next(line for line in text.splitlines() if line.lstrip().startswith("run "))
    broken = broken.replace(first, f"{call}\n{first}", 1)
    with pytest.raises(InvalidProgram, match="which nothing has written"):
        verify_program(parse_program(broken))


def test_the_choice() -> None:
    with linalg.use("lapack"):
        with linalg.use("loops"):
            pass
        a = lg.placeholder((N, N), lg.float64, "a")
        assert externals(lg.function(a, linalg.cholesky(a)))
    assert not externals(lg.function(a, linalg.cholesky(a)))
    with pytest.raises(ValueError, match="expected one of 'loops', 'lapack', found 'blas'"):
        linalg.use("blas")


def test_the_plan_knows_what_routines_work_in() -> None:
    a = positive(np.float64, N, N)
    outside, own = (function(linalg.eigh, a, choice=each) for each in ("lapack", "loops"))
    work = 8 * 2 * N * N
    assert outside.memory_plan().scratch >= work
    assert own._compilation.program.externals == ()
    outside(a)
    assert outside._executable.arena_bytes >= outside.memory_plan().arena()


def test_without_scipy_the_error_names_the_extra() -> None:
    code = (
        "import sys; sys.modules['scipy'] = None; sys.modules['scipy.linalg'] = None\n"
        "import lazygraph as lg\n"
        "try: lg.linalg.use('lapack')\n"
        "except ImportError as error: print(error)\n"
        "print(lg.linalg.choice.chosen())\n"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert "lazygraph[linalg]" in found and found.endswith("loops\n")


def test_every_routine_is_of_use() -> None:
    """Those that the table names are those that the cases above call."""
    called = {"potrf", "getrf", "laswp", "gelqf", "orglq", "syevd", "gesdd"}
    assert {re.sub("_.*", "", name) for name in ROUTINES} == called
    assert not Options(host()).lapack

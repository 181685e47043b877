"""The elementary functions in machine code: the same bits as on NumPy's scalar machine, on every target of this host.

In: samples of the full range; under `slow`, all 2**32 arguments of exp, log and tanh in float32. Out: the results of
compiled kernels with wide vectors and fused multiply-adds, and with SSE2 and without.
"""

from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial

import numpy as np
import pytest

from lazygraph.compiler.codegen.llvm.target import named, runnable
from lazygraph.compiler.ops.domains import Case
from lazygraph.compiler.ops.record import OPS
from lazygraph.runtime.dtypes import DType, float32, float64
from tests.codegen.harness import Compiled
from tests.codegen.kernels import elementwise
from tests.ops.accuracy import full_range, ulp_error
from tests.ops.numpy_scalar import MACHINES

INEXACT = sorted(name for name, op in OPS.items() if op.flags.elementwise and op.ulp and float64 in op.domain.dtypes)
COUNT = 4000
CHUNK = 2**18  # of arguments that stay in cache


@cache
def compiled(name: str, dtype: DType, target: str, count: int) -> Compiled:
    operands, attributes = first_case(name, dtype)
    return Compiled(elementwise(name, [dtype] * len(operands), dtype, count, **attributes), named(target))


def first_case(name: str, dtype: DType) -> Case:
    return OPS[name].domain.cases(np.random.default_rng(0), dtype)[0]


@pytest.mark.parametrize("target", runnable())
@pytest.mark.parametrize("dtype", (float32, float64), ids=repr)
@pytest.mark.parametrize("name", [*INEXACT, "rem", "sqrt", "floor", "round_even", "sign"])
def test_machine_code_gives_the_bits_of_the_formulas(name: str, dtype: DType, target: str) -> None:
    kernel = compiled(name, dtype, target, COUNT)
    rng = np.random.default_rng(13)
    arrays = [rng.permutation(full_range(rng, dtype, COUNT))[:COUNT] for _ in kernel.kernel.buffers[1:]]
    for array in arrays:
        array[::2] = rng.uniform(-8, 8, array[::2].size)
    found = np.empty(COUNT, dtype.numpy)
    kernel.run([*arrays, found])
    expected = MACHINES["fma" if named(target).fused else "no fma"].run(
        partial(OPS[name].lower.expand, **first_case(name, dtype)[1]), *arrays
    )
    both_nan = np.isnan(found) & np.isnan(expected)
    np.testing.assert_array_equal(bits(found)[~both_nan], bits(expected)[~both_nan])


def bits(array: np.ndarray) -> np.ndarray:
    return array.view(f"i{array.itemsize}")


@pytest.mark.slow
@pytest.mark.parametrize("name", ("exp", "log", "tanh"))
def test_every_float32_is_within_two_units_in_the_last_place(name: str) -> None:
    """All 2**32 arguments, on one target that fuses and on one that does not (the others share their bits)."""
    targets = {named(target).fused: target for target in runnable()}.values()
    kernels = {target: compiled(name, float32, target, CHUNK) for target in targets}

    def check(chunk: int) -> list[str]:
        x = np.arange(chunk * CHUNK, (chunk + 1) * CHUNK, dtype=np.uint32).view(np.float32)
        with np.errstate(all="ignore"):
            truth = getattr(np, name)(x.astype(np.float64))
            rounded = truth.astype(np.float32)
        failures = []
        for target, kernel in kernels.items():
            found = np.empty_like(x)
            kernel.run([x, found])
            # equal or next to the rounded truth is within 1.5 units; the few others are measured
            far = np.flatnonzero(np.abs(bits(found) - bits(rounded)) > 1)
            wrong = far[ulp_error(found[far], truth[far]) > 2]
            failures += [f"{target}: {name}({x[i]!r}) = {found[i]!r}, not {truth[i]!r}" for i in wrong[:3]]
        return failures

    with ThreadPoolExecutor(2) as pool:
        failures = [each for found in pool.map(check, range(2**32 // CHUNK)) for each in found]
    assert failures == []

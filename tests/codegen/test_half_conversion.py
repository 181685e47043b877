"""float16 and bfloat16 to and from wider numbers: all 65,536 bit patterns, and every boundary where rounding turns.

The truth is exact arithmetic: NumPy's own rounding for float16, rounding to odd and then to bfloat16 from `rounded`.
"""

import numpy as np
import pytest

from lazygraph.compiler.codegen.llvm.target import named, runnable
from lazygraph.compiler.ops.halves import HALVES, rounded
from lazygraph.compiler.ops.vector_math.half import narrowed, rounded_to_odd, widened
from lazygraph.runtime.dtypes import DType, bfloat16, float32, float64, int32, int64, uint64
from tests.codegen.harness import Compiled
from tests.codegen.kernels import elementwise
from tests.ops.numpy_scalar import MACHINES

ALL_BITS = np.arange(1 << 16, dtype=np.uint16)
ids = {"ids": str}


def converted(x: np.ndarray, source: DType, target: DType, machine: str) -> np.ndarray:
    out = np.zeros(x.shape, target.numpy)
    Compiled(elementwise("cast", (source,), target, len(x)), named(machine)).run([x, out])
    return out


def same_bits(found: np.ndarray, expected: np.ndarray) -> None:
    """Equal bits but for NaN, whose quiet bit and sign are held."""
    word = f"u{found.dtype.itemsize}"
    with np.errstate(invalid="ignore"):
        nan = np.isnan(expected.astype(np.float64))
        assert np.array_equal(np.isnan(found.astype(np.float64)), nan)
    np.testing.assert_array_equal(found.view(word)[~nan], expected.view(word)[~nan])


@pytest.mark.parametrize("machine", runnable())
@pytest.mark.parametrize("half", HALVES, **ids)
@pytest.mark.parametrize("wide", (float32, float64), **ids)
def test_every_half_widens_exactly_and_its_nan_becomes_quiet(half: DType, wide: DType, machine: str) -> None:
    x = ALL_BITS.view(half.numpy)
    found = converted(x, half, wide, machine)
    same_bits(found, x.astype(np.float32).astype(wide.numpy))
    nan = np.isnan(found)
    bits = found.astype(np.float32).view(np.uint32)[nan]
    shift = 16 if half == bfloat16 else 13
    payload = ALL_BITS[nan].astype(np.uint32) << shift & 0x7FFFFF
    np.testing.assert_array_equal(bits & 0x7FFFFF, payload | 1 << 22)
    np.testing.assert_array_equal(bits >> 31, ALL_BITS[nan] >> 15)


def boundaries(half: DType) -> np.ndarray:
    """Every finite half, the middle between any two neighbours, and the float32 on both sides of each."""
    magnitudes = ALL_BITS[: 1 << 15].view(half.numpy).astype(np.float64)
    finite = magnitudes[np.isfinite(magnitudes)]
    beyond = 2 * finite[-1] - finite[-2]  # the first number that rounds to infinity is half way there
    with np.errstate(over="ignore"):
        points = np.concatenate([finite, (finite + np.append(finite[1:], beyond)) / 2]).astype(np.float32)
        points = np.concatenate([points, np.nextafter(points, np.float32(np.inf)), np.nextafter(points, np.float32(0))])
    return np.concatenate([points, -points, np.array([np.inf, -np.inf], np.float32)])


@pytest.mark.parametrize("machine", runnable())
@pytest.mark.parametrize("half", HALVES, **ids)
def test_float32_rounds_to_nearest_even_at_every_boundary(half: DType, machine: str) -> None:
    x = boundaries(half)
    with np.errstate(over="ignore"):
        same_bits(converted(x, float32, half, machine), x.astype(half.numpy))


@pytest.mark.parametrize("machine", runnable())
@pytest.mark.parametrize("half", HALVES, **ids)
def test_a_nan_narrows_to_a_quiet_nan_with_its_sign_and_upper_payload(half: DType, machine: str) -> None:
    bits = np.array([0x7F800001, 0xFF800001, 0x7FC00000, 0xFFFFFFFF, 0x7FA34567, 0x7F8F2000], np.uint32)
    found = converted(bits.view(np.float32), float32, half, machine).view(np.uint16)
    shift, mask = (16, 0x7F) if half == bfloat16 else (13, 0x3FF)
    infinity = 0x7F80 if half == bfloat16 else 0x7C00
    expected = (bits >> 31 << 15) | infinity | (bits >> shift & mask) | (mask + 1 >> 1)
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("machine", runnable())
@pytest.mark.parametrize("half", HALVES, **ids)
def test_float64_and_integers_round_once(half: DType, machine: str) -> None:
    """A number just off the middle of two halves goes to the nearer one; a stop at float32 would lose what decides."""
    middle = boundaries(half).astype(np.float64)
    x = np.concatenate([middle * (1 + 2.0**-45), middle * (1 - 2.0**-45), [1e300, -1e300, 1e-320, np.nan, -0.0]])
    with np.errstate(over="ignore"):
        same_bits(converted(x, float64, half, machine), rounded(x, half))
    for dtype in (int32, int64, uint64):
        powers = np.array([2.0**each for each in range(8, dtype.bits - 1)])
        ties = (powers * (1 + 2.0**-8 if half == bfloat16 else 1 + 2.0**-11)).astype(dtype.numpy)
        x = np.concatenate([ties - dtype.numpy.type(1), ties, ties + dtype.numpy.type(1)])
        x = np.concatenate([x, np.zeros_like(x) - x])
        with np.errstate(over="ignore"):
            same_bits(converted(x, dtype, half, machine), rounded(x, half))


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("half", HALVES, **ids)
def test_integer_arithmetic_says_what_the_instructions_do(half: DType, machine: str) -> None:
    """The formulas themselves, on arrays: so they hold where a host has the instruction and never runs them."""

    b = MACHINES[machine]
    x = ALL_BITS.view(half.numpy)
    same_bits(b.run(widened, x), x.astype(np.float32))
    edges = boundaries(half)
    with np.errstate(over="ignore"):
        same_bits(b.run(lambda b, x: narrowed(b, x, half), edges), edges.astype(half.numpy))
        wide = edges.astype(np.float64) * (1 + 2.0**-45)
        same_bits(b.run(lambda b, x: narrowed(b, rounded_to_odd(b, x), half), wide), rounded(wide, half))

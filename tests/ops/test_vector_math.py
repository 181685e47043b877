"""The elementary functions against wider arithmetic, on NumPy's scalar machine with and without fused multiply-adds.

In: samples of the full range of float32 and float64, and the arguments that formulas break on. Out: errors in units in
the last place, and the exact results that C and NumPy prescribe.
"""

import math
from collections.abc import Callable
from fractions import Fraction
from functools import cache

import mpmath
import numpy as np
import pytest

import lazygraph.compiler.ops  # noqa: F401  (fills the table)
from lazygraph.compiler.ops import domains, vector_math
from lazygraph.compiler.ops.complex_parts import unreachable
from lazygraph.compiler.ops.record import OPS
from lazygraph.runtime.dtypes import DType, float32, float64
from tests.ops.accuracy import around, full_range, ulp_error
from tests.ops.numpy_scalar import MACHINES, fused_32, fused_64

FLOATS = (float32, float64)
INF, NAN = math.inf, math.nan
# function -> the range where its results vary, in float32; what overflows stretches it eightfold in float64
RANGES = {
    "exp": (-110, 95),
    "expm1": (-25, 95),
    "log": (0, 4),
    "log1p": (-1, 3),
    "sin": (-40, 40),
    "cos": (-40, 40),
    "tanh": (-10, 10),
    "erf": (-5, 5),
    "tan": (-40, 40),
    "asin": (-1, 1),
    "acos": (-1, 1),
    "atan": (-5, 5),
    "sinh": (-95, 95),
    "cosh": (-95, 95),
    "asinh": (-5, 5),
    "acosh": (1, 5),
    "atanh": (-1, 1),
    "exp2": (-150, 128),
    "log2": (0, 4),
    "log10": (0, 4),
    "cbrt": (-3, 3),
    "erfc": (-5, 28),
    "erf_inv": (-1, 1),
    "erfc_inv": (0, 2),
}
NUMPY_NAMES = {name: f"arc{name[1:]}" for name in RANGES if name[0] == "a"}


def exact_erf_inv(x: float) -> mpmath.mpf:
    if not abs(x) < 1:
        return mpmath.mpf(math.copysign(INF, x) if abs(x) == 1 else NAN)
    with mpmath.workprec(120 if abs(x) > 1e-9 else 200):
        return mpmath.erfinv(mpmath.mpf(x)) if abs(x) > 1e-30 else mpmath.sqrt(mpmath.pi) / 2 * mpmath.mpf(x)


def wider(function: Callable) -> Callable[[float], mpmath.mpf]:
    def exact(x: float) -> mpmath.mpf:
        with mpmath.workprec(120):
            return function(mpmath.mpf(x))

    return exact


def exact_erfc_inv(q: float) -> mpmath.mpf:
    """Below 1/2 by Newton's method on log(erfc)."""
    if not 0.5 > q > 0:
        if not 0 <= q <= 2:
            return mpmath.mpf(NAN)
        return mpmath.mpf(INF) if q == 0 else exact_erf_inv(1 - q) if q < 1.5 else -exact_erfc_inv(2 - q)
    with mpmath.workprec(120):
        y = mpmath.sqrt(-mpmath.log(q))
        for _ in range(100):
            found = mpmath.erfc(y)
            step = mpmath.log(found / q) * found * mpmath.exp(y * y) * mpmath.sqrt(mpmath.pi) / 2
            y += step
            if abs(step) < 1e-25:
                break
        return y


ERRORS = {
    "erf": wider(mpmath.erf),
    "erfc": wider(lambda x: mpmath.erfc(99 * mpmath.sign(x) if abs(x) > 99 else x)),
    "erf_inv": exact_erf_inv,
    "erfc_inv": exact_erfc_inv,
}
# the multiples of pi/2 that come closest to a number of the format (J.-M. Muller, Elementary Functions, chapter on
# range reduction), and other large arguments
HARD_ARGUMENTS = {
    float32: [16367173.0 * 2.0**72, 2.0**127, 3.4028235e38, 710.0 * math.pi, 1e22],
    float64: [6381956970095103.0 * 2.0**797, 2.0**1023, 1.7976931348623157e308, 5.319372648326541e255, 1e22],
}


@cache
def samples(name: str, dtype: DType) -> np.ndarray:
    rng = np.random.default_rng(7)
    low, high = RANGES[name]
    if dtype is float64 and name in ("exp", "expm1", "exp2", "sinh", "cosh"):
        low, high = 8 * low, 8 * high
    count = 300 if name.endswith("_inv") else 40_000 if dtype is float32 else 1_000 if name in ERRORS else 5_000
    inner = [around(rng, dtype, low / scale, high / scale, count) for scale in (1, 10, 100)]
    near_one = around(rng, dtype, 0.3, 2.5, count) - dtype.numpy.type(name == "log1p")
    return np.concatenate([full_range(rng, dtype, count), *inner, near_one])


@cache
def truth(name: str, dtype: DType) -> np.ndarray:
    """The function in at least 64 bits for float64, in float64 for float32."""
    x = samples(name, dtype)
    with np.errstate(all="ignore"):
        wide = x.astype(np.float64 if dtype is float32 else np.longdouble)
        if name in ERRORS:
            return wide_error(name, x) if dtype is float64 else OPS[name].reference(wide)
        return np.asarray(getattr(np, NUMPY_NAMES.get(name, name))(wide))


def wide_error(name: str, x: np.ndarray) -> np.ndarray:
    return np.array([np.longdouble(mpmath.nstr(exact, 25)) for exact in map(ERRORS[name], x.tolist())])


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("dtype", FLOATS, ids=repr)
@pytest.mark.parametrize("name", RANGES)
def test_results_are_within_two_units_in_the_last_place(name: str, dtype: DType, machine: str) -> None:
    x = samples(name, dtype)
    found = MACHINES[machine].run(getattr(vector_math, name), x)
    error = ulp_error(found, truth(name, dtype))
    worst = int(np.argmax(error))
    assert found.dtype == x.dtype
    most = 2.5 if name == "erfc_inv" and dtype is float64 else OPS[name].ulp
    assert error[worst] <= most, f"{name}({x[worst]!r}) = {found[worst]!r}, not {truth(name, dtype)[worst]!r}"


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("dtype", FLOATS, ids=repr)
@pytest.mark.parametrize("name", ("sin", "cos", "tan"))
def test_arguments_next_to_multiples_of_half_pi_are_reduced_exactly(name: str, dtype: DType, machine: str) -> None:
    rng = np.random.default_rng(3)
    multiples = (rng.integers(1, 2**20, 500) * (math.pi / 2)).astype(dtype.numpy)
    x = np.concatenate([np.array(HARD_ARGUMENTS[dtype], dtype.numpy), multiples, np.nextafter(multiples, INF)])
    with mpmath.workprec(1200):
        exact = [mpmath.nstr(getattr(mpmath, name)(mpmath.mpf(number)), 25) for number in x.tolist()]
    found = MACHINES[machine].run(getattr(vector_math, name), x)
    assert np.max(ulp_error(found, np.array([np.longdouble(text) for text in exact]))) <= 2


EXACT: dict[str, list[tuple[float, float]]] = {
    "exp": [(0.0, 1.0), (-0.0, 1.0), (-INF, 0.0), (INF, INF), (NAN, NAN), (1e4, INF), (-1e4, 0.0)],
    "expm1": [(0.0, 0.0), (-0.0, -0.0), (-INF, -1.0), (INF, INF), (NAN, NAN), (1e4, INF), (-1e4, -1.0)],
    "log": [(1.0, 0.0), (0.0, -INF), (-0.0, -INF), (-1.0, NAN), (-INF, NAN), (INF, INF), (NAN, NAN)],
    "log1p": [(0.0, 0.0), (-0.0, -0.0), (-1.0, -INF), (-2.0, NAN), (-INF, NAN), (INF, INF), (NAN, NAN)],
    "sin": [(0.0, 0.0), (-0.0, -0.0), (INF, NAN), (-INF, NAN), (NAN, NAN)],
    "cos": [(0.0, 1.0), (-0.0, 1.0), (INF, NAN), (-INF, NAN), (NAN, NAN)],
    "tanh": [(0.0, 0.0), (-0.0, -0.0), (INF, 1.0), (-INF, -1.0), (NAN, NAN), (30.0, 1.0)],
    "erf": [(0.0, 0.0), (-0.0, -0.0), (INF, 1.0), (-INF, -1.0), (NAN, NAN), (30.0, 1.0)],
    "tan": [(0.0, 0.0), (-0.0, -0.0), (INF, NAN), (-INF, NAN), (NAN, NAN)],
    "asin": [(0.0, 0.0), (-0.0, -0.0), (1.0, math.pi / 2), (-1.0, -math.pi / 2), (1.5, NAN), (-INF, NAN), (NAN, NAN)],
    "acos": [(1.0, 0.0), (-1.0, math.pi), (0.0, math.pi / 2), (-0.0, math.pi / 2), (1.5, NAN), (INF, NAN), (NAN, NAN)],
    "atan": [(0.0, 0.0), (-0.0, -0.0), (INF, math.pi / 2), (-INF, -math.pi / 2), (NAN, NAN)],
    "sinh": [(0.0, 0.0), (-0.0, -0.0), (INF, INF), (-INF, -INF), (NAN, NAN), (1e4, INF), (-1e4, -INF)],
    "cosh": [(0.0, 1.0), (-0.0, 1.0), (INF, INF), (-INF, INF), (NAN, NAN), (-1e4, INF)],
    "asinh": [(0.0, 0.0), (-0.0, -0.0), (INF, INF), (-INF, -INF), (NAN, NAN)],
    "acosh": [(1.0, 0.0), (INF, INF), (0.5, NAN), (0.0, NAN), (-INF, NAN), (NAN, NAN)],
    "atanh": [(0.0, 0.0), (-0.0, -0.0), (1.0, INF), (-1.0, -INF), (1.5, NAN), (-INF, NAN), (NAN, NAN)],
    "erfc": [(0.0, 1.0), (-0.0, 1.0), (INF, 0.0), (-INF, 2.0), (NAN, NAN), (30.0, 0.0), (-30.0, 2.0)],
    "erfc_inv": [(1.0, 0.0), (0.0, INF), (-0.0, INF), (2.0, -INF), (2.5, NAN), (-1e-30, NAN), (INF, NAN), (NAN, NAN)],
    "erf_inv": [(0.0, 0.0), (-0.0, -0.0), (1.0, INF), (-1.0, -INF), (1.5, NAN), (INF, NAN), (NAN, NAN)],
    "exp2": [(-0.0, 1.0), (10.0, 1024.0), (-126.0, 2.0**-126), (INF, INF), (-INF, 0.0), (NAN, NAN), (1024.0, INF)],
    "log2": [(1.0, 0.0), (8.0, 3.0), (2.0**-130, -130.0), (0.0, -INF), (-1.0, NAN), (INF, INF), (NAN, NAN)],
    "log10": [(1.0, 0.0), (1e3, 3.0), (1e10, 10.0), (-0.0, -INF), (-1.0, NAN), (INF, INF), (NAN, NAN)],
    "cbrt": [(27.0, 3.0), (-8.0, -2.0), (0.0, 0.0), (-0.0, -0.0), (INF, INF), (-INF, -INF), (NAN, NAN)],
    "sign": [(0.0, 0.0), (-0.0, 0.0), (INF, 1.0), (-3.0, -1.0), (NAN, NAN)],
}


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("dtype", FLOATS, ids=repr)
@pytest.mark.parametrize("name", EXACT)
def test_special_arguments_give_exact_results(name: str, dtype: DType, machine: str) -> None:
    x, expected = (np.array(each, dtype.numpy) for each in zip(*EXACT[name]))
    assert_same(MACHINES[machine].run(getattr(vector_math, name), x), expected)


@pytest.mark.parametrize(
    "name", ("expm1", "log1p", "sin", "tanh", "erf", "tan", "asin", "atan", "sinh", "asinh", "atanh")
)
def test_denormals_pass_through_functions_of_slope_one_at_zero(name: str) -> None:
    for dtype in FLOATS:
        least = np.finfo(dtype.numpy).smallest_subnormal
        x = np.array([least, -least, 5 * least], dtype.numpy)
        expected = OPS["erf"].reference(x) if name == "erf" else x
        for machine in MACHINES.values():
            assert_same(machine.run(getattr(vector_math, name), x), expected)


def assert_same(found: np.ndarray, expected: np.ndarray) -> None:
    """Equal, the signs of zeros too; any NaN is any other."""
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(found, expected)
    plain = ~np.isnan(expected)
    np.testing.assert_array_equal(np.signbit(found[plain]), np.signbit(expected[plain]))


# --- pow --------------------------------------------------------------------------------------------------------------


def power_samples(dtype: DType) -> tuple[np.ndarray, np.ndarray]:
    rng, count = np.random.default_rng(5), 10_000 if dtype is float32 else 2_000
    spans = [((0, 10), (-20, 20)), ((0.5, 2), (-1000, 1000)), ((0.99, 1.01), (-5e4, 5e4)), ((0, 1e-3), (-20, 20))]
    pairs = [(around(rng, dtype, *base, count), around(rng, dtype, *exponent, count)) for base, exponent in spans]
    pairs.append((around(rng, dtype, -10, 10, count), np.round(around(rng, dtype, -20, 20, count))))
    base = np.abs(full_range(rng, dtype, count))  # and exponents that keep the result within the range
    with np.errstate(all="ignore"):
        limit = np.log(np.finfo(dtype.numpy).max).astype(np.float64)
        pairs.append((base, (rng.uniform(-1.05, 1.05, base.size) * limit / np.log(base)).astype(dtype.numpy)))
    return np.concatenate([x for x, _ in pairs]), np.concatenate([y for _, y in pairs])


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("dtype", FLOATS, ids=repr)
def test_powers_are_within_two_units_in_the_last_place(dtype: DType, machine: str) -> None:
    x, y = power_samples(dtype)
    wide = np.float64 if dtype is float32 else np.longdouble
    with np.errstate(all="ignore"):
        error = ulp_error(MACHINES[machine].run(vector_math.pow_, x, y), np.power(x.astype(wide), y.astype(wide)))
    worst = int(np.argmax(error))
    assert error[worst] <= 2, (x[worst], y[worst])


def every_pair(dtype: DType) -> tuple[np.ndarray, np.ndarray]:
    x, y = np.meshgrid(domains.hostile(dtype), domains.hostile(dtype))
    return x.ravel(), y.ravel()


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("dtype", FLOATS, ids=repr)
def test_powers_have_the_special_cases_of_c(dtype: DType, machine: str) -> None:
    x, y = every_pair(dtype)
    with np.errstate(all="ignore"):
        expected = np.power(x, y)
    special = ~np.isfinite(expected) | (expected == 0) | (expected == 1)
    found = MACHINES[machine].run(vector_math.pow_, x, y)
    assert_same(found[special], expected[special])


# --- atan2 ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("dtype", FLOATS, ids=repr)
def test_angles_of_points_are_within_two_units_in_the_last_place(dtype: DType, machine: str) -> None:
    rng, count = np.random.default_rng(9), 20_000 if dtype is float32 else 4_000
    groups = [
        every_pair(dtype),
        (around(rng, dtype, -1, 1, count), around(rng, dtype, -1, 1, count)),
        (full_range(rng, dtype, count), full_range(rng, dtype, count)),
    ]
    y, x = (np.concatenate([group[place] for group in groups]) for place in (0, 1))
    wide = np.float64 if dtype is float32 else np.longdouble
    found = MACHINES[machine].run(vector_math.atan2, y, x)
    with np.errstate(all="ignore"):
        truth = np.arctan2(y.astype(wide), x.astype(wide))
    assert np.max(ulp_error(found, truth)) <= OPS["atan2"].ulp
    zero = truth == 0
    np.testing.assert_array_equal(np.signbit(found[zero]), np.signbit(truth[zero]))


# --- rem, max, min ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("dtype", FLOATS, ids=repr)
def test_remainders_are_exact(dtype: DType, machine: str) -> None:
    rng = np.random.default_rng(11)
    least = np.finfo(dtype.numpy).smallest_subnormal
    small_moduli = (rng.integers(1, 1000, 2000) * least).astype(dtype.numpy)
    groups = [
        every_pair(dtype),
        (full_range(rng, dtype, 20_000), full_range(rng, dtype, 20_000)),
        (full_range(rng, dtype, 2000 - domains.hostile(dtype).size), small_moduli),
        (around(rng, dtype, -1e6, 1e6, 5000), around(rng, dtype, -10, 10, 5000)),
    ]
    x, y = (np.concatenate([group[place] for group in groups]) for place in (0, 1))
    with np.errstate(all="ignore"):
        assert_same(MACHINES[machine].run(vector_math.rem, x, y), np.fmod(x, y))


@pytest.mark.parametrize("dtype", FLOATS, ids=repr)
@pytest.mark.parametrize("name", ("nextafter", "copysign"))
def test_neighbours_and_copied_signs_are_those_of_numpy_to_the_bit(name: str, dtype: DType) -> None:
    rng = np.random.default_rng(12)
    x, y = (np.concatenate(pair) for pair in zip(every_pair(dtype), (full_range(rng, dtype, 2000) for _ in range(2))))
    with np.errstate(all="ignore"):
        expected = getattr(np, name)(x, y)
    assert_same(MACHINES["fma"].run(getattr(vector_math, name), x, y), expected)


@pytest.mark.parametrize("dtype", FLOATS, ids=repr)
@pytest.mark.parametrize(("function", "numpy"), [(vector_math.max_, np.maximum), (vector_math.min_, np.minimum)])
def test_maximum_and_minimum_propagate_nan_from_either_side(function: Callable, numpy: Callable, dtype: DType) -> None:
    x, y = every_pair(dtype)
    np.testing.assert_array_equal(MACHINES["fma"].run(function, x, y), numpy(x, y))


# --- every record, and the machine itself -----------------------------------------------------------------------------


UNROUNDED = [
    name
    for name, op in OPS.items()
    if op.flags.elementwise and op.ulp == 0 and op.lower.expand is not unreachable  # parts of complex numbers
]


@pytest.mark.parametrize("name", UNROUNDED)
def test_exact_records_expand_to_their_reference(name: str) -> None:
    """Over reals; complex numbers have rules and bounds of their own, which tests/ops/test_complex.py tries."""
    op = OPS[name]
    for dtype in [each for each in op.domain.dtypes if each.kind != "complex"]:
        for arrays, attributes in op.domain.cases(np.random.default_rng(1), dtype):
            with np.errstate(all="ignore"):
                found = op.lower.expand(MACHINES["fma"], *arrays, **attributes)
            expected = op.reference(*arrays, **attributes)
            assert found.dtype == expected.dtype
            if expected.dtype.kind == "V":  # NumPy does not find the NaN of a bfloat16
                found, expected = found.astype(np.float32), expected.astype(np.float32)
            np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(("fused", "dtype"), [(fused_32, float32), (fused_64, float64)])
def test_the_emulated_fused_multiply_add_rounds_once(fused: Callable, dtype: DType) -> None:
    rng = np.random.default_rng(2)
    x, y, z = (full_range(rng, dtype, 3000) for _ in range(3))
    half = x.size // 2
    with np.errstate(all="ignore"):
        z[:half] = np.nextafter(-x[:half] * y[:half], dtype.numpy.type(0))  # cancellation leaves the product's low bits
        found = fused(x, y, z)
    for a, b, c, result in zip(x.tolist(), y.tolist(), z.tolist(), found.tolist()):
        if math.isfinite(a) and math.isfinite(b) and math.isfinite(c):
            exact = Fraction(a) * Fraction(b) + Fraction(c)
            assert result == nearest(exact, dtype), (a, b, c)


def nearest(exact: Fraction, dtype: DType) -> float:
    """The number of the format nearest to a fraction, of two the even one."""
    limits = np.finfo(dtype.numpy)
    if exact == 0:
        return 0.0
    exponent = max(math.floor(math.log2(abs(exact.numerator)) - math.log2(exact.denominator)) - 1, int(limits.minexp))
    while abs(exact) >= Fraction(2) ** (exponent + 1):
        exponent += 1
    unit = Fraction(2) ** (exponent - limits.nmant)
    rounded = round(exact / unit) * unit
    if abs(rounded) > Fraction(float(limits.max)):
        return INF if exact > 0 else -INF
    return float(rounded)

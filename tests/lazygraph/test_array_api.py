"""The names of the Array API 2024.12 are there, and take what the standard's signatures take.

The table holds each function of the standard's main part with its signature, as data-apis.org/array-api/2024.12 gives
it. A signature of ours may take more (an optional parameter by place, as NumPy does), never less.
"""

import inspect
import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import lazygraph as lg
from tests.house.source import ROOT
from tests.lazygraph.evaluation import evaluate

OVER_ALL = "x, /, *, axis=None, keepdims=False"
ONE, TWO = "x, /", "x1, x2, /"
SIGNATURES: dict[str, str] = {
    # creation
    "arange": "start, /, stop=None, step=1, *, dtype=None, device=None",
    "asarray": "obj, /, *, dtype=None, device=None, copy=None",
    "empty": "shape, *, dtype=None, device=None",
    "empty_like": "x, /, *, dtype=None, device=None",
    "eye": "n_rows, n_cols=None, /, *, k=0, dtype=None, device=None",
    "from_dlpack": "x, /, *, device=None, copy=None",
    "full": "shape, fill_value, *, dtype=None, device=None",
    "full_like": "x, /, fill_value, *, dtype=None, device=None",
    "linspace": "start, stop, /, num, *, dtype=None, device=None, endpoint=True",
    "meshgrid": "*arrays, indexing='xy'",
    "ones": "shape, *, dtype=None, device=None",
    "ones_like": "x, /, *, dtype=None, device=None",
    "tril": "x, /, *, k=0",
    "triu": "x, /, *, k=0",
    "zeros": "shape, *, dtype=None, device=None",
    "zeros_like": "x, /, *, dtype=None, device=None",
    # dtypes
    "astype": "x, dtype, /, *, copy=True, device=None",
    "can_cast": "from_, to, /",
    "finfo": "type, /",
    "iinfo": "type, /",
    "isdtype": "dtype, kind",
    "result_type": "*arrays_and_dtypes",
    # element by element
    **dict.fromkeys("abs acos acosh asin asinh atan atanh bitwise_invert ceil conj cos cosh exp expm1".split(), ONE),
    **dict.fromkeys("floor imag isfinite isinf isnan log log1p log2 log10 logical_not negative positive real".split(),
    ONE),
    **dict.fromkeys("reciprocal round sign signbit sin sinh square sqrt tan tanh trunc".split(), ONE),
    **dict.fromkeys("add atan2 bitwise_and bitwise_left_shift bitwise_or bitwise_right_shift bitwise_xor".split(), TWO),
    **dict.fromkeys("copysign divide equal floor_divide greater greater_equal hypot less less_equal".split(), TWO),
    **dict.fromkeys("logaddexp logical_and logical_or logical_xor maximum minimum multiply nextafter".split(), TWO),
    **dict.fromkeys("not_equal pow remainder subtract".split(), TWO),
    "clip": "x, /, min=None, max=None",
    # indexing, searching, sorting, sets
    "take": "x, indices, /, *, axis=None",
    "take_along_axis": "x, indices, /, *, axis=-1",
    "argmax": OVER_ALL,
    "argmin": OVER_ALL,
    "count_nonzero": OVER_ALL,
    "nonzero": ONE,
    "searchsorted": "x1, x2, /, *, side='left', sorter=None",
    "where": "condition, x1, x2, /",
    "argsort": "x, /, *, axis=-1, descending=False, stable=True",
    "sort": "x, /, *, axis=-1, descending=False, stable=True",
    **dict.fromkeys("unique_all unique_counts unique_inverse unique_values".split(), ONE),
    # products
    "matmul": TWO,
    "matrix_transpose": ONE,
    "tensordot": "x1, x2, /, *, axes=2",
    "vecdot": "x1, x2, /, *, axis=-1",
    # shapes
    "broadcast_arrays": "*arrays",
    "broadcast_to": "x, /, shape",
    "concat": "arrays, /, *, axis=0",
    "expand_dims": "x, /, axis",
    "flip": "x, /, *, axis=None",
    "moveaxis": "x, source, destination, /",
    "permute_dims": "x, /, axes",
    "repeat": "x, repeats, /, *, axis=None",
    "reshape": "x, /, shape, *, copy=None",
    "roll": "x, /, shift, *, axis=None",
    "squeeze": "x, /, axis",
    "stack": "arrays, /, *, axis=0",
    "tile": "x, repetitions, /",
    "unstack": "x, /, *, axis=0",
    # statistics and utilities
    "cumulative_prod": "x, /, *, axis=None, dtype=None, include_initial=False",
    "cumulative_sum": "x, /, *, axis=None, dtype=None, include_initial=False",
    **dict.fromkeys("all any max mean min".split(), OVER_ALL),
    **dict.fromkeys("prod sum".split(), "x, /, *, axis=None, dtype=None, keepdims=False"),
    **dict.fromkeys("std var".split(), "x, /, *, axis=None, correction=0.0, keepdims=False"),
    "diff": "x, /, *, axis=-1, n=1, prepend=None, append=None",
    "__array_namespace_info__": "",
}  # fmt: skip
METHODS: dict[str, str] = {
    **dict.fromkeys("abs bool dlpack_device float index int invert neg pos".split(), "self, /"),
    **dict.fromkeys("add and eq floordiv ge gt le lshift lt matmul mod mul ne or pow rshift sub truediv xor".split(),
                    "self, other, /"),
    **dict.fromkeys("radd rand rfloordiv rlshift rmatmul rmod rmul ror rpow rrshift rsub rtruediv rxor".split(),
                    "self, other, /"),
    "array_namespace": "self, /, *, api_version=None",
    "dlpack": "self, /, *, stream=None, max_version=None, dl_device=None, copy=None",
    "getitem": "self, key, /",
    "setitem": "self, key, value, /",
}  # fmt: skip
CONSTANTS = ("e", "inf", "nan", "newaxis", "pi")
DTYPES = "bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 float32 float64 complex64 complex128".split()
ATTRIBUTES = ("dtype", "device", "mT", "ndim", "shape", "size", "T")

PAGE = (ROOT / "docs" / "numpy.md").read_text()


def parsed(signature: str) -> inspect.Signature:
    """The signature in these words, with the defaults that they name."""
    namespace: dict[str, Any] = {}
    exec(f"def function({signature}): ...", namespace)
    return inspect.signature(namespace["function"])


def accepts(ours: inspect.Signature, standard: inspect.Signature) -> str | None:
    """What a call that the standard allows would not find in ours; None where ours takes it."""
    takes_any = any(each.kind is each.VAR_KEYWORD for each in ours.parameters.values())
    mine = list(ours.parameters.values())
    for place, wanted in enumerate(standard.parameters.values()):
        found = ours.parameters.get(wanted.name)
        if wanted.kind is wanted.VAR_POSITIONAL:
            if not any(each.kind is each.VAR_POSITIONAL for each in mine):
                return f"any number of arguments for *{wanted.name}"
            continue
        by_place = wanted.kind in (wanted.POSITIONAL_ONLY, wanted.POSITIONAL_OR_KEYWORD)
        if by_place and not any(each.kind is each.VAR_POSITIONAL for each in mine):
            if len(mine) <= place or mine[place].kind is inspect.Parameter.KEYWORD_ONLY:
                return f"an argument at place {place} for {wanted.name}"
            if wanted.default is not wanted.empty and mine[place].default is wanted.empty:
                return f"a default for {wanted.name}"
        if wanted.kind in (wanted.KEYWORD_ONLY, wanted.POSITIONAL_OR_KEYWORD) and not takes_any:
            if found is None or found.kind is found.POSITIONAL_ONLY:
                return f"the keyword {wanted.name}"
            if wanted.default is not wanted.empty and found.default != wanted.default:
                return f"the default {wanted.name}={wanted.default}, found {found.default}"
    needed = [each for each in mine[len(standard.parameters) :] if each.default is each.empty]
    extra = [each.name for each in needed if each.kind not in (each.VAR_POSITIONAL, each.VAR_KEYWORD)]
    extra = [name for name in extra if name not in standard.parameters]
    return f"an argument for {extra[0]} in no call" if extra else None


def is_left_out(name: str) -> bool:
    return f"`{name}`" in PAGE


@pytest.mark.parametrize("name", sorted(SIGNATURES))
def test_functions_take_what_the_standard_says(name: str) -> None:
    if not hasattr(lg, name):
        assert is_left_out(name), f"{name} is neither there nor on the page of what is left out"
        return
    assert accepts(inspect.signature(getattr(lg, name)), parsed(SIGNATURES[name])) is None


@pytest.mark.parametrize("name", sorted(METHODS))
def test_methods_take_what_the_standard_says(name: str) -> None:
    method = getattr(lg.Tensor, f"__{name}__")
    assert accepts(inspect.signature(method), parsed(METHODS[name])) is None


def test_the_comparison_of_signatures_sees_what_is_missing() -> None:
    def complaint(ours: str, standard: str) -> str | None:
        return accepts(parsed(ours), parsed(standard))

    assert complaint("x, axis=None, *, k=0", "x, /, *, axis=None") is None
    assert complaint("x, *, axis=0", "x, /, *, axis=None") == "the default axis=None, found 0"
    assert complaint("x", "x, /, *, axis=None") == "the keyword axis"
    assert complaint("x, y, /", "x, y") == "the keyword x"
    assert complaint("x, *, y", "x, y, /") == "an argument at place 1 for y"
    assert complaint("x, y", "x, /") == "an argument for y in no call"
    assert complaint("x", "*x") == "any number of arguments for *x"
    assert complaint("x, y", "x, /, y=None") == "a default for y"


def test_constants_dtypes_and_attributes_are_there() -> None:
    x = lg.zeros((2, 3), lg.float32)
    assert lg.pi == np.pi and lg.e == np.e and lg.inf == np.inf and np.isnan(lg.nan) and lg.newaxis is None
    assert {name: hasattr(lg, name) or is_left_out(name) for name in DTYPES} == dict.fromkeys(DTYPES, True)
    assert all(hasattr(x, name) for name in ATTRIBUTES)
    assert (x.device, x.ndim, x.shape, x.size, x.T.shape, x.mT.shape) == ("cpu", 2, (2, 3), 6, (3, 2), (3, 2))


# --- inspection, dtypes ----------------------------------------------------------------------------------------------


def test_what_the_package_says_of_itself() -> None:
    info = lg.__array_namespace_info__()
    assert lg.__array_api_version__ == "2024.12"
    assert info.capabilities().keys() == {"boolean indexing", "data-dependent shapes", "max dimensions"}
    assert info.default_device() in info.devices()
    assert info.default_dtypes()["real floating"] == lg.zeros(1).dtype
    assert info.default_dtypes()["integral"] == lg.arange(1).dtype
    assert info.default_dtypes()["indexing"] == lg.argmax([1]).dtype
    assert info.dtypes(kind=("bool", "unsigned integer")).keys() == {"bool", "uint8", "uint16", "uint32", "uint64"}
    assert "bfloat16" not in info.dtypes()
    with pytest.raises(ValueError, match="expected one of 'cpu', found 'abacus'"):
        info.dtypes(device="abacus")
    with pytest.raises(ValueError, match="expected a dtype or one of 'bool', 'signed integer'"):
        info.dtypes(kind="prime")


@pytest.mark.parametrize("name", ["float16", "float32", "float64"])
def test_limits_of_floats(name: str) -> None:
    found, expected = lg.finfo(getattr(lg, name)), np.finfo(name)
    for field in ("bits", "eps", "max", "min", "smallest_normal", "smallest_subnormal", "tiny"):
        assert getattr(found, field) == getattr(expected, field)
    assert found.dtype == getattr(lg, name)
    assert lg.finfo(lg.zeros(1, found.dtype)) == found


def test_limits_of_integers_and_of_what_has_none() -> None:
    for name in ("int8", "uint16", "int64", "uint64"):
        found, expected = lg.iinfo(name), np.iinfo(name)
        assert (found.bits, found.min, found.max, found.dtype) == (
            expected.bits,
            expected.min,
            expected.max,
            name_of(name),
        )
    with pytest.raises(lg.DTypeError, match="finfo: expected a float dtype, found int8"):
        lg.finfo(lg.int8)
    with pytest.raises(lg.DTypeError, match="iinfo: expected an integer dtype, found float32"):
        lg.iinfo(np.ones(1, np.float32))


def name_of(name: str) -> lg.DType:
    return getattr(lg, name)


def test_casts_that_lose_nothing() -> None:
    names = "bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 float16 float32 float64".split()
    for source in names:
        for target in names:
            assert lg.can_cast(name_of(source), name_of(target)) == np.can_cast(source, target)
            assert lg.isdtype(name_of(source), name_of(target)) == (source == target)
    assert lg.can_cast(lg.zeros(1, lg.int8), lg.int16)
    assert not lg.can_cast(lg.float32, lg.bfloat16)
    for kind in ("bool", "signed integer", "unsigned integer", "integral", "real floating", "numeric"):
        for name in names:
            assert lg.isdtype(name_of(name), kind) == np.isdtype(np.dtype(name), kind)


# --- the array object ------------------------------------------------------------------------------------------------


def test_the_protocol_of_arrays() -> None:
    x = lg.arange(6).reshape(2, 3)
    assert x.__array_namespace__() is lg
    assert x.__array_namespace__(api_version="2024.12") is lg
    with pytest.raises(ValueError, match="expected '2024.12', found '2021.12'"):
        x.__array_namespace__(api_version="2021.12")
    assert x.to_device("cpu") is x
    with pytest.raises(ValueError, match="'tpu:0'"):
        x.to_device("tpu:0")
    np.testing.assert_array_equal(np.from_dlpack(x), np.arange(6).reshape(2, 3))
    assert tuple(x.__dlpack_device__()) == tuple(np.ones(1).__dlpack_device__())
    with pytest.raises(TypeError, match="depends on the placeholder x"):
        np.from_dlpack(lg.placeholder((2,), lg.float32, "x"))


def test_numbers_out_of_constants() -> None:
    x = lg.constant(3)
    assert (int(x), float(x), bool(x), operator.index(x), [10, 20, 30, 40][x]) == (3, 3.0, True, 3, 40)
    assert bool(lg.constant(float("nan"))) and not bool(lg.constant(-0.0))
    x = lg.placeholder((), lg.float32, "x")
    for convert in (bool, int, float, complex):
        with pytest.raises(ValueError, match="depends on the placeholder x"):
            convert(x)
    assert divmod(lg.constant(7), 2) == (3, 1)
    with pytest.raises(TypeError, match="an index is an integer scalar"):
        operator.index(lg.constant(3.0))


OPERATORS: list[tuple[Callable[..., Any], Any, Any]] = [
    (getattr(operator, name), left, right)
    for name, left, right in [
        ("add", [1, 2], 3), ("sub", [1, 2], 3), ("mul", [1, 2], 3), ("truediv", [1, 2], 4), ("floordiv", [7, -7], 2),
        ("mod", [7, -7], 3), ("pow", [2, 3], 2), ("matmul", [1, 2], [3, 4]), ("and_", [6, 3], 5), ("or_", [6, 3], 5),
        ("xor", [6, 3], 5), ("lshift", [6, 3], 2), ("rshift", [6, 3], 1), ("lt", [1, 2], 2), ("le", [1, 2], 2),
        ("gt", [1, 2], 1), ("ge", [1, 2], 2), ("eq", [1, 2], 2), ("ne", [1, 2], 2),
    ]
]  # fmt: skip


@pytest.mark.parametrize(("function", "left", "right"), OPERATORS, ids=lambda each: getattr(each, "__name__", ""))
def test_operators_from_both_sides_and_in_place(function: Callable[..., Any], left: Any, right: Any) -> None:
    expected, mirrored = function(np.array(left), np.array(right)), function(np.array(right), np.array(left))
    x = lg.constant(left)
    np.testing.assert_array_equal(evaluate(function(x, right)), expected)
    np.testing.assert_array_equal(evaluate(function(np.array(left), lg.constant(right))), expected)
    np.testing.assert_array_equal(evaluate(function(right, x)), mirrored)
    in_place = getattr(operator, f"i{function.__name__.rstrip('_')}", None)
    if in_place is not None:
        rebound = in_place(x, lg.constant(right))
        np.testing.assert_array_equal(evaluate(rebound), expected)
        np.testing.assert_array_equal(evaluate(x), left)


def test_one_operand_operators() -> None:
    array = np.array([-2, 3])
    x = lg.constant(array)
    for found, expected in [(-x, -array), (+x, array), (~x, ~array), (abs(x), abs(array))]:
        np.testing.assert_array_equal(evaluate(found), expected)


# --- devices and copies ----------------------------------------------------------------------------------------------


def test_devices_and_copies_are_said_and_refused() -> None:
    x = lg.arange(3.0)
    for made in [
        lg.zeros(2, device="cpu"), lg.full((2,), 1, device="cpu"), lg.arange(2, device="cpu"), lg.eye(2, device="cpu"),
        lg.linspace(0, 1, 2, device="cpu"), lg.zeros_like(x, device="cpu"), lg.full_like(x, 1, device="cpu"),
        lg.asarray([1], device="cpu"), lg.astype(x, lg.int8, device="cpu"),
    ]:  # fmt: skip
        assert made.device == "cpu"
    for make in [lambda d: lg.ones(2, device=d), lambda d: lg.eye(2, device=d), lambda d: lg.arange(2, device=d),
                 lambda d: lg.asarray(1, device=d), lambda d: lg.empty_like(x, device=d)]:  # fmt: skip
        with pytest.raises(ValueError, match="device: expected one of 'cpu', found 'gpu'"):
            make("gpu")
    assert lg.asarray(x) is x and lg.asarray(x, copy=False) is x and lg.asarray(x, copy=True) is not x
    assert lg.astype(x, lg.float64, copy=False) is x and lg.astype(x, lg.float64) is not x
    with pytest.raises(ValueError, match="always a copy"):
        lg.asarray(np.ones(2), copy=False)
    with pytest.raises(ValueError, match="a copy is needed to become float32"):
        lg.asarray(x, dtype=lg.float32, copy=False)
    with pytest.raises(ValueError, match="always a copy"):
        lg.from_dlpack(np.ones(2), copy=False)


def test_nested_sequences_of_tensors_are_stacked() -> None:
    x = lg.placeholder((), lg.float32, "x")
    found = lg.asarray([[x, 1], [2, x * x]])
    np.testing.assert_array_equal(evaluate(found, {x: 3}), np.array([[3, 1], [2, 9]]))
    np.testing.assert_array_equal(evaluate(lg.array(5, ndmin=2)), [[5]])


@pytest.mark.parametrize("endpoint", [False, True])
@pytest.mark.parametrize("count", [0, 1, 2, 7])
def test_linspace_between_numbers_and_between_tensors(count: int, endpoint: bool) -> None:
    low, high = np.array([[0.0], [5.0]]), np.array([1.0, 3.0, -2.0])
    for axis in (0, -1, 1):
        found = evaluate(lg.linspace(low, high, count, endpoint, axis=axis))
        np.testing.assert_allclose(found, np.linspace(low, high, count, endpoint, axis=axis), rtol=1e-15)
    for ends in [(2, -3), (0.1, 0.7), (5, 5)]:
        found, expected = evaluate(lg.linspace(*ends, count, endpoint)), np.linspace(*ends, count, endpoint)
        np.testing.assert_array_equal(found, expected)
        assert found.dtype == expected.dtype
    np.testing.assert_array_equal(evaluate(lg.linspace(-2, 3, count, dtype=int)), np.linspace(-2, 3, count, dtype=int))


def test_linspace_of_a_symbolic_number() -> None:
    n = lg.dim("n")
    x = lg.placeholder((n,), lg.float64, "x")
    for size in (0, 1, 5):
        found = evaluate(lg.linspace(0, 1, n) + x, {x: np.zeros(size)})
        np.testing.assert_array_equal(found, np.linspace(0, 1, size))

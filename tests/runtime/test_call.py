"""Calling compiled code from Python: whatever is handed over, the result is right or the error names the argument."""

import gc
import sys
import threading
import weakref

import numpy as np
import pytest

from lazygraph.runtime.arguments import normalise
from lazygraph.runtime.artifact import CheckFailed, Parameter
from lazygraph.runtime.dtypes import bool_, float64, int32, int64
from lazygraph.runtime.executable import Executable
from lazygraph.runtime.interpreter import probe
from lazygraph.runtime.record import BIG
from tests.runtime.programs import Symbol, doubling, loaded, n, of_symbol


@pytest.fixture(scope="module")
def double() -> Executable:
    """y = x + x for float32 vectors of any length."""
    return loaded(doubling(), single=True)


def call(function: Executable, *values: object) -> np.ndarray:
    """As a compiled function is called: the quick way, and the other one where that gives up."""
    result = function.fast(*values)
    return function.run(values)[0] if result is None else result


def test_the_interpreter_is_laid_out_as_known() -> None:
    probe()


def test_an_ordinary_call_takes_the_quick_way_after_the_first(double: Executable) -> None:
    for size in (0, 1, 7, 1000):
        x = np.arange(size, dtype=np.float32)
        double.run([x])
        result = double.fast(x)
        assert type(result) is np.ndarray and result.dtype == np.float32 and result.flags.owndata
        assert np.array_equal(result, x + x)


class Subclass(np.ndarray):
    pass


class Convertible:
    def __array__(self, dtype: object = None, copy: object = None) -> np.ndarray:
        return np.arange(4, dtype=np.float32)


base = np.arange(32, dtype=np.float32)
unaligned = np.frombuffer(b"\0" + base.tobytes(), np.uint8)[1:].view(np.float32)
frozen = base.copy()
frozen.flags.writeable = False


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (base[::2], base[::2]),
        (base[::-1], base[::-1]),
        (base[3:9], base[3:9]),
        (np.broadcast_to(np.float32(3), (5,)), np.full(5, 3, np.float32)),
        (unaligned, base),
        (frozen, base),
        (base.view(Subclass), base),
        (base.astype(">f4"), base),
        (base.astype(np.float16), base),
        (base.astype(np.int16), base),
        (np.ones(3, bool), np.ones(3, np.float32)),
        ([1, 2, 3], np.array([1, 2, 3], np.float32)),
        ((1.5, 2.5), np.array([1.5, 2.5], np.float32)),
        ([], np.zeros(0, np.float32)),
        (Convertible(), np.arange(4, dtype=np.float32)),
        (memoryview(base), base),
        (np.zeros((0,), np.float32), np.zeros(0, np.float32)),
        (np.array([np.nan, np.inf, -0.0], np.float32), np.array([np.nan, np.inf, -0.0], np.float32)),
    ],
)
def test_layouts_and_kinds_of_arrays(double: Executable, value: object, expected: np.ndarray) -> None:
    result = call(double, value)
    assert result.dtype == np.float32
    assert np.array_equal(result, expected + expected, equal_nan=True)


@pytest.mark.parametrize(
    ("value", "error", "words"),
    [
        (base.reshape(4, 8), ValueError, ("'x'", "(any,)", "(4, 8)")),
        (np.float32(1), ValueError, ("'x'", "(any,)", "()")),
        (3, ValueError, ("'x'", "()")),
        (base.astype(np.float64), TypeError, ("'x'", "float32", "float64")),
        (base.astype(np.int32), TypeError, ("'x'", "float32", "int32")),
        (base.astype(np.complex64), TypeError, ("'x'", "complex64")),
        (np.array(["a"]), TypeError, ("'x'", "<U1")),
        (np.array([object()]), TypeError, ("'x'", "object")),
        (np.zeros(3, [("a", "f4")]), TypeError, ("'x'",)),
        (np.zeros(3, "M8[s]"), TypeError, ("'x'", "datetime64")),
        (None, TypeError, ("'x'", "NoneType")),
        ("abc", TypeError, ("'x'",)),
        (object(), TypeError, ("'x'",)),
        ([1, [2]], TypeError, ("'x'",)),
        ([1j], TypeError, ("'x'", "complex")),
        ({}, TypeError, ("'x'",)),
        (np.ma.masked_array([1.0], [True]), TypeError, ("'x'", "masked")),
        (np.ndarray, TypeError, ("'x'",)),
    ],
)
def test_what_does_not_fit_is_an_error_that_names_the_argument(
    double: Executable, value: object, error: type[Exception], words: tuple[str, ...]
) -> None:
    with pytest.raises(error) as caught:
        call(double, value)
    assert all(word in str(caught.value) for word in words), caught.value


def test_any_number_of_arguments_is_safe(double: Executable) -> None:
    for count in (0, 2, 3, 50):
        assert double.fast(*[base] * count) is None or count == 2  # two: the second is offered for the output


def test_python_numbers_convert_within_their_kind() -> None:
    integer = Parameter("i", int32, ())
    assert normalise(integer, 7).dtype == np.int32
    assert normalise(integer, True) == 1
    assert normalise(Parameter("b", bool_, ()), False).dtype == np.bool_
    assert normalise(Parameter("f", float64, (2,)), [1, True]).tolist() == [1.0, 1.0]
    with pytest.raises(TypeError, match="'i'.*int32"):
        normalise(integer, 1.5)
    with pytest.raises(TypeError, match="'i'.*int32 does not hold"):
        normalise(integer, 2**40)
    with pytest.raises(TypeError, match="'b'"):
        normalise(Parameter("b", bool_, ()), 1)


def test_a_static_extent_is_held_to() -> None:
    double = loaded(doubling(10), single=True)
    x = np.arange(10, dtype=np.float32)
    assert np.array_equal(call(double, x), 2 * x) and np.array_equal(double.fast(x), 2 * x)
    with pytest.raises(ValueError, match=r"'x': expected shape \(10,\), found \(11,\)"):
        call(double, np.zeros(11, np.float32))


def test_declared_ranges_are_held_to_at_entry() -> None:
    symbol = Symbol("n", 2, 8, 2)
    double = loaded(doubling(of_symbol(symbol), symbol), single=True)
    for size in (2, 4, 8):
        assert len(call(double, np.zeros(size, np.float32))) == size
    for size in (0, 1, 3, 10):
        with pytest.raises(CheckFailed, match=f"x has {size} elements"):
            call(double, np.zeros(size, np.float32))


def test_dims_are_solved_exactly() -> None:
    double = loaded(doubling(n, scale=3, offset=2), single=True)
    assert np.array_equal(call(double, base[:11]), 2 * base[:11])
    assert len(call(double, base[:2])) == 2
    for size in (0, 1, 3, 10):
        with pytest.raises(CheckFailed, match=f"x has {size} elements"):
            call(double, base[:size])


@pytest.mark.parametrize("dtype", [int32, int64, float64])
def test_other_dtypes(dtype: object) -> None:
    double = loaded(doubling(n, dtype=dtype), single=True)  # type: ignore[arg-type]
    x = np.arange(9).astype(dtype.numpy)  # type: ignore[attr-defined]
    assert call(double, x).tolist() == (2 * x).tolist()


# --- outputs ----------------------------------------------------------------------------------------------------------


def test_an_offered_output_is_written(double: Executable) -> None:
    double.run([base])
    out = np.empty(32, np.float32)
    assert double.fast(base, out) is out and np.array_equal(out, 2 * base)
    out[:] = 0
    assert double.run([base], [out])[0] is out and np.array_equal(out, 2 * base)


def test_an_offered_output_may_overlap_the_input(double: Executable) -> None:
    for shift in (0, 5):
        for quick in (True, False):
            room = np.arange(40, dtype=np.float32)
            expected = 2 * room[:32]
            x, out = room[:32], room[shift : shift + 32]
            assert not quick or double.fast(x, out) is None
            assert double.run([x], [out])[0] is out
            assert np.array_equal(out, expected)


@pytest.mark.parametrize(
    ("out", "error"),
    [
        (np.empty(31, np.float32), ValueError),
        (np.empty((32, 1), np.float32), ValueError),
        (np.empty(64, np.float32)[::2], ValueError),
        (frozen, ValueError),
        (unaligned.copy().view(np.uint8)[:128].view(">f4"), TypeError),
        (np.empty(32, np.float64), TypeError),
        (base.view(Subclass), TypeError),
        ([0.0] * 32, TypeError),
        (None, TypeError),
    ],
)
def test_an_offered_output_must_fit(double: Executable, out: object, error: type[Exception]) -> None:
    assert double.fast(base, out) is None
    with pytest.raises(error, match="out for 'y'"):
        double.run([base], [out])


def test_big_outputs_come_from_spare_buffers_only_when_nobody_holds_them(double: Executable) -> None:
    x = np.ones(BIG // 4, np.float32)
    double.run([x])
    first, second = double.fast(x), double.fast(x)
    assert first.base is not None and second.base is not None and first.base is not second.base
    third = double.fast(x)
    assert third.base is None  # both spare buffers are held
    view, address = first[10:20], first.ctypes.data
    del first
    assert all(double.fast(x).ctypes.data != address for _ in range(3))
    assert np.array_equal(view, np.full(10, 2, np.float32))
    del view
    assert double.fast(2 * x).ctypes.data == address
    assert np.array_equal(second, 2 * x) and np.array_equal(third, 2 * x)


def test_references_balance(double: Executable) -> None:
    x, out = np.arange(5, dtype=np.float32), np.empty(5, np.float32)
    for arguments in ((x,), (x, out), (x, x), (None,), ([1],), ()):
        before = [sys.getrefcount(each) for each in (x, out, None, np.dtype(np.float32))]
        for _ in range(1000):
            double.fast(*arguments)
        after = [sys.getrefcount(each) for each in (x, out, None, np.dtype(np.float32))]
        assert all(abs(new - old) < 100 for new, old in zip(after, before)), (arguments, before, after)


def test_a_function_that_nobody_holds_goes_away() -> None:
    function = loaded(doubling(), single=True)
    gone = weakref.ref(function)
    quick = function.fast
    function.run([base])
    del function
    gc.collect()
    assert gone() is None
    assert np.array_equal(quick(base), 2 * base)  # the builtin keeps what it needs: code, arena, tables


def test_many_threads_call_one_function(double: Executable) -> None:
    failures: list[object] = []

    def work(seed: int) -> None:
        rng = np.random.default_rng(seed)
        for _ in range(300):
            x = rng.random(int(rng.integers(0, 3000)), np.float32)
            if not np.array_equal(call(double, x), x + x):
                failures.append(x)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []

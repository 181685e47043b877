"""Loops and branches as programs: where carries live, what is copied, the commit, prints, text, sizes, progress."""

import os
import signal
import threading
import time
from collections.abc import Callable

import numpy as np
import pytest

import lazygraph as lg
from lazygraph.branching import cond
from lazygraph.compiler.program.ir import Choose, Copy, Launch, Place, Program, Repeat, every_step
from lazygraph.compiler.program.parse import parse_program
from lazygraph.compiler.program.print import print_program
from lazygraph.compiler.program.verify import InvalidProgram, verify_program
from lazygraph.runtime import executable
from lazygraph.while_loops import while_loop

K = np.array([1.0, 2.0, 3.0])


def program_of(function: lg.Function) -> Program:
    """The program, which survives its text and keeps the laws."""
    program = parse_program(function.ir("program"))
    assert print_program(program) == function.ir("program")
    verify_program(program)
    return program


def copies(program: Program, kind: str = "") -> list[Copy]:
    """Copies inside loops, or to places of a kind."""
    if kind:
        return [each for each in every_step(program.steps) if isinstance(each, Copy) and each.target.kind == kind]
    loops = [each for each in program.steps if isinstance(each, Repeat)]
    return [each for loop in loops for each in every_step(loop.body) if isinstance(each, Copy)]


# --- values -----------------------------------------------------------------------------------------------------------


def swapped(carry: tuple, x: lg.Tensor) -> tuple:
    """Carries change places, stay, are stacked as they are; so is what the body reads; a constant array is inside."""
    a, b, count, kept = carry
    return (b, a + x * K, count + 1, kept), (a, x, lg.sum(b), count, kept)


def swapped_in_numpy(xs: np.ndarray, total: float) -> tuple:
    a, b, ys = np.zeros(3), np.ones(3), []
    for count, x in enumerate(xs):
        ys.append((a, x, (b[0] + b[1]) + b[2], count, total))
        a, b = b, a + x * K
    return (a, b, len(xs), total), ys


@pytest.mark.parametrize("threads", (1, 2))
def test_a_loop_of_any_length_within_a_loop(threads: int) -> None:
    n = lg.dim("n")
    x, y = lg.placeholder((n, 3), lg.float64, "x"), lg.placeholder((5,), lg.float64, "y")

    def outer(carry: lg.Tensor, row: lg.Tensor) -> tuple:
        last, seen = lg.scan(lambda c, w: (c * 0.5 + w * row, c), carry, y)
        return last, lg.sum(seen, axis=0)

    swaps = lg.scan(swapped, (lg.zeros(3), lg.ones(3), 0, y[0]), x)
    function = lg.function([x, y], (swaps, lg.scan(outer, lg.zeros(3), x, reverse=True)), threads=threads)
    program_of(function)
    rng = np.random.default_rng(0)
    for extent in (0, 1, 2, 9):
        xs, ys = rng.standard_normal((extent, 3)), rng.standard_normal(5)
        (carry, stacked), (last, sums) = function(xs, ys)
        wanted, rows = swapped_in_numpy(xs, ys[0])
        for found, expected in zip(carry, wanted, strict=True):
            np.testing.assert_array_equal(found, expected)
        for number, found in enumerate(stacked):
            assert len(found) == extent
            for at in range(extent):
                np.testing.assert_allclose(found[at], rows[at][number], rtol=1e-15)
        c, expected_sums = np.zeros(3), np.zeros((extent, 3))
        for at in reversed(range(extent)):
            for w in ys:
                expected_sums[at] += c
                c = c * 0.5 + w * xs[at]
        np.testing.assert_array_equal(last, c)
        np.testing.assert_allclose(sums, expected_sums, rtol=1e-15)


def test_threads_and_loops_do_not_change_bits() -> None:
    """A body of parallel kernels and products, on one and two threads."""
    w, x = lg.placeholder((300, 300), lg.float32, "w"), lg.placeholder((6, 300, 300), lg.float32, "x")

    def trip(h: lg.Tensor, e: lg.Tensor) -> tuple:
        new = lg.tanh(h @ w + e)
        return new, lg.sum(new)

    rng = np.random.default_rng(1)
    values = rng.standard_normal((300, 300), np.float32) / 20, rng.standard_normal((6, 300, 300), np.float32)
    results = [
        lg.function([w, x], lg.scan(trip, lg.zeros((300, 300), lg.float32), x), threads=t)(*values) for t in (1, 2)
    ]
    for one, two in zip(*results, strict=True):
        assert one.tobytes() == two.tobytes()


# --- in place ---------------------------------------------------------------------------------------------------------

big = lg.placeholder((2000,), lg.float64, "big")
table = lg.placeholder((30, 40), lg.float64, "table")


def _block(i: lg.Tensor, v: lg.Tensor) -> lg.Tensor:
    return lg.dynamic_update_slice(v, lg.reshape(i * 1.0, (1,)), [i])


def _twice(i: lg.Tensor, v: lg.Tensor) -> lg.Tensor:
    return v.at[i].add(1.0).at[2 * i].set(7.0)


def _row(i: lg.Tensor, v: lg.Tensor) -> lg.Tensor:
    return v.at[i + 1].set(v[i] * 0.5)


def _element(i: lg.Tensor, v: lg.Tensor) -> lg.Tensor:
    return v.at[i, 3].set(5.0)


def _some(i: lg.Tensor, v: lg.Tensor) -> lg.Tensor:
    return cond(i % 2 == 0, lambda c: c.at[i].set(-1.0), lambda c: c, v)


def _inner(i: lg.Tensor, v: lg.Tensor) -> lg.Tensor:
    return lg.fori(0, 3, lambda j, c: c.at[i + j].add(1.0), v)


def _in_numpy(name: str, v: np.ndarray) -> np.ndarray:
    v = v.copy()
    for i in range(20):
        match name:
            case "_block":
                v[i] = i
            case "_twice":
                v[i] += 1
                v[2 * i] = 7
            case "_row":
                v[i + 1] = v[i] * 0.5
            case "_element":
                v[i, 3] = 5
            case "_some":
                v[i] = -1 if i % 2 == 0 else v[i]
            case "_inner":
                for j in range(3):
                    v[i + j] += 1
    return v


@pytest.mark.parametrize("trip", (_block, _twice, _row, _element, _some, _inner))
def test_a_part_of_a_carry_is_written_where_it_is(trip: Callable[..., lg.Tensor]) -> None:
    x = table if trip in (_row, _element) else big
    function = lg.function([x], lg.fori(0, 20, trip, x))
    value = np.random.default_rng(2).random(tuple(map(int, x.shape)))
    np.testing.assert_array_equal(function(value), _in_numpy(trip.__name__, value))
    program = program_of(function)
    assert copies(program) == []
    if x is big:
        assert all([slot.bytes <= 8 for slot in program.slots])


def test_a_part_that_is_still_read_is_written_elsewhere() -> None:
    """The old carry is stacked behind the write, and read by another carry: its old elements are seen."""

    def trip(c: tuple, i: lg.Tensor) -> tuple:
        v, sums = c
        new = v.at[i].set(-1.0)
        return (new, sums + v * new), lg.sum(v)

    function = lg.function([big], lg.scan(trip, (big, lg.zeros(2000)), lg.arange(5)))
    value = np.random.default_rng(3).random(2000)
    (found, sums), seen = function(value)
    v, expected = value.copy(), np.zeros(2000)
    for i in range(5):
        assert abs(seen[i] - v.sum()) < 1e-9
        new = v.copy()
        new[i] = -1
        expected += v * new
        v = new
    np.testing.assert_array_equal(found, v)
    np.testing.assert_array_equal(sums, expected)


def test_a_variable_is_the_carry_of_a_short_loop() -> None:
    v, x = lg.variable(np.zeros(4), "v"), lg.placeholder((6, 4), lg.float64, "x")
    function = lg.function([x], lg.sum(x), updates={v: lg.scan(lambda c, e: (c * 0.5 + e, None), v, x)[0]})
    program = program_of(function)
    assert copies(program, "variable") == [] and len(program.slots) <= 1
    value, expected = np.random.default_rng(4).random((6, 4)), np.zeros(4)
    for _ in range(2):
        function(value)
        for e in value:
            expected = expected * 0.5 + e
    np.testing.assert_array_equal(v.numpy(), expected)


def test_a_variable_that_a_long_loop_renews_is_copied_behind_the_commit() -> None:
    """Behind the commit nobody can interrupt: loops of unknown length run before it."""
    v, n = lg.variable(0.0, "v", lg.float64), lg.dim("n")
    x = lg.placeholder((n,), lg.float64, "x")
    function = lg.function([x], lg.sum(x), updates={v: lg.scan(lambda c, e: (c + e, None), v, x)[0]})
    assert len(copies(program_of(function), "variable")) == 1
    function([1, 2, 3])
    assert v.numpy() == 6


def test_a_loop_without_a_bound_runs_before_the_commit() -> None:
    """Though it reads the new value of a variable: that is made elsewhere, and copied."""
    w, n = lg.variable(0, "w", lg.int64), lg.placeholder((), lg.int64, "n")
    new = w + 1
    function = lg.function([n], while_loop(lambda c: c < n, lambda c: c + new, new), updates={w: new})
    program = program_of(function)
    kinds = [type(each).__name__ for each in program.steps]
    assert kinds.index("RepeatWhile") < kinds.index("Commit") < len(kinds) - 1
    assert [int(function(10)) for _ in range(3)] == [10, 10, 12] and w.numpy() == 3


# --- effects ----------------------------------------------------------------------------------------------------------


def test_a_check_in_a_body_leaves_variables_alone() -> None:
    v, x = lg.variable(0.0, "v", lg.float64), lg.placeholder((4,), lg.float64, "x")

    def trip(c: lg.Tensor, e: lg.Tensor) -> tuple:
        return c + lg.check(e, e < 1, "an element is too large"), c

    total, seen = lg.scan(trip, v, x)
    function = lg.function([x], seen, updates={v: total})
    program_of(function)
    np.testing.assert_array_equal(function([0.5, 0.5, 0.25, 0.25]), [0, 0.5, 1, 1.25])
    with pytest.raises(lg.CheckFailed, match=r"too large(.|\n)*test_nested_programs.py"):
        function([0.5, 0.5, 2, 0.5])
    assert v.numpy() == 1.5


def test_prints_of_every_trip(capsys: pytest.CaptureFixture[str]) -> None:
    x = lg.placeholder((3,), lg.float64, "x")

    def trip(c: lg.Tensor, e: lg.Tensor) -> tuple:
        c = lg.print(c, "sum")
        return cond(e > 1, lambda: lg.print(c + e, "large"), lambda: c + e), None

    function = lg.function([x], lg.scan(trip, 0.0, x)[0])
    assert len(program_of(function).prints) == 2
    assert function([1, 2, 3]) == 6
    assert capsys.readouterr().out.split("\n") == ["sum: 0.0", "sum: 1.0", "large: 3.0", "sum: 3.0", "large: 6.0", ""]


# --- the arena, the code, the cache -----------------------------------------------------------------------------------


def test_the_arena_is_what_the_plan_says() -> None:
    n = lg.dim("n")
    x = lg.placeholder((n, 16), lg.float64, "x")

    def trip(c: lg.Tensor, e: lg.Tensor) -> tuple:
        return lg.sort(lg.sin(c) + e)[::-1], None

    function = lg.function([x], lg.sum(lg.scan(trip, lg.zeros(16), x)[0]), threads=1)
    function(np.ones((50, 16)))
    assert function._executable.arena_bytes == function.memory_plan().arena(n=50) == function.memory_plan().arena(n=5)


def test_one_kernel_for_equal_trips_of_two_loops() -> None:
    x = lg.placeholder((5, 8), lg.float64, "x")
    first, _ = lg.scan(lambda c, e: (lg.tanh(c * 2 + e), None), lg.zeros(8), x)
    second, _ = lg.scan(lambda c, e: (lg.tanh(c * 2 + e), None), first, x, reverse=True)
    program = program_of(lg.function([x], second))
    inside = [each for each in every_step(program.steps) if isinstance(each, Launch) and each.kernel.startswith("tanh")]
    assert len(inside) == 2 and len({each.kernel for each in inside}) == 1


def test_the_key_of_the_cache_knows_bodies() -> None:
    x = lg.placeholder((5,), lg.float64, "x")
    keys = {
        lg.function([x], lg.scan(lambda c, e, k=k: (c * k + e, None), 0.0, x)[0])._compilation.key
        for k in (2.0, 2.0, 3.0)
    }
    assert len(keys) == 2


def test_laws_of_loops() -> None:
    x = lg.placeholder((5,), lg.float64, "x")
    program = program_of(lg.function([x], lg.scan(lambda c, e: (c + e, c), 0.0, x)))
    place = Place("output", 1, ((0, 8),))
    outside = Launch(program.kernels[0].name, (place,) * len(program.kernels[0].buffers))
    twice = next(each for each in program.steps if isinstance(each, Repeat))
    which = Choose(Place("position", 3), ())
    for steps in ((outside,), (Repeat(0, 5, False, (twice,)),), (which,)):
        with pytest.raises(InvalidProgram):
            verify_program(
                Program(*[getattr(program, name) if name != "steps" else (*program.steps, *steps)
                          for name in program.__dataclass_fields__])
            )  # fmt: skip


# --- long loops -------------------------------------------------------------------------------------------------------


def test_progress_of_a_loop() -> None:
    n = lg.dim("n")
    x = lg.placeholder((n,), lg.float32, "x")
    function = lg.function([x], lg.scan(lambda c, e: (lg.sin(c) + e, None), lg.zeros(300, lg.float32), x)[0])
    seen: list[tuple[int, int]] = []
    function.repeat(1, np.ones(400_000, np.float32), progress=lambda done, trips: seen.append((done, trips)))
    assert seen[-1] == (400_000, 400_000) and len({done for done, _ in seen}) == len(seen) > 1


@pytest.mark.alone
def test_ctrl_c_in_a_loop_without_end() -> None:
    n, steps = lg.placeholder((), lg.int64, "n"), lg.variable(0, "steps", lg.int64)
    counted = while_loop(lambda s: s != n, lambda s: s + 1, 0)
    function = lg.function([n], counted, updates={steps: steps + 1})
    assert function(1000) == 1000
    pressed: list[float] = []

    def press() -> None:
        pressed.append(time.perf_counter())
        os.kill(os.getpid(), signal.SIGINT)

    timer = threading.Timer(0.2, press)
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        function(-1)
    late = time.perf_counter() - pressed[0]
    timer.join()
    assert late < 0.2  # 0.003 on an idle machine
    assert steps.numpy() == 1


def test_a_short_loop_without_a_bound_runs_in_the_calling_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that turns out to be long is made again beside it: values and variables are those of one step."""
    n, v = lg.placeholder((), lg.int64, "n"), lg.variable(0.0, "v", lg.float64)
    trips, total = while_loop(lambda s: s[0] != n, lambda s: (s[0] + 1, s[1] + 0.5), (0, v))
    function = lg.function([n], trips, updates={v: total})
    waits: list[int] = []
    waiting = executable.wait_for
    monkeypatch.setattr(executable, "wait_for", lambda *given: (waits.append(1), waiting(*given))[1])
    assert function(10) == 10 and not waits
    assert function(500_000) == 500_000 and len(waits) == 1
    assert v.numpy() == 250_005
    assert function.repeat(2, 4) == 4 and v.numpy() == 250_009


def test_parts_of_arrays_are_read_where_they_are() -> None:
    """Reshaped, or cut along the first axis: no copies, so the memory of a remat scan grows like a square root."""
    x = lg.placeholder((20, 4), lg.float64, "x")

    def trip(c: lg.Tensor, e: lg.Tensor) -> tuple:
        return c + lg.sum(e, axis=0) * x[7, 2], None

    function = lg.function([x], lg.scan(trip, lg.zeros(4), lg.reshape(x[2:], (9, 2, 4)), reverse=True)[0], threads=1)
    value = np.random.default_rng(5).random((20, 4))
    expected = np.zeros(4)
    for pair in value[2:].reshape(9, 2, 4)[::-1]:
        expected = expected + (pair[0] + pair[1]) * value[7, 2]
    np.testing.assert_array_equal(function(value), expected)
    launches = [each for each in every_step(program_of(function).steps) if isinstance(each, Launch)]
    assert Place("input", 0, ((0, 64),), 64) in [place for each in launches for place in each.places]
    arenas, w = [], lg.placeholder((16, 16), lg.float64, "w")
    for length in (64, 4096):
        xs = lg.placeholder((length, 16), lg.float64, "xs")
        last, _ = lg.scan(lambda h, e: (lg.tanh(h @ w + e), None), lg.zeros(16), xs, remat=True)
        arenas.append(lg.function([xs, w], lg.grad(lg.sum(last), w), threads=1).memory_plan().arena())
    assert arenas[1] < 8 * arenas[0]

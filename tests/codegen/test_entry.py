"""The native entry: sizes, checks, the commit point, cancelling, progress, the floating-point environment."""

import ctypes
import functools
import os
import signal
import threading
import time

import numpy as np
import pytest

from lazygraph.compiler.codegen.llvm.entry import emit_entry, kernel_symbols
from lazygraph.compiler.codegen.llvm.environment import REGISTERS
from lazygraph.compiler.codegen.llvm.kernel import emit_kernel
from lazygraph.compiler.codegen.llvm.module import compile_module
from lazygraph.compiler.codegen.llvm.target import NAMED, host
from lazygraph.compiler.ir.dims import Extent, Symbol, ceildiv, maximum, minimum, of_symbol
from lazygraph.compiler.loop.work import work
from lazygraph.compiler.program.ir import Commit, Launch, Message, Parameter, Place, Program, Require, Solve
from lazygraph.runtime.artifact import MEMORY_SYMBOLS, CheckFailed
from lazygraph.runtime.executable import Executable
from lazygraph.runtime.variable import VariableState
from tests.runtime.programs import checking, counting, doubling, elementwise, loaded, n, tensor, tiled

SIZE = 64


def launch(kernel: str, source: str, target: str) -> Launch:
    places = {"x": Place("input", 0), "v": Place("variable", 0), "slot": Place("slot", 0)}
    return Launch(kernel, (places[source], places[target]), 1)


def counter(*, checks: bool = False, size: int = SIZE, tile: int = 0) -> tuple[Executable, VariableState]:
    """v doubles at each step; with `checks`, a step first requires every element of v to be below 100."""
    state = VariableState(np.ones(size, np.float32))
    double = tiled("double", "add", size, tile) if tile else elementwise("double", "add", size)
    kernels = (double, checking("check", size)) if checks else (double,)
    steps = (
        (launch("check", "v", "slot"), launch("double", "v", "slot")) if checks else (launch("double", "v", "slot"),)
    )
    return loaded(counting(size, kernels, steps), [state]), state


X = np.zeros(SIZE, np.float32)


def test_a_step_updates_variables_and_returns_what_they_were() -> None:
    function, state = counter()
    assert function.run([X])[0].tolist() == [1] * SIZE
    (old,) = function.fast(X)
    assert old.tolist() == [2] * SIZE and state.numpy().tolist() == [4] * SIZE


def test_many_steps_in_one_call() -> None:
    function, state = counter()
    (old,) = function.run([X], steps=5)
    assert old.tolist() == [16] * SIZE and state.numpy().tolist() == [32] * SIZE


def test_a_failed_check_leaves_the_variables_after_the_last_whole_step() -> None:
    function, state = counter(checks=True)
    with pytest.raises(CheckFailed, match="an element is not below 100\n  train.py:7"):
        function.run([X], steps=20)
    assert state.numpy().tolist() == [128] * SIZE  # seven steps: 1 .. 64 are below 100, 128 is not
    assert function.fast(X) is None
    assert state.numpy().tolist() == [128] * SIZE
    state.assign(np.ones(SIZE))
    function.run([X], steps=3)
    assert state.numpy().tolist() == [8] * SIZE


@pytest.mark.parametrize("steps", [0, -1])
def test_a_call_takes_a_step_at_least(steps: int) -> None:
    with pytest.raises(ValueError, match=f"at least 1 step; found {steps}"):
        counter()[0].run([X], steps=steps)


def long_counter() -> tuple[Executable, VariableState, np.ndarray]:
    size = 1 << 20
    function, state = counter(size=size, tile=1 << 12)
    state.assign(np.full(size, 1.0, np.float32))
    return function, state, np.zeros(size, np.float32)


def test_progress_is_reported_while_a_long_call_runs() -> None:
    function, _, x = long_counter()
    seen: list[tuple[int, int]] = []
    function.run([x], steps=300, progress=lambda done, steps: seen.append((done, steps)))
    assert seen[-1] == (300, 300) and [done for done, _ in seen] == sorted(done for done, _ in seen)


def test_an_error_in_the_progress_callback_ends_the_call_at_a_step_boundary() -> None:
    function, state, x = long_counter()

    def refuse(done: int, steps: int) -> None:
        raise RuntimeError("enough")

    state.assign(np.zeros(len(x)))
    with pytest.raises(RuntimeError, match="enough"):
        function.run([x], steps=10**9, progress=refuse)
    assert len(set(state.numpy())) == 1


@pytest.mark.alone
def test_ctrl_c_ends_a_long_call_soon_and_at_a_step_boundary() -> None:
    function, state, x = long_counter()
    function.run([x])
    state.assign(np.full(len(x), 1e-38, np.float32))
    pressed: list[float] = []

    def press() -> None:
        time.sleep(0.3)
        pressed.append(time.perf_counter())
        os.kill(os.getpid(), signal.SIGINT)  # as the terminal does: to the process

    presser = threading.Thread(target=press)
    presser.start()
    with pytest.raises(KeyboardInterrupt):
        function.run([x], steps=10**9)
    late = time.perf_counter() - pressed[0]
    presser.join()
    assert late < 0.5  # 0.01 to 0.05 on an idle machine
    values = state.numpy()
    assert len(set(values)) == 1 and values[0] > 1e-38
    function.run([x])  # and it works again
    assert state.numpy()[0] == 2 * values[0] or np.isinf(values[0])


def test_waiting_for_a_variable_can_be_interrupted() -> None:
    function, state = counter()
    function.run([X])
    state.lock.acquire()
    timer = threading.Timer(0.1, os.kill, [os.getpid(), signal.SIGINT])
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        function.fast(X)
    timer.join()
    assert state.lock.locked()
    state.lock.release()
    assert function.fast(X) is not None and not state.lock.locked()


def test_callers_take_turns_at_a_variable() -> None:
    function, state = counter(checks=False)
    other, _ = counter()
    state.assign(np.zeros(SIZE))

    add = loaded(counting(SIZE, (elementwise("double", "add", SIZE),), (launch("double", "v", "slot"),)), [state])
    state.assign(np.full(SIZE, 2.0**-140, np.float32))

    def work(each: Executable) -> None:
        for _ in range(50):
            if each.fast(X) is None:
                each.run([X])

    threads = [threading.Thread(target=work, args=(each,)) for each in (function, add, function, add)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert state.numpy().tolist() == [2.0**60] * SIZE


def test_results_do_not_depend_on_the_number_of_threads() -> None:
    results = []
    size = 1 << 18
    x = np.random.default_rng(0).random(size, np.float32)
    program = Program(
        "exponential",
        (Parameter("x", tensor(size)),),
        (),
        (Parameter("y", tensor(size)),),
        (),
        (),
        (),
        (),
        0,
        (tiled("exp", "mul", size, 512),),
        (Commit(), Launch("exp", (Place("input", 0), Place("output", 0)))),
        (),
    )
    for threads in (1, 2, 3, 4):
        results.append(loaded(program, threads=threads).run([x])[0].tobytes())
    assert len(set(results)) == 1 and np.array_equal(np.frombuffer(results[0], np.float32), x * x)


# --- sizes ------------------------------------------------------------------------------------------------------------

m = of_symbol(Symbol("m"))


def sized(*sizes: Extent) -> Program:
    """x: f32[n, 0], y: f32[m, 0]; an arena of the greatest size; an output of n * m elements is only promised."""
    return Program(
        "sized",
        (Parameter("x", tensor(n, 0)), Parameter("y", tensor(m, 0))),
        (),
        (Parameter("z", tensor(0)),),
        (),
        (Solve(Symbol("n"), 0, 0, 1, 0, 0), Solve(Symbol("m"), 1, 0, 1, 0, 0)),
        (Require(0, 0, 1, 0),),
        (),
        ceildiv(functools.reduce(maximum, sizes, 0), 64) * 64,
        (),
        (Commit(),),
        (Message("wrong", ()),),
    )


@pytest.mark.parametrize(
    ("sizes", "size"),
    [
        ((4 * n,), 28),
        ((4 * n, 8 * m), 40),
        ((n // 2,), 3),
        ((n % 4 + 1,), 4),
        (((n - 9) // 4 + 10,), 9),
        (((n - 9) % 4 + 10,), 12),
        ((minimum(n, m),), 5),
        ((maximum(n, m) * 10,), 70),
        ((ceildiv(n, 3),), 3),
        ((n // (m - 5),), 0),
        ((n % (m - 5),), 7),
        ((n * m - n,), 28),
        ((0,), 0),
        ((-n, 3), 3),
    ],
)
def test_sizes_are_evaluated_at_entry(sizes: tuple[Extent, ...], size: int) -> None:
    function = loaded(sized(*sizes), threads=1)
    function.run([np.zeros((7, 0), np.float32), np.zeros((5, 0), np.float32)])
    assert function.arena_bytes == -(-size // 64) * 64


def test_sizes_that_do_not_fit_are_an_error_and_not_a_small_arena() -> None:
    function = loaded(sized(n * m * 4, 64), threads=1)
    with pytest.raises(MemoryError, match="intermediate results"):
        function.run([np.zeros((2**31, 0), np.float32), np.zeros((2**31, 0), np.float32)])


def test_a_dim_that_no_input_gives_is_an_error_of_the_compiler() -> None:
    with pytest.raises(ValueError, match="dim k is used before it is solved"):
        loaded(sized(4 * of_symbol(Symbol("k"))))


# --- the floating-point environment -----------------------------------------------------------------------------------


@pytest.mark.skipif(host().architecture != "x86_64", reason="sets MXCSR")
def test_subnormals_survive_a_caller_who_flushes_them_to_zero() -> None:
    code = compile_module([_SET_MXCSR], host())
    from lazygraph.runtime.loader import load

    loaded_code = load(code, ("set_mxcsr",))
    exchange = ctypes.CFUNCTYPE(ctypes.c_uint32, ctypes.c_uint32)(loaded_code["set_mxcsr"])
    x = np.full(1 << 16, 1e-40, np.float32)
    function = loaded(doubling(), single=True)
    function.run([x])
    old = exchange(0x9FC0)  # FTZ and DAZ
    result = function.fast(x)
    left = exchange(old)
    assert left & 0x8040 == 0x8040  # the caller's environment is handed back
    assert np.array_equal(result, x + x) and result[0] > 0


_SET_MXCSR = """
declare void @llvm.x86.sse.stmxcsr(ptr)
declare void @llvm.x86.sse.ldmxcsr(ptr)
define i32 @set_mxcsr(i32 %new) {
  %slot = alloca i32
  call void @llvm.x86.sse.stmxcsr(ptr %slot)
  %old = load i32, ptr %slot
  store i32 %new, ptr %slot
  call void @llvm.x86.sse.ldmxcsr(ptr %slot)
  ret i32 %old
}
"""


@pytest.mark.parametrize("name", sorted(NAMED))
def test_the_entry_compiles_for_every_target(name: str) -> None:
    program, target = doubling(), NAMED[name]
    assert target.architecture in REGISTERS
    works = {kernel.name: work(kernel) for kernel in program.kernels}
    texts = [emit_entry(program, works, target)]
    texts += [emit_kernel(kernel, kernel_symbols(program)[kernel.name], target) for kernel in program.kernels]
    assert compile_module(texts, target, allowed=MEMORY_SYMBOLS)


def test_object_code_is_the_same_every_time_and_holds_no_name() -> None:
    program = doubling()
    works = {kernel.name: work(kernel) for kernel in program.kernels}

    def code() -> bytes:
        kernels = [emit_kernel(each, kernel_symbols(program)[each.name], host()) for each in program.kernels]
        return compile_module([emit_entry(program, works, host()), *kernels], host())

    assert code() == code() and b"doubl" not in code()

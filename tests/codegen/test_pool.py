"""The thread pool: every iteration once, whatever the number of threads, callers, forks and cancellations."""

import ctypes
import os
import threading
import time
from collections.abc import Iterator

import numpy as np
import pytest

from lazygraph.compiler.codegen.llvm.module import compile_module
from lazygraph.compiler.codegen.llvm.pool import pool_text
from lazygraph.compiler.codegen.llvm.target import NAMED, host
from lazygraph.runtime.artifact import MEMORY_SYMBOLS, POOL_SYMBOLS
from lazygraph.runtime.loader import Loaded, load
from lazygraph.runtime.memory import address
from lazygraph.runtime.pool import FUNCTIONS, Pool

# closure: {counts*, workers*, spins}: adds 1 to counts[i] after some spinning, notes the worker's number
_KERNEL = """
define void @kernel(ptr %closure, i64 %begin, i64 %end, i64 %worker) {
entry:
  %counts = load ptr, ptr %closure
  %at.workers = getelementptr i64, ptr %closure, i64 1
  %workers = load ptr, ptr %at.workers
  %at.spins = getelementptr i64, ptr %closure, i64 2
  %spins = load i64, ptr %at.spins
  %any = icmp slt i64 %begin, %end
  br i1 %any, label %body, label %done
body:
  %i = phi i64 [ %begin, %entry ], [ %i.next, %spun ]
  br label %spin
spin:
  %s = phi i64 [ 0, %body ], [ %s.next, %spin ]
  %s.next = add i64 %s, 1
  %k = load volatile i64, ptr %closure
  %more = icmp slt i64 %s.next, %spins
  br i1 %more, label %spin, label %spun
spun:
  %at = getelementptr i64, ptr %counts, i64 %i
  %old = load i64, ptr %at
  %new = add i64 %old, 1
  store i64 %new, ptr %at
  %at.worker = getelementptr i64, ptr %workers, i64 %i
  store i64 %worker, ptr %at.worker
  %i.next = add i64 %i, 1
  %again = icmp slt i64 %i.next, %end
  br i1 %again, label %body, label %done
done:
  ret void
}
define void @nested(ptr %closure, i64 %begin, i64 %end, i64 %worker) {
  %at.parallel = getelementptr i64, ptr %closure, i64 3
  %parallel = load ptr, ptr %at.parallel
  %at.team = getelementptr i64, ptr %closure, i64 4
  %team = load ptr, ptr %at.team
  %at.inner = getelementptr i64, ptr %closure, i64 5
  %inner = load ptr, ptr %at.inner
  call void %parallel(ptr %team, ptr @kernel, ptr %inner, i64 100, i64 10, ptr null)
  ret void
}
"""


@pytest.fixture(scope="module")
def code() -> Loaded:
    objects = compile_module([pool_text(host()), _KERNEL], host(), allowed=MEMORY_SYMBOLS | POOL_SYMBOLS)
    return load(objects, (*FUNCTIONS, "kernel", "nested"))


@pytest.fixture(params=[1, 2, 3, 4])
def pool(request: pytest.FixtureRequest, code: Loaded) -> Iterator[Pool]:
    made = Pool(code, request.param)
    yield made
    made.close()


class Job:
    """Arrays that the kernel fills."""

    def __init__(self, total: int, spins: int = 0) -> None:
        self.counts, self.workers = np.zeros(total + 1, np.int64), np.full(total + 1, -1)
        self.closure = np.array([address(self.counts), address(self.workers), spins, 0, 0, 0])
        self.total = total

    def run(
        self, pool: Pool, grain: int, threads: int | None = None, cancel: int | None = None, kernel: str = "kernel"
    ) -> None:
        function = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * 3, ctypes.c_int64, ctypes.c_int64, ctypes.c_void_p)
        parallel = function(pool.parallel)
        team = pool.team(threads or pool.threads)
        parallel(team, pool.code[kernel], address(self.closure), self.total, grain, cancel)

    @property
    def is_done_once(self) -> bool:
        return bool((self.counts[: self.total] == 1).all() and self.counts[self.total] == 0)


@pytest.mark.parametrize(("total", "grain"), [(0, 1), (1, 1), (1, 10), (7, 1), (7, 3), (100, 7), (1000, 1), (5, 5)])
def test_every_iteration_runs_once(pool: Pool, total: int, grain: int) -> None:
    job = Job(total)
    job.run(pool, grain)
    assert job.is_done_once


def test_thousands_of_jobs_of_any_size(pool: Pool) -> None:
    rng = np.random.default_rng(0)
    for _ in range(3000):
        job = Job(int(rng.integers(0, 60)), int(rng.integers(0, 50)))
        job.run(pool, int(rng.integers(1, 9)))
        assert job.is_done_once


def test_workers_are_numbered_below_the_team(pool: Pool) -> None:
    for threads in range(1, pool.threads + 1):
        for _ in range(50):
            job = Job(64, 500)
            job.run(pool, 1, threads)
            assert job.is_done_once and set(job.workers[:64]) <= set(range(threads))


def test_a_sleeping_pool_wakes_up(code: Loaded) -> None:
    pool = Pool(code, 4)
    joined = set()
    for _ in range(20):
        time.sleep(0.005)  # longer than the threads spin
        job = Job(64, 20000)
        job.run(pool, 1)
        assert job.is_done_once
        joined |= set(job.workers[:64])
    pool.close()
    assert len(joined) > 1


def test_a_cancelled_job_stops_between_chunks(pool: Pool) -> None:
    flag = np.ones(1, np.int32)
    job = Job(1000)
    job.run(pool, 10, cancel=address(flag))
    assert not job.counts.any()
    flag[0] = 0
    job.run(pool, 10, cancel=address(flag))
    assert job.is_done_once


@pytest.mark.alone
def test_cancelling_from_another_thread(code: Loaded) -> None:
    pool, flag = Pool(code, 2), np.zeros(1, np.int32)
    job = Job(100_000, 10_000)
    timer = threading.Timer(0.05, flag.fill, [1])
    timer.start()
    start = time.perf_counter()
    job.run(pool, 1, cancel=address(flag))
    assert time.perf_counter() - start < 2
    assert 0 < job.counts.sum() < 100_000 and job.counts.max() == 1
    pool.close()


def test_callers_from_several_threads(pool: Pool) -> None:
    failures: list[Job] = []

    def work() -> None:
        for _ in range(300):
            job = Job(40, 20)
            job.run(pool, 1)
            if not job.is_done_once:
                failures.append(job)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_a_kernel_may_call_back(pool: Pool) -> None:
    inner = Job(100)
    outer = Job(1)
    outer.closure[3:] = pool.parallel, pool.team(pool.threads), address(inner.closure)
    outer.total = 1
    outer.run(pool, 1, kernel="nested")
    assert inner.is_done_once
    many = Job(8)  # two chunks, so that the pool is taken while each calls back
    inner.counts[:] = 0
    many.closure[3:] = outer.closure[3:]
    many.run(pool, 4, kernel="nested", threads=1)
    assert (inner.counts[:100] == 2).all()


def test_a_closed_pool_leaves_the_work_to_the_caller(code: Loaded) -> None:
    pool = Pool(code, 3)
    job = Job(50)
    job.run(pool, 1)
    pool.close()
    again = Job(50)
    again.run(pool, 1)
    assert again.is_done_once and set(again.workers[:50]) == {0}


def test_many_pools_come_and_go(code: Loaded) -> None:
    before = threading.active_count()
    for _ in range(50):
        pool = Pool(code, 4)
        job = Job(30)
        job.run(pool, 1)
        assert job.is_done_once
        pool.close()
    assert threading.active_count() == before


def test_a_forked_child_has_a_pool_of_its_own(code: Loaded) -> None:
    pool = Pool(code, 3)
    warm = Job(100, 100)
    warm.run(pool, 1)
    child = os.fork()
    if child == 0:  # only plain exits from here on: the test runner belongs to the parent
        good = True
        for _ in range(20):
            job = Job(200, 2000)
            job.run(pool, 1)
            good = good and job.is_done_once
        os._exit(0 if good else 1)
    _, status = os.waitpid(child, 0)
    after = Job(200)
    after.run(pool, 1)
    pool.close()
    assert status == 0 and after.is_done_once


@pytest.mark.parametrize("name", sorted(NAMED))
def test_the_pool_compiles_for_every_target(name: str) -> None:
    assert compile_module([pool_text(NAMED[name])], NAMED[name], allowed=MEMORY_SYMBOLS | POOL_SYMBOLS)

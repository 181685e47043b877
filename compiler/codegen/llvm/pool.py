"""The thread pool, as LLVM IR: one text for the JIT's process-wide pool and for the pools of exported libraries.

In: a target. Out: four functions over memory that the caller owns (64-byte aligned, `lg_pool_bytes(threads)` long):
    int64 lg_pool_bytes(int64 threads)
    void  lg_pool_init(pool*, int64 threads)      threads counts the caller; they start at the first parallel call
    void  lg_pool_close(pool*)                    joins the threads; nobody may be inside `lg_parallel`
    void  lg_parallel(team*, kernel*, closure*, int64 total, int64 grain, int32* cancel)   see CONTEXT_PARALLEL
A team is {pool* or null, int64 threads}: how many of the pool's threads a function may use.

Iterations are claimed in chunks of `grain` by an atomic add, so which thread runs which chunk is left to chance;
kernels write disjoint places and hold no sums across chunks, so results do not depend on it. The cancel flag (null:
none) is seen between chunks. One job runs at a time: whoever finds the pool taken (another thread, or a kernel that
calls back) runs its iterations alone.

One word holds the open job: generation << 32 | limit << 16 | joined. A worker that finds joined < limit joins by
compare and swap and is worker joined + 1. The caller works too (worker 0); when nothing is left to claim it closes the
job by swapping in limit 0, and waits for those who joined. A worker that still sleeps is never waited for.

On Linux a worker that wakes up on its caller's processor moves to the others: the scheduler may leave both on one
processor for seconds while another idles (seen on two-core virtual machines: 3.2 ms per step instead of 2.1).
"""

from __future__ import annotations

from lazygraph.compiler.codegen.llvm.environment import register
from lazygraph.compiler.codegen.llvm.target import Target

# Byte offsets. What different threads write lies 64 bytes or more apart; mutexes and conditions get 128 bytes each,
# more than any system's pthread types need (48 with glibc on x86-64 and AArch64, 64 on Darwin).
_TAKEN, _STARTED, _THREADS, _STOP = 0, 8, 16, 24  # i32 taken; i64 started threads; i64 threads; i32 stop
_JOB = 64  # kernel, closure, total, grain, cancel: five words
_CPU = 104  # i32: the caller's processor
_STATE, _NEXT, _FINISHED, _SLEEPERS, _WAITING = 128, 192, 256, 320, 384
_MUTEX, _WORK, _DONE = 448, 576, 704
_ALLOWED = 832  # the processors that the pool may use, as sched_setaffinity takes them: 1024 bits
_HANDLES = 960  # pthread_t of each started thread


def pool_text(target: Target) -> str:
    """The module's text; `POOL_SYMBOLS` and memset are what it needs from outside."""
    place = register(target)
    intrinsic, argument = place.pause
    darwin = "darwin" in target.triple or "macos" in target.triple
    linux = "linux" in target.triple
    environment = _CLEAN_AARCH64 if target.architecture == "aarch64" else _CLEAN_X86
    text = _TEXT
    for name, value in {
        "$DECLARE_PROCESSORS": _DECLARE_PROCESSORS if linux else "",
        "$NOTE_ALLOWED": _NOTE_ALLOWED if linux else "",
        "$NOTE_CPU": _NOTE_CPU if linux else "",
        "$MOVE_AWAY": _MOVE_AWAY if linux else "",
        "$INTRINSIC": intrinsic,
        "$PAUSE_TYPE": argument.split(" ")[0],
        "$PAUSE": f"call void @{intrinsic}({argument})",
        "$SPINS": place.spins,
        "$SETMASK": 3 if darwin else 2,  # SIG_SETMASK
        "$CLEAN_DECLARATION": environment[0],
        "$CLEAN": environment[1].replace("$VALUE", str(place.clean)),
    }.items():
        text = text.replace(name, str(value))
    return text


_CLEAN_X86 = (
    "declare void @llvm.x86.sse.ldmxcsr(ptr)",
    "%clean = alloca i32, align 4\n"
    "  store i32 $VALUE, ptr %clean, align 4\n"
    "  call void @llvm.x86.sse.ldmxcsr(ptr %clean)",
)
_CLEAN_AARCH64 = ("declare void @llvm.aarch64.set.fpcr(i64)", "call void @llvm.aarch64.set.fpcr(i64 $VALUE)")

_DECLARE_PROCESSORS = f"""\
declare i32 @sched_getcpu()
declare i32 @sched_getaffinity(i32, i64, ptr)
declare i32 @sched_setaffinity(i32, i64, ptr)
declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)

; Keep the calling thread off processor %cpu. Where that would leave none, the system refuses and nothing changes.
define internal void @lg.pool.leave.cpu(ptr %pool, i32 %cpu) noinline nounwind {{
entry:
  %mask = alloca [128 x i8], align 16
  %allowed = getelementptr i8, ptr %pool, i64 {_ALLOWED}
  call void @llvm.memcpy.p0.p0.i64(ptr %mask, ptr %allowed, i64 128, i1 false)
  %known = icmp ult i32 %cpu, 1024
  br i1 %known, label %clear, label %end
clear:
  %wide = zext i32 %cpu to i64
  %byte = lshr i64 %wide, 3
  %bit = and i64 %wide, 7
  %set = shl i64 1, %bit
  %set.byte = trunc i64 %set to i8
  %others = xor i8 %set.byte, -1
  %at = getelementptr i8, ptr %mask, i64 %byte
  %old = load i8, ptr %at, align 1
  %new = and i8 %old, %others
  store i8 %new, ptr %at, align 1
  %0 = call i32 @sched_setaffinity(i32 0, i64 128, ptr %mask)
  br label %end
end:
  ret void
}}"""
_NOTE_ALLOWED = f"""\
%allowed = getelementptr i8, ptr %pool, i64 {_ALLOWED}
  %got = call i32 @sched_getaffinity(i32 0, i64 128, ptr %allowed)"""
_NOTE_CPU = f"""\
%cpu = call i32 @sched_getcpu()
  %at.cpu = getelementptr i8, ptr %pool, i64 {_CPU}
  store i32 %cpu, ptr %at.cpu, align 4"""
_MOVE_AWAY = f"""\
%here = call i32 @sched_getcpu()
  %at.cpu = getelementptr i8, ptr %pool, i64 {_CPU}
  %cpu = load i32, ptr %at.cpu, align 4
  %beside = icmp eq i32 %here, %cpu
  br i1 %beside, label %move, label %moved
move:
  call void @lg.pool.leave.cpu(ptr %pool, i32 %cpu)
  br label %moved
moved:"""

_TEXT = f"""\
declare i32 @pthread_mutex_init(ptr, ptr)
declare i32 @pthread_mutex_lock(ptr)
declare i32 @pthread_mutex_unlock(ptr)
declare i32 @pthread_cond_init(ptr, ptr)
declare i32 @pthread_cond_wait(ptr, ptr)
declare i32 @pthread_cond_signal(ptr)
declare i32 @pthread_cond_broadcast(ptr)
declare i32 @pthread_create(ptr, ptr, ptr, ptr)
declare i32 @pthread_join(i64, ptr)
declare i32 @pthread_sigmask(i32, ptr, ptr)
declare void @llvm.memset.p0.i64(ptr, i8, i64, i1)
declare i64 @llvm.smin.i64(i64, i64)
declare void @$INTRINSIC($PAUSE_TYPE)
$CLEAN_DECLARATION
$DECLARE_PROCESSORS

define i64 @lg_pool_bytes(i64 %threads) nounwind {{
entry:
  %handles = mul i64 %threads, 8
  %bytes = add i64 %handles, {_HANDLES}
  ret i64 %bytes
}}

define void @lg_pool_init(ptr %pool, i64 %threads) nounwind {{
entry:
  %bytes = call i64 @lg_pool_bytes(i64 %threads)
  call void @llvm.memset.p0.i64(ptr %pool, i8 0, i64 %bytes, i1 false)
  %at.threads = getelementptr i8, ptr %pool, i64 {_THREADS}
  store i64 %threads, ptr %at.threads, align 8
  %mutex = getelementptr i8, ptr %pool, i64 {_MUTEX}
  %work = getelementptr i8, ptr %pool, i64 {_WORK}
  %done = getelementptr i8, ptr %pool, i64 {_DONE}
  %0 = call i32 @pthread_mutex_init(ptr %mutex, ptr null)
  %1 = call i32 @pthread_cond_init(ptr %work, ptr null)
  %2 = call i32 @pthread_cond_init(ptr %done, ptr null)
  ret void
}}

define void @lg_pool_close(ptr %pool) nounwind {{
entry:
  %at.stop = getelementptr i8, ptr %pool, i64 {_STOP}
  %at.started = getelementptr i8, ptr %pool, i64 {_STARTED}
  %mutex = getelementptr i8, ptr %pool, i64 {_MUTEX}
  %work = getelementptr i8, ptr %pool, i64 {_WORK}
  store atomic i32 1, ptr %at.stop seq_cst, align 4
  %0 = call i32 @pthread_mutex_lock(ptr %mutex)
  %1 = call i32 @pthread_cond_broadcast(ptr %work)
  %2 = call i32 @pthread_mutex_unlock(ptr %mutex)
  %started = load i64, ptr %at.started, align 8
  br label %head
head:
  %i = phi i64 [ 0, %entry ], [ %i.next, %body ]
  %more = icmp slt i64 %i, %started
  br i1 %more, label %body, label %end
body:
  %handles = getelementptr i8, ptr %pool, i64 {_HANDLES}
  %at.handle = getelementptr i64, ptr %handles, i64 %i
  %handle = load i64, ptr %at.handle, align 8
  %3 = call i32 @pthread_join(i64 %handle, ptr null)
  %i.next = add i64 %i, 1
  br label %head
end:
  ret void
}}

; Start threads - 1 workers, with all signals blocked: those are the caller's. Fewer run where the system gives fewer.
define internal void @lg.pool.start(ptr %pool) nounwind {{
entry:
  %all = alloca [128 x i8], align 16
  %old = alloca [128 x i8], align 16
  %at.started = getelementptr i8, ptr %pool, i64 {_STARTED}
  %at.threads = getelementptr i8, ptr %pool, i64 {_THREADS}
  call void @llvm.memset.p0.i64(ptr %all, i8 -1, i64 128, i1 false)
  $NOTE_ALLOWED
  %0 = call i32 @pthread_sigmask(i32 $SETMASK, ptr %all, ptr %old)
  %threads = load i64, ptr %at.threads, align 8
  %wanted = sub i64 %threads, 1
  br label %head
head:
  %i = phi i64 [ 0, %entry ], [ %i.next, %started ]
  %more = icmp slt i64 %i, %wanted
  br i1 %more, label %body, label %end
body:
  %handles = getelementptr i8, ptr %pool, i64 {_HANDLES}
  %at.handle = getelementptr i64, ptr %handles, i64 %i
  %failed = call i32 @pthread_create(ptr %at.handle, ptr null, ptr @lg.pool.worker, ptr %pool)
  %ok = icmp eq i32 %failed, 0
  br i1 %ok, label %started, label %end
started:
  %i.next = add i64 %i, 1
  store i64 %i.next, ptr %at.started, align 8
  br label %head
end:
  %1 = call i32 @pthread_sigmask(i32 $SETMASK, ptr %old, ptr null)
  ret void
}}

; Claim chunks until none is left or the call is cancelled.
define internal void @lg.pool.chunks(ptr %job, ptr %next, i64 %worker) nounwind {{
entry:
  %at.closure = getelementptr i64, ptr %job, i64 1
  %at.total = getelementptr i64, ptr %job, i64 2
  %at.grain = getelementptr i64, ptr %job, i64 3
  %at.cancel = getelementptr i64, ptr %job, i64 4
  %kernel = load ptr, ptr %job, align 8
  %closure = load ptr, ptr %at.closure, align 8
  %total = load i64, ptr %at.total, align 8
  %grain = load i64, ptr %at.grain, align 8
  %cancel = load ptr, ptr %at.cancel, align 8
  %deaf = icmp eq ptr %cancel, null
  br label %claim
claim:
  %begin = atomicrmw add ptr %next, i64 %grain monotonic, align 8
  %more = icmp slt i64 %begin, %total
  br i1 %more, label %ask, label %end
ask:
  br i1 %deaf, label %run, label %look
look:
  %flag = load atomic i32, ptr %cancel monotonic, align 4
  %cancelled = icmp ne i32 %flag, 0
  br i1 %cancelled, label %end, label %run
run:
  %full = add i64 %begin, %grain
  %stop = call i64 @llvm.smin.i64(i64 %full, i64 %total)
  call void %kernel(ptr %closure, i64 %begin, i64 %stop, i64 %worker)
  br label %claim
end:
  ret void
}}

define internal ptr @lg.pool.worker(ptr %pool) nounwind {{
entry:
  $CLEAN
  %at.stop = getelementptr i8, ptr %pool, i64 {_STOP}
  %at.state = getelementptr i8, ptr %pool, i64 {_STATE}
  %at.next = getelementptr i8, ptr %pool, i64 {_NEXT}
  %at.finished = getelementptr i8, ptr %pool, i64 {_FINISHED}
  %at.sleepers = getelementptr i8, ptr %pool, i64 {_SLEEPERS}
  %at.waiting = getelementptr i8, ptr %pool, i64 {_WAITING}
  %mutex = getelementptr i8, ptr %pool, i64 {_MUTEX}
  %work = getelementptr i8, ptr %pool, i64 {_WORK}
  %done = getelementptr i8, ptr %pool, i64 {_DONE}
  %job = getelementptr i8, ptr %pool, i64 {_JOB}
  br label %idle
idle:
  %seen = phi i64 [ 0, %entry ], [ %seen, %woken ], [ %generation, %finish ], [ %generation, %signal ]
  br label %spin
spin:
  %spins = phi i64 [ 0, %idle ], [ %spins.next, %pause ]
  %state = load atomic i64, ptr %at.state seq_cst, align 8
  %generation = lshr i64 %state, 32
  %open = call i1 @lg.pool.open(i64 %state, i64 %seen)
  br i1 %open, label %join, label %pause
pause:
  $PAUSE
  %spins.next = add i64 %spins, 1
  %patient = icmp slt i64 %spins.next, $SPINS
  br i1 %patient, label %spin, label %sleep
sleep:
  %l0 = call i32 @pthread_mutex_lock(ptr %mutex)
  %s0 = atomicrmw add ptr %at.sleepers, i64 1 seq_cst, align 8
  br label %asleep
asleep:
  %stop = load atomic i32, ptr %at.stop seq_cst, align 4
  %stopped = icmp ne i32 %stop, 0
  br i1 %stopped, label %leave, label %check
check:
  %state.now = load atomic i64, ptr %at.state seq_cst, align 8
  %open.now = call i1 @lg.pool.open(i64 %state.now, i64 %seen)
  br i1 %open.now, label %woken, label %wait
wait:
  %w0 = call i32 @pthread_cond_wait(ptr %work, ptr %mutex)
  br label %asleep
woken:
  %s1 = atomicrmw sub ptr %at.sleepers, i64 1 seq_cst, align 8
  %u0 = call i32 @pthread_mutex_unlock(ptr %mutex)
  br label %idle
leave:
  %s2 = atomicrmw sub ptr %at.sleepers, i64 1 seq_cst, align 8
  %u1 = call i32 @pthread_mutex_unlock(ptr %mutex)
  ret ptr null
join:
  %joined.state = add i64 %state, 1
  %swap = cmpxchg ptr %at.state, i64 %state, i64 %joined.state seq_cst seq_cst, align 8
  %won = extractvalue {{ i64, i1 }} %swap, 1
  br i1 %won, label %run, label %pause
run:
  $MOVE_AWAY
  %before = and i64 %state, 65535
  %worker = add i64 %before, 1
  call void @lg.pool.chunks(ptr %job, ptr %at.next, i64 %worker)
  br label %finish
finish:
  %f0 = atomicrmw add ptr %at.finished, i64 1 seq_cst, align 8
  %asleep.caller = load atomic i32, ptr %at.waiting seq_cst, align 4
  %waits = icmp ne i32 %asleep.caller, 0
  br i1 %waits, label %signal, label %idle
signal:
  %l1 = call i32 @pthread_mutex_lock(ptr %mutex)
  %c1 = call i32 @pthread_cond_signal(ptr %done)
  %u2 = call i32 @pthread_mutex_unlock(ptr %mutex)
  br label %idle
}}

; Whether a worker that last joined generation `seen` may join: joined < limit, and another generation.
define internal i1 @lg.pool.open(i64 %state, i64 %seen) alwaysinline nounwind {{
entry:
  %generation = lshr i64 %state, 32
  %joined = and i64 %state, 65535
  %shifted = lshr i64 %state, 16
  %limit = and i64 %shifted, 65535
  %room = icmp ult i64 %joined, %limit
  %new = icmp ne i64 %generation, %seen
  %open = and i1 %room, %new
  ret i1 %open
}}

define void @lg_parallel(ptr %team, ptr %kernel, ptr %closure, i64 %total, i64 %grain, ptr %cancel) nounwind {{
entry:
  %alone.job = alloca [5 x i64], align 8
  %alone.next = alloca i64, align 8
  %pool = load ptr, ptr %team, align 8
  %absent = icmp eq ptr %pool, null
  br i1 %absent, label %alone, label %count
count:
  %at.allowed = getelementptr i64, ptr %team, i64 1
  %allowed = load i64, ptr %at.allowed, align 8
  %at.threads = getelementptr i8, ptr %pool, i64 {_THREADS}
  %threads = load i64, ptr %at.threads, align 8
  %rounded = add i64 %total, %grain
  %rounded.down = sub i64 %rounded, 1
  %chunks = sdiv i64 %rounded.down, %grain
  %few = call i64 @llvm.smin.i64(i64 %allowed, i64 %threads)
  %used = call i64 @llvm.smin.i64(i64 %few, i64 %chunks)
  %limit = sub i64 %used, 1
  %together = icmp sgt i64 %limit, 0
  br i1 %together, label %take, label %alone
take:
  %at.taken = getelementptr i8, ptr %pool, i64 {_TAKEN}
  %swap = cmpxchg ptr %at.taken, i32 0, i32 1 seq_cst seq_cst, align 4
  %won = extractvalue {{ i32, i1 }} %swap, 1
  br i1 %won, label %mine, label %alone
mine:
  %at.started = getelementptr i8, ptr %pool, i64 {_STARTED}
  %started = load i64, ptr %at.started, align 8
  %cold = icmp eq i64 %started, 0
  br i1 %cold, label %start, label %publish
start:
  call void @lg.pool.start(ptr %pool)
  br label %publish
publish:
  %at.job = getelementptr i8, ptr %pool, i64 {_JOB}
  %at.state = getelementptr i8, ptr %pool, i64 {_STATE}
  %at.next = getelementptr i8, ptr %pool, i64 {_NEXT}
  %at.finished = getelementptr i8, ptr %pool, i64 {_FINISHED}
  %at.sleepers = getelementptr i8, ptr %pool, i64 {_SLEEPERS}
  %at.waiting = getelementptr i8, ptr %pool, i64 {_WAITING}
  %mutex = getelementptr i8, ptr %pool, i64 {_MUTEX}
  %work = getelementptr i8, ptr %pool, i64 {_WORK}
  %done = getelementptr i8, ptr %pool, i64 {_DONE}
  call void @lg.pool.describe(ptr %at.job, ptr %kernel, ptr %closure, i64 %total, i64 %grain, ptr %cancel)
  $NOTE_CPU
  store atomic i64 0, ptr %at.next monotonic, align 8
  store atomic i64 0, ptr %at.finished monotonic, align 8
  %old = load atomic i64, ptr %at.state monotonic, align 8
  %old.generation = lshr i64 %old, 32
  %counted = add i64 %old.generation, 1
  %wrapped = and i64 %counted, 4294967295
  %zero = icmp eq i64 %wrapped, 0
  %generation = select i1 %zero, i64 1, i64 %wrapped
  %closed = shl i64 %generation, 32
  %limits = shl i64 %limit, 16
  %opened = or i64 %closed, %limits
  store atomic i64 %opened, ptr %at.state seq_cst, align 8
  %sleepers = load atomic i64, ptr %at.sleepers seq_cst, align 8
  %wake = call i64 @llvm.smin.i64(i64 %sleepers, i64 %limit)
  %asleep = icmp sgt i64 %wake, 0
  br i1 %asleep, label %lock, label %work.too
lock:
  %l0 = call i32 @pthread_mutex_lock(ptr %mutex)
  br label %rouse
rouse:
  %woken = phi i64 [ 0, %lock ], [ %woken.next, %rouse ]
  %c0 = call i32 @pthread_cond_signal(ptr %work)
  %woken.next = add i64 %woken, 1
  %more = icmp slt i64 %woken.next, %wake
  br i1 %more, label %rouse, label %unlock
unlock:
  %u0 = call i32 @pthread_mutex_unlock(ptr %mutex)
  br label %work.too
work.too:
  call void @lg.pool.chunks(ptr %at.job, ptr %at.next, i64 0)
  %last = atomicrmw xchg ptr %at.state, i64 %closed seq_cst, align 8
  %joined = and i64 %last, 65535
  br label %spin
spin:
  %spins = phi i64 [ 0, %work.too ], [ %spins.next, %pause ]
  %finished = load atomic i64, ptr %at.finished seq_cst, align 8
  %over = icmp eq i64 %finished, %joined
  br i1 %over, label %release, label %pause
pause:
  $PAUSE
  %spins.next = add i64 %spins, 1
  %patient = icmp slt i64 %spins.next, $SPINS
  br i1 %patient, label %spin, label %sleep
sleep:
  %l1 = call i32 @pthread_mutex_lock(ptr %mutex)
  store atomic i32 1, ptr %at.waiting seq_cst, align 4
  br label %asleep.too
asleep.too:
  %finished.now = load atomic i64, ptr %at.finished seq_cst, align 8
  %over.now = icmp eq i64 %finished.now, %joined
  br i1 %over.now, label %awake, label %wait
wait:
  %w0 = call i32 @pthread_cond_wait(ptr %done, ptr %mutex)
  br label %asleep.too
awake:
  store atomic i32 0, ptr %at.waiting seq_cst, align 4
  %u1 = call i32 @pthread_mutex_unlock(ptr %mutex)
  br label %release
release:
  store atomic i32 0, ptr %at.taken release, align 4
  ret void
alone:
  call void @lg.pool.describe(ptr %alone.job, ptr %kernel, ptr %closure, i64 %total, i64 %grain, ptr %cancel)
  store i64 0, ptr %alone.next, align 8
  call void @lg.pool.chunks(ptr %alone.job, ptr %alone.next, i64 0)
  ret void
}}

define internal void @lg.pool.describe(ptr %job, ptr %kernel, ptr %closure, i64 %total, i64 %grain, ptr %cancel)
alwaysinline nounwind {{ entry:
  %at.closure = getelementptr i64, ptr %job, i64 1
  %at.total = getelementptr i64, ptr %job, i64 2
  %at.grain = getelementptr i64, ptr %job, i64 3
  %at.cancel = getelementptr i64, ptr %job, i64 4
  store ptr %kernel, ptr %job, align 8
  store ptr %closure, ptr %at.closure, align 8
  store i64 %total, ptr %at.total, align 8
  store i64 %grain, ptr %at.grain, align 8
  store ptr %cancel, ptr %at.cancel, align 8
  ret void
}}
"""

"""The machine's own limits, measured with generated code: float32 multiply-adds in registers, a triad in memory.

In: the work of one call (FLOP, or bytes moved) and the threads that share it. Out: a call that does it. The multiply-
adds are independent chains, as many as hide their latency and fit the registers; without FMA a product and a sum
stand in. The triad c = 3 a + b is McCalpin's STREAM with non-temporal stores, on arrays larger than any cache.
"""

import ctypes
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import llvmlite.binding as llvm
import numpy as np

from benchmarks.workload import Builders, Call, Floats

ALIGNMENT = 64  # bytes
LOADED: list[Any] = []  # code lives as long as its library object


class Vectors(NamedTuple):
    lanes: int  # of float32
    chains: int  # accumulators that fit the registers beside two constants
    fused: bool


def host_vectors() -> Vectors:
    features = llvm.get_host_cpu_features()
    if features.get("avx512f"):
        return Vectors(16, 24, True)
    if features.get("avx2") and features.get("fma"):
        return Vectors(8, 12, True)
    return Vectors(4, 24, True) if features.get("neon") else Vectors(4, 12, False)


def fma_text(vectors: Vectors) -> str:
    """float fma(trips): `chains` accumulators a = 0.999 a + 0.001, and their sum, so that none is dead."""
    lanes, chains, fused = vectors
    vector = f"<{lanes} x float>"
    scale, shift = splat(lanes, 0.999), splat(lanes, 0.001)
    heads, steps, sums = [], [], []
    for i in range(chains):
        start = splat(lanes, 0.1 * i)
        heads.append(f"%a{i} = phi {vector} [ {start}, %entry ], [ %n{i}, %loop ]")
        if fused:
            steps.append(f"%n{i} = call {vector} @llvm.fma({vector} %a{i}, {vector} {scale}, {vector} {shift})")
        else:
            steps += [f"%p{i} = fmul {vector} %a{i}, {scale}", f"%n{i} = fadd {vector} %p{i}, {shift}"]
        sums.append(f"%s{i + 1} = fadd {vector} %s{i}, %n{i}" if i else f"%s1 = fadd {vector} %n0, {shift}")
    newline = "\n  "
    return f"""
declare {vector} @llvm.fma({vector}, {vector}, {vector})
define float @fma(i64 %trips) {{
entry:
  br label %loop
loop:
  %i = phi i64 [ 0, %entry ], [ %next, %loop ]
  {newline.join(heads)}
  {newline.join(steps)}
  %next = add i64 %i, 1
  %more = icmp slt i64 %next, %trips
  br i1 %more, label %loop, label %done
done:
  {newline.join(sums)}
  %r = extractelement {vector} %s{chains}, i32 0
  ret float %r
}}
""".replace("@llvm.fma", f"@llvm.fma.v{lanes}f32")


def triad_text(vectors: Vectors) -> str:
    """void triad(a, b, c, elements): elements is a positive multiple of `lanes`, the arrays are aligned."""
    lanes = vectors.lanes
    vector, align = f"<{lanes} x float>", f"align {4 * lanes}"
    return f"""
define void @triad(ptr %a, ptr %b, ptr %c, i64 %elements) {{
entry:
  br label %loop
loop:
  %i = phi i64 [ 0, %entry ], [ %next, %loop ]
  %pa = getelementptr float, ptr %a, i64 %i
  %pb = getelementptr float, ptr %b, i64 %i
  %pc = getelementptr float, ptr %c, i64 %i
  %va = load {vector}, ptr %pa, {align}
  %vb = load {vector}, ptr %pb, {align}
  %scaled = fmul {vector} %va, {splat(lanes, 3.0)}
  %sum = fadd {vector} %scaled, %vb
  store {vector} %sum, ptr %pc, {align}, !nontemporal !0
  %next = add i64 %i, {lanes}
  %more = icmp slt i64 %next, %elements
  br i1 %more, label %loop, label %done
done:
  ret void
}}
!0 = !{{i32 1}}
"""


def splat(lanes: int, value: float) -> str:
    """A vector constant; LLVM wants a float's bits as those of the double of equal value."""
    bits = np.float64(np.float32(value)).view(np.uint64)
    return "<" + ", ".join([f"float 0x{bits:016X}"] * lanes) + ">"


def compiled(text: str, name: str, result: Any, *arguments: Any) -> Any:
    """The function's address as a ctypes function, which lets go of Python's lock while it runs."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    features = llvm.get_host_cpu_features().flatten()
    machine = llvm.Target.from_default_triple().create_target_machine(llvm.get_host_cpu_name(), features, opt=3)
    engine = llvm.create_lljit_compiler(machine)
    library = llvm.JITLibraryBuilder().add_ir(text).export_symbol(name).link(engine, name)
    function = ctypes.CFUNCTYPE(result, *arguments)(library[name])
    LOADED.append(library)
    return function


def fma(flop: int, threads: int) -> Call:
    vectors = host_vectors()
    trips = flop // (threads * 2 * vectors.lanes * vectors.chains)
    run = compiled(fma_text(vectors), "fma", ctypes.c_float, ctypes.c_int64)
    pool = ThreadPoolExecutor(threads)
    return lambda: sum(pool.map(run, [trips] * threads))


def triad(size: int, threads: int) -> Call:
    lanes = host_vectors().lanes
    share = size // (12 * threads * lanes) * lanes  # elements for each thread: two loads and a store of four bytes each
    pointer, pool = ctypes.c_void_p, ThreadPoolExecutor(threads)
    run = compiled(triad_text(host_vectors()), "triad", None, pointer, pointer, pointer, ctypes.c_int64)
    arrays = [[aligned(share) for _ in range(3)] for _ in range(threads)]

    def call() -> Floats:
        list(pool.map(lambda three: run(*(each.ctypes.data for each in three), share), arrays))
        return arrays[0][2][:16]

    return call


def aligned(elements: int) -> Floats:
    """Ones at an aligned address."""
    room = np.ones(elements + ALIGNMENT // 4, np.float32)
    start = -room.ctypes.data % ALIGNMENT // 4
    return room[start : start + elements]


PEERS: dict[str, Builders] = {"machine": {"fma": fma, "triad": triad}}

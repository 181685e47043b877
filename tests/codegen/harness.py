"""Runs one kernel without the runtime: compiles it, fills a closure by hand, calls it, gives the arrays it wrote."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import llvmlite.binding as llvm
import numpy as np

from lazygraph.compiler.codegen.llvm.kernel import emit_kernel
from lazygraph.compiler.codegen.llvm.module import compile_module
from lazygraph.compiler.codegen.llvm.target import Target, host
from lazygraph.compiler.codegen.llvm.text import Function
from lazygraph.compiler.ir.dims import evaluate
from lazygraph.compiler.loop.ir import Kernel
from lazygraph.compiler.loop.work import kernel_dims, work
from lazygraph.runtime import artifact

WORKERS = 2


def wrapper() -> str:
    """An exported function around the kernel's internal one."""
    f = Function("run", "void", [("ptr", "closure"), ("i64", "begin"), ("i64", "end"), ("i64", "worker")], linkage="")
    f.call("void", "@kernel", list(zip(("ptr", "i64", "i64", "i64"), f.parameters)))
    f.return_()
    return f.text()


class Compiled:
    """A kernel in machine code."""

    def __init__(self, kernel: Kernel, target: Target | None = None, opt_level: int = 2) -> None:
        self.kernel = kernel
        self.text = emit_kernel(kernel, "kernel", target or host())
        self.code = compile_module([self.text, wrapper()], target or host(), opt_level)
        self._jit = llvm.create_lljit_compiler()
        builder = llvm.JITLibraryBuilder().add_object_img(self.code).export_symbol("run").add_current_process()
        self._library = builder.link(self._jit, "test")
        signature = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64, ctypes.c_int64)
        self.function = signature(self._library["run"])

    def bind(
        self, arrays: Sequence[np.ndarray], dims: Mapping[str, int] | None = None, first_message: int = 0
    ) -> Bound:
        values = dict(dims or {})
        task = work(self.kernel)
        (phase,) = task.phases
        stride = evaluate(task.worker_bytes, values)
        scratch = np.zeros(stride * WORKERS + 64, np.uint8)
        control = np.zeros(artifact.CONTROL_BYTES // 4, np.int32)
        words = [control.ctypes.data, scratch.ctypes.data, stride, 0, first_message]
        words += [each.ctypes.data for each in arrays]
        words += [values[symbol.name] for symbol in kernel_dims(self.kernel)]
        total = evaluate(phase.total, values)
        return Bound(self.function, np.array(words, np.int64), total, control, (self, scratch, *arrays))

    def run(
        self,
        arrays: Sequence[np.ndarray],
        dims: Mapping[str, int] | None = None,
        parts: int = 1,
        first_message: int = 0,
    ) -> np.ndarray:
        """Run all iterations in `parts` calls; gives the control block as int32 words."""
        return self.bind(arrays, dims, first_message)(parts)


@dataclass(frozen=True, eq=False)
class Bound:
    """A kernel and its closure, ready to be called."""

    function: Callable[[int, int, int, int], None]
    closure: np.ndarray
    total: int
    control: np.ndarray
    alive: tuple[object, ...]  # what the closure points to, and the machine code

    def __call__(self, parts: int = 1) -> np.ndarray:
        edges = [self.total * part // parts for part in range(parts + 1)]
        for number, (begin, end) in enumerate(zip(edges, edges[1:])):
            self.function(self.closure.ctypes.data, begin, end, number % WORKERS)
        return self.control

"""Small programs written by hand, compiled and loaded, so that the runtime is tested without the passes.

In: kernels as loop form. Out: an `Executable`.
"""

from collections.abc import Sequence
from functools import cache

from lazygraph.compiler import ops  # noqa: F401  (fills the table of records)
from lazygraph.compiler.codegen.llvm.entry import emit_entry, kernel_symbols
from lazygraph.compiler.codegen.llvm.kernel import emit_kernel
from lazygraph.compiler.codegen.llvm.module import compile_module
from lazygraph.compiler.codegen.llvm.support import support_object
from lazygraph.compiler.codegen.llvm.target import host
from lazygraph.compiler.ir.dims import Extent, Symbol, ceildiv, of_symbol
from lazygraph.compiler.ir.graph import TensorType
from lazygraph.compiler.loop.ir import Buffer, Check, Kernel, Let, Literal, Load, Loop, Statement, Store, Var
from lazygraph.compiler.loop.work import work
from lazygraph.compiler.program.ir import Commit, Copy, Launch, Message, Parameter, Place, Program, Require, Slot, Solve
from lazygraph.runtime import artifact
from lazygraph.runtime.dtypes import DType, bool_, float32
from lazygraph.runtime.executable import Executable
from lazygraph.runtime.interpreter import HEADER_BYTES
from lazygraph.runtime.process import Process, process
from lazygraph.runtime.variable import VariableState

POOL_THREADS = 4
N = Symbol("n")
n = of_symbol(N)


@cache
def shared() -> Process:
    return process(support_object(host(), HEADER_BYTES), POOL_THREADS)


def compiled(program: Program) -> artifact.Artifact:
    works = {kernel.name: work(kernel) for kernel in program.kernels}
    symbols = kernel_symbols(program)
    texts = [emit_entry(program, works, host())]
    texts += [emit_kernel(kernel, symbols[kernel.name], host()) for kernel in program.kernels]

    def parameter(each: Parameter) -> artifact.Parameter:
        shape = tuple(extent if isinstance(extent, int) else None for extent in each.type.shape)
        return artifact.Parameter(each.name, each.type.dtype, shape)

    return artifact.Artifact(
        compile_module(texts, host()),
        tuple(map(parameter, program.inputs)),
        tuple(map(parameter, program.variables)),
        tuple(map(parameter, program.outputs)),
        (),
        tuple(solve.symbol.name for solve in program.solves),
        tuple(artifact.Message(each.text, tuple(map(str, each.frames))) for each in program.messages),
    )


def loaded(
    program: Program, states: Sequence[VariableState] = (), threads: int = 2, single: bool = False
) -> Executable:
    return Executable(compiled(program), states, shared(), threads, single=single)


# --- kernels ----------------------------------------------------------------------------------------------------------


def elementwise(name: str, op: str, extent: Extent, dtype: DType = float32, kind: str = "vector") -> Kernel:
    """y[i] = op(x[i], x[i])."""
    i = Symbol("i", 0, extent - 1)
    at, x, y = (of_symbol(i),), Var("vx", dtype), Var("vy", dtype)
    body: tuple[Statement, ...] = (Load(x, "x", at), Let(y, op, (x, x)), Store("y", at, y))
    buffers = (Buffer("x", dtype, (extent,)), Buffer("y", dtype, (extent,)))
    return Kernel(name, buffers, ("y",), (Loop(kind, i, extent, body),))


def tiled(name: str, op: str, extent: Extent, tile: int) -> Kernel:
    """The same over parallel tiles; `extent` is a multiple of `tile`."""
    count = extent // tile
    t, i = Symbol("t", 0, count - 1), Symbol("i", 0, tile - 1)
    at = (of_symbol(t) * tile + of_symbol(i),)
    x, y = Var("vx", float32), Var("vy", float32)
    inner = Loop("vector", i, tile, (Load(x, "x", at), Let(y, op, (x, x)), Store("y", at, y)))
    buffers = (Buffer("x", float32, (extent,)), Buffer("y", float32, (extent,)))
    return Kernel(name, buffers, ("y",), (Loop("parallel", t, count, (inner,)),))


def checking(name: str, extent: Extent) -> Kernel:
    """y = x, with a check that x[i] < 100."""
    i = Symbol("i", 0, extent - 1)
    at, x, fine = (of_symbol(i),), Var("vx", float32), Var("fine", bool_)
    hundred = Literal(0x42C80000, float32)
    body = (Load(x, "x", at), Let(fine, "lt", (x, hundred)), Check(0, fine, ()), Store("y", at, x))
    buffers = (Buffer("x", float32, (extent,)), Buffer("y", float32, (extent,)))
    return Kernel(name, buffers, ("y",), (Loop("serial", i, extent, body),))


# --- programs ---------------------------------------------------------------------------------------------------------


def tensor(*shape: Extent, dtype: DType = float32) -> TensorType:
    return TensorType(dtype, shape)


def doubling(
    extent: Extent = n, symbol: Symbol = N, dtype: DType = float32, scale: int = 1, offset: int = 0
) -> Program:
    """y = x + x, over a static or symbolic extent."""
    shape = scale * extent + offset
    static = isinstance(extent, int)
    return Program(
        "doubling",
        (Parameter("x", tensor(shape, dtype=dtype)),),
        (),
        (Parameter("y", tensor(shape, dtype=dtype)),),
        (),
        () if static else (Solve(symbol, 0, 0, scale, offset, 0),),
        (Require(shape, 0, 0, 0),) if static else (),
        (),
        0,
        (elementwise("double", "add", shape, dtype),),
        (Commit(), Launch("double", (Place("input", 0), Place("output", 0)))),
        (Message("x has {0} elements", ()),),
    )


def counting(extent: Extent, kernels: tuple[Kernel, ...], steps: tuple[Launch, ...]) -> Program:
    """One variable v, one input x; the output is a copy of v as it was."""
    size = extent * 4
    return Program(
        "counting",
        (Parameter("x", tensor(extent)),),
        (Parameter("v", tensor(extent)),),
        (Parameter("old", tensor(extent)),),
        (),
        () if isinstance(extent, int) else (Solve(N, 0, 0, 1, 0, 0),),
        (),
        (Slot(size, 0),),
        ceildiv(size, 64) * 64,
        kernels,
        (
            Copy(Place("output", 0), Place("variable", 0), size),
            *steps,
            Commit(),
            Copy(Place("variable", 0), Place("slot", 0), size),
        ),
        (Message("x has {0} elements", ()), Message("an element is not below 100", ("train.py:7",))),
    )

"""The state of one kernel's emission: what is known by name, and where the next instruction goes.

In: a kernel, the symbol of its function, a target, and the table of functions that write each kind of statement. Out: a
function under construction; buffers, dims and scratch are loaded from the closure (layout in runtime/artifact.py).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from lazygraph.compiler.codegen.llvm.index import Indices
from lazygraph.compiler.codegen.llvm.memory import Array, Memory
from lazygraph.compiler.codegen.llvm.placement import Placement, Register
from lazygraph.compiler.codegen.llvm.scalar import LlvmScalars, literal
from lazygraph.compiler.codegen.llvm.target import Target
from lazygraph.compiler.codegen.llvm.text import Function
from lazygraph.compiler.ir import dims
from lazygraph.compiler.ir.dims import Extent
from lazygraph.compiler.loop.cost import statements
from lazygraph.compiler.loop.ir import Body, Kernel, Literal, Load, Local, Operand, Store, Var
from lazygraph.compiler.loop.work import kernel_dims, local_offsets
from lazygraph.runtime import artifact
from lazygraph.runtime.dtypes import int64

StatementWriters = Mapping[type, Callable[["KernelWriter", Any], None]]


class KernelWriter:
    def __init__(self, kernel: Kernel, symbol: str, target: Target, table: StatementWriters) -> None:
        self.kernel = kernel
        self.target = target
        self._table = table
        written = {*kernel.writes, *(each.buffer.name for each in statements(kernel.body) if isinstance(each, Local))}
        self.function = Function(
            symbol,
            "void",
            [("ptr", "closure"), ("i64", "begin"), ("i64", "end"), ("i64", "worker")],
            attributes=target.attributes,
            comments=[f"kernel {kernel.name}", *[str(frame) for frame in kernel.frames]],
        )
        self.placement = Placement(self.function, frozenset(each.name for each in kernel.buffers) - written)
        self.scalars = LlvmScalars(self.placement, target)
        self.known: dict[str, Register] = {}
        self.indices = Indices(self.scalars, self.known)
        self.arrays: dict[str, Array] = {}
        self.memory = Memory(self.placement, self.scalars, self.indices, self.arrays, target.masks_are_vectors)
        self._control = self.word(artifact.CLOSURE_CONTROL, "ptr", "control")
        self._load_closure()

    def _load_closure(self) -> None:
        word = artifact.CLOSURE_BUFFERS
        for buffer in self.kernel.buffers:
            self.arrays[buffer.name] = Array(buffer, self.word(word, "ptr", buffer.name))
            word += 1
        for symbol in kernel_dims(self.kernel):
            self.known[symbol.name] = Register(self.word(word, "i64", symbol.name), int64, 0, 0)
            word += 1
        locals_, _ = local_offsets(self.kernel)
        if not locals_:
            return
        function = self.function
        stride = self.word(artifact.CLOSURE_WORKER_STRIDE, "i64", "stride")
        scratch = self.word(artifact.CLOSURE_WORKER_SCRATCH, "ptr", "scratch")
        mine = function.offset("i8", scratch, function.binary("mul", "i64", "%worker", stride, "skip"), "mine")
        for local, offset in locals_:
            at = self.indices.write(offset).name
            self.arrays[local.name] = Array(local, function.offset("i8", mine, at, local.name))

    def word(self, number: int, type: str, hint: str) -> str:
        """A word of the closure."""
        return self.function.load(type, self.function.offset("i64", "%closure", str(number), f"{hint}.word"), 8, hint)

    def going(self) -> str:
        """Whether the caller has not cancelled, as a bool asked here and now."""
        function = self.function
        flag = function.offset("i8", self._control, str(artifact.CONTROL_CANCEL), "cancel")
        asked = function.value(f"load atomic i32, ptr {flag} monotonic, align 4", "cancelled")
        return function.compare("eq", "i32", asked, "0", "going")

    def operand(self, operand: Operand) -> Register:
        if isinstance(operand, Literal):
            return literal(operand.bits, operand.dtype)
        if operand.name not in self.known:
            raise KeyError(f"kernel {self.kernel.name}: scalar {operand.name!r} is used before it has a value")
        return self.known[operand.name]

    def operands(self, operands: Sequence[Operand]) -> list[Register]:
        return [self.operand(each) for each in operands]

    def carried(self, operands: Sequence[Operand]) -> list[Register]:
        """Values that a loop carries: in vector code each lane has its own."""
        lanes = self.indices.lanes
        return [self.scalars.spread(each, lanes.count) if lanes else each for each in self.operands(operands)]

    def bind(self, variables: Sequence[Var], values: Sequence[Register]) -> None:
        for variable, value in zip(variables, values):
            self.known[variable.name] = value

    def extent(self, extent: Extent, loop: str) -> Register:
        """A loop's extent: equal in all lanes."""
        value = self.indices.write(extent)
        if value.lanes:
            raise ValueError(f"kernel {self.kernel.name}: the extent {extent} of loop {loop} differs between lanes")
        return value

    def only_scalar(self, what: str) -> None:
        if self.indices.lanes is not None:
            raise ValueError(f"kernel {self.kernel.name}: {what} stands inside a vector loop")

    def body(self, body: Body) -> None:
        rest = iter(zip(body, (*body[1:], None)))
        for statement, following in rest:
            if isinstance(statement, Store) and isinstance(following, Store) and _are_pair(statement, following):
                self._store_pair(statement, following)
                next(rest)
            else:
                self._table[type(statement)](self, statement)

    def _store_pair(self, first: Store, second: Store) -> None:
        guard = None if first.guard is None else self.operand(first.guard)
        parts = self.operand(first.value), self.operand(second.value)
        self.memory.store_pair(first.buffer, first.index, parts, guard)


def _are_pair(first: Store, second: Store) -> bool:
    """Whether two stores are one after the other in memory, at 0 and 1 of a last axis."""
    same = (first.buffer, first.index[:-1], first.guard) == (second.buffer, second.index[:-1], second.guard)
    return same and first.index[-1:] == (0,) and second.index[-1:] == (1,)


def stored_in(*bodies: Body) -> frozenset[str]:
    """The buffers written anywhere in these bodies: whatever statement names a buffer and is not a load writes it."""
    written = (each for body in bodies for each in statements(body) if not isinstance(each, Load))
    names = [getattr(each, "buffer", None) for each in written]
    return frozenset(name for name in names if isinstance(name, str))


def runs(extent: Extent) -> bool:
    """Whether a loop of this extent surely runs, as far as intervals show: proofs cost more than the test they save."""
    low = dims.bounds(extent)[0]
    return low is not None and low >= 1

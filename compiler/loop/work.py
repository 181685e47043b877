"""How a kernel's work is cut into tasks: what a launch needs to know of a kernel beside its code.

In: a kernel. Out: `Work`: its phases, run one after another, each with a number of independent iterations, how many of
them make a task, and an estimate of their time; and the scratch it needs. Also the facts about a kernel's layout that
its code and its callers share: the order of its dims, its flattened parallel loops, the places of its local arrays.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from lazygraph.compiler.ir import dims
from lazygraph.compiler.ir.dims import Atom, Extent, Symbol
from lazygraph.compiler.loop.cost import inner_bodies, own_cost, statements
from lazygraph.compiler.loop.ir import (
    AnyKernel,
    Body,
    Buffer,
    Carry,
    Contraction,
    IndexValue,
    Kernel,
    Load,
    Local,
    Loop,
    Reduce,
    Statement,
    Store,
    While,
)
from lazygraph.runtime.artifact import ALIGNMENT

LONG_TIME = 24  # terms of an estimate that is a guess (an svd's): it is not worked out how many iterations make a task
TASK_PICOSECONDS = 20_000_000  # a task is at least this long; a phase that is not runs in the calling thread
# (one operation, one load or store) on one element, at some 2.5 GHz and 30 GB/s
_SCALAR_PICOSECONDS = (400, 400)
_VECTOR_PICOSECONDS = (20, 100)  # side by side in a vector loop or reduction
_WHILE_TRIPS = 16  # assumed

_COUNTED = (Loop, Reduce, Carry)


@dataclass(frozen=True)
class Phase:
    """`total` independent iterations, of which `grain` make a task; its function is the kernel's symbol + `suffix`."""

    suffix: str
    total: Extent
    grain: Extent
    picoseconds: Extent  # an estimate of one iteration's time, over dims


@dataclass(frozen=True)
class Work:
    phases: tuple[Phase, ...]
    worker_bytes: Extent  # scratch of each worker
    shared_bytes: Extent  # scratch that the phases share


def work(kernel: Kernel) -> Work:
    """The work of a plain kernel; that of a scheduled contraction is `schedule.tiling.contraction_work`."""
    nest, body = parallel_nest(kernel)
    greatest = _upper_bounds(kernel)
    time = greatest(_Estimate(greatest).picoseconds(body, False, dims.product(each.extent for each in nest)))
    total = dims.product(loop.extent for loop in nest)
    whole = isinstance(time, dims.Dim) and len(time.terms) > LONG_TIME and _guesses(body)
    return Work((Phase("", total, 1, time) if whole else phase("", total, time),), local_offsets(kernel)[1], 0)


def _guesses(body: Body) -> bool:
    """Whether the time of a body depends on what it finds: it has loops on a condition."""
    return any(isinstance(each, While) for each in statements(body))


def phase(suffix: str, total: Extent, picoseconds: Extent) -> Phase:
    """A phase whose tasks are long enough to be worth handing to another thread. A single iteration is one task,
    of which nothing has to be worked out: the time of a factorisation is a long polynomial."""
    if total == 1:
        return Phase(suffix, total, 1, picoseconds)
    time = dims.maximum(1, picoseconds)
    return Phase(suffix, total, dims.maximum(1, dims.ceildiv(TASK_PICOSECONDS, time)), time)


# --- layout -----------------------------------------------------------------------------------------------------------


def parallel_nest(kernel: Kernel) -> tuple[tuple[Loop, ...], Body]:
    """The outermost perfectly nested parallel loops over a box, and what they repeat."""
    nest: list[Loop] = []
    body = kernel.body
    while len(body) == 1 and isinstance(body[0], Loop) and body[0].kind == "parallel":
        loop = body[0]
        if {each.name for each in dims.symbols(loop.extent)} & {each.symbol.name for each in nest}:
            break
        nest.append(loop)
        body = loop.body
    return tuple(nest), body


def kernel_dims(kernel: AnyKernel) -> tuple[Symbol, ...]:
    """The dims that a kernel's code needs, in the order in which its closure holds them: sorted by name."""
    found: dict[str, Symbol] = {}
    bound: set[str] = set()
    if isinstance(kernel, Contraction):
        bodies: tuple[Body, ...] = (kernel.a.body, kernel.b.body, kernel.epilogue)
        axes = (*kernel.batch, *kernel.m, *kernel.n, *kernel.k)
        bound = {kernel.acc.name, *[axis.symbol.name for axis in axes]}
        extents = [axis.extent for axis in axes]
    else:
        bodies, extents = (kernel.body,), []
    extents += [extent for buffer in kernel.buffers for extent in buffer.shape]
    for body in bodies:
        for statement in statements(body):
            bound |= _binds(statement)
            extents += _extents(statement)
    for extent in extents:
        found |= {symbol.name: symbol for symbol in dims.symbols(extent)}
    return tuple([found[name] for name in sorted(found) if name not in bound])


def _binds(statement: Statement) -> set[str]:
    """Names that an index expression may use inside or after the statement."""
    names = {each.name for each in (*getattr(statement, "vars", ()), *getattr(statement, "params", ()))}
    if isinstance(statement, _COUNTED):
        names.add(statement.symbol.name)
    elif hasattr(statement, "var"):
        names.add(statement.var.name)
    return names


def _extents(statement: Statement) -> list[Extent]:
    if isinstance(statement, _COUNTED):
        return [statement.extent]
    if isinstance(statement, Load | Store):
        return list(statement.index)
    if isinstance(statement, IndexValue):
        return [statement.expression]
    return list(statement.buffer.shape) if isinstance(statement, Local) else []


def local_offsets(kernel: Kernel) -> tuple[list[tuple[Buffer, Extent]], Extent]:
    """Each local array's byte offset in its worker's scratch, and the bytes of all."""
    found: list[tuple[Buffer, Extent]] = []
    total: Extent = 0
    greatest = _upper_bounds(kernel)
    for statement in statements(kernel.body):
        if isinstance(statement, Local):
            found.append((statement.buffer, total))
            elements = dims.product([greatest(extent) for extent in statement.buffer.shape])
            total += dims.ceildiv(elements * statement.buffer.dtype.itemsize, ALIGNMENT) * ALIGNMENT
    return found, total


# --- estimates --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Estimate:
    greatest: Callable[[Extent], Extent]  # of the kernel's extents

    def picoseconds(self, body: Body, vector: bool, around: Extent) -> Extent:
        """The time of one of `around` passes over a body, over dims and outer loops."""
        total: Extent = 0
        for statement in body:
            inside = vector or isinstance(statement, Loop) and statement.kind == "vector"
            inside = inside or isinstance(statement, Reduce) and statement.order == "lanes"
            rate = _VECTOR_PICOSECONDS if inside else _SCALAR_PICOSECONDS
            trips: Extent = 1
            if isinstance(statement, _COUNTED):
                trips = self._trips(statement.extent, around)
            elif isinstance(statement, While):
                trips = _WHILE_TRIPS
            total += trips * rate[isinstance(statement, Load | Store)] * own_cost(statement)
            for inner in inner_bodies(statement):
                total += trips * self.picoseconds(inner, inside, dims.multiply(around, trips))
        return total

    def _trips(self, extent: Extent, around: Extent) -> Extent:
        """A loop between places that memory holds (a row of a sparse matrix) is one of `around` parts of a whole."""
        if isinstance(extent, int) or not any(each.name.startswith("%") for each in dims.symbols(extent)):
            return extent
        return dims.ceildiv(self.greatest(extent), dims.maximum(1, self.greatest(around)))


def _upper_bounds(kernel: Kernel) -> Callable[[Extent], Extent]:
    """Upper bounds over dims alone: symbols of loops and scalars stand at the end of their range where they add.

    Symbols and compounds are not negative, so a term with a negative coefficient that holds inner symbols is at most 0.
    """
    known = {symbol.name for symbol in kernel_dims(kernel)}
    last = {loop.symbol.name: loop.extent - 1 for loop in statements(kernel.body) if isinstance(loop, _COUNTED)}

    def bound(extent: Extent) -> Extent:
        if isinstance(extent, int) or all(each.name in known for each in dims.symbols(extent)):
            return extent
        total: Extent = 0
        for atoms, coefficient in extent.terms:
            inner = {each.name for atom in atoms for each in dims.symbols(dims.Dim((((atom,), 1),)))} - known
            if coefficient > 0 or not inner:
                total += dims.product([coefficient, *[atom_bound(atom) for atom in atoms]])
        return total

    def atom_bound(atom: Atom) -> Extent:
        if isinstance(atom, Symbol):
            upper = dims.of_symbol(atom) if atom.name in known else last.get(atom.name, atom.upper)
            if upper is None:
                raise ValueError(f"kernel {kernel.name}: an extent depends on {atom.name}, of no known bound")
            return bound(upper)
        left, right = bound(atom.left), bound(atom.right)
        if atom.kind == "mod":
            return right - 1
        return dims.COMPOUND[atom.kind](left, right)

    return bound

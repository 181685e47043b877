"""Turns a fused group into a kernel: the scalar body by substitution, the loops by the group's kind.

In: a `Group` and its `Fusion`. Out: `Lowered`: the kernel, the values behind its buffers, and what its checks say. The body
of an element is written by the records' own lowerings; a value read twice at one index is computed once; an expensive value
that several stages of a row need is kept in scratch (or in the buffer it goes to anyway).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from lazygraph.compiler.ir.dims import Extent, floordiv, linear_in, minimum, mod, of_symbol, product, symbols
from lazygraph.compiler.ir.graph import Frames, Node, Value
from lazygraph.compiler.loop import ir
from lazygraph.compiler.loop.build import FALSE, TRUE, Builder, CheckMessage, from_array, is_short
from lazygraph.compiler.loop.prune import prune
from lazygraph.compiler.loop.fuse import COSTLY, Fusion, Group, cost, is_leaf, is_scalar_constant
from lazygraph.compiler.loop.ir import AnyKernel, Axis, Buffer, Contraction, Element, Index, Kernel, Operand, Var
from lazygraph.compiler.ops.lowering import Loops, Pointwise, Reduction
from lazygraph.runtime.dtypes import DType, int64

BLOCK = 4096  # elements of one task of a flat elementwise loop
COLUMNS = 64  # columns of one task of a column reduction
MANY_TASKS = 32  # with this many outer iterations the inner loop need not be split for threads


@dataclass(frozen=True)
class Lowered:
    kernel: AnyKernel
    reads: tuple[Value, ...]  # behind the leading buffers
    writes: tuple[Value, ...]  # behind the other buffers
    in_place: frozenset[tuple[Value, Value]]  # (read, write) that may share a buffer: each element is read before it is written
    messages: tuple[CheckMessage, ...]
    frames: Frames


class _Body(Builder):
    """The builder of one group's kernel; an `ElementBuilder` for the node whose lowering runs."""

    def __init__(self, fusion: Fusion, group: Group) -> None:
        super().__init__(_dim_names(fusion, group))
        self.fusion = fusion
        self.group = group
        self.reads: dict[Value, Buffer] = {}
        self.writes: dict[Value, Buffer] = {}
        self.rows: dict[Value, tuple[Index, Operand]] = {}  # values in a scalar, and the index they are of
        self.kept: dict[Value, Buffer] = {}  # full values that a stage writes when it computes them
        self.ready: set[Value] = set()  # of these, the ones that are complete
        self.here: Index | None = None  # the full index of the innermost loop of a row
        self._written: set[Value] = set()
        self._nodes: list[Node] = []
        self._guard: Operand | None = None
        self._inputs_at: dict[Value, set[Index]] = {}
        for value in group.members:
            if value in fusion.stored:
                self.writes[value] = Buffer(self.name(buffer_name(value)), value.dtype, value.shape)

    def buffer(self, value: Value) -> Buffer:
        """The buffer a value of another group is read from."""
        if value not in self.reads:
            self.reads[value] = Buffer(self.name(buffer_name(value)), value.dtype, value.shape)
        return self.reads[value]

    # --- elements

    def read(self, operand: int, index: Index) -> Operand:
        return self.element(self._nodes[-1].inputs[operand], index)

    def read_where(self, condition: Operand, operand: int, index: Index, other: Operand) -> Operand:
        if condition == FALSE:
            return other
        if condition == TRUE:
            return self.read(operand, index)
        saved = self._guard
        self._guard = condition if saved is None else self.let("and", saved, condition)
        value = self.read(operand, index)
        self._guard = saved
        return self.let("select", condition, value, other)

    def check(self, node: Node, kind: str, condition: Operand, values: tuple[Operand, ...]) -> None:  # type: ignore[override]
        if self._guard is not None and condition != TRUE:
            condition = self.let("or", self.let("not", self._guard), condition)
        super().check(node, kind, condition, values)

    def element(self, value: Value, index: Index) -> Operand:
        """The scalar that is the value's element at an index."""
        held = self.rows.get(value)
        if held is not None and held[0] == index:
            return held[1]
        if is_scalar_constant(value):
            return from_array(value.node["value"], value.dtype)
        key = ("element", value, index, self._guard)
        for known in reversed(self._known):
            if key in known:
                return known[key]
        result = self._element(value, index)
        self._known[-1][key] = result
        if value in self.kept and value not in self.ready and index == self.here and self._guard is None:
            self.store(self.kept[value], self._kept_index(value, index), result)
            self._written.add(value)
        return result

    def _kept_index(self, value: Value, index: Index) -> Index:
        """Scratch holds one row: it is indexed by the reduced axes alone."""
        return index if value in self.writes else tuple([index[axis] for axis in self.group.reduced])

    def end_stage(self) -> None:
        """The kept values that the loop just closed has written are complete."""
        self.ready |= self._written
        self.here = None

    def _element(self, value: Value, index: Index) -> Operand:
        if value in self.ready:
            return self._load(self.kept[value], self._kept_index(value, index))
        if self.elsewhere(value):
            self._inputs_at.setdefault(value, set()).add(index)
            return self._load(self.buffer(value), index)
        node = value.node
        if isinstance(node.op.lower, Pointwise):
            self._nodes.append(node)
            result = node.op.lower.element(self, node, index)
            self._nodes.pop()
            return result
        if isinstance(node.op.lower, Reduction):
            raise AssertionError(f"{value} is read at {index}, where its row has not been reduced")
        args = [self.element(operand, index) for operand in node.inputs]
        return self.let(node.op.name, *args, dtype=value.dtype)

    def elsewhere(self, value: Value) -> bool:
        """Whether a value is read from a buffer that another group, or the caller, fills."""
        if is_leaf(value):
            return True
        away = self.fusion.home.get(value) is not self.group
        return away and value in self.fusion.stored and value not in self.group.again

    def _load(self, buffer: Buffer, index: Index) -> Operand:
        var = self._fresh(buffer.dtype)
        other = None if self._guard is None else ir.Literal(0, buffer.dtype)
        self.append(ir.Load(var, buffer.name, index, self._guard, other))
        return var

    def in_place(self, here: Index, role: str) -> frozenset[tuple[Value, Value]]:
        """Reads at `here` alone, with each write of the role: the element is read before it is stored."""
        targets = [value for value in self.writes if self.group.roles[value] == role]
        return frozenset((value, target) for value, at in self._inputs_at.items() if at == {here} for target in targets)

    def forget_reads(self) -> set[Value]:
        """Start noting reads anew; gives the values read so far."""
        self._inputs_at.clear()
        return set(self.reads)

    def exclude(self, values: set[Value]) -> None:
        """Values that are read elsewhere in the kernel too, and so share no buffer."""
        for value in values:
            self._inputs_at.pop(value, None)

    def store_all(self, values: list[Value], index: Index) -> None:
        """Compute the values at an index, then store them: a buffer written in place is read before."""
        computed = [(value, self.element(value, index)) for value in values]
        for value, scalar in computed:
            self.store(self.writes[value], index, scalar)


def _dim_names(fusion: Fusion, group: Group) -> set[str]:
    """Names of the dims that the group's types mention: its loops and buffers are named otherwise."""
    nodes = {value.node for value in group.members}
    types = [each.type for node in nodes for each in (*node.inputs, *node.outputs)]
    return {symbol.name for type in types for extent in type.shape for symbol in symbols(extent)}


def buffer_name(value: Value) -> str:
    """The user's name where there is one, else the op's."""
    name = value.node.attributes.get("name")
    return name if isinstance(name, str) else value.node.op.name


def lower(fusion: Fusion, group: Group) -> Lowered | None:
    """The kernel of a group; None if nothing of it is stored (others compute it again)."""
    if not any(value in fusion.stored for value in group.members):
        return None
    body = _Body(fusion, group)
    kernel, in_place = _KINDS[group.kind](body)
    frames = tuple(dict.fromkeys(frame for value in group.members for frame in value.node.frames))[:4]
    reads, writes = tuple(body.reads), tuple(body.writes)
    buffers = (*body.reads.values(), *body.writes.values())
    names = tuple([body.writes[value].name for value in writes])
    named = kernel(_kernel_name(fusion, group), buffers, names, frames)
    return Lowered(named, reads, writes, in_place, tuple(body.messages), frames)


def _kernel_name(fusion: Fusion, group: Group) -> str:
    """Named after what a reader looks for: the dot, or the reductions, or the last op."""
    ops = [value.node.op.name for value in group.members]
    if group.kind in ("contraction", "loops"):
        return ops[0] if len(ops) == 1 or group.kind == "loops" else f"{ops[0]}_{ops[-1]}"
    reductions = dict.fromkeys(name for name in ops if name.startswith(("reduce", "arg")))
    stored = [value.node.op.name for value in group.members if value in fusion.stored]
    return "_".join(dict.fromkeys((*reductions, stored[-1])))


InPlace = frozenset[tuple[Value, Value]]
MakeKernel = Callable[[str, tuple[Buffer, ...], tuple[str, ...], Frames], AnyKernel]


def _plain(body: _Body) -> MakeKernel:
    statements = prune(body.body())
    return lambda name, buffers, writes, frames: Kernel(name, buffers, writes, statements, frames)


# --- index spaces


def unflatten(flat: Extent, extents: tuple[Extent, ...]) -> Index:
    """The index of element number `flat` of a row-major space."""
    index: list[Extent] = []
    for axis in range(len(extents)):
        inner = product(extents[axis + 1 :])
        quotient = floordiv(flat, inner)
        index.append(quotient if axis == 0 else mod(quotient, extents[axis]))
    return tuple(index)


def merged_runs(fusion: Fusion, group: Group) -> list[tuple[int, ...]]:
    """The axes of an elementwise group in runs that every access treats as one contiguous axis."""
    rank = len(group.shape)
    if rank <= 1:
        return [(axis,) for axis in range(rank)]
    trial = _Body(fusion, group)
    symbols = [trial.symbol(f"o{axis}", extent) for axis, extent in enumerate(group.shape)]
    trial.store_all(list(trial.writes), tuple([of_symbol(each) for each in symbols]))
    shapes = {each.name: each.shape for each in (*trial.reads.values(), *trial.writes.values())}
    offsets = [offset(each.index, shapes[each.buffer]) for each in trial.body() if isinstance(each, ir.Load | ir.Store)]
    values = [each.expression for each in trial.body() if isinstance(each, ir.IndexValue)]

    def contiguous(axis: int) -> bool:
        outer, inner = symbols[axis], symbols[axis + 1]
        if any(linear_in(each, outer)[0] != 0 or linear_in(each, inner)[0] != 0 for each in values):
            return False
        steps = [(linear_in(each, outer)[0], linear_in(each, inner)[0]) for each in offsets]
        return all(a is not None and b is not None and a == b * group.shape[axis + 1] for a, b in steps)

    runs: list[list[int]] = [[0]]
    for axis in range(rank - 1):
        if contiguous(axis):
            runs[-1].append(axis + 1)
        else:
            runs.append([axis + 1])
    return [tuple(run) for run in runs]


def offset(index: Index, shape: tuple[Extent, ...]) -> Extent:
    """The row-major position of an index."""
    total: Extent = 0
    for axis, each in enumerate(index):
        total = total + each * product(shape[axis + 1 :])
    return total


def parallel(body: Builder, names: str, extents: tuple[Extent, ...], inner: Callable[[Index], None]) -> None:
    """Nested parallel loops over the extents."""

    def nest(depth: int, index: Index) -> None:
        if depth == len(extents):
            inner(index)
        else:
            body.loop("parallel", names[depth % len(names)], extents[depth], lambda symbol: nest(depth + 1, (*index, symbol)))

    nest(0, ())


def blocked(body: Builder, name: str, extent: Extent, block: int, inner: Callable[[Extent], None]) -> None:
    """A vector loop over 0 .. extent-1, in parallel blocks."""
    if is_short(extent, block):
        body.loop("vector", name, extent, inner)
        return
    exact = isinstance(extent, int) and extent % block == 0

    def one(number: Extent) -> None:
        size = block if exact else minimum(block, extent - number * block)
        body.loop("vector", name, size, lambda symbol: inner(number * block + symbol))

    body.loop("parallel", f"{name}_block", floordiv(extent + block - 1, block), one)


# --- the kinds of groups


def _elementwise(body: _Body) -> tuple[MakeKernel, InPlace]:
    shape = body.group.shape
    runs = merged_runs(body.fusion, body.group)
    extents = tuple([product([shape[axis] for axis in run]) for run in runs])
    found: list[Index] = []

    def at(outer: Index, inner: Extent) -> None:
        index: Index = ()
        for run, flat in zip(runs, (*outer, inner), strict=True):
            index = (*index, *unflatten(flat, tuple([shape[axis] for axis in run])))
        found.append(index)
        body.store_all(list(body.writes), index)

    if not runs:
        body.store_all(list(body.writes), ())
        return _plain(body), body.in_place((), "full")

    def row(outer: Index) -> None:
        enough = not is_short(product(extents[:-1]), MANY_TASKS - 1)
        if enough or len(extents) > 1 and is_short(extents[-1], BLOCK):
            body.loop("vector", "j", extents[-1], lambda inner: at(outer, inner))
        else:
            blocked(body, "j", extents[-1], BLOCK, lambda inner: at(outer, inner))

    parallel(body, "iklm", extents[:-1], row)
    return _plain(body), body.in_place(found[0], "full")


def _needed(body: _Body) -> list[Value]:
    """The members that the stored ones depend on, operands first."""
    group = body.group
    wanted: set[Value] = set()
    for value in reversed(group.members):
        if value in body.writes:
            wanted.add(value)
        if value in wanted:
            wanted.update(base for base in _direct_bases(body.fusion, value) if base in group.roles)
    return [value for value in group.members if value in wanted]


def _direct_bases(fusion: Fusion, value: Value) -> list[Value]:
    if isinstance(value.node.op.lower, Pointwise):
        starts = [read.base for read in fusion.views.own_reads(value)]
    else:
        starts = list(value.node.inputs)
    return [read.base for start in starts for read in fusion.views.reads(start) or ()]


def _kept(body: _Body, stages: list[list[Value]]) -> list[Value]:
    """The costly full values that more than one stage needs: computed once, then read back."""
    counts: dict[Value, int] = {}
    for roots in stages:
        seen: set[Value] = set()
        pending = list(roots)
        while pending:
            value = pending.pop()
            if value in seen or body.group.roles.get(value) != "full":
                continue
            seen.add(value)
            pending.extend(_direct_bases(body.fusion, value))
        for value in seen:
            counts[value] = counts.get(value, 0) + 1
    return [value for value in body.group.members if counts.get(value, 0) > 1 and cost(value) >= COSTLY]


def _reduce(body: _Body, value: Value, order: str, extent: Extent, full: Callable[[Extent], Index]) -> Operand:
    """The reduction statement of one member; argmax and argmin carry the position along and give it."""
    node = value.node
    assert isinstance(node.op.lower, Reduction)
    combine = node.op.lower.combine
    positional = combine.startswith("arg")

    def term(symbol: Extent) -> tuple[Operand, ...]:
        body.here = full(symbol)
        scalar = body.element(node.inputs[0], body.here)
        return (scalar, body.index_value(symbol, int64)) if positional else (scalar,)

    return body.reduce(combine, order, "r", extent, term)[-1]


def _full_index(group: Group, outer: Index) -> Callable[[Extent], Index]:
    """The full index at a position of the (flattened) reduced axes, within the row or column at `outer`."""
    extents = tuple([group.shape[axis] for axis in group.reduced])

    def full(position: Extent) -> Index:
        inner = unflatten(position, extents)
        places = {**dict(zip(group.kept, outer, strict=True)), **dict(zip(group.reduced, inner, strict=True))}
        return tuple([places[axis] for axis in range(len(group.shape))])

    return full


def _width(group: Group) -> Extent:
    return product([group.shape[axis] for axis in group.reduced])


def _is_reduction(value: Value) -> bool:
    return isinstance(value.node.op.lower, Reduction)


def _row_values(body: _Body, needed: list[Value], order: str, outer: Index) -> None:
    """Reduce, and compute what follows from reductions, in order; each value of a row ends in a scalar."""
    full = _full_index(body.group, outer)
    for value in needed:
        if body.group.roles[value] == "row":
            scalar = _reduce(body, value, order, _width(body.group), full) if _is_reduction(value) else body.element(value, outer)
            body.rows[value] = (outer, scalar)
            body.end_stage()


def _store_row_values(body: _Body, outer: Index) -> None:
    for value, buffer in body.writes.items():
        if body.group.roles[value] == "row":
            body.store(buffer, outer, body.rows[value][1])


def _rows(body: _Body) -> tuple[MakeKernel, InPlace]:
    group = body.group
    needed = _needed(body)
    last_stage = [value for value in needed if value in body.writes and group.roles[value] == "full"]
    stages = [[value.node.inputs[0]] for value in needed if _is_reduction(value)] + [last_stage]
    outers: list[Index] = []

    def row(outer: Index) -> None:
        outers.append(outer)
        for value in _kept(body, stages):
            scratch = tuple([group.shape[axis] for axis in group.reduced])
            body.kept[value] = body.writes.get(value) or body.local(buffer_name(value), value.dtype, scratch)
        _row_values(body, needed, "lanes", outer)
        rest = [value for value in last_stage if value not in body.ready]

        def final(position: Extent) -> None:
            body.here = _full_index(group, outer)(position)
            on_the_way = [value for value in rest if value in body.kept]
            for value in on_the_way:
                body.element(value, body.here)
            body.store_all([value for value in rest if value not in on_the_way], body.here)

        if rest:
            body.loop("vector", "j", _width(group), final)
        _store_row_values(body, outer)

    parallel(body, "iklm", group.row_shape, row)
    return _plain(body), body.in_place(outers[0], "row")


def _columns(body: _Body) -> tuple[MakeKernel, InPlace]:
    group = body.group
    needed = _needed(body)
    full_values = [value for value in needed if value in body.writes and group.roles[value] == "full"]
    outers: list[Index] = []

    def column(outer: Index) -> None:
        outers.append(outer)
        _row_values(body, needed, "serial", outer)
        if full_values:
            full = _full_index(group, outer)
            body.loop("serial", "r", _width(group), lambda position: body.store_all(full_values, full(position)))
        _store_row_values(body, outer)

    def last(outer: Index) -> None:
        blocked(body, "j", group.row_shape[-1], COLUMNS, lambda position: column((*outer, position)))

    parallel(body, "iklm", group.row_shape[:-1], last)
    return _plain(body), body.in_place(outers[0], "row")


def _contraction(body: _Body) -> tuple[MakeKernel, InPlace]:
    value = body.group.members[0]
    node = value.node
    left, right = node.inputs
    (batch_left, batch_right), (contract_left, contract_right) = node["batch"], node["contract"]
    free_left = [axis for axis in range(len(left.shape)) if axis not in (*batch_left, *contract_left)]
    free_right = [axis for axis in range(len(right.shape)) if axis not in (*batch_right, *contract_right)]

    def axes(name: str, source: Value, which: list[int] | tuple[int, ...]) -> tuple[Axis, ...]:
        return tuple([Axis(body.symbol(name, source.shape[axis]), source.shape[axis]) for axis in which])

    batch = axes("b", left, batch_left)
    m, n, k = axes("m", left, free_left), axes("n", right, free_right), axes("k", left, contract_left)

    def element(operand: Value, places: Mapping[int, Axis]) -> Element:
        index = tuple([of_symbol(places[axis].symbol) for axis in range(len(operand.shape))])
        found: list[Operand] = []
        statements = body.scope(lambda: found.append(_accumulated(body, body.element(operand, index), node["accumulate"])))
        return Element(statements, found[0])

    a = element(left, dict(zip((*batch_left, *free_left, *contract_left), (*batch, *m, *k), strict=True)))
    b = element(right, dict(zip((*batch_right, *free_right, *contract_right), (*batch, *n, *k), strict=True)))
    operands = body.forget_reads()
    acc = Var("acc", node["accumulate"])
    here = tuple([of_symbol(axis.symbol) for axis in (*batch, *m, *n)])
    def epilogue() -> None:
        result: Operand = acc if acc.dtype == value.dtype else body.let("cast", acc, dtype=value.dtype)
        body.rows[value] = (here, result)
        body.store_all(list(body.writes), here)

    statements = body.scope(epilogue)
    body.exclude(operands)

    def make(name: str, buffers: tuple[Buffer, ...], writes: tuple[str, ...], frames: Frames) -> AnyKernel:
        return Contraction(name, buffers, writes, batch, m, n, k, a, b, acc, statements, frames)

    a, b, statements = Element(prune(a.body, a.value), a.value), Element(prune(b.body, b.value), b.value), prune(statements)
    return make, body.in_place(here, "full")


def _accumulated(body: _Body, scalar: Operand, dtype: DType) -> Operand:
    return scalar if scalar.dtype == dtype else body.let("cast", scalar, dtype=dtype)


def _loops(body: _Body) -> tuple[MakeKernel, InPlace]:
    node = body.group.members[0].node
    assert isinstance(node.op.lower, Loops)
    inputs = tuple([body.buffer(operand) for operand in node.inputs])
    node.op.lower.write(body, node, inputs, tuple([body.writes[value] for value in node.outputs]))
    return _plain(body), frozenset((node.inputs[each], node.outputs[0]) for each in node.op.lower.in_place)


_KINDS: Mapping[str, Callable[[_Body], tuple[MakeKernel, InPlace]]] = {
    "elementwise": _elementwise,
    "rows": _rows,
    "columns": _columns,
    "contraction": _contraction,
    "loops": _loops,
}

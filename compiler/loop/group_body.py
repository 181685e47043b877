"""The scalar body of one group's kernel, by substitution.
In: a group and its fusion. Out: for a value and an index, the statements that compute that element: a load where the
value has a buffer elsewhere, the records' own lowerings where it is computed here. A value read twice at one index is
computed once; a kept value of a row is written where it is first computed and read back by later stages.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from lazygraph.compiler.ir.graph import Node, Value
from lazygraph.compiler.loop import ir
from lazygraph.compiler.loop.build import FALSE, NO_ATTRIBUTES, TRUE, Builder, from_array
from lazygraph.compiler.loop.fuse import Fusion, Group, is_leaf, is_scalar_constant
from lazygraph.compiler.loop.ir import Buffer, Index, Operand
from lazygraph.compiler.ops.lowering import Pointwise, Reduction

InPlace = frozenset[tuple[Value, Value]]  # (read, write) that may share a buffer: read before it is written


class GroupBody(Builder):
    """The builder of one group's kernel; an `ElementBuilder` for the node whose lowering runs."""

    def __init__(self, fusion: Fusion, group: Group) -> None:
        super().__init__(fusion.dim_names)
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

    def buffers(self) -> tuple[Buffer, ...]:
        """The kernel's buffers: what it reads, then what it writes."""
        return (*self.reads.values(), *self.writes.values())

    def written(self) -> tuple[str, ...]:
        return tuple([buffer.name for buffer in self.writes.values()])

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

    def check(self, node: Node, kind: str, condition: Operand, values: Sequence[Operand]) -> None:
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
            element = node.op.lower.element
            return self.within(node, lambda: element(self, node, index))
        if isinstance(node.op.lower, Reduction):
            raise AssertionError(f"{value} is read at {index}, where its row has not been reduced")
        args = [self.element(operand, index) for operand in node.inputs]
        attributes = NO_ATTRIBUTES if node.op.name == "cast" else node.attributes  # a cast's is its result's dtype
        return self.let(node.op.name, *args, dtype=value.dtype, attributes=attributes)

    def within(self, node: Node, element: Callable[[], Operand]) -> Operand:
        """What `element` computes, its reads being of this node's inputs."""
        self._nodes.append(node)
        result = element()
        self._nodes.pop()
        return result

    def elsewhere(self, value: Value) -> bool:
        """Whether a value is read from a buffer that another group, or the caller, fills.

        A view may have been stored for a later group, after this one was decided to see through it.
        """
        if is_leaf(value):
            return True
        if value not in self.fusion.stored or value in self.group.again:
            return False
        home = self.fusion.home[value]
        return home is not self.group and home.level < self.group.level

    def _load(self, buffer: Buffer, index: Index) -> Operand:
        var = self._fresh(buffer.dtype)
        other = None if self._guard is None else ir.Literal(0, buffer.dtype)
        self.append(ir.Load(var, buffer.name, index, self._guard, other))
        return var

    def in_place(self, here: Index, role: str) -> InPlace:
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


def buffer_name(value: Value) -> str:
    """The user's name where there is one, else the op's."""
    name = value.node.attributes.get("name")
    return name if isinstance(name, str) else value.node.op.name

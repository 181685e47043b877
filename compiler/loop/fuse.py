"""Decides which values are computed together and which are stored: the graph as groups, one kernel each.

In: a graph. Out: `Fusion`: groups of values in a valid order of levels, the values that get a buffer, and which values
a group computes again instead of reading. A group is an index space and what is computed over it:
  elementwise   every element on its own;
  rows          reductions over the trailing axes, with everything before and after them that stays in the row;
  columns       reductions over leading axes, one column of the kept axes per lane;
  contraction   a sum of products, the movements it is stored through, and its elementwise epilogue;
  loops         an op that writes its own statements, or runs sub-graphs;
  onto          an op that writes what changes of its first operand, into whose buffer.
Laws: a group reads only stored values of lower levels, so groups never form a cycle (its level is 1 + the highest level
read, and rises only while nobody reads the group); a value of the group itself is read at the index where it is
computed, or recomputed within the same row. What is read behind a barrier is computed in a higher level than all that
the barrier waits for, and is launched after it. Linear in the graph: each value looks only at the homes of the few
bases that it reads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from functools import cached_property

from lazygraph.compiler.ir.dims import Extent, Shape, product, symbols
from lazygraph.compiler.ir.graph import Graph, Node, Value
from lazygraph.compiler.ir.print import graph_symbols
from lazygraph.compiler.loop.build import is_short
from lazygraph.compiler.loop.landing import Chain, landing, lands
from lazygraph.compiler.loop.recompute import RECOMPUTE, recipe
from lazygraph.compiler.loop.spaces import offset
from lazygraph.compiler.loop.views import Read, Views, identity, is_affine, output_symbols
from lazygraph.compiler.ops.lowering import (
    Branching,
    Conditional,
    Elementwise,
    Leaf,
    Loops,
    Pointwise,
    Product,
    Reduction,
    Repeated,
)

MAX_MEMBERS = 200  # values in a group: bounds a kernel's code
MAX_CHAIN = 50  # operations in a row without a stored value: bounds recursion over a group
HEAVY_VIEW = 24  # a view of more scalar operations (random bits) is computed once
FEW_ROWS = 32  # fewer rows than this leave threads idle: a reduction then stays apart from large elementwise work
SMALL = 16384  # elements below which nothing is worth splitting


Part = tuple[Value, Extent]  # a value, or a part of it from an element on


@dataclass(eq=False)
class Group:
    kind: str
    shape: Shape  # the full index space
    reduced: tuple[int, ...]  # its axes that the reductions combine
    level: int
    members: list[Value] = field(default_factory=list)  # operands first
    roles: dict[Value, str] = field(default_factory=dict)  # "full", "row" (kept axes only), "moved" from a full one
    again: set[Value] = field(default_factory=set)  # values of other groups that this one recomputes
    landing: Chain = ()  # of a contraction: the product's value and the movements of it that lead to where it is stored
    is_read: bool = False  # whether another group reads from it: its level is then fixed
    after: dict[Group, None] = field(default_factory=dict)  # groups that it waits for besides those that it reads

    @property
    def kept(self) -> tuple[int, ...]:
        return tuple([axis for axis in range(len(self.shape)) if axis not in self.reduced])

    @property
    def row_shape(self) -> Shape:
        return tuple([self.shape[axis] for axis in self.kept])


@dataclass(frozen=True)
class Fusion:
    graph: Graph
    views: Views
    groups: tuple[Group, ...]
    home: Mapping[Value, Group]
    stored: Mapping[Value, None]  # in order of decision; parameters and constant arrays are not among them
    parts: Mapping[Node, tuple[Part, ...]]  # the operands of loops and branches
    held: frozenset[Value]  # those of them that are stored because a barrier says so

    @cached_property
    def dim_names(self) -> frozenset[str]:
        """Names that no loop or buffer takes. All of the graph: a kernel reads through views that no group holds."""
        return frozenset([symbol.name for symbol in graph_symbols(self.graph)])


def is_leaf(value: Value) -> bool:
    return isinstance(value.node.op.lower, Leaf)


def is_scalar_constant(value: Value) -> bool:
    return value.node.op.name == "constant" and not value.shape


@dataclass(frozen=True, slots=True)
class _Need:
    """What reading a base takes: the level it is available at, values to store, values to recompute."""

    level: int
    sources: tuple[Group, ...] = ()
    store: tuple[Value, ...] = ()
    again: tuple[Value, ...] = ()
    after: tuple[Group, ...] = ()


class _Fuser:
    def __init__(self, graph: Graph, onto: Set[Value]) -> None:
        self.graph = graph
        self.onto = onto
        self.groups: list[Group] = []
        self.home: dict[Value, Group] = {}
        self.stored: dict[Value, None] = {}
        self.chain: dict[Value, int] = {}
        self.results = set(graph.results)
        self.behind: dict[Value, dict[Group, None]] = {}  # of views: what the barriers on their way wait for
        self.held: set[Value] = set()
        self.parts: dict[Node, tuple[Part, ...]] = {}
        self.views = Views(lambda value: value in self.home)

    def run(self) -> Fusion:
        place: Mapping[type, Callable[[Node], None]] = {
            Leaf: lambda node: None,
            Elementwise: lambda node: self.place(node.output),
            Pointwise: self.view,
            Reduction: self.reduction,
            Product: self.contraction,
            Loops: self.loops,
            Repeated: lambda node: self.nest(node, node["carries"]),
            Conditional: lambda node: self.nest(node, node["carries"]),
            Branching: lambda node: self.nest(node, 1),
        }
        for node in self.graph.nodes:
            if node.outputs and node.outputs[0] in self.onto:
                self.loops(node)
                self.home[node.output].kind = "onto"
            else:
                place[type(node.op.lower)](node)
        for value in self.graph.results:
            self.store(value)
        return Fusion(
            self.graph, self.views, tuple(self.groups), self.home, self.stored, self.parts, frozenset(self.held)
        )

    # --- what each kind of op does

    def view(self, node: Node) -> None:
        value = node.output
        if node.op.name == "barrier":
            self.hold(node)
        elif waits := self.waits(node):
            self.behind[value] = waits
        if value in self.home or value in self.results and self.lands(value):  # a product is stored there
            return
        heavy = self.views.probe(node).operations > HEAVY_VIEW
        if heavy or not node.op.flags.pure or value in self.results or self.views.reads(value) is None:
            self.place(value)

    def hold(self, node: Node) -> None:
        """All that a barrier's operands are computed from is stored before what is behind it begins."""
        bases = [read.base for operand in node.inputs for read in self.bases(Read(operand, identity(operand), True))]
        for base in bases:
            if not is_leaf(base):
                self.store(base)
                self.held.add(base)
        waits = self.waits(node) | dict.fromkeys(self.home[base] for base in bases if base in self.home)
        self.behind[node.output] = waits

    def waits(self, node: Node) -> dict[Group, None]:
        """The groups that a node waits for besides those that it reads: its operands are read through barriers."""
        return {group: None for operand in node.inputs for group in self.behind.get(operand, ())}

    def lands(self, value: Value) -> bool:
        """Whether the group of a product stores a movement of what it computes."""
        source, *_ = (*value.node.inputs, value)
        group = self.home.get(source)
        if group is None or group.roles[source] != "full" or not group.landing or not lands(group.landing, value):
            return False
        self.enter(group, value, "moved", ())
        return True

    def place(self, value: Value) -> None:
        """Give a value computed element by element a home: the group of one of its bases, or a new one."""
        reads = [base for own in self.views.own_reads(value) for base in self.bases(own)]
        waits = self.behind.get(value) or self.waits(value.node)
        for group in self.candidates(reads):
            role = self.role(group, value)
            if role and self.joins(group, role, identity(value), reads, waits):
                self.enter(group, value, role, reads)
                return
        self.new_group("elementwise", value.shape, (), reads, [value], "full", waits)

    def reduction(self, node: Node) -> None:
        operand = node.inputs[0]
        axes: tuple[int, ...] = node["axes"] if "axes" in node.attributes else (node["axis"],)
        shape = operand.shape
        kind = "rows" if len(shape) - 1 in axes else "columns"
        reads = self.bases(Read(operand, identity(operand), True))
        waits = self.waits(node)
        for group in self.candidates(reads):
            same = group.kind == kind and group.shape == shape and group.reduced == axes
            if same and self.joins(group, "full", identity(operand), reads, waits):
                self.enter(group, node.output, "row", reads)
                return
            if group.kind == "elementwise" and group.shape == shape and self.becomes(group, kind, axes, node):
                if self.joins(group, "full", identity(operand), reads, waits):
                    group.kind, group.reduced = kind, axes
                    self.enter(group, node.output, "row", reads)
                    return
        self.new_group(kind, shape, axes, reads, [node.output], "row", waits)

    def contraction(self, node: Node) -> None:
        reads = []
        for operand in node.inputs:
            found = self.views.reads(operand)
            direct = found is not None and len(found) == 1 and found[0].plain and is_affine(found[0].index)
            base = found[0].base if direct and found is not None else operand
            self.store(base)
            reads.append(Read(base, (), True))
        chain = landing(self.graph, self.results, node)
        self.new_group("contraction", chain[-1].shape, (), reads, chain, "full", self.waits(node))
        self.home[node.output].landing = chain

    def loops(self, node: Node) -> None:
        for operand in node.inputs:
            self.store(operand)
        reads = [Read(operand, (), True) for operand in node.inputs]
        self.new_group("loops", node.outputs[0].shape, (), reads, list(node.outputs), "full", self.waits(node))
        self.stored.update(dict.fromkeys(node.outputs))

    def nest(self, node: Node, own: int) -> None:
        """Sub-graphs read operands where they are, contiguous parts of what is stored too; the first `own` of them,
        which begin results, have buffers of their own."""
        parts = [(operand, 0) for operand in node.inputs[:own]] + [self.part(operand) for operand in node.inputs[own:]]
        for base, _ in parts:
            self.store(base)
        reads = [Read(base, (), True) for base, _ in parts]
        self.new_group("loops", node.outputs[0].shape, (), reads, list(node.outputs), "full", self.waits(node))
        self.stored.update(dict.fromkeys(node.outputs))
        self.parts[node] = tuple(parts)

    def part(self, value: Value) -> Part:
        """A value whose elements lie side by side within another one, and the place of the first."""
        found = self.views.reads(value)
        if found is None or len(found) != 1 or not found[0].plain or is_scalar_constant(found[0].base):
            return value, 0
        base = found[0].base
        first = offset(found[0].index, base.shape) - offset(identity(value), value.shape)
        inside = {symbol.name for symbol in output_symbols(value)}
        moves = inside & {symbol.name for symbol in symbols(first)}
        small = base in self.stored or is_leaf(base) or product(base.shape) == product(value.shape)
        return (base, first) if not moves and small else (value, 0)

    # --- reads

    def bases(self, read: Read) -> list[Read]:
        """A read followed through views to bases; a view with too many is stored first."""
        found = self.views.reads(read.base)
        if found is None:
            self.store(read.base)
            return [read]
        if found and found[0].base is read.base:
            return [read]
        return self.views.follow(read)

    def need(self, base: Value) -> _Need:
        """What it takes to read `base` from another group: nothing, a cheap recomputation, or a buffer."""
        if is_leaf(base):
            return _Need(0)
        source = self.home[base]
        if base in self.stored:
            return _Need(source.level, (source,))
        found = recipe(base, RECOMPUTE, self.views, self.stored)
        if found is None:
            return _Need(source.level, (source,), store=(base,))
        sources = tuple([self.home[each] for each in found.sources])
        return _Need(max([each.level for each in sources], default=0), sources, again=found.again)

    def store(self, value: Value) -> None:
        """Give a value a buffer."""
        if is_leaf(value) and not is_scalar_constant(value) and value not in self.results:
            return
        if value not in self.home:
            self.place(value)
        self.stored[value] = None

    # --- groups

    def candidates(self, reads: Sequence[Read]) -> list[Group]:
        """Homes of the bases: those with a reduction or a dot first, because what they hold is costly to store.

        A number that is stored for a loop is none: its other readers write it down, and may depend on that loop.
        """
        found = dict.fromkeys(
            self.home[read.base] for read in reads if read.base in self.home and not is_scalar_constant(read.base)
        )
        open_groups = [group for group in found if len(group.members) < MAX_MEMBERS]
        return sorted(open_groups, key=lambda group: (group.kind == "elementwise", -group.level))

    def role(self, group: Group, value: Value) -> str | None:
        """How a value's shape fits a group's index space."""
        if group.kind in ("loops", "onto"):
            return None
        if value.shape == group.shape:
            return "full" if group.kind != "columns" or self.only_reduced(group, value) else None
        return "row" if group.reduced and value.shape == group.row_shape else None

    def only_reduced(self, group: Group, value: Value) -> bool:
        """Whether a full value of a columns group ends in reductions like the group's own, so that no column stores
        it."""
        for _ in range(MAX_CHAIN):
            users = self.graph.users[value]
            if value in self.results or not users:
                return False
            if all(
                isinstance(each.op.lower, Reduction) and each.attributes.get("axes") == group.reduced for each in users
            ):
                return True
            if len(users) != 1 or not isinstance(users[0].op.lower, Elementwise):
                return False
            value = users[0].output
        return False

    def becomes(self, group: Group, kind: str, axes: tuple[int, ...], node: Node) -> bool:
        """Whether elementwise work may turn into a reduction's group: rows enough to share, or nobody else wants it."""
        kept = product([extent for axis, extent in enumerate(group.shape) if axis not in axes])
        if kind == "rows" and (not is_short(kept, FEW_ROWS - 1) or is_short(product(group.shape), SMALL)):
            return True
        inside = {member.node for member in group.members} | {node}
        return all(
            member not in self.stored
            and member not in self.results
            and all(user in inside for user in self.graph.users[member])
            for member in group.members
        )

    def joins(
        self, group: Group, role: str, here: tuple[object, ...], reads: Sequence[Read], waits: Iterable[Group]
    ) -> bool:
        """Whether work at index `here` may run in the group; if so, what it needs from elsewhere is arranged."""
        needs = [_Need(each.level, (each,), after=(each,)) for each in waits]
        if any([need.level >= group.level and (group.is_read or group in need.sources) for need in needs]):
            return False
        for read in reads:
            if self.home.get(read.base) is group:
                if self.chain[read.base] >= MAX_CHAIN or not self.aligned(group, role, here, read):
                    return False
                continue
            needs.append(self.need(read.base))
            if needs[-1].level >= group.level and (group.is_read or group in needs[-1].sources):
                return False
        for need in needs:
            self.arrange(group, need)
            group.level = max(group.level, need.level + 1)  # nobody reads the group yet where this raises it
        return True

    def aligned(self, group: Group, role: str, here: tuple[object, ...], read: Read) -> bool:
        """Whether a value of the group is at hand where it is read: at the same index, or anywhere in the same row."""
        if group.roles[read.base] == "moved":
            return False
        kept = here if role == "row" else tuple([here[axis] for axis in group.kept])
        if group.roles[read.base] == "row":
            return read.index == kept
        if role == "full" and read.index == here:
            return True
        return group.kind == "rows" and tuple([read.index[axis] for axis in group.kept]) == kept

    def arrange(self, group: Group, need: _Need) -> None:
        self.stored.update(dict.fromkeys(need.store))
        group.again.update(need.again)
        group.after.update(dict.fromkeys(need.after))
        for source in need.sources:
            source.is_read = True

    def enter(self, group: Group, value: Value, role: str, reads: Sequence[Read]) -> None:
        group.members.append(value)
        group.roles[value] = role
        self.home[value] = group
        inside = [
            self.chain[read.base] for read in reads if self.home.get(read.base) is group and read.base is not value
        ]
        self.chain[value] = 1 + max(inside, default=0) if role == "full" else 1

    def new_group(
        self,
        kind: str,
        shape: Shape,
        reduced: tuple[int, ...],
        reads: Sequence[Read],
        values: Sequence[Value],
        role: str,
        waits: Iterable[Group],
    ) -> None:
        needs = [_Need(each.level, (each,), after=(each,)) for each in waits]
        needs += [self.need(read.base) for read in reads]
        group = Group(kind, shape, reduced, 1 + max([need.level for need in needs], default=0))
        for need in needs:
            self.arrange(group, need)
        self.groups.append(group)
        for value in values:
            self.enter(group, value, role, ())


def fuse(graph: Graph, onto: Set[Value] = frozenset()) -> Fusion:
    """Group the graph's values into kernels. Those in `onto` are written onto their first operand, by kernels of their
    own."""
    return _Fuser(graph, onto).run()

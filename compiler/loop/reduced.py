"""Groups with reductions: rows, whose stages share one pass over cached data, and columns, one per lane.
In: the body of such a group. Out: its loops. A row: for each reduction a loop over the row in the fixed tree of lanes,
then one vector loop for the full values that are stored. A column: reductions in order of the index, many columns side
by side.
"""

from __future__ import annotations

from collections.abc import Callable

from lazygraph.compiler.ir.dims import Extent, product
from lazygraph.compiler.ir.graph import Value
from lazygraph.compiler.loop.fuse import Fusion, Group
from lazygraph.compiler.loop.group_body import GroupBody, InPlace, buffer_name
from lazygraph.compiler.loop.ir import Index, Operand
from lazygraph.compiler.loop.recompute import COSTLY, cost
from lazygraph.compiler.loop.spaces import blocked, parallel, unflatten
from lazygraph.compiler.ops.lowering import Pointwise, Reduction
from lazygraph.runtime.dtypes import int64

COLUMNS = 64  # columns of one task


def _needed(body: GroupBody) -> list[Value]:
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


def _kept(body: GroupBody, stages: list[list[Value]]) -> list[Value]:
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


def _reduce(body: GroupBody, value: Value, order: str, extent: Extent, full: Callable[[Extent], Index]) -> Operand:
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


def _row_values(body: GroupBody, needed: list[Value], order: str, outer: Index) -> None:
    """Reduce, and compute what follows from reductions, in order; each value of a row ends in a scalar."""
    full = _full_index(body.group, outer)
    for value in needed:
        if body.group.roles[value] == "row":
            scalar = (
                _reduce(body, value, order, _width(body.group), full)
                if _is_reduction(value)
                else body.element(value, outer)
            )
            body.rows[value] = (outer, scalar)
            body.end_stage()


def _store_row_values(body: GroupBody, outer: Index) -> None:
    for value, buffer in body.writes.items():
        if body.group.roles[value] == "row":
            body.store(buffer, outer, body.rows[value][1])


def write_rows(body: GroupBody) -> InPlace:
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
    return body.in_place(outers[0], "row")


def write_columns(body: GroupBody) -> InPlace:
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
    return body.in_place(outers[0], "row")

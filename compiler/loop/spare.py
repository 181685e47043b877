"""Buffers that need not be: a value that its readers compute again cheaply, from what is stored anyway, is not stored.

In: a `Fusion`. Out: the same groups with fewer stored values. Fusion decides in graph order, so x/2 and x*x may be
stored before it is known that x has to be: a gradient of gelu would read eight arrays where five do. Here all that is
stored is known; values are looked at in graph order, so that what a value is computed from has been decided.
"""

from __future__ import annotations

from dataclasses import replace

from lazygraph.compiler.ir.graph import Value
from lazygraph.compiler.loop.fuse import Fusion, Group, is_leaf
from lazygraph.compiler.loop.recompute import RECOMPUTE, recipe
from lazygraph.compiler.ops.lowering import Elementwise


def spared(fusion: Fusion) -> Fusion:
    """The fusion without the buffers that cost more memory traffic than they save."""
    stored = dict(fusion.stored)
    loads: dict[Group, set[Value]] = {group: _loads(fusion, group) for group in fusion.groups}
    readers: dict[Value, list[Group]] = {value: [] for value in stored}
    for group, values in loads.items():
        for value in values:
            readers[value].append(group)
    keep = {
        *fusion.graph.results,
        *fusion.held,
        *(operand for group in fusion.groups for operand in _operands(fusion, group)),
    }
    for node in fusion.graph.nodes:
        value = node.outputs[0]
        if value not in stored or value in keep or not readers[value] or not isinstance(node.op.lower, Elementwise):
            continue
        sources = _sources(fusion, value, readers[value], stored)
        if sources is None or not _saves(value, sources, [loads[group] for group in readers[value]]):
            continue
        del stored[value]
        for group in readers[value]:
            loads[group] |= sources
            for source in sources:
                readers[source].append(group)
    return replace(fusion, stored=stored)


def _sources(fusion: Fusion, value: Value, readers: list[Group], stored: dict[Value, None]) -> set[Value] | None:
    """The stored values from which every reader can compute the value: at each element, from lower levels."""
    if any(group.shape != value.shape for group in readers):
        return None
    found = recipe(value, RECOMPUTE, fusion.views, stored)
    if found is None:
        return None
    highest = max([fusion.home[source].level for source in found.sources], default=0)
    return set(found.sources) if all(highest < group.level for group in readers) else None


def _saves(value: Value, sources: set[Value], loads: list[set[Value]]) -> bool:
    """Whether less is read anew than was written and read: bytes per element."""
    spent = sum(source.dtype.itemsize for own in loads for source in sources - own)
    return spent < value.dtype.itemsize * (1 + len(loads))


def _operands(fusion: Fusion, group: Group) -> list[Value]:
    """What a group reads from buffers in any case: the operands of a product, read many times, or of an op's loops."""
    if group.kind not in ("contraction", "loops", "onto"):
        return []
    first = group.members[0].node
    return [read.base for operand in first.inputs for read in fusion.views.reads(operand) or ()] + list(first.inputs)


def _loads(fusion: Fusion, group: Group) -> set[Value]:
    """The stored values of other groups that a group reads, also where it computes a value again."""
    found: set[Value] = set()
    pending = [operand for member in group.members for operand in member.node.inputs]
    seen = set(pending)
    while pending:
        operand = pending.pop()
        reads = fusion.views.reads(operand)
        for base in [operand] if reads is None else [read.base for read in reads]:
            if is_leaf(base) or fusion.home.get(base) is group:
                continue
            if base in fusion.stored and base not in group.again and fusion.home[base].level < group.level:
                found.add(base)
                continue
            pending += [each for each in base.node.inputs if each not in seen]
            seen.update(base.node.inputs)
    return found

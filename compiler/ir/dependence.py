"""Which values are computed from which.

In: values of a graph. Out: all that they are computed from; or the part of it that depends on some values, or on an
effect. The values that are asked about count to either.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from lazygraph.compiler.ir.effects import is_effect
from lazygraph.compiler.ir.graph import Value, topological


def reached(values: Sequence[Value]) -> set[Value]:
    """The values that these are computed from, themselves included."""
    return {*[each for node in topological(values) for each in node.outputs], *values}


def dependents(values: Sequence[Value], starts: Iterable[Value]) -> set[Value]:
    """The starts, and of what the values are computed from all that depends on one of them."""
    found = set(starts)
    for node in topological(values) if found else ():
        if any([operand in found for operand in node.inputs]):
            found.update(node.outputs)
    return found


def shown(values: Sequence[Value]) -> set[Value]:
    """Of what the values are computed from, what hangs on a print or a check: it is computed though nobody reads it."""
    return dependents(values, [each for node in topological(values) if is_effect(node) for each in node.outputs])

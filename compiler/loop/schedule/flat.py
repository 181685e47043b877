"""A contraction over four flat axes: one each for batch, m, n and k, its buffers indexed by row-major position.

In: a `Contraction` with any number of axes in each role. Out: the same contraction with exactly one axis in each role,
and what can be said of how an operand lies in memory. Neighbouring axes (a, b) of a role become one where every index
is linear in both with coefficients c_a = c_b * extent(b), as in row-major arrays; what is left is split again by
division: a = f // extent(b), b = f % extent(b). The order of k, and so every bit of the sums, stays as it was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from functools import lru_cache
from typing import Any

from lazygraph.compiler.ir import dims
from lazygraph.compiler.ir.dims import Extent, Symbol
from lazygraph.compiler.loop.cost import statements
from lazygraph.compiler.loop.ir import (
    Axis,
    Body,
    Buffer,
    Contraction,
    Element,
    Index,
    Literal,
    Load,
    Store,
    Var,
)
from lazygraph.compiler.loop.lanes import NARROW

LONGEST_RUN = 2048  # of what is packed as one: blocks of k hold whole runs

# Names of the flat axes; a leading dot keeps them apart from dims and loop variables.
ROLES = {"batch": ".batch", "m": ".m", "n": ".n", "k": ".k"}


@lru_cache(maxsize=256)
def flatten(contraction: Contraction) -> Contraction:
    """The contraction with one `Axis` per role (of extent 1 where there was none) and indices 0, ..., 0, position."""
    linear = _with_linear_indices(contraction)
    for role, name in ROLES.items():
        linear = _with_one_axis(linear, role, name)
    return linear


def axis(contraction: Contraction, role: str) -> Axis:
    """The one axis of a role of a flat contraction."""
    (only,) = getattr(contraction, role)
    assert isinstance(only, Axis)
    return only


# --- row-major positions ----------------------------------------------------------------------------------------------


def _with_linear_indices(contraction: Contraction) -> Contraction:
    shapes = {each.name: each.shape for each in contraction.buffers}

    def linearise(statement: Any) -> Any:
        if not isinstance(statement, Load | Store) or statement.buffer not in shapes:
            return statement
        shape = shapes[statement.buffer]
        position: Extent = 0
        for extent, index in zip(shape, statement.index, strict=True):
            position = dims.add(dims.multiply(position, extent), index)
        return replace(statement, index=flat_index(len(shape), position))

    return replace(
        contraction,
        a=Element(_map_body(contraction.a.body, linearise), contraction.a.value),
        b=Element(_map_body(contraction.b.body, linearise), contraction.b.value),
        epilogue=_map_body(contraction.epilogue, linearise),
    )


def flat_index(rank: int, position: Extent) -> Index:
    """The index of an element by its row-major position: all but the last index are 0."""
    return (*[0] * (rank - 1), position) if rank else ()


def position_of(index: Index) -> Extent:
    """The position in such an index."""
    return index[-1] if index else 0


def _map_body(body: Body, change: Any) -> Body:
    """Every statement of a nest changed, inner ones first."""
    return tuple([change(_map_parts(statement, change)) for statement in body])


def _map_parts(statement: Any, change: Any) -> Any:
    nested = {
        field.name: _map_body(getattr(statement, field.name), change)
        for field in fields(statement)
        if field.name in ("body", "head", "then", "otherwise")
    }
    return replace(statement, **nested) if nested else statement


# --- one axis per role ------------------------------------------------------------------------------------------------


def _with_one_axis(contraction: Contraction, role: str, name: str) -> Contraction:
    axes: list[Axis] = [each for each in getattr(contraction, role) if each.extent != 1]
    values: dict[Symbol, Extent] = {each.symbol: 0 for each in getattr(contraction, role) if each.extent == 1}
    indices = [dims.substitute(each, values) for each in _extents(contraction)]
    merged: list[Axis] = []
    for each in reversed(axes):  # innermost first, so that a run of mergeable axes becomes one
        if merged and all(_row_major(index, each.symbol, merged[0]) for index in indices):
            inner = merged[0]
            values[each.symbol] = 0
            indices = [dims.substitute(index, {each.symbol: 0}) for index in indices]
            merged[0] = Axis(inner.symbol, dims.multiply(each.extent, inner.extent))
        else:
            merged.insert(0, each)
    total = dims.product([each.extent for each in merged])
    flat = Symbol(name, 0, total - 1)
    below: Extent = total
    for position, each in enumerate(merged):
        below = dims.floordiv(below, each.extent)
        index = dims.floordiv(dims.of_symbol(flat), below)
        values[each.symbol] = index if position == 0 else dims.mod(index, each.extent)
    changed: dict[str, Any] = {role: (Axis(flat, total),)}
    return replace(substitute_axes(contraction, values), **changed)


def _row_major(index: Extent, outer: Symbol, inner: Axis) -> bool:
    slow, _ = dims.linear_in(index, outer)
    fast, _ = dims.linear_in(index, inner.symbol)
    return slow is not None and fast is not None and slow == dims.multiply(fast, inner.extent)


def _extents(part: Any) -> Iterator[Extent]:
    """Every index expression and inner extent that occurs in the bodies of a contraction."""
    if isinstance(part, Contraction):
        for body in (part.a.body, part.b.body, part.epilogue):
            yield from _extents(body)
    elif isinstance(part, tuple):
        for each in part:
            yield from _extents(each)
    elif isinstance(part, dims.Dim):
        yield part
    elif is_dataclass(part) and not isinstance(part, Symbol | Buffer | Var):
        for field in fields(part):
            yield from _extents(getattr(part, field.name))


def substitute_axes(contraction: Contraction, values: Mapping[Symbol, Extent]) -> Contraction:
    """The contraction with symbols of its axes replaced in all index expressions."""
    return replace(
        contraction,
        a=Element(substitute_body(contraction.a.body, values), contraction.a.value),
        b=Element(substitute_body(contraction.b.body, values), contraction.b.value),
        epilogue=substitute_body(contraction.epilogue, values),
    )


def substitute_body(body: Body, values: Mapping[Symbol, Extent]) -> Body:
    """A body with symbols replaced in all index expressions and extents."""
    replaced = _substitute(body, values)
    assert isinstance(replaced, tuple)
    return replaced


def _substitute(part: Any, values: Mapping[Symbol, Extent]) -> Any:
    if isinstance(part, dims.Dim):
        return dims.substitute(part, values)
    if isinstance(part, tuple):
        return tuple([_substitute(each, values) for each in part])
    if is_dataclass(part) and not isinstance(part, type | Symbol | Var | Literal):
        return replace(part, **{field.name: _substitute(getattr(part, field.name), values) for field in fields(part)})
    return part


# --- how an operand lies in memory ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Strided:
    """An operand that is one plain load: buffer[start + row * (m or n) + depth * k]; `start` depends on batch only."""

    buffer: str
    rank: int
    start: Extent
    row: Extent
    depth: Extent

    def place(self, row: Extent, depth: Extent) -> Index:
        """The index of the element at these m or n, and k."""
        return flat_index(self.rank, self.start + row * self.row + depth * self.depth)


def strided(contraction: Contraction, role: str) -> Strided | None:
    """How operand a (role "m") or b (role "n") of a flat contraction lies in memory, if it can be read in place."""
    element = contraction.a if role == "m" else contraction.b
    if len(element.body) != 1 or not isinstance(element.body[0], Load):
        return None
    load = element.body[0]
    if load.guard is not None or load.var != element.value or load.var.dtype != contraction.acc.dtype:
        return None
    row, rest = dims.linear_in(position_of(load.index), axis(contraction, role).symbol)
    if row is None:
        return None
    depth, start = dims.linear_in(rest, axis(contraction, "k").symbol)
    if depth is None or any(axis(contraction, "k").symbol in dims.symbols(each) for each in (row, start)):
        return None
    return Strided(load.buffer, len(load.index), start, row, depth)


def unit_stride(body: Body, stride: Callable[[Extent], Extent | None]) -> bool:
    """Whether every load stays or moves by one element, and some do, as `stride` says of a position: vectors of it are
    loaded whole."""
    strides = [stride(position_of(each.index)) for each in _loads(body)]
    return all(each in (0, 1) for each in strides) and 1 in strides


def run(contraction: Contraction, role: str) -> int:
    """The greatest number of neighbours along k, of which k has a multiple, that lie side by side in an operand of a
    flat contraction: the pixels of an image, say, or of a row. 1 where they are fewer than a vector's lanes."""
    element, k = contraction.a if role == "m" else contraction.b, axis(contraction, "k")
    for size in sorted(_divisors(element.body, k.symbol), reverse=True):
        if not NARROW <= size <= LONGEST_RUN or not dims.divides(size, k.extent):
            continue
        outer, inner = Symbol(".outer", 0, dims.floordiv(k.extent, size) - 1), Symbol(".inner", 0, size - 1)
        split = {k.symbol: dims.of_symbol(outer) * size + dims.of_symbol(inner)}
        if unit_stride(element.body, lambda at: dims.linear_in(dims.substitute(at, split), inner)[0]):  # noqa: B023
            return size
    return 1


def _divisors(body: Body, symbol: Symbol) -> set[int]:
    """The numbers by which the symbol is divided in the positions of loads."""
    found: set[int] = set()
    pending = [position_of(each.index) for each in _loads(body)]
    while pending:
        extent = pending.pop()
        for atom in [each for atoms, _ in extent.terms for each in atoms] if isinstance(extent, dims.Dim) else []:
            if isinstance(atom, dims.Compound):
                pending += [atom.left, atom.right]
                if dims.as_symbol(atom.left) == symbol and isinstance(atom.right, int):
                    found.add(atom.right)
    return found


def _loads(body: Body) -> list[Load]:
    return [each for each in statements(body) if isinstance(each, Load)]

"""What an index expression is across the lanes of a vector loop.

In: an expression over a loop's symbol, which is base + lane with base a multiple of the lanes. Out: the expression over
both, simplified: where it is c * lane + rest, the access is contiguous (c = 1), repeated (c = 0) or strided, also
through floordiv and mod by what the lanes do not cross.
"""

from __future__ import annotations

from functools import lru_cache
from math import gcd

from lazygraph.compiler.ir import dims
from lazygraph.compiler.ir.dims import Atom, Dim, Extent, Symbol

NARROW = 16  # lanes of one copy of a long body, and of tails: no vector loop runs fewer


def first_lane(symbol: Symbol, count: int) -> Symbol:
    """The symbol of lane 0: a multiple of the lanes, or of the power of two in them (a static tail may have 48)."""
    return Symbol(f"{symbol.name} of lane 0", symbol.lower, symbol.upper, count & -count)


def lane_of(symbol: Symbol, count: int) -> Symbol:
    return Symbol(f"lane of {symbol.name}", 0, count - 1)


def stride_across(extent: Extent, symbol: Symbol, count: int) -> Extent | None:
    """By how much the expression moves from lane to lane of `count`; None where not by the same everywhere."""
    lane = lane_of(symbol, count)
    if isinstance(extent, int):
        return 0
    return dims.linear_in(split(extent, symbol.name, first_lane(symbol, count), lane), lane)[0]


@lru_cache(maxsize=1024)
def split(extent: Extent, symbol: str, first: Symbol, lane: Symbol) -> Extent:
    """The expression over the lane and the symbol of lane 0 in place of a symbol."""
    if all(each.name != symbol for each in dims.symbols(extent)):
        return extent
    return _split(extent, symbol, dims.of_symbol(first) + dims.of_symbol(lane), lane)


def _split(extent: Extent, symbol: str, value: Extent, lane: Symbol) -> Extent:
    if not isinstance(extent, Dim):
        return extent
    total: Extent = 0
    for atoms, coefficient in extent.terms:
        term: Extent = coefficient
        for atom in atoms:
            term = term * _split_atom(atom, symbol, value, lane)
        total = total + term
    return total


def _split_atom(atom: Atom, symbol: str, value: Extent, lane: Symbol) -> Extent:
    if isinstance(atom, Symbol):
        return value if atom.name == symbol else dims.of_symbol(atom)
    left, right = _split(atom.left, symbol, value, lane), _split(atom.right, symbol, value, lane)
    if atom.kind in ("floordiv", "mod") and isinstance(right, int) and isinstance(left, Dim):
        # (a + b) // m = a // m and (a + b) % m = a % m + b where some d divides a and m, and 0 <= b < d
        inner = Dim(tuple([term for term in left.terms if lane in term[0]]))
        outer = left - inner
        common = gcd(right, *([_factor(term) for term in outer.terms] if isinstance(outer, Dim) else [outer]))
        if dims.prove_nonnegative(inner) and dims.prove_nonnegative(common - 1 - inner):
            return outer // right if atom.kind == "floordiv" else outer % right + inner
    return dims.COMPOUND[atom.kind](left, right)


def _factor(term: tuple[tuple[Atom, ...], int]) -> int:
    """A number that divides every value of the term."""
    atoms, factor = term
    for atom in atoms:
        factor *= atom.multiple_of if isinstance(atom, Symbol) else 1
    return factor

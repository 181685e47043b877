"""Index expressions as i64 arithmetic, and what they are across the lanes of a vector.

In: extents over dims, loop symbols and integer scalars. Out: registers. Sums and products are written innermost last,
so that each partial result lands in the outermost region that knows it. In a vector loop, symbol j of the lanes
starting at base is base + lane with base a multiple of the lanes: an offset that is then c * lane + rest is a
contiguous (c = 1), repeated (c = 0) or strided access, also through floordiv and mod by multiples of the lanes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from lazygraph.compiler.codegen.llvm import text
from lazygraph.compiler.codegen.llvm.placement import Register
from lazygraph.compiler.codegen.llvm.scalar import LlvmScalars, nearest
from lazygraph.compiler.ir import dims
from lazygraph.compiler.ir.dims import Atom, Compound, Dim, Extent, Symbol
from lazygraph.compiler.loop.lanes import first_lane, lane_of, split
from lazygraph.runtime.dtypes import int32, int64


@dataclass(frozen=True, slots=True)
class Lanes:
    """The vector loop being written: `symbol` = `base` + `lane`; lanes where `mask` is false do nothing."""

    symbol: Symbol
    count: int
    base: Register
    mask: Register | None

    @property
    def first(self) -> Symbol:
        """The symbol of lane 0: a multiple of the lanes, or of the power of two in them (a static tail may have 48)."""
        return first_lane(self.symbol, self.count)

    @property
    def lane(self) -> Symbol:
        return lane_of(self.symbol, self.count)

    def split(self, extent: Extent) -> Extent:
        """The expression over `first` and `lane` in place of the symbol."""
        if isinstance(extent, int):
            return extent
        return split(extent, self.symbol.name, self.first, self.lane)


@dataclass(frozen=True, slots=True)
class _Apart:
    """outer + lanes: an expression that is equal in all lanes, and 0 .. most in each."""

    outer: Extent
    lanes: Register
    most: int


class Indices:
    """Writes index expressions. `known` maps names of symbols to registers (dims, loop symbols, integer scalars)."""

    def __init__(self, scalars: LlvmScalars, known: Mapping[str, Register]) -> None:
        self._scalars = scalars
        self._known = known
        self.lanes: Lanes | None = None

    def constant(self, value: int) -> Register:
        return nearest(value, int64)

    def write(self, extent: Extent) -> Register:
        """The value as an int64; with lanes where it differs between them."""
        self._scalars.hint = "at"
        return self._sum(self.lanes.split(extent) if self.lanes is not None else extent)

    def differs(self, extent: Extent) -> bool:
        """Whether a scalar in the expression has a value of its own in each lane (an indirect index)."""
        return any(self._known[each.name].lanes for each in dims.symbols(extent) if each.name in self._known)

    def parts(self, extent: Extent) -> tuple[Register | None, Register | None, Register | None]:
        """A split expression as three summands (None: 0): known outside, added here, different in each lane."""
        self._scalars.hint = "at"
        terms: tuple[tuple[tuple[Atom, ...], int], ...] = (
            extent.terms if isinstance(extent, Dim) else (((), extent),) if extent else ()
        )
        found = [self._product(atoms, coefficient) for atoms, coefficient in terms]
        here = max((each.level for each in found if not each.lanes), default=0)
        outer = [each for each in found if not each.lanes and each.level < here]
        inner = [each for each in found if not each.lanes and each.level == here]
        lanes = self._total([each for each in found if each.lanes])
        if lanes is not None:
            low, high = dims.bounds(Dim(tuple([term for term, each in zip(terms, found) if each.lanes])))
            if low is not None and high is not None and -(1 << 31) <= low and high < 1 << 31:
                lanes = self._scalars.convert(lanes, int32)  # gathers take twice as many narrow indices at once
        return self._total(outer), self._total(inner), lanes

    def _sum(self, extent: Extent) -> Register:
        if isinstance(extent, int):
            return self.constant(extent)
        total = self._total([self._product(atoms, coefficient) for atoms, coefficient in extent.terms])
        assert total is not None  # a Dim has terms
        return total

    def _total(self, parts: list[Register]) -> Register | None:
        if not parts:
            return None
        total, *rest = sorted(parts, key=_outermost)
        for part in rest:
            total = self._scalars.add(total, part)
        return total

    def _product(self, atoms: tuple[Atom, ...], coefficient: int) -> Register:
        if not atoms:
            return self.constant(coefficient)
        factors = sorted([self._atom(atom) for atom in atoms], key=_outermost)
        total = factors[0]
        if coefficient != 1:
            total = self._scalars.mul(total, self.constant(coefficient))
        for factor in factors[1:]:
            total = self._scalars.mul(total, factor)
        return total

    def _atom(self, atom: Atom) -> Register:
        if isinstance(atom, Compound):
            return self._compound(atom)
        if self.lanes is not None:
            if atom == self.lanes.first:
                return self.lanes.base
            if atom == self.lanes.lane:
                count = self.lanes.count
                return Register(text.lanes_of("i64", range(count)), int64, count, 0)
        if atom.name not in self._known:
            raise KeyError(f"index symbol {atom.name!r} is not a dim, an enclosing loop or a scalar before it")
        return self._scalars.convert(self._known[atom.name], int64)

    def _compound(self, atom: Compound) -> Register:
        b = self._scalars
        found = self._divide_across(atom)
        if found is not None:
            return found
        left, right = self._sum(atom.left), self._sum(atom.right)
        if atom.kind in ("min", "max"):
            below = b.less(left, right)
            return b.select(below, *((left, right) if atom.kind == "min" else (right, left)))
        return self._divide(atom, left, right)

    def _divide_across(self, atom: Compound) -> Register | None:
        """(a + lanes) // m or its remainder with a and m equal in all lanes, by scalar division; also of such a
        quotient."""
        divisor = atom.right
        if atom.kind not in ("floordiv", "mod") or isinstance(divisor, int) and divisor & divisor - 1 == 0:
            return None
        divided = self._divided(atom)
        if divided is None:
            return None
        quotient, rest = divided
        return rest() if atom.kind == "mod" else self._scalars.add(self._sum(quotient.outer), quotient.lanes)

    def _apart(self, extent: Extent) -> _Apart | None:
        """The expression as a part that is equal in all lanes and a small one that is not."""
        lanes = self.lanes
        if lanes is None or not isinstance(extent, Dim):
            return None
        moving = [term for term in extent.terms if lanes.lane in dims.symbols(Dim((term,)))]
        outer = extent - Dim(tuple(moving))
        if not moving or self.differs(outer):
            return None
        if all(lanes.lane in atoms for atoms, _ in moving):
            inner = Dim(tuple(moving))
            low, high = dims.bounds(inner)
            if low != 0 or high is None or any(isinstance(atom, Compound) for atoms, _ in moving for atom in atoms):
                return None
            return _Apart(outer, self._sum(inner), high)
        ((atoms, coefficient), *others) = moving
        atom = atoms[0]
        if others or coefficient != 1 or len(atoms) != 1 or not isinstance(atom, Compound) or atom.kind != "floordiv":
            return None
        divided = self._divided(atom)
        return None if divided is None else _Apart(outer + divided[0].outer, divided[0].lanes, divided[0].most)

    def _divided(self, atom: Compound) -> tuple[_Apart, Callable[[], Register]] | None:
        """The quotient of a + lanes by m, in parts, and its remainder.

        t = a % m + lanes is below m + l for the greatest lane part l: where l < m it holds m once or not at all, else
        t // m = t * ceil(2**32 / m) // 2**32, exact for t * m < 2**32. A divisor of 0 gives quotient 0 either way.
        """
        divisor, b = atom.right, self._scalars
        if self.lanes is None or self.lanes.lane in dims.symbols(divisor) or self.differs(divisor):
            return None
        parts = self._apart(atom.left)
        if parts is None or parts.most >= 1 << 15:
            return None
        if isinstance(divisor, int) and (divisor < 1 or 1 << 15 <= divisor <= parts.most):
            return None
        each = b.add(self._sum(dims.mod(parts.outer, divisor)), parts.lanes)
        outer, size, most = dims.floordiv(parts.outer, divisor), self._sum(divisor), parts.most

        def once() -> Register:
            return b.select(b.less_equal(size, each), self.constant(1), self.constant(0))

        def often() -> Register:
            reciprocal = self._sum(dims.floordiv((1 << 32) - 1 + divisor, divisor))
            return b.shift_right(b.mul(each, reciprocal), self.constant(32))

        if isinstance(divisor, int):
            more, most = (once(), 1) if most < divisor else (often(), (divisor - 1 + most) // divisor)
        else:
            more = b.select(b.less_equal(size, self.constant(most)), often(), once())
        return _Apart(outer, more, most), lambda: b.sub(each, b.mul(more, size))

    def _divide(self, atom: Compound, left: Register, right: Register) -> Register:
        """Floor division and its remainder; a divisor of 0 gives quotient 0 and remainder `left`."""
        b, zero = self._scalars, self.constant(0)
        divisor = atom.right
        floordiv = atom.kind == "floordiv"
        if isinstance(divisor, int) and divisor & divisor - 1 == 0:
            if floordiv:
                return b.shift_right(left, self.constant(divisor.bit_length() - 1))
            return b.and_(left, self.constant(divisor - 1))
        positive = isinstance(divisor, int) or dims.prove_nonnegative(divisor - 1)
        safe = right if positive else b.select(b.equal(right, zero), self.constant(1), right)
        if dims.prove_nonnegative(atom.left):
            quotient = b.write("udiv {t} {0}, {1}", int64, left, safe)
        else:
            toward_zero = b.write("sdiv {t} {0}, {1}", int64, left, safe)
            rest = b.sub(left, b.mul(toward_zero, safe))
            quotient = b.select(b.less(rest, zero), b.sub(toward_zero, self.constant(1)), toward_zero)
        if not positive:
            quotient = b.select(b.equal(right, zero), zero, quotient)
        return quotient if floordiv else b.sub(left, b.mul(quotient, right))


def _outermost(register: Register) -> tuple[bool, int, bool]:
    """The order in which operands combine: scalars first, outer levels first, constants last of their level."""
    return bool(register.lanes), register.level, register.constant
